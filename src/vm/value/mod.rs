//! The values of the language: 16 bytes each, scalars inside, everything else behind a counted reference.

pub mod arith;
pub mod big;
mod compare;
pub mod display;
pub mod float;
pub mod format;
mod hash;
pub mod index;
mod map;
mod numbers;
mod refcount;
mod storage;
#[cfg(test)]
mod testing;
mod text;
mod walk;
pub mod wire;

pub use arith::{Arith, binary, bit_not, negate, update};
pub use compare::{Order, Unordered, compare, contains, equal, order, unordered};
pub use display::{display, float_text, repr};
pub use format::format;
pub use hash::{hash, hash_text};
pub use index::{check_key, field, index, list_slot, map_slot, set_index, slice, slot};
pub use map::Table;
pub use numbers::{Numbers, on_numbers};
pub use refcount::{Heap, Ref};
pub use storage::{Storage, forked, items_alive, on_items};
pub use text::Str;
pub use wire::{
    Encoded, FEW, Met, decode, encode, encode_in, encode_scalar, encode_whole, handles, look_shortly, on_code,
    some_received, take_received, visit,
};

use super::types::Type;
use crate::source::Place;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// A float, kept as bits so that a [`Value`] travels in two registers.
#[derive(Clone, Copy)]
pub struct Bits(u64);

impl Bits {
    /// Those of a float.
    #[inline(always)]
    pub fn new(float: f64) -> Bits {
        Bits(float.to_bits())
    }

    /// The float.
    #[inline(always)]
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// A value. `Undefined` is never seen by a script: it marks a missing argument or a name not yet set.
#[allow(missing_docs)]
#[derive(Default)]
pub enum Value {
    Undefined,
    #[default]
    Null,
    False,
    True,
    Int(i64),
    Float(Bits),
    Str(Ref<Str>),
    /// An integer outside the range of `Int`.
    Big(Ref<BigInt>),
    Bytes(Ref<Storage<u8>>),
    List(Ref<List>),
    Map(Ref<Map>),
    Set(Ref<Set>),
    Range(Ref<Range>),
    Function(Ref<Function>),
    Array(Ref<Array>),
    Error(Ref<ErrorValue>),
    Stream(Ref<Stream>),
    Handle(Ref<Handle>),
}

/// A list.
pub type List = Vec<Value>;
/// A map: keys in the order they were first set.
pub type Map = Table<Value>;
/// A set, in the order its members came.
pub type Set = Table<()>;

/// A range of integers: `start`, `start + step`, … up to but without `end`. The step is not 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first number.
    pub start: i64,
    /// The first number beyond.
    pub end: i64,
    /// The distance.
    pub step: i64,
}

impl Range {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.count() as usize
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        let (from, to) = if self.step > 0 { (self.start, self.end) } else { (self.end, self.start) };
        if from < to { (to.abs_diff(from) - 1) / self.step.unsigned_abs() + 1 } else { 0 }
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at this index, which must be below the length.
    pub fn at(&self, index: usize) -> i64 {
        (i128::from(self.start) + index as i128 * i128::from(self.step)) as i64
    }

    /// The number after this one; `None` when this one is beyond the end. What follows the last is beyond too.
    #[inline(always)]
    pub fn step_from(&self, number: i64) -> Option<i64> {
        let inside = if self.step > 0 { number < self.end } else { number > self.end };
        inside.then(|| number.checked_add(self.step).unwrap_or(self.end))
    }

    /// Whether the number is one of the range.
    pub fn contains(&self, number: i64) -> bool {
        let inside = if self.step > 0 {
            self.start <= number && number < self.end
        } else {
            self.end < number && number <= self.start
        };
        inside && (i128::from(number) - i128::from(self.start)) % i128::from(self.step) == 0
    }
}

/// A function value.
#[derive(Clone)]
pub enum Function {
    /// Code of a script with the values it captured.
    Closure {
        /// Number of its prototype in the program.
        proto: u32,
        /// The captured values, in the prototype's order.
        captures: Box<[Value]>,
    },
    /// A function of the library, by its number.
    Native(u16),
}

/// Numbers side by side.
#[derive(Clone, PartialEq)]
pub enum Array {
    /// `ints(n)`
    Ints(Storage<i64>),
    /// `floats(n)`
    Floats(Storage<f64>),
}

impl Array {
    /// How many numbers.
    pub fn len(&self) -> usize {
        match self {
            Array::Ints(items) => items.len(),
            Array::Floats(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at this index, which must be below the length.
    pub fn at(&self, index: usize) -> Value {
        match self {
            Array::Ints(items) => Value::Int(items[index]),
            Array::Floats(items) => Value::float(items[index]),
        }
    }
}

/// A step in the trace of an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The place in the script.
    pub place: Place,
    /// The name of the function that it stands in; empty at top level.
    pub function: std::rc::Rc<str>,
    /// The error left the code of the process that was spawned here.
    pub spawn: bool,
}

/// An error has so many values in it.
const PARTS_OF_ERROR: usize = 6;

/// An error as a value.
#[derive(Clone)]
pub struct ErrorValue {
    /// `type`, `value`, `user`, …
    pub kind: Value,
    /// One line.
    pub message: Value,
    /// What came with it.
    pub data: Value,
    /// Where it was raised and through which calls it went, innermost first.
    pub trace: Vec<Site>,
    /// Places elsewhere that have to do with it, each with what is to be said of it as the `function`.
    pub related: Vec<Site>,
    /// The id of the process that raised it; null for this one.
    pub process: Value,
    /// The name of that process; null if it has none.
    pub process_name: Value,
    /// The error during whose handling this one was raised, or null.
    pub cause: Value,
    /// A way out, shown when nobody catches the error.
    pub help: Option<Box<str>>,
    /// The exit status that ends the program, for the effect of `exit(n)` on its way out.
    pub exit: Option<u8>,
    /// When it was raised, by a clock that all processes share; 0 when nobody knows.
    pub at: u64,
}

impl ErrorValue {
    /// Whether it ends what runs, so that no `catch` catches it.
    pub fn is_cancelled(&self) -> bool {
        self.exit.is_some() || self.kind.as_str() == Some("cancelled")
    }
}

/// Where the items of a stream come from.
pub enum StreamSource {
    /// Lines that the world reads from an open file, which stays open as long as the stream.
    World(Ref<Handle>),
    /// Items of any value that can be looped over, with the position of the next one.
    Items(Value, usize),
}

/// A lazy step on a stream.
pub enum Stage {
    /// Each item through a function.
    Map(Value),
    /// The items for which the function is true.
    Filter(Value),
    /// At most so many more.
    Take(usize),
    /// `[index, item]` from this index on.
    Enumerate(i64),
    /// Lists of so many items, with those gathered so far.
    Chunks(usize, List),
    /// `[item, other]`, with the other stream or list and the position in it.
    Zip(Value),
}

/// A stream: read once.
pub struct Stream {
    /// Its state.
    pub state: RefCell<StreamState>,
}

impl Stream {
    /// The values in it. One that is being read at this moment tells none.
    pub(super) fn parts(&self) -> Vec<Value> {
        let mut parts = Vec::new();
        if let Ok(state) = self.state.try_borrow() {
            if let StreamSource::Items(items, _) = &state.source {
                parts.push(items.clone());
            }
            for stage in &state.stages {
                match stage {
                    Stage::Map(value) | Stage::Filter(value) | Stage::Zip(value) => parts.push(value.clone()),
                    Stage::Chunks(_, items) => parts.extend(items.iter().cloned()),
                    Stage::Take(_) | Stage::Enumerate(_) => {}
                }
            }
        }
        parts
    }
}

/// What a stream knows.
pub struct StreamState {
    /// Where items come from.
    pub source: StreamSource,
    /// What is done to each, in order.
    pub stages: Vec<Stage>,
    /// Nothing more will come.
    pub ended: bool,
    /// How it prints: `<lines of a.txt>`.
    pub name: Box<str>,
}

/// What a handle stands for.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum HandleKind {
    Process,
    PipeEnd,
    Queue,
    Lock,
    RLock,
    RwLock,
    Semaphore,
    Event,
    Barrier,
    Condition,
    Rate,
    File,
    Shared,
    SharedMap,
    SharedList,
    SharedInts,
    SharedFloats,
    /// The items of an array, or bytes, in common memory: never a value of its own.
    Items,
}

impl HandleKind {
    /// The type of such handles.
    pub fn type_of(self) -> Type {
        match self {
            HandleKind::Process => Type::Process,
            HandleKind::PipeEnd => Type::Pipe,
            HandleKind::Queue => Type::Queue,
            HandleKind::Lock => Type::Lock,
            HandleKind::RLock => Type::RLock,
            HandleKind::RwLock => Type::RwLock,
            HandleKind::Semaphore => Type::Semaphore,
            HandleKind::Event => Type::Event,
            HandleKind::Barrier => Type::Barrier,
            HandleKind::Condition => Type::Condition,
            HandleKind::Rate => Type::Rate,
            HandleKind::File => Type::File,
            HandleKind::Shared => Type::Shared,
            HandleKind::SharedMap => Type::SharedMap,
            HandleKind::SharedList => Type::SharedList,
            HandleKind::SharedInts => Type::SharedInts,
            HandleKind::SharedFloats => Type::SharedFloats,
            HandleKind::Items => Type::Array,
        }
    }
}

/// Which shared object a handle means. The machine compares and carries it; the world knows what it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HandleKey {
    /// What it is.
    pub kind: HandleKind,
    /// Its place in shared memory, or a number of the world's.
    pub id: u64,
    /// Tells this object from an earlier one in the same place.
    pub generation: u32,
    /// Which end, or which rights; 0 where there is no choice.
    pub role: u8,
}

/// A handle. While the value lives, this process can reach the object.
pub struct Handle {
    key: HandleKey,
    numbers: Option<Numbers>,
}

thread_local! {
    /// Never dropped: what a drop needs may end before it with its thread.
    static CHARS: RefCell<ManuallyDrop<Vec<Value>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
    static ALIVE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    static HOOK: std::cell::Cell<fn(HandleKey, bool)> = const { std::cell::Cell::new(|_, _| ()) };
}

/// Sets what is told when a handle value comes to be (`true`) and when its last reference goes (`false`).
pub fn on_handle(hook: fn(HandleKey, bool)) {
    HOOK.set(hook);
}

/// Tells that a value comes to be that holds an object, or that it goes.
fn tell_handle(key: HandleKey, alive: bool) {
    HOOK.get()(key, alive);
}

/// How many handle values there are.
pub fn handles_alive() -> usize {
    ALIVE.get()
}

impl Handle {
    /// A new handle value for this object.
    pub fn new(key: HandleKey) -> Handle {
        ALIVE.set(ALIVE.get() + 1);
        tell_handle(key, true);
        let numbers = match key.kind {
            HandleKind::SharedInts => Numbers::of(key, false),
            HandleKind::SharedFloats => Numbers::of(key, true),
            _ => None,
        };
        Handle { key, numbers }
    }

    /// The numbers in common memory that it means.
    #[inline]
    pub fn numbers(&self) -> Option<&Numbers> {
        self.numbers.as_ref()
    }

    /// Which object.
    pub fn key(&self) -> HandleKey {
        self.key
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        tell_handle(self.key, false);
    }
}

impl Value {
    /// Whether it refers to the heap, so that dropping it does something.
    #[inline(always)]
    pub fn is_heap(&self) -> bool {
        !matches!(self, Value::Undefined | Value::Null | Value::False | Value::True | Value::Int(_) | Value::Float(_))
    }

    /// A float.
    #[inline(always)]
    pub fn float(float: f64) -> Value {
        Value::Float(Bits::new(float))
    }

    /// A bool.
    #[inline(always)]
    pub fn bool(bool: bool) -> Value {
        if bool { Value::True } else { Value::False }
    }

    /// A text.
    pub fn str(text: impl Into<String>) -> Value {
        Value::Str(Ref::new(Str::new(text.into())))
    }

    /// A part of this text.
    pub fn part(&self, part: &str) -> Value {
        match self {
            Value::Str(text) if text.is_ascii() && part.len() != 1 => {
                Value::Str(Ref::new(Str::known(part.into(), true)))
            }
            _ => Value::from(part),
        }
    }

    /// A text of one character. Those of ASCII are made once.
    pub fn char(char: char) -> Value {
        if !char.is_ascii() {
            return Value::str(char);
        }
        CHARS.with_borrow_mut(|chars| {
            if chars.is_empty() {
                chars.extend((0..128u8).map(|byte| Value::str(char::from(byte))));
            }
            chars[char as usize].clone()
        })
    }

    /// Bytes.
    pub fn bytes(bytes: Vec<u8>) -> Value {
        Value::Bytes(Ref::new(bytes.into()))
    }

    /// A list.
    pub fn list(items: List) -> Value {
        Value::List(Ref::new(items))
    }

    /// A map.
    pub fn map(map: Map) -> Value {
        Value::Map(Ref::new(map))
    }

    /// An integer of any size, in its one representation.
    pub fn big(int: BigInt) -> Value {
        match int.to_i64() {
            Some(int) => Value::Int(int),
            None => Value::Big(Ref::new(int)),
        }
    }

    /// A number of things.
    pub fn count(count: usize) -> Value {
        Value::Int(count as i64)
    }

    /// A handle for this object.
    pub fn handle(key: HandleKey) -> Value {
        Value::Handle(Ref::new(Handle::new(key)))
    }

    /// The numbers in common memory that a handle means.
    #[inline]
    pub fn numbers(&self) -> Option<&Numbers> {
        if let Value::Handle(handle) = self { handle.numbers() } else { None }
    }

    /// The object in common memory that has the items of an array or of bytes, for somebody else to hold.
    pub fn items(&self) -> Option<HandleKey> {
        match self {
            Value::Bytes(bytes) => bytes.given(),
            Value::Array(array) => match &**array {
                Array::Ints(items) => items.given(),
                Array::Floats(items) => items.given(),
            },
            _ => None,
        }
    }

    /// A str.
    #[inline(always)]
    pub fn as_text(&self) -> Option<&Str> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// The text of a str.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = self { Some(text.as_str()) } else { None }
    }

    /// The address of its heap block, for telling blocks apart; `None` for scalars.
    pub fn address(&self) -> Option<usize> {
        self.block().map(|(address, _)| address)
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Its type.
    #[inline]
    pub fn type_of(&self) -> Type {
        // Apart, so that the others are read from a table.
        if let Value::Handle(handle) = self {
            return handle.key.kind.type_of();
        }
        match self {
            Value::Undefined | Value::Null => Type::Null,
            Value::False | Value::True => Type::Bool,
            Value::Int(_) | Value::Big(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Str(_) => Type::Str,
            Value::Bytes(_) => Type::Bytes,
            Value::List(_) => Type::List,
            Value::Map(_) => Type::Map,
            Value::Set(_) => Type::Set,
            Value::Range(_) => Type::Range,
            Value::Function(_) => Type::Function,
            Value::Array(_) => Type::Array,
            Value::Error(_) => Type::Error,
            Value::Stream(_) => Type::Stream,
            Value::Handle(_) => Type::Handle,
        }
    }

    /// The name of its type, as `type()` gives it.
    pub fn type_name(&self) -> &'static str {
        self.type_of().name()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        match text.as_bytes() {
            &[byte] => Value::char(char::from(byte)),
            _ => Value::str(text),
        }
    }
}
impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::str(text)
    }
}
impl From<bool> for Value {
    fn from(bool: bool) -> Value {
        Value::bool(bool)
    }
}
impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Int(int)
    }
}
impl From<f64> for Value {
    fn from(float: f64) -> Value {
        Value::float(float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The machine's speed rests on this size (two machine words).
    #[test]
    fn a_value_is_two_words() {
        assert_eq!(size_of::<Value>(), 16);
        assert_eq!(size_of::<Option<Value>>(), 16);
    }

    /// A list nested far deeper than the Rust stack could follow is dropped.
    #[test]
    fn deep_values_are_dropped() {
        let mut value = Value::Null;
        for _ in 0..1_000_000 {
            value = Value::list(vec![value]);
        }
        drop(value);
    }
}
