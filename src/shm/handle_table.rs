//! What a process holds: a hash table of roles, in its slot, or in a block once they are many.
//!
//! It is written to under the lock of [`super::holders`]: by its process, by its parent before the fork, or by who clears
//! up after it.

use super::ShmError;
use super::arena::{self, Block};
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64};
use super::object::Key;
use super::process_table::{Hand, my_slot};
use super::region::{at, shared};

/// Entries that fit into the slot itself.
const INLINE: u64 = 32;

/// An entry that never had a key since the table was made.
pub(super) const EMPTY: u64 = 0;
/// An entry whose key has gone: keys may be found behind it.
pub(super) const DELETED: u64 = 1;

shared! {
    /// The table of one process.
    pub(super) struct Holds {
        pub(super) table: AtomicU64,
        /// Entries that are not `EMPTY`.
        pub(super) filled: AtomicU32,
        unused: AtomicU32,
        pub(super) inline: [AtomicU64; INLINE as usize],
    }
}

/// Where a key is sought first in a table of so many entries, a power of two.
fn first_place(key: u64, count: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & (count - 1)
}

impl Holds {
    pub(super) fn clear(&self) {
        self.table.store(0, Relaxed);
        self.filled.store(0, Relaxed);
        self.inline.iter().for_each(|entry| entry.store(EMPTY, Relaxed));
    }

    /// Number of entries, a power of two, and the entry at an index.
    fn entries<'a>(&'a self) -> (u64, impl Fn(u64) -> &'a AtomicU64 + use<'a>) {
        let block = Block::from_word(self.table.load(Relaxed));
        let count = block.map_or(INLINE, |block| block.length() as u64 / 8);
        (count, move |index: u64| {
            block.map_or(&self.inline[index as usize % INLINE as usize], |block| at(block.data() + index * 8))
        })
    }

    /// The entry with this key, else the place for it.
    pub(super) fn find(&self, key: u64) -> &AtomicU64 {
        let (count, entry) = self.entries();
        let mut index = first_place(key, count);
        let mut place = None;
        loop {
            match entry(index).load(Relaxed) {
                EMPTY => return place.unwrap_or(entry(index)),
                DELETED => place = place.or(Some(entry(index))),
                found if found == key => return entry(index),
                _ => {}
            }
            index = (index + 1) & (count - 1);
        }
    }

    /// Makes room for one more entry. The new table takes the old one's place by one store.
    pub(super) fn reserve(&self) -> Result<(), ShmError> {
        let (count, _) = self.entries();
        if u64::from(self.filled.load(Relaxed)) < count / 4 * 3 {
            return Ok(());
        }
        let live = self.keys();
        let wanted = (live.len() as u64 * 4).next_power_of_two().max(INLINE * 2);
        let hand = my_slot().hand(Hand::Table);
        let block = arena::allocate_record(wanted as usize * 8, hand)?;
        (0..wanted).for_each(|index| at::<AtomicU64>(block.data() + index * 8).store(EMPTY, Relaxed));
        for &key in &live {
            let mut index = first_place(key, wanted);
            while at::<AtomicU64>(block.data() + index * 8).load(Relaxed) != EMPTY {
                index = (index + 1) & (wanted - 1);
            }
            at::<AtomicU64>(block.data() + index * 8).store(key, Relaxed);
        }
        arena::publish(&self.table, hand, my_slot().hand(Hand::Old));
        self.filled.store(live.len() as u32, Relaxed);
        Ok(())
    }

    /// Of a dead process that holds nothing any more. `hand` is an empty one of it.
    pub(super) fn free_table(&self, hand: &AtomicU64) {
        // They are from before the table was needed, and must not be seen again.
        self.inline.iter().for_each(|entry| entry.store(EMPTY, Relaxed));
        hand.store(self.table.load(Relaxed), SeqCst);
        self.table.store(0, SeqCst);
        arena::free_hand(hand);
        self.filled.store(0, Relaxed);
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        self.each_key(|key| keys.push(key));
        keys
    }

    /// Whether an entry has this key: a guess while its process gets or gives up something.
    pub(super) fn seems_to_have(&self, key: Key) -> bool {
        // Where a table has just been freed, anything may stand.
        let is_table = |block: Block| {
            let count = block.length() as u64 / 8;
            count.is_power_of_two() && block.data() + count * 8 <= super::region::size()
        };
        if Block::from_word(self.table.load(Relaxed)).is_some_and(|block| !is_table(block)) {
            return false;
        }
        let (count, entry) = self.entries();
        let start = first_place(key, count);
        for at in (0..count).map(|step| (start + step) & (count - 1)) {
            match entry(at).load(Relaxed) {
                EMPTY => return false,
                found if found == key => return true,
                _ => {}
            }
        }
        false
    }

    /// How many entries there is room for.
    pub(super) fn size(&self) -> u64 {
        self.entries().0
    }

    /// Tells each key.
    pub(super) fn each_key(&self, mut tell: impl FnMut(Key)) {
        let (count, entry) = self.entries();
        (0..count).map(|index| entry(index).load(Relaxed)).filter(|&key| key > DELETED).for_each(&mut tell);
    }
}
