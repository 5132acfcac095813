//! The language's locks: they belong to the process that took them, and pass on when it ends.

use super::arena;
use super::atomic::AtomicU64;
use super::atomic::Ordering::Relaxed;
use super::holders;
use super::lock::{Lock, Taken};
use super::name::Name;
use super::object::{self, Header};
use super::process_table::{self, ProcessRef};
use super::region::{at, shared};
use super::waits::{Need, Sleep};
use super::{ObjectRef, ShmError};
use std::time::Instant;

shared! {
    /// Shared objects that can be locked start with it.
    pub(super) struct State {
        pub(super) header: Header,
        /// What its takers write begins at a multiple of 64: it is in one cache line, without what all read.
        apart: [AtomicU64; 3],
        lock: Lock,
        /// The process that has it, as a word; 0 when nobody does.
        owner: AtomicU64,
        /// The process that ended with it before its present owner took it.
        abandoned: AtomicU64,
        /// Where the owner took it, and where the one before took it.
        place: AtomicU64,
        abandoned_place: AtomicU64,
        /// The id of a process that ended with it: its slot may have gone.
        name: Name,
    }
}

/// A lock, as every process names it. Its maker holds [`Role::Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserLock(ObjectRef);

/// What taking a lock came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is this process's.
    Ok,
    /// It is this process's, and the one named ended while it had it.
    Abandoned(ProcessRef),
    /// This process has it already.
    AlreadyHeld,
    /// The deadline has passed, or somebody has it and waiting was not allowed.
    TimedOut,
    /// A signal was handled; the call can be repeated.
    Interrupted,
    /// The wait is part of a circle: see [`super::deadlock::take_circle`].
    Deadlock,
}

/// What giving a lock back came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is free.
    Ok,
    /// This process does not have it.
    NotOwner,
}

impl UserLock {
    /// A new lock, which nobody has.
    pub fn new() -> Result<UserLock, ShmError> {
        holders::new_object(object::USER_LOCK, |_| ()).map(UserLock)
    }

    /// The lock that `object` names.
    pub fn of(object: ObjectRef) -> UserLock {
        UserLock(object)
    }

    /// Its name for [`super::holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    fn state(self) -> Option<&'static State> {
        let state = at::<State>(arena::object(self.0)?.data());
        object::can_be_locked(state.header.kind.load(Relaxed)).then_some(state)
    }

    /// Takes it, waiting until `deadline`.
    pub fn acquire(self, deadline: Option<Instant>) -> Result<Acquired, ShmError> {
        self.take(|lock| {
            if lock.try_fast() {
                return Taken::Free;
            }
            let mut sleep = Sleep::new(deadline);
            lock.acquire(|word, expected| sleep.on(word, expected, self.0, Need::Owner))
        })
    }

    /// Takes it unless somebody has it.
    pub fn try_acquire(self) -> Result<Acquired, ShmError> {
        self.take(Lock::try_acquire)
    }

    /// Takes it if it is free and was given back by its last owner; says whether it was.
    pub fn take_free(self) -> bool {
        let taken = self.take(|lock| if lock.try_fast() { Taken::Free } else { Taken::TimedOut });
        matches!(taken, Ok(Acquired::Ok))
    }

    fn take(self, how: impl FnOnce(&Lock) -> Taken) -> Result<Acquired, ShmError> {
        let state = self.state().ok_or(ShmError::Gone)?;
        if state.lock.held() {
            return Ok(Acquired::AlreadyHeld);
        }
        let abandoned = match how(&state.lock) {
            Taken::Free => 0,
            Taken::OwnerDied => state.owner.load(Relaxed),
            Taken::TimedOut => return Ok(Acquired::TimedOut),
            Taken::Interrupted => return Ok(Acquired::Interrupted),
            Taken::Deadlock => return Ok(Acquired::Deadlock),
        };
        let before = ProcessRef::from_word(abandoned);
        if let Some(before) = before {
            // Else whoever cleared up after it has written its name.
            if before.exists() {
                state.name.set(&before.title());
            }
            state.abandoned_place.store(state.place.load(Relaxed), Relaxed);
        }
        // Between taking and the store of its name, the owner before counts as having had it: it had released it.
        state.abandoned.store(abandoned, Relaxed);
        state.place.store(process_table::my_place(), Relaxed);
        state.owner.store(process_table::me().map_or(0, ProcessRef::word), Relaxed);
        Ok(before.map_or(Acquired::Ok, Acquired::Abandoned))
    }

    /// Gives it back.
    pub fn release(self) -> Result<Released, ShmError> {
        let state = self.state().ok_or(ShmError::Gone)?;
        if !state.lock.held() {
            return Ok(Released::NotOwner);
        }
        state.owner.store(0, Relaxed);
        state.lock.unlock();
        Ok(Released::Ok)
    }

    /// Whether this process has it.
    pub fn held(self) -> bool {
        self.state().is_some_and(|state| state.lock.held())
    }

    /// The process that has it.
    pub fn owner(self) -> Option<ProcessRef> {
        let state = self.state()?;
        if state.lock.owner() == 0 { None } else { ProcessRef::from_word(state.owner.load(Relaxed)) }
    }

    /// The process that ended with it before its present or last owner took it.
    pub fn abandoned(self) -> Option<ProcessRef> {
        ProcessRef::from_word(self.state()?.abandoned.load(Relaxed))
    }

    /// Id and name of that process, which may be forgotten otherwise, and where it had taken the lock.
    pub fn abandoned_by(self) -> Option<(String, u64)> {
        let state = self.state().filter(|state| state.abandoned.load(Relaxed) != 0)?;
        Some((state.name.get(), state.abandoned_place.load(Relaxed)))
    }

    /// Where its owner took it; see [`process_table::set_place`].
    pub fn place(self) -> u64 {
        self.state().map_or(0, |state| state.place.load(Relaxed))
    }
}

/// A process that has it, or had it, can reach it no longer: the next taker is told.
pub(super) fn owner_ended(object: ObjectRef, process: ProcessRef) {
    let Some(state) = UserLock(object).state() else { return };
    if state.owner.load(Relaxed) != process.word() {
        return;
    }
    if state.lock.held() {
        state.name.set(&process.title());
        state.lock.abandon();
        return;
    }
    // The kernel walks a long list of locks only so far.
    if let Some(pid) = process.pid() {
        state.lock.mark_dead(pid as u32);
    }
    match state.lock.try_acquire() {
        Taken::OwnerDied if state.owner.load(Relaxed) == process.word() => {
            state.name.set(&process.title());
            state.lock.abandon();
        }
        Taken::OwnerDied => state.lock.abandon(),
        Taken::Free => state.lock.unlock(),
        Taken::TimedOut | Taken::Interrupted | Taken::Deadlock => {}
    }
}

/// The process that has the lock at `object`; none when that is changing.
pub(super) fn owners(object: ObjectRef) -> Vec<ProcessRef> {
    let owner = UserLock(object).owner();
    let lock = UserLock(object).state().map_or(0, |state| state.lock.owner());
    owner.filter(|owner| owner.pid().is_some_and(|pid| pid as u32 == lock)).into_iter().collect()
}
