//! An event: something that has happened or not.

use super::{Attempt, Encoded, Model, Wake, Who, Words};

/// An event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Whether it has happened.
    pub is_set: bool,
    /// How many times it was set: who waited then goes on, also when it is cleared before he looks.
    pub times: u64,
}

impl Event {
    /// It has happened.
    pub fn set(&mut self) -> Wake {
        if self.is_set {
            return Wake::Nobody;
        }
        self.is_set = true;
        self.times += 1;
        Wake::All
    }

    /// It has not happened any more.
    pub fn clear(&mut self) -> Wake {
        self.is_set = false;
        Wake::Nobody
    }

    /// Waits for it; `since` is `times` when the wait began.
    pub fn wait(&self, since: u64) -> Attempt<()> {
        if self.is_set || self.times != since { Attempt::Done((), Wake::Nobody) } else { Attempt::Wait }
    }
}

impl Model for Event {
    const KIND: u32 = 19;
    const NAME: &str = "the event";

    fn encode(&self, words: &mut Encoded) {
        words.extend([u64::from(self.is_set), self.times]);
    }

    fn decode(words: &[u64]) -> Event {
        let mut words = Words::new(words);
        Event { is_set: words.next() != 0, times: words.next() }
    }

    fn forget(&mut self, _: Who) -> bool {
        false
    }

    fn members(&self) -> Vec<Who> {
        Vec::new()
    }
}
