//! Notices processes that have ended, wherever this one happens to wait: what they held is given up at once, so that
//! nobody waits for the dead.

use super::outcome::{self, Outcome};
use super::{handles, output, scopes, signals};
use crate::shm::ProcessRef;
use crate::shm::process_table::{Ended, by_pid, reap};
use crate::vm::value::Value;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::collections::HashMap;

#[derive(Default)]
struct Table {
    living: HashMap<i32, ProcessRef>,
    ended: HashMap<ProcessRef, (Outcome, u64)>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

/// A child was forked.
pub fn add(process: ProcessRef, pid: i32) {
    TABLE.with_borrow_mut(|table| table.living.insert(pid, process));
}

/// This process was forked itself: those were its parent's children.
pub fn begin_child() {
    // Values made by the parent are not written to here.
    TABLE.with_borrow_mut(|table| std::mem::forget(std::mem::take(table)));
}

/// Orphans of the run become children of this process, so that their ends are noticed.
pub fn adopt_orphans() {
    // A system that cannot do it lets them be nobody's, which is no reason not to run.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// What came of a child and when, if it has been reaped.
pub fn outcome(process: ProcessRef) -> Option<(Outcome, u64)> {
    TABLE.with_borrow(|table| table.ended.get(&process).cloned())
}

/// Whether a child has been reaped.
pub fn has_reaped(process: ProcessRef) -> bool {
    TABLE.with_borrow(|table| table.ended.contains_key(&process))
}

/// Nobody will ask for this outcome any more.
pub fn forget(process: ProcessRef) {
    // The value goes after the table is free again: its handles may be the last ones.
    drop(TABLE.with_borrow_mut(|table| table.ended.remove(&process)));
}

/// Reaps every child that has ended since this was last asked.
pub fn reap_ended() {
    while signals::child_ended() {
        while let Some((pid, ended)) = wait(None, WaitPidFlag::WNOHANG) {
            note(pid, ended);
        }
    }
}

/// Waits for the end of a child that is known to be ending.
pub fn await_child(process: ProcessRef, pid: i32) {
    if !has_reaped(process) {
        match wait(Some(Pid::from_raw(pid)), WaitPidFlag::empty()) {
            Some((pid, ended)) => note(pid, ended),
            None => note(pid, Ended::Signal(Signal::SIGKILL as i32)),
        }
    }
}

fn wait(pid: Option<Pid>, flags: WaitPidFlag) -> Option<(i32, Ended)> {
    loop {
        match waitpid(pid, Some(flags)) {
            Ok(WaitStatus::Exited(pid, status)) => return Some((pid.as_raw(), Ended::Exit(status))),
            Ok(WaitStatus::Signaled(pid, signal, _)) => return Some((pid.as_raw(), Ended::Signal(signal as i32))),
            Ok(WaitStatus::StillAlive) => return None,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

fn note(pid: i32, ended: Ended) {
    let Some(process) = TABLE.with_borrow_mut(|table| table.living.remove(&pid)) else {
        if let Some(orphan) = by_pid(pid) {
            reap(orphan, ended);
        }
        output::ended();
        return;
    };
    // The handles in its result are held here before what it held is given up.
    let mut outcome = outcome::read(process);
    if process.result().is_none() {
        outcome.0 = match ended {
            Ended::Exit(0) => Outcome::Returned(Value::Null),
            Ended::Exit(status) => Outcome::Exited(status as u8),
            Ended::Signal(signal) => Outcome::Killed(signal),
        };
    }
    reap(process, ended);
    scopes::ended(process, &outcome.0);
    output::ended();
    if matches!(outcome.0, Outcome::Killed(libc::SIGPIPE)) {
        // It found that nobody reads the run's output any more.
        signals::end_by(libc::SIGPIPE);
    }
    TABLE.with_borrow_mut(|table| table.ended.insert(process, outcome));
    handles::ended(process);
}
