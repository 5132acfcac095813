//! A barrier: nobody goes on before so many have arrived.

use super::{Attempt, Encoded, Model, Wake, Who, Words};

/// Why nobody can pass any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Somebody gave it up for all.
    Aborted,
    /// This one ended while it waited here.
    Died(Who),
}

/// A barrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// How many must arrive.
    pub parties: u64,
    /// Set for good.
    pub broken: Option<Broken>,
    /// Those who wait, in the order of their arrival.
    arrived: Vec<Who>,
    /// Those who may go on and have not noticed yet, with their places in that order.
    passing: Vec<(Who, u64)>,
}

/// What waiting came to: the place in the order of arrival, or why nobody passes.
pub type Arrival = Result<u64, Broken>;

impl Barrier {
    /// A barrier for so many, at least 1.
    pub fn new(parties: u64) -> Barrier {
        Barrier { parties, broken: None, arrived: Vec::new(), passing: Vec::new() }
    }

    /// Arrives, unless it has, and goes on when all have.
    pub fn wait(&mut self, who: Who) -> Attempt<Arrival> {
        if let Some(at) = self.passing.iter().position(|passing| passing.0 == who) {
            return Attempt::Done(Ok(self.passing.swap_remove(at).1), Wake::Nobody);
        }
        if let Some(broken) = self.broken {
            self.arrived.retain(|waiter| *waiter != who);
            return Attempt::Done(Err(broken), Wake::Nobody);
        }
        if !self.arrived.contains(&who) {
            self.arrived.push(who);
        }
        if (self.arrived.len() as u64) < self.parties {
            return Attempt::Wait;
        }
        let mut own = 0;
        for (place, arrived) in (0..).zip(self.arrived.drain(..)) {
            if arrived == who {
                own = place;
            } else {
                self.passing.push((arrived, place));
            }
        }
        Attempt::Done(Ok(own), Wake::All)
    }

    /// Waits no longer: has not arrived.
    pub fn withdraw(&mut self, who: Who) {
        self.arrived.retain(|waiter| *waiter != who);
    }

    /// Gives up for all.
    pub fn abort(&mut self) -> Wake {
        self.broken = self.broken.or(Some(Broken::Aborted));
        Wake::All
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.arrived.len()
    }
}

impl Model for Barrier {
    const KIND: u32 = 20;
    const NAME: &str = "the barrier";

    fn encode(&self, words: &mut Encoded) {
        let broken = match self.broken {
            None => [0, 0],
            Some(Broken::Aborted) => [1, 0],
            Some(Broken::Died(who)) => [2, who],
        };
        words.extend([self.parties, broken[0], broken[1], self.arrived.len() as u64]);
        words.extend_from_slice(&self.arrived);
        self.passing.iter().for_each(|&(who, place)| words.extend([who, place]));
    }

    fn decode(words: &[u64]) -> Barrier {
        let mut words = Words::new(words);
        let parties = words.next();
        let broken = match (words.next(), words.next()) {
            (0, _) => None,
            (1, _) => Some(Broken::Aborted),
            (_, who) => Some(Broken::Died(who)),
        };
        let arrived = (0..words.next()).map(|_| words.next()).collect();
        Barrier { parties, broken, arrived, passing: words.groups().map(|[who, place]| (who, place)).collect() }
    }

    fn forget(&mut self, who: Who) -> bool {
        let passing = self.passing.len();
        self.passing.retain(|passing| passing.0 != who);
        let waited = self.arrived.contains(&who);
        if waited {
            self.withdraw(who);
            self.broken = self.broken.or(Some(Broken::Died(who)));
        }
        waited || self.passing.len() < passing
    }

    fn members(&self) -> Vec<Who> {
        self.arrived.iter().copied().chain(self.passing.iter().map(|passing| passing.0)).collect()
    }

    fn lost(&self) -> Who {
        match self.broken {
            Some(Broken::Died(who)) => who,
            _ => 0,
        }
    }
}
