//! Methods that belong to lists alone, most of which change them.

use super::arguments::{At, empty, given, out_of_range, position, take};
use super::method_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::display::brief;
use crate::vm::value::index::check_key;
use crate::vm::value::{List, Map, Value, equal};

const LIST: &[Type] = &[Type::List];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "push",
        LIST,
        &[required("item")],
        "Adds an item at the end.\nvar xs = [1]; xs.push(2); xs == [1, 2]",
        Change(|_, place, args| {
            own(place, "push")?.push(take(&mut args[0]));
            Ok(Value::Null)
        }),
    ),
    method_of(
        "pop",
        LIST,
        &[optional("index", "-1")],
        "Removes the item at an index, the last one when none is given, and gives it back.\nvar xs = [1, 2]; xs.pop() == 2 and xs == [1]",
        Change(pop),
    ),
    method_of(
        "insert",
        LIST,
        &[required("index"), required("item")],
        "Puts an item in before an index; indexes clamp, so a large one adds it at the end.\nvar xs = [1, 3]; xs.insert(1, 2); xs == [1, 2, 3]",
        Change(insert),
    ),
    method_of(
        "remove",
        LIST,
        &[required("item")],
        "Removes the first such item; an error when there is none.\nvar xs = [1, 2, 1]; xs.remove(1); xs == [2, 1]",
        Change(|_, place, args| {
            let items = own(place, "remove")?;
            match items.iter().position(|item| equal(item, &args[0])) {
                Some(at) => {
                    items.remove(at);
                    Ok(Value::Null)
                }
                None => Err(Fault::value_error(format!("`remove`: {} is not in the list", brief(&args[0])))
                    .help("`pop(index)` removes what stands at an index")),
            }
        }),
    ),
    method_of(
        "extend",
        LIST,
        &[required("items")],
        "Adds all items of something at the end.\nvar xs = [1]; xs.extend([2, 3]); xs == [1, 2, 3]",
        Change(|_, place, args| {
            let items = At("extend", "items").items(&args[0])?;
            own(place, "extend")?.extend_from_slice(&items);
            Ok(Value::Null)
        }),
    ),
    method_of(
        "clear",
        LIST,
        &[],
        "Removes all items.\nvar xs = [1]; xs.clear(); xs == []",
        Change(|_, place, _| {
            own(place, "clear")?;
            *place = Value::list(List::new());
            Ok(Value::Null)
        }),
    ),
    method_of(
        "reverse",
        LIST,
        &[],
        "Turns the order of the items round, in place.\nvar xs = [1, 2]; xs.reverse(); xs == [2, 1]",
        Change(|_, place, _| {
            own(place, "reverse")?.reverse();
            Ok(Value::Null)
        }),
    ),
    method_of(
        "to_map",
        &[Type::List, Type::Set],
        &[],
        "A map from a list of `[key, value]`; of equal keys the last one counts.\n[['a', 1], ['b', 2]].to_map() == {a: 1, b: 2}",
        Pure(|_, args| {
            let pairs = At("to_map", "self").items(&args[0])?;
            let mut map = Map::with_capacity(pairs.len());
            insert_pairs(&mut map, &pairs, "to_map")?;
            Ok(Value::map(map))
        }),
    ),
];

/// The receiver, for writing.
fn own<'a>(place: &'a mut Value, function: &'static str) -> Result<&'a mut List, Fault> {
    match place {
        Value::List(items) => Ok(items.make_mut()),
        other => Err(At(function, "self").wrong("a list", other)),
    }
}

fn pop(_: &mut Context, place: &mut Value, args: &mut [Value]) -> Result<Value, Fault> {
    // Nothing is copied when nothing can be removed.
    let len = if let Value::List(items) = &*place { items.len() } else { 0 };
    if len == 0 && matches!(place, Value::List(_)) {
        return Err(empty(Kind::Index, "pop", place));
    }
    let items = |place| own(place, "pop");
    match given(&args[0]) {
        None => Ok(items(place)?.pop().unwrap_or_default()),
        Some(index) => {
            let index = At("pop", "index").int(index)?;
            let at = position(index, len).ok_or_else(|| out_of_range("pop", index, len))?;
            Ok(items(place)?.remove(at))
        }
    }
}

fn insert(_: &mut Context, place: &mut Value, args: &mut [Value]) -> Result<Value, Fault> {
    let index = At("insert", "index").int(&args[0])?;
    let items = own(place, "insert")?;
    let len = items.len() as i64;
    let at = if index < 0 { index.saturating_add(len) } else { index }.clamp(0, len);
    items.insert(at as usize, take(&mut args[1]));
    Ok(Value::Null)
}

/// Sets each `[key, value]` of a list in a map.
pub(super) fn insert_pairs(map: &mut Map, pairs: &[Value], function: &'static str) -> Result<(), Fault> {
    for (index, pair) in pairs.iter().enumerate() {
        match pair {
            Value::List(pair) if pair.len() == 2 => {
                check_key(&pair[0])?;
                map.insert(pair[0].clone(), pair[1].clone());
            }
            other => {
                let got = match other {
                    Value::List(items) => format!("a list of {}", items.len()),
                    other => other.type_name().to_owned(),
                };
                return Err(Fault::type_error(format!(
                    "`{function}` wants lists of key and value, got {got} at index {index}"
                ))
                .help("`{key(x): value(x) for x in xs}` makes a map of anything"));
            }
        }
    }
    Ok(())
}
