//! Who lives: one slot per process, with its state, its result and what it holds or has in hand.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{AtomicI32, AtomicU32, AtomicU64, compiler_fence, fence, private, seeded};
use super::layout;
use super::lock::{self, Lock};
use super::park::{self, Wait};
use super::region::{self, at, shared};
use super::waits::{self, Need, Sleep};
use super::{ObjectRef, ShmError, holders, islands};
use crate::escape::escaped;
use std::io::Write;
use std::mem::size_of;
use std::sync::OnceLock;
use std::time::Instant;

/// Slots in all.
pub const MOST: u32 = layout::SLOTS;

const FREE: u32 = 0;
const STARTING: u32 = 1;
const RUNNING: u32 = 2;
const REAPED: u32 = 3;

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
        state: AtomicU32,
        next_free: AtomicU32,
        /// Held for life: the kernel marks it when the process ends.
        life: Lock,
        /// Held by who clears up after it: its parent, its parent's, or whoever else noticed its end.
        clearing: Lock,
        pid: AtomicI32,
        parent: AtomicU32,
        children: AtomicU32,
        /// Slot, plus one, of the child that is being forked.
        spawning: AtomicU32,
        /// The dead process whose end this one is clearing up, as a word.
        pub(super) reaping: AtomicU64,
        status: AtomicI32,
        /// Where it has run to its end.
        cpu: AtomicI32,
        /// What is known of its death: most memory in KiB, and flags.
        death: AtomicU64,
        /// Somebody has seen what came of it.
        taken: AtomicU32,
        text: AtomicU64,
        result: AtomicU64,
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
        taker: AtomicU64,
        taken_at: AtomicU64,
        /// The process whose ends this one is taking, as a word.
        pub(super) taking: AtomicU64,
        /// Where in the script it is: see [`set_place`].
        place: AtomicU64,
        /// What it does outside of the language; see [`super::inspect::set_doing`].
        doing: AtomicU64,
        /// What it waits for.
        pub(super) wait: waits::Record,
        pub(super) holds: holders::Holds,
    }
}

const KILLED_BY_US: u64 = 1 << 63;
const OUT_OF_MEMORY: u64 = 1 << 62;
const MOST_KIB: u64 = OUT_OF_MEMORY - 1;

const _: () = assert!(size_of::<Slot>() as u64 <= layout::SLOT && size_of::<Globals>() <= layout::ROOM);
/// Status of a process whose end nobody has told yet.
const UNKNOWN: i32 = i32::MIN;
/// In a slot's `roles`.
const UNCLEARED: usize = 1;
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

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
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

/// Whether it has ended and left a result for those who hold it.
pub(super) fn has_left_result(process: ProcessRef) -> bool {
    let slot = slot(process.index);
    process.exists() && slot.state.load(Acquire) == REAPED && slot.result.load(Relaxed) != 0
}

/// Whether its result names objects others than arrays.
pub(super) fn keeps_objects(process: ProcessRef) -> bool {
    slot(process.index).keeps.load(Relaxed) != 0
}

/// What changes before anything leaves the result of a process.
pub(super) fn result_stamp(process: ProcessRef) -> Option<u64> {
    has_left_result(process).then(|| slot(process.index).taker.load(SeqCst))
}

/// Ended processes whose results name such objects.
pub(super) fn with_objects_in_results() -> impl Iterator<Item = ProcessRef> {
    (0..high()).map(reference).filter(|&process| keeps_objects(process) && has_left_result(process))
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

    pub(super) fn doing(&self) -> &AtomicU64 {
        &self.doing
    }

    pub(super) fn text(&self) -> &AtomicU64 {
        &self.text
    }

    pub(super) fn result(&self) -> &AtomicU64 {
        &self.result
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
    clear_up(my_slot(), child);
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

/// Stores this process's result, which outlives it. A later one replaces an earlier one.
pub fn store_result(bytes: &[u8]) -> Result<(), ShmError> {
    store(bytes, arena::allocate)
}

/// The same for what tells that a result found no room: there is a reserve for that.
pub fn store_failure(bytes: &[u8]) -> Result<(), ShmError> {
    store(bytes, arena::allocate_record)
}

fn store(bytes: &[u8], allocate: fn(usize, &AtomicU64) -> Result<Block, ShmError>) -> Result<(), ShmError> {
    let slot = my_slot();
    let hand = slot.hand(Hand::Result);
    let block = allocate(bytes.len(), hand)?;
    block.write(bytes);
    arena::publish(&slot.result, hand, slot.hand(Hand::Old));
    Ok(())
}

/// This process has run its code and is about to exit with this status, whatever comes in between. So its end is known
/// as soon as it has happened, and not only when the kernel has cleared up after it.
pub fn note_end(status: i32) {
    let slot = my_slot();
    slot.cpu.store(park::cpu(), Relaxed);
    slot.status.store(status, SeqCst);
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

/// A process of the run is about to kill this one.
pub fn note_kill(process: ProcessRef) {
    if process.exists() {
        slot(process.index).death.fetch_or(KILLED_BY_US, Relaxed);
    }
}

/// Records of a child that has ended how much memory it had at most, and whether the system killed it for that.
pub fn note_death(process: ProcessRef, most_kib: u64, out_of_memory: bool) {
    if process.exists() {
        let flag = if out_of_memory { OUT_OF_MEMORY } else { 0 };
        slot(process.index).death.fetch_or(most_kib.min(MOST_KIB) | flag, Relaxed);
    }
}

/// This process is about to die since it gets no memory, unless it is the first one; says so.
pub fn note_own_want_of_memory() -> bool {
    let is_child = registered() && my_slot().parent.load(Relaxed) != 0;
    if is_child {
        my_slot().death.fetch_or(OUT_OF_MEMORY, Relaxed);
    }
    is_child
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
    clear_up(my_slot(), process);
    islands::collect_if_due();
}

/// Undoes what a process held that has ended. Should the one die that does it, its slot `by` tells of it.
fn clear_up(by: &Slot, process: ProcessRef) {
    let slot = slot(process.index);
    if !seeded!("half-reaped stay") {
        by.reaping.store(process.word(), SeqCst);
    }
    if !seeded!("cleared up by two") {
        slot.clearing.lock();
    }
    // Another one may have been quicker, and the slot somebody else's; in this order.
    if slot.roles[UNCLEARED].load(SeqCst) != 0 && process.exists() {
        slot.life.declare_dead();
        slot.state.store(REAPED, Release);
        slot.life.wake_watchers();
        holders::forget_process(process);
        slot.roles[UNCLEARED].store(0, SeqCst);
    }
    release(process);
    holders::settle();
    if slot.clearing.held() {
        slot.clearing.unlock();
    }
    by.reaping.store(0, SeqCst);
}

/// Finishes what a dead process had begun or left undone for its dead children: it may have been the only one that knew
/// of their end.
pub(super) fn finish_reaping(parent: ProcessRef) {
    let dead = slot(parent.index);
    if let Some(process) = ProcessRef::from_word(dead.reaping.load(Relaxed)).filter(|process| process.exists()) {
        clear_up(dead, process);
    }
    dead.reaping.store(0, SeqCst);
    let ended = |child: &ProcessRef| {
        let child = slot(child.index);
        child.parent.load(Relaxed) == parent.index + 1
            && match child.state.load(Acquire) {
                // No child will come of it.
                STARTING => child.life.owner_died() || child.life.declare_unborn(),
                RUNNING => child.life.owner_died(),
                _ => false,
            }
    };
    // Until it was taken, the slot was free for others too: it may be somebody else's.
    if let Some(child) = dead.spawning.load(Relaxed).checked_sub(1).map(reference).filter(ended)
        && !seeded!("unborn children stay")
    {
        clear_up(dead, child);
    }
    dead.spawning.store(0, Relaxed);
    if dead.children.load(Relaxed) > 0 {
        (0..high()).map(reference).filter(ended).for_each(|child| clear_up(dead, child));
    }
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

/// The rest of what a process does, or did that has died, in [`ProcessRef::take_ends`]. [`holders::settle`] must follow.
pub(super) fn finish_taking(by: ProcessRef, its: &Slot) {
    let of = ProcessRef::from_word(its.taking.load(Relaxed)).filter(|process| process.exists());
    if let Some(process) = of.filter(|process| slot(process.index).taker.load(SeqCst) == by.word())
        && !seeded!("taken ends stay in the result")
    {
        holders::forget_ends(process);
    }
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

    /// How it ended, once it has been reaped, or at once if it had said so itself.
    pub fn ended(self) -> Option<Ended> {
        let reaped = || self.exists() && slot(self.index).state.load(Acquire) == REAPED;
        self.known_end().or_else(|| reaped().then_some(Ended::Signal(libc::SIGKILL)))
    }

    /// How it ended, if it has and somebody has told: it itself with [`note_end`], or whoever reaped it.
    pub fn known_end(self) -> Option<Ended> {
        if !self.exists() || !self.has_ended() {
            return None;
        }
        match slot(self.index).status.load(Relaxed) {
            UNKNOWN => None,
            status if status < 0 => Some(Ended::Signal(-status)),
            status => Some(Ended::Exit(status)),
        }
    }

    /// Whether it has run to its end on the CPU that this process runs on now: the kernel can clear up after it only when
    /// this one lets it.
    pub fn ended_on_this_cpu(self) -> bool {
        self.exists() && slot(self.index).cpu.load(Relaxed) == park::cpu()
    }

    /// Whether a process of the run has killed it.
    pub fn killed_by_us(self) -> bool {
        self.exists() && slot(self.index).death.load(Relaxed) & KILLED_BY_US != 0
    }

    /// Whether the system killed it because there was no memory.
    pub fn out_of_memory(self) -> bool {
        self.exists() && slot(self.index).death.load(Relaxed) & OUT_OF_MEMORY != 0
    }

    /// The most bytes that it had in memory, once it has been reaped.
    pub fn peak_memory(self) -> Option<u64> {
        let kib = if self.exists() { slot(self.index).death.load(Relaxed) & MOST_KIB } else { 0 };
        (kib > 0).then_some(kib << 10)
    }

    /// Somebody has seen what came of it, so that nobody else needs to be told.
    pub fn take(self) {
        if self.exists() {
            slot(self.index).taken.store(1, Relaxed);
        }
    }

    /// Whether somebody has seen what came of it.
    pub fn is_taken(self) -> bool {
        self.exists() && slot(self.index).taken.load(Relaxed) != 0
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

    /// Its result, which stays for others to see while somebody holds the process.
    pub fn result(self) -> Option<Vec<u8>> {
        let word = if self.exists() { slot(self.index).result.load(Acquire) } else { 0 };
        Block::from_word(word).filter(|&block| arena::in_use(block)).map(Block::read)
    }

    /// Who has taken the ends of pipes that its result names, and at which place of the script.
    pub fn taker(self) -> Option<(ProcessRef, u64)> {
        let slot = self.exists().then(|| slot(self.index))?;
        let taker = ProcessRef::from_word(slot.taker.load(SeqCst))?;
        Some((taker, slot.taken_at.load(SeqCst)))
    }

    /// This process, which holds all ends of pipes that the result names, has them for itself from now on. False when
    /// another one was quicker. Should it die, it had taken them or had not: they stay in the result until one has.
    pub fn take_ends(self) -> bool {
        let (me, slot) = (my_slot(), slot(self.index));
        let own = reference(my_index());
        me.taking.store(self.word(), SeqCst);
        let first = slot.taker.compare_exchange(0, own.word(), SeqCst, SeqCst).is_ok();
        if first {
            slot.taken_at.store(me.place.load(Relaxed), SeqCst);
        }
        // Who clears up after it from now on sees that they are taken, and does the rest.
        fence(SeqCst);
        finish_taking(own, me);
        me.taking.store(0, SeqCst);
        holders::settle();
        first
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
    slot.kind.store(holders::PROCESS, Relaxed);
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
            left.extend(holders::forget_result(process).into_iter().filter(|&named| is_left(named)));
            free(process);
            next = left.pop();
        }
    });
}

/// Empties the result of a process, and makes the slots free of those that it alone has named.
pub(super) fn forget_result(process: ProcessRef) {
    while_freeing(|| holders::forget_result(process).into_iter().for_each(release));
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
