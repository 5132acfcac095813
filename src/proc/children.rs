//! The processes that this one spawned: waiting for them, taking their results, ending them.

use super::outcome::{self, Outcome};
use super::{attend, handles, signals, timed_out};
use crate::shm::ProcessRef;
use crate::shm::process_table::{EndWait, Ended, reap};
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{HandleKey, HandleKind, Map, Value};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// How long processes that are stopped may take to clear up.
const GRACE: Duration = Duration::from_secs(2);

struct Child {
    process: ProcessRef,
    pid: i32,
    daemon: bool,
    /// What came of it, once it was reaped.
    outcome: Option<(Outcome, u64)>,
    /// Somebody here took its result.
    taken: bool,
    /// The value keeps its slot in the process table.
    _handle: Value,
}

/// The children of this process, in the order they were spawned.
#[derive(Default)]
pub struct Children {
    all: Vec<Child>,
}

impl Children {
    /// A child was forked.
    pub fn add(&mut self, process: ProcessRef, pid: i32, daemon: bool) {
        let handle = Value::handle(handles::key(HandleKind::Process, process.object(), 0));
        self.all.push(Child { process, pid, daemon, outcome: None, taken: false, _handle: handle });
    }

    /// The handles of those that live.
    pub fn handles(&self) -> Vec<Value> {
        let living = self.all.iter().filter(|child| child.outcome.is_none());
        living.map(|child| Value::handle(handles::key(HandleKind::Process, child.process.object(), 0))).collect()
    }

    /// Takes notice of children that have ended.
    pub fn reap_ended(&mut self) {
        if signals::child_ended() {
            for child in &mut self.all {
                child.reap(WaitPidFlag::WNOHANG);
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
        if let Some(child) = self.find(process) {
            if let Some(outcome) = &child.outcome {
                child.taken = true;
                return Ok(outcome.clone());
            }
        } else if crate::shm::process_table::me() == Some(process) {
            return Err(Fault::new(Kind::Deadlock, "a process cannot wait for its own end"));
        }
        loop {
            match process.wait_end(deadline) {
                EndWait::Ended => break,
                EndWait::TimedOut => return Err(timed_out(what)),
                EndWait::Interrupted => {
                    attend()?;
                    self.reap_ended();
                }
            }
        }
        Ok(match self.find(process) {
            Some(child) => {
                child.reap(WaitPidFlag::empty());
                child.taken = true;
                child.outcome.clone().unwrap_or((Outcome::Killed(9), 0))
            }
            None => outcome::read(process),
        })
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
                let outcome = match self.find(process) {
                    Some(child) => {
                        child.reap(WaitPidFlag::empty());
                        child.outcome.clone().map_or(Outcome::Killed(9), |(outcome, _)| outcome)
                    }
                    None => outcome::read(process).0,
                };
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
        self.all.len()
    }

    /// The same for those spawned after the first so many.
    pub fn stop_since(&mut self, first: usize) {
        for child in self.all[first..].iter().filter(|child| child.outcome.is_none()) {
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
        }
        let deadline = Instant::now() + GRACE;
        for child in &mut self.all[first..] {
            child.taken = true;
            while child.outcome.is_none() {
                match child.process.wait_end(Some(deadline)) {
                    EndWait::Ended => child.reap(WaitPidFlag::empty()),
                    EndWait::Interrupted => {
                        crate::shm::park::take_signal();
                    }
                    EndWait::TimedOut => {
                        let _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
                        child.reap(WaitPidFlag::empty());
                    }
                }
            }
        }
    }

    /// Ends daemons, waits for the others, and gives the errors that nobody took.
    pub fn wait_all(&mut self) -> Vec<Fault> {
        for child in self.all.iter_mut().filter(|child| child.daemon && child.outcome.is_none()) {
            child.taken = true;
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
        }
        let mut at = 0;
        while at < self.all.len() {
            if self.all[at].outcome.is_some() {
                at += 1;
                continue;
            }
            let process = self.all[at].process;
            match process.wait_end(None) {
                EndWait::Ended => self.all[at].reap(WaitPidFlag::empty()),
                _ => {
                    crate::shm::park::take_signal();
                    self.reap_ended();
                }
            }
            if signals::ending().is_some() {
                self.stop_all();
            }
        }
        let untaken = self.all.iter().filter(|child| !child.taken);
        untaken.filter_map(|child| child.outcome.as_ref()?.0.result(child.process).err()).collect()
    }
}

impl Child {
    /// Learns from the system how the child ended, waiting for that unless told otherwise.
    fn reap(&mut self, flags: WaitPidFlag) {
        if self.outcome.is_some() {
            return;
        }
        let ended = loop {
            match waitpid(Pid::from_raw(self.pid), Some(flags)) {
                Ok(WaitStatus::Exited(_, status)) => break Ended::Exit(status),
                Ok(WaitStatus::Signaled(_, signal, _)) => break Ended::Signal(signal as i32),
                Ok(WaitStatus::StillAlive) => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break Ended::Signal(Signal::SIGKILL as i32),
            }
        };
        // The handles in its result are held here before what it held is given up.
        let mut outcome = outcome::read(self.process);
        if self.process.result().is_none() {
            outcome.0 = match ended {
                Ended::Exit(0) => Outcome::Returned(Value::Null),
                Ended::Exit(status) => Outcome::Exited(status as u8),
                Ended::Signal(signal) => Outcome::Killed(signal),
            };
        }
        reap(self.process, ended);
        self.outcome = Some(outcome);
    }
}

/// Sends a signal to a process that may have ended.
pub fn send(key: HandleKey, signal: i32) -> Result<(), Fault> {
    let process = process(key)?;
    if let (Some(pid), Ok(signal), false) = (process.pid(), Signal::try_from(signal), process.has_ended()) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
    Ok(())
}

fn process(key: HandleKey) -> Result<ProcessRef, Fault> {
    let process = if key.kind == HandleKind::Process { ProcessRef::of(handles::object(key)) } else { None };
    process.ok_or_else(|| Fault::type_error("this is not a process"))
}
