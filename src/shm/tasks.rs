//! Tasks: messages that were sent and that nobody has said to be done with yet.

use super::atomic::Ordering::{Acquire, SeqCst};
use super::line::{Line, SEND, line};
use super::park::{self, Wait};
use super::waits::{Need, Sleep};
use super::{Channel, ShmError};
use std::time::Instant;

/// What a [`Channel::wait_done`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Every message has been done with.
    Done,
    /// The deadline has passed.
    TimedOut,
    /// A signal was handled; the call can be repeated.
    Interrupted,
    /// The wait is part of a circle: see [`super::deadlock::take_circle`].
    Deadlock,
}

impl Line {
    /// Messages sent that are not done with.
    fn unfinished(&self) -> u64 {
        let done = self.done.load(SeqCst);
        self.sides[SEND].position.load(Acquire).saturating_sub(done)
    }

    /// So many more messages are done with.
    pub(super) fn finish(&self, count: u64) {
        self.done.fetch_add(count, SeqCst);
        self.done_event.fetch_add(1, SeqCst);
        if self.unfinished() == 0 {
            park::wake_all(&self.done_event);
        }
    }

    /// Whether somebody may wait until all messages are done with.
    pub(super) fn may_be_awaited(&self) -> bool {
        self.done_awaited.load(SeqCst) != 0 && self.unfinished() != 0
    }

    /// Lets those who wait for that look again.
    pub(super) fn rouse_waiters(&self) {
        if self.may_be_awaited() {
            self.done_event.fetch_add(1, SeqCst);
            park::wake_all(&self.done_event);
        }
    }
}

impl Channel {
    /// One message that was taken is done with; false when none is left that could be.
    pub fn task_done(self) -> Result<bool, ShmError> {
        let line = line(self.object()).ok_or(ShmError::Gone)?;
        // Those that still wait to be taken are nobody's to be done with.
        let taken = || line.sides[SEND].position.load(Acquire).saturating_sub(line.len());
        let step = |done: u64| (done < taken()).then_some(done + 1);
        if line.done.fetch_update(SeqCst, SeqCst, step).is_err() {
            return Ok(false);
        }
        line.finish(0);
        Ok(true)
    }

    /// Sleeps until every message that was sent has been done with.
    pub fn wait_done(self, deadline: Option<Instant>) -> Result<Waited, ShmError> {
        let line = line(self.object()).ok_or(ShmError::Gone)?;
        let mut sleep = Sleep::new(deadline);
        line.done_awaited.store(1, SeqCst);
        loop {
            let event = line.done_event.load(SeqCst);
            if line.unfinished() == 0 {
                return Ok(Waited::Done);
            }
            match sleep.on(&line.done_event, event, self.object(), Need::Change) {
                Wait::Woken | Wait::Ended => {}
                Wait::TimedOut => return Ok(Waited::TimedOut),
                Wait::Interrupted => return Ok(Waited::Interrupted),
                Wait::Deadlock => return Ok(Waited::Deadlock),
            }
        }
    }
}
