//! Arithmetic of long integers. What may take long goes in steps, with a safepoint between any two; operands that are
//! one step are left to the library.

use crate::vm::fault::{Fault, Kind};
use crate::vm::safepoint::poll;
use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{Euclid, ToPrimitive, Zero};

/// An integer has at most so many bits: a result beyond would take the memory and the time of the whole program.
pub const MAX_BITS: u64 = 1 << 27;
/// What has up to so many bits is one step, of a tenth of a second or so. Tests take many small ones.
const STEP: u64 = if cfg!(test) { 1 << 14 } else { 1 << 21 };
/// A number of up to so many bits makes a step of any length short.
const SHORT: u64 = 1 << 12;
/// So many digits are read at once: the library's way takes time by the square of them.
const DIGITS_READ: usize = 1 << 12;
/// So many digits are written at once.
const DIGITS_WRITTEN: u32 = if cfg!(test) { 1 << 12 } else { 1 << 19 };

/// An error when an integer would have so many bits.
pub fn limit_bits(bits: u64) -> Result<(), Fault> {
    if bits <= MAX_BITS {
        return Ok(());
    }
    Err(Fault::new(Kind::Limit, format!("the result would have more than {MAX_BITS} bits, the limit of an int"))
        .help("floats reach to 1.8e308: write float(x)"))
}

/// What is above the lowest `bits` bits, and those.
fn split(n: &BigUint, bits: u64) -> (BigUint, BigUint) {
    let high = n >> bits;
    let low = n - (&high << bits);
    (high, low)
}

/// `a * b`, by Karatsuba's method.
pub fn multiply(a: &BigUint, b: &BigUint) -> Result<BigUint, Fault> {
    let (short, long) = if a.bits() <= b.bits() { (a, b) } else { (b, a) };
    if long.bits() <= 2 * STEP || short.bits() <= SHORT {
        return Ok(a * b);
    }
    poll()?;
    let half = long.bits() / 2;
    let (high, low) = split(long, half);
    if short.bits() <= half {
        return Ok((multiply(&high, short)? << half) + multiply(&low, short)?);
    }
    let (other_high, other_low) = split(short, half);
    let upper = multiply(&high, &other_high)?;
    let lower = multiply(&low, &other_low)?;
    let middle = multiply(&(high + low), &(other_high + other_low))? - &upper - &lower;
    Ok((((upper << half) + middle) << half) + lower)
}

/// `base ** exponent`.
pub fn power(base: &BigUint, exponent: u64) -> Result<BigUint, Fault> {
    if base.bits().saturating_mul(exponent) <= 2 * STEP {
        return Ok(base.pow(exponent as u32));
    }
    let mut result = base.clone();
    for bit in (0..exponent.ilog2()).rev() {
        result = multiply(&result, &result)?;
        if exponent >> bit & 1 == 1 {
            result = multiply(&result, base)?;
        }
    }
    Ok(result)
}

/// Quotient and rest; `b` is not 0.
pub fn divide(a: &BigUint, b: &BigUint) -> Result<(BigUint, BigUint), Fault> {
    if a < b {
        return Ok((BigUint::ZERO, a.clone()));
    }
    if a.bits() <= 2 * STEP || b.bits() <= SHORT {
        return Ok(a.div_rem_euclid(b));
    }
    poll()?;
    let length = b.bits();
    let wanted = a.bits() - length + 1;
    if wanted < length {
        // The leading bits tell a short quotient, or one that is a little too large.
        let rest_of_them = length - wanted;
        let (mut quotient, _) = divide(&(a >> rest_of_them), &(b >> rest_of_them))?;
        let mut product = multiply(&quotient, b)?;
        while product > *a {
            quotient -= 1u32;
            product -= b;
        }
        return Ok((quotient, a - product));
    }
    // As by hand, where a digit has as many bits as `b`, or those of a step.
    let digit = length.max(STEP);
    let (mut quotient, mut rest) = (BigUint::ZERO, BigUint::ZERO);
    for at in (0..a.bits().div_ceil(digit)).rev() {
        poll()?;
        let (_, next) = split(&(a >> (at * digit)), digit);
        let part = (rest << digit) + next;
        let found = if digit == length { halve(&part, b, length)? } else { divide(&part, b)? };
        quotient = (quotient << digit) + found.0;
        rest = found.1;
    }
    Ok((quotient, rest))
}

/// Quotient and rest of `a / b`, where `b` has `length` bits and the quotient no more: by two divisions of half the
/// length (Burnikel and Ziegler, "Fast Recursive Division").
fn halve(a: &BigUint, b: &BigUint, length: u64) -> Result<(BigUint, BigUint), Fault> {
    if a < b || a.bits() <= 2 * STEP {
        return divide(a, b);
    }
    if length % 2 == 1 {
        let (quotient, rest) = halve(&(a << 1), &(b << 1), length + 1)?;
        return Ok((quotient, rest >> 1));
    }
    let half = length / 2;
    let (b_high, b_low) = split(b, half);
    let three_by_two = |high: &BigUint, next: BigUint| -> Result<(BigUint, BigUint), Fault> {
        let (mut quotient, rest) = if high >> half == b_high {
            ((BigUint::from(1u32) << half) - 1u32, high + &b_high - (&b_high << half))
        } else {
            halve(high, &b_high, half)?
        };
        let product = multiply(&quotient, &b_low)?;
        let mut rest = (rest << half) + next;
        while rest < product {
            quotient -= 1u32;
            rest += b;
        }
        Ok((quotient, rest - product))
    };
    let (upper, lowest) = split(a, half);
    let (highest, next) = split(&upper, half);
    let (first, rest) = three_by_two(&highest, next)?;
    let (second, rest) = three_by_two(&rest, lowest)?;
    Ok(((first << half) + second, rest))
}

/// The greatest common divisor, by Euclid's algorithm.
pub fn gcd(mut a: BigUint, mut b: BigUint) -> Result<BigUint, Fault> {
    while !b.is_zero() {
        poll()?;
        let (_, rest) = divide(&a, &b)?;
        a = std::mem::replace(&mut b, rest);
    }
    Ok(a)
}

/// The square root, rounded down: by Newton's method, each turn with twice as many bits as the one before.
pub fn square_root(n: &BigUint) -> Result<BigUint, Fault> {
    if n.bits() <= STEP {
        return Ok(n.sqrt());
    }
    let bits = (n.bits() - 1) / 2;
    let (mut root, mut known) = (BigUint::from(1u32), 0);
    for turn in (0..=bits.ilog2()).rev() {
        let before = std::mem::replace(&mut known, bits >> turn);
        let (quotient, _) = divide(&(n >> (2 * bits - before - known + 1)), &root)?;
        root = (root << (known - before - 1)) + quotient;
    }
    if multiply(&root, &root)? > *n {
        root -= 1u32;
    }
    Ok(root)
}

/// The digits of a number in this base.
pub fn digits(n: &BigUint, base: u32) -> Result<String, Fault> {
    if n.bits() <= STEP || base.is_power_of_two() {
        return Ok(n.to_str_radix(base));
    }
    let mut powers = vec![BigUint::from(base).pow(DIGITS_WRITTEN)];
    while let Some(last) = powers.last()
        && 2 * last.bits() <= n.bits() + 1
    {
        powers.push(multiply(last, last)?);
    }
    let mut out = String::new();
    write_digits(n, base, &powers, &mut out)?;
    Ok(out)
}

/// An integer in decimal.
pub fn decimal(int: &BigInt) -> Result<String, Fault> {
    let digits = digits(int.magnitude(), 10)?;
    Ok(if int.sign() == Sign::Minus { format!("-{digits}") } else { digits })
}

/// Writes a number below the square of the last power, with zeros in front unless nothing stands before it.
fn write_digits(n: &BigUint, base: u32, powers: &[BigUint], out: &mut String) -> Result<(), Fault> {
    poll()?;
    let Some((power, lower)) = powers.split_last() else {
        let digits = n.to_str_radix(base);
        if !out.is_empty() {
            out.extend(std::iter::repeat_n('0', DIGITS_WRITTEN as usize - digits.len()));
        }
        out.push_str(&digits);
        return Ok(());
    };
    let (high, low) = divide(n, power)?;
    if !out.is_empty() || !high.is_zero() {
        write_digits(&high, base, lower, out)?;
    }
    write_digits(&low, base, lower, out)
}

/// The number that digits of this base write, without a sign.
pub fn parse(digits: &str, base: u32) -> Result<Option<BigUint>, Fault> {
    limit_bits((digits.len() as u64).saturating_mul(u64::from(base.ilog2())))?;
    let mut powers = Vec::new();
    while DIGITS_READ << powers.len() < digits.len() && !base.is_power_of_two() {
        powers.push(match powers.last() {
            None => BigUint::from(base).pow(DIGITS_READ as u32),
            Some(last) => multiply(last, last)?,
        });
    }
    read_digits(digits.as_bytes(), base, &powers)
}

fn read_digits(digits: &[u8], base: u32, powers: &[BigUint]) -> Result<Option<BigUint>, Fault> {
    let Some((power, lower)) = powers.split_last() else { return Ok(BigUint::parse_bytes(digits, base)) };
    let count = DIGITS_READ << lower.len();
    if digits.len() <= count {
        return read_digits(digits, base, lower);
    }
    poll()?;
    let (high, low) = digits.split_at(digits.len() - count);
    let (Some(high), Some(low)) = (read_digits(high, base, lower)?, read_digits(low, base, lower)?) else {
        return Ok(None);
    };
    Ok(Some(multiply(&high, power)? + low))
}

/// `base ** exponent` of integers, where the exponent is not negative.
pub fn int_power(base: &BigInt, exponent: &BigInt) -> Result<BigInt, Fault> {
    let one = BigUint::from(1u32);
    let (negative, magnitude) = (base.sign() == Sign::Minus, base.magnitude());
    let sign = if negative && exponent.bit(0) { Sign::Minus } else { Sign::Plus };
    if exponent.is_zero() || *magnitude == one {
        return Ok(BigInt::from_biguint(sign, one));
    }
    if base.is_zero() {
        return Ok(BigInt::ZERO);
    }
    let exponent = exponent.to_u64().unwrap_or(u64::MAX);
    // A number of n bits is at least 2 ** (n - 1); factors of two are shifted in, not multiplied.
    let twos = magnitude.trailing_zeros().unwrap_or(0);
    limit_bits((magnitude.bits() - 1).max(1).saturating_mul(exponent))?;
    let odd = power(&(magnitude >> twos), exponent)?;
    Ok(BigInt::from_biguint(sign, odd << (twos * exponent)))
}

#[cfg(test)]
mod tests;
