//! `--output grouped` and `ordered`: whose turn it is to write, and what the others printed meanwhile.
//!
//! Every process has a stream in a memory file, in which its spawns stand between its texts. The first process reads
//! the streams and writes what has had to wait: its death ends the run anyway, so nothing is written twice. In ordered
//! mode the process whose turn it is has nothing that waits, and writes by itself as in live mode.

use super::{memory, outcome, signals};
use crate::shm::ProcessRef;
use crate::shm::spool::{Record, Spool, SpoolError, Stream};
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::ErrorValue;
use crate::world::{unwritten, write_out};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// When what the processes of a run print is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputMode {
    /// As it is printed.
    #[default]
    Live,
    /// Each process's together, when it ends.
    Grouped,
    /// As if each spawned process had run where it was spawned.
    Ordered,
}

/// So much is read at once.
const CHUNK: u64 = 64 << 10;
/// A process whose turn it is waits for the reader when it is so far ahead.
const MOST_AHEAD: u64 = 1 << 20;
const STDOUT: &str = "standard output";

struct Run {
    mode: OutputMode,
    spool: Spool,
    /// The stream of this process.
    own: Cell<Stream>,
    /// The first process.
    reader: i32,
    /// What this process has read, if it is the reader.
    reading: RefCell<Option<Reading>>,
    /// Nobody reads standard output any more.
    closed: Cell<bool>,
    /// The run is ending: whoever still lives has been killed.
    finishing: Cell<bool>,
    failure: RefCell<Option<Fault>>,
    /// What the user has been told of input and output that failed.
    told: RefCell<BTreeSet<String>>,
}

struct Reading {
    /// From the first process to the one whose turn it is.
    path: Vec<Cursor>,
    /// In grouped mode: the streams of other processes that live, with the position up to which their spawns are known.
    open: Vec<(Stream, u64)>,
    /// In grouped mode: streams of processes that have ended.
    ended: VecDeque<Cursor>,
}

/// How far a stream has been read.
struct Cursor {
    stream: Stream,
    position: u64,
    /// What is left of the text at the position.
    left: u64,
}

enum Read {
    Text,
    Child(Stream),
    Nothing,
}

thread_local! {
    static RUN: RefCell<Option<Rc<Run>>> = const { RefCell::new(None) };
}

fn run() -> Option<Rc<Run>> {
    RUN.with_borrow(Option::clone)
}

/// Begins a mode in the first process; gives whether output has to be kept at all.
pub fn begin(mode: OutputMode) -> Result<bool, Fault> {
    if mode == OutputMode::Live {
        return Ok(false);
    }
    let (spool, own) = Spool::new().map_err(|error| memory(&error))?;
    let reading = Reading { path: vec![Cursor::new(own)], open: vec![(own, 0)], ended: VecDeque::new() };
    let reading = RefCell::new(Some(reading));
    let reader = std::process::id() as i32;
    let (own, closed, finishing, failure) = (Cell::new(own), Cell::default(), Cell::default(), RefCell::default());
    let told = RefCell::default();
    RUN.set(Some(Rc::new(Run { mode, spool, own, reader, reading, closed, finishing, failure, told })));
    Ok(true)
}

/// Whether what this process prints may have to wait.
pub fn is_kept() -> bool {
    run().is_some()
}

/// Takes text that must wait; false when this process shall write it now.
pub fn keep(text: &[u8]) -> Result<bool, Fault> {
    let Some(run) = run() else { return Ok(false) };
    run.read()?;
    let own = run.own.get();
    if run.is_turn() {
        while own.waiting() > MOST_AHEAD {
            run.tell();
            own.await_reader();
            super::attend()?;
        }
        if own.waiting() == 0 {
            return Ok(false);
        }
    }
    run.spool.append(own, text).map_err(|errno| unwritten(STDOUT, errno))?;
    if run.is_turn() {
        run.tell();
    }
    Ok(true)
}

/// The stream for a child that will be forked.
pub fn spawned(child: ProcessRef) -> Result<Option<Kept>, Fault> {
    let Some(run) = run() else { return Ok(None) };
    let stream = run.spool.add_child(run.own.get(), child).map_err(|error| match error {
        SpoolError::Memory(error) => memory(&error),
        SpoolError::System(errno) => unwritten(STDOUT, errno),
    })?;
    if run.mode == OutputMode::Ordered {
        run.read()?;
        if run.is_turn() {
            run.tell();
        }
    }
    Ok(Some(Kept(stream)))
}

/// Where the output of a child goes.
pub struct Kept(Stream);

/// This process is the forked child now.
pub fn begin_child(kept: Option<Kept>) {
    if let (Some(run), Some(Kept(stream))) = (run(), kept) {
        run.own.set(stream);
        run.reading.replace(None);
    }
}

/// A process has been reaped here: the reader may have waited for its end.
pub fn ended() {
    if let Some(run) = run()
        && run.reading.try_borrow().is_ok_and(|reading| reading.is_none())
    {
        // Whoever asked last may have died before the signal.
        run.spool.ask();
        run.wake();
    }
}

/// Takes the last text of a process that ends for want of memory, and takes no lock: it may have any.
pub fn keep_last(text: &[u8]) {
    if let Some(run) = run() {
        // Without room for it there is nobody to tell.
        let _ = run.spool.append(run.own.get(), text);
    }
}

/// This process has printed all that it will.
pub fn ending() {
    if let Some(run) = run() {
        run.own.get().end_at(outcome::now());
    }
}

/// Writes what has waited for its turn. A run that was asked to end does so last of all, in bounded time.
pub fn read() -> Result<(), Fault> {
    let run = run().filter(|_| signals::ending().is_none());
    run.map_or(Ok(()), |run| run.read())
}

/// The same in a process that is ending: its failure is told by [`finish`].
pub fn read_at_end() {
    let Err(fault) = read() else { return };
    let Some(run) = run() else { return };
    if run.closed.get() {
        signals::end_by(libc::SIGPIPE);
    } else if fault.is(Kind::Io) && run.failure.borrow().is_none() {
        run.failure.replace(Some(fault));
    }
}

/// A conversation: what the first process has printed is written before it reads an answer, also in grouped mode.
pub fn read_own() -> Result<(), Fault> {
    let Some(run) = run().filter(|run| run.mode == OutputMode::Grouped) else { return Ok(()) };
    run.read()?;
    run.with_reading(|reading| run.write_all(&mut reading.path[0]))
}

/// Writes everything, in the first process at its end. Of several failures the first is given.
pub fn finish() -> Result<(), Fault> {
    let Some(run) = run() else { return Ok(()) };
    run.finishing.set(true);
    let mut result = run.failure.take().map_or(Ok(()), Err);
    loop {
        // A failure has consumed what failed.
        match run.read().and_then(|()| read_own()) {
            Ok(()) => return result,
            failed => {
                signals::limit_end();
                result = result.and(failed);
            }
        }
    }
}

/// The user is told of an error.
pub fn note_told(error: &ErrorValue) {
    if let (Some(run), Some("io"), Some(message)) = (run(), error.kind.as_str(), error.message.as_str()) {
        run.told.borrow_mut().insert(message.to_owned());
    }
}

/// Whether the user has been told of the same failure: all that waits behind a full disk fails as the first part did.
pub fn is_told(error: &ErrorValue) -> bool {
    let Some(message) = error.message.as_str() else { return false };
    run().is_some_and(|run| run.told.borrow().contains(message))
}

impl Run {
    fn is_turn(&self) -> bool {
        self.mode == OutputMode::Ordered && self.spool.is_front(self.own.get())
    }

    /// Asks the reader to look, unless it has been asked.
    fn tell(&self) {
        if self.spool.ask() {
            self.wake();
        }
    }

    fn wake(&self) {
        // It acts on this signal wherever it waits or runs. If it has ended, so does this process.
        let _ = kill(Pid::from_raw(self.reader), Signal::SIGCHLD);
    }

    /// Does something with what the reader knows, unless this is not the reader or it is being done already.
    fn with_reading(&self, act: impl FnOnce(&mut Reading) -> Result<(), Fault>) -> Result<(), Fault> {
        match self.reading.try_borrow_mut() {
            Ok(mut reading) => reading.as_mut().map_or(Ok(()), act),
            Err(_) => Ok(()),
        }
    }

    fn read(&self) -> Result<(), Fault> {
        self.with_reading(|reading| {
            self.spool.looking();
            if self.mode == OutputMode::Grouped { self.read_groups(reading) } else { self.read_in_order(reading) }
        })
    }

    fn read_in_order(&self, reading: &mut Reading) -> Result<(), Fault> {
        while let Some(cursor) = reading.path.last_mut() {
            // Asked first: what is there afterwards is all.
            let ended = self.has_ended(cursor.stream);
            match self.next(cursor)? {
                Read::Text => {}
                Read::Child(child) => {
                    self.spool.set_front(child);
                    reading.path.push(Cursor::new(child));
                }
                Read::Nothing if ended => {
                    self.free(cursor.stream);
                    reading.path.pop();
                    if let Some(cursor) = reading.path.last() {
                        self.spool.set_front(cursor.stream);
                    }
                }
                Read::Nothing => break,
            }
        }
        Ok(())
    }

    fn read_groups(&self, reading: &mut Reading) -> Result<(), Fault> {
        let mut ended = Vec::new();
        let mut at = 0;
        while at < reading.open.len() {
            let (stream, _) = reading.open[at];
            let has_ended = self.has_ended(stream);
            self.find_children(&mut reading.open, at)?;
            if has_ended {
                ended.push(stream);
                reading.open.remove(at);
            } else {
                at += 1;
            }
        }
        ended.sort_by_key(|stream| stream.ended_at());
        reading.ended.extend(ended.into_iter().map(Cursor::new));
        while let Some(cursor) = reading.ended.front_mut() {
            self.write_all(cursor)?;
            self.free(cursor.stream);
            reading.ended.pop_front();
        }
        Ok(())
    }

    fn has_ended(&self, stream: Stream) -> bool {
        stream != self.own.get() && (self.finishing.get() || stream.has_ended())
    }

    fn free(&self, stream: Stream) {
        // At the end of the run its memory goes with the file, and its writer may be dying still.
        if !self.finishing.get() {
            self.spool.free(stream);
        }
    }

    /// Adds the streams that the one at `at` names to the list.
    fn find_children(&self, open: &mut Vec<(Stream, u64)>, at: usize) -> Result<(), Fault> {
        let (stream, mut position) = open[at];
        while let Some((record, body)) = self.spool.record(stream, position).map_err(unreadable)? {
            position = body + record.length();
            if let Record::Child(Some(child)) = record {
                open.push((child, 0));
            }
        }
        open[at].1 = position;
        Ok(())
    }

    /// Writes all texts of a stream.
    fn write_all(&self, cursor: &mut Cursor) -> Result<(), Fault> {
        while !matches!(self.next(cursor)?, Read::Nothing) {}
        Ok(())
    }

    /// Writes a part of a text, or tells what else comes next.
    fn next(&self, cursor: &mut Cursor) -> Result<Read, Fault> {
        while cursor.left == 0 {
            let Some((record, body)) = self.spool.record(cursor.stream, cursor.position).map_err(unreadable)? else {
                return Ok(Read::Nothing);
            };
            cursor.position = body;
            match record {
                Record::Text(length) => cursor.left = length,
                Record::Child(child) => {
                    self.consume(cursor, record.length());
                    if let Some(child) = child {
                        return Ok(Read::Child(child));
                    }
                }
            }
        }
        let mut bytes = vec![0; cursor.left.min(CHUNK) as usize];
        let mut done = 0;
        let mut result = self.spool.bytes(cursor.stream, cursor.position, &mut bytes).map_err(unreadable);
        while result.is_ok() && done < bytes.len() && !self.closed.get() {
            match write_out(&bytes, &mut done) {
                Ok(()) => {}
                Err(Errno::EINTR) => {
                    if let Err(fault) = super::attend() {
                        cursor.left -= done as u64;
                        self.consume(cursor, done as u64);
                        return Err(fault);
                    }
                }
                Err(errno) => {
                    self.closed.set(errno == Errno::EPIPE);
                    result = Err(unwritten(STDOUT, errno));
                }
            }
        }
        // What failed is dropped, so that one failure is told once.
        cursor.left -= bytes.len() as u64;
        self.consume(cursor, bytes.len() as u64);
        result.map(|()| Read::Text)
    }

    fn consume(&self, cursor: &mut Cursor, length: u64) {
        cursor.position += length;
        self.spool.release(cursor.stream, cursor.position);
    }
}

impl Cursor {
    fn new(stream: Stream) -> Cursor {
        Cursor { stream, position: stream.position(), left: 0 }
    }
}

fn unreadable(errno: Errno) -> Fault {
    unwritten(STDOUT, errno)
}
