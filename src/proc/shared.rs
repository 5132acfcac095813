//! Shared cells: their values to bytes and back, and the copies that `with` works on.

use super::sync::acquire_inner;
use super::{handles, memory, tables};
use crate::shm::{self, Cell, Numbers, ObjectRef, Role, ShmError};
use crate::vm::fault::Fault;
use crate::vm::op::Op;
use crate::vm::types::with_article;
use crate::vm::value::{Arith, Encoded, HandleKey, HandleKind, Value, binary, decode, encode, encode_whole, set_index};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// A cell that this process has in `with`.
struct Open {
    object: ObjectRef,
    /// The copies that the `with`s inside each other work on, the innermost last; `Undefined` while one is taken.
    copies: Vec<Value>,
}

struct State {
    open: Vec<Open>,
    /// Values read before, and which values of their cells they are. None mentions handles: those would be held.
    known: FxHashMap<ObjectRef, (u64, Value)>,
}

impl State {
    const NEW: State = State { open: Vec::new(), known: FxHashMap::with_hasher(FxBuildHasher) };
}

thread_local! {
    // Never dropped: a process that first uses it need not tell the system to do that.
    static STATE: RefCell<ManuallyDrop<State>> = const { RefCell::new(ManuallyDrop::new(State::NEW)) };
}

/// The error where there is no room for so many numbers.
fn no_room(error: &ShmError, length: usize, floats: bool) -> Fault {
    let mut fault = memory(error);
    if let ShmError::MemoryFull { limit, .. } = error {
        let (what, bytes) = (if floats { "floats" } else { "ints" }, 8 * length as u128);
        let limit = limit.div_ceil(1 << 20);
        let text = format!("no shared memory left for {length} {what} ({bytes} bytes): its limit is {limit} MiB");
        fault.change(|error| error.message = Value::str(text));
    }
    fault
}

/// Performs an operation on a cell.
pub fn perform(op: Op) -> Result<Value, Fault> {
    match op {
        Op::Shared { value } => {
            let (bytes, held) = pack(&value)?;
            let cell = Cell::new(&bytes, &held).map_err(|error| memory(&error))?;
            Ok(Value::handle(handles::key(HandleKind::Shared, cell.object(), 0)))
        }
        Op::SharedGet { cell } => get(cell),
        Op::SharedTake { cell } => {
            copy(cell, std::mem::take).filter(|value| !matches!(value, Value::Undefined)).ok_or_else(|| not_held(cell))
        }
        Op::SharedPut { cell, value } => {
            // What is replaced is dropped outside: handles in it tell that they go.
            drop(copy(cell, |copy| std::mem::replace(copy, value)));
            Ok(Value::Null)
        }
        Op::SharedSet { cell, value } => {
            let mut value = Some(value);
            drop(copy(cell, |copy| std::mem::replace(copy, value.take().unwrap_or_default())));
            match value {
                None => Ok(Value::Null),
                Some(value) => changed(cell, |_| Ok(value)),
            }
        }
        Op::SharedAdd { cell, number } => {
            match copy(cell, |copy| sum(copy, &number).map(|sum| *copy = sum)) {
                Some(result) => result?,
                None => drop(changed(cell, |old| sum(&old, &number))?),
            }
            Ok(Value::Null)
        }
        Op::SharedNumbers { floats, length, array } => {
            let numbers = Numbers::new(length).map_err(|error| no_room(&error, length, floats))?;
            let kind = if floats { HandleKind::SharedFloats } else { HandleKind::SharedInts };
            let value = Value::handle(handles::key(kind, numbers.object(), 0));
            if let (Some(numbers), Some(Value::Array(array))) = (value.numbers(), &array) {
                (0..length).try_for_each(|at| numbers.store(at, &array.at(at)))?;
            }
            Ok(value)
        }
        Op::View { numbers, start, end } => {
            let view = Numbers::of(handles::object(numbers)).view(start, end - start);
            let view = view.map_err(|error| memory(&error))?;
            Ok(Value::handle(handles::key(numbers.kind, view.object(), 0)))
        }
        Op::SetItem { mut object, key, value } => match &object {
            Value::Handle(handle) if tables::is_table(handle.key()) => tables::set(handle.key(), &key, &value),
            _ => set_index(&mut object, key, value).map(|()| Value::Null),
        },
        Op::AddItem { object, index, number } => match object.numbers() {
            Some(numbers) => numbers.add(index, &number).map(|()| Value::Null),
            None => Err(Fault::type_error("`add` is for numbers")),
        },
        other => tables::perform(other),
    }
}

/// Puts the items of an array into common memory; `None` when there is no room. They stay there as long as the array,
/// so they leave half of it to messages, in which items can still be copied.
pub fn place(bytes: &[u8]) -> Option<HandleKey> {
    shm::start().ok()?;
    if !shm::arena::leaves_half(bytes.len() as u64) {
        return None;
    }
    Numbers::with(bytes).ok().map(|numbers| handles::key(HandleKind::Items, numbers.object(), 0))
}

/// The words that a handle of numbers means.
pub fn words(key: HandleKey) -> Option<&'static [std::sync::atomic::AtomicU64]> {
    Numbers::of(handles::object(key)).words()
}

/// Does something with the copy that this process works on, if it has the cell in `with`.
fn copy<R>(cell: HandleKey, run: impl FnOnce(&mut Value) -> R) -> Option<R> {
    let object = handles::object(cell);
    STATE.with_borrow_mut(|state| {
        let open = state.open.iter_mut().find(|open| open.object == object)?;
        open.copies.last_mut().map(run)
    })
}

fn get(cell: HandleKey) -> Result<Value, Fault> {
    match copy(cell, |copy| copy.clone()) {
        Some(Value::Undefined) => Err(not_held(cell)),
        Some(value) => Ok(value),
        None => read(cell, false),
    }
}

/// The value that all see. It stays known, unless it is taken to be changed.
fn read(key: HandleKey, take: bool) -> Result<Value, Fault> {
    let cell = Cell::of(handles::object(key));
    let known = STATE.with_borrow_mut(|state| {
        let (version, value) = state.known.get(&cell.object())?;
        if cell.version() != Some(*version) {
            state.known.remove(&cell.object());
            return None;
        }
        if take { state.known.remove(&cell.object()).map(|(_, value)| value) } else { Some(value.clone()) }
    });
    if let Some(value) = known {
        return Ok(value);
    }
    let mut bytes = Vec::new();
    let version = cell.read(&mut bytes).map_err(|error| memory(&error))?;
    let value = decode(&bytes)?;
    if !take {
        know(cell, version, &value);
    }
    Ok(value)
}

fn know(cell: Cell, version: u64, value: &Value) {
    if value.is_heap() && !mentions_handles(value) {
        STATE.with_borrow_mut(|state| state.known.insert(cell.object(), (version, value.clone())));
    }
}

fn mentions_handles(value: &Value) -> bool {
    let mut any = false;
    if value.is_heap() {
        // To keep the items of an array is no more than to keep a copy of them.
        crate::vm::value::handles(value, &mut |key| any |= key.kind != HandleKind::Items);
    }
    any
}

/// Changes the value that all see, under the cell's lock; gives null.
fn changed(key: HandleKey, change: impl FnOnce(Value) -> Result<Value, Fault>) -> Result<Value, Fault> {
    acquire_inner(key)?;
    let result = read(key, true).and_then(change).and_then(|value| store(key, &value));
    let _ = Cell::of(handles::object(key)).lock().release();
    result.map(|()| Value::Null)
}

/// Stores a value; this process has the cell's lock.
fn store(key: HandleKey, value: &Value) -> Result<(), Fault> {
    let (bytes, held) = pack(value)?;
    let cell = Cell::of(handles::object(key));
    let version = cell.store(&bytes, &held).map_err(|error| memory(&error))?;
    know(cell, version, value);
    Ok(())
}

/// Bytes, and what is mentioned in them.
type Packed = (Vec<u8>, Vec<(ObjectRef, Role)>);

/// A value as it stands in common memory, with what it holds.
pub fn pack(value: &Value) -> Result<Packed, Fault> {
    with_held(encode(value)?)
}

/// As [`pack`], for what is compared with others byte by byte.
pub fn pack_key(key: &Value) -> Result<Packed, Fault> {
    with_held(encode_whole(key)?)
}

fn with_held(Encoded { bytes, mentions, .. }: Encoded) -> Result<Packed, Fault> {
    if mentions.iter().any(|key| key.kind == HandleKind::PipeEnd) {
        return Err(Fault::type_error("a pipe end cannot be kept in a shared value: it belongs to one process")
            .help("keep a queue there, which any number of processes may use"));
    }
    Ok((bytes, handles::held(&mentions)))
}

fn sum(value: &Value, number: &Value) -> Result<Value, Fault> {
    match value {
        Value::Int(_) | Value::Big(_) | Value::Float(_) => binary(Arith::Add, value, number),
        other => Err(Fault::type_error(format!(
            "`add` needs a number in the cell, which has {}",
            with_article(other.type_name())
        ))
        .help("`c.update(|v| …)` changes any value")),
    }
}

/// Begins `with cell`.
pub fn enter(key: HandleKey) -> Result<(), Fault> {
    if copy(key, |_| ()).is_some() {
        let object = handles::object(key);
        STATE.with_borrow_mut(|state| {
            if let Some(open) = state.open.iter_mut().find(|open| open.object == object) {
                open.copies.extend(open.copies.last().cloned());
            }
        });
        return Ok(());
    }
    acquire_inner(key)?;
    match read(key, true) {
        Ok(value) => {
            let open = Open { object: handles::object(key), copies: vec![value] };
            STATE.with_borrow_mut(|state| state.open.push(open));
            Ok(())
        }
        Err(fault) => {
            let _ = Cell::of(handles::object(key)).lock().release();
            Err(fault)
        }
    }
}

/// Ends `with cell`: what was changed is stored, unless an error leaves the block.
pub fn leave(key: HandleKey, raised: bool) -> Result<(), Fault> {
    let object = handles::object(key);
    let (ended, _dropped) = STATE.with_borrow_mut(|state| {
        let Some(at) = state.open.iter().position(|open| open.object == object) else { return (None, None) };
        let value = state.open[at].copies.pop();
        match (state.open[at].copies.last_mut(), value) {
            (Some(_), value) if raised => (None, value),
            (Some(outer), Some(value)) => (None, Some(std::mem::replace(outer, value))),
            (_, value) => {
                state.open.swap_remove(at);
                (value, None)
            }
        }
    });
    let Some(value) = ended else { return Ok(()) };
    let result = if raised { Ok(()) } else { store(key, &value) };
    let _ = Cell::of(object).lock().release();
    result
}

/// This process can reach the cell no longer.
pub fn forget(object: ObjectRef) {
    let known = STATE.with_borrow_mut(|state| state.known.remove(&object));
    drop(known);
}

/// Begins anew in a child: what its parent has in `with` is not its own.
pub fn begin_child() {
    // Values made by the parent are not written to here.
    STATE.with_borrow_mut(|state| *state = ManuallyDrop::new(State::NEW));
}

fn not_held(cell: HandleKey) -> Fault {
    if copy(cell, |_| ()).is_some() {
        return Fault::value_error("the value of the cell is being changed at this moment");
    }
    Fault::value_error("this changes a part of a shared value, and could lose the update of another process")
        .help("write `with c { … }` around it, or `c.update(|v| …)`; `c.add(n)` adds a number")
}
