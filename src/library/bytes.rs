//! Methods of bytes.

use super::arguments::{At, given};
use super::method_of;
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::Value;

const BYTES: &[Type] = &[Type::Bytes];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "decode",
        BYTES,
        &[optional("errors", "'strict'")],
        "The text that the bytes mean in UTF-8; with `errors = 'replace'` wrong bytes become '\u{fffd}'.\nb'abc'.decode() == 'abc'",
        Pure(decode),
    ),
    method_of(
        "hex",
        BYTES,
        &[],
        "The bytes as hexadecimal digits.\nb'\\x01\\xff'.hex() == '01ff'",
        Pure(|_, args| {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
            Ok(Value::str(
                own(&args[0], "hex")?.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect::<String>(),
            ))
        }),
    ),
    method_of(
        "from_hex",
        super::text::STR,
        &[],
        "The bytes that hexadecimal digits mean; white space between them is left out.\n'01 ff'.from_hex() == b'\\x01\\xff'",
        Pure(from_hex),
    ),
    method_of(
        "starts_with",
        BYTES,
        &[required("prefix")],
        "Whether the bytes start with these.\nb'abc'.starts_with(b'ab')",
        Pure(|_, args| {
            Ok(Value::bool(own(&args[0], "starts_with")?.starts_with(part(&args[1], "starts_with", "prefix")?)))
        }),
    ),
    method_of(
        "ends_with",
        BYTES,
        &[required("suffix")],
        "Whether the bytes end with these.\nb'abc'.ends_with(b'bc')",
        Pure(|_, args| Ok(Value::bool(own(&args[0], "ends_with")?.ends_with(part(&args[1], "ends_with", "suffix")?)))),
    ),
    method_of(
        "count",
        BYTES,
        &[required("part")],
        "How often these bytes stand there, without overlaps.\nb'banana'.count(b'an') == 2",
        Pure(|_, args| {
            let wanted = some_part(&args[1], "count", "part")?;
            Ok(Value::count(memchr::memmem::find_iter(own(&args[0], "count")?, wanted).count()))
        }),
    ),
    method_of(
        "split",
        BYTES,
        &[required("sep"), optional("limit", "null")],
        "The parts between `sep`; `limit` is the most splits to make.\nb'a,b'.split(b',') == [b'a', b'b']",
        Pure(split),
    ),
    method_of(
        "replace",
        BYTES,
        &[required("old"), required("new")],
        "The bytes with `new` for each `old`.\nb'aba'.replace(b'a', b'x') == b'xbx'",
        Pure(replace),
    ),
];

fn own<'a>(value: &'a Value, function: &'static str) -> Result<&'a [u8], Fault> {
    part(value, function, "self")
}

fn part<'a>(value: &'a Value, function: &'static str, parameter: &'static str) -> Result<&'a [u8], Fault> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(At(function, parameter).wrong("bytes", other)),
    }
}

fn some_part<'a>(value: &'a Value, function: &'static str, parameter: &'static str) -> Result<&'a [u8], Fault> {
    match part(value, function, parameter)? {
        [] => Err(At(function, parameter).bad("not be empty")),
        bytes => Ok(bytes),
    }
}

fn decode(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let bytes = own(&args[0], "decode")?;
    let replace = match given(&args[1]) {
        None => false,
        Some(errors) => match At("decode", "errors").text(errors)? {
            "strict" => false,
            "replace" => true,
            _ => return Err(At("decode", "errors").bad("be 'strict' or 'replace'")),
        },
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) if replace => Ok(Value::str(String::from_utf8_lossy(bytes))),
        Err(error) => {
            let at = error.valid_up_to();
            Err(Fault::value_error(format!("the bytes are not UTF-8: 0x{:02x} at index {at}", bytes[at]))
                .help("`.decode('replace')` puts '\u{fffd}' for what is not text"))
        }
    }
}

fn from_hex(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let at = At("from_hex", "self");
    let bad = || at.bad("be pairs of hexadecimal digits");
    let text = at.text(&args[0])?;
    let digits = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).map(|digit| digit as u8));
    let digits = digits.collect::<Option<Vec<u8>>>().ok_or_else(bad)?;
    if digits.len() % 2 != 0 {
        return Err(bad());
    }
    Ok(Value::bytes(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
}

fn split(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let bytes = own(&args[0], "split")?;
    let sep = some_part(&args[1], "split", "sep")?;
    let limit = match given(&args[2]) {
        Some(limit) => At("split", "limit").count(limit)?,
        None => usize::MAX,
    };
    let mut parts = Vec::new();
    let mut from = 0;
    for at in memchr::memmem::find_iter(bytes, sep).take(limit) {
        parts.push(Value::bytes(bytes[from..at].to_vec()));
        from = at + sep.len();
    }
    parts.push(Value::bytes(bytes[from..].to_vec()));
    Ok(Value::list(parts))
}

fn replace(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let bytes = own(&args[0], "replace")?;
    let (old, new) = (some_part(&args[1], "replace", "old")?, part(&args[2], "replace", "new")?);
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(bytes, old) {
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(&bytes[from..]);
    Ok(Value::bytes(out))
}
