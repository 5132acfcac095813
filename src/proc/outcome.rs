//! How a process ended, as its result in shared memory tells it.

use super::apart::{Apart, ApartMap};
use super::{handles, moves, place, signal_name};
use crate::shm::exit_status::Ended;
use crate::shm::process_table::ProcessRef;
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{self, ErrorValue, FEW, Map, Ref, Site, Value, decode, encode_in};
use rustc_hash::FxBuildHasher;
use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// What came of a process.
#[derive(Clone)]
pub enum Outcome {
    /// Its code returned this.
    Returned(Value),
    /// Its code raised this.
    Raised(Ref<ErrorValue>),
    /// It ended with this status, by a call of `exit` at this place, with the calls that led to it.
    Exited(u8, Vec<Site>),
    /// A signal ended it.
    Killed(i32),
}

const RETURNED: u8 = 0;
const RAISED: u8 = 1;
const EXITED: u8 = 2;
/// Tag and time come before the value.
const HEADER: usize = 9;

/// The form in which a result waits in shared memory, with the time of that. What it mentions is what this process holds
/// for as long as the result is there.
pub fn pack(result: &Result<Value, Fault>) -> Vec<u8> {
    let at = match result {
        Err(fault) if fault.0.at > 0 => fault.0.at,
        _ => now(),
    };
    let start = |tag: u8| {
        let mut bytes = Vec::with_capacity(FEW);
        bytes.push(tag);
        bytes.extend(at.to_le_bytes());
        bytes
    };
    let encoded = match result {
        Ok(value) => encode_in(value, start(RETURNED)),
        Err(Fault(error)) => match error.exit {
            Some(_) => encode_in(&Value::Error(error.clone()), start(EXITED)),
            None => encode_in(&Value::Error(error.clone()), start(RAISED)),
        },
    };
    match encoded {
        Ok(encoded) => encoded.bytes,
        Err(fault) => pack(&Err(fault)),
    }
}

/// Nanoseconds on the system's clock, which counts from the start of the system for all processes.
pub fn now() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

thread_local! {
    /// Results with ends of pipes that this process took, as long as it has the processes: it can ask again.
    /// Never dropped: a process that first uses it need not tell the system to do that.
    static TAKEN: RefCell<ManuallyDrop<Taken>> = const { RefCell::new(ManuallyDrop::new(NOTHING)) };
}

type Taken = ApartMap<ProcessRef, Value>;
const NOTHING: Taken = Taken::with_hasher_in(FxBuildHasher, Apart);

/// This process has a process no longer.
pub fn forget(process: ProcessRef) {
    // The value goes after the table is free again.
    drop(TAKEN.with_borrow_mut(|taken| if taken.is_empty() { None } else { taken.remove(&process) }));
}

/// This process was forked: what its parent took is its parent's.
pub fn begin_child() {
    TAKEN.set(ManuallyDrop::new(NOTHING));
}

/// A result as it was read, with the ends of pipes in it, which go to the first that takes them.
fn with_ends(process: ProcessRef, value: &Value) -> Value {
    let mut ends = Vec::new();
    if handles::some_moved() {
        value::handles(value, &mut |key| {
            if handles::how_moved(key).is_some() {
                ends.push(key);
            }
        });
    }
    if ends.is_empty() {
        return value.clone();
    }
    if let Some(taken) = TAKEN.with_borrow(|taken| taken.get(&process).cloned()) {
        return taken;
    }
    let mut value = value.clone();
    if process.taker().is_none()
        && let Some(Ok(arrived)) = process.result().map(|bytes| decode(bytes.get(HEADER..).unwrap_or_default()))
    {
        value = arrived;
        if process.take_ends() {
            TAKEN.with_borrow_mut(|taken| taken.insert(process, value.clone()));
            return value;
        }
    }
    let how = moves::by_join(process);
    ends.into_iter().for_each(|end| handles::moved(end, &how));
    value
}

/// What came of a process that has ended, and when. Ends of pipes in its result stay there until somebody takes it, by
/// [`Outcome::result`].
pub fn read(process: ProcessRef) -> (Outcome, u64) {
    let time = |bytes: &[u8]| bytes.get(1..HEADER).and_then(|time| time.try_into().ok()).map_or(0, u64::from_le_bytes);
    if let Some(bytes) = process.result()
        && bytes.len() >= HEADER
    {
        let (at, body) = (time(&bytes), &bytes[HEADER..]);
        let outcome = match (bytes[0], handles::leave_ends(process, || decode(body))) {
            (EXITED, Ok(Value::Error(error))) => Outcome::Exited(error.exit.unwrap_or(0), error.trace.clone()),
            (RAISED, Ok(Value::Error(error))) => Outcome::Raised(error),
            (_, Ok(value)) => Outcome::Returned(value),
            (_, Err(fault)) => Outcome::Raised(fault.0),
        };
        return (outcome, at);
    }
    // While its parent has not told yet how it ended: without a result it was killed.
    let outcome = process.ended().map_or(Outcome::Killed(9), Outcome::of);
    (outcome, now())
}

impl Outcome {
    /// What came of a process that left no result.
    pub fn of(ended: Ended) -> Outcome {
        match ended {
            Ended::Exit(0) => Outcome::Returned(Value::Null),
            Ended::Exit(status) => Outcome::Exited(status as u8, Vec::new()),
            Ended::Signal(signal) => Outcome::Killed(signal),
        }
    }

    /// The value, or the error that `join` raises: it takes the ends of pipes in it.
    pub fn result(&self, process: ProcessRef) -> Result<Value, Fault> {
        match self {
            Outcome::Returned(value) => Ok(with_ends(process, value)),
            Outcome::Raised(error) => {
                let mut fault = match with_ends(process, &Value::Error(error.clone())) {
                    Value::Error(error) => Fault(error),
                    _ => Fault(error.clone()),
                };
                if fault.0.process.is_null() {
                    note_process(&mut fault, process);
                }
                Err(fault)
            }
            Outcome::Exited(0, _) => Ok(Value::Null),
            Outcome::Exited(status, trace) => {
                let message = format!("process {} ended with status {status}", process.title());
                let mut fault = Fault::new(Kind::ProcessFailed, message).data(facts(process, Some(*status), None));
                fault.change(|error| error.trace = trace.clone());
                Err(fault)
            }
            Outcome::Killed(signal) => Err(killed(process, *signal)),
        }
    }

    /// Whether it is a failure, of a process that was made to end or not.
    pub fn is_failure(&self, asked: bool) -> bool {
        match self {
            Outcome::Returned(_) | Outcome::Exited(0, _) => false,
            Outcome::Raised(_) | Outcome::Exited(..) => true,
            Outcome::Killed(libc::SIGTERM | libc::SIGKILL) => !asked,
            Outcome::Killed(_) => true,
        }
    }

    /// The exit status, unless a signal ended it.
    pub fn exit_code(&self) -> Option<i64> {
        match self {
            Outcome::Returned(_) => Some(0),
            Outcome::Raised(_) => Some(1),
            Outcome::Exited(status, _) => Some(i64::from(*status)),
            Outcome::Killed(_) => None,
        }
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i64> {
        if let Outcome::Killed(signal) = self { Some(i64::from(*signal)) } else { None }
    }
}

/// The error of a process that a signal ended.
fn killed(process: ProcessRef, signal: i32) -> Fault {
    let why = if process.out_of_memory() { ": the system was out of memory" } else { "" };
    let message = format!("process {} was killed by signal {signal}{}{why}", process.title(), signal_name(signal));
    let mut data = facts(process, None, Some(signal));
    let mut fault = Fault::new(Kind::ProcessKilled, message);
    let place = process.place();
    if place != 0 {
        let function = format!("process {} was last seen here", process.id()).into();
        fault.change(|error| error.related = vec![Site { place: place::of_word(place), function, spawn: false }]);
    }
    let Some(bytes) = process.peak_memory() else { return fault.data(data) };
    if let Value::Map(map) = &mut data {
        let map = map.make_mut();
        map.insert("peak_memory".into(), Value::from(bytes as i64));
        map.insert("out_of_memory".into(), Value::bool(process.out_of_memory()));
    }
    let help = format!("its memory was at most {} MiB", bytes.div_ceil(1 << 20));
    fault.data(data).help(help)
}

fn facts(process: ProcessRef, status: Option<u8>, signal: Option<i32>) -> Value {
    let mut map = Map::default();
    map.insert("process".into(), Value::from(process.id()));
    if let Some(status) = status {
        map.insert("exit_code".into(), Value::Int(i64::from(status)));
    }
    if let Some(signal) = signal {
        map.insert("signal".into(), Value::Int(i64::from(signal)));
    }
    Value::map(map)
}

/// The error was raised in this process.
pub fn note_process(fault: &mut Fault, process: ProcessRef) {
    let name = Some(process.name()).filter(|name| !name.is_empty());
    fault.change(|error| {
        error.process = Value::from(process.id());
        error.process_name = name.map_or(Value::Null, Value::from);
    });
}
