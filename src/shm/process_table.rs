//! Who lives: one slot per process, with its name and place, its state, and what it holds or has in hand.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{AtomicI32, AtomicU32, AtomicU64, compiler_fence, fence, private, seeded};
use super::exit_status::{Ended, UNKNOWN};
use super::handle_table::Holds;
use super::layout;
use super::lock::{self, Lock};
use super::park::{self, Wait};
use super::region::{self, at, shared};
use super::waits::{self, Need, Sleep};
use super::{ObjectRef, ShmError, holders, islands, object, recovery, result};
use crate::escape::escaped;
use std::io::Write;
use std::mem::size_of;
use std::sync::OnceLock;
use std::time::Instant;

/// Slots in all.
pub const MOST: u32 = layout::SLOTS;

const FREE: u32 = 0;
pub(super) const STARTING: u32 = 1;
pub(super) const RUNNING: u32 = 2;
pub(super) const REAPED: u32 = 3;

/// What a hand is for.
#[derive(Clone, Copy)]
pub(super) enum Hand {
    Message,
    Segment,
    Object,
    Result,
    Table,
    Text,
    /// The arms of the present wait.
    Wait,
    /// What the block of another hand has just replaced.
    Old,
    /// The parcel that the one in `Message` has just replaced.
    Replaced,
}

shared! {
    struct Globals {
        lock: Lock,
        /// First free slot, plus one.
        free: AtomicU32,
        /// Slots below this have been used at some time.
        high: AtomicU32,
        /// At least as many processes as live: those who end are counted when the limit is met.
        living: AtomicU32,
        /// When a process of the run last began to end because of a signal.
        signalled: AtomicU64,
        /// A process of the run has told of an error that its own end kept from everybody else.
        dropped: AtomicU32,
        unused: AtomicU32,
    }

    /// One process. It starts as every object's header does, with the generation in place of flags.
    pub(super) struct Slot {
        /// Handles, and whether it has still to be cleared up after: until neither is so, the slot stays.
        pub(super) roles: [AtomicU32; 2],
        pub(super) kind: AtomicU32,
        generation: AtomicU32,
        next_doomed: AtomicU64,
        pub(super) state: AtomicU32,
        next_free: AtomicU32,
        /// Held for life: the kernel marks it when the process ends.
        pub(super) life: Lock,
        /// Held by who clears up after it: its parent, its parent's, or whoever else noticed its end.
        pub(super) clearing: Lock,
        pid: AtomicI32,
        pub(super) parent: AtomicU32,
        pub(super) children: AtomicU32,
        /// Slot, plus one, of the child that is being forked.
        pub(super) spawning: AtomicU32,
        /// The dead process whose end this one is clearing up, as a word.
        pub(super) reaping: AtomicU64,
        pub(super) status: AtomicI32,
        /// Where it has run to its end.
        pub(super) cpu: AtomicI32,
        /// What is known of its death: most memory in KiB, and flags.
        pub(super) death: AtomicU64,
        /// Somebody has seen what came of it.
        pub(super) taken: AtomicU32,
        /// The blocks with its id and name, and with its result.
        pub(super) text: AtomicU64,
        pub(super) result: AtomicU64,
        /// Blocks that nobody else knows of yet or any more.
        pub(super) hands: [AtomicU64; Hand::Replaced as usize + 1],
        /// Object of the present operation, 0 between operations: then this process owes nobody a wake-up.
        pub(super) present: AtomicU64,
        /// The position in a channel that the operation works on; `NOWHERE` before.
        pub(super) position: AtomicU64,
        /// Object whose last holder this process has made go.
        pub(super) doomed: AtomicU64,
        /// Object that loses a holder by this process, until those who wait at it have been told.
        pub(super) losing: AtomicU64,
        /// The same while what a result named is given up, which may be a part of another loss.
        pub(super) telling: AtomicU64,
        /// Its result names objects others than arrays.
        pub(super) keeps: AtomicU32,
        /// It is freeing slots that nobody holds, one of which may have been the last to hold another.
        freeing: AtomicU32,
        /// Who has taken the ends of pipes that its result names, as a word, and where in the script.
        pub(super) taker: AtomicU64,
        pub(super) taken_at: AtomicU64,
        /// The process whose ends this one is taking, as a word.
        pub(super) taking: AtomicU64,
        /// Where in the script it is: see [`set_place`].
        pub(super) place: AtomicU64,
        /// What it does outside of the language; see [`super::inspect::set_doing`].
        pub(super) doing: AtomicU64,
        /// What it waits for.
        pub(super) wait: waits::Record,
        pub(super) holds: Holds,
    }
}

const _: () = assert!(size_of::<Slot>() as u64 <= layout::SLOT && size_of::<Globals>() <= layout::ROOM);

/// In a slot's `roles`.
pub(super) const UNCLEARED: usize = 1;
/// No position.
pub(super) const NOWHERE: u64 = u64::MAX;

private! {
    /// The slot of this process, plus one.
    static ME: AtomicU32 = AtomicU32::new(0);
    /// Where in the region that is: it takes some steps to tell.
    static MY_SLOT: AtomicU64 = AtomicU64::new(0);
}

/// This process has this slot, or none any more.
fn set_me(index: Option<u32>) {
    MY_SLOT.get().store(index.map_or(0, layout::slot), Relaxed);
    ME.get().store(index.map_or(0, |index| index + 1), Relaxed);
}

/// Names a process, in every process; can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessRef {
    /// Its slot.
    pub index: u32,
    /// Which of the slot's processes one after the other.
    pub generation: u32,
}

/// What [`ProcessRef::wait_end`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndWait {
    /// It has ended; its status is known once its parent has reaped it.
    Ended,
    /// The deadline has passed.
    TimedOut,
    /// A signal was handled.
    Interrupted,
    /// The wait is part of a circle: see [`super::deadlock::take_circle`].
    Deadlock,
}

fn globals() -> &'static Globals {
    at(layout::PROCESSES)
}

pub(super) fn slot(index: u32) -> &'static Slot {
    debug_assert!(index < MOST);
    at(layout::slot(index))
}

/// The slot whose header lies at `offset`, if any does.
pub(super) fn slot_index_at(offset: u64) -> Option<u32> {
    layout::slot_at(offset)
}

/// This process's slot.
#[inline]
pub(super) fn my_slot() -> &'static Slot {
    debug_assert!(registered(), "the process has no slot");
    at(MY_SLOT.get().load(Relaxed))
}

#[inline]
pub(super) fn my_index() -> u32 {
    ME.get().load(Relaxed).wrapping_sub(1)
}

/// Whether this process has a slot.
pub fn registered() -> bool {
    my_index() != u32::MAX
}

/// This process, if it is registered.
pub fn me() -> Option<ProcessRef> {
    registered().then(|| reference(my_index()))
}

pub(super) fn reference(index: u32) -> ProcessRef {
    ProcessRef { index, generation: slot(index).generation.load(Relaxed) }
}

/// Whether the slot's process lives.
pub(super) fn is_running(index: u32) -> bool {
    slot(index).state.load(Acquire) == RUNNING
}

/// Whether the slot's process may do something, be it that it only starts.
pub(super) fn can_act(index: u32) -> bool {
    matches!(slot(index).state.load(Acquire), STARTING | RUNNING)
}

/// Slots that were ever used.
pub(super) fn high() -> u32 {
    globals().high.load(Acquire)
}

impl Slot {
    /// Whether its process is starting or lives.
    pub(super) fn lives(&self) -> bool {
        matches!(self.state.load(Acquire), STARTING | RUNNING)
    }

    pub(super) fn hand(&self, hand: Hand) -> &AtomicU64 {
        &self.hands[hand as usize]
    }

    /// Runs an operation of this process on `object`, which may be part of another operation.
    #[inline]
    pub(super) fn operate<R>(&self, object: ObjectRef, run: impl FnOnce() -> R) -> R {
        let (before, position) = (self.present.load(Relaxed), self.position.load(Relaxed));
        self.position.store(NOWHERE, Relaxed);
        self.present.store(object.word(), Relaxed);
        compiler_fence(SeqCst);
        let result = run();
        compiler_fence(SeqCst);
        self.position.store(position, Relaxed);
        self.present.store(before, Relaxed);
        result
    }
}

/// Registers the process that starts the tree.
pub(super) fn register_first() -> Result<(), ShmError> {
    lock::register();
    waits::begin_count();
    let index = take_slot(None)?;
    let slot = slot(index);
    slot.life.take_for_life();
    slot.pid.store(std::process::id() as i32, Relaxed);
    set_me(Some(index));
    set_text(slot, b"P\0")?;
    slot.roles[0].store(1, Relaxed);
    slot.state.store(RUNNING, Release);
    Ok(())
}

/// A slot for a child, which this process is about to fork and holds a handle to; see [`started`] and
/// [`cancel_child`].
pub fn register_child(name: &str) -> Result<ProcessRef, ShmError> {
    super::start()?;
    let parent = my_slot();
    let index = take_slot(Some(my_index()))?;
    let child = slot(index);
    // Until it says where it is, it is where it was spawned.
    child.place.store(parent.place.load(Relaxed), Relaxed);
    let number = parent.children.load(Relaxed) + 1;
    let made = name_child(child, number, name);
    let made = made.and_then(|()| holders::hold(reference(index).object(), super::Role::Handle));
    parent.children.store(number, Relaxed);
    if let Err(error) = made {
        cancel_child(reference(index));
        return Err(error);
    }
    Ok(reference(index))
}

/// Tells the child's process id after the fork, in the parent.
pub fn started(child: ProcessRef, pid: i32) {
    slot(child.index).pid.store(pid, Relaxed);
    my_slot().spawning.store(0, Relaxed);
}

/// Takes back [`register_child`] when the fork failed.
pub fn cancel_child(child: ProcessRef) {
    if seeded!("a failed spawn keeps its handles") {
        slot(child.index).holds.clear();
    }
    recovery::clear_up(my_slot(), child);
    holders::release(child.object(), super::Role::Handle);
    let parent = my_slot();
    parent.spawning.store(0, Relaxed);
    parent.children.store(parent.children.load(Relaxed).saturating_sub(1), Relaxed);
}

/// Makes this process, just forked, the one of `child`'s slot. The parent held and locked things: the child does not.
pub fn after_fork(child: ProcessRef) -> Result<(), ShmError> {
    lock::register();
    // Those were the parent's.
    park::take_signal();
    let slot = slot(child.index);
    // The system maps a page that is read first together with its neighbours, which follow.
    std::hint::black_box(globals().high.load(Relaxed));
    // Without a parent the slot may have been given to another process, whose life this must not take.
    enter();
    let ours = slot.state.load(Relaxed) == STARTING && slot.generation.load(Relaxed) == child.generation;
    let ours = ours || seeded!("born into another's slot");
    if ours {
        // Before its birth, so that its end is known for its own even if its parent has not told this.
        slot.pid.store(std::process::id() as i32, Relaxed);
    }
    let born = ours && slot.life.take_for_life();
    globals().lock.unlock();
    if !born {
        return Err(ShmError::Orphaned);
    }
    set_me(Some(child.index));
    slot.state.store(RUNNING, Release);
    Ok(())
}

/// This process begins to end because of a signal, at this time.
pub fn note_signal(time: i64) {
    if registered() {
        globals().signalled.store(time as u64, Relaxed);
    }
}

/// When a process of the run last began to end because of a signal; 0 when none has.
pub fn last_signal() -> i64 {
    if registered() { globals().signalled.load(Relaxed) as i64 } else { 0 }
}

/// This process has told of an error that its own end keeps from everybody else.
pub fn note_dropped() {
    if registered() {
        globals().dropped.store(1, Relaxed);
    }
}

/// Whether some process of the run has.
pub fn some_dropped() -> bool {
    registered() && globals().dropped.load(Relaxed) != 0
}

/// Records how a child ended, after `waitpid`, and undoes what it held: its locks pass on, its channels end.
pub fn reap(process: ProcessRef, ended: Ended) {
    if !process.exists() {
        return;
    }
    let status = match ended {
        Ended::Exit(status) => status,
        Ended::Signal(signal) => -signal,
    };
    // What it said itself stays, be it that a signal came after that.
    let _ = slot(process.index).status.compare_exchange(UNKNOWN, status, Relaxed, Relaxed);
    recovery::clear_up(my_slot(), process);
    islands::collect_if_due();
}

/// The process with this system id, for whoever reaps processes that it did not fork.
pub fn by_pid(pid: i32) -> Option<ProcessRef> {
    let mut all = (0..if registered() { high() } else { 0 }).filter(|&index| slot(index).pid.load(Relaxed) == pid);
    let unknown = |index| is_reaped(index) && slot(index).status.load(Relaxed) == UNKNOWN;
    all.find(|&index| matches!(slot(index).state.load(Acquire), STARTING | RUNNING) || unknown(index)).map(reference)
}

/// Every process in the table that has not been reaped.
pub fn alive() -> Vec<ProcessRef> {
    alive_below(if registered() { high() } else { 0 }).map(reference).collect()
}

fn alive_below(high: u32) -> impl Iterator<Item = u32> {
    (0..high).filter(|&index| can_act(index))
}

/// How many processes of a run may live at a time, and why no more: the machine must stay usable.
fn most_living() -> (u32, &'static str) {
    static LIMIT: OnceLock<(u32, &str)> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let pids = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok();
        let pids = pids.and_then(|most| most.trim().parse::<u64>().ok()).unwrap_or(u64::MAX);
        let limits = [
            (u64::from(MOST), "as its table of processes has no more slots"),
            (pids / 2, "half of kernel.pid_max"),
            (region::physical_memory() / MEMORY_OF_ONE, "one for each 256 KiB of the machine's memory"),
        ];
        let (limit, why) = limits.into_iter().min().unwrap_or((u64::from(MOST), ""));
        (limit as u32, why)
    })
}

/// What one more process needs, with what the kernel keeps of it.
const MEMORY_OF_ONE: u64 = 256 << 10;

/// Slots in use, those of reaped processes with living handles included.
pub fn slots_in_use() -> usize {
    (0..if registered() { high() } else { 0 }).filter(|&index| slot(index).state.load(Acquire) != FREE).count()
}

impl ProcessRef {
    /// As an object that can be held (role [`super::Role::Handle`]): its slot stays while somebody holds it.
    pub fn object(self) -> ObjectRef {
        ObjectRef { offset: layout::slot(self.index), generation: self.generation }
    }

    /// The process of an object made by [`ProcessRef::object`].
    pub fn of(object: ObjectRef) -> Option<ProcessRef> {
        slot_index_at(object.offset).map(|index| ProcessRef { index, generation: object.generation })
    }

    /// In one word, which is not 0.
    pub fn word(self) -> u64 {
        u64::from(self.index + 1) << 32 | u64::from(self.generation)
    }

    /// The reverse of [`ProcessRef::word`]; 0 names nobody.
    pub fn from_word(word: u64) -> Option<ProcessRef> {
        let index = ((word >> 32) as u32).checked_sub(1)?;
        Some(ProcessRef { index, generation: word as u32 })
    }

    /// Whether its slot is still its own.
    pub fn exists(self) -> bool {
        self.index < MOST && region::exists() && {
            let slot = slot(self.index);
            slot.state.load(Acquire) != FREE && slot.generation.load(Relaxed) == self.generation
        }
    }

    /// Whether it has ended, be it that nobody has reaped it yet.
    pub fn has_ended(self) -> bool {
        !self.exists() || slot(self.index).state.load(Acquire) == REAPED || slot(self.index).life.owner_died()
    }

    /// System id.
    pub fn pid(self) -> Option<i32> {
        self.exists().then(|| slot(self.index).pid.load(Relaxed)).filter(|&pid| pid != 0)
    }

    /// The process that spawned it, unless that has been forgotten.
    pub fn parent(self) -> Option<ProcessRef> {
        let parent = if self.exists() { slot(self.index).parent.load(Relaxed) } else { 0 };
        parent.checked_sub(1).map(reference)
    }

    /// Its place in the tree of spawns: `P.1.3`.
    pub fn id(self) -> String {
        self.texts().0
    }

    /// The name that it was spawned with; may be empty.
    pub fn name(self) -> String {
        self.texts().1
    }

    /// Id and name, as messages tell them: on one line, whatever the name holds.
    pub fn title(self) -> String {
        let (id, name) = self.texts();
        if name.is_empty() { id } else { format!("{id} {}", escaped(&name)) }
    }

    fn texts(self) -> (String, String) {
        let block = if self.exists() { Block::from_word(slot(self.index).text.load(Acquire)) } else { None };
        let text = block.map_or(String::new(), |block| String::from_utf8_lossy(&block.read()).into_owned());
        text.split_once('\0').map_or((text.clone(), String::new()), |(id, name)| (id.to_owned(), name.to_owned()))
    }

    /// Sleeps until it has ended. Anybody may wait for anybody; only its parent reaps.
    pub fn wait_end(self, deadline: Option<Instant>) -> EndWait {
        self.wait_end_with(Sleep::new(deadline))
    }

    /// As [`ProcessRef::wait_end`], for a process that has run its code: no error can be raised in it.
    pub fn wait_end_at_end(self, deadline: Option<Instant>) -> EndWait {
        self.wait_end_with(Sleep::at_end(deadline))
    }

    /// The word that changes when it ends, and what it is now.
    pub(super) fn life_word(self) -> Option<(&'static AtomicU32, u32)> {
        self.exists().then(|| slot(self.index).life.life_word())
    }

    fn wait_end_with(self, mut sleep: Sleep) -> EndWait {
        loop {
            // In this order: its end after the first look changes the word.
            let life = &slot(self.index).life;
            let (word, expected) = life.life_word();
            if self.has_ended() {
                return EndWait::Ended;
            }
            let woken = sleep.on(word, expected, self.object(), Need::End);
            if self.has_ended() {
                // The kernel wakes one.
                life.wake_watchers();
                return EndWait::Ended;
            }
            match woken {
                Wait::Woken | Wait::Ended => {}
                Wait::TimedOut => return EndWait::TimedOut,
                Wait::Interrupted => return EndWait::Interrupted,
                Wait::Deadlock => return EndWait::Deadlock,
            }
        }
    }

    /// Where in the script it is, as it said last with [`set_place`].
    pub fn place(self) -> u64 {
        if self.exists() { slot(self.index).place.load(Relaxed) } else { 0 }
    }
}

/// Tells where in the script this process is, as a word that means something to its program.
pub fn set_place(place: u64) {
    if registered() {
        my_slot().place.store(place, Relaxed);
    }
}

/// Where in the script this process is.
pub fn my_place() -> u64 {
    if registered() { my_slot().place.load(Relaxed) } else { 0 }
}

/// Id and name of a child of this process. They are put together on the stack while they are short: a page of the heap
/// that is written to before a fork is copied after it.
fn name_child(child: &Slot, number: u32, name: &str) -> Result<(), ShmError> {
    const SHORT: usize = 120;
    let own = Block::from_word(my_slot().text.load(Relaxed)).map_or(&b""[..], Block::bytes);
    let id = own.split(|&byte| byte == 0).next().unwrap_or_default();
    let length = id.len() + NUMBER + name.len();
    let (mut short, mut long) = ([0; SHORT], Vec::new());
    let text = if length <= SHORT {
        &mut short[..]
    } else {
        long.resize(length, 0);
        &mut long[..]
    };
    let mut rest = &mut *text;
    let written = [id, b"."].into_iter().try_for_each(|part| rest.write_all(part));
    let written = written.and_then(|()| write!(rest, "{number}\0{name}"));
    debug_assert!(written.is_ok());
    let left = rest.len();
    set_text(child, &text[..text.len() - left])
}

/// Room for a point, a number and the byte between id and name.
const NUMBER: usize = 12;

fn set_text(slot: &Slot, text: &[u8]) -> Result<(), ShmError> {
    let hand = my_slot().hand(Hand::Text);
    let block = arena::allocate(text.len(), hand)?;
    block.write(text);
    slot.text.store(block.word(), SeqCst);
    hand.store(0, Relaxed);
    Ok(())
}

fn enter() {
    if globals().lock.lock() && !seeded!("no rebuild of the process table") {
        rebuild();
    }
}

/// Derives the free list anew, after a process died inside.
fn rebuild() {
    let globals = globals();
    let mut free = 0;
    for index in (0..globals.high.load(Relaxed)).rev() {
        if slot(index).state.load(Relaxed) == FREE {
            slot(index).next_free.store(free, Relaxed);
            free = index + 1;
        }
    }
    globals.free.store(free, Relaxed);
}

/// A slot that nobody else has; `parent`, a slot too, names it before it is taken.
fn take_slot(parent: Option<u32>) -> Result<u32, ShmError> {
    enter();
    let globals = globals();
    let (limit, why) = most_living();
    if globals.living.load(Relaxed) >= limit {
        globals.living.store(alive_below(globals.high.load(Relaxed)).count() as u32, Relaxed);
    }
    let index = match globals.free.load(Relaxed) {
        0 => globals.high.load(Relaxed),
        first => first - 1,
    };
    if index >= MOST || globals.living.load(Relaxed) >= limit {
        globals.lock.unlock();
        return Err(if index >= MOST {
            ShmError::TooManyProcesses { limit: MOST, why: "those that have ended and that handles name are counted" }
        } else {
            ShmError::TooManyProcesses { limit, why }
        });
    }
    globals.living.store(globals.living.load(Relaxed) + 1, Relaxed);
    let slot = slot(index);
    let next = slot.next_free.load(Relaxed);
    slot.generation.store((slot.generation.load(Relaxed) + 1) & 0x3fff_ffff, Relaxed);
    slot.roles[0].store(0, Relaxed);
    slot.roles[UNCLEARED].store(1, Relaxed);
    slot.kind.store(object::PROCESS, Relaxed);
    for word in [&slot.children, &slot.spawning, &slot.keeps, &slot.freeing] {
        word.store(0, Relaxed);
    }
    slot.parent.store(parent.map_or(0, |parent| parent + 1), Relaxed);
    slot.pid.store(0, Relaxed);
    slot.status.store(UNKNOWN, Relaxed);
    slot.taken.store(0, Relaxed);
    slot.death.store(0, Relaxed);
    slot.wait.clear();
    let words = [&slot.text, &slot.result, &slot.place, &slot.doing];
    let operation = [&slot.present, &slot.doomed, &slot.losing, &slot.telling, &slot.reaping, &slot.taking];
    let ends = [&slot.taker, &slot.taken_at];
    for word in words.into_iter().chain(operation).chain(ends).chain(&slot.hands) {
        word.store(0, Relaxed);
    }
    slot.position.store(NOWHERE, Relaxed);
    slot.holds.clear();
    slot.life.reset();
    compiler_fence(SeqCst);
    if let Some(parent) = parent {
        self::slot(parent).spawning.store(index + 1, SeqCst);
    }
    slot.state.store(STARTING, Release);
    // Who waits for it knows from now on that somebody is awake.
    waits::count_awake(true);
    if index == globals.high.load(Relaxed) {
        globals.high.store(index + 1, Release);
    } else {
        globals.free.store(next, Relaxed);
    }
    globals.lock.unlock();
    Ok(index)
}

/// Whether it has been reaped and nobody holds it.
pub(super) fn is_left(process: ProcessRef) -> bool {
    let slot = slot(process.index);
    let is_free = slot.state.load(Relaxed) == REAPED && slot.roles.iter().all(|count| count.load(Relaxed) == 0);
    is_free && slot.generation.load(Relaxed) == process.generation
}

/// Makes the slot free for another process if it has been reaped and nobody holds it, and so the slots of processes that
/// its result alone has named.
pub(super) fn release(process: ProcessRef) {
    // Of two who make it nobody's, one by giving it up and one by clearing up after it, the later one sees both.
    fence(SeqCst);
    if !is_left(process) {
        return;
    }
    while_freeing(|| {
        let (mut next, mut left) = (Some(process), Vec::new());
        while let Some(process) = next {
            left.extend(result::forget_result(process).into_iter().filter(|&named| is_left(named)));
            free(process);
            next = left.pop();
        }
    });
}

/// Empties the result of a process, and makes the slots free of those that it alone has named.
pub(super) fn forget_result(process: ProcessRef) {
    while_freeing(|| result::forget_result(process).into_iter().for_each(release));
}

fn while_freeing(free: impl FnOnce()) {
    let freeing = &my_slot().freeing;
    let before = freeing.swap(1, SeqCst);
    free();
    freeing.store(before, SeqCst);
}

/// The rest of what a dead process did in [`release`] or [`forget_result`].
pub(super) fn finish_freeing(dead: &Slot) {
    if dead.freeing.load(Relaxed) != 0 && !seeded!("what a result alone has named stays") {
        (0..high()).map(reference).filter(|&process| is_left(process)).for_each(release);
    }
}

fn free(process: ProcessRef) {
    enter();
    if is_left(process) {
        let (globals, slot) = (globals(), slot(process.index));
        for word in [&slot.text, &slot.result] {
            if let Some(block) = Block::from_word(word.load(Relaxed)) {
                arena::free(block);
                word.store(0, Relaxed);
            }
        }
        compiler_fence(SeqCst);
        slot.state.store(FREE, SeqCst);
        slot.next_free.store(globals.free.load(Relaxed), Relaxed);
        globals.free.store(process.index + 1, Relaxed);
    }
    globals().lock.unlock();
}

/// Whether the slot of a dead process can be given up when nobody holds it.
pub(super) fn is_reaped(index: u32) -> bool {
    slot(index).state.load(Acquire) == REAPED
}

/// This process ends here, and its locks are marked as the kernel does.
#[cfg(any(test, feature = "faults"))]
pub fn end_as_the_kernel_does() {
    lock::end_as_the_kernel_does();
    set_me(None);
}
