//! Two that clear up after the same process at once.

use super::shm::process_table::{self, Ended, ProcessRef};
use super::shm::{self, Channel, Role, UserLock, faults};
use super::stage::{Scene, Stage, drop_channel, put, spawn_child, state};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

pub fn scenes() -> Vec<Scene> {
    vec![Scene { name: "cleared_up_by_two", play: cleared_up_by_two, commits: false }]
}

/// The first stops at each of its points in turn, the second goes as far as it can, and begins a process, perhaps in
/// the same slot, before the first goes on: that one keeps what it holds.
fn cleared_up_by_two(stage: &Stage) {
    let (go, ready, done) = (stage.word(0), stage.word(1), stage.word(2));
    for point in 1.. {
        [go, ready, done].iter().for_each(|word| word.store(0, SeqCst));
        let channel = Channel::new(None).unwrap();
        let lock = UserLock::new().unwrap();
        let holds = [put(channel), (lock.object(), Role::Handle)];
        let dead = spawn_child(&holds, || ());
        await_end(dead);
        shm::give_up(dead.object(), Role::Handle);
        let second = spawn_child(&[], || {
            await_word(go);
            process_table::reap(dead, Ended::Exit(0));
            let next = shm::register_child("next").unwrap();
            holds.iter().for_each(|&(object, role)| shm::hold_for(next, object, role).unwrap());
            ready.store(1, SeqCst);
            await_word(done);
            process_table::cancel_child(next);
        });
        let first = spawn_child(&[], || {
            faults::stop_at(point);
            process_table::reap(dead, Ended::Exit(0));
            faults::die_at(0);
        });
        // From here to its end it may have anything locked.
        while !is_in(first, "TZ") {}
        let stopped = is_in(first, "T");
        go.store(1, SeqCst);
        while ready.load(SeqCst) == 0 && !is_in(second, "S") {}
        kill(pid(first), Signal::SIGCONT).unwrap();
        await_end(first);
        await_word(ready);
        for (object, role) in holds {
            assert_eq!(shm::holder_count(object, role), 2, "at point {point}");
        }
        done.store(1, SeqCst);
        await_end(second);
        for process in [first, second] {
            process_table::reap(process, Ended::Exit(0));
            shm::give_up(process.object(), Role::Handle);
        }
        drop_channel(channel);
        shm::give_up(lock.object(), Role::Handle);
        if !stopped {
            return;
        }
    }
}

fn pid(process: ProcessRef) -> Pid {
    Pid::from_raw(process.pid().unwrap())
}

fn await_end(process: ProcessRef) {
    waitpid(pid(process), None).unwrap();
}

fn await_word(word: &AtomicU64) {
    while word.load(SeqCst) == 0 {
        std::thread::yield_now();
    }
}

/// Whether the state of a process is one of some letters.
fn is_in(process: ProcessRef, letters: &str) -> bool {
    state(pid(process).as_raw()).is_some_and(|letter| letters.contains(letter))
}
