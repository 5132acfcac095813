//! A run whose whole tree of processes is watched through `/proc`, by a variable that all of them inherit.
#![allow(dead_code, reason = "each test target uses a part of it")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MARKER: &str = "MPLANG_TEST_ID";
/// No run may take longer.
const DEADLINE: Duration = Duration::from_secs(180);

/// What came of a run.
pub struct Ended {
    pub status: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A run in a process group of its own, which is killed at the deadline.
pub struct Run {
    pub child: Child,
    pub group: Pid,
    pub stdout: Option<BufReader<ChildStdout>>,
    marker: String,
    _watch: Sender<()>,
}

/// A function for scripts: how many descriptors this process has, and how often it has mapped a region.
pub const IN_USE: &str = "fn in_use() = [files('/proc/self/fd/*').len(), len([1 for line in read_text('/proc/self/maps').lines() if 'mplang' in line])]";

/// The command line that runs a script.
pub fn command(code: &str) -> Command {
    command_in("live", code)
}

/// The same in this mode of output.
pub fn command_in(mode: &str, code: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mplang"));
    command.args(["--error-format", "short", "--output", mode, "-e", code]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    heed_signals(&mut command);
    command
}

/// Starts a script.
pub fn start(code: &str) -> Run {
    start_as(command(code))
}

/// Starts a command line.
pub fn start_as(command: Command) -> Run {
    start_within(command, DEADLINE)
}

/// The same with a deadline of its own.
pub fn start_within(mut command: Command, deadline: Duration) -> Run {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let marker = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    command.env(MARKER, &marker).process_group(0);
    let mut child = command.spawn().unwrap();
    let group = Pid::from_raw(child.id() as i32);
    let (watch, ended) = channel::<()>();
    let watched = marker.clone();
    std::thread::spawn(move || {
        if ended.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
            kill_all(&processes(&watched));
        }
    });
    let stdout = child.stdout.take().map(BufReader::new);
    Run { child, group, stdout, marker, _watch: watch }
}

/// Makes a command heed the signals that who runs the tests in the background, or by `nohup`, has had ignored.
pub fn heed_signals(command: &mut Command) {
    // SAFETY: signal is a plain system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_string(&mut text).unwrap();
        }
        text
    })
}

impl Run {
    /// The next line of the output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_string()
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.group, signal).unwrap();
    }

    /// The living processes of the run, with their command lines.
    pub fn processes(&self) -> Vec<(Pid, String)> {
        processes(&self.marker)
    }

    /// The living processes of the run that have this in their command lines.
    pub fn named(&self, part: &str) -> Vec<Pid> {
        self.processes().into_iter().filter(|(_, line)| line.contains(part)).map(|(pid, _)| pid).collect()
    }

    /// Waits until something holds.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Run) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}: {:?}", self.processes());
            sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the end of the run, which must leave nobody.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        // Read while it runs: a full pipe would hold up its end.
        let (stdout, stderr) = (read_all(self.stdout.take()), read_all(self.child.stderr.take()));
        // Which `wait` closes first: who waits for a line would end of that.
        let stdin = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        drop(stdin);
        self.nobody_left();
        let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
        Ended { status: status.code(), signal: status.signal(), stdout, stderr }
    }

    #[track_caller]
    fn nobody_left(&self) {
        let started = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            if started.elapsed() > Duration::from_secs(5) {
                kill_all(&left);
                panic!("processes are left behind: {left:?}");
            }
            sleep(Duration::from_millis(2));
        }
    }
}

fn kill_all(all: &[(Pid, String)]) {
    for (pid, _) in all {
        // It may have ended meanwhile.
        let _ = kill(*pid, Signal::SIGKILL);
    }
}

/// The living processes with this marker.
fn processes(marker: &str) -> Vec<(Pid, String)> {
    let marker = format!("{MARKER}={marker}").into_bytes();
    let mut found = vec![];
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        // The environment of one that has ended is empty.
        let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.split(|&byte| byte == 0).any(|variable| variable == marker) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            found.push((Pid::from_raw(pid), format!("({}) {line}", name.trim_end())));
        }
    }
    found
}

/// The state letter of a process, as `ps` shows it.
pub fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
}
