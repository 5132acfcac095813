//! Who holds what: each object counts the processes that hold a role of it, each process lists what it holds.
//!
//! A list entry and its count change together, by a journal under one robust lock. So the death of a process can be
//! undone exactly, and the last holder gone frees the object.

use super::arena::{self, Block};
use super::atomic::Ordering::{Relaxed, Release, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, fence, seeded};
use super::layout;
use super::lock::Lock;
use super::process_table::{self, Hand, ProcessRef, Slot, my_index, my_slot, slot};
use super::region::{at, shared};
use super::{
    ObjectRef, ShmError, around, cell, channel, contents, deadlock, guarded, islands, list, map, message, monitor,
    numbers, user_lock,
    waits::{self, Need},
};
use std::collections::HashMap;

// Kinds of objects; those of `model` have their own.
pub(super) const PROCESS: u32 = 1;
pub(super) const CHANNEL: u32 = 2;
pub(super) const USER_LOCK: u32 = 3;
pub(super) const CELL: u32 = 40;
pub(super) const NUMBERS: u32 = 41;
pub(super) const MAP: u32 = 42;
pub(super) const LIST: u32 = 43;

/// Whether objects of this kind start with a lock as the language has it.
pub(super) fn can_be_locked(kind: u32) -> bool {
    matches!(kind, USER_LOCK | CELL | MAP | LIST)
}

/// What an object is, in words.
fn describe(object: ObjectRef) -> &'static str {
    match kind_of(object) {
        Some(PROCESS) => "the process",
        Some(CHANNEL) if channel::is_pipe(object) => "the pipe",
        Some(CHANNEL) => "the queue",
        Some(USER_LOCK) => "the lock",
        Some(CELL) => "the shared value",
        Some(NUMBERS) => "the shared numbers",
        Some(MAP) => "the shared map",
        Some(LIST) => "the shared list",
        kind => kind.and_then(monitor::describe).unwrap_or("something that is gone"),
    }
}

/// What somebody waits for who needs this of an object, in words.
pub fn describe_need(object: ObjectRef, need: Need) -> String {
    let thing = describe(object);
    match need {
        Need::Message => format!("a message from {thing}"),
        Need::Room => format!("room in {thing}"),
        Need::Taker => format!("somebody who takes from {thing}"),
        Need::Change if kind_of(object) == Some(CHANNEL) => format!("the tasks of {thing}"),
        Need::End | Need::Place | Need::Owner | Need::Change => thing.into(),
    }
}

/// The part that a process plays at an object. Each object has at most two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// May put into a queue.
    Put,
    /// May take out of a queue.
    Take,
    /// Has end A of a pipe.
    A,
    /// Has end B of a pipe.
    B,
    /// Has an object that knows no parts: a lock, a process.
    Handle,
}

impl Role {
    pub(super) fn index(self) -> u32 {
        match self {
            Role::Put | Role::A | Role::Handle => 0,
            Role::Take | Role::B => 1,
        }
    }
}

/// Entries that fit into the slot itself.
const INLINE: u64 = 32;
const EMPTY: u64 = 0;
const DELETED: u64 = 1;
/// In an entry: the second role.
const SECOND: u64 = 1 << 62;

shared! {
    struct Globals {
        lock: Lock,
        /// The change being made, while `valid`; by the process of slot `actor`.
        valid: AtomicU32,
        actor: AtomicU32,
        entry_at: AtomicU64,
        entry: AtomicU64,
        object: AtomicU64,
        role: AtomicU32,
        count: AtomicU32,
    }

    /// How every object starts.
    pub(super) struct Header {
        /// Processes, and messages under way, that hold each role.
        pub(super) roles: [AtomicU32; 2],
        pub(super) kind: AtomicU32,
        pub(super) flags: AtomicU32,
        /// The object that is to be destroyed after this one.
        next_doomed: AtomicU64,
    }

    /// What a process holds: a hash table of entries, in the slot or in a block.
    pub(super) struct Holds {
        table: AtomicU64,
        /// Entries that are not `EMPTY`.
        filled: AtomicU32,
        unused: AtomicU32,
        inline: [AtomicU64; INLINE as usize],
    }
}

/// In a header's flags, beside those of the object's kind: something in it mentioned objects.
const MENTIONS: u32 = 1 << 31;

impl Header {
    /// Something that mentions objects is about to come into it.
    pub(super) fn note_mention(&self) {
        if !self.has_mentioned() {
            self.flags.fetch_or(MENTIONS, SeqCst);
        }
    }

    /// Whether anything in it ever mentioned objects.
    pub(super) fn has_mentioned(&self) -> bool {
        self.flags.load(SeqCst) & MENTIONS != 0
    }

    /// Whether anybody holds the object.
    pub(super) fn is_held(&self) -> bool {
        self.roles.iter().any(|count| count.load(SeqCst) != 0)
    }
}

const _: () = assert!(size_of::<Globals>() <= layout::ROOM);

fn globals() -> &'static Globals {
    at(layout::HOLDERS)
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
    fn find(&self, key: u64) -> &AtomicU64 {
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
    fn reserve(&self) -> Result<(), ShmError> {
        let (count, entry) = self.entries();
        if u64::from(self.filled.load(Relaxed)) < count / 4 * 3 {
            return Ok(());
        }
        let live: Vec<u64> = (0..count).map(|index| entry(index).load(Relaxed)).filter(|&key| key > DELETED).collect();
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
    fn free_table(&self, hand: &AtomicU64) {
        // They are from before the table was needed, and must not be seen again.
        self.inline.iter().for_each(|entry| entry.store(EMPTY, Relaxed));
        hand.store(self.table.load(Relaxed), SeqCst);
        self.table.store(0, SeqCst);
        arena::free_hand(hand);
        self.filled.store(0, Relaxed);
    }

    fn keys(&self) -> Vec<u64> {
        let (count, entry) = self.entries();
        (0..count).map(|index| entry(index).load(Relaxed)).filter(|&key| key > DELETED).collect()
    }
}

/// An object and one of its roles, as one word.
pub(super) type Key = u64;

pub(super) fn key(object: ObjectRef, role: u32) -> Key {
    object.word() | if role == 0 { 0 } else { SECOND }
}

fn object_of(key: u64) -> (ObjectRef, u32) {
    (ObjectRef::from_word(key & !SECOND), u32::from(key & SECOND != 0))
}

/// The header of an object that has not been freed.
pub(super) fn header(object: ObjectRef) -> Option<&'static Header> {
    if let Some(process) = ProcessRef::of(object) {
        return process.exists().then(|| at(object.offset));
    }
    arena::object(object).map(|block| at(block.data()))
}

/// Whether no handle ever lay in an object, nor is kept by what it means.
pub(super) fn is_plain(object: ObjectRef) -> bool {
    header(object)
        .is_some_and(|header| !matches!(header.kind.load(Relaxed), CHANNEL | PROCESS) && !header.has_mentioned())
}

/// What kind of object it is, unless it has been freed.
pub(super) fn kind_of(object: ObjectRef) -> Option<u32> {
    header(object).map(|header| header.kind.load(Relaxed))
}

fn enter() {
    if globals().lock.lock() && !seeded!("no redo of holders") {
        redo();
    }
}

/// Finishes the change that a dead process had begun.
fn redo() {
    let globals = globals();
    if globals.valid.load(SeqCst) != 0 {
        apply();
    }
}

/// Changes an entry and the count of a role of `object` as one. `actor` will destroy the object if nobody is left.
fn change(entry: Option<(&AtomicU64, u64)>, object: ObjectRef, header: &Header, role: u32, count: u32) {
    let globals = globals();
    let (entry_at, value) =
        entry.map_or((0, 0), |(entry, value)| (entry.as_ptr() as u64 - super::region::address(0), value));
    globals.entry_at.store(entry_at, Relaxed);
    globals.entry.store(value, Relaxed);
    globals.object.store(object.word(), Relaxed);
    globals.role.store(role, Relaxed);
    globals.count.store(count, Relaxed);
    globals.actor.store(my_index(), Relaxed);
    debug_assert!(header.kind.load(Relaxed) != 0);
    compiler_fence(SeqCst);
    globals.valid.store(1, SeqCst);
    apply();
}

fn apply() {
    let globals = globals();
    let object = ObjectRef::from_word(globals.object.load(Relaxed));
    if globals.entry_at.load(Relaxed) != 0 {
        at::<AtomicU64>(globals.entry_at.load(Relaxed)).store(globals.entry.load(Relaxed), SeqCst);
    }
    if let Some(header) = header(object) {
        header.roles[globals.role.load(Relaxed) as usize % 2].store(globals.count.load(Relaxed), SeqCst);
        // The slot of a process may also be freed by those who clear up after it, whoever comes last.
        let is_process = header.kind.load(Relaxed) == PROCESS;
        if !is_process && !header.is_held() {
            let doomed = &slot(globals.actor.load(Relaxed)).doomed;
            if doomed.load(Relaxed) != object.word() {
                header.next_doomed.store(doomed.load(Relaxed), Relaxed);
                doomed.store(object.word(), SeqCst);
            }
        }
    }
    compiler_fence(SeqCst);
    globals.valid.store(0, SeqCst);
}

/// A new object, which this process holds. `fill` writes what must be there when others see it.
pub(super) fn new_object(kind: u32, fill: impl FnOnce(Block)) -> Result<ObjectRef, ShmError> {
    super::start()?;
    let hand = my_slot().hand(Hand::Object);
    let block = arena::allocate_object(hand)?;
    fill(block);
    at::<Header>(block.data()).kind.store(kind, Release);
    let object = arena::object_ref(block);
    match hold(object, Role::Handle) {
        Ok(()) => hand.store(0, Relaxed),
        Err(error) => {
            arena::free_hand(hand);
            return Err(error);
        }
    }
    Ok(object)
}

/// This process holds a role of `object` from now on; does nothing if it did before.
pub fn hold(object: ObjectRef, role: Role) -> Result<(), ShmError> {
    super::start()?;
    hold_by(my_slot(), object, role.index())
}

/// A child that has been registered, but not yet forked, will hold a role of `object`.
pub fn hold_for(child: ProcessRef, object: ObjectRef, role: Role) -> Result<(), ShmError> {
    hold_by(slot(child.index), object, role.index())
}

fn hold_by(holder: &Slot, object: ObjectRef, role: u32) -> Result<(), ShmError> {
    enter();
    let result = hold_locked(holder, object, role);
    globals().lock.unlock();
    result
}

fn hold_locked(holder: &Slot, object: ObjectRef, role: u32) -> Result<(), ShmError> {
    let header = header(object).ok_or(ShmError::Gone)?;
    holder.holds.reserve()?;
    let key = key(object, role);
    let entry = holder.holds.find(key);
    let old = entry.load(Relaxed);
    if old == key {
        return Ok(());
    }
    if old == EMPTY {
        holder.holds.filled.store(holder.holds.filled.load(Relaxed) + 1, Relaxed);
    }
    change(Some((entry, key)), object, header, role, header.roles[role as usize].load(Relaxed) + 1);
    Ok(())
}

/// Runs something during which nobody gets or gives up anything.
pub(super) fn locked<R>(run: impl FnOnce() -> R) -> R {
    enter();
    let result = run();
    globals().lock.unlock();
    result
}

/// Whether the process of a slot holds a role of `object`: a guess while it gets or gives up something.
pub(super) fn seems_to_hold(index: u32, object: ObjectRef, role: u32) -> bool {
    seems_to_have(index, key(object, role))
}

/// Tells which of some roles the process of a slot holds, in as many steps as there are of these or as it holds, the
/// fewer. Within [`locked`].
pub(super) fn each_of<T: Copy>(index: u32, roles: &HashMap<Key, T>, mut tell: impl FnMut(T)) {
    if roles.len() < slot(index).holds.entries().0 as usize / 4 {
        roles.iter().filter(|(key, _)| seems_to_have(index, **key)).for_each(|(_, &role)| tell(role));
    } else {
        each_key(index, |key| roles.get(&key).copied().into_iter().for_each(&mut tell));
    }
}

fn seems_to_have(index: u32, key: Key) -> bool {
    let holds = &slot(index).holds;
    // Where a table has just been freed, anything may stand.
    let is_table = |block: Block| {
        let count = block.length() as u64 / 8;
        count.is_power_of_two() && block.data() + count * 8 <= super::region::size()
    };
    if Block::from_word(holds.table.load(Relaxed)).is_some_and(|block| !is_table(block)) {
        return false;
    }
    let (count, entry) = holds.entries();
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

/// Tells each role that the process of a slot holds. Within [`locked`].
pub(super) fn each_key(index: u32, mut tell: impl FnMut(Key)) {
    let (count, entry) = slot(index).holds.entries();
    (0..count).map(|index| entry(index).load(Relaxed)).filter(|&key| key > DELETED).for_each(&mut tell);
}

/// How many processes, and messages under way, hold a role of `object`.
pub(super) fn count(object: ObjectRef, role: u32) -> u32 {
    header(object).map_or(0, |header| header.roles[role as usize % 2].load(SeqCst))
}

/// How many processes, and messages under way, hold a role of `object`.
pub fn holder_count(object: ObjectRef, role: Role) -> u32 {
    count(object, role.index())
}

/// The processes that this process holds.
pub fn held_processes() -> Vec<ProcessRef> {
    let keys = if process_table::registered() { my_slot().holds.keys() } else { Vec::new() };
    keys.into_iter().filter_map(|key| ProcessRef::of(object_of(key).0)).collect()
}

/// Whether this process holds a role of `object`.
pub fn holds(object: ObjectRef, role: Role) -> bool {
    process_table::registered() && holds_role(object, role.index())
}

/// Bytes of this process's list of what it holds, which grows and shrinks at times of its own.
#[cfg(any(test, feature = "faults"))]
pub fn list_bytes() -> u64 {
    Block::from_word(my_slot().holds.table.load(Relaxed)).map_or(0, |block| block.length() as u64)
}

pub(super) fn holds_role(object: ObjectRef, role: u32) -> bool {
    let key = key(object, role);
    my_slot().holds.find(key).load(Relaxed) == key
}

/// This process holds a role of `object` no longer; the object is freed if it was the last. Does nothing if it did
/// not hold it.
pub fn give_up(object: ObjectRef, role: Role) {
    if process_table::registered() {
        release(object, role);
        islands::collect_if_due();
    }
}

pub(super) fn release(object: ObjectRef, role: Role) {
    if process_table::registered() {
        // Nobody here could release it any more, and it must not be freed as a member of this process's list.
        if role == Role::Handle && holds(object, role) {
            pass_on(object, process_table::reference(my_index()), false, false);
        }
        if !deadlock::is_waited_for(object) {
            return give_up_by(my_slot(), object, role.index());
        }
        // An operation: if this process dies in it, others look at the waits in its place.
        my_slot().operate(object, || {
            // Looked at before it may be gone.
            let idle = deadlock::is_idle(object);
            give_up_by(my_slot(), object, role.index());
            let helped = || idle || is_open(object) || deadlock::is_still_served(object, role);
            waits::graph_changed(helped, || rouse(object));
        });
    }
}

/// What a process has of an object that it can reach no longer goes to others. One that died in an operation may have
/// owed them a wake-up; one that died asleep there may have been woken in place of another, which is taken care of at
/// channels.
fn pass_on(object: ObjectRef, process: ProcessRef, in_operation: bool, slept_there: bool) {
    match kind_of(object) {
        None | Some(PROCESS | NUMBERS) => {}
        Some(CHANNEL) if in_operation => channel::disturb(object),
        Some(CHANNEL) => {}
        Some(kind) if can_be_locked(kind) => user_lock::owner_ended(object, process),
        Some(kind) => monitor::holder_ended(kind, object, process, in_operation || slept_there),
    }
}

/// Whether nobody has to wait at an object as it is now, whoever has it.
fn is_open(object: ObjectRef) -> bool {
    kind_of(object).is_some_and(|kind| monitor::is_open(kind, object))
}

/// Those who wait for a role of an object look around from there: one who had it has gone. Says whether that does: not when
/// they or those who could serve them are many, or what lies in the object may be waited for elsewhere.
fn rouse(object: ObjectRef) -> bool {
    match kind_of(object) {
        None | Some(NUMBERS) => true,
        Some(CHANNEL) => channel::rouse(object),
        Some(PROCESS | CELL | MAP | LIST) => false,
        Some(_) if !around::are_few(object, Need::Change) => false,
        Some(kind) => {
            monitor::rouse(kind, object);
            true
        }
    }
}

/// Deletes an entry, and counts its object's role down.
fn remove(entry: &AtomicU64, object: ObjectRef, role: u32) {
    match header(object) {
        Some(header) => {
            let count = header.roles[role as usize].load(Relaxed).saturating_sub(1);
            change(Some((entry, DELETED)), object, header, role, count);
        }
        None => entry.store(DELETED, Relaxed),
    }
}

fn give_up_by(holder: &Slot, object: ObjectRef, role: u32) {
    enter();
    let key = key(object, role);
    let entry = holder.holds.find(key);
    let held = entry.load(Relaxed) == key;
    if held {
        my_slot().losing.store(object.word(), SeqCst);
        remove(entry, object, role);
    }
    globals().lock.unlock();
    if held {
        after_loss(object);
    }
}

/// Tells those who wait at the object that a holder has gone, and destroys what nobody holds any more.
fn after_loss(object: ObjectRef) {
    tell_loss(object);
    settle();
}

/// The last step of a loss that this process's slot tells of.
fn tell_loss(object: ObjectRef) {
    notify_loss(object);
    islands::note_loss(object);
    ProcessRef::of(object).into_iter().for_each(process_table::release);
    my_slot().losing.store(0, SeqCst);
}

fn notify_loss(object: ObjectRef) {
    if header(object).is_some_and(|header| header.kind.load(Relaxed) == CHANNEL) {
        channel::holders_changed(object);
    }
}

/// Destroys the objects whose last holder this process has made go.
pub(super) fn settle() {
    if my_slot().doomed.load(Relaxed) != 0 {
        destroy_doomed(my_slot());
    }
}

/// Works off a stack of doomed objects. Emptying one may doom others, which go on top.
fn destroy_doomed(owner: &Slot) {
    let hand = owner.hand(Hand::Object);
    // Of one who died here: the topmost object is in its hand already, or the one before it still is.
    if hand.load(Relaxed) != owner.doomed.load(Relaxed) {
        arena::free_hand(hand);
    }
    while owner.doomed.load(Relaxed) != 0 {
        contents::await_looks();
        let object = ObjectRef::from_word(owner.doomed.load(Relaxed));
        let Some(header) = header(object) else {
            debug_assert!(false, "a doomed object is freed after it has left the stack");
            owner.doomed.store(0, Relaxed);
            return;
        };
        let kind = header.kind.load(Relaxed);
        let empty = match kind {
            CHANNEL => channel::empty_a_little(object),
            CELL => cell::empty_a_little(object),
            NUMBERS => numbers::empty_a_little(object),
            MAP => map::empty_a_little(object),
            LIST => list::empty_a_little(object),
            _ => true,
        };
        if !empty {
            continue;
        }
        let next = header.next_doomed.load(Relaxed);
        monitor::empty(kind, object);
        hand.store(object.word(), SeqCst);
        owner.doomed.store(next, SeqCst);
        arena::free_hand(hand);
    }
}

/// Counts a message under way as a holder of a role of `object`: `progress` is a word of the message, which gets
/// `value` in the same step.
pub(super) fn count_message(progress: &AtomicU64, value: u64, object: ObjectRef, role: Role) -> Result<(), ShmError> {
    enter();
    let header = header(object);
    if let Some(header) = header {
        let role = role.index();
        change(Some((progress, value)), object, header, role, header.roles[role as usize].load(Relaxed) + 1);
    }
    globals().lock.unlock();
    header.map(|_| ()).ok_or(ShmError::Gone)
}

/// The reverse of [`count_message`]; [`settle`] must follow when the caller's hands are empty.
pub(super) fn discount_message(progress: &AtomicU64, value: u64, object: ObjectRef, role: u32) {
    enter();
    my_slot().losing.store(object.word(), SeqCst);
    match header(object) {
        Some(header) => {
            let count = header.roles[role as usize].load(Relaxed).saturating_sub(1);
            change(Some((progress, value)), object, header, role, count);
        }
        None => progress.store(value, Relaxed),
    }
    globals().lock.unlock();
    tell_loss(object);
}

/// The role as message entries keep it.
pub(super) fn entry(object: ObjectRef, role: Role) -> u64 {
    key(object, role.index())
}

/// The object and role of a message's entry.
pub(super) fn of_entry(entry: u64) -> (ObjectRef, u32) {
    object_of(entry)
}

/// The object and role of a message's entry, as callers name them.
pub(super) fn role_of_entry(entry: u64) -> (ObjectRef, Role) {
    match object_of(entry) {
        (object, 0) => (object, Role::Put),
        (object, _) => (object, Role::Take),
    }
}

/// This process takes over what a message's entry holds.
pub(super) fn hold_entry(entry: u64) -> Result<(), ShmError> {
    let (object, role) = object_of(entry);
    hold_by(my_slot(), object, role)
}

/// Undoes whatever a dead process held or had begun. Part of [`process_table::reap`], and harmless when repeated.
pub(super) fn forget_process(process: ProcessRef) {
    if !process.exists() {
        return;
    }
    let dead = slot(process.index);
    // First of all finish the change that it may have been making: its hands tell of it.
    enter();
    globals().lock.unlock();
    // It may have died while it cleared up after another.
    process_table::finish_reaping(process);
    guarded::repair_for(dead);
    channel::repair_for(dead);
    // Who was asleep owes at most what woke it. Should this process die now, the next one finds no wait, and an
    // operation that could have owed anything.
    let wait = waits::forget(dead);
    let asleep = wait.as_ref().is_some_and(|wait| wait.count > 0 && wait.is_whole());
    let in_operation = dead.present.load(Relaxed) != 0 && !asleep;
    if let Some(wait) = &wait {
        channel::forget_waiter(wait);
    }
    if in_operation {
        channel::disturb(ObjectRef::from_word(dead.present.load(Relaxed)));
    }
    // Who died between operations with empty hands has nothing that another one may wait for, but its holds. Anything
    // else counts as an operation, until the waits have been looked at, should this process die too.
    let words = [&dead.losing, &dead.doomed].into_iter().chain(&dead.hands);
    let keys = dead.holds.keys();
    let matters = in_operation
        || wait.is_some()
        || words.into_iter().any(|word| word.load(Relaxed) != 0)
        || keys.iter().any(|&key| deadlock::is_waited_for(object_of(key).0));
    if matters && dead.present.load(Relaxed) == 0 {
        dead.present.store(process.object().word(), SeqCst);
    }
    if !seeded!("loss not told") {
        notify_loss(ObjectRef::from_word(dead.telling.load(Relaxed)));
        let lost = ObjectRef::from_word(dead.losing.load(Relaxed));
        notify_loss(lost);
        channel::disturb(lost);
        ProcessRef::of(lost).into_iter().for_each(process_table::release);
    }
    destroy_doomed(dead);
    process_table::finish_taking(process, dead);
    process_table::finish_freeing(dead);
    free_hands(dead);
    let has_result = dead.result().load(Relaxed) != 0 && !seeded!("what a result names goes");
    // Who takes them from now on sees that it has ended, and does this itself.
    fence(SeqCst);
    let ends_are_taken = process.taker().is_some();
    let mut keeps = false;
    for &key in &keys {
        let (object, role) = object_of(key);
        pass_on(object, process, in_operation, wait.as_ref().is_some_and(|wait| wait.is_at(object)));
        match kind_of(object).filter(|_| has_result) {
            None => give_up_by(dead, object, role),
            Some(_) if ends_are_taken && is_end(object) => give_up_by(dead, object, role),
            Some(kind) => {
                keeps = true;
                if kind != NUMBERS {
                    dead.keeps.store(1, Relaxed);
                }
            }
        }
    }
    if !keeps {
        dead.holds.free_table(dead.hand(Hand::Table));
    }
    settle();
    if matters {
        let rouse_all = || keys.iter().fold(!keys.is_empty(), |all, &key| rouse(object_of(key).0) && all);
        waits::graph_changed(|| false, rouse_all);
    }
    dead.present.store(0, SeqCst);
}

/// What the result of a process names, which it keeps after its end for all who can ask for that.
pub(super) fn kept_for_result(process: ProcessRef) -> Vec<Key> {
    locked(|| if process_table::has_left_result(process) { slot(process.index).holds.keys() } else { Vec::new() })
}

/// Whether it is a pipe, of which one has ends.
fn is_end(object: ObjectRef) -> bool {
    kind_of(object) == Some(CHANNEL) && channel::is_pipe(object)
}

/// Gives up the ends of pipes that a process has kept for its result. [`settle`] must follow.
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
        let held = process_table::has_left_result(process) && entry.load(Relaxed) == key;
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

/// Gives up what a process has kept for its result, and gives the processes among that. [`settle`] must follow.
pub(super) fn forget_result(process: ProcessRef) -> Vec<ProcessRef> {
    let kept = kept_for_result(process);
    kept.iter().for_each(|&key| forget_kept(process, key));
    let holds = &slot(process.index).holds;
    let is_its_own = || process_table::has_left_result(process);
    locked(|| {
        if let Some(table) = Block::from_word(holds.table.load(Relaxed)).filter(|_| is_its_own()) {
            holds.inline.iter().for_each(|entry| entry.store(EMPTY, Relaxed));
            arena::free(table);
            holds.table.store(0, Relaxed);
        }
    });
    kept.into_iter().filter_map(|key| ProcessRef::of(object_of(key).0)).collect()
}

/// Frees the blocks that the dead process had in hand, but not those that it had just published.
fn free_hands(dead: &Slot) {
    let published = [&dead.holds.table, dead.text(), dead.result()].map(|word| word.load(Relaxed));
    if seeded!("hands stay") {
        return;
    }
    for hand in [Hand::Table, Hand::Text, Hand::Result, Hand::Old].map(|hand| dead.hand(hand)) {
        if published.contains(&hand.load(Relaxed)) {
            hand.store(0, Relaxed);
        }
    }
    message::free_message_hand(dead);
    message::free_parcel(dead.hand(Hand::Replaced));
    dead.hands.iter().for_each(arena::free_hand);
}
