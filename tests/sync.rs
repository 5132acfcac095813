//! The objects that processes synchronise with, in shared memory: against their models, and between real processes
//! that are killed. Each case runs in a child with a deadline.

#[path = "support/forks.rs"]
mod forks;

use forks::*;
use mplang::shm::exit_status::Ended;
use mplang::shm::model::*;
use mplang::shm::monitor::{Limit, Waited, me};
use mplang::shm::process_table::{self, ProcessRef};
use mplang::shm::user_lock::{Acquired, Released};
use mplang::shm::{self, Channel, Monitor, Role, UserLock, arena};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const CASES: &[Case] = &[
    ("random_operations_match_the_models", 60, random_operations),
    ("a_lock_matches_its_model", 30, random_lock),
    ("large_states_move_to_blocks_and_back", 20, large_states),
    ("a_semaphore_lets_so_many_in", 30, semaphore_excludes),
    ("an_rwlock_excludes", 30, rwlock_excludes),
    ("a_waiting_writer_goes_first", 20, writer_first),
    ("a_barrier_keeps_its_generations", 30, barrier_generations),
    ("a_condition_hands_over", 30, condition_hand_over),
    ("ends_of_waits_leave_nothing", 20, ends_of_waits),
    ("a_stopped_holder_is_waited_for", 30, stopped_holder),
    ("who_dies_waiting_at_a_barrier_breaks_it", 20, barrier_death),
    ("killed_permit_holders_give_back", 60, || storm(0x51, Victim::Semaphore)),
    ("killed_rlock_holders_block_nobody", 60, || storm(0x52, Victim::RLock)),
    ("killed_readers_and_writers_block_nobody", 60, || storm(0x53, Victim::RwLock)),
    ("killed_waiters_of_conditions_lose_no_notice", 60, || storm(0x54, Victim::Condition)),
    ("killed_waiters_of_events_block_nobody", 60, || storm(0x55, Victim::Event)),
    ("killed_waiters_of_barriers_block_nobody", 60, barrier_storm),
    ("memory_returns", 20, memory_returns),
];

fn main() -> ExitCode {
    run_cases(CASES)
}

fn hold<M: Model>(monitor: Monitor<M>) -> (shm::ObjectRef, Role) {
    (monitor.object(), Role::Handle)
}

/// Waits for ever, without heeding signals.
fn for_ever<M: Model, R>(monitor: Monitor<M>, attempt: impl FnMut(&mut M) -> Attempt<R>) -> R {
    match monitor.wait(Limit::Until(None, &mut || true), attempt, |_| Wake::Nobody).unwrap() {
        Waited::Done(result) => result,
        Waited::TimedOut => panic!("timed out"),
        Waited::Interrupted => panic!("interrupted"),
        Waited::Deadlock => panic!("deadlock"),
    }
}

/// Attempts once.
fn at_once<M: Model, R>(monitor: Monitor<M>, attempt: impl FnMut(&mut M) -> Attempt<R>) -> Option<R> {
    match monitor.wait(Limit::Never, attempt, |_| Wake::Nobody).unwrap() {
        Waited::Done(result) => Some(result),
        _ => None,
    }
}

fn within<M: Model, R>(
    milliseconds: u64,
    monitor: Monitor<M>,
    attempt: impl FnMut(&mut M) -> Attempt<R>,
    withdraw: impl FnOnce(&mut M) -> Wake,
) -> Option<R> {
    match monitor.wait(Limit::Until(soon(milliseconds), &mut || true), attempt, withdraw).unwrap() {
        Waited::Done(result) => Some(result),
        _ => None,
    }
}

/// Does the same to an object in shared memory and to its model, and compares results and states.
fn compare<M: Model + PartialEq + std::fmt::Debug, R: PartialEq + std::fmt::Debug>(
    object: Monitor<M>,
    model: &mut M,
    mut operation: impl FnMut(&mut M) -> R,
) {
    let expected = operation(model);
    assert_eq!(object.change(|state| (operation(state), Wake::All)).unwrap(), expected);
    assert_eq!(&object.look().unwrap(), model);
}

/// As [`compare`], for an operation that may have to wait, and is taken back then.
fn compare_attempt<M: Model + PartialEq + std::fmt::Debug, R: PartialEq + std::fmt::Debug>(
    object: Monitor<M>,
    model: &mut M,
    mut attempt: impl FnMut(&mut M) -> Attempt<R>,
    withdraw: impl Fn(&mut M),
) {
    let expected = match attempt(model) {
        Attempt::Done(result, _) => Some(result),
        Attempt::Wait => {
            withdraw(model);
            None
        }
    };
    let back = |state: &mut M| {
        withdraw(state);
        Wake::Nobody
    };
    let limit = Limit::Until(Some(Instant::now()), &mut || true);
    let waited = object.wait(limit, attempt, back).unwrap();
    assert_eq!(if let Waited::Done(result) = waited { Some(result) } else { None }, expected);
    assert_eq!(&object.look().unwrap(), model);
}

fn random_operations() {
    let mut random = Random(0x5e9);
    let before = arena::blocks_in_use();
    // Processes that count as alive, so that nobody is taken for dead.
    let people: Vec<ProcessRef> = (0..40).map(|_| shm::register_child("").unwrap()).collect();
    let words: Vec<Who> = people.iter().map(|process| process.word()).collect();
    let registered = arena::blocks_in_use();
    let mut operations = 0;
    for round in 0..120 {
        let crowd = [3, 12, 40][round % 3];
        let mut semaphore = Semaphore::new(random.below(60), round % 2 == 0);
        let mut rlock = RLock::default();
        let mut rwlock = RwLock::default();
        let mut event = Event::default();
        let mut barrier = Barrier::new(1 + random.below(crowd));
        let mut condition = Condition::new(5);
        let mut rate = Rate::new(1 + random.below(5), 1 + random.below(1_000));
        let objects = (
            Monitor::new(&semaphore).unwrap(),
            Monitor::new(&rlock).unwrap(),
            Monitor::new(&rwlock).unwrap(),
            Monitor::new(&event).unwrap(),
            Monitor::new(&barrier).unwrap(),
            Monitor::new(&condition).unwrap(),
            Monitor::new(&rate).unwrap(),
        );
        let mut enlisted = vec![];
        for at in 1..400 {
            let who = words[random.below(crowd) as usize];
            let what = random.below(6);
            match what {
                0 => compare_attempt(objects.0, &mut semaphore, Semaphore::acquire, |_| ()),
                1 | 2 => compare_attempt(objects.0, &mut semaphore, |state| state.enter(who), |_| ()),
                3 => compare(objects.0, &mut semaphore, Semaphore::release),
                4 => compare(objects.0, &mut semaphore, |state| state.leave(who)),
                _ => compare(objects.0, &mut semaphore, |state| state.forget(who)),
            }
            match what {
                0..3 => compare_attempt(objects.1, &mut rlock, |state| state.acquire(who, at, 1), |_| ()),
                3 | 4 => compare(objects.1, &mut rlock, |state| state.release(who, 1)),
                _ => compare(objects.1, &mut rlock, |state| state.forget(who)),
            }
            match what {
                0 | 1 => {
                    let attempt = |state: &mut RwLock| match state.read(who, at) {
                        Ok(Attempt::Done(abandoned, wake)) => Attempt::Done(Ok(abandoned), wake),
                        Ok(Attempt::Wait) => Attempt::Wait,
                        Err(refused) => Attempt::Done(Err(refused), Wake::Nobody),
                    };
                    compare_attempt(objects.2, &mut rwlock, attempt, |_| ());
                }
                2 => {
                    let attempt = |state: &mut RwLock| match state.write(who, at) {
                        Ok(Attempt::Done(abandoned, wake)) => Attempt::Done(Ok(abandoned), wake),
                        Ok(Attempt::Wait) => Attempt::Wait,
                        Err(refused) => Attempt::Done(Err(refused), Wake::Nobody),
                    };
                    // Sometimes it stays in line.
                    let stays = random.below(2) == 0;
                    compare_attempt(objects.2, &mut rwlock, attempt, |state| {
                        if !stays {
                            state.withdraw(who);
                        }
                    });
                }
                3 => compare(objects.2, &mut rwlock, |state| state.end_read(who)),
                4 => compare(objects.2, &mut rwlock, |state| (state.end_write(who), state.withdraw(who))),
                _ => compare(objects.2, &mut rwlock, |state| state.forget(who)),
            }
            match what {
                0 | 1 => {
                    let since = event.times - random.below(2).min(event.times);
                    compare_attempt(objects.3, &mut event, |state| state.wait(since), |_| ());
                }
                2 | 3 => compare(objects.3, &mut event, Event::set),
                _ => compare(objects.3, &mut event, Event::clear),
            }
            match what {
                0..5 => {
                    let stays = random.below(8) != 0;
                    compare_attempt(
                        objects.4,
                        &mut barrier,
                        |state| state.wait(who),
                        |state| {
                            if !stays {
                                state.withdraw(who);
                            }
                        },
                    );
                }
                _ if random.below(20) == 0 => compare(objects.4, &mut barrier, Barrier::abort),
                _ => compare(objects.4, &mut barrier, |state| (state.withdraw(who), state.forget(who))),
            }
            match what {
                0..3 if !enlisted.contains(&who) => {
                    compare(objects.5, &mut condition, |state| state.enlist(who));
                    enlisted.push(who);
                }
                0 | 1 => {
                    compare_attempt(
                        objects.5,
                        &mut condition,
                        |state| state.wait(who),
                        |state| {
                            state.withdraw(who);
                        },
                    );
                    compare(objects.5, &mut condition, |state| state.leave(who));
                    enlisted.retain(|&waiter| waiter != who);
                }
                2 | 3 => {
                    let count = random.below(4);
                    compare(objects.5, &mut condition, |state| state.notify(count));
                }
                4 => {
                    compare(objects.5, &mut condition, |state| state.withdraw(who));
                    enlisted.retain(|&waiter| waiter != who);
                }
                _ => {
                    compare(objects.5, &mut condition, |state| state.forget(who));
                    enlisted.retain(|&waiter| waiter != who);
                }
            }
            let now = at * 100 + random.below(200);
            compare(objects.6, &mut rate, |state| state.take(now, now + 150));
            operations += 7;
        }
        let all = [
            objects.0.object(),
            objects.1.object(),
            objects.2.object(),
            objects.3.object(),
            objects.4.object(),
            objects.5.object(),
            objects.6.object(),
        ];
        all.into_iter().for_each(|object| shm::give_up(object, Role::Handle));
        assert_eq!(arena::blocks_in_use(), registered);
        assert_eq!(objects.0.look(), Err(shm::ShmError::Gone));
    }
    println!("    {operations} operations");
    people.into_iter().for_each(process_table::cancel_child);
    assert_eq!(arena::blocks_in_use(), before);
}

fn random_lock() {
    let mut random = Random(0x10c);
    let lock = UserLock::new().unwrap();
    let mut model = Lock::default();
    let me = me();
    for place in 1..3_000 {
        process_table::set_place(place);
        match random.below(12) {
            0..5 => {
                let expected = match model.acquire(me, place) {
                    Err(AlreadyHeld) => Acquired::AlreadyHeld,
                    Ok(Attempt::Done(None, _)) => Acquired::Ok,
                    Ok(Attempt::Done(Some(before), _)) => {
                        Acquired::Abandoned(ProcessRef::from_word(before.who).unwrap())
                    }
                    Ok(Attempt::Wait) => Acquired::TimedOut,
                };
                let waits = random.below(2) == 0;
                let got = if waits { lock.acquire(Some(Instant::now())) } else { lock.try_acquire() };
                assert_eq!(got.unwrap(), expected);
                if let Acquired::Abandoned(before) = expected {
                    let place = model.0.abandoned.unwrap().place;
                    assert_eq!(lock.abandoned(), Some(before));
                    assert_eq!(lock.abandoned_by().unwrap().1, place);
                    assert!(lock.abandoned_by().unwrap().0.starts_with("P."));
                }
            }
            5..10 => {
                let had = model.release(me);
                assert_eq!(lock.release().unwrap(), if had { Released::Ok } else { Released::NotOwner });
            }
            what => {
                let holder = spawn(&[(lock.object(), Role::Handle)], || {
                    process_table::set_place(place);
                    if lock.acquire(Some(Instant::now())).unwrap() != Acquired::TimedOut && what == 10 {
                        lock.release().unwrap();
                    }
                });
                if model.0.owner == 0 {
                    let _ = model.acquire(holder.word(), place);
                    if what == 10 {
                        model.release(holder.word())
                    } else {
                        model.forget(holder.word())
                    };
                }
                join_well(holder);
            }
        }
        assert_eq!(lock.held(), model.0.owner == me);
        assert_eq!(lock.owner().map_or(0, ProcessRef::word), model.0.owner);
        assert_eq!(lock.abandoned().is_some(), model.0.abandoned.is_some());
    }
}

fn large_states() {
    let before = arena::blocks_in_use();
    let semaphore = Monitor::new(&Semaphore::new(2_000, false)).unwrap();
    for who in 1..=1_000 {
        let entered = semaphore.change(|state| (state.enter(who << 32), Wake::Nobody)).unwrap();
        assert_eq!(entered, Attempt::Done((), Wake::One));
    }
    assert_eq!(semaphore.look().unwrap().free, 1_000);
    assert!(arena::bytes_in_use() > 16_000);
    for who in 1..=1_000 {
        assert!(semaphore.change(|state| state.leave(who << 32)).unwrap());
    }
    assert_eq!(semaphore.look().unwrap(), Semaphore::new(2_000, false));
    // The object alone is left.
    assert_eq!(arena::blocks_in_use(), before + 1);
    (1..=100).for_each(|who| drop(semaphore.change(|state| (state.enter(who << 32), Wake::Nobody))));
    shm::give_up(semaphore.object(), Role::Handle);
    assert_eq!(arena::blocks_in_use(), before);
}

fn semaphore_excludes() {
    const PERMITS: u64 = 3;
    let semaphore = Monitor::new(&Semaphore::new(PERMITS, true)).unwrap();
    let inside = Monitor::new(&Semaphore::new(1_000, false)).unwrap();
    let log = Log::new();
    let children: Vec<_> = (0..8)
        .map(|_| {
            spawn(&[hold(semaphore), hold(inside)], || {
                let me = me();
                for _ in 0..1_000 {
                    for_ever(semaphore, |state| state.enter(me));
                    for_ever(inside, |state| state.enter(me));
                    let many = 1_000 - inside.look().unwrap().free;
                    inside.change(|state| state.leave(me)).unwrap();
                    assert!(semaphore.change(|state| state.leave(me)).unwrap());
                    log.add(many, 0);
                }
            })
        })
        .collect();
    children.into_iter().for_each(join_well);
    let seen = log.read();
    assert_eq!(seen.len(), 8_000);
    assert!(seen.iter().all(|&(many, _)| (1..=PERMITS).contains(&many)));
    assert_eq!(semaphore.look().unwrap(), Semaphore::new(PERMITS, true));
}

fn rwlock_excludes() {
    let lock = Monitor::new(&RwLock::default()).unwrap();
    let log = Log::new();
    let children: Vec<_> = (0..6u64)
        .map(|number| {
            let log = &log;
            spawn(&[hold(lock)], move || {
                let me = me();
                for _ in 0..500 {
                    if number < 2 {
                        for_ever(lock, |state| state.write(me, 0).unwrap());
                        let state = lock.look().unwrap();
                        assert_eq!((state.writing.owner, state.readers().count()), (me, 0));
                        lock.change(|state| state.end_write(me)).unwrap();
                    } else {
                        for_ever(lock, |state| state.read(me, 0).unwrap());
                        let state = lock.look().unwrap();
                        assert_eq!(state.writing.owner, 0);
                        log.add(state.readers().count() as u64, 0);
                        lock.change(|state| state.end_read(me)).unwrap();
                    }
                }
            })
        })
        .collect();
    children.into_iter().for_each(join_well);
    let most = log.read().into_iter().map(|(readers, _)| readers).max();
    println!("    up to {most:?} readers at a time");
    assert_eq!(lock.look().unwrap(), RwLock::default());
}

fn writer_first() {
    let lock = Monitor::new(&RwLock::default()).unwrap();
    let log = Log::new();
    for_ever(lock, |state| state.read(me(), 0).unwrap());
    let writer = spawn(&[hold(lock)], || {
        for_ever(lock, |state| state.write(me(), 0).unwrap());
        log.add(1, 0);
        lock.change(|state| state.end_write(me())).unwrap();
    });
    while lock.look().unwrap().members().len() < 2 {
        std::thread::yield_now();
    }
    // Reads already: goes on reading.
    for_ever(lock, |state| state.read(me(), 0).unwrap());
    let reader = spawn(&[hold(lock)], || {
        for_ever(lock, |state| state.read(me(), 0).unwrap());
        log.add(2, 0);
        lock.change(|state| state.end_read(me())).unwrap();
    });
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(log.read(), []);
    lock.change(|state| state.end_read(me())).unwrap();
    lock.change(|state| state.end_read(me())).unwrap();
    join_well(writer);
    join_well(reader);
    assert_eq!(log.read(), [(1, 0), (2, 0)]);
    // One that waits no longer lets readers in.
    for_ever(lock, |state| state.read(me(), 0).unwrap());
    let writer = spawn(&[hold(lock)], || {
        let got = within(30, lock, |state| state.write(me(), 0).unwrap(), |state| state.withdraw(me()));
        assert_eq!(got, None);
    });
    let reader = spawn(&[hold(lock)], || {
        for_ever(lock, |state| state.read(me(), 0).unwrap());
        lock.change(|state| state.end_read(me())).unwrap();
    });
    join_well(writer);
    join_well(reader);
}

fn barrier_generations() {
    const PARTIES: u64 = 5;
    let barrier = Monitor::new(&Barrier::new(PARTIES)).unwrap();
    let log = Log::new();
    let children: Vec<_> = (0..PARTIES)
        .map(|_| {
            spawn(&[hold(barrier)], || {
                let me = me();
                for generation in 0..300 {
                    let place = for_ever(barrier, |state| state.wait(me)).unwrap();
                    log.add(generation, place);
                }
            })
        })
        .collect();
    children.into_iter().for_each(join_well);
    let mut seen = log.read();
    // Nobody is a whole generation ahead.
    for (index, &(generation, _)) in seen.iter().enumerate() {
        assert!(generation <= index as u64 / PARTIES + 1);
    }
    seen.sort_unstable();
    let all = (0..300).flat_map(|generation| (0..PARTIES).map(move |place| (generation, place)));
    assert!(seen.into_iter().eq(all));
    assert_eq!(barrier.look().unwrap(), Barrier::new(PARTIES));
}

/// Waits for a condition as the language does.
fn wait(condition: Monitor<Condition>, lock: UserLock) {
    let me = me();
    condition.change(|state| (state.enlist(me), Wake::Nobody)).unwrap();
    assert_eq!(lock.release().unwrap(), Released::Ok);
    for_ever(condition, |state| state.wait(me));
    lock.acquire(None).unwrap();
    condition.change(|state| (state.leave(me), Wake::Nobody)).unwrap();
}

fn condition_hand_over() {
    // A ring of one place between producers and consumers.
    let lock = UserLock::new().unwrap();
    let condition = Monitor::new(&Condition::new(lock.object().word())).unwrap();
    let place = Channel::new(None).unwrap();
    let holds =
        [(lock.object(), Role::Handle), hold(condition), (place.object(), Role::Put), (place.object(), Role::Take)];
    let sides = |produces: bool| {
        (0..3).map(move |_| {
            spawn(&holds, || {
                for _ in 0..400 {
                    lock.acquire(None).unwrap();
                    while place.is_empty() != produces {
                        wait(condition, lock);
                    }
                    if produces {
                        place.try_send(&[1], &[]).unwrap();
                    } else {
                        place.try_recv(&mut vec![]).unwrap();
                    }
                    condition.change(|state| ((), state.notify(u64::MAX))).unwrap();
                    lock.release().unwrap();
                }
            })
        })
    };
    let children: Vec<_> = sides(true).chain(sides(false)).collect();
    children.into_iter().for_each(join_well);
    assert!(place.is_empty());
    assert!(condition.look().unwrap().members().is_empty());
}

fn ends_of_waits() {
    let before = arena::blocks_in_use();
    let me = me();
    let semaphore = Monitor::new(&Semaphore::new(0, false)).unwrap();
    assert_eq!(within(5, semaphore, |state| state.enter(me), |_| Wake::Nobody), None);
    assert_eq!(semaphore.look().unwrap(), Semaphore::new(0, false));
    assert_eq!(at_once(semaphore, |state| state.enter(me)), None);
    let barrier = Monitor::new(&Barrier::new(2)).unwrap();
    let withdraw = |state: &mut Barrier| {
        state.withdraw(me);
        Wake::Nobody
    };
    assert_eq!(within(5, barrier, |state| state.wait(me), withdraw), None);
    assert_eq!(barrier.look().unwrap(), Barrier::new(2));
    let condition = Monitor::new(&Condition::new(1)).unwrap();
    condition.change(|state| (state.enlist(me), Wake::Nobody)).unwrap();
    assert_eq!(within(5, condition, |state| state.wait(me), |state| state.withdraw(me)), None);
    assert_eq!(condition.look().unwrap(), Condition::new(1));
    // A signal that the caller heeds ends a wait, one that it does not does not.
    for heeds in [true, false] {
        let child = spawn(&[hold(barrier), hold(semaphore)], || {
            use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
            let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
            // SAFETY: the handler sets a flag.
            unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
            let who = mplang::shm::monitor::me();
            let mut signals = 0;
            let mut go_on = || {
                signals += 1;
                shm::park::take_signal();
                !heeds
            };
            let waited = barrier.wait(
                Limit::Until(None, &mut go_on),
                |state| state.wait(who),
                |state| {
                    state.withdraw(who);
                    Wake::Nobody
                },
            );
            assert_eq!(waited.unwrap(), if heeds { Waited::Interrupted } else { Waited::Done(Ok(0)) });
            assert!(signals > 0);
        });
        let pid = nix::unistd::Pid::from_raw(child.pid().unwrap());
        while barrier.look().unwrap().waiting() == 0 {
            std::thread::yield_now();
        }
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGUSR1).unwrap();
        if heeds {
            join_well(child);
            assert_eq!(barrier.look().unwrap(), Barrier::new(2));
        } else {
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(for_ever(barrier, |state| state.wait(me)), Ok(1));
            join_well(child);
        }
    }
    for object in [semaphore.object(), barrier.object(), condition.object()] {
        shm::give_up(object, Role::Handle);
    }
    assert_eq!(arena::blocks_in_use(), before);
}

extern "C" fn on_signal(_: libc::c_int) {
    shm::park::note_signal();
}

/// A process that is stopped can go on: others wait for it, and nobody calls that a deadlock.
fn stopped_holder() {
    use nix::sys::signal::{Signal, raise};
    let rlock = Monitor::new(&RLock::default()).unwrap();
    let semaphore = Monitor::new(&Semaphore::new(1, true)).unwrap();
    let lock = UserLock::new().unwrap();
    let holds = [hold(rlock), hold(semaphore), (lock.object(), Role::Handle)];
    let holder = spawn(&holds, || {
        let me = me();
        for_ever(rlock, |state| state.acquire(me, 1, 1));
        for_ever(semaphore, |state| state.enter(me));
        lock.acquire(None).unwrap();
        raise(Signal::SIGSTOP).unwrap();
        rlock.change(|state| state.release(me, 1)).unwrap();
        semaphore.change(|state| state.leave(me)).unwrap();
        lock.release().unwrap();
    });
    let pid = nix::unistd::Pid::from_raw(holder.pid().unwrap());
    let stopped = nix::sys::wait::waitpid(pid, Some(nix::sys::wait::WaitPidFlag::WUNTRACED)).unwrap();
    assert!(matches!(stopped, nix::sys::wait::WaitStatus::Stopped(..)));
    let log = Log::new();
    let waiters = [
        spawn(&holds, || {
            for_ever(rlock, |state| state.acquire(me(), 1, 1));
            log.add(1, 0);
        }),
        spawn(&holds, || {
            for_ever(semaphore, |state| state.enter(me()));
            log.add(2, 0);
        }),
        spawn(&holds, || {
            assert_ne!(lock.acquire(None).unwrap(), Acquired::Deadlock);
            log.add(3, 0);
        }),
    ];
    // Longer than a look at the waits takes that can never end.
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(log.read(), []);
    nix::sys::signal::kill(pid, Signal::SIGCONT).unwrap();
    waiters.into_iter().for_each(join_well);
    join_well(holder);
    assert_eq!(log.read().len(), 3);
}

fn barrier_death() {
    let barrier = Monitor::new(&Barrier::new(3)).unwrap();
    let wait = || spawn(&[hold(barrier)], || assert_eq!(for_ever(barrier, |state| state.wait(me())), Ok(9)));
    let victim = wait();
    while barrier.look().unwrap().waiting() < 1 {
        std::thread::yield_now();
    }
    let (word, title) = (victim.word(), victim.title());
    let other = spawn(&[hold(barrier)], || {
        assert_eq!(for_ever(barrier, |state| state.wait(me())), Err(Broken::Died(word)));
    });
    while barrier.look().unwrap().waiting() < 2 {
        std::thread::yield_now();
    }
    kill(victim);
    // The one that waits notices by itself: nobody has reaped the dead one.
    join_well(other);
    assert_eq!(join(victim), Ended::Signal(libc::SIGKILL));
    let (state, name) = barrier.look_at_lost().unwrap();
    assert_eq!((state.broken, name), (Some(Broken::Died(word)), title));
}

#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Semaphore,
    RLock,
    RwLock,
    Condition,
    Event,
}

/// Processes use an object without end, some are killed at any moment and replaced; afterwards it must be as at first,
/// and those that were not killed must have gone on.
fn storm(seed: u64, victim: Victim) {
    const ROUNDS: u64 = 150;
    let before = arena::blocks_in_use();
    let mut random = Random(seed);
    let semaphore = Monitor::new(&Semaphore::new(2, true)).unwrap();
    let rlock = Monitor::new(&RLock::default()).unwrap();
    let rwlock = Monitor::new(&RwLock::default()).unwrap();
    let event = Monitor::new(&Event::default()).unwrap();
    let lock = UserLock::new().unwrap();
    let condition = Monitor::new(&Condition::new(lock.object().word())).unwrap();
    let stop = Monitor::new(&Event::default()).unwrap();
    let log = Log::new();
    let holds = [
        hold(semaphore),
        hold(rlock),
        hold(rwlock),
        hold(event),
        hold(condition),
        hold(stop),
        (lock.object(), Role::Handle),
    ];
    let worker = |number: u64| {
        let (log, holds) = (&log, &holds);
        spawn(holds, move || {
            let me = me();
            let mut random = Random(seed * 1_000 + number + 1);
            let mut turns = 0;
            while !stop.look().unwrap().is_set {
                match victim {
                    Victim::Semaphore => {
                        for_ever(semaphore, |state| state.enter(me));
                        assert!(semaphore.change(|state| state.leave(me)).unwrap());
                    }
                    Victim::RLock => {
                        for_ever(rlock, |state| state.acquire(me, 1, 1));
                        for_ever(rlock, |state| state.acquire(me, 1, 1));
                        rlock.change(|state| state.release(me, 2)).unwrap();
                    }
                    Victim::RwLock if random.below(2) == 0 => {
                        for_ever(rwlock, |state| state.write(me, 1).unwrap());
                        assert!(rwlock.change(|state| state.end_write(me)).unwrap());
                    }
                    Victim::RwLock => {
                        for_ever(rwlock, |state| state.read(me, 1).unwrap());
                        assert!(rwlock.change(|state| state.end_read(me)).unwrap());
                    }
                    Victim::Condition => {
                        // Each waits once and is told by another, or tells one.
                        lock.acquire(None).unwrap();
                        if condition.look().unwrap().waiting() == 0 {
                            wait(condition, lock);
                        } else {
                            condition.change(|state| ((), state.notify(1))).unwrap();
                        }
                        lock.release().unwrap();
                    }
                    Victim::Event => {
                        if random.below(2) == 0 {
                            event.change(|state| ((), state.set())).unwrap();
                            event.change(|state| ((), state.clear())).unwrap();
                        } else {
                            let mut since = None;
                            for_ever(event, |state| {
                                let since = *since.get_or_insert(state.times);
                                if stop.look().unwrap().is_set {
                                    return Attempt::Done((), Wake::Nobody);
                                }
                                state.wait(since)
                            });
                        }
                    }
                }
                turns += 1;
                if turns % 64 == 0 {
                    log.add(number, turns);
                }
            }
            log.add(number, turns);
        })
    };
    const WORKERS: u64 = 4;
    let mut workers: Vec<_> = (0..WORKERS).map(worker).collect();
    let mut deaths = 0;
    for round in 0..ROUNDS {
        std::thread::sleep(Duration::from_micros(random.below(900)));
        // The last worker lives.
        let at = random.below(WORKERS - 1) as usize;
        kill(workers[at]);
        if random.below(3) == 0 {
            // Some time until it is reaped.
            std::thread::sleep(Duration::from_micros(random.below(2_000)));
        }
        assert_eq!(join(workers[at]), Ended::Signal(libc::SIGKILL));
        deaths += 1;
        workers[at] = worker(WORKERS + round);
    }
    stop.change(|state| ((), state.set())).unwrap();
    // Those who wait for another may need one: this process plays it.
    for worker in workers {
        while !worker.has_ended() {
            if victim == Victim::Condition {
                lock.acquire(None).unwrap();
                condition.change(|state| ((), state.notify(u64::MAX))).unwrap();
                lock.release().unwrap();
            }
            event.change(|state| ((), state.set())).unwrap();
            event.change(|state| ((), state.clear())).unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
        join_well(worker);
    }
    let turns: u64 = (0..WORKERS + ROUNDS)
        .map(|number| log.read().into_iter().filter(|entry| entry.0 == number).map(|entry| entry.1).max().unwrap_or(0))
        .sum();
    println!("    {deaths} deaths, {turns} turns");
    assert_eq!(semaphore.look().unwrap(), Semaphore::new(2, true));
    let state = rlock.look().unwrap();
    assert_eq!(state.ownership.owner, 0);
    let state = rwlock.look().unwrap();
    assert_eq!((state.writing.owner, state.members()), (0, vec![]));
    assert!(condition.look().unwrap().members().is_empty());
    assert_ne!(lock.acquire(soon(1_000)).unwrap(), Acquired::TimedOut);
    lock.release().unwrap();
    holds.into_iter().for_each(|(object, role)| shm::give_up(object, role));
    assert_eq!(arena::blocks_in_use(), before);
    assert_eq!(process_table::slots_in_use(), 1);
}

/// Three processes pass a barrier again and again; one is killed somewhere in between.
fn barrier_storm() {
    let before = arena::blocks_in_use();
    let mut random = Random(0xba);
    let (mut broken, mut passed) = (0, 0);
    for _ in 0..150 {
        let barrier = Monitor::new(&Barrier::new(3)).unwrap();
        let log = Log::new();
        let workers: Vec<_> = (0..3)
            .map(|_| {
                spawn(&[hold(barrier)], || {
                    let mut generation = 0;
                    while for_ever(barrier, |state| state.wait(me())).is_ok() {
                        generation += 1;
                        log.add(generation, 0);
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_micros(random.below(3_000)));
        let victim = random.below(3) as usize;
        kill(workers[victim]);
        join(workers[victim]);
        // It may have died elsewhere than in the barrier; then nobody can know that it will not come.
        if barrier.look().unwrap().broken.is_some() {
            broken += 1;
        } else {
            barrier.change(|state| ((), state.abort())).unwrap();
        }
        workers.into_iter().filter(|worker| worker.exists()).for_each(join_well);
        let state = barrier.look().unwrap();
        assert!(state.members().is_empty() && state.broken.is_some());
        // Nobody passed alone: of all generations but the last, everyone told.
        let seen = log.read();
        let last = seen.iter().map(|entry| entry.0).max().unwrap_or(0);
        for generation in 1..last {
            let many = seen.iter().filter(|entry| entry.0 == generation).count();
            assert!(many == 3, "{many} of 3 passed in generation {generation} of {last}");
        }
        passed += last;
        shm::give_up(barrier.object(), Role::Handle);
        assert_eq!(arena::blocks_in_use(), before);
    }
    println!("    {broken} of 150 deaths in the barrier, {passed} generations");
}

fn memory_returns() {
    let before = arena::blocks_in_use();
    for round in 0..20_000 {
        let semaphore = Monitor::new(&Semaphore::new(50, false)).unwrap();
        (0..if round % 10 == 0 { 50 } else { 1 })
            .for_each(|who| drop(semaphore.change(|state| (state.enter((who + 1) << 32), Wake::Nobody))));
        let event = Monitor::new(&Event::default()).unwrap();
        event.change(|state| ((), state.set())).unwrap();
        shm::give_up(semaphore.object(), Role::Handle);
        shm::give_up(event.object(), Role::Handle);
    }
    assert_eq!(arena::blocks_in_use(), before);
}
