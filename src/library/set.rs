//! Methods that belong to sets alone. Union and its kin are the operators `| & - ^`.

use super::arguments::{At, empty, take, try_items};
use super::method_of;
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, required};
use crate::vm::types::Type;
use crate::vm::value::display::brief;
use crate::vm::value::index::check_key;
use crate::vm::value::{Ref, Set, Value};

const SET: &[Type] = &[Type::Set];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "add",
        SET,
        &[required("item")],
        "Makes an item a member.\nvar s = set([1]); s.add(2); s == set([1, 2])",
        Change(|_, place, args| {
            check_key(&args[0])?;
            own(place, "add")?.insert(take(&mut args[0]), ());
            Ok(Value::Null)
        }),
    ),
    method_of(
        "remove",
        SET,
        &[required("item")],
        "Removes a member; an error when it is none.\nvar s = set([1, 2]); s.remove(1); s == set([2])",
        Change(|_, place, args| {
            if own(place, "remove")?.remove(&args[0]).is_none() {
                return Err(Fault::new(Kind::Key, format!("`remove`: {} is not in the set", brief(&args[0])))
                    .help("`discard(item)` removes what may not be there"));
            }
            Ok(Value::Null)
        }),
    ),
    method_of(
        "discard",
        SET,
        &[required("item")],
        "Removes a member, if it is one.\nvar s = set([1]); s.discard(5); s == set([1])",
        Change(|_, place, args| {
            own(place, "discard")?.remove(&args[0]);
            Ok(Value::Null)
        }),
    ),
    method_of(
        "pop",
        SET,
        &[],
        "Removes the member that was added last, and gives it back.\nvar s = set([1, 2]); s.pop() == 2 and s == set([1])",
        Change(|_, place, _| {
            let last = own(place, "pop")?.keys().next_back().cloned();
            match last {
                Some(last) => {
                    own(place, "pop")?.remove(&last);
                    Ok(last)
                }
                None => Err(empty(Kind::Index, "pop", place)),
            }
        }),
    ),
    method_of(
        "extend",
        SET,
        &[required("items")],
        "Makes all items of something members.\nvar s = set([1]); s.extend([1, 2]); s == set([1, 2])",
        Change(|_, place, args| extend(place, args, "extend")),
    ),
    method_of(
        "update",
        SET,
        &[required("items")],
        "Makes all items of something members, the same as `extend`.\nvar s = set([1]); s.update([2]); s.len() == 2",
        Change(|_, place, args| extend(place, args, "update")),
    ),
    method_of(
        "clear",
        SET,
        &[],
        "Removes all members.\nvar s = set([1]); s.clear(); s.len() == 0",
        Change(|_, place, _| {
            own(place, "clear")?;
            *place = Value::Set(Ref::new(Set::default()));
            Ok(Value::Null)
        }),
    ),
    method_of(
        "is_subset",
        SET,
        &[required("other")],
        "Whether all members are in the other, a set or anything with items.\nset([1]).is_subset([1, 2])",
        Pure(|cx, args| {
            let (left, right) = two(cx, args, "is_subset")?;
            Ok(Value::bool(left.keys().all(|key| right.contains(key))))
        }),
    ),
    method_of(
        "is_superset",
        SET,
        &[required("other")],
        "Whether all items of the other are members.\nset([1, 2]).is_superset([1])",
        Pure(|cx, args| {
            let (left, right) = two(cx, args, "is_superset")?;
            Ok(Value::bool(right.keys().all(|key| left.contains(key))))
        }),
    ),
    method_of(
        "is_disjoint",
        SET,
        &[required("other")],
        "Whether no member is in the other.\nset([1]).is_disjoint([2])",
        Pure(|cx, args| {
            let (left, right) = two(cx, args, "is_disjoint")?;
            Ok(Value::bool(!left.keys().any(|key| right.contains(key))))
        }),
    ),
];

fn own<'a>(place: &'a mut Value, function: &'static str) -> Result<&'a mut Set, Fault> {
    match place {
        Value::Set(set) => Ok(set.make_mut()),
        other => Err(At(function, "self").wrong("a set", other)),
    }
}

fn extend(place: &mut Value, args: &mut [Value], function: &'static str) -> Result<Value, Fault> {
    let items = At(function, "items").items(&args[0])?;
    items.iter().try_for_each(check_key)?;
    let set = own(place, function)?;
    for item in items.iter() {
        set.insert(item.clone(), ());
    }
    Ok(Value::Null)
}

/// The receiver, and the other value as a set.
fn two(_: &mut Context, args: &mut [Value], function: &'static str) -> Result<(Ref<Set>, Ref<Set>), Fault> {
    let Value::Set(left) = &args[0] else { return Err(At(function, "self").wrong("a set", &args[0])) };
    let right = match &args[1] {
        Value::Set(set) => set.clone(),
        other => {
            let items =
                try_items(function, other)?.ok_or_else(|| At(function, "other").wrong("a set or a list", other))?;
            let mut set = Set::default();
            for item in items.iter() {
                set.insert(item.clone(), ());
            }
            Ref::new(set)
        }
    };
    Ok((left.clone(), right))
}
