//! The allocator: mimalloc, asked in its shortest way, with arenas that suit a program that forks.
//!
//! mimalloc writes to as many pages of tables when it makes an arena as the arena is large, and each fork copies what
//! stands in the page table for them. So the heap begins in the smallest arena there is, beside the program, and the
//! next one comes when it is about to be needed.

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_manage_os_memory_ex, mi_process_init, mi_realloc, mi_realloc_aligned,
    mi_register_deferred_free, mi_zalloc, mi_zalloc_aligned,
};
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
    // SAFETY: there is one thread, and `may_grow` keeps what is asked of such a function: it gives back nothing.
    unsafe {
        mi_process_init();
        mi_register_deferred_free(Some(may_grow), ptr::null_mut());
    }
    START.store(add_arena(FIRST, 0), Relaxed);
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

/// Adds the second arena when there may be no room in the first one for a block.
#[cold]
#[inline(never)]
fn before_block(size: usize) {
    if !HAS_SECOND.load(Relaxed) && (size >= LARGE || memory() >= ROOMY) {
        HAS_SECOND.store(true, Relaxed);
        add_arena(SECOND, libc::MADV_HUGEPAGE);
    }
}

/// Bytes of memory that this process has, its text included. What `getrusage` knows as the most that it had may have been
/// that of whoever started it.
fn memory() -> usize {
    const PAGE: usize = 4096;
    let mut text = [0_u8; 64];
    // SAFETY: it reads into as many bytes as there are.
    let length = unsafe {
        let file = libc::open(c"/proc/self/statm".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let length = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        length
    };
    let text = &text[..usize::try_from(length).unwrap_or(0)];
    let resident = text.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    resident.iter().fold(0, |pages, digit| pages * 10 + usize::from(digit - b'0')) * PAGE
}

/// Gives mimalloc a mapping, which starts at a huge page; says where, or 0 if the system has no room.
fn add_arena(size: usize, advice: i32) -> usize {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let whole = size + HUGE_PAGE;
    // SAFETY: a new mapping, of which parts that nobody knows are given back, and the rest to mimalloc alone.
    unsafe {
        let mapped = libc::mmap(ptr::null_mut(), whole, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if mapped == libc::MAP_FAILED {
            return 0;
        }
        let before = mapped.align_offset(HUGE_PAGE);
        let start = mapped.byte_add(before);
        if before > 0 {
            libc::munmap(mapped, before);
        }
        libc::munmap(start.byte_add(size), HUGE_PAGE - before);
        // Its tables have small pages: each fork after which they are written to would copy a huge one in small parts.
        libc::madvise(start.byte_add(HUGE_PAGE), size - HUGE_PAGE, advice);
        let managed = mi_manage_os_memory_ex(start, size, true, false, true, -1, false, ptr::null_mut());
        if managed { start as usize } else { 0 }
    }
}

/// The block, unless there is none.
#[inline(always)]
fn given(block: *mut c_void, size: usize) -> *mut u8 {
    if block.is_null() {
        mplang::memory::refused(size);
    }
    block.cast()
}

/// Small blocks are what an interpreter asks for most, and what mimalloc is fast at.
pub struct Allocator;

// SAFETY: mimalloc keeps the contract; a pointer that it gave in one way may be given back in any other.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= NOTABLE {
            before_block(layout.size());
        }
        // SAFETY: any size will do.
        let block = unsafe {
            if layout.align() <= ALIGNED {
                mi_malloc(layout.size())
            } else {
                mi_malloc_aligned(layout.size(), layout.align())
            }
        };
        given(block, layout.size())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= NOTABLE {
            before_block(layout.size());
        }
        // SAFETY: any size will do.
        let block = unsafe {
            if layout.align() <= ALIGNED {
                mi_zalloc(layout.size())
            } else {
                mi_zalloc_aligned(layout.size(), layout.align())
            }
        };
        given(block, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block is one of mimalloc's, and nobody uses it any more.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size >= NOTABLE {
            before_block(size);
        }
        // SAFETY: the block is one of mimalloc's.
        let block = unsafe {
            if layout.align() <= ALIGNED {
                mi_realloc(block.cast(), size)
            } else {
                mi_realloc_aligned(block.cast(), size, layout.align())
            }
        };
        given(block, size)
    }
}
