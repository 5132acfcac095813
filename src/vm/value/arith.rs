//! The operators on values other than comparison: exact integers, floats, joining, repeating, sets.

use super::big::{self, limit_bits};
use super::float::{divide_ints, divide_whole, int_to_float, power, remainder};
use super::{List, Ref, Set, Value};
use crate::vm::fault::{Fault, Kind};
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// A repeated str or bytes has at most so many bytes.
pub const MAX_REPEATED_BYTES: usize = 1 << 30;
/// A repeated list has at most so many items.
pub const MAX_REPEATED_ITEMS: usize = 1 << 28;

/// An operator with two operands.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
    Shl,
    Shr,
    BitAnd,
    BitXor,
    BitOr,
}

impl Arith {
    /// How a script writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Arith::Add => "+",
            Arith::Sub => "-",
            Arith::Mul => "*",
            Arith::Div => "/",
            Arith::FloorDiv => "//",
            Arith::Rem => "%",
            Arith::Pow => "**",
            Arith::Shl => "<<",
            Arith::Shr => ">>",
            Arith::BitAnd => "&",
            Arith::BitXor => "^",
            Arith::BitOr => "|",
        }
    }
}

/// `a // b`, where `b` is above 0. Most programs divide by powers of two, and a division takes long.
#[inline(always)]
pub fn floor_div(a: i64, b: i64) -> i64 {
    if b & (b - 1) == 0 { a >> b.trailing_zeros() } else { a.div_euclid(b) }
}

/// `a % b`, where `b` is above 0; see [`floor_div`].
#[inline(always)]
pub fn floor_rem(a: i64, b: i64) -> i64 {
    if b & (b - 1) == 0 { a & (b - 1) } else { a.rem_euclid(b) }
}

/// `a op b` of the operators on bits whose result is a small integer too.
#[inline(always)]
pub fn bits(op: Arith, a: i64, b: i64) -> Option<i64> {
    match op {
        Arith::BitAnd => Some(a & b),
        Arith::BitXor => Some(a ^ b),
        Arith::BitOr => Some(a | b),
        Arith::Shr if b >= 0 => Some(a >> b.min(63)),
        _ => None,
    }
}

/// `a op b`.
pub fn binary(op: Arith, a: &Value, b: &Value) -> Result<Value, Fault> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => match small_ints(op, *x, *y) {
            Some(value) => Ok(value),
            None => big_ints(op, &BigInt::from(*x), &BigInt::from(*y)),
        },
        (Value::Float(x), Value::Float(y)) => floats(op, x.get(), y.get(), a, b),
        (Value::Float(x), Value::Int(_) | Value::Big(_)) if has_floats(op) => {
            floats(op, x.get(), int_to_float(b)?, a, b)
        }
        (Value::Int(_) | Value::Big(_), Value::Float(y)) if has_floats(op) => {
            floats(op, int_to_float(a)?, y.get(), a, b)
        }
        (Value::Big(x), Value::Big(y)) => big_ints(op, x, y),
        (Value::Big(x), Value::Int(y)) => big_ints(op, x, &BigInt::from(*y)),
        (Value::Int(x), Value::Big(y)) => big_ints(op, &BigInt::from(*x), y),
        _ => others(op, a, b),
    }
}

/// `place = place op b`, in place when nobody else has the value. After an error the place is as before.
pub fn update(op: Arith, place: &mut Value, b: &Value) -> Result<(), Fault> {
    match (op, &mut *place, b) {
        (Arith::Add, Value::Str(a), Value::Str(b)) => {
            if let Some(a) = a.get_mut() {
                a.push_str(b);
                return Ok(());
            }
        }
        (Arith::Add, Value::List(a), Value::List(b)) => {
            if let Some(a) = a.get_mut() {
                a.extend_from_slice(b);
                return Ok(());
            }
        }
        (Arith::Add, Value::Bytes(a), Value::Bytes(b)) => {
            if let Some(a) = a.get_mut() {
                a.extend_from_slice(b);
                return Ok(());
            }
        }
        (Arith::Sub | Arith::BitXor | Arith::BitOr, Value::Set(a), Value::Set(b)) => {
            if let Some(a) = a.get_mut() {
                change_set(op, a, b);
                return Ok(());
            }
        }
        _ => {}
    }
    *place = binary(op, place, b)?;
    Ok(())
}

/// `-a`.
pub fn negate(a: &Value) -> Result<Value, Fault> {
    match a {
        Value::Int(int) => Ok(int.checked_neg().map_or_else(|| Value::big(-BigInt::from(*int)), Value::Int)),
        Value::Big(int) => Ok(Value::big(-&**int)),
        Value::Float(float) => Ok(Value::float(-float.get())),
        Value::Undefined | Value::Null | Value::False | Value::True => {
            Err(Fault::type_error(format!("cannot negate {} with `-`", a.type_name())).help(if a.is_null() {
                "`x ?? 0` gives a default"
            } else {
                "write `not x`"
            }))
        }
        _ => Err(Fault::type_error(format!("cannot negate {} with `-`", a.type_name()))),
    }
}

/// `~a`.
pub fn bit_not(a: &Value) -> Result<Value, Fault> {
    match a {
        Value::Int(int) => Ok(Value::Int(!int)),
        Value::Big(int) => Ok(Value::big(!&**int)),
        Value::False | Value::True => Err(Fault::type_error("`~` works on ints, not on bool").help("write `not x`")),
        _ => Err(Fault::type_error(format!("`~` works on ints, not on {}", a.type_name()))),
    }
}

fn has_floats(op: Arith) -> bool {
    matches!(op, Arith::Add | Arith::Sub | Arith::Mul | Arith::Div | Arith::FloorDiv | Arith::Rem | Arith::Pow)
}

/// `a / b` of ints that are exact as floats; `None` for the long way and for errors.
#[inline]
pub fn divide_small(a: i64, b: i64) -> Option<Value> {
    const EXACT: u64 = 1 << 53;
    let exact = b != 0 && a.unsigned_abs() <= EXACT && b.unsigned_abs() <= EXACT;
    exact.then(|| Value::float(a as f64 / b as f64))
}

/// The result where it and all steps to it fit 64 bits; `None` for the long way and for errors.
fn small_ints(op: Arith, a: i64, b: i64) -> Option<Value> {
    let int = match op {
        Arith::Add => a.checked_add(b)?,
        Arith::Sub => a.checked_sub(b)?,
        Arith::Mul => a.checked_mul(b)?,
        Arith::Div => return divide_small(a, b),
        Arith::FloorDiv => {
            let quotient = a.checked_div(b)?;
            if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
        }
        Arith::Rem => {
            let rest = a.checked_rem(b)?;
            if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        }
        Arith::Pow => a.checked_pow(u32::try_from(b).ok()?)?,
        Arith::Shl => {
            let by = u32::try_from(b).ok().filter(|&by| by < 63)?;
            let int = a << by;
            if int >> by == a { int } else { return None }
        }
        Arith::Shr => a >> u32::try_from(b).ok()?.min(63),
        Arith::BitAnd => a & b,
        Arith::BitXor => a ^ b,
        Arith::BitOr => a | b,
    };
    Some(Value::Int(int))
}

/// Quotient, towards zero, and rest.
fn divide_with_rest(a: &BigInt, b: &BigInt) -> Result<(BigInt, BigInt), Fault> {
    // A quotient of one word is guessed from the leading words: then one multiplication is all, whatever the length.
    const WORD: u64 = 64;
    let shift = b.bits().saturating_sub(WORD);
    if shift == 0 || a.bits() + 2 > b.bits() + WORD {
        let (quotient, rest) = big::divide(a.magnitude(), b.magnitude())?;
        return Ok((BigInt::from_biguint(a.sign() * b.sign(), quotient), BigInt::from_biguint(a.sign(), rest)));
    }
    let leading = |int: &BigInt| (int.magnitude() >> shift).to_u128().unwrap_or(u128::MAX);
    // Never too large, and too small by a few at most.
    let mut quotient = leading(a) / (leading(b) + 1);
    let mut rest = a.magnitude() - b.magnitude() * quotient;
    while rest >= *b.magnitude() {
        rest -= b.magnitude();
        quotient += 1;
    }
    Ok((BigInt::from_biguint(a.sign() * b.sign(), quotient.into()), BigInt::from_biguint(a.sign(), rest)))
}

fn big_ints(op: Arith, a: &BigInt, b: &BigInt) -> Result<Value, Fault> {
    Ok(Value::big(match op {
        Arith::Add => a + b,
        Arith::Sub => a - b,
        Arith::Mul => {
            limit_bits(a.bits() + b.bits())?;
            BigInt::from_biguint(a.sign() * b.sign(), big::multiply(a.magnitude(), b.magnitude())?)
        }
        Arith::Div => return divide_ints(a, b).map(Value::float),
        Arith::FloorDiv | Arith::Rem => {
            if b.is_zero() {
                return Err(by_zero(op));
            }
            let (mut quotient, mut rest) = divide_with_rest(a, b)?;
            if !rest.is_zero() && rest.is_negative() != b.is_negative() {
                quotient -= 1;
                rest += b;
            }
            if op == Arith::Rem { rest } else { quotient }
        }
        Arith::Pow if b.is_negative() => {
            let (x, y) = (int_to_float(&Value::big(a.clone()))?, int_to_float(&Value::big(b.clone()))?);
            return power(x, y).map(Value::float);
        }
        Arith::Pow => big::int_power(a, b)?,
        Arith::Shl | Arith::Shr if b.is_negative() => {
            return Err(Fault::value_error("negative shift count").help(if op == Arith::Shl {
                "write `>>` to shift the other way"
            } else {
                "write `<<` to shift the other way"
            }));
        }
        Arith::Shl if a.is_zero() => BigInt::zero(),
        Arith::Shl => {
            let by = b.to_u64().unwrap_or(u64::MAX);
            limit_bits(a.bits().saturating_add(by))?;
            a << by
        }
        Arith::Shr => match b.to_u64() {
            Some(by) if by < a.bits() => a >> by,
            _ if a.is_negative() => BigInt::from(-1),
            _ => BigInt::zero(),
        },
        Arith::BitAnd => a & b,
        Arith::BitXor => a ^ b,
        Arith::BitOr => a | b,
    }))
}

fn floats(op: Arith, x: f64, y: f64, a: &Value, b: &Value) -> Result<Value, Fault> {
    Ok(Value::float(match op {
        Arith::Add => x + y,
        Arith::Sub => x - y,
        Arith::Mul => x * y,
        Arith::Div | Arith::FloorDiv | Arith::Rem if y == 0.0 => return Err(by_zero(op)),
        Arith::Div => x / y,
        Arith::FloorDiv => divide_whole(x, y),
        Arith::Rem => remainder(x, y),
        Arith::Pow => power(x, y)?,
        _ => return Err(unfit(op, a, b)),
    }))
}

#[cold]
fn by_zero(op: Arith) -> Fault {
    Fault::new(
        Kind::ZeroDivision,
        if op == Arith::Rem { "remainder of a division by zero" } else { "division by zero" },
    )
}

fn others(op: Arith, a: &Value, b: &Value) -> Result<Value, Fault> {
    match (op, a, b) {
        (Arith::Add, Value::Str(a), Value::Str(b)) => Ok(Value::Str(Ref::new(a.joined(b)))),
        (Arith::Add, Value::List(a), Value::List(b)) => Ok(Value::list([&a[..], &b[..]].concat())),
        (Arith::Add, Value::Bytes(a), Value::Bytes(b)) => Ok(Value::bytes([&a[..], &b[..]].concat())),
        (Arith::Mul, Value::Str(_) | Value::Bytes(_) | Value::List(_), Value::Int(_) | Value::Big(_)) => repeat(a, b),
        (Arith::Mul, Value::Int(_) | Value::Big(_), Value::Str(_) | Value::Bytes(_) | Value::List(_)) => repeat(b, a),
        (Arith::Sub | Arith::BitAnd | Arith::BitXor | Arith::BitOr, Value::Set(a), Value::Set(b)) => {
            Ok(Value::Set(Ref::new(combine_sets(op, a, b))))
        }
        _ => Err(unfit(op, a, b)),
    }
}

fn repeat(value: &Value, times: &Value) -> Result<Value, Fault> {
    let times = match times {
        Value::Int(times) => usize::try_from(*times).unwrap_or(0),
        Value::Big(times) if times.is_negative() => 0,
        _ => usize::MAX,
    };
    let (len, most, what) = match value {
        Value::Str(text) => (text.as_str().len(), MAX_REPEATED_BYTES, "bytes of text"),
        Value::Bytes(bytes) => (bytes.len(), MAX_REPEATED_BYTES, "bytes"),
        Value::List(items) => (items.len(), MAX_REPEATED_ITEMS, "items"),
        _ => (0, 0, ""),
    };
    let times = if len == 0 { 0 } else { times };
    if len.saturating_mul(times) > most {
        let message = format!("repeating this {} would give more than {most} {what}, the limit", value.type_name());
        return Err(Fault::new(Kind::Limit, message));
    }
    Ok(match value {
        Value::Str(text) => Value::str(text.repeat(times)),
        Value::Bytes(bytes) => Value::bytes(match bytes[..] {
            [byte] => vec![byte; times],
            _ => bytes.repeat(times),
        }),
        Value::List(items) => Value::list(repeat_list(items, times)),
        other => other.clone(),
    })
}

fn repeat_list(items: &List, times: usize) -> List {
    if let [item] = &items[..] {
        // What is known to be a scalar needs no look at each.
        return match *item {
            Value::Int(int) => (0..times).map(|_| Value::Int(int)).collect(),
            Value::Float(float) => (0..times).map(|_| Value::Float(float)).collect(),
            Value::False => (0..times).map(|_| Value::False).collect(),
            Value::True => (0..times).map(|_| Value::True).collect(),
            ref item => vec![item.clone(); times],
        };
    }
    let mut all = Vec::with_capacity(items.len() * times);
    for _ in 0..times {
        all.extend_from_slice(items);
    }
    all
}

fn combine_sets(op: Arith, a: &Set, b: &Set) -> Set {
    if op == Arith::BitAnd || op == Arith::Sub {
        let mut set = Set::default();
        for key in a.keys().filter(|key| b.contains(key) == (op == Arith::BitAnd)) {
            set.insert(key.clone(), ());
        }
        return set;
    }
    let mut set = a.clone();
    change_set(op, &mut set, b);
    set
}

fn change_set(op: Arith, a: &mut Set, b: &Set) {
    for key in b.keys() {
        match op {
            Arith::BitOr => drop(a.insert(key.clone(), ())),
            Arith::Sub => drop(a.remove(key)),
            // What was in both is in neither.
            _ => {
                if a.remove(key).is_none() {
                    a.insert(key.clone(), ());
                }
            }
        }
    }
}

/// The error for operands that the operator does not take, with the way out that fits them.
#[cold]
fn unfit(op: Arith, a: &Value, b: &Value) -> Fault {
    let (x, y) = (a.type_name(), b.type_name());
    let message = match op {
        Arith::Add => format!("cannot add {x} and {y}"),
        Arith::Sub => format!("cannot subtract {y} from {x}"),
        Arith::Mul => format!("cannot multiply {x} by {y}"),
        Arith::Div | Arith::FloorDiv => format!("cannot divide {x} by {y}"),
        Arith::Rem => format!("cannot take the remainder of {x} by {y}"),
        Arith::Pow => format!("cannot raise {x} to the power of {y}"),
        Arith::Shl | Arith::Shr => format!("cannot shift {x} by {y}"),
        Arith::BitAnd | Arith::BitXor | Arith::BitOr => format!("cannot combine {x} and {y} with `{}`", op.symbol()),
    };
    let fault = Fault::type_error(message);
    match way_out(op, a, b) {
        Some(help) => fault.help(help),
        None => fault,
    }
}

fn way_out(op: Arith, a: &Value, b: &Value) -> Option<&'static str> {
    use Value::{Big, False, Float, Int, List, Map, Null, Range, Set, Str, Stream, True};
    Some(match (op, a, b) {
        (_, Null, _) | (_, _, Null) => "one side is null: `x ?? default` gives a value in its place",
        (Arith::BitAnd, False | True, False | True) => "write `and` between bools",
        (Arith::BitOr, False | True, False | True) => "write `or` between bools",
        (Arith::BitXor, False | True, False | True) => "write `!=` between bools",
        (Arith::Add, Str(_), Int(_) | Big(_) | Float(_)) => {
            "write str(x) to join a number to text, or int(text) to count with it"
        }
        (Arith::Add, Int(_) | Big(_) | Float(_), Str(_)) => {
            "write str(x) to join a number to text, or int(text) to count with it"
        }
        (Arith::Add, Str(_), _) | (Arith::Add, _, Str(_)) => "write str(x) to join it to text, or f\"…{x}…\"",
        (Arith::Rem, Str(_), _) => "write f\"{x:.2f}\" to format values into text",
        (Arith::Add, List(_), Range(_) | Stream(_)) | (Arith::Add, Range(_) | Stream(_), List(_)) => {
            "write [...xs, ...ys] to put the items of both into a list"
        }
        (Arith::Add, List(_), _) => "write xs + [x] or xs.push(x) to add one item",
        (Arith::Add, _, List(_)) => "write [x] + xs to add one item",
        (Arith::Add | Arith::BitOr, Map(_), Map(_)) => "write {...a, ...b} to merge maps",
        (Arith::Add, Set(_), Set(_)) => "write a | b to unite sets",
        (Arith::Mul, Str(_) | List(_), Float(_)) | (Arith::Mul, Float(_), Str(_) | List(_)) => {
            "write int(n): only a whole number of times is possible"
        }
        (_, False | True, Int(_) | Big(_) | Float(_)) | (_, Int(_) | Big(_) | Float(_), False | True) => {
            "write int(x) to count with a bool"
        }
        (Arith::BitAnd | Arith::BitXor | Arith::BitOr | Arith::Shl | Arith::Shr, Float(_), _)
        | (Arith::BitAnd | Arith::BitXor | Arith::BitOr | Arith::Shl | Arith::Shr, _, Float(_)) => {
            "it works on ints: write int(x)"
        }
        (_, Str(_), Int(_) | Big(_) | Float(_)) | (_, Int(_) | Big(_) | Float(_), Str(_)) => {
            "write int(text) or float(text) to count with it"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
