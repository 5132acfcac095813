//! Who has a lock, where he took it, and who had it before and ended.

use super::{Encoded, Place, Who, Words};

/// A holder that ended while he had a lock, and where he had taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned {
    /// The process that ended.
    pub who: Who,
    /// Where it had taken the lock.
    pub place: Place,
}

/// The owner of a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// 0 when nobody has it.
    pub owner: Who,
    /// Where the owner took it.
    pub place: Place,
    /// From whom the present or last owner, or those who use it without owning it, got it, if that one ended.
    pub abandoned: Option<Abandoned>,
    /// Who ended with it and has no successor yet.
    left: Option<Abandoned>,
}

impl Ownership {
    /// `who` has it from now on. From whom, if that one ended and nobody has been told.
    pub fn take(&mut self, who: Who, place: Place) -> Option<Abandoned> {
        let news = self.tell();
        self.left = None;
        (self.owner, self.place) = (who, place);
        news
    }

    /// Somebody is about to use what it guards, who will not own it: who ended with it, for the first to be told.
    pub fn tell(&mut self) -> Option<Abandoned> {
        let told = std::mem::replace(&mut self.abandoned, self.left);
        self.left.filter(|_| told != self.left)
    }

    /// Nobody has it any more.
    pub fn free(&mut self) {
        self.owner = 0;
    }

    /// A process ended; says whether it had it.
    pub fn lose(&mut self, who: Who) -> bool {
        let had = self.owner == who;
        if had {
            self.left = Some(Abandoned { who, place: self.place });
            self.owner = 0;
        }
        had
    }

    /// Who ended with it and has no successor yet.
    pub(super) fn lost(&self) -> Who {
        self.left.map_or(0, |left| left.who)
    }

    pub(super) fn encode(&self, words: &mut Encoded) {
        words.extend([self.owner, self.place]);
        for abandoned in [self.abandoned, self.left] {
            words.extend(abandoned.map_or([0, 0], |abandoned| [abandoned.who, abandoned.place]));
        }
    }

    pub(super) fn decode(words: &mut Words) -> Ownership {
        let (owner, place) = (words.next(), words.next());
        let mut abandoned = || {
            let (who, place) = (words.next(), words.next());
            (who != 0).then_some(Abandoned { who, place })
        };
        Ownership { owner, place, abandoned: abandoned(), left: abandoned() }
    }
}
