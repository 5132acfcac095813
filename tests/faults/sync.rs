//! What processes synchronise with: semaphores, events, barriers, conditions, locks of several kinds.

use super::shm::model::*;
use super::shm::monitor::{Limit, Monitor, Waited, me};
use super::shm::{self, Role, UserLock};
use super::stage::{Scene, Stage, soon};
use std::sync::atomic::Ordering::SeqCst;

pub fn scenes() -> Vec<Scene> {
    let scene = |name, play| Scene { name, play, commits: false };
    vec![
        scene("semaphore_alone", semaphore_alone),
        scene("semaphore_of_many", semaphore_of_many),
        scene("semaphore_with_sleepers", semaphore_with_sleepers),
        scene("semaphore_asleep", semaphore_asleep),
        scene("semaphore_timed_out", semaphore_timed_out),
        scene("rlock_twice", rlock_twice),
        scene("rlock_asleep", rlock_asleep),
        scene("rwlock_writer_asleep", rwlock_writer_asleep),
        scene("rwlock_with_sleepers", rwlock_with_sleepers),
        scene("rwlock_reader_asleep", rwlock_reader_asleep),
        scene("rwlock_timed_out", rwlock_timed_out),
        scene("event_with_sleepers", event_with_sleepers),
        scene("event_asleep", event_asleep),
        scene("event_timed_out", event_timed_out),
        scene("barrier_with_sleeper", barrier_with_sleeper),
        scene("barrier_asleep", barrier_asleep),
        scene("barrier_timed_out", barrier_timed_out),
        scene("condition_notify", condition_notify),
        scene("condition_asleep", condition_asleep),
        scene("condition_timed_out", condition_timed_out),
        scene("rate_turns", rate_turns),
    ]
}

fn handle<M: Model>(monitor: Monitor<M>) -> (shm::ObjectRef, Role) {
    (monitor.object(), Role::Handle)
}

fn for_ever<M: Model, R>(monitor: Monitor<M>, attempt: impl FnMut(&mut M) -> Attempt<R>) -> R {
    match monitor.wait(Limit::Until(None, &mut || true), attempt, |_| Wake::Nobody).unwrap() {
        Waited::Done(result) => result,
        _ => panic!("the wait ended otherwise"),
    }
}

fn drop_monitor<M: Model>(monitor: Monitor<M>) {
    assert_eq!(shm::holder_count(monitor.object(), Role::Handle), 1);
    shm::give_up(monitor.object(), Role::Handle);
}

/// Two do the same and fall asleep in it, until something is done; the first may die at any moment, the other one does not
/// wait in vain.
fn two_asleep<M: Model>(stage: &Stage, monitor: Monitor<M>, wait: impl Fn(), tell: impl FnOnce()) {
    let victim = stage.victim(&[handle(monitor)], &wait);
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&[handle(monitor)], &wait);
    assert!(stage.wait_asleep(other));
    tell();
    stage.bury(victim);
    stage.join_well(other);
}

fn semaphore_alone(stage: &Stage) {
    let semaphore = Monitor::new(&Semaphore::new(2, true)).unwrap();
    let step = stage.word(0);
    let died = stage.victim_alone(&[handle(semaphore)], || {
        for_ever(semaphore, |state| state.enter(me()));
        assert!(semaphore.change(|state| state.leave(me())).unwrap());
        step.store(1, SeqCst);
        for_ever(semaphore, Semaphore::acquire);
        step.store(2, SeqCst);
        semaphore.change(|state| state.release().map_or((false, Wake::Nobody), |wake| (true, wake))).unwrap();
        step.store(3, SeqCst);
    });
    let state = semaphore.look().unwrap();
    assert_eq!(state.members(), Vec::<Who>::new());
    // What was acquired is nobody's.
    match step.load(SeqCst) {
        0 => assert_eq!(state.free, 2),
        3 => assert!(!died || state.free == 2),
        _ => assert!(state.free == 1 || state.free == 2),
    }
    drop_monitor(semaphore);
}

/// The state stands in blocks of its own.
fn semaphore_of_many(stage: &Stage) {
    let semaphore = Monitor::new(&Semaphore::new(30, true)).unwrap();
    for who in 1..=9 {
        semaphore.change(|state| (state.enter(who), Wake::Nobody)).unwrap();
    }
    stage.victim_alone(&[handle(semaphore)], || {
        for_ever(semaphore, |state| state.enter(me()));
        for who in 10..=12 {
            semaphore.change(|state| (state.enter(who), Wake::Nobody)).unwrap();
        }
        for who in 1..=12 {
            semaphore.change(|state| state.leave(who)).unwrap();
        }
    });
    let state = semaphore.look().unwrap();
    assert_eq!(state.free + state.members().len() as u64, 30);
    drop_monitor(semaphore);
}

fn semaphore_with_sleepers(stage: &Stage) {
    let semaphore = Monitor::new(&Semaphore::new(1, true)).unwrap();
    let (inside, count) = (stage.word(0), stage.word(1));
    let victim = stage.victim(&[handle(semaphore)], || {
        for_ever(semaphore, |state| state.enter(me()));
        inside.store(1, SeqCst);
        while inside.load(SeqCst) != 2 {
            std::thread::yield_now();
        }
        semaphore.change(|state| state.leave(me())).unwrap();
    });
    stage.eventually("the victim is in or dead", || inside.load(SeqCst) == 1 || victim.has_ended());
    let sleepers = [0, 1].map(|_| {
        stage.spawn(&[handle(semaphore)], || {
            for_ever(semaphore, |state| state.enter(me()));
            assert_eq!(count.fetch_add(1, SeqCst) % 2, 0, "two are in");
            count.fetch_add(1, SeqCst);
            semaphore.change(|state| state.leave(me())).unwrap();
        })
    });
    if inside.load(SeqCst) == 1 && !victim.has_ended() {
        sleepers.iter().for_each(|&sleeper| assert!(stage.wait_asleep(sleeper)));
    }
    inside.store(2, SeqCst);
    stage.bury(victim);
    sleepers.into_iter().for_each(|sleeper| stage.join_well(sleeper));
    assert_eq!(count.load(SeqCst), 4);
    assert_eq!(semaphore.look().unwrap(), Semaphore::new(1, true));
    drop_monitor(semaphore);
}

/// Two sleep; the first may die before, while and after it is woken.
fn semaphore_asleep(stage: &Stage) {
    let semaphore = Monitor::new(&Semaphore::new(0, false)).unwrap();
    let enter = || for_ever(semaphore, |state| state.enter(me()));
    two_asleep(stage, semaphore, enter, || semaphore.change(|state| ((), state.release().unwrap())).unwrap());
    stage.eventually("the permit is back", || semaphore.look().unwrap() == Semaphore::new(1, false));
    drop_monitor(semaphore);
}

fn semaphore_timed_out(stage: &Stage) {
    let semaphore = Monitor::new(&Semaphore::new(0, false)).unwrap();
    stage.victim_alone(&[handle(semaphore)], || {
        let limit = Limit::Until(soon(1), &mut || true);
        let waited = semaphore.wait(limit, |state| state.enter(me()), |_| Wake::Nobody).unwrap();
        assert_eq!(waited, Waited::TimedOut);
    });
    assert_eq!(semaphore.look().unwrap(), Semaphore::new(0, false));
    drop_monitor(semaphore);
}

fn rlock_twice(stage: &Stage) {
    let lock = Monitor::new(&RLock::default()).unwrap();
    let step = stage.word(0);
    let died = stage.victim_alone(&[handle(lock)], || {
        for_ever(lock, |state| state.acquire(me(), 7, 1));
        for_ever(lock, |state| state.acquire(me(), 8, 1));
        step.store(1, SeqCst);
        assert_eq!(lock.change(|state| state.release(me(), 2)).unwrap(), 2);
        step.store(2, SeqCst);
    });
    let abandoned = for_ever(lock, |state| state.acquire(me(), 9, 1));
    match step.load(SeqCst) {
        1 if died => assert!(abandoned.is_none_or(|abandoned| abandoned.place == 7)),
        2 => assert_eq!(abandoned, None),
        _ => {}
    }
    if abandoned.is_some() {
        let (_, name) = lock.look_at_lost().unwrap();
        assert!(died && name.starts_with("P."), "{name}");
    }
    lock.change(|state| state.release(me(), 1)).unwrap();
    drop_monitor(lock);
}

/// A writer waits and dies at any moment; the reader behind it goes on.
fn rwlock_writer_asleep(stage: &Stage) {
    let lock = Monitor::new(&RwLock::default()).unwrap();
    for_ever(lock, |state| state.read(me(), 0).unwrap());
    let victim = stage.victim(&[handle(lock)], || {
        for_ever(lock, |state| state.write(me(), 0).unwrap());
        lock.change(|state| state.end_write(me())).unwrap();
    });
    stage.wait_victim_asleep(victim);
    let reader = stage.spawn(&[handle(lock)], || {
        for_ever(lock, |state| state.read(me(), 0).unwrap());
        lock.change(|state| state.end_read(me())).unwrap();
    });
    if lock.look().unwrap().members().len() > 1 && !victim.has_ended() {
        assert!(stage.wait_asleep(reader) || victim.has_ended() || lock.look().unwrap().members().len() == 1);
    }
    lock.change(|state| state.end_read(me())).unwrap();
    stage.bury(victim);
    stage.join_well(reader);
    stage.eventually("nobody has a part in it", || lock.look().unwrap().members().is_empty());
    drop_monitor(lock);
}

fn rwlock_with_sleepers(stage: &Stage) {
    let lock = Monitor::new(&RwLock::default()).unwrap();
    let inside = stage.word(0);
    let victim = stage.victim(&[handle(lock)], || {
        for_ever(lock, |state| state.write(me(), 0).unwrap());
        inside.store(1, SeqCst);
        while inside.load(SeqCst) != 2 {
            std::thread::yield_now();
        }
        lock.change(|state| state.end_write(me())).unwrap();
    });
    stage.eventually("the victim writes or is dead", || inside.load(SeqCst) == 1 || victim.has_ended());
    let reader = stage.spawn(&[handle(lock)], || {
        for_ever(lock, |state| state.read(me(), 0).unwrap());
    });
    let writer = stage.spawn(&[handle(lock)], || {
        for_ever(lock, |state| state.write(me(), 0).unwrap());
    });
    if inside.load(SeqCst) == 1 && !victim.has_ended() {
        assert!(stage.wait_asleep(reader) && stage.wait_asleep(writer));
    }
    inside.store(2, SeqCst);
    stage.bury(victim);
    stage.join_well(reader);
    stage.join_well(writer);
    stage.eventually("nobody has a part in it", || lock.look().unwrap().members().is_empty());
    drop_monitor(lock);
}

/// Two wait for a lock that may be taken again; the first may die before, while and after it has it.
fn rlock_asleep(stage: &Stage) {
    let lock = Monitor::new(&RLock::default()).unwrap();
    for_ever(lock, |state| state.acquire(me(), 0, 1));
    let take = || {
        for_ever(lock, |state| state.acquire(me(), 0, 1));
        lock.change(|state| state.release(me(), 1)).unwrap();
    };
    two_asleep(stage, lock, take, || {
        lock.change(|state| state.release(me(), 1)).unwrap();
    });
    stage.eventually("nobody has it", || lock.look().unwrap().members().is_empty());
    drop_monitor(lock);
}

/// A reader waits for a writer to end, and so does another one.
fn rwlock_reader_asleep(stage: &Stage) {
    let lock = Monitor::new(&RwLock::default()).unwrap();
    for_ever(lock, |state| state.write(me(), 0).unwrap());
    let read = || {
        for_ever(lock, |state| state.read(me(), 0).unwrap());
        lock.change(|state| state.end_read(me())).unwrap();
    };
    two_asleep(stage, lock, read, || {
        lock.change(|state| state.end_write(me())).unwrap();
    });
    stage.eventually("nobody has a part in it", || lock.look().unwrap().members().is_empty());
    drop_monitor(lock);
}

/// A writer that has waited in vain, or died on the way, keeps no reader out.
fn rwlock_timed_out(stage: &Stage) {
    let lock = Monitor::new(&RwLock::default()).unwrap();
    for_ever(lock, |state| state.read(me(), 0).unwrap());
    stage.victim_alone(&[handle(lock)], || {
        let limit = Limit::Until(soon(1), &mut || true);
        let waited = lock.wait(limit, |state| state.write(me(), 0).unwrap(), |state| state.withdraw(me())).unwrap();
        assert_eq!(waited, Waited::TimedOut);
    });
    let reader = stage.spawn(&[handle(lock)], || {
        for_ever(lock, |state| state.read(me(), 0).unwrap());
        lock.change(|state| state.end_read(me())).unwrap();
    });
    stage.join_well(reader);
    lock.change(|state| state.end_read(me())).unwrap();
    assert!(lock.look().unwrap().members().is_empty());
    drop_monitor(lock);
}

fn event_with_sleepers(stage: &Stage) {
    let event = Monitor::new(&Event::default()).unwrap();
    let sleepers = [0, 1].map(|_| stage.spawn(&[handle(event)], || for_ever(event, |state| state.wait(0))));
    sleepers.iter().for_each(|&sleeper| assert!(stage.wait_asleep(sleeper)));
    stage.victim_alone(&[handle(event)], || event.change(|state| ((), state.set())).unwrap());
    if !event.look().unwrap().is_set {
        event.change(|state| ((), state.set())).unwrap();
    }
    sleepers.into_iter().for_each(|sleeper| stage.join_well(sleeper));
    drop_monitor(event);
}

/// Two wait for an event; the first may die before, while and after it is told.
fn event_asleep(stage: &Stage) {
    let event = Monitor::new(&Event::default()).unwrap();
    let wait = || for_ever(event, |state| state.wait(0));
    two_asleep(stage, event, wait, || event.change(|state| ((), state.set())).unwrap());
    drop_monitor(event);
}

fn event_timed_out(stage: &Stage) {
    let event = Monitor::new(&Event::default()).unwrap();
    stage.victim_alone(&[handle(event)], || {
        let limit = Limit::Until(soon(1), &mut || true);
        let waited = event.wait(limit, |state| state.wait(0), |_| Wake::Nobody).unwrap();
        assert_eq!(waited, Waited::TimedOut);
    });
    assert_eq!(event.look().unwrap(), Event::default());
    drop_monitor(event);
}

fn come(barrier: Monitor<Barrier>) {
    let _ = for_ever(barrier, |state| state.wait(me()));
}

/// The victim comes last.
fn barrier_with_sleeper(stage: &Stage) {
    let barrier = Monitor::new(&Barrier::new(2)).unwrap();
    let passed = stage.word(0);
    let sleeper = stage.spawn(&[handle(barrier)], || {
        if for_ever(barrier, |state| state.wait(me())).is_ok() {
            passed.store(1, SeqCst);
        }
    });
    assert!(stage.wait_asleep(sleeper));
    let died = stage.victim_alone(&[handle(barrier)], || {
        assert_eq!(for_ever(barrier, |state| state.wait(me())), Ok(1));
    });
    // It may have died before it came.
    let came = barrier.look().unwrap().waiting() == 0;
    assert!(died || came);
    if !came {
        barrier.change(|state| ((), state.abort())).unwrap();
    }
    stage.join_well(sleeper);
    assert_eq!(passed.load(SeqCst), u64::from(came));
    assert!(barrier.look().unwrap().members().is_empty());
    drop_monitor(barrier);
}

/// The victim waits, and another one with it.
fn barrier_asleep(stage: &Stage) {
    let barrier = Monitor::new(&Barrier::new(3)).unwrap();
    let victim = stage.victim(&[handle(barrier)], || come(barrier));
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&[handle(barrier)], || come(barrier));
    stage.eventually("the other one waits, or has been told", || {
        let state = barrier.look().unwrap();
        state.members().contains(&other.word()) || state.broken.is_some()
    });
    if barrier.look().unwrap().waiting() == 2 && !victim.has_ended() {
        // All have come; the victim may die before it has noticed.
        let last = stage.spawn(&[handle(barrier)], || come(barrier));
        stage.bury(victim);
        if barrier.look().unwrap().waiting() > 0 {
            barrier.change(|state| ((), state.abort())).unwrap();
        }
        stage.join_well(last);
    } else {
        stage.bury(victim);
        barrier.change(|state| ((), state.abort())).unwrap();
    }
    stage.join_well(other);
    stage.eventually("nobody has a part in it", || barrier.look().unwrap().members().is_empty());
    drop_monitor(barrier);
}

/// Who has waited in vain has not come; who died while it waited breaks the barrier.
fn barrier_timed_out(stage: &Stage) {
    let barrier = Monitor::new(&Barrier::new(2)).unwrap();
    let died = stage.victim_alone(&[handle(barrier)], || {
        let withdraw = |state: &mut Barrier| {
            state.withdraw(me());
            Wake::Nobody
        };
        let limit = Limit::Until(soon(1), &mut || true);
        assert_eq!(barrier.wait(limit, |state| state.wait(me()), withdraw).unwrap(), Waited::TimedOut);
    });
    let state = barrier.look().unwrap();
    assert!(state.members().is_empty());
    assert!(died || state.broken.is_none());
    if state.broken.is_none() {
        let other = stage.spawn(&[handle(barrier)], || come(barrier));
        come(barrier);
        stage.join_well(other);
    }
    drop_monitor(barrier);
}

fn wait(condition: Monitor<Condition>, lock: UserLock) {
    condition.change(|state| (state.enlist(me()), Wake::Nobody)).unwrap();
    lock.release().unwrap();
    for_ever(condition, |state| state.wait(me()));
    lock.acquire(None).unwrap();
    condition.change(|state| (state.leave(me()), Wake::Nobody)).unwrap();
}

fn condition_notify(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let condition = Monitor::new(&Condition::new(lock.object().word())).unwrap();
    let holds = [(lock.object(), Role::Handle), handle(condition)];
    let waiter = stage.spawn(&holds, || {
        lock.acquire(None).unwrap();
        wait(condition, lock);
        lock.release().unwrap();
    });
    stage.eventually("it waits", || condition.look().unwrap().waiting() == 1);
    stage.victim_alone(&holds, || {
        lock.acquire(None).unwrap();
        condition.change(|state| ((), state.notify(1))).unwrap();
        lock.release().unwrap();
    });
    if condition.look().unwrap().waiting() == 1 {
        condition.change(|state| ((), state.notify(1))).unwrap();
    }
    stage.join_well(waiter);
    lock.acquire(None).unwrap();
    lock.release().unwrap();
    shm::give_up(lock.object(), Role::Handle);
    drop_monitor(condition);
}

/// Two wait and one is told, who may die before, while and after it notices: then the other one is.
fn condition_asleep(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let condition = Monitor::new(&Condition::new(lock.object().word())).unwrap();
    let holds = [(lock.object(), Role::Handle), handle(condition)];
    let (who, done) = (stage.word(0), stage.word(1));
    let victim = stage.victim(&holds, || {
        who.store(me(), SeqCst);
        lock.acquire(None).unwrap();
        wait(condition, lock);
        done.store(1, SeqCst);
        lock.release().unwrap();
    });
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&holds, || {
        lock.acquire(None).unwrap();
        wait(condition, lock);
        lock.release().unwrap();
    });
    stage.eventually("the other one waits", || condition.look().unwrap().members().contains(&other.word()));
    let first = condition.look().unwrap().members()[0];
    condition.change(|state| ((), state.notify(1))).unwrap();
    let died = stage.bury(victim);
    let passed_on = first == who.load(SeqCst) && died && done.load(SeqCst) == 0;
    let told = |state: &Condition| state.waiting() == 0;
    if passed_on && !told(&condition.look().unwrap()) {
        // It had left the line, but did not come to tell.
        assert_eq!(condition.look().unwrap().members(), [other.word()]);
    }
    if !told(&condition.look().unwrap()) {
        condition.change(|state| ((), state.notify(1))).unwrap();
    }
    stage.join_well(other);
    assert!(condition.look().unwrap().members().is_empty());
    lock.acquire(None).unwrap();
    lock.release().unwrap();
    shm::give_up(lock.object(), Role::Handle);
    drop_monitor(condition);
}

/// Who has waited in vain, or died on the way, is not told in place of another one.
fn condition_timed_out(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let condition = Monitor::new(&Condition::new(lock.object().word())).unwrap();
    let holds = [(lock.object(), Role::Handle), handle(condition)];
    stage.victim_alone(&holds, || {
        condition.change(|state| (state.enlist(me()), Wake::Nobody)).unwrap();
        let limit = Limit::Until(soon(1), &mut || true);
        let waited = condition.wait(limit, |state| state.wait(me()), |state| state.withdraw(me())).unwrap();
        assert_eq!(waited, Waited::TimedOut);
    });
    assert!(condition.look().unwrap().members().is_empty());
    let waiter = stage.spawn(&holds, || {
        lock.acquire(None).unwrap();
        wait(condition, lock);
        lock.release().unwrap();
    });
    stage.eventually("it waits", || condition.look().unwrap().waiting() == 1);
    condition.change(|state| ((), state.notify(1))).unwrap();
    stage.join_well(waiter);
    shm::give_up(lock.object(), Role::Handle);
    drop_monitor(condition);
}

fn rate_turns(stage: &Stage) {
    let rate = Monitor::new(&Rate::new(10, 1_000)).unwrap();
    let given = stage.word(0);
    stage.victim_alone(&[handle(rate)], || {
        for turn in 0..12 {
            let at = rate.change(|state| (state.take(5_000, u64::MAX), Wake::Nobody)).unwrap();
            assert_eq!(at.map(|turn| turn.at), Ok(5_000 + turn * 100));
            given.store(turn + 1, SeqCst);
        }
    });
    // The next turn follows the last one that was given away.
    let next = rate.change(|state| (state.take(5_000, u64::MAX), Wake::Nobody)).unwrap().unwrap().at;
    let given = given.load(SeqCst);
    assert!((given..=given + 1).any(|turn| next == 5_000 + turn * 100), "{next} after {given}");
    drop_monitor(rate);
}
