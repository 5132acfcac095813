//! Access to the arguments of natives, with errors that name function, parameter and types.

use crate::memory;
use crate::vm::fault::{Fault, Kind};
use crate::vm::iterate::range_items;
use crate::vm::value::{List, Value};
use std::borrow::Cow;

/// A function and its parameter, for messages; the parameter `self` is the receiver.
#[derive(Clone, Copy)]
pub struct At(pub &'static str, pub &'static str);

impl At {
    /// An argument of the wrong type; `wanted` with its article.
    #[cold]
    pub fn wrong(self, wanted: &str, got: &Value) -> Fault {
        wrong(self.0, self.1, wanted, got)
    }

    /// An argument of the right type with a value that cannot be; `must` says what it must be.
    #[cold]
    pub fn bad(self, must: &str) -> Fault {
        let At(function, parameter) = self;
        let parameter = if parameter == "self" { "the value".to_owned() } else { format!("`{parameter}`") };
        Fault::value_error(format!("`{function}`: {parameter} must {must}"))
    }

    /// A str.
    pub fn text(self, value: &Value) -> Result<&str, Fault> {
        value.as_str().ok_or_else(|| self.wrong("a str", value))
    }

    /// A str that is not empty.
    pub fn some_text(self, value: &Value) -> Result<&str, Fault> {
        match self.text(value)? {
            "" => Err(self.bad("not be empty")),
            text => Ok(text),
        }
    }

    /// An int of machine size.
    pub fn int(self, value: &Value) -> Result<i64, Fault> {
        match value {
            Value::Int(int) => Ok(*int),
            Value::Big(_) => Err(self.bad("fit into 64 bits")),
            _ => Err(self.wrong("an int", value)),
        }
    }

    /// An int that is not negative.
    pub fn count(self, value: &Value) -> Result<usize, Fault> {
        usize::try_from(self.int(value)?).map_err(|_| self.bad("not be negative"))
    }

    /// An int of at least 1.
    pub fn positive(self, value: &Value) -> Result<usize, Fault> {
        match self.count(value)? {
            0 => Err(self.bad("be at least 1")),
            count => Ok(count),
        }
    }

    /// A bool, `false` when not given.
    pub fn flag(self, value: &Value) -> Result<bool, Fault> {
        match value {
            Value::Undefined | Value::Null | Value::False => Ok(false),
            Value::True => Ok(true),
            _ => Err(self.wrong("a bool", value)),
        }
    }

    /// The items of any data that can be looped over; a map gives its keys.
    pub fn items(self, value: &Value) -> Result<Cow<'_, [Value]>, Fault> {
        try_items(self.0, value)?.ok_or_else(|| not_looped(self.0, self.1, value))
    }
}

#[cold]
fn wrong(function: &str, parameter: &str, wanted: &str, got: &Value) -> Fault {
    let place = if parameter == "self" { String::new() } else { format!(" for `{parameter}`") };
    Fault::type_error(format!("`{function}` wants {wanted}{place}, got {}", got.type_name()))
}

/// An argument that is no data to loop over.
#[cold]
pub fn not_looped(function: &str, parameter: &str, got: &Value) -> Fault {
    let fault = wrong(function, parameter, "something to loop over", got);
    match got {
        Value::Stream(_) | Value::Handle(_) => fault.help("`list(…)` reads all that comes, then go on with the list"),
        Value::Int(_) => fault.help("`range(n)` gives the ints from 0 up to n"),
        _ => fault,
    }
}

/// The same for a function with this name; nothing for what cannot be looped over.
pub fn try_items<'a>(function: &str, value: &'a Value) -> Result<Option<Cow<'a, [Value]>>, Fault> {
    if let Value::Range(range) = value {
        return range_items(range, &|count| no_room(function, count)).map(|items| Some(Cow::Owned(items)));
    }
    Ok(items_of(value))
}

/// The items of data that can be looped over, which for a range are made here: for those that are known to be few.
pub fn items_of(value: &Value) -> Option<Cow<'_, [Value]>> {
    Some(match value {
        Value::List(items) => Cow::Borrowed(items.as_slice()),
        Value::Map(map) => Cow::Owned(map.keys().cloned().collect()),
        Value::Set(set) => Cow::Owned(set.keys().cloned().collect()),
        Value::Range(range) => Cow::Owned((0..range.len()).map(|at| Value::Int(range.at(at))).collect()),
        Value::Array(array) => Cow::Owned((0..array.len()).map(|at| array.at(at)).collect()),
        Value::Bytes(bytes) => Cow::Owned(bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect()),
        Value::Str(text) => Cow::Owned(text.chars().map(character).collect()),
        other => {
            let numbers = other.numbers()?;
            Cow::Owned((0..numbers.len()).filter_map(|at| numbers.get(at)).collect())
        }
    })
}

/// A str of one character.
pub fn character(c: char) -> Value {
    Value::str(c)
}

/// An argument that was given; null counts as not given.
pub fn given(value: &Value) -> Option<&Value> {
    if matches!(value, Value::Undefined | Value::Null) { None } else { Some(value) }
}

/// Takes an argument out; a missing one is null.
pub fn take(value: &mut Value) -> Value {
    match std::mem::take(value) {
        Value::Undefined => Value::Null,
        value => value,
    }
}

/// Takes a list's items out, without a copy when nobody else has the list.
pub fn take_list(value: &mut Value) -> List {
    match std::mem::take(value) {
        Value::List(items) => items.take(),
        other => items_of(&other).map(Cow::into_owned).unwrap_or_default(),
    }
}

/// The position that an index means, from the end when negative.
pub fn position(index: i64, len: usize) -> Option<usize> {
    let at = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// An index without an item.
#[cold]
pub fn out_of_range(function: &str, index: i64, len: usize) -> Fault {
    let items = if len == 1 { "is 1 item".to_owned() } else { format!("are {len} items") };
    Fault::new(Kind::Index, format!("`{function}`: index {index} is out of range, there {items}"))
}

/// Nothing there to take.
#[cold]
pub fn empty(kind: Kind, function: &str, value: &Value) -> Fault {
    Fault::new(kind, format!("`{function}` of an empty {}", value.type_name()))
}

/// Says so when there is no memory for so many items of this type.
pub fn room_for<T>(function: &str, count: usize) -> Result<(), Fault> {
    memory::room::<T>(count).map(drop).ok_or_else(|| no_room(function, count))
}

fn no_room(function: &str, count: usize) -> Fault {
    Fault::new(Kind::Limit, format!("`{function}`: no memory for {count} items"))
}
