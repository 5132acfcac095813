//! A semaphore: so many permits.

use super::super::atomic::seeded;
use super::{Attempt, Encoded, Model, Wake, Who, Words};

/// A semaphore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semaphore {
    /// Permits that can be taken.
    pub free: u64,
    /// There are never more than so many.
    pub bound: Option<u64>,
    /// Permits that come back when their holder ends.
    holders: Vec<(Who, u64)>,
}

/// No permit can be given back: all are there, or belong to somebody who will give them back himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// More permits than anybody needs.
const MOST: u64 = i64::MAX as u64;

impl Semaphore {
    /// A semaphore with so many permits, and never more if it is bounded.
    pub fn new(permits: u64, bounded: bool) -> Semaphore {
        Semaphore { free: permits, bound: bounded.then_some(permits), holders: Vec::new() }
    }

    /// Takes a permit, which is nobody's until it is given back.
    pub fn acquire(&mut self) -> Attempt<()> {
        if self.free == 0 {
            return Attempt::Wait;
        }
        self.free -= 1;
        // Who was woken for a permit may find two.
        Attempt::Done((), if self.free > 0 { Wake::One } else { Wake::Nobody })
    }

    /// Takes a permit that comes back when `who` ends.
    pub fn enter(&mut self, who: Who) -> Attempt<()> {
        let attempt = self.acquire();
        if attempt != Attempt::Wait {
            match self.holders.iter_mut().find(|holder| holder.0 == who) {
                Some((_, permits)) => *permits += 1,
                None => self.holders.push((who, 1)),
            }
        }
        attempt
    }

    /// Gives a permit back that is nobody's.
    pub fn release(&mut self) -> Result<Wake, Full> {
        let held: u64 = self.holders.iter().map(|(_, permits)| permits).sum();
        if self.free + held >= self.bound.unwrap_or(MOST) {
            return Err(Full);
        }
        self.free += 1;
        Ok(Wake::One)
    }

    /// Gives back one that `who` took by [`Semaphore::enter`]; says whether it had any.
    pub fn leave(&mut self, who: Who) -> (bool, Wake) {
        let Some(at) = self.holders.iter().position(|holder| holder.0 == who) else { return (false, Wake::Nobody) };
        self.holders[at].1 -= 1;
        if self.holders[at].1 == 0 {
            self.holders.swap_remove(at);
        }
        self.free += 1;
        (true, Wake::One)
    }
}

impl Model for Semaphore {
    const KIND: u32 = 18;
    const NAME: &str = "the semaphore";
    const WAKES_ONE: bool = true;

    fn encode(&self, words: &mut Encoded) {
        words.extend([self.free, self.bound.map_or(0, |bound| bound + 1)]);
        self.holders.iter().for_each(|&(who, permits)| words.extend([who, permits]));
    }

    fn decode(words: &[u64]) -> Semaphore {
        let mut words = Words::new(words);
        let (free, bound) = (words.next(), words.next().checked_sub(1));
        Semaphore { free, bound, holders: words.groups().map(|[who, permits]| (who, permits)).collect() }
    }

    fn forget(&mut self, who: Who) -> bool {
        let Some(at) = self.holders.iter().position(|holder| holder.0 == who) else { return false };
        let permits = self.holders.swap_remove(at).1;
        self.free += if seeded!("permits come back twice") { 2 * permits } else { permits };
        true
    }

    fn members(&self) -> Vec<Who> {
        self.holders.iter().map(|holder| holder.0).collect()
    }
}
