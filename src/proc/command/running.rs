//! A command that was started: waiting for it, and ending it.

use super::guard::{self, REPORT, Report};
use super::image::{Image, title, too_late};
use super::stdio::{Stdio, pipe};
use crate::memory;
use crate::proc::signals::{self, Forked};
use crate::proc::{attend, reaper};
use crate::shm::exit_status::Ended;
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::Command;
use crate::world::{self, describe, io};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// So long it is waited for the end of a command that has been killed. The system may be in the way.
const MOST_ENDING: Duration = Duration::from_secs(3);
/// So long a signal may take from the first to the last process of a group.
const TO_ALL: Duration = Duration::from_millis(50);
/// So much of an output is read at once.
const CHUNK: usize = 64 << 10;

/// A command with its guard. When the value goes before the command has ended, the command is ended.
pub struct Running {
    command: Rc<Command>,
    guard: i32,
    report: OwnedFd,
    deadline: Option<Instant>,
    started: bool,
    ended: bool,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &Rc<Command>, run: u32, stdio: Stdio) -> Result<Running, Fault> {
        let deadline = command.timeout.and_then(world::after);
        let image = Image::new(command, run);
        let (report, tells) = pipe().map_err(no_pipe)?;
        let starter = nix::unistd::getpid();
        let guard = match signals::fork_blocked() {
            Ok(Forked::Parent(pid)) => pid,
            Ok(Forked::Child(mask)) => guard::run(&image, stdio, tells, starter, &mask),
            Err(errno) => return Err(crate::proc::limits::no_more_processes(errno)),
        };
        reaper::add_guard(guard);
        drop((tells, stdio));
        let mut running = Running { command: command.clone(), guard, report, deadline, started: false, ended: false };
        match running.next_report()? {
            Some(Report::Failed(step, errno)) => {
                running.ended = true;
                Err(image.failure(command, step, errno))
            }
            _ => {
                running.started = true;
                Ok(running)
            }
        }
    }

    /// All that the command writes to this descriptor.
    pub fn read(&mut self, output: &OwnedFd) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        loop {
            let ready = world::wait(Some((output.as_fd(), PollFlags::POLLIN)), self.deadline, attend);
            self.go_on(ready)?;
            let old = bytes.len();
            if memory::attempt(|| bytes.try_reserve(CHUNK)).is_err() {
                self.end();
                let message = format!("no memory for the output of `{}` after {old} bytes", title(&self.command));
                return Err(Fault::new(Kind::Limit, message).help("`lines` reads it line by line"));
            }
            bytes.resize(old + CHUNK, 0);
            let count = match nix::unistd::read(output, &mut bytes[old..]) {
                Err(Errno::EINTR) => None,
                read => Some(read.unwrap_or(0)),
            };
            bytes.truncate(old + count.unwrap_or(0));
            if count == Some(0) {
                bytes.shrink_to_fit();
                return Ok(bytes);
            }
        }
    }

    /// Hands on what the command writes to this descriptor while it runs, and waits for its end. What it has left in
    /// the background has no reader from then on.
    pub fn hand_on(
        mut self,
        output: &OwnedFd,
        mut take: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Ended, Fault> {
        fcntl(output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(no_pipe)?;
        let mut bytes = vec![0; CHUNK];
        loop {
            // Asked first: what is there afterwards is all.
            let mut report = [PollFd::new(self.report.as_fd(), PollFlags::POLLIN)];
            let ended = poll(&mut report, PollTimeout::ZERO) == Ok(1);
            match nix::unistd::read(output, &mut bytes) {
                Ok(0) => break,
                Ok(count) => take(&bytes[..count])?,
                Err(Errno::EAGAIN) if ended => break,
                Err(Errno::EAGAIN) => {
                    let readable = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
                    let mut either = [readable(output.as_fd()), readable(self.report.as_fd())];
                    let ready = world::wait_any(&mut either, self.deadline, attend);
                    self.go_on(ready)?;
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(no_pipe(errno)),
            }
        }
        self.wait_end()
    }

    /// Waits for the end of the command.
    pub fn wait_end(mut self) -> Result<Ended, Fault> {
        let report = self.next_report()?;
        self.ended = true;
        let Some(Report::Ended(ended)) = report else {
            // The guard itself was killed, and the command with it.
            return Ok(Ended::Signal(libc::SIGKILL));
        };
        if let Ended::Signal(libc::SIGINT | libc::SIGTERM | libc::SIGHUP) = ended {
            // It may have been sent to the whole group, and not have come to this process yet.
            world::wait(None, Some(Instant::now() + TO_ALL), attend)?;
        }
        Ok(ended)
    }

    /// The next report, or none when the guard is gone.
    fn next_report(&mut self) -> Result<Option<Report>, Fault> {
        let mut bytes = [0; REPORT];
        loop {
            self.wait_report()?;
            match nix::unistd::read(&self.report, &mut bytes) {
                Ok(REPORT) => return Ok(Some(Report::unpack(bytes))),
                Err(Errno::EINTR) => {}
                _ => return Ok(None),
            }
        }
    }

    /// Waits until there is a report. The command is ended when its time or that of this process is over.
    fn wait_report(&mut self) -> Result<(), Fault> {
        let attend = || {
            if !self.started {
                reaper::continue_guard(self.guard);
            }
            attend()
        };
        let ready = world::wait(Some((self.report.as_fd(), PollFlags::POLLIN)), self.deadline, attend);
        self.go_on(ready)
    }

    fn go_on(&mut self, ready: Result<bool, Fault>) -> Result<(), Fault> {
        match ready {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.end();
                Err(too_late(&self.command))
            }
            Err(fault) => {
                self.end();
                Err(fault)
            }
        }
    }

    /// Ends the command, and waits until nothing of it is left.
    fn end(&mut self) {
        self.ended = true;
        reaper::ask_guard(self.guard);
        let end = Instant::now() + MOST_ENDING;
        let mut bytes = [0; REPORT];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            match poll(&mut [PollFd::new(self.report.as_fd(), PollFlags::POLLIN)], timeout) {
                Err(Errno::EINTR) if !left.is_zero() => {}
                Ok(1..) if !matches!(nix::unistd::read(&self.report, &mut bytes), Ok(0)) => {}
                _ => return,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            reaper::ask_guard(self.guard);
        }
    }
}

/// The error of a pipe that cannot be made.
pub fn no_pipe(errno: Errno) -> Fault {
    io(format!("cannot run a command: {}", describe(errno)))
}
