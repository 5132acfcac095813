//! Bugs of the protocol, made on purpose: each must be found by the tests that are here.

use super::shm::faults::SEED_VARIABLE;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A bug by the name that it has in `seeded!`, and the part of the tests that must find it.
pub struct Seed {
    pub name: &'static str,
    /// Of this program: a part of the names of tests.
    pub tests: &'static str,
}

pub const SEEDS: &[Seed] = &[
    seed("no baton", "receive_asleep"),
    seed("no wake after a death", "receive_asleep"),
    seed("the dead stay counted", "select_timed_out"),
    seed("no rebuild of the arena", "send_alone_block"),
    seed("no rebuild of the process table", "spawn_that_fails"),
    seed("no redo of holders", "make_and_drop"),
    seed("no index repair", "send_alone"),
    seed("no pending", "lock_alone"),
    seed("commit before fill", "send_alone"),
    seed("loss not told", "send_alone"),
    seed("hands stay", "send_alone_block"),
    seed("half-reaped stay", "send_alone"),
    seed("unborn children stay", "spawn_that_fails"),
    seed("a failed spawn keeps its handles", "spawn_that_fails"),
    seed("born into another's slot", "born_late"),
    seed("cleared up by two", "cleared_up_by_two"),
    seed("destroyed while somebody looks", "looked_into"),
    seed("an island that somebody holds is freed", "islands"),
    seed("ended with a sender alive", "send_to_sleepers"),
    seed("a time-out loses the message", "time_outs"),
    seed("both stages of a pipeline end at once", "random_process_graphs"),
    seed("a circle with a lock ends quietly", "random_process_graphs"),
    seed("a select arm stays linked", "select_timed_out"),
    seed("permits come back twice", "semaphore_alone"),
    seed("waiters sleep on after a death", "semaphore_with_sleepers"),
    seed("parts of shared objects stay in dead hands", "list_"),
    seed("a map is not counted anew", "map_set"),
    seed("an array is written in place with two holders", "array_receive_and_write"),
    seed("what a result names goes", "array_as_result"),
    seed("taken ends stay in the result", "end_taken_out_of_a_result"),
    seed("what a result alone has named stays", "processes_in_results"),
];

const fn seed(name: &'static str, tests: &'static str) -> Seed {
    Seed { name, tests }
}

/// How the tests ended that must find the bug.
pub enum Found {
    Yes,
    No,
    /// They did not come to an end.
    Hangs,
}

/// Runs this program with the bug.
pub fn run(seed: &Seed) -> Found {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(seed.tests).env(SEED_VARIABLE, seed.name).env("RUST_BACKTRACE", "0");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(200) {
        match child.try_wait().unwrap() {
            Some(status) if status.success() => return Found::No,
            Some(_) => return Found::Yes,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    Found::Hangs
}
