//! `==`, `<` and `in` of values. Neither depth nor shared parts make them fail.

use super::{Array, Function, Range, Table, Value};
use crate::vm::fault::Fault;
use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Ordering;

/// Structural equality. Numbers compare by value, maps and sets without order, handles by identity; nan is unlike itself.
#[inline(always)]
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a == b,
        // Most texts that differ do so in length or at the start.
        (Value::Str(a), Value::Str(b)) => a.same(b) || a.as_str().len() == b.as_str().len() && same_text(a, b),
        _ => equal_any(a, b),
    }
}

#[inline(never)]
fn same_text(a: &str, b: &str) -> bool {
    a.as_bytes().first() == b.as_bytes().first() && a == b
}

#[inline(never)]
fn equal_any(a: &Value, b: &Value) -> bool {
    leaf(a, b).unwrap_or_else(|| Seen::default().equal(a, b))
}

/// Equality where it can be told without looking into containers.
fn leaf(a: &Value, b: &Value) -> Option<bool> {
    Some(match (a, b) {
        (Value::List(_), Value::List(_))
        | (Value::Map(_), Value::Map(_))
        | (Value::Set(_), Value::Set(_))
        | (Value::Function(_), Value::Function(_))
        | (Value::Error(_), Value::Error(_)) => return None,
        (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => true,
        (Value::False, Value::False) | (Value::True, Value::True) => true,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a.get() == b.get(),
        (Value::Int(_) | Value::Big(_), Value::Float(_)) | (Value::Float(_), Value::Int(_) | Value::Big(_)) => {
            compare_numbers(a, b) == Some(Ordering::Equal)
        }
        (Value::Str(a), Value::Str(b)) => a.same(b) || a.as_str() == b.as_str(),
        (Value::Big(a), Value::Big(b)) => **a == **b,
        (Value::Bytes(a), Value::Bytes(b)) => a.same(b) || **a == **b,
        (Value::Range(a), Value::Range(b)) => same_range(a, b),
        (Value::Array(a), Value::Array(b)) => same_array(a, b),
        (Value::Stream(a), Value::Stream(b)) => a.same(b),
        (Value::Handle(a), Value::Handle(b)) => a.key() == b.key(),
        _ => false,
    })
}

/// From so many steps on, pairs of containers are remembered, so that shared parts are not compared again and again.
const STEPS_BEFORE_MEMORY: usize = 10_000;
/// Rust stack that one key inside a key may need, and how much is added when it is short.
const KEY_STACK: usize = 64 << 10;
const MORE_STACK: usize = 1 << 20;

type Pair = (usize, usize);

/// What one comparison has seen.
#[derive(Default)]
struct Seen {
    steps: usize,
    pairs: FxHashMap<Pair, bool>,
    /// The pairs taken for alike, in order, until a difference is found.
    assumed: Vec<Pair>,
}

impl Seen {
    /// The containers are walked without recursion, but for keys that are containers with keys.
    fn equal<'a>(&mut self, a: &'a Value, b: &'a Value) -> bool {
        let mut waiting = vec![(a, b)];
        let (whole, mark) = (addresses(a, b), self.assumed.len());
        while let Some((a, b)) = waiting.pop() {
            self.steps += 1;
            if self.steps > STEPS_BEFORE_MEMORY
                && let Some(pair) = addresses(a, b)
            {
                match self.pairs.get(&pair) {
                    Some(true) => continue,
                    Some(false) => return self.unlike(whole, mark),
                    None => {
                        self.pairs.insert(pair, true);
                        self.assumed.push(pair);
                    }
                }
            }
            if !self.step(a, b, &mut waiting) {
                return self.unlike(whole, mark);
            }
        }
        true
    }

    /// Forgets what was assumed on the way; what is known is that the whole differs.
    fn unlike(&mut self, whole: Option<Pair>, mark: usize) -> bool {
        for pair in self.assumed.drain(mark..) {
            self.pairs.remove(&pair);
        }
        if let Some(whole) = whole
            && self.steps > STEPS_BEFORE_MEMORY
        {
            self.pairs.insert(whole, false);
        }
        false
    }

    /// Compares two containers but for their parts that are containers, which it adds to those waiting.
    fn step<'a>(&mut self, a: &'a Value, b: &'a Value, waiting: &mut Vec<(&'a Value, &'a Value)>) -> bool {
        match (a, b) {
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| look(a, b, waiting))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| match self.find(b, key) {
                        Some(at) => b.entry(at).is_some_and(|(_, other)| look(value, other, waiting)),
                        None => false,
                    })
            }
            (Value::Set(a), Value::Set(b)) => a.len() == b.len() && a.keys().all(|key| self.find(b, key).is_some()),
            (Value::Function(a), Value::Function(b)) => match (&**a, &**b) {
                (Function::Native(a), Function::Native(b)) => a == b,
                (Function::Closure { proto, captures }, Function::Closure { proto: other, captures: others }) => {
                    proto == other
                        && captures.len() == others.len()
                        && captures.iter().zip(others.iter()).all(|(a, b)| look(a, b, waiting))
                }
                _ => false,
            },
            (Value::Error(a), Value::Error(b)) => {
                look(&a.kind, &b.kind, waiting)
                    && look(&a.message, &b.message, waiting)
                    && look(&a.data, &b.data, waiting)
            }
            _ => leaf(a, b) == Some(true),
        }
    }

    /// The position of a key in a table, with one memory for all comparisons that this takes.
    fn find<V>(&mut self, table: &Table<V>, key: &Value) -> Option<usize> {
        table.position_where(key, |there| match leaf(there, key) {
            Some(same) => same,
            None => stacker::maybe_grow(KEY_STACK, MORE_STACK, || self.equal(there, key)),
        })
    }
}

/// Compares what has no parts; lets the rest wait.
fn look<'a>(a: &'a Value, b: &'a Value, waiting: &mut Vec<(&'a Value, &'a Value)>) -> bool {
    leaf(a, b).unwrap_or_else(|| {
        waiting.push((a, b));
        true
    })
}

fn addresses(a: &Value, b: &Value) -> Option<Pair> {
    Some((a.address()?, b.address()?))
}

fn same_array(a: &Array, b: &Array) -> bool {
    match (a, b) {
        (Array::Ints(a), Array::Ints(b)) => a == b,
        (Array::Floats(a), Array::Floats(b)) => a == b,
        (Array::Ints(ints), Array::Floats(floats)) | (Array::Floats(floats), Array::Ints(ints)) => {
            ints.len() == floats.len() && ints.iter().zip(floats.iter()).all(|(int, float)| *int as f64 == *float)
        }
    }
}

fn same_range(a: &Range, b: &Range) -> bool {
    let len = a.len();
    len == b.len() && (len == 0 || a.start == b.start && (len == 1 || a.step == b.step))
}

/// The order of two numbers, exact for integers of any size; `None` with nan or when one is not a number.
pub fn compare_numbers(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.get().partial_cmp(&b.get()),
        (Value::Big(a), Value::Big(b)) => Some((**a).cmp(b)),
        (Value::Int(int), Value::Big(big)) => Some(BigInt::from(*int).cmp(big)),
        (Value::Big(big), Value::Int(int)) => Some((**big).cmp(&BigInt::from(*int))),
        (Value::Int(int), Value::Float(float)) => int_with_float(&BigInt::from(*int), *int as f64, float.get()),
        (Value::Big(int), Value::Float(float)) => {
            int_with_float(int, int.to_f64().unwrap_or(f64::INFINITY), float.get())
        }
        (Value::Float(_), Value::Int(_) | Value::Big(_)) => compare_numbers(b, a).map(Ordering::reverse),
        _ => None,
    }
}

fn int_with_float(int: &BigInt, near: f64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if near.abs() < 9.0e15 || float.is_infinite() {
        return near.partial_cmp(&float);
    }
    let whole = BigInt::from_f64(float.trunc())?;
    Some(int.cmp(&whole).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}

/// Two values without an order.
pub type Unordered<'a> = (&'a Value, &'a Value);

/// The order of two lists that is settled by ints, floats and strs of the same type, as in keys for sorting.
fn compare_flat(a: &[Value], b: &[Value]) -> Option<Ordering> {
    for pair in a.iter().zip(b) {
        let order = match pair {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Str(a), Value::Str(b)) => a.as_str().cmp(b.as_str()),
            (Value::Float(a), Value::Float(b)) => a.get().partial_cmp(&b.get())?,
            _ => return None,
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(a.len().cmp(&b.len()))
}

/// The order of two values of like types: numbers, strs, bytes, bools, lists item by item. `Ok(None)` where nan stands;
/// `Err` with the two values that have no order.
pub fn compare<'a>(a: &'a Value, b: &'a Value) -> Result<Option<Ordering>, Unordered<'a>> {
    if let (Value::List(a), Value::List(b)) = (a, b)
        && let Some(order) = compare_flat(a, b)
    {
        return Ok(Some(order));
    }
    let mut lists = Vec::new();
    let mut seen: FxHashSet<Pair> = FxHashSet::default();
    let mut steps = 0;
    let (mut a, mut b) = (a, b);
    loop {
        let order = match (a, b) {
            (Value::Int(_) | Value::Big(_) | Value::Float(_), Value::Int(_) | Value::Big(_) | Value::Float(_)) => {
                compare_numbers(a, b)
            }
            (Value::Str(a), Value::Str(b)) => Some(a.as_str().cmp(b.as_str())),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::False | Value::True, Value::False | Value::True) => {
                Some(matches!(a, Value::True).cmp(&matches!(b, Value::True)))
            }
            (Value::List(a), Value::List(b)) => {
                steps += 1;
                // A pair that was seen is wholly compared, and was the same, or the comparison had ended there.
                if steps < STEPS_BEFORE_MEMORY || seen.insert((a.address(), b.address())) {
                    lists.push((a.iter(), b.iter()));
                }
                Some(Ordering::Equal)
            }
            _ => return Err((a, b)),
        };
        if order != Some(Ordering::Equal) {
            return Ok(order);
        }
        // On to the next items; where a list ends the shorter one is less.
        loop {
            let Some((left, right)) = lists.last_mut() else { return Ok(Some(Ordering::Equal)) };
            match (left.next(), right.next()) {
                (Some(left), Some(right)) => {
                    (a, b) = (left, right);
                    break;
                }
                (None, None) => drop(lists.pop()),
                (None, Some(_)) => return Ok(Some(Ordering::Less)),
                (Some(_), None) => return Ok(Some(Ordering::Greater)),
            }
        }
    }
}

/// `<`, `<=`, `>` or `>=`.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Lt,
    Le,
    Gt,
    Ge,
}

impl Order {
    /// How a script writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Order::Lt => "<",
            Order::Le => "<=",
            Order::Gt => ">",
            Order::Ge => ">=",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Order::Lt => order.is_lt(),
            Order::Le => order.is_le(),
            Order::Gt => order.is_gt(),
            Order::Ge => order.is_ge(),
        }
    }
}

/// `a < b` and its kin. With nan all are false; of sets they ask which contains the other.
pub fn order(op: Order, a: &Value, b: &Value) -> Result<bool, Fault> {
    if let (Value::Set(a), Value::Set(b)) = (a, b) {
        let (small, large) = if matches!(op, Order::Lt | Order::Le) { (a, b) } else { (b, a) };
        let inside = small.len() <= large.len() && small.keys().all(|key| large.contains(key));
        return Ok(inside && (matches!(op, Order::Le | Order::Ge) || small.len() < large.len()));
    }
    match compare(a, b) {
        Ok(order) => Ok(order.is_some_and(|order| op.holds(order))),
        Err((a, b)) => Err(unordered(op.symbol(), a, b)),
    }
}

/// The error for values that have no order.
#[cold]
pub fn unordered(symbol: &str, a: &Value, b: &Value) -> Fault {
    let (x, y) = (a.type_name(), b.type_name());
    if a.type_of() == b.type_of() {
        return Fault::type_error(format!("`{symbol}` between {x} and {y}: values of type {x} have no order"));
    }
    let fault = Fault::type_error(format!("`{symbol}` between {x} and {y}"));
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => {
            fault.help("one side is null: `x ?? default` gives a value in its place")
        }
        (Value::Str(_), Value::Int(_) | Value::Big(_) | Value::Float(_))
        | (Value::Int(_) | Value::Big(_) | Value::Float(_), Value::Str(_)) => {
            fault.help("write int(text) or float(text) to compare it as a number")
        }
        _ => fault,
    }
}

/// `item in container`.
pub fn contains(container: &Value, item: &Value) -> Result<bool, Fault> {
    Ok(match (container, item) {
        (Value::List(items), item) => items.iter().any(|there| equal(there, item)),
        (Value::Map(map), item) => map.contains(item),
        (Value::Set(set), item) => set.contains(item),
        (Value::Range(range), Value::Int(int)) => range.contains(*int),
        (Value::Range(range), Value::Float(float)) => whole(float.get()).is_some_and(|int| range.contains(int)),
        (Value::Range(_), _) => false,
        (Value::Str(text), Value::Str(part)) => memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some(),
        (Value::Str(_), _) => {
            return Err(Fault::type_error(format!("`in` a str needs a str, not {}", item.type_name()))
                .help("write str(x) in text"));
        }
        (Value::Bytes(bytes), Value::Bytes(part)) => memchr::memmem::find(bytes, part).is_some(),
        (Value::Bytes(bytes), Value::Int(int)) => match u8::try_from(*int) {
            Ok(byte) => memchr::memchr(byte, bytes).is_some(),
            Err(_) => return Err(Fault::value_error(format!("a byte is between 0 and 255, not {int}"))),
        },
        (Value::Bytes(_), _) => {
            return Err(Fault::type_error(format!("`in` bytes needs an int or bytes, not {}", item.type_name())));
        }
        (Value::Array(array), item) => (0..array.len()).any(|at| equal(&array.at(at), item)),
        (Value::Null, _) => {
            return Err(Fault::type_error("`in` needs a container, not null")
                .help("`x ?? []` gives an empty list in place of null"));
        }
        (Value::Stream(_), _) => {
            return Err(Fault::type_error("`in` cannot look into a stream, which is read once")
                .help("write `in s.list()` to read all of it"));
        }
        _ => match container.numbers() {
            Some(numbers) => (0..numbers.len()).filter_map(|at| numbers.get(at)).any(|there| equal(&there, item)),
            None => return Err(Fault::type_error(format!("`in` needs a container, not {}", container.type_name()))),
        },
    })
}

/// The integer that equals the float.
pub(super) fn whole(float: f64) -> Option<i64> {
    (float == float.trunc() && (-TWO_63..TWO_63).contains(&float)).then_some(float as i64)
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

#[cfg(test)]
mod tests;
