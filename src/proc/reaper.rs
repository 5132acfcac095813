//! Notices processes that have ended, wherever this one happens to wait: what they held is given up at once, so that
//! nobody waits for the dead.

use super::apart::{ApartMap, ApartSet};
use super::outcome::{self, Outcome};
use super::{handles, out_of_memory, output, scopes, signals};
use crate::shm::ProcessRef;
use crate::shm::exit_status::{Ended, note_death};
use crate::shm::process_table::{by_pid, reap};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::cell::{Cell, RefCell};
use std::sync::Once;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Table {
    living: ApartMap<i32, ProcessRef>,
    ended: ApartMap<ProcessRef, (Outcome, u64)>,
    /// Children whose end is known, and which the kernel is still clearing up after.
    leaving: ApartSet<i32>,
    /// Processes that watch over commands.
    guards: ApartSet<i32>,
}

/// Through so many children the kernel goes quickly.
const MANY: usize = 500;
/// At most one part in so many of the time is spent with that.
const SHARE: u32 = 20;
/// The longest pause: the time that was measured may have been that of others.
const LONGEST: Duration = Duration::from_millis(5);

thread_local! {
    /// When the pause ends in which no child is reaped.
    static PAUSE: Cell<Option<Instant>> = const { Cell::new(None) };
    static TABLE: RefCell<Table> = RefCell::default();
}

/// A child was forked.
pub fn add(process: ProcessRef, pid: i32) {
    TABLE.with_borrow_mut(|table| table.living.insert(pid, process));
}

/// A process that watches over a command was forked.
pub fn add_guard(pid: i32) {
    TABLE.with_borrow_mut(|table| table.guards.insert(pid));
}

/// Asks the guard of a command to end it with all that came of it; one that has ended is not asked.
pub fn ask_guard(pid: i32) {
    signal_guard(pid, Signal::SIGTERM);
    continue_guard(pid);
}

/// Lets the guard of a command go on, should it be stopped.
pub fn continue_guard(pid: i32) {
    signal_guard(pid, Signal::SIGCONT);
}

fn signal_guard(pid: i32, signal: Signal) {
    if TABLE.with_borrow(|table| table.guards.contains(&pid)) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Waits for the end of a process that nobody here knows.
pub fn await_orphan(pid: i32) {
    wait(Some(Pid::from_raw(pid)), WaitPidFlag::empty());
}

/// Ends what commands have left running, and waits for its end.
pub fn end_guards() {
    let guards: Vec<i32> = TABLE.with_borrow(|table| table.guards.iter().copied().collect());
    guards.iter().for_each(|&pid| ask_guard(pid));
    for pid in guards {
        if TABLE.with_borrow(|table| table.guards.contains(&pid)) {
            wait(Some(Pid::from_raw(pid)), WaitPidFlag::empty());
            TABLE.with_borrow_mut(|table| table.guards.remove(&pid));
        }
    }
}

/// This process was forked itself: those were its parent's children.
pub fn begin_child() {
    // Values made by the parent are not written to here.
    TABLE.with_borrow_mut(|table| std::mem::forget(std::mem::take(table)));
    if PAUSE.get().is_some() {
        PAUSE.set(None);
    }
}

/// Orphans of the run become children of this process, so that their ends are noticed.
pub fn adopt_orphans() {
    // Once: the kernel goes through all descendants.
    static DONE: Once = Once::new();
    // A system that cannot do it lets them be nobody's, which is no reason not to run.
    DONE.call_once(|| {
        let _ = nix::sys::prctl::set_child_subreaper(true);
    });
}

/// What came of a child and when, if its end has been noted.
pub fn outcome(process: ProcessRef) -> Option<(Outcome, u64)> {
    TABLE.with_borrow(|table| table.ended.get(&process).cloned())
}

/// Whether the end of a child has been noted.
pub fn has_reaped(process: ProcessRef) -> bool {
    TABLE.with_borrow(|table| table.ended.contains_key(&process))
}

/// Nobody will ask for this outcome any more.
pub fn forget(process: ProcessRef) {
    // The value goes after the table is free again: its handles may be the last ones.
    drop(TABLE.with_borrow_mut(|table| table.ended.remove(&process)));
}

/// Reaps every child that has ended since this was last asked. The kernel goes through all children for that: when they
/// are many there is a pause after it, and who ends in the pause is reaped at its end.
pub fn reap_ended() {
    if let Some(end) = PAUSE.get() {
        if Instant::now() < end {
            if signals::has_child_ended() {
                signals::remind_at(end);
            }
            return;
        }
        PAUSE.set(None);
    }
    while signals::child_ended() {
        loop {
            let began = Instant::now();
            let Some(dead) = wait(None, WaitPidFlag::WNOHANG) else {
                let took = began.elapsed();
                if TABLE.with_borrow(|table| table.living.len() > MANY) {
                    PAUSE.set(Some(began + (took * SHARE).min(LONGEST)));
                    return;
                }
                break;
            };
            note(dead);
        }
    }
}

/// Takes note of the end of a child that is known to be ending. One that has said how it ends is not waited for: that
/// the kernel gives back its memory takes as long as all the rest. But one that shares this CPU cannot go before this
/// process sleeps; meanwhile the next one to be forked would be sent to another CPU, however busy that is.
pub fn await_child(process: ProcessRef, pid: i32) {
    if has_reaped(process) {
        return;
    }
    let known = process.known_end();
    if let Some(ended) = known
        && !process.ended_on_this_cpu()
    {
        TABLE.with_borrow_mut(|table| table.leaving.insert(pid));
        return note(Dead { pid, ended, most_kib: 0 });
    }
    let dead = wait(Some(Pid::from_raw(pid)), WaitPidFlag::empty());
    let seen = dead.as_ref().map_or(Ended::Signal(Signal::SIGKILL as i32), |dead| dead.ended);
    note(Dead { pid, ended: known.unwrap_or(seen), most_kib: dead.map_or(0, |dead| dead.most_kib) });
}

/// Waits until the kernel has cleared up after every child whose end is known; says whether there may have been any.
pub fn await_leaving() -> bool {
    let paused = PAUSE.take().is_some();
    reap_ended();
    let leaving = TABLE.with_borrow_mut(|table| std::mem::take(&mut table.leaving));
    leaving.iter().for_each(|&pid| await_orphan(pid));
    paused || !leaving.is_empty()
}

/// A child that has ended.
struct Dead {
    pid: i32,
    ended: Ended,
    /// The most memory that it had, in KiB.
    most_kib: u64,
}

fn wait(pid: Option<Pid>, flags: WaitPidFlag) -> Option<Dead> {
    let mut status = 0;
    loop {
        // SAFETY: a rusage is plain numbers.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: it fills both.
        let pid = unsafe { libc::wait4(pid.map_or(-1, Pid::as_raw), &mut status, flags.bits(), &mut usage) };
        let ended = match pid {
            0 => return None,
            1.. if libc::WIFEXITED(status) => Ended::Exit(libc::WEXITSTATUS(status)),
            1.. if libc::WIFSIGNALED(status) => Ended::Signal(libc::WTERMSIG(status)),
            1.. => continue,
            _ if Errno::last() == Errno::EINTR => continue,
            _ => return None,
        };
        return Some(Dead { pid, ended, most_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0) });
    }
}

fn note(Dead { pid, ended, most_kib }: Dead) {
    if TABLE.with_borrow_mut(|table| table.guards.remove(&pid)) {
        return;
    }
    let Some(process) = TABLE.with_borrow_mut(|table| table.living.remove(&pid)) else {
        if TABLE.with_borrow_mut(|table| table.leaving.remove(&pid)) {
            return;
        }
        if let Some(orphan) = by_pid(pid) {
            note_death(orphan, most_kib, false);
            reap(orphan, ended);
        }
        output::ended();
        return;
    };
    // The handles in its result are held here before what it held is given up.
    let mut outcome = outcome::read(process);
    if process.result().is_none() {
        outcome.0 = Outcome::of(ended);
    }
    let killed = ended == Ended::Signal(libc::SIGKILL) && !process.killed_by_us();
    note_death(process, most_kib, killed && out_of_memory::killed(pid));
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
