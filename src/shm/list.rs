//! A list in common memory: the words of its items side by side in a block. Each change is one store: of an item, of
//! where the items begin and how many there are, or of a new block.
//!
//! An item of a few bytes stands in its word; others are parcels.

use super::arena::{self, Block};
use super::atomic::AtomicU64;
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::channel::Stamp;
use super::guarded::{self, Guarded, exchange};
use super::holders;
use super::message::{copy_out, discount_one, free_message_hand, free_parcel, held_by, pack};
use super::object::{self, Role};
use super::process_table::{Hand, Slot, my_slot};
use super::region::{at, shared};
use super::user_lock::UserLock;
use super::{ObjectRef, ShmError};

shared! {
    struct State {
        base: Guarded,
        /// The block with the items.
        items: AtomicU64,
        /// A block that was replaced by `clear`, while it is being emptied.
        trash: AtomicU64,
    }
}

/// In an item's word: its bytes are in it, with their number above them.
const INLINE: u64 = 1 << 63;
const MOST_INLINE: usize = 7;
const LEAST: u64 = 8;
/// Most items that a list has.
const MOST: u64 = u32::MAX as u64;

/// A shared list, as every process names it. Its maker holds [`Role::Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct List(ObjectRef);

/// The block with the items' words, after the one that says which of them are items.
#[derive(Clone, Copy)]
struct Items(Block);

impl List {
    /// A new list without items.
    pub fn new() -> Result<List, ShmError> {
        super::start()?;
        let me = my_slot();
        let items = Items::new(me, LEAST)?;
        guarded::new_object(me, object::LIST, |block| at::<State>(block.data()).items.store(items.0.word(), Relaxed))
            .map(List)
    }

    /// The list that `object` names.
    pub fn of(object: ObjectRef) -> List {
        List(object)
    }

    /// Its name for [`holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    /// The lock of those who change it.
    pub fn lock(self) -> UserLock {
        UserLock::of(self.0)
    }

    fn state(self) -> Result<&'static State, ShmError> {
        let state = at::<State>(arena::object(self.0).ok_or(ShmError::Gone)?.data());
        (state.base.lock.header.kind.load(Relaxed) == object::LIST).then_some(state).ok_or(ShmError::Gone)
    }

    /// One step.
    fn step<R>(self, run: impl FnOnce(&State, &Slot) -> R) -> Result<R, ShmError> {
        let state = self.state()?;
        let me = my_slot();
        state.enter(me, self.0);
        state.base.note_change();
        let result = run(state, me);
        state.base.leave(me);
        Ok(result)
    }

    /// Items in it.
    pub fn count(self) -> Result<u64, ShmError> {
        self.step(|state, _| state.items().len())
    }

    /// Appends the item at an index to `bytes`, if there is one; this process holds what it mentions from now on.
    pub fn get(self, index: u64, bytes: &mut Vec<u8>) -> Result<bool, ShmError> {
        self.step(|state, _| match state.items().item(index) {
            Some(item) => copy(item.load(Relaxed), bytes).map(|()| true),
            None => Ok(false),
        })?
    }

    /// All items.
    pub fn all(self) -> Result<Vec<Vec<u8>>, ShmError> {
        self.step(|state, _| {
            let items = state.items();
            let copy = |index| {
                let mut bytes = Vec::new();
                items.item(index).map_or(Ok(()), |item| copy(item.load(Relaxed), &mut bytes)).map(|()| bytes)
            };
            (0..items.len()).map(copy).collect()
        })?
    }

    /// Sets the item at an index, if there is one; this process holds the lock.
    pub fn set(self, index: u64, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<bool, ShmError> {
        let me = my_slot();
        let word = word(me, bytes, handles)?;
        let done = self.step(|state, me| {
            state.base.note_mentions(handles);
            let Some(item) = state.items().item(index) else { return false };
            let old = item.load(Relaxed);
            me.hand(Hand::Replaced).store(if old & INLINE == 0 { old } else { 0 }, SeqCst);
            item.store(word, SeqCst);
            me.hand(Hand::Message).store(0, SeqCst);
            true
        });
        finish(me);
        done
    }

    /// Puts an item in before an index, or at the end, unless the index is beyond it; this process holds the lock.
    pub fn insert(self, index: u64, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<bool, ShmError> {
        let me = my_slot();
        let word = word(me, bytes, handles)?;
        let done = self.step(|state, me| {
            state.base.note_mentions(handles);
            let items = state.items();
            let (start, len) = items.range();
            if index > len {
                return Ok(false);
            }
            if index == len && start + len < items.capacity() {
                items.word(start + len).store(word, Relaxed);
                items.set_range(start, len + 1);
            } else {
                if len == MOST {
                    return Err(ShmError::MemoryFull { asked: len * 8, limit: arena::limit_bytes() });
                }
                let new = Items::new(me, ((len + 1) * 2).max(LEAST))?;
                new.fill(items.words().take(index as usize).chain([word]).chain(items.words().skip(index as usize)));
                exchange(&state.items, new.0.word(), me.hand(Hand::Segment));
                me.hand(Hand::Table).store(0, SeqCst);
            }
            me.hand(Hand::Message).store(0, SeqCst);
            Ok(true)
        });
        finish(me);
        done.and_then(|done| done)
    }

    /// Removes the item at an index and appends it to `bytes`, if there is one; this process holds the lock.
    pub fn remove(self, index: u64, bytes: &mut Vec<u8>) -> Result<bool, ShmError> {
        let me = my_slot();
        let removed = self.step(|state, me| {
            let items = state.items();
            let (start, len) = items.range();
            let Some(item) = items.item(index).map(|item| item.load(Relaxed)) else { return Ok(None) };
            let at_end = index == 0 || index + 1 == len;
            let new = match items.capacity() {
                // Memory that is long not needed is given back.
                capacity if capacity > 64 && (len - 1) * 8 < capacity => Some(Items::new(me, len * 2)?),
                _ if at_end => None,
                capacity => Some(Items::new(me, capacity)?),
            };
            me.hand(Hand::Replaced).store(if item & INLINE == 0 { item } else { 0 }, SeqCst);
            match new {
                None if index == 0 => items.set_range(start + 1, len - 1),
                None => items.set_range(start, len - 1),
                Some(new) => {
                    let before = items.words().take(index as usize);
                    new.fill(before.chain(items.words().skip(index as usize + 1)));
                    exchange(&state.items, new.0.word(), me.hand(Hand::Segment));
                    me.hand(Hand::Table).store(0, SeqCst);
                }
            }
            Ok(Some(item))
        });
        let result = match removed.and_then(|removed| removed) {
            Ok(Some(item)) => copy(item, bytes).map(|()| true),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        finish(me);
        result
    }

    /// Removes all items; this process holds the lock.
    pub fn clear(self) -> Result<(), ShmError> {
        let me = my_slot();
        let items = Items::new(me, LEAST)?;
        self.step(|state, me| {
            while !empty(&state.trash, me) {}
            state.trash.store(state.items.load(Relaxed), SeqCst);
            state.items.store(items.0.word(), SeqCst);
            me.hand(Hand::Table).store(0, SeqCst);
        })?;
        self.step(|state, me| while !empty(&state.trash, me) {})?;
        holders::settle();
        Ok(())
    }
}

/// The word of an item: in the hand for messages when it is a parcel.
fn word(me: &Slot, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<u64, ShmError> {
    if bytes.len() > MOST_INLINE || !handles.is_empty() {
        return pack(me, bytes, handles).map(Block::word);
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    Ok(u64::from_le_bytes(word) | (bytes.len() as u64) << 56 | INLINE)
}

fn copy(item: u64, bytes: &mut Vec<u8>) -> Result<(), ShmError> {
    if item & INLINE != 0 {
        bytes.extend_from_slice(&item.to_le_bytes()[..(item >> 56 & 7) as usize]);
        return Ok(());
    }
    Block::from_word(item).map_or(Ok(()), |block| copy_out(block, bytes))
}

/// Frees what a step has left in this process's hands.
fn finish(me: &Slot) {
    arena::free_hand(me.hand(Hand::Table));
    arena::free_hand(me.hand(Hand::Segment));
    free_parcel(me.hand(Hand::Replaced));
    free_message_hand(me);
    holders::settle();
}

impl State {
    fn enter(&self, me: &Slot, object: ObjectRef) {
        let is_part = |word| word == self.items.load(SeqCst) || self.items().words().any(|item| item == word);
        self.base.enter(me, object, is_part, || {
            if self.trash.load(Relaxed) == self.items.load(Relaxed) {
                self.trash.store(0, Relaxed);
            }
        });
    }

    fn items(&self) -> Items {
        // A list always has a block, until it is destroyed.
        Items(Block::from_word(self.items.load(Relaxed)).expect("a list without a block"))
    }
}

/// Some work on emptying and freeing a block of items that nobody reads; true when it is done.
fn empty(word: &AtomicU64, me: &Slot) -> bool {
    let Some(items) = Block::from_word(word.load(Relaxed)).filter(|&block| arena::in_use(block)).map(Items) else {
        word.store(0, Relaxed);
        return true;
    };
    let (start, len) = items.range();
    let Some(last) = len.checked_sub(1) else {
        exchange(word, 0, me.hand(Hand::Segment));
        arena::free_hand(me.hand(Hand::Segment));
        return true;
    };
    let item = items.word(start + last).load(Relaxed);
    let block = if item & INLINE == 0 { Block::from_word(item) } else { None };
    match block.filter(|&block| arena::in_use(block)) {
        Some(block) if discount_one(block) => return false,
        Some(block) => me.hand(Hand::Replaced).store(block.word(), SeqCst),
        None => {}
    }
    items.set_range(start, last);
    free_parcel(me.hand(Hand::Replaced));
    false
}

impl Items {
    /// No items, in the hand for tables.
    fn new(me: &Slot, capacity: u64) -> Result<Items, ShmError> {
        let block = arena::allocate((capacity as usize + 1) * 8, me.hand(Hand::Table))?;
        let items = Items(block);
        items.set_range(0, 0);
        Ok(items)
    }

    fn capacity(self) -> u64 {
        self.0.length() as u64 / 8 - 1
    }

    fn word(self, at_index: u64) -> &'static AtomicU64 {
        at(self.0.data() + (at_index + 1) * 8)
    }

    /// The first item's word, and how many there are.
    fn range(self) -> (u64, u64) {
        let range = at::<AtomicU64>(self.0.data()).load(SeqCst);
        (range >> 32, range & MOST)
    }

    fn set_range(self, start: u64, len: u64) {
        at::<AtomicU64>(self.0.data()).store(start << 32 | len, SeqCst);
    }

    fn len(self) -> u64 {
        self.range().1
    }

    fn item(self, index: u64) -> Option<&'static AtomicU64> {
        let (start, len) = self.range();
        (index < len).then(|| self.word(start + index))
    }

    fn words(self) -> impl Iterator<Item = u64> {
        let (start, len) = self.range();
        (start..start + len).map(move |index| self.word(index).load(Relaxed))
    }

    fn fill(self, words: impl Iterator<Item = u64>) {
        let mut len = 0;
        for word in words {
            self.word(len).store(word, Relaxed);
            len += 1;
        }
        self.set_range(0, len);
    }
}

/// Finishes the step of a dead process.
pub(super) fn visit(me: &Slot, object: ObjectRef) {
    if let Ok(state) = List(object).state() {
        state.enter(me, object);
        state.base.leave(me);
    }
}

/// What each entry holds, as keys of the holders, leaving out those that hold nothing; and the [`stamp`].
pub(super) fn handles_inside(object: ObjectRef) -> Option<(Stamp, Vec<Vec<object::Key>>)> {
    let state = List(object).state().ok()?;
    let me = my_slot();
    me.operate(object, || {
        state.enter(me, object);
        // What a process was clearing when it died is held, too, unless it came into the hands of that one.
        let there = |word: u64| Block::from_word(word).filter(|&block| arena::in_use(block));
        let parts = [&state.items, &state.trash].into_iter().filter_map(|part| there(part.load(Relaxed)));
        let words = parts.flat_map(|part| Items(part).words());
        let inside = held_by(words.filter(|item| item & INLINE == 0).filter_map(there));
        let changes = state.base.changes();
        state.base.leave(me);
        Some(((changes, 0), inside))
    })
}

/// While it stays, so does what is inside.
pub(super) fn stamp(object: ObjectRef) -> Option<Stamp> {
    List(object).state().ok().map(|state| (state.base.changes(), 0))
}

/// Some work on emptying a list that nobody holds; true when nothing is left but the object itself.
pub(super) fn empty_a_little(object: ObjectRef) -> bool {
    let Ok(state) = List(object).state() else { return true };
    let me = my_slot();
    empty(&state.trash, me) && empty(&state.items, me)
}
