//! Names of the language that have no implementation yet: using one says so.

/// Functions and modules.
const NAMES: &[&str] = &["any_of", "batch", "completed", "first", "fs", "supervise"];

/// Methods of everything that can be looped over.
const METHODS: &[&str] = &["pfilter", "pmap", "preduce"];

/// Whether the language has this function or module, but not here yet.
pub fn is_planned(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Whether the language has this method, but not here yet.
pub fn is_planned_method(name: &str) -> bool {
    METHODS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library;

    /// What has been built is not planned any more.
    #[test]
    fn planned_names_are_not_there() {
        for name in NAMES.iter().copied() {
            assert!(library::function(name).is_none() && library::module(name).is_none(), "{name} is built");
        }
    }
}
