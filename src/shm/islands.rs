//! Objects that only lie in each other, as two queues each put into the other: nobody can ever reach them again, but
//! they are held, so counting does not free them.
//!
//! They are what all holders are found inside of, and inside of one another only (Martinez, Wachenchauzer, Lins 1990, and
//! the collector of CPython, take away what is found inside from the counts in the same way). Nobody can come to hold one
//! of them any more: what has been an island once stays one.

use super::atomic::Ordering::Relaxed;
use super::atomic::{AtomicU64, seeded};
use super::channel::Stamp;
use super::contents::{self, Container};
use super::holders;
use super::layout;
use super::line::Line;
use super::lock::{Lock, Taken};
use super::object::{self, CELL, CHANNEL, LIST, MAP, PROCESS, Role};
use super::process_table::{self, ProcessRef};
use super::region::{at, shared};
use super::waits::spent;
use super::{Cell, List, Map, ObjectRef, ShmError, arena, channel, result};
use std::collections::HashMap;

shared! {
    struct Globals {
        /// Of the one who collects.
        lock: Lock,
        /// Objects that contain others, and lost a holder and kept others, since the last time.
        losses: AtomicU64,
        /// So many are enough to collect again, or so many bytes in use.
        enough: AtomicU64,
        bytes: AtomicU64,
    }
}

/// Losses that are enough when a search takes no time; one more for each so many nanoseconds.
const LEAST: u64 = 256;
const WORTH: u64 = 2_000;
/// Bytes that may be lost at a time, where there are enough.
const BYTES: u64 = 16 << 20;
const LEAST_BYTES: u64 = 1 << 20;

const _: () = assert!(size_of::<Globals>() <= layout::ROOM);

fn globals() -> &'static Globals {
    at(layout::ISLANDS)
}

/// An object has lost a holder: those that it keeps may lie in itself.
pub(super) fn note_loss(object: ObjectRef) {
    let Some(header) = object::header(object) else { return };
    let contains = match header.kind.load(Relaxed) {
        CHANNEL => channel::lines(object).any(Line::may_contain_objects),
        CELL | MAP | LIST => header.has_mentioned(),
        PROCESS => ProcessRef::of(object).is_some_and(result::keeps_objects),
        _ => false,
    };
    if contains && header.is_held() {
        globals().losses.fetch_add(1, Relaxed);
    }
}

/// Frees islands, if there may be many or large ones.
pub(super) fn collect_if_due() {
    let globals = globals();
    let losses = globals.losses.load(Relaxed);
    if losses == 0 {
        return;
    }
    let bytes = match globals.bytes.load(Relaxed) {
        0 => more(0),
        bytes => bytes,
    };
    if losses >= globals.enough.load(Relaxed).max(LEAST) || arena::bytes_in_use() >= bytes {
        collect();
    }
}

/// Up to how many bytes may be in use before the next search, after so many are: less where little is left.
fn more(bytes: u64) -> u64 {
    let left = arena::limit_bytes().saturating_sub(bytes);
    bytes + (bytes / 2).max(BYTES).min(left / 2).max(LEAST_BYTES)
}

/// Frees all islands that there are at this moment, unless somebody else does it already; how many objects that were.
pub fn collect() -> usize {
    let globals = globals();
    if !matches!(globals.lock.try_acquire(), Taken::Free | Taken::OwnerDied) {
        return 0;
    }
    let began = spent();
    let islands = find();
    // What frees something is worth its time.
    let searched = spent() - began;
    // What cannot be freed now, for want of memory, is found again.
    islands.iter().for_each(|&object| drop(dissolve(object)));
    globals.losses.store(0, Relaxed);
    globals.enough.store(searched / WORTH, Relaxed);
    globals.bytes.store(more(arena::bytes_in_use()), Relaxed);
    globals.lock.unlock();
    islands.len()
}

/// An object that contains others.
struct Node {
    object: ObjectRef,
    places: Vec<(Container, Stamp)>,
    /// The nodes that it contains, and how often it was found inside of others.
    inside: Vec<usize>,
    found: u64,
}

fn find() -> Vec<ObjectRef> {
    let contents = contents::all();
    let (mut nodes, mut numbers) = (Vec::<Node>::new(), HashMap::new());
    let mut held = Vec::new();
    for content in contents {
        let Some(object) = content.place.counting_object() else { continue };
        let number = *numbers.entry(object).or_insert(nodes.len());
        if number == nodes.len() {
            nodes.push(Node { object, places: Vec::new(), inside: Vec::new(), found: 0 });
        }
        nodes[number].places.push((content.place, content.stamp));
        held.extend(content.holds.into_iter().map(|key| (number, holders::of_entry(key).0)));
    }
    for (number, object) in held {
        if let Some(&inside) = numbers.get(&object) {
            nodes[number].inside.push(inside);
            nodes[inside].found += 1;
        }
    }
    // While nobody gets or gives up anything: from what somebody holds, or what has changed since, all else is reached.
    let mut reached = vec![false; nodes.len()];
    let mut work: Vec<usize> = holders::locked(|| (0..nodes.len()).filter(|&at| !nodes[at].is_closed()).collect());
    while let Some(at) = work.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            work.extend(&nodes[at].inside);
        }
    }
    (0..nodes.len()).filter(|&at| !reached[at]).map(|at| nodes[at].object).collect()
}

impl Node {
    /// Whether all who hold it were found inside of others, and it contains what it did.
    fn is_closed(&self) -> bool {
        let count: u64 = [0, 1].iter().map(|&role| u64::from(holders::count(self.object, role))).sum();
        // What nobody holds is being destroyed.
        let held = count != self.found && !seeded!("an island that somebody holds is freed");
        count > 0 && !held && self.places.iter().all(|(place, stamp)| place.stamp() == Some(*stamp))
    }
}

/// Empties an object of an island, so that others of it go, and then it goes itself.
fn dissolve(object: ObjectRef) -> Result<(), ShmError> {
    // Should this process die, its holders clear up after it.
    holders::hold(object, Role::Handle)?;
    let emptied = match Container::of(object) {
        Some(Container::Channel(_)) => {
            while !channel::empty_a_little(object) {}
            Ok(())
        }
        Some(Container::Cell(_)) => Cell::of(object).store(&[], &[]).map(drop),
        Some(Container::Map(_)) => Map::of(object).clear(),
        Some(Container::List(_)) => List::of(object).clear(),
        Some(Container::Result(_)) => {
            ProcessRef::of(object).into_iter().for_each(process_table::forget_result);
            Ok(())
        }
        None => Ok(()),
    };
    holders::settle();
    holders::release(object, Role::Handle);
    emptied
}
