//! Queues of byte messages between processes, and what is done for them when processes give them up or die.

use super::arena::{self, Block};
use super::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use super::atomic::{fence, seeded};
use super::holders;
use super::line::{CLOSED, IN_BLOCK, INLINE, Line, PARTNERED, RECV, SEND, UNBOUNDED, enter, leave, line, set_up, view};
use super::message::{discount_one, free_message_hand, held_by, pack, unpack};
use super::object::{self, Role};
use super::park::{self, Wait};
use super::process_table::{Hand, Slot, my_slot};
use super::sleepers::{Limit, Sleepers, Step, Waiting};
use super::waits::{Need, Seen};
use super::{ObjectRef, ShmError, around};
use std::time::{Duration, Instant};

/// When more than so many sleep at a channel already, another one sleeps at once.
const CROWD: u64 = 8;

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
    /// Nobody will ever make room: see [`super::deadlock::take_circle`]. Nothing was sent.
    Deadlock,
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
    /// The wait is part of a circle: see [`super::deadlock::take_circle`].
    Deadlock,
}

/// A queue of messages, as every process names it. Its maker holds [`Role::Put`] and [`Role::Take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
        self.line().map_or(Ok(Sent::Closed), |line| self.send_to(line, bytes, handles, limit))
    }

    fn send_to(self, line: &Line, bytes: &[u8], handles: &[(ObjectRef, Role)], limit: Limit) -> Result<Sent, ShmError> {
        let me = my_slot();
        me.operate(self.0, || {
            if !handles.is_empty() {
                line.header.note_mention();
            }
            let parcel =
                if bytes.len() > INLINE || !handles.is_empty() { Some(pack(me, bytes, handles)?) } else { None };
            let result = self.send_prepared(line, me, bytes, parcel, limit);
            if me.hand(Hand::Message).load(Relaxed) != 0 {
                free_message_hand(me);
                holders::settle();
            }
            result
        })
    }

    /// Whether a message could be sent without a wait, when nobody else comes first.
    pub fn seems_to_have_room(self) -> bool {
        self.line().is_some_and(|line| !line.is_rendezvous() && line.has_room())
    }

    /// Puts a message in if that takes one step; says whether it did. A rendezvous takes more.
    pub fn send_at_once(self, bytes: &[u8]) -> bool {
        let Some(line) = self.line().filter(|line| !line.is_rendezvous()) else { return false };
        matches!(self.send_to(line, bytes, &[], Limit::Never), Ok(Sent::Ok))
    }

    /// Takes the next message out if one is there; says whether it did.
    pub fn recv_at_once(self, bytes: &mut Vec<u8>) -> bool {
        let Some(line) = self.line().filter(|line| line.seems_to_have_message()) else { return false };
        let me = my_slot();
        matches!(me.operate(self.0, || self.recv_from(line, me, Some(bytes), Limit::Never)), Ok(Received::Ok))
    }

    fn send_prepared(
        self,
        line: &Line,
        me: &Slot,
        bytes: &[u8],
        parcel: Option<Block>,
        limit: Limit,
    ) -> Result<Sent, ShmError> {
        let is_try = matches!(limit, Limit::Never);
        let mut wait: Option<Waiting> = None;
        loop {
            enter(line, SEND);
            if line.is_closed() || line.is_abandoned() {
                leave(line, SEND);
                return Ok(Sent::Closed);
            }
            if line.has_room() && (!is_try || line.has_taker()) {
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
            let wait = wait.get_or_insert_with(|| Waiting::new(limit));
            match wait.next() {
                Step::Spin => {
                    park::spin_and_yield(|| line.has_room());
                }
                Step::Sleep => wait.sleep_as_sender(line, self.0, || line.has_room() || line.is_abandoned()),
                Step::GiveUp => return Ok(Sent::Full),
                Step::Stop(Wait::TimedOut) => return Ok(Sent::TimedOut),
                Step::Stop(Wait::Deadlock) => return Ok(Sent::Deadlock),
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
                    park::spin_and_yield(taken);
                }
                Step::Sleep => wait.sleep_as_sender(line, self.0, || taken() || line.is_abandoned()),
                Step::Stop(Wait::Interrupted) => break Sent::Interrupted,
                Step::Stop(Wait::Deadlock) => break Sent::Deadlock,
                _ => break otherwise,
            }
        };
        enter(line, RECV);
        let withdrawn = line.sides[RECV].position.load(Relaxed) == position && line.take(me, &mut Vec::new());
        if withdrawn {
            // It never was a task.
            line.finish(1);
        }
        leave(line, RECV);
        line.sleepers[SEND].wake_all();
        free_message_hand(me);
        holders::settle();
        if withdrawn { result } else { Sent::Ok }
    }

    /// Takes the next message out, appending it to `bytes`; waits for it until `deadline`. `Closed` too when every
    /// process that could send is gone or waits here in the same way.
    pub fn recv(self, bytes: &mut Vec<u8>, deadline: Option<Instant>) -> Result<Received, ShmError> {
        self.recv_within(Some(bytes), Limit::Until(deadline))
    }

    /// Takes the next message out if there is one.
    pub fn try_recv(self, bytes: &mut Vec<u8>) -> Result<Received, ShmError> {
        self.recv_within(Some(bytes), Limit::Never)
    }

    /// Waits until a message can be taken, and leaves it there.
    pub fn wait_message(self, deadline: Option<Instant>) -> Result<Received, ShmError> {
        self.recv_within(None, Limit::Until(deadline))
    }

    /// Tells where in a script the channel was made, as a word of [`super::process_table::set_place`].
    pub fn set_made_at(self, place: u64) {
        if let Some(line) = self.line() {
            line.made_at.store(place, Relaxed);
        }
    }

    /// A receive, or without `bytes` the wait for one.
    fn recv_within(self, bytes: Option<&mut Vec<u8>>, limit: Limit) -> Result<Received, ShmError> {
        let Some(line) = self.line() else { return Ok(Received::Closed) };
        let me = my_slot();
        me.operate(self.0, || self.recv_from(line, me, bytes, limit))
    }

    fn recv_from(
        self,
        line: &Line,
        me: &Slot,
        mut bytes: Option<&mut Vec<u8>>,
        limit: Limit,
    ) -> Result<Received, ShmError> {
        let is_for_ever = matches!(limit, Limit::Until(None));
        let mut wait: Option<Waiting> = None;
        loop {
            enter(line, RECV);
            // In this order: who could send has sent before it went.
            let ended = line.has_ended()
                || wait.as_ref().is_some_and(Waiting::has_ended)
                || is_for_ever && self.only_i_could_send(line);
            if let Some(bytes) = bytes.as_deref_mut() {
                if line.take(me, bytes) {
                    leave(line, RECV);
                    match line.capacity.load(Relaxed) {
                        UNBOUNDED => {}
                        0 => line.sleepers[SEND].wake_all(),
                        _ => line.sleepers[SEND].wake_one(),
                    }
                    if seeded!("a time-out loses the message") && wait.as_ref().is_some_and(Waiting::has_timed_out) {
                        return unpack(me, bytes).map(|()| Received::TimedOut);
                    }
                    return unpack(me, bytes).map(|()| Received::Ok);
                }
            } else if line.head().is_some() {
                leave(line, RECV);
                // The wake-up was for one who takes it.
                line.sleepers[RECV].wake_one();
                return Ok(Received::Ok);
            }
            if ended {
                if bytes.is_some() {
                    line.note_end();
                }
                leave(line, RECV);
                return Ok(Received::Closed);
            }
            let wait = wait.get_or_insert_with(|| Waiting::new(limit));
            let step = wait.next();
            if let Step::Sleep = step {
                wait.sleep_as_receiver(line, self.0);
                continue;
            }
            leave(line, RECV);
            match step {
                // Where many sleep, what comes next is for one of them.
                Step::Spin if line.sleepers[RECV].number() > CROWD => {}
                Step::Spin => {
                    park::spin_and_yield(|| line.seems_to_have_message());
                }
                Step::GiveUp => return Ok(Received::Empty),
                Step::Stop(Wait::TimedOut) => return Ok(Received::TimedOut),
                Step::Stop(Wait::Deadlock) => return Ok(Received::Deadlock),
                _ => return Ok(Received::Interrupted),
            }
        }
    }

    /// Whether this process alone has the sending role: nobody sends while it waits.
    fn only_i_could_send(self, line: &Line) -> bool {
        let role = line.put_role();
        line.holders(role) == 1 && holders::holds_role(line.counting_object(self.0), role)
    }

    /// Refuses further messages; what is there can still be taken.
    pub fn close(self) {
        let Some(line) = self.line() else { return };
        my_slot().operate(self.0, || {
            enter(line, SEND);
            line.header.flags.fetch_or(CLOSED, SeqCst);
            leave(line, SEND);
            line.sleepers.iter().for_each(Sleepers::wake_all);
        });
    }

    /// Whether it has been closed.
    pub fn is_closed(self) -> bool {
        self.line().is_none_or(Line::is_closed)
    }

    /// Messages in it.
    pub fn len(self) -> u64 {
        self.line().map_or(0, Line::len)
    }

    /// Messages ever taken out of it.
    #[cfg(any(test, feature = "faults"))]
    pub fn taken(self) -> u64 {
        self.line().map_or(0, |line| line.sides[RECV].position.load(Acquire))
    }

    /// How many count as asleep at it, senders and receivers.
    #[cfg(any(test, feature = "faults"))]
    pub fn sleepers(self) -> u64 {
        self.line().map_or(0, |line| line.sleepers.iter().map(Sleepers::number).sum())
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
        [Role::Put, Role::Take].into_iter().for_each(|role| holders::release(object, role));
    }
    held
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

/// The channels whose holders `object` counts.
pub(super) fn lines(object: ObjectRef) -> impl Iterator<Item = &'static Line> {
    [line(object), twin(object).and_then(Channel::line)].into_iter().flatten()
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
    me.operate(object, || empty_line_a_little(line, me))
}

fn empty_line_a_little(line: &Line, me: &Slot) -> bool {
    enter(line, SEND);
    leave(line, SEND);
    enter(line, RECV);
    let next = line.head().filter(|slot| slot.length.load(Relaxed) == IN_BLOCK);
    let block = next.and_then(|slot| Block::from_word(slot.payload[0].load(Relaxed)));
    if !block.is_some_and(discount_one) {
        if line.take(me, &mut Vec::new()) {
            line.note_untaken();
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
        if line.is_deserted() {
            line.sleepers[RECV].wake_all();
        }
        if line.is_abandoned() {
            line.sleepers[SEND].wake_all();
        }
    }
}

/// Lets those who sleep at the channel look around: one who could have served them has gone. Says whether these are all who
/// may wait for that, and few.
pub(super) fn rouse(object: ObjectRef) -> bool {
    lines(object).fold(true, |all, line| {
        let [senders, receivers] = [SEND, RECV].map(|side| line.sleepers[side].rouse());
        line.rouse_waiters();
        let few = around::are_few(line.counting_object(object), Need::Change);
        all && senders && receivers && few && !line.may_contain_objects()
    })
}

/// Lets everybody who sleeps at the channel look again: a process that may have owed them a wake-up has died.
pub(super) fn disturb(object: ObjectRef) {
    for line in lines(object) {
        line.sleepers.iter().for_each(Sleepers::begin_round);
    }
}

/// Brings the channel up to date that a dead process was working on, so that what is in its hands is certain.
pub(super) fn repair_for(dead: &Slot) {
    let object = ObjectRef::from_word(dead.present.load(Relaxed));
    if let Some(line) = line(object) {
        for side in [SEND, RECV] {
            enter(line, side);
            leave(line, side);
        }
    }
}

/// Takes a dead process out of the sleepers where it waited; what may have woken it goes to others.
pub(super) fn forget_waiter(wait: &Seen) {
    for arm in &wait.arms {
        let side = match arm.need {
            Need::Message => RECV,
            Need::Room | Need::Taker => SEND,
            Need::End | Need::Place | Need::Owner | Need::Change => continue,
        };
        line(arm.object).into_iter().for_each(|line| line.sleepers[side].forget_one(arm.round));
    }
}

/// Whether a channel is half of a pipe.
pub(super) fn is_pipe(object: ObjectRef) -> bool {
    line(object).is_some_and(|line| line.header.flags.load(Relaxed) & PARTNERED != 0)
}

/// How far a channel's senders and receivers have come: while both stay, so do its messages.
pub(super) type Stamp = (u64, u64);

/// The present [`Stamp`] of a channel.
pub(super) fn stamp(object: ObjectRef) -> Option<Stamp> {
    let position = |side: usize| line(object).map(|line| line.sides[side].position.load(SeqCst));
    Some((position(SEND)?, position(RECV)?))
}

/// What each waiting message of a channel holds, as keys of the holders, leaving out those that hold nothing; and the
/// channel's [`stamp`].
pub(super) fn handles_inside(object: ObjectRef) -> Option<(Stamp, Vec<Vec<object::Key>>)> {
    let line = line(object)?;
    // Nobody takes a message, and frees it, meanwhile.
    enter(line, RECV);
    let found = line.waiting().filter(|slot| slot.length.load(Relaxed) == IN_BLOCK);
    let blocks = found.filter_map(|slot| Block::from_word(slot.payload[0].load(Relaxed)));
    let inside = held_by(blocks);
    let stamp = stamp(object);
    leave(line, RECV);
    stamp.map(|stamp| (stamp, inside))
}
