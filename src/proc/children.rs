//! The processes that this one spawned: waiting for them, taking their results, ending them.

use super::outcome::{self, Outcome};
use super::signals::{self, GRACE};
use super::{attend, deadlock, handles, output, reaper, timed_out};
use crate::shm::ProcessRef;
use crate::shm::process_table::EndWait;
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{ErrorValue, HandleKey, HandleKind, Map, Value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

struct Child {
    process: ProcessRef,
    pid: i32,
    /// How many were spawned before it.
    number: usize,
    daemon: bool,
    /// Somebody here took its result.
    taken: bool,
    /// The value keeps its slot in the process table.
    handle: Value,
}

/// The children of this process that it may still ask about, in the order they were spawned.
pub struct Children {
    all: VecDeque<Child>,
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
    /// No children yet.
    pub fn new(tell: Option<Tell>) -> Children {
        Children { all: VecDeque::new(), spawned: 0, tell, untaken: Vec::new(), told: false }
    }

    /// A child was forked.
    pub fn add(&mut self, process: ProcessRef, pid: i32, daemon: bool) {
        reaper::add(process, pid);
        let handle = Value::handle(process_key(process));
        self.all.push_back(Child { process, pid, number: self.spawned, daemon, taken: false, handle });
        self.spawned += 1;
    }

    /// The handles of those that live.
    pub fn handles(&self) -> Vec<Value> {
        self.all.iter().filter(|child| !child.process.has_ended()).map(|child| child.handle.clone()).collect()
    }

    /// Whether the failure of a child has been shown.
    pub fn told(&self) -> bool {
        self.told
    }

    /// Acts on signals, among them those that tell of children: an error when this process must end.
    pub fn attend(&mut self) -> Result<(), Fault> {
        attend()?;
        self.forget_unreachable();
        Ok(())
    }

    /// Forgets children that have ended and that nobody can ask about any more.
    pub fn forget_unreachable(&mut self) {
        for process in handles::take_unreachable() {
            let Some(at) = self.all.iter().position(|child| child.process == process) else { continue };
            if !reaper::has_reaped(process) || handles::reachable(process_key(process)) {
                continue;
            }
            let Some(child) = self.all.remove(at) else { continue };
            let failure = child.untaken_failure();
            reaper::forget(process);
            match (failure, &self.tell) {
                (Some(Fault(error)), Some(tell)) => {
                    tell(&error);
                    self.told = true;
                }
                (Some(fault), None) => self.untaken.push(fault),
                (None, _) => {}
            }
        }
    }

    fn find(&mut self, process: ProcessRef) -> Option<&mut Child> {
        self.all.iter_mut().find(|child| child.process == process)
    }

    /// Waits until a process has ended, and gives what came of it; takes its result.
    fn await_end(
        &mut self,
        process: ProcessRef,
        deadline: Option<Instant>,
        what: &str,
    ) -> Result<(Outcome, u64), Fault> {
        if crate::shm::process_table::me() == Some(process) {
            return Err(Fault::new(Kind::Deadlock, "a process cannot wait for its own end"));
        }
        loop {
            match process.wait_end(deadline) {
                EndWait::Ended => break,
                EndWait::TimedOut => return Err(timed_out(what)),
                EndWait::Interrupted => self.attend()?,
                EndWait::Deadlock => return Err(deadlock::fault()),
            }
        }
        let outcome = match self.find(process) {
            Some(child) => {
                child.taken = true;
                child.outcome()
            }
            None => outcome::read(process),
        };
        if matches!(outcome.0, Outcome::Killed(_)) {
            // When the same signal ends this process too, that is no failure of the child.
            attend()?;
        }
        Ok(outcome)
    }

    /// `join`: all of them, then the results or the error of the one that failed first.
    pub fn join(&mut self, keys: &[HandleKey], many: bool, deadline: Option<Instant>) -> Result<Value, Fault> {
        let mut results = Vec::with_capacity(keys.len());
        let mut failed: Option<(u64, Fault)> = None;
        for &key in keys {
            let process = process(key)?;
            let (outcome, at) = self.await_end(process, deadline, "join")?;
            match outcome.result(process) {
                Ok(value) => results.push(value),
                Err(fault) if failed.as_ref().is_none_or(|(first, _)| at < *first) => failed = Some((at, fault)),
                Err(_) => {}
            }
        }
        match failed {
            Some((_, fault)) => Err(fault),
            None if many => Ok(Value::list(results)),
            None => Ok(results.pop().unwrap_or_default()),
        }
    }

    /// `p.wait()`: how it ended, as a map.
    pub fn wait(&mut self, key: HandleKey, deadline: Option<Instant>) -> Result<Value, Fault> {
        let process = process(key)?;
        let (outcome, _) = self.await_end(process, deadline, "wait")?;
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
    pub fn property(&mut self, key: HandleKey, name: &str) -> Result<Value, Fault> {
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
                let (outcome, _) = self.find(process).map_or_else(|| outcome::read(process), |child| child.outcome());
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

    /// Asks a process to stop, and kills it when it has not ended after the grace time.
    pub fn stop(&mut self, key: HandleKey, grace: f64) -> Result<(), Fault> {
        send(key, Signal::SIGTERM as i32)?;
        match self.await_end(process(key)?, super::deadline(Some(grace)), "stop") {
            Err(fault) if fault.is(Kind::Timeout) => {
                send(key, Signal::SIGKILL as i32)?;
                self.await_end(process(key)?, None, "stop").map(drop)
            }
            other => other.map(drop),
        }
    }

    /// Asks all children to stop and kills those that have not after the grace time.
    pub fn stop_all(&mut self) {
        self.stop_since(0);
    }

    /// How many were spawned.
    pub fn count(&self) -> usize {
        self.spawned
    }

    /// The same as `stop_all` for those spawned after the first so many.
    pub fn stop_since(&mut self, first: usize) {
        for child in self.all.iter_mut().filter(|child| child.number >= first) {
            // A failure before that is still one; what the stop makes of the process is not.
            if !child.process.has_ended() {
                child.taken = true;
                let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
            }
        }
        let deadline = Instant::now() + GRACE;
        for child in self.all.iter().filter(|child| child.number >= first) {
            loop {
                match child.process.wait_end(Some(deadline)) {
                    EndWait::Ended => break,
                    EndWait::Interrupted | EndWait::Deadlock => note_ends(),
                    EndWait::TimedOut => {
                        let _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
                        break;
                    }
                }
            }
            reaper::await_child(child.process, child.pid);
        }
    }

    /// Ends daemons, waits for the others, and gives the errors that nobody took or was told of.
    pub fn wait_all(&mut self) -> Vec<Fault> {
        for child in self.all.iter_mut().filter(|child| child.daemon && !child.process.has_ended()) {
            child.taken = true;
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
        }
        let daemons_end = Instant::now() + GRACE;
        let mut stopped = false;
        for at in 0..self.all.len() {
            let (process, pid) = (self.all[at].process, self.all[at].pid);
            let mut deadline = self.all[at].daemon.then_some(daemons_end);
            loop {
                match process.wait_end_at_end(deadline) {
                    EndWait::Ended => break,
                    EndWait::Interrupted | EndWait::Deadlock => note_signals(),
                    EndWait::TimedOut => {
                        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                        deadline = None;
                    }
                }
                if signals::ending().is_some() && !stopped {
                    stopped = true;
                    self.stop_all();
                }
            }
            reaper::await_child(process, pid);
        }
        let mut failures = std::mem::take(&mut self.untaken);
        failures.extend(self.all.iter().filter_map(Child::untaken_failure));
        failures
    }
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
    if signals::take_question() {
        crate::world::say(super::ps::of_this_program().as_bytes());
    }
}

impl Child {
    /// What came of it, which has ended.
    fn outcome(&self) -> (Outcome, u64) {
        reaper::await_child(self.process, self.pid);
        reaper::outcome(self.process).unwrap_or((Outcome::Killed(Signal::SIGKILL as i32), 0))
    }

    /// Its failure, if nobody took that. A death by the signal that ends the whole run is none.
    fn untaken_failure(&self) -> Option<Fault> {
        let (outcome, _) = reaper::outcome(self.process).filter(|_| !self.taken)?;
        let with_the_run = matches!(outcome, Outcome::Killed(signal) if signals::ending() == Some(signal));
        if with_the_run { None } else { outcome.result(self.process).err() }
    }
}

/// Sends a signal to a process that may have ended.
pub fn send(key: HandleKey, signal: i32) -> Result<(), Fault> {
    let process = process(key)?;
    if let (Some(pid), Ok(signal), false) = (process.pid(), Signal::try_from(signal), process.has_ended()) {
        if signal == Signal::SIGKILL {
            crate::shm::process_table::note_kill(process);
        }
        let _ = kill(Pid::from_raw(pid), signal);
    }
    Ok(())
}

fn process_key(process: ProcessRef) -> HandleKey {
    handles::key(HandleKind::Process, process.object(), 0)
}

/// The process that a handle means.
pub fn process(key: HandleKey) -> Result<ProcessRef, Fault> {
    let process = if key.kind == HandleKind::Process { ProcessRef::of(handles::object(key)) } else { None };
    process.ok_or_else(|| Fault::type_error("this is not a process"))
}
