//! Those who sleep at a channel, and how an operation waits: a brief spin, then sleeps until its deadline or a signal.

use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, fence};
use super::ends::{self, FOREVER};
use super::line::{Line, RECV, SEND, enter, leave};
use super::park::{self, Patience, Wait};
use super::process_table::Slot;
use super::region::shared;
use super::{ObjectRef, holders};
use std::time::Instant;

// In a process's `waiting_at`, beside the object.
pub(super) const AT_SEND: u64 = 1 << 61;
/// It could send here itself, but does not wake up for anything but a message.
pub(super) const STUCK: u64 = 1 << 62;

shared! {
    /// Those who sleep until the other side has done something, on a cache line of their own.
    pub(super) struct Sleepers {
        /// How many, in the high half; how many of them have been woken, in the low half.
        pub(super) count: AtomicU64,
        /// The word slept on.
        pub(super) event: AtomicU32,
        unused: AtomicU32,
        padding: [AtomicU64; 6],
    }
}

impl Sleepers {
    /// One who slept is awake.
    pub(super) fn leave(&self) {
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| {
            let (waiting, woken) = ((count >> 32).saturating_sub(1), count & 0xffff_ffff);
            Some(waiting << 32 | woken.saturating_sub(1).min(waiting))
        });
    }

    /// Wakes one of those who have not been woken yet: one wake-up per sleep.
    #[inline]
    pub(super) fn wake_one(&self) {
        fence(SeqCst);
        if self.count.load(Relaxed) >> 32 != 0 {
            self.wake_one_slowly();
        }
    }

    #[cold]
    fn wake_one_slowly(&self) {
        let add = |count: u64| (count & 0xffff_ffff < count >> 32).then_some(count + 1);
        if self.count.fetch_update(SeqCst, Relaxed, add).is_ok() {
            self.event.fetch_add(1, SeqCst);
            park::wake(&self.event, 1);
        }
    }

    pub(super) fn wake_all(&self) {
        fence(SeqCst);
        if self.count.load(Relaxed) >> 32 != 0 {
            let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count >> 32 << 32 | count >> 32));
            self.event.fetch_add(1, SeqCst);
            park::wake_all(&self.event);
        }
    }

    /// As `wake_all`, and nobody counts as woken: a dead process may have been.
    pub(super) fn disturb(&self) {
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count >> 32 << 32));
        self.event.fetch_add(1, SeqCst);
        park::wake_all(&self.event);
    }
}

/// Writes a receiver down as a sleeper. Under the receivers' lock.
fn register(line: &Line, me: &Slot, word: u64, ends: u32) {
    let side = &line.sides[RECV];
    me.waits.fetch_add(1, SeqCst);
    me.ends_seen.store(ends, SeqCst);
    line.sleepers[RECV].count.fetch_add(1 << 32, SeqCst);
    side.registering.store(1, Relaxed);
    compiler_fence(SeqCst);
    me.waiting_at.store(word, SeqCst);
    if word & STUCK != 0 {
        side.stuck.store(side.stuck.load(Relaxed) + 1, SeqCst);
    }
    compiler_fence(SeqCst);
    side.registering.store(0, Relaxed);
}

/// The reverse of [`register`].
pub(super) fn unregister(line: &Line, process: &Slot) {
    let side = &line.sides[RECV];
    let word = process.waiting_at.load(Relaxed);
    side.registering.store(1, Relaxed);
    compiler_fence(SeqCst);
    process.waiting_at.store(0, SeqCst);
    if word & STUCK != 0 {
        side.stuck.store(side.stuck.load(Relaxed) - 1, SeqCst);
    }
    compiler_fence(SeqCst);
    side.registering.store(0, Relaxed);
    line.sleepers[RECV].leave();
}

/// How long an operation waits.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    Never,
    Until(Option<Instant>),
}

/// The waits of one operation: a brief spin, then sleeps, until it may wait no longer.
pub(super) struct Waiting {
    limit: Limit,
    spun: bool,
    last: Wait,
    patience: Patience,
}

pub(super) enum Step {
    Spin,
    Sleep,
    /// It may not wait at all.
    GiveUp,
    Stop(Wait),
}

impl Waiting {
    pub(super) fn new(limit: Limit) -> Waiting {
        Waiting { limit, spun: false, last: Wait::Woken, patience: Patience::new() }
    }

    pub(super) fn is_try(&self) -> bool {
        matches!(self.limit, Limit::Never)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.limit {
            Limit::Never => None,
            Limit::Until(deadline) => deadline,
        }
    }

    /// What to do after an attempt that came to nothing.
    pub(super) fn next(&mut self) -> Step {
        if self.is_try() {
            return Step::GiveUp;
        }
        if self.last != Wait::Woken {
            return Step::Stop(self.last);
        }
        if !self.spun {
            self.spun = true;
            return Step::Spin;
        }
        Step::Sleep
    }

    pub(super) fn sleep_as_sender(&mut self, line: &Line, me: &Slot, object: ObjectRef, ready: impl Fn() -> bool) {
        let sleepers = &line.sleepers[SEND];
        sleepers.count.fetch_add(1 << 32, SeqCst);
        me.waiting_at.store(object.word() | AT_SEND, SeqCst);
        let event = sleepers.event.load(SeqCst);
        fence(SeqCst);
        if !ready() && !line.is_closed() {
            self.last = self.patience.wait(&sleepers.event, event, self.deadline());
        }
        me.waiting_at.store(0, SeqCst);
        sleepers.leave();
    }

    /// Releases the receivers' lock, which is held, to sleep.
    pub(super) fn sleep_as_receiver(&mut self, line: &Line, me: &Slot, object: ObjectRef, ends: u32) {
        let stuck = self.deadline().is_none() && holders::holds_role(line.counting_object(object), line.put_role());
        let flag = match self.deadline() {
            None if stuck => STUCK,
            None => FOREVER,
            Some(_) => 0,
        };
        register(line, me, object.word() | flag, ends);
        let sleepers = &line.sleepers[RECV];
        let event = sleepers.event.load(SeqCst);
        leave(line, RECV);
        fence(SeqCst);
        if self.patience.is_late() && self.deadline().is_none() {
            ends::look();
        }
        let side = &line.sides[RECV];
        if line.len() == 0 && !line.is_closed() && !line.is_stuck() && side.ends.load(SeqCst) == ends {
            self.last = self.patience.wait(&sleepers.event, event, self.deadline());
        }
        enter(line, RECV);
        // All senders asleep here: looked at while this one still counts as one of them.
        if line.is_stuck() && line.head().is_none() && side.ends.load(Relaxed) == ends {
            side.ends.store(ends.wrapping_add(1), SeqCst);
            sleepers.wake_all();
        }
        unregister(line, me);
        leave(line, RECV);
    }
}
