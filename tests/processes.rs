//! How runs end: exit statuses, signals, closed outputs, killed processes. Each run is a process group of its own,
//! has a deadline, and must leave nobody behind.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tree::{Ended, command, start, start_as};

fn ended(code: &str) -> Ended {
    start(code).end()
}

const SLEEPERS: &str = r#"
let q = queue()
fn work(i) { try { q.put(i); sleep(1000) } finally { print("child", i) } }
let ps = [spawn work(i) for i in 0..3]
for p in ps { q.get() }
try { print("ready"); join(ps) } finally { print("main") }
"#;

#[test]
fn statuses_of_ends_by_itself() {
    for (code, status) in [
        ("null", 0),
        ("exit(0)", 0),
        ("exit(7)", 7),
        ("throw 'x'", 1),
        ("let = 1", 2),
        ("nowhere", 2),
        ("spawn { throw 'x' }", 1),
        ("join(spawn { exit(3) })", 1),
        ("spawn { exit(3) }", 1),
        ("spawn { exit(0) }", 0),
        ("spawn { sleep(1000) }; exit(4)", 4),
        ("spawn(daemon = true) { sleep(1000) }; null", 0),
    ] {
        assert_eq!(ended(code).status, Some(status), "{code}");
    }
}

#[test]
fn signals_stop_children_and_run_finally() {
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let mut run = start(SLEEPERS);
        assert_eq!(run.line(), "ready");
        run.signal(signal);
        let ended = run.end();
        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
        let mut lines: Vec<&str> = ended.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["child 0", "child 1", "child 2", "main"]);
        let told = ended.stderr.matches("error").count();
        assert_eq!(told, usize::from(signal == Signal::SIGINT), "{}", ended.stderr);
    }
}

/// As a terminal does it: every process of the group gets the signal, and there is still one message.
#[test]
fn ctrl_c_for_all_is_told_once() {
    let mut run = start(SLEEPERS);
    assert_eq!(run.line(), "ready");
    killpg(run.group, Signal::SIGINT).unwrap();
    let ended = run.end();
    assert_eq!(ended.status, Some(130));
    assert_eq!(ended.stderr.matches("error").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped by Ctrl-C"), "{}", ended.stderr);
}

/// A script that does not end when it is asked is ended by the second Ctrl-C, and by the grace time.
#[test]
fn who_does_not_clear_up_is_ended() {
    let code = "try { print('ready'); sleep(1000) } finally { print('clearing'); sleep(0); loop { } }";
    for (signal, again, status) in [(Signal::SIGINT, true, 130), (Signal::SIGTERM, false, 143)] {
        let mut run = start(code);
        assert_eq!(run.line(), "ready");
        run.signal(signal);
        assert_eq!(run.line(), "clearing");
        let asked = Instant::now();
        while again && run.child.try_wait().unwrap().is_none() {
            run.signal(signal);
            sleep(Duration::from_millis(10));
        }
        let ended = run.end();
        assert_eq!(ended.status, Some(status));
        assert!(asked.elapsed() < Duration::from_secs(10));
    }
}

/// `mplang … | head -1`: silence and 141, also when it is a child or a grandchild that prints.
#[test]
fn closed_output_ends_the_run() {
    for code in [
        "try { loop { print('x') } } finally { print(stdout, file = stderr) }",
        "let p = spawn { loop { print('x') } }; try { join(p) } finally { print('<stdout>', file = stderr) }",
        "spawn { spawn { loop { print('x') } } }; try { sleep(1000) } finally { print('<stdout>', file = stderr) }",
        "let p = spawn { loop { print('x') } }; try { loop { } } finally { print('<stdout>', file = stderr) }",
    ] {
        let mut run = start(code);
        assert_eq!(run.line(), "x");
        run.stdout = None;
        let ended = run.end();
        assert_eq!((ended.status, ended.stderr.lines().count()), (Some(141), 1), "{code}: {}", ended.stderr);
    }
}

/// `mplang … >&-`: the same, from the first print on.
#[test]
fn output_may_be_closed_before_the_start() {
    for code in ["print('x', file = stderr); print('y')", "print('x', file = stderr); join(spawn { print('y') })"] {
        let program = command(code);
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$@" >&-"#, "sh"]).arg(program.get_program()).args(program.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = start_as(command).end();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(141), "x\n"), "{code}");
    }
}

#[test]
fn full_disk_is_an_error() {
    for code in ["print('x')", "join(spawn { print('x') })", "spawn { print('x') }"] {
        let mut command = command(code);
        command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let ended = start_as(command).end();
        assert_eq!(ended.status, Some(1), "{code}");
        assert!(ended.stderr.contains("no space is left on the device"), "{code}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches("error").count(), 1, "{code}: {}", ended.stderr);
    }
}

/// Standard error that nobody reads changes nothing.
#[test]
fn closed_standard_error_is_no_failure() {
    for (code, status) in [("print('x', file = stderr); print('y')", 0), ("print('y'); throw 'x'", 1)] {
        let mut command = command(code);
        let (reader, writer) = nix::unistd::pipe().unwrap();
        drop(reader);
        command.stderr(File::from(writer));
        let ended = start_as(command).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(status), "y\n"), "{code}");
    }
}

/// The whole tree goes with the killed first process, whatever it is doing.
#[test]
fn killed_first_process_takes_all_with_it() {
    let mut run = start(
        r#"
let q = queue()
fn tree(depth) {
    if depth > 0 { spawn tree(depth - 1); spawn tree(depth - 1) }
    q.put(depth)
    if depth == 1 { loop { } }
    sleep(1000)
}
spawn tree(3)
for i in 0..15 { q.get() }
print("ready")
sleep(1000)
"#,
    );
    assert_eq!(run.line(), "ready");
    run.signal(Signal::SIGKILL);
    assert_eq!(run.end().signal, Some(9));
}

/// A killed process takes its descendants with it; what those held is given up though their parent is gone, and
/// whatever the first process is busy with: computing, asleep, or waiting for input.
#[test]
fn orphans_hold_nothing() {
    for busy in ["loop { }", "sleep(1000)", "stdin.read()"] {
        let code = r#"
fn inner(s, l, ready) { l.acquire(); s.put("message"); ready.put(1); sleep(1000) }
fn outer(s, l, ready) { join(spawn inner(s, l, ready)) }
fn reader(t, l, p) {
    for x in t { print(x); p.kill() }
    with l { print("ended") }
}
fn begin() {
    let q = queue()
    let l = lock()
    let ready = queue()
    let p = spawn outer(q.sender(), l, ready)
    ready.get()
    spawn reader(q.taker(), l, p)
}
begin()
BUSY
"#
        .replace("BUSY", busy);
        let mut command = command(&code);
        let (reader, writer) = nix::unistd::pipe().unwrap();
        command.stdin(File::from(reader));
        let mut run = start_as(command);
        assert_eq!((run.line().as_str(), run.line().as_str()), ("message", "ended"), "{busy}");
        run.signal(Signal::SIGKILL);
        run.end();
        drop(writer);
    }
}

/// Waits that nobody will end are left when the process that they are for is killed.
#[test]
fn waits_notice_a_killed_child() {
    for (give, wait, said) in [
        ("q.sender()", "try { q2.get() } catch e { print(e.kind) }", "closed"),
        ("q.sender()", "for x in q2 { }; print('over')", "over"),
        ("there", "try { here.recv() } catch e { print(e.kind) }", "closed"),
        ("l", "with l { print(l.abandoned) }", "P.1"),
        ("l", "try { join(p) } catch e { print(e.kind, e.data.process, e.data.signal) }", "process_killed P.1 9"),
    ] {
        let code = format!(
            r#"
fn child(x, ready) {{ if x is lock {{ x.acquire() }}; ready.put(pid()); sleep(1000) }}
fn begin() {{
    let q = queue()
    let here, there = pipe()
    let l = lock()
    let ready = queue()
    let p = spawn child({give}, ready)
    let q2 = q.taker()
    print(ready.get())
    return p, q2, here, l
}}
let p, q2, here, l = begin()
{wait}
try {{ join(p) }} catch e {{ }}
"#
        );
        let mut run = start(&code);
        let pid: i32 = run.line().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        let killed = Instant::now();
        assert_eq!(run.line(), said, "{wait}");
        assert!(killed.elapsed() < Duration::from_secs(5), "{wait}");
        let ended = run.end();
        assert_eq!(ended.status, Some(0), "{wait}: {}", ended.stderr);
    }
}

/// Every line is whole and there once, whoever wrote it; so are large prints.
#[test]
fn prints_are_never_torn() {
    let run = ended("fn w(i) { for k in 0..10000 { print(f'{i}:{k}:{k}') } }; join([spawn w(i) for i in 0..8])");
    let mut next = [0; 8];
    for line in run.stdout.lines() {
        let parts: Vec<usize> = line.split(':').map(|part| part.parse().unwrap()).collect();
        assert_eq!(parts, [parts[0], next[parts[0]], next[parts[0]]]);
        next[parts[0]] += 1;
    }
    assert_eq!(next, [10000; 8]);

    let run = ended("fn w(i) { for k in 0..5 { print(str(i) * 1000000) } }; join([spawn w(i) for i in 0..6])");
    let lines: Vec<&[u8]> = run.stdout.lines().map(str::as_bytes).collect();
    assert_eq!(lines.len(), 30);
    assert!(lines.iter().all(|line| line.len() == 1_000_000 && line.iter().all(|byte| byte == &line[0])));
}

/// Nor by signals that come while it is written: here those of children that end while nobody reads.
#[test]
fn a_print_that_waits_stays_whole() {
    let mut run = start(
        "
for i in 0..20 { spawn { sleep(5ms * i) } }
spawn { sleep(10ms); for _ in 0..5 { print('small'); sleep(1ms) } }
print('begins')
sleep(0)
print('x' * 1_000_000)",
    );
    assert_eq!(run.line(), "begins");
    sleep(Duration::from_millis(300));
    let ended = run.end();
    let mut lines: Vec<usize> = ended.stdout.lines().map(str::len).collect();
    lines.sort_unstable();
    assert_eq!(lines, [5, 5, 5, 5, 5, 1_000_000]);
}

/// Slots, descriptors and memory of processes and messages are used again.
#[test]
fn nothing_grows() {
    let run = ended(
        r#"
fn number(name) { int([l for l in read_text("/proc/self/status").lines() if l.starts_with(name)][0].split()[1]) }
fn state() { [number("VmRSS"), number("RssShmem"), files("/proc/self/fd/*").len(), children().len()] }
fn round() {
    for i in 0..500 { join(spawn abs(i)) }
    for i in 0..200 { spawn abs(i) }
    let q = queue()
    for i in 0..5000 { q.put([i, "text"]) }
    for i in 0..5000 { q.get() }
    for i in 0..500 { let a, b = pipe(); a.send(i); b.recv(); with lock() { } }
    for i in 0..300 { join(join(spawn { spawn { self_process() } })) }
    let ends = queue()
    let p = spawn { for end in ends { } }
    for i in 0..5000 { let a, b = pipe(); ends.put(b) }
    ends.close()
    join(p)
    while not children().is_empty() { sleep(1ms) }
}
round()
let before = state()
for i in 0..3 { round() }
let after = state()
print(after[0] < before[0] + 2000, after[1] < before[1] + 500, after[2] == before[2], after[3])
"#,
    );
    assert_eq!(run.stdout, "true true true 0\n", "{}", run.stderr);
}

/// A failure that nobody can take any more is told when it happens, once, and the script goes on.
#[test]
fn forgotten_failures_are_told_at_once() {
    let mut command = command(
        r#"
fn begin() {
    let q = queue()
    let s = q.sender()
    spawn { let mine = s; throw "forgotten" }
    q.taker()
}
let t = begin()
for x in t { }
while children().len() > 0 { sleep(1ms) }
try { queue().get(timeout = 1ms) } catch e { print(e.kind) }
print("on", file = stderr)
"#,
    );
    command.stderr(Stdio::piped());
    let ended = start_as(command).end();
    assert_eq!(ended.status, Some(1));
    let told = ended.stderr.find("forgotten").expect("it is told");
    assert_eq!(ended.stderr.matches("forgotten").count(), 1, "{}", ended.stderr);
    assert!(told < ended.stderr.find("on\n").unwrap(), "{}", ended.stderr);
}

/// So is one that comes, or becomes nobody's, whatever the script waits for or goes on with.
#[test]
fn forgotten_failures_are_told_in_every_wait() {
    for code in [
        "spawn { throw 'forgotten' }; sleep(1000)",
        "spawn { throw 'forgotten' }; run('sleep', '1000')",
        "spawn { throw 'forgotten' }; capture('sleep', '1000')",
        "spawn { throw 'forgotten' }; for line in lines('sleep', '1000') { }",
        "spawn { throw 'forgotten' }; input()",
        "spawn { throw 'forgotten' }; for line in stdin.lines() { }",
        "spawn { throw 'forgotten' }; join(spawn { sleep(1000) })",
        "spawn { throw 'forgotten' }; scope { spawn { sleep(1000) } }",
        "spawn { throw 'forgotten' }; scope(limit = 1) { spawn { sleep(1000) }; spawn { } }",
        "spawn { throw 'forgotten' }; spawn { sleep(1000) }",
        "let p = spawn { throw 'forgotten' }; while p.alive { }; spawn { sleep(1000) }",
        "fn begin() { let p = spawn { throw 'forgotten' }; while p.alive { } }; begin(); sleep(1000)",
        "fn begin() { let p = spawn { throw 'forgotten' }; while p.alive { } }; begin(); loop { clock() }",
    ] {
        let mut command = command(code);
        command.stdin(Stdio::piped());
        let mut run = start_as(command);
        let mut told = String::new();
        BufReader::new(run.child.stderr.take().unwrap()).read_line(&mut told).unwrap();
        assert!(told.contains("forgotten"), "{code}: {told}");
        run.signal(Signal::SIGTERM);
        assert_eq!(run.end().status, Some(143), "{code}");
    }
}

/// More processes than the user may have: an error that says so, and all that were there end.
#[test]
fn no_more_processes_is_an_error() {
    // The limit is on the processes of the user, of whom root has no limit.
    // SAFETY: it only asks.
    if unsafe { libc::getuid() } == 0 {
        eprintln!("not tested: the system sets root no limit of processes");
        return;
    }
    let code = "try { [spawn { sleep(1000) } for i in 0..100000] } catch e { print(e.kind) }; exit(0)";
    let mut command = command(code);
    // SAFETY: setrlimit is a plain system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            use nix::sys::resource::{Resource, setrlimit};
            Ok(setrlimit(Resource::RLIMIT_NPROC, 200, 200)?)
        });
    }
    let ended = start_as(command).end();
    assert_eq!(ended.stdout, "limit\n", "{}", ended.stderr);
}

#[test]
fn many_children_are_told_apart() {
    // More than the tables on the heap and the reaper without pauses are for.
    let code = "
let q = queue()
let others = [spawn { sleep(1000) } for _ in 0..600]
let last = spawn { q.put(1); sleep(1000) }
print(q.get())
for p in others[0..50] { p.kill() }
last.kill()
try { q.get() } catch e { print(e.kind) }
fn work(i) { if i % 100 == 0 { join([spawn { i + k } for k in 0..3])[2] } else { i } }
let results = join([spawn work(i) for i in 0..600])
print(results[100], results[599], sum(results))
try { join(others[40..50]) } catch e { print(e.kind) }
exit(0)";
    let ended = ended(code);
    assert_eq!(ended.stdout, "1\nclosed\n102 599 179712\nprocess_killed\n", "{}", ended.stderr);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}
