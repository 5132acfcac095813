//! How many values of this process name an object, by the parts that they play at it. Most processes name a few objects:
//! those stand here themselves, so that a new process needs no table for its first handles.

use super::apart::ApartMap;
use crate::shm::{ObjectRef, Role};

/// An object, and a part that is played at it.
pub type Entry = (ObjectRef, Role);

const FEW: usize = 6;

/// A count for each entry that has one, which may be 0.
pub struct Counts {
    few: [(Entry, usize); FEW],
    /// So many of them are in use; none while there are more entries, all of which are in `many`.
    length: usize,
    many: ApartMap<Entry, usize>,
}

/// Room for so many is worth giving back.
pub const MUCH_ROOM: usize = 4096;

impl Default for Counts {
    fn default() -> Counts {
        let nothing = ((ObjectRef { offset: 0, generation: 0 }, Role::Handle), 0);
        Counts { few: [nothing; FEW], length: 0, many: ApartMap::default() }
    }
}

impl Counts {
    /// The count of an entry, if it has one.
    pub fn get(&self, entry: &Entry) -> Option<usize> {
        match self.place(entry) {
            Some(at) => Some(self.few[at].1),
            None if self.many.is_empty() => None,
            None => self.many.get(entry).copied(),
        }
    }

    /// The count of an entry, which is 0 if it had none.
    pub fn of(&mut self, entry: Entry) -> &mut usize {
        if self.many.is_empty() {
            let found = self.place(&entry);
            if found.is_some() || self.length < FEW {
                let at = found.unwrap_or_else(|| {
                    self.few[self.length] = (entry, 0);
                    self.length += 1;
                    self.length - 1
                });
                return &mut self.few[at].1;
            }
            self.many.extend(self.few);
            self.length = 0;
        }
        self.many.entry(entry).or_insert(0)
    }

    /// The entry has no count any more.
    pub fn remove(&mut self, entry: &Entry) {
        if let Some(at) = self.place(entry) {
            self.length -= 1;
            self.few[at] = self.few[self.length];
        } else if !self.many.is_empty() {
            self.many.remove(entry);
            // After a burst the room for it is given back.
            if self.many.capacity() > MUCH_ROOM && self.many.len() < self.many.capacity() / 16 {
                self.many.shrink_to(self.many.len() * 2);
            }
        }
    }

    /// All entries that have a count.
    pub fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.few.into_iter().take(self.length).map(|(entry, _)| entry).chain(self.many.into_keys())
    }

    /// Where among the few an entry is.
    fn place(&self, entry: &Entry) -> Option<usize> {
        self.few[..self.length].iter().position(|(other, _)| other == entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts are kept when there come to be more than a few, and when those go again.
    #[test]
    fn few_and_many_are_one() {
        let entry = |offset| (ObjectRef { offset, generation: 1 }, Role::Put);
        let mut counts = Counts::default();
        for round in 0..3 {
            for offset in 0..20 {
                assert_eq!(counts.get(&entry(offset)), None);
                *counts.of(entry(offset)) += offset as usize;
                assert!((0..=offset).all(|at| counts.get(&entry(at)) == Some(at as usize)), "round {round}");
            }
            for offset in (0..20).rev() {
                counts.remove(&entry(offset));
                assert_eq!(counts.get(&entry(offset)), None);
                assert!((0..offset).all(|at| counts.get(&entry(at)) == Some(at as usize)), "round {round}");
            }
        }
        *counts.of(entry(7)) = 1;
        assert_eq!(counts.into_entries().collect::<Vec<_>>(), [entry(7)]);
    }
}
