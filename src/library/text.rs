//! Methods of str.

use super::arguments::{At, character, given};
use super::method_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::Value;

pub(super) const STR: &[Type] = &[Type::Str];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "split",
        STR,
        &[optional("sep", "null"), optional("limit", "null")],
        "The parts between `sep`, or between runs of white space; `limit` is the most splits to make.\n'a,b,c'.split(',', 1) == ['a', 'b,c'] and ' a  b '.split() == ['a', 'b']",
        Pure(split),
    ),
    method_of(
        "rsplit",
        STR,
        &[optional("sep", "null"), optional("limit", "null")],
        "As `split`, but `limit` counts from the end.\n'a,b,c'.rsplit(',', 1) == ['a,b', 'c']",
        Pure(rsplit),
    ),
    method_of(
        "lines",
        STR,
        &[],
        "The lines without their ends.\n'a\\nb\\n'.lines() == ['a', 'b']",
        Pure(|_, args| Ok(Value::list(own(&args[0], "lines")?.lines().map(|line| args[0].part(line)).collect()))),
    ),
    method_of(
        "chars",
        STR,
        &[],
        "A list of the characters.\n'abc'.chars() == ['a', 'b', 'c']",
        Pure(|_, args| Ok(Value::list(own(&args[0], "chars")?.chars().map(character).collect()))),
    ),
    method_of(
        "encode",
        STR,
        &[],
        "The bytes of the text in UTF-8.\n'é'.encode().len() == 2",
        Pure(|_, args| Ok(Value::bytes(own(&args[0], "encode")?.as_bytes().to_vec()))),
    ),
    method_of(
        "trim",
        STR,
        &[optional("chars", "null")],
        "The text without white space, or without any of these characters, at both ends.\n' a '.trim() == 'a' and '--a-'.trim('-') == 'a'",
        Pure(|_, args| trim(args, "trim", true, true)),
    ),
    method_of(
        "trim_start",
        STR,
        &[optional("chars", "null")],
        "The text without white space, or without any of these characters, at its start.\n' a '.trim_start() == 'a '",
        Pure(|_, args| trim(args, "trim_start", true, false)),
    ),
    method_of(
        "trim_end",
        STR,
        &[optional("chars", "null")],
        "The text without white space, or without any of these characters, at its end.\n' a '.trim_end() == ' a'",
        Pure(|_, args| trim(args, "trim_end", false, true)),
    ),
    method_of(
        "replace",
        STR,
        &[required("old"), required("new"), optional("count", "null")],
        "The text with `new` for each `old`, or for the first so many.\n'aaa'.replace('a', 'b', 2) == 'bba'",
        Pure(replace),
    ),
    method_of(
        "starts_with",
        STR,
        &[required("prefix")],
        "Whether the text starts with a str, or with one of a list of strs.\n'abc'.starts_with('ab')",
        Pure(|_, args| has_end(args, "starts_with", "prefix", |text, part| text.starts_with(part))),
    ),
    method_of(
        "ends_with",
        STR,
        &[required("suffix")],
        "Whether the text ends with a str, or with one of a list of strs.\n'a.txt'.ends_with(['.txt', '.md'])",
        Pure(|_, args| has_end(args, "ends_with", "suffix", |text, part| text.ends_with(part))),
    ),
    method_of(
        "remove_prefix",
        STR,
        &[required("prefix")],
        "The text without this start, if it has it.\n'v1.2'.remove_prefix('v') == '1.2'",
        Pure(|_, args| {
            let prefix = At("remove_prefix", "prefix").text(&args[1])?;
            let text = own(&args[0], "remove_prefix")?;
            Ok(text.strip_prefix(prefix).map_or_else(|| args[0].clone(), Value::from))
        }),
    ),
    method_of(
        "remove_suffix",
        STR,
        &[required("suffix")],
        "The text without this end, if it has it.\n'a.txt'.remove_suffix('.txt') == 'a'",
        Pure(|_, args| {
            let suffix = At("remove_suffix", "suffix").text(&args[1])?;
            let text = own(&args[0], "remove_suffix")?;
            Ok(text.strip_suffix(suffix).map_or_else(|| args[0].clone(), Value::from))
        }),
    ),
    method_of(
        "find",
        STR,
        &[required("text")],
        "The index of the first place where this text stands; null when it does not. The same as `index_of`.\n'hello'.find('l') == 2 and 'hello'.find('x') == null",
        Pure(|_, args| {
            let part = At("find", "text").text(&args[1])?;
            let text = own(&args[0], "find")?;
            let found = text.find(part).map(|at| if text.is_ascii() { at } else { text[..at].chars().count() });
            Ok(found.map_or(Value::Null, Value::count))
        }),
    ),
    method_of(
        "count",
        STR,
        &[required("text")],
        "How often a text stands in the str, without overlaps.\n'banana'.count('an') == 2",
        Pure(|_, args| {
            let part = At("count", "text").text(&args[1])?;
            Ok(Value::count(own(&args[0], "count")?.matches(part).count()))
        }),
    ),
    method_of(
        "lower",
        STR,
        &[],
        "The text in small letters.\n'Ab'.lower() == 'ab'",
        Pure(|_, args| Ok(Value::str(own(&args[0], "lower")?.to_lowercase()))),
    ),
    method_of(
        "upper",
        STR,
        &[],
        "The text in capital letters.\n'Ab'.upper() == 'AB'",
        Pure(|_, args| Ok(Value::str(own(&args[0], "upper")?.to_uppercase()))),
    ),
    method_of(
        "capitalize",
        STR,
        &[],
        "The first character as a capital, the others small.\n'hELLO'.capitalize() == 'Hello'",
        Pure(|_, args| {
            let mut chars = own(&args[0], "capitalize")?.chars();
            let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            Ok(Value::str(first + &chars.as_str().to_lowercase()))
        }),
    ),
    method_of(
        "title",
        STR,
        &[],
        "The first letter of each word as a capital, the others small.\n'old man'.title() == 'Old Man'",
        Pure(title),
    ),
    method_of(
        "pad_left",
        STR,
        &[required("width"), optional("fill", "' '")],
        "The text with `fill` before it up to a width.\n'7'.pad_left(3, '0') == '007'",
        Pure(|_, args| pad(args, "pad_left", |missing| (missing, 0))),
    ),
    method_of(
        "pad_right",
        STR,
        &[required("width"), optional("fill", "' '")],
        "The text with `fill` after it up to a width.\n'ab'.pad_right(4, '.') == 'ab..'",
        Pure(|_, args| pad(args, "pad_right", |missing| (0, missing))),
    ),
    method_of(
        "center",
        STR,
        &[required("width"), optional("fill", "' '")],
        "The text with `fill` on both sides up to a width.\n'ab'.center(6, '*') == '**ab**'",
        Pure(|_, args| pad(args, "center", |missing| (missing / 2, missing - missing / 2))),
    ),
    method_of(
        "is_digit",
        STR,
        &[],
        "Whether there are only the digits 0 to 9, at least one.\n'42'.is_digit() and not '4.2'.is_digit()",
        Pure(|_, args| all_chars(&args[0], |c| c.is_ascii_digit())),
    ),
    method_of(
        "is_alpha",
        STR,
        &[],
        "Whether there are only letters, at least one.\n'abc'.is_alpha() and not 'a1'.is_alpha()",
        Pure(|_, args| all_chars(&args[0], char::is_alphabetic)),
    ),
    method_of(
        "is_alnum",
        STR,
        &[],
        "Whether there are only letters and digits, at least one.\n'a1'.is_alnum() and not 'a b'.is_alnum()",
        Pure(|_, args| all_chars(&args[0], char::is_alphanumeric)),
    ),
    method_of(
        "is_space",
        STR,
        &[],
        "Whether there is only white space, at least one.\n' \\t'.is_space() and not ''.is_space()",
        Pure(|_, args| all_chars(&args[0], char::is_whitespace)),
    ),
    method_of(
        "is_upper",
        STR,
        &[],
        "Whether there are capital letters and no small ones.\n'A1'.is_upper() and not 'Ab'.is_upper()",
        Pure(|_, args| cased(&args[0], char::is_uppercase, char::is_lowercase)),
    ),
    method_of(
        "is_lower",
        STR,
        &[],
        "Whether there are small letters and no capital ones.\n'a1'.is_lower() and not 'Ab'.is_lower()",
        Pure(|_, args| cased(&args[0], char::is_lowercase, char::is_uppercase)),
    ),
];

/// The receiver.
fn own<'a>(value: &'a Value, function: &'static str) -> Result<&'a str, Fault> {
    At(function, "self").text(value)
}

fn limit(value: &Value, function: &'static str) -> Result<usize, Fault> {
    match given(value) {
        Some(limit) => At(function, "limit").count(limit),
        None => Ok(usize::MAX),
    }
}

fn split(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let text = own(&args[0], "split")?;
    let whole = &args[0];
    let limit = limit(&args[2], "split")?;
    let mut parts = Vec::new();
    match given(&args[1]) {
        Some(sep) => {
            let sep = separator(sep, "split")?;
            let rest = cut(text, sep, limit, |part| parts.push(whole.part(part)));
            parts.push(whole.part(rest));
        }
        None if limit == usize::MAX => parts.extend(text.split_whitespace().map(|part| whole.part(part))),
        None => {
            let mut left = text.trim_start();
            while let Some(end) = left.find(char::is_whitespace).filter(|_| parts.len() < limit) {
                parts.push(Value::from(&left[..end]));
                left = left[end..].trim_start();
            }
            if !left.is_empty() {
                parts.push(Value::from(left));
            }
        }
    }
    Ok(Value::list(parts))
}

const SHORT: usize = 256;

/// Gives what stands before each of the first so many places of a separator; the rest comes back.
fn cut<'a>(text: &'a str, sep: &str, limit: usize, mut part: impl FnMut(&'a str)) -> &'a str {
    let mut from = 0;
    let place = |at| {
        part(&text[from..at]);
        from = at + sep.len();
    };
    match sep.as_bytes() {
        &[byte] if limit == usize::MAX => memchr::memchr_iter(byte, text.as_bytes()).for_each(place),
        &[byte] => memchr::memchr_iter(byte, text.as_bytes()).take(limit).for_each(place),
        // Making ready for a fast search takes longer than going through a short text.
        _ if text.len() < SHORT => text.match_indices(sep).map(|(at, _)| at).take(limit).for_each(place),
        sep => memchr::memmem::find_iter(text.as_bytes(), sep).take(limit).for_each(place),
    }
    &text[from..]
}

fn replace(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let at = |name| At("replace", name);
    let (text, old, new) = (own(&args[0], "replace")?, at("old").text(&args[1])?, at("new").text(&args[2])?);
    let count = given(&args[3]).map_or(Ok(usize::MAX), |count| at("count").count(count))?;
    if old.is_empty() {
        return Ok(Value::str(text.replacen(old, new, count)));
    }
    let mut made = String::new();
    let rest = cut(text, old, count, |part| {
        made.reserve(if made.is_empty() { text.len() + new.len() } else { 0 });
        made.push_str(part);
        made.push_str(new);
    });
    if rest.len() == text.len() {
        return Ok(args[0].clone());
    }
    made.push_str(rest);
    Ok(Value::str(made))
}

fn rsplit(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let text = own(&args[0], "rsplit")?;
    let limit = limit(&args[2], "rsplit")?;
    let mut parts: Vec<Value> = match given(&args[1]) {
        Some(sep) => text.rsplitn(limit.saturating_add(1), separator(sep, "rsplit")?).map(Value::from).collect(),
        None => {
            let mut parts = Vec::new();
            let mut left = text.trim_end();
            while let Some((at, space)) =
                left.char_indices().rev().find(|(_, c)| c.is_whitespace()).filter(|_| parts.len() < limit)
            {
                parts.push(Value::from(&left[at + space.len_utf8()..]));
                left = left[..at].trim_end();
            }
            if !left.is_empty() {
                parts.push(Value::from(left));
            }
            parts
        }
    };
    parts.reverse();
    Ok(Value::list(parts))
}

fn separator<'a>(sep: &'a Value, function: &'static str) -> Result<&'a str, Fault> {
    At(function, "sep").some_text(sep).map_err(|fault| match sep {
        Value::Str(_) => fault.help("`.chars()` gives the characters one by one"),
        _ => fault,
    })
}

fn trim(args: &mut [Value], function: &'static str, start: bool, end: bool) -> Result<Value, Fault> {
    let text = own(&args[0], function)?;
    let mut left = text;
    match given(&args[1]) {
        Some(chars) => {
            let chars = At(function, "chars").text(chars)?;
            let gone = |c: char| chars.contains(c);
            left = if start { left.trim_start_matches(gone) } else { left };
            left = if end { left.trim_end_matches(gone) } else { left };
        }
        None => {
            left = if start { left.trim_start() } else { left };
            left = if end { left.trim_end() } else { left };
        }
    }
    Ok(if left.len() == text.len() { args[0].clone() } else { args[0].part(left) })
}

fn has_end(
    args: &mut [Value],
    function: &'static str,
    parameter: &'static str,
    test: fn(&str, &str) -> bool,
) -> Result<Value, Fault> {
    let text = own(&args[0], function)?;
    let at = At(function, parameter);
    if let Value::List(parts) = &args[1] {
        for part in parts.iter() {
            let part = part.as_str().ok_or_else(|| at.wrong("a str or a list of strs", part))?;
            if test(text, part) {
                return Ok(Value::True);
            }
        }
        return Ok(Value::False);
    }
    let part = args[1].as_str().ok_or_else(|| at.wrong("a str or a list of strs", &args[1]))?;
    Ok(Value::bool(test(text, part)))
}

fn title(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let text = own(&args[0], "title")?;
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic() || inside && c == '\'';
    }
    Ok(Value::str(out))
}

/// A padded text has at most so many characters of padding.
const MAX_PADDING: usize = 1 << 28;

fn pad(args: &mut [Value], function: &'static str, sides: fn(usize) -> (usize, usize)) -> Result<Value, Fault> {
    let text = own(&args[0], function)?;
    let width = At(function, "width").int(&args[1])?.max(0) as usize;
    let fill = match given(&args[2]) {
        Some(fill) => At(function, "fill").text(fill)?,
        None => " ",
    };
    let mut chars = fill.chars();
    let (Some(fill), None) = (chars.next(), chars.next()) else {
        return Err(At(function, "fill").bad("be one character"));
    };
    let missing = width.saturating_sub(text.chars().count());
    if missing == 0 {
        return Ok(args[0].clone());
    }
    if missing > MAX_PADDING {
        return Err(Fault::new(
            Kind::Limit,
            format!("`{function}`: a text is padded by at most {MAX_PADDING} characters"),
        ));
    }
    let (before, after) = sides(missing);
    let mut out = String::with_capacity(text.len() + missing * fill.len_utf8());
    out.extend(std::iter::repeat_n(fill, before));
    out.push_str(text);
    out.extend(std::iter::repeat_n(fill, after));
    Ok(Value::str(out))
}

fn all_chars(value: &Value, test: impl Fn(char) -> bool) -> Result<Value, Fault> {
    let text = own(value, "is_…")?;
    Ok(Value::bool(!text.is_empty() && text.chars().all(test)))
}

fn cased(value: &Value, wanted: fn(char) -> bool, unwanted: fn(char) -> bool) -> Result<Value, Fault> {
    let text = own(value, "is_…")?;
    Ok(Value::bool(text.chars().any(wanted) && !text.chars().any(unwanted)))
}
