//! Looking at a running program from outside, or at this one: its region is mapped once more, to be read only. Nothing
//! that is read can be trusted to be whole, for the program goes on meanwhile; what changed under the eye is left out.

use super::arena::{self, Block};
use super::atomic::AtomicU64;
use super::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use super::layout;
use super::process_table::{self, Hand, ProcessRef, my_slot};
use super::region::{self, at, shared};
use super::waits::{self, Need};
use super::{ObjectRef, ShmError, deadlock};
use std::fs::File;

/// To be changed whenever something in the region is laid out anew, or means something else.
const LAYOUT: u64 = 7;
const MAGIC: u64 = u64::from_be_bytes(*b"mplang\0\0");

shared! {
    struct Header {
        magic: AtomicU64,
        layout: AtomicU64,
        /// Block with what places of the script mean; see [`publish`].
        places: AtomicU64,
    }
}

fn header() -> &'static Header {
    at(0)
}

/// Version of program and layout in one word.
fn version() -> u64 {
    let version = env!("CARGO_PKG_VERSION").bytes();
    version.fold(LAYOUT << 32 | layout::SLOT, |hash, byte| hash.rotate_left(5) ^ u64::from(byte))
}

/// Says in a new region what it is.
pub(super) fn mark() {
    header().layout.store(version(), Relaxed);
    header().magic.store(MAGIC, SeqCst);
}

/// Why a region cannot be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// The system refused it, or the file is no region.
    Refused,
    /// It is being made: the program has no other processes yet.
    Unmarked,
    /// It belongs to another version of the program.
    OtherVersion,
}

/// Maps the region in this file, in a process that has none of its own. An earlier one stays mapped.
pub fn attach(file: &File) -> Result<(), Unseen> {
    let size = file.metadata().map_err(|_| Unseen::Refused)?.len();
    if size == 0 {
        return Err(Unseen::Unmarked);
    }
    region::attach(file, size).map_err(|_| Unseen::Refused)?;
    match (header().magic.load(Acquire), header().layout.load(Relaxed)) {
        (MAGIC, found) if found == version() => Ok(()),
        (MAGIC, _) => Err(Unseen::OtherVersion),
        (0, _) => Err(Unseen::Unmarked),
        _ => Err(Unseen::Refused),
    }
}

/// Leaves bytes that say what the words of [`process_table::set_place`] mean, for those who look from outside.
pub fn publish(places: &[u8]) -> Result<(), ShmError> {
    let slot = my_slot();
    let hand = slot.hand(Hand::Object);
    let block = arena::allocate(places.len(), hand)?;
    block.write(places);
    arena::publish(&header().places, hand, slot.hand(Hand::Old));
    Ok(())
}

/// What [`publish`] left.
pub fn places() -> Vec<u8> {
    Block::from_word(header().places.load(Acquire)).and_then(arena::read_moving).unwrap_or_default()
}

/// A process as it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its place in the tree of spawns.
    pub id: String,
    /// The name it was spawned with; may be empty.
    pub name: String,
    /// System id; 0 before its start.
    pub pid: i32,
    /// Where in the script it was last.
    pub place: u64,
    /// What it sleeps for.
    pub wait: Option<Waiting>,
    /// What it does outside of the language.
    pub doing: Option<(Doing, u64)>,
}

/// What a process sleeps for.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Nanoseconds of the system's clock when it began.
    pub since: u64,
    /// Without a time limit.
    pub forever: bool,
    /// Any of these serves it; with those who have what it needs.
    pub needs: Vec<(ObjectRef, Need, Vec<ProcessRef>)>,
    /// And so many others, of which no more is known.
    pub others: usize,
}

/// Something that a process does which is no wait for another process of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It sleeps.
    Sleep,
    /// It waits for a line of input.
    Input,
    /// It waits for an external command.
    Command,
}

const DOINGS: [Doing; 3] = [Doing::Sleep, Doing::Input, Doing::Command];

/// Tells what this process does; `None` when that is over.
pub fn set_doing(doing: Option<Doing>) {
    if process_table::registered() {
        let word = doing.and_then(|doing| DOINGS.iter().position(|&other| other == doing));
        // Kind and time in one word.
        let word = word.map_or(0, |kind| waits::now() << 2 | (kind as u64 + 1));
        my_slot().doing.store(word, Relaxed);
    }
}

/// This process has acted on the signals that came, and goes back to what it did.
pub fn forget_interrupted() {
    waits::take_interrupted();
}

/// The processes of the region that live.
pub fn processes() -> Vec<Seen> {
    (0..process_table::high().min(process_table::MOST)).filter_map(see).collect()
}

fn see(index: u32) -> Option<Seen> {
    let slot = process_table::slot(index);
    let process = process_table::reference(index);
    if !slot.lives() {
        return None;
    }
    let text = Block::from_word(slot.text.load(Acquire)).and_then(arena::read_moving)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let (id, name) = text.split_once('\0').unwrap_or((&text, ""));
    // A process that tells of itself has left its wait for that.
    let own = || process_table::me().filter(|&me| me == process).and_then(|_| waits::take_interrupted());
    let wait = waits::waiting(index).or_else(own).map(|seen| Waiting {
        since: seen.since,
        forever: seen.forever,
        others: seen.count.saturating_sub(seen.arms.len()),
        needs: seen.arms.iter().map(|arm| (arm.object, arm.need, deadlock::owners_at_a_glance(arm.object))).collect(),
    });
    let doing = slot.doing.load(Relaxed);
    let kind = (doing & 3).checked_sub(1).map(|kind| DOINGS[kind as usize]);
    let seen = Seen {
        id: id.to_owned(),
        name: name.to_owned(),
        pid: process.pid().unwrap_or(0),
        place: process.place(),
        wait,
        doing: kind.map(|kind| (kind, doing >> 2)),
    };
    // Another process may have come into the slot meanwhile.
    (process_table::reference(index) == process && slot.lives()).then_some(seen)
}

/// Nanoseconds of the clock in which [`Seen`] tells times.
pub fn now() -> u64 {
    waits::now()
}
