//! One value in common memory. Readers never wait for who is changing it, and see the old value until the new one is
//! stored, whole.
//!
//! Writers hold the object's lock, the one of a transaction. The value stands in one of two places; `current`, whose
//! lowest bit says in which, is the one store that commits a new value, in the other place. Short values stand there
//! themselves: who copied one while `current` changed copies again. Longer ones are parcels: one is copied and exchanged
//! in steps that exclude each other, so that nobody reads what is freed.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{AtomicU64, fence};
use super::channel::Stamp;
use super::guarded::Guarded;
use super::holders;
use super::message::{copy_out, discount_one, free_message_hand, free_parcel, held_by, pack};
use super::object::{self, Role};
use super::process_table::{Hand, Slot, my_slot};
use super::region::{self, at, shared};
use super::user_lock::UserLock;
use super::{ObjectRef, ShmError};
use std::mem::size_of;

/// Bytes of a value that stand in the object itself.
const INLINE: usize = 48;
/// In a place's length: the value is a parcel.
const IN_BLOCK: u64 = u64::MAX;

shared! {
    struct Place {
        length: AtomicU64,
        payload: [AtomicU64; INLINE / 8],
    }

    struct State {
        base: Guarded,
        /// How many values it has had.
        current: AtomicU64,
        places: [Place; 2],
    }
}

const _: () = assert!(size_of::<State>() <= 496);

/// A shared value, as every process names it. Its maker holds [`Role::Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(ObjectRef);

impl Cell {
    /// A new cell with this value. What it mentions in `handles` is held by the cell as long as it has the value.
    pub fn new(bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<Cell, ShmError> {
        super::start()?;
        let me = my_slot();
        let parcel = parcel(me, bytes, handles)?;
        let made = arena::allocate_object(me.hand(Hand::Object)).and_then(|block| {
            let object = arena::object_ref(block);
            let state = at::<State>(block.data());
            state.places[0].fill(bytes, parcel);
            state.base.note_mentions(handles);
            state.base.lock.header.kind.store(object::CELL, Release);
            holders::hold(object, Role::Handle).map(|()| Cell(object))
        });
        if made.is_ok() {
            // In this order: from now on the object frees its value.
            me.hand(Hand::Object).store(0, SeqCst);
            me.hand(Hand::Message).store(0, SeqCst);
        } else {
            arena::free_hand(me.hand(Hand::Object));
            free_message_hand(me);
            holders::settle();
        }
        made
    }

    /// The cell that `object` names.
    pub fn of(object: ObjectRef) -> Cell {
        Cell(object)
    }

    /// Its name for [`holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    /// Its lock, which must be held to store.
    pub fn lock(self) -> UserLock {
        UserLock::of(self.0)
    }

    fn state(self) -> Option<&'static State> {
        let state = at::<State>(arena::object(self.0)?.data());
        (state.base.lock.header.kind.load(Relaxed) == object::CELL).then_some(state)
    }

    /// Appends the value to `bytes`; this process holds what it mentions from now on. Gives which value of the cell it is.
    pub fn read(self, bytes: &mut Vec<u8>) -> Result<u64, ShmError> {
        let state = self.state().ok_or(ShmError::Gone)?;
        let start = bytes.len();
        loop {
            let current = state.current.load(SeqCst);
            let place = state.place(current);
            match place.length.load(Relaxed) {
                IN_BLOCK => {
                    let me = my_slot();
                    state.enter(me, self.0);
                    let current = state.current.load(SeqCst);
                    let copied = state.place(current).block().map(|block| copy_out(block, bytes));
                    state.base.leave(me);
                    match copied {
                        Some(result) => return result.map(|()| current),
                        None => continue,
                    }
                }
                length => region::read_atomics(&place.payload, length as usize, bytes),
            }
            fence(Acquire);
            if state.current.load(SeqCst) == current {
                return Ok(current);
            }
            bytes.truncate(start);
        }
    }

    /// Which of its values it has now.
    pub fn version(self) -> Option<u64> {
        self.state().map(|state| state.current.load(SeqCst))
    }

    /// Stores a value; this process holds the lock. Gives which value of the cell it is.
    pub fn store(self, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<u64, ShmError> {
        let state = self.state().ok_or(ShmError::Gone)?;
        let me = my_slot();
        let parcel = parcel(me, bytes, handles)?;
        state.base.note_mentions(handles);
        let current = state.current.load(Relaxed);
        let old = state.place(current).block();
        let next = current + 1;
        if parcel.is_none() && old.is_none() {
            state.place(next).fill(bytes, None);
            state.current.store(next, SeqCst);
            // Who still reads the place that comes next must see that it is not the current one.
            fence(SeqCst);
            return Ok(next);
        }
        state.enter(me, self.0);
        state.place(next).fill(bytes, parcel);
        me.hand(Hand::Replaced).store(old.map_or(0, Block::word), SeqCst);
        state.current.store(next, SeqCst);
        me.hand(Hand::Message).store(0, SeqCst);
        state.base.leave(me);
        free_parcel(me.hand(Hand::Replaced));
        holders::settle();
        Ok(next)
    }
}

/// A block for what does not fit into the object.
fn parcel(me: &Slot, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<Option<Block>, ShmError> {
    if bytes.len() > INLINE || !handles.is_empty() { pack(me, bytes, handles).map(Some) } else { Ok(None) }
}

impl State {
    fn place(&self, number: u64) -> &Place {
        &self.places[(number & 1) as usize]
    }

    fn enter(&self, me: &Slot, object: ObjectRef) {
        let is_part = |word| self.place(self.current.load(SeqCst)).block().is_some_and(|block| block.word() == word);
        self.base.enter(me, object, is_part, || ());
    }
}

impl Place {
    fn fill(&self, bytes: &[u8], parcel: Option<Block>) {
        match parcel {
            Some(block) => {
                self.payload[0].store(block.word(), Relaxed);
                self.length.store(IN_BLOCK, Relaxed);
            }
            None => {
                region::write_atomics(&self.payload, bytes);
                self.length.store(bytes.len() as u64, Relaxed);
            }
        }
    }

    fn block(&self) -> Option<Block> {
        if self.length.load(Relaxed) != IN_BLOCK {
            return None;
        }
        Block::from_word(self.payload[0].load(Relaxed))
    }
}

/// What the value holds, as keys of the holders, and which value of the cell it is.
pub(super) fn handles_inside(object: ObjectRef) -> Option<(Stamp, Vec<Vec<object::Key>>)> {
    let state = Cell(object).state()?;
    let me = my_slot();
    me.operate(object, || {
        state.enter(me, object);
        let current = state.current.load(SeqCst);
        let inside = held_by(state.place(current).block().filter(|&block| arena::in_use(block)));
        state.base.leave(me);
        Some(((current, 0), inside))
    })
}

/// Finishes the step of a dead process.
pub(super) fn visit(me: &Slot, object: ObjectRef) {
    if let Some(state) = Cell(object).state() {
        state.enter(me, object);
        state.base.leave(me);
    }
}

/// Some work on emptying a cell that nobody holds; true when nothing is left but the object itself.
pub(super) fn empty_a_little(object: ObjectRef) -> bool {
    let Some(state) = Cell(object).state() else { return true };
    let place = state.place(state.current.load(Relaxed));
    if let Some(block) = place.block().filter(|&block| arena::in_use(block)) {
        if discount_one(block) {
            return false;
        }
        let hand = my_slot().hand(Hand::Replaced);
        hand.store(block.word(), SeqCst);
        place.length.store(0, SeqCst);
        free_parcel(hand);
    }
    true
}
