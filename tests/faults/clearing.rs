//! Two at once: they clear up after the same process, or the one looks into what the other one destroys.

use super::shm::exit_status::Ended;
use super::shm::map::{Key, Piece};
use super::shm::process_table::{self, ProcessRef};
use super::shm::result;
use super::shm::{self, Cell, Channel, List, Map, ObjectRef, Pipe, Role, UserLock, faults};
use super::stage::{Scene, Stage, drop_channel, put, spawn_child, state, take};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

pub fn scenes() -> Vec<Scene> {
    vec![
        Scene { name: "cleared_up_by_two", play: cleared_up_by_two, commits: false },
        Scene { name: "cleared_up_by_two_with_result", play: cleared_up_by_two_with_result, commits: false },
        Scene { name: "search", play: search, commits: false },
        Scene { name: "islands", play: islands, commits: false },
        Scene { name: "result_in_itself", play: result_in_itself, commits: false },
        Scene { name: "process_in_its_own_result", play: process_in_its_own_result, commits: false },
        Scene { name: "processes_in_results", play: processes_in_results, commits: false },
        Scene { name: "looked_into_while_destroyed", play: looked_into_while_destroyed, commits: false },
    ]
}

/// The first stops at each of its points in turn, the second goes as far as it can, and begins a process, perhaps in
/// the same slot, before the first goes on: that one keeps what it holds.
fn cleared_up_by_two(stage: &Stage) {
    clear_up_by_two(stage, || ());
}

/// The same, of a process whose result would keep what it names.
fn cleared_up_by_two_with_result(stage: &Stage) {
    clear_up_by_two(stage, || result::store_result(&[1; 100]).unwrap());
}

fn clear_up_by_two(stage: &Stage, end: fn()) {
    let (go, ready, done) = (stage.word(0), stage.word(1), stage.word(2));
    for point in 1.. {
        [go, ready, done].iter().for_each(|word| word.store(0, SeqCst));
        let channel = Channel::new(None).unwrap();
        let lock = UserLock::new().unwrap();
        let holds = [put(channel), (lock.object(), Role::Handle)];
        let dead = spawn_child(&holds, end);
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

/// Objects of all kinds that contain something.
fn containers(mentioned: &[(ObjectRef, Role)]) -> [(ObjectRef, Role); 5] {
    let list = List::new().unwrap();
    (0..3).for_each(|at| assert!(list.insert(at, &[1; 80], mentioned).unwrap()));
    let map = Map::new().unwrap();
    let [key, value] = [&b"key"[..], &[1; 80]].map(|bytes| Piece { bytes, handles: mentioned });
    map.set(&Key { piece: key, hash: 1, same: &|other| other == b"key" }, value).unwrap();
    let cell = Cell::new(&[1; 80], mentioned).unwrap();
    let pipe = Pipe::new(None).unwrap();
    pipe.a().send(&[1; 80], mentioned, None).unwrap();
    let handles = [list.object(), map.object(), cell.object()].map(|object| (object, Role::Handle));
    [handles[0], handles[1], handles[2], (pipe.object(), Role::A), (pipe.object(), Role::B)]
}

/// Who dies while it follows handles is in nobody's way.
fn search(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let holds = containers(&[(lock.object(), Role::Handle)]);
    stage.victim_alone(&[], shm::deadlock::search);
    holds.iter().for_each(|&(object, role)| shm::give_up(object, role));
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1);
    shm::give_up(lock.object(), Role::Handle);
}

/// Objects that lie in each other alone: who frees them may die, and what somebody reaches stays.
fn islands(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let mentioned = (lock.object(), Role::Handle);
    let in_each_other = || {
        let [a, b] = [(); 2].map(|()| Channel::new(None).unwrap());
        for (channel, other) in [(a, b), (b, a)] {
            channel.send(&[1; 80], &[put(other), take(other), mentioned], None).unwrap();
        }
        [a, b]
    };
    let ring = containers(&[mentioned]);
    let [list, cell] = [ring[0], ring[2]];
    List::of(list.0).insert(0, b"the pipe and the map", &[ring[1], ring[3], ring[4]]).unwrap();
    Cell::of(cell.0).store(b"the list", &[list]).unwrap();
    Pipe::of(ring[3].0).a().send(b"the cell", &[cell], None).unwrap();
    let [a, b] = in_each_other();
    let [kept, other] = in_each_other();
    let holds: Vec<_> = [put(a), take(b), put(other)].into_iter().chain(ring).collect();
    let victim = stage.victim(&holds, || {
        while shm::holder_count(a.object(), Role::Put) > 2 {
            std::thread::yield_now();
        }
        holds.iter().for_each(|&(object, role)| shm::give_up(object, role));
        shm::islands::collect();
    });
    ring.iter().for_each(|&(object, role)| shm::give_up(object, role));
    drop_channel(other);
    drop_channel(b);
    drop_channel(a);
    stage.bury(victim);
    shm::islands::collect();
    assert!(a.is_closed() && b.is_closed(), "nobody reaches them");
    assert_eq!((kept.len(), other.len()), (1, 1), "this process reaches them");
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 3);
    drop_channel(kept);
    assert_eq!(shm::islands::collect(), 2);
    shm::give_up(lock.object(), Role::Handle);
}

/// The result of a process names a channel in which the process lies.
fn result_in_itself(stage: &Stage) {
    let go = stage.word(0);
    let channel = Channel::new(None).unwrap();
    let child = stage.spawn(&[put(channel), take(channel)], || result::store_result(&[1; 100]).unwrap());
    stage.eventually("the child ends", || child.ended().is_some());
    channel.send(&[1; 80], &[(child.object(), Role::Handle)], None).unwrap();
    let victim = stage.victim(&[], || {
        await_word(go);
        shm::islands::collect();
    });
    stage.join(child);
    assert_eq!(shm::islands::collect(), 0, "this process reaches them");
    drop_channel(channel);
    assert!(child.exists());
    go.store(1, SeqCst);
    stage.bury(victim);
    shm::islands::collect();
    assert!(!child.exists(), "nobody reaches them");
}

fn process_in_its_own_result(stage: &Stage) {
    let go = stage.word(0);
    let child = stage.spawn(&[], || {
        shm::hold(process_table::me().unwrap().object(), Role::Handle).unwrap();
        result::store_result(&[1; 100]).unwrap();
    });
    stage.eventually("the child ends", || child.ended().is_some());
    let victim = stage.victim(&[], || {
        await_word(go);
        shm::islands::collect();
    });
    stage.join(child);
    assert!(child.exists());
    go.store(1, SeqCst);
    stage.bury(victim);
    shm::islands::collect();
    assert!(!child.exists(), "nobody reaches it");
}

/// What is named by results alone goes with the last who has the first of them.
fn processes_in_results(stage: &Stage) {
    let go = stage.word(0);
    let mut chain: Vec<ProcessRef> = Vec::new();
    for _ in 0..3 {
        let named: Vec<_> = chain.last().map(|named| (named.object(), Role::Handle)).into_iter().collect();
        let child = stage.spawn(&named, || result::store_result(&[1; 100]).unwrap());
        stage.eventually("the child is reaped", || child.known_end().is_some());
        chain.push(child);
    }
    let last = chain[2];
    let victim = stage.victim(&[(last.object(), Role::Handle)], || {
        await_word(go);
        shm::give_up(last.object(), Role::Handle);
    });
    chain.iter().for_each(|&child| stage.join_well(child));
    assert!(chain.iter().all(|child| child.exists()));
    go.store(1, SeqCst);
    stage.bury(victim);
    assert!(!chain.iter().any(|child| child.exists()));
}

/// The first stops at each of its points in turn, the second destroys what the first looks into, and makes something
/// else in its place, before the first goes on.
fn looked_into_while_destroyed(stage: &Stage) {
    let (go, ready, done) = (stage.word(0), stage.word(1), stage.word(2));
    for point in 1.. {
        [go, ready, done].iter().for_each(|word| word.store(0, SeqCst));
        let lock = UserLock::new().unwrap();
        let mentioned = [(lock.object(), Role::Handle)];
        let holds = containers(&mentioned);
        let second = spawn_child(&[&holds[..], &mentioned].concat(), || {
            await_word(go);
            holds.iter().for_each(|&(object, role)| shm::give_up(object, role));
            // Whatever was read as something else would be out of bounds.
            let cells: Vec<Cell> = (0..4).map(|_| Cell::new(&[0xff; 400], &[]).unwrap()).collect();
            let noise: Vec<Channel> = (0..4).map(|_| Channel::new(None).unwrap()).collect();
            noise.iter().for_each(|channel| drop(channel.send(&[0xff; 80], &[], None)));
            ready.store(1, SeqCst);
            await_word(done);
            cells.into_iter().for_each(|cell| shm::give_up(cell.object(), Role::Handle));
            noise.into_iter().for_each(drop_channel);
        });
        holds.iter().for_each(|&(object, role)| shm::give_up(object, role));
        let first = spawn_child(&[], || {
            faults::stop_at(point);
            shm::deadlock::search();
            faults::die_at(0);
        });
        while !is_in(first, "TZ") {}
        let stopped = is_in(first, "T");
        go.store(1, SeqCst);
        while ready.load(SeqCst) == 0 && !is_in(second, "S") {}
        kill(pid(first), Signal::SIGCONT).unwrap();
        assert_eq!(waitpid(pid(first), None), Ok(WaitStatus::Exited(pid(first), 0)), "at point {point}");
        await_word(ready);
        done.store(1, SeqCst);
        await_end(second);
        for process in [first, second] {
            process_table::reap(process, Ended::Exit(0));
            shm::give_up(process.object(), Role::Handle);
        }
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
