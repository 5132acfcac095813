//! Which part of the heap has huge pages. One is cleared as a whole when it is first written to, and falls into 512 small
//! ones when a process writes to it after a fork, all of which every further fork copies. So a small heap has none, and
//! in a program that forks what is beyond comes later.

use nix::sys::mman::{MmapAdvise, madvise};
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What has small pages before the first fork.
const SMALL: usize = 10 << 20;

/// The part of the heap that has small pages after it; empty when nothing is to be done any more.
static START: AtomicUsize = AtomicUsize::new(0);
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// To be called at the start of the program, with the place of a small program's heap.
pub fn begin(heap: Range<usize>) {
    START.store(heap.start, Relaxed);
    LENGTH.store(heap.len(), Relaxed);
    advise(heap.start + SMALL, heap.len().saturating_sub(SMALL), MmapAdvise::MADV_HUGEPAGE);
}

/// To be called before each fork of a program's first process.
pub fn before_fork() {
    advise(START.load(Relaxed), LENGTH.swap(0, Relaxed), MmapAdvise::MADV_NOHUGEPAGE);
}

fn advise(start: usize, length: usize, advice: MmapAdvise) {
    if length > 0
        && let Some(start) = NonNull::new(start as *mut c_void)
    {
        // SAFETY: an advice about speed, which changes nothing of what is there, whatever that is.
        let _ = unsafe { madvise(start, length, advice) };
    }
}
