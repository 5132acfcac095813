//! Interleavings: locks and channels, their very source, with processes as threads of `shuttle`, which lets another one
//! go on before each access to shared memory. Sleeping and waking is a model of the kernel's, and so is what it does to
//! the locks of a process that ends. Nobody looks again from time to time: a lost wake-up is a deadlock, which is found.

#[allow(dead_code, unused_imports)]
#[path = "../src/escape.rs"]
mod escape;
#[allow(dead_code, unused_imports)]
#[path = "../src/shm/mod.rs"]
mod shm;

use shm::channel::{Received, Sent};
use shm::exit_status::Ended;
use shm::faults::{self, AtomicU32, Model, SEED_VARIABLE};
use shm::park::Wait;
use shm::process_table::{self, ProcessRef};
use shm::user_lock::Acquired;
use shm::{Channel, ObjectRef, Role, UserLock};
use shuttle::rand::Rng;
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread::{JoinHandle, Thread};
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

shuttle::thread_local! {
    /// Which of the processes this thread is.
    static WHO: Cell<usize> = Cell::new(0);
    /// Points to pass before the one to die at, plus one; 0 is never.
    static LEFT: Cell<u64> = Cell::new(0);
    static STEP: AtomicBool = AtomicBool::new(false);
}

/// Who sleeps at which address, in order.
type Sleepers = HashMap<usize, VecDeque<(usize, Thread)>>;
static SLEEPERS: Mutex<Option<Sleepers>> = Mutex::new(None);

struct Threads;

/// The end of a process in the midst of something.
struct Died;

impl Model for Threads {
    fn step(&self) {
        STEP.with(|step| step.load(shuttle::sync::atomic::Ordering::SeqCst));
    }

    fn stored(&self) {
        let left = LEFT.with(Cell::get);
        if left != 0 {
            LEFT.with(|word| word.set(left - 1));
            if left == 1 {
                resume_unwind(Box::new(Died));
            }
        }
    }

    fn process(&self) -> usize {
        WHO.with(Cell::get)
    }

    fn thread_id(&self) -> u32 {
        1_000 + self.process() as u32
    }

    fn wait(&self, word: &AtomicU32, expected: u32) -> Wait {
        let (me, address) = (self.process(), word.as_ptr() as usize);
        // From here on nobody else goes on until this one sleeps.
        if word.load(SeqCst) != expected {
            return Wait::Woken;
        }
        let thread = shuttle::thread::current();
        with_sleepers(|sleepers| sleepers.entry(address).or_default().push_back((me, thread)));
        let asleep =
            || with_sleepers(|all| all.get(&address).is_some_and(|queue| queue.iter().any(|(who, _)| *who == me)));
        while asleep() {
            shuttle::thread::park();
        }
        Wait::Woken
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        let woken: Vec<_> = with_sleepers(|sleepers| {
            let queue = sleepers.entry(word.as_ptr() as usize).or_default();
            let count = (count as usize).min(queue.len());
            queue.drain(..count).collect()
        });
        woken.iter().for_each(|(_, thread)| thread.unpark());
        woken.len() as u32
    }
}

fn with_sleepers<R>(run: impl FnOnce(&mut Sleepers) -> R) -> R {
    run(SLEEPERS.lock().unwrap().get_or_insert_default())
}

/// A process: its end as the kernel would see it, when `body` is done or it dies after so many stores (0: never).
fn spawn(who: usize, holds: &[(ObjectRef, Role)], die_at: u64, body: impl FnOnce() + Send + 'static) -> Process {
    let reference = shm::register_child("test").unwrap();
    holds.iter().for_each(|&(object, role)| shm::hold_for(reference, object, role).unwrap());
    process_table::started(reference, 1_000 + who as i32);
    let thread = shuttle::thread::spawn(move || {
        WHO.with(|word| word.set(who));
        shm::after_fork(reference).unwrap();
        LEFT.with(|word| word.set(die_at));
        let result = catch_unwind(AssertUnwindSafe(body));
        LEFT.with(|word| word.set(0));
        process_table::end_as_the_kernel_does();
        match result {
            Ok(()) => true,
            Err(died) if died.is::<Died>() => false,
            Err(panic) => resume_unwind(panic),
        }
    });
    Process { reference, thread }
}

struct Process {
    reference: ProcessRef,
    thread: JoinHandle<bool>,
}

/// Waits for the end of a process and clears up after it; whether it ended by itself.
fn join(process: Process) -> bool {
    let by_itself = process.thread.join().unwrap();
    let ended = if by_itself { Ended::Exit(0) } else { Ended::Signal(libc::SIGKILL) };
    process_table::reap(process.reference, ended);
    shm::give_up(process.reference.object(), Role::Handle);
    by_itself
}

fn begin() {
    with_sleepers(HashMap::clear);
    shm::start().unwrap();
}

/// In half of the rounds somebody dies, somewhere.
fn some_death(points: u64) -> u64 {
    let mut random = shuttle::rand::thread_rng();
    if random.r#gen::<bool>() { random.gen_range(1..points) } else { 0 }
}

/// Four take a lock in turn; the first may die.
fn lock_round() {
    static INSIDE: AtomicU64 = AtomicU64::new(0);
    begin();
    INSIDE.store(0, SeqCst);
    let lock = UserLock::new().unwrap();
    let handle = [(lock.object(), Role::Handle)];
    let death = some_death(60);
    let work = move || {
        match lock.acquire(None).unwrap() {
            Acquired::Ok => assert_eq!(INSIDE.swap(1, SeqCst), 0, "two have it"),
            Acquired::Abandoned(_) => INSIDE.store(1, SeqCst),
            other => panic!("{other:?}"),
        }
        INSIDE.store(0, SeqCst);
        lock.release().unwrap();
    };
    let workers: Vec<_> = (1..5).map(|who| spawn(who, &handle, if who == 1 { death } else { 0 }, work)).collect();
    workers.into_iter().for_each(|worker| {
        join(worker);
    });
    shm::give_up(lock.object(), Role::Handle);
}

/// Two send two messages each, two receive.
fn channel_round(capacity: Option<u32>) {
    static TAKEN: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
    static SENT: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
    begin();
    TAKEN.iter().chain(&SENT).for_each(|word| word.store(0, SeqCst));
    let channel = Channel::new(capacity).unwrap();
    let (put, take) = ((channel.object(), Role::Put), (channel.object(), Role::Take));
    let receive = move || {
        // They end before the channel does: its end would wake those whom a message should have woken.
        for _ in 0..2 {
            let mut bytes = vec![];
            assert_eq!(channel.recv(&mut bytes, None).unwrap(), Received::Ok);
            TAKEN[bytes[0] as usize].fetch_add(1, SeqCst);
        }
    };
    let receivers = [spawn(1, &[take], 0, receive), spawn(2, &[take], 0, receive)];
    let senders = [0, 1].map(|at| {
        spawn(3 + at, &[put], 0, move || {
            for number in [at * 2, at * 2 + 1] {
                assert_eq!(channel.send(&[number as u8; 8], &[], None).unwrap(), Sent::Ok);
                SENT[number].fetch_add(1, SeqCst);
            }
        })
    });
    // In this order: clearing up after a sender wakes who sleeps.
    receivers.into_iter().for_each(|receiver| assert!(join(receiver)));
    senders.into_iter().for_each(|sender| assert!(join(sender)));
    for (taken, sent) in TAKEN.iter().zip(&SENT) {
        let (taken, sent) = (taken.load(SeqCst), sent.load(SeqCst));
        assert_eq!((taken, sent), (1, 1), "how often it was taken and sent");
    }
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
}

/// One message: its receiver may be about to sleep when it comes.
fn one_message_round() {
    begin();
    let channel = Channel::new(None).unwrap();
    let receiver = spawn(1, &[(channel.object(), Role::Take)], 0, move || {
        assert_eq!(channel.recv(&mut vec![], None).unwrap(), Received::Ok);
    });
    let sender = spawn(2, &[(channel.object(), Role::Put)], 0, move || {
        assert_eq!(channel.send(&[1], &[], None).unwrap(), Sent::Ok);
    });
    // The other way round, clearing up after the sender would wake the receiver.
    assert!(join(receiver) && join(sender));
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
}

/// One sends and dies on the way, or not, while another one sends and a third takes everything.
fn sender_dies_round(capacity: Option<u32>) {
    static TAKEN: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
    /// How many messages the one that may die knows to be sent.
    static SENT: AtomicU64 = AtomicU64::new(0);
    begin();
    TAKEN.iter().chain([&SENT]).for_each(|word| word.store(0, SeqCst));
    let channel = Channel::new(capacity).unwrap();
    let (put, take) = ((channel.object(), Role::Put), (channel.object(), Role::Take));
    let send = move |number: u64, length: usize| {
        assert_eq!(channel.send(&vec![number as u8; length], &[], None).unwrap(), Sent::Ok);
    };
    let (tell, told) = shuttle::sync::mpsc::channel();
    let receiver = spawn(1, &[take], 0, move || {
        let mut bytes = vec![];
        while channel.recv(&mut bytes, None).unwrap() == Received::Ok {
            let number = usize::from(bytes[0]);
            assert!(bytes.iter().all(|&byte| byte == bytes[0]), "a message in pieces");
            TAKEN[number].fetch_add(1, SeqCst);
            if number == 3 {
                tell.send(()).unwrap();
            }
            bytes.clear();
        }
    });
    let dies = spawn(2, &[put], some_death(50), move || {
        for number in 0..2 {
            // One of them lies in a block of its own.
            send(number, if number == 0 { 8 } else { 80 });
            SENT.fetch_add(1, SeqCst);
        }
    });
    let lives = spawn(3, &[put], 0, move || (2..4).for_each(|number| send(number, 8)));
    // Its death is cleared up; then everything that was sent arrives without the end of anybody else.
    join(dies);
    told.recv().unwrap();
    assert!(join(lives));
    shm::give_up(channel.object(), Role::Put);
    assert!(join(receiver));
    let taken = [0, 1, 2, 3].map(|at| TAKEN[at].load(SeqCst));
    let sent = SENT.load(SeqCst);
    assert_eq!(taken[2..], [1, 1], "of the one that lives");
    for (number, &taken) in (0..).zip(&taken[..2]) {
        assert!(if number < sent { taken == 1 } else { taken <= u64::from(number == sent) }, "{sent} sent: {taken:?}");
    }
    shm::give_up(channel.object(), Role::Take);
    assert_eq!(process_table::slots_in_use(), 1);
}

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("lock", lock_round),
    ("one_message", one_message_round),
    ("channel", || channel_round(None)),
    ("bounded_channel", || channel_round(Some(1))),
    ("sender_dies", || sender_dies_round(None)),
    ("sender_dies_bounded", || sender_dies_round(Some(1))),
    ("sender_dies_rendezvous", || sender_dies_round(Some(0))),
];

/// Bugs that only the interleavings of living processes show, and the case that must find each.
const SEEDS: &[(&str, &str)] = &[("no look before the sleep", "one_message"), ("unlock stores 0", "lock")];

fn rounds() -> usize {
    match std::env::var("MPLANG_TEST_FULL") {
        Ok(_) => 200_000,
        Err(_) => 300,
    }
}

/// Runs a case of this program with a bug; whether it was found.
fn finds(bug: &str, case: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(case).arg("--exact").env(SEED_VARIABLE, bug).stdout(Stdio::null()).stderr(Stdio::null());
    !command.status().unwrap().success()
}

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let exact = std::env::args().any(|arg| arg == "--exact");
    let wanted = |name: &str| {
        names.is_empty() || names.iter().any(|part| if exact { name == part } else { name.contains(part.as_str()) })
    };
    if std::env::args().any(|arg| arg == "--list") {
        CASES.iter().filter(|case| wanted(case.0)).for_each(|case| println!("{}: test", case.0));
        return ExitCode::SUCCESS;
    }
    let seeded = std::env::var_os(SEED_VARIABLE).is_some();
    let mut failed = 0;
    // Before the model begins, which is for the whole process.
    if !seeded && names.is_empty() {
        // The second one takes minutes to be hit upon.
        let count = if std::env::var_os("MPLANG_TEST_FULL").is_some() { SEEDS.len() } else { 1 };
        println!("{count} of {} known bugs made; MPLANG_TEST_FULL=1 makes all", SEEDS.len());
        for (bug, case) in &SEEDS[..count] {
            let found = finds(bug, case);
            println!("test finds_the_bug `{bug}` by {case} ... {}", if found { "ok" } else { "FAILED" });
            failed += usize::from(!found);
        }
    }
    faults::set_model(&Threads);
    faults::without_slices(true);
    let rounds = if seeded { rounds().max(20_000) } else { rounds() };
    for (name, case) in CASES.iter().filter(|case| wanted(case.0)) {
        let started = Instant::now();
        let result = catch_unwind(|| {
            // Few switches at chosen moments find what one bad moment needs, many find what takes several processes.
            if *name == "lock" {
                shuttle::check_random(*case, rounds);
                shuttle::check_pct(*case, rounds, 3);
            } else {
                shuttle::check_pct(*case, rounds, 3);
                shuttle::check_random(*case, rounds);
            }
        });
        failed += usize::from(result.is_err());
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({} interleavings, {:.2} s)", rounds * 2, started.elapsed().as_secs_f64());
        if result.is_err() {
            break;
        }
    }
    println!("\ntest result: {}\n", if failed == 0 { "ok" } else { "FAILED" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}
