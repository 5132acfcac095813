//! Objects of which a small model says what they mean: one of them lies in a block, guarded by a robust lock.
//!
//! The state stands there twice; each operation writes the copy that is not in force and makes it so by one store. So
//! a death at any instruction leaves the state before or after, and there is nothing to repair.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, fence, seeded};
use super::holders;
use super::lock::Lock;
use super::model::{Attempt, Barrier, Condition, Encoded, Event, Model, RLock, Rate, RwLock, Semaphore, Wake, Who};
use super::name::Name;
use super::object::Header;
use super::park::{self, Wait};
use super::process_table::{self, ProcessRef};
use super::region::{at, shared};
use super::waits::{Need, Sleep};
use super::{ObjectRef, ShmError};
use std::marker::PhantomData;
use std::time::Instant;

/// Words of a copy that need no block of its own.
const INLINE: usize = 20;

shared! {
    struct State {
        header: Header,
        lock: Lock,
        /// The copy in force, in the lowest bit, and its length in words.
        current: AtomicU64,
        /// The word that waiters sleep on.
        event: AtomicU32,
        /// Somebody may sleep.
        sleeping: AtomicU32,
        /// Where copies longer than `INLINE` stand.
        blocks: [AtomicU64; 2],
        /// Id and name of the process that ended while it had the object: its slot may have gone.
        name: Name,
        copies: [[AtomicU64; INLINE]; 2],
    }
}

/// An object, as every process names it. Its maker holds [`super::Role::Handle`].
#[derive(Debug, PartialEq, Eq)]
pub struct Monitor<M>(ObjectRef, PhantomData<M>);

impl<M> Clone for Monitor<M> {
    fn clone(&self) -> Monitor<M> {
        *self
    }
}

impl<M> Copy for Monitor<M> {}

/// How an operation that had to wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited<R> {
    /// It is done.
    Done(R),
    /// The deadline has passed, or it would have had to wait and was not allowed to.
    TimedOut,
    /// A signal was handled, and the caller did not want to go on.
    Interrupted,
    /// The wait is part of a circle: see [`super::deadlock::take_circle`].
    Deadlock,
}

/// How long an operation may wait.
pub enum Limit<'a> {
    /// Not at all.
    Never,
    /// Until the deadline; when a signal was handled, as long as the function says that the wait goes on.
    Until(Option<Instant>, &'a mut dyn FnMut() -> bool),
}

/// This process, as models know it.
pub fn me() -> Who {
    process_table::me().map_or(0, ProcessRef::word)
}

impl<M: Model> Monitor<M> {
    /// A new object in this state.
    pub fn new(model: &M) -> Result<Monitor<M>, ShmError> {
        let mut words = Encoded::new();
        model.encode(&mut words);
        debug_assert!(words.len() <= INLINE);
        let object = holders::new_object(M::KIND, |block| {
            let state = at::<State>(block.data());
            words.iter().zip(&state.copies[0]).for_each(|(word, place)| place.store(*word, Relaxed));
            state.current.store((words.len() as u64) << 1, Release);
        })?;
        Ok(Monitor::of(object))
    }

    /// The object that `object` names.
    pub fn of(object: ObjectRef) -> Monitor<M> {
        Monitor(object, PhantomData)
    }

    /// Its name for [`super::holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    fn state(self) -> Result<&'static State, ShmError> {
        let state = at::<State>(arena::object(self.0).ok_or(ShmError::Gone)?.data());
        if state.header.kind.load(Relaxed) == M::KIND { Ok(state) } else { Err(ShmError::Gone) }
    }

    /// The present state.
    pub fn look(self) -> Result<M, ShmError> {
        let state = self.state()?;
        state.enter();
        let model = M::decode(&state.read());
        state.lock.unlock();
        Ok(model)
    }

    /// The state of an object that somebody can have for himself, for one that must not take its lock.
    fn glance(self) -> Option<M> {
        if !M::OWNED {
            return None;
        }
        self.state().ok()?.glance().map(|words| M::decode(&words))
    }

    /// The present state, and id and name of the process that ended last while it had a part in it that matters.
    pub fn look_at_lost(self) -> Result<(M, String), ShmError> {
        let state = self.state()?;
        state.enter();
        let (model, name) = (M::decode(&state.read()), state.name.get());
        state.lock.unlock();
        Ok((model, name))
    }

    /// Changes the state, and wakes those that may be able to go on.
    pub fn change<R>(self, change: impl FnOnce(&mut M) -> (R, Wake)) -> Result<R, ShmError> {
        let state = self.state()?;
        process_table::my_slot().operate(self.0, || {
            state.enter();
            let old = state.read();
            let mut model = M::decode(&old);
            let (result, wake) = change(&mut model);
            state.settle(&old, &model, wake).map(|()| result)
        })
    }

    /// Attempts an operation, again and again while it is not enabled. One that ends otherwise is taken back by
    /// `withdraw`.
    pub fn wait<R>(
        self,
        limit: Limit,
        attempt: impl FnMut(&mut M) -> Attempt<R>,
        withdraw: impl FnOnce(&mut M) -> Wake,
    ) -> Result<Waited<R>, ShmError> {
        let state = self.state()?;
        process_table::my_slot().operate(self.0, || self.wait_at(state, limit, attempt, withdraw))
    }

    fn wait_at<R>(
        self,
        state: &State,
        mut limit: Limit,
        mut attempt: impl FnMut(&mut M) -> Attempt<R>,
        withdraw: impl FnOnce(&mut M) -> Wake,
    ) -> Result<Waited<R>, ShmError> {
        let mut sleep = match &limit {
            Limit::Never => Sleep::new(None),
            Limit::Until(deadline, _) => Sleep::new(*deadline),
        };
        let need = if M::OWNED { Need::Owner } else { Need::Change };
        let mut slept = false;
        // Why it must end; then it is attempted once more, unless the caller wants to do something else.
        let mut ended: Option<Wait> = None;
        loop {
            state.enter();
            // Others may sleep as this one did; whoever was woken alone says so.
            if slept {
                state.sleeping.store(1, Relaxed);
            }
            let old = state.read();
            let mut model = M::decode(&old);
            let mut attempted = if ended == Some(Wait::Interrupted) { Attempt::Wait } else { attempt(&mut model) };
            if matches!(attempted, Attempt::Wait) && ended.is_none() && state.forget_dead(&mut model) {
                attempted = attempt(&mut model);
            }
            if let Attempt::Done(result, wake) = attempted {
                return state.settle(&old, &model, wake).map(|()| Waited::Done(result));
            }
            if ended.is_none() && matches!(limit, Limit::Never) {
                ended = Some(Wait::TimedOut);
            }
            if let Some(ended) = ended {
                let interrupted = ended == Wait::Interrupted;
                let wake = match withdraw(&mut model) {
                    // What woke this one may have been meant for somebody who can go on. Where all are woken nothing is
                    // passed on: to the others it would seem that something has come for them.
                    Wake::Nobody if slept && interrupted && M::WAKES_ONE => Wake::One,
                    wake => wake,
                };
                let result = match ended {
                    Wait::Interrupted => Waited::Interrupted,
                    Wait::Deadlock => Waited::Deadlock,
                    Wait::Woken | Wait::Ended | Wait::TimedOut => Waited::TimedOut,
                };
                return state.settle(&old, &model, wake).map(|()| result);
            }
            let event = state.event.load(Relaxed);
            state.sleeping.store(1, Relaxed);
            if let Err(error) = state.commit(&old, &model) {
                state.lock.unlock();
                return Err(error);
            }
            state.lock.unlock();
            let Limit::Until(_, go_on) = &mut limit else { continue };
            if !slept && park::spin(|| state.event.load(Relaxed) != event) {
                continue;
            }
            slept = true;
            ended = match sleep.on(&state.event, event, self.0, need) {
                Wait::Woken | Wait::Ended => None,
                Wait::Interrupted if go_on() => None,
                end => Some(end),
            };
        }
    }
}

impl State {
    /// Takes the lock. What a dead owner did is whole; but those whom it should have woken may sleep.
    fn enter(&self) {
        if self.lock.lock() {
            self.rouse();
        }
    }

    fn rouse(&self) {
        self.event.fetch_add(1, Relaxed);
        park::wake_all(&self.event);
    }

    /// The words of the copy in force.
    fn read(&self) -> Encoded {
        let current = self.current.load(Acquire);
        let length = (current >> 1) as usize;
        let place = self.copy(current & 1, length);
        (0..length).map(|index| place(index).load(Relaxed)).collect()
    }

    /// The same for one that must not take the lock: nothing unless the state stayed as it is meanwhile.
    fn glance(&self) -> Option<Encoded> {
        let current = self.current.load(Acquire);
        let words = self.peek(current)?;
        // Read twice, for another state may have come into the same copy.
        fence(SeqCst);
        let same = self.peek(current)? == words;
        fence(Acquire);
        (same && self.current.load(SeqCst) == current).then_some(words)
    }

    /// What stands in a copy that may be written or freed at this moment.
    fn peek(&self, current: u64) -> Option<Encoded> {
        let (which, length) = (current as usize & 1, (current >> 1) as usize);
        if length <= INLINE {
            return Some(self.copies[which][..length].iter().map(|word| word.load(Relaxed)).collect());
        }
        let bytes = arena::read_moving(Block::from_word(self.blocks[which].load(Relaxed))?)?;
        let words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
        let words: Encoded = words.take(length).collect();
        (words.len() == length).then_some(words)
    }

    /// The words of a copy of this length.
    fn copy<'a>(&'a self, which: u64, length: usize) -> impl Fn(usize) -> &'a AtomicU64 {
        let which = which as usize & 1;
        let block = Block::from_word(self.blocks[which].load(Relaxed)).filter(|_| length > INLINE);
        move |index| match block {
            Some(block) => at(block.data() + index as u64 * 8),
            None => &self.copies[which][index],
        }
    }

    /// Puts the model's state in force; does nothing when it is as before.
    fn commit<M: Model>(&self, old: &[u64], model: &M) -> Result<(), ShmError> {
        let mut words = Encoded::with_capacity(old.len());
        model.encode(&mut words);
        if words[..] == *old {
            return Ok(());
        }
        let other = self.current.load(Relaxed) & 1 ^ 1;
        if words.len() > INLINE {
            self.reserve(other, words.len())?;
        }
        let place = self.copy(other, words.len());
        (0..).zip(&words).for_each(|(index, word)| place(index).store(*word, Relaxed));
        compiler_fence(SeqCst);
        self.current.store((words.len() as u64) << 1 | other, Release);
        if words.len() > INLINE {
            // So that what is given back later needs no memory. Without it that is tried again then.
            let _ = self.reserve(other ^ 1, words.len());
        } else {
            self.blocks.iter().for_each(arena::free_hand);
        }
        Ok(())
    }

    /// Makes a block for the copy that is not in force. The word in the object names it from the start, so whoever
    /// comes next finds it whatever happens to this process.
    fn reserve(&self, which: u64, words: usize) -> Result<(), ShmError> {
        let block = &self.blocks[which as usize & 1];
        let there = Block::from_word(block.load(Relaxed)).filter(|block| arena::in_use(*block));
        if there.is_some_and(|there| there.length() >= words * 8) {
            return Ok(());
        }
        arena::free_hand(block);
        arena::allocate(words * 2 * 8, block).map(drop)
    }

    /// Commits, gives up the lock, and wakes.
    fn settle<M: Model>(&self, old: &[u64], model: &M, wake: Wake) -> Result<(), ShmError> {
        let result = self.commit(old, model);
        let wake = if wake == Wake::Nobody || self.sleeping.load(Relaxed) == 0 || result.is_err() {
            0
        } else {
            self.sleeping.store(0, Relaxed);
            self.event.fetch_add(1, Relaxed);
            if wake == Wake::One { 1 } else { u32::MAX }
        };
        self.lock.unlock();
        if wake > 0 {
            park::wake(&self.event, wake);
        }
        result
    }

    /// Forgets members that have ended and that nobody has reaped yet.
    fn forget_dead<M: Model>(&self, model: &mut M) -> bool {
        let mut any = false;
        for process in model.members().into_iter().filter_map(ProcessRef::from_word) {
            any |= process.has_ended() && self.forget(model, process);
        }
        any
    }

    fn forget<M: Model>(&self, model: &mut M, process: ProcessRef) -> bool {
        let any = model.forget(process.word());
        if any && model.lost() == process.word() {
            self.name.set(&process.title());
        }
        any
    }
}

/// What is done with an object whose kind is not known when it is compiled.
macro_rules! for_kind {
    ($kind:expr, $model:ident => $run:expr, $otherwise:expr) => {
        match $kind {
            RLock::KIND => {
                type $model = RLock;
                $run
            }
            RwLock::KIND => {
                type $model = RwLock;
                $run
            }
            Semaphore::KIND => {
                type $model = Semaphore;
                $run
            }
            Event::KIND => {
                type $model = Event;
                $run
            }
            Barrier::KIND => {
                type $model = Barrier;
                $run
            }
            Condition::KIND => {
                type $model = Condition;
                $run
            }
            Rate::KIND => {
                type $model = Rate;
                $run
            }
            _ => $otherwise,
        }
    };
}

/// A process that could reach the object cannot do so any more: what it had passes on. Whoever waits looks again if
/// that changes anything, or if it ended in an operation, where it may have been woken in place of another.
pub(super) fn holder_ended(kind: u32, object: ObjectRef, process: ProcessRef, in_operation: bool) {
    for_kind!(kind, M => Monitor::<M>::of(object).holder_ended(process, in_operation), ());
}

/// Lets all who sleep at an object look again.
pub(super) fn rouse(kind: u32, object: ObjectRef) {
    for_kind!(kind, M => if let Ok(state) = Monitor::<M>::of(object).state() { state.rouse() }, ());
}

/// Gives back the memory of an object that is about to be freed.
pub(super) fn empty(kind: u32, object: ObjectRef) {
    for_kind!(kind, M => if let Ok(state) = Monitor::<M>::of(object).state() {
        state.blocks.iter().for_each(arena::free_hand);
    }, ());
}

impl<M: Model> Monitor<M> {
    /// In a frame of its own for each model: the end of a process shall need no further page of the stack.
    #[inline(never)]
    fn holder_ended(self, process: ProcessRef, in_operation: bool) {
        let Ok(state) = self.state() else { return };
        state.enter();
        let old = state.read();
        let mut model = M::decode(&old);
        if !state.forget(&mut model, process) && !in_operation {
            state.lock.unlock();
            return;
        }
        state.sleeping.store(1, Relaxed);
        let wake = if seeded!("waiters sleep on after a death") { Wake::Nobody } else { Wake::All };
        let _ = state.settle(&old, &model, wake);
    }
}

/// The processes that must let go before `who`, who waits, can have the object.
pub(super) fn owners(kind: u32, object: ObjectRef, who: ProcessRef) -> Vec<ProcessRef> {
    let owners =
        for_kind!(kind, M => Monitor::<M>::of(object).look().map(|model| model.owners(who.word())), Ok(vec![]));
    owners.unwrap_or_default().into_iter().filter_map(ProcessRef::from_word).collect()
}

/// The processes that have the object, without taking its lock; none where that cannot be told.
pub(super) fn holders_at_a_glance(kind: u32, object: ObjectRef) -> Vec<ProcessRef> {
    let holders = for_kind!(kind, M => Monitor::<M>::of(object).glance().map(|model| model.holders()), None);
    holders.unwrap_or_default().into_iter().filter_map(ProcessRef::from_word).collect()
}

/// Whether whoever waits could go on, where the word that is slept on does not tell: one of several may have been woken.
pub(super) fn is_ready(kind: u32, object: ObjectRef) -> Option<bool> {
    let semaphore = (kind == Semaphore::KIND).then(|| Monitor::<Semaphore>::of(object).look())?;
    Some(semaphore.is_ok_and(|semaphore| semaphore.free > 0))
}

/// Whether who waits at the object goes on as it is now: an event that is set.
pub(super) fn is_open(kind: u32, object: ObjectRef) -> bool {
    kind == Event::KIND && Monitor::<Event>::of(object).glance().is_some_and(|event| event.is_set)
}

/// What an object of this kind is, in words.
pub(super) fn describe(kind: u32) -> Option<&'static str> {
    for_kind!(kind, M => Some(M::NAME), None)
}
