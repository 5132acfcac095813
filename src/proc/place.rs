//! Places of a script as words of shared memory, so that others can tell where a process is.

use crate::source::{FileId, Place, Span};

const FILE_BITS: u32 = 12;
const LENGTH_BITS: u32 = 20;

/// File, start and length in one word; a long span is cut short.
pub fn to_word(place: Place) -> u64 {
    let cut = |value: u32, bits: u32| u64::from(value.min((1 << bits) - 1));
    let length = place.span.end.saturating_sub(place.span.start);
    cut(place.file.0, FILE_BITS) << 52 | u64::from(place.span.start) << LENGTH_BITS | cut(length, LENGTH_BITS)
}

/// The reverse of [`to_word`].
pub fn of_word(word: u64) -> Place {
    let start = (word >> LENGTH_BITS) as u32;
    let length = (word & ((1 << LENGTH_BITS) - 1)) as u32;
    Place { file: FileId((word >> 52) as u32), span: Span { start, end: start.saturating_add(length) } }
}
