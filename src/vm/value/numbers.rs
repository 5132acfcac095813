//! Numbers in common memory, as the machine sees them: words that other processes change too.

use super::index::number;
use super::{Array, HandleKey, Value};
use crate::vm::fault::{Fault, Kind};
use std::cell::Cell;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// The words of numbers in common memory; each is read and stored whole.
#[derive(Clone, Copy)]
pub struct Numbers {
    words: &'static [AtomicU64],
    floats: bool,
}

/// Finds the words that a handle means.
pub type Find = fn(HandleKey) -> Option<&'static [AtomicU64]>;

thread_local! {
    static FIND: Cell<Find> = const { Cell::new(|_| None) };
}

/// Sets what finds the words that a handle means.
pub fn on_numbers(find: Find) {
    FIND.set(find);
}

/// The words of an object.
pub(super) fn words(key: HandleKey) -> Option<&'static [AtomicU64]> {
    FIND.get()(key)
}

impl Numbers {
    /// The numbers that a handle means, ints or floats.
    pub fn of(key: HandleKey, floats: bool) -> Option<Numbers> {
        words(key).map(|words| Numbers { words, floats })
    }

    /// How many numbers.
    #[inline]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn value(&self, word: u64) -> Value {
        if self.floats { Value::float(f64::from_bits(word)) } else { Value::Int(word as i64) }
    }

    /// The number at this index; `None` beyond the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Value> {
        self.words.get(index).map(|word| self.value(word.load(SeqCst)))
    }

    /// Stores a number of the right type where there is one; false otherwise.
    #[inline]
    pub fn set(&self, index: usize, value: &Value) -> bool {
        let word = match value {
            Value::Int(int) if !self.floats => *int as u64,
            Value::Float(float) if self.floats => float.get().to_bits(),
            _ => return false,
        };
        self.words.get(index).is_some_and(|at| {
            at.store(word, SeqCst);
            true
        })
    }

    /// Stores any number that fits, at an index below the length.
    pub fn store(&self, index: usize, value: &Value) -> Result<(), Fault> {
        self.words[index].store(number(self.floats, value)?, SeqCst);
        Ok(())
    }

    /// Adds to the number at an index below the length, as one step.
    pub fn add(&self, index: usize, value: &Value) -> Result<(), Fault> {
        let more = number(self.floats, value)?;
        let sum = |word: u64| match self.floats {
            true => Some((f64::from_bits(word) + f64::from_bits(more)).to_bits()),
            false => (word as i64).checked_add(more as i64).map(|sum| sum as u64),
        };
        match self.words[index].fetch_update(SeqCst, Relaxed, sum) {
            Ok(_) => Ok(()),
            Err(_) => Err(Fault::new(
                Kind::Overflow,
                "the sum does not fit: an array of ints holds 64 bits, from -9223372036854775808 to 9223372036854775807",
            )),
        }
    }

    /// A copy of the numbers from `start` up to `end`, both in range.
    pub fn array(&self, start: usize, end: usize) -> Array {
        let words = self.words[start..end].iter().map(|word| word.load(SeqCst));
        match self.floats {
            true => Array::Floats(words.map(f64::from_bits).collect()),
            false => Array::Ints(words.map(|word| word as i64).collect()),
        }
    }
}
