//! Where scenes are played: real processes, their deaths, their reaping, and what must be as before afterwards.

use super::shm::exit_status::Ended;
use super::shm::process_table::{self, ProcessRef};
use super::shm::{self, Channel, ObjectRef, Role, arena, faults};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};

/// One operation in one situation.
pub struct Scene {
    pub name: &'static str,
    /// Plays it once: the operation is done by [`Stage::victim`].
    pub play: fn(&Stage),
    /// Whether the outcome told to [`Stage::committed`] changes at most once, from no to yes.
    pub commits: bool,
}

/// How much is tried.
#[derive(Clone, Copy, PartialEq)]
pub enum Size {
    /// Every death alone, and a small sample of double deaths.
    Short,
    /// With each death a seventh of the second ones, another one each time.
    Full,
    /// Every double death.
    All,
}

impl Size {
    pub fn of_environment() -> Size {
        match std::env::var("MPLANG_TEST_FULL").as_deref() {
            Ok("all") => Size::All,
            Ok(_) => Size::Full,
            Err(_) => Size::Short,
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Size::Short => "every death alone, a sample of double deaths; MPLANG_TEST_FULL=1 takes more",
            Size::Full => "every death alone, a seventh of double deaths; MPLANG_TEST_FULL=all takes all",
            Size::All => "all double deaths",
        }
    }
}

pub struct Outcome {
    pub single: u64,
    pub double: u64,
    pub places: BTreeSet<String>,
    pub problem: Option<String>,
}

/// Words that all processes of a run see, independent of what is tested.
pub struct Board {
    pub words: [AtomicU64; 64],
    /// Places of deaths, as addresses of static values.
    places: [AtomicUsize; 4096],
    single: AtomicU64,
    double: AtomicU64,
    victim_pid: AtomicU64,
    at: [AtomicU64; 2],
    /// Where the last two died.
    last: [AtomicUsize; 2],
}

fn board() -> &'static Board {
    static ADDRESS: AtomicUsize = AtomicUsize::new(0);
    if ADDRESS.load(SeqCst) == 0 {
        let length = std::num::NonZeroUsize::new(size_of::<Board>()).unwrap();
        let protection = nix::sys::mman::ProtFlags::PROT_READ | nix::sys::mman::ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping, never unmapped.
        let new =
            unsafe { nix::sys::mman::mmap_anonymous(None, length, protection, nix::sys::mman::MapFlags::MAP_SHARED) };
        ADDRESS.store(new.unwrap().as_ptr() as usize, SeqCst);
    }
    // SAFETY: the mapping above is large enough, aligned to a page, and atomics may have any value.
    unsafe { &*(ADDRESS.load(SeqCst) as *const Board) }
}

fn witness(place: &'static Location<'static>) {
    let address = std::ptr::from_ref(place) as usize;
    board().last[0].store(board().last[1].swap(address, SeqCst), SeqCst);
    for known in &board().places {
        match known.compare_exchange(0, address, SeqCst, SeqCst) {
            Ok(_) => return,
            Err(other) if other == address => return,
            Err(_) => {}
        }
    }
}

/// Plays a scene for every death, in a process of its own.
pub fn run(scene: &Scene, size: Size) -> Outcome {
    run_apart(
        match size {
            Size::Short if std::env::var_os(faults::SEED_VARIABLE).is_some() => 20,
            Size::Short => 100,
            Size::Full => 3_600,
            Size::All => 36_000,
        },
        || enumerate(scene, size),
    )
}

/// Runs something in a process of its own, which has so many seconds for it.
pub fn run_apart(seconds: u32, body: impl FnOnce()) -> Outcome {
    let board = board();
    board.places.iter().for_each(|place| place.store(0, SeqCst));
    [&board.single, &board.double, &board.at[0], &board.at[1]].into_iter().for_each(|word| word.store(0, SeqCst));
    let pid = fork(|| {
        let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0));
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        nix::unistd::alarm::set(seconds);
        faults::tell(witness);
        faults::without_slices(true);
        shm::start().unwrap();
        // The list of what this process holds moves to a block of its own when it grows: let that be behind.
        let channels: Vec<_> = (0..40).map(|_| Channel::new(None).unwrap()).collect();
        channels.into_iter().for_each(drop_channel);
        super::output::prepare();
        body();
    });
    let group = nix::unistd::Pid::from_raw(pid);
    let _ = nix::unistd::setpgid(group, group);
    let ended = wait_pid(pid);
    let left = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).is_ok();
    let at = [&board.at[0], &board.at[1]].map(|word| word.load(SeqCst));
    let last = [&board.last[0], &board.last[1]].map(|word| word.load(SeqCst));
    let last = last.iter().filter(|&&place| place != 0).map(|&place| name(place)).collect::<Vec<_>>().join(" and ");
    let problem = match ended {
        Ended::Exit(0) if left => Some("left processes behind".to_owned()),
        Ended::Exit(0) => None,
        Ended::Signal(libc::SIGALRM) => Some(format!("FAILED: not done in time, at {at:?}, {last}")),
        ended => Some(format!("FAILED: {ended:?} at {at:?}, {last}")),
    };
    let places = board.places.iter().map(|place| place.load(SeqCst)).take_while(|&place| place != 0);
    Outcome {
        single: board.single.load(SeqCst),
        double: board.double.load(SeqCst),
        places: places.map(name).collect(),
        problem,
    }
}

/// The place whose address `witness` has stored.
fn name(place: usize) -> String {
    // SAFETY: `witness` stores addresses of static values only, which are the same in forked processes.
    let place = unsafe { &*(place as *const Location<'static>) };
    format!("{}:{}", place.file().rsplit('/').next().unwrap_or(""), place.line())
}

fn enumerate(scene: &Scene, size: Size) {
    let board = board();
    let mut commits_from = None;
    let mut number = 1;
    let points = loop {
        let stage = play(scene, number, 0);
        if stage.died.get() {
            board.single.fetch_add(1, SeqCst);
        }
        if scene.commits
            && let Some(committed) = stage.committed.get()
        {
            assert!(committed || commits_from.is_none(), "committed at {commits_from:?}, but not at {number}");
            if committed && commits_from.is_none() {
                commits_from = Some(number);
            }
        }
        if !stage.died.get() {
            assert!(!scene.commits || stage.committed.get() == Some(true), "it completed, but was not committed");
            break number;
        }
        number += 1;
    };
    // The reaper dies too. A sample takes each first death with a few second ones, other ones each time.
    let (each_first, each_second) = match size {
        Size::Short => (points.div_ceil(12), 97),
        Size::Full => (1, 7),
        Size::All => (1, 1),
    };
    for first in (1..points).step_by(each_first as usize) {
        let mut second = 1 + first * 5 % each_second;
        loop {
            let stage = play(scene, first, second);
            if !stage.reaper_died.get() {
                break;
            }
            board.double.fetch_add(1, SeqCst);
            second += each_second;
        }
    }
}

fn play(scene: &Scene, first: u64, second: u64) -> Stage {
    let board = board();
    board.at[0].store(first, SeqCst);
    board.at[1].store(second, SeqCst);
    board.words.iter().for_each(|word| word.store(0, SeqCst));
    board.victim_pid.store(0, SeqCst);
    board.last.iter().for_each(|place| place.store(0, SeqCst));
    let (before, open) = (in_use(), open());
    let stage = Stage {
        first,
        second,
        died: Cell::new(false),
        reaper_died: Cell::new(false),
        committed: Cell::new(None),
        ended: RefCell::default(),
    };
    (scene.play)(&stage);
    stage.eventually("no child is left", || stage.reap_all());
    assert_eq!(before, in_use(), "blocks, bytes and slots in use, before and after");
    assert_eq!(open, self::open(), "descriptors and mappings, before and after");
    arena::check();
    stage
}

/// How many descriptors this process has, and how often it has mapped a region.
fn open() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let regions = maps.lines().filter(|line| line.contains("memfd:mplang")).count();
    (std::fs::read_dir("/proc/self/fd").unwrap().count(), regions)
}

/// Blocks, bytes and slots in use, without what is in use to know what this process holds.
pub fn in_use() -> (u64, u64, usize) {
    (arena::blocks_in_use(), arena::bytes_in_use() - shm::holders::list_bytes(), process_table::slots_in_use())
}

pub type Holds<'a> = &'a [(ObjectRef, Role)];

/// One play of a scene.
pub struct Stage {
    first: u64,
    second: u64,
    died: Cell<bool>,
    reaper_died: Cell<bool>,
    committed: Cell<Option<bool>>,
    ended: RefCell<HashMap<i32, Ended>>,
}

impl Stage {
    /// Starts the process that dies on the way: at once it does what `operation` says.
    pub fn victim(&self, holds: Holds, operation: impl FnOnce()) -> ProcessRef {
        let board = board();
        let act = || {
            board.victim_pid.store(u64::from(std::process::id()), SeqCst);
            faults::die_at(self.first);
            operation();
            faults::die_at(0);
        };
        if self.second == 0 {
            return self.spawn(holds, act);
        }
        // Its parent is another one, which reaps it and dies itself meanwhile.
        let reaper = self.spawn(&[], || {
            let victim = spawn_child(holds, act);
            let ended = wait_pid(victim.pid().unwrap());
            faults::die_at(self.second);
            process_table::reap(victim, ended);
            shm::give_up(victim.object(), Role::Handle);
            faults::die_at(0);
            // SAFETY: as `fork` does.
            unsafe { libc::_exit(if ended == Ended::Exit(0) { 0 } else { 3 }) }
        });
        // It holds what it holds by then.
        self.eventually("the victim starts", || board.victim_pid.load(SeqCst) != 0);
        reaper
    }

    /// Waits for the end of the victim, and reaps it; says whether it died.
    pub fn bury(&self, victim: ProcessRef) -> bool {
        let ended = self.join(victim);
        let killed = ended == Ended::Signal(libc::SIGKILL);
        match (self.second, ended) {
            (_, Ended::Exit(0)) => {}
            (0, _) if killed => self.died.set(true),
            (1.., Ended::Exit(3)) => self.died.set(true),
            (1.., _) if killed => {
                self.died.set(true);
                self.reaper_died.set(true);
                self.reap_all();
            }
            (_, other) => panic!("the victim ended by itself: {other:?}"),
        }
        self.died.get()
    }

    /// Plays the operation to its end or its death, in a process that is alone with it.
    pub fn victim_alone(&self, holds: Holds, operation: impl FnOnce()) -> bool {
        let victim = self.victim(holds, operation);
        self.bury(victim)
    }

    /// Tells whether the operation has had its effect.
    pub fn committed(&self, committed: bool) {
        self.committed.set(Some(committed));
    }

    /// Starts a bystander.
    pub fn spawn(&self, holds: Holds, body: impl FnOnce()) -> ProcessRef {
        spawn_child(holds, body)
    }

    /// Waits until a process sleeps; false when it has ended instead.
    pub fn wait_asleep(&self, process: ProcessRef) -> bool {
        self.wait_pid_asleep(process.pid().unwrap_or(0))
    }

    /// The same for the victim, whose parent may be another one.
    pub fn wait_victim_asleep(&self, victim: ProcessRef) -> bool {
        if self.second == 0 {
            return self.wait_asleep(victim);
        }
        self.wait_pid_asleep(board().victim_pid.load(SeqCst) as i32)
    }

    fn wait_pid_asleep(&self, pid: i32) -> bool {
        let started = Instant::now();
        loop {
            match state(pid) {
                Some('S') => return true,
                Some('Z' | 'X') | None => return false,
                _ => assert!(started.elapsed() < limit(), "does not fall asleep"),
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Waits for the end of a child, reaps it and gives up the handle.
    pub fn join(&self, child: ProcessRef) -> Ended {
        let pid = child.pid().expect("a child of this process");
        let started = Instant::now();
        loop {
            if let Some(ended) = self.ended.borrow_mut().remove(&pid) {
                shm::give_up(child.object(), Role::Handle);
                return ended;
            }
            if !self.reap_one() {
                assert!(started.elapsed() < limit(), "a process goes on for ever: {pid} {:?}", state(pid));
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    }

    pub fn join_well(&self, child: ProcessRef) {
        assert_eq!(self.join(child), Ended::Exit(0), "of a bystander");
    }

    /// Reaps who has ended; whether somebody had.
    fn reap_one(&self) -> bool {
        let Ok((pid, ended)) = look_for_end() else { return false };
        self.note(pid, ended);
        true
    }

    fn note(&self, pid: i32, ended: Ended) {
        if let Some(process) = process_table::by_pid(pid) {
            process_table::reap(process, ended);
        }
        self.ended.borrow_mut().insert(pid, ended);
    }

    /// Reaps all that have ended; true when no child is left.
    fn reap_all(&self) -> bool {
        loop {
            match look_for_end() {
                Ok((pid, ended)) => self.note(pid, ended),
                Err(left) => return !left,
            }
        }
    }

    /// Waits until a condition holds, and reaps meanwhile.
    pub fn eventually(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < limit(), "does not happen: {what}");
            if !self.reap_one() {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    }

    /// A word that all processes of the play see.
    pub fn word(&self, index: usize) -> &'static AtomicU64 {
        &board().words[index]
    }
}

/// A wait that takes longer is a hang: generous, as other programs may have the processors. With a bug made on purpose
/// hangs are what is looked for.
fn limit() -> Duration {
    Duration::from_secs(if std::env::var_os(faults::SEED_VARIABLE).is_some() { 2 } else { 10 })
}

/// The letter of a process's state.
pub fn state(pid: i32) -> Option<char> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text[text.rfind(')')? + 1..].trim_start().chars().next()
}

pub fn spawn_child(holds: Holds, body: impl FnOnce()) -> ProcessRef {
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

/// Forks; the child ends with `body`. The one place that forks.
pub fn fork(body: impl FnOnce()) -> i32 {
    let _ = std::io::stdout().flush();
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() } {
        Ok(nix::unistd::ForkResult::Parent { child }) => child.as_raw(),
        Ok(nix::unistd::ForkResult::Child) => {
            faults::die_at(0);
            faults::die_sometimes(0, 0);
            let result = catch_unwind(AssertUnwindSafe(body));
            // SAFETY: ends the process at once, without what the parent would do at its end.
            unsafe { libc::_exit(if result.is_ok() { 0 } else { 101 }) }
        }
        Err(error) => panic!("fork: {error}"),
    }
}

/// Waits for the end of this child.
fn wait_pid(pid: i32) -> Ended {
    loop {
        match waitpid(nix::unistd::Pid::from_raw(pid), None) {
            Ok(status) => {
                if let Some((_, ended)) = end_of(status) {
                    return ended;
                }
            }
            Err(nix::Error::EINTR) => {}
            Err(error) => panic!("waitpid: {error}"),
        }
    }
}

/// A child that has ended; else whether there are any.
pub fn look_for_end() -> Result<(i32, Ended), bool> {
    match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        Ok(status) => end_of(status).ok_or(true),
        Err(error) => Err(error != nix::Error::ECHILD),
    }
}

fn end_of(status: WaitStatus) -> Option<(i32, Ended)> {
    match status {
        WaitStatus::Exited(pid, status) => Some((pid.as_raw(), Ended::Exit(status))),
        WaitStatus::Signaled(pid, signal, _) => Some((pid.as_raw(), Ended::Signal(signal as i32))),
        _ => None,
    }
}

pub fn put(channel: Channel) -> (ObjectRef, Role) {
    (channel.object(), Role::Put)
}

pub fn take(channel: Channel) -> (ObjectRef, Role) {
    (channel.object(), Role::Take)
}

pub fn drop_channel(channel: Channel) {
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
}

pub fn soon(milliseconds: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(milliseconds))
}
