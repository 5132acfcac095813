//! Standard output and standard error: our own buffer, which keeps every print whole.

use super::failure::{describe, io};
use super::local::leave;
use super::wait::Attend;
use crate::memory;
use crate::vm::fault::{Fault, Kind};
use crate::vm::machine::interrupted;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::isatty;
use std::cell::{Cell, RefCell};
use std::io::Stdout;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd};

/// So much may be gathered before it is written.
const MOST_GATHERED: usize = 64 << 10;

/// The status of a program whose standard output was closed by its reader: that of a death by SIGPIPE.
pub const CLOSED_STATUS: u8 = 141;

thread_local! {
    static LOCK: Cell<fn(bool)> = const { Cell::new(|_| ()) };
    /// Never dropped: a thread that must drop it is told so at its first use, which is a page more in each process.
    static STANDARD: RefCell<Option<ManuallyDrop<Output<Stdout>>>> = const { RefCell::new(None) };
}

/// Sets what takes (`true`) and gives back (`false`) the lock that the writing processes of a run share.
pub fn set_output_lock(lock: fn(bool)) {
    LOCK.set(lock);
}

/// The standard output of this process.
pub struct Standard;

impl Standard {
    /// Begins anew, with nothing gathered.
    pub fn new(attend: Attend) -> Standard {
        let output = Output::new(std::io::stdout(), "standard output", attend);
        STANDARD.set(Some(ManuallyDrop::new(output)));
        Standard
    }

    /// Does something with it.
    pub fn with<R>(&self, use_it: impl FnOnce(&mut Output<Stdout>) -> R) -> R {
        STANDARD.with_borrow_mut(|output| use_it(output.as_mut().expect("it has begun")))
    }
}

/// Writes what this process, which ends for want of memory, has gathered for standard output, unless it is just writing.
/// What must wait for its turn goes to `keep`.
pub fn last_words(keep: fn(&[u8])) {
    STANDARD.with(|standard| {
        if let Ok(Some(output)) = standard.try_borrow().as_deref() {
            output.last_words(keep);
        }
    });
}

/// Writes while no other process of the run does: one `write` of the system is whole on a pipe only up to 4 KiB.
pub fn with_output_lock<R>(write: impl FnOnce() -> R) -> R {
    let lock = LOCK.get();
    lock(true);
    let result = write();
    lock(false);
    result
}

/// Text on standard error, whole and at once. A standard error that nobody reads is no failure.
pub fn say(text: &[u8]) {
    let stderr = std::io::stderr();
    let mut done = 0;
    // What a signal asks for waits until the text is written.
    while with_output_lock(|| write_some(stderr.as_fd(), text, &mut done)) == Err(Errno::EINTR) {}
}

/// Writes bytes that waited on standard output, on from `done`. A signal that the machine must see ends it with `EINTR`.
pub fn write_out(bytes: &[u8], done: &mut usize) -> nix::Result<()> {
    with_output_lock(|| write_some(std::io::stdout().as_fd(), bytes, done))
}

/// Why text could not be written: an error, or for a reader who has gone the end of the program.
pub fn unwritten(name: &str, errno: Errno) -> Fault {
    if errno == Errno::EPIPE {
        leave(CLOSED_STATUS)
    } else {
        io(format!("cannot write to {name}: {}", describe(errno)))
    }
}

/// Keeps text for later where it is not the turn of this process to write: false when it is.
pub type Keep = fn(&[u8]) -> Result<bool, Fault>;

/// Text on its way to a descriptor that other processes write to as well.
pub struct Output<F> {
    descriptor: F,
    name: &'static str,
    /// Every print is written at once.
    live: bool,
    /// Nobody reads any more: what comes is dropped.
    closed: bool,
    pending: Vec<u8>,
    /// How much of `pending` ends with a whole line.
    whole: usize,
    /// What is asked before text is written.
    keep: Option<Keep>,
    attend: Attend,
}

impl<F: AsFd> Output<F> {
    /// An output that gathers lines, unless the descriptor is a terminal.
    pub fn new(descriptor: F, name: &'static str, attend: Attend) -> Output<F> {
        let live = isatty(&descriptor).unwrap_or(false);
        Output { descriptor, name, live, closed: false, pending: Vec::new(), whole: 0, keep: None, attend }
    }

    /// From now on text is offered to `keep` first.
    pub fn keep_with(&mut self, keep: Keep) {
        self.keep = Some(keep);
    }

    /// The same, but every print is written at once.
    pub fn live(self) -> Output<F> {
        Output { live: true, ..self }
    }

    /// Takes the text of one print.
    pub fn print(&mut self, text: String) -> Result<(), Fault> {
        self.print_bytes(text.into_bytes())
    }

    /// The same for what somebody else has written.
    pub fn print_bytes(&mut self, bytes: Vec<u8>) -> Result<(), Fault> {
        if self.closed {
            return Ok(());
        }
        if !self.pending.is_empty() && memory::attempt(|| self.pending.try_reserve(bytes.len())).is_err() {
            self.flush()?;
        }
        if self.pending.is_empty() {
            self.pending = bytes;
        } else {
            self.pending.extend_from_slice(&bytes);
        }
        if self.pending.last() == Some(&b'\n') {
            self.whole = self.pending.len();
        }
        if self.live {
            self.flush()
        } else if self.pending.len() >= MOST_GATHERED {
            self.write(if self.whole > 0 { self.whole } else { self.pending.len() })
        } else {
            Ok(())
        }
    }

    /// Writes all that was gathered.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Fault> {
        if self.pending.is_empty() { Ok(()) } else { self.write(self.pending.len()) }
    }

    /// Writes what was gathered, in a process that ends for want of memory: it asks for none, and waits for no other
    /// process.
    fn last_words(&self, keep: fn(&[u8])) {
        if self.keep.is_some() {
            return keep(&self.pending);
        }
        let mut done = 0;
        while done < self.pending.len() && !self.closed {
            match nix::unistd::write(self.descriptor.as_fd(), &self.pending[done..]) {
                Ok(count) => done += count,
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Writes so many gathered bytes. What an interrupt left over is kept; what failed is dropped, so that one
    /// failure is told once.
    fn write(&mut self, count: usize) -> Result<(), Fault> {
        if let Some(keep) = self.keep {
            match keep(&self.pending[..count]) {
                Ok(false) => {}
                Ok(true) => {
                    self.drop_first(count);
                    return Ok(());
                }
                Err(fault) => {
                    if fault.is(Kind::Io) {
                        self.forget();
                    }
                    return Err(fault);
                }
            }
        }
        let mut done = 0;
        let mut fault = None;
        // Nobody comes in between when a signal does.
        let result = with_output_lock(|| {
            loop {
                let result = write_some(self.descriptor.as_fd(), &self.pending[..count], &mut done);
                if result == Err(Errno::EINTR) {
                    fault = (self.attend)().err();
                }
                if result != Err(Errno::EINTR) || fault.is_some() {
                    break result;
                }
            }
        });
        if let Some(fault) = fault {
            self.drop_first(done);
            return Err(fault);
        }
        match result {
            Ok(()) => {
                self.drop_first(count);
                Ok(())
            }
            Err(errno) => {
                self.pending = Vec::new();
                self.whole = 0;
                self.closed = errno == Errno::EPIPE;
                Err(unwritten(self.name, errno))
            }
        }
    }

    fn drop_first(&mut self, count: usize) {
        if count < self.pending.len() {
            self.pending.drain(..count);
        } else if self.pending.capacity() > 2 * MOST_GATHERED {
            self.pending = Vec::new();
        } else {
            self.pending.clear();
        }
        self.whole = self.whole.saturating_sub(count);
    }

    /// Drops what was gathered: in a forked child it is the parent's.
    pub fn forget(&mut self) {
        self.drop_first(self.pending.len());
    }

    /// Looks whether anybody still reads it, without writing; an error as of a write when nobody does.
    pub fn look_whether_closed(&mut self) -> Result<(), Fault> {
        let mut looked = [PollFd::new(self.descriptor.as_fd(), PollFlags::POLLOUT)];
        let found = poll(&mut looked, PollTimeout::ZERO);
        let closed = found.is_ok() && looked[0].revents().is_some_and(|found| found.contains(PollFlags::POLLERR));
        self.closed |= closed;
        if closed { Err(leave(CLOSED_STATUS)) } else { Ok(()) }
    }

    /// Whether nobody reads it any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// Writes on from `done`. A signal that the machine must see ends it with `EINTR`, also when a part was written.
fn write_some(fd: BorrowedFd, bytes: &[u8], done: &mut usize) -> nix::Result<()> {
    while *done < bytes.len() {
        match nix::unistd::write(fd, &bytes[*done..]) {
            Ok(count) => *done += count,
            Err(Errno::EINTR) => {}
            // Another program made the pipe or terminal so that it does not wait.
            Err(Errno::EAGAIN) => drop(poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], PollTimeout::NONE)),
            Err(errno) => return Err(errno),
        }
        if *done < bytes.len() && interrupted() {
            return Err(Errno::EINTR);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    /// An output into a pipe of 1 MiB, and what can be read from it now.
    struct Pipe {
        output: Output<OwnedFd>,
        reader: File,
    }

    impl Pipe {
        fn new() -> Pipe {
            let (reader, writer) = nix::unistd::pipe().unwrap();
            fcntl(&writer, FcntlArg::F_SETPIPE_SZ(1 << 20)).unwrap();
            fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
            Pipe { output: output(writer), reader: File::from(reader) }
        }

        fn print(&mut self, text: &str) {
            assert!(self.output.print(text.into()).is_ok());
        }

        fn written(&mut self) -> String {
            let mut bytes = Vec::new();
            // It ends with an error where a reader would wait.
            let _ = self.reader.read_to_end(&mut bytes);
            String::from_utf8(bytes).unwrap()
        }
    }

    fn output(descriptor: OwnedFd) -> Output<OwnedFd> {
        Output::new(descriptor, "standard output", || Ok(()))
    }

    /// Prints are gathered, and a flush writes all of them, a line without an end too.
    #[test]
    fn lines_are_gathered() {
        let mut pipe = Pipe::new();
        pipe.print("a\n");
        pipe.print("b\nc");
        assert_eq!(pipe.written(), "");
        assert!(pipe.output.flush().is_ok());
        assert_eq!(pipe.written(), "a\nb\nc");
        assert!(pipe.output.flush().is_ok());
        assert_eq!(pipe.written(), "");
    }

    /// At 64 KiB what was gathered is written up to the last print that ended a line; no print is torn.
    #[test]
    fn much_is_written_by_lines() {
        let mut pipe = Pipe::new();
        let line = "x".repeat(MOST_GATHERED / 2 - 10) + "\n";
        pipe.print(&line);
        pipe.print(&line);
        assert_eq!(pipe.written(), "");
        pipe.print("two\nlines and more than fit");
        assert_eq!(pipe.written(), line.repeat(2));
        pipe.print(", the end\n");
        assert!(pipe.output.flush().is_ok());
        assert_eq!(pipe.written(), "two\nlines and more than fit, the end\n");
    }

    /// A line that does not end does not fill the memory.
    #[test]
    fn a_line_without_end_is_written() {
        let mut pipe = Pipe::new();
        pipe.print(&"x".repeat(MOST_GATHERED - 1));
        assert_eq!(pipe.written(), "");
        pipe.print("x");
        assert_eq!(pipe.written().len(), MOST_GATHERED);
    }

    /// On a terminal, and for standard error, every print is seen at once.
    #[test]
    fn live_output_is_written_at_once() {
        let mut pipe = Pipe::new();
        pipe.output.live = true;
        pipe.print("a");
        assert_eq!(pipe.written(), "a");
        let terminal = nix::pty::openpty(None, None).unwrap();
        let mut output = output(terminal.slave);
        assert!(output.print("prompt> ".into()).is_ok());
        let mut seen = [0; 8];
        File::from(terminal.master).read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"prompt> ");
    }

    /// Somebody else made the pipe non-blocking, and it is full again and again: nothing is lost.
    #[test]
    fn a_full_pipe_is_waited_for() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            File::from(reader).read_to_string(&mut text).unwrap();
            text
        });
        let text: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
        let mut output = output(writer);
        assert!(output.print(text.clone()).is_ok());
        assert!(output.flush().is_ok());
        drop(output);
        assert!(reader.join().unwrap() == text);
    }

    /// When nobody reads any more the program leaves with status 141, and what it prints on its way out is dropped.
    #[test]
    fn a_closed_reader_ends_the_program_quietly() {
        let Pipe { mut output, reader } = Pipe::new();
        drop(reader);
        assert!(output.print("a\n".into()).is_ok());
        let fault = output.flush().err().unwrap();
        assert_eq!(fault.0.exit, Some(CLOSED_STATUS));
        assert!(output.is_closed());
        assert!(output.print("b\n".repeat(MOST_GATHERED)).is_ok() && output.flush().is_ok());
    }

    /// A full disk is an error, told once for the text that it lost.
    #[test]
    fn a_full_disk_is_an_error() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut output = output(full.into());
        assert!(output.print("a\n".into()).is_ok());
        let fault = output.flush().err().unwrap();
        assert!(fault.is(Kind::Io));
        assert_eq!(fault.0.message.as_str(), Some("cannot write to standard output: no space is left on the device"));
        assert!(output.flush().is_ok());
    }

    /// Every write to the shared output is made under the lock of the run.
    #[test]
    fn writes_are_locked() {
        thread_local! {
            static TAKEN: Cell<(u32, bool)> = const { Cell::new((0, false)) };
        }
        set_output_lock(|take| {
            let (count, taken) = TAKEN.get();
            assert_ne!(taken, take);
            TAKEN.set((count + u32::from(take), take));
        });
        let mut pipe = Pipe::new();
        pipe.print("a\n");
        assert_eq!(TAKEN.get(), (0, false));
        assert!(pipe.output.flush().is_ok());
        assert_eq!(TAKEN.get(), (1, false));
    }
}
