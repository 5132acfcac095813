//! `mplang ps` and SIGQUIT on scripts that run. Each run has a deadline and must leave nobody behind.

#[path = "support/tree.rs"]
mod tree;

use mplang::shm::inspect::{Unseen, attach};
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::process::{ChildStderr, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);

/// What is no region yet is told from what is none: a program that is about to spawn has no other processes.
#[test]
fn a_region_that_is_being_made_is_known() {
    let memory = || memfd_create("region", MFdFlags::MFD_CLOEXEC).unwrap();
    let (empty, unmarked, other) = (File::from(memory()), File::from(memory()), File::from(memory()));
    unmarked.set_len(1 << 30).unwrap();
    other.set_len(1 << 30).unwrap();
    other.write_all_at(b"something", 0).unwrap();
    assert_eq!(attach(&empty), Err(Unseen::Unmarked));
    assert_eq!(attach(&unmarked), Err(Unseen::Unmarked));
    assert_eq!(attach(&other), Err(Unseen::Refused));
}

/// A script that runs until the value goes.
struct Run {
    tree: tree::Run,
    stderr: BufReader<ChildStderr>,
}

impl Run {
    fn start(code: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mplang"));
        command.args(["-e", code]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut tree = tree::start_within(command, DEADLINE);
        let stderr = BufReader::new(tree.child.stderr.take().unwrap());
        Run { tree, stderr }
    }

    fn pid(&self) -> i32 {
        self.tree.group.as_raw()
    }

    fn line(&mut self) -> String {
        self.tree.line()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let group = self.tree.group;
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.tree.child.wait();
        let started = Instant::now();
        while killpg(group, None) != Err(Errno::ESRCH) && started.elapsed() < DEADLINE {
            sleep(Duration::from_millis(1));
        }
    }
}

fn ps(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mplang")).arg("ps").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The cells of each process's row, by its id.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    let rows = text.lines().skip(2);
    rows.map(|row| {
        let mut cells: Vec<String> =
            row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
        (cells.remove(0), cells)
    })
    .collect()
}

/// Looks until every process does what it shall do in the end, and gives the rows.
fn settled(pid: i32, wanted: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let started = Instant::now();
    loop {
        let (status, text, _) = ps(&[&pid.to_string()]);
        let rows = if status == Some(0) { rows(&text) } else { Vec::new() };
        let does = |(id, what): &(&str, &str)| {
            rows.iter().any(|(row, cells)| row == id && cells.iter().any(|cell| cell == what))
        };
        if wanted.iter().all(does) && rows.len() == wanted.len() {
            return rows;
        }
        assert!(started.elapsed() < DEADLINE, "{text}");
    }
}

const SCENE: &str = r#"
fn consume(q) { for x in q { print(x) } }
fn hold(l, ready, go) { with l { ready.put(1); go.get() } }
let q, go, ready, l = queue(), queue(), queue(), lock()
let eater = spawn(name = "eater") consume(q)
let holder = spawn hold(l, ready, go)
ready.get()
let taker = spawn { l.acquire() }
let busy = spawn { loop { } }
let outer = spawn {
    let inner = spawn { sleep(100) }
    join(inner)
}
let timed = spawn { q.put(1); go.get(timeout = 50) }
let shell = spawn { run("sleep", "100") }
join(timed)
"#;

/// The process tree, with what each does, where, and for how long.
#[test]
fn ps_shows_what_every_process_does() {
    let mut run = Run::start(SCENE);
    assert_eq!(run.line(), "1");
    let rows = settled(
        run.pid(),
        &[
            ("P", "waits for the end of process P.6"),
            ("P.1 eater", "waits for a message from the queue"),
            ("P.2", "waits for a message from the queue"),
            ("P.3", "waits for the lock, which process P.2 has"),
            ("P.4", "runs"),
            ("P.5", "waits for the end of process P.5.1"),
            ("P.5.1", "sleeps"),
            ("P.6", "waits for a message from the queue, with a time limit"),
            ("P.7", "waits for a command"),
        ],
    );
    let lines = [16, 2, 3, 8, 9, 12, 11, 14, 15].map(|line| format!("<command>:{line}"));
    for ((id, cells), line) in rows.iter().zip(&lines) {
        assert!(cells[0].parse::<i32>().is_ok(), "{id} {cells:?}");
        assert_eq!(cells[1], *line, "{id} {cells:?}");
        assert!(cells.last().unwrap().ends_with("iB"), "{id} {cells:?}");
        let since = cells.iter().find_map(|cell| cell.strip_suffix(" s")).map(|text| text.parse::<f64>().unwrap());
        assert_eq!(since.is_some(), id != "P.4", "{id} {cells:?}");
        assert!(since.is_none_or(|since| since < DEADLINE.as_secs_f64()), "{id} {cells:?}");
    }
    // Any process of a tree stands for it, and a stopped one is told.
    let busy: i32 = rows[4].1[0].parse().unwrap();
    kill(Pid::from_raw(busy), Signal::SIGSTOP).unwrap();
    let started = Instant::now();
    loop {
        let (status, text, _) = ps(&[&busy.to_string()]);
        assert_eq!(status, Some(0));
        assert!(text.starts_with(&format!("{}: mplang -e", run.pid())), "{text}");
        if text.lines().any(|line| line.contains("P.4") && line.contains("is stopped")) {
            break;
        }
        assert!(started.elapsed() < DEADLINE, "{text}");
    }
}

/// All scripts of the user are found, also one that has no other process.
#[test]
fn ps_finds_all_scripts() {
    let mut runs = [Run::start("print('a'); sleep(100)"), Run::start("spawn { print('b'); sleep(100) }")];
    for run in &mut runs {
        run.line();
    }
    let (status, text, _) = ps(&[]);
    assert_eq!(status, Some(0));
    for run in &runs {
        let found = text.matches(&format!("{}: mplang -e", run.pid())).count();
        assert_eq!(found, 1, "{text}");
    }
}

/// What cannot be looked at is an error that says why.
#[test]
fn ps_says_why_not() {
    let (status, _, stderr) = ps(&["999999999"]);
    assert_eq!((status, stderr.as_str()), (Some(1), "mplang: there is no process 999999999\n"));
    let me = std::process::id().to_string();
    let (status, _, stderr) = ps(&[&me]);
    assert_eq!((status, stderr), (Some(1), format!("mplang: process {me} is not an mplang script\n")));
    let (status, _, stderr) = ps(&["all"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("`ps` needs the number of a process, not `all`"), "{stderr}");
}

/// Names are the script's: whatever they hold, the table stays one, and nothing reaches the terminal but text.
#[test]
fn ps_shows_any_name_in_a_line() {
    let code = r#"
        let q = queue()
        spawn(name = "a\n\e[31mb") { q.get() }
        spawn(name = "x" * 1000) { q.get() }
        spawn sleep(100)
        print("ready")
        q.get(timeout = 100)
    "#;
    let mut run = Run::start(code);
    assert_eq!(run.line(), "ready");
    let (status, text, _) = ps(&[&run.pid().to_string()]);
    assert_eq!(status, Some(0));
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() < 250), "{text}");
    assert!(text.contains("P.2 xxx") && text.contains("xxx…"), "{text}");
    assert!(text.contains(r"P.1 a\n\x1b[31mb "), "{text}");
    // A built-in function that was spawned is where it was spawned.
    assert!(text.lines().any(|line| line.contains("P.3 ") && line.contains("<command>:5 ")), "{text}");
}

/// A program that spawns and ends processes without pause is looked at again and again.
#[test]
fn ps_looks_while_things_change() {
    let code = r#"
        fn work(n) { let q = queue(); if n > 0 { spawn work(n - 1) }; q.put("x" * 1000); q.get() }
        print("ready")
        loop { join([spawn(name = "w" * n) work(n % 3) for n in 0..20]) }
    "#;
    let mut run = Run::start(code);
    assert_eq!(run.line(), "ready");
    let pid = run.pid().to_string();
    for _ in 0..60 {
        let (status, text, stderr) = ps(&[&pid]);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{text}");
        assert!(rows(&text).iter().any(|(id, _)| id == "P"), "{text}");
    }
    assert!(run.tree.child.try_wait().unwrap().is_none(), "it goes on");
}

/// Asked by SIGQUIT, the first process tells of its own wait as `ps` does.
#[test]
fn quit_tells_what_the_first_process_waits_for() {
    for (wait, says) in [
        ("join(p)", "waits for the end of process P.1"),
        ("l.acquire()", "waits for the lock, which process P.1 has"),
        ("q.get(timeout = 100)", "waits for a message from the queue, with a time limit"),
        ("r.acquire()", "waits for the rlock, which process P.1 has"),
        ("rw.write().acquire()", "waits for the rwlock, which process P.1 and process P.2 have"),
        (
            "select { done [p, o] => 1; x from q => 2 }",
            "waits for a message from the queue or the end of process P.1 or the end of process P.2",
        ),
        (
            "select { done [p, o, p, o, p, o] => 1; x from q => 2 }",
            "waits for a message from the queue, the end of process P.1, the end of process P.2, the end of process P.1 or 3 more",
        ),
    ] {
        let code = format!(
            "let l = lock(); let q = queue(); let taken = queue(); let r = rlock(); let rw = rwlock()
let p = spawn {{ with l, r, rw.read() {{ taken.put(1); sleep(100) }} }}
taken.get()
let o = spawn {{ with rw.read() {{ taken.put(1); sleep(100) }} }}
taken.get(); print('ready'); {wait}"
        );
        let mut run = Run::start(&code);
        assert_eq!(run.line(), "ready");
        let started = Instant::now();
        while !ps(&[&run.pid().to_string()]).1.contains(says) {
            assert!(started.elapsed() < DEADLINE);
        }
        kill(Pid::from_raw(run.pid()), Signal::SIGQUIT).unwrap();
        let mut text = String::new();
        while !text.contains("P.2  ") || !text.ends_with('\n') {
            assert_ne!(run.stderr.read_line(&mut text).unwrap(), 0, "{text}");
        }
        assert!(text.contains(says), "{text}");
    }
}

/// SIGQUIT tells what the program does, computing or waiting, and it goes on; twice, it ends.
#[test]
fn quit_asks_and_twice_ends() {
    for code in ["sleep(100)", "join(spawn sleep(100))", "loop { }"] {
        let mut run = Run::start(&format!("print('ready', file = stderr); {code}"));
        let mut line = String::new();
        run.stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        line.clear();
        let group = Pid::from_raw(run.pid());
        killpg(group, Signal::SIGQUIT).unwrap();
        run.stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with(&format!("{}: mplang -e", run.pid())), "{line}");
        line.clear();
        run.stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with("process"), "{line}");
        assert!(run.tree.child.try_wait().unwrap().is_none(), "it goes on");
        // Some time after the first, so that it is not the same press.
        let started = Instant::now();
        let status = loop {
            killpg(group, Signal::SIGQUIT).ok();
            if let Some(status) = run.tree.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < DEADLINE);
            sleep(Duration::from_millis(100));
        };
        assert_eq!(status.code(), Some(131));
        let mut rest = String::new();
        run.stderr.read_to_string(&mut rest).unwrap();
    }
}
