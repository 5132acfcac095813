//! Values as bytes, for sending. A compact tag format written by hand: serde follows a value by recursion and would
//! write shared parts again and again, while here depth costs no Rust stack and a part met twice is a reference back.
//!
//! One byte says what follows: 0x80 to 0xff are the ints -32 to 95, 0x40 to 0x7f strs of up to 63 bytes, the others
//! are the tags below. Numbers are varints of seven bits a byte, signed ones zigzag.

use super::storage::Item;
use super::walk::Children;
use super::{
    Array, ErrorValue, Function, HandleKey, HandleKind, Map, PARTS_OF_ERROR, Range, Ref, Set, Site, Storage, Value,
};
use crate::source::{FileId, Place, Span};
use crate::vm::fault::{Fault, Kind};
use num_bigint::BigInt;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

mod tag {
    pub const UNDEFINED: u8 = 0;
    pub const NULL: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const TRUE: u8 = 3;
    pub const INT: u8 = 4;
    pub const BIG: u8 = 5;
    pub const FLOAT: u8 = 6;
    pub const STR: u8 = 7;
    pub const BYTES: u8 = 8;
    pub const LIST: u8 = 9;
    pub const MAP: u8 = 10;
    pub const SET: u8 = 11;
    pub const RANGE: u8 = 12;
    pub const CLOSURE: u8 = 13;
    pub const NATIVE: u8 = 14;
    pub const INTS: u8 = 15;
    pub const FLOATS: u8 = 16;
    pub const ERROR: u8 = 17;
    pub const HANDLE: u8 = 18;
    /// The value that follows gets the next number.
    pub const SHARED: u8 = 19;
    /// The value with this number again.
    pub const BACK: u8 = 20;
    /// The items of what the next tag says are in common memory.
    pub const PLACED: u8 = 21;
    /// An int in eight bytes, which are the rest of the message.
    pub const WHOLE_INT: u8 = 22;
    pub const SHORT_STR: u8 = 0x40;
    pub const SMALL_INT: u8 = 0x80;
}

const LEAST_SMALL: i64 = -32;
const MOST_SMALL: i64 = 95;

/// Bytes that most small values fit into.
pub const FEW: usize = 48;

/// The bytes of a message that is a scalar.
pub struct Scalar {
    bytes: [u8; 9],
    length: usize,
}

impl Scalar {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The value as a message of its own, if it is a scalar: as [`encode`], but most messages between processes that count
/// are ints, and those have a form that takes fewer steps.
#[inline]
pub fn encode_scalar(value: &Value) -> Option<Scalar> {
    let with = |tag: u8, eight: [u8; 8]| {
        let mut bytes = [tag; 9];
        bytes[1..].copy_from_slice(&eight);
        Some(Scalar { bytes, length: 9 })
    };
    let tag = match value {
        Value::Int(int) => return with(tag::WHOLE_INT, int.to_le_bytes()),
        Value::Float(float) => return with(tag::FLOAT, float.get().to_bits().to_le_bytes()),
        Value::Null => tag::NULL,
        Value::False => tag::FALSE,
        Value::True => tag::TRUE,
        _ => return None,
    };
    Some(Scalar { bytes: [tag; 9], length: 1 })
}

/// The reverse of [`encode_scalar`]; nothing for any other message.
fn decode_scalar(bytes: &[u8]) -> Option<Value> {
    let (&tag, rest) = bytes.split_first()?;
    Some(match (tag, <[u8; 8]>::try_from(rest)) {
        (tag::WHOLE_INT, Ok(eight)) => Value::Int(i64::from_le_bytes(eight)),
        (tag::FLOAT, Ok(eight)) => Value::float(f64::from_bits(u64::from_le_bytes(eight))),
        (tag::NULL, Err(_)) if rest.is_empty() => Value::Null,
        (tag::FALSE, Err(_)) if rest.is_empty() => Value::False,
        (tag::TRUE, Err(_)) if rest.is_empty() => Value::True,
        _ => return None,
    })
}

/// A value as bytes.
pub struct Encoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The objects that they name: whoever keeps them must hold those.
    pub mentions: Vec<HandleKey>,
    /// Closures are in it.
    pub has_code: bool,
}

/// Gives the outer names, by their numbers, and their values that closures with these codes take with them to another
/// process.
pub type FindOuter = fn(&[u32]) -> Vec<(u32, Value)>;

thread_local! {
    static FIND_OUTER: Cell<FindOuter> = const { Cell::new(|_| Vec::new()) };
    static RECEIVED: RefCell<Vec<(u32, Value)>> = const { RefCell::new(Vec::new()) };
    static SOME_RECEIVED: Cell<bool> = const { Cell::new(false) };
}

/// Sets what is asked when closures are encoded.
pub fn on_code(find: FindOuter) {
    FIND_OUTER.set(find);
}

/// Whether [`take_received`] has anything.
#[inline]
pub fn some_received() -> bool {
    SOME_RECEIVED.get()
}

/// The outer names that came with closures since this was last asked.
pub fn take_received() -> Vec<(u32, Value)> {
    SOME_RECEIVED.set(false);
    RECEIVED.take()
}

/// The value as bytes. Many items of an array, or many bytes, move to common memory, where the bytes name them. What the
/// closures in it take with them follows it. Streams and open files cannot be sent.
pub fn encode(value: &Value) -> Result<Encoded, Fault> {
    encode_in(value, Vec::with_capacity(FEW))
}

/// As [`encode`], at the end of these bytes.
pub fn encode_in(value: &Value, bytes: Vec<u8>) -> Result<Encoded, Fault> {
    encode_with(value, Writer { place: true, outer: true, out: bytes, ..Writer::default() })
}

/// As [`encode`], with all items in the bytes themselves.
pub fn encode_whole(value: &Value) -> Result<Encoded, Fault> {
    encode_with(value, Writer::default())
}

fn encode_with(value: &Value, mut writer: Writer) -> Result<Encoded, Fault> {
    writer.tree(value)?;
    if writer.outer && !writer.code.is_empty() {
        writer.outer_names()?;
    }
    Ok(Encoded { bytes: writer.out, mentions: writer.mentions, has_code: !writer.code.is_empty() })
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    mentions: Vec<HandleKey>,
    /// Many items go to common memory.
    place: bool,
    /// Closures take their outer names with them.
    outer: bool,
    /// The codes of the closures so far.
    code: Vec<u32>,
    shared: FxHashMap<usize, u64>,
    names: FxHashMap<Rc<str>, u64>,
}

impl Writer {
    /// Writes a value with all its parts.
    fn tree(&mut self, value: &Value) -> Result<(), Fault> {
        if !value.is_heap() {
            return self.value(value).map(|_| ());
        }
        let mut open: Vec<Children> = Vec::new();
        let mut next = Some(value);
        loop {
            if let Some(value) = next
                && let Some(children) = self.value(value)?
            {
                open.push(children);
            }
            let Some(inner) = open.last_mut() else { return Ok(()) };
            next = inner.next();
            if next.is_none() {
                open.pop();
            }
        }
    }

    /// Writes what the closures take with them, if that is anything. What cannot be sent stays here.
    fn outer_names(&mut self) -> Result<(), Fault> {
        let mut names = FIND_OUTER.get()(&self.code);
        names.retain(|(_, value)| encode_whole(value).is_ok());
        if names.is_empty() {
            return Ok(());
        }
        self.number(names.len() as u64);
        for (number, value) in &names {
            self.number(u64::from(*number));
            self.tree(value)?;
        }
        Ok(())
    }

    fn number(&mut self, mut number: u64) {
        let mut bytes = [0; 10];
        let mut count = 0;
        while number >= 0x80 {
            bytes[count] = number as u8 | 0x80;
            number >>= 7;
            count += 1;
        }
        bytes[count] = number as u8;
        self.out.extend_from_slice(&bytes[..=count]);
    }

    fn signed(&mut self, int: i64) {
        self.number((int << 1 ^ int >> 63) as u64);
    }

    fn tagged(&mut self, tag: u8, number: u64) {
        self.out.push(tag);
        self.number(number);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes a value without its parts, and gives those.
    fn value<'a>(&mut self, value: &'a Value) -> Result<Option<Children<'a>>, Fault> {
        // Only what has several references can be met again. A short text is as short as a reference to it.
        if let Some((address, count)) = value.block()
            && count > 1
            && value.as_str().is_none_or(|text| text.len() >= 4)
        {
            if let Some(&number) = self.shared.get(&address) {
                self.tagged(tag::BACK, number);
                return Ok(None);
            }
            self.shared.insert(address, self.shared.len() as u64);
            self.out.push(tag::SHARED);
        }
        match value {
            Value::Undefined => self.out.push(tag::UNDEFINED),
            Value::Null => self.out.push(tag::NULL),
            Value::False => self.out.push(tag::FALSE),
            Value::True => self.out.push(tag::TRUE),
            Value::Int(int) if (LEAST_SMALL..=MOST_SMALL).contains(int) => {
                self.out.push(tag::SMALL_INT + (int - LEAST_SMALL) as u8);
            }
            Value::Int(int) => {
                self.out.push(tag::INT);
                self.signed(*int);
            }
            Value::Float(float) => {
                self.out.push(tag::FLOAT);
                self.out.extend_from_slice(&float.get().to_bits().to_le_bytes());
            }
            Value::Str(text) if text.as_str().len() < 64 => {
                self.out.push(tag::SHORT_STR + text.as_str().len() as u8);
                self.out.extend_from_slice(text.as_bytes());
            }
            Value::Str(text) => {
                self.out.push(tag::STR);
                self.text(text);
            }
            Value::Big(big) => {
                let bytes = big.to_signed_bytes_le();
                self.tagged(tag::BIG, bytes.len() as u64);
                self.out.extend_from_slice(&bytes);
            }
            Value::Bytes(bytes) => {
                if !self.placed(bytes, tag::BYTES) {
                    self.tagged(tag::BYTES, bytes.len() as u64);
                    self.out.extend_from_slice(bytes);
                }
            }
            Value::List(items) => self.tagged(tag::LIST, items.len() as u64),
            Value::Map(map) => self.tagged(tag::MAP, map.len() as u64),
            Value::Set(set) => self.tagged(tag::SET, set.len() as u64),
            Value::Range(range) => {
                self.out.push(tag::RANGE);
                self.signed(range.start);
                self.signed(range.end);
                self.signed(range.step);
            }
            Value::Function(function) => match &**function {
                Function::Closure { proto, captures } => {
                    if !self.code.contains(proto) {
                        self.code.push(*proto);
                    }
                    self.tagged(tag::CLOSURE, u64::from(*proto));
                    self.number(captures.len() as u64);
                }
                Function::Native(id) => self.tagged(tag::NATIVE, u64::from(*id)),
            },
            Value::Array(array) => match &**array {
                Array::Ints(items) if self.placed(items, tag::INTS) => {}
                Array::Floats(items) if self.placed(items, tag::FLOATS) => {}
                Array::Ints(items) => {
                    self.tagged(tag::INTS, items.len() as u64);
                    self.out.extend(items.iter().flat_map(|item| item.to_le_bytes()));
                }
                Array::Floats(items) => {
                    self.tagged(tag::FLOATS, items.len() as u64);
                    self.out.extend(items.iter().flat_map(|item| item.to_bits().to_le_bytes()));
                }
            },
            Value::Error(error) => self.error(error),
            Value::Stream(_) => {
                return Err(Fault::type_error("a stream cannot be sent: it is read in the process that made it")
                    .help("write s.list() to send all its items, or make the stream in the other process"));
            }
            Value::Handle(handle) => self.handle(handle.key())?,
        }
        Ok(Children::of(value))
    }

    /// Whether the items are in common memory: names them then.
    fn placed<T: Item>(&mut self, items: &Storage<T>, tag: u8) -> bool {
        let Some(key) = (if self.place { items.placed() } else { None }) else { return false };
        self.mentions.push(key);
        self.out.push(tag::PLACED);
        self.tagged(tag, items.len() as u64);
        self.number(key.id);
        self.number(u64::from(key.generation));
        true
    }

    fn error(&mut self, error: &ErrorValue) {
        self.tagged(tag::ERROR, error.trace.len() as u64);
        self.number(error.related.len() as u64);
        for site in error.trace.iter().chain(&error.related) {
            self.number(u64::from(site.place.file.0));
            self.number(u64::from(site.place.span.start));
            self.number(u64::from(site.place.span.end));
            // 0 stands before a new name; others are the names so far, from 1.
            let count = self.names.len() as u64;
            match self.names.get(&site.function) {
                Some(&name) => self.number(name),
                None => {
                    self.names.insert(site.function.clone(), count + 1);
                    self.number(0);
                    self.text(&site.function);
                }
            }
            self.out.push(u8::from(site.spawn));
        }
        match &error.help {
            Some(help) => {
                self.out.push(1);
                self.text(help);
            }
            None => self.out.push(0),
        }
        self.number(error.exit.map_or(0, |status| u64::from(status) + 1));
        self.number(error.at);
    }

    fn handle(&mut self, key: HandleKey) -> Result<(), Fault> {
        let kind = match key.kind {
            HandleKind::Process => 0,
            HandleKind::PipeEnd => 1,
            HandleKind::Queue => 2,
            HandleKind::Lock => 3,
            HandleKind::RLock => 16,
            HandleKind::RwLock => 17,
            HandleKind::Semaphore => 18,
            HandleKind::Event => 19,
            HandleKind::Barrier => 20,
            HandleKind::Condition => 21,
            HandleKind::Rate => 22,
            HandleKind::Shared => 40,
            HandleKind::SharedMap => 41,
            HandleKind::SharedList => 42,
            HandleKind::SharedInts => 43,
            HandleKind::SharedFloats => 44,
            HandleKind::File | HandleKind::Items => {
                return Err(Fault::type_error("an open file cannot be sent: it belongs to the process that opened it")
                    .help("send the path, and open it in the other process"));
            }
        };
        self.mentions.push(key);
        self.out.extend_from_slice(&[tag::HANDLE, kind, key.role]);
        self.number(key.id);
        self.number(u64::from(key.generation));
        Ok(())
    }
}

/// The value that was encoded. Bytes that no encoder wrote are an error.
pub fn decode(bytes: &[u8]) -> Result<Value, Fault> {
    decode_scalar(bytes).map_or_else(|| decode_tree(bytes), Ok)
}

fn decode_tree(bytes: &[u8]) -> Result<Value, Fault> {
    let mut reader = Reader { rest: bytes, shared: Vec::new(), names: Vec::new(), credit: bytes.len() };
    let value = reader.tree().ok_or_else(|| Fault::new(Kind::Value, "a message is damaged"))?;
    if !reader.rest.is_empty() {
        let names = reader.outer_names().filter(|_| reader.rest.is_empty());
        let names = names.ok_or_else(|| Fault::new(Kind::Value, "a message is damaged at its end"))?;
        RECEIVED.with_borrow_mut(|received| received.extend(names));
        SOME_RECEIVED.set(true);
    }
    Ok(value)
}

struct Reader<'a> {
    rest: &'a [u8],
    /// The numbered values; `Undefined` while they are not complete.
    shared: Vec<Value>,
    names: Vec<Rc<str>>,
    /// How many parts there can still be.
    credit: usize,
}

/// A value that still lacks some of its parts.
struct Partial {
    container: Container,
    missing: usize,
    number: Option<usize>,
}

enum Container {
    List(Vec<Value>),
    Map(Map, Option<Value>),
    Set(Set),
    Closure(u32, Vec<Value>),
    Error(Box<ErrorValue>, Vec<Value>),
}

enum Start {
    Whole(Value),
    Partial(Container, usize),
}

impl Reader<'_> {
    fn tree(&mut self) -> Option<Value> {
        let mut open: Vec<Partial> = Vec::new();
        loop {
            let number = self.share();
            let mut done = match self.start()? {
                Start::Whole(value) => {
                    self.name(number, &value);
                    value
                }
                Start::Partial(container, missing) => {
                    open.push(Partial { container, missing, number });
                    if missing > 0 {
                        continue;
                    }
                    self.finish(&mut open)?
                }
            };
            loop {
                let Some(inner) = open.last_mut() else { return Some(done) };
                inner.add(done)?;
                if inner.missing > 0 {
                    break;
                }
                done = self.finish(&mut open)?;
            }
        }
    }

    fn finish(&mut self, open: &mut Vec<Partial>) -> Option<Value> {
        let Partial { container, number, .. } = open.pop()?;
        let value = container.complete()?;
        self.name(number, &value);
        Some(value)
    }

    /// Reads whether the next value gets a number.
    fn share(&mut self) -> Option<usize> {
        if self.rest.first() != Some(&tag::SHARED) {
            return None;
        }
        self.rest = &self.rest[1..];
        self.shared.push(Value::Undefined);
        Some(self.shared.len() - 1)
    }

    fn name(&mut self, number: Option<usize>, value: &Value) {
        if let Some(number) = number {
            self.shared[number] = value.clone();
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn outer_names(&mut self) -> Option<Vec<(u32, Value)>> {
        let count: usize = self.narrow()?;
        let mut names = Vec::new();
        for _ in 0..count {
            names.push((self.narrow()?, self.tree()?));
        }
        Some(names)
    }

    fn narrow<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn text(&mut self) -> Option<&str> {
        let len = self.narrow()?;
        std::str::from_utf8(self.take(len)?).ok()
    }

    /// A number of parts. All parts together are not more than all bytes, so a false number does not make us ask for
    /// much memory.
    fn parts(&mut self) -> Option<usize> {
        let count = self.narrow()?;
        self.credit = self.credit.checked_sub(count)?;
        Some(count)
    }

    fn start(&mut self) -> Option<Start> {
        let first = self.byte()?;
        Some(Start::Whole(match first {
            tag::SMALL_INT.. => Value::Int(i64::from(first - tag::SMALL_INT) + LEAST_SMALL),
            tag::SHORT_STR.. => Value::from(std::str::from_utf8(self.take(usize::from(first - tag::SHORT_STR))?).ok()?),
            tag::UNDEFINED => Value::Undefined,
            tag::NULL => Value::Null,
            tag::FALSE => Value::False,
            tag::TRUE => Value::True,
            tag::INT => Value::Int(self.signed()?),
            tag::BIG => {
                let len = self.narrow()?;
                Value::big(BigInt::from_signed_bytes_le(self.take(len)?))
            }
            tag::FLOAT => Value::float(f64::from_bits(u64::from_le_bytes(self.take(8)?.try_into().ok()?))),
            tag::STR => Value::from(self.text()?),
            tag::BYTES => {
                let len = self.narrow()?;
                Value::bytes(self.take(len)?.to_vec())
            }
            tag::LIST => {
                let count = self.parts()?;
                return Some(Start::Partial(Container::List(Vec::with_capacity(count)), count));
            }
            tag::MAP => {
                let count = self.parts()?;
                return Some(Start::Partial(Container::Map(Map::with_capacity(count), None), count * 2));
            }
            tag::SET => {
                let count = self.parts()?;
                return Some(Start::Partial(Container::Set(Set::with_capacity(count)), count));
            }
            tag::RANGE => {
                let (start, end, step) = (self.signed()?, self.signed()?, self.signed()?);
                if step == 0 {
                    return None;
                }
                Value::Range(Ref::new(Range { start, end, step }))
            }
            tag::CLOSURE => {
                let proto = self.narrow()?;
                let count = self.parts()?;
                return Some(Start::Partial(Container::Closure(proto, Vec::with_capacity(count)), count));
            }
            tag::NATIVE => Value::Function(Ref::new(Function::Native(self.narrow()?))),
            tag::INTS => {
                let numbers = self.eights()?.map(i64::from_le_bytes).collect();
                Value::Array(Ref::new(Array::Ints(numbers)))
            }
            tag::FLOATS => {
                let numbers = self.eights()?.map(|bytes| f64::from_bits(u64::from_le_bytes(bytes))).collect();
                Value::Array(Ref::new(Array::Floats(numbers)))
            }
            tag::ERROR => {
                return Some(Start::Partial(Container::Error(Box::new(self.error()?), Vec::new()), PARTS_OF_ERROR));
            }
            tag::HANDLE => {
                let kind = match self.byte()? {
                    0 => HandleKind::Process,
                    1 => HandleKind::PipeEnd,
                    2 => HandleKind::Queue,
                    3 => HandleKind::Lock,
                    16 => HandleKind::RLock,
                    17 => HandleKind::RwLock,
                    18 => HandleKind::Semaphore,
                    19 => HandleKind::Event,
                    20 => HandleKind::Barrier,
                    21 => HandleKind::Condition,
                    22 => HandleKind::Rate,
                    40 => HandleKind::Shared,
                    41 => HandleKind::SharedMap,
                    42 => HandleKind::SharedList,
                    43 => HandleKind::SharedInts,
                    44 => HandleKind::SharedFloats,
                    _ => return None,
                };
                let role = self.byte()?;
                Value::handle(HandleKey { kind, role, id: self.number()?, generation: self.narrow()? })
            }
            tag::PLACED => {
                let tag = self.byte()?;
                let (len, id, generation) = (self.narrow()?, self.number()?, self.narrow()?);
                match tag {
                    tag::BYTES => Value::Bytes(Ref::new(Storage::of(id, generation, len)?)),
                    tag::INTS => Value::Array(Ref::new(Array::Ints(Storage::of(id, generation, len)?))),
                    tag::FLOATS => Value::Array(Ref::new(Array::Floats(Storage::of(id, generation, len)?))),
                    _ => return None,
                }
            }
            tag::BACK => {
                let number: usize = self.narrow()?;
                match self.shared.get(number)? {
                    Value::Undefined => return None,
                    value => value.clone(),
                }
            }
            _ => return None,
        }))
    }

    fn eights(&mut self) -> Option<impl Iterator<Item = [u8; 8]>> {
        let count: usize = self.narrow()?;
        let (chunks, _) = self.take(count.checked_mul(8)?)?.as_chunks::<8>();
        Some(chunks.iter().copied())
    }

    /// An error without its parts.
    fn error(&mut self) -> Option<ErrorValue> {
        let count = self.parts()?;
        let more = self.parts()?;
        let mut trace = Vec::with_capacity(count.checked_add(more)?);
        for _ in 0..count + more {
            let (file, start, end) = (FileId(self.narrow()?), self.narrow()?, self.narrow()?);
            let function = match self.number()? {
                0 => {
                    let name = Rc::from(self.text()?);
                    self.names.push(Rc::clone(&name));
                    name
                }
                number => self.names.get(usize::try_from(number - 1).ok()?)?.clone(),
            };
            let spawn = self.byte()? == 1;
            trace.push(Site { place: Place { file, span: Span { start, end } }, function, spawn });
        }
        let related = trace.split_off(count);
        let help = match self.byte()? {
            0 => None,
            1 => Some(Box::from(self.text()?)),
            _ => return None,
        };
        let exit = match self.number()? {
            0 => None,
            status => Some(u8::try_from(status - 1).ok()?),
        };
        let at = self.number()?;
        let null = || Value::Null;
        Some(ErrorValue {
            kind: null(),
            message: null(),
            data: null(),
            trace,
            related,
            process: null(),
            process_name: null(),
            cause: null(),
            help,
            exit,
            at,
        })
    }
}

impl Partial {
    fn add(&mut self, part: Value) -> Option<()> {
        self.missing -= 1;
        match &mut self.container {
            // A name that is not set yet can be captured, but is no data.
            Container::Closure(_, captures) => captures.push(part),
            _ if matches!(part, Value::Undefined) => return None,
            Container::List(items) | Container::Error(_, items) => items.push(part),
            Container::Map(map, key) => match key.take() {
                Some(key) => drop(map.insert(key, part)),
                None => *key = Some(part),
            },
            Container::Set(set) => drop(set.insert(part, ())),
        }
        Some(())
    }
}

impl Container {
    fn complete(self) -> Option<Value> {
        Some(match self {
            Container::List(items) => Value::list(items),
            Container::Map(map, _) => Value::map(map),
            Container::Set(set) => Value::Set(Ref::new(set)),
            Container::Closure(proto, captures) => {
                Value::Function(Ref::new(Function::Closure { proto, captures: captures.into() }))
            }
            Container::Error(mut error, parts) => {
                [error.kind, error.message, error.data, error.process, error.process_name, error.cause] =
                    <[Value; PARTS_OF_ERROR]>::try_from(parts).ok()?;
                Value::Error(Ref::new(*error))
            }
        })
    }
}

/// Calls `f` with every object that can be reached from the value, also through streams; each heap block is visited once.
pub fn handles(value: &Value, f: &mut dyn FnMut(HandleKey)) {
    if look_shortly(value, &mut |met| matches!(met, Met::Code(_))) {
        return;
    }
    visit(value, &mut |met| {
        if let Met::Object(key) = met {
            f(key);
        }
    });
}

/// The same with the closures that are in it.
pub fn visit(value: &Value, f: &mut dyn FnMut(Met)) {
    let mut seen = FxHashSet::default();
    // What streams contain must be held while it is walked.
    let mut held = vec![value.clone()];
    while let Some(value) = held.pop() {
        let mut open: Vec<Children> = Vec::new();
        let mut next = Some(&value);
        loop {
            if let Some(value) = next {
                match value {
                    Value::Handle(handle) => {
                        if first_time(value, &mut seen) {
                            f(Met::Object(handle.key()));
                        }
                    }
                    Value::Array(_) | Value::Bytes(_) => {
                        if let Some(key) = value.items()
                            && first_time(value, &mut seen)
                        {
                            f(Met::Object(key));
                        }
                    }
                    Value::Stream(stream) => {
                        if first_time(value, &mut seen) {
                            held.extend(stream.parts());
                        }
                    }
                    _ => {
                        if let Some(children) = Children::of(value)
                            && first_time(value, &mut seen)
                        {
                            if let Value::Function(function) = value
                                && let Function::Closure { proto, .. } = &**function
                            {
                                f(Met::Code(*proto));
                            }
                            open.push(children);
                        }
                    }
                }
            }
            let Some(inner) = open.last_mut() else { break };
            next = inner.next();
            if next.is_none() {
                open.pop();
            }
        }
    }
}

/// So much is looked at without a note of what was seen.
const FEW_ITEMS: usize = 16;
const FEW_LEVELS: u32 = 3;

/// What a look at a value meets.
pub enum Met {
    /// A handle.
    Object(HandleKey),
    /// A closure, by the number of its code.
    Code(u32),
}

/// Looks through a value without memory of its own, as long as it is small and `go_on` says so; whether it was seen whole.
/// It may be met with the same thing twice.
pub fn look_shortly(value: &Value, go_on: &mut dyn FnMut(Met) -> bool) -> bool {
    look_to(value, FEW_LEVELS, go_on)
}

fn look_to(value: &Value, levels: u32, go_on: &mut dyn FnMut(Met) -> bool) -> bool {
    let all = |items: &[Value], go_on: &mut dyn FnMut(Met) -> bool| {
        levels > 0 && items.len() <= FEW_ITEMS && items.iter().all(|item| look_to(item, levels - 1, go_on))
    };
    match value {
        Value::Str(_) | Value::Big(_) => true,
        Value::List(items) => all(items, go_on),
        Value::Function(function) => match &**function {
            Function::Closure { proto, captures } => go_on(Met::Code(*proto)) && all(captures, go_on),
            Function::Native(_) => true,
        },
        Value::Handle(handle) => go_on(Met::Object(handle.key())),
        other => !other.is_heap(),
    }
}

/// Whether the block is met for the first time. One with a single reference can be met only once.
fn first_time(value: &Value, seen: &mut FxHashSet<usize>) -> bool {
    value.block().is_none_or(|(address, count)| count == 1 || seen.insert(address))
}

#[cfg(test)]
mod tests;
