//! Processes that die at any moment, by chance and by others, while much goes on; and an exact account of what must
//! have arrived.

use super::shm::channel::{Received, Sent};
use super::shm::exit_status::Ended;
use super::shm::process_table::{self, ProcessRef};
use super::shm::result;
use super::shm::user_lock::Acquired;
use super::shm::{self, Channel, Pipe, Role, UserLock, arena, faults};
use super::stage::{self, Holds, Size, drop_channel, in_use, look_for_end, put, soon, spawn_child, take};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::time::{Duration, Instant};

pub struct Storm {
    pub name: &'static str,
    pub run: fn(Duration),
}

pub const STORMS: &[Storm] = &[
    Storm { name: "storm_on_a_queue", run: |time| queue_storm(time, None, 0x5eed) },
    Storm { name: "storm_on_a_bounded_queue", run: |time| queue_storm(time, Some(7), 0xb0b) },
    Storm { name: "storm_on_a_rendezvous", run: |time| queue_storm(time, Some(0), 0xcafe) },
    Storm { name: "storm_of_4_mib_messages", run: large_storm },
    Storm { name: "storm_on_pipes", run: pipe_storm },
    Storm { name: "storm_on_locks", run: lock_storm },
    Storm { name: "storm_of_spawns", run: spawn_storm },
    Storm { name: "random_process_graphs", run: super::graphs::run },
    Storm { name: "random_process_graphs_among_many", run: super::graphs::run_among_many },
];

/// Seconds of one storm.
pub fn seconds(size: Size) -> u64 {
    if size == Size::Short { 2 } else { 240 }
}

/// Runs a storm in a process of its own; says what went wrong.
pub fn run(storm: &Storm, size: Size) -> Option<String> {
    let time = Duration::from_secs(seconds(size));
    stage::run_apart(time.as_secs() as u32 * 4 + 150, || {
        let before = in_use();
        (storm.run)(time);
        assert_eq!(before, in_use(), "blocks, bytes and slots in use, before and after");
        arena::check();
    })
    .problem
}

/// How many messages one incarnation of a sender may send, and how many incarnations there may be.
const EACH: usize = 1 << 12;
const MOST: usize = 1 << 16;

/// What senders and receivers write down, in memory of their own.
struct Ledger {
    /// How many messages each incarnation of a sender knows to be sent.
    acknowledged: [AtomicU64; MOST],
    /// How often each message arrived.
    seen: [[AtomicU8; EACH]; MOST],
    /// Per worker, whether it may have a message in its hands.
    receiving: [AtomicU64; 64],
    progress: AtomicU64,
    stop: AtomicU64,
    inside: AtomicU64,
    counted: AtomicU64,
}

fn ledger() -> &'static Ledger {
    map()
}

/// Zeros that all processes of a run see, independent of what is tested; for atomics only.
pub fn map<T: Sync>() -> &'static T {
    let length = NonZeroUsize::new(size_of::<T>()).unwrap();
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping, never unmapped.
    let new = unsafe { mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, flags) };
    // SAFETY: it is large enough, aligned to a page, and zeros are valid atomics.
    unsafe { &*new.unwrap().as_ptr().cast() }
}

/// Small and fast, with a fixed seed.
pub struct Random(u64);

impl Random {
    /// Seeds that follow one another give numbers that do not.
    pub fn new(seed: u64) -> Random {
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Workers by their place, started anew when they die.
struct Crew {
    random: Random,
    workers: HashMap<i32, (usize, ProcessRef)>,
    /// Ends by SIGKILL, of any cause.
    deaths: u64,
    progress: (u64, Instant),
    killed: Instant,
    /// Between two deaths by others, somewhat more or less.
    pause: Duration,
}

impl Crew {
    fn new(seed: u64) -> Crew {
        Crew {
            random: Random(seed),
            workers: HashMap::new(),
            deaths: 0,
            progress: (0, Instant::now()),
            killed: Instant::now(),
            pause: Duration::from_micros(1_500),
        }
    }

    /// Starts a worker that dies at one in so many points.
    fn start(&mut self, place: usize, holds: Holds, one_in: u64, work: impl FnOnce()) {
        let seed = self.random.below(u64::MAX);
        let worker = spawn_child(holds, || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).unwrap();
            faults::die_sometimes(one_in, seed);
            work();
            faults::die_sometimes(0, 0);
        });
        self.workers.insert(worker.pid().unwrap(), (place, worker));
    }

    /// Reaps one that has ended; gives its place, and whether it was killed.
    fn reap_one(&mut self) -> Option<(usize, bool)> {
        loop {
            let (pid, ended) = look_for_end().ok()?;
            let Some((place, worker)) = self.workers.remove(&pid) else {
                process_table::by_pid(pid).into_iter().for_each(|orphan| process_table::reap(orphan, ended));
                continue;
            };
            process_table::reap(worker, ended);
            shm::give_up(worker.object(), Role::Handle);
            let killed = ended == Ended::Signal(libc::SIGKILL);
            assert!(killed || ended == Ended::Exit(0), "a worker failed: {ended:?}");
            self.deaths += u64::from(killed);
            return Some((place, killed));
        }
    }

    /// Kills one from time to time, and looks whether the others go on.
    fn watch(&mut self, progress: &AtomicU64) {
        if self.killed.elapsed() > self.pause * (20 + self.random.below(100) as u32) / 100 {
            self.killed = Instant::now();
            let at = self.random.below(self.workers.len().max(1) as u64) as usize;
            if let Some(&pid) = self.workers.keys().nth(at) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        self.see_progress(progress);
        std::thread::sleep(Duration::from_micros(50));
    }

    fn see_progress(&mut self, progress: &AtomicU64) {
        let now = progress.load(SeqCst);
        if now != self.progress.0 {
            self.progress = (now, Instant::now());
        }
        assert!(self.progress.1.elapsed() < Duration::from_secs(20), "nothing goes on");
    }
}

fn message(incarnation: usize, at: usize, length: usize) -> Vec<u8> {
    let mut bytes = (incarnation * EACH + at).to_le_bytes().to_vec();
    bytes.resize(length, at as u8);
    bytes
}

/// The number of a message, which must be whole.
fn number(bytes: &[u8]) -> usize {
    let number = usize::from_le_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes[8..].iter().all(|&byte| byte == number as u8), "a message in pieces");
    number
}

fn note(ledger: &Ledger, number: usize) {
    assert_eq!(ledger.seen[number / EACH][number % EACH].fetch_add(1, SeqCst), 0, "a message arrived twice");
    ledger.progress.fetch_add(1, SeqCst);
}

/// Compares what arrived with what was sent; `lost` is how many may have died with their receivers.
fn balance(ledger: &Ledger, incarnations: usize, lost: u64) -> (u64, u64) {
    let (mut arrived, mut missing) = (0, 0);
    for incarnation in 0..incarnations {
        let acknowledged = ledger.acknowledged[incarnation].load(SeqCst) as usize;
        for (at, seen) in ledger.seen[incarnation].iter().enumerate() {
            let seen = seen.load(SeqCst);
            arrived += u64::from(seen);
            missing += u64::from(seen == 0 && at < acknowledged);
            // It may have died after the send, before it wrote it down.
            assert!(seen == 0 || at <= acknowledged, "arrived, but was not sent");
        }
    }
    assert!(missing <= lost, "{missing} messages are missing, {lost} receivers died with one in their hands");
    (arrived, missing)
}

/// Senders and receivers at one queue.
fn traffic(
    time: Duration,
    capacity: Option<u32>,
    seed: u64,
    workers: (usize, usize),
    pause: Duration,
    length: fn(usize) -> usize,
) {
    let ledger = ledger();
    let channel = Channel::new(capacity).unwrap();
    let mut crew = Crew { pause, ..Crew::new(seed) };
    let (senders, receivers) = workers;
    let (mut incarnations, mut lost) = (0, 0);
    let started = Instant::now();
    let mut missing: Vec<usize> = (0..senders + receivers).collect();
    loop {
        let over = started.elapsed() > time || incarnations + senders >= MOST;
        if over {
            ledger.stop.store(1, SeqCst);
            if crew.workers.values().all(|&(place, _)| place >= senders) {
                break;
            }
        }
        for place in std::mem::take(&mut missing) {
            // Each second one dies at a point of the protocol, the other ones wherever they are.
            let one_in = if crew.random.below(2) == 0 { 0 } else { 300 + crew.random.below(4_000) };
            if place < senders {
                if over {
                    continue;
                }
                let incarnation = incarnations;
                incarnations += 1;
                crew.start(place, &[put(channel)], one_in, || {
                    for at in 0..EACH {
                        if ledger.stop.load(SeqCst) != 0 {
                            break;
                        }
                        let deadline = if at % 16 == 5 { soon(1) } else { None };
                        loop {
                            match channel.send(&message(incarnation, at, length(at)), &[], deadline).unwrap() {
                                Sent::Ok => break,
                                Sent::TimedOut => {}
                                other => panic!("{other:?}"),
                            }
                            if ledger.stop.load(SeqCst) != 0 {
                                return;
                            }
                        }
                        ledger.acknowledged[incarnation].store(at as u64 + 1, SeqCst);
                    }
                });
            } else {
                ledger.receiving[place].store(0, SeqCst);
                crew.start(place, &[take(channel)], one_in, || {
                    let mut bytes = vec![];
                    for at in 0.. {
                        let deadline = if at % 16 == 7 { soon(1) } else { None };
                        ledger.receiving[place].store(1, SeqCst);
                        let received = channel.recv(&mut bytes, deadline).unwrap();
                        match received {
                            Received::Ok => note(ledger, number(&bytes)),
                            Received::TimedOut => {}
                            Received::Closed => break,
                            other => panic!("{other:?}"),
                        }
                        ledger.receiving[place].store(0, SeqCst);
                        bytes.clear();
                    }
                });
            }
        }
        crew.watch(&ledger.progress);
        while let Some((place, killed)) = crew.reap_one() {
            lost += u64::from(killed && place >= senders && ledger.receiving[place].load(SeqCst) != 0);
            missing.push(place);
        }
    }
    // The receivers take what is left, and end by themselves.
    shm::give_up(channel.object(), Role::Put);
    while !crew.workers.is_empty() {
        while let Some((place, killed)) = crew.reap_one() {
            lost += u64::from(killed && ledger.receiving[place].load(SeqCst) != 0);
        }
        crew.see_progress(&ledger.progress);
        std::thread::sleep(Duration::from_micros(50));
        ledger.progress.fetch_add(u64::from(channel.is_empty()), SeqCst);
    }
    let mut bytes = vec![];
    while channel.try_recv(&mut bytes).unwrap() == Received::Ok {
        note(ledger, number(&bytes));
        bytes.clear();
    }
    shm::give_up(channel.object(), Role::Take);
    let (arrived, missing) = balance(ledger, incarnations, lost);
    println!("    {arrived} messages, {} deaths, {missing} messages lost in dead receivers' hands", crew.deaths);
}

fn queue_storm(time: Duration, capacity: Option<u32>, seed: u64) {
    traffic(time, capacity, seed, (3, 3), Duration::from_micros(1_500), |at| match at % 64 {
        0 => 70_000,
        1..8 => 200,
        _ => 16,
    });
}

fn large_storm(time: Duration) {
    traffic(time, Some(4), 0x4a1b, (2, 2), Duration::from_millis(40), |_| 4 << 20);
}

/// Pairs at pipes: one asks, one answers. When one dies, the other must notice, and both are made anew.
fn pipe_storm(time: Duration) {
    let ledger = ledger();
    let mut crew = Crew::new(0x919e);
    let started = Instant::now();
    let mut pairs = 0;
    while started.elapsed() < time {
        while crew.workers.len() < 6 {
            let pipe = Pipe::new((pairs % 2 == 0).then_some(2)).unwrap();
            let one_in = if crew.random.below(2) == 0 { 0 } else { 200 + crew.random.below(3_000) };
            crew.start(0, &[(pipe.object(), Role::A)], one_in, || {
                for at in 0.. {
                    let length = if at % 9 == 0 { 300 } else { 16 };
                    if pipe.a().send(&message(0, at, length), &[], None).unwrap() != Sent::Ok {
                        break;
                    }
                    let mut bytes = vec![];
                    match pipe.a().recv(&mut bytes, None).unwrap() {
                        Received::Ok => assert_eq!(number(&bytes), at, "an answer to something else"),
                        _ => break,
                    }
                    ledger.progress.fetch_add(1, SeqCst);
                }
            });
            crew.start(0, &[(pipe.object(), Role::B)], 0, || {
                let mut bytes = vec![];
                while pipe.b().recv(&mut bytes, None).unwrap() == Received::Ok
                    && pipe.b().send(&bytes, &[], None).unwrap() == Sent::Ok
                {
                    bytes.clear();
                }
            });
            shm::give_up(pipe.object(), Role::A);
            shm::give_up(pipe.object(), Role::B);
            pairs += 1;
        }
        crew.watch(&ledger.progress);
        while crew.reap_one().is_some() {}
    }
    crew.workers.keys().for_each(|&pid| kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap_or(()));
    while !crew.workers.is_empty() {
        crew.reap_one();
    }
    println!("    {} round trips, {pairs} pipes, {} deaths", ledger.progress.load(SeqCst), crew.deaths);
}

/// Everybody adds one to a count that two words must agree on, under one of two locks.
fn lock_storm(time: Duration) {
    let ledger = ledger();
    let locks = [UserLock::new().unwrap(), UserLock::new().unwrap()];
    let handles = locks.map(|lock| (lock.object(), Role::Handle));
    let mut crew = Crew::new(0x10c5);
    let started = Instant::now();
    while started.elapsed() < time {
        while crew.workers.len() < 4 {
            let one_in = if crew.random.below(2) == 0 { 0 } else { 50 + crew.random.below(1_000) };
            crew.start(0, &handles, one_in, || {
                for at in 0.. {
                    let deadline = if at % 8 == 3 { soon(1) } else { None };
                    match locks[0].acquire(deadline).unwrap() {
                        Acquired::TimedOut => continue,
                        Acquired::Ok => {
                            assert_eq!(ledger.inside.load(SeqCst), ledger.counted.load(SeqCst), "two have it")
                        }
                        Acquired::Abandoned(_) => ledger.inside.store(ledger.counted.load(SeqCst), SeqCst),
                        other => panic!("{other:?}"),
                    }
                    ledger.inside.fetch_add(1, SeqCst);
                    let inner = at % 4 == 0 && locks[1].acquire(None).is_ok();
                    ledger.counted.store(ledger.inside.load(SeqCst), SeqCst);
                    locks[0].release().unwrap();
                    if inner {
                        locks[1].release().unwrap();
                    }
                    ledger.progress.fetch_add(1, SeqCst);
                }
            });
        }
        crew.watch(&ledger.progress);
        while crew.reap_one().is_some() {}
    }
    crew.workers.keys().for_each(|&pid| kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap_or(()));
    while !crew.workers.is_empty() {
        crew.reap_one();
    }
    for lock in locks {
        lock.acquire(None).unwrap();
        lock.release().unwrap();
        assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1);
        shm::give_up(lock.object(), Role::Handle);
    }
    println!("    {} sections, {} deaths", ledger.progress.load(SeqCst), crew.deaths);
}

/// Trees of processes, whose middle ones spawn, join, send handles and die.
fn spawn_storm(time: Duration) {
    let ledger = ledger();
    let shared = Channel::new(None).unwrap();
    let mut crew = Crew::new(0x59a3);
    let started = Instant::now();
    while started.elapsed() < time {
        while crew.workers.len() < 3 {
            let one_in = 400 + crew.random.below(8_000);
            let seed = crew.random.below(u64::MAX);
            crew.start(0, &[put(shared), take(shared)], one_in, || grow(ledger, shared, one_in, seed, 0));
        }
        crew.watch(&ledger.progress);
        while crew.reap_one().is_some() {}
    }
    crew.workers.keys().for_each(|&pid| kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap_or(()));
    while !crew.workers.is_empty() || process_table::alive().len() > 1 {
        crew.reap_one();
    }
    // The last orphans may be on their way.
    while look_for_end() != Err(false) {}
    let holders = [Role::Put, Role::Take].map(|role| shm::holder_count(shared.object(), role));
    assert_eq!(holders, [1, 1], "holders of the queue");
    drop_channel(shared);
    println!("    {} spawns joined, {} deaths of first ones", ledger.progress.load(SeqCst), crew.deaths);
}

fn grow(ledger: &'static Ledger, shared: Channel, one_in: u64, seed: u64, depth: u64) {
    let mut random = Random(seed | 1);
    for _ in 0..if depth == 2 { 3 } else { u64::MAX } {
        let own = Channel::new(None).unwrap();
        shared.send(&[7; 60], &[take(own)], None).unwrap();
        if depth < 2 {
            let seed = random.below(u64::MAX);
            let child = spawn_child(&[put(own), put(shared), take(shared)], || {
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).unwrap();
                faults::die_sometimes(one_in, seed);
                own.send(&[1; 100], &[], None).unwrap();
                grow(ledger, shared, one_in, seed, depth + 2 - random.below(2));
                result::store_result(&[5; 40]).unwrap();
                faults::die_sometimes(0, 0);
            });
            if random.below(2) == 0 {
                child.wait_end(soon(1));
            }
            let pid = Pid::from_raw(child.pid().unwrap());
            let _ = kill(pid, Signal::SIGKILL);
            let ended = match nix::sys::wait::waitpid(pid, None).unwrap() {
                nix::sys::wait::WaitStatus::Exited(_, status) => Ended::Exit(status),
                _ => Ended::Signal(libc::SIGKILL),
            };
            process_table::reap(child, ended);
            shm::give_up(child.object(), Role::Handle);
            ledger.progress.fetch_add(1, SeqCst);
        }
        let mut bytes = vec![];
        if shared.try_recv(&mut bytes).unwrap() == Received::Ok && random.below(2) == 0 {
            bytes.clear();
        }
        shm::give_up(own.object(), Role::Put);
        shm::give_up(own.object(), Role::Take);
    }
}
