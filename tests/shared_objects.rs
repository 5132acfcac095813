//! Shared objects between real processes that are killed at any moment: each value is seen whole, the old one or the
//! new one; nobody waits for the dead; nothing is left behind. Each case runs in a child with a deadline.

use mplang::shm::process_table::{self, Ended, ProcessRef};
use mplang::shm::user_lock::Acquired;
use mplang::shm::{self, Cell, Channel, ObjectRef, Role, arena};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Case = (&'static str, u32, fn());

/// Name, seconds, body.
const CASES: &[Case] = &[
    ("a_cell_keeps_what_its_value_mentions", 20, cell_keeps_handles),
    ("a_cell_is_like_a_variable", 20, cell_model),
    ("killed_writers_and_readers_of_a_cell", 60, cell_storm),
];

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(|case| wanted(case.0)).collect();
    if std::env::args().any(|arg| arg == "--list") {
        cases.iter().for_each(|case| println!("{}: test", case.0));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", cases.len());
    let mut failed = 0;
    for (name, seconds, body) in &cases {
        let started = Instant::now();
        let problem = run(*seconds, *body);
        let result = problem.as_deref().unwrap_or("ok");
        println!("test {name} ... {result} ({:.2} s)", started.elapsed().as_secs_f64());
        failed += usize::from(problem.is_some());
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {} passed; {failed} failed\n", cases.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Forks; the child gets `body`'s return, its panic, or an end by the parent.
fn fork(body: impl FnOnce()) -> i32 {
    let _ = std::io::stdout().flush();
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() } {
        Ok(nix::unistd::ForkResult::Parent { child }) => child.as_raw(),
        Ok(nix::unistd::ForkResult::Child) => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: ends the process at once, without what the parent would do at its end.
            unsafe { libc::_exit(if result.is_ok() { 0 } else { 101 }) }
        }
        Err(error) => panic!("fork: {error}"),
    }
}

/// Runs a case in a process group of its own; says what went wrong.
fn run(seconds: u32, body: fn()) -> Option<String> {
    let pid = fork(|| {
        let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0));
        nix::unistd::alarm::set(seconds);
        shm::start().unwrap();
        // The list of what this process holds moves to a block of its own when it grows: let that be behind.
        let channels: Vec<_> = (0..40).map(|_| Channel::new(None).unwrap()).collect();
        for channel in channels {
            shm::give_up(channel.object(), Role::Put);
            shm::give_up(channel.object(), Role::Take);
        }
        body();
    });
    let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(pid), nix::unistd::Pid::from_raw(pid));
    let ended = wait_pid(pid);
    let left = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).is_ok();
    match ended {
        Ended::Exit(0) if left => Some("left processes behind".to_owned()),
        Ended::Exit(0) => None,
        Ended::Signal(libc::SIGALRM) => Some(format!("FAILED: not done after {seconds} s")),
        ended => Some(format!("FAILED: {ended:?}")),
    }
}

fn wait_pid(pid: i32) -> Ended {
    use nix::sys::wait::{WaitStatus, waitpid};
    loop {
        match waitpid(nix::unistd::Pid::from_raw(pid), None) {
            Ok(WaitStatus::Exited(_, status)) => return Ended::Exit(status),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ended::Signal(signal as i32),
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => panic!("waitpid: {error}"),
        }
    }
}

/// Spawns a registered child, which holds `holds`.
fn spawn(holds: &[(ObjectRef, Role)], body: impl FnOnce()) -> ProcessRef {
    let child = shm::register_child("test").unwrap();
    holds.iter().for_each(|&(object, role)| shm::hold_for(child, object, role).unwrap());
    let pid = fork(|| {
        if shm::after_fork(child).is_ok() {
            body();
        }
    });
    process_table::started(child, pid);
    child
}

fn join(child: ProcessRef) -> Ended {
    let ended = wait_pid(child.pid().unwrap());
    process_table::reap(child, ended);
    shm::give_up(child.object(), Role::Handle);
    ended
}

fn kill(child: ProcessRef) {
    let pid = nix::unistd::Pid::from_raw(child.pid().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

fn handle(object: ObjectRef) -> (ObjectRef, Role) {
    (object, Role::Handle)
}

/// Small and fast, with a fixed seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn read(cell: Cell) -> Vec<u8> {
    let mut bytes = vec![];
    cell.read(&mut bytes).unwrap();
    bytes
}

fn lock(cell: Cell) {
    assert!(matches!(cell.lock().acquire(None).unwrap(), Acquired::Ok | Acquired::Abandoned(_)));
}

fn store(cell: Cell, bytes: &[u8], handles: &[(ObjectRef, Role)]) {
    lock(cell);
    cell.store(bytes, handles).unwrap();
    cell.lock().release().unwrap();
}

fn cell_keeps_handles() {
    let before = arena::blocks_in_use();
    let channel = Channel::new(None).unwrap();
    let mentioned = [(channel.object(), Role::Put), (channel.object(), Role::Take)];
    let cell = Cell::new(b"short", &mentioned).unwrap();
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
    assert!(!channel.is_closed(), "the cell keeps it");
    let child = spawn(&[handle(cell.object())], || {
        assert_eq!(read(cell), b"short");
        channel.send(b"from the child", &[], None).unwrap();
    });
    assert_eq!(join(child), Ended::Exit(0));
    assert_eq!(channel.len(), 1);
    store(cell, b"other", &[]);
    assert!(channel.is_closed(), "nobody keeps it any more");
    assert_eq!(read(cell), b"other");
    // A cell that nobody holds lets go, at any depth.
    let mut outer = cell;
    for _ in 0..1000 {
        let next = Cell::new(&[7; 100], &[handle(outer.object())]).unwrap();
        shm::give_up(outer.object(), Role::Handle);
        outer = next;
    }
    shm::give_up(outer.object(), Role::Handle);
    assert_eq!(arena::blocks_in_use(), before);
}

fn cell_model() {
    let mut random = Random(0xce11);
    let before = arena::blocks_in_use();
    for _ in 0..200 {
        let mut model = vec![1; random.below(200) as usize];
        let cell = Cell::new(&model, &[]).unwrap();
        let mut version = cell.version();
        for _ in 0..100 {
            if random.below(2) == 0 {
                let size = if random.below(4) == 0 { random.below(100_000) } else { random.below(100) };
                model = (0..size).map(|_| random.next() as u8).collect();
                store(cell, &model, &[]);
                assert_ne!(cell.version(), version);
                version = cell.version();
            }
            assert_eq!((read(cell), cell.version()), (model.clone(), version));
        }
        shm::give_up(cell.object(), Role::Handle);
        assert_eq!(cell.read(&mut vec![]), Err(shm::ShmError::Gone));
    }
    assert_eq!(arena::blocks_in_use(), before);
}

/// The value number `number`: all its words are that number, and the longer ones mention a channel.
fn value(number: u64) -> Vec<u8> {
    let words = [1, 2, 5, 6, 7, 40, 700][number as usize % 7];
    number.to_le_bytes().repeat(words)
}

fn number(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(bytes, value(number), "a value is torn");
    number
}

fn cell_storm() {
    let mut random = Random(0x5702);
    let channel = Channel::new(None).unwrap();
    let before = arena::blocks_in_use();
    let cell = Cell::new(&value(0), &[]).unwrap();
    let mentioned = [(channel.object(), Role::Put)];
    let holds = [handle(cell.object())];
    let writer = || {
        spawn(&holds, || {
            loop {
                lock(cell);
                let next = number(&read(cell)) + 1;
                let some = if next % 7 > 3 { &mentioned[..] } else { &[] };
                cell.store(&value(next), some).unwrap();
                cell.lock().release().unwrap();
            }
        })
    };
    let reader = || {
        spawn(&holds, || {
            let mut last = 0;
            loop {
                let now = number(&read(cell));
                assert!(last <= now, "an old value came back");
                last = now;
            }
        })
    };
    let mut deaths = 0;
    let mut last = 0;
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        let children: Vec<_> = (0..2).map(|_| writer()).chain((0..2).map(|_| reader())).collect();
        std::thread::sleep(Duration::from_micros(200 + random.below(3_000)));
        for child in children {
            kill(child);
            if random.below(2) == 0 {
                // Others go on before anybody has reaped it.
                number(&read(cell));
            }
            assert_eq!(join(child), Ended::Signal(libc::SIGKILL));
            deaths += 1;
        }
        let now = number(&read(cell));
        assert!(now >= last);
        last = now;
        // What the value mentions is counted once, and nothing else is.
        let counted = u32::from(last % 7 > 3 && last > 0);
        assert_eq!(shm::holder_count(channel.object(), Role::Put), 1 + counted);
    }
    println!("    {last} values, {deaths} deaths");
    shm::give_up(cell.object(), Role::Handle);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    assert_eq!(arena::blocks_in_use(), before);
    assert_eq!(process_table::slots_in_use(), 1);
}
