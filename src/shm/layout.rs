//! Where the parts of the region lie.
//!
//! Every process has page tables of its own, one for each 2 MiB that it touches, and making one costs as much as copying
//! a page. So what all processes need stands in the same 2 MiB: the globals, the first slots and the first lines of the
//! chunk table below [`CHUNKS`], the first chunks above. The table of processes and that of chunks grow downwards
//! together, in stripes.

use super::region::MOST;

/// The chunks of the arena, up to the end of the region.
pub(super) const CHUNKS: u64 = 256 << 20;
/// Bytes of a chunk.
pub(super) const CHUNK: u64 = 64 << 10;
/// Bytes of a slot of the process table.
pub(super) const SLOT: u64 = 1024;
/// Bytes of a line of the chunk table.
pub(super) const LINE: u64 = 32;
/// Slots in all.
pub(super) const SLOTS: u32 = 131_072;

/// The 2 MiB that every process touches start here.
pub(super) const COMMON: u64 = CHUNKS - COMMON_SIZE / 2;
/// What one page of page tables names.
pub(super) const COMMON_SIZE: u64 = 2 << 20;

/// One page, in rooms of [`ROOM`] bytes, so that what different processes write to shares no cache line.
const GLOBALS: u64 = CHUNKS - (4 << 10);
pub(super) const ROOM: usize = 256;
pub(super) const ARENA: u64 = GLOBALS;
pub(super) const HOLDERS: u64 = GLOBALS + ROOM as u64;
pub(super) const PROCESSES: u64 = GLOBALS + 2 * ROOM as u64;
pub(super) const WAITS: u64 = GLOBALS + 3 * ROOM as u64;
pub(super) const CONTENTS: u64 = GLOBALS + 4 * ROOM as u64;
pub(super) const ISLANDS: u64 = GLOBALS + 5 * ROOM as u64;
/// The rest of the page.
pub(super) const UNTAKEN: u64 = GLOBALS + 6 * ROOM as u64;
pub(super) const UNTAKEN_ROOM: usize = 10 * ROOM;

/// A stripe: slots, and then lines, so many that both tables end at the same one.
const STRIPE_SLOTS: u32 = 64;
const STRIPE_LINES: u32 = 512;
const STRIPE: u64 = STRIPE_SLOTS as u64 * SLOT + STRIPE_LINES as u64 * LINE;
const STRIPES: u64 = (SLOTS / STRIPE_SLOTS) as u64;
const _: () = assert!(STRIPES * STRIPE < GLOBALS && STRIPES * STRIPE_LINES as u64 * CHUNK >= MOST);

fn stripe(index: u64) -> u64 {
    GLOBALS - (index + 1) * STRIPE
}

/// Where a slot lies.
#[inline]
pub(super) fn slot(index: u32) -> u64 {
    stripe(u64::from(index / STRIPE_SLOTS)) + u64::from(index % STRIPE_SLOTS) * SLOT
}

/// The slot that starts at this offset, if any does.
pub(super) fn slot_at(offset: u64) -> Option<u32> {
    let from_end = GLOBALS.checked_sub(offset)?.checked_sub(1)?;
    let index = from_end / STRIPE;
    let inside = STRIPE - 1 - from_end % STRIPE;
    let is_start = inside.is_multiple_of(SLOT) && inside < u64::from(STRIPE_SLOTS) * SLOT && index < STRIPES;
    is_start.then(|| index as u32 * STRIPE_SLOTS + (inside / SLOT) as u32)
}

/// Where a line of the chunk table lies.
#[inline]
pub(super) fn line(index: u32) -> u64 {
    stripe(u64::from(index / STRIPE_LINES)) + u64::from(STRIPE_SLOTS) * SLOT + u64::from(index % STRIPE_LINES) * LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots and lines do not overlap, nor leave their place, and each slot is found again.
    #[test]
    fn tables_are_apart() {
        let slots = (0..SLOTS).map(|index| (slot(index), SLOT));
        let lines = (0..((MOST - CHUNKS) / CHUNK) as u32).map(|index| (line(index), LINE));
        let mut all: Vec<(u64, u64)> = slots.chain(lines).collect();
        all.sort();
        assert!(all[0].0 >= 4096);
        assert!(all.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
        let (last, size) = all[all.len() - 1];
        assert!(last + size <= GLOBALS);
        for index in 0..SLOTS {
            assert_eq!(slot_at(slot(index)), Some(index));
            assert_eq!(slot_at(slot(index) + 64), None);
        }
        for none in [0, line(0), GLOBALS, CHUNKS, u64::MAX, stripe(STRIPES - 1) - SLOT] {
            assert_eq!(slot_at(none), None);
        }
    }
}
