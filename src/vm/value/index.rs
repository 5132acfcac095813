//! `x[key]`, slices and `x.name`, read and written.

use super::display::brief;
use super::{Array, ErrorValue, HandleKind, List, Map, Range, Ref, Str, Value};
use crate::nearest::nearest;
use crate::vm::fault::{Fault, Kind};
use crate::vm::types::with_article;
use num_traits::Signed;

/// So many keys are looked at for the nearest one.
const CANDIDATES: usize = 1000;

/// `object[key]`.
pub fn index(object: &Value, key: &Value) -> Result<Value, Fault> {
    if let Value::Range(range) = key
        && (matches!(object, Value::List(_) | Value::Str(_) | Value::Bytes(_) | Value::Range(_) | Value::Array(_))
            || object.numbers().is_some())
    {
        let (start, end) = (i128::from(range.start), i128::from(range.end));
        return cut(object, Some(start), Some(end), i128::from(range.step));
    }
    Ok(match object {
        Value::List(items) => items[position(object, key, items.len())?].clone(),
        Value::Map(map) => match map.get(key) {
            Some(value) => value.clone(),
            None => return Err(missing(map, key)),
        },
        Value::Str(text) => {
            let at = position(object, key, text.len())?;
            Value::str(chars(text, at, at + 1))
        }
        Value::Bytes(bytes) => Value::Int(i64::from(bytes[position(object, key, bytes.len())?])),
        Value::Range(range) => Value::Int(range.at(position(object, key, range.len())?)),
        Value::Array(array) => array.at(position(object, key, array.len())?),
        _ => match object.numbers() {
            Some(numbers) => numbers.get(position(object, key, numbers.len())?).unwrap_or_default(),
            None => return Err(no_items(object)),
        },
    })
}

/// `object[start..end]`, with `end` itself when `inclusive`. Bounds clamp; negative ones count from the end.
pub fn slice(object: &Value, start: Option<&Value>, end: Option<&Value>, inclusive: bool) -> Result<Value, Fault> {
    // A range may be a key.
    if let (Value::Map(map), Some(Value::Int(start)), Some(Value::Int(end))) = (object, start, end)
        && let Some(end) = end.checked_add(i64::from(inclusive))
        && let Some(value) = map.get(&Value::Range(Ref::new(Range { start: *start, end, step: 1 })))
    {
        return Ok(value.clone());
    }
    let (start, end) = (start.map(bound).transpose()?, end.map(bound).transpose()?);
    let end = match end {
        // Up to the last one, itself included.
        Some(-1) if inclusive => None,
        Some(end) if inclusive => Some(end + 1),
        end => end,
    };
    cut(object, start, end, 1)
}

/// `place[key] = value`, in place when nobody else has the container.
pub fn set_index(place: &mut Value, key: Value, value: Value) -> Result<(), Fault> {
    match place {
        Value::Map(map) => {
            check_key(&key)?;
            map.make_mut().insert(key, value);
        }
        Value::Array(_) => {
            let at = write_position(place, &key)?;
            let Value::Array(array) = place else { return Ok(()) };
            let element = element(matches!(**array, Array::Floats(_)), &value)?;
            match (array.make_mut(), element) {
                (Array::Ints(items), Element::Int(int)) => items[at] = int,
                (Array::Floats(items), Element::Float(float)) => items[at] = float,
                _ => {}
            }
        }
        Value::Handle(handle) if handle.numbers().is_some() => {
            let at = write_position(place, &key)?;
            if let Some(numbers) = place.numbers() {
                numbers.store(at, &value)?;
            }
        }
        _ => {
            let at = write_position(place, &key)?;
            if let Value::List(items) = place {
                items.make_mut()[at] = value;
            }
        }
    }
    Ok(())
}

/// The element `place[key]`, which must be there, for writing: a step of `grid[i][j] = 1`.
pub fn slot<'a>(place: &'a mut Value, key: &Value) -> Result<&'a mut Value, Fault> {
    // The container is copied only when nothing is wrong.
    match place {
        Value::Map(map) => map_slot(map, map.position(key), key),
        Value::Array(array) => Err(Fault::type_error(match **array {
            Array::Ints(_) => "an element of an array is an int, which has no parts to set",
            Array::Floats(_) => "an element of an array is a float, which has no parts to set",
        })),
        Value::List(items) => list_slot(items, key),
        other => Err(write_position(other, key).err().unwrap_or_else(|| no_items(other))),
    }
}

/// An item of a list, for writing.
pub fn list_slot<'a>(items: &'a mut Ref<List>, key: &Value) -> Result<&'a mut Value, Fault> {
    let at = match key {
        Value::Int(at) if (*at as usize) < items.len() => *at as usize,
        key => write_position(&Value::List(items.clone()), key)?,
    };
    Ok(&mut items.make_mut()[at])
}

/// The value of a key that was found at this position of the map, for writing.
#[inline(always)]
pub fn map_slot<'a>(map: &'a mut Ref<Map>, found: Option<usize>, key: &Value) -> Result<&'a mut Value, Fault> {
    let Some(at) = found else { return Err(missing(map, key)) };
    match map.make_mut().entry_mut(at) {
        Some((_, value)) => Ok(value),
        None => Err(Fault::new(Kind::Key, "no such key")),
    }
}

/// `object.name` of maps and errors. What handles have is for the world to tell.
pub fn field(object: &Value, name: &str) -> Result<Value, Fault> {
    match object {
        Value::Map(map) => match map.get_str(name) {
            Some(value) => Ok(value.clone()),
            None => Err(missing(map, &Value::from(name))),
        },
        Value::Error(error) => error_field(error, name),
        Value::Null => Err(Fault::type_error(format!("null has no field `{name}`"))
            .help(format!("write `?.{name}` to get null from null, or `x ?? default`"))),
        _ => Err(Fault::type_error(format!("{} has no field `{name}`", with_article(object.type_name())))),
    }
}

const ERROR_FIELDS: [&str; 6] = ["kind", "message", "data", "trace", "process", "cause"];

fn error_field(error: &ErrorValue, name: &str) -> Result<Value, Fault> {
    Ok(match name {
        "kind" => error.kind.clone(),
        "message" => error.message.clone(),
        "data" => error.data.clone(),
        "process" => error.process.clone(),
        "cause" => error.cause.clone(),
        "trace" => Value::list(
            error
                .trace
                .iter()
                .map(|site| {
                    let mut map = Map::default();
                    map.insert(Value::from("function"), Value::from(&*site.function));
                    map.insert(Value::from("file"), Value::Int(i64::from(site.place.file.0)));
                    map.insert(Value::from("start"), Value::Int(i64::from(site.place.span.start)));
                    map.insert(Value::from("end"), Value::Int(i64::from(site.place.span.end)));
                    Value::map(map)
                })
                .collect(),
        ),
        _ => {
            let fault = Fault::new(Kind::Key, format!("an error has no field `{name}`"));
            return Err(match nearest(name, ERROR_FIELDS.into_iter()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("it has {}", ERROR_FIELDS.join(", "))),
            });
        }
    })
}

/// Refuses what cannot be a key: a stream changes by being read.
pub fn check_key(key: &Value) -> Result<(), Fault> {
    match key {
        Value::Stream(_) => {
            Err(Fault::type_error("a stream cannot be a key").help("write s.list() to take its items as the key"))
        }
        _ => Ok(()),
    }
}

#[cold]
fn missing(map: &Map, key: &Value) -> Fault {
    let fault = Fault::new(Kind::Key, format!("no key {} in the map", brief(key)));
    let text = match key {
        Value::Str(text) => text,
        Value::Int(int) if map.get_str(&int.to_string()).is_some() => {
            return fault.help(format!("there is a key '{int}', a str: write m[str(k)]"));
        }
        _ => return fault.help("m.get(key, default) gives a default; `m?[key]` gives null"),
    };
    if let Ok(int) = text.parse::<i64>()
        && map.contains(&Value::Int(int))
    {
        return fault.help(format!("there is a key {int}, an int: write m[int(k)]"));
    }
    match nearest(text, map.keys().filter_map(Value::as_str).take(CANDIDATES)) {
        Some(near) => fault.help(format!("did you mean {}?", brief(&Value::from(near)))),
        None if map.is_empty() => fault.help("the map is empty; m.get(key, default) gives a default"),
        None => fault.help("m.get(key, default) gives a default; `m?[key]` gives null"),
    }
}

#[cold]
fn no_items(object: &Value) -> Fault {
    let fault = |message: &str| Fault::type_error(message);
    match object {
        Value::Null => fault("null has no items").help("write `?[…]` to get null from null, or `x ?? default`"),
        Value::Set(_) => fault("a set has no order, so no index")
            .help("write `x in s` to ask for a member, s.list() to index its members"),
        Value::Stream(_) => fault("a stream has no index: it is read once, in order")
            .help("write s.list() to read all of it, s.take(n) for the first items"),
        Value::Error(_) => fault("an error has no items").help("its fields are e.kind, e.message, e.data"),
        Value::Function(_) => fault("a function has no items").help("write f(x) to call it"),
        Value::Handle(handle) if handle.key().kind == HandleKind::SharedList => {
            fault("a shared list cannot be sliced").help("write xs.list()[i..j] for a copy of some items")
        }
        _ => Fault::type_error(format!("{} has no items", with_article(object.type_name()))),
    }
}

/// The position that an index means.
#[inline]
fn position(object: &Value, key: &Value, len: usize) -> Result<usize, Fault> {
    if let Value::Int(at) = key {
        let at = if *at < 0 { i128::from(*at) + len as i128 } else { i128::from(*at) };
        if (0..len as i128).contains(&at) {
            return Ok(at as usize);
        }
    }
    Err(bad_index(object, key, len))
}

#[cold]
fn bad_index(object: &Value, key: &Value, len: usize) -> Fault {
    let what = object.type_name();
    match key {
        Value::Int(_) | Value::Big(_) => {
            let parts = match object {
                Value::Str(_) => "character",
                Value::Bytes(_) => "byte",
                Value::Range(_) | Value::Array(_) | Value::Handle(_) => "number",
                _ => "item",
            };
            let has = match len {
                0 => "is empty".to_owned(),
                1 => format!("has 1 {parts}"),
                _ => format!("has {len} {parts}s"),
            };
            Fault::new(Kind::Index, format!("index {} is out of range: the {what} {has}", brief(key)))
        }
        Value::Float(float) if float.get() == float.get().trunc() => {
            Fault::type_error(format!("the index of a {what} must be an int, not float"))
                .help("write int(x), or `//` where `/` made the float")
        }
        Value::Str(_) if matches!(object, Value::List(_)) => {
            Fault::type_error("the index of a list must be an int, not str")
                .help("only maps have strs as keys; a loop gives each item: `for x in xs`")
        }
        _ => Fault::type_error(format!("the index of a {what} must be an int, not {}", key.type_name())),
    }
}

/// The position for writing in a list or array; what cannot be written to says why.
fn write_position(place: &Value, key: &Value) -> Result<usize, Fault> {
    let len = match place {
        Value::List(_) | Value::Array(_) | Value::Handle(_) if matches!(key, Value::Range(_)) => {
            return Err(Fault::type_error("a slice cannot be assigned to")
                .help("write xs = xs[..i] + new + xs[j..] to put other items in"));
        }
        Value::List(items) => items.len(),
        Value::Array(array) => array.len(),
        Value::Str(_) => {
            return Err(Fault::type_error("a character of a str cannot be set")
                .help("write s = s[..i] + \"x\" + s[i + 1..], or s.replace(old, new)"));
        }
        Value::Bytes(_) => {
            return Err(Fault::type_error("a byte of bytes cannot be set").help("ints(n) is an array that can change"));
        }
        Value::Range(_) => {
            return Err(Fault::type_error("a number of a range cannot be set").help("write [...r] to make a list"));
        }
        Value::Set(_) => return Err(Fault::type_error("a set has no places to set").help("write s.add(x)")),
        Value::Error(_) => {
            return Err(
                Fault::type_error("an error cannot be changed").help("write error(kind, text, data) for another")
            );
        }
        other => match other.numbers() {
            Some(numbers) => numbers.len(),
            None => return Err(no_items(other)),
        },
    };
    position(place, key, len)
}

/// A number as a word of 64 bits.
pub(super) fn number(floats: bool, value: &Value) -> Result<u64, Fault> {
    Ok(match element(floats, value)? {
        Element::Int(int) => int as u64,
        Element::Float(float) => float.to_bits(),
    })
}

enum Element {
    Int(i64),
    Float(f64),
}

fn element(floats: bool, value: &Value) -> Result<Element, Fault> {
    match (floats, value) {
        (false, Value::Int(int)) => Ok(Element::Int(*int)),
        (false, Value::Big(_)) => Err(Fault::new(
            Kind::Overflow,
            "an array of ints holds 64 bits: from -9223372036854775808 to 9223372036854775807",
        )
        .help("a list holds ints of any size")),
        (true, Value::Int(_) | Value::Big(_) | Value::Float(_)) => {
            Ok(Element::Float(super::float::int_to_float(value)?))
        }
        (false, Value::Float(_)) => {
            Err(Fault::type_error("an array of ints holds ints, not float")
                .help("write int(x), or make it with floats(n)"))
        }
        (false, _) => Err(Fault::type_error(format!("an array of ints holds ints, not {}", value.type_name()))),
        (true, _) => Err(Fault::type_error(format!("an array of floats holds numbers, not {}", value.type_name()))),
    }
}

fn bound(value: &Value) -> Result<i128, Fault> {
    match value {
        Value::Int(int) => Ok(i128::from(*int)),
        // Beyond every length.
        Value::Big(int) => Ok(if int.is_negative() { i128::from(i64::MIN) } else { i128::from(i64::MAX) }),
        Value::Float(float) if float.get() == float.get().trunc() => {
            Err(Fault::type_error("a bound of a slice must be an int, not float")
                .help("write int(x), or `//` where `/` made the float"))
        }
        _ => Err(Fault::type_error(format!("a bound of a slice must be an int, not {}", value.type_name()))),
    }
}

/// Cuts as Python does; the step is not 0.
fn cut(object: &Value, start: Option<i128>, end: Option<i128>, step: i128) -> Result<Value, Fault> {
    let len = match object {
        Value::List(items) => items.len(),
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Range(range) => range.len(),
        Value::Array(array) => array.len(),
        Value::Map(_) => {
            return Err(
                Fault::type_error("a map cannot be sliced").help("write m.items()[i..j] for some of its entries")
            );
        }
        other => match other.numbers() {
            Some(numbers) => numbers.len(),
            None => return Err(no_items(other)),
        },
    };
    let size = len as i128;
    let (least, most) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let resolve = |bound: i128| (if bound < 0 { bound + size } else { bound }).clamp(least, most);
    let start = start.map_or(if step > 0 { least } else { most }, resolve);
    let end = end.map_or(if step > 0 { most } else { least }, resolve);
    let distance = if step > 0 { end - start } else { start - end };
    let count = if distance <= 0 { 0 } else { ((distance - 1) / step.abs() + 1) as usize };
    if count == 0 {
        return Ok(piece(object, 0, 0));
    }
    if step == 1 {
        let whole = count == len && object.numbers().is_none();
        return Ok(if whole { object.clone() } else { piece(object, start as usize, end as usize) });
    }
    if let Some(numbers) = object.numbers() {
        return cut(
            &Value::Array(Ref::new(numbers.array(0, len))),
            Some(start),
            Some(end).filter(|&end| end >= 0),
            step,
        );
    }
    let at = |n: usize| (start + n as i128 * step) as usize;
    Ok(match object {
        Value::List(items) => Value::list((0..count).map(|n| items[at(n)].clone()).collect::<List>()),
        Value::Bytes(bytes) => Value::bytes((0..count).map(|n| bytes[at(n)]).collect()),
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            Value::str((0..count).map(|n| chars[at(n)]).collect::<String>())
        }
        Value::Array(array) => Value::Array(Ref::new(match &**array {
            Array::Ints(items) => Array::Ints((0..count).map(|n| items[at(n)]).collect()),
            Array::Floats(items) => Array::Floats((0..count).map(|n| items[at(n)]).collect()),
        })),
        Value::Range(range) => sub_range(range, at(0), count, step),
        other => other.clone(),
    })
}

/// The part from one position to another, in order and both in range.
fn piece(object: &Value, start: usize, end: usize) -> Value {
    match object {
        Value::List(items) => Value::list(items[start..end].to_vec()),
        Value::Str(text) => Value::str(chars(text, start, end)),
        Value::Bytes(bytes) => Value::bytes(bytes[start..end].to_vec()),
        Value::Array(array) => Value::Array(Ref::new(match &**array {
            Array::Ints(items) => Array::Ints(items[start..end].to_vec().into()),
            Array::Floats(items) => Array::Floats(items[start..end].to_vec().into()),
        })),
        Value::Range(range) => sub_range(range, start, end - start, 1),
        other => match other.numbers() {
            Some(numbers) => Value::Array(Ref::new(numbers.array(start, end))),
            None => other.clone(),
        },
    }
}

fn chars(text: &Str, start: usize, end: usize) -> &str {
    let all = text.as_str();
    if text.is_ascii() {
        return &all[start..end];
    }
    let from = text.offset(start);
    let rest = &all[from..];
    &rest[..rest.char_indices().nth(end - start).map_or(rest.len(), |(at, _)| at)]
}

fn sub_range(range: &Range, first: usize, count: usize, every: i128) -> Value {
    let fit = |wide: i128| wide.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    if count == 0 {
        return Value::Range(Ref::new(Range { start: range.start, end: range.start, step: range.step }));
    }
    let start = range.at(first);
    let step = i128::from(range.step) * every;
    let last = i128::from(start) + (count as i128 - 1) * step;
    // One number has no step to speak of; of more the step fits, or the second would lie outside.
    let step = if count == 1 { range.step.signum() } else { fit(step) };
    let end = fit(last + i128::from(step));
    Value::Range(Ref::new(Range { start, end, step }))
}

#[cfg(test)]
mod tests;
