//! Waiting for the first of several events.

use super::atomic::AtomicU32;
use super::channel::{Received, Sent};
use super::line::{RECV, line};
use super::park::{Patience, Wait};
use super::{Channel, ObjectRef, ProcessRef, Role, ShmError};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

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
    Done(ProcessRef),
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
    let channels = arms.iter().filter(|arm| !matches!(arm, Arm::Done(_))).count();
    let word = AtomicU32::new(0);
    let mut pause = Duration::from_micros(50);
    loop {
        let start = random(arms.len());
        let mut ended = 0;
        for at in 0..arms.len() {
            let arm = (start + at) % arms.len();
            match attempt(arms[arm], bytes)? {
                Attempt::Done => return Ok(Selected::Fired { arm }),
                Attempt::Ended => ended += 1,
                Attempt::NotYet => {}
            }
        }
        if channels > 0 && ended == channels {
            return Ok(Selected::Closed);
        }
        let Limit::Until(deadline) = limit else { return Ok(Selected::Empty) };
        let end = Instant::now() + pause;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(Selected::TimedOut);
        }
        let end = deadline.map_or(end, |deadline| deadline.min(end));
        // Who offers a value to a rendezvous without waiting must see that somebody is there to take it.
        let takers =
            || arms.iter().filter_map(|arm| if let Arm::Recv(channel) = arm { line(channel.object()) } else { None });
        for line in takers() {
            line.sleepers[RECV].count.fetch_add(1 << 32, SeqCst);
        }
        let slept = Patience::new().wait(&word, 0, Some(end));
        takers().for_each(|line| line.sleepers[RECV].leave());
        if slept == Wait::Interrupted {
            return Ok(Selected::Interrupted);
        }
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}

enum Attempt {
    Done,
    NotYet,
    Ended,
}

fn attempt(arm: Arm<'_>, bytes: &mut Vec<u8>) -> Result<Attempt, ShmError> {
    Ok(match arm {
        Arm::Recv(channel) => match channel.try_recv(bytes)? {
            Received::Ok => Attempt::Done,
            Received::Closed => Attempt::Ended,
            _ => Attempt::NotYet,
        },
        Arm::Send { channel, bytes, handles } => match channel.try_send(bytes, handles)? {
            Sent::Ok => Attempt::Done,
            Sent::Closed => Attempt::Ended,
            _ => Attempt::NotYet,
        },
        Arm::Done(process) if process.has_ended() => Attempt::Done,
        Arm::Done(_) => Attempt::NotYet,
    })
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
