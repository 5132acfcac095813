//! Functions and methods on numbers.

use super::arguments::{At, given};
use super::convert::whole;
use super::{both, method_of};
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::Value;
use crate::vm::value::arith::{Arith, binary, negate};
use crate::vm::value::big;
use num_bigint::{BigInt, BigUint};
use num_traits::Signed;

const NUMBER: &[Type] = &[Type::Int, Type::Float];
const INT: &[Type] = &[Type::Int];

pub(super) static DECLARATIONS: &[Declaration] = &[
    both("abs", NUMBER, &[], "The distance from 0.\nabs(-3) == 3", Pure(abs)),
    both(
        "round",
        NUMBER,
        &[optional("digits", "null")],
        "The nearest int, or the nearest number with so many digits after the point; halves go to the even one.\nround(2.5) == 2 and round(2.675, 2) == 2.67",
        Pure(round),
    ),
    both(
        "divmod",
        NUMBER,
        &[required("divisor")],
        "Quotient and remainder: `[a // b, a % b]`.\ndivmod(7, 2) == [3, 1]",
        Pure(|_, args| {
            let quotient = binary(Arith::FloorDiv, &args[0], &args[1])?;
            Ok(Value::list(vec![quotient, binary(Arith::Rem, &args[0], &args[1])?]))
        }),
    ),
    method_of(
        "floor",
        NUMBER,
        &[],
        "The largest int that is not above the number.\n(-1.5).floor() == -2",
        Pure(|_, args| to_int(&args[0], "floor", f64::floor)),
    ),
    method_of(
        "ceil",
        NUMBER,
        &[],
        "The smallest int that is not below the number.\n1.2.ceil() == 2",
        Pure(|_, args| to_int(&args[0], "ceil", f64::ceil)),
    ),
    method_of(
        "trunc",
        NUMBER,
        &[],
        "The number without its fraction, as an int.\n(-1.5).trunc() == -1",
        Pure(|_, args| to_int(&args[0], "trunc", f64::trunc)),
    ),
    method_of(
        "is_nan",
        NUMBER,
        &[],
        "Whether it is nan, not a number.\nnan.is_nan()",
        Pure(|_, args| Ok(Value::bool(matches!(&args[0], Value::Float(float) if float.get().is_nan())))),
    ),
    method_of(
        "is_finite",
        NUMBER,
        &[],
        "Whether it is neither infinite nor nan.\n1.5.is_finite() and not inf.is_finite()",
        Pure(|_, args| Ok(Value::bool(!matches!(&args[0], Value::Float(float) if !float.get().is_finite())))),
    ),
    method_of(
        "is_even",
        INT,
        &[],
        "Whether 2 divides it.\n4.is_even()",
        Pure(|_, args| Ok(Value::bool(is_even(&args[0])))),
    ),
    method_of(
        "is_odd",
        INT,
        &[],
        "Whether 2 does not divide it.\n3.is_odd()",
        Pure(|_, args| Ok(Value::bool(!is_even(&args[0])))),
    ),
    method_of(
        "bit_length",
        INT,
        &[],
        "How many bits the int needs, without its sign.\n255.bit_length() == 8",
        Pure(|_, args| {
            Ok(match &args[0] {
                Value::Int(int) => Value::Int(64 - i64::from(int.unsigned_abs().leading_zeros())),
                Value::Big(int) => Value::Int(int.bits() as i64),
                other => return Err(At("bit_length", "self").wrong("an int", other)),
            })
        }),
    ),
    method_of(
        "bit_count",
        INT,
        &[],
        "How many bits of the int, without its sign, are 1.\n7.bit_count() == 3",
        Pure(|_, args| {
            Ok(match &args[0] {
                Value::Int(int) => Value::Int(i64::from(int.unsigned_abs().count_ones())),
                Value::Big(int) => Value::Int(int.magnitude().count_ones() as i64),
                other => return Err(At("bit_count", "self").wrong("an int", other)),
            })
        }),
    ),
    method_of(
        "to_base",
        INT,
        &[required("base")],
        "The digits of the int in a base of 2 to 36; `int(text, base)` reads them.\n255.to_base(16) == 'ff'",
        Pure(|_, args| {
            let at = At("to_base", "base");
            let base = at.int(&args[1])?;
            if !(2..=36).contains(&base) {
                return Err(at.bad("be 2 to 36"));
            }
            let int = integer(&args[0], "to_base")?;
            let digits = big::digits(int.magnitude(), base as u32)?;
            Ok(Value::str(if int.is_negative() { format!("-{digits}") } else { digits }))
        }),
    ),
];

fn is_even(int: &Value) -> bool {
    match int {
        Value::Int(int) => int % 2 == 0,
        Value::Big(int) => !int.bit(0),
        _ => false,
    }
}

fn integer(value: &Value, function: &'static str) -> Result<BigInt, Fault> {
    match value {
        Value::Int(int) => Ok(BigInt::from(*int)),
        Value::Big(int) => Ok(BigInt::clone(int)),
        other => Err(At(function, "self").wrong("an int", other)),
    }
}

fn abs(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    match &args[0] {
        Value::Int(int) if *int >= 0 => Ok(Value::Int(*int)),
        Value::Int(_) => negate(&args[0]),
        Value::Float(float) => Ok(Value::float(float.get().abs())),
        Value::Big(int) => Ok(Value::big(int.abs())),
        other => Err(At("abs", "self").wrong("a number", other)),
    }
}

fn to_int(value: &Value, function: &'static str, cut: fn(f64) -> f64) -> Result<Value, Fault> {
    match value {
        Value::Int(_) | Value::Big(_) => Ok(value.clone()),
        Value::Float(float) => whole(cut(float.get()), function),
        other => Err(At(function, "self").wrong("a number", other)),
    }
}

fn round(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let Some(digits) = given(&args[1]) else { return to_int(&args[0], "round", f64::round_ties_even) };
    let digits = At("round", "digits").int(digits)?;
    match &args[0] {
        Value::Float(float) => Ok(Value::float(round_float(float.get(), digits)?)),
        Value::Int(_) | Value::Big(_) if digits >= 0 => Ok(args[0].clone()),
        Value::Int(_) | Value::Big(_) => round_int(&args[0], digits.unsigned_abs()),
        other => Err(At("round", "self").wrong("a number", other)),
    }
}

/// Rounds the exact decimal value of the float, so that 2.675, which is a little less, becomes 2.67.
fn round_float(float: f64, digits: i64) -> Result<f64, Fault> {
    if !float.is_finite() || float == 0.0 || digits > 323 {
        return Ok(float);
    }
    if digits < -308 {
        return Ok(0.0_f64.copysign(float));
    }
    let rounded = if digits >= 0 {
        format!("{float:.*}", digits as usize).parse().unwrap_or(float)
    } else {
        let unit = 10f64.powi(-digits as i32);
        (float / unit).round_ties_even() * unit
    };
    if rounded.is_finite() {
        Ok(rounded)
    } else {
        Err(Fault::new(Kind::Overflow, "`round`: the result is beyond the range of floats"))
    }
}

fn round_int(int: &Value, zeros: u64) -> Result<Value, Fault> {
    let int = integer(int, "round")?;
    // An int of n bits has less than n / 3 + 1 digits.
    if zeros > int.bits() / 3 + 1 {
        return Ok(Value::Int(0));
    }
    let unit = big::power(&BigUint::from(10u32), zeros)?;
    let (units, rest) = big::divide(int.magnitude(), &unit)?;
    let twice = &rest * 2u32;
    let up = twice > unit || twice == unit && units.bit(0);
    let down = int.magnitude() - rest;
    Ok(Value::big(BigInt::from_biguint(int.sign(), if up { down + unit } else { down })))
}
