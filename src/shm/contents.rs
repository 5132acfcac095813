//! What lies in channels, shared objects and results of processes, for those who follow handles from one to the other.
//!
//! Whoever looks into an object that somebody else may destroy meanwhile would find anything there. So the two know of
//! each other: one says that it looks, and then passes over what nobody holds; the other one waits, when somebody looks,
//! before it destroys what nobody holds any more.

use super::arena;
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, seeded};
use super::channel::Stamp;
use super::layout;
use super::line::{counting_object, line};
use super::lock::Lock;
use super::object::{self, Key};
use super::process_table::ProcessRef;
use super::region::{at, shared};
use super::{ObjectRef, cell, channel, list, map, result};

shared! {
    struct Globals {
        /// Of the one who looks.
        lock: Lock,
        /// Somebody looks.
        looks: AtomicU32,
        unused: AtomicU32,
    }
}

const _: () = assert!(size_of::<Globals>() <= layout::ROOM);

fn globals() -> &'static Globals {
    at(layout::CONTENTS)
}

/// What can contain handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Channel(ObjectRef),
    Cell(ObjectRef),
    Map(ObjectRef),
    List(ObjectRef),
    /// The result of a process that has ended.
    Result(ObjectRef),
}

/// Handles that lie in a container together, and the state that it was found in.
pub(super) struct Content {
    pub(super) place: Container,
    pub(super) stamp: Stamp,
    pub(super) holds: Vec<Key>,
}

impl Container {
    pub(super) fn of(object: ObjectRef) -> Option<Container> {
        match object::header(object)?.kind.load(Relaxed) {
            object::CHANNEL => Some(Container::Channel(object)),
            object::CELL => Some(Container::Cell(object)),
            object::MAP => Some(Container::Map(object)),
            object::LIST => Some(Container::List(object)),
            object::PROCESS => Some(Container::Result(object)),
            _ => None,
        }
    }

    fn object(self) -> ObjectRef {
        let (Container::Channel(object)
        | Container::Cell(object)
        | Container::Map(object)
        | Container::List(object)
        | Container::Result(object)) = self;
        object
    }

    /// While it stays, so does what is inside.
    pub(super) fn stamp(self) -> Option<Stamp> {
        match self {
            Container::Channel(object) => channel::stamp(object),
            Container::Cell(object) => cell::Cell::of(object).version().map(|version| (version, 0)),
            Container::Map(object) => map::stamp(object),
            Container::List(object) => list::stamp(object),
            Container::Result(object) => result::result_stamp(ProcessRef::of(object)?).map(|taker| (taker, 0)),
        }
    }

    /// The role that takes handles out.
    pub(super) fn taker(self) -> Option<(ObjectRef, u32)> {
        match self {
            Container::Channel(object) => line(object).map(|line| (line.counting_object(object), 1 - line.put_role())),
            other => Some((other.object(), 0)),
        }
    }

    /// The object that counts its holders. It may go at any moment, and another one come to its place.
    pub(super) fn counting_object(self) -> Option<ObjectRef> {
        match self {
            Container::Channel(object) => counting_object(object),
            other => Some(other.object()),
        }
    }

    fn may_contain_any(self) -> bool {
        match self {
            Container::Result(_) => true,
            other => object::header(other.object()).is_some_and(object::Header::has_mentioned),
        }
    }

    /// Whether somebody holds it, so that it stays while this process looks.
    fn stays(self) -> bool {
        let header = self.counting_object().and_then(object::header);
        // In this order: unless it has gone by now, those were its holders.
        header.is_some_and(object::Header::is_held) && self.stamp().is_some()
    }

    fn contents(self) -> Vec<Content> {
        let found = match self {
            Container::Channel(object) => channel::handles_inside(object),
            Container::Cell(object) => cell::handles_inside(object),
            Container::Map(object) => map::handles_inside(object),
            Container::List(object) => list::handles_inside(object),
            Container::Result(object) => {
                // In this order: what is there afterwards was there before.
                let stamp = self.stamp();
                let process = ProcessRef::of(object);
                stamp.zip(process).map(|(stamp, process)| (stamp, vec![result::kept_for_result(process)]))
            }
        };
        let Some((stamp, all)) = found else { return Vec::new() };
        all.into_iter().map(|holds| Content { place: self, stamp, holds }).collect()
    }
}

/// Every handle that waits to be taken out of something.
pub(super) fn all() -> Vec<Content> {
    let globals = globals();
    globals.lock.lock();
    globals.looks.store(1, SeqCst);
    let results = result::with_objects_in_results().map(ProcessRef::object);
    let all = arena::objects().chain(results).filter_map(Container::of);
    let all = all.filter(|container| container.may_contain_any() && container.stays());
    let all = all.flat_map(Container::contents).collect();
    globals.looks.store(0, SeqCst);
    globals.lock.unlock();
    all
}

/// Waits until nobody looks who may have begun when somebody still held what is to be destroyed now.
pub(super) fn await_looks() {
    let globals = globals();
    if globals.looks.load(SeqCst) != 0 && !seeded!("destroyed while somebody looks") {
        globals.lock.lock();
        // Who looked may have died.
        globals.looks.store(0, SeqCst);
        globals.lock.unlock();
    }
}
