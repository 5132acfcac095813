//! Memory for a process's tables of its children. They mean nothing to those, and each spawn writes to all of them: as
//! parts of the heap they would be a copied page each. So small ones stand together, and large ones are left out of forks.

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use allocator_api2::vec::Vec;
use hashbrown::{HashMap, HashSet};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use rustc_hash::FxBuildHasher;
use std::cell::UnsafeCell;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Relaxed};

/// A map of this process alone. A child must not look at it, nor drop it.
pub type ApartMap<K, V> = HashMap<K, V, FxBuildHasher, Apart>;
/// The same for sets.
pub type ApartSet<K> = HashSet<K, FxBuildHasher, Apart>;
/// The same for lists.
pub type ApartVec<T> = Vec<T, Apart>;
/// A set that one spawn needs.
pub type NearSet<K> = HashSet<K, FxBuildHasher, Near>;
/// The same for lists.
pub type NearVec<T> = Vec<T, Near>;

/// What has no room among the small blocks has a mapping of its own.
const LARGE: usize = CELL * CELLS;

/// Gives such memory, which a child forgets without touching it.
#[derive(Clone, Copy, Default)]
pub struct Apart;

/// Gives small blocks of the same, and others of the heap: for what one spawn needs, which a child may read and drop.
#[derive(Clone, Copy, Default)]
pub struct Near;

// SAFETY: a block is one of the room or of the heap, which its place tells.
unsafe impl Allocator for Near {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match ROOM.take(layout) {
            Some(block) => Ok(NonNull::slice_from_raw_parts(block, layout.size())),
            None => Global.allocate(layout),
        }
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if !ROOM.give_back(block, layout) {
            // SAFETY: the heap gave it.
            unsafe { Global.deallocate(block, layout) }
        }
    }
}

// SAFETY: a block is one of those or a mapping of its own, which its size tells in both directions.
unsafe impl Allocator for Apart {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let Some(size) = NonZeroUsize::new(layout.size()).filter(|size| size.get() >= LARGE) else {
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
        if layout.size() < LARGE {
            // SAFETY: it came from there.
            unsafe { Near.deallocate(block, layout) }
        } else {
            // SAFETY: it was mapped with this size.
            let _ = unsafe { munmap(block.cast(), layout.size()) };
        }
    }
}

const CELL: usize = 32;
const CELLS: usize = u64::BITS as usize;

/// Half a page in cells, some of which in a row are a block. In a child those of its parent stay taken.
#[repr(C, align(32))]
struct Room {
    cells: UnsafeCell<[u8; CELL * CELLS]>,
    /// A bit for each cell that is taken.
    taken: AtomicU64,
}

// SAFETY: a cell is used by who has taken it alone.
unsafe impl Sync for Room {}

static ROOM: Room = Room { cells: UnsafeCell::new([0; CELL * CELLS]), taken: AtomicU64::new(0) };

impl Room {
    /// So many cells in a row, at the right end; `None` for what is too large.
    fn mask(layout: Layout) -> Option<u64> {
        let count = layout.size().div_ceil(CELL);
        (layout.size() > 0 && count < CELLS && layout.align() <= CELL).then(|| (1 << count) - 1)
    }

    fn start(&self) -> usize {
        self.cells.get() as usize
    }

    fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        let mask = Room::mask(layout)?;
        let mut at = 0;
        let find = |taken: u64| {
            at = (0..=mask.leading_zeros()).find(|&at| taken & mask << at == 0)?;
            Some(taken | mask << at)
        };
        self.taken.fetch_update(AcqRel, Relaxed, find).ok()?;
        // SAFETY: inside the cells.
        NonNull::new(unsafe { self.cells.get().cast::<u8>().add(at as usize * CELL) })
    }

    /// Whether it was a block of these.
    fn give_back(&self, block: NonNull<u8>, layout: Layout) -> bool {
        let Some(mask) = Room::mask(layout) else { return false };
        let at = (block.as_ptr() as usize).wrapping_sub(self.start()) / CELL;
        let ours = at < CELLS;
        if ours {
            self.taken.fetch_and(!(mask << at), AcqRel);
        }
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks do not overlap, what is given back serves again, and what finds no room is given all the same.
    #[test]
    fn blocks_are_apart() {
        blocks_of(Apart);
        blocks_of(Near);
    }

    fn blocks_of(kind: impl Allocator) {
        let layouts = [1, 32, 33, 200, 64, 500, 900, 900, 2016, 2047, 2048, 9000]
            .map(|size| Layout::from_size_align(size, 16).unwrap());
        for _ in 0..3 {
            let blocks = layouts.map(|layout| kind.allocate(layout).unwrap().cast::<u8>());
            for (at, (block, layout)) in blocks.iter().zip(layouts).enumerate() {
                assert!(block.as_ptr().addr().is_multiple_of(16));
                // SAFETY: the block has this size.
                unsafe { block.write_bytes(at as u8, layout.size()) };
            }
            for (at, (block, layout)) in blocks.iter().zip(layouts).enumerate() {
                // SAFETY: it was just written.
                let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), layout.size()) };
                assert!(bytes.iter().all(|&byte| byte == at as u8));
                // SAFETY: nobody uses it any more.
                unsafe { kind.deallocate(*block, layout) };
            }
        }
    }
}
