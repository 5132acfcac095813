//! How runs end from outside: signals with many processes, with commands, and while stopped.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::{Signal, killpg};
use std::fs::OpenOptions;
use std::time::{Duration, Instant};
use tree::{command, start, start_as, state};

/// Hundreds of processes, in a tree, end with one message; or at once with the killed first one.
#[test]
fn many_processes_end_together() {
    for (signal, status) in [(Signal::SIGINT, Some(130)), (Signal::SIGTERM, Some(143)), (Signal::SIGKILL, None)] {
        let mut run = start(
            "fn leaf(q) { q.put(1); sleep(1000) }
fn branch(q) { let ps = [spawn leaf(q) for i in 0..19]; q.put(1); join(ps) }
let q = queue()
let ps = [spawn branch(q) for i in 0..10]
q.get_many(1)
for i in 0..199 { q.get() }
print('ready')
join(ps)",
        );
        assert_eq!(run.line(), "ready");
        assert_eq!(run.processes().len(), 201);
        run.signal(signal);
        let ended = run.end();
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("error").count(), usize::from(signal == Signal::SIGINT), "{}", ended.stderr);
    }
}

/// Signals give the status that they always give, and what went wrong in a `finally` on the way is told.
#[test]
fn an_error_in_finally_is_told_though_a_signal_ends_the_run() {
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut run = start("try { print('ready'); sleep(1000) } finally { throw 'cannot clear up' }");
        assert_eq!(run.line(), "ready");
        run.signal(signal);
        let ended = run.end();
        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot clear up"), "{}", ended.stderr);
    }
}

/// A second Ctrl-C does not wait for a command that clears up, or does not heed the first.
#[test]
fn a_second_ctrl_c_ends_at_once() {
    let code = "try { run('sh', '-c', 'trap \"\" TERM INT; echo ready; while :; do sleep 1001; done') } finally { sleep(1000) }";
    let mut run = start(code);
    assert_eq!(run.line(), "ready");
    let asked = Instant::now();
    while run.child.try_wait().unwrap().is_none() {
        run.signal(Signal::SIGINT);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(run.end().status, Some(130));
}

/// Ctrl-Z and `fg` in the middle of work: nothing is lost and nobody takes the stop for the end of something.
#[test]
fn a_stopped_run_goes_on_as_if_nothing_was() {
    let code = "
fn square(work, done) { for n in work { done.put(n * n) } }
fn feed(work) { for n in 0..200 { work.put(n); sleep(1ms) }; work.close() }
let work = queue(capacity = 3)
let done = queue(capacity = 3)
let l = lock()
print('ready')
let ps = [spawn square(work, done) for i in 0..4] + [spawn feed(work)]
let text = lines('sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.02; done')
var sum = 0
for i in 0..200 { sum += done.get(); if i % 20 == 0 { with l { run('true') } } }
join(ps)
print(sum, text.list().len())";
    let mut run = start(code);
    assert_eq!(run.line(), "ready");
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(30));
        killpg(run.group, Signal::SIGTSTP).unwrap();
        // One that waits for a stopped child to become a program is in state D.
        let all_in = |run: &tree::Run, states: &[char]| {
            let all = run.processes().into_iter().filter(|(_, line)| !line.starts_with("(mplang-guard)"));
            all.into_iter().all(|(pid, _)| state(pid).is_none_or(|state| states.contains(&state)))
        };
        run.until("all are stopped", |run| all_in(run, &['T', 'D', 'Z']));
        std::thread::sleep(Duration::from_millis(100));
        killpg(run.group, Signal::SIGCONT).unwrap();
        run.until("all go on", |run| all_in(run, &['R', 'S', 'D', 'Z']));
    }
    assert_eq!(run.line(), "2646700 10");
    let ended = run.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

/// A full disk is the error of whoever writes: the script, or its command.
#[test]
fn a_full_disk_is_an_error_with_commands_too() {
    for (code, words) in [
        ("run('echo', 'x')", "ended with status 1"),
        ("print('x'); run('true')", "no space is left on the device"),
        ("join(spawn { print('x'); capture('true') })", "no space is left on the device"),
        ("print('x'); lines('true').list()", "no space is left on the device"),
    ] {
        let mut command = command(code);
        command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let ended = start_as(command).end();
        assert_eq!(ended.status, Some(1), "{code}");
        assert!(ended.stderr.contains(words), "{code}: {}", ended.stderr);
    }
}
