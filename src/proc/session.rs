//! What an interactive session needs of the real world: it goes on after Ctrl-C, and waits for entries.

use super::{Real, attend, signals};
use crate::vm::fault::Fault;
use crate::world;
use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use std::os::fd::BorrowedFd;

impl Real {
    /// Whether this process was spawned. It must not go on with the session, but finish.
    pub fn is_child(&self) -> bool {
        self.is_child
    }

    /// Writes what was printed so far.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.local.flush()
    }

    /// Waits until something can be read; an error when a signal came that asks this process to end.
    pub fn wait_for(&mut self, descriptor: BorrowedFd) -> Result<(), Fault> {
        self.local.flush()?;
        world::wait(Some((descriptor, PollFlags::POLLIN)), None, attend).map(drop)
    }

    /// Forgets that Ctrl-C was pressed; gives whether it was.
    pub fn take_interrupt(&mut self) -> bool {
        let pressed = signals::ending() == Some(Signal::SIGINT as i32);
        if pressed {
            signals::forget_ending();
        }
        pressed
    }
}
