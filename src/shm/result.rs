//! The result of a process, which outlives it: the bytes, and what they name, which the slot keeps for all who can ask.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use super::atomic::{AtomicU64, fence, seeded};
use super::handle_table::EMPTY;
use super::holders::{locked, notify_loss, remove};
use super::object::{CHANNEL, Key, kind_of, object_of};
use super::process_table::{Hand, ProcessRef, Slot, high, is_reaped, my_index, my_slot, reference, slot};
use super::{ObjectRef, ShmError, channel, holders, islands};

/// Stores this process's result, which outlives it. A later one replaces an earlier one.
pub fn store_result(bytes: &[u8]) -> Result<(), ShmError> {
    store(bytes, arena::allocate)
}

/// The same for what tells that a result found no room: there is a reserve for that.
pub fn store_failure(bytes: &[u8]) -> Result<(), ShmError> {
    store(bytes, arena::allocate_record)
}

fn store(bytes: &[u8], allocate: fn(usize, &AtomicU64) -> Result<Block, ShmError>) -> Result<(), ShmError> {
    let slot = my_slot();
    let hand = slot.hand(Hand::Result);
    let block = allocate(bytes.len(), hand)?;
    block.write(bytes);
    arena::publish(&slot.result, hand, slot.hand(Hand::Old));
    Ok(())
}

/// Whether it has ended and left a result for those who hold it.
pub(super) fn has_left_result(process: ProcessRef) -> bool {
    let slot = slot(process.index);
    process.exists() && is_reaped(process.index) && slot.result.load(Relaxed) != 0
}

/// Whether its result names objects others than arrays.
pub(super) fn keeps_objects(process: ProcessRef) -> bool {
    slot(process.index).keeps.load(Relaxed) != 0
}

/// What changes before anything leaves the result of a process.
pub(super) fn result_stamp(process: ProcessRef) -> Option<u64> {
    has_left_result(process).then(|| slot(process.index).taker.load(SeqCst))
}

/// Ended processes whose results name such objects.
pub(super) fn with_objects_in_results() -> impl Iterator<Item = ProcessRef> {
    (0..high()).map(reference).filter(|&process| keeps_objects(process) && has_left_result(process))
}

impl ProcessRef {
    /// Its result, which stays for others to see while somebody holds the process.
    pub fn result(self) -> Option<Vec<u8>> {
        let word = if self.exists() { slot(self.index).result.load(Acquire) } else { 0 };
        Block::from_word(word).filter(|&block| arena::in_use(block)).map(Block::read)
    }

    /// Who has taken the ends of pipes that its result names, and at which place of the script.
    pub fn taker(self) -> Option<(ProcessRef, u64)> {
        let slot = self.exists().then(|| slot(self.index))?;
        let taker = ProcessRef::from_word(slot.taker.load(SeqCst))?;
        Some((taker, slot.taken_at.load(SeqCst)))
    }

    /// This process, which holds all ends of pipes that the result names, has them for itself from now on. False when
    /// another one was quicker. Should it die, it had taken them or had not: they stay in the result until one has.
    pub fn take_ends(self) -> bool {
        let (me, slot) = (my_slot(), slot(self.index));
        let own = reference(my_index());
        me.taking.store(self.word(), SeqCst);
        let first = slot.taker.compare_exchange(0, own.word(), SeqCst, SeqCst).is_ok();
        if first {
            slot.taken_at.store(me.place.load(Relaxed), SeqCst);
        }
        // Who clears up after it from now on sees that they are taken, and does the rest.
        fence(SeqCst);
        finish_taking(own, me);
        me.taking.store(0, SeqCst);
        holders::settle();
        first
    }
}

/// The rest of what a process does, or did that has died, in [`ProcessRef::take_ends`]. [`holders::settle`] must follow.
pub(super) fn finish_taking(by: ProcessRef, its: &Slot) {
    let of = ProcessRef::from_word(its.taking.load(Relaxed)).filter(|process| process.exists());
    if let Some(process) = of.filter(|process| slot(process.index).taker.load(SeqCst) == by.word())
        && !seeded!("taken ends stay in the result")
    {
        forget_ends(process);
    }
}

/// What the result of a process names, which it keeps after its end for all who can ask for that.
pub(super) fn kept_for_result(process: ProcessRef) -> Vec<Key> {
    locked(|| if has_left_result(process) { slot(process.index).holds.keys() } else { Vec::new() })
}

/// Whether it is a pipe, of which one has ends.
pub(super) fn is_end(object: ObjectRef) -> bool {
    kind_of(object) == Some(CHANNEL) && channel::is_pipe(object)
}

/// Gives up the ends of pipes that a process has kept for its result. [`holders::settle`] must follow.
pub(super) fn forget_ends(process: ProcessRef) {
    kept_for_result(process)
        .into_iter()
        .filter(|&key| is_end(object_of(key).0))
        .for_each(|key| forget_kept(process, key));
}

/// Gives up one thing that a process has kept for its result.
fn forget_kept(process: ProcessRef, key: Key) {
    let (object, role) = object_of(key);
    let telling = &my_slot().telling;
    let held = locked(|| {
        let entry = slot(process.index).holds.find(key);
        // Whoever has the slot next holds nothing before he has had this lock.
        let held = has_left_result(process) && entry.load(Relaxed) == key;
        if held {
            telling.store(object.word(), SeqCst);
            remove(entry, object, role);
        }
        held
    });
    if held {
        notify_loss(object);
        islands::note_loss(object);
        telling.store(0, SeqCst);
    }
}

/// Gives up what a process has kept for its result, and gives the processes among that. [`holders::settle`] must follow.
pub(super) fn forget_result(process: ProcessRef) -> Vec<ProcessRef> {
    let kept = kept_for_result(process);
    kept.iter().for_each(|&key| forget_kept(process, key));
    let holds = &slot(process.index).holds;
    let is_its_own = || has_left_result(process);
    locked(|| {
        if let Some(table) = Block::from_word(holds.table.load(Relaxed)).filter(|_| is_its_own()) {
            holds.inline.iter().for_each(|entry| entry.store(EMPTY, Relaxed));
            arena::free(table);
            holds.table.store(0, Relaxed);
        }
    });
    kept.into_iter().filter_map(|key| ProcessRef::of(object_of(key).0)).collect()
}
