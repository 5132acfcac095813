//! A channel's memory: a chain of segments of slots, and the two sides' steps on it, each with one store that commits it.
//!
//! A slot's state is that store, for a send (`FULL`) and for a receive (`TAKEN`). Each side's position and place in the
//! chain follow it; who takes the lock of a side after a death brings them up to date.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, seeded};
use super::lock::Lock;
use super::object::{self, Header};
use super::process_table::{Hand, NOWHERE, Slot, my_index, slot};
use super::region::{self, at, shared};
use super::sleepers::Sleepers;
use super::{ObjectRef, ShmError};
use std::mem::size_of;

// The sides of a channel, as indices.
pub(super) const SEND: usize = 0;
pub(super) const RECV: usize = 1;

// States of a message's slot.
pub(super) const FULL: u64 = 1;
pub(super) const TAKEN: u64 = 2;

pub(super) const UNBOUNDED: u32 = u32::MAX;
/// Bytes of a message that its slot has room for.
pub(super) const INLINE: usize = 48;
/// In a slot's length: the message is in a block.
pub(super) const IN_BLOCK: u32 = u32::MAX;
const SLOTS_PER_SEGMENT: u64 = 63;

// In a header's flags.
pub(super) const CLOSED: u32 = 1;
/// Sending makes no sense when nobody can take.
pub(super) const PARTNERED: u32 = 2;

shared! {
    /// What senders or receivers alone change, under their lock.
    pub(super) struct Side {
        pub(super) lock: Lock,
        /// Slot of the process inside, plus one.
        pub(super) owner: AtomicU32,
        padding: AtomicU32,
        /// Messages sent or received so far.
        pub(super) position: AtomicU64,
        /// Where the next one is.
        pub(super) segment: AtomicU64,
        /// The other side's position when it was last looked at.
        pub(super) seen: AtomicU64,
        /// The segment before, which a dead sender may still have to be followed from.
        pub(super) retired: AtomicU64,
        pub(super) unused: [AtomicU64; 8],
    }

    /// A channel. The sides start at a multiple of 64.
    pub(super) struct Line {
        pub(super) header: Header,
        pub(super) capacity: AtomicU32,
        /// The role that sends; the other one receives.
        pub(super) put_role: AtomicU32,
        /// Header that counts the holders: a pipe's second channel uses the first one's.
        pub(super) counts_at: AtomicU64,
        pub(super) first: AtomicU64,
        pub(super) sides: [Side; 2],
        pub(super) sleepers: [Sleepers; 2],
        /// The other channel of a pipe, in the one that counts.
        pub(super) twin: AtomicU64,
        /// Messages that somebody has said to be done with, or that were taken back.
        pub(super) done: AtomicU64,
        /// Changes with `done`, for those who wait for that.
        pub(super) done_event: AtomicU32,
        /// Somebody has waited for that.
        pub(super) done_awaited: AtomicU32,
        /// Where in a script it was made, and where the last receive stood that was ended; 0 when there is none.
        pub(super) made_at: AtomicU64,
        pub(super) ended_at: AtomicU64,
    }

    pub(super) struct Segment {
        pub(super) next: AtomicU64,
        /// Position of its first slot.
        pub(super) base: AtomicU64,
        pub(super) unused: [AtomicU64; 4],
        pub(super) slots: [MessageSlot; SLOTS_PER_SEGMENT as usize],
    }

    pub(super) struct MessageSlot {
        pub(super) state: AtomicU64,
        pub(super) length: AtomicU32,
        pub(super) unused: AtomicU32,
        pub(super) payload: [AtomicU64; INLINE / 8],
    }
}

const _: () = assert!(size_of::<Side>() == 128 && size_of::<Sleepers>() == 64 && size_of::<MessageSlot>() == 64);
const _: () = assert!(size_of::<Segment>() == 4080 && size_of::<Line>() <= 496);

pub(super) fn set_up(block: Block, capacity: Option<u32>, counts_at: u64, put_role: u32, flags: u32) -> &'static Line {
    let line = at::<Line>(block.data());
    line.header.flags.store(flags, Relaxed);
    line.capacity.store(capacity.map_or(UNBOUNDED, |capacity| capacity.min(UNBOUNDED - 1)), Relaxed);
    line.put_role.store(put_role, Relaxed);
    line.counts_at.store(counts_at, Relaxed);
    line.header.kind.store(object::CHANNEL, Release);
    line
}

pub(super) fn line(object: ObjectRef) -> Option<&'static Line> {
    let line = at::<Line>(arena::object(object)?.data());
    (line.header.kind.load(Relaxed) == object::CHANNEL).then_some(line)
}

/// The object that counts the holders of a channel, which may go at any moment.
pub(super) fn counting_object(object: ObjectRef) -> Option<ObjectRef> {
    let found = line(object)?;
    let counts_at = found.counts_at.load(Relaxed);
    // Else that was something else.
    line(object)?;
    let is_own = region::offset_of(found) == counts_at;
    Some(if is_own { object } else { ObjectRef::from_word(arena::object_at(counts_at)) })
}

impl Line {
    pub(super) fn is_closed(&self) -> bool {
        self.header.flags.load(SeqCst) & CLOSED != 0
    }

    pub(super) fn holders(&self, role: u32) -> u32 {
        at::<Header>(self.counts_at.load(Relaxed)).roles[role as usize % 2].load(SeqCst)
    }

    pub(super) fn put_role(&self) -> u32 {
        self.put_role.load(Relaxed)
    }

    /// A pipe whose other end nobody holds.
    pub(super) fn is_abandoned(&self) -> bool {
        self.header.flags.load(Relaxed) & PARTNERED != 0 && self.holders(1 - self.put_role()) == 0
    }

    /// Whether nobody is left who could send.
    pub(super) fn is_deserted(&self) -> bool {
        let left = self.holders(self.put_role());
        left == 0 || seeded!("ended with a sender alive") && left == 1
    }

    /// Whether nothing more comes once it is empty.
    pub(super) fn has_ended(&self) -> bool {
        self.is_closed() || self.is_deserted()
    }

    /// Whether a send waits until its message is taken.
    pub(super) fn is_rendezvous(&self) -> bool {
        self.capacity.load(Relaxed) == 0
    }

    pub(super) fn len(&self) -> u64 {
        let (mut head, mut tail);
        loop {
            head = self.sides[RECV].position.load(Acquire);
            tail = self.sides[SEND].position.load(Acquire);
            if head == self.sides[RECV].position.load(Acquire) {
                // The receivers' position may follow a commit sooner than the senders'.
                return tail.saturating_sub(head);
            }
        }
    }

    /// Whether the next message is there, as far as that can be told from outside of the receivers' lock: by its own
    /// slot, which who takes it reads anyway.
    pub(super) fn seems_to_have_message(&self) -> bool {
        let side = &self.sides[RECV];
        let head = side.position.load(Relaxed);
        let Some(segment) = Block::from_word(side.segment.load(Relaxed)).map(view) else { return self.len() > 0 };
        let place = head.wrapping_sub(segment.base.load(Relaxed));
        match segment.slots.get(place as usize) {
            Some(slot) => slot.state.load(Acquire) == FULL,
            None => self.len() > 0,
        }
    }

    /// Whether messages are in it that may hold something.
    pub(super) fn may_contain_objects(&self) -> bool {
        self.header.has_mentioned() && self.len() > 0
    }

    /// Whether a message has room; a rendezvous has for the one on offer.
    pub(super) fn has_room(&self) -> bool {
        let capacity = self.capacity.load(Relaxed);
        if capacity == UNBOUNDED {
            return true;
        }
        let side = &self.sides[SEND];
        let tail = side.position.load(Relaxed);
        let room = |head: u64| tail.saturating_sub(head) < u64::from(capacity.max(1));
        room(side.seen.load(Relaxed)) || {
            let head = self.sides[RECV].position.load(Acquire);
            side.seen.store(head, Relaxed);
            room(head)
        }
    }

    /// A receiver is about to sleep: who would put into a rendezvous only if somebody takes can do so now.
    pub(super) fn taker_came(&self) {
        if self.is_rendezvous() {
            self.sleepers[SEND].wake_all();
        }
    }

    /// How many sleep to take something.
    pub(super) fn takers(&self) -> u64 {
        self.sleepers[RECV].number()
    }

    /// A rendezvous without waiting needs somebody who waits for it.
    pub(super) fn has_taker(&self) -> bool {
        !self.is_rendezvous() || self.takers() != 0
    }

    /// Writes the next message and commits it; says at which position. Under the senders' lock.
    pub(super) fn put(&self, me: &Slot, bytes: &[u8], parcel: Option<Block>) -> Result<u64, ShmError> {
        let side = &self.sides[SEND];
        let tail = side.position.load(Relaxed);
        let old = Block::from_word(side.segment.load(Relaxed));
        let place = old.map(view).map(|segment| (segment, tail - segment.base.load(Relaxed)));
        let (segment, place) = match place.filter(|&(_, place)| place < SLOTS_PER_SEGMENT) {
            Some(place) => place,
            None => (view(self.add_segment(me, old, tail)?), 0),
        };
        let slot = &segment.slots[place as usize];
        me.position.store(tail, Relaxed);
        compiler_fence(SeqCst);
        if seeded!("commit before fill") {
            slot.state.store(FULL, Release);
        }
        match parcel {
            Some(block) => {
                slot.payload[0].store(block.word(), Relaxed);
                slot.length.store(IN_BLOCK, Relaxed);
            }
            None => {
                region::write_atomics(&slot.payload, bytes);
                slot.length.store(bytes.len() as u32, Relaxed);
            }
        }
        slot.state.store(FULL, Release);
        compiler_fence(SeqCst);
        side.position.store(tail + 1, Release);
        me.hand(Hand::Message).store(0, Relaxed);
        Ok(tail)
    }

    /// A new segment at the end of the chain, which its link makes visible.
    pub(super) fn add_segment(&self, me: &Slot, old: Option<Block>, base: u64) -> Result<Block, ShmError> {
        let hand = me.hand(Hand::Segment);
        let block = arena::allocate(size_of::<Segment>(), hand)?;
        let segment = view(block);
        segment.next.store(0, Relaxed);
        segment.base.store(base, Relaxed);
        segment.slots.iter().for_each(|slot| slot.state.store(0, Relaxed));
        old.map_or(&self.first, |old| &view(old).next).store(block.word(), Release);
        compiler_fence(SeqCst);
        self.sides[SEND].segment.store(block.word(), Relaxed);
        hand.store(0, Relaxed);
        Ok(block)
    }

    /// The next message's slot. Under the receivers' lock.
    pub(super) fn head(&self) -> Option<&'static MessageSlot> {
        let side = &self.sides[RECV];
        let head = side.position.load(Relaxed);
        if side.segment.load(Relaxed) == 0 {
            side.segment.store(self.first.load(Acquire), Relaxed);
        }
        let block = Block::from_word(side.segment.load(Relaxed))?;
        let mut segment = view(block);
        let mut place = head - segment.base.load(Relaxed);
        if place == SLOTS_PER_SEGMENT {
            let next = Block::from_word(segment.next.load(Acquire))?;
            // A sender that died between linking the next one and going there is followed from the drained one, so that
            // lives until its successor is drained too: then senders have been beyond.
            let retired = side.retired.load(Relaxed);
            if retired != block.word() {
                Block::from_word(retired).into_iter().for_each(arena::free);
                side.retired.store(block.word(), SeqCst);
            }
            side.segment.store(next.word(), SeqCst);
            segment = view(next);
            place = head - segment.base.load(Relaxed);
        }
        let slot = &segment.slots[place as usize];
        (slot.state.load(Acquire) == FULL).then_some(slot)
    }

    /// The messages that wait to be taken. Under the receivers' lock.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &'static MessageSlot> {
        let mut place = self.head().and_then(|_| {
            let side = &self.sides[RECV];
            let segment = view(Block::from_word(side.segment.load(Relaxed))?);
            Some((segment, (side.position.load(Relaxed) - segment.base.load(Relaxed)) as usize))
        });
        std::iter::from_fn(move || {
            let (mut segment, mut at) = place?;
            if at == SLOTS_PER_SEGMENT as usize {
                (segment, at) = (view(Block::from_word(segment.next.load(Acquire))?), 0);
            }
            place = Some((segment, at + 1));
            Some(&segment.slots[at]).filter(|slot| slot.state.load(Acquire) == FULL)
        })
    }

    /// Takes the next message: its bytes, or its block into this process's hand. Under the receivers' lock.
    pub(super) fn take(&self, me: &Slot, bytes: &mut Vec<u8>) -> bool {
        let Some(slot) = self.head() else { return false };
        let side = &self.sides[RECV];
        let head = side.position.load(Relaxed);
        match slot.length.load(Relaxed) {
            IN_BLOCK => {
                me.position.store(head, Relaxed);
                compiler_fence(SeqCst);
                me.hand(Hand::Message).store(slot.payload[0].load(Relaxed), Relaxed);
            }
            length => region::read_atomics(&slot.payload, length as usize, bytes),
        }
        compiler_fence(SeqCst);
        slot.state.store(TAKEN, Release);
        compiler_fence(SeqCst);
        side.position.store(head + 1, Release);
        true
    }

    /// The object that counts this channel's holders.
    pub(super) fn counting_object(&self, object: ObjectRef) -> ObjectRef {
        let at_offset = self.counts_at.load(Relaxed);
        if region::offset_of(self) == at_offset { object } else { ObjectRef::from_word(arena::object_at(at_offset)) }
    }
}

pub(super) fn view(segment: Block) -> &'static Segment {
    at(segment.data())
}

/// Takes the lock of one side, and repairs what its last owner left.
#[inline]
pub(super) fn enter(line: &Line, side: usize) {
    if line.sides[side].lock.lock() {
        repair(line, side);
    }
    line.sides[side].owner.store(my_index() + 1, Relaxed);
    compiler_fence(SeqCst);
}

#[inline]
pub(super) fn leave(line: &Line, side: usize) {
    compiler_fence(SeqCst);
    line.sides[side].owner.store(0, Relaxed);
    line.sides[side].lock.unlock();
}

#[cold]
fn repair(line: &Line, which: usize) {
    let side = &line.sides[which];
    let dead = side.owner.load(Relaxed).checked_sub(1).map(slot);
    if which == SEND {
        let old = Block::from_word(side.segment.load(Relaxed));
        match old.map_or(&line.first, |old| &view(old).next).load(Acquire) {
            0 => {}
            linked => side.segment.store(linked, Relaxed),
        }
        if let Some(hand) = dead.map(|dead| dead.hand(Hand::Segment))
            && hand.load(Relaxed) == side.segment.load(Relaxed)
        {
            hand.store(0, Relaxed);
        }
    }
    let position = side.position.load(Relaxed);
    let segment = Block::from_word(side.segment.load(Relaxed)).map(view);
    let place = segment.map(|segment| (segment, (position - segment.base.load(Relaxed)) as usize));
    let state = place.and_then(|(segment, place)| segment.slots.get(place)).map(|slot| slot.state.load(Acquire));
    let committed = state.is_some_and(|state| state > if which == SEND { 0 } else { FULL });
    let position = position + u64::from(committed);
    if !seeded!("no index repair") {
        side.position.store(position, Release);
    }
    if let Some(dead) = dead {
        let at = dead.position.load(Relaxed);
        let done = at != NOWHERE && at < position;
        let undone = at != NOWHERE && at >= position;
        // A sent message is no longer in its sender's hand; one that was not taken, not in its receiver's.
        if (which == SEND && done) || (which == RECV && undone) {
            dead.hand(Hand::Message).store(0, Relaxed);
        }
    }
    compiler_fence(SeqCst);
    side.owner.store(0, Relaxed);
}
