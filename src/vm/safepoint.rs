//! Safepoints: places inside an instruction that may take long, where the world acts on signals as it does between two
//! instructions.

use super::fault::Fault;
use super::machine::interrupted;
use std::cell::Cell;

/// Acts on the signals that came; an error when what runs must end.
pub type Attend = fn() -> Result<(), Fault>;

thread_local! {
    static ATTEND: Cell<Attend> = const { Cell::new(|| Ok(())) };
}

/// Sets what is done at a safepoint when an interrupt waits.
pub fn on_interrupt(attend: Attend) {
    ATTEND.set(attend);
}

/// To be called between two steps of what may take long.
pub fn poll() -> Result<(), Fault> {
    if interrupted() { ATTEND.get()() } else { Ok(()) }
}
