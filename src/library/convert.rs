//! Functions that make values of one type from another, and those about values as such.

use super::arguments::{At, character, given, not_looped, room_for, take, try_items};
use super::{LOOPED, function_of, hidden, method_of};
use crate::vm::fault::{Fault, Kind, assert_failed};
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::value::big;
use crate::vm::value::display::{brief, display, repr};
use crate::vm::value::index::check_key;
use crate::vm::value::{Array, ErrorValue, Order, Range, Ref, Set, Value, equal, order};
use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "type",
        &[required("value")],
        "The name of a value's type, as a str.\ntype(1.5) == 'float'",
        Pure(|_, args| Ok(Value::from(args[0].type_name()))),
    ),
    function_of(
        "str",
        &[required("value")],
        "A value as text, as `print` writes it.\nstr(1.5) == '1.5'",
        Pure(|cx, args| match &args[0] {
            text @ Value::Str(_) => Ok(text.clone()),
            other => display(cx, other).map(Value::str),
        }),
    ),
    function_of(
        "repr",
        &[required("value")],
        "A value as text, as containers print it: strs in quotes.\nrepr('a') == \"'a'\"",
        Pure(|cx, args| repr(cx, &args[0]).map(Value::str)),
    ),
    function_of(
        "int",
        &[required("value"), optional("base", "10")],
        "An int from a str, a bool or a float, which loses its fraction.\nint('42') == 42 and int('ff', 16) == 255",
        Pure(int),
    ),
    function_of(
        "float",
        &[required("value")],
        "A float from a str, an int or a bool.\nfloat('1e3') == 1000.0",
        Pure(float),
    ),
    function_of(
        "bool",
        &[required("value")],
        "`false` for null, false, zero and what is empty, `true` for everything else.\nbool('a') and not bool([])",
        Pure(|_, args| Ok(Value::bool(truth(&args[0])))),
    ),
    function_of(
        "bytes",
        &[required("value")],
        "Bytes from a str (as UTF-8), from ints of 0 to 255, or so many zeros.\nbytes('é').len() == 2 and bytes([65]) == b'A'",
        Pure(bytes),
    ),
    function_of(
        "list",
        &[optional("items", "[]")],
        "A list of all items; of a map its keys. Reads a stream to its end.\nlist(0..3) == [0, 1, 2] and list() == []",
        Script("fn list(items = []) = __items('list', items)"),
    ),
    method_of(
        "list",
        LOOPED,
        &[],
        "A list of all items; of a map its keys. Reads a stream to its end.\n(0..3).list() == [0, 1, 2]",
        Script("fn list(self_) = __items('list', self_)"),
    ),
    function_of(
        "set",
        &[optional("items", "[]")],
        "A set of all items; of a map its keys.\nset([2, 1, 2]) == set([1, 2]) and set().len() == 0",
        Script("fn set(items = []) = __set(__items('set', items))"),
    ),
    method_of(
        "set",
        LOOPED,
        &[],
        "A set of all items; of a map its keys.\n'aab'.set() == set(['a', 'b'])",
        Script("fn set(self_) = __set(__items('set', self_))"),
    ),
    function_of(
        "range",
        &[required("start"), optional("end", "null"), optional("step", "1")],
        "The ints from `start` up to but without `end`; `range(n)` starts at 0.\nrange(2, 10, 3).list() == [2, 5, 8]",
        Pure(range),
    ),
    function_of(
        "ints",
        &[required("source")],
        "An array of ints: so many zeros, or the items of something.\nints(3).list() == [0, 0, 0] and ints([4, 5])[1] == 5",
        Pure(ints),
    ),
    function_of(
        "floats",
        &[required("source")],
        "An array of floats: so many zeros, or the items of something.\nfloats([1, 2.5]).sum() == 3.5",
        Pure(floats),
    ),
    function_of(
        "error",
        &[required("kind"), optional("message", "null"), optional("data", "null")],
        "An error to throw: `error(kind, message, data)`, or `error(message)` of kind `user`.\nerror('mine', 'text').kind == 'mine'",
        Pure(error),
    ),
    function_of(
        "chr",
        &[required("code")],
        "The character with this code point.\nchr(97) == 'a'",
        Pure(|_, args| {
            let at = At("chr", "code");
            let code = u32::try_from(at.int(&args[0])?).ok().and_then(char::from_u32);
            code.map(character)
                .ok_or_else(|| at.bad("be the code of a character, 0 to 0x10ffff without the surrogates"))
        }),
    ),
    function_of(
        "ord",
        &[required("character")],
        "The code point of a character.\nord('a') == 97",
        Pure(|_, args| {
            let at = At("ord", "character");
            let mut chars = at.text(&args[0])?.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
                _ => Err(at.bad("be one character")),
            }
        }),
    ),
    function_of(
        "assert",
        &[required("condition"), optional("message", "null")],
        "Raises an error of kind `assert` unless the condition is true; a comparison shows both sides.\nassert(1 < 2, 'order') == null",
        Pure(assert),
    ),
    hidden(
        "__items",
        &[required("name"), required("values")],
        Script(
            "fn __items(name, values) {
                if values is stream or values is handle { return [x for x in values] }
                __list(name, values)
            }",
        ),
    ),
    hidden("__list", &[required("name"), required("values")], Pure(list)),
    hidden("__set", &[required("values")], Pure(set)),
    hidden(
        "__assert_compared",
        &[required("operator"), required("a"), required("b"), required("message")],
        Pure(assert_compared),
    ),
];

/// The items of data as a list, for the function with this name; a list itself is given back as it is.
fn list(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    match &args[1] {
        items @ Value::List(_) => Ok(items.clone()),
        other => {
            let function = args[0].as_str().unwrap_or_default();
            let items = try_items(function, other)?.ok_or_else(|| not_looped(function, "self", other))?;
            Ok(Value::list(items.into_owned()))
        }
    }
}

/// A set of the items of data.
fn set(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    if let Value::Set(_) = &args[0] {
        return Ok(args[0].clone());
    }
    let items = At("set", "values").items(&args[0])?;
    let mut set = Set::with_capacity(items.len());
    for item in items.iter() {
        check_key(item)?;
        set.insert(item.clone(), ());
    }
    Ok(Value::Set(Ref::new(set)))
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Undefined | Value::Null | Value::False | Value::Int(0) => false,
        Value::Float(float) => float.get() != 0.0,
        Value::Str(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(map) => !map.is_empty(),
        Value::Set(set) => !set.is_empty(),
        Value::Range(range) => !range.is_empty(),
        Value::Array(array) => !array.is_empty(),
        _ => true,
    }
}

fn int(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    if let Some(base) = given(&args[1]) {
        let base = At("int", "base").int(base)?;
        if base != 0 && !(2..=36).contains(&base) {
            return Err(At("int", "base").bad("be 2 to 36, or 0 to read `0x`, `0o` and `0b`"));
        }
        let text = At("int", "value").text(&args[0])?;
        return parse_int(text, base as u32)?.ok_or_else(|| not_a("an int", &args[0]));
    }
    match &args[0] {
        int @ (Value::Int(_) | Value::Big(_)) => Ok(int.clone()),
        Value::True => Ok(Value::Int(1)),
        Value::False => Ok(Value::Int(0)),
        Value::Float(float) => whole(float.get(), "int"),
        Value::Str(text) => parse_int(text, 10)?.ok_or_else(|| {
            let fault = not_a("an int", &args[0]);
            match parse_float(text) {
                Some(_) => fault.help("`int(float(text))` reads a number with a fraction"),
                None => fault.help("`try int(text) else 0` gives 0 for such a text"),
            }
        }),
        other => Err(At("int", "value").wrong("a str, float or bool", other)),
    }
}

/// A float without its fraction, as an int.
pub(super) fn whole(float: f64, function: &str) -> Result<Value, Fault> {
    match BigInt::from_f64(float) {
        Some(int) => Ok(Value::big(int)),
        None if float.is_nan() => Err(Fault::value_error(format!("`{function}`: nan has no int"))),
        None => Err(Fault::new(Kind::Overflow, format!("`{function}`: an infinite float has no int"))),
    }
}

#[cold]
fn not_a(what: &str, text: &Value) -> Fault {
    Fault::value_error(format!("{} is not {what}", brief(text)))
}

/// Reads an int, with white space around, a sign, `_` between digits, and the prefix that fits the base.
pub(super) fn parse_int(text: &str, base: u32) -> Result<Option<Value>, Fault> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let prefixed = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 0,
    };
    let (base, digits) = match (base, prefixed) {
        (0, 0) => (10, digits),
        (base, prefix) if prefix != 0 && (base == 0 || base == prefix) => (prefix, &digits[2..]),
        (base, _) => (base, digits),
    };
    let Some(digits) = without_underscores(digits) else { return Ok(None) };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Ok(None);
    }
    if let Ok(int) = i64::from_str_radix(&digits, base) {
        return Ok(Some(Value::Int(if negative { -int } else { int })));
    }
    let int = big::parse(&digits, base)?.map(BigInt::from);
    Ok(int.map(|int| Value::big(if negative { -int } else { int })))
}

/// The text without underscores, which must stand between digits.
fn without_underscores(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let bytes = text.as_bytes();
    let alone = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        !before.is_some_and(u8::is_ascii_alphanumeric) || !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
    };
    if memchr::memchr_iter(b'_', bytes).any(alone) { None } else { Some(text.replace('_', "").into()) }
}

fn float(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    match &args[0] {
        float @ Value::Float(_) => Ok(float.clone()),
        Value::Int(int) => Ok(Value::float(*int as f64)),
        Value::Big(int) => match int.to_f64() {
            Some(float) if float.is_finite() => Ok(Value::float(float)),
            _ => Err(Fault::new(Kind::Overflow, "`float`: the int is beyond the range of floats")),
        },
        Value::True => Ok(Value::float(1.0)),
        Value::False => Ok(Value::float(0.0)),
        Value::Str(text) => parse_float(text)
            .map(Value::float)
            .ok_or_else(|| not_a("a float", &args[0]).help("`try float(text) else 0.0` gives 0.0 for such a text")),
        other => Err(At("float", "value").wrong("a str, int or bool", other)),
    }
}

/// Reads a float, with white space around and `_` between digits.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    without_underscores(text.trim())?.parse().ok()
}

fn bytes(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let at = At("bytes", "value");
    let bytes = match &args[0] {
        same @ Value::Bytes(_) => return Ok(same.clone()),
        Value::Str(text) => text.as_bytes().to_vec(),
        Value::Int(_) | Value::Big(_) => {
            let count = at.count(&args[0])?;
            room_for::<u8>("bytes", count)?;
            vec![0; count]
        }
        other => {
            let Some(items) = try_items(at.0, other)? else {
                return Err(at.wrong("a str, ints or a number of zeros", other));
            };
            let byte = |item: &Value| match item {
                Value::Int(int) => u8::try_from(*int).map_err(|_| at.bad("have ints of 0 to 255")),
                other => Err(at.wrong("ints", other)),
            };
            items.iter().map(byte).collect::<Result<_, _>>()?
        }
    };
    Ok(Value::bytes(bytes))
}

fn range(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let bound = |parameter, value: &Value| {
        At("range", parameter).int(value).map_err(|fault| match value {
            Value::Float(_) => fault.help("`int(x)` makes an int of a float, `a // b` gives an int for ints"),
            _ => fault,
        })
    };
    let first = bound("start", &args[0])?;
    let (start, end) = match given(&args[1]) {
        Some(end) => (first, bound("end", end)?),
        None => (0, first),
    };
    let step = match given(&args[2]) {
        Some(step) => bound("step", step)?,
        None => 1,
    };
    if step == 0 {
        return Err(At("range", "step").bad("not be 0"));
    }
    Ok(Value::Range(Ref::new(Range { start, end, step })))
}

/// `ints` and `floats`: zeros, or each item of something by `number`.
fn array<T: Clone>(
    function: &'static str,
    source: &Value,
    zero: T,
    number: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Fault> {
    let at = At(function, "source");
    if let Value::Int(_) | Value::Big(_) = source {
        let count = at.count(source)?;
        room_for::<T>(function, count)?;
        return Ok(vec![zero; count]);
    }
    let items = match try_items(function, source)? {
        Some(items) => items,
        None => return Err(at.wrong("a count or something to loop over", source)),
    };
    let of_index = |(index, item): (usize, &Value)| {
        number(item).ok_or_else(|| match item {
            Value::Big(_) => at.bad(&format!("have ints of 64 bits, item {index} is larger")),
            _ => {
                let wanted = function.trim_start_matches("shared_");
                Fault::type_error(format!("`{function}` wants {wanted}, got {} at index {index}", item.type_name()))
            }
        })
    };
    items.iter().enumerate().map(of_index).collect()
}

fn ints(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    Ok(Value::Array(Ref::new(int_array("ints", &args[0])?)))
}

/// An array of ints, of zeros or of items.
pub(super) fn int_array(function: &'static str, source: &Value) -> Result<Array, Fault> {
    let number = |item: &Value| if let Value::Int(int) = item { Some(*int) } else { None };
    Ok(Array::Ints(array(function, source, 0, number)?.into()))
}

fn floats(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    Ok(Value::Array(Ref::new(float_array("floats", &args[0])?)))
}

/// An array of floats, of zeros or of items.
pub(super) fn float_array(function: &'static str, source: &Value) -> Result<Array, Fault> {
    let number = |item: &Value| match item {
        Value::Float(float) => Some(float.get()),
        Value::Int(int) => Some(*int as f64),
        Value::Big(int) => int.to_f64().filter(|float| float.is_finite()),
        _ => None,
    };
    Ok(Array::Floats(array(function, source, 0.0, number)?.into()))
}

fn error(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let (kind, message) = match given(&args[1]) {
        Some(message) => {
            At("error", "kind").text(&args[0])?;
            At("error", "message").text(message)?;
            (args[0].clone(), message.clone())
        }
        None => {
            At("error", "message").text(&args[0])?;
            (Value::from("user"), args[0].clone())
        }
    };
    let error = ErrorValue {
        kind,
        message,
        data: take(&mut args[2]),
        trace: Vec::new(),
        related: Vec::new(),
        process: Value::Null,
        process_name: Value::Null,
        cause: Value::Null,
        help: None,
        exit: None,
        at: 0,
    };
    Ok(Value::Error(Ref::new(error)))
}

/// `assert(a == b, message)` of sides that were computed elsewhere.
fn assert_compared(cx: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let (symbol, a, b) = (args[0].as_str().unwrap_or_default(), &args[1], &args[2]);
    let holds = match symbol {
        "==" => equal(a, b),
        "!=" => !equal(a, b),
        "<" => order(Order::Lt, a, b)?,
        "<=" => order(Order::Le, a, b)?,
        ">" => order(Order::Gt, a, b)?,
        _ => order(Order::Ge, a, b)?,
    };
    if holds {
        return Ok(Value::Null);
    }
    let message = given(&args[3]).map(|message| display(cx, message)).transpose()?;
    Err(assert_failed(symbol, &repr(cx, a)?, &repr(cx, b)?, message))
}

fn assert(cx: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    match &args[0] {
        Value::True => Ok(Value::Null),
        Value::False => {
            let message = match given(&args[1]) {
                Some(text) => display(cx, text)?,
                None => "assertion failed".to_owned(),
            };
            Err(Fault::new(Kind::Assert, message))
        }
        other => Err(At("assert", "condition").wrong("a bool", other)),
    }
}
