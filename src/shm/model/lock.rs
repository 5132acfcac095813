//! A lock: one process at a time. [`super::super::user_lock`] is its fast version in shared memory.

use super::{Abandoned, Attempt, Ownership, Place, Wake, Who};

/// A lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock(pub Ownership);

/// The process has it already: it would wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyHeld;

impl Lock {
    /// Takes it.
    pub fn acquire(&mut self, who: Who, place: Place) -> Result<Attempt<Option<Abandoned>>, AlreadyHeld> {
        match self.0.owner {
            0 => Ok(Attempt::Done(self.0.take(who, place), Wake::Nobody)),
            owner if owner == who => Err(AlreadyHeld),
            _ => Ok(Attempt::Wait),
        }
    }

    /// Gives it back, if the process has it; says whether.
    pub fn release(&mut self, who: Who) -> bool {
        let had = self.0.owner == who;
        if had {
            self.0.free();
        }
        had
    }

    /// The process has ended.
    pub fn forget(&mut self, who: Who) -> bool {
        self.0.lose(who)
    }
}
