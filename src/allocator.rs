//! The allocator: mimalloc, asked in its shortest way, with arenas that suit a program that forks.
//!
//! mimalloc writes to as many pages of tables when it makes an arena as the arena is large, and each fork copies what
//! stands in the page table for them. So the heap begins in the smallest arena there is, beside the program, and the
//! next one comes when it is about to be needed.

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_manage_os_memory_ex, mi_process_init, mi_realloc, mi_realloc_aligned,
    mi_register_deferred_free, mi_zalloc, mi_zalloc_aligned,
};
use mplang::memory::{of_this_process, refused};
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_ulonglong, c_void};
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Every block of mimalloc is aligned so far. Where blocks are asked for by their alignment, it takes larger ones for
/// most sizes, and more time.
const ALIGNED: usize = 8;

/// The smallest arena that mimalloc knows.
const FIRST: usize = 32 << 20;
const SECOND: usize = 1 << 30;
const HUGE_PAGE: usize = 2 << 20;
/// Where the first arena starts behind the start of a huge page: the end of the map of pages before it, which every
/// process reads, is then named by the same page of page tables.
const AFTER_MAP: usize = 512 << 10;
/// A process with less memory has room in its first arena, wherever in it the free parts are, but for large blocks.
const ROOMY: usize = 12 << 20;
const LARGE: usize = 4 << 20;
/// Smaller blocks are not looked at one by one.
const NOTABLE: usize = 256 << 10;

/// Where the first arena starts; 0 when there is none.
static START: AtomicUsize = AtomicUsize::new(0);
static HAS_SECOND: AtomicBool = AtomicBool::new(false);

/// Runs before anything asks for memory.
// SAFETY: the C library calls each function of this section once, before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    // First: the map of pages, which mimalloc makes now, comes to lie before it.
    let first = map_memory(FIRST, AFTER_MAP);
    // SAFETY: there is one thread, and `may_grow` keeps what is asked of such a function: it gives back nothing.
    unsafe {
        mi_process_init();
        mi_register_deferred_free(Some(may_grow), ptr::null_mut());
    }
    START.store(add_arena(first, FIRST), Relaxed);
}

/// Where the heap of a small program lies: empty if mimalloc has to find a place itself.
pub fn first_arena() -> Range<usize> {
    let start = START.load(Relaxed);
    if start == 0 { 0..0 } else { start..start + FIRST }
}

/// mimalloc calls this at every thousandth step off its shortest way.
unsafe extern "C" fn may_grow(_: bool, _: c_ulonglong, _: *mut c_void) {
    before_block(0);
}

/// Adds the second arena when there may be no room in the first one for a block. What `getrusage` knows as the most memory
/// that there was may have been that of the program which started this one.
#[cold]
#[inline(never)]
fn before_block(size: usize) {
    if !HAS_SECOND.load(Relaxed) && (size >= LARGE || of_this_process().1 >= ROOMY) {
        HAS_SECOND.store(true, Relaxed);
        let second = map_memory(SECOND, 0);
        // Its tables have small pages: each fork after which they are written to would copy a huge one in small parts.
        // SAFETY: an advice about speed, and about memory that nobody uses.
        unsafe { libc::madvise(second.wrapping_byte_add(HUGE_PAGE), SECOND - HUGE_PAGE, libc::MADV_HUGEPAGE) };
        add_arena(second, SECOND);
    }
}

/// A mapping, which starts so far behind the start of a huge page; null if the system has no room.
fn map_memory(size: usize, behind: usize) -> *mut c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let whole = size + HUGE_PAGE;
    // SAFETY: a new mapping, of which parts that nobody knows are given back.
    unsafe {
        let mapped = libc::mmap(ptr::null_mut(), whole, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if mapped == libc::MAP_FAILED {
            return ptr::null_mut();
        }
        let before = mapped.wrapping_byte_sub(behind).align_offset(HUGE_PAGE);
        if before > 0 {
            libc::munmap(mapped, before);
        }
        let start = mapped.byte_add(before);
        libc::munmap(start.byte_add(size), HUGE_PAGE - before);
        start
    }
}

/// Gives mimalloc a mapping; says where, or 0 if there is none.
fn add_arena(start: *mut c_void, size: usize) -> usize {
    // SAFETY: the memory is new, and mimalloc's alone from now on.
    let managed = !start.is_null()
        && unsafe { mi_manage_os_memory_ex(start, size, true, false, true, -1, false, ptr::null_mut()) };
    if managed { start as usize } else { 0 }
}

/// A block of this size: `usual`, or `aligned` where the usual alignment does not do.
#[inline(always)]
fn block(
    size: usize,
    align: usize,
    usual: impl FnOnce() -> *mut c_void,
    aligned: impl FnOnce() -> *mut c_void,
) -> *mut u8 {
    if size >= NOTABLE {
        before_block(size);
    }
    let block = if align <= ALIGNED { usual() } else { aligned() };
    if block.is_null() {
        refused(size);
    }
    block.cast()
}

/// Small blocks are what an interpreter asks for most, and what mimalloc is fast at.
pub struct Allocator;

// SAFETY: mimalloc keeps the contract; a pointer that it gave in one way may be given back in any other. Any size will do.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        block(size, align, || unsafe { mi_malloc(size) }, || unsafe { mi_malloc_aligned(size, align) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        block(size, align, || unsafe { mi_zalloc(size) }, || unsafe { mi_zalloc_aligned(size, align) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block is one of mimalloc's, and nobody uses it any more.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (old, align) = (old.cast(), layout.align());
        // SAFETY: the block is one of mimalloc's.
        block(size, align, || unsafe { mi_realloc(old, size) }, || unsafe { mi_realloc_aligned(old, size, align) })
    }
}
