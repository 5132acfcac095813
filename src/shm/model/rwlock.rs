//! A lock that many may have for reading, or one for writing.

use super::{Abandoned, Attempt, Encoded, Model, Ownership, Place, Wake, Who, Words};

/// A process that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reader {
    who: Who,
    /// How many times over.
    times: u64,
    place: Place,
}

/// A lock for readers and writers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RwLock {
    /// Who writes.
    pub writing: Ownership,
    readers: Vec<Reader>,
    /// Those who wait to write: they go before new readers.
    waiting: Vec<Who>,
}

/// Why a process would wait for itself; with the place where it took the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It reads.
    Reads(Place),
    /// It writes.
    Writes(Place),
}

impl RwLock {
    /// Begins to read. A process that reads already may do so again, whoever waits. Readers too are told of a writer
    /// that ended, and so is the next writer, who can make good what it left.
    pub fn read(&mut self, who: Who, place: Place) -> Result<Attempt<Option<Abandoned>>, Refused> {
        if self.writing.owner == who {
            return Err(Refused::Writes(self.writing.place));
        }
        if let Some(reader) = self.readers.iter_mut().find(|reader| reader.who == who) {
            reader.times += 1;
            return Ok(Attempt::Done(None, Wake::Nobody));
        }
        if self.writing.owner != 0 || !self.waiting.is_empty() {
            return Ok(Attempt::Wait);
        }
        self.readers.push(Reader { who, times: 1, place });
        Ok(Attempt::Done(self.writing.tell(), Wake::Nobody))
    }

    /// Begins to write; who has to wait goes before new readers until [`RwLock::withdraw`].
    pub fn write(&mut self, who: Who, place: Place) -> Result<Attempt<Option<Abandoned>>, Refused> {
        if self.writing.owner == who {
            return Err(Refused::Writes(self.writing.place));
        }
        if let Some(reader) = self.readers.iter().find(|reader| reader.who == who) {
            return Err(Refused::Reads(reader.place));
        }
        if self.writing.owner != 0 || !self.readers.is_empty() {
            if !self.waiting.contains(&who) {
                self.waiting.push(who);
            }
            return Ok(Attempt::Wait);
        }
        self.waiting.retain(|waiter| *waiter != who);
        Ok(Attempt::Done(self.writing.take(who, place), Wake::Nobody))
    }

    /// Waits to write no longer.
    pub fn withdraw(&mut self, who: Who) -> Wake {
        let before = self.waiting.len();
        self.waiting.retain(|waiter| *waiter != who);
        if self.waiting.is_empty() && before > 0 { Wake::All } else { Wake::Nobody }
    }

    /// Ends reading, once; says whether the process was reading.
    pub fn end_read(&mut self, who: Who) -> (bool, Wake) {
        let Some(at) = self.readers.iter().position(|reader| reader.who == who) else { return (false, Wake::Nobody) };
        self.readers[at].times -= 1;
        if self.readers[at].times > 0 {
            return (true, Wake::Nobody);
        }
        self.readers.swap_remove(at);
        (true, if self.readers.is_empty() { Wake::All } else { Wake::Nobody })
    }

    /// Ends writing; says whether the process was writing.
    pub fn end_write(&mut self, who: Who) -> (bool, Wake) {
        if self.writing.owner != who {
            return (false, Wake::Nobody);
        }
        self.writing.free();
        (true, Wake::All)
    }

    /// Whether the process reads.
    pub fn reads(&self, who: Who) -> bool {
        self.readers.iter().any(|reader| reader.who == who)
    }

    /// Those who read.
    pub fn readers(&self) -> impl Iterator<Item = Who> {
        self.readers.iter().map(|reader| reader.who)
    }
}

impl Model for RwLock {
    const KIND: u32 = 17;
    const NAME: &str = "the rwlock";
    const OWNED: bool = true;

    fn encode(&self, words: &mut Encoded) {
        self.writing.encode(words);
        words.push(self.waiting.len() as u64);
        words.extend_from_slice(&self.waiting);
        self.readers.iter().for_each(|reader| words.extend([reader.who, reader.times, reader.place]));
    }

    fn decode(words: &[u64]) -> RwLock {
        let mut words = Words::new(words);
        let writing = Ownership::decode(&mut words);
        let waiting = (0..words.count()).map(|_| words.next()).collect();
        let readers = words.groups().map(|[who, times, place]| Reader { who, times, place }).collect();
        RwLock { writing, readers, waiting }
    }

    fn forget(&mut self, who: Who) -> bool {
        let members = self.readers.len() + self.waiting.len();
        self.readers.retain(|reader| reader.who != who);
        self.waiting.retain(|waiter| *waiter != who);
        self.writing.lose(who) || self.readers.len() + self.waiting.len() < members
    }

    fn members(&self) -> Vec<Who> {
        let writer = (self.writing.owner != 0).then_some(self.writing.owner);
        self.readers().chain(writer).chain(self.waiting.iter().copied()).collect()
    }

    /// A writer waits for those who have it, a reader for those who write or will.
    fn owners(&self, who: Who) -> Vec<Who> {
        let writer = (self.writing.owner != 0).then_some(self.writing.owner);
        if self.waiting.contains(&who) {
            return self.readers().chain(writer).collect();
        }
        self.waiting.iter().copied().chain(writer).collect()
    }

    fn holders(&self) -> Vec<Who> {
        let writer = (self.writing.owner != 0).then_some(self.writing.owner);
        self.readers().chain(writer).collect()
    }

    fn lost(&self) -> Who {
        self.writing.lost()
    }
}
