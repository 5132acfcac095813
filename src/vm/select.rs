//! `select`: its operands as a question to the world.

use super::code::{ArmSite, Proto, Reg};
use super::fault::Fault;
use super::machine::Machine;
use super::op::{Op, Select, SelectArm, SelectEvent, SelectLimit};
use super::types::with_article;
use super::value::{HandleKey, HandleKind, Value};
use num_traits::ToPrimitive;

impl Machine {
    /// Checks the operands of a `select`, which are held until the world has answered.
    pub(super) fn select(&mut self, proto: &Proto, site: u32) -> Result<Op, Fault> {
        let base = self.frame_base();
        let mut take = |reg: Reg| std::mem::take(&mut self.stack[base + reg as usize]);
        let mut arms = Vec::new();
        let (mut limit, mut closed) = (SelectLimit::Forever, None);
        for (number, arm) in proto.selects[site as usize].iter().enumerate() {
            let mut add = |index, event| arms.push(SelectArm { number, index, event });
            match *arm {
                ArmSite::Receive { channel, indexed } => {
                    let value = take(channel);
                    each(&value, indexed, channel_of, &mut |at, key| add(at, SelectEvent::Receive(key)))?;
                    self.holding.push(value);
                }
                ArmSite::Put { channel, value, queue } => {
                    let (channel, value) = (take(channel), take(value));
                    add(0, SelectEvent::Put(target_of(&channel, queue)?, value));
                    self.holding.push(channel);
                }
                ArmSite::Done { process } => {
                    let value = take(process);
                    each(&value, false, process_of, &mut |at, key| add(at, SelectEvent::Done(key)))?;
                    self.holding.push(value);
                }
                ArmSite::After { seconds } => limit = SelectLimit::Seconds(seconds_of(&take(seconds))?, number),
                ArmSite::Else => limit = SelectLimit::Never(number),
                ArmSite::Closed => closed = Some(number),
            }
        }
        Ok(Op::Select(Box::new(Select { arms, limit, closed })))
    }
}

/// The one or the several that an arm waits for.
fn each(
    value: &Value,
    list: bool,
    one: fn(&Value) -> Result<HandleKey, Fault>,
    add: &mut dyn FnMut(usize, HandleKey),
) -> Result<(), Fault> {
    match value {
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                add(at, one(item)?);
            }
        }
        single if list => {
            one(single)?;
            return Err(Fault::type_error("an index is for a list of channels, and this is one channel")
                .help("write `x from q`, or `i, x from [q]`"));
        }
        single => add(0, one(single)?),
    }
    Ok(())
}

fn channel_of(value: &Value) -> Result<HandleKey, Fault> {
    match key_of(value) {
        Some(key) if matches!(key.kind, HandleKind::Queue | HandleKind::PipeEnd) => Ok(key),
        Some(key) if key.kind == HandleKind::Process => {
            Err(wrong("from", "a queue or a pipe end", value).help("`done p` waits for the end of a process"))
        }
        _ => Err(wrong("from", "a queue or a pipe end, or a list of them", value)),
    }
}

fn process_of(value: &Value) -> Result<HandleKey, Fault> {
    match key_of(value) {
        Some(key) if key.kind == HandleKind::Process => Ok(key),
        Some(key) if matches!(key.kind, HandleKind::Queue | HandleKind::PipeEnd) => {
            Err(wrong("done", "a process", value).help("`x from q` waits for a value"))
        }
        _ => Err(wrong("done", "a process, or a list of them", value)),
    }
}

fn target_of(value: &Value, queue: bool) -> Result<HandleKey, Fault> {
    match (key_of(value).map(|key| (key, key.kind)), queue) {
        (Some((key, HandleKind::Queue)), true) | (Some((key, HandleKind::PipeEnd)), false) => Ok(key),
        (Some((_, HandleKind::PipeEnd)), true) => {
            Err(wrong("put", "a queue", value).help("write `end.send(v)` for a pipe end"))
        }
        (Some((_, HandleKind::Queue)), false) => {
            Err(wrong("send", "a pipe end", value).help("write `q.put(v)` for a queue"))
        }
        (_, true) => Err(wrong("put", "a queue", value)),
        (_, false) => Err(wrong("send", "a pipe end", value)),
    }
}

fn key_of(value: &Value) -> Option<HandleKey> {
    if let Value::Handle(handle) = value { Some(handle.key()) } else { None }
}

fn seconds_of(value: &Value) -> Result<f64, Fault> {
    let seconds = match value {
        Value::Int(int) => *int as f64,
        Value::Big(int) => int.to_f64().unwrap_or(f64::INFINITY),
        Value::Float(bits) => bits.get(),
        other => return Err(wrong("after", "seconds, as in `1.5` or `500ms`", other)),
    };
    match seconds {
        nan if nan.is_nan() => Err(Fault::value_error("`after` in `select` wants a number of seconds, not nan")),
        negative if negative < 0.0 => Err(Fault::value_error("`after` in `select`: the time must not be negative")),
        seconds => Ok(seconds),
    }
}

fn wrong(word: &str, wanted: &str, got: &Value) -> Fault {
    Fault::type_error(format!("`{word}` in `select` wants {wanted}, got {}", with_article(got.type_name())))
}
