//! "Did you mean …?": the known name that is most like an unknown one.

/// The candidate most like the name, if one is like enough: of several the first. A third of the letters may differ.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are not looked at: the time would grow with the square of the length.
    const LONGEST: usize = 100;
    let len = name.chars().take(LONGEST + 1).count();
    if len == 0 || len > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other = candidate.chars().take(LONGEST + 1).count();
        let allowed = (len.max(other) / 3).max(1);
        if candidate == name || other > LONGEST || len.abs_diff(other) > allowed {
            continue;
        }
        let distance = if candidate.to_lowercase() == lower { 0 } else { strsim::osa_distance(name, candidate) };
        // One letter for another one says nothing.
        let like = distance <= allowed && distance < len.max(other);
        if like && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    /// Slips of the finger are found, other words are not.
    #[test]
    fn finds_what_was_meant() {
        let names = ["print", "len", "length", "sorted", "x", "Value"];
        let find = |name| nearest(name, names.into_iter());
        assert_eq!(find("pritn"), Some("print"));
        assert_eq!(find("prnt"), Some("print"));
        assert_eq!(find("lenght"), Some("length"));
        assert_eq!(find("lne"), Some("len"));
        assert_eq!(find("value"), Some("Value"));
        assert_eq!(find("y"), None);
        assert_eq!(find("banana"), None);
        assert_eq!(find(""), None);
    }
}
