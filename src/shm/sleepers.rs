//! Those who sleep at a channel, and how an operation waits: a brief spin, then sleeps until its deadline or a signal.

use super::ObjectRef;
use super::around;
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
        /// How many have been woken, how many there are, and the round in which they are counted, from the lowest bits.
        count: AtomicU64,
        /// The word slept on.
        event: AtomicU32,
        unused: AtomicU32,
        padding: [AtomicU64; 6],
    }
}

// In the count.
const WOKEN: u64 = (1 << 20) - 1;
const ONE: u64 = 1 << 20;
const ROUND: u32 = 40;

fn waiting(count: u64) -> u64 {
    (count / ONE) & WOKEN
}

fn round(count: u64) -> u32 {
    (count >> ROUND) as u32
}

impl Sleepers {
    /// One more is about to sleep, for what `object` needs.
    pub(super) fn join(&self, object: ObjectRef, need: Need) -> Watched<'_> {
        // In this order: whatever happens from the moment on when this one counts changes the word.
        let expected = self.event.load(SeqCst);
        let round = round(self.count.fetch_add(ONE, SeqCst));
        Watched { object, need, word: &self.event, expected, round }
    }

    /// One who slept, and joined in this round, is awake. How many had been woken before.
    pub(super) fn leave(&self, joined: u32) -> u64 {
        let left = |count: u64| {
            let (waiting, woken) = (waiting(count).saturating_sub(1), count & WOKEN);
            let count = (count >> ROUND << ROUND) | (waiting * ONE) | woken.saturating_sub(1).min(waiting);
            (round(count) == joined).then_some(count)
        };
        self.count.fetch_update(SeqCst, Relaxed, left).map_or(0, |count| count & WOKEN)
    }

    /// How many sleep, or are about to.
    pub(super) fn number(&self) -> u64 {
        waiting(self.count.load(SeqCst))
    }

    /// Whether anybody sleeps, or is about to.
    pub(super) fn are_there(&self) -> bool {
        fence(SeqCst);
        waiting(self.count.load(Relaxed)) != 0
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
        let add = |count: u64| (count & WOKEN < waiting(count)).then_some(count + 1);
        if self.count.fetch_update(SeqCst, Relaxed, add).is_ok() {
            self.event.fetch_add(1, SeqCst);
            park::wake(&self.event, 1);
        }
    }

    pub(super) fn wake_all(&self) {
        if self.are_there() {
            let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count & !WOKEN | waiting(count)));
            self.event.fetch_add(1, SeqCst);
            park::wake_all(&self.event);
        }
    }

    /// Lets all look again, or one of many, who wait for the same; says whether it was all.
    pub(super) fn rouse(&self) -> bool {
        let few = self.number() <= around::MOST as u64;
        if few {
            self.wake_all()
        } else {
            self.wake_one()
        }
        few
    }

    /// One who slept has died: a wake-up that may have been its own goes to another.
    pub(super) fn forget_one(&self, joined: u32) {
        if self.leave(joined) != 0 && !seeded!("no baton") {
            self.wake_one();
        }
    }

    /// Somebody has died who may have been counted, or woken, or about to wake somebody. A new round begins, in which
    /// nobody is counted, and all look again: who goes on sleeping joins anew.
    pub(super) fn begin_round(&self) {
        if seeded!("no baton") {
            return;
        }
        let next = |count: u64| {
            let kept = if seeded!("the dead stay counted") { waiting(count) * ONE } else { 0 };
            Some((count >> ROUND).wrapping_add(1) << ROUND | kept)
        };
        let _ = self.count.fetch_update(SeqCst, Relaxed, next);
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

    /// Whether the last sleep ended because nothing will come.
    pub(super) fn has_ended(&self) -> bool {
        self.last == Wait::Ended
    }

    /// Whether its deadline ended the last sleep.
    pub(super) fn has_timed_out(&self) -> bool {
        self.last == Wait::TimedOut
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
        let arm = sleepers.join(object, Need::Room);
        self.last = self.sleep.on_one(arm, || {
            fence(SeqCst);
            ready() || line.is_closed()
        });
        sleepers.leave(arm.round);
    }

    /// Releases the receivers' lock, which is held, to sleep.
    pub(super) fn sleep_as_receiver(&mut self, line: &Line, object: ObjectRef) {
        let sleepers = &line.sleepers[RECV];
        let arm = sleepers.join(object, Need::Message);
        leave(line, RECV);
        line.taker_came();
        self.last = self.sleep.on_one(arm, || {
            fence(SeqCst);
            line.len() > 0 || line.has_ended()
        });
        sleepers.leave(arm.round);
    }
}
