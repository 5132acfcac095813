//! Methods that belong to maps alone.

use super::arguments::{At, items_of, take};
use super::list::insert_pairs;
use super::method_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::display::brief;
use crate::vm::value::{Map, Value};

const MAP: &[Type] = &[Type::Map];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "keys",
        MAP,
        &[],
        "A list of the keys.\n({a: 1, b: 2}).keys() == ['a', 'b']",
        Pure(|_, args| Ok(Value::list(own(&args[0], "keys")?.keys().cloned().collect()))),
    ),
    method_of(
        "values",
        MAP,
        &[],
        "A list of the values.\n({a: 1, b: 2}).values() == [1, 2]",
        Pure(|_, args| Ok(Value::list(own(&args[0], "values")?.values().cloned().collect()))),
    ),
    method_of(
        "items",
        MAP,
        &[],
        "A list of `[key, value]`.\n({a: 1}).items() == [['a', 1]]",
        Pure(|_, args| {
            let pair = |(key, value): (&Value, &Value)| Value::list(vec![key.clone(), value.clone()]);
            Ok(Value::list(own(&args[0], "items")?.iter().map(pair).collect()))
        }),
    ),
    method_of(
        "map_values",
        MAP,
        &[required("f")],
        "A map with the same keys and `f(value)` for each value.\n({a: 1}).map_values(|v| v + 1) == {a: 2}",
        Script("fn map_values(self_, f) = {k: f(v) for k, v in self_}"),
    ),
    method_of(
        "map_keys",
        MAP,
        &[required("f")],
        "A map with `f(key)` for each key; of equal ones the last value counts.\n({a: 1}).map_keys(|k| k.upper()) == {A: 1}",
        Script("fn map_keys(self_, f) = {f(k): v for k, v in self_}"),
    ),
    method_of(
        "merged",
        MAP,
        &[required("other")],
        "A new map with the entries of both, those of the other map before one's own.\n({a: 1, b: 2}).merged({b: 3}) == {a: 1, b: 3}",
        Pure(|_, args| {
            let other = take(&mut args[1]);
            let mut map = take(&mut args[0]);
            merge(&mut map, other, "merged")?;
            Ok(map)
        }),
    ),
    method_of(
        "update",
        MAP,
        &[required("other")],
        "Sets all entries of another map, or of a list of `[key, value]`.\nvar m = {a: 1}; m.update({b: 2}); m == {a: 1, b: 2}",
        Change(|_, place, args| {
            merge(place, take(&mut args[0]), "update")?;
            Ok(Value::Null)
        }),
    ),
    method_of(
        "remove",
        MAP,
        &[required("key"), optional("default", "an error")],
        "Removes a key and gives its value; the default, or an error, when it is not there.\nvar m = {a: 1}; m.remove('a') == 1 and m == {}",
        Change(|_, place, args| remove(place, args, "remove")),
    ),
    method_of(
        "pop",
        MAP,
        &[required("key"), optional("default", "an error")],
        "Removes a key and gives its value, the same as `remove`.\nvar m = {a: 1}; m.pop('b', 0) == 0",
        Change(|_, place, args| remove(place, args, "pop")),
    ),
    method_of(
        "clear",
        MAP,
        &[],
        "Removes all keys.\nvar m = {a: 1}; m.clear(); m == {}",
        Change(|_, place, _| {
            own(place, "clear")?;
            *place = Value::map(Map::default());
            Ok(Value::Null)
        }),
    ),
];

fn own<'a>(value: &'a Value, function: &'static str) -> Result<&'a Map, Fault> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(At(function, "self").wrong("a map", other)),
    }
}

fn merge(place: &mut Value, other: Value, function: &'static str) -> Result<(), Fault> {
    let Value::Map(map) = place else { return Err(At(function, "self").wrong("a map", place)) };
    let at = At(function, "other");
    match &other {
        Value::Map(other) => {
            let map = map.make_mut();
            for (key, value) in other.iter() {
                map.insert(key.clone(), value.clone());
            }
            Ok(())
        }
        Value::List(_) | Value::Set(_) => {
            // Looked at as a whole first, so that an error leaves the map as it was.
            let mut pairs = Map::default();
            insert_pairs(&mut pairs, &items_of(&other).unwrap_or_default(), function)?;
            merge(place, Value::map(pairs), function)
        }
        other => Err(at.wrong("a map or a list of [key, value]", other)),
    }
}

fn remove(place: &mut Value, args: &mut [Value], function: &'static str) -> Result<Value, Fault> {
    let Value::Map(map) = place else { return Err(At(function, "self").wrong("a map", place)) };
    if !map.contains(&args[0]) {
        return match &args[1] {
            Value::Undefined => {
                Err(Fault::new(Kind::Key, format!("`{function}`: no key {} in the map", brief(&args[0])))
                    .help(format!("`.{function}(key, default)` gives a default instead")))
            }
            default => Ok(default.clone()),
        };
    }
    Ok(map.make_mut().remove(&args[0]).map(|(_, value)| value).unwrap_or_default())
}
