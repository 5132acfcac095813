//! Limits of the system and of the run: each is named, and after each nothing is left behind.
//! `cargo test --test limits -- --ignored` runs the full sizes.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tree::{command, command_in, start, start_as};

/// A user without processes, whom `ulimit -u` concerns also where the tests run as root.
const NOBODY: u32 = 54_321;

/// The same script with a limit of this process and what it starts.
fn limited(code: &str, resource: Resource, most: u64) -> Command {
    limit(command(code), resource, most)
}

fn limit(mut command: Command, resource: Resource, most: u64) -> Command {
    // SAFETY: both are plain system calls, allowed between fork and exec.
    unsafe {
        command.pre_exec(move || {
            // What the tests were started with does not count.
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(setrlimit(resource, most, most)?)
        });
    }
    command
}

/// As [`limited`] with the number of a user's processes.
fn limited_processes(code: &str, most: u64) -> Option<Command> {
    // SAFETY: it only asks.
    let is_root = unsafe { libc::getuid() } == 0;
    let mut command = limited(code, Resource::RLIMIT_NPROC, most);
    if is_root {
        command.uid(NOBODY);
        command.current_dir("/");
    }
    let can_run = Command::new(env!("CARGO_BIN_EXE_mplang")).arg("--version").uid_if(is_root).output().is_ok();
    if !can_run {
        eprintln!("not tested: another user than root cannot run {}", env!("CARGO_BIN_EXE_mplang"));
    }
    can_run.then_some(command)
}

trait UidIf {
    fn uid_if(&mut self, is_root: bool) -> &mut Self;
}

impl UidIf for Command {
    fn uid_if(&mut self, is_root: bool) -> &mut Self {
        if is_root { self.uid(NOBODY).current_dir("/") } else { self }
    }
}

/// `ulimit -u`: spawn and run say which limit it is, and the program goes on.
#[test]
fn a_user_may_have_few_processes() {
    let code = r#"
fn told(f) { try { f(); print("none") } catch e { print(e.kind, e.message.starts_with("no more processes: `ulimit -u`")) } }
let q = queue()
told(|| [spawn { q.get() } for i in 0..100000])
told(|| run("true"))
told(|| capture("true"))
told(|| lines("true"))
told(|| run("true", detach = true))
q.close()
"#;
    // The failed `spawn`s of a list leave their processes, which end by themselves.
    let Some(command) = limited_processes(code, 150) else { return };
    let ended = start_as(command).end();
    assert!(
        ended.stdout.lines().all(|line| line == "limit true" || line == "none"),
        "{} {}",
        ended.stdout,
        ended.stderr
    );
    assert_eq!(ended.stdout.lines().next(), Some("limit true"), "{} {}", ended.stdout, ended.stderr);
}

/// A fork bomb stops at a limit that is named, and ends.
#[test]
fn a_fork_bomb_stops_at_a_limit() {
    let code = "fn bomb() { loop { spawn bomb(); spawn bomb() } }\nbomb()";
    let Some(command) = limited_processes(code, 250) else { return };
    let started = Instant::now();
    let ended = start_as(command).end();
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.contains("limit: no more processes: `ulimit -u` allows this user 250"), "{}", ended.stderr);
    println!("a fork bomb of 250 processes has ended after {:?}", started.elapsed());
}

/// Few descriptors: processes need none, and what needs one says so.
#[test]
fn there_may_be_few_descriptors() {
    for most in [4, 5, 6, 7, 8, 10, 16] {
        let code = r#"
let q = queue()
let here, there = pipe()
let ps = [spawn { q.put(i) } for i in 0..20]
join(ps)
print(q.len())
for f in [|| run("true"), || capture("true"), || lines("true").list(), || run("true", input = "x"), || [open("/dev/null") for i in 0..20]] {
    try { f() } catch e { print(e.kind, e.message.contains("too many files are open")) }
}
"#;
        let ended = start_as(limited(code, Resource::RLIMIT_NOFILE, most)).end();
        assert_eq!(ended.status, Some(0), "{most}: {}", ended.stderr);
        let mut lines = ended.stdout.lines();
        assert_eq!(lines.next(), Some("20"), "{most}");
        assert!(lines.all(|line| line == "io true"), "{most}: {}", ended.stdout);
    }
}

/// A file that would be larger than is allowed is an error, as a full disk is; commands meet the limit as ever.
#[test]
fn files_may_be_small() {
    let path = std::env::temp_dir().join(format!("mplang-limits-{}", std::process::id()));
    let code = format!(
        "let path = {path:?}
try {{ write_text(path, 'x' * 100000) }} catch e {{ print(e.kind, e.message.contains('larger than is allowed')) }}
let big = run('sh', '-c', 'dd if=/dev/zero of=' + path + ' bs=65536 count=2 2>/dev/null', check = false)
print(big.ok)
print('x' * 100000)"
    );
    let output = std::fs::File::create(&path).unwrap();
    for (stdout, status) in [(Stdio::piped(), 0), (output.into(), 1)] {
        let mut command = limited(&code, Resource::RLIMIT_FSIZE, 65_536);
        command.stdout(stdout);
        let ended = start_as(command).end();
        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
        match status {
            0 => assert!(ended.stdout.starts_with("io true\nfalse\n"), "{}", ended.stdout),
            _ => assert!(ended.stderr.contains("larger than is allowed"), "{}", ended.stderr),
        }
    }
    std::fs::remove_file(&path).unwrap();
}

/// Little address space: shared memory takes what there is, or says that it cannot be had.
#[test]
fn there_may_be_little_address_space() {
    let code = "let q = queue(); spawn { q.put('text' * 1000) }; print(q.get().len())";
    for mib in [64, 200, 300, 320, 340, 360, 380, 400, 420, 440, 460, 500, 600, 2000, 100_000] {
        let ended = start_as(limited(code, Resource::RLIMIT_AS, mib << 20)).end();
        match ended.status {
            Some(0) => assert_eq!(ended.stdout, "4000\n"),
            Some(2) => assert!(mib < 500 && ended.stderr.contains("`ulimit -v` allows"), "{mib}: {}", ended.stderr),
            Some(1) => {
                let why = "limit: the system refused shared memory: there is no room for it in memory, see `ulimit -v`";
                let told = ended.stderr.contains(why);
                assert!(mib < 2000 && told, "{mib}: {}", ended.stderr);
            }
            // Little enough, and the program itself cannot be loaded.
            _ => assert!(mib < 64, "{mib}: {}", ended.stderr),
        }
    }
}

/// Little memory for data: what reads a script needs a stack of its own, whether it is used or not.
#[test]
fn there_may_be_little_memory_for_data() {
    let code = "let q = queue(); spawn { q.put('text' * 1000) }; print(q.get().len())";
    for mib in [20, 200, 280, 300, 400] {
        let ended = start_as(limited(code, Resource::RLIMIT_DATA, mib << 20)).end();
        match ended.status {
            Some(0) => assert_eq!(ended.stdout, "4000\n"),
            status => {
                let told = ended.stderr.contains("`ulimit -d` allows");
                assert!(status == Some(2) && mib < 300 && told, "{mib}: {status:?} {}", ended.stderr);
            }
        }
    }
}

/// No descriptor is left for shared memory, nor for the script.
#[test]
fn there_may_be_no_descriptor_left() {
    let code = "let files = [open('/dev/null')]; queue()";
    let ended = start_as(limited(code, Resource::RLIMIT_NOFILE, 4)).end();
    let why = "the system refused shared memory: too many files are open, see `ulimit -n`";
    assert!(ended.status == Some(1) && ended.stderr.contains(why), "{}", ended.stderr);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mplang"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/text/empty.mp"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = start_as(limit(command, Resource::RLIMIT_NOFILE, 3)).end();
    let why = "empty.mp\": too many files are open (the limit is 3)";
    assert!(ended.status == Some(2) && ended.stderr.contains(why), "{}", ended.stderr);
}

/// A process that gets no more memory says so and ends; of a spawned one its parent knows why.
#[test]
fn there_may_be_no_more_memory() {
    let eat = "fn eat() { var xs = []; while true { xs.push(f'item {xs.len()}') } }";
    let limited = |code: &str| start_as(limited(&format!("{eat}\n{code}"), Resource::RLIMIT_AS, 800 << 20)).end();
    let ended = limited("eat()");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("mplang: out of memory: the system refused "), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    // What was printed before is written.
    let print = "fn begin(n) { for i in 0..n { print(i) }; eat() }";
    let ended = limited(&format!("{print}\nbegin(3)"));
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), "0\n1\n2\n"), "{}", ended.stderr);
    let ended = limited(&format!("{print}\ntry {{ join(spawn begin(3)) }} catch e {{ print(e.kind) }}"));
    assert_eq!(ended.stdout, "0\n1\n2\nprocess_killed\n", "{}", ended.stderr);
    let ended = limited("try { join(spawn eat()) } catch e { print(e.kind, e.data.signal, e.data.out_of_memory) }");
    assert_eq!(ended.stdout, "process_killed 9 true\n", "{}", ended.stderr);
    // Also what waits for its turn, of the process and of others.
    for mode in ["grouped", "ordered"] {
        let code = format!("{eat}\n{print}\nprint('first'); spawn {{ print('other') }}.join()\njoin(spawn begin(3))");
        let ended = start_as(limit(command_in(mode, &code), Resource::RLIMIT_AS, 800 << 20)).end();
        let mut lines: Vec<&str> = ended.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["0", "1", "2", "first", "other"], "{mode}: {}", ended.stderr);
    }
    // A size that the script asks for is an error there.
    let ended = limited("print(try { floats(10**9) } catch e { e.message })");
    assert_eq!(ended.stdout, "`floats`: no memory for 1000000000 items\n", "{}", ended.stderr);
}

/// `cpu_count()` is what this process may use, not what the machine has.
#[test]
fn processors_that_may_not_be_used_do_not_count() {
    let mut command = command("print(cpu_count(), join(spawn cpu_count()))");
    // SAFETY: a set is plain bits; both are plain system calls, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            let size = size_of_val(&set);
            libc::sched_getaffinity(0, size, &mut set);
            let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &set)).unwrap_or(0);
            libc::CPU_ZERO(&mut set);
            libc::CPU_SET(first, &mut set);
            libc::sched_setaffinity(0, size, &set);
            Ok(())
        });
    }
    assert_eq!(start_as(command).end().stdout, "1 1\n");
}

/// So does the quota of the control group, here in files that stand in the place of the system's for this run alone.
#[test]
fn a_quota_of_processors_counts() {
    const FILES: &str = r#"
mount -t tmpfs none /sys/fs/cgroup || exit 125
while IFS=: read number controllers path; do
    case "$number,$controllers," in
        0,*) of=/sys/fs/cgroup$path; mkdir -p "$of"; echo "$1 100000" > "$of/cpu.max"; : > "$of/cgroup.controllers" ;;
        *,cpu,*) of=/sys/fs/cgroup/cpu$path; mkdir -p "$of"
            echo "${1#max}" | sed 's/^$/-1/' > "$of/cpu.cfs_quota_us"; echo 100000 > "$of/cpu.cfs_period_us" ;;
    esac
done < /proc/self/cgroup
shift
exec "$@"
"#;
    let code = "print(cpu_count(), join(spawn cpu_count()))";
    let all: usize = start_as(command("print(cpu_count())")).end().stdout.trim().parse().unwrap();
    for (quota, most) in [("max", all), ("100000", 1), ("50000", 1), ("199999", 1), ("250000", 2)] {
        let program = command(code);
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", FILES, "sh", quota]);
        command.arg(program.get_program()).args(program.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut may = Command::new("unshare");
        may.args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);
        if !may.output().is_ok_and(|made| made.status.success()) {
            eprintln!("not tested: no mounts of a process's own can be made here");
            return;
        }
        let ended = start_as(command).end();
        let count = most.min(all);
        assert_eq!(ended.stdout, format!("{count} {count}\n"), "{quota}: {}", ended.stderr);
    }
}

/// Nothing is kept in /dev/shm or /tmp: they may be missing or full.
#[test]
fn no_file_system_for_shared_memory_is_needed() {
    let script = "let q = queue(); spawn { q.put(capture('cat', input = 'text' * 100000)) }; print(q.get().len())";
    for prepare in ["umount -l /dev/shm || true", "mount -t tmpfs -o size=4k none /dev/shm"] {
        let mut command = Command::new("unshare");
        let shell =
            format!("{prepare} 2>/dev/null; mount -t tmpfs -o size=4k,ro none /tmp 2>/dev/null; exec \"$0\" -e \"$1\"");
        command.args(["-m", "sh", "-c", &shell, env!("CARGO_BIN_EXE_mplang"), script]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
            eprintln!("not tested: a mount namespace cannot be made here");
            return;
        }
        let ended = start_as(command).end();
        assert_eq!((ended.stdout.as_str(), ended.status), ("400000\n", Some(0)), "{prepare}: {}", ended.stderr);
    }
}

fn live(count: usize) {
    let started = Instant::now();
    let run = start(&format!(
        "let ready = queue()
let ps = [spawn {{ ready.put(1); sleep(1000) }} for i in 0..{count}]
for i in 0..{count} {{ ready.get(timeout = 50) }}
print('all live', children().len())
for p in ps {{ p.terminate() }}
let ended = [p.wait().signal for p in ps]
print(ended.all(|signal| signal == 15), children().len(), files('/proc/self/fd/*').len() < 20)"
    ));
    let ended = run.end();
    assert_eq!(ended.stdout, format!("all live {count}\ntrue 0 true\n"), "{}", ended.stderr);
    println!("{count} live processes, made and ended, took {:?}", started.elapsed());
}

#[test]
fn a_thousand_processes_live_at_once() {
    live(1000);
}

#[test]
#[ignore = "the full size"]
fn ten_thousand_processes_live_at_once() {
    live(10_000);
}

/// Without any limit of the system a run stops at its own, in time.
#[test]
#[ignore = "it takes half of the process numbers of the machine"]
fn a_run_has_a_limit_of_its_own() {
    let code = "try { [spawn { sleep(1000) } for i in 0..1000000] } catch e { print(e.kind, e.message) }; exit(0)";
    let ended = start(code).end();
    assert!(ended.stdout.starts_with("limit too many processes: a run can have"), "{} {}", ended.stdout, ended.stderr);
}

/// Handles of processes that have ended do not count.
#[test]
fn ended_processes_do_not_count() {
    let ended = start("for i in 0..300 { join([spawn abs(k) for k in 0..10]) }\nprint(children().len())").end();
    assert_eq!(ended.stdout, "0\n", "{}", ended.stderr);
}

/// A control group with little memory, for what is started in it; it goes with the value.
struct Group(PathBuf);

impl Group {
    fn new(bytes: u64) -> Option<Group> {
        let name = format!("mplang-test-{}", std::process::id());
        for (root, limit) in [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")] {
            let group = Path::new(root).join(&name);
            if fs::create_dir(&group).is_err() {
                continue;
            }
            let group = Group(group);
            if fs::write(group.0.join(limit), bytes.to_string()).is_ok() && group.0.join("cgroup.procs").exists() {
                // Otherwise it would swap before it kills.
                for swap in ["memory.swap.max", "memory.memsw.limit_in_bytes"] {
                    let _ = fs::write(
                        group.0.join(swap),
                        if swap.contains("memsw") { bytes.to_string() } else { "0".into() },
                    );
                }
                return Some(group);
            }
        }
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Whoever joins a killed process is told its peak memory, and that memory was the cause only when it was.
#[test]
fn killed_processes_tell_of_their_memory() {
    let told = r#"
fn told(p) { try { join(p) } catch e { print(e.kind, e.data.signal, e.data.out_of_memory, e.data.peak_memory > 100000, e.message) } }
fn big() { let text = "x" * 500000000; sleep(1000); text }
"#;
    let by_hand = format!("{told}let p = spawn {{ sleep(1000) }}; run('kill', '-9', p.pid); told(p)");
    let said = "process_killed 9 false true process P.1 was killed by signal 9 (SIGKILL)\n";
    assert_eq!(start(&by_hand).end().stdout, said);
    let Some(group) = Group::new(200 << 20) else {
        eprintln!("not tested: a control group cannot be made here");
        return;
    };
    let mut command = command(&format!("{told}told(spawn big())\nlet p = spawn {{ sleep(1000) }}; p.kill(); told(p)"));
    let procs = fs::OpenOptions::new().write(true).open(group.0.join("cgroup.procs")).unwrap();
    // SAFETY: write is a plain system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(move || {
            nix::unistd::write(&procs, b"0")?;
            Ok(())
        })
    };
    let ended = start_as(command).end();
    let wanted = "process_killed 9 true true process P.1 was killed by signal 9 (SIGKILL): the system was out of memory
process_killed 9 false true process P.2 was killed by signal 9 (SIGKILL)\n";
    assert_eq!(ended.stdout, wanted, "{}", ended.stderr);
}

#[test]
fn limits_of_this_test_are_high_enough() {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(soft >= 256, "raise `ulimit -n`: it is {soft}");
}
