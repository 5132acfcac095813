//! Waiting for a descriptor or a time, in a way that a signal always ends.

use super::failure::{describe, io};
use crate::vm::fault::Fault;
use crate::vm::machine::interrupted;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::time::TimeSpec;
use std::cell::Cell;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// After so long a wait is one in which a process can do something for itself.
const A_WHILE: Duration = Duration::from_millis(10);

thread_local! {
    static IDLE: Cell<fn()> = const { Cell::new(|| ()) };
}

/// Sets what a process does that has waited for a while, and goes on waiting.
pub fn set_idle(idle: fn()) {
    IDLE.set(idle);
}

/// Acts on the signals that came, and says with an error that what was being done must end.
pub type Attend = fn() -> Result<(), Fault>;

/// Waits until the descriptor can be read or written, or until the time; gives whether it was the descriptor.
pub fn wait(
    descriptor: Option<(BorrowedFd, PollFlags)>,
    until: Option<Instant>,
    attend: impl FnMut() -> Result<(), Fault>,
) -> Result<bool, Fault> {
    match descriptor {
        Some((descriptor, flags)) => wait_any(&mut [PollFd::new(descriptor, flags)], until, attend),
        None => wait_any(&mut [], until, attend),
    }
}

/// The same for any of several descriptors.
/// Signals are let in only while it sleeps, so none can come just before the sleep and be overlooked.
pub fn wait_any(
    descriptors: &mut [PollFd],
    until: Option<Instant>,
    mut attend: impl FnMut() -> Result<(), Fault>,
) -> Result<bool, Fault> {
    let mut idle = Some(Instant::now() + A_WHILE);
    loop {
        let end = [until, idle].into_iter().flatten().min();
        let ready = match SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK) {
            Ok(mask) => {
                let timeout = |until: Instant| TimeSpec::from_duration(until.saturating_duration_since(Instant::now()));
                let mut sleep = |mask| ppoll(descriptors, end.map(timeout), Some(mask));
                let ready = if interrupted() { Err(Errno::EINTR) } else { sleep(mask) };
                // The mask is one that was in force before, which cannot be refused.
                let _ = mask.thread_set_mask();
                ready
            }
            Err(errno) => Err(errno),
        };
        match ready {
            Ok(0) if until.is_some_and(|until| Instant::now() >= until) => return Ok(false),
            Ok(0) => {
                idle = None;
                IDLE.get()();
            }
            Ok(_) => return Ok(true),
            Err(Errno::EINTR) => attend()?,
            Err(errno) => return Err(io(format!("cannot wait: {}", describe(errno)))),
        }
    }
}
