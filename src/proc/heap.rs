//! Which part of the heap has huge pages. One is cleared as a whole when it is first written to, and falls into 512 small
//! ones when a process writes to it after a fork, all of which every further fork copies. So a small heap has none, and
//! in a program that forks what is beyond comes later.

use nix::sys::mman::{MmapAdvise, madvise};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What has small pages before the first fork, and what is written to after it.
const SMALL: usize = 10 << 20;
const SMALL_OF_PARENT: usize = 34 << 20;
/// Address space that the allocator takes at first.
const FIRST: usize = 1 << 30;
const HUGE_PAGE: usize = 2 << 20;

/// Where the heap starts; 0 when nothing is to be done any more.
static START: AtomicUsize = AtomicUsize::new(0);

/// To be called at the start of the program: the heap is small.
pub fn begin() {
    // The allocator's own data come before the blocks that it gives.
    let start = (&raw const *Box::new(0_u8)) as usize / HUGE_PAGE * HUGE_PAGE - HUGE_PAGE;
    START.store(start, Relaxed);
    advise(start + SMALL, FIRST - SMALL, MmapAdvise::MADV_HUGEPAGE);
}

/// To be called before each fork of a program's first process.
pub fn before_fork() {
    let start = START.load(Relaxed);
    if start != 0 {
        START.store(0, Relaxed);
        advise(start, SMALL_OF_PARENT, MmapAdvise::MADV_NOHUGEPAGE);
    }
}

fn advise(start: usize, length: usize, advice: MmapAdvise) {
    if let Some(start) = NonNull::new(start as *mut c_void) {
        // SAFETY: an advice about speed, which changes nothing of what is there, whatever that is.
        let _ = unsafe { madvise(start, length, advice) };
    }
}
