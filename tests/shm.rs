//! Shared memory between real processes: order, exact ledgers, deaths. Each case runs in a child with a deadline.

#[path = "support/forks.rs"]
mod forks;

use forks::*;
use mplang::shm::channel::{Received, Sent};
use mplang::shm::exit_status::{self, Ended};
use mplang::shm::process_table::{self, EndWait, ProcessRef};
use mplang::shm::result;
use mplang::shm::user_lock::{Acquired, Released};
use mplang::shm::{self, Channel, Pipe, Role, UserLock, arena};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

const CASES: &[Case] = &[
    ("one_to_one_keeps_order", 20, one_to_one_keeps_order),
    ("four_to_four_loses_and_doubles_nothing", 20, four_to_four),
    ("large_messages_arrive_whole", 20, large_messages),
    ("bounded_sender_waits_for_room", 20, bounded_back_pressure),
    ("rendezvous_waits_until_taken", 20, rendezvous),
    ("rendezvous_takes_back_what_nobody_took", 10, rendezvous_withdraws),
    ("join_before_drain_of_a_million", 60, join_before_drain),
    ("pipe_carries_both_ways", 20, pipe_both_ways),
    ("pipe_ends_with_its_partner", 20, pipe_partner_death),
    ("receivers_end_when_nobody_can_send", 20, receivers_end),
    ("receivers_that_could_send_end_together", 20, stuck_receivers_end),
    ("lock_passes_on_at_death", 20, lock_hand_over),
    ("lock_knows_its_owner", 10, lock_rules),
    ("signals_interrupt_every_wait", 20, signals_interrupt),
    ("results_outlive_their_process", 20, results),
    ("ends_are_known_before_they_are_reaped", 20, ends_told_before),
    ("ends_are_seen_by_others_than_the_parent", 20, ends_seen_by_all),
    ("handles_in_messages_keep_objects_alive", 20, handles_in_messages),
    ("objects_go_with_their_last_holder", 20, objects_are_freed),
    ("nonsense_names_nothing", 20, nonsense_names_nothing),
    ("memory_returns_after_a_burst", 60, memory_returns),
    ("memory_limit_is_an_error", 20, memory_limit),
    ("random_operations_match_a_model", 30, random_operations),
    ("killed_senders_lose_nothing_committed", 60, || kill_storm(0x5eed, 60, Victims::Senders)),
    ("killed_receivers_lose_only_what_they_had", 60, || kill_storm(0xfeed, 60, Victims::Receivers)),
    ("killed_bounded_traffic_goes_on", 60, || kill_storm(0xb0b, 60, Victims::Bounded)),
    ("killed_makers_leave_no_memory", 60, killed_makers),
    ("killed_lock_holders_block_nobody", 60, killed_lock_holders),
    ("thousands_of_processes_are_registered", 60, many_processes),
];

fn main() -> ExitCode {
    run_cases(CASES)
}

fn put(object: Channel) -> (shm::ObjectRef, Role) {
    (object.object(), Role::Put)
}

fn take(object: Channel) -> (shm::ObjectRef, Role) {
    (object.object(), Role::Take)
}

fn drop_channel(channel: Channel) {
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
}

fn send(channel: Channel, value: u64) {
    assert_eq!(channel.send(&value.to_le_bytes(), &[], None).unwrap(), Sent::Ok);
}

fn recv(channel: Channel) -> Option<u64> {
    let mut bytes = vec![];
    match channel.recv(&mut bytes, None).unwrap() {
        Received::Ok => Some(u64::from_le_bytes(bytes.try_into().unwrap())),
        Received::Closed => None,
        other => panic!("{other:?}"),
    }
}

fn one_to_one_keeps_order() {
    let channel = Channel::new(None).unwrap();
    let child = spawn(&[put(channel)], || (0..200_000).for_each(|value| send(channel, value)));
    shm::give_up(channel.object(), Role::Put);
    (0..200_000).for_each(|value| assert_eq!(recv(channel), Some(value)));
    join_well(child);
    assert_eq!(recv(channel), None);
}

fn four_to_four() {
    const EACH: u64 = 20_000;
    for capacity in [None, Some(1), Some(16)] {
        let channel = Channel::new(capacity).unwrap();
        let seen = Channel::new(None).unwrap();
        let senders: Vec<_> = (0..4)
            .map(|sender| spawn(&[put(channel)], move || (0..EACH).for_each(|at| send(channel, sender * EACH + at))))
            .collect();
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                spawn(&[take(channel), put(seen)], || {
                    let mut last = [None; 4];
                    while let Some(value) = recv(channel) {
                        let sender = (value / EACH) as usize;
                        assert!(last[sender] < Some(value), "out of order");
                        last[sender] = Some(value);
                        send(seen, value);
                    }
                })
            })
            .collect();
        shm::give_up(channel.object(), Role::Put);
        shm::give_up(channel.object(), Role::Take);
        senders.into_iter().chain(receivers).for_each(join_well);
        let mut ledger = vec![0; 4 * EACH as usize];
        while let Some(value) = recv(seen) {
            ledger[value as usize] += 1;
        }
        assert!(ledger.iter().all(|&count| count == 1));
        drop_channel(seen);
    }
}

fn large_messages() {
    let channel = Channel::new(None).unwrap();
    let sizes = [0, 1, 47, 48, 49, 4096, 65_519, 65_520, 1 << 20, 20 << 20];
    let child = spawn(&[put(channel)], || {
        for (seed, size) in (1..).zip(sizes) {
            let mut random = Random(seed);
            let bytes: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
            assert_eq!(channel.send(&bytes, &[], None).unwrap(), Sent::Ok);
        }
    });
    for (seed, size) in (1..).zip(sizes) {
        let mut bytes = vec![];
        assert_eq!(channel.recv(&mut bytes, None).unwrap(), Received::Ok);
        let mut random = Random(seed);
        assert_eq!(bytes.len(), size);
        assert!(bytes.iter().all(|&byte| byte == random.next() as u8));
    }
    join_well(child);
}

fn bounded_back_pressure() {
    let channel = Channel::new(Some(3)).unwrap();
    let done = Channel::new(None).unwrap();
    (0..3).for_each(|value| assert_eq!(channel.try_send(&[value], &[]).unwrap(), Sent::Ok));
    assert!(channel.is_full());
    assert_eq!(channel.try_send(&[3], &[]).unwrap(), Sent::Full);
    assert_eq!(channel.send(&[3], &[], soon(5)).unwrap(), Sent::TimedOut);
    assert_eq!(channel.len(), 3);
    let child = spawn(&[put(channel), put(done)], || {
        assert_eq!(channel.send(&[3], &[], None).unwrap(), Sent::Ok);
        send(done, 1);
    });
    let mut bytes = vec![];
    assert_eq!(done.recv(&mut bytes, soon(20)).unwrap(), Received::TimedOut);
    assert_eq!(channel.recv(&mut bytes, None).unwrap(), Received::Ok);
    assert_eq!(recv(done), Some(1));
    join_well(child);
    (0..3).for_each(|_| assert_eq!(channel.recv(&mut bytes, None).unwrap(), Received::Ok));
    assert_eq!(bytes, [0, 1, 2, 3]);
    assert_eq!(channel.try_recv(&mut bytes).unwrap(), Received::Empty);
}

fn rendezvous() {
    let channel = Channel::new(Some(0)).unwrap();
    let taken = Channel::new(None).unwrap();
    let child = spawn(&[take(channel), put(taken)], || {
        for value in 0..2_000 {
            send(taken, value);
            assert_eq!(recv(channel), Some(value));
        }
    });
    for value in 0..2_000 {
        send(channel, value);
        // The send came back, so the receive was under way: the word sent before it is there.
        assert_eq!(taken.try_recv(&mut vec![]).unwrap(), Received::Ok);
    }
    join_well(child);
}

fn rendezvous_withdraws() {
    let channel = Channel::new(Some(0)).unwrap();
    assert_eq!(channel.try_send(&[1; 100], &[]).unwrap(), Sent::Full);
    assert_eq!(channel.send(&[1; 100], &[], soon(5)).unwrap(), Sent::TimedOut);
    assert_eq!(channel.try_recv(&mut vec![]).unwrap(), Received::Empty);
    assert_eq!(channel.len(), 0);
    let child = spawn(&[take(channel)], || assert_eq!(recv(channel), Some(7)));
    while channel.try_send(&7u64.to_le_bytes(), &[]).unwrap() != Sent::Ok {
        std::thread::yield_now();
    }
    join_well(child);
}

fn join_before_drain() {
    let channel = Channel::new(None).unwrap();
    let child = spawn(&[put(channel)], || (0..1_000_000).for_each(|value| send(channel, value)));
    join_well(child);
    assert_eq!(channel.len(), 1_000_000);
    (0..1_000_000).for_each(|value| assert_eq!(recv(channel), Some(value)));
    assert!(arena::blocks_in_use() < 20, "{} blocks", arena::blocks_in_use());
}

fn pipe_both_ways() {
    let pipe = Pipe::new(None).unwrap();
    let child = spawn(&[(pipe.object(), Role::B)], || {
        let mut bytes = vec![];
        while pipe.b().recv(&mut bytes, None).unwrap() == Received::Ok {
            bytes.push(b'!');
            assert_eq!(pipe.b().send(&bytes, &[], None).unwrap(), Sent::Ok);
            bytes.clear();
        }
    });
    shm::give_up(pipe.object(), Role::B);
    for value in 0..20_000u32 {
        assert_eq!(pipe.a().send(&value.to_le_bytes(), &[], None).unwrap(), Sent::Ok);
        let mut bytes = vec![];
        assert_eq!(pipe.a().recv(&mut bytes, None).unwrap(), Received::Ok);
        assert_eq!(bytes, [&value.to_le_bytes()[..], b"!"].concat());
    }
    shm::give_up(pipe.object(), Role::A);
    join_well(child);
}

fn pipe_partner_death() {
    let pipe = Pipe::new(Some(2)).unwrap();
    let child = spawn(&[(pipe.object(), Role::B)], || {
        pipe.b().send(b"last", &[], None).unwrap();
        pipe.b().recv(&mut vec![], None).unwrap();
        loop {
            nix::unistd::pause();
        }
    });
    shm::give_up(pipe.object(), Role::B);
    assert_eq!(pipe.a().send(b"go", &[], None).unwrap(), Sent::Ok);
    while pipe.b().pending() != 0 {
        std::thread::yield_now();
    }
    kill(child);
    assert_eq!(join(child), Ended::Signal(libc::SIGKILL));
    let mut bytes = vec![];
    assert_eq!(pipe.a().recv(&mut bytes, None).unwrap(), Received::Ok);
    assert_eq!(bytes, b"last");
    assert_eq!(pipe.a().recv(&mut bytes, None).unwrap(), Received::Closed);
    assert_eq!(pipe.a().send(b"too late", &[], None).unwrap(), Sent::Closed);
}

fn receivers_end() {
    let channel = Channel::new(None).unwrap();
    let receivers: Vec<_> = (0..3).map(|_| spawn(&[take(channel)], || while recv(channel).is_some() {})).collect();
    let sender = spawn(&[put(channel)], || (0..1000).for_each(|value| send(channel, value)));
    shm::give_up(channel.object(), Role::Take);
    shm::give_up(channel.object(), Role::Put);
    join_well(sender);
    receivers.into_iter().for_each(join_well);
    let closed = Channel::new(None).unwrap();
    send(closed, 1);
    closed.close();
    assert_eq!(closed.send(&[], &[], None).unwrap(), Sent::Closed);
    assert_eq!(recv(closed), Some(1));
    assert_eq!(recv(closed), None);
}

fn stuck_receivers_end() {
    for _ in 0..200 {
        let channel = Channel::new(None).unwrap();
        let workers: Vec<_> = (0..4)
            .map(|_| {
                spawn(&[put(channel), take(channel)], || {
                    let mut work = 0;
                    while let Some(depth) = recv(channel) {
                        work += 1;
                        (0..if depth == 0 { 0 } else { 2 }).for_each(|_| send(channel, depth - 1));
                    }
                    result::store_result(&u64::to_le_bytes(work)).unwrap();
                })
            })
            .collect();
        send(channel, 4);
        drop_channel(channel);
        let mut work = 0;
        for worker in workers {
            assert_eq!(worker.wait_end(None), EndWait::Ended);
            work += u64::from_le_bytes(worker.result().unwrap().try_into().unwrap());
            join_well(worker);
        }
        assert_eq!(work, 31, "work was left behind");
    }
}

fn lock_hand_over() {
    let lock = UserLock::new().unwrap();
    let ready = Channel::new(None).unwrap();
    let holder = spawn(&[(lock.object(), Role::Handle), put(ready)], || {
        assert_eq!(lock.acquire(None).unwrap(), Acquired::Ok);
        send(ready, 1);
        loop {
            nix::unistd::pause();
        }
    });
    recv(ready);
    let waiter = spawn(&[(lock.object(), Role::Handle), put(ready)], || {
        send(ready, 2);
        assert_eq!(lock.acquire(None).unwrap(), Acquired::Abandoned(holder));
        assert_eq!(lock.abandoned(), Some(holder));
        assert_eq!(lock.release().unwrap(), Released::Ok);
    });
    recv(ready);
    assert_eq!(lock.acquire(soon(10)).unwrap(), Acquired::TimedOut);
    assert_eq!(lock.owner(), Some(holder));
    kill(holder);
    // The kernel passes it on: nobody has reaped the holder yet.
    join_well(waiter);
    assert_eq!(join(holder), Ended::Signal(libc::SIGKILL));
    // An ordinary end passes it on too.
    let ender = spawn(&[(lock.object(), Role::Handle)], || {
        lock.acquire(None).unwrap();
    });
    join_well(ender);
    assert_eq!(lock.acquire(None).unwrap(), Acquired::Abandoned(ender));
}

fn lock_rules() {
    let lock = UserLock::new().unwrap();
    let other = UserLock::new().unwrap();
    assert_eq!(lock.release().unwrap(), Released::NotOwner);
    assert_eq!(lock.acquire(None).unwrap(), Acquired::Ok);
    assert_eq!(other.try_acquire().unwrap(), Acquired::Ok);
    assert!(lock.held());
    assert_eq!(lock.acquire(None).unwrap(), Acquired::AlreadyHeld);
    let child = spawn(&[(lock.object(), Role::Handle)], || {
        assert!(!lock.held());
        assert_eq!(lock.try_acquire().unwrap(), Acquired::TimedOut);
        assert_eq!(lock.release().unwrap(), Released::NotOwner);
    });
    join_well(child);
    // Not in the order in which they were taken.
    assert_eq!(lock.release().unwrap(), Released::Ok);
    assert_eq!(other.release().unwrap(), Released::Ok);
    assert_eq!(lock.try_acquire().unwrap(), Acquired::Ok);
    // Given up while held: free for others, who are told.
    let me = process_table::me().unwrap();
    let child =
        spawn(&[(lock.object(), Role::Handle)], || assert_eq!(lock.acquire(None).unwrap(), Acquired::Abandoned(me)));
    shm::give_up(lock.object(), Role::Handle);
    join_well(child);
    assert_eq!(lock.acquire(None), Err(shm::ShmError::Gone));
}

extern "C" fn on_signal(_: libc::c_int) {}

fn signals_interrupt() {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let (channel, full) = (Channel::new(None).unwrap(), Channel::new(Some(1)).unwrap());
    let lock = UserLock::new().unwrap();
    send(full, 1);
    lock.acquire(None).unwrap();
    let holds = [take(channel), put(full), (lock.object(), Role::Handle)];
    type Wait = fn(Channel, Channel, UserLock, ProcessRef) -> bool;
    let waits: [Wait; 4] = [
        |channel, _, _, _| channel.recv(&mut vec![], None).unwrap() == Received::Interrupted,
        |_, full, _, _| full.send(&[2], &[], None).unwrap() == Sent::Interrupted,
        |_, _, lock, _| lock.acquire(None).unwrap() == Acquired::Interrupted,
        |_, _, _, me| me.wait_end(None) == EndWait::Interrupted,
    ];
    let me = process_table::me().unwrap();
    for wait in waits {
        let child = spawn(&holds, || assert!(wait(channel, full, lock, me)));
        let pid = nix::unistd::Pid::from_raw(child.pid().unwrap());
        // A signal before the sleep is not noticed: send until one is.
        while child.wait_end(soon(2)) != EndWait::Ended {
            nix::sys::signal::kill(pid, Signal::SIGUSR1).unwrap();
        }
        join_well(child);
    }
    assert_eq!(full.len(), 1);
}

fn results() {
    let children: Vec<_> =
        [0, 10, 100_000].map(|size| spawn(&[], move || result::store_result(&vec![size as u8; size]).unwrap())).into();
    for (child, size) in children.into_iter().zip([0, 10, 100_000]) {
        let (_, ended) = wait_pid(child.pid().unwrap());
        process_table::reap(child, ended);
        assert_eq!(child.ended(), Some(Ended::Exit(0)));
        assert_eq!(child.result().unwrap(), vec![size as u8; size]);
        shm::give_up(child.object(), Role::Handle);
        assert!(!child.exists());
    }
    let child = shm::register_child("named").unwrap();
    assert_eq!((child.id().as_str(), child.name().as_str()), ("P.4", "named"));
    process_table::cancel_child(child);
    assert!(!child.exists());
    let child = spawn(&[], || {
        let inner = spawn(&[], || assert_eq!(process_table::me().unwrap().id(), "P.4.1"));
        join_well(inner);
    });
    join_well(child);
    assert_eq!(process_table::slots_in_use(), 1);
}

fn ends_seen_by_all() {
    let ready = Channel::new(None).unwrap();
    let sleeper = spawn(&[put(ready)], || {
        send(ready, 0);
        loop {
            nix::unistd::pause();
        }
    });
    assert_eq!(recv(ready), Some(0));
    let watchers: Vec<_> = (0..4)
        .map(|_| {
            spawn(&[(sleeper.object(), Role::Handle), put(ready)], || {
                assert_eq!(sleeper.wait_end(soon(1)), EndWait::TimedOut);
                send(ready, 1);
                assert_eq!(sleeper.wait_end(None), EndWait::Ended);
            })
        })
        .collect();
    (0..4).for_each(|_| assert_eq!(recv(ready), Some(1)));
    kill(sleeper);
    // Before anybody has reaped it.
    watchers.into_iter().for_each(join_well);
    assert_eq!(sleeper.ended(), None);
    assert_eq!(join(sleeper), Ended::Signal(libc::SIGKILL));
}

/// How a process ends is known from itself, before anybody has reaped it, whatever signal comes after that.
fn ends_told_before() {
    let ready = Channel::new(None).unwrap();
    let child = spawn(&[put(ready)], || {
        exit_status::note_end(7);
        send(ready, 0);
        loop {
            nix::unistd::pause();
        }
    });
    assert_eq!(recv(ready), Some(0));
    assert_eq!((child.known_end(), child.ended()), (None, None));
    kill(child);
    assert_eq!(child.wait_end(None), EndWait::Ended);
    assert_eq!((child.known_end(), child.ended()), (Some(Ended::Exit(7)), Some(Ended::Exit(7))));
    let (_, signal) = wait_pid(child.pid().unwrap());
    assert_eq!(signal, Ended::Signal(libc::SIGKILL));
    process_table::reap(child, signal);
    assert_eq!(child.ended(), Some(Ended::Exit(7)));
    shm::give_up(child.object(), Role::Handle);
    drop_channel(ready);
}

fn handles_in_messages() {
    let before = arena::blocks_in_use();
    let outer = Channel::new(None).unwrap();
    let inner = Channel::new(None).unwrap();
    send(inner, 42);
    let word = word_of(inner.object());
    assert_eq!(outer.send(&word, &[put(inner), take(inner)], None).unwrap(), Sent::Ok);
    drop_channel(inner);
    let child = spawn(&[take(outer)], || {
        let mut bytes = vec![];
        assert_eq!(outer.recv(&mut bytes, None).unwrap(), Received::Ok);
        assert_eq!(bytes, word);
        assert_eq!(recv(inner), Some(42));
    });
    join_well(child);
    assert_eq!(inner.capacity(), None);
    assert!(inner.is_closed(), "its last holder has gone");
    // Never received: goes with the channel that carries it, at any depth.
    let mut carried = Channel::new(None).unwrap();
    send(carried, 1);
    for _ in 0..1000 {
        let carrier = Channel::new(None).unwrap();
        carrier.send(&[0; 60], &[put(carried), take(carried)], None).unwrap();
        carrier.send(&[0; 60], &[], None).unwrap();
        drop_channel(carried);
        carried = carrier;
    }
    drop_channel(carried);
    drop_channel(outer);
    assert_eq!(arena::blocks_in_use(), before);
}

fn nonsense_names_nothing() {
    let mut random = Random(0xbad);
    UserLock::new().unwrap();
    for _ in 0..100_000 {
        let mut object = shm::ObjectRef::from_word(random.next());
        if random.below(2) == 0 {
            object = shm::ObjectRef { offset: random.below(1 << 29), generation: random.below(100) as u32 };
        }
        assert_eq!(Channel::of(object).try_send(&[], &[]).unwrap(), Sent::Closed);
        assert_eq!(Pipe::of(object).b().try_recv(&mut vec![]).unwrap(), Received::Closed);
        assert_eq!(UserLock::of(object).try_acquire(), Err(shm::ShmError::Gone));
        assert_eq!(shm::hold(object, Role::Handle), Err(shm::ShmError::Gone));
        shm::give_up(object, Role::Handle);
    }
}

fn word_of(object: shm::ObjectRef) -> Vec<u8> {
    [&object.offset.to_le_bytes()[..], &object.generation.to_le_bytes()].concat()
}

fn objects_are_freed() {
    let before = arena::blocks_in_use();
    for round in 0..100_000u64 {
        let channel = Channel::new(None).unwrap();
        if round % 10 == 0 {
            (0..round % 200).for_each(|value| send(channel, value));
            channel.send(&[7; 1000], &[], None).unwrap();
        }
        drop_channel(channel);
        assert!(channel.is_closed());
    }
    let held: Vec<_> = (0..10_000).map(|_| (Pipe::new(Some(4)).unwrap(), UserLock::new().unwrap())).collect();
    for &(pipe, lock) in &held {
        pipe.a().send(&[1; 100], &[], None).unwrap();
        pipe.b().send(&[1; 100], &[], None).unwrap();
        shm::give_up(lock.object(), Role::Handle);
        shm::give_up(pipe.object(), Role::A);
        shm::give_up(pipe.object(), Role::B);
    }
    assert_eq!(arena::blocks_in_use(), before);
}

fn memory_returns() {
    let before = arena::blocks_in_use();
    let channel = Channel::new(None).unwrap();
    let message = vec![1; 1 << 20];
    let child = spawn(&[put(channel)], || {
        (0..512).for_each(|_| assert_eq!(channel.send(&message, &[], None).unwrap(), Sent::Ok));
    });
    join_well(child);
    assert!(arena::bytes_in_use() >= 512 << 20);
    let mut bytes = vec![];
    for _ in 0..512 {
        bytes.clear();
        assert_eq!(channel.recv(&mut bytes, None).unwrap(), Received::Ok);
    }
    drop_channel(channel);
    assert_eq!(arena::blocks_in_use(), before);
    assert!(resident_shared() < 64 << 20, "{} MiB stay", resident_shared() >> 20);
}

/// Bytes of shared memory that the region's file has.
fn resident_shared() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let region = maps.split("memfd:mplang").nth(1).unwrap();
    let line = region.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn memory_limit() {
    arena::set_limit(8 << 20);
    let channel = Channel::new(None).unwrap();
    let error = channel.send(&vec![0; 9 << 20], &[], None).unwrap_err();
    assert_eq!(error.to_string(), "no shared memory left for 9437200 bytes: its limit is 8 MiB");
    let mut sent = 0;
    while channel.send(&[0; 1000], &[], None).is_ok() {
        sent += 1;
    }
    assert!(sent > 5_000, "{sent}");
    (0..sent).for_each(|_| assert_eq!(channel.try_recv(&mut vec![]).unwrap(), Received::Ok));
    assert_eq!(channel.try_recv(&mut vec![]).unwrap(), Received::Empty);
    assert_eq!(channel.send(&vec![0; 7 << 20], &[], None).unwrap(), Sent::Ok);
}

fn random_operations() {
    let mut random = Random(0x1234_5678);
    for round in 0..300 {
        let before = arena::blocks_in_use();
        let capacity = [None, Some(1), Some(2), Some(63), Some(64), Some(200)][round % 6];
        let channel = Channel::new(capacity).unwrap();
        let mut model = VecDeque::new();
        let mut closed = false;
        for _ in 0..random.below(2_000) {
            match random.below(100) {
                0..55 => {
                    let size = if random.below(10) == 0 { random.below(5_000) } else { random.below(60) };
                    let message: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
                    let full = capacity.is_some_and(|capacity| model.len() >= capacity as usize);
                    let expected = if closed {
                        Sent::Closed
                    } else if full {
                        Sent::Full
                    } else {
                        Sent::Ok
                    };
                    assert_eq!(channel.try_send(&message, &[]).unwrap(), expected);
                    if expected == Sent::Ok {
                        model.push_back(message);
                    }
                }
                55..99 => {
                    let mut bytes = vec![];
                    let got = channel.try_recv(&mut bytes).unwrap();
                    match model.pop_front() {
                        Some(message) => assert_eq!((got, bytes), (Received::Ok, message)),
                        None => assert_eq!(got, if closed { Received::Closed } else { Received::Empty }),
                    }
                }
                _ if round % 4 == 0 && random.below(10) == 0 => {
                    closed = true;
                    channel.close();
                }
                _ => {}
            }
            assert_eq!((channel.len(), channel.is_empty()), (model.len() as u64, model.is_empty()));
            assert_eq!(channel.is_full(), capacity.is_some_and(|capacity| model.len() >= capacity as usize));
        }
        assert_eq!((channel.capacity(), channel.is_closed()), (capacity, closed));
        drop_channel(channel);
        assert_eq!(arena::blocks_in_use(), before);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Victims {
    Senders,
    Receivers,
    Bounded,
}

/// Kills processes at random moments. A sender tells of each message that it has put, a receiver of each that it has
/// taken; what is told of must have arrived, once.
fn kill_storm(seed: u64, rounds: u64, victims: Victims) {
    let mut random = Random(seed);
    let before = arena::blocks_in_use();
    let channel = Channel::new((victims == Victims::Bounded).then_some(5)).unwrap();
    // Fates: what each sender told of and what receivers told of, in files that survive their writers.
    let (put_log, took_log) = (Log::new(), Log::new());
    let mut lost_in_hands = 0;
    let mut incarnation = 0;
    for _ in 0..rounds {
        let sender = |incarnation: u64, killed: bool| {
            spawn(&[put(channel)], || {
                for at in 0..if killed { u64::MAX } else { 300 } {
                    let mut message = [incarnation, at].map(u64::to_le_bytes).concat();
                    message.resize(if at % 3 == 0 { 200 } else { 16 }, 0);
                    if channel.send(&message, &[], None).unwrap() != Sent::Ok {
                        break;
                    }
                    put_log.add(incarnation, at);
                }
            })
        };
        let receiver = || {
            spawn(&[take(channel)], || {
                let mut bytes = vec![];
                while channel.recv(&mut bytes, None).unwrap() == Received::Ok {
                    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
                    took_log.add(word(0), word(8));
                    bytes.clear();
                }
            })
        };
        let kill_senders = victims != Victims::Receivers;
        let kill_receivers = victims != Victims::Senders;
        let senders: Vec<_> = (0..3).map(|at| sender(incarnation + at, kill_senders && at < 2)).collect();
        incarnation += 3;
        let receivers: Vec<_> = (0..2).map(|_| receiver()).collect();
        let pause = Duration::from_micros(200 + random.below(4_000));
        std::thread::sleep(pause);
        if kill_senders {
            senders[..2].iter().for_each(|&sender| kill(sender));
        }
        if kill_receivers {
            lost_in_hands += 1;
            kill(receivers[0]);
        }
        // In random order, so that the reaper is sometimes late.
        if random.below(2) == 0 {
            receivers[..1].iter().for_each(|&receiver| {
                if kill_receivers {
                    join(receiver);
                }
            });
        } else if kill_receivers {
            senders[..2].iter().for_each(|&sender| {
                if kill_senders {
                    join(sender);
                }
            });
        }
        for sender in senders {
            if sender.exists() {
                join(sender);
            }
        }
        // The receivers end when this process gives up its role, which it takes again for the next round.
        shm::give_up(channel.object(), Role::Put);
        for receiver in receivers {
            if receiver.exists() {
                join(receiver);
            }
        }
        shm::hold(channel.object(), Role::Put).unwrap();
        let mut bytes = vec![];
        while channel.try_recv(&mut bytes).unwrap() == Received::Ok {
            let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
            took_log.add(word(0), word(8));
            bytes.clear();
        }
    }
    let (mut told, mut took) = (put_log.read(), took_log.read());
    took.sort_unstable();
    assert!(took.windows(2).all(|pair| pair[0] != pair[1]), "a message arrived twice");
    told.retain(|message| took.binary_search(message).is_err());
    assert!(told.len() <= lost_in_hands, "{} messages lost by {lost_in_hands} deaths", told.len());
    println!("    {} messages, {} lost in dead receivers' hands", took.len(), told.len());
    drop_channel(channel);
    assert_eq!(arena::blocks_in_use(), before);
    assert_eq!(process_table::slots_in_use(), 1);
}

fn killed_makers() {
    let mut random = Random(0xabcd);
    let before = arena::blocks_in_use();
    for _ in 0..150 {
        let shared = Channel::new(None).unwrap();
        let children: Vec<_> = (0..3)
            .map(|seed| {
                spawn(&[put(shared), take(shared)], move || {
                    let mut random = Random(seed + 1);
                    let mut kept = VecDeque::new();
                    loop {
                        let channel = Channel::new(None).unwrap();
                        let pipe = Pipe::new(None).unwrap();
                        channel
                            .send(&vec![0; random.below(3_000) as usize], &[(pipe.object(), Role::B)], None)
                            .unwrap();
                        shared.send(&[0; 60], &[take(channel)], None).unwrap();
                        result::store_result(&[0; 100]).unwrap();
                        if random.below(2) == 0 {
                            shared.try_recv(&mut vec![]).unwrap();
                        }
                        kept.push_back((channel, pipe));
                        if kept.len() > 50 {
                            let (channel, pipe) = kept.pop_front().unwrap();
                            drop_channel(channel);
                            shm::give_up(pipe.object(), Role::A);
                            shm::give_up(pipe.object(), Role::B);
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_micros(500 + random.below(5_000)));
        children.iter().for_each(|&child| kill(child));
        children.into_iter().for_each(|child| assert_eq!(join(child), Ended::Signal(libc::SIGKILL)));
        drop_channel(shared);
        assert_eq!(arena::blocks_in_use(), before);
    }
    assert_eq!(process_table::slots_in_use(), 1);
}

fn killed_lock_holders() {
    let mut random = Random(0x10c);
    let lock = UserLock::new().unwrap();
    let handle = [(lock.object(), Role::Handle)];
    let worker = || {
        spawn(&handle, || {
            loop {
                lock.acquire(None).unwrap();
                lock.release().unwrap();
            }
        })
    };
    let mut workers: Vec<_> = (0..4).map(|_| worker()).collect();
    let mut abandoned = 0;
    for _ in 0..400 {
        std::thread::sleep(Duration::from_micros(random.below(800)));
        let victim = random.below(4) as usize;
        kill(workers[victim]);
        abandoned += u32::from(matches!(lock.acquire(None).unwrap(), Acquired::Abandoned(_)));
        assert!(lock.held());
        lock.release().unwrap();
        join(workers[victim]);
        workers[victim] = worker();
    }
    println!("    taken over {abandoned} times");
    workers.iter().for_each(|&worker| kill(worker));
    workers.into_iter().for_each(|worker| assert_eq!(join(worker), Ended::Signal(libc::SIGKILL)));
    lock.acquire(None).unwrap();
}

fn many_processes() {
    // Slots alone: as many real processes are not this test's to make.
    let before = arena::blocks_in_use();
    let mut children = Vec::new();
    let refused = loop {
        if children.len() == 33_000 {
            break None;
        }
        match shm::register_child(&format!("w{}", children.len())) {
            Ok(child) => children.push(child),
            Err(error) => break Some(error),
        }
    };
    // Either all of them, or as many as the machine's own limit says, less this process.
    match refused {
        None => {}
        Some(shm::ShmError::TooManyProcesses { limit, .. }) => assert_eq!(children.len(), limit as usize - 1),
        Some(error) => panic!("{error}"),
    }
    assert!(children.len() > 10_000, "{} processes", children.len());
    for at in [0, children.len() - 1] {
        assert_eq!(children[at].name(), format!("w{at}"));
    }
    children.into_iter().for_each(process_table::cancel_child);
    assert_eq!(arena::blocks_in_use(), before);
    assert_eq!(process_table::slots_in_use(), 1);
    for _ in 0..5 {
        let live: Vec<_> = (0..200).map(|_| spawn(&[], || ())).collect();
        live.into_iter().for_each(join_well);
    }
    assert_eq!(process_table::slots_in_use(), 1);
}
