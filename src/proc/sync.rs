//! Locks and their kin: what an operation on them comes to in the language.

use super::tell::Warning;
use super::{attend, deadline, deadlock, handles, memory, place, shared, tables, tell, timed_out};
use crate::library::{READER, WRITER};
use crate::shm::model::{
    Abandoned, Attempt, Barrier, Broken, Condition, Event, RLock, Rate, Refused, RwLock, Semaphore, Wake, Who,
};
use crate::shm::monitor::{Limit, Waited, me};
use crate::shm::user_lock::{Acquired, Released};
use crate::shm::{Monitor, ObjectRef, ProcessRef, ShmError, UserLock, process_table};
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::{Op, Synchronizer};
use crate::vm::types::with_article;
use crate::vm::value::{HandleKey, HandleKind, Value};
use std::time::{Duration, Instant};

/// How long an operation may wait: not at all, or for so many seconds, or for ever.
#[derive(Clone, Copy)]
enum Patience {
    Never,
    Until(Option<Instant>),
}

/// Performs an operation on a lock or one of its kin; gives back any other.
#[inline(never)]
pub fn perform(op: Op) -> Result<Result<Value, Fault>, Op> {
    Ok(match op {
        Op::Synchronizer(what) => make(what),
        Op::Acquire { lock, try_: true, .. } => acquire(lock, Patience::Never, false).map(Value::bool),
        Op::Acquire { lock, timeout, .. } => match acquire(lock, Patience::Until(deadline(timeout)), false) {
            Ok(true) => Ok(Value::Null),
            Ok(false) => Err(timed_out("acquire")),
            Err(fault) => Err(fault),
        },
        Op::Release { lock } => release(lock).map(|()| Value::Null),
        Op::Held { lock } => held(lock).map(Value::bool),
        Op::SetEvent { event, set } => {
            let change = |event: &mut Event| if set { event.set() } else { event.clear() };
            monitor::<Event>(event).change(|event| ((), change(event))).map(|()| Value::Null).map_err(gone)
        }
        Op::IsSet { event } => monitor::<Event>(event).look().map(|event| Value::bool(event.is_set)).map_err(gone),
        Op::Abort { barrier } => {
            monitor::<Barrier>(barrier).change(|barrier| ((), barrier.abort())).map(|()| Value::Null).map_err(gone)
        }
        Op::Notify { condition, count } => notify(condition, count).map(|()| Value::Null),
        Op::Enter { value } => match &value {
            Value::Handle(handle) if can_enter(handle.key()) => enter(handle.key()).map(|()| value),
            Value::Handle(handle) if handle.key().kind == HandleKind::RwLock => {
                Err(Fault::type_error("an rwlock is taken to read or to write")
                    .help("`with l.read() { … }` or `with l.write() { … }`"))
            }
            Value::Handle(handle) if handle.key().kind == HandleKind::Shared => {
                shared::enter(handle.key()).map(|()| value)
            }
            Value::Handle(handle) if tables::is_table(handle.key()) => tables::enter(handle.key()).map(|()| value),
            other => Err(cannot_enter(other)),
        },
        Op::Leave { value, raised } => match &value {
            Value::Handle(handle) if can_enter(handle.key()) => leave(handle.key()).map(|()| Value::Null),
            Value::Handle(handle) if handle.key().kind == HandleKind::Shared => {
                shared::leave(handle.key(), raised).map(|()| Value::Null)
            }
            Value::Handle(handle) if tables::is_table(handle.key()) => {
                tables::leave(handle.key());
                Ok(Value::Null)
            }
            _ => Ok(Value::Null),
        },
        Op::Property { handle, name } if name == "abandoned" && is_owned(handle.kind) => Ok(abandoned(handle)),
        other => return Err(other),
    })
}

fn make(what: Synchronizer) -> Result<Value, Fault> {
    let (kind, object) = match what {
        Synchronizer::Lock => (HandleKind::Lock, UserLock::new().map(UserLock::object)),
        Synchronizer::RLock => (HandleKind::RLock, Monitor::new(&RLock::default()).map(Monitor::object)),
        Synchronizer::RwLock => (HandleKind::RwLock, Monitor::new(&RwLock::default()).map(Monitor::object)),
        Synchronizer::Semaphore { permits, bounded } => {
            (HandleKind::Semaphore, Monitor::new(&Semaphore::new(permits, bounded)).map(Monitor::object))
        }
        Synchronizer::Event => (HandleKind::Event, Monitor::new(&Event::default()).map(Monitor::object)),
        Synchronizer::Barrier { parties } => {
            (HandleKind::Barrier, Monitor::new(&Barrier::new(parties)).map(Monitor::object))
        }
        Synchronizer::Condition { lock } => {
            let condition = Condition::new(handles::object(lock).word());
            (HandleKind::Condition, Monitor::new(&condition).map(Monitor::object))
        }
        Synchronizer::Rate { turns, per } => {
            let per = Duration::try_from_secs_f64(per).map_or(u64::MAX, nanoseconds);
            (HandleKind::Rate, Monitor::new(&Rate::new(turns, per)).map(Monitor::object))
        }
    };
    Ok(Value::handle(handles::key(kind, object.map_err(|error| memory(&error))?, 0)))
}

fn monitor<M: crate::shm::model::Model>(key: HandleKey) -> Monitor<M> {
    Monitor::of(handles::object(key))
}

fn gone(error: ShmError) -> Fault {
    memory(&error)
}

/// What belongs to the process that took it.
fn is_owned(kind: HandleKind) -> bool {
    matches!(kind, HandleKind::Lock | HandleKind::RLock | HandleKind::RwLock)
}

fn can_enter(key: HandleKey) -> bool {
    match key.kind {
        HandleKind::Lock | HandleKind::RLock | HandleKind::Semaphore | HandleKind::Rate => true,
        HandleKind::RwLock => key.role != 0,
        _ => false,
    }
}

/// Runs a wait in which signals are attended to; nothing when its time has passed.
fn attended<R>(
    patience: Patience,
    wait: impl FnOnce(Limit) -> Result<Waited<R>, ShmError>,
) -> Result<Option<R>, Fault> {
    let mut fault = None;
    let mut go_on = || match attend() {
        Ok(()) => true,
        Err(raised) => {
            fault = Some(raised);
            false
        }
    };
    let waited = match patience {
        Patience::Never => wait(Limit::Never),
        Patience::Until(deadline) => wait(Limit::Until(deadline, &mut go_on)),
    };
    match (waited.map_err(gone)?, fault) {
        (_, Some(fault)) => Err(fault),
        (Waited::Done(result), None) => Ok(Some(result)),
        (Waited::Deadlock, None) => Err(deadlock::fault()),
        (Waited::TimedOut | Waited::Interrupted, None) => Ok(None),
    }
}

/// Takes a lock or a permit; false when there was no time to wait for it. A permit for `with` comes back when this
/// process ends.
fn acquire(key: HandleKey, patience: Patience, with: bool) -> Result<bool, Fault> {
    let (who, place) = (me(), process_table::my_place());
    let taken = match key.kind {
        HandleKind::Lock => {
            let lock = UserLock::of(handles::object(key));
            return Ok(match acquire_lock(lock, patience)? {
                Some(abandoned) => {
                    if abandoned {
                        warn_of(lock);
                    }
                    true
                }
                None => false,
            });
        }
        HandleKind::RLock => attended(patience, |limit| {
            monitor::<RLock>(key).wait(limit, |lock| lock.acquire(who, place, 1), |_| Wake::Nobody)
        })?
        .map(|abandoned| warn(key, abandoned)),
        HandleKind::RwLock if key.role == READER => {
            let attempt = |lock: &mut RwLock| refused(lock.read(who, place));
            let taken = attended(patience, |limit| monitor::<RwLock>(key).wait(limit, attempt, |_| Wake::Nobody))?;
            unless_tried(taken, patience)?.map(|abandoned| warn(key, abandoned))
        }
        HandleKind::RwLock => {
            let attempt = |lock: &mut RwLock| refused(lock.write(who, place));
            let withdraw = |lock: &mut RwLock| lock.withdraw(who);
            let taken = attended(patience, |limit| monitor::<RwLock>(key).wait(limit, attempt, withdraw))?;
            unless_tried(taken, patience)?.map(|abandoned| warn(key, abandoned))
        }
        _ => {
            let attempt = |semaphore: &mut Semaphore| if with { semaphore.enter(who) } else { semaphore.acquire() };
            attended(patience, |limit| monitor::<Semaphore>(key).wait(limit, attempt, |_| Wake::Nobody))?
        }
    };
    Ok(taken.is_some())
}

/// What was refused is an error, but not to who only tries.
fn unless_tried<R>(taken: Option<Result<R, Fault>>, patience: Patience) -> Result<Option<R>, Fault> {
    match taken {
        Some(Err(_)) if matches!(patience, Patience::Never) => Ok(None),
        taken => taken.transpose(),
    }
}

/// What is refused at once ends the wait, as an error.
fn refused<R>(attempt: Result<Attempt<R>, Refused>) -> Attempt<Result<R, Fault>> {
    match attempt {
        Ok(Attempt::Done(result, wake)) => Attempt::Done(Ok(result), wake),
        Ok(Attempt::Wait) => Attempt::Wait,
        Err(refused) => Attempt::Done(Err(would_wait_for_itself(refused)), Wake::Nobody),
    }
}

fn would_wait_for_itself(refused: Refused) -> Fault {
    let (message, help) = match refused {
        Refused::Reads(place) => (
            format!("this process reads already{}: it would wait for itself to write", on_line(place)),
            "take `l.write()` from the start, or leave `with l.read()` before",
        ),
        Refused::Writes(place) => (
            format!("this process writes already{}: it would wait for itself", on_line(place)),
            "who has `l.write()` may read too, without taking the lock again",
        ),
    };
    Fault::new(Kind::Deadlock, message).help(help)
}

/// Where something was done in the script, for the end of a clause.
fn on_line(place: u64) -> String {
    match tell::line(place::of_word(place)) {
        line if line.is_empty() => line,
        line => format!(", on {line}"),
    }
}

/// Takes the lock that another object has.
pub fn acquire_inner(key: HandleKey) -> Result<(), Fault> {
    acquire_lock(UserLock::of(handles::object(key)), Patience::Until(None)).map(drop)
}

/// Whether the last owner ended with it; nothing when there was no time to wait for it.
fn acquire_lock(lock: UserLock, patience: Patience) -> Result<Option<bool>, Fault> {
    loop {
        let acquired = match patience {
            Patience::Never => lock.try_acquire(),
            Patience::Until(deadline) => lock.acquire(deadline),
        };
        match acquired.map_err(gone)? {
            Acquired::Ok => return Ok(Some(false)),
            Acquired::Abandoned(_) => return Ok(Some(true)),
            Acquired::AlreadyHeld if matches!(patience, Patience::Never) => return Ok(None),
            Acquired::AlreadyHeld => {
                let message = format!("this process has taken the lock already{}", on_line(lock.place()));
                return Err(Fault::new(Kind::Deadlock, message)
                    .help("a lock is taken once; `rlock()` is one that may be taken again"));
            }
            Acquired::TimedOut => return Ok(None),
            Acquired::Deadlock => return Err(deadlock::fault()),
            Acquired::Interrupted => {
                attend()?;
            }
        }
    }
}

/// Warns the one who has just taken a lock of which a process ended as the owner.
fn warn_of(lock: UserLock) {
    if let Some((title, place)) = lock.abandoned_by() {
        abandoned_warning("lock", &title, place);
    }
}

fn warn(key: HandleKey, abandoned: Option<Abandoned>) {
    let Some(abandoned) = abandoned else { return };
    let title = match key.kind {
        HandleKind::RLock => monitor::<RLock>(key).look_at_lost().map(|(_, title)| title),
        _ => monitor::<RwLock>(key).look_at_lost().map(|(_, title)| title),
    };
    abandoned_warning(key.kind.type_of().name(), &title.unwrap_or_default(), abandoned.place);
}

fn abandoned_warning(what: &str, title: &str, place: u64) {
    tell::warning(&Warning {
        code: "W0302",
        message: format!("process {title} ended while it held the {what}"),
        labels: vec![
            (place::of_word(place), format!("process {title} took it here")),
            (tell::here(), "it passes on here".to_owned()),
        ],
        help: Some(format!("what the {what} guards may be half changed; `abandoned` of the {what} tells who left it")),
    });
}

fn release(key: HandleKey) -> Result<(), Fault> {
    let who = me();
    match key.kind {
        HandleKind::Lock => {
            let lock = UserLock::of(handles::object(key));
            match lock.release().map_err(gone)? {
                Released::Ok => Ok(()),
                Released::NotOwner => Err(not_owner(lock.owner().as_slice())),
            }
        }
        HandleKind::RLock => {
            let lock = monitor::<RLock>(key);
            match lock.change(|lock| lock.release(who, 1)).map_err(gone)? {
                0 => Err(not_owner(&processes([lock.look().map_err(gone)?.ownership.owner]))),
                _ => Ok(()),
            }
        }
        HandleKind::RwLock => {
            let lock = monitor::<RwLock>(key);
            let end = |lock: &mut RwLock| if key.role == READER { lock.end_read(who) } else { lock.end_write(who) };
            if lock.change(end).map_err(gone)? {
                return Ok(());
            }
            let lock = lock.look().map_err(gone)?;
            Err(not_owner(&match key.role {
                READER => processes(lock.readers()),
                _ => processes([lock.writing.owner]),
            }))
        }
        _ => {
            let released = monitor::<Semaphore>(key).change(|semaphore| match semaphore.release() {
                Ok(wake) => (Ok(()), wake),
                Err(full) => (Err(full), Wake::Nobody),
            });
            released.map_err(gone)?.map_err(|_| {
                Fault::value_error(
                    "`release`: the semaphore has all its permits, or those who have them give them back",
                )
                .help("what `with s` takes it gives back itself; `release` belongs to `acquire`")
            })
        }
    }
}

fn processes(words: impl IntoIterator<Item = Who>) -> Vec<ProcessRef> {
    words.into_iter().filter_map(ProcessRef::from_word).collect()
}

fn not_owner(owners: &[ProcessRef]) -> Fault {
    let owners: Vec<String> = owners.iter().map(|&owner| owner.title()).collect();
    Fault::value_error(match owners.as_slice() {
        [] => "`release`: nobody has taken the lock".to_owned(),
        [one] => format!("`release`: process {one} has taken the lock, not this one"),
        several => format!("`release`: the processes {} have taken the lock, not this one", several.join(", ")),
    })
}

fn held(key: HandleKey) -> Result<bool, Fault> {
    let who = me();
    Ok(match key.kind {
        HandleKind::Lock => UserLock::of(handles::object(key)).held(),
        HandleKind::RLock => monitor::<RLock>(key).look().map_err(gone)?.ownership.owner == who,
        _ => {
            let lock = monitor::<RwLock>(key).look().map_err(gone)?;
            key.role != WRITER && lock.reads(who) || key.role != READER && lock.writing.owner == who
        }
    })
}

fn abandoned(key: HandleKey) -> Value {
    let title = match key.kind {
        HandleKind::Lock => UserLock::of(handles::object(key)).abandoned_by().map(|(title, _)| title),
        HandleKind::RLock => {
            monitor::<RLock>(key).look_at_lost().ok().and_then(|(lock, title)| lock.ownership.abandoned.map(|_| title))
        }
        _ => monitor::<RwLock>(key).look_at_lost().ok().and_then(|(lock, title)| lock.writing.abandoned.map(|_| title)),
    };
    // The id alone, which names the process everywhere.
    title.map_or(Value::Null, |title| Value::str(title.split(' ').next().unwrap_or_default()))
}

fn enter(key: HandleKey) -> Result<(), Fault> {
    if key.kind == HandleKind::Rate {
        return await_(key, None).map(drop);
    }
    acquire(key, Patience::Until(None), true).map(drop)
}

/// Ends `with`. What was taken may have been given back by hand.
fn leave(key: HandleKey) -> Result<(), Fault> {
    match key.kind {
        HandleKind::Semaphore => {
            let who = me();
            let _ = monitor::<Semaphore>(key).change(|semaphore| semaphore.leave(who));
        }
        HandleKind::Rate => {}
        _ => drop(release(key)),
    }
    Ok(())
}

pub fn await_(key: HandleKey, timeout: Option<f64>) -> Result<Value, Fault> {
    let patience = Patience::Until(deadline(timeout));
    let waited = match key.kind {
        HandleKind::Event => await_event(monitor(key), patience)?.map(|()| Value::Null),
        HandleKind::Barrier => await_others(key, patience)?.map(|place| Value::Int(place as i64)),
        HandleKind::Condition => await_condition(key, patience)?.map(|()| Value::Null),
        _ => await_turn(monitor(key), patience)?.map(|()| Value::Null),
    };
    waited.ok_or_else(|| timed_out("wait"))
}

/// In a frame of its own: those of a wait shall have room on one page of the stack.
#[inline(never)]
fn await_event(event: Monitor<Event>, patience: Patience) -> Result<Option<()>, Fault> {
    let mut since = None;
    let attempt = |event: &mut Event| event.wait(*since.get_or_insert(event.times));
    attended(patience, |limit| event.wait(limit, attempt, |_| Wake::Nobody))
}

/// Waits at a barrier; gives the place in the order of arrival.
#[inline(never)]
fn await_others(key: HandleKey, patience: Patience) -> Result<Option<u64>, Fault> {
    let who = me();
    let withdraw = |barrier: &mut Barrier| {
        barrier.withdraw(who);
        Wake::Nobody
    };
    let waited =
        attended(patience, |limit| monitor::<Barrier>(key).wait(limit, |barrier| barrier.wait(who), withdraw))?;
    waited.transpose().map_err(|broken| no_passage(key, broken))
}

fn no_passage(key: HandleKey, broken: Broken) -> Fault {
    let message = match broken {
        Broken::Aborted => "the barrier was aborted: nobody passes it any more".to_owned(),
        Broken::Died(_) => {
            let title = monitor::<Barrier>(key).look_at_lost().map_or(String::new(), |(_, title)| title);
            format!("process {title} ended while it waited at the barrier: nobody passes it any more")
        }
    };
    Fault::new(Kind::Closed, message)
}

/// The lock of a condition.
enum Guard {
    Lock(UserLock),
    RLock(Monitor<RLock>),
}

impl Guard {
    fn of(condition: HandleKey) -> Result<Guard, Fault> {
        let object = ObjectRef::from_word(monitor::<Condition>(condition).look().map_err(gone)?.lock);
        let lock = Monitor::<RLock>::of(object);
        let guard = if lock.look().is_ok() { Guard::RLock(lock) } else { Guard::Lock(UserLock::of(object)) };
        let (held, owner) = match &guard {
            Guard::Lock(lock) => (lock.held(), lock.owner()),
            Guard::RLock(lock) => {
                let owner = lock.look().map_err(gone)?.ownership.owner;
                (owner == me(), ProcessRef::from_word(owner))
            }
        };
        if held {
            return Ok(guard);
        }
        Err(Fault::value_error(match owner {
            None => "this process does not hold the lock of the condition: nobody does".to_owned(),
            Some(owner) => {
                format!("this process does not hold the lock of the condition: process {} does", owner.title())
            }
        })
        .help("write `with l { … }` around it, with the lock that the condition was made for"))
    }

    /// Gives it back wholly; says how many times it had been taken.
    fn give_back(&self) -> Result<u64, Fault> {
        match self {
            Guard::Lock(lock) => lock.release().map(|_| 1).map_err(gone),
            Guard::RLock(lock) => lock.change(|lock| lock.release(me(), u64::MAX)).map_err(gone),
        }
    }

    /// Takes it again so many times, whatever signals come meanwhile: what they ask for comes afterwards.
    fn take_again(&self, times: u64) -> Result<(), Fault> {
        let mut fault = Ok(());
        let mut attend = || {
            if let Err(raised) = attend()
                && fault.is_ok()
            {
                fault = Err(raised);
            }
            true
        };
        match self {
            Guard::Lock(lock) => loop {
                match lock.acquire(None).map_err(gone)? {
                    Acquired::Interrupted => drop(attend()),
                    Acquired::Abandoned(_) => break warn_of(*lock),
                    Acquired::Deadlock => return fault.and(Err(deadlock::fault())),
                    _ => break,
                }
            },
            Guard::RLock(lock) => {
                let place = process_table::my_place();
                let attempt = |lock: &mut RLock| lock.acquire(me(), place, times);
                let taken = lock.wait(Limit::Until(None, &mut attend), attempt, |_| Wake::Nobody).map_err(gone)?;
                match taken {
                    Waited::Deadlock => return fault.and(Err(deadlock::fault())),
                    Waited::Done(Some(abandoned)) => {
                        let title = lock.look_at_lost().map_or(String::new(), |(_, title)| title);
                        abandoned_warning("rlock", &title, abandoned.place);
                    }
                    _ => {}
                }
            }
        }
        fault
    }
}

#[inline(never)]
fn await_condition(key: HandleKey, patience: Patience) -> Result<Option<()>, Fault> {
    let who = me();
    let guard = Guard::of(key)?;
    let condition = monitor::<Condition>(key);
    // Before the lock is free, so that nothing told from then on is missed.
    condition.change(|condition| (condition.enlist(who), Wake::Nobody)).map_err(gone)?;
    let times = guard.give_back()?;
    let waited = attended(patience, |limit| {
        condition.wait(limit, |condition| condition.wait(who), |condition| condition.withdraw(who))
    });
    let taken = guard.take_again(times);
    let waited = waited?;
    // What it was told goes to the next one if this one does not go on.
    let ended = match taken {
        Ok(()) => condition.change(|condition| (condition.leave(who), Wake::Nobody)),
        Err(_) => condition.change(|condition| ((), condition.withdraw(who))),
    };
    ended.map_err(gone)?;
    taken.map(|()| waited)
}

fn notify(key: HandleKey, count: u64) -> Result<(), Fault> {
    Guard::of(key)?;
    monitor::<Condition>(key).change(|condition| ((), condition.notify(count))).map_err(gone)
}

/// Waits for the next turn of a limiter; nothing when that comes too late.
#[inline(never)]
fn await_turn(rate: Monitor<Rate>, patience: Patience) -> Result<Option<()>, Fault> {
    let Patience::Until(deadline) = patience else { return Ok(None) };
    let start = Instant::now();
    let now = clock();
    let after = |time: Instant| now.saturating_add(nanoseconds(time.saturating_duration_since(start)));
    let last = deadline.map_or(u64::MAX, after);
    let turn = rate.change(|rate| (rate.take(now, last), Wake::Nobody)).map_err(gone)?;
    let end = match turn {
        Ok(turn) if turn.at <= now => return Ok(Some(())),
        Ok(turn) => start.checked_add(Duration::from_nanos(turn.at - now)),
        Err(_) => deadline,
    };
    // A wait with an end: nobody else has to do anything for it.
    let give_back = |rate: &mut Rate| {
        if let Ok(turn) = turn
            && clock() < turn.at
        {
            rate.give_back(turn);
        }
        Wake::Nobody
    };
    attended::<()>(Patience::Until(end), |limit| rate.wait(limit, |_| Attempt::Wait, give_back))?;
    Ok(turn.ok().map(drop))
}

/// Nanoseconds of the system's clock, which is the same for all processes.
fn clock() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    time.map_or(0, |time| nanoseconds(Duration::from(time)))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The error for what `with` does not take.
fn cannot_enter(value: &Value) -> Fault {
    let fault =
        Fault::type_error(format!("`with` needs a lock or an open file, got {}", with_article(value.type_name())));
    match value {
        Value::Handle(handle) if matches!(handle.key().kind, HandleKind::Condition) => {
            fault.help("write `with` and the lock that the condition was made for")
        }
        _ => fault,
    }
}
