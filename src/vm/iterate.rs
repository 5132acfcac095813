//! Stepping through containers.

use super::code::Reg;
use super::fault::{Fault, Kind};
use super::machine::{Answer, Machine, split_pair};
use super::op::{Op, Quick};
use super::safepoint::poll;
use super::stream::Flow;
use super::types::with_article;
use super::value::{Array, Range, Value};
use crate::memory;

/// The item at a position of a container, and moves the position on; `None` at the end. Of a map the items are its
/// keys. Positions of texts count bytes, those of maps and sets count entries, removed ones too.
pub fn next_item(container: &Value, position: &mut usize) -> Option<Value> {
    let at = *position;
    *position += 1;
    match container {
        Value::List(items) => items.get(at).cloned(),
        Value::Range(range) => (at < range.len()).then(|| Value::Int(range.at(at))),
        Value::Str(text) => {
            let char = text[at..].chars().next()?;
            *position = at + char.len_utf8();
            Some(Value::char(char))
        }
        Value::Map(map) => {
            let at = (at..map.end()).find(|&at| map.entry(at).is_some())?;
            *position = at + 1;
            map.entry(at).map(|(key, _)| key.clone())
        }
        Value::Set(set) => {
            let at = (at..set.end()).find(|&at| set.entry(at).is_some())?;
            *position = at + 1;
            set.entry(at).map(|(key, ())| key.clone())
        }
        Value::Bytes(bytes) => bytes.get(at).map(|&byte| Value::Int(i64::from(byte))),
        Value::Array(array) => match &**array {
            Array::Ints(items) => items.get(at).map(|&item| Value::Int(item)),
            Array::Floats(items) => items.get(at).map(|&item| Value::float(item)),
        },
        other => other.numbers()?.get(at),
    }
}

/// Whether a value can be looped over without asking the world.
pub fn is_container(value: &Value) -> bool {
    matches!(
        value,
        Value::List(_)
            | Value::Range(_)
            | Value::Str(_)
            | Value::Map(_)
            | Value::Set(_)
            | Value::Bytes(_)
            | Value::Array(_)
    ) || value.numbers().is_some()
}

/// The error for a value that cannot be looped over.
pub fn not_iterable(value: &Value) -> Fault {
    let fault = Fault::type_error(format!("{} cannot be looped over", with_article(value.type_name())));
    match value {
        Value::Int(_) => fault.help("write `0..n` for the numbers below n"),
        Value::Handle(handle) if handle.key().kind == super::value::HandleKind::File => {
            fault.help("`file.lines()` gives its lines")
        }
        _ => fault,
    }
}

/// All items of a container, or an error that says it is none.
pub fn items(value: &Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::List(items) => Ok(items.to_vec()),
        Value::Range(range) => {
            range_items(range, &|count| Fault::new(Kind::Limit, format!("no memory for {count} items")))
        }
        other if is_container(other) => {
            let mut position = 0;
            Ok(std::iter::from_fn(|| next_item(other, &mut position)).collect())
        }
        other => Err(not_iterable(other)),
    }
}

/// The numbers of a range, of which there may be more than memory has room for: `no_room` says so.
#[inline(never)]
pub fn range_items(range: &Range, no_room: &dyn Fn(usize) -> Fault) -> Result<Vec<Value>, Fault> {
    const STEP: usize = 1 << 20;
    let count = range.len();
    let mut items = memory::room(count).ok_or_else(|| no_room(count))?;
    while items.len() < count {
        poll()?;
        let end = count.min(items.len() + STEP);
        items.extend((items.len()..end).map(|at| Value::Int(range.at(at))));
    }
    Ok(items)
}

impl Machine {
    /// The next item of a container that is not a list.
    #[cold]
    #[inline(never)]
    pub(super) fn iterate(&mut self, at: Reg, pair: bool, offset: i32) -> Result<Flow, Fault> {
        let frame = *self.frames.last().expect("the machine runs in a frame");
        let exit = (frame.next() as i64 + i64::from(offset)) as u32;
        let base = frame.base as usize + at as usize;
        match &self.stack[base] {
            Value::Handle(handle) if handle.numbers().is_none() => {
                let channel = handle.key();
                // The item before is given up: its turn of the loop has ended.
                for slot in &mut self.stack[base + 2..base + 4] {
                    *slot = Value::Null;
                }
                if let Some(item) = self.at_once(Quick::Receive, channel, &Value::Null) {
                    self.loop_item(at, pair, exit, item?)?;
                    return Ok(Flow::Run);
                }
                self.answer = Answer::Item { base: at, pair, exit };
                return Ok(Flow::Ask(Op::ReceiveOrEnd { channel }));
            }
            Value::Stream(stream) => {
                let stream = stream.clone();
                return self.stream_next(&stream, at, pair, exit);
            }
            _ => {}
        }
        let Value::Int(position) = self.stack[base + 1] else { return Ok(Flow::Run) };
        if let Value::Range(range) = &self.stack[base] {
            let item = if range.step_from(position).is_some() { Value::Int(position) } else { Value::Undefined };
            self.loop_item(at, pair, exit, item)?;
            return Ok(Flow::Run);
        }
        let mut position = position as usize;
        if let (Value::Map(map), true) = (&self.stack[base], pair) {
            let found = (position..map.end()).find_map(|at| map.entry(at).map(|entry| (at, entry)));
            match found {
                Some((at, (key, value))) => {
                    let (key, value) = (key.clone(), value.clone());
                    self.stack[base + 1] = Value::Int(at as i64 + 1);
                    self.stack[base + 2] = key;
                    self.stack[base + 3] = value;
                }
                None => self.loop_item(at, pair, exit, Value::Undefined)?,
            }
            return Ok(Flow::Run);
        }
        match next_item(&self.stack[base], &mut position) {
            None => self.loop_item(at, pair, exit, Value::Undefined)?,
            Some(item) => {
                self.stack[base + 1] = Value::Int(position as i64);
                if pair {
                    let (first, second) = split_pair(item)?;
                    self.stack[base + 2] = first;
                    self.stack[base + 3] = second;
                } else {
                    self.stack[base + 2] = item;
                }
            }
        }
        Ok(Flow::Run)
    }
}
