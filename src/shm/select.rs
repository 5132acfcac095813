//! Waiting for the first of several events.

use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, fence, seeded};
use super::channel::{Received, Sent};
use super::line::{Line, RECV, SEND, line};
use super::park::{self, Wait};
use super::process_table;
use super::sleepers::Sleepers;
pub use super::waits::MOST_ARMS;
use super::waits::{Need, Sleep, Watched};
use super::{Channel, ObjectRef, ProcessRef, Role, ShmError};
use std::time::Instant;

/// What may happen first.
#[derive(Clone, Copy, Debug)]
pub enum Arm<'a> {
    /// A message can be taken.
    Recv(Channel),
    /// There is room for a message, which holds what it mentions in `handles`.
    Send {
        /// Where to.
        channel: Channel,
        /// The message.
        bytes: &'a [u8],
        /// What it mentions.
        handles: &'a [(ObjectRef, Role)],
    },
    /// The process has ended.
    Done {
        /// The process.
        process: ProcessRef,
        /// [`Need::End`], or [`Need::Place`] when another one may be spawned then.
        need: Need,
    },
}

/// What a [`select`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// This one; the message of a receive has been appended to the bytes.
    Fired {
        /// Its number.
        arm: usize,
    },
    /// All channels have ended.
    Closed,
    /// The deadline has passed.
    TimedOut,
    /// A signal was handled; the call can be repeated.
    Interrupted,
    /// Nothing has happened yet, and no waiting was allowed.
    Empty,
    /// The wait is part of a circle: see [`super::deadlock::take_circle`].
    Deadlock,
}

/// How long a [`select`] waits.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Not at all.
    Never,
    /// Until then, or for ever.
    Until(Option<Instant>),
}

/// Waits until one of these happens, each with the same chance when several do, and does it. Channels that have ended
/// are passed over.
pub fn select(arms: &[Arm<'_>], bytes: &mut Vec<u8>, limit: Limit) -> Result<Selected, ShmError> {
    let first = arms.iter().find_map(|arm| match arm {
        Arm::Recv(channel) | Arm::Send { channel, .. } => Some(channel.object()),
        Arm::Done { .. } => None,
    });
    match first {
        // Any of them will do: who dies in an operation lets all that sleep at anything it holds look again.
        Some(object) => process_table::my_slot().operate(object, || select_first(arms, bytes, limit)),
        None => select_first(arms, bytes, limit),
    }
}

fn select_first(arms: &[Arm<'_>], bytes: &mut Vec<u8>, limit: Limit) -> Result<Selected, ShmError> {
    let mut sleep = Sleep::new(if let Limit::Until(deadline) = limit { deadline } else { None });
    let events: Vec<Event> = arms.iter().map(|&arm| Event::new(arm)).collect();
    let (mut spun, mut told) = (false, false);
    let selected = loop {
        let start = random(events.len());
        let mut ended = 0;
        let (mut fired, mut interrupted) = (None, false);
        for at in 0..events.len() {
            let arm = (start + at) % events.len();
            match events[arm].attempt(bytes)? {
                Attempt::Done => fired = Some(arm),
                Attempt::Ended => ended += 1,
                Attempt::NotYet => {}
                Attempt::Interrupted => interrupted = true,
            }
            if fired.is_some() || interrupted {
                break;
            }
        }
        if let Some(arm) = fired {
            break Selected::Fired { arm };
        }
        if interrupted {
            break Selected::Interrupted;
        }
        let channels = events.iter().filter(|event| !matches!(event.arm, Arm::Done { .. })).count();
        if told {
            events.iter().for_each(Event::note_end);
        }
        if told || channels > 0 && ended == channels {
            break Selected::Closed;
        }
        if let Limit::Never = limit {
            break Selected::Empty;
        }
        if !spun {
            spun = true;
            park::spin_and_yield(|| events.iter().any(Event::is_ready));
            continue;
        }
        match sleep_until_one(&events, &mut sleep) {
            Ok(Wait::Woken) => {}
            Ok(Wait::TimedOut) => break Selected::TimedOut,
            Ok(Wait::Interrupted) => break Selected::Interrupted,
            Ok(Wait::Deadlock) => break Selected::Deadlock,
            Ok(Wait::Ended) => told = true,
            Err(error) => {
                events.iter().for_each(Event::pass_on);
                return Err(error);
            }
        }
    };
    // A wake-up for one of the others may have come here: it goes on to the next sleeper.
    for (arm, event) in events.iter().enumerate() {
        if selected != (Selected::Fired { arm }) {
            event.pass_on();
        }
    }
    Ok(selected)
}

fn sleep_until_one(events: &[Event], sleep: &mut Sleep) -> Result<Wait, ShmError> {
    let mut here: Vec<&Event> = events.iter().filter(|event| !event.has_ended()).collect();
    // Receives first: one that joins wakes those who would put into its rendezvous, which must not be this process.
    here.sort_by_key(|event| !matches!(event.arm, Arm::Recv(_)));
    let joined: Vec<(&Event, Watched)> = here.iter().filter_map(|&event| Some((event, event.join()?))).collect();
    let watched: Vec<Watched> = joined.iter().map(|(_, watched)| *watched).collect();
    let result = sleep.on_any(&watched, || {
        fence(SeqCst);
        here.iter().any(|event| event.is_ready_beside(&here) || event.has_ended())
    });
    if !seeded!("a select arm stays linked") {
        joined.iter().for_each(|(event, watched)| event.leave(watched));
    }
    result
}

enum Attempt {
    Done,
    NotYet,
    Ended,
    /// A signal came while a rendezvous waited for its taker.
    Interrupted,
}

/// An arm, with its channel.
struct Event<'a> {
    arm: Arm<'a>,
    line: Option<&'static Line>,
}

impl<'a> Event<'a> {
    fn new(arm: Arm<'a>) -> Event<'a> {
        let line = match arm {
            Arm::Recv(channel) | Arm::Send { channel, .. } => line(channel.object()),
            Arm::Done { .. } => None,
        };
        Event { arm, line }
    }

    fn attempt(&self, taken: &mut Vec<u8>) -> Result<Attempt, ShmError> {
        Ok(match self.arm {
            Arm::Recv(channel) => match channel.try_recv(taken)? {
                Received::Ok => Attempt::Done,
                Received::Closed => Attempt::Ended,
                _ => Attempt::NotYet,
            },
            Arm::Send { channel, bytes, handles } => match channel.try_send(bytes, handles)? {
                Sent::Ok => Attempt::Done,
                Sent::Closed => Attempt::Ended,
                Sent::Interrupted => Attempt::Interrupted,
                _ => Attempt::NotYet,
            },
            Arm::Done { process, .. } if process.has_ended() => Attempt::Done,
            Arm::Done { .. } => Attempt::NotYet,
        })
    }

    /// Nothing will come here although the channel has not ended.
    fn note_end(&self) {
        if let (Arm::Recv(_), Some(line)) = (self.arm, self.line) {
            line.note_end();
        }
    }

    /// Whether an attempt would succeed now.
    fn is_ready(&self) -> bool {
        self.is_ready_beside(&[])
    }

    /// The same, while these sleep: a process takes nothing from itself.
    fn is_ready_beside(&self, asleep: &[&Event]) -> bool {
        match (self.arm, self.line) {
            (Arm::Recv(_), Some(line)) => line.len() > 0,
            (Arm::Send { .. }, Some(line)) if line.is_rendezvous() => {
                let takes_here = |event: &&&Event| matches!(event.arm, Arm::Recv(_)) && event.is_at(line);
                line.has_room() && line.takers() > asleep.iter().filter(takes_here).count() as u64
            }
            (Arm::Send { .. }, Some(line)) => line.has_room(),
            (Arm::Done { process, .. }, _) => process.has_ended(),
            _ => false,
        }
    }

    fn is_at(&self, line: &Line) -> bool {
        self.line.is_some_and(|own| std::ptr::eq(own, line))
    }

    fn has_ended(&self) -> bool {
        match (self.arm, self.line) {
            (Arm::Done { .. }, _) => false,
            (_, None) => true,
            (Arm::Recv(_), Some(line)) => line.len() == 0 && line.has_ended(),
            (Arm::Send { .. }, Some(line)) => line.is_closed() || line.is_abandoned(),
        }
    }

    /// Those who sleep at this arm's side of its channel.
    fn sleepers(&self) -> Option<&'static Sleepers> {
        let side = match self.arm {
            Arm::Recv(_) => RECV,
            Arm::Send { .. } => SEND,
            Arm::Done { .. } => return None,
        };
        self.line.map(|line| &line.sleepers[side])
    }

    fn join(&self) -> Option<Watched<'static>> {
        let (object, need) = match self.arm {
            Arm::Recv(channel) => (channel.object(), Need::Message),
            Arm::Send { channel, .. } if self.line?.is_rendezvous() => (channel.object(), Need::Taker),
            Arm::Send { channel, .. } => (channel.object(), Need::Room),
            Arm::Done { process, need } => {
                let (word, expected) = process.life_word()?;
                return Some(Watched { object: process.object(), need, word, expected, round: 0 });
            }
        };
        let watched = self.sleepers()?.join(object, need);
        if let (Arm::Recv(_), Some(line)) = (self.arm, self.line) {
            line.taker_came();
        }
        Some(watched)
    }

    fn leave(&self, watched: &Watched) {
        if let Some(sleepers) = self.sleepers() {
            sleepers.leave(watched.round);
        }
    }

    fn pass_on(&self) {
        if let Some(sleepers) = self.sleepers()
            && self.is_ready()
        {
            sleepers.wake_one();
        }
    }
}

fn random(below: usize) -> usize {
    static STATE: AtomicU32 = AtomicU32::new(0);
    let mut state = STATE.load(Relaxed);
    if state == 0 {
        state = std::process::id() | 1;
    }
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    STATE.store(state, Relaxed);
    state as usize % below.max(1)
}
