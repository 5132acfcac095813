//! Pipes and queues: values to bytes and back, waits and their ends.

use super::{attend, deadline, deadlock, handles, memory, moves, place, shared, tell, timed_out};
use crate::library::{SENDER, TAKER};
use crate::shm::channel::{Received, Sent};
use crate::shm::tasks::Waited;
use crate::shm::{Channel, ObjectRef, Pipe, Role};
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::Op;
use crate::vm::types::with_article;
use crate::vm::value::{Encoded, FEW, HandleKey, HandleKind, Value, decode, encode};
use std::time::Instant;

/// How long an operation may wait.
#[derive(Clone, Copy)]
enum Patience {
    Never,
    Until(Option<Instant>),
}

/// Performs an operation on a pipe or a queue.
#[inline(never)]
pub fn perform(op: Op) -> Result<Value, Fault> {
    match op {
        Op::Pipe { capacity } => {
            let pipe = Pipe::new(small(capacity)).map_err(|error| memory(&error))?;
            [pipe.a(), pipe.b()]
                .iter()
                .filter_map(|end| end.outgoing())
                .for_each(|channel| channel.set_made_at(here()));
            let end = |role| Value::handle(handles::key(HandleKind::PipeEnd, pipe.object(), role));
            Ok(Value::list(vec![end(0), end(1)]))
        }
        Op::Queue { capacity } => {
            let queue = Channel::new(small(capacity)).map_err(|error| memory(&error))?;
            queue.set_made_at(here());
            Ok(Value::handle(handles::key(HandleKind::Queue, queue.object(), 0)))
        }
        Op::Send { channel, value, try_: true, .. } => send(channel, &value, Patience::Never),
        Op::Send { channel, value, timeout, .. } => {
            send(channel, &value, Patience::Until(deadline(timeout))).map(|_| Value::Null)
        }
        Op::SendAll { channel, values, timeout } => {
            let Value::List(values) = &values else { return Ok(Value::Null) };
            send_all(channel, values, deadline(timeout))
        }
        Op::Receive { channel, timeout } => match receive(channel, Patience::Until(deadline(timeout)))? {
            Got::Value(value) => Ok(value),
            Got::Nothing => Err(timed_out(if channel.kind == HandleKind::Queue { "get" } else { "recv" })),
            Got::End => Err(ended(channel)),
        },
        Op::TryReceive { channel, default } => Ok(match receive(channel, Patience::Never)? {
            Got::Value(value) => value,
            Got::Nothing | Got::End => default,
        }),
        Op::ReceiveOrEnd { channel } => Ok(match receive(channel, Patience::Until(None))? {
            Got::Value(value) => value,
            Got::Nothing | Got::End => Value::Undefined,
        }),
        Op::ReceiveMany { channel, most, timeout } => receive_many(channel, most, deadline(timeout)),
        Op::Poll { channel, timeout } => poll(channel, deadline(timeout)),
        Op::Pending { channel } => Ok(Value::Int(pending(channel)? as i64)),
        Op::Full { channel } => Ok(Value::bool(Channel::of(handles::object(channel)).is_full())),
        Op::Close { handle } => {
            handles::check(handle)?;
            match handle.kind {
                HandleKind::PipeEnd => end_of(handle).close(),
                _ => Channel::of(handles::object(handle)).close(),
            }
            Ok(Value::Null)
        }
        Op::TaskDone { channel } => {
            check_taker(channel)?;
            match Channel::of(handles::object(channel)).task_done().map_err(|error| memory(&error))? {
                true => Ok(Value::Null),
                false => Err(Fault::value_error("`task_done` was called more often than values were taken")
                    .help("call it once for each value, when the work on it is done")),
            }
        }
        Op::WaitDone { channel, timeout } => wait_done(channel, deadline(timeout)),
        Op::Restrict { channel, role } => {
            if channel.role != 0 && channel.role != role {
                return Err(Fault::value_error(wrong_side(channel)));
            }
            Ok(Value::handle(HandleKey { role, ..channel }))
        }
        Op::Property { handle, name } if handle.kind == HandleKind::Shared && name == "value" => {
            shared::perform(Op::SharedGet { cell: handle })
        }
        Op::Property { handle, name } => property(handle, &name),
        other => shared::perform(other),
    }
}

/// The place of the present request, for shared memory.
fn here() -> u64 {
    place::to_word(tell::here())
}

fn small(capacity: Option<u64>) -> Option<u32> {
    capacity.map(|capacity| u32::try_from(capacity).unwrap_or(u32::MAX - 1))
}

/// The end of a pipe that a handle means.
pub fn end_of(key: HandleKey) -> crate::shm::End {
    let pipe = Pipe::of(handles::object(key));
    if key.role == 0 { pipe.a() } else { pipe.b() }
}

fn wrong_side(key: HandleKey) -> &'static str {
    if key.role == SENDER { "this handle of the queue can only put" } else { "this handle of the queue can only take" }
}

/// A value on its way into a channel.
pub struct Parcel {
    /// Its encoding.
    pub bytes: Vec<u8>,
    /// What it holds on the way.
    pub held: Vec<(ObjectRef, Role)>,
    inside: Vec<HandleKey>,
}

impl Parcel {
    /// Checks that this process may put the value into the channel.
    pub fn new(key: HandleKey, value: &Value) -> Result<Parcel, Fault> {
        handles::check(key)?;
        if key.kind == HandleKind::Queue && key.role == TAKER {
            return Err(Fault::value_error(wrong_side(key)));
        }
        let Encoded { bytes, mentions: inside, .. } = encode(value)?;
        for &inner in &inside {
            handles::check(inner)?;
            if inner.kind == HandleKind::PipeEnd && handles::object(inner) == handles::object(key) {
                return Err(Fault::value_error("an end of a pipe cannot be sent through that pipe"));
            }
        }
        Ok(Parcel { bytes, held: handles::held(&inside), inside })
    }

    /// It is in the channel: ends of pipes have moved with it.
    #[inline]
    pub fn sent(&self) {
        for &inner in self.inside.iter().filter(|key| key.kind == HandleKind::PipeEnd) {
            handles::moved(inner, &moves::by_message());
        }
    }
}

/// Null, or for `Patience::Never` whether there was room.
fn send(key: HandleKey, value: &Value, patience: Patience) -> Result<Value, Fault> {
    deliver(key, &Parcel::new(key, value)?, patience)
}

fn deliver(key: HandleKey, parcel: &Parcel, patience: Patience) -> Result<Value, Fault> {
    let (bytes, held) = (&parcel.bytes, &parcel.held);
    let sent = loop {
        let sent = match (key.kind, patience) {
            (HandleKind::PipeEnd, Patience::Never) => end_of(key).try_send(bytes, held),
            (HandleKind::PipeEnd, Patience::Until(deadline)) => end_of(key).send(bytes, held, deadline),
            (_, Patience::Never) => Channel::of(handles::object(key)).try_send(bytes, held),
            (_, Patience::Until(deadline)) => Channel::of(handles::object(key)).send(bytes, held, deadline),
        };
        match sent.map_err(|error| memory(&error))? {
            Sent::Interrupted => {
                attend()?;
            }
            sent => break sent,
        }
    };
    match sent {
        Sent::Ok => {
            parcel.sent();
            Ok(Value::True)
        }
        Sent::Full => Ok(Value::False),
        Sent::Closed => Err(match key.kind {
            HandleKind::Queue => Fault::new(Kind::Closed, "the queue is closed: nothing can be put in any more"),
            _ if end_of(key).outgoing().is_some_and(Channel::is_closed) => {
                Fault::new(Kind::Closed, "the pipe is closed: nothing can be sent any more")
            }
            _ => Fault::new(Kind::Closed, "nobody has the other end of the pipe any more"),
        }),
        Sent::Deadlock => Err(deadlock::fault()),
        Sent::TimedOut | Sent::Interrupted => {
            Err(timed_out(if key.kind == HandleKind::Queue { "put" } else { "send" }))
        }
    }
}

/// Puts all of a list in, or as many as there is time for.
fn send_all(key: HandleKey, values: &[Value], deadline: Option<Instant>) -> Result<Value, Fault> {
    // What cannot be put is found before anything is.
    let mut ready: Vec<Option<Parcel>> = Vec::new();
    let mut ends = Vec::new();
    for value in values {
        let parcel = if is_plain(value) { None } else { Some(Parcel::new(key, value)?) };
        for end in parcel.iter().flat_map(|parcel| &parcel.inside).filter(|key| key.kind == HandleKind::PipeEnd) {
            if ends.contains(end) {
                return Err(Fault::value_error(
                    "an end of a pipe stands in several of these values, but goes to one place",
                ));
            }
        }
        ends.extend(parcel.iter().flat_map(|parcel| &parcel.inside).filter(|key| key.kind == HandleKind::PipeEnd));
        ready.push(parcel);
    }
    for (at, (value, parcel)) in values.iter().zip(ready).enumerate() {
        let parcel = parcel.map_or_else(|| Parcel::new(key, value), Ok)?;
        deliver(key, &parcel, Patience::Until(deadline)).map_err(|mut fault| {
            if fault.is(Kind::Timeout) || fault.is(Kind::Closed) {
                let text = format!(
                    "{}; {at} of {} values were put",
                    fault.0.message.as_str().unwrap_or_default(),
                    values.len()
                );
                fault.change(|error| error.message = Value::str(text.replacen("`put`", "`put_all`", 1)));
            }
            fault
        })?;
    }
    Ok(Value::Null)
}

/// Whether a value is certainly fit to be put.
fn is_plain(value: &Value) -> bool {
    matches!(
        value,
        Value::Null | Value::True | Value::False | Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Bytes(_)
    )
}

fn wait_done(key: HandleKey, deadline: Option<Instant>) -> Result<Value, Fault> {
    handles::check(key)?;
    let queue = Channel::of(handles::object(key));
    loop {
        match queue.wait_done(deadline).map_err(|error| memory(&error))? {
            Waited::Done => return Ok(Value::Null),
            Waited::TimedOut => return Err(timed_out("wait_done")),
            Waited::Interrupted => attend()?,
            Waited::Deadlock => return Err(deadlock::fault()),
        }
    }
}

/// Checks that this process may take values out of the channel.
pub fn check_taker(key: HandleKey) -> Result<(), Fault> {
    handles::check(key)?;
    if key.kind == HandleKind::Queue && key.role == SENDER {
        return Err(Fault::value_error(wrong_side(key)));
    }
    Ok(())
}

enum Got {
    Value(Value),
    Nothing,
    End,
}

fn receive(key: HandleKey, patience: Patience) -> Result<Got, Fault> {
    check_taker(key)?;
    let mut bytes = Vec::with_capacity(FEW);
    loop {
        let received = match (key.kind, patience) {
            (HandleKind::PipeEnd, Patience::Never) => end_of(key).try_recv(&mut bytes),
            (HandleKind::PipeEnd, Patience::Until(deadline)) => end_of(key).recv(&mut bytes, deadline),
            (_, Patience::Never) => Channel::of(handles::object(key)).try_recv(&mut bytes),
            (_, Patience::Until(deadline)) => Channel::of(handles::object(key)).recv(&mut bytes, deadline),
        };
        match received.map_err(|error| memory(&error))? {
            Received::Ok => {
                return decode(&bytes).map(Got::Value);
            }
            Received::Closed => return Ok(Got::End),
            Received::Empty | Received::TimedOut => return Ok(Got::Nothing),
            Received::Deadlock => return Err(deadlock::fault()),
            Received::Interrupted => {
                attend()?;
            }
        }
    }
}

fn receive_many(key: HandleKey, most: u64, deadline: Option<Instant>) -> Result<Value, Fault> {
    let mut values = Vec::new();
    if most > 0 {
        match receive(key, Patience::Until(deadline))? {
            Got::Value(value) => values.push(value),
            Got::Nothing => return Err(timed_out("get_many")),
            Got::End => return Err(ended(key)),
        }
    }
    while (values.len() as u64) < most {
        match receive(key, Patience::Never)? {
            Got::Value(value) => values.push(value),
            Got::Nothing | Got::End => break,
        }
    }
    Ok(Value::list(values))
}

/// Waits until a message is there without taking it.
fn poll(key: HandleKey, deadline: Option<Instant>) -> Result<Value, Fault> {
    handles::check(key)?;
    let Some(channel) = end_of(key).incoming() else { return Ok(Value::False) };
    loop {
        match channel.wait_message(deadline).map_err(|error| memory(&error))? {
            Received::Ok => return Ok(Value::True),
            Received::Closed | Received::Empty | Received::TimedOut => return Ok(Value::False),
            Received::Deadlock => return Err(deadlock::fault()),
            Received::Interrupted => attend()?,
        }
    }
}

fn pending(key: HandleKey) -> Result<u64, Fault> {
    handles::check(key)?;
    Ok(match key.kind {
        HandleKind::PipeEnd => end_of(key).pending(),
        _ => Channel::of(handles::object(key)).len(),
    })
}

fn ended(key: HandleKey) -> Fault {
    let (channel, name) = match key.kind {
        HandleKind::PipeEnd => (end_of(key).incoming(), "pipe"),
        _ => (Some(Channel::of(handles::object(key))), "queue"),
    };
    let why = match name {
        _ if channel.is_none_or(Channel::is_closed) => "closed and empty",
        "queue" => "empty and nobody can put anything in any more",
        _ => "empty and nobody can send anything any more",
    };
    Fault::new(Kind::Closed, format!("the {name} is {why}"))
}

fn property(key: HandleKey, name: &str) -> Result<Value, Fault> {
    let what = with_article(key.kind.type_of().name());
    Err(Fault::new(Kind::Key, format!("{what} has no property `{name}`"))
        .help("what it does are methods: call them, as in `q.len()`"))
}
