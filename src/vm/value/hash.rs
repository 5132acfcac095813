//! Hashes of values: equal values have equal hashes, `1` and `1.0` among them.

use super::text::spread;
use super::{Array, Function, Value};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// The hash of a text; its lower half, which is as good as all of it, is never 0.
#[inline(never)]
pub fn hash_text(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    let hash = hasher.finish();
    spread(((hash ^ hash >> 32) as u32).max(1))
}

/// The hash of an integer. Sixteen neighbours lie side by side in a table, so that keys which count up or down find each
/// other in the cache; the highest bits, which a table looks at first, are different for each.
#[inline]
fn hash_int(int: i64) -> u64 {
    let near = int as u64 & 15;
    mix(1, int as u64 >> 4) << 4 ^ near ^ near << 59
}

fn mix(seed: u64, word: u64) -> u64 {
    let mut hasher = FxHasher::default();
    (seed, word).hash(&mut hasher);
    hasher.finish()
}

/// A hash looks at no more parts than this: equal values are cut at the same place.
const MOST_PARTS: usize = 1 << 16;

/// The hash of a value. Containers are walked without recursion, and not further than tells them apart.
#[inline(always)]
pub fn hash(value: &Value) -> u64 {
    match value {
        Value::Int(int) => hash_int(*int),
        Value::Str(text) => text.hash(text.is_own()),
        _ => hash_any(value),
    }
}

#[inline(never)]
fn hash_any(value: &Value) -> u64 {
    let mut waiting = Vec::new();
    let mut total = part(value, &mut waiting);
    let mut parts = 1;
    while let Some(value) = waiting.pop() {
        total = mix(total, part(value, &mut waiting));
        parts += 1;
        if parts == MOST_PARTS {
            break;
        }
    }
    total
}

/// The hash of a value without its parts, which are added to those waiting.
fn part<'a>(value: &'a Value, waiting: &mut Vec<&'a Value>) -> u64 {
    match value {
        Value::Undefined | Value::Null => 0,
        Value::False => 2,
        Value::True => 3,
        Value::Int(int) => hash_int(*int),
        Value::Float(bits) => hash_float(bits.get()),
        Value::Str(text) => text.hash(text.is_own()),
        Value::Big(big) => hash_big(big),
        Value::Bytes(bytes) => {
            let mut hasher = FxHasher::default();
            bytes.hash(&mut hasher);
            hasher.finish()
        }
        Value::List(items) => {
            waiting.extend(items.iter().take(MOST_PARTS).rev());
            mix(7, items.len() as u64)
        }
        // Order does not count in maps and sets, so only what is the same in any order goes in.
        Value::Map(map) => mix(11, map.keys().fold(map.len() as u64, |sum, key| sum.wrapping_add(shallow(key)))),
        Value::Set(set) => mix(13, set.keys().fold(set.len() as u64, |sum, key| sum.wrapping_add(shallow(key)))),
        Value::Range(range) => {
            let len = range.len();
            let first = if len == 0 { 0 } else { range.start as u64 };
            mix(17, mix(first, len as u64))
        }
        Value::Function(function) => match &**function {
            Function::Closure { proto, captures } => {
                waiting.extend(captures.iter());
                mix(19, u64::from(*proto))
            }
            Function::Native(id) => mix(23, u64::from(*id)),
        },
        Value::Array(array) => match &**array {
            Array::Ints(items) => items.iter().fold(29, |sum, item| mix(sum, (*item as f64).to_bits())),
            Array::Floats(items) => items.iter().fold(29, |sum, item| mix(sum, (*item + 0.0).to_bits())),
        },
        Value::Error(error) => {
            waiting.push(&error.message);
            waiting.push(&error.kind);
            31
        }
        Value::Stream(stream) => stream.address() as u64,
        Value::Handle(handle) => {
            let mut hasher = FxHasher::default();
            handle.key().hash(&mut hasher);
            hasher.finish()
        }
    }
}

/// A float that is whole has the hash of the integer.
fn hash_float(float: f64) -> u64 {
    match super::compare::whole(float) {
        Some(int) => hash_int(int),
        None if float.is_finite() && float == float.trunc() => {
            num_traits::FromPrimitive::from_f64(float).map_or(5, |big: num_bigint::BigInt| hash_big(&big))
        }
        None => mix(5, float.to_bits()),
    }
}

/// A hash that does not look into containers.
fn shallow(value: &Value) -> u64 {
    match value {
        Value::List(items) => items.len() as u64,
        Value::Map(map) => map.len() as u64,
        Value::Set(set) => set.len() as u64,
        Value::Function(_) => 1,
        scalar => hash(scalar),
    }
}

fn hash_big(big: &num_bigint::BigInt) -> u64 {
    let mut hasher = FxHasher::default();
    big.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bit that is the same for all texts would leave half of a large table empty.
    #[test]
    fn every_bit_of_a_texts_hash_is_set_for_half_of_the_texts() {
        let hashes: Vec<u64> = (0..20_000).map(|number| hash_text(&format!("key {number}"))).collect();
        for bit in 0..64 {
            let set = hashes.iter().filter(|&hash| hash >> bit & 1 == 1).count();
            assert!((9_000..11_000).contains(&set), "bit {bit}: {set} of 20,000");
        }
    }
}
