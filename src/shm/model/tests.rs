//! What holds for every sequence of operations, processes that end in the middle included.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// A step of a process: its number from 1, what it does, and a number for that.
fn steps() -> impl Strategy<Value = Vec<(Who, u8, u64)>> {
    prop::collection::vec((1..5u64, 0..6u8, 0..4u64), 0..120)
}

/// The state survives being written down.
fn same<M: Model + PartialEq + std::fmt::Debug>(model: &M) {
    let mut words = Encoded::new();
    model.encode(&mut words);
    assert_eq!(&M::decode(&words), model);
    let mut members = model.members();
    members.sort_unstable();
    members.dedup();
    for who in members {
        assert!(M::decode(&words).forget(who), "{who} has a part in {model:?}");
    }
    assert!(!M::decode(&words).forget(99));
}

proptest! {
    #[test]
    fn a_lock_has_one_owner(steps in steps()) {
        let mut lock = Lock::default();
        let (mut owner, mut left) = (0, 0);
        for (at, (who, what, _)) in (1..).zip(steps) {
            match what {
                0..3 => match lock.acquire(who, at) {
                    Err(AlreadyHeld) => prop_assert_eq!(owner, who),
                    Ok(Attempt::Wait) => prop_assert!(owner != 0 && owner != who),
                    Ok(Attempt::Done(abandoned, _)) => {
                        prop_assert_eq!((owner, abandoned.map_or(0, |abandoned| abandoned.who)), (0, left));
                        (owner, left) = (who, 0);
                        prop_assert_eq!((lock.0.owner, lock.0.place, lock.0.abandoned), (who, at, abandoned));
                    }
                },
                3..5 => {
                    prop_assert_eq!(lock.release(who), owner == who);
                    owner = if owner == who { 0 } else { owner };
                }
                _ => {
                    prop_assert_eq!(lock.forget(who), owner == who);
                    if owner == who {
                        (owner, left) = (0, who);
                    }
                }
            }
        }
    }

    #[test]
    fn an_rlock_is_free_after_as_many_releases(steps in steps()) {
        let mut lock = RLock::default();
        let (mut owner, mut depth, mut left) = (0, 0, 0);
        for (at, (who, what, number)) in (1..).zip(steps) {
            let number = number + 1;
            match what {
                0..3 => match lock.acquire(who, at, number) {
                    Attempt::Wait => prop_assert!(owner != 0 && owner != who),
                    Attempt::Done(abandoned, _) => {
                        prop_assert!(owner == 0 || owner == who);
                        if owner == 0 {
                            prop_assert_eq!(abandoned.map_or(0, |abandoned| abandoned.who), left);
                            (owner, depth, left) = (who, 0, 0);
                        } else {
                            prop_assert_eq!(abandoned, None);
                        }
                        depth += number;
                    }
                },
                3..5 => {
                    let given = if owner == who { number.min(depth) } else { 0 };
                    depth -= given;
                    let freed = given > 0 && depth == 0;
                    prop_assert_eq!(lock.release(who, number), (given, if freed { Wake::One } else { Wake::Nobody }));
                    owner = if freed { 0 } else { owner };
                }
                _ => {
                    prop_assert_eq!(lock.forget(who), owner == who);
                    if owner == who {
                        (owner, depth, left) = (0, 0, who);
                    }
                }
            }
            prop_assert_eq!(lock.ownership.owner, owner);
            same(&lock);
        }
    }

    #[test]
    fn an_rwlock_has_readers_or_one_writer(steps in steps()) {
        let mut lock = RwLock::default();
        let mut readers: BTreeMap<Who, u64> = BTreeMap::new();
        let (mut writer, mut waiting, mut left, mut told) = (0, Vec::new(), 0, false);
        for (at, (who, what, number)) in (1..).zip(steps) {
            match (what, number) {
                (0..2, _) => {
                    let expected = if writer == who {
                        None
                    } else {
                        Some(readers.contains_key(&who) || writer == 0 && waiting.is_empty())
                    };
                    let attempt = lock.read(who, at);
                    prop_assert_eq!(attempt.ok().map(|attempt| attempt != Attempt::Wait), expected);
                    if let Ok(Attempt::Done(abandoned, _)) = attempt {
                        let news = !readers.contains_key(&who) && !told;
                        prop_assert_eq!(abandoned.map_or(0, |abandoned| abandoned.who), if news { left } else { 0 });
                        prop_assert_eq!(lock.writing.abandoned.map_or(0, |abandoned| abandoned.who), left);
                        told |= news;
                    }
                    if expected == Some(true) {
                        *readers.entry(who).or_insert(0) += 1;
                        waiting.retain(|&waiter| waiter != who);
                        lock.withdraw(who);
                    }
                }
                (2, _) => match lock.write(who, at) {
                    Err(Refused::Writes(_)) => prop_assert_eq!(writer, who),
                    Err(Refused::Reads(_)) => prop_assert!(readers.contains_key(&who)),
                    Ok(Attempt::Wait) => {
                        prop_assert!(writer != 0 || !readers.is_empty());
                        if !waiting.contains(&who) {
                            waiting.push(who);
                        }
                    }
                    Ok(Attempt::Done(abandoned, _)) => {
                        prop_assert!(writer == 0 && readers.is_empty());
                        prop_assert_eq!(abandoned.map_or(0, |abandoned| abandoned.who), if told { 0 } else { left });
                        prop_assert_eq!(lock.writing.abandoned.map_or(0, |abandoned| abandoned.who), left);
                        (writer, left, told) = (who, 0, false);
                        waiting.retain(|&waiter| waiter != who);
                    }
                },
                (3, _) => {
                    let (had, wake) = lock.end_read(who);
                    prop_assert_eq!(had, readers.contains_key(&who));
                    if had {
                        let times = readers.entry(who).or_insert(0);
                        *times -= 1;
                        if *times == 0 {
                            readers.remove(&who);
                            prop_assert_eq!(wake == Wake::All, readers.is_empty());
                        }
                    }
                }
                (4, 0..3) => {
                    prop_assert_eq!(lock.end_write(who), (writer == who, if writer == who { Wake::All } else { Wake::Nobody }));
                    writer = if writer == who { 0 } else { writer };
                }
                (4, _) => {
                    let last = waiting == [who];
                    waiting.retain(|&waiter| waiter != who);
                    prop_assert_eq!(lock.withdraw(who) == Wake::All, last);
                }
                _ => {
                    let had = writer == who || readers.remove(&who).is_some();
                    let waited = waiting.contains(&who);
                    waiting.retain(|&waiter| waiter != who);
                    prop_assert_eq!(lock.forget(who), had || waited);
                    if writer == who {
                        (writer, left, told) = (0, who, false);
                    }
                }
            }
            let mut reading: Vec<Who> = lock.readers().collect();
            reading.sort_unstable();
            prop_assert!(reading.iter().eq(readers.keys()));
            prop_assert_eq!(lock.writing.owner, writer);
            prop_assert!(writer == 0 || readers.is_empty());
            same(&lock);
        }
    }

    #[test]
    fn a_semaphore_keeps_count(steps in steps(), permits in 0..4u64, bounded: bool) {
        let mut semaphore = Semaphore::new(permits, bounded);
        let mut held: BTreeMap<Who, u64> = BTreeMap::new();
        let (mut nobodys, mut all) = (0, permits);
        for (who, what, _) in steps {
            let holds = held.values().sum::<u64>();
            let free = all - nobodys - holds;
            match what {
                0 => {
                    prop_assert_eq!(semaphore.acquire() != Attempt::Wait, free > 0);
                    nobodys += u64::from(free > 0);
                }
                1 | 2 => {
                    let attempt = semaphore.enter(who);
                    prop_assert_eq!(attempt, match free {
                        0 => Attempt::Wait,
                        1 => Attempt::Done((), Wake::Nobody),
                        _ => Attempt::Done((), Wake::One),
                    });
                    if free > 0 {
                        *held.entry(who).or_insert(0) += 1;
                    }
                }
                3 => match semaphore.release() {
                    Ok(_) if nobodys > 0 => nobodys -= 1,
                    Ok(_) => {
                        prop_assert!(!bounded);
                        all += 1;
                    }
                    Err(Full) => prop_assert!(bounded && nobodys == 0),
                },
                4 => {
                    let (had, _) = semaphore.leave(who);
                    prop_assert_eq!(had, held.get(&who).is_some_and(|&count| count > 0));
                    if had {
                        *held.entry(who).or_insert(0) -= 1;
                    }
                }
                _ => {
                    let had = held.remove(&who).unwrap_or(0);
                    prop_assert_eq!(semaphore.forget(who), had > 0);
                }
            }
            prop_assert_eq!(semaphore.free, all - nobodys - held.values().sum::<u64>());
            same(&semaphore);
        }
    }

    #[test]
    fn who_waited_when_an_event_was_set_goes_on(steps in steps()) {
        let mut event = Event::default();
        // Of each who waits: `times` when it began, and whether the event was set since.
        let mut waiting: BTreeMap<Who, (u64, bool)> = BTreeMap::new();
        for (who, what, _) in steps {
            match what {
                0..3 => {
                    let (since, set) = *waiting.entry(who).or_insert((event.times, event.is_set));
                    let gone_on = event.wait(since) != Attempt::Wait;
                    prop_assert_eq!(gone_on, set);
                    if gone_on {
                        waiting.remove(&who);
                    }
                }
                3 => {
                    let was = event.is_set;
                    prop_assert_eq!(event.set(), if was { Wake::Nobody } else { Wake::All });
                    waiting.values_mut().for_each(|waiter| waiter.1 = true);
                }
                4 => {
                    prop_assert_eq!(event.clear(), Wake::Nobody);
                }
                _ => {
                    prop_assert!(!event.forget(who));
                    waiting.remove(&who);
                }
            }
            same(&event);
        }
    }

    #[test]
    fn a_barrier_lets_so_many_pass_in_order(steps in steps(), parties in 1..5u64) {
        let mut barrier = Barrier::new(parties);
        let (mut arrived, mut passing, mut broken) = (Vec::new(), BTreeMap::new(), None);
        for (who, what, number) in steps {
            match (what, number) {
                (0..5, _) if passing.contains_key(&who) || what < 4 => {
                    let attempt = barrier.wait(who);
                    if let Some(place) = passing.remove(&who) {
                        prop_assert_eq!(attempt, Attempt::Done(Ok(place), Wake::Nobody));
                    } else if let Some(broken) = broken {
                        arrived.retain(|&waiter| waiter != who);
                        prop_assert_eq!(attempt, Attempt::Done(Err(broken), Wake::Nobody));
                    } else {
                        if !arrived.contains(&who) {
                            arrived.push(who);
                        }
                        if arrived.len() as u64 == parties {
                            passing.extend(arrived.drain(..).zip(0..));
                            let place = passing.remove(&who).unwrap_or(9);
                            prop_assert_eq!(attempt, Attempt::Done(Ok(place), Wake::All));
                        } else {
                            prop_assert_eq!(attempt, Attempt::Wait);
                        }
                    }
                }
                (4, _) => {
                    arrived.retain(|&waiter| waiter != who);
                    barrier.withdraw(who);
                }
                (_, 0) => {
                    prop_assert_eq!(barrier.abort(), Wake::All);
                    broken = broken.or(Some(Broken::Aborted));
                }
                _ => {
                    let waited = arrived.contains(&who);
                    arrived.retain(|&waiter| waiter != who);
                    prop_assert_eq!(barrier.forget(who), passing.remove(&who).is_some() || waited);
                    if waited {
                        broken = broken.or(Some(Broken::Died(who)));
                    }
                }
            }
            prop_assert_eq!((barrier.waiting(), barrier.broken), (arrived.len(), broken));
            same(&barrier);
        }
    }

    #[test]
    fn what_a_condition_tells_is_not_lost(steps in steps()) {
        let mut condition = Condition::new(7);
        let (mut waiting, mut told) = (VecDeque::new(), Vec::new());
        for (who, what, number) in steps {
            let tell = |waiting: &mut VecDeque<Who>, told: &mut Vec<Who>, count: u64| {
                told.extend(waiting.drain(..waiting.len().min(count as usize)));
            };
            match what {
                0 | 1 => {
                    let in_it = waiting.contains(&who) || told.contains(&who);
                    if !in_it {
                        condition.enlist(who);
                        waiting.push_back(who);
                    }
                }
                2 => {
                    prop_assert_eq!(condition.wait(who) != Attempt::Wait, told.contains(&who));
                    if told.contains(&who) && number > 0 {
                        condition.leave(who);
                        told.retain(|&waiter| waiter != who);
                    }
                }
                3 => {
                    let any = number > 0 && !waiting.is_empty();
                    prop_assert_eq!(condition.notify(number), if any { Wake::All } else { Wake::Nobody });
                    tell(&mut waiting, &mut told, number);
                }
                _ => {
                    if what == 4 {
                        condition.withdraw(who);
                    } else {
                        condition.forget(who);
                    }
                    waiting.retain(|&waiter| waiter != who);
                    if told.contains(&who) {
                        told.retain(|&waiter| waiter != who);
                        tell(&mut waiting, &mut told, 1);
                    }
                }
            }
            prop_assert_eq!(condition.waiting(), waiting.len());
            same(&condition);
        }
    }

    #[test]
    fn a_rate_is_exact_while_it_is_asked(
        turns in 1..50u64,
        per in 1..1_000_000_000u64,
        start in 0..1_000_000_000_000u64,
        late in prop::collection::vec(0..100u64, 1..300),
    ) {
        let mut rate = Rate::new(turns, per);
        let first = rate.take(start, u64::MAX).unwrap().at;
        prop_assert!(first <= start);
        let mut now = start;
        let mut given = vec![first];
        for (number, late) in (1..).zip(late) {
            // It comes late by less than the time of a turn: the next one is not later for that.
            now = now.max(given[given.len() - 1]) + late * (per / turns) / 100;
            let turn = rate.take(now, u64::MAX).unwrap();
            let exact = u128::from(first) + u128::from(number as u64) * u128::from(per) / u128::from(turns);
            prop_assert_eq!(u128::from(turn.at), exact);
            given.push(turn.at);
            same(&rate);
            let mut other = rate;
            other.give_back(turn);
            if per >= turns {
                prop_assert_eq!(other.take(now, u64::MAX), Ok(turn));
            }
let before = rate;
            prop_assert!(rate.take(now, 0).is_err());
            prop_assert_eq!(rate, before);
        }
    }

    #[test]
    fn a_rate_never_gives_more(
        turns in 1..20u64,
        per in 1_000..1_000_000u64,
        pauses in prop::collection::vec(0..200_000u64, 1..300),
    ) {
        let mut rate = Rate::new(turns, per);
        let mut now = 1_000_000_000;
        let mut given = Vec::new();
        for pause in pauses {
            now += pause;
            given.push(rate.take(now, u64::MAX).unwrap().at.max(now));
        }
        for window in given.windows(turns as usize + 2) {
            prop_assert!(window[window.len() - 1] - window[0] + 1 >= per, "{window:?}");
        }
    }
}
