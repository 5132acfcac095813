//! The module `random`.

use super::arguments::{At, empty, given, take, take_list};
use super::function_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Declaration, Run::Effect, optional, required};
use crate::vm::op::{Draw, Op};
use crate::vm::value::Value;
use crate::vm::value::float::int_to_float;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "random.seed",
        &[required("n")],
        "Makes the random numbers of this process, and of those that it will spawn, the same at every run: those of \
         each process are a function of `n` and of its id. As `--seed n` for a whole run.\nrandom.seed(7) == null",
        Effect(|_, args| Ok(draw(Draw::Seed(int(At("random.seed", "n"), &args[0])?)))),
    ),
    function_of(
        "random.int",
        &[required("low"), required("high")],
        "An int from `low` to `high`, both included, each as likely.\n[1, 2, 3].contains(random.int(1, 3))",
        Effect(|_, args| {
            let at = |parameter| At("random.int", parameter);
            let (low, high) = (int(at("low"), &args[0])?, int(at("high"), &args[1])?);
            if high < low {
                return Err(at("high").bad("not be below `low`"));
            }
            Ok(draw(match (low.to_i64(), high.to_i64()) {
                (Some(low), Some(high)) => Draw::Int { low, high },
                _ => Draw::Big { low, high },
            }))
        }),
    ),
    function_of(
        "random.float",
        &[optional("low", "0.0"), optional("high", "1.0")],
        "A float from `low` up to, but without, `high`.\n0 <= random.float() < 1",
        Effect(|_, args| {
            let low = number(At("random.float", "low"), &args[0], 0.0)?;
            let high = number(At("random.float", "high"), &args[1], 1.0)?;
            if high < low {
                return Err(At("random.float", "high").bad("not be below `low`"));
            }
            Ok(draw(Draw::Float { low, high }))
        }),
    ),
    function_of(
        "random.normal",
        &[optional("mean", "0.0"), optional("deviation", "1.0")],
        "A float from the normal distribution.\nrandom.normal(5, 0) == 5.0",
        Effect(|_, args| {
            let mean = number(At("random.normal", "mean"), &args[0], 0.0)?;
            let at = At("random.normal", "deviation");
            let deviation = number(at, &args[1], 1.0)?;
            if deviation < 0.0 { Err(at.bad("not be negative")) } else { Ok(draw(Draw::Normal { mean, deviation })) }
        }),
    ),
    function_of(
        "random.choice",
        &[required("xs")],
        "One of the items.\nrandom.choice([4]) == 4",
        Effect(|_, args| {
            let items = match &args[0] {
                Value::Range(range) if !range.is_empty() => take(&mut args[0]),
                _ => Value::list(items("random.choice", &mut args[0])?),
            };
            match &items {
                Value::List(list) if list.is_empty() => Err(empty(Kind::Value, "random.choice", &items)),
                _ => Ok(draw(Draw::Choice(items))),
            }
        }),
    ),
    function_of(
        "random.shuffled",
        &[required("xs")],
        "All items in random order, as a new list.\nrandom.shuffled(1..5).sorted() == [1, 2, 3, 4]",
        Effect(|_, args| {
            let items = items("random.shuffled", &mut args[0])?;
            Ok(draw(Draw::Sample { count: items.len(), items }))
        }),
    ),
    function_of(
        "random.sample",
        &[required("xs"), required("k")],
        "`k` of the items in random order, none twice.\nrandom.sample(1..100, 5).len() == 5",
        Effect(|_, args| {
            let at = At("random.sample", "k");
            let count = at.count(&args[1])?;
            let items = items("random.sample", &mut args[0])?;
            if count > items.len() {
                return Err(at.bad(&format!("not be above the number of items, {}", items.len())));
            }
            Ok(draw(Draw::Sample { items, count }))
        }),
    ),
];

fn draw(draw: Draw) -> Op {
    Op::Random { draw }
}

fn int(at: At, value: &Value) -> Result<BigInt, Fault> {
    match value {
        Value::Int(int) => Ok(BigInt::from(*int)),
        Value::Big(int) => Ok(BigInt::clone(int)),
        other => Err(at.wrong("an int", other)),
    }
}

fn number(at: At, value: &Value, default: f64) -> Result<f64, Fault> {
    match given(value) {
        None => Ok(default),
        Some(value @ (Value::Int(_) | Value::Float(_) | Value::Big(_))) => {
            let number = int_to_float(value)?;
            if number.is_finite() { Ok(number) } else { Err(at.bad("be finite")) }
        }
        Some(other) => Err(at.wrong("a number", other)),
    }
}

fn items(function: &'static str, value: &mut Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::List(_) => Ok(take_list(value)),
        other => At(function, "xs").items(other).map(|items| items.into_owned()),
    }
}
