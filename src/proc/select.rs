//! `select`: the first of several events, and what it brought.

use super::channels::{Parcel, check_taker, end_of};
use super::{attend, children, deadline, deadlock, handles, memory};
use crate::shm::select::{Arm, Limit, MOST_ARMS, Selected, select};
use crate::shm::{Channel, Need, ProcessRef};
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::{Select, SelectEvent, SelectLimit};
use crate::vm::value::{HandleKey, HandleKind, Value, decode};

/// An arm that has been looked at. The channels of a pipe that is gone have ended.
enum Ready {
    Receive(Option<Channel>),
    Put(Option<Channel>, Parcel),
    Done(ProcessRef),
}

/// Performs a `select`: gives a list of the number of the arm, its value and the index of its channel.
#[inline(never)]
pub fn perform(what: &Select) -> Result<Value, Fault> {
    let &Select { ref arms, limit, closed } = what;
    if arms.len() > MOST_ARMS {
        let message = format!("a `select` waits for {MOST_ARMS} things at most, not for {}", arms.len());
        return Err(Fault::new(Kind::Limit, message));
    }
    let ready: Vec<Ready> = arms.iter().map(|arm| prepare(&arm.event)).collect::<Result<_, _>>()?;
    let until = match limit {
        SelectLimit::Forever => Limit::Until(None),
        SelectLimit::Seconds(seconds, _) => Limit::Until(deadline(Some(seconds))),
        SelectLimit::Never(_) => Limit::Never,
    };
    let mut all_ended = !ready.iter().any(|arm| matches!(arm, Ready::Receive(Some(_)) | Ready::Put(Some(_), _)));
    loop {
        if all_ended {
            match closed {
                Some(number) => return Ok(answer(number, Value::Null, 0)),
                None if ready.iter().any(|arm| matches!(arm, Ready::Done(_))) => {}
                None => {
                    return Err(Fault::new(Kind::Closed, "every channel of this `select` has ended")
                        .help("the arm `closed => …` is for that"));
                }
            }
        }
        let (places, waits) = waits(&ready, all_ended);
        let mut bytes = Vec::new();
        match select(&waits, &mut bytes, until).map_err(|error| memory(&error))? {
            Selected::Fired { arm } => {
                let at = places[arm];
                let value = match &ready[at] {
                    Ready::Receive(_) => decode(&bytes)?,
                    Ready::Put(_, parcel) => {
                        parcel.sent();
                        Value::Null
                    }
                    Ready::Done(_) => Value::Null,
                };
                return Ok(answer(arms[at].number, value, arms[at].index));
            }
            Selected::Interrupted => attend()?,
            Selected::TimedOut | Selected::Empty => {
                if let SelectLimit::Seconds(_, number) | SelectLimit::Never(number) = limit {
                    return Ok(answer(number, Value::Null, 0));
                }
            }
            Selected::Closed => all_ended = true,
            Selected::Deadlock => return Err(deadlock::fault()),
        }
    }
}

fn prepare(event: &SelectEvent) -> Result<Ready, Fault> {
    Ok(match event {
        SelectEvent::Receive(key) => {
            check_taker(*key)?;
            Ready::Receive(channel(*key, false))
        }
        SelectEvent::Put(key, value) => Ready::Put(channel(*key, true), Parcel::new(*key, value)?),
        SelectEvent::Done(key) => {
            let process = children::process(*key)?;
            if crate::shm::process_table::me() == Some(process) {
                return Err(Fault::new(Kind::Deadlock, "a process cannot wait for its own end"));
            }
            Ready::Done(process)
        }
    })
}

/// What can still happen, each with the place of its arm: processes alone when all channels have ended.
fn waits(ready: &[Ready], all_ended: bool) -> (Vec<usize>, Vec<Arm<'_>>) {
    let wait = |arm| match arm {
        &Ready::Done(process) => Some(Arm::Done { process, need: Need::End }),
        _ if all_ended => None,
        &Ready::Receive(channel) => channel.map(Arm::Recv),
        Ready::Put(channel, parcel) => {
            channel.map(|channel| Arm::Send { channel, bytes: &parcel.bytes, handles: &parcel.held })
        }
    };
    ready.iter().enumerate().filter_map(|(at, arm)| wait(arm).map(|wait| (at, wait))).unzip()
}

/// The channel of a handle in one direction.
fn channel(key: HandleKey, out: bool) -> Option<Channel> {
    match key.kind {
        HandleKind::PipeEnd if out => end_of(key).outgoing(),
        HandleKind::PipeEnd => end_of(key).incoming(),
        _ => Some(Channel::of(handles::object(key))),
    }
}

fn answer(number: usize, value: Value, index: usize) -> Value {
    Value::list(vec![Value::Int(number as i64), value, Value::Int(index as i64)])
}
