//! The memory of the arena in chunks of 64 KiB: which are in use, which have memory of the system, how many may be used.

use super::ShmError;
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, SystemU64};
use super::layout::{self, CHUNK, CHUNKS};
use super::region::{self, at, shared};

/// Chunks that stay filled with memory after they were freed, because filling them again costs more than a copy.
const WARM: u32 = 512;

// States of a chunk.
/// Without memory.
pub(super) const FREE: u32 = 0;
/// With memory in some of its pages.
pub(super) const FREE_WARM: u32 = 1;
/// The first of a large block.
pub(super) const LARGE: u32 = 2;
/// Another one of it.
pub(super) const LARGE_REST: u32 = 3;
/// With memory in all of its pages.
pub(super) const FREE_FILLED: u32 = 4;
/// With small blocks of one class, whose number is added.
pub(super) const SMALL: u32 = 16;

shared! {
    /// What is counted of all chunks, derived from their table, but the limit.
    pub(super) struct Chunks {
        /// Chunks below this have been used at some time.
        pub(super) high: AtomicU32,
        /// No chunk below this is free.
        pub(super) first_free: AtomicU32,
        /// Free chunks that have memory.
        pub(super) warm: AtomicU32,
        /// Chunks in use, and how many may be.
        pub(super) used: AtomicU32,
        limit: AtomicU32,
    }

    /// One line of the chunk table.
    pub(super) struct Chunk {
        pub(super) state: AtomicU32,
        /// Blocks in use.
        pub(super) used: AtomicU32,
        /// First block of the free list, plus one.
        pub(super) free: AtomicU32,
        /// Blocks from this one on were never used.
        pub(super) fresh: AtomicU32,
        /// Neighbours in the list of partly used chunks, plus one.
        pub(super) next: AtomicU32,
        pub(super) previous: AtomicU32,
        /// Chunks of a large block.
        pub(super) run: AtomicU32,
        /// How many of them, from the first one on, have memory in all of their pages.
        pub(super) filled: AtomicU32,
    }
}

const _: () = assert!(size_of::<Chunk>() as u64 == layout::LINE);

pub(super) fn chunk(index: u32) -> &'static Chunk {
    at(layout::line(index))
}

pub(super) fn chunk_start(index: u32) -> u64 {
    CHUNKS + u64::from(index) * CHUNK
}

/// Chunks that the region has room for.
pub(super) fn room() -> u32 {
    ((region::size().saturating_sub(CHUNKS)) / CHUNK) as u32
}

/// What was asked for before there was a region.
static WANTED: SystemU64 = SystemU64::new(0);

/// Sets how many bytes may be in use once there is a region.
pub fn want_limit(bytes: u64) {
    WANTED.store(bytes, Relaxed);
}

/// Whether it is a free chunk that has memory.
fn is_warm(index: u32) -> bool {
    matches!(chunk(index).state.load(Relaxed), FREE_WARM | FREE_FILLED)
}

impl Chunks {
    /// Sets how many bytes may be in use; the region's size is a limit too.
    pub(super) fn set_limit(&self, bytes: u64) {
        self.limit.store(u32::try_from(bytes.div_ceil(CHUNK)).unwrap_or(u32::MAX).max(1), Relaxed);
    }

    /// How many may be in use.
    pub(super) fn limit(&self) -> u32 {
        if self.limit.load(Relaxed) == 0 {
            self.set_limit(match WANTED.load(Relaxed) {
                0 => region::physical_memory() / 4 * 3,
                wanted => wanted,
            });
        }
        self.limit.load(Relaxed).min(room())
    }

    /// Whether with so many bytes more, half of what may be used is still free.
    pub(super) fn leaves_half(&self, bytes: u64) -> bool {
        (u64::from(self.used.load(Relaxed)) + bytes.div_ceil(CHUNK)) * 2 <= u64::from(self.limit())
    }

    /// The error for who asked for so many bytes when all that may be used are.
    pub(super) fn full(&self, asked: u64) -> ShmError {
        ShmError::MemoryFull { asked, limit: u64::from(self.limit()) * CHUNK }
    }

    /// Whether no more than `limit` chunks are in use with `count` more.
    pub(super) fn has_room(&self, count: u32, limit: u32, length: u64) -> Result<(), ShmError> {
        let used = self.used.load(Relaxed).checked_add(count);
        used.filter(|&used| used <= limit).map(|_| ()).ok_or_else(|| self.full(length))
    }

    /// The first of `count` free chunks side by side, when no more than `limit` are to be in use with them.
    pub(super) fn free_chunks(&self, count: u32, limit: u32, length: u64) -> Result<u32, ShmError> {
        self.has_room(count, limit, length)?;
        let high = self.high.load(Relaxed);
        let mut start = self.first_free.load(Relaxed);
        let mut index = start;
        while index < high && index - start < count {
            match chunk(index).state.load(Relaxed) {
                FREE | FREE_WARM | FREE_FILLED => index += 1,
                state => {
                    index += if state == LARGE { chunk(index).run.load(Relaxed) } else { 1 };
                    start = index;
                }
            }
        }
        if start.checked_add(count).is_none_or(|end| end > room()) { Err(self.full(length)) } else { Ok(start) }
    }

    /// Counts `count` chunks as used.
    pub(super) fn occupy(&self, index: u32, count: u32) {
        let warm = (index..index + count).filter(|&index| is_warm(index)).count() as u32;
        self.warm.store(self.warm.load(Relaxed) - warm, Relaxed);
        self.used.store(self.used.load(Relaxed) + count, Relaxed);
        self.high.store(self.high.load(Relaxed).max(index + count), Relaxed);
        if self.first_free.load(Relaxed) == index {
            self.first_free.store(index + count, Relaxed);
        }
    }

    /// Frees a large block's chunks, or the one of a class.
    pub(super) fn free_run(&self, index: u32) {
        let count = chunk(index).run.load(Relaxed);
        let filled = chunk(index).filled.load(Relaxed);
        // The first chunk's state is what counts: the rest of a run without its head is free.
        chunk(index).state.store(FREE_WARM, SeqCst);
        (index..index + filled).for_each(|index| chunk(index).state.store(FREE_FILLED, Relaxed));
        (index + filled..index + count).for_each(|index| chunk(index).state.store(FREE_WARM, Relaxed));
        self.used.store(self.used.load(Relaxed) - count, Relaxed);
        self.first_free.store(self.first_free.load(Relaxed).min(index), Relaxed);
        self.warm.store(self.warm.load(Relaxed) + count, Relaxed);
        if self.warm.load(Relaxed) > WARM {
            self.cool();
        }
    }

    /// Gives back the memory of half of the free chunks that have some: the last ones, as the first are used again first.
    pub(super) fn cool(&self) {
        let mut warm = self.warm.load(Relaxed);
        let mut index = self.high.load(Relaxed);
        while warm > WARM / 2 && index > 0 {
            let end = index;
            while index > 0 && warm - (end - index) > WARM / 2 && is_warm(index - 1) {
                index -= 1;
            }
            if index == end {
                index -= 1;
                continue;
            }
            // Those side by side at once: the system is asked while others wait for the lock.
            region::give_back(chunk_start(index), u64::from(end - index) * CHUNK);
            (index..end).for_each(|index| chunk(index).state.store(FREE, Relaxed));
            warm -= end - index;
        }
        self.warm.store(warm, Relaxed);
    }
}
