//! `spawn` and `scope` with their options.

use super::fault::{Fault, Kind};
use super::op::{Op, Spawn};
use super::types::with_article;
use super::value::Value;
use crate::near::{Near, NearVec};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

/// `spawn` of a function with a map of options, or null, and arguments, or if `spread` a list of these and a map of named
/// ones or null: takes them all.
#[inline(never)]
pub(super) fn spawn(call: &mut [Value], spread: bool) -> Result<Op, Fault> {
    match call {
        [function, options, args, named] if spread => {
            let args = if let Value::List(args) = std::mem::take(args) { args.take() } else { Vec::new() };
            spawned(function, options, std::mem::take(named), args.into_iter())
        }
        [function, options, args @ ..] if !spread => {
            spawned(function, options, Value::Null, args.iter_mut().map(std::mem::take))
        }
        _ => Err(Fault::type_error("this cannot be spawned")),
    }
}

fn spawned(
    function: &mut Value,
    options: &mut Value,
    named: Value,
    args: impl ExactSizeIterator<Item = Value>,
) -> Result<Op, Fault> {
    let (function, options) = (std::mem::take(function), std::mem::take(options));
    let Value::Function(_) = function else {
        return Err(Fault::type_error(format!("`spawn` needs a function, got {}", with_article(function.type_name()))));
    };
    let (mut name, mut daemon) = (None, false);
    if let Value::Map(options) = &options {
        for (key, value) in options.iter() {
            match (key.as_str().unwrap_or_default(), value) {
                ("name", Value::Str(text)) => name = Some(text.as_str().into()),
                ("name", Value::Null) => {}
                ("daemon", Value::True) => daemon = true,
                ("daemon", Value::False) => {}
                ("name", _) => return Err(Fault::type_error("`name` of `spawn` is a str")),
                ("daemon", _) => return Err(Fault::type_error("`daemon` of `spawn` is true or false")),
                (other, _) => return Err(no_option("spawn", other, "it has `name` and `daemon`")),
            }
        }
    }
    let mut call = NearVec::with_capacity_in(2 + args.len(), Near);
    call.extend([function, named]);
    call.extend(args);
    Ok(Op::Spawn(Spawn { call, name, daemon }))
}

/// `scope` with its options.
pub(super) fn scope(options: &Value) -> Result<Op, Fault> {
    let (mut limit, mut timeout, mut wait) = (None, None, false);
    if let Value::Map(options) = options {
        for (key, value) in options.iter() {
            match (key.as_str().unwrap_or_default(), value) {
                ("limit", Value::Null) => {}
                ("limit", Value::Int(most @ 1..)) => limit = Some(*most as u64),
                ("limit", Value::Big(most)) if **most > BigInt::ZERO => {}
                ("limit", Value::Int(_) | Value::Big(_)) => {
                    return Err(Fault::value_error("`limit` of `scope` must be at least 1")
                        .help("it is how many processes run in the scope at a time"));
                }
                ("limit", other) => {
                    let what = with_article(other.type_name());
                    return Err(Fault::type_error(format!("`limit` of `scope` is an int, not {what}")));
                }
                ("timeout", Value::Null) => {}
                ("timeout", value) => timeout = seconds(value)?,
                ("on_error", Value::Str(text)) if matches!(text.as_str(), "stop" | "wait") => {
                    wait = text.as_str() == "wait";
                }
                ("on_error", _) => {
                    return Err(Fault::value_error("`on_error` of `scope` is \"stop\" or \"wait\""));
                }
                (other, _) => return Err(no_option("scope", other, "it has `limit`, `timeout` and `on_error`")),
            }
        }
    }
    Ok(Op::ScopeEnter { limit, timeout, wait })
}

fn no_option(of: &str, name: &str, known: &str) -> Fault {
    Fault::new(Kind::Arity, format!("`{of}` has no option `{name}`")).help(known)
}

/// The seconds of a `timeout`; `None` for ever.
fn seconds(value: &Value) -> Result<Option<f64>, Fault> {
    let seconds = match value {
        Value::Int(int) => *int as f64,
        Value::Big(int) => int.to_f64().unwrap_or(f64::INFINITY),
        Value::Float(float) => float.get(),
        other => {
            let what = with_article(other.type_name());
            return Err(Fault::type_error(format!(
                "`timeout` of `scope` is seconds, as in `1.5` or `500ms`, not {what}"
            )));
        }
    };
    if seconds.is_nan() {
        return Err(Fault::value_error("`timeout` of `scope` must be a number of seconds, not nan"));
    }
    if seconds < 0.0 {
        return Err(Fault::value_error("`timeout` of `scope` must not be negative"));
    }
    Ok(Some(seconds).filter(|seconds| seconds.is_finite()))
}
