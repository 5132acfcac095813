//! The module `math`.

use super::arguments::{At, given};
use super::convert::whole;
use super::function_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Parameter, Run, Run::Pure, optional, required, rest, rest_of};
use crate::vm::value::Value;
use crate::vm::value::big;
use crate::vm::value::float::int_to_float;
use num_bigint::{BigInt, BigUint};
use num_traits::{Signed, ToPrimitive, Zero};
use std::f64::consts;

/// Factorials of greater ints are refused: they take minutes.
const MAX_FACTORIAL: usize = 100_000;

const X: &[Parameter] = &[required("x")];

pub(super) static DECLARATIONS: &[Declaration] = &[
    constant("math.pi", "The circumference of a circle of diameter 1.\nmath.pi.round(5) == 3.14159", |_, _| {
        Ok(Value::float(consts::PI))
    }),
    constant("math.e", "The base of natural logarithms.\nmath.e.round(5) == 2.71828", |_, _| {
        Ok(Value::float(consts::E))
    }),
    constant("math.tau", "Two pi: the circumference of a circle of radius 1.\nmath.tau == 2 * math.pi", |_, _| {
        Ok(Value::float(consts::TAU))
    }),
    real("math.sqrt", "The square root.\nmath.sqrt(16) == 4.0", |_, args| unary("math.sqrt", args, f64::sqrt)),
    real("math.cbrt", "The cube root.\nmath.cbrt(27) == 3.0", |_, args| unary("math.cbrt", args, f64::cbrt)),
    real("math.sin", "The sine of an angle in radians.\nmath.sin(0) == 0.0", |_, args| {
        unary("math.sin", args, f64::sin)
    }),
    real("math.cos", "The cosine of an angle in radians.\nmath.cos(0) == 1.0", |_, args| {
        unary("math.cos", args, f64::cos)
    }),
    real("math.tan", "The tangent of an angle in radians.\nmath.tan(0) == 0.0", |_, args| {
        unary("math.tan", args, f64::tan)
    }),
    real("math.asin", "The angle, in radians, with this sine.\nmath.asin(1) == math.pi / 2", |_, args| {
        unary("math.asin", args, f64::asin)
    }),
    real("math.acos", "The angle, in radians, with this cosine.\nmath.acos(1) == 0.0", |_, args| {
        unary("math.acos", args, f64::acos)
    }),
    real("math.atan", "The angle, in radians, with this tangent.\nmath.atan(1) == math.pi / 4", |_, args| {
        unary("math.atan", args, f64::atan)
    }),
    function_of(
        "math.atan2",
        &[required("y"), required("x")],
        "The angle, in radians, from the x axis to the point.\nmath.atan2(1, 1) == math.pi / 4",
        Pure(|_, args| {
            let (y, x) = (number(At("math.atan2", "y"), &args[0])?, number(At("math.atan2", "x"), &args[1])?);
            Ok(Value::float(y.atan2(x)))
        }),
    ),
    real("math.exp", "`math.e` to this power.\nmath.exp(0) == 1.0", |_, args| unary("math.exp", args, f64::exp)),
    function_of(
        "math.log",
        &[required("x"), optional("base", "math.e")],
        "The logarithm, the natural one without a base.\nmath.log(8, 2) == 3.0",
        Pure(|_, args| {
            let natural = logarithm(At("math.log", "x"), &args[0], f64::ln)?;
            let Some(base) = given(&args[1]) else { return Ok(Value::float(natural)) };
            let at = At("math.log", "base");
            match logarithm(at, base, f64::ln)? {
                0.0 => Err(at.bad("not be 1")),
                below => Ok(Value::float(natural / below)),
            }
        }),
    ),
    real("math.log2", "The logarithm to base 2.\nmath.log2(1024) == 10.0", |_, args| {
        logarithm(At("math.log2", "x"), &args[0], f64::log2).map(Value::float)
    }),
    real("math.log10", "The logarithm to base 10.\nmath.log10(1000) == 3.0", |_, args| {
        logarithm(At("math.log10", "x"), &args[0], f64::log10).map(Value::float)
    }),
    function_of(
        "math.pow",
        &[required("x"), required("y")],
        "`x` to the power `y` as a float; `x ** y` stays exact on ints.\nmath.pow(2, 3) == 8.0",
        Pure(|_, args| {
            let (x, y) = (number(At("math.pow", "x"), &args[0])?, number(At("math.pow", "y"), &args[1])?);
            finite("math.pow", x.powf(y), x.is_finite() && y.is_finite(), x.is_nan() || y.is_nan())
        }),
    ),
    function_of(
        "math.hypot",
        &[rest("parts")],
        "The length of a vector with these parts.\nmath.hypot(3, 4) == 5.0",
        Pure(|_, args| {
            let at = At("math.hypot", "parts");
            let mut length = 0.0f64;
            for part in rest_of(&args[0]) {
                length = length.hypot(number(at, part)?);
            }
            Ok(Value::float(length))
        }),
    ),
    real("math.degrees", "An angle in radians, in degrees.\nmath.degrees(math.pi) == 180.0", |_, args| {
        unary("math.degrees", args, f64::to_degrees)
    }),
    real("math.radians", "An angle in degrees, in radians.\nmath.radians(180) == math.pi", |_, args| {
        unary("math.radians", args, f64::to_radians)
    }),
    real("math.floor", "The largest int that is not above the number.\nmath.floor(-1.5) == -2", |_, args| {
        to_int("math.floor", args, f64::floor)
    }),
    real("math.ceil", "The smallest int that is not below the number.\nmath.ceil(1.2) == 2", |_, args| {
        to_int("math.ceil", args, f64::ceil)
    }),
    real("math.trunc", "The number without its fraction, as an int.\nmath.trunc(-1.5) == -1", |_, args| {
        to_int("math.trunc", args, f64::trunc)
    }),
    function_of(
        "math.gcd",
        &[rest("ints")],
        "The greatest common divisor.\nmath.gcd(12, 18) == 6",
        Pure(|_, args| {
            let at = At("math.gcd", "ints");
            let mut result = BigUint::ZERO;
            for int in rest_of(&args[0]) {
                result = big::gcd(result, integer(at, int)?.into_parts().1)?;
            }
            Ok(Value::big(BigInt::from(result)))
        }),
    ),
    function_of(
        "math.lcm",
        &[rest("ints")],
        "The least common multiple.\nmath.lcm(4, 6) == 12",
        Pure(|_, args| {
            let at = At("math.lcm", "ints");
            let mut result = BigUint::from(1u32);
            for int in rest_of(&args[0]) {
                let int = integer(at, int)?.into_parts().1;
                if int.is_zero() {
                    return Ok(Value::Int(0));
                }
                let (part, _) = big::divide(&result, &big::gcd(result.clone(), int.clone())?)?;
                big::limit_bits(part.bits() + int.bits())?;
                result = big::multiply(&part, &int)?;
            }
            Ok(Value::big(BigInt::from(result)))
        }),
    ),
    function_of(
        "math.factorial",
        &[required("n")],
        "The product of the ints from 1 to `n`.\nmath.factorial(5) == 120",
        Pure(|_, args| {
            let n = At("math.factorial", "n").count(&args[0])?;
            if n > MAX_FACTORIAL {
                let message = format!("`math.factorial`: `n` is {n}, the limit is {MAX_FACTORIAL}");
                return Err(Fault::new(Kind::Limit, message));
            }
            Ok(Value::big(product(1, n as u64)))
        }),
    ),
    function_of(
        "math.isqrt",
        &[required("n")],
        "The square root of an int, rounded down, exact at any size.\nmath.isqrt(17) == 4",
        Pure(|_, args| {
            let at = At("math.isqrt", "n");
            let n = integer(at, &args[0])?;
            if n.is_negative() {
                return Err(at.bad("not be negative"));
            }
            Ok(Value::big(BigInt::from(big::square_root(n.magnitude())?)))
        }),
    ),
    function_of(
        "math.is_close",
        &[required("a"), required("b"), optional("relative", "1e-9"), optional("absolute", "0.0")],
        "Whether two numbers differ by rounding only.\nmath.is_close(0.1 + 0.2, 0.3)",
        Pure(|_, args| {
            let at = |name| At("math.is_close", name);
            let (a, b) = (number(at("a"), &args[0])?, number(at("b"), &args[1])?);
            let relative = given(&args[2]).map_or(Ok(1e-9), |value| number(at("relative"), value))?;
            let absolute = given(&args[3]).map_or(Ok(0.0), |value| number(at("absolute"), value))?;
            let near = (a - b).abs() <= (relative * a.abs().max(b.abs())).max(absolute);
            Ok(Value::bool(a == b || (near && a.is_finite() && b.is_finite())))
        }),
    ),
];

type Native = fn(&mut Context, &mut [Value]) -> Result<Value, Fault>;

const fn constant(name: &'static str, doc: &'static str, run: Native) -> Declaration {
    function_of(name, &[], doc, Run::Pure(run))
}

/// A function of one number.
const fn real(name: &'static str, doc: &'static str, run: Native) -> Declaration {
    function_of(name, X, doc, Run::Pure(run))
}

fn number(at: At, value: &Value) -> Result<f64, Fault> {
    match value {
        Value::Int(_) | Value::Float(_) | Value::Big(_) => int_to_float(value),
        other => Err(at.wrong("a number", other)),
    }
}

fn integer(at: At, value: &Value) -> Result<BigInt, Fault> {
    match value {
        Value::Int(int) => Ok(BigInt::from(*int)),
        Value::Big(int) => Ok(BigInt::clone(int)),
        other => Err(at.wrong("an int", other)),
    }
}

fn unary(function: &'static str, args: &[Value], run: fn(f64) -> f64) -> Result<Value, Fault> {
    let x = number(At(function, "x"), &args[0])?;
    finite(function, run(x), x.is_finite(), x.is_nan())
}

/// A result, unless it is nan or infinite where the arguments are not.
fn finite(function: &str, result: f64, finite: bool, nan: bool) -> Result<Value, Fault> {
    if result.is_nan() && !nan {
        return Err(Fault::value_error(format!("`{function}` has no value for this")));
    }
    if result.is_infinite() && finite {
        return Err(Fault::new(Kind::Overflow, format!("the result of `{function}` is too large for a float")));
    }
    Ok(Value::float(result))
}

fn logarithm(at: At, value: &Value, log: fn(f64) -> f64) -> Result<f64, Fault> {
    // An int may be larger than any float; its logarithm is not.
    if let Value::Big(int) = value
        && int.is_positive()
    {
        let shift = int.bits().saturating_sub(1000);
        let head = (&**int >> shift).to_f64().unwrap_or(f64::MAX);
        return Ok(log(head) + shift as f64 * log(2.0));
    }
    let x = number(at, value)?;
    if x <= 0.0 { Err(at.bad("be above 0")) } else { Ok(log(x)) }
}

fn to_int(function: &'static str, args: &[Value], cut: fn(f64) -> f64) -> Result<Value, Fault> {
    match &args[0] {
        Value::Int(_) | Value::Big(_) => Ok(args[0].clone()),
        other => whole(cut(number(At(function, "x"), other)?), function),
    }
}

/// The product of all ints from `first` to `last`, by halves, so that large factors meet large ones.
fn product(first: u64, last: u64) -> BigInt {
    if last < first + 8 {
        return (first..=last).map(BigInt::from).product();
    }
    let middle = first + (last - first) / 2;
    product(first, middle) * product(middle + 1, last)
}
