//! Functions that call functions: written in the language itself, so that the machine runs them as any other code.

use super::arguments::{At, items_of, take, take_list};
use super::{ITEMS, LOOPED, both, function_of, hidden, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::index::check_key;
use crate::vm::value::{List, Map, Set, Table, Value, equal};

/// What a tally of equal items or of fitting ones is asked of; strs and bytes count their parts instead.
const COUNTED: &[Type] =
    &[Type::List, Type::Range, Type::Array, Type::SharedInts, Type::SharedFloats, Type::Set, Type::Map, Type::Stream];

pub(super) static DECLARATIONS: &[Declaration] = &[
    both(
        "map",
        LOOPED,
        &[required("f")],
        "A list of `f(x)` for each item, of `f(key, value)` for a map. Lazy on streams.\n[1, 2].map(|x| x * 10) == [10, 20] and {a: 1}.map(|k, v| k) == ['a']",
        Script(
            "fn map(self_, f) {
                if self_ is map { return [f(k, v) for k, v in self_] }
                if self_ is stream { return __stream_map(self_, f) }
                [f(x) for x in self_]
            }",
        ),
    ),
    both(
        "filter",
        LOOPED,
        &[required("f")],
        "The items for which `f(x)` is true: a list, or a map or set of a map or set. Lazy on streams.\n[1, 2, 3].filter(|x| x > 1) == [2, 3] and {a: 1}.filter(|k, v| v > 1) == {}",
        Script(
            "fn filter(self_, f) {
                if self_ is map { return {k: v for k, v in self_ if f(k, v)} }
                if self_ is stream { return __stream_filter(self_, f) }
                let found = [x for x in self_ if f(x)]
                if self_ is set { return __set(found) }
                found
            }",
        ),
    ),
    both(
        "any",
        LOOPED,
        &[optional("f", "null")],
        "Whether `f(x)` is true for some item; without `f`, whether some item is true.\n[1, 2].any(|x| x > 1) and not any([false])",
        Script(
            "fn any(self_, f = null) {
                if f == null {
                    for x in self_ { if x { return true } }
                } else if self_ is map {
                    for k, v in self_ { if f(k, v) { return true } }
                } else {
                    for x in self_ { if f(x) { return true } }
                }
                false
            }",
        ),
    ),
    both(
        "all",
        LOOPED,
        &[optional("f", "null")],
        "Whether `f(x)` is true for every item; without `f`, whether every item is true.\n[1, 2].all(|x| x > 0) and all([])",
        Script(
            "fn all(self_, f = null) {
                if f == null {
                    for x in self_ { if not x { return false } }
                } else if self_ is map {
                    for k, v in self_ { if not f(k, v) { return false } }
                } else {
                    for x in self_ { if not f(x) { return false } }
                }
                true
            }",
        ),
    ),
    method_of(
        "find",
        COUNTED,
        &[required("f")],
        "The first item for which `f(x)` is true, of a map `[key, value]`; null when there is none.\n[1, 2, 3].find(|x| x > 1) == 2",
        Script(
            "fn find(self_, f) {
                if self_ is map {
                    for k, v in self_ { if f(k, v) { return [k, v] } }
                } else {
                    for x in self_ { if f(x) { return x } }
                }
                null
            }",
        ),
    ),
    method_of(
        "find_index",
        &[Type::List, Type::Range, Type::Array, Type::SharedInts, Type::SharedFloats, Type::Str, Type::Bytes],
        &[required("f")],
        "The index of the first item for which `f(x)` is true; null when there is none.\n[5, 6].find_index(|x| x > 5) == 1",
        Script(
            "fn find_index(self_, f) {
                var i = 0
                for x in self_ {
                    if f(x) { return i }
                    i += 1
                }
                null
            }",
        ),
    ),
    method_of(
        "count",
        COUNTED,
        &[required("what")],
        "How many items are equal to a value, or make a function true; for a map `f(key, value)`.\n[1, 2, 1].count(1) == 2 and [1, 2, 3].count(|x| x > 1) == 2",
        Script(
            "fn count(self_, what) {
                if what is not function {
                    if self_ is stream { return __count(list(self_), what) }
                    return __count(self_, what)
                }
                var n = 0
                if self_ is map {
                    for k, v in self_ { if what(k, v) { n += 1 } }
                } else {
                    for x in self_ { if what(x) { n += 1 } }
                }
                n
            }",
        ),
    ),
    method_of(
        "fold",
        ITEMS,
        &[required("start"), required("f")],
        "Goes through the items with a result so far: `f(f(start, first), second)` and so on.\n[1, 2, 3].fold(10, |sum, x| sum + x) == 16",
        Script(
            "fn fold(self_, start, f) {
                var result = start
                for x in self_ { result = f(result, x) }
                result
            }",
        ),
    ),
    method_of(
        "reduce",
        ITEMS,
        &[required("f")],
        "As `fold`, starting with the first item.\n[1, 2, 3].reduce(|a, b| a * b) == 6",
        Script(
            "fn reduce(self_, f) {
                var result = null
                var begun = false
                for x in self_ {
                    result = if begun { f(result, x) } else { x }
                    begun = true
                }
                if not begun { __reduced_nothing() }
                result
            }",
        ),
    ),
    method_of(
        "flat_map",
        ITEMS,
        &[required("f")],
        "The items of all `f(x)`, each of which can be looped over, in one list.\n[1, 2].flat_map(|x| [x, x]) == [1, 1, 2, 2]",
        Script("fn flat_map(self_, f) = [y for x in self_ for y in f(x)]"),
    ),
    method_of(
        "flatten",
        &[Type::List],
        &[],
        "The items of the lists in the list; what is no list stays.\n[[1, 2], [], 3].flatten() == [1, 2, 3]",
        Pure(flatten),
    ),
    method_of(
        "unique",
        ITEMS,
        &[optional("by", "null")],
        "The items without repetitions, the first of each kept; with `by`, equal means an equal `by(x)`.\n[3, 1, 3].unique() == [3, 1]",
        Script(
            "fn unique(self_, by = null) {
                let items = list(self_)
                if by == null { __unique(items, items) } else { __unique(items, [by(x) for x in items]) }
            }",
        ),
    ),
    method_of(
        "group_by",
        ITEMS,
        &[required("f")],
        "A map from each `f(x)` to the list of its items.\n[1, 2, 3].group_by(|x| x % 2) == {1: [1, 3], 0: [2]}",
        Script(
            "fn group_by(self_, f) {
                let items = list(self_)
                __group(items, [f(x) for x in items])
            }",
        ),
    ),
    method_of(
        "count_by",
        ITEMS,
        &[optional("f", "null")],
        "A map from each `f(x)`, or from each item, to how many there are.\n'abca'.count_by() == {a: 2, b: 1, c: 1}",
        Script("fn count_by(self_, f = null) = __tally(if f == null { list(self_) } else { [f(x) for x in self_] })"),
    ),
    method_of(
        "partition",
        ITEMS,
        &[required("f")],
        "Two lists: the items for which `f(x)` is true, and the others.\n[1, 2, 3].partition(|x| x > 1) == [[2, 3], [1]]",
        Script(
            "fn partition(self_, f) {
                var fit = []
                var others = []
                for x in self_ { if f(x) { fit.push(x) } else { others.push(x) } }
                [fit, others]
            }",
        ),
    ),
    method_of(
        "take_while",
        ITEMS,
        &[required("f")],
        "The items before the first for which `f(x)` is false.\n[1, 2, 9, 1].take_while(|x| x < 5) == [1, 2]",
        Script(
            "fn take_while(self_, f) {
                var taken = []
                for x in self_ {
                    if not f(x) { break }
                    taken.push(x)
                }
                taken
            }",
        ),
    ),
    method_of(
        "drop_while",
        ITEMS,
        &[required("f")],
        "The items from the first for which `f(x)` is false.\n[1, 2, 9, 1].drop_while(|x| x < 5) == [9, 1]",
        Script(
            "fn drop_while(self_, f) {
                var left = []
                var begun = false
                for x in self_ {
                    if not begun and not f(x) { begun = true }
                    if begun { left.push(x) }
                }
                left
            }",
        ),
    ),
    function_of(
        "memo",
        &[required("f")],
        "The function `f` with its results remembered, in each process for itself, as long as somebody has it.\nmemo(|x| x * 2)(4) == 8",
        Script(
            "fn memo(f) {
                let token = __memo_new(f)
                return fn(...given) {
                    let known = __memo_get(token, f, given)
                    if known != null { return known[0] }
                    let result = f(...given)
                    __memo_set(token, f, given, result)
                    result
                }
            }",
        ),
    ),
    hidden(
        "__reduced_nothing",
        &[],
        Pure(|_, _| Err(Fault::value_error("`reduce` of nothing").help("`fold(start, f)` starts with a value"))),
    ),
    hidden("__count", &[required("values"), required("item")], Pure(count)),
    hidden("__unique", &[required("items"), required("keys")], Pure(unique)),
    hidden("__group", &[required("items"), required("keys")], Pure(group)),
    hidden("__tally", &[required("keys")], Pure(tally)),
    hidden("__memo_new", &[required("f")], Pure(memo_new)),
    hidden("__memo_get", &[required("token"), required("f"), required("given")], Pure(memo_get)),
    hidden("__memo_set", &[required("token"), required("f"), required("given"), required("result")], Pure(memo_set)),
];

fn count(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let items = At("count", "self").items(&args[0])?;
    Ok(Value::count(items.iter().filter(|item| equal(item, &args[1])).count()))
}

fn flatten(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let items = At("flatten", "self").items(&args[0])?;
    let mut flat = List::with_capacity(items.len());
    for item in items.iter() {
        match item {
            Value::List(inner) => flat.extend_from_slice(inner),
            other => flat.push(other.clone()),
        }
    }
    Ok(Value::list(flat))
}

fn unique(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let (items, keys) = (items_of(&args[0]).unwrap_or_default(), items_of(&args[1]).unwrap_or_default());
    let mut seen = Set::default();
    let mut kept = List::new();
    for (item, key) in items.iter().zip(keys.iter()) {
        check_key(key)?;
        if seen.insert(key.clone(), ()).is_none() {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn group(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let items = take_list(&mut args[0]);
    let keys = take_list(&mut args[1]);
    let mut place: Table<usize> = Table::default();
    let mut groups: Vec<List> = Vec::new();
    for (item, key) in items.into_iter().zip(&keys) {
        check_key(key)?;
        match place.get(key) {
            Some(at) => groups[*at].push(item),
            None => {
                place.insert(key.clone(), groups.len());
                groups.push(vec![item]);
            }
        }
    }
    let mut map = Map::with_capacity(groups.len());
    for (key, group) in place.keys().zip(groups) {
        map.insert(key.clone(), Value::list(group));
    }
    Ok(Value::map(map))
}

fn tally(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let mut map = Map::default();
    for key in take_list(&mut args[0]) {
        check_key(&key)?;
        match map.get_mut(&key) {
            Some(Value::Int(count)) => *count += 1,
            _ => drop(map.insert(key, Value::Int(1))),
        }
    }
    Ok(Value::map(map))
}

/// The token of results that are remembered from now on.
fn memo_new(cx: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    if !matches!(args[0], Value::Function(_)) {
        return Err(At("memo", "f").wrong("a function", &args[0]));
    }
    Ok(cx.memos.begin(&args[0]))
}

/// The remembered result in a list, or null.
fn memo_get(cx: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let known = cx.memos.of(&args[0], &args[1]).get(&args[2]).cloned();
    Ok(known.map_or(Value::Null, |result| Value::list(vec![result])))
}

fn memo_set(cx: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let (given, result) = (take(&mut args[2]), take(&mut args[3]));
    let token = take(&mut args[0]);
    cx.memos.of(&token, &args[1]).insert(given, result);
    Ok(Value::Null)
}
