//! What each process waits for, written down in its slot while it sleeps: for the detector of waits that can never
//! end, for its reports, and for whoever asks what a program is doing.

use super::arena::{self, Block};
use super::around::Reach;
use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, SystemU64, fence, private, seeded};
use super::deadlock::Around;
use super::layout;
use super::park::{self, Wait};
use super::process_table::{self, Hand, Slot, my_slot};
use super::region::{self, at, shared};
use super::{ObjectRef, ShmError, around, deadlock};
use std::time::{Duration, Instant};

/// What must happen to an object before a sleeper can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// A message comes into the channel.
    Message,
    /// The channel has room, or its offer is taken.
    Room,
    /// Somebody comes to take from the channel.
    Taker,
    /// The process ends.
    End,
    /// The process ends, so that another one may be spawned in its place.
    Place,
    /// Its present owners let go.
    Owner,
    /// A process that holds it does something with it.
    Change,
}

impl Need {
    /// From its number. A table of all would be one more page for each process that looks around.
    fn of(number: u64) -> Need {
        match number {
            0 => Need::Message,
            1 => Need::Room,
            2 => Need::Taker,
            3 => Need::End,
            4 => Need::Place,
            5 => Need::Owner,
            _ => Need::Change,
        }
    }
}

/// Arms that fit into the slot itself.
const INLINE: usize = 4;
/// Arms that a wait can have in all.
pub const MOST_ARMS: usize = COUNT as usize;

// In a record's `state`.
const FOREVER: u32 = 1 << 31;
const CANNOT_RAISE: u32 = 1 << 30;
const CAN_BE_LEFT: u32 = 1 << 29;
const OVER: u32 = 1 << 28;
const COUNT: u32 = (1 << 20) - 1;

shared! {
    /// One thing waited for.
    pub(super) struct Arm {
        /// The object, and what it needs in the highest bits.
        what: AtomicU64,
        /// Where the word lies that is slept on, and the value it had.
        word_at: AtomicU64,
        expected: AtomicU32,
        /// In which it is counted among the sleepers of a channel.
        round: AtomicU32,
    }

    /// The present wait of a process.
    pub(super) struct Record {
        /// Odd while it sleeps; counts the sleeps.
        pub(super) sequence: AtomicU32,
        state: AtomicU32,
        /// The wait that the detector has found to be part of a circle, by its sequence.
        verdict: AtomicU32,
        /// The same, of a wait that ends quietly.
        ended: AtomicU32,
        /// Nanoseconds of the system's clock when it began.
        since: AtomicU64,
        /// Block with the arms, if they do not fit in here.
        more: AtomicU64,
        arms: [Arm; INLINE],
    }

    struct Globals {
        /// How often the graph of waits has changed, in the high half; processes that are not asleep without a limit,
        /// in the low half. The latter is a hint.
        pulse: AtomicU64,
        /// When the last look began that found nothing, by the system's clock, and the graph's count of changes then.
        looked_from: AtomicU64,
        looked_at: AtomicU64,
        /// Before this moment nobody looks: among many processes a look takes time.
        look_after: AtomicU64,
        /// The same for a search among all for those few who could serve a sleeper.
        search_after: AtomicU64,
        /// The slot of who could serve a sleeper, as found last: see [`is_served`].
        server: AtomicU64,
    }
}

const CHANGE: u64 = 1 << 32;
/// The low half when nobody is awake. A process that dies between a sleep and its count is counted wrongly, which must
/// not reach the high half.
const NOBODY: u32 = 1 << 31;

/// Nobody is awake yet.
pub(super) fn begin_count() {
    globals().pulse.store(u64::from(NOBODY), Relaxed);
}

const _: () = assert!(size_of::<Globals>() <= layout::ROOM);

fn globals() -> &'static Globals {
    at(layout::WAITS)
}

/// One thing waited for, as read from a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waited {
    pub(super) object: ObjectRef,
    pub(super) need: Need,
    pub(super) round: u32,
    word_at: u64,
    expected: u32,
}

impl Waited {
    /// Whether the word that is slept on has not changed since.
    pub(super) fn unchanged(&self) -> bool {
        at::<AtomicU32>(self.word_at).load(SeqCst) == self.expected
    }

    pub(super) fn word(&self) -> &'static AtomicU32 {
        at(self.word_at)
    }
}

/// A wait as read from a record.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) sequence: u32,
    pub(super) forever: bool,
    /// Whether an error can be raised in it: not when the process is ending.
    pub(super) can_raise: bool,
    /// Whether the process has a time limit for what it does, in which it waits.
    pub(super) can_be_left: bool,
    pub(super) since: u64,
    /// The first ones alone where there was no room to write them all down, and of a wait that is over.
    pub(super) arms: Vec<Waited>,
    /// How many there are in all.
    pub(super) count: usize,
}

impl Seen {
    /// Whether all that is waited for is known.
    pub(super) fn is_whole(&self) -> bool {
        self.arms.len() == self.count
    }

    /// Whether something is, or may be, waited for at this object.
    pub(super) fn is_at(&self, object: ObjectRef) -> bool {
        !self.is_whole() || self.arms.iter().any(|arm| arm.object == object)
    }
}

impl Record {
    fn arm(&self, index: usize) -> &Arm {
        match Block::from_word(self.more.load(Relaxed)) {
            Some(block) => at(block.data() + (index * size_of::<Arm>()) as u64),
            None => &self.arms[index % INLINE],
        }
    }

    /// What is waited for now, if the process sleeps.
    pub(super) fn read(&self) -> Option<Seen> {
        let sequence = self.sequence.load(Acquire);
        if sequence & 1 == 0 {
            return None;
        }
        let seen = self.contents(sequence);
        fence(Acquire);
        (self.sequence.load(SeqCst) == sequence).then_some(seen)
    }

    /// What the last wait of this process was for. Of many arms the first ones are known still.
    fn read_ended(&self) -> Seen {
        self.contents(self.sequence.load(Relaxed))
    }

    fn contents(&self, sequence: u32) -> Seen {
        let state = self.state.load(Relaxed);
        Seen {
            sequence,
            forever: state & FOREVER != 0,
            can_raise: state & CANNOT_RAISE == 0,
            can_be_left: state & CAN_BE_LEFT != 0,
            since: self.since.load(Relaxed),
            arms: self.arms().collect(),
            count: (state & COUNT) as usize,
        }
    }

    /// What is waited for: anything, where the wait has just ended.
    pub(super) fn arms(&self) -> impl Iterator<Item = Waited> {
        let block = Block::from_word(self.more.load(Relaxed));
        let room =
            block.map_or(INLINE, |block| if arena::in_use(block) { block.length() / size_of::<Arm>() } else { 0 });
        let count = (self.state.load(Relaxed) & COUNT) as usize;
        (0..room.min(count)).map(|index| {
            let arm = self.arm(index);
            let what = arm.what.load(Relaxed);
            Waited {
                object: ObjectRef::from_word(what & (u64::MAX >> 4)),
                need: Need::of(what >> 60),
                round: arm.round.load(Relaxed),
                word_at: arm.word_at.load(Relaxed),
                expected: arm.expected.load(Relaxed),
            }
        })
    }

    /// Whether the process sleeps in this very slice of its wait, and has not been told to end it.
    pub(super) fn still(&self, sequence: u32) -> bool {
        self.sequence.load(SeqCst) == sequence
            && self.verdict.load(SeqCst) != sequence
            && self.ended.load(SeqCst) != sequence
    }

    /// Whether the process sleeps in this very wait, perhaps in another slice of it, and has not been told to end it.
    pub(super) fn still_waits(&self, seen: &Seen) -> bool {
        self.sequence_now(seen).is_some_and(|sequence| self.still(sequence))
    }

    /// The present slice of a wait, unless it has ended or is between two slices. No two waits of a process begin at the
    /// same time.
    fn sequence_now(&self, seen: &Seen) -> Option<u32> {
        let sequence = self.sequence.load(SeqCst);
        let same = self.since.load(SeqCst) == seen.since && self.sequence.load(SeqCst) == sequence;
        (same && sequence & 1 == 1).then_some(sequence)
    }

    /// Tells the process that its wait is part of a circle.
    pub(super) fn condemn(&self, seen: &Seen) {
        self.verdict.store(self.sequence_now(seen).unwrap_or(seen.sequence), SeqCst);
        for arm in &seen.arms {
            park::wake_all(arm.word());
        }
    }

    /// Tells the process that what it waits for will not come; the caller wakes it.
    pub(super) fn end(&self, seen: &Seen) {
        self.ended.store(self.sequence_now(seen).unwrap_or(seen.sequence), SeqCst);
    }

    /// Whether the process waits without a limit.
    pub(super) fn is_for_ever(&self) -> bool {
        self.sequence.load(SeqCst) & 1 == 1 && self.state.load(Relaxed) & FOREVER != 0
    }

    /// Whether the process goes on with its wait, without a limit, in a moment; or finds that it is over.
    pub(super) fn is_between_slices(&self) -> bool {
        self.sequence.load(SeqCst) & 1 == 0 && self.state.load(Relaxed) & (FOREVER | OVER) == FOREVER
    }

    /// Whether the process has been told to end its present wait.
    pub(super) fn is_told(&self) -> bool {
        !self.still(self.sequence.load(SeqCst))
    }

    pub(super) fn clear(&self) {
        self.sequence.store(self.sequence.load(Relaxed).wrapping_add(1) & !1, SeqCst);
        self.state.store(0, Relaxed);
        self.more.store(0, Relaxed);
        self.verdict.store(0, Relaxed);
        self.ended.store(0, Relaxed);
    }
}

impl Arm {
    fn set(&self, arm: &Watched) {
        self.what.store(arm.object.word() | (arm.need as u64) << 60, Relaxed);
        self.word_at.store(region::offset_of(arm.word), Relaxed);
        self.expected.store(arm.expected, Relaxed);
        self.round.store(arm.round, Relaxed);
    }
}

/// One thing to wait for: what must happen to `object`, and the word in shared memory that changes then.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a> {
    pub(super) object: ObjectRef,
    pub(super) need: Need,
    pub(super) word: &'a AtomicU32,
    pub(super) expected: u32,
    /// In which it is counted among the sleepers of a channel.
    pub(super) round: u32,
}

/// The sleeps of one operation, until its deadline, a signal, or the finding that it can never be served. They come in
/// slices, at whose ends the graph of waits is looked at when it has changed, and which make good a wake-up that was
/// lost by a death.
#[derive(Debug)]
pub(super) struct Sleep {
    deadline: Option<Instant>,
    slice: Duration,
    /// It was woken: somebody who could have served it may be gone, so the next slice is as a first one.
    roused: bool,
    /// The graph's count of changes at the last look.
    seen: Option<u64>,
    /// The same of the second look since a change: at the first one another sleeper may have been between two slices.
    looked: Option<u64>,
    /// It has had its first look.
    had_look: bool,
    /// How many short slices it may still have, after which it is looked around from here alone.
    short: u32,
    can_raise: bool,
    /// When its first slice began; 0 before.
    since: u64,
}

/// How long a sleeper waits with its first look when it is the last one to sleep, and else.
const LAST: Duration = Duration::from_micros(150);
const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(1);
/// After so long at most it is looked around from a wait that few could serve, and a few times more where that could not
/// be done yet.
const SHORT: Duration = Duration::from_millis(5);
const SHORT_SLICES: u32 = 6;

fn are_few(arms: &[Watched]) -> bool {
    arms.iter().all(|arm| around::are_few(arm.object, arm.need))
}

/// How long the first slice is: the more processes, the sooner others look, and the more there is to look at.
fn first() -> Duration {
    (FIRST * (1 + process_table::high() / 16)).min(FIRST * 40)
}

/// How many times as long as a slice the next one is.
fn growth() -> u32 {
    5 * (1 + process_table::high() / 1000)
}

/// How long a slice can be: among many processes the later looks, which others have done before, must not keep the
/// machine busy.
fn longest() -> Duration {
    LONGEST * (1 + process_table::high() / 1000)
}

impl Sleep {
    pub(super) fn new(deadline: Option<Instant>) -> Sleep {
        Sleep {
            deadline,
            slice: Duration::ZERO,
            roused: false,
            seen: None,
            looked: None,
            had_look: false,
            short: SHORT_SLICES,
            can_raise: true,
            since: 0,
        }
    }

    /// For a process that is ending: no error can be raised in it any more.
    pub(super) fn at_end(deadline: Option<Instant>) -> Sleep {
        let mut sleep = Sleep::new(deadline);
        sleep.can_raise = false;
        sleep
    }

    /// Sleeps while `word` is `expected`, for what `object` needs. The end of a slice is [`Wait::Woken`].
    pub(super) fn on(&mut self, word: &AtomicU32, expected: u32, object: ObjectRef, need: Need) -> Wait {
        self.on_one(Watched { object, need, word, expected, round: 0 }, || false)
    }

    /// Sleeps until the word changes, unless `ready` once the wait has been written down. The end of a slice is
    /// [`Wait::Woken`].
    pub(super) fn on_one(&mut self, arm: Watched, ready: impl FnOnce() -> bool) -> Wait {
        self.written_down(&[arm], 0, ready)
    }

    /// The same until one of several words changes. An error where a wait without a limit cannot be written down: nobody
    /// would ever find that it cannot end.
    pub(super) fn on_any(&mut self, arms: &[Watched], ready: impl FnOnce() -> bool) -> Result<Wait, ShmError> {
        let mut block = 0;
        if arms.len() > INLINE {
            match arena::allocate_record(arms.len() * size_of::<Arm>(), my_slot().hand(Hand::Wait)) {
                Ok(room) => block = room.word(),
                Err(error) if self.deadline.is_none() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(self.written_down(arms, block, ready))
    }

    /// The same, with room in a block for arms that find none in the slot, or 0.
    fn written_down(&mut self, arms: &[Watched], block: u64, ready: impl FnOnce() -> bool) -> Wait {
        let me = my_slot();
        if self.since == 0 {
            self.since = now();
        }
        let awake = begin(me, arms, block, self);
        let result =
            if !seeded!("no look before the sleep") && ready() { Wait::Woken } else { self.slice(me, arms, awake) };
        if result == Wait::Interrupted {
            INTERRUPTED.get().store(1, Relaxed);
        }
        end(me, self.deadline.is_none());
        result
    }

    fn slice(&mut self, me: &Slot, arms: &[Watched], awake: u32) -> Wait {
        if std::mem::take(&mut self.roused) || self.slice.is_zero() {
            (self.short, self.had_look) = (SHORT_SLICES, false);
            self.slice = match self.deadline {
                None if awake == 0 => LAST,
                // Should that one fall asleep as well, it looks.
                None if process_table::high() > MANY && is_served_as_known(arms) => first() * growth(),
                None if first() > SHORT && are_few(arms) => SHORT,
                _ => first(),
            };
        }
        let began = now();
        let slice_end = Instant::now() + park::slice(self.slice);
        let end = self.deadline.map_or(slice_end, |deadline| deadline.min(slice_end));
        let mut result = park::heed_signals(|| match arms {
            [arm] => park::wait(arm.word, arm.expected, Some(end)),
            arms => park::wait_any(arms.iter().map(|arm| (arm.word, arm.expected)), end),
        });
        self.roused = result == Wait::Woken && self.deadline.is_none();
        if result == Wait::TimedOut && self.deadline.is_none_or(|deadline| Instant::now() < deadline) {
            result = Wait::Woken;
            if self.slice > FIRST {
                park::idle();
            }
            let ended = self.slice;
            self.slice = if ended <= FIRST { FIRST * 10 } else { (ended.max(first()) * growth()).min(longest()) };
            if self.deadline.is_none() {
                self.look(arms, began, ended);
            }
        }
        if me.wait.verdict.load(SeqCst) == me.wait.sequence.load(Relaxed) && result != Wait::Interrupted {
            deadlock::remember_circle();
            result = Wait::Deadlock;
        } else if me.wait.ended.load(SeqCst) == me.wait.sequence.load(Relaxed) && result != Wait::Interrupted {
            result = Wait::Ended;
        }
        result
    }

    /// Looks at the graph, unless somebody has done so since this slice began, or nothing has changed, or somebody is
    /// awake who could serve this wait: who closes a circle looks himself.
    #[inline(never)]
    fn look(&mut self, arms: &[Watched], began: u64, ended: Duration) {
        let globals = globals();
        let covered = globals.looked_from.load(Acquire) >= began;
        if !covered && self.short > 0 {
            let found = look_around();
            self.short -= 1;
            match found {
                Around::Told => return,
                Around::Served(index) => {
                    globals.server.store(u64::from(index), Relaxed);
                    return;
                }
                Around::Again if self.short > 0 => {
                    self.slice = SHORT;
                    return;
                }
                _ => self.short = 0,
            }
            // Others may be about to look at all as well.
            if ended < first() {
                self.slice = if matches!(found, Around::Hidden) { first() / 2 } else { first() };
                return;
            }
        }
        // Nor is any look the last one among many: there somebody is between two slices most of the time.
        let had_look = std::mem::replace(&mut self.had_look, true);
        let change = changes();
        let settles = self.seen.replace(change) == Some(change) && process_table::high() <= MANY;
        if covered {
            self.looked = Some(globals.looked_at.load(Relaxed)).filter(|_| settles);
            return;
        }
        if self.looked == Some(change) {
            return;
        }
        let pause = globals.look_after.load(Relaxed).saturating_sub(now());
        // In a pause it is left to one whose slice ends after it, unless this wait has not been looked at yet: it may
        // have closed a circle, and all others have long slices.
        if pause > 0 && had_look || is_served(arms) {
            return;
        }
        if pause > 0 {
            self.had_look = false;
            self.slice = Duration::from_nanos(pause).min(FIRST * 40);
        } else if look() {
            self.looked = Some(change).filter(|_| settles);
        } else {
            self.slice = self.slice.min(first());
        }
    }
}

/// Whether somebody is awake who could serve a wait. Where many wait for the same one, the first of them finds out who that
/// is, and the others ask for it.
fn is_served(arms: &[Watched]) -> bool {
    let found = || {
        let server = deadlock::server(arms)?;
        globals().server.store(u64::from(server), Relaxed);
        Some(server)
    };
    is_served_as_known(arms) || found().is_some()
}

/// Whether the process that could serve a wait when somebody looked for one, at first that of the script, is awake and
/// could serve this one.
fn is_served_as_known(arms: &[Watched]) -> bool {
    let known = globals().server.load(Relaxed) as u32;
    arms.iter().any(|arm| deadlock::is_served_by(known, arm))
}

private! {
    /// A signal has interrupted the wait that this process's record tells of, and it has not acted on that yet.
    static INTERRUPTED: SystemU64 = SystemU64::new(0);
    /// A signal will end what this process waits for from now on.
    static LIMITED: SystemU64 = SystemU64::new(0);
}

/// Whether what this process does from now on has a time limit, which interrupts its waits: a circle with it can be left.
pub fn set_limited(limited: bool) {
    // Few have one, and memory that is not written to stays common to parent and child.
    if (LIMITED.get().load(Relaxed) != 0) != limited {
        LIMITED.get().store(u64::from(limited), Relaxed);
    }
}

/// The wait that this process would be in had no signal come: once.
pub(super) fn take_interrupted() -> Option<Seen> {
    (INTERRUPTED.get().swap(0, Relaxed) != 0).then(|| my_slot().wait.read_ended())
}

/// How often the graph of waits has changed.
fn changes() -> u64 {
    globals().pulse.load(SeqCst) >> 32
}

/// Among more processes than this a look at the graph that takes more of the processor's time than [`CHEAP`] is followed
/// by a pause of ten times as long. Not of the time that passes: it is long where many want to run, and tells nothing.
pub(super) const MANY: u32 = 256;
const CHEAP: u64 = 200_000;
/// A look takes less time than this.
const LONG: u64 = 500_000_000;

fn look() -> bool {
    let (began, change) = (now(), changes());
    let globals = globals();
    let many = process_table::high() > MANY;
    let spent_before = if many { spent() } else { 0 };
    if many {
        // One at a time; should it die, the others go on after a while.
        globals.look_after.store(began + LONG, Relaxed);
    }
    let clear = deadlock::look();
    if many {
        let cost = spent().saturating_sub(spent_before);
        let pause = if cost > CHEAP { 10 * cost } else { 0 };
        globals.look_after.store(now() + pause, Relaxed);
    }
    if clear {
        globals.looked_at.store(change, Relaxed);
        globals.looked_from.store(began, Release);
    }
    clear
}

/// Looks around from this process, among those beside it at any time. A search among all is followed by a pause of ten
/// times as long.
fn look_around() -> Around {
    let globals = globals();
    let found = deadlock::look_around(Reach::Near);
    if !matches!(found, Around::More) {
        return found;
    }
    let (began, after) = (now(), globals.search_after.load(Relaxed));
    // One at a time; should it die, the others go on after a while.
    let is_free = began >= after;
    if !is_free || globals.search_after.compare_exchange(after, began + LONG, Relaxed, Relaxed).is_err() {
        return Around::Again;
    }
    let before = spent();
    let found = deadlock::look_around(Reach::Far);
    let cost = spent().saturating_sub(before);
    globals.search_after.store(now() + 10 * cost, Relaxed);
    found
}

/// A process ended, or gave up something that others may wait for: is that a wait that can never end any more? Not when
/// somebody is awake who serves those: whoever is the last to sleep looks himself. Among many `rouse` wakes those who wait
/// for it, who look around; it says whether that does.
pub(super) fn graph_changed(is_still_served: impl FnOnce() -> bool, rouse: impl FnOnce() -> bool) {
    globals().pulse.fetch_add(CHANGE, SeqCst);
    let is_seen_to = || process_table::high() > MANY && rouse() || globals().look_after.load(Relaxed) > now();
    if !is_still_served() && !is_seen_to() {
        look();
    }
}

/// A process began to live, or ended while it was awake.
pub(super) fn count_awake(born: bool) {
    globals().pulse.fetch_add(if born { 1 } else { 1_u64.wrapping_neg() }, SeqCst);
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.since != 0 {
            my_slot().wait.state.fetch_or(OVER, Relaxed);
        }
    }
}

/// Writes down what this process is about to wait for; gives how many processes are left that do not wait for ever.
fn begin(me: &Slot, arms: &[Watched], block: u64, sleep: &Sleep) -> u32 {
    let forever = sleep.deadline.is_none();
    let record = &me.wait;
    record.since.store(sleep.since, Relaxed);
    // The first ones stand in the slot in any case: the block goes when the wait is over, and one with a time limit may
    // have none.
    record.arms.iter().zip(arms).for_each(|(place, arm)| place.set(arm));
    if block != 0 {
        record.more.store(block, SeqCst);
        arms.iter().enumerate().for_each(|(index, arm)| record.arm(index).set(arm));
    }
    let flag = |flag: u32, is_set: bool| if is_set { flag } else { 0 };
    let flags = flag(FOREVER, forever) | flag(CANNOT_RAISE, !sleep.can_raise);
    let flags = flags | flag(CAN_BE_LEFT, LIMITED.get().load(Relaxed) != 0);
    record.state.store(arms.len() as u32 | flags, Relaxed);
    record.sequence.store(record.sequence.load(Relaxed).wrapping_add(1), SeqCst);
    // The next slice of the same wait changes nothing.
    let change = if sleep.slice.is_zero() { CHANGE } else { 0 };
    if forever {
        (globals().pulse.fetch_add(change.wrapping_sub(1), SeqCst) as u32).wrapping_sub(1 + NOBODY)
    } else {
        1
    }
}

fn end(me: &Slot, forever: bool) {
    let record = &me.wait;
    record.sequence.store(record.sequence.load(Relaxed).wrapping_add(1), SeqCst);
    if forever {
        globals().pulse.fetch_add(1, SeqCst);
    }
    if record.more.load(Relaxed) != 0 {
        record.more.store(0, SeqCst);
        arena::free_hand(me.hand(Hand::Wait));
    }
}

/// A dead process waits no longer; gives what it waited for.
pub(super) fn forget(dead: &Slot) -> Option<Seen> {
    let wait = dead.wait.read();
    if !wait.as_ref().is_some_and(|wait| wait.forever) {
        count_awake(false);
    }
    dead.wait.clear();
    wait
}

/// Nanoseconds of the system's clock, the same for all processes.
pub(super) fn now() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds that this process has run: while it waits for others or for the processor, nothing is spent.
pub(super) fn spent() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Whether the process of a slot waits for something of its own record that is known.
pub(super) fn waiting(index: u32) -> Option<Seen> {
    process_table::is_running(index).then(|| process_table::slot(index).wait.read()).flatten()
}
