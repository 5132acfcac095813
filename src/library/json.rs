//! The module `json`: values as JSON text and back, without recursion, so that nesting has no limit.

use super::arguments::{At, given};
use super::function_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Declaration, Run::Pure, optional, required};
use crate::vm::value::big;
use crate::vm::value::display::float_text;
use crate::vm::value::{List, Map, Value};
use num_bigint::{BigInt, Sign};
use std::fmt::Write;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "json.parse",
        &[required("text")],
        "The value that a JSON text describes. Ints are exact at any size; keys keep their order, the last of equal ones counts.\njson.parse('{\"a\": [1, 2.5, null]}') == {a: [1, 2.5, null]}",
        Pure(|_, args| Parser::new(At("json.parse", "text").text(&args[0])?).whole()),
    ),
    function_of(
        "json.text",
        &[required("value"), optional("indent", "null")],
        "The value as a JSON text, on one line, or over several lines with so many blanks before what is inside.\njson.text({a: [1, 2.5, null]}) == '{\"a\": [1, 2.5, null]}'",
        Pure(|_, args| {
            let indent = given(&args[1]).map(|indent| At("json.text", "indent").count(indent)).transpose()?;
            text(&args[0], indent).map(Value::str)
        }),
    ),
];

/// A list or map that is not complete yet.
enum Open {
    List(List),
    Map(Map, Value),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parser<'a> {
        Parser { text, at: 0 }
    }

    fn whole(mut self) -> Result<Value, Fault> {
        let mut open: Vec<Open> = Vec::new();
        'value: loop {
            let mut value = match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    if self.peek() != Some(b']') {
                        open.push(Open::List(List::new()));
                        continue 'value;
                    }
                    self.at += 1;
                    Value::list(List::new())
                }
                Some(b'{') => {
                    self.at += 1;
                    if self.peek() != Some(b'}') {
                        let key = self.key()?;
                        open.push(Open::Map(Map::default(), key));
                        continue 'value;
                    }
                    self.at += 1;
                    Value::map(Map::default())
                }
                Some(b'"') => self.string().map(Value::str)?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => self.word()?,
            };
            // A value may complete lists and maps around it.
            loop {
                let next = self.peek();
                match open.pop() {
                    None if next.is_some() => return Err(self.unexpected("the end of the text")),
                    None => return Ok(value),
                    Some(Open::List(mut items)) => {
                        items.push(value);
                        match next {
                            Some(b',') => {
                                self.at += 1;
                                open.push(Open::List(items));
                                continue 'value;
                            }
                            Some(b']') => value = Value::list(items),
                            _ => return Err(self.unexpected("`,` or `]`")),
                        }
                    }
                    Some(Open::Map(mut map, key)) => {
                        map.insert(key, value);
                        match next {
                            Some(b',') => {
                                self.at += 1;
                                self.peek();
                                let key = self.key()?;
                                open.push(Open::Map(map, key));
                                continue 'value;
                            }
                            Some(b'}') => value = Value::map(map),
                            _ => return Err(self.unexpected("`,` or `}`")),
                        }
                    }
                }
                self.at += 1;
            }
        }
    }

    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += blank.unwrap_or(rest.len());
        self.text.as_bytes().get(self.at).copied()
    }

    fn key(&mut self) -> Result<Value, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:` after the key"));
        }
        self.at += 1;
        Ok(Value::str(key))
    }

    fn word(&mut self) -> Result<Value, Fault> {
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())];
        let value = match word {
            "null" => Value::Null,
            "true" => Value::True,
            "false" => Value::False,
            _ => return Err(self.unexpected("a value")),
        };
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = &self.text[self.at..];
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let written = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        let unsigned = written.strip_prefix('-').unwrap_or(written);
        let (whole, fraction) = unsigned.split_at(unsigned.find(['.', 'e', 'E']).unwrap_or(unsigned.len()));
        let (decimals, exponent) = fraction.split_at(fraction.find(['e', 'E']).unwrap_or(fraction.len()));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let good = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && (decimals.is_empty() || digits(&decimals[1..]))
            && (exponent.is_empty() || digits(exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..])));
        let value = if !good {
            None
        } else if fraction.is_empty() {
            match written.parse() {
                Ok(int) => Some(Value::Int(int)),
                Err(_) => big::parse(whole, 10)?.map(|int| {
                    let sign = if whole.len() < written.len() { Sign::Minus } else { Sign::Plus };
                    Value::big(BigInt::from_biguint(sign, int))
                }),
            }
        } else {
            written.parse().map(Value::float).ok()
        };
        let value = value.ok_or_else(|| self.wrong(format!("`{written}` is no number of JSON")))?;
        self.at += written.len();
        Ok(value)
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ').unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes().get(plain) {
                None => return Err(self.unexpected("`\"` at the end of the string")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.wrong("a string goes on over a line or holds a control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let c = match self.text.as_bytes().get(self.at + 1) {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(*c),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("unknown escape in a string")),
        };
        self.at += 2;
        Ok(c)
    }

    /// `\uHHHH`, or two of them for one character beyond the first 65,536.
    fn unicode(&mut self) -> Result<char, Fault> {
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
            let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            if hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None }
        };
        let Some(first) = unit(self.at) else { return Err(self.wrong("`\\u` needs four hexadecimal digits")) };
        let (code, len) = match (first, unit(self.at + 6)) {
            (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
                (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
            }
            _ => (first, 6),
        };
        let Some(c) = char::from_u32(code) else { return Err(self.wrong("half of a surrogate pair stands alone")) };
        self.at += len;
        Ok(c)
    }

    #[cold]
    fn unexpected(&self, wanted: &str) -> Fault {
        match self.text[self.at..].chars().next() {
            Some(found) if found.is_control() => self.wrong(format!("expected {wanted}, found {found:?}")),
            Some(found) => self.wrong(format!("expected {wanted}, found `{found}`")),
            None => self.wrong(format!("expected {wanted}, but the text ends")),
        }
    }

    #[cold]
    fn wrong(&self, what: impl std::fmt::Display) -> Fault {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1;
        let mut data = Map::default();
        data.insert(Value::from("line"), Value::count(line));
        data.insert(Value::from("column"), Value::count(column));
        Fault::new(Kind::Parse, format!("`json.parse`: {what} (line {line}, column {column})")).data(Value::map(data))
    }
}

/// What is being written: a list or map, and the position in it.
struct Inside<'a> {
    value: &'a Value,
    at: usize,
    first: bool,
}

impl<'a> Inside<'a> {
    /// The next part, with its key in a map.
    fn next(&mut self) -> Option<(Option<&'a Value>, &'a Value)> {
        match self.value {
            Value::List(items) => {
                self.at += 1;
                items.get(self.at - 1).map(|item| (None, item))
            }
            Value::Map(map) => {
                while self.at < map.end() {
                    self.at += 1;
                    if let Some((key, value)) = map.entry(self.at - 1) {
                        return Some((Some(key), value));
                    }
                }
                None
            }
            _ => None,
        }
    }
}

fn text(value: &Value, indent: Option<usize>) -> Result<String, Fault> {
    let mut out = String::new();
    let mut open: Vec<Inside> = Vec::new();
    let mut next = Some(value);
    let new_line = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    loop {
        match next {
            Some(Value::List(items)) if items.is_empty() => out.push_str("[]"),
            Some(Value::Map(map)) if map.is_empty() => out.push_str("{}"),
            Some(value @ (Value::List(_) | Value::Map(_))) => {
                out.push(if matches!(value, Value::List(_)) { '[' } else { '{' });
                open.push(Inside { value, at: 0, first: true });
            }
            Some(value) => leaf(&mut out, value)?,
            None => {}
        }
        let depth = open.len();
        let Some(inside) = open.last_mut() else { return Ok(out) };
        let Some((key, value)) = inside.next() else {
            let close = if matches!(inside.value, Value::List(_)) { ']' } else { '}' };
            open.pop();
            new_line(&mut out, depth - 1);
            out.push(close);
            next = None;
            continue;
        };
        if !inside.first {
            out.push_str(if indent.is_some() { "," } else { ", " });
        }
        inside.first = false;
        new_line(&mut out, depth);
        if let Some(key) = key {
            let Some(key) = key.as_str() else {
                let message = format!("`json.text`: a key must be a str, got {}", key.type_name());
                return Err(Fault::type_error(message).help("write `{str(k): v for k, v in m}` first"));
            };
            string(&mut out, key);
            out.push_str(": ");
        }
        next = Some(value);
    }
}

fn leaf(out: &mut String, value: &Value) -> Result<(), Fault> {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Undefined | Value::Null => out.write_str("null"),
        Value::True => out.write_str("true"),
        Value::False => out.write_str("false"),
        Value::Int(int) => write!(out, "{int}"),
        Value::Big(int) => out.write_str(&big::decimal(int)?),
        Value::Float(float) if float.get().is_finite() => out.write_str(&float_text(float.get())),
        Value::Float(float) => {
            let message = format!("`json.text`: JSON has no {}", float_text(float.get()));
            return Err(Fault::value_error(message).help("put null or a str in its place"));
        }
        Value::Str(text) => {
            string(out, text);
            Ok(())
        }
        other => {
            let fault = Fault::type_error(format!("`json.text`: JSON has no {}", other.type_name()));
            return Err(match other {
                Value::Set(_) | Value::Range(_) | Value::Array(_) | Value::Stream(_) => {
                    fault.help("`.list()` makes a list of it")
                }
                Value::Bytes(_) => fault.help("`.decode()` or `.hex()` makes a str of them"),
                _ => fault,
            });
        }
    };
    Ok(())
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
}
