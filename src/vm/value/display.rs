//! Values as text: what `print` and `str()` write, and how values look inside containers.

use super::big;
use super::walk::Children;
use super::{Array, Function, Value};
use crate::escape;
use crate::vm::fault::Fault;
use crate::vm::native::Context;
use std::fmt::Write;

/// Containers inside so many others are written as `[...]`.
pub const MAX_DEPTH: usize = 100;
/// A text that has grown to so many bytes is ended with `…`.
pub const MAX_TEXT: usize = 1 << 30;

/// A longer int is not written out in messages: that takes time.
const MOST_BRIEF_BITS: u64 = 1 << 14;

/// What `print` and `str()` write: a str is its text, an error its message, anything else is as in containers.
pub fn display(cx: &Context, value: &Value) -> Result<String, Fault> {
    match value {
        Value::Str(text) => Ok(text.as_str().to_owned()),
        Value::Error(error) => match &error.message {
            Value::Str(text) => Ok(text.as_str().to_owned()),
            other => repr(cx, other),
        },
        other => repr(cx, other),
    }
}

/// How a value looks inside containers, strs with quotes.
pub fn repr(cx: &Context, value: &Value) -> Result<String, Fault> {
    let mut out = String::new();
    write(Some(cx), &mut out, value, MAX_TEXT)?;
    Ok(out)
}

/// An integer in decimal at the end of a text.
#[inline(always)]
pub fn push_int(text: &mut String, int: i64) {
    // The digits of 64 bits and a sign.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    text.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// A short form for messages.
pub fn brief(value: &Value) -> String {
    const MOST: usize = 40;
    let mut out = String::new();
    // Only what takes long can fail, and long ints are not written here.
    let _ = write(None, &mut out, value, 4 * MOST);
    match out.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &out[..at]),
        None => out,
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        const MOST: usize = 1000;
        let mut out = String::new();
        let _ = write(None, &mut out, self, MOST);
        f.write_str(&out)
    }
}

struct Open<'a> {
    children: Children<'a>,
    map: bool,
    count: usize,
    close: &'static str,
}

fn write(cx: Option<&Context>, out: &mut String, value: &Value, most: usize) -> Result<(), Fault> {
    let mut open: Vec<Open> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next {
            let (start, close) = match value {
                Value::List(_) => ("[", "]"),
                Value::Map(_) => ("{", "}"),
                Value::Set(_) => ("set([", "])"),
                _ => ("", ""),
            };
            if start.is_empty() {
                write_leaf(cx, out, value, most)?;
            } else if open.len() >= MAX_DEPTH {
                out.push_str(start);
                out.push_str("...");
                out.push_str(close);
            } else if let Some(children) = Children::of(value) {
                out.push_str(start);
                open.push(Open { children, map: matches!(value, Value::Map(_)), count: 0, close });
            }
            if out.len() > most {
                out.push('…');
                return Ok(());
            }
        }
        let Some(inner) = open.last_mut() else { return Ok(()) };
        next = inner.children.next();
        if next.is_none() {
            out.push_str(inner.close);
            open.pop();
        } else {
            match inner.count {
                0 => {}
                n if inner.map && n % 2 == 1 => out.push_str(": "),
                _ => out.push_str(", "),
            }
            inner.count += 1;
        }
    }
}

fn write_leaf(cx: Option<&Context>, out: &mut String, value: &Value, most: usize) -> Result<(), Fault> {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Undefined | Value::Null => out.write_str("null"),
        Value::False => out.write_str("false"),
        Value::True => out.write_str("true"),
        Value::Int(int) => {
            push_int(out, *int);
            Ok(())
        }
        Value::Big(int) if cx.is_none() && int.bits() > MOST_BRIEF_BITS => {
            write!(out, "<an int of {} bits>", int.bits())
        }
        Value::Big(int) => out.write_str(&big::decimal(int)?),
        Value::Float(float) => out.write_str(&float_text(float.get())),
        Value::Str(text) => {
            write_str(out, text);
            Ok(())
        }
        Value::Bytes(bytes) => {
            write_bytes(out, bytes);
            Ok(())
        }
        Value::Range(range) if range.step == 1 => write!(out, "{}..{}", range.start, range.end),
        Value::Range(range) => write!(out, "range({}, {}, {})", range.start, range.end, range.step),
        Value::Function(function) => {
            let name = match &**function {
                Function::Closure { proto, .. } => cx.and_then(|cx| cx.names.get(*proto as usize)).map_or("", |n| n),
                Function::Native(_) => "",
            };
            if name.is_empty() { out.write_str("<fn>") } else { write!(out, "<fn {name}>") }
        }
        Value::Array(array) => {
            write_array(out, array, most);
            Ok(())
        }
        Value::Error(error) => {
            out.push_str("error(");
            for (at, part) in [&error.kind, &error.message].into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                match part {
                    Value::Str(text) => write_str(out, text),
                    other => out.push_str(other.type_name()),
                }
            }
            out.write_str(")")
        }
        Value::Stream(stream) => match stream.state.try_borrow() {
            Ok(state) => out.write_str(&state.name),
            Err(_) => out.write_str("<stream>"),
        },
        Value::Handle(handle) => match cx {
            Some(cx) => out.write_str(&(cx.describe)(handle.key())),
            None => write!(out, "<{}>", value.type_name()),
        },
        Value::List(_) | Value::Map(_) | Value::Set(_) => Ok(()),
    };
    Ok(())
}

fn write_array(out: &mut String, array: &Array, most: usize) {
    out.push_str(if matches!(array, Array::Ints(_)) { "ints([" } else { "floats([" });
    for at in 0..array.len() {
        if at > 0 {
            out.push_str(", ");
        }
        match array.at(at) {
            Value::Float(float) => out.push_str(&float_text(float.get())),
            Value::Int(int) => push_int(out, int),
            _ => {}
        }
        if out.len() > most {
            return;
        }
    }
    out.push_str("])");
}

/// Single quotes, but double ones around a text with single and without double quotes.
fn quote(single: bool, double: bool) -> char {
    if single && !double { '"' } else { '\'' }
}

fn write_str(out: &mut String, text: &str) {
    let quote = quote(text.contains('\''), text.contains('"'));
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            char if char == quote => {
                out.push('\\');
                out.push(char);
            }
            char => escape::push(out, char),
        }
    }
    out.push(quote);
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = quote(bytes.contains(&b'\''), bytes.contains(&b'"'));
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'\\' => out.push_str("\\\\"),
            byte if byte as char == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(byte as char),
            byte => _ = write!(out, "\\x{byte:02x}"),
        }
    }
    out.push(quote);
}

/// A float as Python prints it: the shortest digits that give it back, an exponent below 1e-4 and from 1e16 on.
pub fn float_text(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "nan"
        } else if float > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(float);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if let Some((digits, exponent)) = digits.split_once('e') {
        let (mark, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{sign}{digits}e{mark}{exponent:0>2}");
    }
    match digits.strip_prefix("0.0000") {
        // 0.00001234, which Python writes as 1.234e-05.
        Some(digits) if !digits.is_empty() => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e-05")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
