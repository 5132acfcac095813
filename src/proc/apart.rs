//! Memory for a process's tables of its children. They mean nothing to those, and each spawn writes to all of them: as
//! parts of the heap they would be a copied page each. So small ones stand together, and large ones are left out of forks.

use crate::near::{MOST, Near};
use allocator_api2::alloc::{AllocError, Allocator, Layout};
use allocator_api2::vec::Vec;
use hashbrown::{HashMap, HashSet};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use rustc_hash::FxBuildHasher;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// A map of this process alone. A child must not look at it, nor drop it.
pub type ApartMap<K, V> = HashMap<K, V, FxBuildHasher, Apart>;
/// The same for sets.
pub type ApartSet<K> = HashSet<K, FxBuildHasher, Apart>;
/// The same for lists.
pub type ApartVec<T> = Vec<T, Apart>;
/// A set that one spawn needs.
pub type NearSet<K> = HashSet<K, FxBuildHasher, Near>;

/// Gives such memory, which a child forgets without touching it. What has no room among the small blocks has a mapping of
/// its own.
#[derive(Clone, Copy, Default)]
pub struct Apart;

// SAFETY: a block is one of those or a mapping of its own, which its size tells in both directions.
unsafe impl Allocator for Apart {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let Some(size) = NonZeroUsize::new(layout.size()).filter(|size| size.get() >= MOST) else {
            return Near.allocate(layout);
        };
        let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory, which nobody else knows. Its pages are aligned enough for any table.
        let memory = unsafe { mmap_anonymous(None, size, writable, MapFlags::MAP_PRIVATE) }.map_err(|_| AllocError)?;
        // SAFETY: no child looks at it. A system that refuses gives it to children too, which costs time alone.
        let _ = unsafe { madvise(memory, size.get(), MmapAdvise::MADV_DONTFORK) };
        Ok(NonNull::slice_from_raw_parts(memory.cast(), size.get()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() < MOST {
            // SAFETY: it came from there.
            unsafe { Near.deallocate(block, layout) }
        } else {
            // SAFETY: it was mapped with this size.
            let _ = unsafe { munmap(block.cast(), layout.size()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks do not overlap, what is given back serves again, and what finds no room is given all the same.
    #[test]
    fn blocks_are_apart() {
        crate::near::tests::blocks_of(Apart);
    }
}
