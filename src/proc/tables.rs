//! Shared maps and lists: each operation is one step for all processes.

use super::shared::{pack, pack_key};
use super::sync::acquire_inner;
use super::{handles, memory};
use crate::library::HOLDER;
use crate::shm::map::{Key, Part, Piece};
use crate::shm::{List, Map, ObjectRef, ShmError, UserLock};
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::{Op, Snapshot};
use crate::vm::types::with_article;
use crate::vm::value::display::brief;
use crate::vm::value::index::check_key;
use crate::vm::value::{HandleKey, HandleKind, Map as MapValue, Value, decode, equal, hash};
use std::cell::RefCell;
use std::mem::ManuallyDrop;

thread_local! {
    /// The objects whose locks this process holds for a change of several steps, as often as they are here.
    static HELD: RefCell<ManuallyDrop<Vec<ObjectRef>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Performs an operation on a shared map or list.
pub fn perform(op: Op) -> Result<Value, Fault> {
    match op {
        Op::SharedMap => {
            let map = Map::new().map_err(|error| memory(&error))?;
            Ok(Value::handle(handles::key(HandleKind::SharedMap, map.object(), 0)))
        }
        Op::SharedList => {
            let list = List::new().map_err(|error| memory(&error))?;
            Ok(Value::handle(handles::key(HandleKind::SharedList, list.object(), 0)))
        }
        Op::GetItem { object, key, default } => get(object, &key, default),
        Op::ContainsItem { object, item } => contains(object, &item).map(Value::bool),
        Op::RemoveItem { object, key, default } => changing(object, || remove(object, &key, default)),
        Op::InsertItem { object, index, value } => changing(object, || insert(object, index, &value)),
        Op::ItemCount { object } => count(object).map(Value::Int),
        Op::ClearItems { object } => changing(object, || {
            let cleared = match object.kind {
                HandleKind::SharedMap => Map::of(handles::object(object)).clear(),
                _ => List::of(handles::object(object)).clear(),
            };
            cleared.map(|()| Value::Null).map_err(|error| memory(&error))
        }),
        Op::Items { object, what } => snapshot(object, what),
        _ => Err(Fault::new(Kind::Limit, "this is not built yet")),
    }
}

/// `object[key] = value`
pub fn set(object: HandleKey, key: &Value, value: &Value) -> Result<Value, Fault> {
    changing(object, || {
        let (bytes, held) = pack(value)?;
        if object.kind == HandleKind::SharedMap {
            let map = Map::of(handles::object(object));
            let piece = Piece { bytes: &bytes, handles: &held };
            return with_key(key, |key| map.set(key, piece)).map(|()| Value::Null);
        }
        let list = List::of(handles::object(object));
        let index = position(object, key)?;
        list.set(index, &bytes, &held).map(|_| Value::Null).map_err(|error| memory(&error))
    })
}

/// Whether the object is one of these.
pub fn is_table(key: HandleKey) -> bool {
    matches!(key.kind, HandleKind::SharedMap | HandleKind::SharedList)
}

/// Runs a change under the object's lock.
fn changing(object: HandleKey, change: impl FnOnce() -> Result<Value, Fault>) -> Result<Value, Fault> {
    if HELD.with_borrow(|held| held.contains(&handles::object(object))) {
        return change();
    }
    acquire_inner(object)?;
    let result = change();
    let _ = UserLock::of(handles::object(object)).release();
    result
}

/// Begins `with` on a holder: only this process changes the object until its end.
pub fn enter(holder: HandleKey) -> Result<(), Fault> {
    if holder.role != HOLDER {
        let what = with_article(holder.kind.type_of().name());
        return Err(Fault::type_error(format!("`with` needs a lock or an open file, got {what}"))
            .help("`m.update(key, f)` changes one item as one step; a `lock()` or a `shared({})` joins several"));
    }
    let object = handles::object(holder);
    if !HELD.with_borrow(|held| held.contains(&object)) {
        acquire_inner(holder)?;
    }
    HELD.with_borrow_mut(|held| held.push(object));
    Ok(())
}

/// Ends `with` on a holder.
pub fn leave(holder: HandleKey) {
    let object = handles::object(holder);
    let free = HELD.with_borrow_mut(|held| {
        if let Some(at) = held.iter().rposition(|other| *other == object) {
            held.remove(at);
        }
        !held.contains(&object)
    });
    if free {
        let _ = UserLock::of(object).release();
    }
}

/// Begins anew in a child.
pub fn begin_child() {
    HELD.with_borrow_mut(|held| held.clear());
}

/// Runs with a key as the map seeks it.
fn with_key<R>(key: &Value, run: impl FnOnce(&Key) -> Result<R, ShmError>) -> Result<R, Fault> {
    check_key(key)?;
    let (bytes, held) = pack_key(key)?;
    let same = |other: &[u8]| decode(other).is_ok_and(|other| equal(&other, key));
    let key = Key { piece: Piece { bytes: &bytes, handles: &held }, hash: hash(key), same: &same };
    run(&key).map_err(|error| memory(&error))
}

fn count(object: HandleKey) -> Result<i64, Fault> {
    let count = match object.kind {
        HandleKind::SharedMap => Map::of(handles::object(object)).count(),
        _ => List::of(handles::object(object)).count(),
    };
    count.map(|count| count as i64).map_err(|error| memory(&error))
}

/// Where an index means in a list, which may have changed when it is used.
fn position(object: HandleKey, index: &Value) -> Result<u64, Fault> {
    let Value::Int(at) = index else {
        return Err(match index {
            Value::Big(_) => out_of_range(object, index),
            other => Fault::type_error(format!("the index of a shared_list must be an int, not {}", other.type_name())),
        });
    };
    let len = count(object)?;
    let position = if *at < 0 { at.checked_add(len) } else { Some(*at) };
    match position.and_then(|at| u64::try_from(at).ok()).filter(|at| *at < len as u64) {
        Some(at) => Ok(at),
        None => Err(out_of_range(object, index)),
    }
}

fn out_of_range(object: HandleKey, index: &Value) -> Fault {
    let has = match count(object).unwrap_or(0) {
        0 => "is empty".to_owned(),
        1 => "has 1 item".to_owned(),
        len => format!("has {len} items"),
    };
    Fault::new(Kind::Index, format!("index {} is out of range: the shared_list {has}", brief(index)))
}

fn missing(key: &Value) -> Fault {
    Fault::new(Kind::Key, format!("no key {} in the map", brief(key)))
        .help("m.get(key, default) gives a default; `m?[key]` gives null")
}

fn get(object: HandleKey, key: &Value, default: Option<Value>) -> Result<Value, Fault> {
    let mut bytes = Vec::new();
    let found = if object.kind == HandleKind::SharedMap {
        with_key(key, |key| Map::of(handles::object(object)).get(key, &mut bytes))?
    } else {
        match position(object, key) {
            Ok(index) => List::of(handles::object(object)).get(index, &mut bytes).map_err(|error| memory(&error))?,
            Err(fault) if default.is_none() || !fault.is(Kind::Index) => return Err(fault),
            Err(_) => false,
        }
    };
    match (found, default) {
        (true, _) => decode(&bytes),
        (false, Some(default)) => Ok(default),
        (false, None) if object.kind == HandleKind::SharedMap => Err(missing(key)),
        (false, None) => Err(out_of_range(object, key)),
    }
}

fn contains(object: HandleKey, item: &Value) -> Result<bool, Fault> {
    if object.kind == HandleKind::SharedMap {
        return with_key(item, |key| Map::of(handles::object(object)).contains(key));
    }
    Ok(items(object)?.iter().any(|there| equal(there, item)))
}

fn items(list: HandleKey) -> Result<Vec<Value>, Fault> {
    let all = List::of(handles::object(list)).all().map_err(|error| memory(&error))?;
    all.iter().map(|bytes| decode(bytes)).collect()
}

fn remove(object: HandleKey, key: &Value, default: Option<Value>) -> Result<Value, Fault> {
    let mut bytes = Vec::new();
    let found = if object.kind == HandleKind::SharedMap {
        with_key(key, |key| Map::of(handles::object(object)).remove(key, &mut bytes))?
    } else if count(object)? == 0 {
        return Err(Fault::new(Kind::Index, "`pop` of an empty shared_list"));
    } else {
        let index = position(object, key)?;
        List::of(handles::object(object)).remove(index, &mut bytes).map_err(|error| memory(&error))?
    };
    match (found, default) {
        (true, _) => decode(&bytes),
        (false, Some(default)) => Ok(default),
        (false, None) => Err(missing(key)),
    }
}

/// Puts an item in before an index, which clamps.
fn insert(list: HandleKey, index: i64, value: &Value) -> Result<Value, Fault> {
    let (bytes, held) = pack(value)?;
    let len = count(list)?;
    let at = if index < 0 { index.saturating_add(len) } else { index }.clamp(0, len);
    let inserted = List::of(handles::object(list)).insert(at as u64, &bytes, &held);
    inserted.map(|_| Value::Null).map_err(|error| memory(&error))
}

fn snapshot(object: HandleKey, what: Snapshot) -> Result<Value, Fault> {
    if object.kind == HandleKind::SharedList {
        return items(object).map(Value::list);
    }
    let parts: &[Part] = match what {
        Snapshot::Keys => &[Part::Key],
        Snapshot::Values => &[Part::Content],
        Snapshot::Pairs | Snapshot::Whole => &[Part::Key, Part::Content],
    };
    let parts = Map::of(handles::object(object)).parts(parts).map_err(|error| memory(&error))?;
    let mut values = parts.iter().map(|bytes| decode(bytes));
    if let Snapshot::Keys | Snapshot::Values = what {
        return values.collect::<Result<_, _>>().map(Value::list);
    }
    let mut map = MapValue::default();
    let mut pairs = Vec::new();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        match what {
            Snapshot::Pairs => pairs.push(Value::list(vec![key?, value?])),
            _ => drop(map.insert(key?, value?)),
        }
    }
    Ok(if what == Snapshot::Pairs { Value::list(pairs) } else { Value::map(map) })
}
