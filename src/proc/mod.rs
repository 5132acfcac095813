//! Processes: fork, join, and how a process ends.

use crate::source::Place;
use crate::vm::fault::{Fault, Kind};
use crate::vm::machine::Machine;
use crate::vm::op::Op;
use crate::vm::value::{ErrorValue, HandleKey, HandleKind, Value};
use crate::world::{Local, Performed, World, describe_file};

/// How a handle prints.
pub fn describe(key: HandleKey) -> String {
    match key.kind {
        HandleKind::File => describe_file(key),
        kind => format!("<{} {}>", kind.type_of().name(), key.id),
    }
}

/// Ends this process with a status.
pub fn leave(status: u8) -> ! {
    std::process::exit(i32::from(status))
}

/// Writes an error that nobody caught as the user shall see it.
pub type Report = Box<dyn Fn(&ErrorValue) -> Vec<u8>>;

/// The real world: files, output, processes.
pub struct Real {
    local: Local,
    report: Report,
}

impl Real {
    /// The world of the first process of a run.
    pub fn new(args: Vec<String>, report: Report) -> Real {
        crate::vm::value::on_handle(|key, alive| {
            if key.kind == HandleKind::File {
                crate::world::on_file_handle(key, alive)
            }
        });
        Real { local: Local::new(args, || Ok(())), report }
    }

    /// Ends the process: gives its exit status.
    pub fn finish(&mut self, result: Result<Value, Fault>) -> u8 {
        let mut status = 0;
        let mut end = |world: &mut Real, fault: Fault| match fault.0.exit {
            Some(code) => status = code,
            None => {
                let _ = world.local.flush();
                let text = (world.report)(&fault.0);
                world.local.say(String::from_utf8_lossy(&text).into_owned());
                status = 1;
            }
        };
        if let Err(fault) = result {
            end(self, fault);
        }
        if let Err(fault) = self.local.flush() {
            end(self, fault);
        }
        status
    }
}

impl World for Real {
    fn perform(&mut self, op: Op, _place: Place, _machine: &mut Machine) -> Performed {
        match self.local.perform(op) {
            Ok(answer) => Performed::Answer(answer),
            Err(_) => Performed::Answer(Err(Fault::new(Kind::Limit, "this is not built yet"))),
        }
    }
}
