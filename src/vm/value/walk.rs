//! The parts of a value, one after the other: for all that walks through values without recursion.

use super::{ErrorValue, Function, Map, PARTS_OF_ERROR, Set, Value};

/// The values directly inside another one. A map gives each key and then its value.
pub(super) enum Children<'a> {
    Items(std::slice::Iter<'a, Value>),
    Map { map: &'a Map, at: usize, value: Option<&'a Value> },
    Set { set: &'a Set, at: usize },
    Error(std::array::IntoIter<&'a Value, PARTS_OF_ERROR>),
}

impl<'a> Children<'a> {
    /// The parts of this value; `None` when it can have none. Those of a stream are behind a lock, so not among them.
    pub(super) fn of(value: &'a Value) -> Option<Children<'a>> {
        Some(match value {
            Value::List(items) => Children::Items(items.iter()),
            Value::Map(map) => Children::Map { map, at: 0, value: None },
            Value::Set(set) => Children::Set { set, at: 0 },
            Value::Function(function) => match &**function {
                Function::Closure { captures, .. } => Children::Items(captures.iter()),
                Function::Native(_) => return None,
            },
            Value::Error(error) => {
                let ErrorValue { kind, message, data, process, process_name, cause, .. } = &**error;
                Children::Error([kind, message, data, process, process_name, cause].into_iter())
            }
            _ => return None,
        })
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = &'a Value;

    #[inline]
    fn next(&mut self) -> Option<&'a Value> {
        match self {
            Children::Items(items) => items.next(),
            Children::Map { map, at, value } => value.take().or_else(|| {
                while *at < map.end() {
                    *at += 1;
                    if let Some((key, there)) = map.entry(*at - 1) {
                        *value = Some(there);
                        return Some(key);
                    }
                }
                None
            }),
            Children::Set { set, at } => {
                while *at < set.end() {
                    *at += 1;
                    if let Some((key, ())) = set.entry(*at - 1) {
                        return Some(key);
                    }
                }
                None
            }
            Children::Error(parts) => parts.next(),
        }
    }
}
