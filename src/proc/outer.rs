//! What functions take with them to another process: the outer names that they mention, where those hold objects or may
//! be unknown there. So a function means the same wherever it is called, and who gets one can reach what it reaches.

use super::handles;
use crate::vm::machine::Machine;
use crate::vm::value::{self, Value, on_code};

scoped_tls::scoped_thread_local!(static MACHINE: Machine);

/// To be called at the start of the program.
pub fn begin() {
    on_code(taken_along);
}

/// Runs something that may give values to other processes: functions in them find their outer names in the machine.
pub fn from<R>(machine: &Machine, give: impl FnOnce() -> R) -> R {
    MACHINE.set(machine, give)
}

/// The outer names that functions with these codes take with them now, and their values.
pub fn taken_along(codes: &[u32]) -> Vec<(u32, Value)> {
    if !MACHINE.is_set() {
        return Vec::new();
    }
    let mut names = MACHINE.with(|machine| machine.taken_along(codes));
    // An end of a pipe that has moved on stays where it is.
    names.retain(|(_, value)| {
        let mut here = true;
        value::handles(value, &mut |key| here &= handles::how_moved(key).is_none());
        here
    });
    names
}
