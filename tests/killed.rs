//! What a killed or stopped process leaves to the others, for every kind of wait: they go on, nothing is lost but what
//! it had in its hands, and no process, descriptor or file is left.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tree::{IN_USE, Run, command, start_as, state};

/// A process waits, another one waits too, the first one is killed, and the script does something.
struct Scene {
    setup: &'static str,
    victim: &'static str,
    other: &'static str,
    /// What the script does once the victim is dead.
    then: &'static str,
    /// What the other one gives.
    gives: &'static str,
}

const SCENES: &[Scene] = &[
    Scene { setup: "let q = queue()", victim: "q.get()", other: "q.get()", then: "q.put('message')", gives: "message" },
    Scene {
        setup: "let q = queue(capacity = 0)",
        victim: "q.get()",
        other: "q.get()",
        then: "q.put('message')",
        gives: "message",
    },
    Scene {
        setup: "let q = queue(capacity = 1); q.put('first')",
        victim: "q.put('lost')",
        other: "q.put('second'); 'sent'",
        then: "print(q.get(), q.get())",
        gives: "sent",
    },
    Scene {
        setup: "let q = queue(); let r = queue()",
        victim: "select { x from q => x, y from r => y }",
        other: "select { x from q => x, y from r => y }",
        then: "r.put('message')",
        gives: "message",
    },
    Scene {
        setup: "let e = event()",
        victim: "e.wait()",
        other: "e.wait(); 'it is set'",
        then: "e.set()",
        gives: "it is set",
    },
    Scene {
        setup: "let b = barrier(3)",
        victim: "b.wait()",
        other: "try { b.wait() } catch e { e.kind }",
        then: "",
        gives: "closed",
    },
    Scene {
        setup: "let l = lock(); let c = condition(l)",
        victim: "with l { c.wait() }",
        other: "with l { c.wait() }; 'told'",
        then: "while other.alive { with l { c.notify() }; sleep(1ms) }",
        gives: "told",
    },
    Scene {
        setup: "let s = semaphore(0)",
        victim: "with s { }",
        other: "s.acquire(); 'a permit'",
        then: "s.release()",
        gives: "a permit",
    },
    Scene {
        setup: "let l = lock(); l.acquire()",
        victim: "with l { }",
        other: "with l { 'locked' }",
        then: "l.release()",
        gives: "locked",
    },
    Scene {
        setup: "let l = rlock(); l.acquire()",
        victim: "with l { }",
        other: "with l { 'locked' }",
        then: "l.release()",
        gives: "locked",
    },
    // The other one is behind a writer that will never write.
    Scene {
        setup: "let l = rwlock(); l.read().acquire()",
        victim: "with l.write() { }",
        other: "with l.read() { 'read' }",
        then: "print(join(other)); l.read().release()",
        gives: "read",
    },
    Scene {
        setup: "let c = shared(1)",
        victim: "with c { c.value = 2; sleep(1000) }",
        other: "with c { c.value }",
        then: "",
        gives: "1",
    },
    Scene {
        setup: "let q = queue(); q.put(1); q.get()",
        victim: "q.wait_done()",
        other: "q.wait_done(); 'done'",
        then: "q.task_done()",
        gives: "done",
    },
    Scene {
        setup: "let q = queue(); let p = spawn { q.get() }",
        victim: "p.wait()",
        other: "join(p)",
        then: "q.put('result')",
        gives: "result",
    },
];

/// The script of a scene. What it has open and who lives is the same before and after.
// With a time-out, as nobody in the script can end the wait: that would be found out.
fn script(scene: &Scene) -> String {
    let Scene { setup, victim, other, then, .. } = scene;
    format!(
        "{setup}
let ready = queue()
let before = in_use()
let victim = spawn {{ ready.put(pid()); {victim} }}
print(ready.get())
let other = spawn {{ ready.put(1); {other} }}
ready.get()
print(victim.wait(timeout = 100).signal)
{then}
print(join(other))
for p in children() {{ join(p) }}
print(in_use() == before, children().len())
"
    )
}

/// A run whose temporary files go to a folder that must be empty in the end. The script may call `in_use`.
fn run_apart(code: &str, name: &str, play: impl FnOnce(&mut Run)) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = command(&format!("{IN_USE}\n{code}"));
    command.env("TMPDIR", &folder);
    let mut run = start_as(command);
    play(&mut run);
    let ended = run.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{code}");
    // Fails when anything is in it.
    std::fs::remove_dir(&folder).unwrap();
    let shared = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let left: Vec<_> = shared.filter(|file| file.file_name().to_string_lossy().contains("mplang")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The process whose id the run tells next, once it sleeps.
fn sleeper(run: &mut Run) -> Pid {
    let pid = Pid::from_raw(run.line().parse().expect("a process id"));
    run.until("it sleeps", |_| state(pid) == Some('S'));
    pid
}

#[test]
fn who_is_killed_in_a_wait_is_in_nobodys_way() {
    for (number, scene) in SCENES.iter().enumerate() {
        let code = script(scene);
        run_apart(&code, &format!("killed-{number}"), |run| {
            kill(sleeper(run), Signal::SIGKILL).unwrap();
            assert_eq!(run.line(), "9", "{code}");
            if scene.then.contains("print") {
                let line = run.line();
                assert!(line == "first second" || line == scene.gives, "{code}: {line}");
            }
            assert_eq!(run.line(), scene.gives, "{code}");
            assert_eq!(run.line(), "true 0", "{code}");
        });
    }
}

/// Of the messages of 4 MiB those arrive that were sent, each whole, and then the loop ends.
#[test]
fn a_sender_killed_in_the_midst_of_large_messages() {
    let code = "
fn send(q) { let data = 'x' * (4 << 20); loop { q.put(data) } }
fn begin() {
    let q = queue(capacity = 2)
    let p = spawn send(q.sender())
    print(p.pid)
    return p, q.taker()
}
let first = queue()
let before = in_use()
let p, q = begin()
var count = 0
for x in q {
    count += 1
    if len(x) != 4 << 20 or x.find('y') != null { print('in pieces') }
    if count == 3 { print('flowing') }
}
print(p.wait().signal, count >= 3, in_use() == before)
";
    run_apart(code, "large", |run| {
        let pid = Pid::from_raw(run.line().parse().unwrap());
        assert_eq!(run.line(), "flowing");
        kill(pid, Signal::SIGKILL).unwrap();
        assert_eq!(run.line(), "9 true true");
    });
}

/// Everything of the other producers arrives, and of the killed one all that it had sent before.
#[test]
fn one_of_several_producers_is_killed() {
    let code = "
fn produce(q, who) { for i in 0..1000 { q.put([who, i]) } }
fn endless(q) { var i = 0; loop { q.put(['victim', i]); i += 1 } }
fn begin() {
    let q = queue(capacity = 8)
    let p = spawn endless(q.sender())
    print(p.pid)
    spawn produce(q.sender(), 'a')
    spawn produce(q.sender(), 'b')
    return p, q.taker()
}
let first = queue()
let before = in_use()
let p, q = begin()
var counts = {a: 0, b: 0, victim: 0}
var right = true
for x in q {
    let who, i = x
    right = right and counts[who] == i
    counts[who] = i + 1
    if who != 'victim' and counts.a + counts.b == 100 { print('flowing') }
}
print(p.wait().signal, right, counts.a, counts.b)
for p in children() { join(p) }
print(in_use() == before)
";
    run_apart(code, "producers", |run| {
        let pid = Pid::from_raw(run.line().parse().unwrap());
        assert_eq!(run.line(), "flowing");
        kill(pid, Signal::SIGKILL).unwrap();
        assert_eq!(run.line(), "9 true 1000 1000");
        assert_eq!(run.line(), "true");
    });
}

/// A script that has printed the number of a process, which is stopped when it sleeps, and then reads a line.
fn with_one_stopped(code: &str) -> (Run, Pid, OwnedFd) {
    let mut command = command(code);
    let (reader, input) = nix::unistd::pipe().unwrap();
    command.stdin(std::fs::File::from(reader));
    let mut run = start_as(command);
    let pid = sleeper(&mut run);
    kill(pid, Signal::SIGSTOP).unwrap();
    run.until("it is stopped", |_| state(pid) == Some('T'));
    (run, pid, input)
}

/// Who is stopped may go on: nobody takes it for dead or stuck, and it goes on as if nothing was.
#[test]
fn who_is_stopped_is_waited_for() {
    for (setup, stopped, other, then, gives) in [
        // A holder, and one who waits for it without a limit and one with.
        (
            "let l = lock(); let go = queue()",
            "with l { ready.put(pid()); go.get() }",
            "let before = try l.acquire(timeout = 100ms) else 'timed out'; with l { [before, 'locked'] }",
            "go.put('go')",
            "['timed out', 'locked']",
        ),
        // A consumer: what it has not taken goes to the other one.
        (
            "let q = queue()",
            "ready.put(pid()); q.get()",
            "[q.get(), q.get()]",
            "q.put(1); q.put(2); q.put(3)",
            "two of three",
        ),
    ] {
        let code = format!(
            "{setup}
let ready = queue()
let stopped = spawn {{ {stopped} }}
print(ready.get())
let other = spawn {{ ready.put(pid()); {other} }}
print(ready.get())
sleep(150ms)
input()
{then}
let a = join(stopped)
let b = join(other)
print(if a is int and a + b[0] + b[1] == 6 {{ 'two of three' }} else {{ b }})
"
        );
        let (mut run, pid, input) = with_one_stopped(&code);
        let _ = sleeper(&mut run);
        // Long enough for a false alarm.
        std::thread::sleep(Duration::from_millis(200));
        nix::unistd::write(&input, b"go\n").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        kill(pid, Signal::SIGCONT).unwrap();
        assert_eq!(run.line(), gives, "{code}");
        let ended = run.end();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{code}");
    }
}

/// Who is stopped does not take what it is offered, and who offers it can be ended all the same.
#[test]
fn who_offers_something_to_a_stopped_process_can_be_ended() {
    let code = "
let q = queue(capacity = 0)
let ready = queue()
let stopped = spawn { ready.put(pid()); q.get() }
print(ready.get())
input()
let offers = spawn { ready.put(1); select { q.put('never') => null } }
ready.get()
offers.stop(grace = 100)
print(offers.signal)
q.put('goes on')
print(join(stopped))
";
    let (mut run, pid, input) = with_one_stopped(code);
    nix::unistd::write(&input, b"go\n").unwrap();
    assert_eq!(run.line(), "15");
    kill(pid, Signal::SIGCONT).unwrap();
    assert_eq!(run.line(), "goes on");
    let ended = run.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

/// Who is stopped when it is asked to end goes on for that, so that what it has begun is cleared up.
#[test]
fn who_is_stopped_can_be_asked_to_end() {
    for ask in ["p.terminate()", "p.stop(grace = 1h)"] {
        let code = format!(
            "let ready = queue()
let p = spawn {{ try {{ ready.put(pid()); sleep(1000) }} finally {{ print('cleared up') }} }}
print(ready.get())
input()
{ask}
print(p.wait().signal)
"
        );
        let (mut run, _, input) = with_one_stopped(&code);
        nix::unistd::write(&input, b"go\n").unwrap();
        assert_eq!(run.line(), "cleared up", "{code}");
        assert_eq!(run.line(), "15", "{code}");
        let ended = run.end();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{code}");
    }
}

/// What nobody has taken when the run ends is no failure, whatever it is and whoever put it.
#[test]
fn unread_data_at_the_end() {
    let code = "
let q = queue()
let here, there = pipe()
let l = lock()
q.put('x' * (4 << 20))
q.put([q, l])
for i in 0..1000 { here.send([i, 'text']) }
spawn { q.put(ints(100000)) }
print('over')
";
    run_apart(code, "unread", |run| assert_eq!(run.line(), "over"));
}

/// The error tells where the killed process was seen last.
#[test]
fn the_last_line_of_a_killed_process_is_told() {
    let code = "
fn waits(ready, q) {
    ready.put(1)
    q.get()
}
let ready = queue()
let q = queue()
let p = spawn waits(ready, q)
ready.get()
print(p.pid)
sleep(50ms)
p.kill()
join(p)
";
    let mut run = start_as(command(code));
    let _ = sleeper(&mut run);
    let ended = run.end();
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.contains(":4:5: process P.1 was last seen here"), "{}", ended.stderr);
}

/// A child dies while its parent, which has run its code, waits until another one has printed. Who joins it goes on, and
/// the parent waits for that one.
#[test]
fn a_child_dies_while_its_parent_waits_to_print() {
    let code = "
let q = queue()
let joiner = spawn { try { join(q.get()) } catch e { print(e.kind) } }
let victim = spawn { sleep(1h) }
q.put(victim)
print(victim.pid)
let writer = spawn { print('x' * 100_000); join(joiner) }
var asleep = 0
while asleep < 3 {
    let state = read_text(f'/proc/{writer.pid}/stat').split(') ')[1][0]
    asleep = if state == 'S' { asleep + 1 } else { 0 }
    sleep(3ms)
}
print('end')
";
    let mut run = tree::start(code);
    let victim = Pid::from_raw(run.line().parse().unwrap());
    let does = |run: &Run, what: &str| {
        let ps = std::process::Command::new(env!("CARGO_BIN_EXE_mplang")).arg("ps").arg(run.group.to_string()).output();
        String::from_utf8(ps.unwrap().stdout).unwrap().contains(what)
    };
    run.until("the script waits to print", |run| does(run, "waits for the lock"));
    kill(victim, Signal::SIGKILL).unwrap();
    run.until("the script knows of the death", |run| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", run.group)).unwrap();
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
        state(victim) != Some('S') && pending.trim().bytes().all(|digit| digit == b'0') && state(run.group) == Some('S')
    });
    // The writer, which goes on to live, gets room now.
    let ended = run.end();
    let printed = |text: &str| ended.stdout.lines().any(|line| line == text);
    assert!(ended.status == Some(0) && printed("process_killed") && printed("end"), "{:?}", ended.stderr);
}
