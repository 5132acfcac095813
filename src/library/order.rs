//! Sorting, extremes and sums.
//!
//! The sort is our own where a comparison can fail: the standard one may panic when an order is not total.

use super::arguments::{At, empty, items_of, take_list, try_items};
use super::{ITEMS, LOOPED, both, hidden, method_of};
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run, Run::*, optional, required, rest, rest_of};
use crate::vm::types::Type;
use crate::vm::value::arith::{Arith, binary, update};
use crate::vm::value::{Array, List, Range, Value, compare, unordered};
use num_bigint::BigInt;
use std::cmp::Ordering;

/// What `min` and `max` are asked of: what has items, and the first of several values.
const COMPARED: &[Type] = &[
    Type::List,
    Type::Str,
    Type::Bytes,
    Type::Range,
    Type::Array,
    Type::SharedInts,
    Type::SharedFloats,
    Type::Set,
    Type::Map,
    Type::Stream,
    Type::Bool,
    Type::Int,
    Type::Float,
];

pub(super) static DECLARATIONS: &[Declaration] = &[
    both(
        "sorted",
        LOOPED,
        &[optional("by", "null"), optional("key", "null"), optional("reverse", "false")],
        "A list of the items from the smallest to the largest, by themselves or by `by(x)`. Equal ones keep their order.\n[3, 1, 2].sorted() == [1, 2, 3] and ['aa', 'b'].sorted(by = len) == ['b', 'aa']",
        Script(
            "fn sorted(self_, by = null, key = null, reverse = false) {
                let f = by ?? key
                let items = __items('sorted', self_)
                if f == null { return __sorted(items, reverse) }
                __sorted_by(items, [f(x) for x in items], reverse)
            }",
        ),
    ),
    method_of(
        "sort",
        &[Type::List],
        &[optional("by", "null"), optional("key", "null"), optional("reverse", "false")],
        "Sorts the list in place, as `sorted` does.\nvar xs = [3, 1, 2]; xs.sort(reverse = true); xs == [3, 2, 1]",
        Script(
            "fn sort(var self_, by = null, key = null, reverse = false) {
                let f = by ?? key
                if f == null { return __sorted(self_, reverse) }
                let keys = [f(x) for x in self_]
                __sorted_by(self_, keys, reverse)
            }",
        ),
    ),
    method_of(
        "sort_by",
        &[Type::List],
        &[required("f"), optional("reverse", "false")],
        "Sorts the list in place by `f(x)`: `sort(by = f)`.\nvar xs = ['aa', 'b']; xs.sort_by(len); xs == ['b', 'aa']",
        Script(
            "fn sort_by(var self_, f, reverse = false) {
                let keys = [f(x) for x in self_]
                __sorted_by(self_, keys, reverse)
            }",
        ),
    ),
    method_of(
        "sorted_by",
        ITEMS,
        &[required("f"), optional("reverse", "false")],
        "The items sorted by `f(x)`: `sorted(by = f)`.\n['aa', 'b'].sorted_by(len) == ['b', 'aa']",
        Script(
            "fn sorted_by(self_, f, reverse = false) {
                let items = __items('sorted_by', self_)
                __sorted_by(items, [f(x) for x in items], reverse)
            }",
        ),
    ),
    both(
        "min",
        COMPARED,
        &[rest("others"), optional("by", "null"), optional("key", "null"), optional("reverse", "false")],
        "The smallest item, or the smallest of several values, by themselves or by `by(x)`; the first of equal ones.\n[3, 1, 2].min() == 1 and min(4, 5) == 4",
        Script(
            "fn min(self_, others = [], by = null, key = null, reverse = false) {
                let items = __values('min', self_, others)
                let f = by ?? key
                if f == null { return __extreme(items, items, reverse) }
                __extreme(items, [f(x) for x in items], reverse)
            }",
        ),
    ),
    both(
        "max",
        COMPARED,
        &[rest("others"), optional("by", "null"), optional("key", "null"), optional("reverse", "false")],
        "The largest item, or the largest of several values, by themselves or by `by(x)`; the first of equal ones.\n[3, 1, 2].max() == 3 and max('a', 'bcd', by = len) == 'bcd'",
        Script(
            "fn max(self_, others = [], by = null, key = null, reverse = false) {
                let items = __values('max', self_, others)
                let f = by ?? key
                if f == null { return __extreme(items, items, not reverse) }
                __extreme(items, [f(x) for x in items], not reverse)
            }",
        ),
    ),
    both(
        "sum",
        LOOPED,
        &[optional("start", "0")],
        "The sum of the items, added to `start`.\n[1, 2, 3].sum() == 6 and sum([]) == 0",
        Script(
            "fn sum(self_, start = 0) = __sum(if self_ is stream or self_ is handle { list(self_) } else { self_ }, start)",
        ),
    ),
    hidden("__sorted", &[required("items"), required("reverse")], Pure(sorted)),
    hidden("__sorted_by", &[required("items"), required("keys"), required("reverse")], Pure(sorted_by)),
    hidden("__extreme", &[required("items"), required("keys"), required("largest")], Pure(extreme)),
    hidden("__values", &[required("name"), required("first"), required("others")], SCRIPT_VALUES),
    hidden("__min2", &[required("a"), required("b")], Pure(|_, args| extreme_of(args, Ordering::Less))),
    hidden("__max2", &[required("a"), required("b")], Pure(|_, args| extreme_of(args, Ordering::Greater))),
    hidden("__min3", &[required("a"), required("b"), required("c")], Pure(|_, args| extreme_of(args, Ordering::Less))),
    hidden(
        "__max3",
        &[required("a"), required("b"), required("c")],
        Pure(|_, args| extreme_of(args, Ordering::Greater)),
    ),
    hidden("__min_of", &[rest("values")], Pure(|_, args| extreme_of_rest(args, Ordering::Less))),
    hidden("__max_of", &[rest("values")], Pure(|_, args| extreme_of_rest(args, Ordering::Greater))),
    hidden("__sum", &[required("values"), required("start")], Pure(sum)),
];

/// What `min` and `max` choose from: all values, or the items of the only one.
const SCRIPT_VALUES: Run = Script(
    "fn __values(name, first, others) {
        if others is not list { return [first, others] }
        if others.len() == 0 { __items(name, first) } else { [first, ...others] }
    }",
);

/// The order of two values of like types, for sorting.
fn order_of(a: &Value, b: &Value) -> Result<Ordering, Fault> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
        (Value::Str(a), Value::Str(b)) => Ok(a.as_str().cmp(b.as_str())),
        _ => match compare(a, b) {
            Ok(Some(order)) => Ok(order),
            Ok(None) => Err(no_nan()),
            Err((a, b)) => Err(unordered("<", a, b)),
        },
    }
}

#[cold]
fn no_nan() -> Fault {
    Fault::value_error("nan has no place in an order").help("leave it out: `xs.filter(|x| not x.is_nan())`")
}

fn sorted(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let reverse = At("sorted", "reverse").flag(&args[1])?;
    let mut items = take_list(&mut args[0]);
    sort(&mut items, reverse)?;
    Ok(Value::list(items))
}

/// Sorts values. After an error they are in no particular order.
fn sort(items: &mut List, reverse: bool) -> Result<(), Fault> {
    // Equal ints cannot be told apart, so they need no stable sort.
    let ints: Option<Vec<i64>> =
        items.iter().map(|item| if let Value::Int(int) = item { Some(*int) } else { None }).collect();
    if let Some(mut ints) = ints {
        if reverse {
            ints.sort_unstable_by(|a, b| b.cmp(a));
        } else {
            ints.sort_unstable();
        }
        items.iter_mut().zip(ints).for_each(|(item, int)| *item = Value::Int(int));
        return Ok(());
    }
    let order = permutation(items, reverse)?;
    *items = order.iter().map(|at| std::mem::take(&mut items[*at as usize])).collect();
    Ok(())
}

fn sorted_by(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let reverse = At("sorted", "reverse").flag(&args[2])?;
    let order = permutation(&items_of(&args[1]).unwrap_or_default(), reverse)?;
    let mut items = take_list(&mut args[0]);
    Ok(Value::list(order.iter().map(|at| std::mem::take(&mut items[*at as usize])).collect()))
}

/// The indexes of the keys in the order of the keys, equal ones as they stand.
fn permutation(keys: &[Value], reverse: bool) -> Result<Vec<u32>, Fault> {
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    if sort_plain(&mut order, |at| Some(&keys[at]), reverse) || sort_columns(&mut order, keys, reverse) {
        return Ok(order);
    }
    order.sort_unstable();
    merge_sort(&mut order, |a, b| {
        let order = order_of(&keys[*a as usize], &keys[*b as usize])?;
        Ok(if reverse { order.reverse() } else { order })
    })?;
    Ok(order)
}

/// Sorts by keys that are lists, all of one length, column by column from the last one on. False when they are not, or
/// a column is not plain; then the order is any.
fn sort_columns(order: &mut [u32], keys: &[Value], reverse: bool) -> bool {
    let Some(Value::List(first)) = keys.first() else { return false };
    let part = |at: usize, column: usize| match &keys[at] {
        Value::List(parts) if parts.len() == first.len() => Some(&parts[column]),
        _ => None,
    };
    !first.is_empty() && (0..first.len()).rev().all(|column| sort_plain(order, |at| part(at, column), reverse))
}

/// Sorts by keys that are all ints, all floats or all texts; false when they are not.
fn sort_plain<'a>(order: &mut [u32], key: impl Fn(usize) -> Option<&'a Value>, reverse: bool) -> bool {
    let int = |key: &'a Value| if let Value::Int(int) = key { Some(*int) } else { None };
    let float = |key: &'a Value| match key {
        Value::Float(float) if !float.get().is_nan() => Some(float.get()),
        _ => None,
    };
    // Most texts differ in their first bytes, which need not be fetched from elsewhere then.
    let text = |key: &'a Value| key.as_str().map(|text| (first_bytes(text), text));
    sort_pairs(order, &key, int, reverse, i64::cmp)
        || sort_pairs(order, &key, float, reverse, |a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal))
        || sort_pairs(order, &key, text, reverse, |a, b| a.cmp(b))
}

fn first_bytes(text: &str) -> u64 {
    let mut first = [0; 8];
    let some = &text.as_bytes()[..text.len().min(8)];
    first[..some.len()].copy_from_slice(some);
    u64::from_be_bytes(first)
}

fn sort_pairs<'a, T>(
    order: &mut [u32],
    key: &impl Fn(usize) -> Option<&'a Value>,
    plain: impl Fn(&'a Value) -> Option<T>,
    reverse: bool,
    compare: impl Fn(&T, &T) -> Ordering,
) -> bool {
    let pairs: Option<Vec<(T, u32)>> = order.iter().map(|&at| Some((plain(key(at as usize)?)?, at))).collect();
    let Some(mut pairs) = pairs else { return false };
    if reverse {
        pairs.sort_by(|a, b| compare(&b.0, &a.0));
    } else {
        pairs.sort_by(|a, b| compare(&a.0, &b.0));
    }
    order.iter_mut().zip(pairs).for_each(|(at, (_, sorted))| *at = sorted);
    true
}

/// A stable sort that ends with the first error of the comparison, and stands any answers from it.
fn merge_sort<T: Copy>(items: &mut [T], mut order: impl FnMut(&T, &T) -> Result<Ordering, Fault>) -> Result<(), Fault> {
    const RUN: usize = 8;
    for run in items.chunks_mut(RUN) {
        for end in 1..run.len() {
            let mut at = end;
            while at > 0 && order(&run[at - 1], &run[at])?.is_gt() {
                run.swap(at - 1, at);
                at -= 1;
            }
        }
    }
    let mut merged = Vec::with_capacity(items.len());
    let mut width = RUN;
    while width < items.len() {
        for pair in items.chunks_mut(2 * width) {
            if pair.len() <= width || order(&pair[width - 1], &pair[width])?.is_le() {
                continue;
            }
            merged.clear();
            let (mut left, mut right) = pair.split_at(width);
            while let ([a, rest_a @ ..], [b, rest_b @ ..]) = (left, right) {
                if order(a, b)?.is_gt() {
                    merged.push(*b);
                    right = rest_b;
                } else {
                    merged.push(*a);
                    left = rest_a;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
            pair.copy_from_slice(&merged);
        }
        width *= 2;
    }
    Ok(())
}

fn extreme(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let largest = At("min", "reverse").flag(&args[2])?;
    let wanted = if largest { Ordering::Greater } else { Ordering::Less };
    let name = if largest { "max" } else { "min" };
    let keys = try_items(name, &args[1])?.unwrap_or_default();
    let Some(mut best) = keys.first() else {
        return Err(empty(Kind::Value, name, &args[0]).help(format!("`try {name}(xs) else 0` gives 0 instead")));
    };
    let mut at = 0;
    if keys.len() == 1 && matches!(best, Value::Float(float) if float.get().is_nan()) {
        return Err(no_nan());
    }
    for (index, key) in keys.iter().enumerate().skip(1) {
        if order_of(key, best)? == wanted {
            (at, best) = (index, key);
        }
    }
    Ok(items_of(&args[0]).unwrap_or_default()[at].clone())
}

fn extreme_of(args: &mut [Value], wanted: Ordering) -> Result<Value, Fault> {
    place_of_extreme(args, wanted).map(|at| std::mem::take(&mut args[at]))
}

/// Of the values of a rest parameter, of which there is at least one.
fn extreme_of_rest(args: &[Value], wanted: Ordering) -> Result<Value, Fault> {
    let values = rest_of(&args[0]);
    place_of_extreme(values, wanted).map(|at| values[at].clone())
}

fn place_of_extreme(values: &[Value], wanted: Ordering) -> Result<usize, Fault> {
    let mut best = 0;
    for at in 1..values.len() {
        if order_of(&values[at], &values[best])? == wanted {
            best = at;
        }
    }
    Ok(best)
}

fn sum(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let start = args[1].clone();
    match &args[0] {
        Value::Range(range) => binary(Arith::Add, &start, &sum_of_range(range)),
        Value::Array(array) => match &**array {
            Array::Ints(items) => {
                let sum: i128 = items.iter().map(|item| i128::from(*item)).sum();
                binary(Arith::Add, &start, &Value::big(BigInt::from(sum)))
            }
            Array::Floats(items) if matches!(start, Value::Int(0)) => Ok(Value::float(items.iter().sum())),
            Array::Floats(items) => binary(Arith::Add, &start, &Value::float(items.iter().sum())),
        },
        Value::List(items) => sum_of_items(items, start),
        other => sum_of_items(&At("sum", "self").items(other)?, start),
    }
}

fn sum_of_range(range: &Range) -> Value {
    let len = range.len();
    if len == 0 {
        return Value::Int(0);
    }
    let ends = i128::from(range.at(0)) + i128::from(range.at(len - 1));
    Value::big(BigInt::from(ends) * BigInt::from(len) / 2)
}

fn sum_of_items(items: &[Value], mut total: Value) -> Result<Value, Fault> {
    for (index, item) in items.iter().enumerate() {
        match (&mut total, item) {
            (Value::Int(sum), Value::Int(int)) if sum.checked_add(*int).is_some() => *sum += int,
            (Value::Float(sum), Value::Float(float)) => total = Value::float(sum.get() + float.get()),
            (total, item) => update(Arith::Add, total, item).map_err(|fault| not_summed(fault, index, item))?,
        }
    }
    Ok(total)
}

#[cold]
fn not_summed(fault: Fault, index: usize, item: &Value) -> Fault {
    if !fault.is(Kind::Type) {
        return fault;
    }
    let wrong = Fault::type_error(format!("`sum` cannot add the {} at index {index}", item.type_name()));
    match item {
        Value::Str(_) => wrong.help("`xs.join()` puts strs together, `xs.map(int).sum()` adds the numbers in them"),
        Value::List(_) => wrong.help("`xs.flatten()` puts lists together"),
        _ => wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sort agrees with the standard one, is stable, and stands an order that contradicts itself.
    #[test]
    fn merge_sort_is_stable_and_never_panics() {
        let mut seed = 7u64;
        for len in [0, 1, 2, 7, 8, 9, 16, 17, 100, 1000] {
            let mut pairs: Vec<(u64, usize)> = (0..len)
                .map(|at| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    ((seed >> 33) % 10, at)
                })
                .collect();
            let mut wanted = pairs.clone();
            wanted.sort_by_key(|pair| pair.0);
            assert!(merge_sort(&mut pairs, |a, b| Ok(a.0.cmp(&b.0))).is_ok());
            assert_eq!(pairs, wanted);
            assert!(merge_sort(&mut pairs, |_, _| Ok(Ordering::Greater)).is_ok());
        }
    }

    /// One comparison that fails ends the sort with its error.
    #[test]
    fn unlike_items_have_no_order() {
        let mut items = vec![Value::Int(1), Value::from("a"), Value::Int(0)];
        assert!(sort(&mut items, false).err().is_some_and(|fault| fault.is(Kind::Type)));
        let mut items = vec![Value::Int(1), Value::float(f64::NAN)];
        assert!(sort(&mut items, false).err().is_some_and(|fault| fault.is(Kind::Value)));
    }

    /// Reversed sorting keeps equal items in their order, too.
    #[test]
    fn reverse_is_stable() {
        let keys = [1, 2, 1, 2].map(Value::Int);
        assert_eq!(permutation(&keys, true).ok(), Some(vec![1, 3, 0, 2]));
        assert_eq!(permutation(&keys, false).ok(), Some(vec![0, 2, 1, 3]));
    }

    /// Lists that are sorted by columns are in the order of their comparison, equal ones as they stand.
    #[test]
    fn columns_are_sorted_as_lists_are() {
        let mut seed = 7u64;
        let mut next = |below| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % below
        };
        let texts = ["", "a", "a\0", "abcdefgh", "abcdefghi", "é"];
        let mut key = || {
            let float = next(3) as f64 - 1.0;
            Value::list(vec![Value::Int(next(3) as i64), Value::from(texts[next(6) as usize]), Value::float(float)])
        };
        let keys: Vec<Value> = (0..500).map(|_| key()).collect();
        for reverse in [false, true] {
            let mut order: Vec<u32> = (0..500).collect();
            assert!(sort_columns(&mut order, &keys, reverse));
            let mut wanted: Vec<u32> = (0..500).collect();
            wanted.sort_by(|&a, &b| {
                let order = order_of(&keys[a as usize], &keys[b as usize]).unwrap_or(Ordering::Equal);
                if reverse { order.reverse() } else { order }
            });
            assert_eq!(order, wanted);
        }
    }

    /// The sum of a range is exact beyond 64 bits.
    #[test]
    fn ranges_are_summed_by_formula() {
        let all = Range { start: 0, end: i64::MAX, step: 1 };
        let Value::Big(sum) = sum_of_range(&all) else { unreachable!() };
        assert_eq!(sum.to_string(), "42535295865117307919086767873688862721");
    }
}
