//! Which part of the heap has huge pages. One is cleared as a whole when it is first written to, and falls into 512 small
//! ones when a process writes to it after a fork, all of which every further fork copies. So a small heap has none, and
//! in a program that forks what is beyond comes later.

use libmimalloc_sys::{mi_manage_os_memory_ex, mi_option_set, mi_option_t, mi_register_deferred_free};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};
use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// What has small pages before the first fork, and what is written to after it.
const SMALL: usize = 10 << 20;
const SMALL_OF_PARENT: usize = 34 << 20;
const HUGE_PAGE: usize = 2 << 20;
/// Address space that the allocator takes at first. What it notes of it has a part for each size of blocks, all of which
/// are written to: with a GiB, as it would take, they are on forty pages, which every fork would have to hand on.
const FIRST: usize = 256 << 20;
/// Its option for that, in KiB, by its number.
const ARENA_RESERVE: mi_option_t = 23;
/// A process that has had so much memory gets more address space, so much.
const MUCH: i64 = 96 << 20;
const MORE: usize = 1 << 30;

/// Where the heap starts; 0 when nothing is to be done any more.
static START: AtomicUsize = AtomicUsize::new(0);

/// Runs before the first block is asked for.
#[used]
// SAFETY: what stands in this section is called at the start of the program.
#[unsafe(link_section = ".init_array")]
static TAKE_LITTLE: extern "C" fn() = take_little;

extern "C" fn take_little() {
    // SAFETY: options may be set at any time.
    unsafe { mi_option_set(ARENA_RESERVE, (FIRST >> 10) as i64) }
}

/// To be called at the start of the program: the heap is small.
pub fn begin() {
    // The allocator's own data come before the blocks that it gives.
    let start = (&raw const *Box::new(0_u8)) as usize / HUGE_PAGE * HUGE_PAGE - HUGE_PAGE;
    START.store(start, Relaxed);
    // To the end, and be it beyond: a part of its own would be one more mapping to copy.
    advise(start + SMALL, FIRST, MmapAdvise::MADV_HUGEPAGE);
    // SAFETY: the function may be called at any time.
    unsafe { mi_register_deferred_free(Some(look), std::ptr::null_mut()) };
}

/// The allocator calls this now and then.
extern "C" fn look(_: bool, _: u64, _: *mut c_void) {
    static GROWN: AtomicBool = AtomicBool::new(false);
    let most = || getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() * 1024);
    if !GROWN.load(Relaxed) && most() > MUCH {
        GROWN.store(true, Relaxed);
        grow();
    }
}

/// Gives the allocator more address space: what it takes by itself would have no huge pages.
fn grow() {
    let Some(size) = NonZeroUsize::new(MORE + HUGE_PAGE) else { return };
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
    // SAFETY: new memory, which nobody else knows.
    let mapped = unsafe { mmap_anonymous(None, size, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, flags) };
    // Without it the allocator helps itself.
    let Ok(mapped) = mapped else { return };
    let start = (mapped.as_ptr() as usize).next_multiple_of(HUGE_PAGE);
    advise(start, MORE, MmapAdvise::MADV_HUGEPAGE);
    let mut id = std::ptr::null_mut();
    // SAFETY: the memory is zero, aligned, there to be written, and the allocator's from now on.
    unsafe { mi_manage_os_memory_ex(start as *const c_void, MORE, true, false, true, -1, false, &mut id) };
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
