//! What becomes of a process for which there is no memory: the system refuses it or, where it had promised too much, kills
//! a process, which is told only where it says so itself.

use super::{output, signals};
use crate::shm::{ShmError, exit_status};
use crate::world;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

thread_local! {
    /// How many such deaths had been counted, and where.
    static SEEN: Cell<Option<Count>> = const { Cell::new(None) };
}

/// Deaths for want of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Count {
    /// In the control group of this process.
    OfGroup(u64),
    /// On the whole system, where the group cannot be asked.
    OfSystem(u64),
}

/// What this process has printed is on its way, or was when there was no memory for that either.
static WORDS_SAID: AtomicBool = AtomicBool::new(false);

/// Ends this process, which needs so many bytes that the system refuses: a spawned one as if the system had killed it,
/// which its parent tells of, the first one with a message. What it has printed is written first. Asks for no memory, but
/// where the first process writes what others have printed.
pub fn end(size: usize) {
    say_last_words();
    let mut message = [0; 200];
    let mut rest = &mut message[..];
    let _ = writeln!(rest, "mplang: out of memory: the system refused {size} bytes more (see `ulimit -v`)");
    let left = rest.len();
    let length = message.len() - left;
    let _ = nix::unistd::write(std::io::stderr(), &message[..length]);
    signals::exit(1);
}

/// Ends this process in the same way, of which the run's shared memory has no room to record what it holds: that would
/// go, or come to its end, while it is used here.
pub fn end_unrecorded(error: &ShmError) -> ! {
    say_last_words();
    world::say(format!("mplang: {error}\n").as_bytes());
    signals::exit(1)
}

/// Writes what this process has printed; a spawned one ends here.
fn say_last_words() {
    let is_first_time = !WORDS_SAID.swap(true, Relaxed);
    if is_first_time {
        world::last_words(output::keep_last);
    }
    if exit_status::note_own_want_of_memory() {
        signals::die_by(libc::SIGKILL);
    }
    if is_first_time {
        let _ = output::finish();
    }
}

/// Before the first process is spawned: deaths until now are others'.
pub fn begin() {
    if SEEN.get().is_none() {
        SEEN.set(count());
    }
}

/// Whether a child that was killed, by nobody of this run, was killed for want of memory: there has been such a death
/// since, and the kernel's log names the child, or where it must not be read, the death is one of this control group.
#[cold]
#[inline(never)]
pub fn killed(pid: i32) -> bool {
    match (SEEN.get(), count()) {
        (Some(seen), Some(now)) if seen != now => {}
        _ => return false,
    }
    match (log(), SEEN.get()) {
        (Some(log), _) => names(&log, pid),
        (None, Some(Count::OfGroup(seen))) => {
            SEEN.set(Some(Count::OfGroup(seen + 1)));
            true
        }
        _ => false,
    }
}

/// Whether the log says that this process was killed. A number may have been used before: the last lines count.
fn names(log: &str, pid: i32) -> bool {
    log.contains(&format!("Killed process {pid} ("))
}

/// The kernel's log of the last minutes, for who may read it.
fn log() -> Option<String> {
    let file = open("/dev/kmsg", OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).ok()?;
    let recent = (now.tv_sec() - RECENT).max(0) as u64 * 1_000_000;
    let mut log = String::new();
    let mut record = [0; 8192];
    loop {
        match nix::unistd::read(&file, &mut record) {
            Ok(0) | Err(Errno::EAGAIN) => return Some(log),
            Ok(count) => {
                let text = String::from_utf8_lossy(&record[..count]);
                if time(&text).is_some_and(|time| time >= recent) {
                    log.push_str(&text);
                }
            }
            // Records were overwritten while they were read.
            Err(Errno::EPIPE | Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// So many seconds back the log is looked at: the death is just being noticed.
const RECENT: i64 = 10;

/// When a record was made, in microseconds since the start of the system: `6,339,5140900,-;text`.
fn time(record: &str) -> Option<u64> {
    record.split(',').nth(2)?.parse().ok()
}

fn count() -> Option<Count> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let files = groups.lines().filter_map(counter);
    let of_group = files.filter_map(|file| fs::read_to_string(file).ok()).filter_map(|text| counted(&text)).max();
    let of_system = || fs::read_to_string("/proc/vmstat").ok().and_then(|text| counted(&text));
    of_group.map(Count::OfGroup).or_else(|| of_system().map(Count::OfSystem))
}

/// The file that counts, for a line such as `0::/a` or `4:memory:/a`.
fn counter(line: &str) -> Option<String> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    if number == "0" {
        return Some(format!("/sys/fs/cgroup{path}/memory.events"));
    }
    let memory = controllers.split(',').any(|controller| controller == "memory");
    memory.then(|| format!("/sys/fs/cgroup/memory{path}/memory.oom_control"))
}

fn counted(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|count| count.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_both_versions_have_a_counter() {
        assert_eq!(counter("0::/user.slice/a").as_deref(), Some("/sys/fs/cgroup/user.slice/a/memory.events"));
        assert_eq!(counter("4:memory:/a").as_deref(), Some("/sys/fs/cgroup/memory/a/memory.oom_control"));
        assert_eq!(counter("4:cpu,cpuacct:/a"), None);
        assert_eq!(counter("no line"), None);
        assert_eq!(counted("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(counted("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), Some(1));
        assert_eq!(counted("nothing"), None);
    }

    #[test]
    fn the_log_names_the_process() {
        let record = "3,1001,83712345,-;Memory cgroup out of memory: Killed process 4711 (mplang) total-vm:1kB\n";
        assert_eq!(time(record), Some(83_712_345));
        assert!(names(record, 4711) && !names(record, 471) && !names(record, 7110));
    }
}
