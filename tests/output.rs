//! Output that waits for its turn: when it comes, and what closed and full outputs, signals and deaths make of it.
//! Each run is a process group of its own, has a deadline, and must leave nobody behind.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tree::{Run, start_as};

fn start(mode: &str, code: &str) -> Run {
    start_into(mode, code, Stdio::piped())
}

fn start_into(mode: &str, code: &str, stdout: Stdio) -> Run {
    let mut command = tree::command_in(mode, code);
    command.stdin(Stdio::piped()).stdout(stdout);
    start_as(command)
}

/// Gives the script a line of input.
fn answer(run: &mut Run) {
    writeln!(run.child.stdin.as_mut().unwrap()).unwrap();
}

/// Bytes of the run's memory file for output that are filled.
fn waiting(run: &Run) -> u64 {
    let files = fs::read_dir(format!("/proc/{}/fd", run.child.id())).unwrap();
    let is_spool =
        |path: &std::path::Path| fs::read_link(path).is_ok_and(|name| name.to_string_lossy().contains("mplang output"));
    let mut spools = files.map(|file| file.unwrap().path()).filter(|path| is_spool(path));
    std::os::unix::fs::MetadataExt::blocks(&fs::metadata(spools.next().unwrap()).unwrap()) * 512
}

/// Output comes as soon as its turn has come, while the run goes on, and not before.
#[test]
fn ordered_output_flows() {
    let code = r#"
        let go = [queue() for _ in 0..2]
        fn work(n, go) { print("begin", n); go.get(); print("end", n) }
        let ps = [spawn work(n, go[n]) for n in 0..2]
        for n in 0..2 { input(); go[n].put(1) }
        input()
        print("script")
    "#;
    let mut run = start("ordered", code);
    assert_eq!(run.line(), "begin 0");
    answer(&mut run);
    // The second process waits still; what it had printed comes with the end of the first.
    assert_eq!((run.line(), run.line()), ("end 0".to_string(), "begin 1".to_string()));
    answer(&mut run);
    assert_eq!(run.line(), "end 1");
    answer(&mut run);
    let ended = run.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "script\n"));
}

/// The turn passes also while the first process computes, and between processes that it did not spawn itself.
#[test]
fn the_turn_passes_while_the_script_computes() {
    let code = r#"
        fn inner(n, ready, go) { print("inner", n); ready.put(n); go.get(); print("inner ends", n) }
        fn outer(ready, go) {
            for n in 0..2 { spawn inner(n, ready, go[n]) }
            print("outer")
            ready.put(2)
            go[2].get()
            sleep(1000)
        }
        let ready, go = queue(), [queue() for _ in 0..3]
        let p = spawn outer(ready, go)
        for _ in 0..3 { ready.get() }
        for n in 0..3 { go[n].put(1) }
        var count = 0
        while true { count += 1 }
    "#;
    let mut run = start("ordered", code);
    let lines: Vec<String> = (0..5).map(|_| run.line()).collect();
    assert_eq!(lines, ["inner 0", "inner ends 0", "inner 1", "inner ends 1", "outer"]);
    run.signal(Signal::SIGTERM);
    assert_eq!(run.end().status, Some(143));
}

/// A group is written when its process ends; the script's own may be begun by a question that it asks.
#[test]
fn groups_come_at_the_ends_of_processes() {
    let code = r#"
        let go = queue()
        let first = spawn { print("first"); go.get(); print("first ends") }
        let second = spawn { print("second") }
        print("script")
        input("question? ")
        go.put(1)
        join(first)
        print("script ends")
    "#;
    let mut run = start("grouped", code);
    let mut lines = [run.line(), run.line()];
    // The end of the second process and the question have no order.
    if lines[0] == "second" {
        let mut question = [0; 10];
        run.stdout.as_mut().unwrap().read_exact(&mut question).unwrap();
        assert_eq!((lines[1].as_str(), &question), ("script", b"question? "));
    } else {
        lines.reverse();
        assert_eq!(lines, ["question? second", "script"]);
    }
    answer(&mut run);
    assert_eq!(run.end().stdout, "first\nfirst ends\nscript ends\n");
}

/// Memory that held waiting output is given back when that has been written, while the run goes on.
#[test]
fn memory_of_waiting_output_comes_back() {
    let code = r#"
        let go, ready, done = queue(), queue(), queue()
        let first = spawn { print("first"); go.get() }
        let second = spawn {
            for i in 0..200_000 { print("line", i, "x" * 80) }
            ready.put(1)
            done.get()
        }
        ready.get()
        print("script")
        input()
        go.put(1)
        input()
        done.put(1)
    "#;
    let mut run = start("ordered", code);
    assert_eq!(run.line(), "first");
    while waiting(&run) < 16 << 20 {
        sleep(Duration::from_millis(1));
    }
    answer(&mut run);
    for i in 0..200_000 {
        assert_eq!(run.line(), format!("line {i} {}", "x".repeat(80)));
    }
    let started = Instant::now();
    while waiting(&run) > 2 << 20 {
        assert!(started.elapsed() < Duration::from_secs(10), "{} bytes stay", waiting(&run));
        sleep(Duration::from_millis(1));
    }
    answer(&mut run);
    assert_eq!(run.end().stdout, "script\n");
}

/// More lines than a pipe holds, of four processes.
const MANY_LINES: &str = r#"
fn work(n) { for i in 0..50_000 { print(n, i) } }
for n in 0..4 { spawn work(n) }
"#;

/// A reader who goes ends the run quietly, with the status of a death by SIGPIPE.
#[test]
fn a_closed_output_ends_the_run() {
    for mode in ["live", "grouped", "ordered"] {
        let mut run = start(mode, MANY_LINES);
        run.line();
        run.stdout = None;
        let ended = run.end();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(141), ""), "{mode}");
    }
}

/// A full disk is an error, whoever wrote.
#[test]
fn a_full_disk_is_an_error() {
    let code = "for n in 0..3 { spawn { print('text', n) } }; print('text')";
    for mode in ["live", "grouped", "ordered"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = start_into(mode, code, full.into()).end();
        assert_eq!(ended.status, Some(1), "{mode}: {}", ended.stderr);
        let told = "cannot write to standard output: no space is left on the device";
        assert!(ended.stderr.contains(told), "{mode}: {}", ended.stderr);
    }
}

/// What waits behind a full disk fails as the first part did: that is told once.
#[test]
fn a_full_disk_is_told_once() {
    for code in [
        "let p = spawn { for n in 0..20_000 { print('text', n) } }; join(p); print('text')",
        "for n in 0..5 { spawn { print('y' * 200_000) } }",
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = start_into("grouped", code, full.into()).end();
        assert_eq!(ended.status, Some(1), "{code}: {}", ended.stderr);
        let told = "cannot write to standard output: no space is left on the device";
        assert_eq!(ended.stderr.matches(told).count(), 1, "{code}: {}", ended.stderr);
    }
}

/// What had been printed is written when a signal ends the run, in its order.
#[test]
fn an_interrupted_run_writes_what_waits() {
    let code = r#"
        let ready = queue()
        fn work(n) { print("line", n); ready.put(n); sleep(1000) }
        for n in 0..3 { spawn work(n) }
        for _ in 0..3 { ready.get() }
        print("script")
        print("ready", file = stderr)
        sleep(1000)
    "#;
    for mode in ["grouped", "ordered"] {
        let mut run = start(mode, code);
        let mut ready = [0; 6];
        run.child.stderr.as_mut().unwrap().read_exact(&mut ready).unwrap();
        run.signal(Signal::SIGINT);
        let ended = run.end();
        assert_eq!(ended.status, Some(130), "{mode}: {}", ended.stderr);
        let mut lines: Vec<&str> = ended.stdout.lines().collect();
        // The order in which the processes end is that of the signals.
        if mode == "grouped" {
            assert_eq!(lines[3], "script");
            lines.sort_unstable();
        }
        assert_eq!(lines, ["line 0", "line 1", "line 2", "script"]);
    }
}

/// Nobody reads, and the run is asked to end: it ends all the same.
#[test]
fn a_reader_who_sleeps_does_not_keep_the_run() {
    for mode in ["live", "grouped", "ordered"] {
        let mut run = start(mode, MANY_LINES);
        run.line();
        run.signal(Signal::SIGTERM);
        assert_eq!(run.child.wait().unwrap().code(), Some(143), "{mode}");
        assert_eq!(run.end().status, Some(143));
    }
}

/// The death of the script takes everything with it.
#[test]
fn a_killed_script_leaves_nobody() {
    for mode in ["grouped", "ordered"] {
        let mut run = start(mode, "for n in 0..3 { spawn { sleep(1000) } }; print('ready'); input(); sleep(1000)");
        if mode == "grouped" {
            answer(&mut run);
            assert_eq!(run.line(), "ready");
        }
        run.child.kill().unwrap();
        assert_eq!(run.end().signal, Some(9));
    }
}

/// Processes are killed while they print: of each comes a beginning of its lines, whole, once, and in its place.
#[test]
fn killed_processes_keep_their_places() {
    let code = r#"
        let ready = queue()
        fn work(n, depth) {
            if depth > 0 { spawn work(n + "a", depth - 1) }
            ready.put(n)
            for i in 0..400 { print("<", n, i, ">"); if i % 7 == 0 { sleep(0) } }
            sleep(1000)
        }
        random.seed(SEED)
        let ps = [spawn work(str(n), n % 3) for n in 1..13]
        for _ in 0..24 { ready.get() }
        for p in random.shuffled(ps) {
            sleep(random.float(0, 0.004))
            p.kill()
            p.wait()
        }
    "#;
    // Each spawns before it prints.
    let names = |n: usize| (0..=n % 3).rev().map(move |depth| format!("{n}{}", "a".repeat(depth)));
    let order: Vec<String> = (1..13).flat_map(names).collect();
    for mode in ["ordered", "grouped"] {
        for seed in 0..6 {
            let ended = start(mode, &code.replace("SEED", &seed.to_string())).end();
            assert_eq!(ended.status, Some(0), "{}", ended.stderr);
            let mut place = 0;
            let mut seen: Vec<&str> = Vec::new();
            let mut next = 0;
            for line in ended.stdout.lines() {
                let words: Vec<&str> = line.split(' ').collect();
                let ["<", name, number, ">"] = words[..] else { panic!("{mode} {seed}: torn: {line}") };
                if seen.last() != Some(&name) {
                    assert!(!seen.contains(&name), "{mode} {seed}: {name} comes again");
                    seen.push(name);
                    next = 0;
                    if mode == "ordered" {
                        let found = order[place..].iter().position(|other| other == name);
                        place += found.unwrap_or_else(|| panic!("{seed}: {name} comes after {seen:?}"));
                    }
                }
                assert_eq!(number, next.to_string(), "{mode} {seed}: of {name}");
                next += 1;
            }
        }
    }
}
