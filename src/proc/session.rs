//! What an interactive session needs of the real world: entries that Ctrl-C stops, with what they spawned.

use super::{Real, SESSION, act_on_signals, at_once, children, scopes, signals};
use crate::vm::fault::Fault;
use crate::world;
use nix::poll::PollFlags;
use std::os::fd::BorrowedFd;

impl Real {
    /// In a session Ctrl-C stops the evaluation, not the process.
    pub fn begin_session(&mut self) {
        SESSION.set(true);
        signals::wait_for_ever();
    }

    /// Whether this process was spawned, so that it ends with its call.
    pub fn is_child(&self) -> bool {
        self.spawned_at.is_some()
    }

    /// Writes all that was gathered.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.local.flush()
    }

    /// Waits until something can be read; an error when a signal came. Where the user may be typing, nothing is told of
    /// children.
    pub fn wait_for(&mut self, descriptor: BorrowedFd) -> Result<(), Fault> {
        self.local.flush()?;
        world::wait(Some((descriptor, PollFlags::POLLIN)), None, act_on_signals).map(drop)
    }

    /// An entry begins, which a Ctrl-C that came before does not concern. Gives how many processes were spawned so far.
    pub fn begin_entry(&mut self) -> usize {
        // A signal other than Ctrl-C still ends the session.
        if signals::ending() == Some(libc::SIGINT) {
            signals::forget_ending();
        }
        // It has texts of its own.
        at_once::set_ready(false);
        scopes::begin_entry();
        children::count()
    }

    /// Stops the processes that were spawned after the first so many.
    pub fn stop_since(&mut self, first: usize) {
        children::stop_since(first);
    }
}
