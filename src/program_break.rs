//! The program break of the static command: what the C library takes there, the block of thread-locals first, stands
//! beside the command's variables. Where the system puts the break it costs each process three page tables of its own,
//! and a page that parent and child both write to.
//!
//! The names are those of glibc, which a static program may replace; a version that does without them loses nothing.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The first thing that is asked for is the block of thread-locals; `malloc`, which only the C library itself uses,
/// takes this much more at once. What comes later it maps.
const SIZE: usize = 192 << 10;

#[repr(align(64))]
struct Room(UnsafeCell<[u8; SIZE]>);

// SAFETY: each part is given to one asker.
unsafe impl Sync for Room {}

// The linker puts it behind the other variables.
#[unsafe(link_section = ".bss.break")]
static ROOM: Room = Room(UnsafeCell::new([0; SIZE]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// Moves the break, and gives what it was; [`libc::MAP_FAILED`] if there is no room.
///
/// It runs before anything of the program is set up, so it may use nothing but these two variables.
#[unsafe(no_mangle)]
extern "C" fn __sbrk(increment: isize) -> *mut c_void {
    let used = USED.load(Relaxed);
    match used.checked_add_signed(increment) {
        Some(more) if more <= SIZE => {
            USED.store(more, Relaxed);
            ROOM.0.get().cast::<c_void>().wrapping_byte_add(used)
        }
        _ => libc::MAP_FAILED,
    }
}

/// The public name of the same.
#[unsafe(no_mangle)]
extern "C" fn sbrk(increment: isize) -> *mut c_void {
    __sbrk(increment)
}

/// The block of thread-locals, cleared; null if there is no room.
#[unsafe(no_mangle)]
extern "C" fn _dl_early_allocate(size: usize) -> *mut c_void {
    match __sbrk(size.next_multiple_of(64) as isize) {
        libc::MAP_FAILED => ptr::null_mut(),
        block => block,
    }
}
