//! Signals: they interrupt what a process does, and it acts on them at the next step or wait.

use crate::shm::park;
use crate::vm::machine;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static ENDING: AtomicI32 = AtomicI32::new(0);
static CHILD: AtomicBool = AtomicBool::new(false);

extern "C" fn on_end(signal: i32) {
    ENDING.store(signal, Ordering::Relaxed);
    machine::interrupt();
    park::note_signal();
}

extern "C" fn on_child(_: i32) {
    CHILD.store(true, Ordering::Relaxed);
    park::note_signal();
}

/// Takes the signals that end a process, and those that tell of children. Calls that wait are not restarted.
pub fn install() {
    let handle = |signal, handler| {
        let action = SigAction::new(SigHandler::Handler(handler), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handlers only store to atomics.
        let _ = unsafe { sigaction(signal, &action) };
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        handle(signal, on_end as extern "C" fn(i32));
    }
    handle(Signal::SIGCHLD, on_child);
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { sigaction(Signal::SIGPIPE, &ignore) };
}

/// The signal that asks this process to end, if one came.
pub fn ending() -> Option<i32> {
    match ENDING.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

/// Forgets the signals that came: in a forked child they were the parent's.
pub fn forget() {
    CHILD.store(false, Ordering::Relaxed);
    forget_ending();
}

/// Forgets the signal that asked this process to end: a session goes on after Ctrl-C.
pub fn forget_ending() {
    ENDING.store(0, Ordering::Relaxed);
    machine::clear_interrupt();
}

/// From now on Ctrl-C does nothing in this process and those that it will spawn.
pub fn ignore_interrupts() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { sigaction(Signal::SIGINT, &ignore) };
}

/// Whether a child ended since this was last asked.
pub fn child_ended() -> bool {
    CHILD.swap(false, Ordering::Relaxed)
}

/// Dies by a signal, for the parent to see.
pub fn die_by(signal: i32) -> ! {
    if let Ok(signal) = Signal::try_from(signal) {
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { sigaction(signal, &default) };
        let _ = nix::sys::signal::raise(signal);
    }
    exit(128 + signal)
}

/// Ends the process at once, without running what the parent has registered for its own end.
pub fn exit(status: i32) -> ! {
    // SAFETY: the process ends here.
    unsafe { libc::_exit(status) }
}

/// Forks. `Ok(None)` is the child.
pub fn fork() -> nix::Result<Option<i32>> {
    debug_assert_eq!(threads(), 1, "a process that forks has one thread");
    // SAFETY: there is one thread, so no lock is held by another and the child may do anything.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(Some(child.as_raw())),
        nix::unistd::ForkResult::Child => Ok(None),
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
