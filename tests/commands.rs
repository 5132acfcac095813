//! External commands in the tree of processes: what they get, and that they end with the process that started them,
//! however it ends.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::{Signal, kill, killpg};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tree::{command, heed_signals, start, start_as, state};

/// A command with children in its group, in a group and in a session of their own, which says when they are there.
const TREE: &str = r#"
let tree = ["sh", "-c", "sleep 1001 & setsid sleep 1002 & (setsid setsid sleep 1003) & echo started; wait"]
"#;

const SLEEPERS: [&str; 3] = ["sleep 1001", "sleep 1002", "sleep 1003"];

fn all_there(run: &tree::Run) -> bool {
    SLEEPERS.iter().all(|part| !run.named(&format!("(sleep) {part}")).is_empty())
}

fn ended(code: &str) -> tree::Ended {
    start(code).end()
}

/// A command gets what a shell would give it: no descriptor of the run, no signal blocked or ignored.
#[test]
fn commands_inherit_nothing_of_ours() {
    // The last seven digits are the signals that programs use.
    let asked = "ls /proc/self/fd; grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status | grep -o '.......$'";
    let mut direct = Command::new("sh");
    heed_signals(direct.args(["-c", asked]).stdin(Stdio::null()));
    let direct = direct.output().unwrap();
    let direct = String::from_utf8(direct.stdout).unwrap();
    let code = format!(
        r#"
let asked = ["sh", "-c", "{asked}"]
let f = open("/proc/self/status")
let q = queue()
let p = spawn {{ q.get() }}
let other = lines("yes")
for line in other {{ break }}
run(asked)
run(asked, input = "much")
print(capture(asked))
print(lines(asked).list().join("\n"))
q.put(1)
join(spawn {{ run(asked) }})
"#
    );
    let ended = ended(&code);
    assert_eq!(ended.stdout, direct.repeat(5), "{}", ended.stderr);
}

/// What a command leaves in the background goes on until its process ends.
#[test]
fn what_a_command_leaves_ends_with_its_process() {
    for end in ["null", "throw 'x'", "exit(3)", "run('false')"] {
        let code = r#"
run("sh", "-c", "sleep 1001 & setsid sleep 1002 & (setsid setsid sleep 1003) >/dev/null 2>&1 &")
print("on")
input()
"#
        .to_owned()
            + end;
        let mut command = command(&code);
        command.stdin(Stdio::piped());
        let mut run = start_as(command);
        assert_eq!(run.line(), "on");
        run.until("they go on", all_there);
        std::io::Write::write_all(&mut run.child.stdin.take().unwrap(), b"end\n").unwrap();
        run.end();
    }
}

/// A command ends with its process, with all that came of it, whatever ends that.
#[test]
fn commands_end_with_their_process() {
    for (how, said) in [("kill", "process_killed"), ("terminate", "process_killed"), ("stop", "process_killed")] {
        for call in ["run(tree)", "capture(tree)", "for x in lines(tree) { print(x) }; sleep(1000)"] {
            let code = format!(
                "{TREE}
let p = spawn {{ {call} }}
input()
p.{how}()
try {{ join(p) }} catch e {{ print(e.kind) }}
input()"
            );
            let mut command = command(&code);
            command.stdin(Stdio::piped());
            let mut run = start_as(command);
            run.until("the command runs", all_there);
            let mut input = run.child.stdin.take().unwrap();
            std::io::Write::write_all(&mut input, b"go on\n").unwrap();
            while !matches!(run.line().as_str(), line if line == said) {}
            run.until("the command is gone", |run| run.named("(sleep) sleep 100").is_empty());
            drop(input);
            assert_eq!(run.end().status, Some(1), "{how} {call}");
        }
    }
}

/// The signals that end a run end its commands, when they come to the first process only and when they come to all.
#[test]
fn signals_end_commands() {
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        for to_all in [false, true] {
            for call in ["run(tree)", "join(spawn { run(tree) })", "spawn { capture(tree) }; lines(tree).list()"] {
                let run = start(&format!("{TREE}\n{call}"));
                run.until("the command runs", all_there);
                if to_all {
                    killpg(run.group, signal).unwrap()
                } else {
                    run.signal(signal)
                }
                let asked = Instant::now();
                let ended = run.end();
                assert_eq!(ended.status, Some(status), "{signal} {call}: {}", ended.stderr);
                assert!(asked.elapsed() < Duration::from_secs(10));
                let told = ended.stderr.matches("error").count();
                assert_eq!(told, usize::from(signal == Signal::SIGINT), "{signal} {to_all} {call}: {}", ended.stderr);
            }
        }
    }
}

/// The first process is killed, or its whole group: everything goes.
#[test]
fn a_killed_run_takes_its_commands_with_it() {
    for whole_group in [false, true] {
        let run = start(&format!("{TREE}\nspawn {{ spawn {{ run(tree) }}; capture(tree) }}\nrun(tree)"));
        run.until("the commands run", |run| run.named("(sleep) sleep 100").len() == 9);
        let killed = Instant::now();
        if whole_group {
            killpg(run.group, Signal::SIGKILL).unwrap()
        } else {
            run.signal(Signal::SIGKILL)
        }
        assert_eq!(run.end().signal, Some(9));
        assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    }
}

/// What does not heed a request to end is killed a second later.
#[test]
fn stubborn_commands_are_killed() {
    let mut run = start("run('sh', '-c', 'trap \"\" TERM; sleep 1001 & echo started; wait', timeout = 1s)");
    assert_eq!(run.line(), "started");
    let ended = run.end();
    assert!(ended.stderr.contains("has not ended within 1 s"), "{}", ended.stderr);
    let run = start("spawn { run('sh', '-c', 'trap \"\" TERM; while :; do sleep 1001; done') }; sleep(1000)");
    run.until("the command runs", |run| !run.named("(sleep) sleep 1001").is_empty());
    run.signal(Signal::SIGTERM);
    assert_eq!(run.end().status, Some(143));
}

/// Even when a guard is killed the command ends with it, and what is left of it with the run.
#[test]
fn a_killed_guard_leaves_nothing() {
    let mut command = command(&format!("{TREE}\ntry {{ run(tree) }} catch e {{ print(e.kind) }}\ninput()"));
    command.stdin(Stdio::piped());
    let mut run = start_as(command);
    assert_eq!(run.line(), "started");
    run.until("the command runs", all_there);
    kill(run.named("(mplang-guard)")[0], Signal::SIGKILL).unwrap();
    assert_eq!(run.line(), "process_killed");
    drop(run.child.stdin.take());
    assert_eq!(run.end().status, Some(1));
}

/// A stream of lines that is given up stops its command while the script goes on.
#[test]
fn given_up_lines_stop_their_command() {
    let code = r#"
fn first() { for line in lines("sh", "-c", "echo a; sleep 1001 & sleep 1002") { return line } }
print(first())
input()
"#;
    let mut command = command(code);
    command.stdin(Stdio::piped());
    let mut run = start_as(command);
    assert_eq!(run.line(), "a");
    run.until("the command is gone", |run| run.processes().len() == 1);
    drop(run.child.stdin.take());
    run.end();
}

/// A detached command outlives the run; and nothing else does.
#[test]
fn detached_commands_go_on() {
    let run =
        start("print(run('sleep', 1001, detach = true)); join(spawn { print(run('sleep', 1002, detach = true)) })");
    run.until("both run", |run| run.named("(sleep)").len() == 2);
    run.until("the run has ended", |run| state(run.group).is_none_or(|state| state == 'Z'));
    let left = run.named("");
    assert_eq!(left.len(), 2, "{:?}", run.processes());
    left.iter().for_each(|pid| kill(*pid, Signal::SIGTERM).unwrap());
    assert_eq!(run.end().status, Some(0));
}

/// Ctrl-Z and `fg`: the commands stop and go on with the run.
#[test]
fn commands_are_stopped_and_continued_with_the_run() {
    let mut command =
        command("spawn { run('sleep', 1001, check = false) }; run('sleep', 1002, check = false); print('on')");
    command.stdin(Stdio::piped());
    let mut run = start_as(command);
    run.until("the commands run", |run| run.named("(sleep)").len() == 2);
    killpg(run.group, Signal::SIGTSTP).unwrap();
    let stopped = |run: &tree::Run, wanted: bool| {
        let mut all = run.processes().into_iter().filter(|(_, line)| !line.starts_with("(mplang-guard)"));
        all.all(|(pid, _)| (state(pid) == Some('T')) == wanted)
    };
    run.until("all are stopped", |run| stopped(run, true));
    killpg(run.group, Signal::SIGCONT).unwrap();
    run.until("all go on", |run| stopped(run, false));
    run.named("(sleep)").into_iter().for_each(|pid| kill(pid, Signal::SIGTERM).unwrap());
    assert_eq!(run.line(), "on");
    assert_eq!(run.end().status, Some(0));
}

/// A guard, and a detached command, leave the run's group as they start. One that is stopped with the group just then is
/// not in it any more when the group is continued.
#[test]
fn a_stop_in_the_start_of_a_command_is_over_with_that_of_the_group() {
    let run = start(
        "
let start = now()
while now() - start < 4 { run('true'); run('true', detach = true) }
print('done')
",
    );
    let started = Instant::now();
    for round in 0.. {
        killpg(run.group, Signal::SIGSTOP).unwrap();
        killpg(run.group, Signal::SIGCONT).unwrap();
        if state(run.group) == Some('Z') {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "after {round} stops: {:?}", run.processes());
        // At another moment of a start each time.
        std::thread::sleep(Duration::from_micros(round * 37 % 200));
    }
    let ended = run.end();
    assert_eq!((ended.status, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "done\n", ""));
}

/// In a session of its own, where nobody looks after the run's process group, a stopped process of the run and the end
/// of a command do not make the kernel hang up the group.
#[test]
fn the_end_of_a_command_beside_a_stopped_process_hangs_nobody_up() {
    let code = "
let p = spawn { sleep(1000) }
run('kill', '-STOP', str(p.pid))
run('true')
print(p.alive)
p.kill()
print(p.wait().signal)
";
    let mut command = Command::new("setsid");
    command.args(["--wait", env!("CARGO_BIN_EXE_mplang"), "-e", code]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    heed_signals(&mut command);
    let ended = start_as(command).end();
    assert_eq!((ended.status, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "true\n9\n", ""));
}

/// `mplang … | head -1` with a command that writes: silence and 141.
#[test]
fn a_closed_output_ends_the_run_quietly() {
    for code in ["run('yes'); print('never')", "join(spawn { run('yes') })", "run('sh', '-c', 'yes; exit $?')"] {
        let mut run = start(code);
        assert_eq!(run.line(), "y");
        run.stdout = None;
        let ended = run.end();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(141), ""), "{code}");
    }
}

/// Who starts the run with a signal ignored wants it so, for the commands too.
#[test]
fn ignored_signals_stay_ignored() {
    let mut command = command("print('ready'); run('sh', '-c', 'kill -HUP $$; echo alive'); input(); print('on')");
    command.stdin(Stdio::piped());
    // SAFETY: signal is a plain system call, allowed between fork and exec.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let mut run = start_as(command);
    assert_eq!((run.line(), run.line()), ("ready".into(), "alive".into()));
    run.signal(Signal::SIGHUP);
    std::io::Write::write_all(&mut run.child.stdin.take().unwrap(), b"go on\n").unwrap();
    let ended = run.end();
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "on\n"));
}

/// Thousands of commands leave no descriptor, no process and no zombie.
#[test]
fn nothing_grows() {
    let code = r#"
fn settled() {
    for i in 0..1000 { if read_text("/proc/thread-self/children") == "" { break }; sleep(10ms) }
    [files("/proc/self/fd/*").len(), read_text("/proc/thread-self/children")]
}
fn round() {
    for i in 0..50 {
        run("true")
        capture("echo", i)
        for line in lines("yes") { break }
        try { run("no-such-command") } catch e { }
        run("true", input = "text", check = false)
    }
}
round()
let before = settled()
for i in 0..3 { round() }
let after = settled()
print(before == after, before, after)
"#;
    let ended = ended(code);
    assert!(ended.stdout.starts_with("true"), "{} {}", ended.stdout, ended.stderr);
}
