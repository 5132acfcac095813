//! What means the same on everything that has items in order.

use super::arguments::{At, character, given, items_of, position};
use super::{INDEXED, LOOPED, SIZED, both, hidden, method_of};
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, optional, required, rest};
use crate::vm::types::Type;
use crate::vm::value::{Array, List, Range, Ref, Str, Value, contains, equal};

/// What has a first and a last item.
const ORDERED: &[Type] = &[
    Type::List,
    Type::Str,
    Type::Bytes,
    Type::Range,
    Type::Array,
    Type::SharedInts,
    Type::SharedFloats,
    Type::Set,
    Type::Map,
];
/// Whose items can be joined to a text.
const JOINED: &[Type] = &[Type::List, Type::Str, Type::Set, Type::Map];

pub(super) static DECLARATIONS: &[Declaration] = &[
    both(
        "len",
        SIZED,
        &[],
        "How many items: characters of a str, keys of a map.\nlen('héllo') == 5 and [1, 2].len() == 2",
        Pure(len),
    ),
    method_of(
        "is_empty",
        SIZED,
        &[],
        "Whether there are no items.\n[].is_empty() and not 'a'.is_empty()",
        Pure(|_, args| match size(&args[0]) {
            Some(size) => Ok(Value::bool(size == 0)),
            None => Err(At("is_empty", "self").wrong("something with a length", &args[0])),
        }),
    ),
    method_of(
        "get",
        ORDERED_AND_MAP,
        &[required("key"), optional("default", "null")],
        "The item at an index or key, or the default when there is none.\n[1].get(5, 0) == 0 and {a: 1}.get('b') == null",
        Pure(get),
    ),
    method_of(
        "first",
        ORDERED,
        &[optional("default", "null")],
        "The first item, or the default when there is none.\n[1, 2].first() == 1 and [].first() == null",
        Pure(|_, args| Ok(end(args, true))),
    ),
    method_of(
        "last",
        ORDERED,
        &[optional("default", "null")],
        "The last item, or the default when there is none.\n[1, 2].last() == 2 and [].last(0) == 0",
        Pure(|_, args| Ok(end(args, false))),
    ),
    method_of(
        "slice",
        INDEXED,
        &[optional("start", "null"), optional("end", "null"), optional("step", "1")],
        "The items from `start` up to but without `end`, each `step`th; bounds clamp.\n[1, 2, 3, 4].slice(1, 3) == [2, 3] and 'abcd'.slice(step = 2) == 'ac'",
        Pure(|_, args| {
            let bound = |name, value: &Value| given(value).map(|value| At("slice", name).int(value)).transpose();
            let (start, end) = (bound("start", &args[1])?, bound("end", &args[2])?);
            match bound("step", &args[3])?.unwrap_or(1) {
                0 => Err(At("slice", "step").bad("not be 0")),
                step => slice(&args[0], start, end, step),
            }
        }),
    ),
    method_of(
        "take",
        INDEXED,
        &[required("count")],
        "The first items, at most so many.\n[1, 2, 3].take(2) == [1, 2] and 'abc'.take(2) == 'ab'",
        Pure(|_, args| {
            let count = At("take", "count").count(&args[1])?;
            slice(&args[0], None, Some(count as i64), 1)
        }),
    ),
    method_of(
        "drop",
        INDEXED,
        &[required("count")],
        "All items but the first so many.\n[1, 2, 3].drop(2) == [3]",
        Pure(|_, args| {
            let count = At("drop", "count").count(&args[1])?;
            slice(&args[0], Some(count as i64), None, 1)
        }),
    ),
    method_of(
        "contains",
        SIZED,
        &[required("item")],
        "Whether an item is there; in a map, whether the key is. The same as `item in …`.\n[1, 2].contains(2) and 'abc'.contains('bc')",
        Pure(|_, args| Ok(Value::bool(contains(&args[0], &args[1])?))),
    ),
    method_of(
        "index_of",
        INDEXED,
        &[required("item")],
        "The index of the first such item, or part of a str; null when there is none.\n[5, 6].index_of(6) == 1 and 'abc'.index_of('x') == null",
        Pure(|_, args| index_of(args, "index_of", false)),
    ),
    method_of(
        "last_index_of",
        INDEXED,
        &[required("item")],
        "The index of the last such item, or part of a str; null when there is none.\n[5, 6, 5].last_index_of(5) == 2",
        Pure(|_, args| index_of(args, "last_index_of", true)),
    ),
    both(
        "reversed",
        SIZED,
        &[],
        "The items from the last to the first: a list, or a str, bytes or array of one.\n[1, 2].reversed() == [2, 1] and 'abc'.reversed() == 'cba'",
        Pure(reversed),
    ),
    both(
        "enumerate",
        LOOPED,
        &[optional("start", "0")],
        "Each item with its number: a list of `[number, item]`. Lazy on streams.\n['a', 'b'].enumerate() == [[0, 'a'], [1, 'b']]",
        Script(
            "fn enumerate(self_, start = 0) {
                if self_ is stream { return __stream_enumerate(self_, start) }
                __enumerate(__items('enumerate', self_), start)
            }",
        ),
    ),
    both(
        "zip",
        LOOPED,
        &[rest("others")],
        "Lists of the first items, the second items and so on, up to the shortest. Lazy on streams.\n[1, 2].zip('ab') == [[1, 'a'], [2, 'b']]",
        Script(
            "fn zip(self_, ...others) {
                if self_ is stream {
                    if others.len() == 0 { return self_.map(|x| [x]) }
                    if others.len() == 1 { return __stream_zip(self_, others[0]) }
                    return __stream_zip(self_, zip(...others)).map(|[x, more]| [x, ...more])
                }
                let plain = if self_ is handle { list(self_) } else { self_ }
                __zip([plain, ...[if x is stream { x.take(__size(plain)).list() } else if x is handle { list(x) } else { x } for x in others]])
            }",
        ),
    ),
    method_of(
        "join",
        JOINED,
        &[optional("sep", "''")],
        "The items, which are strs, as one str with `sep` between them.\n['a', 'b'].join(', ') == 'a, b'",
        Pure(join),
    ),
    method_of(
        "chunks",
        SIZED,
        &[required("count")],
        "The items in groups of so many; the last may have fewer.\n[1, 2, 3].chunks(2) == [[1, 2], [3]]",
        Pure(chunks),
    ),
    method_of(
        "windows",
        SIZED,
        &[required("count")],
        "All runs of so many neighbours.\n[1, 2, 3].windows(2) == [[1, 2], [2, 3]]",
        Pure(windows),
    ),
    hidden("__enumerate", &[required("values"), required("start")], Pure(enumerate)),
    hidden("__zip", &[required("lists")], Pure(zip)),
    hidden("__size", &[required("values")], Pure(|_, args| Ok(Value::count(size(&args[0]).unwrap_or(0))))),
];

/// What has `get`.
const ORDERED_AND_MAP: &[Type] =
    &[Type::List, Type::Str, Type::Bytes, Type::Range, Type::Array, Type::SharedInts, Type::SharedFloats, Type::Map];

/// The length of what has one.
pub(super) fn size(value: &Value) -> Option<usize> {
    Some(match value {
        Value::List(items) => items.len(),
        Value::Str(text) => text.len(),
        Value::Map(map) => map.len(),
        Value::Set(set) => set.len(),
        Value::Range(range) => range.len(),
        Value::Array(array) => array.len(),
        Value::Bytes(bytes) => bytes.len(),
        other => other.numbers()?.len(),
    })
}

fn len(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    size(&args[0]).map(Value::count).ok_or_else(|| {
        let fault = At("len", "self").wrong("a str, list, map or the like", &args[0]);
        match &args[0] {
            Value::Stream(_) => fault.help("a stream is read once and has no length; `.list()` reads it whole"),
            Value::Handle(_) => fault.help("ask the handle: `x.len()`"),
            Value::Int(_) | Value::Big(_) => fault.help("`str(n).len()` counts the digits"),
            _ => fault,
        }
    })
}

/// The item at an index below the length.
fn item(value: &Value, at: usize) -> Value {
    match value {
        Value::List(items) => items[at].clone(),
        Value::Range(range) => Value::Int(range.at(at)),
        Value::Array(array) => array.at(at),
        Value::Bytes(bytes) => Value::Int(i64::from(bytes[at])),
        Value::Str(text) => text[text.offset(at)..].chars().next().map_or(Value::Null, character),
        Value::Set(set) => set.keys().nth(at).cloned().unwrap_or_default(),
        Value::Map(map) => map.keys().nth(at).cloned().unwrap_or_default(),
        _ => Value::Null,
    }
}

fn get(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let found = match &args[0] {
        Value::Map(map) => map.get(&args[1]).cloned(),
        ordered => {
            let index = At("get", "key").int(&args[1])?;
            position(index, size(ordered).unwrap_or(0)).map(|at| item(ordered, at))
        }
    };
    Ok(found.unwrap_or_else(|| given(&args[2]).cloned().unwrap_or_default()))
}

fn end(args: &[Value], first: bool) -> Value {
    let found = match &args[0] {
        Value::Str(text) if first => text.chars().next().map(character),
        Value::Str(text) => text.chars().next_back().map(character),
        Value::Set(set) if !first => set.keys().next_back().cloned(),
        Value::Map(map) if !first => map.keys().next_back().cloned(),
        other => match size(other) {
            None | Some(0) => None,
            Some(size) => Some(item(other, if first { 0 } else { size - 1 })),
        },
    };
    found.unwrap_or_else(|| given(&args[1]).cloned().unwrap_or_default())
}

/// The items at `start`, `start + step`, … as in Python: bounds count from the end when negative, and clamp.
fn slice(value: &Value, start: Option<i64>, end: Option<i64>, step: i64) -> Result<Value, Fault> {
    if let Some(numbers) = value.numbers() {
        return slice(&Value::Array(Ref::new(numbers.array(0, numbers.len()))), start, end, step);
    }
    let Some(len) = size(value) else {
        return Err(At("slice", "self").wrong("a list, str, bytes, range or array", value));
    };
    let len = len as i64;
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |bound: i64| if bound < 0 { bound.saturating_add(len) } else { bound }.clamp(lowest, highest);
    let start = start.map_or(if step > 0 { lowest } else { highest }, clamp);
    let end = end.map_or(if step > 0 { highest } else { lowest }, clamp);
    let wanted = Range { start, end, step };
    if step == 1 {
        let (from, to) = (start as usize, end.max(start) as usize);
        return Ok(match value {
            Value::List(items) if to - from == items.len() => value.clone(),
            Value::List(items) => Value::list(items[from..to].to_vec()),
            Value::Str(text) => Value::str(&text[text.offset(from)..text.offset(to)]),
            Value::Bytes(bytes) => Value::bytes(bytes[from..to].to_vec()),
            Value::Range(range) => Value::Range(Ref::new(part(range, &wanted)?)),
            Value::Array(array) => Value::Array(Ref::new(match &**array {
                Array::Ints(items) => Array::Ints(items[from..to].to_vec().into()),
                Array::Floats(items) => Array::Floats(items[from..to].to_vec().into()),
            })),
            other => Value::list(pick(&items_of(other).unwrap_or_default(), &wanted)),
        });
    }
    let indexes = (0..wanted.len()).map(|at| wanted.at(at) as usize);
    Ok(match value {
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            Value::str(indexes.map(|at| chars[at]).collect::<String>())
        }
        Value::Bytes(bytes) => Value::bytes(indexes.map(|at| bytes[at]).collect()),
        Value::Range(range) => Value::Range(Ref::new(part(range, &wanted)?)),
        Value::Array(array) => Value::Array(Ref::new(match &**array {
            Array::Ints(items) => Array::Ints(indexes.map(|at| items[at]).collect()),
            Array::Floats(items) => Array::Floats(indexes.map(|at| items[at]).collect()),
        })),
        other => Value::list(pick(&items_of(other).unwrap_or_default(), &wanted)),
    })
}

fn pick(items: &[Value], wanted: &Range) -> List {
    (0..wanted.len()).map(|at| items[wanted.at(at) as usize].clone()).collect()
}

/// The numbers of a range at the wanted indexes, which are all below its length.
fn part(range: &Range, wanted: &Range) -> Result<Range, Fault> {
    let len = wanted.len();
    if len == 0 {
        return Ok(Range { start: range.start, end: range.start, step: range.step });
    }
    let (first, last) = (range.at(wanted.at(0) as usize), range.at(wanted.at(len - 1) as usize));
    let step = range.step.saturating_mul(wanted.step);
    match last.checked_add(step.signum()) {
        Some(end) => Ok(Range { start: first, end, step }),
        None => Err(Fault::new(Kind::Limit, "a range with this last number would end outside 64 bits")),
    }
}

fn reversed(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    Ok(match &mut args[0] {
        Value::List(items) => {
            items.make_mut().reverse();
            std::mem::take(&mut args[0])
        }
        Value::Array(array) => {
            super::array::reverse(array.make_mut());
            std::mem::take(&mut args[0])
        }
        Value::Str(text) => Value::str(text.chars().rev().collect::<String>()),
        Value::Bytes(bytes) => Value::bytes(bytes.iter().rev().copied().collect()),
        other => {
            let mut items = At("reversed", "self").items(other)?.into_owned();
            items.reverse();
            Value::list(items)
        }
    })
}

fn index_of(args: &mut [Value], function: &'static str, last: bool) -> Result<Value, Fault> {
    let wanted = &args[1];
    let found = match &args[0] {
        Value::Str(text) => {
            let part = At(function, "item").text(wanted)?;
            let at = if last { text.rfind(part) } else { memchr::memmem::find(text.as_bytes(), part.as_bytes()) };
            at.map(|at| if text.is_ascii() { at } else { text[..at].chars().count() })
        }
        Value::Bytes(bytes) => match wanted {
            Value::Bytes(part) if last => memchr::memmem::rfind(bytes, part),
            Value::Bytes(part) => memchr::memmem::find(bytes, part),
            Value::Int(byte) => {
                let same = |there: &u8| i64::from(*there) == *byte;
                if last { bytes.iter().rposition(same) } else { bytes.iter().position(same) }
            }
            other => return Err(At(function, "item").wrong("bytes or an int", other)),
        },
        Value::List(items) if last => items.iter().rposition(|item| equal(item, wanted)),
        Value::List(items) => items.iter().position(|item| equal(item, wanted)),
        Value::Array(array) => {
            let same = |at: &usize| equal(&array.at(*at), wanted);
            if last { (0..array.len()).rev().find(same) } else { (0..array.len()).find(same) }
        }
        Value::Range(range) => {
            let number = match wanted {
                Value::Int(int) => Some(*int),
                Value::Float(float) if contains(&args[0], wanted)? => Some(float.get() as i64),
                _ => None,
            };
            let steps = |int| (i128::from(int) - i128::from(range.start)) / i128::from(range.step);
            number.filter(|int| range.contains(*int)).map(|int| steps(int) as usize)
        }
        other => match other.numbers() {
            Some(numbers) => {
                let same = |at: &usize| numbers.get(*at).is_some_and(|there| equal(&there, wanted));
                if last { (0..numbers.len()).rev().find(same) } else { (0..numbers.len()).find(same) }
            }
            None => return Err(At(function, "self").wrong("a list, str, bytes, range or array", other)),
        },
    };
    Ok(found.map_or(Value::Null, Value::count))
}

fn enumerate(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let start = At("enumerate", "start").int(&args[1])?;
    let items = At("enumerate", "self").items(&args[0])?;
    if start.checked_add(items.len() as i64).is_none() {
        return Err(At("enumerate", "start").bad("leave room for the numbers"));
    }
    let pairs = items.iter().zip(start..).map(|(item, number)| Value::list(vec![Value::Int(number), item.clone()]));
    Ok(Value::list(pairs.collect()))
}

fn zip(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let at = At("zip", "others");
    let lists = at.items(&args[0])?;
    let lists = lists.iter().map(|list| at.items(list)).collect::<Result<Vec<_>, _>>()?;
    let len = lists.iter().map(|list| list.len()).min().unwrap_or(0);
    let row = |at: usize| Value::list(lists.iter().map(|list| list[at].clone()).collect());
    Ok(Value::list((0..len).map(row).collect()))
}

fn join(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let sep = match &args[1] {
        Value::Undefined => "",
        sep => At("join", "sep").text(sep)?,
    };
    let items = At("join", "self").items(&args[0])?;
    let mut len = sep.len() * items.len().saturating_sub(1);
    let mut ascii = sep.is_ascii();
    for (index, item) in items.iter().enumerate() {
        let Value::Str(text) = item else {
            let got = item.type_name();
            return Err(Fault::type_error(format!("`join` wants strs, got {got} at index {index}"))
                .help(format!("`.map(str).join({})` turns each into a str", if sep.is_empty() { "" } else { "…" })));
        };
        len += text.as_str().len();
        ascii &= text.is_ascii();
    }
    let mut out = String::with_capacity(len);
    for (index, text) in items.iter().filter_map(Value::as_str).enumerate() {
        if index > 0 {
            out.push_str(sep);
        }
        out.push_str(text);
    }
    Ok(Value::Str(Ref::new(Str::known(out, ascii))))
}

fn chunks(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let count = At("chunks", "count").positive(&args[1])?;
    let groups = match &args[0] {
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            chars.chunks(count).map(|group| Value::str(group.iter().collect::<String>())).collect()
        }
        Value::Bytes(bytes) => bytes.chunks(count).map(|group| Value::bytes(group.to_vec())).collect(),
        other => {
            let items = At("chunks", "self").items(other)?;
            items.chunks(count).map(|group| Value::list(group.to_vec())).collect()
        }
    };
    Ok(Value::list(groups))
}

fn windows(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let count = At("windows", "count").positive(&args[1])?;
    let runs = match &args[0] {
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            chars.windows(count).map(|run| Value::str(run.iter().collect::<String>())).collect()
        }
        Value::Bytes(bytes) => bytes.windows(count).map(|run| Value::bytes(run.to_vec())).collect(),
        other => {
            let items = At("windows", "self").items(other)?;
            items.windows(count).map(|run| Value::list(run.to_vec())).collect()
        }
    };
    Ok(Value::list(runs))
}
