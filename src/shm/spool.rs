//! Output that must wait: one memory file for all processes of a run, in which each has a stream of its own. What a
//! process has added outlives it. One process, the reader, takes streams apart; each stream has one writer.
//!
//! A stream's bytes lie in a window of the file's endless offsets, found from the place of its state, so that nothing
//! has to be allocated; what has been read is punched out. The store of `written` commits what was added.

use super::ShmError;
use super::arena::{self, Block};
use super::atomic::{AtomicU32, AtomicU64};
use super::park;
use super::process_table::{Hand, ProcessRef, my_slot};
use super::region::{self, at, shared};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::{Duration, Instant};

/// Each window of the file; no more of one stream can wait.
const WINDOW: u64 = 8 << 30;
const _: () = assert!(region::MOST / arena::GRAIN <= (1 << 63) / WINDOW);
/// Read bytes are punched out in pieces of this size.
const PIECE: u64 = 1 << 20;
/// Before each record: its length, shifted by one, and whether it names a stream.
const HEADER: usize = 8;

shared! {
    struct State {
        /// The process that writes it, as a word.
        process: AtomicU64,
        written: AtomicU64,
        read: AtomicU64,
        /// When its writer said that it ends, in nanoseconds of the system's clock.
        ended_at: AtomicU64,
        /// Changes when something has been read; its writer may sleep on it.
        pulse: AtomicU32,
        asleep: AtomicU32,
    }

    struct Globals {
        /// The stream whose turn it is.
        front: AtomicU64,
        /// The reader has been asked to look.
        asked: AtomicU32,
        unused: AtomicU32,
    }
}

/// The memory file.
pub struct Spool {
    file: File,
    globals: Block,
}

/// One process's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(Block);

/// What stands next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// So many bytes.
    Text(u64),
    /// Here its process spawned the one that writes this stream; `None` when nobody will ever write it.
    Child(Option<Stream>),
}

impl Record {
    /// How many bytes it has.
    pub fn length(self) -> u64 {
        match self {
            Record::Text(length) => length,
            Record::Child(_) => size_of::<u64>() as u64,
        }
    }
}

fn word(process: ProcessRef) -> u64 {
    u64::from(process.index) << 32 | u64::from(process.generation)
}

impl Spool {
    /// A spool, and the stream of this process, which reads it.
    pub fn new() -> Result<(Spool, Stream), ShmError> {
        super::start()?;
        let file = memfd_create(c"mplang output", MFdFlags::MFD_CLOEXEC);
        let file = file.map_err(|error| region::refused("a memory file", error))?;
        let hand = my_slot().hand(Hand::Object);
        let globals = arena::allocate(size_of::<Globals>(), hand)?;
        hand.store(0, Relaxed);
        let spool = Spool { file: File::from(file), globals };
        let own = spool.stream(super::process_table::me().ok_or(ShmError::Gone)?)?;
        hand.store(0, Relaxed);
        spool.set_front(own);
        spool.globals().asked.store(0, Relaxed);
        Ok((spool, own))
    }

    fn globals(&self) -> &'static Globals {
        at(self.globals.data())
    }

    /// A stream for a process, in a hand of this one.
    fn stream(&self, process: ProcessRef) -> Result<Stream, ShmError> {
        let block = arena::allocate(size_of::<State>(), my_slot().hand(Hand::Object))?;
        let state = at::<State>(block.data());
        state.process.store(word(process), Relaxed);
        for number in [&state.written, &state.read, &state.ended_at] {
            number.store(0, Relaxed);
        }
        state.pulse.store(0, Relaxed);
        state.asleep.store(0, Relaxed);
        Ok(Stream(block))
    }

    /// A stream for a child that will be forked, named in the stream of this process.
    pub fn add_child(&self, own: Stream, child: ProcessRef) -> Result<Stream, SpoolError> {
        let stream = self.stream(child).map_err(SpoolError::Memory)?;
        let hand = my_slot().hand(Hand::Object);
        let added = self.add(own, &stream.0.word().to_le_bytes(), true);
        if added.is_err() {
            arena::free_hand(hand);
        }
        hand.store(0, Relaxed);
        added.map(|()| stream).map_err(SpoolError::System)
    }

    /// Adds bytes to the stream of this process: all or nothing.
    pub fn append(&self, own: Stream, bytes: &[u8]) -> nix::Result<()> {
        if bytes.is_empty() { Ok(()) } else { self.add(own, bytes, false) }
    }

    fn add(&self, own: Stream, bytes: &[u8], child: bool) -> nix::Result<()> {
        let state = own.state();
        let start = state.written.load(Relaxed);
        let end = start + (HEADER + bytes.len()) as u64;
        if end - state.read.load(Acquire) > WINDOW {
            return Err(Errno::ENOSPC);
        }
        let header = ((bytes.len() as u64) << 1 | u64::from(child)).to_le_bytes();
        own.write(&self.file, start, &header)?;
        own.write(&self.file, start + HEADER as u64, bytes)?;
        state.written.store(end, SeqCst);
        Ok(())
    }

    /// The stream whose turn it is.
    pub fn is_front(&self, stream: Stream) -> bool {
        self.globals().front.load(SeqCst) == stream.0.word()
    }

    /// The turn passes; by the reader.
    pub fn set_front(&self, stream: Stream) {
        self.globals().front.store(stream.0.word(), SeqCst);
    }

    /// Whether the reader has yet to be told that there is something to read.
    pub fn ask(&self) -> bool {
        self.globals().asked.swap(1, SeqCst) == 0
    }

    /// The reader looks now.
    pub fn looking(&self) {
        self.globals().asked.store(0, SeqCst);
    }

    /// What stands at a position of a stream, and where its bytes begin. The reader keeps the position.
    pub fn record(&self, stream: Stream, position: u64) -> nix::Result<Option<(Record, u64)>> {
        if position >= stream.state().written.load(SeqCst) {
            return Ok(None);
        }
        let mut header = [0; HEADER];
        stream.read(&self.file, position, &mut header)?;
        let header = u64::from_le_bytes(header);
        let body = position + HEADER as u64;
        if header & 1 == 0 {
            return Ok(Some((Record::Text(header >> 1), body)));
        }
        let mut named = [0; 8];
        stream.read(&self.file, body, &mut named)?;
        let child = Block::from_word(u64::from_le_bytes(named)).filter(|&block| arena::in_use(block));
        Ok(Some((Record::Child(child.map(Stream)), body)))
    }

    /// Bytes of a text.
    pub fn bytes(&self, stream: Stream, position: u64, bytes: &mut [u8]) -> nix::Result<()> {
        stream.read(&self.file, position, bytes)
    }

    /// Everything before this position has been read.
    pub fn release(&self, stream: Stream, position: u64) {
        let state = stream.state();
        let before = state.read.load(Relaxed);
        // Whole pieces; a page that has a part of what follows stays until that has been read too.
        let (first, last) = (before / PIECE * PIECE, position / PIECE * PIECE);
        if last > first {
            stream.punch(&self.file, first, last - first);
        }
        state.read.store(position, SeqCst);
        state.pulse.fetch_add(1, SeqCst);
        if state.asleep.load(SeqCst) != 0 {
            park::wake(&state.pulse, 1);
        }
    }

    /// The stream has been read to its end: its memory is given back.
    pub fn free(&self, stream: Stream) {
        if stream.state().written.load(Relaxed) > 0 {
            stream.punch(&self.file, 0, WINDOW);
        }
        arena::free(stream.0);
    }

    /// Bytes of memory that wait.
    pub fn held(&self) -> u64 {
        nix::sys::stat::fstat(&self.file).map_or(0, |stat| stat.st_blocks as u64 * 512)
    }
}

/// Why a stream for a child could not be made.
#[derive(Debug)]
pub enum SpoolError {
    /// Of shared memory.
    Memory(ShmError),
    /// Of the memory file.
    System(Errno),
}

impl Stream {
    fn state(self) -> &'static State {
        at(self.0.data())
    }

    /// How much of it waits to be read.
    pub fn waiting(self) -> u64 {
        let state = self.state();
        state.written.load(SeqCst).saturating_sub(state.read.load(SeqCst))
    }

    /// Up to where it has been read.
    pub fn position(self) -> u64 {
        self.state().read.load(Relaxed)
    }

    /// Whether its process has ended: what it holds now is all that it will ever hold.
    pub fn has_ended(self) -> bool {
        let word = self.state().process.load(Relaxed);
        ProcessRef { index: (word >> 32) as u32, generation: word as u32 }.has_ended()
    }

    /// Its writer says when it ends.
    pub fn end_at(self, nanoseconds: u64) {
        self.state().ended_at.store(nanoseconds, Relaxed);
    }

    /// When its writer said that it ends; the end of time if it could not.
    pub fn ended_at(self) -> u64 {
        match self.state().ended_at.load(Relaxed) {
            0 => u64::MAX,
            at => at,
        }
    }

    /// Sleeps until something more of it has been read, or a little while.
    pub fn await_reader(self) {
        let state = self.state();
        state.asleep.store(1, SeqCst);
        let pulse = state.pulse.load(SeqCst);
        if self.waiting() > 0 {
            park::heed_signals(|| park::wait(&state.pulse, pulse, Some(Instant::now() + Duration::from_millis(20))));
        }
        state.asleep.store(0, SeqCst);
    }

    fn base(self) -> u64 {
        self.0.data() / arena::GRAIN * WINDOW
    }

    /// The pieces of the window, which is a ring, that some of its bytes lie in.
    fn pieces(self, position: u64, length: usize) -> [(u64, usize); 2] {
        let inside = position % WINDOW;
        let first = length.min(usize::try_from(WINDOW - inside).unwrap_or(usize::MAX));
        [(self.base() + inside, first), (self.base(), length - first)]
    }

    fn write(self, file: &File, position: u64, mut bytes: &[u8]) -> nix::Result<()> {
        for (offset, length) in self.pieces(position, bytes.len()) {
            let (piece, rest) = bytes.split_at(length);
            file.write_all_at(piece, offset).map_err(errno)?;
            bytes = rest;
        }
        Ok(())
    }

    fn read(self, file: &File, position: u64, mut bytes: &mut [u8]) -> nix::Result<()> {
        for (offset, length) in self.pieces(position, bytes.len()) {
            let (piece, rest) = bytes.split_at_mut(length);
            file.read_exact_at(piece, offset).map_err(errno)?;
            bytes = rest;
        }
        Ok(())
    }

    fn punch(self, file: &File, position: u64, length: u64) {
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        for (offset, length) in self.pieces(position, usize::try_from(length).unwrap_or(usize::MAX)) {
            if length > 0 {
                // A refusal only means that the memory stays in use.
                let _ = fallocate(file, flags, offset as i64, length as i64);
            }
        }
    }
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is added comes out in its order, also across the end of the window, and its memory is given back.
    #[test]
    fn a_stream_is_a_ring() {
        let (spool, own) = Spool::new().unwrap();
        let start = WINDOW - 3 * PIECE / 2;
        own.state().written.store(start, Relaxed);
        own.state().read.store(start, Relaxed);
        let text: Vec<u8> = (0..3 * PIECE).map(|n| (n % 251) as u8).collect();
        spool.append(own, &text).unwrap();
        let child = spool.add_child(own, super::super::process_table::me().unwrap()).unwrap();
        spool.append(own, b"end").unwrap();
        assert!(spool.held() >= 3 * PIECE);

        let (record, body) = spool.record(own, start).unwrap().unwrap();
        assert_eq!(record, Record::Text(3 * PIECE));
        let mut read = vec![0; text.len()];
        spool.bytes(own, body, &mut read).unwrap();
        assert!(read == text);
        let next = body + record.length();
        spool.release(own, next);
        assert!(spool.held() <= 2 * PIECE);
        let (record, body) = spool.record(own, next).unwrap().unwrap();
        assert_eq!(record, Record::Child(Some(child)));
        assert!(child.waiting() == 0 && !child.has_ended());
        let (record, body) = spool.record(own, body + record.length()).unwrap().unwrap();
        assert_eq!(record, Record::Text(3));
        assert_eq!(spool.record(own, body + 3).unwrap(), None);

        // More than the window is refused, and nothing is added.
        let waiting = own.waiting();
        own.state().written.store(own.state().read.load(Relaxed) + WINDOW - 10, Relaxed);
        assert_eq!(spool.append(own, b"too much"), Err(Errno::ENOSPC));
        own.state().written.store(own.state().read.load(Relaxed) + waiting, Relaxed);

        spool.free(own);
        assert_eq!(spool.held(), 0);
    }
}
