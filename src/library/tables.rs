//! Shared maps and lists.

use super::arguments::{At, given, take};
use super::{ask, function_of, hidden, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Declaration, Run::*, optional, required};
use crate::vm::op::{Op, Snapshot};
use crate::vm::types::Type;
use crate::vm::value::{HandleKey, Value};

const MAP: &[Type] = &[Type::SharedMap];
const LIST: &[Type] = &[Type::SharedList];
const TABLES: &[Type] = &[Type::SharedMap, Type::SharedList];

/// The role of a handle that `with` takes to keep others from changing a shared map or list.
pub const HOLDER: u8 = 1;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "shared_map",
        &[],
        "A map in common memory: each operation on it is one step for all processes.\n\
         {let m = shared_map(); m['a'] = 1; m['a'] == 1}",
        Effect(|_, _| Ok(Op::SharedMap)),
    ),
    function_of(
        "shared_list",
        &[],
        "A list in common memory: each operation on it is one step for all processes.\n\
         {let xs = shared_list(); xs.push(1); xs[0] == 1}",
        Effect(|_, _| Ok(Op::SharedList)),
    ),
    method_of(
        "len",
        TABLES,
        &[],
        "How many entries or items there are.\nshared_map().len() == 0",
        Effect(|_, args| Ok(Op::ItemCount { object: ask::receiver(args)? })),
    ),
    method_of(
        "is_empty",
        TABLES,
        &[],
        "Whether there are no entries or items.\nshared_list().is_empty()",
        Script("fn is_empty(self_) = self_.len() == 0"),
    ),
    method_of(
        "get",
        TABLES,
        &[required("key"), optional("default", "null")],
        "The value of a key, or the item at an index; the default when it is not there.\nshared_map().get('a', 0) == 0",
        Effect(|_, args| {
            let default = Some(take(&mut args[2]));
            Ok(Op::GetItem { object: ask::receiver(args)?, key: take(&mut args[1]), default })
        }),
    ),
    method_of(
        "contains",
        TABLES,
        &[required("item")],
        "Whether the key, or the item, is there; the same as `item in …`.\nnot shared_map().contains('a')",
        Effect(|_, args| Ok(Op::ContainsItem { object: ask::receiver(args)?, item: take(&mut args[1]) })),
    ),
    method_of(
        "clear",
        TABLES,
        &[],
        "Removes all.\n{let xs = shared_list(); xs.push(1); xs.clear(); xs.len() == 0}",
        Effect(|_, args| Ok(Op::ClearItems { object: ask::receiver(args)? })),
    ),
    method_of(
        "keys",
        MAP,
        &[],
        "A list of the keys, in the order in which they were set first.\n{let m = shared_map(); m['a'] = 1; m.keys() == ['a']}",
        Effect(|_, args| items(args, Snapshot::Keys)),
    ),
    method_of(
        "values",
        MAP,
        &[],
        "A list of the values, in the order of the keys.\n{let m = shared_map(); m['a'] = 1; m.values() == [1]}",
        Effect(|_, args| items(args, Snapshot::Values)),
    ),
    method_of(
        "items",
        MAP,
        &[],
        "A list of `[key, value]`, in the order of the keys.\n{let m = shared_map(); m['a'] = 1; m.items() == [['a', 1]]}",
        Effect(|_, args| items(args, Snapshot::Pairs)),
    ),
    method_of(
        "map",
        MAP,
        &[],
        "All entries at one moment, as an ordinary map.\n{let m = shared_map(); m['a'] = 1; m.map() == {a: 1}}",
        Effect(|_, args| items(args, Snapshot::Whole)),
    ),
    method_of(
        "list",
        LIST,
        &[],
        "All items at one moment, as an ordinary list.\n{let xs = shared_list(); xs.push(1); xs.list() == [1]}",
        Effect(|_, args| items(args, Snapshot::Whole)),
    ),
    method_of(
        "remove",
        MAP,
        &[required("key"), optional("default", "an error")],
        "Removes a key and gives its value; the default, or an error, when it is not there.\n\
         {let m = shared_map(); m['a'] = 1; m.remove('a') == 1}",
        Effect(|_, args| {
            let default = if matches!(args[2], Value::Undefined) { None } else { Some(take(&mut args[2])) };
            Ok(Op::RemoveItem { object: ask::receiver(args)?, key: take(&mut args[1]), default })
        }),
    ),
    method_of(
        "update",
        MAP,
        &[required("key"), required("f"), optional("default", "null")],
        "Replaces the value of a key by `f(value)`, as one step for all processes, and gives the new one. Of a missing \
         key the value is the default.\n{let m = shared_map(); m.update('a', |n| n + 1, 0) == 1}",
        Script(
            "fn update(self_, key, f, default = null) {
                with __hold(self_) {
                    let value = f(self_.get(key, default))
                    __set_item(self_, key, value)
                    value
                }
            }",
        ),
    ),
    method_of(
        "push",
        LIST,
        &[required("item")],
        "Adds an item at the end.\n{let xs = shared_list(); xs.push(1); xs.list() == [1]}",
        Effect(|_, args| {
            Ok(Op::InsertItem { object: ask::receiver(args)?, index: i64::MAX, value: take(&mut args[1]) })
        }),
    ),
    method_of(
        "insert",
        LIST,
        &[required("index"), required("item")],
        "Puts an item in before an index; indexes clamp, so a large one adds it at the end.\n\
         {let xs = shared_list(); xs.insert(0, 1); xs.list() == [1]}",
        Effect(|_, args| {
            let index = At("insert", "index").int(&args[1])?;
            Ok(Op::InsertItem { object: ask::receiver(args)?, index, value: take(&mut args[2]) })
        }),
    ),
    method_of(
        "pop",
        LIST,
        &[optional("index", "-1")],
        "Removes the item at an index, the last one when none is given, and gives it back.\n\
         {let xs = shared_list(); xs.push(1); xs.pop() == 1}",
        Effect(|_, args| {
            let index = given(&args[1]).cloned().unwrap_or(Value::Int(-1));
            At("pop", "index").int(&index)?;
            Ok(Op::RemoveItem { object: ask::receiver(args)?, key: index, default: None })
        }),
    ),
    method_of(
        "remove",
        LIST,
        &[required("item")],
        "Removes the first such item; an error when there is none.\n\
         {let xs = shared_list(); xs.push(1); xs.remove(1); xs.len() == 0}",
        Script(
            "fn remove(self_, item) {
                with __hold(self_) {
                    let index = self_.list().index_of(item)
                    if index == null { throw error('value', f'`remove`: {item!r} is not in the list') }
                    self_.pop(index)
                    null
                }
            }",
        ),
    ),
    method_of(
        "update",
        LIST,
        &[required("index"), required("f")],
        "Replaces the item at an index by `f(item)`, as one step for all processes, and gives the new one.\n\
         {let xs = shared_list(); xs.push(1); xs.update(0, |n| n + 1) == 2}",
        Script(
            "fn update(self_, index, f) {
                with __hold(self_) {
                    let item = f(self_[index])
                    __set_item(self_, index, item)
                    item
                }
            }",
        ),
    ),
    hidden(
        "__hold",
        &[required("object")],
        Pure(|_, args| Ok(Value::handle(HandleKey { role: HOLDER, ..ask::receiver(args)? }))),
    ),
    hidden(
        "__set_item",
        &[required("object"), required("key"), required("value")],
        Effect(|_, args| {
            Ok(Op::SetItem { object: take(&mut args[0]), key: take(&mut args[1]), value: take(&mut args[2]) })
        }),
    ),
];

fn items(args: &[Value], what: Snapshot) -> Result<Op, Fault> {
    Ok(Op::Items { object: ask::receiver(args)?, what })
}
