//! The guard of a command: a process between the command and the one that started it, which outlives a kill of the
//! latter just long enough to end the command with everything that came of it.
//!
//! The command and its descendants are the guard's: orphans among them become its children. So nothing of them is lost,
//! also what left the process group, and no list of processes has to be kept anywhere. It is in a session of its own, for
//! the signals that end the run's group are not for it; the command stays in the run's group, so that it is stopped,
//! continued and interrupted at the terminal as the run is, and can use the terminal. A group of its own would not do:
//! as a parent in another group of the session it would count as the one who looks after the run's group, and when the
//! command has ended and one of that group is stopped, the kernel would hang up the whole group.
//!
//! A stop of the group that comes just as the guard leaves it still stops the guard, but what continues the group does
//! not come to it any more. So the starter, whom the kernel tells of the stop, continues a guard that has not yet said
//! that the program runs.

use super::image::{Image, Step};
use super::stdio::Stdio;
use crate::proc::signals::{self, Forked};
use crate::shm::exit_status::Ended;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getppid, setsid};
use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a command may go on after it was asked to end.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is looked who is left, while a command is being ended.
const LOOK: Duration = Duration::from_millis(20);

/// What a guard tells the process that started it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// The program runs.
    Started,
    /// It could not be started.
    Failed(Step, Errno),
    /// It has ended.
    Ended(Ended),
}

/// Bytes of a report.
pub const REPORT: usize = 5;

impl Report {
    /// As it is written.
    pub fn pack(self) -> [u8; REPORT] {
        let (tag, number) = match self {
            Report::Started => (0, 0),
            Report::Failed(Step::Directory, errno) => (1, errno as i32),
            Report::Failed(Step::Program, errno) => (2, errno as i32),
            Report::Failed(Step::Fork, errno) => (3, errno as i32),
            Report::Ended(Ended::Exit(status)) => (4, status),
            Report::Ended(Ended::Signal(signal)) => (5, signal),
        };
        let mut bytes = [tag; REPORT];
        bytes[1..].copy_from_slice(&number.to_ne_bytes());
        bytes
    }

    /// The reverse of what is written.
    pub fn unpack([tag, number @ ..]: [u8; REPORT]) -> Report {
        let number = i32::from_ne_bytes(number);
        match tag {
            0 => Report::Started,
            1 => Report::Failed(Step::Directory, Errno::from_raw(number)),
            2 => Report::Failed(Step::Program, Errno::from_raw(number)),
            3 => Report::Failed(Step::Fork, Errno::from_raw(number)),
            4 => Report::Ended(Ended::Exit(number)),
            _ => Report::Ended(Ended::Signal(number)),
        }
    }
}

/// Runs a guard, in a fork of the process `starter`, with all signals blocked.
pub fn run(image: &Image, stdio: Stdio, report: OwnedFd, starter: Pid, mask: &SigSet) -> ! {
    let _ = prctl::set_name(c"mplang-guard");
    // A guard that cannot have the orphans still ends the command itself.
    let _ = prctl::set_child_subreaper(true);
    // While it may be stopped and nobody is left to continue it, nothing else would end it.
    end_with(starter, Signal::SIGKILL);
    let tell = |told: Report| {
        // Nobody may be left to be told.
        let _ = nix::unistd::write(&report, &told.pack());
    };
    let command = match start(image, stdio, mask) {
        Ok(pid) => pid,
        Err((step, errno)) => {
            tell(Report::Failed(step, errno));
            signals::exit(0)
        }
    };
    close_all_but(report.as_raw_fd());
    tell(Report::Started);
    let until = (getppid() != starter).then(Instant::now);
    let mut guard = Guard { command: Some(command), starter, asked: HashSet::new(), until };
    while guard.reap(&tell) {
        if guard.next_signal() == Some(libc::SIGTERM) {
            guard.until.get_or_insert_with(|| Instant::now() + GRACE);
        }
        guard.end();
    }
    signals::exit(0)
}

/// Forks the command, which tells through a pipe that it could not become the program.
fn start(image: &Image, stdio: Stdio, mask: &SigSet) -> Result<Pid, (Step, Errno)> {
    let of_fork = |errno| (Step::Fork, errno);
    let (failure, fails) = super::stdio::pipe().map_err(|errno| (Step::Program, errno))?;
    let guard = nix::unistd::getpid();
    match signals::fork_blocked().map_err(of_fork)? {
        Forked::Parent(pid) => {
            // Only now: the command was born in the run's group, and nobody joins a group of another session.
            let _ = setsid();
            let _ = prctl::set_pdeathsig(Signal::SIGTERM);
            drop((fails, stdio));
            let mut bytes = [0; REPORT];
            match nix::unistd::read(&failure, &mut bytes) {
                Ok(REPORT) => match Report::unpack(bytes) {
                    Report::Failed(step, errno) => Err((step, errno)),
                    _ => Ok(Pid::from_raw(pid)),
                },
                _ => Ok(Pid::from_raw(pid)),
            }
        }
        Forked::Child(_) => {
            end_with(guard, Signal::SIGKILL);
            let (step, errno) = become_command(image, &stdio, mask);
            let _ = nix::unistd::write(fails.as_fd(), &Report::Failed(step, errno).pack());
            signals::exit(127)
        }
    }
}

/// Has this process get a signal when its parent ends, and ends it when that has happened already.
pub fn end_with(parent: Pid, signal: impl Into<Option<Signal>>) {
    let _ = prctl::set_pdeathsig(signal);
    if getppid() != parent {
        signals::exit(1)
    }
}

/// Makes this process the command.
pub fn become_command(image: &Image, stdio: &Stdio, mask: &SigSet) -> (Step, Errno) {
    if let Err(errno) = stdio.install() {
        return (Step::Program, errno);
    }
    signals::restore(mask);
    image.exec()
}

struct Guard {
    /// The command itself, while it lives.
    command: Option<Pid>,
    starter: Pid,
    /// Who has been asked to end.
    asked: HashSet<Pid>,
    /// It is being ended, and killed from then on.
    until: Option<Instant>,
}

impl Guard {
    /// Reaps who has ended, and tells of the command. False when nobody is left.
    fn reap(&mut self, tell: &impl Fn(Report)) -> bool {
        loop {
            let mut status = 0;
            // SAFETY: it fills the status.
            match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
                0 => return true,
                pid if pid < 0 => return Errno::last() == Errno::EINTR,
                pid if self.command == Some(Pid::from_raw(pid)) => {
                    self.command = None;
                    tell(Report::Ended(if libc::WIFSIGNALED(status) {
                        Ended::Signal(libc::WTERMSIG(status))
                    } else {
                        Ended::Exit(libc::WEXITSTATUS(status))
                    }));
                }
                _ => {}
            }
        }
    }

    /// Sleeps until a child has ended or it is asked to end; while it ends, no longer than until the next look.
    fn next_signal(&self) -> Option<i32> {
        let mut awaited = SigSet::empty();
        awaited.add(Signal::SIGCHLD);
        awaited.add(Signal::SIGTERM);
        let look = libc::timespec { tv_sec: 0, tv_nsec: LOOK.as_nanos() as libc::c_long };
        let timeout = if self.until.is_some() { &raw const look } else { std::ptr::null() };
        // SAFETY: the pointers are to live values, or null where that is allowed.
        let signal = unsafe { libc::sigtimedwait(awaited.as_ref(), std::ptr::null_mut(), timeout) };
        (signal > 0).then_some(signal)
    }

    /// Asks those who are left to end, and kills them when the time is over or nobody is left to wait for them.
    fn end(&mut self) {
        let Some(until) = self.until else { return };
        let at_once = Instant::now() >= until || getppid() != self.starter;
        for child in children().into_iter().map(Pid::from_raw).chain(self.command) {
            if at_once {
                let _ = kill(child, Signal::SIGKILL);
            } else if self.asked.insert(child) {
                let _ = kill(child, Signal::SIGTERM);
                // One that is stopped would not hear it.
                let _ = kill(child, Signal::SIGCONT);
            }
        }
    }
}

/// The children of this process.
pub fn children() -> Vec<i32> {
    let pids = |text: String| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    fs::read_to_string("/proc/thread-self/children").map_or_else(|_| children_in_proc(), pids)
}

/// The same on systems that keep no list of them.
fn children_in_proc() -> Vec<i32> {
    let me = std::process::id().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat);
        // The name before the last parenthesis may hold anything.
        let fields = stat.rfind(')').map_or("", |at| &stat[at + 1..]);
        fields.split_whitespace().nth(1) == Some(&*me)
    };
    pids.filter(is_child).collect()
}

/// Closes every descriptor but one: nobody shall wait for the end of what a guard holds open.
fn close_all_but(kept: i32) {
    let range = |first: u32, last: u32| {
        // SAFETY: nothing in this process uses these descriptors any more.
        first > last || unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0
    };
    if (kept == 0 || range(0, kept as u32 - 1)) && range(kept as u32 + 1, u32::MAX) {
        return;
    }
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor != kept) {
        // SAFETY: as above.
        unsafe { libc::close(descriptor) };
    }
}
