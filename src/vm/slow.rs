//! What instructions do off the fast path.

use super::code::{Joined, Key, ListSite, Part, Path, Proto, Reg, Shortcut};
pub(super) use super::fault::assert_failed;
use super::fault::{Fault, Kind, shortened};
use super::iterate::is_container;
use super::machine::{Machine, output_waits};
use super::native::Library;
use super::op::Op;
use super::types::with_article;
use super::value::{self, Arith, Bits, Handle, HandleKey, HandleKind, Map, Range, Ref, Str, Value};
use std::cmp::Ordering;

/// A register of the frame whose window starts at `base`.
macro_rules! register {
    ($base:expr, $reg:expr) => {
        // SAFETY: the interpreter passes its window, in which the compiler numbered the register.
        unsafe { &mut *$base.add($reg as usize) }
    };
}

/// `dst = a op b`; in place when `dst` is `a`.
#[cold]
#[inline(never)]
pub(super) fn binary(op: Arith, base: *mut Value, dst: Reg, a: Reg, b: Reg) -> Result<(), Fault> {
    if dst == a && a != b {
        return value::update(op, register!(base, a), register!(base, b));
    }
    if let (Arith::Add, Value::Str(a), Value::Str(b)) = (op, &*register!(base, a), &*register!(base, b)) {
        *register!(base, dst) = Value::Str(Ref::new(a.joined(b)));
        return Ok(());
    }
    let result = value::binary(op, register!(base, a), register!(base, b))?;
    *register!(base, dst) = result;
    Ok(())
}

/// `dst = a op value`
#[cold]
#[inline(never)]
pub(super) fn binary_int(op: Arith, base: *mut Value, dst: Reg, a: Reg, b: i16) -> Result<(), Fault> {
    let result = value::binary(op, register!(base, a), &Value::Int(i64::from(b)))?;
    *register!(base, dst) = result;
    Ok(())
}

/// `dst = a op constant`, the other way round when `left`
#[cold]
#[inline(never)]
pub(super) fn binary_const(
    op: Arith,
    base: *mut Value,
    dst: Reg,
    a: Reg,
    constant: &Value,
    left: bool,
) -> Result<(), Fault> {
    let a = &*register!(base, a);
    let result = if left { value::binary(op, constant, a) } else { value::binary(op, a, constant) }?;
    *register!(base, dst) = result;
    Ok(())
}

/// `dst = a + value`, where a negative value was written as a subtraction.
#[cold]
#[inline(never)]
pub(super) fn add_int(base: *mut Value, dst: Reg, a: Reg, b: i16) -> Result<(), Fault> {
    let (op, b) = if b < 0 { (Arith::Sub, -i64::from(b)) } else { (Arith::Add, i64::from(b)) };
    let result = value::binary(op, register!(base, a), &Value::Int(b))?;
    *register!(base, dst) = result;
    Ok(())
}

/// `place op= src`
pub(super) fn update(op: Arith, base: *mut Value, place: Reg, src: Reg) -> Result<(), Fault> {
    if place == src {
        let other = register!(base, src).clone();
        return value::update(op, register!(base, place), &other);
    }
    value::update(op, register!(base, place), register!(base, src))
}

/// The part of a value that is one step on, for writing. `value` is the index or the name.
pub(super) fn step<'a>(place: &'a mut Value, key: &Key, value: &Value) -> Result<&'a mut Value, Fault> {
    match (place, key) {
        (Value::Map(map), Key::Field { at, .. }) => {
            let found = map.position(value).inspect(|&found| at.set(found as u32));
            value::map_slot(map, found, value)
        }
        (place, _) => value::slot(place, value),
    }
}

/// The part of a value that is one step on, where that is a plain one: to an item of a list, to a field where it was last
/// time, in a container that nobody else has.
#[inline(always)]
fn plain_step<'a>(place: &'a mut Value, base: *mut Value, names: &[Value], key: &Key) -> Option<&'a mut Value> {
    match (key, place) {
        (Key::Index(reg), Value::List(items)) => {
            let Value::Int(at) = *register!(base, *reg) else { return None };
            items.get_mut()?.get_mut(at as usize)
        }
        (Key::Field { name, at }, Value::Map(map)) => {
            let Value::Str(name) = &names[*name as usize] else { return None };
            map.get_mut()?.known_mut(at.get() as usize, name)
        }
        _ => None,
    }
}

/// The place that a path leads to, where all steps are plain ones.
#[inline(always)]
fn plain_place<'a>(base: *mut Value, names: &[Value], path: &Path) -> Option<&'a mut Value> {
    let mut place = register!(base, path.root);
    for key in &path.keys {
        place = plain_step(place, base, names, key)?;
    }
    Some(place)
}

/// The index or the name that a key stands for.
#[inline(always)]
fn key_value<'a>(base: *mut Value, names: &'a [Value], key: &Key) -> &'a Value {
    match key {
        Key::Index(reg) => register!(base, *reg),
        Key::Field { name, .. } => &names[*name as usize],
    }
}

/// The place that some keys lead to, for writing.
fn place<'a>(base: *mut Value, names: &[Value], root: Reg, keys: &[Key]) -> Result<&'a mut Value, Fault> {
    let mut place = register!(base, root);
    for key in keys {
        place = step(place, key, key_value(base, names, key))?;
    }
    Ok(place)
}

/// The place that a path leads to, for writing.
#[inline]
pub(super) fn path_place<'a>(base: *mut Value, names: &[Value], path: &Path) -> Result<&'a mut Value, Fault> {
    match plain_place(base, names, path) {
        Some(place) => Ok(place),
        None => place(base, names, path.root, &path.keys),
    }
}

/// `dst` by a shortcut; false when that is closed.
#[inline(never)]
pub(super) fn shortcut(base: *mut Value, names: &[Value], shortcut: &Shortcut, dst: Reg) -> bool {
    match shortcut {
        Shortcut::Take(path) => take_path(base, names, path, dst),
        Shortcut::Join(parts) => join_strs(base, parts, dst),
    }
}

/// `dst` = some parts together, if all are strs.
fn join_strs(base: *mut Value, parts: &[Joined], dst: Reg) -> bool {
    let str_of = |part| match part {
        &Joined::Keep(reg) | &Joined::Take(reg) => register!(base, reg).as_text(),
        Joined::Text(text) => text.as_text(),
    };
    let Some(text) = Str::together(parts.iter().map(str_of)) else { return false };
    for part in parts {
        if let Joined::Take(reg) = part {
            *register!(base, *reg) = Value::Null;
        }
    }
    *register!(base, dst) = Value::Str(Ref::new(text));
    true
}

/// `dst = path`, which is left empty; false when it cannot be taken. A handle stays until it is replaced.
fn take_path(base: *mut Value, names: &[Value], path: &Path, dst: Reg) -> bool {
    match plain_place(base, names, path) {
        Some(place) if !may_hold_handle(place) => {
            let value = std::mem::take(place);
            *register!(base, dst) = value;
            true
        }
        _ => {
            note_fields(base, names, path);
            false
        }
    }
}

/// Notes where the fields of a path are now.
#[cold]
fn note_fields(base: *mut Value, names: &[Value], path: &Path) {
    let mut place: Option<&Value> = Some(register!(base, path.root));
    for key in &path.keys {
        place = match (key, place) {
            (Key::Index(reg), Some(Value::List(items))) => match *register!(base, *reg) {
                Value::Int(at) => items.get(at as usize),
                _ => None,
            },
            (Key::Field { name, at }, Some(Value::Map(map))) => {
                map.position(&names[*name as usize]).and_then(|found| {
                    at.set(found as u32);
                    map.entry(found).map(|(_, value)| value)
                })
            }
            _ => None,
        };
    }
}

/// `path = src`
#[inline(never)]
pub(super) fn set_path(base: *mut Value, names: &[Value], path: &Path, src: Reg) -> Result<Option<Op>, Fault> {
    let new = std::mem::take(register!(base, src));
    if let Some(place) = plain_place(base, names, path) {
        *place = new;
        return Ok(None);
    }
    let Some((last, before)) = path.keys.split_last() else { return Ok(None) };
    let place = place(base, names, path.root, before)?;
    let key = key_value(base, names, last);
    if let Value::Handle(_) = place {
        return set_handle(place, key, &new);
    }
    match (last, place) {
        (Key::Field { at, .. }, Value::Map(map)) => {
            let map = map.make_mut();
            map.insert(key.clone(), new);
            map.position(key).into_iter().for_each(|found| at.set(found as u32));
            Ok(None)
        }
        (_, place) if matches!(key, Value::Str(_)) && !matches!(place, Value::Map(_)) => {
            set_field(place, key.clone(), new).map(|()| None)
        }
        (_, place) => value::set_index(place, key.clone(), new).map(|()| None),
    }
}

/// `item op= other`, numbers first.
#[inline]
fn update_item(op: Arith, item: &mut Value, other: &Value) -> Result<(), Fault> {
    match (op, &mut *item, other) {
        (Arith::Add, Value::Float(a), Value::Float(b)) => *a = Bits::new(a.get() + b.get()),
        (Arith::Sub, Value::Float(a), Value::Float(b)) => *a = Bits::new(a.get() - b.get()),
        (Arith::Add, Value::Int(a), Value::Int(b)) if a.checked_add(*b).is_some() => *a += *b,
        (Arith::Sub, Value::Int(a), Value::Int(b)) if a.checked_sub(*b).is_some() => *a -= *b,
        _ => return value::update(op, item, other),
    }
    Ok(())
}

/// `path op= src`
#[inline(never)]
pub(super) fn update_path(op: Arith, base: *mut Value, names: &[Value], path: &Path, src: Reg) -> Result<(), Fault> {
    // Most paths are short. Apart, so that they need few registers of the processor.
    let root = register!(base, path.root);
    let place = match &path.keys[..] {
        [key] => plain_step(root, base, names, key),
        [first, second] => {
            plain_step(root, base, names, first).and_then(|place| plain_step(place, base, names, second))
        }
        _ => return update_long(op, base, names, path, src),
    };
    match place {
        Some(item) => update_item(op, item, register!(base, src)),
        None => update_any(op, base, names, path, src),
    }
}

/// The same where the path has many keys.
#[inline(never)]
fn update_long(op: Arith, base: *mut Value, names: &[Value], path: &Path, src: Reg) -> Result<(), Fault> {
    match plain_place(base, names, path) {
        Some(item) => update_item(op, item, register!(base, src)),
        None => update_any(op, base, names, path, src),
    }
}

#[cold]
#[inline(never)]
fn update_any(op: Arith, base: *mut Value, names: &[Value], path: &Path, src: Reg) -> Result<(), Fault> {
    let Some((last, before)) = path.keys.split_last() else { return Ok(()) };
    let place = place(base, names, path.root, before)?;
    let (key, other) = (key_value(base, names, last), &*register!(base, src));
    match place {
        Value::List(_) | Value::Map(_) => update_item(op, step(place, last, key)?, other),
        _ => update_number(op, place, key, other),
    }
}

/// `place[key] op= other` of what is neither list nor map.
fn update_number(op: Arith, place: &mut Value, key: &Value, other: &Value) -> Result<(), Fault> {
    if let Value::Handle(_) = place
        && place.type_of().is_shared()
    {
        return Err(Fault::value_error(
            "this reads an item and writes it back, and could lose the update of another process",
        )
        .help("write `a.add(i, n)` for arrays, `m.update(k, |v| …)` for maps and lists"));
    }
    if let Value::Array(_) = place {
        let new = value::binary(op, &value::index(place, key)?, other)?;
        return value::set_index(place, key.clone(), new);
    }
    value::update(op, value::slot(place, key)?, other)
}

/// Whether a handle is one of a shared map or list.
#[inline]
pub(super) fn is_table(handle: &Handle) -> bool {
    matches!(handle.key().kind, HandleKind::SharedMap | HandleKind::SharedList)
}

/// The cell whose value is changed.
pub(super) fn cell(object: &Value) -> Result<HandleKey, Fault> {
    match object {
        Value::Handle(handle) if handle.key().kind == HandleKind::Shared => Ok(handle.key()),
        Value::Map(_) => Err(fixed("a key of this map cannot be set")),
        other => Err(Fault::type_error(format!("cannot set `value` of {}", with_article(other.type_name())))),
    }
}

/// `object[key] = value` of what is no part of a variable: only shared objects change by it.
pub(super) fn set_shared(object: &Value, key: &Value, value: &Value) -> Result<Option<Op>, Fault> {
    match object {
        Value::Handle(_) => set_handle(object, key, value),
        Value::List(_) | Value::Array(_) | Value::Map(_) => {
            Err(fixed(&format!("an item of this {} cannot be set", object.type_name())))
        }
        // What can never be assigned to says so.
        _ => value::set_index(&mut object.clone(), key.clone(), value.clone()).map(|()| None),
    }
}

fn fixed(message: &str) -> Fault {
    Fault::type_error(format!("{message}: it is in no `var`"))
        .help("declare it with `var` (a parameter: `var xs`); in shared objects `m.update(key, f)` changes a part")
}

/// `handle[key] = value`: what the world has to do. Numbers have a shorter way when no output waits that must be seen
/// before.
fn set_item(object: &Value, key: &Value, value: &Value) -> Result<Option<Op>, Fault> {
    if !object.type_of().is_shared() {
        return Err(Fault::type_error(format!("{} has no items to set", with_article(object.type_name()))));
    }
    Ok(Some(Op::SetItem { object: object.clone(), key: key.clone(), value: value.clone() }))
}

/// `object[key] = value` where the object is a handle.
#[inline]
pub(super) fn set_handle(object: &Value, key: &Value, value: &Value) -> Result<Option<Op>, Fault> {
    if let (Value::Handle(handle), Value::Int(at)) = (object, key)
        && let Some(numbers) = handle.numbers()
        && !output_waits()
        && numbers.set(*at as usize, value)
    {
        return Ok(None);
    }
    set_item(object, key, value)
}

/// `place.name = value` where the place is not a map.
#[cold]
pub(super) fn set_field(place: &mut Value, key: Value, value: Value) -> Result<(), Fault> {
    if let Value::Map(map) = place {
        map.make_mut().insert(key, value);
        return Ok(());
    }
    let name = key.as_str().unwrap_or_default();
    Err(Fault::type_error(format!("cannot set `{name}` of {}", with_article(place.type_name()))))
}

/// The value of a field of something that is neither map nor handle.
#[cold]
pub(super) fn field(object: &Value, name: &str, library: &Library) -> Result<Value, Fault> {
    value::field(object, name).map_err(|fault| {
        if fault.is(Kind::Type) && (library.method)(object.type_of(), name).is_some() {
            fault.help(format!("`{name}` is a method: call it, `.{name}()`"))
        } else if let (true, Some(hint)) = (fault.is(Kind::Type), (library.instead)(Some(object.type_of()), name)) {
            fault.help(hint)
        } else {
            fault
        }
    })
}

/// `dst = a[b]`, or what the world has to do for it.
#[inline(never)]
pub(super) fn index(base: *mut Value, dst: Reg, a: Reg, b: Reg) -> Result<Option<Op>, Fault> {
    let (object, key) = (&*register!(base, a), &*register!(base, b));
    let item = match (object, key) {
        (Value::Map(map), key) if let Some(value) = map.get(key) => value.clone(),
        (Value::Handle(handle), Value::Int(at))
            if let Some(item) = handle.numbers().and_then(|numbers| numbers.get(*at as usize)) =>
        {
            item
        }
        (Value::Handle(handle), key) if is_table(handle) => {
            return Ok(Some(Op::GetItem { object: handle.key(), key: key.clone(), default: None }));
        }
        _ => value::index(object, key)?,
    };
    *register!(base, dst) = item;
    Ok(None)
}

/// `a[b] = value`, or what the world has to do for it.
#[inline(never)]
pub(super) fn set_index(base: *mut Value, a: Reg, b: Reg, value: Value) -> Result<Option<Op>, Fault> {
    let key = &*register!(base, b);
    match register!(base, a) {
        Value::Map(map) if let Some(at) = map.last_position(key) => {
            if let Some((_, slot)) = map.make_mut().entry_mut(at) {
                *slot = value;
            }
        }
        Value::Handle(_) => return set_handle(register!(base, a), key, &value),
        place => value::set_index(place, key.clone(), value)?,
    }
    Ok(None)
}

/// `a?[b]`
#[cold]
pub(super) fn index_maybe(object: &Value, key: &Value) -> Result<Value, Fault> {
    if object.is_null() {
        return Ok(Value::Null);
    }
    match value::index(object, key) {
        Err(fault) if fault.is(Kind::Key) || fault.is(Kind::Index) => Ok(Value::Null),
        other => other,
    }
}

/// Adds the entries of a map to the map in a register.
#[cold]
pub(super) fn map_extend(base: *mut Value, map: Reg, src: Reg) -> Result<(), Fault> {
    let Value::Map(more) = register!(base, src).clone() else {
        return Err(Fault::type_error(format!(
            "`...` in a map needs a map, got {}",
            with_article(register!(base, src).type_name())
        )));
    };
    if let Value::Map(map) = register!(base, map) {
        let map = map.make_mut();
        for (key, value) in more.iter() {
            map.insert(key.clone(), value.clone());
        }
    }
    Ok(())
}

/// `a..b`
pub(super) fn range(a: &Value, b: &Value, inclusive: bool) -> Result<Range, Fault> {
    let (Value::Int(start), Value::Int(end)) = (a, b) else { return Err(bad_range(a, b)) };
    let end = if inclusive { end.checked_add(1) } else { Some(*end) };
    let Some(end) = end else { return Err(Fault::new(Kind::Limit, "a range ends below 2**63 - 1")) };
    Ok(Range { start: *start, end, step: 1 })
}

/// The error for a range whose ends are not ints.
#[cold]
pub(super) fn bad_range(a: &Value, b: &Value) -> Fault {
    if matches!((a, b), (Value::Int(_) | Value::Big(_), Value::Int(_) | Value::Big(_))) {
        return Fault::new(Kind::Limit, "the ends of a range must lie between -2**63 and 2**63 - 1");
    }
    let wrong = if matches!(a, Value::Int(_)) { b } else { a };
    Fault::type_error(format!("a range needs ints, got {}", with_article(wrong.type_name())))
}

/// Whether a value is or may contain a handle. Looks at few parts: a container with more counts as one that may.
#[inline]
pub(super) fn may_hold_handle(value: &Value) -> bool {
    match value {
        Value::Handle(_) => true,
        Value::List(_) | Value::Map(_) | Value::Set(_) | Value::Function(_) | Value::Error(_) | Value::Stream(_) => {
            value::handles_alive() > 0 && contains_handle(value)
        }
        _ => false,
    }
}

#[cold]
#[inline(never)]
fn contains_handle(value: &Value) -> bool {
    const MOST_LOOKED_AT: usize = 64;
    let mut waiting = vec![value];
    let mut looked_at = 0;
    while let Some(value) = waiting.pop() {
        looked_at += 1;
        if looked_at > MOST_LOOKED_AT || waiting.len() > MOST_LOOKED_AT {
            return true;
        }
        match value {
            Value::Handle(_) | Value::Error(_) | Value::Stream(_) => return true,
            Value::List(items) => waiting.extend(items.iter().take(MOST_LOOKED_AT + 1)),
            Value::Map(map) => {
                waiting.extend(map.iter().take(MOST_LOOKED_AT + 1).flat_map(|(key, value)| [key, value]))
            }
            Value::Set(set) => waiting.extend(set.keys().take(MOST_LOOKED_AT + 1)),
            Value::Function(function) => {
                if let value::Function::Closure { captures, .. } = &**function {
                    waiting.extend(captures.iter());
                }
            }
            _ => {}
        }
    }
    false
}

/// Whether `for` takes the value.
pub(super) fn can_loop(value: &Value) -> bool {
    match value {
        Value::Handle(handle) => {
            handle.numbers().is_some()
                || is_table(handle)
                || matches!(handle.key().kind, HandleKind::Queue | HandleKind::PipeEnd)
        }
        Value::Stream(_) => true,
        other => is_container(other),
    }
}

/// Makes room in an empty list for the turns of the loop that begins at `at`; not for very many, not all of which need
/// come to be.
#[inline(never)]
pub(super) fn reserve(base: *mut Value, list: Reg, at: Reg) {
    const MOST: usize = 4096;
    let turns = match (&*register!(base, at), &*register!(base, at + 1)) {
        (Value::List(items), _) => items.len(),
        (Value::Map(map), _) => map.len(),
        (Value::Set(set), _) => set.len(),
        (Value::Int(first), Value::Int(end)) => end.saturating_sub(*first).max(0) as usize,
        _ => 0,
    };
    if let Value::List(list) = register!(base, list)
        && let Some(list) = list.get_mut()
    {
        list.reserve_exact(turns.min(MOST));
    }
}

/// The error for a condition that is not a bool.
#[cold]
pub(super) fn not_bool(value: &Value) -> Fault {
    let fault =
        Fault::type_error(format!("a condition must be true or false, got {}", with_article(value.type_name())));
    match value {
        Value::Int(_) | Value::Float(_) | Value::Big(_) => fault.help("compare it: `x != 0`"),
        Value::Null => fault.help("compare it: `x != null`"),
        Value::Str(_) => fault.help("compare it: `s != \"\"`"),
        Value::List(_) | Value::Map(_) | Value::Set(_) => fault.help("ask for its length: `x.len() > 0`"),
        _ => fault,
    }
}

/// The error for a name that is used before its `let` has run.
#[cold]
pub(super) fn unset(name: &str) -> Fault {
    Fault::new(Kind::Name, format!("`{name}` is used before its `let` has run"))
}

/// The error for `throw` of something else than a str or an error.
#[cold]
pub(super) fn bad_throw(value: &Value) -> Fault {
    Fault::type_error(format!("`throw` needs a str or an error, got {}", with_article(value.type_name())))
        .help("`throw error(\"kind\", \"what happened\", data)` carries data along")
}

/// The error for a value that no arm of a `match` fits.
#[cold]
pub(super) fn no_arm(text: &str) -> Fault {
    Fault::value_error(format!("no arm fits {}", shortened(text))).help("`_ => …` fits everything")
}

/// Whether a value is a list of this shape.
pub(super) fn list_fits(value: &Value, site: ListSite) -> bool {
    let Value::List(list) = value else { return false };
    let needed = (site.before + site.after) as usize;
    if site.rest { list.len() >= needed } else { list.len() == needed }
}

/// An error unless the value is a list of this shape.
pub(super) fn need_list(value: &Value, site: ListSite) -> Result<(), Fault> {
    if list_fits(value, site) {
        return Ok(());
    }
    let needed = (site.before + site.after) as usize;
    match value {
        Value::List(list) => Err(Fault::value_error(format!(
            "{}{needed} name{} for a list of {} item{}",
            if site.rest { "at least " } else { "" },
            if needed == 1 { "" } else { "s" },
            list.len(),
            if list.len() == 1 { "" } else { "s" },
        ))),
        other => Err(Fault::type_error(format!("a list is needed here, got {}", with_article(other.type_name())))),
    }
}

/// The value of a key that must be there.
pub(super) fn need_key(value: &Value, key: &Value) -> Result<Value, Fault> {
    match value {
        Value::Map(_) => value::index(value, key),
        other => Err(Fault::type_error(format!("a map is needed here, got {}", with_article(other.type_name())))),
    }
}

/// A map without some keys.
pub(super) fn rest_of_map(value: &Value, without: &[Value]) -> Value {
    let Value::Map(map) = value else { return Value::Null };
    let mut rest = Map::default();
    for (key, value) in map.iter() {
        if !without.iter().any(|other| value::equal(other, key)) {
            rest.insert(key.clone(), value.clone());
        }
    }
    Value::map(rest)
}

/// Whether a value lies in a range pattern, of numbers or of texts.
pub(super) fn range_fits(value: &Value, start: &Value, end: &Value, inclusive: bool) -> bool {
    let order = |a, b| value::compare(a, b).ok().flatten();
    let above =
        matches!(start, Value::Undefined) || matches!(order(start, value), Some(Ordering::Less | Ordering::Equal));
    let below = matches!(end, Value::Undefined)
        || match order(value, end) {
            Some(Ordering::Less) => true,
            Some(Ordering::Equal) => inclusive,
            _ => false,
        };
    let comparable = [start, end].iter().all(|end| matches!(end, Value::Undefined) || order(value, end).is_some());
    comparable && above && below
}

/// Texts up to this size are put together in memory that is kept for the next one.
const KEPT: usize = 64 << 10;

impl Machine {
    /// The text of some parts as they print, together.
    pub(super) fn concat(&mut self, base: *mut Value, proto: &Proto, parts: &[Part]) -> Result<Value, Fault> {
        let mut text = std::mem::take(&mut self.scratch);
        for part in parts {
            match part {
                Part::Text(index) => text.push_str(proto.constants[*index as usize].as_str().unwrap_or_default()),
                Part::Keep(reg) | Part::Take(reg) => match register!(base, *reg) {
                    Value::Str(part) => text.push_str(part.as_str()),
                    Value::Int(int) => value::display::push_int(&mut text, *int),
                    other => text.push_str(&value::display(&self.context, other)?),
                },
            }
            if let Part::Take(reg) = part {
                *register!(base, *reg) = Value::Null;
            }
        }
        if text.capacity() > KEPT {
            return Ok(Value::str(text));
        }
        let result = Value::str(text.as_str());
        text.clear();
        self.scratch = text;
        Ok(result)
    }
}
