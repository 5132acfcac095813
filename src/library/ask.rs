//! Access to the arguments of functions that ask the world: handles, times, capacities.

use super::arguments::{At, given};
use crate::vm::fault::Fault;
use crate::vm::value::{HandleKey, HandleKind, Value};
use num_traits::ToPrimitive;

/// The handle that a method was called on.
pub fn receiver(args: &[Value]) -> Result<HandleKey, Fault> {
    match args.first() {
        Some(Value::Handle(handle)) => Ok(handle.key()),
        _ => Err(Fault::type_error("this method is for handles")),
    }
}

/// The handle of this kind; `wanted` names it with its article.
pub fn handle(at: At, value: &Value, kind: HandleKind, wanted: &str) -> Result<HandleKey, Fault> {
    match value {
        Value::Handle(handle) if handle.key().kind == kind => Ok(handle.key()),
        other => Err(at.wrong(wanted, other)),
    }
}

/// A number of seconds that is not negative.
pub fn seconds(at: At, value: &Value) -> Result<f64, Fault> {
    let seconds = match value {
        Value::Int(int) => *int as f64,
        Value::Big(int) => int.to_f64().unwrap_or(f64::INFINITY),
        Value::Float(bits) => bits.get(),
        other => return Err(at.wrong("seconds, as in `1.5` or `500ms`,", other)),
    };
    if seconds.is_nan() {
        return Err(at.bad("be a number of seconds, not nan"));
    }
    if seconds < 0.0 { Err(at.bad("not be negative")) } else { Ok(seconds) }
}

/// How long to wait at most; `None` for ever, as when nothing was given.
pub fn timeout(function: &'static str, value: &Value) -> Result<Option<f64>, Fault> {
    let seconds = given(value).map(|value| seconds(At(function, "timeout"), value)).transpose()?;
    Ok(seconds.filter(|seconds| seconds.is_finite()))
}

/// The largest capacity of a channel.
const MOST_CAPACITY: u64 = u32::MAX as u64 - 1;

/// How many values a channel holds; `None` without bound, as when nothing was given.
pub fn capacity(function: &'static str, value: &Value) -> Result<Option<u64>, Fault> {
    let at = At(function, "capacity");
    let capacity = given(value).map(|value| at.count(value)).transpose()?.map(|capacity| capacity as u64);
    match capacity {
        Some(capacity) if capacity > MOST_CAPACITY => {
            Err(at.bad(&format!("be at most {MOST_CAPACITY}; without it there is no bound")))
        }
        _ => Ok(capacity),
    }
}
