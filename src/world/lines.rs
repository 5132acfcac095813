//! Reading text from a descriptor, line by line through a buffer of fixed size, or all that is left.

use super::failure::{describe, io, of_file};
use super::wait::{Attend, wait};
use crate::memory;
use crate::vm::fault::{Fault, Kind};
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::stat::{SFlag, fstat};
use std::os::fd::AsFd;

/// So much is read at once.
const CHUNK: usize = 64 << 10;

/// A descriptor that is read, and what was read ahead.
pub struct Lines<F> {
    descriptor: F,
    /// The file; `None` for standard input.
    path: Option<Box<str>>,
    /// The system may let a reader wait: not a plain file.
    waits: bool,
    size: u64,
    buffer: Vec<u8>,
    /// Where the next line starts in the buffer.
    start: usize,
    /// Up to here there is no line end.
    searched: usize,
    /// How many lines were given.
    count: u64,
    at_end: Option<AtEnd>,
    attend: Attend,
}

/// Says, once the end has been read, whether it is a good one.
pub type AtEnd = Box<dyn FnOnce() -> Result<(), Fault>>;

impl<F: AsFd> Lines<F> {
    /// Reads from this descriptor.
    pub fn new(descriptor: F, path: Option<&str>, attend: Attend) -> Lines<F> {
        let stat = fstat(&descriptor).ok();
        let plain = stat.is_some_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG);
        let size = stat.map_or(0, |stat| stat.st_size.max(0) as u64);
        Lines {
            descriptor,
            path: path.map(Into::into),
            waits: !plain,
            size: if plain { size } else { 0 },
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            count: 0,
            at_end: None,
            attend,
        }
    }

    /// Its end is an error when this says so.
    pub fn ending_with(mut self, at_end: AtEnd) -> Lines<F> {
        self.at_end = Some(at_end);
        self
    }

    /// Whether a command that has not ended yet writes what is read.
    pub fn is_of_command(&self) -> bool {
        self.at_end.is_some()
    }

    /// Whether the next line may have to be waited for.
    pub fn may_wait(&self) -> bool {
        self.waits && memchr::memchr(b'\n', &self.buffer[self.searched..]).is_none()
    }

    /// The next line without its end; `None` after the last.
    pub fn next_line(&mut self) -> Result<Option<String>, Fault> {
        let (end, next) = loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                let end = self.searched + at;
                break (end, end + 1);
            }
            self.searched = self.buffer.len();
            if !self.fill(CHUNK)? {
                if self.start == self.buffer.len() {
                    self.end()?;
                    return Ok(None);
                }
                break (self.buffer.len(), self.buffer.len());
            }
        };
        let line = &self.buffer[self.start..end];
        let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).map(String::from);
        (self.start, self.searched) = (next, next);
        self.count += 1;
        match line {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.not_text(&format!("line {} is", self.count))),
        }
    }

    /// All that is left, as text.
    pub fn text(&mut self) -> Result<String, Fault> {
        String::from_utf8(self.bytes()?).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            self.not_text(&format!("byte {at} is")).help("`read_bytes` reads any file as it is")
        })
    }

    /// All that is left.
    pub fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        // One byte more than the file has, so that its end is seen without another round.
        let mut more = usize::try_from(self.size).unwrap_or(usize::MAX).max(CHUNK - 1).saturating_add(1);
        while self.fill(more)? {
            more = CHUNK.max(self.buffer.capacity() - self.buffer.len());
        }
        self.end()?;
        self.drop_given();
        self.searched = 0;
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.at_end.take().map_or(Ok(()), |at_end| at_end())
    }

    /// Reads up to so many bytes into the buffer; false at the end.
    fn fill(&mut self, most: usize) -> Result<bool, Fault> {
        self.drop_given();
        let old = self.buffer.len();
        if memory::attempt(|| self.buffer.try_reserve(most)).is_err() {
            let needed = old.saturating_add(most);
            return Err(Fault::new(Kind::Limit, format!("no memory to read {needed} bytes at once")));
        }
        self.buffer.resize(old + most, 0);
        let read = self.read(old);
        self.buffer.truncate(old + *read.as_ref().unwrap_or(&0));
        read.map(|count| count > 0)
    }

    fn read(&mut self, from: usize) -> Result<usize, Fault> {
        loop {
            if self.waits {
                wait(Some((self.descriptor.as_fd(), PollFlags::POLLIN)), None, self.attend)?;
            }
            match nix::unistd::read(&self.descriptor, &mut self.buffer[from..]) {
                Ok(count) => return Ok(count),
                Err(Errno::EINTR) => (self.attend)()?,
                Err(Errno::EAGAIN) => self.waits = true,
                Err(errno) => return Err(self.fail(&describe(errno))),
            }
        }
    }

    /// Forgets the lines that were given; the buffer of a long one goes back.
    fn drop_given(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            if self.buffer.len() < CHUNK && self.buffer.capacity() > 16 * CHUNK {
                self.buffer.shrink_to(2 * CHUNK);
            }
        }
    }

    fn fail(&self, reason: &str) -> Fault {
        match &self.path {
            Some(path) => of_file("read", path, reason),
            None => io(format!("cannot read standard input: {reason}")),
        }
    }

    fn not_text(&self, what: &str) -> Fault {
        self.fail(&format!("{what} not UTF-8 text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    /// A file that has no name.
    fn file(bytes: &[u8]) -> std::fs::File {
        let mut file = std::fs::File::from(
            nix::fcntl::open(
                &std::env::temp_dir(),
                nix::fcntl::OFlag::O_TMPFILE | nix::fcntl::OFlag::O_RDWR,
                nix::sys::stat::Mode::S_IRWXU,
            )
            .unwrap(),
        );
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn lines(bytes: &[u8]) -> Lines<std::fs::File> {
        Lines::new(file(bytes), Some("t.txt"), || Ok(()))
    }

    fn all(bytes: &[u8]) -> Vec<String> {
        let mut lines = lines(bytes);
        std::iter::from_fn(|| lines.next_line().ok().unwrap()).collect()
    }

    /// A line is what stands before its end, of either style, and the last one needs none.
    #[test]
    fn lines_end_as_in_any_editor() {
        assert_eq!(all(b""), [""; 0]);
        assert_eq!(all(b"a"), ["a"]);
        assert_eq!(all(b"a\n"), ["a"]);
        assert_eq!(all(b"a\n\nb\r\nc"), ["a", "", "b", "c"]);
    }

    /// Lines that cross the ends of the chunks stay whole, also one longer than several chunks.
    #[test]
    fn lines_cross_chunks() {
        let made: Vec<String> = (0..40_000).map(|n| format!("line {n}")).collect();
        assert_eq!(all((made.join("\n") + "\n").as_bytes()), made);
        let long = "ä".repeat(5 * CHUNK);
        assert_eq!(all(format!("a\n{long}\nb").as_bytes()), ["a", &long, "b"]);
    }

    /// However long the file is, reading its lines holds little of it.
    #[test]
    fn the_buffer_is_bounded() {
        let mut lines = lines("0123456789\n".repeat(400_000).as_bytes());
        let mut count = 0;
        while lines.next_line().ok().unwrap().is_some() {
            count += 1;
            assert!(lines.buffer.capacity() <= 4 * CHUNK, "{} bytes are held", lines.buffer.capacity());
        }
        assert_eq!(count, 400_000);
    }

    /// What follows the lines that were read is all in the rest.
    #[test]
    fn the_rest_follows_the_lines() {
        let mut lines = lines(b"a\nb\nc\nd\n");
        assert_eq!(lines.next_line().ok().unwrap().as_deref(), Some("a"));
        assert_eq!(lines.next_line().ok().unwrap().as_deref(), Some("b"));
        assert_eq!(lines.text().ok().unwrap(), "c\nd\n");
        assert_eq!(lines.text().ok().unwrap(), "");
        assert!(lines.next_line().ok().unwrap().is_none());
    }

    /// Bytes that are no text are an error with their place, and what follows can still be read.
    #[test]
    fn only_utf8_is_text() {
        let mut lines = lines(b"a\n\xff\nc");
        assert_eq!(lines.next_line().ok().unwrap().as_deref(), Some("a"));
        let fault = lines.next_line().err().unwrap();
        assert!(fault.is(Kind::Io));
        assert_eq!(fault.0.message.as_str(), Some("cannot read \"t.txt\": line 2 is not UTF-8 text"));
        assert_eq!(lines.next_line().ok().unwrap().as_deref(), Some("c"));
    }
}
