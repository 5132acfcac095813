//! A map in common memory: a hash table of parcels, one for each entry, with its key and value. Each change is one
//! store into the table, or of a larger table.
//!
//! What keys mean is for the caller: it gives hashes, and says which keys are the same.

use super::arena::{self, Block};
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU64, seeded};
use super::channel::Stamp;
use super::guarded::{self, Guarded, exchange};
use super::holders;
use super::message::{self, discount_one, free_message_hand, free_parcel, held_by, pack};
use super::object::{self, Role};
use super::process_table::{Hand, Slot, my_slot};
use super::region::{self, at, shared};
use super::user_lock::UserLock;
use super::{ObjectRef, ShmError};

shared! {
    struct State {
        base: Guarded,
        /// The block with the table.
        table: AtomicU64,
        /// A table that was replaced by `clear`, while it is being emptied.
        trash: AtomicU64,
        /// Lines of a table that is being emptied, the trash or the last one, that are done.
        emptied: AtomicU64,
        /// Entries.
        live: AtomicU64,
        /// Lines that are not `EMPTY`.
        filled: AtomicU64,
        /// Number of the next new entry, for the order.
        next: AtomicU64,
    }

    /// A line of the table.
    struct Line {
        entry: AtomicU64,
        hash: AtomicU64,
    }
}

const EMPTY: u64 = 0;
const DELETED: u64 = 1;
const LINE: u64 = 16;
const LEAST: u64 = 16;
/// Before a key's bytes in an entry: its length and number of handles, the number of the entry.
const PREFIX: usize = 16;

/// Bytes and what they mention.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// What is held for them.
    pub handles: &'a [(ObjectRef, Role)],
}

/// A [`Piece`] of one's own.
type Owned = (Vec<u8>, Vec<(ObjectRef, Role)>);

/// A key as the map seeks it.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The key itself.
    pub piece: Piece<'a>,
    /// Equal for the same keys.
    pub hash: u64,
    /// Whether a key with the same hash and other bytes is the same.
    pub same: &'a dyn Fn(&[u8]) -> bool,
}

/// What of an entry is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Content,
}

/// A shared map, as every process names it. Its maker holds [`Role::Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Map(ObjectRef);

/// A table of lines in a block.
#[derive(Clone, Copy)]
struct Table(Block);

/// The block of an entry.
#[derive(Clone, Copy)]
struct Entry(Block);

impl Map {
    /// A new map without entries.
    pub fn new() -> Result<Map, ShmError> {
        super::start()?;
        let me = my_slot();
        let table = Table::new(me, LEAST)?;
        guarded::new_object(me, object::MAP, |block| at::<State>(block.data()).table.store(table.0.word(), Relaxed))
            .map(Map)
    }

    /// The map that `object` names.
    pub fn of(object: ObjectRef) -> Map {
        Map(object)
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
        (state.base.lock.header.kind.load(Relaxed) == object::MAP).then_some(state).ok_or(ShmError::Gone)
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

    /// Entries in it.
    pub fn count(self) -> Result<u64, ShmError> {
        self.step(|state, _| state.live.load(SeqCst))
    }

    /// Appends the value of a key to `bytes` if it is there; this process holds what the value mentions from now on.
    pub fn get(self, key: &Key, bytes: &mut Vec<u8>) -> Result<bool, ShmError> {
        self.step(|state, _| match state.find(key) {
            Ok(line) => line.entry().map_or(Ok(false), |entry| entry.copy(Part::Content, bytes).map(|()| true)),
            Err(_) => Ok(false),
        })?
    }

    /// Whether the key is there.
    pub fn contains(self, key: &Key) -> Result<bool, ShmError> {
        self.step(|state, _| state.find(key).is_ok())
    }

    /// Sets the value of a key; this process holds the lock. An entry that was there keeps its key and its place.
    pub fn set(self, key: &Key, value: Piece) -> Result<(), ShmError> {
        let me = my_slot();
        let mut kept: Option<Owned> = None;
        loop {
            let piece = kept.as_ref().map_or(key.piece, |(bytes, handles)| Piece { bytes, handles });
            let entry = Entry::new(me, piece, value)?;
            let done = self.step(|state, me| {
                state.base.note_mentions(piece.handles);
                state.base.note_mentions(value.handles);
                if let Ok(line) = state.find(key)
                    && let Some(old) = line.entry()
                {
                    if !old.key_is(piece.bytes) {
                        return Ok(Some(old.key()));
                    }
                    entry.set_number(old.number());
                    exchange(&line.entry, entry.0.word(), me.hand(Hand::Replaced));
                    me.hand(Hand::Message).store(0, SeqCst);
                    return Ok(None);
                }
                state.make_room(me)?;
                let line = state.find(key).err();
                let number = state.next.load(Relaxed);
                state.next.store(number + 1, Relaxed);
                entry.set_number(number);
                if let Some(line) = line {
                    let fresh = line.entry.load(Relaxed) == EMPTY;
                    line.hash.store(key.hash, Relaxed);
                    line.entry.store(entry.0.word(), SeqCst);
                    state.live.store(state.live.load(Relaxed) + 1, Relaxed);
                    state.filled.store(state.filled.load(Relaxed) + u64::from(fresh), Relaxed);
                }
                me.hand(Hand::Message).store(0, SeqCst);
                Ok(None)
            });
            arena::free_hand(me.hand(Hand::Segment));
            free_parcel(me.hand(Hand::Replaced));
            match done.and_then(|done| done) {
                Ok(None) => {
                    holders::settle();
                    return Ok(());
                }
                other => {
                    free_message_hand(me);
                    holders::settle();
                    kept = other?;
                }
            }
        }
    }

    /// Removes a key and appends its value to `bytes`, if it is there; this process holds the lock.
    pub fn remove(self, key: &Key, bytes: &mut Vec<u8>) -> Result<bool, ShmError> {
        let me = my_slot();
        let removed = self.step(|state, me| {
            let line = state.find(key).ok()?;
            exchange(&line.entry, DELETED, me.hand(Hand::Replaced));
            state.live.store(state.live.load(Relaxed) - 1, Relaxed);
            Block::from_word(me.hand(Hand::Replaced).load(Relaxed)).map(Entry)
        })?;
        let copied = removed.map_or(Ok(()), |entry| entry.copy(Part::Content, bytes));
        free_parcel(me.hand(Hand::Replaced));
        holders::settle();
        copied.map(|()| removed.is_some())
    }

    /// Some parts of all entries, those of an entry side by side, in the order in which the keys were first set.
    pub fn parts(self, parts: &[Part]) -> Result<Vec<Vec<u8>>, ShmError> {
        self.step(|state, _| {
            let mut entries: Vec<Entry> = state.table().entries().collect();
            entries.sort_unstable_by_key(|entry| entry.number());
            let copy = |(entry, part): (Entry, &Part)| {
                let mut bytes = Vec::new();
                entry.copy(*part, &mut bytes).map(|()| bytes)
            };
            entries.into_iter().flat_map(|entry| parts.iter().map(move |part| (entry, part))).map(copy).collect()
        })?
    }

    /// Removes all entries; this process holds the lock.
    pub fn clear(self) -> Result<(), ShmError> {
        let me = my_slot();
        let table = Table::new(me, LEAST)?;
        self.step(|state, me| {
            while !state.empty_a_little(&state.trash, me) {}
            state.emptied.store(0, Relaxed);
            state.trash.store(state.table.load(Relaxed), SeqCst);
            state.table.store(table.0.word(), SeqCst);
            state.live.store(0, Relaxed);
            state.filled.store(0, Relaxed);
            me.hand(Hand::Table).store(0, SeqCst);
        })?;
        self.step(|state, me| while !state.empty_a_little(&state.trash, me) {})?;
        holders::settle();
        Ok(())
    }
}

impl State {
    fn enter(&self, me: &Slot, object: ObjectRef) {
        let is_part =
            |word| word == self.table.load(SeqCst) || self.table().entries().any(|entry| entry.0.word() == word);
        self.base.enter(me, object, is_part, || self.repair());
    }

    fn repair(&self) {
        if seeded!("a map is not counted anew") {
            return;
        }
        if self.trash.load(Relaxed) == self.table.load(Relaxed) {
            self.trash.store(0, Relaxed);
        }
        let lines = || self.table().lines().map(|line| line.entry.load(Relaxed));
        self.live.store(lines().filter(|&entry| entry > DELETED).count() as u64, Relaxed);
        self.filled.store(lines().filter(|&entry| entry != EMPTY).count() as u64, Relaxed);
        let next = self.table().entries().map(|entry| entry.number() + 1).max().unwrap_or(0);
        self.next.store(next.max(self.next.load(Relaxed)), Relaxed);
    }

    fn table(&self) -> Table {
        // A map always has one, until it is destroyed.
        Table(Block::from_word(self.table.load(Relaxed)).expect("a map without a table"))
    }

    /// The line of a key, else the one to put it in.
    fn find(&self, key: &Key) -> Result<&'static Line, &'static Line> {
        let table = self.table();
        let mut index = table.first(key.hash);
        let mut place = None;
        loop {
            let line = table.line(index);
            match line.entry.load(Relaxed) {
                EMPTY => return Err(place.unwrap_or(line)),
                DELETED => place = place.or(Some(line)),
                _ if line.hash.load(Relaxed) == key.hash && line.entry().is_some_and(|entry| entry.has_key(key)) => {
                    return Ok(line);
                }
                _ => {}
            }
            index = (index + 1) & (table.count() - 1);
        }
    }

    /// Makes room for one more entry. The new table takes the old one's place by one store.
    fn make_room(&self, me: &Slot) -> Result<(), ShmError> {
        let table = self.table();
        if self.filled.load(Relaxed) < table.count() / 4 * 3 {
            return Ok(());
        }
        let live = self.live.load(Relaxed);
        let new = Table::new(me, (live * 3).next_power_of_two().max(LEAST))?;
        for line in table.lines().filter(|line| line.entry.load(Relaxed) > DELETED) {
            let hash = line.hash.load(Relaxed);
            let mut index = new.first(hash);
            while new.line(index).entry.load(Relaxed) != EMPTY {
                index = (index + 1) & (new.count() - 1);
            }
            new.line(index).hash.store(hash, Relaxed);
            new.line(index).entry.store(line.entry.load(Relaxed), Relaxed);
        }
        exchange(&self.table, new.0.word(), me.hand(Hand::Segment));
        me.hand(Hand::Table).store(0, SeqCst);
        self.filled.store(live, Relaxed);
        Ok(())
    }

    /// Some work on emptying and freeing a table that nobody reads; true when it is done.
    fn empty_a_little(&self, word: &AtomicU64, me: &Slot) -> bool {
        let Some(table) = Block::from_word(word.load(Relaxed)).filter(|&block| arena::in_use(block)).map(Table) else {
            word.store(0, Relaxed);
            return true;
        };
        let index = self.emptied.load(Relaxed);
        if index == table.count() {
            exchange(word, 0, me.hand(Hand::Segment));
            arena::free_hand(me.hand(Hand::Segment));
            self.emptied.store(0, Relaxed);
            return true;
        }
        let line = table.line(index);
        match line.entry() {
            Some(Entry(block)) if arena::in_use(block) => {
                if !discount_one(block) {
                    exchange(&line.entry, DELETED, me.hand(Hand::Replaced));
                    free_parcel(me.hand(Hand::Replaced));
                }
            }
            _ => self.emptied.store(index + 1, Relaxed),
        }
        false
    }
}

impl Table {
    /// An empty table in the hand for tables.
    fn new(me: &Slot, count: u64) -> Result<Table, ShmError> {
        let length = (count * LINE) as usize;
        let block = arena::allocate(length, me.hand(Hand::Table))?;
        region::clear(block.data(), length);
        Ok(Table(block))
    }

    fn count(self) -> u64 {
        self.0.length() as u64 / LINE
    }

    fn line(self, index: u64) -> &'static Line {
        at(self.0.data() + index * LINE)
    }

    /// Where a key with this hash is sought first.
    fn first(self, hash: u64) -> u64 {
        hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & (self.count() - 1)
    }

    fn lines(self) -> impl Iterator<Item = &'static Line> {
        (0..self.count()).map(move |index| self.line(index))
    }

    fn entries(self) -> impl Iterator<Item = Entry> {
        self.lines().filter_map(Line::entry)
    }
}

impl Line {
    fn entry(&self) -> Option<Entry> {
        Block::from_word(self.entry.load(Relaxed)).filter(|block| block.word() > DELETED).map(Entry)
    }
}

impl Entry {
    /// A new entry in the hand for messages.
    fn new(me: &Slot, key: Piece, value: Piece) -> Result<Entry, ShmError> {
        let length = (key.bytes.len() as u32).to_le_bytes();
        let handles = (key.handles.len() as u32).to_le_bytes();
        let bytes = [&length[..], &handles[..], &[0; 8], key.bytes, value.bytes].concat();
        pack(me, &bytes, &[key.handles, value.handles].concat()).map(Entry)
    }

    /// Where its bytes start.
    fn start(self) -> u64 {
        message::body(self.0)
    }

    fn lengths(self) -> (usize, usize) {
        let word = at::<AtomicU64>(self.start()).load(Relaxed);
        (word as u32 as usize, (word >> 32) as usize)
    }

    fn number(self) -> u64 {
        at::<AtomicU64>(self.start() + 8).load(Relaxed)
    }

    fn set_number(self, number: u64) {
        at::<AtomicU64>(self.start() + 8).store(number, Relaxed);
    }

    fn key_is(self, bytes: &[u8]) -> bool {
        self.lengths().0 == bytes.len() && region::equals(self.start() + PREFIX as u64, bytes)
    }

    fn has_key(self, key: &Key) -> bool {
        self.key_is(key.piece.bytes) || {
            let mut bytes = Vec::new();
            region::read(self.start() + PREFIX as u64, self.lengths().0, &mut bytes);
            (key.same)(&bytes)
        }
    }

    /// Its key, with what that mentions, which the entry keeps for the time.
    fn key(self) -> Owned {
        let (length, handles) = self.lengths();
        let mut bytes = Vec::new();
        region::read(self.start() + PREFIX as u64, length, &mut bytes);
        (bytes, message::mentioned(self.0, 0..handles))
    }

    fn copy(self, part: Part, bytes: &mut Vec<u8>) -> Result<(), ShmError> {
        let (key_length, key_handles) = self.lengths();
        let end = message::body_length(self.0);
        match part {
            Part::Key => {
                message::hold_some(self.0, 0..key_handles)?;
                region::read(self.start() + PREFIX as u64, key_length, bytes);
            }
            Part::Content => {
                message::hold_some(self.0, key_handles..usize::MAX)?;
                let before = PREFIX + key_length;
                region::read(self.start() + before as u64, end - before, bytes);
            }
        }
        Ok(())
    }
}

/// Finishes the step of a dead process.
pub(super) fn visit(me: &Slot, object: ObjectRef) {
    if let Ok(state) = Map(object).state() {
        state.enter(me, object);
        state.base.leave(me);
    }
}

/// What each entry holds, as keys of the holders, leaving out those that hold nothing; and the [`stamp`].
pub(super) fn handles_inside(object: ObjectRef) -> Option<(Stamp, Vec<Vec<object::Key>>)> {
    let state = Map(object).state().ok()?;
    let me = my_slot();
    me.operate(object, || {
        state.enter(me, object);
        // What a process was clearing when it died is held, too, unless it came into the hands of that one.
        let there = |block: &Block| arena::in_use(*block);
        let parts = [&state.table, &state.trash].into_iter().filter_map(|part| Block::from_word(part.load(Relaxed)));
        let entries = parts.filter(there).flat_map(|part| Table(part).entries());
        let inside = held_by(entries.map(|entry| entry.0).filter(there));
        let changes = state.base.changes();
        state.base.leave(me);
        Some(((changes, 0), inside))
    })
}

/// While it stays, so does what is inside.
pub(super) fn stamp(object: ObjectRef) -> Option<Stamp> {
    Map(object).state().ok().map(|state| (state.base.changes(), 0))
}

/// Some work on emptying a map that nobody holds; true when nothing is left but the object itself.
pub(super) fn empty_a_little(object: ObjectRef) -> bool {
    let Ok(state) = Map(object).state() else { return true };
    let me = my_slot();
    state.empty_a_little(&state.trash, me) && state.empty_a_little(&state.table, me)
}
