//! What the objects that processes synchronise with mean: plain data and what can be done to them, without memory,
//! waits or clocks. [`super::monitor`] runs these models in shared memory.

mod barrier;
mod condition;
mod event;
mod lock;
mod ownership;
mod rate;
mod rlock;
mod rwlock;
mod semaphore;

#[cfg(test)]
mod tests;

pub use barrier::{Arrival, Barrier, Broken};
pub use condition::Condition;
pub use event::Event;
pub use lock::{AlreadyHeld, Lock};
pub use ownership::{Abandoned, Ownership};
pub use rate::Rate;
pub use rlock::RLock;
pub use rwlock::{Refused, RwLock};
pub use semaphore::{Full, Semaphore};

/// A process, as [`super::ProcessRef::word`] gives it; 0 is nobody.
pub type Who = u64;

/// Where something was done in the script, as a word that only the caller understands; 0 is unknown.
pub type Place = u64;

/// The state of an object in words. Few need no room of the heap, pages of which a process that waits would have for itself.
pub type Encoded = smallvec::SmallVec<[u64; 8]>;

/// Who of those that wait may be able to go on after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nobody.
    Nobody,
    /// One of them, whichever it is.
    One,
    /// Perhaps all.
    All,
}

/// What an attempt at an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<R> {
    /// It is done, and these may be able to go on.
    Done(R, Wake),
    /// It is not enabled; the state may keep that somebody waits.
    Wait,
}

/// The state of an object and its meaning.
pub trait Model: Sized {
    /// Tells the kind of object from all others.
    const KIND: u32;
    /// What it is, in words.
    const NAME: &'static str;
    /// Whether who waits needs all of its [`Model::owners`] to let go; else anybody who can reach it may help.
    const OWNED: bool = false;
    /// Whether some change wakes one of those who wait, who passes that on if it is not for him; else all are woken.
    const WAKES_ONE: bool = false;

    /// The state in words.
    fn encode(&self, words: &mut Encoded);

    /// The state that was encoded.
    fn decode(words: &[u64]) -> Self;

    /// The process has ended, or cannot reach the object any more: undoes what it had and what it waited for. Says
    /// whether it had any part.
    fn forget(&mut self, who: Who) -> bool;

    /// Those that have a part in it: who has it, and who waits in it.
    fn members(&self) -> Vec<Who>;

    /// Who must let go before `who`, who waits, can have it.
    fn owners(&self, _who: Who) -> Vec<Who> {
        Vec::new()
    }

    /// Who has it now, of the objects that somebody can have for himself.
    fn holders(&self) -> Vec<Who> {
        Vec::new()
    }

    /// Who ended last while he had a part in it that others are told of.
    fn lost(&self) -> Who {
        0
    }
}

/// Words one after the other; 0 when they are used up.
struct Words<'a>(std::slice::Iter<'a, u64>);

impl<'a> Words<'a> {
    fn new(words: &'a [u64]) -> Words<'a> {
        Words(words.iter())
    }

    fn next(&mut self) -> u64 {
        self.0.next().copied().unwrap_or(0)
    }

    /// A number of words that follow: no more than there are, whatever the next word says.
    fn count(&mut self) -> usize {
        let count = self.next();
        usize::try_from(count).unwrap_or(usize::MAX).min(self.0.len())
    }

    /// The rest in groups of `N`.
    fn groups<const N: usize>(self) -> impl Iterator<Item = [u64; N]> + use<'a, N> {
        self.0.as_slice().chunks_exact(N).map(|group| std::array::from_fn(|at| group[at]))
    }
}
