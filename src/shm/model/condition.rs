//! A condition: processes wait, and others tell them, one at a time or all, to look again.

use super::{Attempt, Encoded, Model, Wake, Who, Words};

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The lock that guards what is waited for, as an object's word.
    pub lock: u64,
    /// Those who wait, first come first, and whether they have been told.
    waiters: Vec<(Who, bool)>,
}

impl Condition {
    /// A condition guarded by this lock.
    pub fn new(lock: u64) -> Condition {
        Condition { lock, waiters: Vec::new() }
    }

    /// Begins to wait: what is told from now on may be for `who`.
    pub fn enlist(&mut self, who: Who) {
        self.waiters.push((who, false));
    }

    /// Goes on when told; then comes [`Condition::leave`].
    pub fn wait(&self, who: Who) -> Attempt<()> {
        if self.waiters.contains(&(who, true)) { Attempt::Done((), Wake::Nobody) } else { Attempt::Wait }
    }

    /// Has the lock again after [`Condition::wait`]. Until then what it was told passes on if it ends.
    pub fn leave(&mut self, who: Who) {
        self.waiters.retain(|waiter| waiter.0 != who);
    }

    /// Tells the first `count` that have not been told.
    pub fn notify(&mut self, count: u64) -> Wake {
        let mut told = 0;
        for waiter in self.waiters.iter_mut().filter(|waiter| !waiter.1) {
            if told == count {
                break;
            }
            waiter.1 = true;
            told += 1;
        }
        // All look who was meant.
        if told > 0 { Wake::All } else { Wake::Nobody }
    }

    /// Waits no longer; what it was told goes to the next.
    pub fn withdraw(&mut self, who: Who) -> Wake {
        match self.waiters.iter().position(|waiter| waiter.0 == who) {
            Some(at) if self.waiters.remove(at).1 => self.notify(1),
            _ => Wake::Nobody,
        }
    }

    /// How many wait and have not been told.
    pub fn waiting(&self) -> usize {
        self.waiters.iter().filter(|waiter| !waiter.1).count()
    }
}

impl Model for Condition {
    const KIND: u32 = 21;
    const NAME: &str = "the condition";

    fn encode(&self, words: &mut Encoded) {
        words.push(self.lock);
        self.waiters.iter().for_each(|&(who, told)| words.extend([who, u64::from(told)]));
    }

    fn decode(words: &[u64]) -> Condition {
        let mut words = Words::new(words);
        Condition { lock: words.next(), waiters: words.groups().map(|[who, told]| (who, told != 0)).collect() }
    }

    fn forget(&mut self, who: Who) -> bool {
        let waited = self.waiters.iter().any(|waiter| waiter.0 == who);
        self.withdraw(who);
        waited
    }

    fn members(&self) -> Vec<Who> {
        self.waiters.iter().map(|waiter| waiter.0).collect()
    }
}
