//! Arithmetic of floats as Python has it, and the ways from exact integers to floats.

use super::Value;
use crate::vm::fault::{Fault, Kind};
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// An int or float as a float; an int beyond the range of floats is an error, anything else is nan.
pub fn int_to_float(int: &Value) -> Result<f64, Fault> {
    match int {
        Value::Int(int) => Ok(*int as f64),
        Value::Float(float) => Ok(float.get()),
        Value::Big(big) => match big.to_f64() {
            Some(float) if float.is_finite() => Ok(float),
            _ => Err(too_large("the int is too large for a float")),
        },
        _ => Ok(f64::NAN),
    }
}

#[cold]
fn too_large(message: &str) -> Fault {
    Fault::new(Kind::Overflow, message).help("floats reach to 1.8e308; ints with `//`, `%` and `**` stay exact")
}

/// The remainder with the sign of the divisor, which is not 0.
pub(super) fn remainder(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        0f64.copysign(b)
    } else if (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
    }
}

/// The quotient rounded down, so that `a == b * (a // b) + a % b` as nearly as floats can; the divisor is not 0.
pub(super) fn divide_whole(a: f64, b: f64) -> f64 {
    let rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0f64.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

/// `a ** b`.
pub(super) fn power(a: f64, b: f64) -> Result<f64, Fault> {
    if a == 0.0 && b < 0.0 {
        return Err(Fault::new(Kind::ZeroDivision, "zero cannot be raised to a negative power"));
    }
    if a < 0.0 && a.is_finite() && b.is_finite() && b != b.trunc() {
        return Err(Fault::value_error("a negative number has no real power with a fraction as exponent"));
    }
    let result = a.powf(b);
    if result.is_infinite() && a.is_finite() && b.is_finite() {
        return Err(too_large("the result of `**` is too large for a float"));
    }
    Ok(result)
}

/// The float nearest to the exact quotient.
pub(super) fn divide_ints(a: &BigInt, b: &BigInt) -> Result<f64, Fault> {
    if b.is_zero() {
        return Err(Fault::new(Kind::ZeroDivision, "division by zero"));
    }
    // The quotient's first 65 or 66 bits, in units of 2 ** -shift. The last bit also stands for all that follow.
    let shift = 65 + b.bits() as i64 - a.bits() as i64;
    let (top, bottom) = if shift >= 0 { (a.abs() << shift, b.abs()) } else { (a.abs(), b.abs() << -shift) };
    let quotient = &top / &bottom;
    let more = &quotient * &bottom != top;
    let digits = quotient.to_u128().unwrap_or(0) | u128::from(more);
    let float = scale(digits, -shift);
    if float.is_infinite() {
        return Err(too_large("the result of `/` is too large for a float"));
    }
    Ok(if a.is_negative() == b.is_negative() { float } else { -float })
}

/// `digits * 2 ** exponent`, rounded once, ties to even.
fn scale(digits: u128, exponent: i64) -> f64 {
    /// The exponent of the smallest float above zero.
    const LEAST: i64 = -1074;
    let len = i64::from(128 - digits.leading_zeros());
    let last = (exponent + len - 53).max(LEAST);
    if last > 971 {
        return f64::INFINITY;
    }
    let drop = last - exponent;
    if drop > 127 {
        return 0.0;
    }
    let mut kept = if drop > 0 { digits >> drop } else { digits << -drop };
    if drop > 0 {
        let (rest, half) = (digits & ((1 << drop) - 1), 1u128 << (drop - 1));
        if rest > half || rest == half && kept & 1 == 1 {
            kept += 1;
        }
    }
    if last == LEAST {
        // Among the smallest floats the bits count the units of 2 ** -1074.
        return f64::from_bits(kept as u64);
    }
    let unit = if last >= -1022 { ((last + 1023) as u64) << 52 } else { 1 << (last - LEAST) };
    kept as f64 * f64::from_bits(unit)
}
