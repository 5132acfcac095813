//! Locks, processes, results, handles and memory.

use super::shm::exit_status::{self, Ended};
use super::shm::process_table::{self, EndWait};
use super::shm::result;
use super::shm::user_lock::{Acquired, Released};
use super::shm::{self, Channel, Pipe, Role, UserLock};
use super::stage::{Scene, Stage, drop_channel, fork, put, soon, spawn_child, take};
use std::sync::atomic::Ordering::SeqCst;

pub fn scenes() -> Vec<Scene> {
    let scene = |name, play| Scene { name, play, commits: false };
    vec![
        scene("lock_alone", lock_alone),
        scene("lock_with_sleepers", lock_with_sleepers),
        scene("lock_asleep", lock_asleep),
        scene("lock_timed_out", lock_timed_out),
        scene("lock_held_and_given_up", lock_given_up),
        scene("locks_in_any_order", locks_in_any_order),
        scene("make_and_drop_objects", make_and_drop),
        scene("hold_and_give_up_many", hold_many),
        scene("memory_of_all_sizes", memory_of_all_sizes),
        scene("chunks_of_objects", chunks_of_objects),
        scene("spawn_and_join", spawn_and_join),
        scene("spawn_that_fails", spawn_that_fails),
        scene("born_late", born_late),
        scene("store_result", store_result),
        scene("wait_for_an_end", wait_for_an_end),
    ]
}

fn handle(lock: UserLock) -> (shm::ObjectRef, Role) {
    (lock.object(), Role::Handle)
}

/// Nobody else has anything of the lock, and it works.
fn lock_works(lock: UserLock) {
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1);
    assert!(matches!(lock.try_acquire().unwrap(), Acquired::Ok | Acquired::Abandoned(_)));
    assert_eq!(lock.release().unwrap(), Released::Ok);
    assert_eq!(lock.acquire(None).unwrap(), Acquired::Ok);
    assert_eq!(lock.release().unwrap(), Released::Ok);
    shm::give_up(lock.object(), Role::Handle);
}

fn lock_alone(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let held = stage.word(0);
    let died = stage.victim_alone(&[handle(lock)], || {
        assert_eq!(lock.acquire(None).unwrap(), Acquired::Ok);
        held.store(1, SeqCst);
        assert_eq!(lock.release().unwrap(), Released::Ok);
        held.store(2, SeqCst);
    });
    let taken = lock.try_acquire().unwrap();
    match taken {
        Acquired::Ok => assert!(!died || held.load(SeqCst) != 3),
        Acquired::Abandoned(_) => assert!(died && held.load(SeqCst) < 2),
        other => panic!("{other:?}"),
    }
    lock.release().unwrap();
    lock_works(lock);
}

fn lock_with_sleepers(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    lock.acquire(None).unwrap();
    let count = stage.word(0);
    let sleeper = || {
        stage.spawn(&[handle(lock)], || {
            lock.acquire(None).unwrap();
            assert_eq!(count.fetch_add(1, SeqCst) % 2, 0, "two have it");
            count.fetch_add(1, SeqCst);
            lock.release().unwrap();
        })
    };
    let inside = stage.word(1);
    let victim = stage.victim(&[handle(lock)], || {
        lock.acquire(None).unwrap();
        inside.store(1, SeqCst);
        while inside.load(SeqCst) != 2 {
            std::thread::yield_now();
        }
        lock.release().unwrap();
    });
    stage.wait_victim_asleep(victim);
    lock.release().unwrap();
    stage.eventually("the victim has it or is dead", || inside.load(SeqCst) == 1 || victim.has_ended());
    let sleepers = [sleeper(), sleeper()];
    if inside.load(SeqCst) == 1 && !victim.has_ended() {
        sleepers.iter().for_each(|&sleeper| assert!(stage.wait_asleep(sleeper)));
    }
    inside.store(2, SeqCst);
    stage.bury(victim);
    sleepers.into_iter().for_each(|sleeper| stage.join_well(sleeper));
    assert_eq!(count.load(SeqCst), 4);
    lock_works(lock);
}

/// Two sleep for it; the first may die before, while and after it gets it.
fn lock_asleep(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    lock.acquire(None).unwrap();
    let victim = stage.victim(&[handle(lock)], || {
        lock.acquire(None).unwrap();
    });
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&[handle(lock)], || {
        lock.acquire(None).unwrap();
        lock.release().unwrap();
    });
    assert!(stage.wait_asleep(other));
    lock.release().unwrap();
    // The kernel passes it on, before anybody is reaped.
    stage.eventually("the other one gets it", || other.has_ended());
    stage.bury(victim);
    stage.join_well(other);
    lock.acquire(None).unwrap();
    lock.release().unwrap();
    lock_works(lock);
}

fn lock_timed_out(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    lock.acquire(None).unwrap();
    let other = stage.spawn(&[handle(lock)], || {
        lock.acquire(None).unwrap();
        lock.release().unwrap();
    });
    assert!(stage.wait_asleep(other));
    stage.victim_alone(&[handle(lock)], || assert_eq!(lock.acquire(soon(2)).unwrap(), Acquired::TimedOut));
    lock.release().unwrap();
    stage.join_well(other);
    lock_works(lock);
}

fn lock_given_up(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let got = stage.word(0);
    let victim = stage.victim(&[handle(lock)], || {
        lock.acquire(None).unwrap();
        got.store(1, SeqCst);
        shm::give_up(lock.object(), Role::Handle);
    });
    stage.bury(victim);
    lock.acquire(None).unwrap();
    lock.release().unwrap();
    lock_works(lock);
}

fn locks_in_any_order(stage: &Stage) {
    let locks: Vec<UserLock> = (0..3).map(|_| UserLock::new().unwrap()).collect();
    let handles: Vec<_> = locks.iter().map(|&lock| handle(lock)).collect();
    stage.victim_alone(&handles, || {
        locks.iter().for_each(|lock| assert_eq!(lock.acquire(None).unwrap(), Acquired::Ok));
        [1, 0, 2].iter().for_each(|&at| assert_eq!(locks[at].release().unwrap(), Released::Ok));
    });
    for lock in locks {
        lock.acquire(None).unwrap();
        lock.release().unwrap();
        lock_works(lock);
    }
}

fn make_and_drop(stage: &Stage) {
    stage.victim_alone(&[], || {
        let channel = Channel::new(Some(2)).unwrap();
        let pipe = Pipe::new(None).unwrap();
        let lock = UserLock::new().unwrap();
        shm::give_up(lock.object(), Role::Handle);
        drop_channel(channel);
        shm::give_up(pipe.object(), Role::A);
        shm::give_up(pipe.object(), Role::B);
    });
}

/// More than the slot itself has room for.
fn hold_many(stage: &Stage) {
    let locks: Vec<UserLock> = (0..26).map(|_| UserLock::new().unwrap()).collect();
    stage.victim_alone(&[], || {
        locks.iter().for_each(|lock| shm::hold(lock.object(), Role::Handle).unwrap());
        locks[20..].iter().for_each(|lock| shm::give_up(lock.object(), Role::Handle));
    });
    for lock in locks {
        lock_works(lock);
    }
}

/// Blocks from each class to several chunks, freed in another order.
fn memory_of_all_sizes(stage: &Stage) {
    let channels: Vec<Channel> = (0..2).map(|_| Channel::new(None).unwrap()).collect();
    let holds = [put(channels[0]), take(channels[0]), put(channels[1]), take(channels[1])];
    stage.victim_alone(&holds, || {
        let send = |at: usize, length: usize| {
            channels[at].send(&vec![7; length], &[], None).unwrap();
        };
        let receive = |at: usize| {
            channels[at].recv(&mut vec![], None).unwrap();
        };
        // Three of 22,000 fill a chunk.
        (0..3).for_each(|_| send(0, 21_000));
        send(1, 21_000);
        send(1, 200_000);
        receive(1);
        (0..3).for_each(|_| receive(0));
        receive(1);
    });
    channels.into_iter().for_each(drop_channel);
}

/// The last objects of two chunks go, and their memory with them; then more are made than the chunks in use have room for.
fn chunks_of_objects(stage: &Stage) {
    const OF_A_CHUNK: usize = 128;
    let locks: Vec<UserLock> = (0..3 * OF_A_CHUNK).map(|_| UserLock::new().unwrap()).collect();
    let last = [locks[OF_A_CHUNK / 2], locks[OF_A_CHUNK * 3 / 2], locks[OF_A_CHUNK * 5 / 2]];
    for lock in locks.iter().filter(|lock| !last.contains(lock)) {
        shm::give_up(lock.object(), Role::Handle);
    }
    let holds = last.map(handle);
    let victim = stage.victim(&holds, || {
        last.iter().for_each(|lock| shm::give_up(lock.object(), Role::Handle));
        let more: Vec<UserLock> = (0..OF_A_CHUNK + 2).map(|_| UserLock::new().unwrap()).collect();
        more.iter().for_each(|lock| shm::give_up(lock.object(), Role::Handle));
    });
    last.iter().for_each(|lock| shm::give_up(lock.object(), Role::Handle));
    stage.bury(victim);
    lock_works(UserLock::new().unwrap());
}

fn spawn_and_join(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let lock = UserLock::new().unwrap();
    let holds = [put(channel), handle(lock)];
    let started = stage.word(0);
    stage.victim_alone(&holds, || {
        let points = shm::faults::passed();
        let child = spawn_child(&holds, || {
            started.store(1, SeqCst);
            channel.send(&[1], &[], None).unwrap();
        });
        assert!(shm::faults::passed() > points);
        assert_eq!(child.wait_end(None), EndWait::Ended);
        let pid = nix::unistd::Pid::from_raw(child.pid().unwrap());
        nix::sys::wait::waitpid(pid, None).unwrap();
        process_table::reap(child, Ended::Exit(0));
        shm::give_up(child.object(), Role::Handle);
    });
    stage.eventually("everybody has gone", || process_table::alive().len() == 1);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    drop_channel(channel);
    lock_works(lock);
}

fn spawn_that_fails(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let lock = UserLock::new().unwrap();
    let holds = [put(channel), handle(lock)];
    stage.victim_alone(&holds, || {
        let child = shm::register_child("never").unwrap();
        holds.iter().for_each(|&(object, role)| shm::hold_for(child, object, role).unwrap());
        process_table::cancel_child(child);
    });
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    drop_channel(channel);
    lock_works(lock);
}

/// A child comes to its birth when its parent has died and its slot is the next process's.
fn born_late(stage: &Stage) {
    let (forked, go, born) = (stage.word(0), stage.word(1), stage.word(2));
    stage.victim_alone(&[], || {
        let child = shm::register_child("late").unwrap();
        forked.store(1, SeqCst);
        let pid = fork(|| {
            while go.load(SeqCst) == 0 {
                std::thread::yield_now();
            }
            born.store(if shm::after_fork(child).is_ok() { 2 } else { 1 }, SeqCst);
        });
        process_table::started(child, pid);
    });
    // They are not born yet, as it is not.
    let next: Vec<_> = (0..3).map(|_| shm::register_child("next").unwrap()).collect();
    go.store(1, SeqCst);
    if forked.load(SeqCst) == 1 {
        stage.eventually("it comes to its birth", || born.load(SeqCst) != 0);
        assert_eq!(born.load(SeqCst), 1, "it took the slot of another process");
    }
    next.into_iter().rev().for_each(process_table::cancel_child);
}

fn store_result(stage: &Stage) {
    let victim = stage.victim(&[], || {
        result::store_result(&[1; 100]).unwrap();
        result::store_result(&[2; 100_000]).unwrap();
        exit_status::note_end(0);
    });
    shm::hold(victim.object(), Role::Handle).unwrap();
    stage.bury(victim);
}

/// Somebody else than the parent waits for an end, and dies of it.
fn wait_for_an_end(stage: &Stage) {
    let go = stage.word(0);
    let target = stage.spawn(&[], || {
        while go.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
    });
    let watch = [(target.object(), Role::Handle)];
    let victim = stage.victim(&watch, || assert_eq!(target.wait_end(None), EndWait::Ended));
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&watch, || assert_eq!(target.wait_end(None), EndWait::Ended));
    assert!(stage.wait_asleep(other));
    go.store(1, SeqCst);
    stage.eventually("the end is seen", || other.has_ended());
    stage.bury(victim);
    stage.join_well(other);
    stage.join_well(target);
}
