//! Memory comes back after bursts, also while a process does nothing but wait.

#[path = "support/tree.rs"]
mod tree;

use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use tree::{Run, command, start_as};

const MIB: u64 = 1 << 20;

/// Bytes of memory that a process has now.
fn resident(run: &Run) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{}/statm", run.child.id())).unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Bytes of the shared memory of a run.
fn shared(run: &Run) -> u64 {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", run.child.id())).unwrap();
    let files = descriptors.map(|entry| entry.unwrap().path());
    let regions =
        files.filter(|file| fs::read_link(file).is_ok_and(|name| name.to_string_lossy().contains("memfd:mplang")));
    regions.map(|file| fs::metadata(file).unwrap().blocks() * 512).sum()
}

/// Runs a script that prints and waits before a burst, at its height and after it: the burst takes `least` bytes, of
/// which no more than a quarter stay.
fn burst(code: &str, measure: fn(&Run) -> u64, least: u64) -> Run {
    let mut command = command(code);
    command.stdin(Stdio::piped());
    let mut run = start_as(command);
    let mut input = run.child.stdin.take().unwrap();
    assert_eq!(run.line(), "before");
    let before = measure(&run);
    input.write_all(b"\n").unwrap();
    assert_eq!(run.line(), "full");
    let height = measure(&run);
    assert!(height >= before + least, "{height} bytes after {before}");
    input.write_all(b"\n").unwrap();
    assert_eq!(run.line(), "after");
    run.until("memory stays", |run| measure(run) < before + least / 4);
    run.child.stdin = Some(input);
    run
}

/// Gives the line that the script waits for, and sees it end.
fn end(mut run: Run) {
    run.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let ended = run.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

/// A dropped list does not stay with a process that waits for a line of input.
#[test]
fn a_dropped_list_comes_back_while_input_is_awaited() {
    let code = r#"
print("before"); input()
var xs = [i for i in 0..4_000_000]
print("full"); input()
xs = []
print("after"); input()
"#;
    end(burst(code, resident, 60 * MIB));
}

/// Nor with one that waits for another process.
#[test]
fn a_dropped_map_comes_back_while_a_process_is_awaited() {
    let code = r#"
print("before"); input()
var m = {}
for i in 0..400_000 { m[str(i)] = [i] }
print("full"); input()
m = {}
let p = spawn { sleep(600) }
print("after")
join(p)
"#;
    let run = burst(code, resident, 40 * MIB);
    run.signal(Signal::SIGTERM);
    assert_eq!(run.end().status, Some(143));
}

/// Queues that nobody can reach any more leave their shared memory to the system.
#[test]
fn dropped_queues_leave_the_shared_memory() {
    let code = r#"
let first = queue()
print("before"); input()
var qs = [queue() for _ in 0..100_000]
print("full"); input()
qs = []
print("after"); input()
"#;
    end(burst(code, shared, 50 * MIB));
}

/// A child that only reads what it has inherited makes no copy of it.
#[test]
fn a_child_that_reads_writes_nothing() {
    let code = r#"
fn own() = int(read_text("/proc/self/smaps_rollup").lines().find(|line| line.starts_with("Private_Dirty:")).split()[1])
fn read(xs, m) {
    let before = own()
    var count = 0
    for x in xs { if x in m { count += 1 } }
    for k, v in m { count += v.len() }
    [count, own() - before < 1024]
}
let xs = [f"name {i}" for i in 0..300_000]
let m = {x: [x] for x in xs[..100_000]}
print(join(spawn read(xs, m)), xs.len(), m.len())
"#;
    let ended = start_as(command(code)).end();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("[200000, true] 300000 100000\n", ""));
}

/// The allocator takes little address space at first, since it notes something for all of it at once, which every fork
/// hands on; a large heap gets a gibibyte in which huge pages may lie. A new version of it may need other ways for that.
#[test]
fn address_space_grows_with_the_heap() {
    let code = r#"
fn space() = int(read_text("/proc/self/status").lines().find(|line| line.starts_with("VmData:")).split()[1])
print(space())
let xs = [[i] for i in 0..2_000_000]
print(space())
"#;
    let mut run = start_as(command(code));
    let mut mebibytes = || run.line().parse::<u64>().unwrap() / 1024;
    let (before, after) = (mebibytes(), mebibytes());
    assert!((32..256).contains(&before), "{before} MiB at first");
    assert!((before + 1024..before + 1536).contains(&after), "{before} MiB, then {after} MiB");
    assert_eq!(run.end().status, Some(0));
}
