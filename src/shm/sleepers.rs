//! Those who sleep at a channel, and how an operation waits: a brief spin, then sleeps until its deadline or a signal.

use super::ObjectRef;
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, fence, seeded};
use super::line::{Line, RECV, SEND, leave};
use super::park::{self, Wait};
use super::region::shared;
use super::waits::{Need, Sleep, Watched};
use std::time::Instant;

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
    /// One more is about to sleep.
    pub(super) fn join(&self) {
        self.count.fetch_add(1 << 32, SeqCst);
    }

    /// One who slept is awake.
    pub(super) fn leave(&self) {
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| {
            let (waiting, woken) = ((count >> 32).saturating_sub(1), count & 0xffff_ffff);
            Some(waiting << 32 | woken.saturating_sub(1).min(waiting))
        });
    }

    /// Whether anybody sleeps, or is about to.
    pub(super) fn are_there(&self) -> bool {
        fence(SeqCst);
        self.count.load(Relaxed) >> 32 != 0
    }

    /// Wakes one of those who have not been woken yet: one wake-up per sleep.
    #[inline]
    pub(super) fn wake_one(&self) {
        if self.are_there() {
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
        if self.are_there() {
            let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count >> 32 << 32 | count >> 32));
            self.event.fetch_add(1, SeqCst);
            park::wake_all(&self.event);
        }
    }

    /// One who slept has died: a wake-up that may have been its own goes to another.
    pub(super) fn forget_one(&self) {
        let mut woken = 0;
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| {
            woken = count & 0xffff_ffff;
            let waiting = (count >> 32).saturating_sub(1);
            Some(waiting << 32 | woken.saturating_sub(1).min(waiting))
        });
        if woken != 0 && !seeded!("no baton") {
            self.wake_one();
        }
    }

    /// As `wake_all`, and nobody counts as woken: a dead process may have been.
    pub(super) fn disturb(&self) {
        if seeded!("no baton") {
            return;
        }
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count >> 32 << 32));
        self.event.fetch_add(1, SeqCst);
        if !seeded!("no wake after a death") {
            park::wake_all(&self.event);
        }
    }
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
    sleep: Sleep,
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
        let deadline = if let Limit::Until(deadline) = limit { deadline } else { None };
        Waiting { limit, spun: false, last: Wait::Woken, sleep: Sleep::new(deadline) }
    }

    pub(super) fn is_try(&self) -> bool {
        matches!(self.limit, Limit::Never)
    }

    /// Whether its deadline ended the last sleep.
    pub(super) fn has_timed_out(&self) -> bool {
        self.last == Wait::TimedOut
    }

    /// Whether it may wait without an end.
    pub(super) fn is_for_ever(&self) -> bool {
        matches!(self.limit, Limit::Until(None))
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

    pub(super) fn sleep_as_sender(&mut self, line: &Line, object: ObjectRef, ready: impl Fn() -> bool) {
        let sleepers = &line.sleepers[SEND];
        sleepers.join();
        let (word, expected) = (&sleepers.event, sleepers.event.load(SeqCst));
        let arm = Watched { object, need: Need::Room, word, expected, ends: 0 };
        self.last = self.sleep.on_any(&[arm], || {
            fence(SeqCst);
            ready() || line.is_closed()
        });
        sleepers.leave();
    }

    /// Releases the receivers' lock, which is held, to sleep.
    pub(super) fn sleep_as_receiver(&mut self, line: &Line, object: ObjectRef, ends: u32) {
        let sleepers = &line.sleepers[RECV];
        sleepers.join();
        let (word, expected) = (&sleepers.event, sleepers.event.load(SeqCst));
        leave(line, RECV);
        line.taker_came();
        let arm = Watched { object, need: Need::Message, word, expected, ends };
        self.last = self.sleep.on_any(&[arm], || {
            fence(SeqCst);
            line.len() > 0 || line.has_ended(ends)
        });
        sleepers.leave();
    }
}
