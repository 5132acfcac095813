//! The atomics of shared memory: those of the system. In tests, and with the feature `faults`, they are the ones of
//! `faults`, where a process can be made to die after any store.

#[cfg(any(test, feature = "faults"))]
pub(crate) use super::faults::{AtomicI32, AtomicU32, AtomicU64};
#[cfg(not(any(test, feature = "faults")))]
pub(crate) use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

pub(crate) use std::sync::atomic::{Ordering, compiler_fence, fence};

/// A point between two effects on others that are no stores: a process can be made to die here too.
#[cfg(any(test, feature = "faults"))]
macro_rules! kill_point {
    () => {
        $crate::shm::faults::point()
    };
}
#[cfg(not(any(test, feature = "faults")))]
macro_rules! kill_point {
    () => {};
}
pub(crate) use kill_point;

/// Whether the bug of this name is to be made, so that the tests can show that they find it: never in a usual build.
#[cfg(any(test, feature = "faults"))]
macro_rules! seeded {
    ($name:literal) => {
        $crate::shm::faults::is_seeded($name)
    };
}
#[cfg(not(any(test, feature = "faults")))]
macro_rules! seeded {
    ($name:literal) => {
        false
    };
}
pub(crate) use seeded;

/// Words that each process has for its own. A model of several processes in one has one copy for each.
#[cfg(any(test, feature = "faults"))]
macro_rules! private {
    ($($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;)*) => {$(
        $(#[$meta])*
        static $name: $crate::shm::faults::Private<$type> =
            $crate::shm::faults::Private([const { $value }; $crate::shm::faults::PROCESSES]);
    )*};
}
#[cfg(not(any(test, feature = "faults")))]
macro_rules! private {
    ($($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;)*) => {$(
        $(#[$meta])*
        static $name: $crate::shm::atomic::Private<$type> = $crate::shm::atomic::Private($value);
    )*};
}
pub(crate) use private;

/// See `private!`.
#[cfg(not(any(test, feature = "faults")))]
pub(crate) struct Private<T>(pub(crate) T);

#[cfg(not(any(test, feature = "faults")))]
impl<T> Private<T> {
    #[inline]
    pub(crate) fn get(&self) -> &T {
        &self.0
    }
}

/// The system's own, for words that the rest of the program reads and writes.
pub type SystemU64 = std::sync::atomic::AtomicU64;
