//! Queues of byte messages between processes: a chain of segments of slots, one robust lock for each side.
//!
//! A slot's state is the one store that commits a send (`FULL`) and a receive (`TAKEN`). The position of each side, the
//! chain and the counts of sleepers follow it; who takes a lock after a death brings them up to date.

use super::arena::{self, Block};
use super::holders::{self, Header, Role};
use super::lock::Lock;
use super::park::{self, Patience, Wait};
use super::process_table::{self, Hand, NOWHERE, Slot, my_index, my_slot, slot};
use super::region::{self, at, shared};
use super::{ObjectRef, ShmError};
use serde::{Deserialize, Serialize};
use std::mem::size_of;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, compiler_fence, fence};
use std::time::{Duration, Instant};

// The sides of a channel, as indices.
const SEND: usize = 0;
const RECV: usize = 1;

// States of a message's slot.
const FULL: u64 = 1;
const TAKEN: u64 = 2;

const UNBOUNDED: u32 = u32::MAX;
/// Bytes of a message that its slot has room for.
const INLINE: usize = 48;
/// In a slot's length: the message is in a block.
const IN_BLOCK: u32 = u32::MAX;
const SLOTS_PER_SEGMENT: u64 = 63;

// In a header's flags.
const CLOSED: u32 = 1;
/// Sending makes no sense when nobody can take.
const PARTNERED: u32 = 2;

// In a process's `waiting_at`, beside the object.
const AT_SEND: u64 = 1 << 61;
/// It could send here itself, but does not wake up for anything but a message.
const STUCK: u64 = 1 << 62;

shared! {
    /// What senders or receivers alone change, under their lock.
    struct Side {
        lock: Lock,
        /// Slot of the process inside, plus one.
        owner: AtomicU32,
        /// `stuck` is being changed.
        registering: AtomicU32,
        /// Messages sent or received so far.
        position: AtomicU64,
        /// Where the next one is.
        segment: AtomicU64,
        /// The other side's position when it was last looked at.
        seen: AtomicU64,
        /// The segment before, which a dead sender may still have to be followed from.
        retired: AtomicU64,
        /// Receivers asleep without a deadline that hold the sending role.
        stuck: AtomicU32,
        /// How often all receivers were told that nobody is left to send.
        ends: AtomicU32,
        unused: [AtomicU64; 7],
    }

    /// Those who sleep until the other side has done something, on a cache line of their own.
    struct Sleepers {
        /// How many, in the high half; how many of them have been woken, in the low half.
        count: AtomicU64,
        /// The word slept on.
        event: AtomicU32,
        unused: AtomicU32,
        padding: [AtomicU64; 6],
    }

    /// A channel. The sides start at a multiple of 64.
    struct Line {
        header: Header,
        capacity: AtomicU32,
        /// The role that sends; the other one receives.
        put_role: AtomicU32,
        /// Header that counts the holders: a pipe's second channel uses the first one's.
        counts_at: AtomicU64,
        first: AtomicU64,
        sides: [Side; 2],
        sleepers: [Sleepers; 2],
        /// The other channel of a pipe, in the one that counts.
        twin: AtomicU64,
    }

    struct Segment {
        next: AtomicU64,
        /// Position of its first slot.
        base: AtomicU64,
        unused: [AtomicU64; 4],
        slots: [MessageSlot; SLOTS_PER_SEGMENT as usize],
    }

    struct MessageSlot {
        state: AtomicU64,
        length: AtomicU32,
        unused: AtomicU32,
        payload: [AtomicU64; INLINE / 8],
    }

    /// Before the bytes of a message in a block: what it holds, as entries that follow.
    struct Parcel {
        handles: AtomicU64,
        /// How many of them are counted at their objects.
        counted: AtomicU64,
    }
}

const _: () = assert!(size_of::<Side>() == 128 && size_of::<Sleepers>() == 64 && size_of::<MessageSlot>() == 64);
const _: () = assert!(size_of::<Segment>() == 4080 && size_of::<Line>() <= 496);

/// What a send came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The message is in the channel (capacity 0: has been taken).
    Ok,
    /// The channel is closed, or nobody is left at the other end of the pipe.
    Closed,
    /// The deadline has passed; nothing was sent.
    TimedOut,
    /// A signal was handled; nothing was sent, the call can be repeated.
    Interrupted,
    /// Without waiting there is no room.
    Full,
}

/// What a receive came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Ok,
    /// Empty, and nothing will come.
    Closed,
    /// The deadline has passed.
    TimedOut,
    /// A signal was handled; the call can be repeated.
    Interrupted,
    /// There is no message now.
    Empty,
}

/// How long an operation waits.
#[derive(Clone, Copy)]
enum Limit {
    Never,
    Until(Option<Instant>),
}

/// A queue of messages, as every process names it. Its maker holds [`Role::Put`] and [`Role::Take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Channel(ObjectRef);

impl Channel {
    /// A new queue: without bound, or with room for `capacity` messages; with 0 a send waits until it is taken.
    pub fn new(capacity: Option<u32>) -> Result<Channel, ShmError> {
        super::start()?;
        let block = arena::allocate_object(my_slot().hand(Hand::Object))?;
        let object = arena::object_ref(block);
        set_up(block, capacity, block.data(), 0, 0);
        let held = holders::hold(object, Role::Put).and_then(|()| holders::hold(object, Role::Take));
        finish_making(object, held)?;
        Ok(Channel(object))
    }

    /// The channel that `object` names.
    pub fn of(object: ObjectRef) -> Channel {
        Channel(object)
    }

    /// Its name for [`holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    fn line(self) -> Option<&'static Line> {
        line(self.0)
    }

    /// Puts a message in, waiting for room until `deadline`. What it mentions in `handles` is held by it until the
    /// receiver holds it.
    pub fn send(
        self,
        bytes: &[u8],
        handles: &[(ObjectRef, Role)],
        deadline: Option<Instant>,
    ) -> Result<Sent, ShmError> {
        self.send_within(bytes, handles, Limit::Until(deadline))
    }

    /// Puts a message in if there is room now.
    pub fn try_send(self, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<Sent, ShmError> {
        self.send_within(bytes, handles, Limit::Never)
    }

    fn send_within(self, bytes: &[u8], handles: &[(ObjectRef, Role)], limit: Limit) -> Result<Sent, ShmError> {
        let Some(line) = self.line() else { return Ok(Sent::Closed) };
        let me = my_slot();
        me.position.store(NOWHERE, Relaxed);
        me.channel.store(self.0.word(), Relaxed);
        compiler_fence(SeqCst);
        let parcel = if bytes.len() > INLINE || !handles.is_empty() { Some(pack(me, bytes, handles)?) } else { None };
        let result = self.send_prepared(line, me, bytes, parcel, limit);
        if me.hand(Hand::Message).load(Relaxed) != 0 {
            free_message_hand(me);
            holders::settle();
        }
        result
    }

    fn send_prepared(
        self,
        line: &Line,
        me: &Slot,
        bytes: &[u8],
        parcel: Option<Block>,
        limit: Limit,
    ) -> Result<Sent, ShmError> {
        let mut wait = Waiting::new(limit);
        loop {
            enter(line, SEND);
            if line.is_closed() || line.is_abandoned() {
                leave(line, SEND);
                return Ok(Sent::Closed);
            }
            if line.has_room() && (!wait.is_try() || line.has_taker()) {
                let sent = line.put(me, bytes, parcel);
                leave(line, SEND);
                let position = sent?;
                line.sleepers[RECV].wake_one();
                return Ok(if line.capacity.load(Relaxed) == 0 {
                    self.wait_taken(line, me, position, limit)
                } else {
                    Sent::Ok
                });
            }
            leave(line, SEND);
            match wait.next() {
                Step::Spin => {
                    park::spin(|| line.has_room());
                }
                Step::Sleep => wait.sleep_as_sender(line, me, self.0, || line.has_room() || line.is_abandoned()),
                Step::GiveUp => return Ok(Sent::Full),
                Step::Stop(Wait::TimedOut) => return Ok(Sent::TimedOut),
                Step::Stop(_) => return Ok(Sent::Interrupted),
            }
        }
    }

    /// Rendezvous: sleeps until the message at `position` is taken, else takes it back.
    fn wait_taken(self, line: &Line, me: &Slot, position: u64, limit: Limit) -> Sent {
        let (mut wait, otherwise) = match limit {
            Limit::Until(_) => (Waiting::new(limit), Sent::TimedOut),
            // A receiver is awake for it, or about to be.
            Limit::Never => (Waiting::new(Limit::Until(Some(Instant::now() + Duration::from_millis(20)))), Sent::Full),
        };
        let taken = || line.sides[RECV].position.load(Acquire) > position;
        let result = loop {
            if taken() {
                return Sent::Ok;
            }
            if line.is_closed() || line.is_abandoned() {
                break Sent::Closed;
            }
            match wait.next() {
                Step::Spin => {
                    park::spin(taken);
                }
                Step::Sleep => wait.sleep_as_sender(line, me, self.0, || taken() || line.is_abandoned()),
                Step::Stop(Wait::Interrupted) => break Sent::Interrupted,
                _ => break otherwise,
            }
        };
        enter(line, RECV);
        let withdrawn = line.sides[RECV].position.load(Relaxed) == position && line.take(me, &mut Vec::new());
        leave(line, RECV);
        free_message_hand(me);
        holders::settle();
        line.sleepers[SEND].wake_all();
        if withdrawn { result } else { Sent::Ok }
    }

    /// Takes the next message out, appending it to `bytes`; waits for it until `deadline`. `Closed` too when every
    /// process that could send is gone or waits here in the same way.
    pub fn recv(self, bytes: &mut Vec<u8>, deadline: Option<Instant>) -> Result<Received, ShmError> {
        self.recv_within(bytes, Limit::Until(deadline))
    }

    /// Takes the next message out if there is one.
    pub fn try_recv(self, bytes: &mut Vec<u8>) -> Result<Received, ShmError> {
        self.recv_within(bytes, Limit::Never)
    }

    fn recv_within(self, bytes: &mut Vec<u8>, limit: Limit) -> Result<Received, ShmError> {
        let Some(line) = self.line() else { return Ok(Received::Closed) };
        let me = my_slot();
        me.position.store(NOWHERE, Relaxed);
        me.channel.store(self.0.word(), Relaxed);
        compiler_fence(SeqCst);
        let mut wait = Waiting::new(limit);
        let mut ends = None;
        loop {
            enter(line, RECV);
            let side = &line.sides[RECV];
            // In this order: who could send has sent before it went.
            let ended = line.is_closed() || line.is_stuck() || ends.is_some_and(|ends| ends != side.ends.load(Relaxed));
            if line.take(me, bytes) {
                leave(line, RECV);
                match line.capacity.load(Relaxed) {
                    UNBOUNDED => {}
                    0 => line.sleepers[SEND].wake_all(),
                    _ => line.sleepers[SEND].wake_one(),
                }
                return unpack(me, bytes).map(|()| Received::Ok);
            }
            if ended {
                side.ends.store(side.ends.load(Relaxed).wrapping_add(1), Relaxed);
                let tell = !line.is_closed();
                leave(line, RECV);
                if tell {
                    line.sleepers[RECV].wake_all();
                }
                return Ok(Received::Closed);
            }
            ends = ends.or(Some(side.ends.load(Relaxed)));
            let step = wait.next();
            if let Step::Sleep = step {
                wait.sleep_as_receiver(line, me, self.0, ends.unwrap_or(0));
                continue;
            }
            leave(line, RECV);
            match step {
                Step::Spin => {
                    park::spin(|| line.len() > 0);
                }
                Step::GiveUp => return Ok(Received::Empty),
                Step::Stop(Wait::TimedOut) => return Ok(Received::TimedOut),
                _ => return Ok(Received::Interrupted),
            }
        }
    }

    /// Refuses further messages; what is there can still be taken.
    pub fn close(self) {
        let Some(line) = self.line() else { return };
        enter(line, SEND);
        line.header.flags.fetch_or(CLOSED, SeqCst);
        leave(line, SEND);
        line.sleepers.iter().for_each(Sleepers::wake_all);
    }

    /// Whether it has been closed.
    pub fn is_closed(self) -> bool {
        self.line().is_none_or(Line::is_closed)
    }

    /// Messages in it.
    pub fn len(self) -> u64 {
        self.line().map_or(0, Line::len)
    }

    /// Whether no message is in it.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether a send would have to wait.
    pub fn is_full(self) -> bool {
        self.line().is_some_and(|line| match line.capacity.load(Relaxed) {
            UNBOUNDED => false,
            0 => !line.has_taker() || line.len() > 0,
            capacity => line.len() >= u64::from(capacity),
        })
    }

    /// Most messages that it takes; none when it has no bound.
    pub fn capacity(self) -> Option<u32> {
        self.line().map(|line| line.capacity.load(Relaxed)).filter(|&capacity| capacity != UNBOUNDED)
    }
}

/// Empties the hand that a new object was in, or frees the object.
fn finish_making(object: ObjectRef, held: Result<(), ShmError>) -> Result<(), ShmError> {
    if held.is_ok() {
        my_slot().hand(Hand::Object).store(0, Relaxed);
    } else {
        arena::free_hand(my_slot().hand(Hand::Object));
        [Role::Put, Role::Take].into_iter().for_each(|role| holders::give_up(object, role));
    }
    held
}

fn set_up(block: Block, capacity: Option<u32>, counts_at: u64, put_role: u32, flags: u32) -> &'static Line {
    let line = at::<Line>(block.data());
    line.header.flags.store(flags, Relaxed);
    line.capacity.store(capacity.map_or(UNBOUNDED, |capacity| capacity.min(UNBOUNDED - 1)), Relaxed);
    line.put_role.store(put_role, Relaxed);
    line.counts_at.store(counts_at, Relaxed);
    line.header.kind.store(holders::CHANNEL, Release);
    line
}

/// The two channels of a pipe: the first carries from A to B and counts the holders of both ends.
pub(super) fn pair(capacity: Option<u32>) -> Result<(Channel, Channel), ShmError> {
    super::start()?;
    let twin_hand = my_slot().hand(Hand::Segment);
    let block = arena::allocate_object(my_slot().hand(Hand::Object))?;
    let twin = arena::allocate_object(twin_hand).inspect_err(|_| arena::free_hand(my_slot().hand(Hand::Object)))?;
    let (object, twin_object) = (arena::object_ref(block), arena::object_ref(twin));
    set_up(twin, capacity, block.data(), 1, PARTNERED);
    let line = set_up(block, capacity, block.data(), 0, PARTNERED);
    line.twin.store(twin.word(), SeqCst);
    let held = holders::hold(object, Role::A).and_then(|()| holders::hold(object, Role::B));
    if held.is_err() {
        arena::free(twin);
    }
    let made = finish_making(object, held);
    twin_hand.store(0, Relaxed);
    made?;
    Ok((Channel(object), Channel(twin_object)))
}

/// The channel from B to A of a pipe.
pub(super) fn twin(object: ObjectRef) -> Option<Channel> {
    Block::from_word(line(object)?.twin.load(Relaxed)).map(|block| Channel(arena::object_ref(block)))
}

fn line(object: ObjectRef) -> Option<&'static Line> {
    let line = at::<Line>(arena::object(object)?.data());
    (line.header.kind.load(Relaxed) == holders::CHANNEL).then_some(line)
}

/// The channels whose holders `object` counts.
fn lines(object: ObjectRef) -> impl Iterator<Item = &'static Line> {
    [line(object), twin(object).and_then(Channel::line)].into_iter().flatten()
}

impl Line {
    fn is_closed(&self) -> bool {
        self.header.flags.load(SeqCst) & CLOSED != 0
    }

    fn holders(&self, role: u32) -> u32 {
        at::<Header>(self.counts_at.load(Relaxed)).roles[role as usize % 2].load(SeqCst)
    }

    fn put_role(&self) -> u32 {
        self.put_role.load(Relaxed)
    }

    /// A pipe whose other end nobody holds.
    fn is_abandoned(&self) -> bool {
        self.header.flags.load(Relaxed) & PARTNERED != 0 && self.holders(1 - self.put_role()) == 0
    }

    /// Whether nobody is left to send: all who could are gone, or asleep as receivers here. Exact under the receivers'
    /// lock: who is counted as stuck needs it to become free.
    fn is_stuck(&self) -> bool {
        self.holders(self.put_role()) == self.sides[RECV].stuck.load(SeqCst)
    }

    fn len(&self) -> u64 {
        let (mut head, mut tail);
        loop {
            head = self.sides[RECV].position.load(Acquire);
            tail = self.sides[SEND].position.load(Acquire);
            if head == self.sides[RECV].position.load(Acquire) {
                // The receivers' position may follow a commit sooner than the senders'.
                return tail.saturating_sub(head);
            }
        }
    }

    /// Whether a message has room; a rendezvous has for the one on offer.
    fn has_room(&self) -> bool {
        let capacity = self.capacity.load(Relaxed);
        if capacity == UNBOUNDED {
            return true;
        }
        let side = &self.sides[SEND];
        let tail = side.position.load(Relaxed);
        let room = |head: u64| tail.saturating_sub(head) < u64::from(capacity.max(1));
        room(side.seen.load(Relaxed)) || {
            let head = self.sides[RECV].position.load(Acquire);
            side.seen.store(head, Relaxed);
            room(head)
        }
    }

    /// A rendezvous without waiting needs somebody who waits for it.
    fn has_taker(&self) -> bool {
        self.capacity.load(Relaxed) != 0 || self.sleepers[RECV].count.load(SeqCst) >> 32 != 0
    }

    /// Writes the next message and commits it; says at which position. Under the senders' lock.
    fn put(&self, me: &Slot, bytes: &[u8], parcel: Option<Block>) -> Result<u64, ShmError> {
        let side = &self.sides[SEND];
        let tail = side.position.load(Relaxed);
        let segment = match Block::from_word(side.segment.load(Relaxed)) {
            Some(segment) if tail - view(segment).base.load(Relaxed) < SLOTS_PER_SEGMENT => segment,
            old => self.add_segment(me, old, tail)?,
        };
        let slot = &view(segment).slots[(tail - view(segment).base.load(Relaxed)) as usize];
        me.position.store(tail, Relaxed);
        compiler_fence(SeqCst);
        match parcel {
            Some(block) => {
                slot.payload[0].store(block.word(), Relaxed);
                slot.length.store(IN_BLOCK, Relaxed);
            }
            None => {
                region::write_atomics(&slot.payload, bytes);
                slot.length.store(bytes.len() as u32, Relaxed);
            }
        }
        slot.state.store(FULL, Release);
        compiler_fence(SeqCst);
        side.position.store(tail + 1, Release);
        me.hand(Hand::Message).store(0, Relaxed);
        Ok(tail)
    }

    /// A new segment at the end of the chain, which its link makes visible.
    fn add_segment(&self, me: &Slot, old: Option<Block>, base: u64) -> Result<Block, ShmError> {
        let hand = me.hand(Hand::Segment);
        let block = arena::allocate(size_of::<Segment>(), hand)?;
        let segment = view(block);
        segment.next.store(0, Relaxed);
        segment.base.store(base, Relaxed);
        segment.slots.iter().for_each(|slot| slot.state.store(0, Relaxed));
        old.map_or(&self.first, |old| &view(old).next).store(block.word(), Release);
        compiler_fence(SeqCst);
        self.sides[SEND].segment.store(block.word(), Relaxed);
        hand.store(0, Relaxed);
        Ok(block)
    }

    /// The next message's slot. Under the receivers' lock.
    fn head(&self) -> Option<&'static MessageSlot> {
        let side = &self.sides[RECV];
        let head = side.position.load(Relaxed);
        if side.segment.load(Relaxed) == 0 {
            side.segment.store(self.first.load(Acquire), Relaxed);
        }
        let mut segment = Block::from_word(side.segment.load(Relaxed))?;
        if head - view(segment).base.load(Relaxed) == SLOTS_PER_SEGMENT {
            let next = Block::from_word(view(segment).next.load(Acquire))?;
            // A sender that died between linking the next one and going there is followed from the drained one, so that
            // lives until its successor is drained too: then senders have been beyond.
            let retired = side.retired.load(Relaxed);
            if retired != segment.word() {
                Block::from_word(retired).into_iter().for_each(arena::free);
                side.retired.store(segment.word(), SeqCst);
            }
            side.segment.store(next.word(), SeqCst);
            segment = next;
        }
        let slot = &view(segment).slots[(head - view(segment).base.load(Relaxed)) as usize];
        (slot.state.load(Acquire) == FULL).then_some(slot)
    }

    /// Takes the next message: its bytes, or its block into this process's hand. Under the receivers' lock.
    fn take(&self, me: &Slot, bytes: &mut Vec<u8>) -> bool {
        let Some(slot) = self.head() else { return false };
        let side = &self.sides[RECV];
        let head = side.position.load(Relaxed);
        match slot.length.load(Relaxed) {
            IN_BLOCK => {
                me.position.store(head, Relaxed);
                compiler_fence(SeqCst);
                me.hand(Hand::Message).store(slot.payload[0].load(Relaxed), Relaxed);
            }
            length => region::read_atomics(&slot.payload, length as usize, bytes),
        }
        compiler_fence(SeqCst);
        slot.state.store(TAKEN, Release);
        compiler_fence(SeqCst);
        side.position.store(head + 1, Release);
        true
    }
}

fn view(segment: Block) -> &'static Segment {
    at(segment.data())
}

/// Takes the lock of one side, and repairs what its last owner left.
#[inline]
fn enter(line: &Line, side: usize) {
    if line.sides[side].lock.lock() {
        repair(line, side);
    }
    line.sides[side].owner.store(my_index() + 1, Relaxed);
    compiler_fence(SeqCst);
}

#[inline]
fn leave(line: &Line, side: usize) {
    compiler_fence(SeqCst);
    line.sides[side].owner.store(0, Relaxed);
    line.sides[side].lock.unlock();
}

#[cold]
fn repair(line: &Line, which: usize) {
    let side = &line.sides[which];
    let dead = side.owner.load(Relaxed).checked_sub(1).map(slot);
    if which == SEND {
        let old = Block::from_word(side.segment.load(Relaxed));
        match old.map_or(&line.first, |old| &view(old).next).load(Acquire) {
            0 => {}
            linked => side.segment.store(linked, Relaxed),
        }
        if let Some(hand) = dead.map(|dead| dead.hand(Hand::Segment))
            && hand.load(Relaxed) == side.segment.load(Relaxed)
        {
            hand.store(0, Relaxed);
        }
    }
    let position = side.position.load(Relaxed);
    let segment = Block::from_word(side.segment.load(Relaxed)).map(view);
    let place = segment.map(|segment| (segment, (position - segment.base.load(Relaxed)) as usize));
    let state = place.and_then(|(segment, place)| segment.slots.get(place)).map(|slot| slot.state.load(Acquire));
    let committed = state.is_some_and(|state| state > if which == SEND { 0 } else { FULL });
    let position = position + u64::from(committed);
    side.position.store(position, Release);
    if let Some(dead) = dead {
        let at = dead.position.load(Relaxed);
        let done = at != NOWHERE && at < position;
        let undone = at != NOWHERE && at >= position;
        // A sent message is no longer in its sender's hand; one that was not taken, not in its receiver's.
        if (which == SEND && done) || (which == RECV && undone) {
            dead.hand(Hand::Message).store(0, Relaxed);
        }
    }
    if side.registering.load(Relaxed) != 0 {
        let object = side_object(line);
        let stuck = (0..process_table::high()).filter(|&index| slot(index).waiting_at.load(Relaxed) == object | STUCK);
        side.stuck.store(stuck.count() as u32, Relaxed);
        side.registering.store(0, Relaxed);
    }
    compiler_fence(SeqCst);
    side.owner.store(0, Relaxed);
}

/// The name of the object that `line` is in.
fn side_object(line: &Line) -> u64 {
    arena::object_at(region::offset_of(line))
}

/// The block of a message: what it holds is counted before anybody can take it.
fn pack(me: &Slot, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<Block, ShmError> {
    let hand = me.hand(Hand::Message);
    let table = handles.len() * 8;
    let block = arena::allocate(size_of::<Parcel>() + table + bytes.len(), hand)?;
    let parcel = at::<Parcel>(block.data());
    parcel.handles.store(handles.len() as u64, Relaxed);
    let start = block.data() + size_of::<Parcel>() as u64;
    region::write(start + table as u64, bytes);
    for (index, &(object, role)) in (0..).zip(handles) {
        at::<AtomicU64>(start + index * 8).store(holders::entry(object, role), Relaxed);
    }
    for (index, &(object, role)) in (0..).zip(handles) {
        if let Err(error) = holders::count_message(&parcel.counted, index + 1, object, role) {
            free_message_hand(me);
            holders::settle();
            return Err(error);
        }
    }
    Ok(block)
}

/// The rest of a receive whose message is in a block: takes over what it holds, copies it, frees it.
fn unpack(me: &Slot, bytes: &mut Vec<u8>) -> Result<(), ShmError> {
    let Some(block) = Block::from_word(me.hand(Hand::Message).load(Relaxed)) else { return Ok(()) };
    let parcel = at::<Parcel>(block.data());
    let handles = parcel.handles.load(Relaxed);
    let mut result = Ok(());
    for index in 0..handles {
        let entry = at::<AtomicU64>(block.data() + size_of::<Parcel>() as u64 + index * 8).load(Relaxed);
        result = result.and(holders::hold_entry(entry));
    }
    let before = size_of::<Parcel>() + handles as usize * 8;
    region::read(block.data() + before as u64, block.length() - before, bytes);
    free_message_hand(me);
    holders::settle();
    result
}

/// Gives up one thing that the message holds; false when there was none.
fn discount_one(block: Block) -> bool {
    let parcel = at::<Parcel>(block.data());
    let Some(last) = parcel.counted.load(Relaxed).checked_sub(1) else { return false };
    let entry = at::<AtomicU64>(block.data() + size_of::<Parcel>() as u64 + last * 8).load(Relaxed);
    let (object, role) = holders::of_entry(entry);
    holders::discount_message(&parcel.counted, last, object, role);
    true
}

/// Frees the message in a process's hand, with what it holds.
pub(super) fn free_message_hand(holder: &Slot) {
    let hand = holder.hand(Hand::Message);
    if let Some(block) = Block::from_word(hand.load(Relaxed)) {
        if arena::in_use(block) {
            while discount_one(block) {}
        }
        arena::free_hand(hand);
    }
}

/// Some work on emptying a channel that nobody holds; true when nothing is left but the object itself.
pub(super) fn empty_a_little(object: ObjectRef) -> bool {
    let Some(line) = line(object) else { return true };
    if let Some(other) = twin(object) {
        if other.line().is_some() {
            if empty_a_little(other.0) {
                let hand = my_slot().hand(Hand::Segment);
                hand.store(other.0.word(), SeqCst);
                line.twin.store(0, SeqCst);
                arena::free_hand(hand);
            }
            return false;
        }
        line.twin.store(0, Relaxed);
    }
    let me = my_slot();
    enter(line, SEND);
    leave(line, SEND);
    enter(line, RECV);
    let next = line.head().filter(|slot| slot.length.load(Relaxed) == IN_BLOCK);
    let block = next.and_then(|slot| Block::from_word(slot.payload[0].load(Relaxed)));
    if !block.is_some_and(discount_one) {
        me.channel.store(object.word(), Relaxed);
        me.position.store(NOWHERE, Relaxed);
        if line.take(me, &mut Vec::new()) {
            arena::free_hand(me.hand(Hand::Message));
        } else {
            let side = &line.sides[RECV];
            line.first.store(0, Relaxed);
            let hand = me.hand(Hand::Segment);
            for word in [&side.retired, &side.segment] {
                while let Some(segment) = Block::from_word(word.load(Relaxed)) {
                    let next = if std::ptr::eq(word, &side.segment) { view(segment).next.load(Relaxed) } else { 0 };
                    hand.store(segment.word(), SeqCst);
                    word.store(next, SeqCst);
                    arena::free_hand(hand);
                }
            }
            line.sides[SEND].segment.store(0, Relaxed);
            leave(line, RECV);
            return true;
        }
    }
    leave(line, RECV);
    false
}

/// Wakes those who wait for what will not come any more, after somebody has given up a role.
pub(super) fn holders_changed(object: ObjectRef) {
    fence(SeqCst);
    for line in lines(object) {
        if line.is_stuck() {
            line.sleepers[RECV].wake_all();
        }
        if line.is_abandoned() {
            line.sleepers[SEND].wake_all();
        }
    }
}

/// Lets everybody who sleeps at the channel look again: a process that may have owed them a wake-up has died.
pub(super) fn disturb(object: ObjectRef) {
    for line in lines(object) {
        line.sleepers.iter().for_each(Sleepers::disturb);
    }
}

/// Brings the channel up to date that a dead process was working on, so that what is in its hands is certain.
pub(super) fn repair_for(dead: &Slot) {
    let object = ObjectRef::from_word(dead.channel.load(Relaxed));
    if let Some(line) = line(object) {
        for side in [SEND, RECV] {
            enter(line, side);
            leave(line, side);
        }
        line.sleepers.iter().for_each(Sleepers::disturb);
    }
    dead.channel.store(0, Relaxed);
}

/// Takes a dead process out of the sleepers.
pub(super) fn forget_waiter(index: u32) {
    let dead = slot(index);
    let word = dead.waiting_at.load(Relaxed);
    if let Some(line) = line(ObjectRef::from_word(word & !(STUCK | AT_SEND))) {
        if word & AT_SEND != 0 {
            dead.waiting_at.store(0, Relaxed);
            line.sleepers[SEND].leave();
        } else {
            enter(line, RECV);
            unregister(line, dead);
            leave(line, RECV);
        }
        line.sleepers.iter().for_each(Sleepers::disturb);
    }
    dead.waiting_at.store(0, Relaxed);
}

/// Writes a receiver down as a sleeper. Under the receivers' lock.
fn register(line: &Line, me: &Slot, word: u64) {
    let side = &line.sides[RECV];
    line.sleepers[RECV].count.fetch_add(1 << 32, SeqCst);
    side.registering.store(1, Relaxed);
    compiler_fence(SeqCst);
    me.waiting_at.store(word, SeqCst);
    if word & STUCK != 0 {
        side.stuck.store(side.stuck.load(Relaxed) + 1, SeqCst);
    }
    compiler_fence(SeqCst);
    side.registering.store(0, Relaxed);
}

/// The reverse of [`register`].
fn unregister(line: &Line, process: &Slot) {
    let side = &line.sides[RECV];
    let word = process.waiting_at.load(Relaxed);
    side.registering.store(1, Relaxed);
    compiler_fence(SeqCst);
    process.waiting_at.store(0, SeqCst);
    if word & STUCK != 0 {
        side.stuck.store(side.stuck.load(Relaxed) - 1, SeqCst);
    }
    compiler_fence(SeqCst);
    side.registering.store(0, Relaxed);
    line.sleepers[RECV].leave();
}

impl Sleepers {
    /// One who slept is awake.
    fn leave(&self) {
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| {
            let (waiting, woken) = ((count >> 32).saturating_sub(1), count & 0xffff_ffff);
            Some(waiting << 32 | woken.saturating_sub(1).min(waiting))
        });
    }

    /// Wakes one of those who have not been woken yet: one wake-up per sleep.
    #[inline]
    fn wake_one(&self) {
        fence(SeqCst);
        if self.count.load(Relaxed) >> 32 != 0 {
            self.wake_one_slowly();
        }
    }

    #[cold]
    fn wake_one_slowly(&self) {
        let add = |count: u64| (count & 0xffff_ffff < count >> 32).then_some(count + 1);
        if self.count.fetch_update(SeqCst, Relaxed, add).is_ok() {
            self.event.fetch_add(1, SeqCst);
            park::wake(&self.event, 1);
        }
    }

    fn wake_all(&self) {
        fence(SeqCst);
        if self.count.load(Relaxed) >> 32 != 0 {
            let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count >> 32 << 32 | count >> 32));
            self.event.fetch_add(1, SeqCst);
            park::wake_all(&self.event);
        }
    }

    /// As `wake_all`, and nobody counts as woken: a dead process may have been.
    fn disturb(&self) {
        let _ = self.count.fetch_update(SeqCst, Relaxed, |count| Some(count >> 32 << 32));
        self.event.fetch_add(1, SeqCst);
        park::wake_all(&self.event);
    }
}

/// The waits of one operation: a brief spin, then sleeps, until it may wait no longer.
struct Waiting {
    limit: Limit,
    spun: bool,
    last: Wait,
    patience: Patience,
}

enum Step {
    Spin,
    Sleep,
    /// It may not wait at all.
    GiveUp,
    Stop(Wait),
}

impl Waiting {
    fn new(limit: Limit) -> Waiting {
        Waiting { limit, spun: false, last: Wait::Woken, patience: Patience::new() }
    }

    fn is_try(&self) -> bool {
        matches!(self.limit, Limit::Never)
    }

    fn deadline(&self) -> Option<Instant> {
        match self.limit {
            Limit::Never => None,
            Limit::Until(deadline) => deadline,
        }
    }

    /// What to do after an attempt that came to nothing.
    fn next(&mut self) -> Step {
        if self.is_try() {
            return Step::GiveUp;
        }
        if self.last != Wait::Woken {
            return Step::Stop(self.last);
        }
        if !self.spun {
            self.spun = true;
            return Step::Spin;
        }
        Step::Sleep
    }

    fn sleep_as_sender(&mut self, line: &Line, me: &Slot, object: ObjectRef, ready: impl Fn() -> bool) {
        let sleepers = &line.sleepers[SEND];
        sleepers.count.fetch_add(1 << 32, SeqCst);
        me.waiting_at.store(object.word() | AT_SEND, SeqCst);
        let event = sleepers.event.load(SeqCst);
        fence(SeqCst);
        if !ready() && !line.is_closed() {
            self.last = self.patience.wait(&sleepers.event, event, self.deadline());
        }
        me.waiting_at.store(0, SeqCst);
        sleepers.leave();
    }

    /// Releases the receivers' lock, which is held, to sleep.
    fn sleep_as_receiver(&mut self, line: &Line, me: &Slot, object: ObjectRef, ends: u32) {
        let stuck = self.deadline().is_none() && holders::holds_role(line.counting_object(object), line.put_role());
        register(line, me, object.word() | if stuck { STUCK } else { 0 });
        let sleepers = &line.sleepers[RECV];
        let event = sleepers.event.load(SeqCst);
        leave(line, RECV);
        fence(SeqCst);
        let side = &line.sides[RECV];
        if line.len() == 0 && !line.is_closed() && !line.is_stuck() && side.ends.load(SeqCst) == ends {
            self.last = self.patience.wait(&sleepers.event, event, self.deadline());
        }
        enter(line, RECV);
        // All senders asleep here: looked at while this one still counts as one of them.
        if line.is_stuck() && line.head().is_none() && side.ends.load(Relaxed) == ends {
            side.ends.store(ends.wrapping_add(1), SeqCst);
            sleepers.wake_all();
        }
        unregister(line, me);
        leave(line, RECV);
    }
}

impl Line {
    /// The object that counts this channel's holders.
    fn counting_object(&self, object: ObjectRef) -> ObjectRef {
        let at_offset = self.counts_at.load(Relaxed);
        if region::offset_of(self) == at_offset { object } else { ObjectRef::from_word(arena::object_at(at_offset)) }
    }
}
