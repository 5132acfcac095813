//! Signals in every kind of wait. Ctrl-C, TERM and HUP end the run with one block of text at most, a second Ctrl-C at
//! once; who is stopped and continued goes on as if nothing was. No process, descriptor, mapping or file is left.
//!
//! Nothing here is ordered by time: that a process waits is told by the runtime's own record, as `mplang ps` shows it.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fmt;
use std::fs;
use std::io::{PipeWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tree::{IN_USE, Run, command, start_as, state};

/// A wait, for what another process does when a file appears.
struct Wait {
    setup: &'static str,
    /// Where the other process stands while it waits for the file: instead of `…`.
    holds: &'static str,
    wait: &'static str,
    /// What `mplang ps` says of it.
    says: &'static str,
    /// What the other process does then.
    then: &'static str,
    /// What the wait gives.
    gives: &'static str,
}

/// A wait at an object; the other process acts on it.
const fn at(
    setup: &'static str,
    wait: &'static str,
    says: &'static str,
    then: &'static str,
    gives: &'static str,
) -> Wait {
    Wait { setup, holds: "…", wait, says, then, gives }
}

/// A wait for what the other process has.
const fn held(setup: &'static str, holds: &'static str, wait: &'static str, says: &'static str) -> Wait {
    Wait { setup, holds, wait, says, then: "", gives: "mine" }
}

/// A wait for something else than the other process.
const fn alone(wait: &'static str, says: &'static str, gives: &'static str) -> Wait {
    Wait { setup: "", holds: "…", wait, says, then: "", gives }
}

const MESSAGE: &str = "waits for a message from the queue";
const ROOM: &str = "waits for room in the queue";
const LIMIT: &str = ", with a time limit";

const WAITS: &[Wait] = &[
    at("let q = queue()", "q.get()", MESSAGE, "q.put('x')", "x"),
    at("let q = queue(capacity = 0)", "q.get()", MESSAGE, "q.put('x')", "x"),
    at("let q = queue()", "q.get(timeout = 1000)", LIMIT, "q.put('x')", "x"),
    at("let q = queue()", "q.get_many(5)", MESSAGE, "q.put('x')", "['x']"),
    at("let q = queue()", "[x for x in q]", MESSAGE, "q.put('x'); q.close()", "['x']"),
    at("let q = queue(capacity = 1); q.put(1)", "q.put(2)", ROOM, "q.get()", "null"),
    at("let q = queue(capacity = 1); q.put(1)", "q.put(2, timeout = 1000)", LIMIT, "q.get()", "null"),
    at("let q = queue(capacity = 1); q.put(1)", "q.put_all([2, 3])", ROOM, "q.get(); q.get()", "null"),
    at("let q = queue(capacity = 0)", "q.put(1)", ROOM, "q.get()", "null"),
    at(
        "let q = queue(); q.put(1); q.get()",
        "q.wait_done()",
        "waits for the tasks of the queue",
        "q.task_done()",
        "null",
    ),
    at("let q = queue(); q.put(1); q.get()", "q.wait_done(timeout = 1000)", LIMIT, "q.task_done()", "null"),
    at("let here, there = pipe()", "here.recv()", "a message from the pipe", "there.send('x')", "x"),
    at("let here, there = pipe()", "here.poll(timeout = 1000)", LIMIT, "there.send('x')", "true"),
    at(
        "let here, there = pipe(capacity = 1); here.send(1)",
        "here.send(2)",
        "waits for room in the pipe",
        "there.recv(); there.recv()",
        "null",
    ),
    at("let q = queue(); let r = queue()", "select { x from q => 'q', x from r => x }", MESSAGE, "r.put('x')", "x"),
    at(
        "let q = queue(); let r = queue(capacity = 0)",
        "select { x from q => 'q', r.put(1) => 'taken', after 1000s => 'late' }",
        LIMIT,
        "r.get()",
        "taken",
    ),
    at("", "select { done other => 'ended' }", "waits for the end of process", "", "ended"),
    at("", "join(other)", "waits for the end of process", "'x'", "x"),
    at("", "join(other, timeout = 1000)", LIMIT, "'x'", "x"),
    at("", "other.wait().value", "waits for the end of process", "'x'", "x"),
    Wait {
        setup: "",
        holds: "ready.put(1); try { loop { sleep(1) } } finally { until_told() }",
        wait: "other.stop(grace = 1000)",
        says: LIMIT,
        then: "",
        gives: "null",
    },
    held("let l = lock()", "with l { … }", "with l { 'mine' }", "waits for the lock, which process"),
    held("let l = lock()", "with l { … }", "l.acquire(timeout = 1000); l.release(); 'mine'", LIMIT),
    held("let l = rlock()", "with l { with l { … } }", "with l { 'mine' }", "waits for the rlock"),
    held("let l = rwlock()", "with l.write() { … }", "with l.read() { 'mine' }", "waits for the rwlock"),
    held("let l = rwlock()", "with l.read() { … }", "with l.write() { 'mine' }", "waits for the rwlock"),
    held("let s = semaphore(1)", "with s { … }", "with s { 'mine' }", "waits for the semaphore"),
    at("let s = semaphore(0)", "s.acquire()", "waits for the semaphore", "s.release()", "null"),
    at("let s = semaphore(0)", "s.acquire(timeout = 1000)", LIMIT, "s.release()", "null"),
    at("let e = event()", "e.wait()", "waits for the event", "e.set()", "null"),
    at("let e = event()", "e.wait(timeout = 1000)", LIMIT, "e.set()", "null"),
    at("let b = barrier(2)", "b.wait()", "waits for the barrier", "b.wait()", "0"),
    at(
        "let l = lock(); let c = condition(l)",
        "with l { c.wait() }",
        "waits for the condition",
        "with l { c.notify() }",
        "null",
    ),
    at(
        "let l = lock(); let c = condition(l); let n = shared(0)",
        "with l { c.wait_for(|| n.value == 1) }; n.value",
        "waits for the condition",
        "with l { n.value = 1; c.notify() }",
        "1",
    ),
    alone("let r = rate(1, per = 3s); r.wait(); r.wait()", "waits for the limiter", "null"),
    held("let c = shared('mine')", "with c { … }", "with c { c.value }", "waits for the shared value, which process"),
    held("let c = shared('mine')", "with c { … }", "c.update(|v| v)", "waits for the shared value, which process"),
    held(
        "let m = shared_map(); m['a'] = 1",
        "m.update('a', |n| { …; n })",
        "m['a'] = 2; 'mine'",
        "waits for the shared map, which process",
    ),
    held(
        "let xs = shared_list(); xs.push(1)",
        "xs.update(0, |n| { …; n })",
        "xs.push(2); 'mine'",
        "waits for the shared list, which process",
    ),
    alone("loop { if files(go).len() > 0 { break } }; 'x'", "runs", "x"),
    alone("sleep(3)", "sleeps", "null"),
    alone("scope { spawn { until_told() } }; 'x'", "waits for the end of process", "x"),
    alone("scope(limit = 1) { spawn { until_told() }; spawn { 1 } }; 'x'", "waits for the end of process", "x"),
    alone("join(spawn { spawn { until_told() }; 'x' })", "waits for the end of process", "x"),
    alone("input()", "waits for input", "typed"),
    alone("stdin.read()", "waits for input", "typed"),
    alone("run('sh', '-c', 'while [ ! -e $0 ]; do sleep 0.01; done', go)", "waits for a command", "null"),
    alone(
        "run('sh', '-c', 'while [ ! -e $0 ]; do sleep 0.01; done', go, timeout = 1000)",
        "waits for a command",
        "null",
    ),
    alone("capture('sh', '-c', 'while [ ! -e $0 ]; do sleep 0.01; done; echo x', go)", "waits for a command", "x"),
    alone(
        "capture('sh', '-c', 'while [ ! -e $0 ]; do sleep 0.01; done; wc -c', go, input = 'x' * 1000000)",
        "waits for a command",
        "1000000",
    ),
    alone(
        "lines('sh', '-c', 'echo x; while [ ! -e $0 ]; do sleep 0.01; done; echo y', go).list()",
        "waits for a command",
        "['x', 'y']",
    ),
];

/// What Ctrl-C is told as, in the end of a line.
const CANCELLED: &str = "cancelled: stopped by Ctrl-C\n";

/// A run that has come to its wait.
struct Playing {
    run: Run,
    /// The process that waits.
    pid: Pid,
    stdin: Option<PipeWriter>,
}

/// A run of a wait, in the first process or in a child of it.
struct Scene {
    wait: &'static Wait,
    in_child: bool,
    /// Whether a signal goes to the whole group, as the terminal sends it.
    to_all: bool,
    folder: PathBuf,
}

impl Scene {
    /// The script. `around` has the wait in place of `…`.
    fn script(&self, around: &str) -> String {
        let Wait { setup, holds, wait, then, .. } = self.wait;
        let (go, end) = (self.folder.join("go"), self.folder.join("end"));
        let (go, end) = (go.display(), end.display());
        let holds = holds.replace('…', "ready.put(1); until_told()");
        let wait = around.replace('…', wait);
        let wait = if self.in_child {
            format!("let result = join(spawn(name = 'waiter') {{ {wait} }})")
        } else {
            format!("let result = if true {{ {wait} }}")
        };
        format!(
            "let go = '{go}'
fn until_told() {{ while files(go).len() == 0 {{ sleep(1ms) }} }}
{IN_USE}
{setup}
let ready = queue()
let other = spawn(name = 'other', daemon = true) {{
    {holds}
    {then}
}}
ready.get()
let before = in_use()
{wait}
print(result)
other.wait()
print(in_use() == before, [p for p in children() if p.alive].len())
while files('{end}').len() == 0 {{ sleep(1ms) }}
"
        )
    }

    /// Starts it, with the wait in something around it; comes back when it waits.
    fn start(&self, around: &str) -> Playing {
        fs::create_dir_all(self.temporary()).unwrap();
        let mut command = command(&self.script(around));
        let (reader, writer) = std::io::pipe().unwrap();
        command.env("TMPDIR", self.temporary()).stdin(Stdio::from(reader));
        let run = start_as(command);
        let pid = self.until(&run, self.wait.says);
        Playing { run, pid, stdin: Some(writer) }
    }

    /// Waits for its end, after which no process and no file is left.
    fn end(&self, playing: Playing) -> tree::Ended {
        let ended = playing.run.end();
        // Fails when anything is in it.
        fs::remove_dir(self.temporary()).unwrap();
        fs::remove_dir_all(&self.folder).unwrap();
        ended
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// Waits until the process whose wait it is does what is said; gives its id.
    fn until(&self, run: &Run, says: &str) -> Pid {
        let who = if self.in_child { "P.2 waiter " } else { "P " };
        let started = Instant::now();
        loop {
            let ps = Command::new(env!("CARGO_BIN_EXE_mplang")).args(["ps", &run.group.to_string()]).output().unwrap();
            let ps = String::from_utf8([ps.stdout, ps.stderr].concat()).unwrap();
            // Then the first process is beyond the start of the program.
            let begun = ps.contains("P.1 other");
            let line = ps.lines().find(|line| begun && line.trim_start().starts_with(who) && line.contains(says));
            if let Some(line) = line {
                let mut words = line.split_whitespace();
                let pid = words.nth(if self.in_child { 2 } else { 1 }).unwrap();
                return Pid::from_raw(pid.parse().unwrap());
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{self}: {says}: {ps}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, run: &Run, signal: Signal) {
        if self.to_all { killpg(run.group, signal).unwrap() } else { run.signal(signal) }
    }

    /// A signal ends the run, with one block of text for Ctrl-C and none for others.
    fn ends_by(&self, signal: Signal, status: i32) {
        let playing = self.start("…");
        let asked = Instant::now();
        self.signal(&playing.run, signal);
        let ended = self.end(playing);
        // The commands of a script have two seconds to end.
        assert!(asked.elapsed() < Duration::from_secs(10), "{self}: {:?}", asked.elapsed());
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(status), ""), "{self}: {}", ended.stderr);
        let told = ended.stderr.matches("error").count();
        let whole = if told == 0 { ended.stderr.is_empty() } else { ended.stderr.contains(CANCELLED) };
        assert!(whole && told == usize::from(signal == Signal::SIGINT), "{self}: {}", ended.stderr);
    }

    /// The second Ctrl-C comes while the process clears up after the first.
    fn ends_at_once(&self) {
        let mut playing = self.start("try { … } finally { sleep(1000) }");
        let asked = Instant::now();
        // Those that come very soon after the first count as the same.
        while playing.run.child.try_wait().unwrap().is_none() {
            self.signal(&playing.run, Signal::SIGINT);
            std::thread::sleep(Duration::from_millis(10));
        }
        // The grace time is two seconds.
        assert!(asked.elapsed() < Duration::from_secs(1), "{self}: {:?}", asked.elapsed());
        let ended = self.end(playing);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(130), ""), "{self}: {}", ended.stderr);
        assert!(ended.stderr.matches("error").count() <= 1, "{self}: {}", ended.stderr);
    }

    /// Stopped in its wait, alone or with all others, and continued, it goes on as if nothing was.
    fn goes_on(&self) {
        let mut playing = self.start("…");
        let Playing { run, pid, stdin } = &mut playing;
        let send = |signal: Signal| if self.to_all { killpg(run.group, signal) } else { kill(*pid, signal) }.unwrap();
        send(Signal::SIGSTOP);
        run.until("it is stopped", |_| state(*pid) == Some('T'));
        fs::write(self.folder.join("go"), "").unwrap();
        stdin.take().unwrap().write_all(b"typed").unwrap();
        send(Signal::SIGCONT);
        assert_eq!(run.line(), self.wait.gives, "{self}");
        assert_eq!(run.line(), "true 0", "{self}: descriptors and mappings, and children");
        run.until("all that have ended are reaped", |run| zombies(run.group) == 0);
        fs::write(self.folder.join("end"), "").unwrap();
        let ended = self.end(playing);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{self}");
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let place = if self.in_child { "a child" } else { "the first process" };
        let sent = if self.to_all { "to all" } else { "to one" };
        write!(f, "{} in {place}, a signal {sent}", self.wait.wait)
    }
}

/// Children of a process that have ended and that it has not reaped.
fn zombies(parent: Pid) -> usize {
    let stats = fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let zombie = format!("Z {parent} ");
    stats.filter(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(&zombie))).count()
}

/// Plays a part with every wait, in the first process and in a child, some at a time.
fn with_every_wait(part: &str, play: impl Fn(&Scene) + Sync) {
    let folder = |number: usize| format!("signals-{part}-{}-{number}", std::process::id());
    let scene = |number: usize| Scene {
        wait: &WAITS[number / 2],
        in_child: number % 2 == 1,
        to_all: (number + number / 2) % 2 == 1,
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder(number)),
    };
    let scenes: Vec<Scene> = (0..WAITS.len() * 2).map(scene).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Standard input belongs to the first process.
                    if !(scene.in_child && scene.wait.gives == "typed") {
                        play(scene);
                    }
                }
            });
        }
    });
}

#[test]
fn ctrl_c_ends_every_wait() {
    with_every_wait("int", |scene| scene.ends_by(Signal::SIGINT, 130));
}

#[test]
fn term_ends_every_wait() {
    with_every_wait("term", |scene| scene.ends_by(Signal::SIGTERM, 143));
}

#[test]
fn hup_ends_every_wait() {
    with_every_wait("hup", |scene| scene.ends_by(Signal::SIGHUP, 129));
}

#[test]
fn a_second_ctrl_c_ends_every_wait_at_once() {
    with_every_wait("twice", Scene::ends_at_once);
}

#[test]
fn who_is_stopped_in_a_wait_goes_on() {
    with_every_wait("stop", Scene::goes_on);
}
