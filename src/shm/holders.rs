//! Who holds what: each object counts the processes that hold a role of it, each process lists what it holds.
//!
//! A list entry and its count change together, by a journal under one robust lock. So the death of a process can be
//! undone exactly, and the last holder gone frees the object.

use super::arena::{self, Block};
use super::atomic::Ordering::{Relaxed, Release, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, seeded};
use super::handle_table::{DELETED, EMPTY};
use super::layout;
use super::lock::Lock;
use super::object::{
    CELL, CHANNEL, Header, Key, LIST, MAP, NUMBERS, PROCESS, Role, can_be_locked, header, key, kind_of, object_of,
};
use super::process_table::{self, Hand, ProcessRef, Slot, my_index, my_slot, slot};
use super::region::{at, shared};
use super::{
    ObjectRef, ShmError, around, cell, channel, contents, deadlock, islands, list, map, monitor, numbers, user_lock,
    waits::{self, Need},
};
use std::collections::HashMap;

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
}

const _: () = assert!(size_of::<Globals>() <= layout::ROOM);

fn globals() -> &'static Globals {
    at(layout::HOLDERS)
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
    slot(index).holds.seems_to_have(key(object, role))
}

/// Tells which of some roles the process of a slot holds, in as many steps as there are of these or as it holds, the
/// fewer. Within [`locked`].
pub(super) fn each_of<T: Copy>(index: u32, roles: &HashMap<Key, T>, mut tell: impl FnMut(T)) {
    if roles.len() < slot(index).holds.size() as usize / 4 {
        roles.iter().filter(|(key, _)| slot(index).holds.seems_to_have(**key)).for_each(|(_, &role)| tell(role));
    } else {
        each_key(index, |key| roles.get(&key).copied().into_iter().for_each(&mut tell));
    }
}

/// Tells each role that the process of a slot holds. Within [`locked`].
pub(super) fn each_key(index: u32, tell: impl FnMut(Key)) {
    slot(index).holds.each_key(tell);
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
pub(super) fn pass_on(object: ObjectRef, process: ProcessRef, in_operation: bool, slept_there: bool) {
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
pub(super) fn rouse(object: ObjectRef) -> bool {
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
pub(super) fn remove(entry: &AtomicU64, object: ObjectRef, role: u32) {
    match header(object) {
        Some(header) => {
            let count = header.roles[role as usize].load(Relaxed).saturating_sub(1);
            change(Some((entry, DELETED)), object, header, role, count);
        }
        None => entry.store(DELETED, Relaxed),
    }
}

pub(super) fn give_up_by(holder: &Slot, object: ObjectRef, role: u32) {
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

pub(super) fn notify_loss(object: ObjectRef) {
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
pub(super) fn destroy_doomed(owner: &Slot) {
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
