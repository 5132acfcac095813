//! Requests that need no wait: performed while the machine stays in its loop.
//!
//! What is done here comes to the same as in [`super::Real`]; whatever needs more than a step on one object, as a wait,
//! an error or a handle on its way, is left to it.

use super::{channels, handles, place, tell};
use crate::library::{SENDER, TAKER};
use crate::shm::user_lock::Released;
use crate::shm::{Channel, UserLock, process_table};
use crate::source::Place;
use crate::vm::fault::Fault;
use crate::vm::machine::{interrupted, output_waits};
use crate::vm::op::Quick;
use crate::vm::value::{HandleKey, HandleKind, Value, decode, encode_in, encode_scalar};
use std::cell::Cell;
use std::mem::ManuallyDrop;

thread_local! {
    /// Whether shared memory is there and knows of the script.
    static READY: Cell<bool> = const { Cell::new(false) };
    /// Room for the bytes of a message on its way.
    /// Never dropped: a thread that must drop it is told so at its first use, which is a page more in each process.
    static BYTES: Cell<ManuallyDrop<Vec<u8>>> = const { Cell::new(ManuallyDrop::new(Vec::new())) };
}

/// Bytes of a message that are given back after it.
const MUCH: usize = 64 << 10;

/// Says whether shared memory is there and knows of the script.
pub fn set_ready(ready: bool) {
    READY.set(ready);
}

/// Whether shared memory is there and knows of the script.
pub fn is_ready() -> bool {
    READY.get()
}

/// Performs a request that stands at this place of the script, if that takes one step; else nothing has happened.
pub fn at_once(quick: Quick, object: HandleKey, value: &Value, place: Place) -> Option<Result<Value, Fault>> {
    // Others must not notice what this process does before what it has printed.
    if !is_ready() || interrupted() || output_waits() || handles::some_unreachable() {
        return None;
    }
    tell::set_here(place);
    process_table::set_place(place::to_word(place));
    match quick {
        Quick::Send => send(object, value).then_some(Ok(Value::Null)),
        Quick::TrySend => send(object, value).then_some(Ok(Value::True)),
        Quick::Receive => receive(object),
        Quick::Acquire => acquire(object).then_some(Ok(Value::Null)),
        Quick::TryAcquire => acquire(object).then_some(Ok(Value::True)),
        Quick::Release => release(object).then_some(Ok(Value::Null)),
    }
}

/// Takes a lock that is free.
fn acquire(key: HandleKey) -> bool {
    key.kind == HandleKind::Lock && UserLock::of(handles::object(key)).take_free()
}

/// Gives back a lock that this process has.
fn release(key: HandleKey) -> bool {
    key.kind == HandleKind::Lock && matches!(UserLock::of(handles::object(key)).release(), Ok(Released::Ok))
}

/// The channel that carries away from a handle, or to it.
fn channel(key: HandleKey, away: bool) -> Option<Channel> {
    match key.kind {
        HandleKind::Queue if key.role != if away { TAKER } else { SENDER } => Some(Channel::of(handles::object(key))),
        HandleKind::PipeEnd if handles::check(key).is_ok() => {
            let end = channels::end_of(key);
            if away { end.outgoing() } else { end.incoming() }
        }
        _ => None,
    }
}

/// Puts a value into a channel that has room for it.
fn send(key: HandleKey, value: &Value) -> bool {
    // What moves to shared memory, or is held on its way, takes more than one step.
    if matches!(value, Value::Array(_) | Value::Bytes(_) | Value::Handle(_)) {
        return false;
    }
    let Some(channel) = channel(key, true) else { return false };
    if let Some(scalar) = encode_scalar(value) {
        return channel.send_at_once(scalar.bytes());
    }
    // What is not small is not encoded in vain.
    if !channel.seems_to_have_room() {
        return false;
    }
    let Ok(message) = encode_in(value, ManuallyDrop::into_inner(BYTES.take())) else { return false };
    let sent = message.mentions.is_empty() && !message.has_code && channel.send_at_once(&message.bytes);
    keep(message.bytes);
    sent
}

/// Keeps the room for the next message, unless it is much.
fn keep(mut bytes: Vec<u8>) {
    if bytes.capacity() <= MUCH {
        bytes.clear();
        BYTES.set(ManuallyDrop::new(bytes));
    }
}

/// Takes a value out of a channel that has one.
fn receive(key: HandleKey) -> Option<Result<Value, Fault>> {
    let channel = channel(key, false)?;
    let mut bytes = ManuallyDrop::into_inner(BYTES.take());
    let value = channel.recv_at_once(&mut bytes).then(|| decode(&bytes));
    keep(bytes);
    value
}
