//! What every object has: a name, a kind, and a header that counts who holds each of its roles.

use super::arena;
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64};
use super::process_table::ProcessRef;
use super::region::{at, shared};
use super::{channel, monitor, waits::Need};

/// Names an object in shared memory, in every process; can be sent. Stale once the object has been freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Where it lies in the region.
    pub offset: u64,
    /// Which of the objects that lie there one after the other.
    pub generation: u32,
}

impl ObjectRef {
    /// Both in one word, for messages: 30 bits of offset, 30 bits of generation. The highest two bits are free.
    pub fn word(self) -> u64 {
        (self.offset / arena::GRAIN) << 30 | u64::from(self.generation)
    }

    /// The reverse of [`ObjectRef::word`]. Any word is taken: what names no object behaves as one that is gone.
    pub fn from_word(word: u64) -> ObjectRef {
        ObjectRef { offset: (word >> 30) * arena::GRAIN, generation: (word & 0x3fff_ffff) as u32 }
    }
}

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

shared! {
    /// How every object starts.
    pub(super) struct Header {
        /// Processes, and messages under way, that hold each role.
        pub(super) roles: [AtomicU32; 2],
        pub(super) kind: AtomicU32,
        pub(super) flags: AtomicU32,
        /// The object that is to be destroyed after this one.
        pub(super) next_doomed: AtomicU64,
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

/// In a key: the second role.
const SECOND: u64 = 1 << 62;

/// An object and one of its roles, as one word.
pub(super) type Key = u64;

pub(super) fn key(object: ObjectRef, role: u32) -> Key {
    object.word() | if role == 0 { 0 } else { SECOND }
}

pub(super) fn object_of(key: u64) -> (ObjectRef, u32) {
    (ObjectRef::from_word(key & !SECOND), u32::from(key & SECOND != 0))
}
