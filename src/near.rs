//! Small blocks that stand beside the command's variables: what a spawn and what follows it write to. After a fork each
//! page that is written to is copied, and blocks of the heap lie on pages of their own, with tables on further ones.

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use allocator_api2::vec::Vec;
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::AcqRel, Ordering::Relaxed};

/// A list that one request needs.
pub type NearVec<T> = Vec<T, Near>;

/// Gives such blocks, and blocks of the heap when there is no room: for what one request needs, which a child may read and
/// drop.
#[derive(Clone, Copy, Default)]
pub struct Near;

/// Gives others, for the values that are handles: those may be many, and stay.
#[derive(Clone, Copy, Default)]
pub struct Handles;

/// Larger blocks never find room.
pub const MOST: usize = 32 * 56;

static ROOM: Room<32, 56> = Room::new();
static ROOM_FOR_HANDLES: Room<16, 24> = Room::new();
/// The same for spawned processes, which find the other one full where their parent keeps the handles of all.
static ROOM_OF_CHILDREN: Room<16, 24> = Room::new();
static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// This process was forked.
pub fn begin_child() {
    IS_CHILD.store(true, Relaxed);
}

// SAFETY: a block is one of the room or of the heap, which its place tells.
unsafe impl Allocator for Near {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        or_of_heap(ROOM.take(layout), layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let given = ROOM.give_back(block, layout);
        // SAFETY: the caller's.
        unsafe { or_to_heap(given, block, layout) }
    }
}

// SAFETY: the same, with two rooms in place of one.
unsafe impl Allocator for Handles {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let room = if IS_CHILD.load(Relaxed) { &ROOM_OF_CHILDREN } else { &ROOM_FOR_HANDLES };
        or_of_heap(room.take(layout), layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let given = ROOM_FOR_HANDLES.give_back(block, layout) || ROOM_OF_CHILDREN.give_back(block, layout);
        // SAFETY: the caller's.
        unsafe { or_to_heap(given, block, layout) }
    }
}

fn or_of_heap(found: Option<NonNull<u8>>, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    found.map_or_else(|| Global.allocate(layout), |block| Ok(NonNull::slice_from_raw_parts(block, layout.size())))
}

/// Gives a block back to the heap unless a room has taken it.
///
/// # Safety
/// It was allocated with this layout, and nobody uses it any more.
unsafe fn or_to_heap(given: bool, block: NonNull<u8>, layout: Layout) {
    if !given {
        // SAFETY: what is of no room is the heap's.
        unsafe { Global.deallocate(block, layout) }
    }
}

/// At most 64 cells of so many bytes, some of which in a row are a block. In a child those of its parent stay taken.
#[repr(C, align(32))]
struct Room<const CELL: usize, const CELLS: usize> {
    cells: UnsafeCell<[[u8; CELL]; CELLS]>,
    /// A bit for each cell that is taken.
    taken: AtomicU64,
}

// SAFETY: a cell is used by who has taken it alone.
unsafe impl<const CELL: usize, const CELLS: usize> Sync for Room<CELL, CELLS> {}

impl<const CELL: usize, const CELLS: usize> Room<CELL, CELLS> {
    const fn new() -> Self {
        Room { cells: UnsafeCell::new([[0; CELL]; CELLS]), taken: AtomicU64::new(0) }
    }

    /// So many cells in a row, at the right end, and in how many places they have room; `None` for what is too large.
    fn mask(layout: Layout) -> Option<(u64, usize)> {
        let count = layout.size().div_ceil(CELL);
        let fits = layout.size() > 0 && count < CELLS && layout.align() <= CELL;
        fits.then(|| ((1 << count) - 1, CELLS - count + 1))
    }

    fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        let (mask, places) = Self::mask(layout)?;
        let mut at = 0;
        let find = |taken: u64| {
            at = (0..places).find(|&at| taken & mask << at == 0)?;
            Some(taken | mask << at)
        };
        self.taken.fetch_update(AcqRel, Relaxed, find).ok()?;
        // SAFETY: inside the cells.
        NonNull::new(unsafe { self.cells.get().cast::<u8>().add(at * CELL) })
    }

    /// Whether it was a block of these.
    fn give_back(&self, block: NonNull<u8>, layout: Layout) -> bool {
        let Some((mask, _)) = Self::mask(layout) else { return false };
        let at = (block.as_ptr() as usize).wrapping_sub(self.cells.get() as usize) / CELL;
        let ours = at < CELLS;
        if ours {
            self.taken.fetch_and(!(mask << at), AcqRel);
        }
        ours
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Blocks do not overlap, what is given back serves again, and what finds no room is given all the same.
    #[test]
    fn blocks_are_apart() {
        blocks_of(Near);
        blocks_of(Handles);
    }

    /// Tries an allocator with blocks of many sizes.
    pub fn blocks_of(kind: impl Allocator) {
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
