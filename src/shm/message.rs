//! Bytes with the objects that they mention, in one block: messages that do not fit into a slot, values kept in shared
//! objects. The objects are counted as held by the block.

use super::arena::{self, Block};
use super::atomic::AtomicU64;
use super::atomic::Ordering::Relaxed;
use super::process_table::{Hand, Slot};
use super::region::{self, at, shared};
use super::{ObjectRef, Role, ShmError, holders, object};
use std::mem::size_of;
use std::ops::Range;

shared! {
    /// Before the bytes of a message in a block: what it holds, as entries that follow.
    struct Parcel {
        handles: AtomicU64,
        /// How many of them are counted at their objects.
        counted: AtomicU64,
    }
}

/// The block of a message: what it holds is counted before anybody can take it.
pub(super) fn pack(me: &Slot, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<Block, ShmError> {
    let hand = me.hand(Hand::Message);
    let table = handles.len() * 8;
    let block = arena::allocate(size_of::<Parcel>() + table + bytes.len(), hand)?;
    let parcel = at::<Parcel>(block.data());
    parcel.handles.store(handles.len() as u64, Relaxed);
    let start = block.data() + size_of::<Parcel>() as u64;
    region::write(start + table as u64, bytes);
    for (index, &(object, role)) in (0..).zip(handles) {
        at::<AtomicU64>(start + index * 8).store(holders::entry(object, role), Relaxed);
    }
    for (index, &(object, role)) in (0..).zip(handles) {
        if let Err(error) = holders::count_message(&parcel.counted, index + 1, object, role) {
            free_message_hand(me);
            holders::settle();
            return Err(error);
        }
    }
    Ok(block)
}

/// The rest of a receive whose message is in a block: takes over what it holds, copies it, frees it.
pub(super) fn unpack(me: &Slot, bytes: &mut Vec<u8>) -> Result<(), ShmError> {
    let Some(block) = Block::from_word(me.hand(Hand::Message).load(Relaxed)) else { return Ok(()) };
    let result = copy_out(block, bytes);
    free_message_hand(me);
    holders::settle();
    result
}

/// Where a parcel's bytes start.
pub(super) fn body(block: Block) -> u64 {
    let handles = at::<Parcel>(block.data()).handles.load(Relaxed);
    block.data() + size_of::<Parcel>() as u64 + handles * 8
}

/// How many bytes a parcel has.
pub(super) fn body_length(block: Block) -> usize {
    block.length() - (body(block) - block.data()) as usize
}

/// What a parcel holds, from the first number up to the last.
pub(super) fn mentioned(block: Block, which: Range<usize>) -> Vec<(ObjectRef, Role)> {
    entries(block, which).map(holders::role_of_entry).collect()
}

fn entries(block: Block, which: Range<usize>) -> impl Iterator<Item = u64> {
    let count = at::<Parcel>(block.data()).handles.load(Relaxed);
    let entry = move |index| at::<AtomicU64>(block.data() + size_of::<Parcel>() as u64 + index * 8).load(Relaxed);
    (which.start as u64..count.min(which.end as u64)).map(entry)
}

/// This process holds some of what a parcel holds, from now on. Nobody frees it meanwhile.
pub(super) fn hold_some(block: Block, which: Range<usize>) -> Result<(), ShmError> {
    let mut result = Ok(());
    for entry in entries(block, which) {
        result = result.and(holders::hold_entry(entry));
    }
    result
}

/// Appends a parcel's bytes to `bytes`; this process holds what the parcel holds from now on. Nobody frees it meanwhile.
pub(super) fn copy_out(block: Block, bytes: &mut Vec<u8>) -> Result<(), ShmError> {
    let result = hold_some(block, 0..usize::MAX);
    region::read(body(block), body_length(block), bytes);
    result
}

/// What each of some messages holds, as keys of the holders, leaving out those that hold nothing.
pub(super) fn held_by(blocks: impl IntoIterator<Item = Block>) -> Vec<Vec<object::Key>> {
    let held = |block: Block| {
        let counted = at::<Parcel>(block.data()).counted.load(Relaxed);
        entries(block, 0..counted as usize).collect()
    };
    blocks.into_iter().map(held).filter(|entries: &Vec<_>| !entries.is_empty()).collect()
}

/// What the message holds that a process is about to send, as keys of the holders. The process may go on meanwhile: the
/// caller sees whether it did.
pub(super) fn held_in_hand(slot: &Slot) -> Vec<object::Key> {
    let block = Block::from_word(slot.hand(Hand::Message).load(Relaxed)).filter(|&block| arena::in_use(block));
    block.map_or(Vec::new(), |block| {
        let most = block.length().saturating_sub(size_of::<Parcel>()) / 8;
        let counted = at::<Parcel>(block.data()).counted.load(Relaxed);
        entries(block, 0..most.min(counted as usize)).collect()
    })
}

/// Gives up one thing that the message holds; false when there was none.
pub(super) fn discount_one(block: Block) -> bool {
    let parcel = at::<Parcel>(block.data());
    let Some(last) = parcel.counted.load(Relaxed).checked_sub(1) else { return false };
    let entry = at::<AtomicU64>(block.data() + size_of::<Parcel>() as u64 + last * 8).load(Relaxed);
    let (object, role) = holders::of_entry(entry);
    holders::discount_message(&parcel.counted, last, object, role);
    true
}

/// Frees the message in a process's hand, with what it holds.
pub(super) fn free_message_hand(holder: &Slot) {
    free_parcel(holder.hand(Hand::Message));
}

/// Frees the parcel in a hand, with what it holds. [`holders::settle`] must follow.
pub(super) fn free_parcel(hand: &AtomicU64) {
    if let Some(block) = Block::from_word(hand.load(Relaxed)) {
        if arena::in_use(block) {
            while discount_one(block) {}
        }
        arena::free_hand(hand);
    }
}
