//! Receives that can never be served although somebody who could send is left: all of those wait themselves, in such
//! receives or in joins of such processes. They end, upstream first.

use super::atomic::Ordering::{Relaxed, SeqCst};
use super::holders;
use super::line::{Line, RECV, enter, leave, line};
use super::process_table::{ProcessRef, high, is_running, reference, slot};
use super::sleepers::STUCK;
use super::{ObjectRef, region};

/// In a process's `waiting_at`: it waits without a deadline, here as a receiver that cannot send, or for a process.
pub(super) const FOREVER: u64 = 1 << 63;

/// A process that waits without a deadline for something that others must do.
struct Waiter {
    index: u32,
    word: u64,
    /// Which of its waits this is.
    wait: u32,
    at: At,
}

enum At {
    Receive { line: &'static Line, ends: u32 },
    Join(ProcessRef),
}

/// Ends the receives that can never be served. Called by those who have waited for some time already.
pub(super) fn look() {
    let all: Vec<Waiter> = (0..high()).filter_map(waiter).collect();
    let circle = holders::locked(|| stuck(all));
    // Who still waits as before has waited all the time that was looked.
    let unchanged =
        |waiter: &Waiter| slot(waiter.index).waits.load(SeqCst) == waiter.wait && waits(waiter.index).is_some();
    if circle.is_empty() || !circle.iter().all(unchanged) {
        return;
    }
    for (line, ends) in upstream(&circle) {
        enter(line, RECV);
        let side = &line.sides[RECV];
        let end = line.head().is_none() && side.ends.load(Relaxed) == ends;
        if end {
            side.ends.store(ends.wrapping_add(1), SeqCst);
        }
        leave(line, RECV);
        if end {
            line.sleepers[RECV].wake_all();
        }
    }
}

/// Where a process waits without a deadline, if it does.
fn waits(index: u32) -> Option<u64> {
    let word = slot(index).waiting_at.load(SeqCst);
    (is_running(index) && word & (STUCK | FOREVER) != 0).then_some(word)
}

fn waiter(index: u32) -> Option<Waiter> {
    let wait = slot(index).waits.load(SeqCst);
    let word = waits(index)?;
    let object = ObjectRef::from_word(word & !(STUCK | FOREVER));
    let at = match ProcessRef::of(object) {
        Some(process) => At::Join(process),
        None => At::Receive { line: line(object)?, ends: slot(index).ends_seen.load(SeqCst) },
    };
    Some(Waiter { index, word, wait, at })
}

/// Those of them that only one of themselves could wake. Under the holders' lock.
fn stuck(mut waiters: Vec<Waiter>) -> Vec<Waiter> {
    loop {
        let keep: Vec<bool> = waiters.iter().map(|waiter| depends_on(waiter, &waiters)).collect();
        let before = waiters.len();
        let mut keep = keep.into_iter();
        waiters.retain(|_| keep.next().unwrap_or(false));
        if waiters.len() == before {
            return waiters;
        }
    }
}

/// Whether nobody but these could end the wait.
fn depends_on(waiter: &Waiter, these: &[Waiter]) -> bool {
    match waiter.at {
        At::Join(process) => !process.has_ended() && these.iter().any(|other| reference(other.index) == process),
        At::Receive { line, ends } => {
            let told = line.is_closed() || line.is_stuck() || line.sides[RECV].ends.load(SeqCst) != ends;
            let could_send = these.iter().filter(|other| can_send(other, waiter)).count();
            !told && line.len() == 0 && line.holders(line.put_role()) as usize == could_send
        }
    }
}

/// Whether a process could send what the receiver waits for.
fn can_send(process: &Waiter, receiver: &Waiter) -> bool {
    let At::Receive { line, .. } = receiver.at else { return false };
    let object = line.counting_object(ObjectRef::from_word(receiver.word & !(STUCK | FOREVER)));
    holders::process_holds(process.index, object, line.put_role())
}

/// The channels to end now: those whose possible senders wait in no other receive, unless each depends on the other.
fn upstream(circle: &[Waiter]) -> Vec<(&'static Line, u32)> {
    let mut channels: Vec<(&'static Line, u32, &Waiter)> = Vec::new();
    for waiter in circle {
        if let At::Receive { line, ends } = waiter.at
            && !channels.iter().any(|(known, ..)| same(known, line))
        {
            channels.push((line, ends, waiter));
        }
    }
    let sends = |from: &Line, receiver| {
        circle
            .iter()
            .any(|other| matches!(other.at, At::Receive { line, .. } if same(line, from)) && can_send(other, receiver))
    };
    // `reach[a][b]`: what `a` receives may come from one who waits at `b`, or from one who waits for that one.
    let count = channels.len();
    let direct = |a: usize, b: usize| a == b || sends(channels[b].0, channels[a].2);
    let mut reach: Vec<Vec<bool>> = (0..count).map(|a| (0..count).map(|b| direct(a, b)).collect()).collect();
    for via in 0..count {
        for a in 0..count {
            for b in 0..count {
                reach[a][b] |= reach[a][via] && reach[via][b];
            }
        }
    }
    let first = |a: &usize| (0..count).all(|b| !reach[*a][b] || reach[b][*a]);
    (0..count).filter(first).map(|at| (channels[at].0, channels[at].1)).collect()
}

fn same(a: &Line, b: &Line) -> bool {
    region::offset_of(a) == region::offset_of(b)
}
