//! What a machine can do to the outside: the [`World`] trait, and the parts of the real world that need no other process.

mod clock;
mod failure;
mod files;
mod glob;
mod input;
mod lines;
mod local;
mod output;
mod random;
#[cfg(test)]
mod testing;
mod wait;

pub use clock::after;
pub use failure::{describe, io};
pub use files::{describe_file, on_file_handle};
pub use lines::AtEnd;
pub use local::{Local, is_stdin, leave};
pub use output::{Keep, Output, last_words, say, set_output_lock, unwritten, with_output_lock, write_out};
pub use wait::{Attend, set_idle, wait, wait_any};

use crate::source::Place;
use crate::vm::fault::Fault;
use crate::vm::machine::{Machine, Step};
use crate::vm::op::Op;
use crate::vm::value::Value;

/// What came of an [`Op`].
pub enum Performed {
    /// The machine goes on with this.
    Answer(Result<Value, Fault>),
    /// The process was forked and this is the child, whose machine was given another call.
    Restarted,
}

/// Performs what a machine asks.
pub trait World {
    /// Performs one request, which stands at this place of the script.
    fn perform(&mut self, op: Op, place: Place, machine: &mut Machine) -> Performed;
}

/// Runs the call that the machine was given, to its result or the error that nobody caught.
pub fn drive(machine: &mut Machine, world: &mut dyn World) -> Result<Value, Fault> {
    // A machine that asked nothing takes no answer: this starts it.
    let mut answer = Ok(Value::Null);
    loop {
        match machine.resume(answer) {
            Step::Done(value) => return Ok(value),
            Step::Failed(fault) => return Err(fault),
            Step::Ask(op, place) => {
                if !matches!(op, Op::Interrupted) {
                    machine.give_up_free();
                }
                answer = match world.perform(op, place, machine) {
                    Performed::Answer(answer) => answer,
                    Performed::Restarted => Ok(Value::Null),
                }
            }
        }
    }
}
