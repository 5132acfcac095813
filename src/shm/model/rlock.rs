//! A lock that its owner may take again.

use super::{Abandoned, Attempt, Encoded, Model, Ownership, Place, Wake, Who, Words};

/// A re-entrant lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RLock {
    /// Who has it.
    pub ownership: Ownership,
    /// How many times its owner has taken it and not given it back.
    pub depth: u64,
}

impl RLock {
    /// Takes it `times` times over.
    pub fn acquire(&mut self, who: Who, place: Place, times: u64) -> Attempt<Option<Abandoned>> {
        match self.ownership.owner {
            0 => {
                self.depth = times;
                Attempt::Done(self.ownership.take(who, place), Wake::Nobody)
            }
            owner if owner == who => {
                self.depth += times;
                Attempt::Done(None, Wake::Nobody)
            }
            _ => Attempt::Wait,
        }
    }

    /// Gives it back `times` times; says how many times that was: fewer when the process had it less often.
    pub fn release(&mut self, who: Who, times: u64) -> (u64, Wake) {
        if self.ownership.owner != who {
            return (0, Wake::Nobody);
        }
        let times = times.min(self.depth);
        self.depth -= times;
        if self.depth > 0 {
            return (times, Wake::Nobody);
        }
        self.ownership.free();
        (times, Wake::One)
    }
}

impl Model for RLock {
    const KIND: u32 = 16;
    const NAME: &str = "the rlock";
    const OWNED: bool = true;
    const WAKES_ONE: bool = true;

    fn encode(&self, words: &mut Encoded) {
        words.push(self.depth);
        self.ownership.encode(words);
    }

    fn decode(words: &[u64]) -> RLock {
        let mut words = Words::new(words);
        RLock { depth: words.next(), ownership: Ownership::decode(&mut words) }
    }

    fn forget(&mut self, who: Who) -> bool {
        self.ownership.lose(who)
    }

    fn members(&self) -> Vec<Who> {
        Vec::from_iter((self.ownership.owner != 0).then_some(self.ownership.owner))
    }

    fn owners(&self, _: Who) -> Vec<Who> {
        self.members()
    }

    fn holders(&self) -> Vec<Who> {
        self.members()
    }

    fn lost(&self) -> Who {
        self.ownership.lost()
    }
}
