//! Open scopes: what is spawned in one is joined at its end, and the first failure among that, or the end of its time,
//! cancels its block.

use super::outcome::Outcome;
use super::{attend, children, deadlock, memory, reaper, signals, timed_out};
use crate::shm::process_table::EndWait;
use crate::shm::select::{Arm, Limit, Selected, select};
use crate::shm::{Need, ProcessRef};
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

/// A scope between its beginning and its end.
struct Scope {
    /// How many processes were spawned before it.
    first: usize,
    limit: Option<u64>,
    deadline: Option<Instant>,
    /// A failure lets the others go on first.
    wait: bool,
    /// How many of its processes run, those of scopes inside included.
    running: u64,
    /// A process of it has failed.
    failed: bool,
    /// Its time has passed.
    late: bool,
    /// Its block has ended.
    leaving: bool,
}

impl Scope {
    /// Whether its block and its processes are to end.
    fn must_stop(&self) -> bool {
        self.late || self.failed && !self.wait
    }
}

/// What ends at present, from where `cancelled` was raised to where it is going.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    Nothing,
    /// The block of the scope with this number.
    Block(usize),
    /// The code of this process, or the entry of a session.
    All,
}

struct State {
    open: Vec<Scope>,
    /// The running processes of open scopes: how many were spawned before, and whether their end is no failure.
    members: HashMap<ProcessRef, (usize, bool)>,
    cancelling: Cancelling,
    /// So long at most a `finally` that was running before holds up what would be cancelled.
    held_until: Option<Instant>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State::new());
}

impl State {
    fn new() -> State {
        State { open: Vec::new(), members: HashMap::new(), cancelling: Cancelling::Nothing, held_until: None }
    }

    /// Sets the timer to the first moment at which the time of a scope passes, or that of a `finally`.
    fn set_timer(&self) {
        let deadlines = self.open.iter().filter(|scope| !scope.late).filter_map(|scope| scope.deadline);
        signals::wake_at(deadlines.chain(self.held_until).min());
    }

    /// Whether a `finally` holds up what is to be cancelled, if anything is, and still has time.
    fn is_held_up(&mut self, stops: bool, now: Instant) -> bool {
        self.held_until = if stops && signals::is_clearing_up() {
            Some(self.held_until.unwrap_or(now + signals::GRACE)).filter(|&until| now < until)
        } else {
            None
        };
        self.held_until.is_some()
    }
}

/// This process was forked: those were its parent's scopes.
pub fn begin_child() {
    // Values made by the parent are not written to here.
    STATE.with_borrow_mut(|state| std::mem::forget(std::mem::replace(state, State::new())));
}

/// An entry of a session begins.
pub fn begin_entry() {
    STATE.with_borrow_mut(|state| *state = State::new());
}

/// A child was spawned after so many others.
pub fn spawned(process: ProcessRef, number: usize) {
    STATE.with_borrow_mut(|state| {
        if !state.open.is_empty() {
            state.members.insert(process, (number, false));
            state.open.iter_mut().for_each(|scope| scope.running += 1);
        }
    });
}

/// A child is made to end: that it does is no failure.
pub fn asked_to_end(process: ProcessRef) {
    STATE.with_borrow_mut(|state| {
        if let Some((_, asked)) = state.members.get_mut(&process) {
            *asked = true;
        }
    });
}

/// A child has ended.
pub fn ended(process: ProcessRef, outcome: &Outcome) {
    STATE.with_borrow_mut(|state| {
        let Some((number, asked)) = state.members.remove(&process) else { return };
        for scope in state.open.iter_mut().filter(|scope| scope.first <= number) {
            scope.running -= 1;
        }
        if outcome.is_failure(asked)
            && let Some(scope) = state.open.iter_mut().rfind(|scope| scope.first <= number)
        {
            scope.failed = true;
        }
    });
}

/// This process was told to end, or a session to end its entry: no scope cancels anything any more.
pub fn cancel_all() {
    STATE.with_borrow_mut(|state| state.cancelling = Cancelling::All);
}

/// The error that cancels the block of the outermost scope that must end, once.
pub fn check() -> Result<(), Fault> {
    STATE.with_borrow_mut(|state| {
        if state.open.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        for scope in &mut state.open {
            scope.late |= scope.deadline.is_some_and(|deadline| now >= deadline);
        }
        let stops = state.open.iter().position(|scope| scope.must_stop() && !scope.leaving);
        let stops = stops.filter(|_| state.cancelling == Cancelling::Nothing);
        let held_up = state.is_held_up(stops.is_some(), now);
        state.set_timer();
        if held_up {
            signals::hold_up();
            return Ok(());
        }
        let Some(at) = stops else { return Ok(()) };
        state.cancelling = Cancelling::Block(at);
        signals::begin_grace();
        let why =
            if state.open[at].late { "the time of the scope has passed" } else { "a process of the scope failed" };
        Err(Fault::new(Kind::Cancelled, why))
    })
}

/// How many processes were spawned before the outermost open scope.
pub fn outermost() -> Option<usize> {
    STATE.with_borrow(|state| state.open.first().map(|scope| scope.first))
}

/// Whether no further process may be spawned at present.
fn is_full() -> bool {
    STATE.with_borrow(|state| state.open.iter().any(|scope| scope.limit.is_some_and(|limit| scope.running >= limit)))
}

/// Something about the innermost scope.
fn innermost<T>(ask: impl FnOnce(&mut Scope) -> T) -> T {
    STATE.with_borrow_mut(|state| ask(state.open.last_mut().expect("the machine leaves what it has entered")))
}

/// Begins a scope.
pub fn enter(limit: Option<u64>, timeout: Option<f64>, wait: bool) {
    let deadline = super::deadline(timeout);
    let scope = Scope {
        first: children::count(),
        limit,
        deadline,
        wait,
        running: 0,
        failed: false,
        late: false,
        leaving: false,
    };
    STATE.with_borrow_mut(|state| {
        state.open.push(scope);
        state.set_timer();
    });
}

/// Waits until another process may be spawned.
pub fn await_room() -> Result<(), Fault> {
    while is_full() {
        // Any end interrupts the wait for one.
        let running = children::running_since(0);
        let ends: Vec<Arm> = running.iter().map(|&process| Arm::Done { process, need: Need::Place }).collect();
        match select(&ends, &mut Vec::new(), Limit::Until(None)).map_err(|error| memory(&error))? {
            Selected::Fired { arm } => {
                children::reap(running[arm]);
                check()?;
            }
            Selected::Interrupted => attend()?,
            Selected::Deadlock => return Err(deadlock::fault()),
            Selected::Closed | Selected::Empty | Selected::TimedOut => return Ok(()),
        }
    }
    Ok(())
}

/// Ends the innermost scope, whose block raised this error or none. No error lets that one go on.
pub fn leave(raised: Option<Fault>) -> Result<Value, Fault> {
    // Ending the others has a time limit of its own.
    let grace = signals::hold_grace();
    let (first, wait) = innermost(|scope| {
        scope.leaving = true;
        scope.late |= scope.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        (scope.first, scope.wait)
    });
    let goes_on = raised.as_ref().is_none_or(|fault| wait && !fault.0.is_cancelled());
    let interrupted = if goes_on { await_members(first).err() } else { None };
    children::stop_since(first);
    let failure = children::take_failure_since(first);

    let (late, was_cancelling) = STATE.with_borrow_mut(|state| {
        let was = std::mem::replace(&mut state.cancelling, Cancelling::Nothing);
        let scope = state.open.pop().expect("the machine leaves what it has entered");
        let own = was == Cancelling::Block(state.open.len());
        if !own {
            state.cancelling = was;
        }
        state.set_timer();
        (scope.late, own)
    });
    if !was_cancelling {
        signals::resume_grace(grace);
    }
    if let Some(fault) = interrupted {
        return Err(fault);
    }
    let own = match &raised {
        Some(fault) if fault.0.is_cancelled() && !(was_cancelling && fault.0.exit.is_none()) => {
            return Ok(Value::Null);
        }
        Some(fault) => Some(fault).filter(|fault| !fault.0.is_cancelled()),
        None => None,
    };
    // What was cancelled further out goes first.
    check()?;
    match (failure, own) {
        (Some((at, failure)), Some(raised)) if at < raised.0.at => Err(failure),
        (_, Some(_)) => Ok(Value::Null),
        (Some((_, failure)), None) => Err(failure),
        (None, None) if late => Err(timed_out("scope")),
        (None, None) => Ok(Value::Null),
    }
}

/// Waits until the processes of the innermost scope have ended, or must be ended.
fn await_members(first: usize) -> Result<(), Fault> {
    children::stop_daemons(first);
    for process in children::running_since(first) {
        loop {
            let (deadline, stop) = innermost(|scope| (scope.deadline, scope.must_stop()));
            if stop {
                return Ok(());
            }
            match process.wait_end(deadline) {
                EndWait::Ended => {
                    children::reap(process);
                    break;
                }
                EndWait::TimedOut => innermost(|scope| scope.late = true),
                EndWait::Interrupted => attend()?,
                EndWait::Deadlock => return Err(deadlock::fault()),
            }
        }
    }
    reaper::reap_ended();
    Ok(())
}
