//! The processes that this one spawned: waiting for them, taking their results, ending them.

use super::apart::ApartMap;
use super::outcome::{self, Outcome};
use super::signals::{self, GRACE};
use super::{attend, deadlock, handles, output, reaper, scopes, timed_out};
use crate::shm::ProcessRef;
use crate::shm::process_table::EndWait;
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{ErrorValue, HandleKey, HandleKind, Map, Value};
use nix::sys::signal::Signal;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// It counts as a handle: its slot in the process table is kept.
#[derive(Clone, Copy)]
struct Child {
    process: ProcessRef,
    pid: i32,
    /// How many were spawned before it.
    number: usize,
    daemon: bool,
    /// Somebody here took its result.
    taken: bool,
    /// It was made to end: that it was killed is no failure.
    asked: bool,
}

/// The children of this process that it may still ask about.
struct Children {
    all: ApartMap<ProcessRef, Child>,
    /// How many were spawned in all.
    spawned: usize,
    /// Tells at once of an error that nobody can take any more; a spawned process hands the first on at its end.
    tell: Option<Tell>,
    /// Errors that nobody can take any more and nobody was told of.
    untaken: Vec<Fault>,
    /// Somebody was told of such an error.
    told: bool,
}

/// Shows an error.
pub type Tell = Rc<dyn Fn(&ErrorValue)>;

impl Children {
    fn new(tell: Option<Tell>) -> Children {
        Children { all: ApartMap::default(), spawned: 0, tell, untaken: Vec::new(), told: false }
    }
}

thread_local! {
    static CHILDREN: RefCell<Children> = RefCell::new(Children::new(None));
}

/// This is the first process, which tells of errors so.
pub fn begin(tell: Tell) {
    CHILDREN.set(Children::new(Some(tell)));
}

/// This process was forked: those were its parent's children.
pub fn begin_child() {
    // The parent's values are not written to here.
    std::mem::forget(CHILDREN.replace(Children::new(None)));
}

/// A child was forked.
pub fn add(process: ProcessRef, pid: i32, daemon: bool) {
    reaper::add(process, pid);
    handles::on_handle(process_key(process), true);
    let number = CHILDREN.with_borrow_mut(|children| {
        let number = children.spawned;
        children.all.insert(process, Child { process, pid, number, daemon, taken: false, asked: false });
        children.spawned += 1;
        number
    });
    scopes::spawned(process, number);
}

/// Handles of those that live.
pub fn living() -> Vec<Value> {
    let living = since(0).into_iter().filter(|child| !child.process.has_ended());
    living.map(|child| Value::handle(process_key(child.process))).collect()
}

/// Whether an error that nobody can take has been shown.
pub fn told() -> bool {
    CHILDREN.with_borrow(|children| children.told)
}

/// An error that nobody can take has been shown.
pub fn note_told() {
    CHILDREN.with_borrow_mut(|children| children.told = true);
}

/// Forgets children that have ended and that nobody can ask about any more.
pub fn forget_unreachable() {
    handles::take_unreachable(forget_if_unreachable);
}

fn forget_if_unreachable(process: ProcessRef) {
    // A scope has the results of what was spawned in it.
    let first = scopes::outermost().unwrap_or(usize::MAX);
    let Some(child) = find(process).filter(|child| child.number < first) else { return };
    let key = process_key(process);
    if !reaper::has_reaped(process) || handles::reachable_here(key) {
        return;
    }
    // Only a failure that is told when nobody can take it any more is waited for. Anything else this process must not hold:
    // what the result names may be all that reaches it.
    if handles::reachable_elsewhere(key) && child.failed_untaken().is_some() {
        return;
    }
    CHILDREN.with_borrow_mut(|children| children.all.remove(&process));
    let failure = child.untaken_failure();
    reaper::forget(process);
    if let Some((_, fault)) = failure {
        match CHILDREN.with_borrow(|children| children.tell.clone()) {
            Some(tell) => {
                tell(&fault.0);
                note_told();
            }
            None => CHILDREN.with_borrow_mut(|children| children.untaken.push(fault)),
        }
    }
    handles::on_handle(key, false);
}

fn find(process: ProcessRef) -> Option<Child> {
    CHILDREN.with_borrow(|children| children.all.get(&process).copied())
}

/// Notes something of a child, unless the process is another one.
fn note(process: ProcessRef, note: impl FnOnce(&mut Child)) {
    CHILDREN.with_borrow_mut(|children| children.all.get_mut(&process).map(note));
}

/// Those spawned after the first so many, in the order they were spawned.
fn since(first: usize) -> Vec<Child> {
    let mut those: Vec<Child> =
        CHILDREN.with_borrow(|children| children.all.values().filter(|child| child.number >= first).copied().collect());
    those.sort_unstable_by_key(|child| child.number);
    those
}

/// Waits until a process has ended, and gives what came of it.
fn await_end(process: ProcessRef, deadline: Option<Instant>, what: &str) -> Result<(Outcome, u64), Fault> {
    if crate::shm::process_table::me() == Some(process) {
        return Err(Fault::new(Kind::Deadlock, "a process cannot wait for its own end"));
    }
    loop {
        match process.wait_end(deadline) {
            EndWait::Ended => break,
            EndWait::TimedOut => return Err(timed_out(what)),
            EndWait::Interrupted => attend()?,
            EndWait::Deadlock => return Err(deadlock::fault()),
        }
    }
    let outcome = match find(process) {
        Some(child) => child.outcome(),
        None => {
            // How it ended is known to its parent first.
            while process.result().is_none() && process.exists() && process.ended().is_none() {
                let soon = Instant::now() + Duration::from_millis(1);
                crate::world::wait(None, Some(soon), attend)?;
            }
            outcome::read(process)
        }
    };
    if matches!(outcome.0, Outcome::Killed(_)) {
        // When the same signal ends this process too, that is no failure of the child.
        attend()?;
    }
    // A failure may end the scope that this happens in.
    scopes::check()?;
    Ok(outcome)
}

/// The result of a process has been seen.
fn take(process: ProcessRef) {
    process.take();
    note(process, |child| child.taken = true);
}

/// `join`: all of them, then the results or the error of the one that failed first.
#[inline(never)]
pub fn join(keys: &[HandleKey], many: bool, deadline: Option<Instant>) -> Result<Value, Fault> {
    if let (&[key], false) = (keys, many) {
        let process = process(key)?;
        let (outcome, _) = await_end(process, deadline, "join")?;
        take(process);
        return outcome.result(process);
    }
    let processes = keys.iter().map(|&key| process(key)).collect::<Result<Vec<_>, _>>()?;
    let mut outcomes = Vec::with_capacity(keys.len());
    for &process in &processes {
        outcomes.push((process, await_end(process, deadline, "join")?));
    }
    // A wait that ended before has seen nothing.
    let mut results = Vec::with_capacity(keys.len());
    let mut failed: Option<(u64, Fault)> = None;
    for (process, (outcome, at)) in outcomes {
        take(process);
        match outcome.result(process) {
            Ok(value) => results.push(value),
            Err(fault) if failed.as_ref().is_none_or(|(first, _)| at < *first) => failed = Some((at, fault)),
            Err(_) => {}
        }
    }
    match failed {
        Some((_, fault)) => Err(fault),
        None => Ok(Value::list(results)),
    }
}

/// `p.wait()`: how it ended, as a map.
#[inline(never)]
pub fn wait(key: HandleKey, deadline: Option<Instant>) -> Result<Value, Fault> {
    let process = process(key)?;
    let (outcome, _) = await_end(process, deadline, "wait")?;
    take(process);
    let optional = |number: Option<i64>| number.map_or(Value::Null, Value::Int);
    let mut map = Map::default();
    let (value, error) = match outcome.result(process) {
        Ok(value) => (value, Value::Null),
        Err(fault) => (Value::Null, Value::Error(fault.0)),
    };
    map.insert("ok".into(), Value::bool(error.is_null()));
    map.insert("value".into(), value);
    map.insert("error".into(), error);
    map.insert("exit_code".into(), optional(outcome.exit_code()));
    map.insert("signal".into(), optional(outcome.signal()));
    Ok(Value::map(map))
}

/// A property of a process.
#[inline(never)]
pub fn property(key: HandleKey, name: &str) -> Result<Value, Fault> {
    let process = process(key)?;
    let optional = |number: Option<i64>| number.map_or(Value::Null, Value::Int);
    Ok(match name {
        "pid" => optional(process.pid().map(i64::from)),
        "id" => Value::from(process.id()),
        "name" => Value::from(process.name()),
        "alive" => Value::bool(!process.has_ended()),
        "exit_code" | "signal" => {
            if !process.has_ended() {
                return Ok(Value::Null);
            }
            let (outcome, _) = find(process).map_or_else(|| outcome::read(process), |child| child.outcome());
            optional(if name == "signal" { outcome.signal() } else { outcome.exit_code() })
        }
        _ => {
            let names = ["pid", "id", "name", "alive", "exit_code", "signal"];
            let fault = Fault::new(Kind::Key, format!("a process has no property `{name}`"));
            return Err(match crate::nearest::nearest(name, names.into_iter()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("it has pid, id, name, alive, exit_code and signal"),
            });
        }
    })
}

/// Sends a signal to a process that may have ended.
pub fn signal(key: HandleKey, signal: i32) -> Result<(), Fault> {
    end(process(key)?, signal, Some(GRACE));
    Ok(())
}

/// Makes a process end, by TERM with this grace time or by KILL.
fn end(process: ProcessRef, signal: i32, grace: Option<Duration>) {
    note(process, |child| child.asked = true);
    scopes::asked_to_end(process);
    if let (Some(pid), false) = (process.pid(), process.has_ended()) {
        if signal == libc::SIGKILL {
            crate::shm::exit_status::note_kill(process);
        }
        signals::end_process(pid, signal, grace);
    }
}

/// Asks a process to stop, and kills it when it has not ended after the grace time.
#[inline(never)]
pub fn stop(key: HandleKey, grace: f64) -> Result<(), Fault> {
    let process = process(key)?;
    if crate::shm::process_table::me() == Some(process) {
        return Err(Fault::value_error("a process cannot stop itself: `stop` waits for its end")
            .help("`exit()` ends it, and so does `self_process().terminate()`"));
    }
    let grace = Duration::try_from_secs_f64(grace).ok();
    end(process, libc::SIGTERM, grace);
    let deadline = grace.and_then(|grace| Instant::now().checked_add(grace));
    match await_end(process, deadline, "stop") {
        Err(fault) if fault.is(Kind::Timeout) => {
            end(process, libc::SIGKILL, None);
            await_end(process, None, "stop").map(drop)
        }
        other => other.map(drop),
    }
}

/// Asks all children to stop and kills those that have not after the grace time.
pub fn stop_all() {
    stop_since(0);
}

/// How many were spawned.
pub fn count() -> usize {
    CHILDREN.with_borrow(|children| children.spawned)
}

/// The same as `stop_all` for those spawned after the first so many.
pub fn stop_since(first: usize) {
    stop_those(first, |_| true);
}

/// The same for the daemons among them.
pub fn stop_daemons(first: usize) {
    stop_those(first, |child| child.daemon);
}

fn stop_those(first: usize, wanted: impl Fn(&Child) -> bool) {
    let those: Vec<(ProcessRef, i32)> =
        since(first).into_iter().filter(wanted).map(|child| (child.process, child.pid)).collect();
    if those.is_empty() {
        return;
    }
    let living: Vec<_> = those.iter().copied().filter(|(process, _)| !process.has_ended()).collect();
    for &(process, _) in &living {
        end(process, libc::SIGTERM, Some(GRACE));
    }
    let deadline = Instant::now() + GRACE;
    for (process, _) in living {
        loop {
            match process.wait_end(Some(deadline)) {
                EndWait::Ended => break,
                EndWait::Interrupted | EndWait::Deadlock => note_ends(),
                EndWait::TimedOut => {
                    end(process, libc::SIGKILL, None);
                    break;
                }
            }
        }
    }
    those.iter().for_each(|&(process, pid)| reaper::await_child(process, pid));
}

/// Those spawned after the first so many that run.
pub fn running_since(first: usize) -> Vec<ProcessRef> {
    let running = |child: &Child| !reaper::has_reaped(child.process);
    since(first).into_iter().filter(running).map(|child| child.process).collect()
}

/// Takes note of the end of a child that is known to be ending.
pub fn reap(process: ProcessRef) {
    if let Some(child) = find(process) {
        reaper::await_child(process, child.pid);
    }
}

/// The first failure, with its time, of those spawned after the first so many whose results nobody took. It takes
/// the results of all.
pub fn take_failure_since(first: usize) -> Option<(u64, Fault)> {
    let mut failures: Vec<(u64, Fault)> = Vec::new();
    for child in since(first) {
        failures.extend(child.untaken_failure());
        note(child.process, |child| child.taken = true);
        // The scope asks no more.
        handles::ended(child.process);
    }
    failures.into_iter().min_by_key(|(at, _)| *at)
}

/// Ends daemons, waits for the others, and gives the errors that nobody took or was told of. The first process tells of
/// them as they come, in a spawned one they are its own failure.
pub fn wait_all() -> Vec<Fault> {
    let tells = CHILDREN.with_borrow(|children| children.tell.is_some());
    stop_daemons(0);
    let mut stopped = false;
    if tells {
        // All handles have been given up.
        since(0).into_iter().for_each(|child| forget_if_unreachable(child.process));
    }
    for process in running_since(0) {
        loop {
            if signals::ending().is_some() && !stopped {
                stopped = true;
                stop_all();
            }
            match process.wait_end_at_end(None) {
                EndWait::Ended => break,
                EndWait::Interrupted | EndWait::Deadlock => {
                    note_signals();
                    if tells {
                        forget_unreachable();
                    }
                }
                EndWait::TimedOut => {}
            }
        }
        reap(process);
    }
    reaper::await_leaving();
    let mut failures = CHILDREN.with_borrow_mut(|children| std::mem::take(&mut children.untaken));
    failures.extend(since(0).iter().filter_map(Child::untaken_failure).map(|(_, fault)| fault));
    failures
}

/// Takes notice of signals while this process is ending anyway.
fn note_signals() {
    note_ends();
    output::read_at_end();
}

/// The same while others are being stopped, which must not wait for a reader of the output.
fn note_ends() {
    crate::shm::park::take_signal();
    reaper::reap_ended();
    super::answer_question();
}

impl Child {
    /// What came of it, which has ended.
    fn outcome(&self) -> (Outcome, u64) {
        reaper::await_child(self.process, self.pid);
        reaper::outcome(self.process).unwrap_or((Outcome::Killed(Signal::SIGKILL as i32), 0))
    }

    /// Its failure, with its time, if nobody took that. An end by a signal like the one that ends this process, and so
    /// the whole run, is none, nor is one that was wanted.
    fn untaken_failure(&self) -> Option<(u64, Fault)> {
        let (outcome, at) = self.failed_untaken()?;
        outcome.result(self.process).err().map(|fault| (at, fault))
    }

    /// How it failed, and when, if nobody took that.
    fn failed_untaken(&self) -> Option<(Outcome, u64)> {
        let (outcome, at) = reaper::outcome(self.process).filter(|_| !self.taken && !self.process.is_taken())?;
        let with_the_run = signals::ending().is_some_and(|ending| match outcome {
            Outcome::Killed(signal) => signal == ending || signals::ends(signal),
            Outcome::Exited(status, _) => signals::ends(i32::from(status) - 128),
            _ => false,
        });
        let failed = outcome.is_failure(self.asked) && !with_the_run;
        failed.then_some((outcome, at))
    }
}

fn process_key(process: ProcessRef) -> HandleKey {
    handles::key(HandleKind::Process, process.object(), 0)
}

/// The process that a handle means.
pub fn process(key: HandleKey) -> Result<ProcessRef, Fault> {
    let process = if key.kind == HandleKind::Process { ProcessRef::of(handles::object(key)) } else { None };
    process.ok_or_else(|| Fault::type_error("this is not a process"))
}
