//! Runs a program with a deadline, in a session of its own, and sees to it that nothing of it is left behind.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The variable that marks every process of a run, also those that leave its session.
const MARKER: &str = "MPLANG_TEST_ID";

/// Variables that would change what a program writes.
const UNWANTED: [&str; 10] = [
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "TERM",
    "COLUMNS",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "PYTHONPATH",
    "PYTHONSTARTUP",
];

/// A program that writes more than this is stopped.
const MOST_OUTPUT: u64 = 64 << 20;

/// How long the last processes of a run may take to vanish after its first one ended.
const GRACE: Duration = Duration::from_secs(1);

/// What to run.
pub struct Job {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub dir: PathBuf,
    /// `None` is an empty input.
    pub stdin: Option<PathBuf>,
    pub deadline: Duration,
}

/// What came of it.
pub struct Ended {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The exit status as a shell gives it: 128 + number for a signal.
    pub status: i32,
    /// Why it had to be killed.
    pub stopped: Option<String>,
    /// Processes that were still there when it had ended; they have been killed.
    pub left: Vec<String>,
}

/// Orphans come to this process, so that it can reap them.
pub fn adopt_orphans() {
    nix::sys::prctl::set_child_subreaper(true).expect("prctl");
}

/// Runs a job to its end; its temporary files are kept in a folder of `scratch` while it runs.
pub fn run(job: &Job, scratch: &Path) -> io::Result<Ended> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let id = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let scratch = scratch.join(&id);
    let temp = scratch.join("tmp");
    fs::create_dir_all(&temp)?;
    let ended = run_in(job, &scratch, &temp, &id);
    fs::remove_dir_all(&scratch)?;
    ended
}

fn run_in(job: &Job, scratch: &Path, temp: &Path, id: &str) -> io::Result<Ended> {
    // Files, not pipes: a process left behind cannot keep us reading.
    let (stdout, stderr) = (scratch.join("stdout"), scratch.join("stderr"));
    let mut command = Command::new(&job.program);
    command.args(&job.args).current_dir(&job.dir).env(MARKER, id).env("TMPDIR", temp);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONHASHSEED", "0").env("PYTHONIOENCODING", "utf-8");
    for name in UNWANTED {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if (name_text.starts_with("MPLANG_") && name_text != MARKER) || name_text.starts_with("LC_") {
            command.env_remove(&name);
        }
    }
    command.stdin(match &job.stdin {
        Some(path) => File::open(path)?.into(),
        None => Stdio::null(),
    });
    command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
    // SAFETY: setsid and prctl are plain system calls, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            // It dies with the thread that started it, which waits for it.
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            Ok(())
        });
    }
    let started = Instant::now();
    let mut child = command.spawn()?;
    let session = Pid::from_raw(child.id() as i32);
    let size = |path| fs::metadata(path).map_or(0, |data| data.len());
    let mut stopped = None;
    let mut pause = Duration::from_micros(500);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > job.deadline {
            stopped = Some(format!("still running after {} s", job.deadline.as_secs_f64()));
        } else if size(&stdout) + size(&stderr) > MOST_OUTPUT {
            stopped = Some(format!("wrote more than {} MiB", MOST_OUTPUT >> 20));
        }
        if stopped.is_some() {
            kill_all(session, id);
            break child.wait()?;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    };
    let mut left = vec![];
    let ended = Instant::now();
    loop {
        let there = processes(session, id);
        // A process shows no environment while it starts another program: one look may miss it.
        if there.is_empty() && processes(session, id).is_empty() {
            break;
        }
        if ended.elapsed() > GRACE || stopped.is_some() {
            left = there.into_iter().map(|(pid, what)| format!("{pid} {what}")).collect();
            kill_all(session, id);
            break;
        }
        sleep(Duration::from_millis(2));
    }
    Ok(Ended {
        stdout: read_some(&stdout)?,
        stderr: read_some(&stderr)?,
        status: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        stopped,
        left,
    })
}

fn read_some(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, MOST_OUTPUT), &mut bytes)?;
    Ok(bytes)
}

/// Kills until nobody is left: who forks meanwhile is found in the next round.
fn kill_all(session: Pid, id: &str) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        let there = processes(session, id);
        if there.is_empty() {
            return;
        }
        for (pid, _) in there {
            let _ = kill(pid, Signal::SIGKILL);
        }
        sleep(Duration::from_millis(1));
    }
}

/// The living processes of a run, by session and by marker. Dead ones that came to us as orphans are reaped.
fn processes(session: Pid, id: &str) -> Vec<(Pid, String)> {
    let marker = format!("{MARKER}={id}").into_bytes();
    let mut found = vec![];
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let Some(stat) = Stat::read(pid) else { continue };
        let dead = matches!(stat.state, 'Z' | 'X');
        let marked = || {
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            environ.split(|&byte| byte == 0).any(|variable| variable == marker)
        };
        if dead {
            // The first process is waited for by its `Child`.
            if stat.session == session.as_raw() && stat.parent == std::process::id() as i32 && pid != session.as_raw() {
                let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
            }
        } else if stat.session == session.as_raw() || marked() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            found.push((Pid::from_raw(pid), format!("({}) {}", stat.state, line.trim_end())));
        }
    }
    found
}

/// What `/proc/PID/stat` says.
struct Stat {
    state: char,
    parent: i32,
    session: i32,
}

impl Stat {
    fn read(pid: i32) -> Option<Stat> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let text = String::from_utf8_lossy(&text);
        // The name before the last parenthesis may hold anything.
        let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Stat { state, parent, session })
    }
}
