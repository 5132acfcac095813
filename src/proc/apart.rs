//! Memory that a fork leaves out: a process's tables of its children mean nothing to those, but as a part of the heap they
//! would be copied to each, and each entry written after a fork would be a page copied.

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use hashbrown::{HashMap, HashSet};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use rustc_hash::FxBuildHasher;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// A map of this process alone. A child must not look at it, nor drop it.
pub type ApartMap<K, V> = HashMap<K, V, FxBuildHasher, Apart>;
/// The same for sets.
pub type ApartSet<K> = HashSet<K, FxBuildHasher, Apart>;

/// What is smaller is a part of the heap: a mapping of its own costs more.
const LEAST: usize = 8 << 10;

/// Gives such memory, which a child forgets without touching it.
#[derive(Clone, Copy, Default)]
pub struct Apart;

// SAFETY: a block is one of the heap or a mapping of its own, which its size tells in both directions.
unsafe impl Allocator for Apart {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let Some(size) = NonZeroUsize::new(layout.size()).filter(|size| size.get() >= LEAST) else {
            return Global.allocate(layout);
        };
        let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory, which nobody else knows. Its pages are aligned enough for any table.
        let memory = unsafe { mmap_anonymous(None, size, writable, MapFlags::MAP_PRIVATE) }.map_err(|_| AllocError)?;
        // SAFETY: no child looks at it. A system that refuses gives it to children too, which costs time alone.
        let _ = unsafe { madvise(memory, size.get(), MmapAdvise::MADV_DONTFORK) };
        Ok(NonNull::slice_from_raw_parts(memory.cast(), size.get()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() < LEAST {
            // SAFETY: the heap gave it.
            unsafe { Global.deallocate(block, layout) }
        } else {
            // SAFETY: it was mapped with this size.
            let _ = unsafe { munmap(block.cast(), layout.size()) };
        }
    }
}
