//! `==` and `<` of values, without recursion.

use super::{Array, Function, Map, Range, Set, Value};
use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};
use std::cmp::Ordering;

/// Structural equality. Numbers compare by value, maps and sets without order, handles by identity; nan is unlike itself.
#[inline]
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a.same(b) || a.as_str() == b.as_str(),
        _ => equal_any(a, b),
    }
}

fn equal_any(a: &Value, b: &Value) -> bool {
    let mut waiting = vec![(a, b)];
    while let Some((a, b)) = waiting.pop() {
        let same = match (a, b) {
            (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
            (Value::False, Value::False) | (Value::True, Value::True) => true,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.get() == b.get(),
            (Value::Int(_) | Value::Big(_), Value::Float(_)) | (Value::Float(_), Value::Int(_) | Value::Big(_)) => {
                compare_numbers(a, b) == Some(Ordering::Equal)
            }
            (Value::Str(a), Value::Str(b)) => a.same(b) || a.as_str() == b.as_str(),
            (Value::Big(a), Value::Big(b)) => **a == **b,
            (Value::Bytes(a), Value::Bytes(b)) => **a == **b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && {
                    waiting.extend(a.iter().zip(b.iter()));
                    true
                }
            }
            (Value::Map(a), Value::Map(b)) => push_map(a, b, &mut waiting),
            (Value::Set(a), Value::Set(b)) => same_set(a, b),
            (Value::Range(a), Value::Range(b)) => same_range(a, b),
            (Value::Function(a), Value::Function(b)) => match (&**a, &**b) {
                (Function::Native(a), Function::Native(b)) => a == b,
                (Function::Closure { proto, captures }, Function::Closure { proto: other, captures: others }) => {
                    proto == other && captures.len() == others.len() && {
                        waiting.extend(captures.iter().zip(others.iter()));
                        true
                    }
                }
                _ => false,
            },
            (Value::Array(a), Value::Array(b)) => match (&**a, &**b) {
                (Array::Ints(a), Array::Ints(b)) => a == b,
                (Array::Floats(a), Array::Floats(b)) => a == b,
                (Array::Ints(ints), Array::Floats(floats)) | (Array::Floats(floats), Array::Ints(ints)) => {
                    ints.len() == floats.len() && ints.iter().zip(floats).all(|(int, float)| *int as f64 == *float)
                }
            },
            (Value::Error(a), Value::Error(b)) => {
                waiting.extend([(&a.kind, &b.kind), (&a.message, &b.message), (&a.data, &b.data)]);
                true
            }
            (Value::Stream(a), Value::Stream(b)) => a.same(b),
            (Value::Handle(a), Value::Handle(b)) => a.key() == b.key(),
            _ => false,
        };
        if !same {
            return false;
        }
    }
    true
}

fn push_map<'a>(a: &'a Map, b: &'a Map, waiting: &mut Vec<(&'a Value, &'a Value)>) -> bool {
    a.len() == b.len()
        && a.iter().all(|(key, value)| match b.get(key) {
            Some(other) => {
                waiting.push((value, other));
                true
            }
            None => false,
        })
}

fn same_set(a: &Set, b: &Set) -> bool {
    a.len() == b.len() && a.keys().all(|key| b.contains(key))
}

fn same_range(a: &Range, b: &Range) -> bool {
    let len = a.len();
    len == b.len() && (len == 0 || a.start == b.start && (len == 1 || a.step == b.step))
}

/// The order of two numbers, exact for integers of any size; `None` with nan or when one is not a number.
pub fn compare_numbers(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.get().partial_cmp(&b.get()),
        (Value::Big(a), Value::Big(b)) => Some((**a).cmp(b)),
        (Value::Int(int), Value::Big(big)) => Some(BigInt::from(*int).cmp(big)),
        (Value::Big(big), Value::Int(int)) => Some((**big).cmp(&BigInt::from(*int))),
        (Value::Int(int), Value::Float(float)) => int_with_float(&BigInt::from(*int), *int as f64, float.get()),
        (Value::Big(int), Value::Float(float)) => {
            int_with_float(int, int.to_f64().unwrap_or(f64::INFINITY), float.get())
        }
        (Value::Float(_), Value::Int(_) | Value::Big(_)) => compare_numbers(b, a).map(Ordering::reverse),
        _ => None,
    }
}

fn int_with_float(int: &BigInt, near: f64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if near.abs() < 9.0e15 || float.is_infinite() {
        return near.partial_cmp(&float);
    }
    let whole = BigInt::from_f64(float.trunc())?;
    Some(int.cmp(&whole).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}

/// The order of two values of like types: numbers, strs, bytes, lists item by item. `Ok(None)` where nan stands;
/// `Err` with the two values that have no order.
#[allow(clippy::type_complexity)]
pub fn compare<'a>(a: &'a Value, b: &'a Value) -> Result<Option<Ordering>, (&'a Value, &'a Value)> {
    let mut waiting = vec![(a, b)];
    let mut lengths = Vec::new();
    loop {
        let Some((a, b)) = waiting.pop() else { return Ok(Some(Ordering::Equal)) };
        if let (Value::Undefined, Value::Undefined) = (a, b) {
            // A list ended here: all its items were the same, so the lengths decide.
            match lengths.pop() {
                Some(Ordering::Equal) | None => continue,
                Some(order) => return Ok(Some(order)),
            }
        }
        let order = match (a, b) {
            (Value::Int(_) | Value::Big(_) | Value::Float(_), Value::Int(_) | Value::Big(_) | Value::Float(_)) => {
                compare_numbers(a, b)
            }
            (Value::Str(a), Value::Str(b)) => Some(a.as_str().cmp(b.as_str())),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::List(a), Value::List(b)) => {
                lengths.push(a.len().cmp(&b.len()));
                waiting.push((&Value::Undefined, &Value::Undefined));
                waiting.extend(a.iter().zip(b.iter()).rev());
                continue;
            }
            _ => return Err((a, b)),
        };
        match order {
            Some(Ordering::Equal) => {}
            decided => return Ok(decided),
        }
    }
}
