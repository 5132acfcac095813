//! Throughput of channels, pipes and locks between processes, without the language: `cargo bench --bench channel`.

use mplang::shm::exit_status::Ended;
use mplang::shm::model::{Attempt, Model, RLock, RwLock, Semaphore, Wake};
use mplang::shm::monitor::{Limit, me};
use mplang::shm::process_table::{self, ProcessRef};
use mplang::shm::{self, Channel, Monitor, Pipe, Role, UserLock, channel::Received};
use std::time::Instant;

fn main() {
    shm::start().unwrap();
    // One argument that is not an option: only the rows with this word.
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let row = |name: &str, measure: &dyn Fn() -> String| {
        if name.contains(&wanted) {
            println!("{name}: {}", measure());
        }
    };
    const MESSAGES: u64 = 4_000_000;
    for (senders, receivers) in [(1, 1), (4, 1), (1, 4)] {
        for capacity in [None, Some(64), Some(1024)] {
            let bound = capacity.map_or("without bound".to_owned(), |capacity| format!("capacity {capacity}"));
            row(&format!("queue {senders} to {receivers}, {bound}"), &|| {
                let seconds = stream(senders, receivers, capacity, MESSAGES);
                format!("{:.1} M messages/s", MESSAGES as f64 / seconds / 1e6)
            });
        }
    }
    row("pipe there and back", &|| format!("{:.2} µs", round_trip(200_000) / 200_000.0 * 1e6));
    row("large messages, 1 MiB", &|| format!("{:.2} GB/s", large(2_000) * 1e-9));
    row("lock, free", &|| format!("{:.0} ns", free_lock(5_000_000) * 1e9 / 5e6));
    row("lock, two processes", &|| format!("{:.0} ns", contended_lock(2_000_000) * 1e9 / 4e6));
    row("rlock, free", &|| format!("{:.0} ns", free_rlock(2_000_000) * 1e9 / 2e6));
    row("semaphore, free", &|| format!("{:.0} ns", free_semaphore(2_000_000) * 1e9 / 2e6));
    row("semaphore, two processes", &|| format!("{:.0} ns", contended_semaphore(500_000) * 1e9 / 1e6));
    row("rwlock, free, read", &|| format!("{:.0} ns", free_rwlock(2_000_000) * 1e9 / 2e6));
    row("spawn and join", &|| format!("{:.0} µs", spawn_join(2_000) * 1e6 / 2_000.0));
}

fn spawn(holds: &[(shm::ObjectRef, Role)], body: impl FnOnce()) -> ProcessRef {
    let child = shm::register_child("").unwrap();
    holds.iter().for_each(|&(object, role)| shm::hold_for(child, object, role).unwrap());
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Parent { child: pid } => process_table::started(child, pid.as_raw()),
        nix::unistd::ForkResult::Child => {
            shm::after_fork(child).unwrap();
            body();
            // SAFETY: nothing is to be done at the end.
            unsafe { libc::_exit(0) }
        }
    }
    child
}

fn join(child: ProcessRef) {
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child.pid().unwrap()), None).unwrap();
    process_table::reap(child, Ended::Exit(0));
    shm::give_up(child.object(), Role::Handle);
}

fn stream(senders: u64, receivers: u64, capacity: Option<u32>, messages: u64) -> f64 {
    let channel = Channel::new(capacity).unwrap();
    let handle = channel.object();
    let start = Instant::now();
    let takers: Vec<_> = (0..receivers)
        .map(|_| {
            spawn(&[(handle, Role::Take)], || {
                let mut bytes = vec![];
                while channel.recv(&mut bytes, None).unwrap() == Received::Ok {
                    bytes.clear();
                }
            })
        })
        .collect();
    let putters: Vec<_> = (0..senders)
        .map(|_| {
            spawn(&[(handle, Role::Put)], || {
                for value in 0..messages / senders {
                    channel.send(&value.to_le_bytes(), &[], None).unwrap();
                }
            })
        })
        .collect();
    shm::give_up(handle, Role::Take);
    putters.into_iter().for_each(join);
    shm::give_up(handle, Role::Put);
    takers.into_iter().for_each(join);
    start.elapsed().as_secs_f64()
}

fn round_trip(rounds: u64) -> f64 {
    let pipe = Pipe::new(None).unwrap();
    let echo = spawn(&[(pipe.object(), Role::B)], || {
        let mut bytes = vec![];
        while pipe.b().recv(&mut bytes, None).unwrap() == Received::Ok {
            pipe.b().send(&bytes, &[], None).unwrap();
            bytes.clear();
        }
    });
    shm::give_up(pipe.object(), Role::B);
    let start = Instant::now();
    let mut bytes = vec![];
    for value in 0..rounds {
        pipe.a().send(&value.to_le_bytes(), &[], None).unwrap();
        pipe.a().recv(&mut bytes, None).unwrap();
        bytes.clear();
    }
    let seconds = start.elapsed().as_secs_f64();
    shm::give_up(pipe.object(), Role::A);
    join(echo);
    seconds
}

/// Bytes per second.
fn large(count: usize) -> f64 {
    let channel = Channel::new(Some(8)).unwrap();
    let message = vec![1; 1 << 20];
    let putter = spawn(&[(channel.object(), Role::Put)], || {
        (0..count).for_each(|_| assert!(channel.send(&message, &[], None).is_ok()));
    });
    let start = Instant::now();
    let mut bytes = vec![];
    for _ in 0..count {
        bytes.clear();
        channel.recv(&mut bytes, None).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    join(putter);
    (count << 20) as f64 / seconds
}

fn free_lock(count: u64) -> f64 {
    let lock = UserLock::new().unwrap();
    let start = Instant::now();
    for _ in 0..count {
        lock.acquire(None).unwrap();
        lock.release().unwrap();
    }
    start.elapsed().as_secs_f64()
}

fn contended_lock(count: u64) -> f64 {
    let lock = UserLock::new().unwrap();
    let start = Instant::now();
    let taker = || {
        for _ in 0..count {
            lock.acquire(None).unwrap();
            lock.release().unwrap();
        }
    };
    let other = spawn(&[(lock.object(), Role::Handle)], taker);
    taker();
    join(other);
    start.elapsed().as_secs_f64()
}

/// Takes what can be taken at once or waits for it, without heeding signals.
fn take<M: Model, R>(monitor: Monitor<M>, attempt: impl FnMut(&mut M) -> Attempt<R>) {
    monitor.wait(Limit::Until(None, &mut || true), attempt, |_| Wake::Nobody).unwrap();
}

fn free_rlock(count: u64) -> f64 {
    let (lock, me) = (Monitor::new(&RLock::default()).unwrap(), me());
    let start = Instant::now();
    for _ in 0..count {
        take(lock, |lock| lock.acquire(me, 1, 1));
        lock.change(|lock| lock.release(me, 1)).unwrap();
    }
    start.elapsed().as_secs_f64()
}

fn use_semaphore(semaphore: Monitor<Semaphore>, count: u64) {
    let me = me();
    for _ in 0..count {
        take(semaphore, |semaphore| semaphore.enter(me));
        semaphore.change(|semaphore| semaphore.leave(me)).unwrap();
    }
}

fn free_semaphore(count: u64) -> f64 {
    let semaphore = Monitor::new(&Semaphore::new(2, true)).unwrap();
    let start = Instant::now();
    use_semaphore(semaphore, count);
    start.elapsed().as_secs_f64()
}

fn contended_semaphore(count: u64) -> f64 {
    let semaphore = Monitor::new(&Semaphore::new(1, true)).unwrap();
    let start = Instant::now();
    let other = spawn(&[(semaphore.object(), Role::Handle)], || use_semaphore(semaphore, count));
    use_semaphore(semaphore, count);
    join(other);
    start.elapsed().as_secs_f64()
}

fn free_rwlock(count: u64) -> f64 {
    let (lock, me) = (Monitor::new(&RwLock::default()).unwrap(), me());
    let start = Instant::now();
    for _ in 0..count {
        take(lock, |lock| lock.read(me, 1).unwrap_or(Attempt::Wait));
        lock.change(|lock| lock.end_read(me)).unwrap();
    }
    start.elapsed().as_secs_f64()
}

fn spawn_join(count: u64) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| join(spawn(&[], || ())));
    start.elapsed().as_secs_f64()
}
