//! A limiter: so many turns in a time, evenly spread.

use super::{Encoded, Model, Who, Words};

/// A limiter. Times are in nanoseconds of any clock that only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Turns in each `per`.
    pub turns: u64,
    /// Nanoseconds.
    pub per: u64,
    /// When turn 0 was or will be.
    start: u64,
    /// The next turn, less than `turns`.
    next: u64,
}

/// A turn that was given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it is.
    pub at: u64,
    start: u64,
    number: u64,
}

impl Rate {
    /// So many turns, at least 1, in so many nanoseconds.
    pub fn new(turns: u64, per: u64) -> Rate {
        Rate { turns, per, start: 0, next: 0 }
    }

    /// Turns follow from whole periods, so rounding does not add up.
    fn time_of(&self, turn: u64) -> u64 {
        let after = u128::from(turn) * u128::from(self.per) / u128::from(self.turns.max(1));
        self.start.saturating_add(u64::try_from(after).unwrap_or(u64::MAX))
    }

    /// Gives away the next turn, unless it is later than `last`: then says when it is.
    pub fn take(&mut self, now: u64, last: u64) -> Result<Turn, u64> {
        // Who comes a little late does not shift the turns after him; after a pause they begin anew.
        if self.time_of(self.next + 1) <= now {
            (self.start, self.next) = (now, 0);
        }
        let at = self.time_of(self.next);
        if at > last {
            return Err(at);
        }
        let turn = Turn { at, start: self.start, number: self.next };
        self.next += 1;
        if self.next == self.turns {
            self.start = self.start.saturating_add(self.per);
            self.next = 0;
        }
        Ok(turn)
    }

    /// Gives a turn back that was not used, if it was the last one given away.
    pub fn give_back(&mut self, turn: Turn) {
        let after = Rate { start: turn.start, next: turn.number, ..*self };
        let mut moved = after;
        if moved.take(turn.at, u64::MAX) == Ok(turn) && moved == *self {
            *self = after;
        }
    }
}

impl Model for Rate {
    const KIND: u32 = 22;
    const NAME: &str = "the limiter";

    fn encode(&self, words: &mut Encoded) {
        words.extend([self.turns, self.per, self.start, self.next]);
    }

    fn decode(words: &[u64]) -> Rate {
        let mut words = Words::new(words);
        Rate { turns: words.next(), per: words.next(), start: words.next(), next: words.next() }
    }

    fn forget(&mut self, _: Who) -> bool {
        false
    }

    fn members(&self) -> Vec<Who> {
        Vec::new()
    }
}
