//! Which shared objects this process can reach: its handle values are counted, and the first and the last of an
//! object are told to shared memory.

use super::apart::{Apart, ApartVec, NearSet};
use super::counts::{Counts, Entry, MUCH_ROOM};
use super::{moves, out_of_memory};
use crate::shm::{self, ObjectRef, ProcessRef, Role};
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{HandleKey, HandleKind};
use crate::world::on_file_handle;
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};

struct Reached {
    counts: Counts,
    /// Pipe ends that are another process's.
    moved: FxHashMap<Entry, Moved>,
    /// Processes of which one handle value is left, which may be the one that `Children` keeps.
    unreachable: ApartVec<ProcessRef>,
}

/// A pipe end that is not this process's, but that values of it name.
struct Moved {
    how: String,
    /// So many values: should the end come back, it is theirs too.
    values: usize,
}

impl Reached {
    fn new() -> Reached {
        Reached { counts: Counts::default(), moved: FxHashMap::default(), unreachable: ApartVec::new_in(Apart) }
    }

    /// A value came to be or went that names this: whether it has come back, or nothing if it never went.
    fn of_moved(&mut self, entry: &Entry, alive: bool) -> Option<bool> {
        if self.moved.is_empty() {
            return None;
        }
        let moved = self.moved.get_mut(entry)?;
        if alive && LEFT.get().is_some() {
            moved.values += 1;
            return Some(false);
        }
        if !alive {
            moved.values = moved.values.saturating_sub(1);
            if moved.values > 0 {
                return Some(false);
            }
        }
        let values = moved.values + usize::from(alive);
        self.moved.remove(entry);
        if alive {
            *self.counts.of(*entry) = values;
        }
        Some(alive)
    }

    /// Whether the value that comes to be names an end that stays where it is.
    fn is_left(&mut self, entry: &Entry) -> bool {
        let Some(process) = LEFT.get() else { return false };
        if !matches!(entry.1, Role::A | Role::B) || self.counts.get(entry).is_some() {
            return false;
        }
        self.moved.insert(*entry, Moved { how: moves::in_result(process), values: 1 });
        SOME_MOVED.set(true);
        true
    }
}

thread_local! {
    static REACHED: RefCell<Reached> = RefCell::new(Reached::new());
    /// Whether `moved` and `unreachable` have anything, for those who ask at every request.
    static SOME_MOVED: Cell<bool> = const { Cell::new(false) };
    static SOME_UNREACHABLE: Cell<bool> = const { Cell::new(false) };
    /// The process in whose result pipe ends stay that values made now name.
    static LEFT: Cell<Option<ProcessRef>> = const { Cell::new(None) };
}

/// The object that a handle means.
pub fn object(key: HandleKey) -> ObjectRef {
    ObjectRef { offset: key.id, generation: key.generation }
}

/// The key of a handle to an object.
pub fn key(kind: HandleKind, object: ObjectRef, role: u8) -> HandleKey {
    HandleKey { kind, id: object.offset, generation: object.generation, role }
}

/// The parts that holders of a handle play at its object.
pub fn roles(key: HandleKey) -> impl Iterator<Item = Role> {
    let (first, second) = match (key.kind, key.role) {
        (HandleKind::Queue, crate::library::SENDER) => (Some(Role::Put), None),
        (HandleKind::Queue, crate::library::TAKER) => (Some(Role::Take), None),
        (HandleKind::Queue, _) => (Some(Role::Put), Some(Role::Take)),
        (HandleKind::PipeEnd, 0) => (Some(Role::A), None),
        (HandleKind::PipeEnd, _) => (Some(Role::B), None),
        (HandleKind::File, _) => (None, None),
        // An object that knows no parts.
        _ => (Some(Role::Handle), None),
    };
    first.into_iter().chain(second)
}

/// What holds these holds of their objects.
#[inline]
pub fn held(keys: &[HandleKey]) -> Vec<Entry> {
    if keys.is_empty() {
        return Vec::new();
    }
    keys.iter().flat_map(|&key| roles(key).map(move |role| (object(key), role))).collect()
}

/// A handle value came to be or went; see [`crate::vm::value::on_handle`].
pub fn on_handle(key: HandleKey, alive: bool) {
    if key.kind == HandleKind::File {
        return on_file_handle(key, alive);
    }
    for role in roles(key) {
        let entry = (object(key), role);
        let change = count(key.kind, entry, alive);
        if change && alive {
            match shm::hold(entry.0, role) {
                // An object that is gone is noticed where it is used.
                Ok(()) | Err(shm::ShmError::Gone) => {}
                // It would go, or end, while this process uses it.
                Err(error) => out_of_memory::end_unrecorded(&error),
            }
        } else if change {
            match key.kind {
                HandleKind::Shared => super::shared::forget(entry.0),
                HandleKind::Process => ProcessRef::of(entry.0).into_iter().for_each(super::outcome::forget),
                _ => {}
            }
            shm::give_up(entry.0, role);
        }
    }
}

/// Counts a value more or less; whether it is the first one or was the last. In a frame of its own: what follows the last
/// one needs many.
#[inline(never)]
fn count(kind: HandleKind, entry: Entry, alive: bool) -> bool {
    REACHED.with_borrow_mut(|reached| {
        if let Some(changed) = reached.of_moved(&entry, alive) {
            return changed;
        }
        if alive && reached.is_left(&entry) {
            return false;
        }
        let count = reached.counts.of(entry);
        if alive {
            *count += 1;
            return *count == 1;
        }
        *count = count.saturating_sub(1);
        let count = *count;
        if count == 0 {
            reached.counts.remove(&entry);
        }
        if count == 1 && kind == HandleKind::Process {
            reached.unreachable.extend(ProcessRef::of(entry.0));
            SOME_UNREACHABLE.set(true);
        }
        count == 0
    })
}

/// A child ended: perhaps nobody can ask about it.
pub fn ended(process: ProcessRef) {
    REACHED.with_borrow_mut(|reached| reached.unreachable.push(process));
    SOME_UNREACHABLE.set(true);
}

/// Whether [`take_unreachable`] has anything.
#[inline]
pub fn some_unreachable() -> bool {
    SOME_UNREACHABLE.get()
}

/// Calls `each` with processes that have become unreachable, unless [`reachable`] denies it.
#[inline]
pub fn take_unreachable(each: impl FnMut(ProcessRef)) {
    if SOME_UNREACHABLE.get() {
        take_all_unreachable(each);
    }
}

fn take_all_unreachable(mut each: impl FnMut(ProcessRef)) {
    // What one brings about is for the next time.
    let count = REACHED.with_borrow(|reached| reached.unreachable.len());
    for at in 0..count {
        each(REACHED.with_borrow(|reached| reached.unreachable[at]));
    }
    REACHED.with_borrow_mut(|reached| {
        reached.unreachable.drain(..count);
        SOME_UNREACHABLE.set(!reached.unreachable.is_empty());
        if reached.unreachable.is_empty() && reached.unreachable.capacity() > MUCH_ROOM {
            reached.unreachable = ApartVec::new_in(Apart);
        }
    });
}

/// Whether another process, or a message, can reach the object.
pub fn reachable_elsewhere(key: HandleKey) -> bool {
    roles(key).any(|role| shm::holder_count(object(key), role) > 1)
}

/// Whether anything in this process but one handle value can reach the object.
pub fn reachable_here(key: HandleKey) -> bool {
    roles(key).any(|role| {
        let entry = (object(key), role);
        REACHED.with_borrow(|reached| reached.counts.get(&entry).is_some_and(|count| count > 1))
    })
}

/// Whether one value of this process alone has the items of an array; see [`crate::vm::value::on_items`].
pub fn alone(key: HandleKey) -> bool {
    let entry = (object(key), Role::Handle);
    let values = REACHED.with_borrow(|reached| reached.counts.get(&entry));
    values == Some(1) && shm::Numbers::of(entry.0).is_alone()
}

/// Begins anew in a child, which can reach these objects until it ends.
pub fn begin_child(reached: &NearSet<HandleKey>) {
    let mut fresh = Reached::new();
    for &key in reached {
        for role in roles(key) {
            *fresh.counts.of((object(key), role)) = 1;
        }
    }
    REACHED.with_borrow_mut(|reached| std::mem::forget(std::mem::replace(reached, fresh)));
}

/// A child that is about to be forked will be able to reach an object.
pub fn hold_for(child: ProcessRef, key: HandleKey) -> Result<(), shm::ShmError> {
    roles(key).try_for_each(|role| shm::hold_for(child, object(key), role))
}

/// Runs something that makes values of the result of a process: ends of pipes in it stay there.
pub fn leave_ends<R>(process: ProcessRef, run: impl FnOnce() -> R) -> R {
    LEFT.set(Some(process));
    let result = run();
    LEFT.set(None);
    result
}

/// Whether this process has values that name pipe ends of others.
pub fn some_moved() -> bool {
    SOME_MOVED.get()
}

/// A pipe end went to another process: this one can use it no longer.
pub fn moved(key: HandleKey, how: &str) {
    if key.kind != HandleKind::PipeEnd {
        return;
    }
    for role in roles(key) {
        let entry = (object(key), role);
        REACHED.with_borrow_mut(|reached| {
            let before = reached.moved.get(&entry).map(|moved| moved.values);
            let values = before.or_else(|| reached.counts.get(&entry)).unwrap_or(0);
            reached.counts.remove(&entry);
            reached.moved.insert(entry, Moved { how: how.to_string(), values });
        });
        SOME_MOVED.set(true);
        shm::give_up(entry.0, role);
    }
}

/// How a pipe end went to another process, if it did.
#[inline]
pub fn how_moved(key: HandleKey) -> Option<String> {
    if !SOME_MOVED.get() {
        return None;
    }
    REACHED.with_borrow(|reached| {
        let moved = roles(key).find_map(|role| reached.moved.get(&(object(key), role)));
        moved.map(|moved| moved.how.clone())
    })
}

/// In a child: a pipe end that its code mentions, but that is not its own.
pub fn not_mine(key: HandleKey, how: &str) {
    REACHED.with_borrow_mut(|reached| {
        // The name stands until this process ends.
        let moved = || Moved { how: how.to_string(), values: 1 };
        reached.moved.extend(roles(key).map(|role| ((object(key), role), moved())));
    });
    SOME_MOVED.set(true);
}

/// Refuses a pipe end that is no longer this process's.
pub fn check(key: HandleKey) -> Result<(), Fault> {
    match how_moved(key) {
        None => Ok(()),
        Some(how) => Err(Fault::new(Kind::Value, format!("this end of the pipe {how}"))
            .help("an end belongs to one process at a time; keep the other end for this one")),
    }
}

/// Gives up everything but processes: this process has run its code.
pub fn give_up_all(but: &[HandleKey]) {
    let mut kept = held(but);
    kept.sort_unstable();
    let counts = REACHED.with_borrow_mut(|reached| std::mem::take(&mut reached.counts));
    for (object, role) in counts.into_entries() {
        if ProcessRef::of(object).is_none() && kept.binary_search(&(object, role)).is_err() {
            shm::give_up(object, role);
        }
    }
}
