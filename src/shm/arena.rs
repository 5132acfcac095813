//! Blocks of shared memory: size classes in chunks, larger ones in runs of chunks, under one robust lock.
//!
//! The truth is in the chunk table and in each block's serial number (odd while in use); the lists and counters are
//! derived from it, and are made anew when a process has died inside.

use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, seeded};
use super::chunks::{Chunk, Chunks, FREE, FREE_FILLED, FREE_WARM, LARGE, LARGE_REST, SMALL, chunk, chunk_start, room};
use super::layout::{self, CHUNK, CHUNKS};
use super::lock::Lock;
use super::region::{self, at, shared};
use super::{ObjectRef, ShmError};
use std::mem::size_of;

/// Every block starts at a multiple of this.
pub(crate) const GRAIN: u64 = 64;

/// Sizes of blocks with their headers. The last is a class of its own for objects that handles name: its chunks keep
/// their purpose for ever, so a stale handle always finds a serial number. Those of them in which no block has been used
/// since their memory was given back do not count as used.
static CLASSES: [u64; CLASS_COUNT] =
    [64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 21824, 32768, 512];
const CLASS_COUNT: usize = 19;
const OBJECTS: usize = CLASS_COUNT - 1;
/// The list of the chunks of objects that have no memory: after those of the classes.
const EMPTY: usize = CLASS_COUNT;
/// So many chunks, and this part of the limit, are kept for records: they must not fail when the script has used all.
const RESERVE: u32 = 16;
const RESERVE_PART: u32 = 32;

shared! {
    struct Globals {
        lock: Lock,
        serial: AtomicU32,
        chunks: Chunks,
        blocks: AtomicU64,
        bytes: AtomicU64,
        /// Per class the first chunk that has a free block, plus one; then the first of [`EMPTY`].
        partial: [AtomicU32; CLASS_COUNT + 1],
    }

    /// Before each block's bytes.
    struct Header {
        serial: AtomicU32,
        /// Next of the free list, plus one.
        next: AtomicU32,
        length: AtomicU64,
    }
}

const _: () = assert!(size_of::<Globals>() <= layout::ROOM);

/// No block that is looked at from outside is larger.
const MOST_READ: u64 = 64 << 20;

const HEADER: u64 = size_of::<Header>() as u64;

/// A block in use, as one word: its place and its serial number. Zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(u64);

impl Block {
    fn new(offset: u64, serial: u32) -> Block {
        Block(ObjectRef { offset, generation: serial }.word())
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// The block that a word of shared memory names.
    pub(crate) fn from_word(word: u64) -> Option<Block> {
        (word != 0).then_some(Block(word))
    }

    fn start(self) -> u64 {
        ObjectRef::from_word(self.0).offset
    }

    fn serial(self) -> u32 {
        ObjectRef::from_word(self.0).generation
    }

    /// Where its bytes start.
    #[inline]
    pub(crate) fn data(self) -> u64 {
        self.start() + HEADER
    }

    /// The length that it was asked for.
    pub(crate) fn length(self) -> usize {
        at::<Header>(self.start()).length.load(Relaxed) as usize
    }

    pub(crate) fn write(self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.length());
        region::write(self.data(), bytes);
    }

    /// The bytes of a block that nobody writes or frees as long as they are looked at.
    pub(super) fn bytes(self) -> &'static [u8] {
        region::bytes(self.data(), self.length())
    }

    pub(crate) fn read(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        region::read(self.data(), self.length(), &mut bytes);
        bytes
    }
}

fn globals() -> &'static Globals {
    at(layout::ARENA)
}

fn chunk_of(block: Block) -> u32 {
    (block.start().saturating_sub(CHUNKS) / CHUNK) as u32
}

fn capacity(class: usize) -> u32 {
    (CHUNK / CLASSES[class]) as u32
}

/// Blocks in use: for tests and for `mplang ps`.
pub fn blocks_in_use() -> u64 {
    if region::exists() { globals().blocks.load(Relaxed) } else { 0 }
}

/// Bytes asked for by the blocks in use.
pub fn bytes_in_use() -> u64 {
    if region::exists() { globals().bytes.load(Relaxed) } else { 0 }
}

/// Sets how many bytes may be in use; the region's size is a limit too.
pub fn set_limit(bytes: u64) {
    globals().chunks.set_limit(bytes);
}

/// How many bytes may be in use.
pub(super) fn limit_bytes() -> u64 {
    if region::exists() { u64::from(globals().chunks.limit()) * CHUNK } else { 0 }
}

/// What a block is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// Something of the script: a message, an object, a result.
    Content,
    /// Something that the runtime writes down: what a process holds and waits for, that a result found no room.
    Record,
}

impl Purpose {
    /// How many chunks may be in use with it.
    fn limit(self) -> u32 {
        let limit = globals().chunks.limit();
        match self {
            Purpose::Content => limit,
            Purpose::Record => limit.saturating_add(limit / RESERVE_PART + RESERVE).min(room()),
        }
    }
}

/// Whether with so many bytes more, half of what may be used is still free.
pub fn leaves_half(bytes: u64) -> bool {
    globals().chunks.leaves_half(bytes)
}

/// A block of `length` bytes, whose contents are undefined. `hand`, a word of the process's own slot, names it before
/// anybody else can: should the process die, its reaper frees what is in its hands.
pub(crate) fn allocate(length: usize, hand: &AtomicU64) -> Result<Block, ShmError> {
    allocate_for(Purpose::Content, length, hand)
}

/// The same for a record of the runtime, which may use the reserve.
pub(crate) fn allocate_record(length: usize, hand: &AtomicU64) -> Result<Block, ShmError> {
    allocate_for(Purpose::Record, length, hand)
}

fn allocate_for(purpose: Purpose, length: usize, hand: &AtomicU64) -> Result<Block, ShmError> {
    let length = length as u64;
    let whole = length + HEADER;
    enter();
    let result = match CLASSES[..OBJECTS].iter().position(|&size| whole <= size) {
        Some(class) => allocate_small(class, purpose, length, hand),
        None => allocate_large(purpose, length, hand),
    };
    globals().lock.unlock();
    if let Ok(block) = result
        && whole > CHUNK
        && !fill(block, whole)
    {
        free_hand(hand);
        return Err(ShmError::MemoryFull { asked: length, limit: bytes_in_use() });
    }
    result
}

/// Makes sure that a large block of `whole` bytes with its header has memory, what earlier ones left included: a write
/// to memory that the system does not have would end the process. False when there is none.
fn fill(block: Block, whole: u64) -> bool {
    let filled = &chunk(chunk_of(block)).filled;
    let from = u64::from(filled.load(Relaxed)) * CHUNK;
    let has_memory = region::fill(block.start() + from, whole - from);
    if has_memory {
        filled.store((whole / CHUNK) as u32, Relaxed);
    }
    has_memory
}

/// A block for an object that handles name; zeroed.
pub(crate) fn allocate_object(hand: &AtomicU64) -> Result<Block, ShmError> {
    enter();
    let length = CLASSES[OBJECTS] - HEADER;
    let result = allocate_small(OBJECTS, Purpose::Content, length, hand);
    globals().lock.unlock();
    let block = result?;
    (0..length / 8).for_each(|word| at::<AtomicU64>(block.data() + word * 8).store(0, Relaxed));
    Ok(block)
}

/// Frees a block; does nothing when it has been freed before.
pub(crate) fn free(block: Block) {
    enter();
    let index = chunk_of(block);
    if in_use(block) {
        let header = at::<Header>(block.start());
        let globals = globals();
        globals.blocks.store(globals.blocks.load(Relaxed) - 1, Relaxed);
        globals.bytes.store(globals.bytes.load(Relaxed) - header.length.load(Relaxed), Relaxed);
        if chunk(index).state.load(Relaxed) == LARGE {
            globals.chunks.free_run(index);
        } else {
            free_small(index, block);
        }
    }
    globals().lock.unlock();
}

/// Frees what `hand` names and empties it.
pub(crate) fn free_hand(hand: &AtomicU64) {
    if let Some(block) = Block::from_word(hand.load(Relaxed)) {
        free(block);
        hand.store(0, Relaxed);
    }
}

/// Makes `word` name the block in hand `new`, and frees the one that it named before. `old` is an empty hand.
pub(crate) fn publish(word: &AtomicU64, new: &AtomicU64, old: &AtomicU64) {
    old.store(word.load(Relaxed), SeqCst);
    word.store(new.load(Relaxed), SeqCst);
    new.store(0, SeqCst);
    free_hand(old);
}

/// The block of objects that `object` names, unless it has been freed.
pub(crate) fn object(object: ObjectRef) -> Option<Block> {
    let index = object.offset.checked_sub(CHUNKS)? / CHUNK;
    if index >= u64::from(globals().chunks.high.load(Relaxed)) {
        return None;
    }
    if chunk(index as u32).state.load(Relaxed) != SMALL + OBJECTS as u32 {
        return None;
    }
    let block = Block::new(object.offset, object.generation);
    let whole = ((object.offset - CHUNKS) % CHUNK).is_multiple_of(CLASSES[OBJECTS]);
    (whole && at::<Header>(object.offset).serial.load(Relaxed) == object.generation).then_some(block)
}

/// The name of the object whose bytes start at `data`, as a word.
pub(crate) fn object_at(data: u64) -> u64 {
    let start = data - HEADER;
    Block::new(start, at::<Header>(start).serial.load(Relaxed)).0
}

/// The handle of a block of objects.
pub(crate) fn object_ref(block: Block) -> ObjectRef {
    ObjectRef::from_word(block.0)
}

/// Every object.
pub(crate) fn objects() -> impl Iterator<Item = ObjectRef> {
    let chunks =
        (0..globals().chunks.high.load(Relaxed)).filter(|&at| chunk(at).state.load(Relaxed) == SMALL + OBJECTS as u32);
    chunks.flat_map(|number| {
        let starts = (0..chunk(number).fresh.load(Relaxed))
            .map(move |place| chunk_start(number) + u64::from(place) * CLASSES[OBJECTS]);
        starts.filter_map(|start| {
            let serial = at::<Header>(start).serial.load(Relaxed);
            (serial & 1 == 1).then_some(ObjectRef { offset: start, generation: serial })
        })
    })
}

pub(crate) fn in_use(block: Block) -> bool {
    let Some(inside) = block.start().checked_sub(CHUNKS) else { return false };
    let index = inside / CHUNK;
    if index >= u64::from(globals().chunks.high.load(Relaxed)) {
        return false;
    }
    let chunk = chunk(index as u32);
    let whole = match chunk.state.load(Relaxed) {
        LARGE => inside % CHUNK == 0,
        state if state >= SMALL => {
            let size = CLASSES[(state - SMALL) as usize];
            (inside % CHUNK).is_multiple_of(size) && inside % CHUNK / size < u64::from(chunk.fresh.load(Relaxed))
        }
        _ => false,
    };
    whole && at::<Header>(block.start()).serial.load(Relaxed) == block.serial()
}

/// The bytes of a block that others may free meanwhile; `None` if they did.
pub(crate) fn read_moving(block: Block) -> Option<Vec<u8>> {
    if !in_use(block) {
        return None;
    }
    let length = block.length() as u64;
    let end = block.data().checked_add(length)?;
    if length > MOST_READ || end > region::size() {
        return None;
    }
    let mut bytes = Vec::new();
    region::read(block.data(), length as usize, &mut bytes);
    in_use(block).then_some(bytes)
}

fn enter() {
    if globals().lock.lock() && !seeded!("no rebuild of the arena") {
        rebuild();
    }
}

fn next_serial() -> u32 {
    let serial = globals().serial.load(Relaxed).wrapping_add(2) & 0x3fff_ffff | 1;
    globals().serial.store(serial, Relaxed);
    serial
}

/// Names the block in `hand`, then makes it one in use.
fn hand_out(start: u64, length: u64, hand: &AtomicU64) -> Block {
    let globals = globals();
    let header = at::<Header>(start);
    let block = Block::new(start, next_serial());
    hand.store(block.0, SeqCst);
    header.length.store(length, Relaxed);
    // A message's first words tell what it holds: nothing yet.
    (0..2).for_each(|word| at::<AtomicU64>(start + HEADER + word * 8).store(0, Relaxed));
    compiler_fence(SeqCst);
    header.serial.store(block.serial(), SeqCst);
    globals.blocks.store(globals.blocks.load(Relaxed) + 1, Relaxed);
    globals.bytes.store(globals.bytes.load(Relaxed) + length, Relaxed);
    block
}

fn allocate_small(class: usize, purpose: Purpose, length: u64, hand: &AtomicU64) -> Result<Block, ShmError> {
    let globals = globals();
    let index = match globals.partial[class].load(Relaxed) {
        0 if class == OBJECTS && globals.partial[EMPTY].load(Relaxed) != 0 => fill_empty(purpose, length)?,
        0 => {
            let index = globals.chunks.free_chunks(1, purpose.limit(), length)?;
            let chunk = chunk(index);
            chunk.used.store(0, Relaxed);
            chunk.free.store(0, Relaxed);
            chunk.fresh.store(0, Relaxed);
            globals.chunks.occupy(index, 1);
            compiler_fence(SeqCst);
            chunk.state.store(SMALL + class as u32, Relaxed);
            link(class, index);
            index
        }
        first => first - 1,
    };
    let chunk = chunk(index);
    let (place, fresh) = match chunk.free.load(Relaxed) {
        0 => (chunk.fresh.load(Relaxed), true),
        first => (first - 1, false),
    };
    let start = chunk_start(index) + u64::from(place) * CLASSES[class];
    let next = at::<Header>(start).next.load(Relaxed);
    let block = hand_out(start, length, hand);
    if fresh {
        chunk.fresh.store(place + 1, Relaxed);
    } else {
        chunk.free.store(next, Relaxed);
    }
    chunk.used.store(chunk.used.load(Relaxed) + 1, Relaxed);
    if chunk.used.load(Relaxed) == capacity(class) {
        unlink(class, index);
    }
    Ok(block)
}

/// Takes a chunk of objects that has no memory into use again.
fn fill_empty(purpose: Purpose, length: u64) -> Result<u32, ShmError> {
    let globals = globals();
    globals.chunks.has_room(1, purpose.limit(), length)?;
    let index = globals.partial[EMPTY].load(Relaxed) - 1;
    unlink(EMPTY, index);
    link(OBJECTS, index);
    globals.chunks.used.store(globals.chunks.used.load(Relaxed) + 1, Relaxed);
    Ok(index)
}

fn free_small(index: u32, block: Block) {
    let chunk = chunk(index);
    let class = (chunk.state.load(Relaxed) - SMALL) as usize;
    let place = ((block.start() - chunk_start(index)) / CLASSES[class]) as u32;
    let header = at::<Header>(block.start());
    // From here on the block is free, whatever happens to this process.
    header.serial.store(block.serial() + 1, SeqCst);
    header.next.store(chunk.free.load(Relaxed), Relaxed);
    chunk.free.store(place + 1, Relaxed);
    let used = chunk.used.load(Relaxed);
    chunk.used.store(used - 1, Relaxed);
    if used == capacity(class) {
        link(class, index);
    }
    let alone = globals().partial[class].load(Relaxed) == index + 1 && chunk.next.load(Relaxed) == 0;
    if used > 1 || alone {
        return;
    }
    if class != OBJECTS {
        unlink(class, index);
        chunk.run.store(1, Relaxed);
        chunk.filled.store(0, Relaxed);
        globals().chunks.free_run(index);
    } else if chunk.fresh.load(Relaxed) == capacity(OBJECTS) {
        // All were used since the last time: else a few that come and go would cost more. Zeros are no serial number.
        unlink(OBJECTS, index);
        chunk.free.store(0, Relaxed);
        chunk.fresh.store(0, Relaxed);
        compiler_fence(SeqCst);
        region::give_back(chunk_start(index), CHUNK);
        link(EMPTY, index);
        let used = &globals().chunks.used;
        used.store(used.load(Relaxed) - 1, Relaxed);
    }
}

/// Puts a chunk at the front of a list.
fn link(class: usize, index: u32) {
    let first = &globals().partial[class];
    let old = first.load(Relaxed);
    chunk(index).next.store(old, Relaxed);
    chunk(index).previous.store(0, Relaxed);
    if old != 0 {
        chunk(old - 1).previous.store(index + 1, Relaxed);
    }
    first.store(index + 1, Relaxed);
}

fn unlink(class: usize, index: u32) {
    let (next, previous) = (chunk(index).next.load(Relaxed), chunk(index).previous.load(Relaxed));
    match previous {
        0 => globals().partial[class].store(next, Relaxed),
        previous => chunk(previous - 1).next.store(next, Relaxed),
    }
    if next != 0 {
        chunk(next - 1).previous.store(previous, Relaxed);
    }
}

fn allocate_large(purpose: Purpose, length: u64, hand: &AtomicU64) -> Result<Block, ShmError> {
    let count = length.checked_add(HEADER + CHUNK - 1).map_or(u64::MAX, |whole| whole / CHUNK);
    let count = u32::try_from(count).map_err(|_| globals().chunks.full(length))?;
    let index = globals().chunks.free_chunks(count, purpose.limit(), length)?;
    let filled = (index..index + count).take_while(|&index| chunk(index).state.load(Relaxed) == FREE_FILLED).count();
    // The last one may have memory beyond the block.
    chunk(index).filled.store((filled as u32).min(count - 1), Relaxed);
    globals().chunks.occupy(index, count);
    (index + 1..index + count).for_each(|rest| chunk(rest).state.store(LARGE_REST, Relaxed));
    chunk(index).run.store(count, Relaxed);
    let block = hand_out(chunk_start(index), length, hand);
    compiler_fence(SeqCst);
    chunk(index).state.store(LARGE, SeqCst);
    Ok(block)
}

/// Derives lists and counters anew, after a process died inside.
fn rebuild() {
    let globals = globals();
    globals.partial.iter().for_each(|first| first.store(0, Relaxed));
    let (mut blocks, mut bytes, mut used, mut warm) = (0, 0, 0, 0);
    // A chunk may have been taken before `high` said so.
    let high = (globals.chunks.high.load(Relaxed)..room()).find(|&index| chunk(index).state.load(Relaxed) == FREE);
    let high = high.unwrap_or(room());
    let mut index = 0;
    while index < high {
        let entry = chunk(index);
        let mut run = 1;
        match entry.state.load(Relaxed) {
            LARGE => {
                run = entry.run.load(Relaxed);
                blocks += 1;
                bytes += at::<Header>(chunk_start(index)).length.load(Relaxed);
                used += run;
            }
            LARGE_REST => {
                entry.state.store(FREE_WARM, Relaxed);
                warm += 1;
            }
            FREE_WARM | FREE_FILLED => warm += 1,
            FREE => {}
            state if is_empty(state, entry) => link(EMPTY, index),
            state => {
                let class = (state - SMALL) as usize;
                let (here, here_bytes) = rebuild_chunk(index, class);
                if here < capacity(class) {
                    link(class, index);
                }
                blocks += u64::from(here);
                bytes += here_bytes;
                used += 1;
            }
        }
        index += run;
    }
    globals.blocks.store(blocks, Relaxed);
    globals.bytes.store(bytes, Relaxed);
    globals.chunks.used.store(used, Relaxed);
    globals.chunks.warm.store(warm, Relaxed);
    globals.chunks.high.store(high, Relaxed);
    globals.chunks.first_free.store(0, Relaxed);
}

/// Whether a chunk in this state is one of objects that has no memory.
fn is_empty(state: u32, chunk: &Chunk) -> bool {
    state == SMALL + OBJECTS as u32 && chunk.fresh.load(Relaxed) == 0
}

/// The free list of one chunk; gives its blocks in use and their bytes.
fn rebuild_chunk(index: u32, class: usize) -> (u32, u64) {
    let entry = chunk(index);
    let (mut used, mut bytes, mut free) = (0, 0, 0);
    for place in (0..entry.fresh.load(Relaxed)).rev() {
        let header = at::<Header>(chunk_start(index) + u64::from(place) * CLASSES[class]);
        if header.serial.load(Relaxed) & 1 == 1 {
            used += 1;
            bytes += header.length.load(Relaxed);
        } else {
            header.next.store(free, Relaxed);
            free = place + 1;
        }
    }
    entry.free.store(free, Relaxed);
    entry.used.store(used, Relaxed);
    (used, bytes)
}

/// Compares lists and counters with what the chunk table says, between operations.
#[cfg(any(test, feature = "faults"))]
pub fn check() {
    enter();
    let globals = globals();
    let (mut blocks, mut bytes, mut used, mut warm, mut index) = (0, 0, 0, 0, 0);
    let mut partial = [0; CLASSES.len() + 1];
    while index < globals.chunks.high.load(Relaxed) {
        let entry = chunk(index);
        match entry.state.load(Relaxed) {
            FREE => {}
            FREE_WARM | FREE_FILLED => warm += 1,
            LARGE => {
                blocks += 1;
                bytes += at::<Header>(chunk_start(index)).length.load(Relaxed);
                used += entry.run.load(Relaxed);
                index += entry.run.load(Relaxed) - 1;
            }
            state if is_empty(state, entry) => partial[EMPTY] += 1,
            state => {
                assert!(state >= SMALL, "the rest of a large block without its start");
                let class = (state - SMALL) as usize;
                let header = |place: u32| at::<Header>(chunk_start(index) + u64::from(place) * CLASSES[class]);
                let live: Vec<_> = (0..entry.fresh.load(Relaxed)).map(header).collect();
                let live: Vec<_> = live.into_iter().filter(|header| header.serial.load(Relaxed) & 1 == 1).collect();
                assert_eq!(live.len() as u32, entry.used.load(Relaxed), "blocks in use of a chunk");
                blocks += live.len() as u64;
                bytes += live.iter().map(|header| header.length.load(Relaxed)).sum::<u64>();
                used += 1;
                let (mut free, mut next) = (0, entry.free.load(Relaxed));
                while next != 0 {
                    free += 1;
                    next = header(next - 1).next.load(Relaxed);
                }
                assert_eq!(free + live.len() as u32, entry.fresh.load(Relaxed), "free list of a chunk");
                partial[class] += u32::from((live.len() as u32) < capacity(class));
            }
        }
        index += 1;
    }
    for (class, partial) in partial.into_iter().enumerate() {
        let (mut listed, mut next) = (0, globals.partial[class].load(Relaxed));
        while next != 0 {
            let of = if class == EMPTY { OBJECTS } else { class };
            assert_eq!(chunk(next - 1).state.load(Relaxed), SMALL + of as u32, "a chunk in a list");
            listed += 1;
            next = chunk(next - 1).next.load(Relaxed);
        }
        assert_eq!(listed, partial, "chunks in the list of a class");
    }
    let counted = [globals.chunks.used.load(Relaxed), globals.chunks.warm.load(Relaxed)];
    assert_eq!([used, warm], counted, "chunks in use and warm ones");
    assert_eq!([blocks, bytes], [globals.blocks.load(Relaxed), globals.bytes.load(Relaxed)], "blocks and bytes");
    globals.lock.unlock();
}
