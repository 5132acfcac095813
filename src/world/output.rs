//! Standard output and standard error: our own buffer, which keeps every print whole.

use super::failure::{describe, io};
use super::local::leave;
use super::wait::Attend;
use crate::vm::fault::Fault;
use crate::vm::machine::interrupted;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::isatty;
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};

/// So much may be gathered before it is written.
const MOST_GATHERED: usize = 64 << 10;

/// The status of a program whose standard output was closed by its reader: that of a death by SIGPIPE.
pub const CLOSED_STATUS: u8 = 141;

thread_local! {
    static LOCK: Cell<fn(bool)> = const { Cell::new(|_| ()) };
}

/// Sets what takes (`true`) and gives back (`false`) the lock that the writing processes of a run share.
pub fn set_output_lock(lock: fn(bool)) {
    LOCK.set(lock);
}

/// Writes while no other process of the run does: one `write` of the system is whole on a pipe only up to 4 KiB.
pub fn with_output_lock<R>(write: impl FnOnce() -> R) -> R {
    let lock = LOCK.get();
    lock(true);
    let result = write();
    lock(false);
    result
}

/// Text on its way to a descriptor that other processes write to as well.
pub struct Output<F> {
    descriptor: F,
    name: &'static str,
    /// Every print is written at once.
    live: bool,
    /// Nobody reads any more: what comes is dropped.
    closed: bool,
    pending: Vec<u8>,
    /// How much of `pending` ends with a whole line.
    whole: usize,
    attend: Attend,
}

impl<F: AsFd> Output<F> {
    /// An output that gathers lines, unless the descriptor is a terminal.
    pub fn new(descriptor: F, name: &'static str, attend: Attend) -> Output<F> {
        let live = isatty(&descriptor).unwrap_or(false);
        Output { descriptor, name, live, closed: false, pending: Vec::new(), whole: 0, attend }
    }

    /// The same, but every print is written at once.
    pub fn live(self) -> Output<F> {
        Output { live: true, ..self }
    }

    /// Takes the text of one print.
    pub fn print(&mut self, text: String) -> Result<(), Fault> {
        if self.closed {
            return Ok(());
        }
        if self.pending.is_empty() {
            self.pending = text.into_bytes();
        } else {
            self.pending.extend_from_slice(text.as_bytes());
        }
        if self.pending.last() == Some(&b'\n') {
            self.whole = self.pending.len();
        }
        if self.live {
            self.flush()
        } else if self.pending.len() >= MOST_GATHERED {
            self.write(if self.whole > 0 { self.whole } else { self.pending.len() })
        } else {
            Ok(())
        }
    }

    /// Writes all that was gathered.
    pub fn flush(&mut self) -> Result<(), Fault> {
        if self.pending.is_empty() { Ok(()) } else { self.write(self.pending.len()) }
    }

    /// Writes so many gathered bytes. What an interrupt left over is kept; what failed is dropped, so that one
    /// failure is told once.
    fn write(&mut self, count: usize) -> Result<(), Fault> {
        let mut done = 0;
        let result = loop {
            let fd = self.descriptor.as_fd();
            match with_output_lock(|| write_some(fd, &self.pending[..count], &mut done)) {
                Err(Errno::EINTR) => {
                    if let Err(fault) = (self.attend)() {
                        self.drop_first(done);
                        return Err(fault);
                    }
                }
                result => break result,
            }
        };
        match result {
            Ok(()) => {
                self.drop_first(count);
                Ok(())
            }
            Err(errno) => {
                self.pending = Vec::new();
                self.whole = 0;
                self.closed = errno == Errno::EPIPE;
                if self.closed {
                    return Err(leave(CLOSED_STATUS));
                }
                Err(io(format!("cannot write to {}: {}", self.name, describe(errno))))
            }
        }
    }

    fn drop_first(&mut self, count: usize) {
        if count < self.pending.len() {
            self.pending.drain(..count);
        } else if self.pending.capacity() > 2 * MOST_GATHERED {
            self.pending = Vec::new();
        } else {
            self.pending.clear();
        }
        self.whole = self.whole.saturating_sub(count);
    }

    /// Drops what was gathered: in a forked child it is the parent's.
    pub fn forget(&mut self) {
        self.drop_first(self.pending.len());
    }

    /// Whether nobody reads it any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// Writes on from `done`. A signal that the machine must see ends it with `EINTR`, also when a part was written.
fn write_some(fd: BorrowedFd, bytes: &[u8], done: &mut usize) -> nix::Result<()> {
    while *done < bytes.len() {
        match nix::unistd::write(fd, &bytes[*done..]) {
            Ok(count) => *done += count,
            Err(Errno::EINTR) => {}
            // Another program made the pipe or terminal so that it does not wait.
            Err(Errno::EAGAIN) => drop(poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], PollTimeout::NONE)),
            Err(errno) => return Err(errno),
        }
        if *done < bytes.len() && interrupted() {
            return Err(Errno::EINTR);
        }
    }
    Ok(())
}
