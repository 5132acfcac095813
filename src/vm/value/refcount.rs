//! The one pointer type of all heap values: a counted reference without atomics.
//!
//! Counts are changed here alone, and only by the process that made the value: a child that reads what it has inherited
//! would else make a copy of every page with a count on it. What is inherited is never dropped, and copied before it is
//! changed. Dropping is bounded in Rust stack: beyond a small depth, values wait in a list until the outermost drop is
//! done.

use super::{Array, ErrorValue, Function, Handle, List, Map, Range, Set, Storage, Str, Stream, Value};
use crate::near::Handles;
use allocator_api2::boxed::Box as NearBox;
use num_bigint::BigInt;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

/// What a heap block contains.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    Str,
    Big,
    Bytes,
    List,
    Map,
    Set,
    Range,
    Function,
    Array,
    Error,
    Stream,
    Handle,
}

/// The start of every heap block.
#[repr(C)]
struct Header {
    count: Cell<u32>,
    kind: Kind,
    /// The process that made it, as the number of forks that led to that; or [`CONSTANT`].
    forks: u16,
}

/// The value is part of the code: it stays for the whole run, and no process counts it.
const CONSTANT: u16 = u16::MAX;

impl Header {
    /// Whether this process has made the value.
    #[inline(always)]
    fn is_own(&self) -> bool {
        self.forks == forks()
    }
}

#[repr(C)]
struct Block<T> {
    header: Header,
    value: T,
}

/// A type that lives in a counted heap block.
///
/// # Safety
/// `KIND` names this type and no other in `free`.
pub unsafe trait Heap: Sized {
    /// The tag in the header of its blocks.
    const KIND: Kind;
}

macro_rules! heap {
    ($($kind:ident => $type:ty),* $(,)?) => {
        $(
            // SAFETY: `free` below is made from the same list.
            unsafe impl Heap for $type {
                const KIND: Kind = Kind::$kind;
            }
        )*

        // SAFETY: `free` below tells it from the others.
        unsafe impl Heap for Handle {
            const KIND: Kind = Kind::Handle;
        }

        /// Frees a block whose count has fallen to nothing.
        unsafe fn free(block: NonNull<Header>) {
            // SAFETY: the header's kind tells the type that the block was made with, and nobody refers to it any more.
            unsafe {
                if block.as_ref().kind == Kind::List {
                    drop_items(&mut block.cast::<Block<List>>().as_mut().value);
                }
                match block.as_ref().kind {
                    Kind::Handle => drop(NearBox::from_raw_in(block.cast::<Block<Handle>>().as_ptr(), Handles)),
                    $(Kind::$kind => drop(Box::from_raw(block.cast::<Block<$type>>().as_ptr())),)*
                }
            }
        }
    };
}

heap! {
    Str => Str,
    Big => BigInt,
    Bytes => Storage<u8>,
    List => List,
    Map => Map,
    Set => Set,
    Range => Range,
    Function => Function,
    Array => Array,
    Error => ErrorValue,
    Stream => Stream,
}

/// Drops the items of a list, most of which need no drop.
fn drop_items(list: &mut List) {
    let items: *mut [Value] = &raw mut **list;
    // SAFETY: the list has none of them any more; each is dropped once, or needs no drop.
    unsafe {
        list.set_len(0);
        for at in 0..items.len() {
            let item = items.cast::<Value>().add(at);
            if (*item).is_heap() {
                std::ptr::drop_in_place(item);
            }
        }
    }
}

/// How many drops may stand on the Rust stack at once.
const DROP_DEPTH: u32 = 64;

thread_local! {
    static FORKS: Cell<u16> = const { Cell::new(0) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<NonNull<Header>>> = const { RefCell::new(Vec::new()) };
}

/// How many forks have led to this process.
#[inline(always)]
pub(super) fn forks() -> u16 {
    FORKS.get()
}

/// This process was forked: what is there now is inherited.
pub(super) fn forked() {
    // At the last one values of parent and child are told apart no longer: then the system copies what is written.
    FORKS.set((FORKS.get() + 1).min(CONSTANT - 1));
}

/// The untyped reference. Its drop is the same machine code for every type, so a value's drop is one comparison.
struct Pointer(NonNull<Header>);

impl Drop for Pointer {
    #[inline(always)]
    fn drop(&mut self) {
        lower(self.0);
    }
}

/// Counts one reference less. Not inlined, so that all kinds of a value are dropped by one and the same jump.
#[inline(never)]
fn lower(block: NonNull<Header>) {
    // SAFETY: a reference keeps its block alive.
    let header = unsafe { block.as_ref() };
    if header.is_own() {
        let left = header.count.get() - 1;
        header.count.set(left);
        if left == 0 {
            release(block);
        }
    }
}

#[cold]
#[inline(never)]
fn release(block: NonNull<Header>) {
    let depth = DEPTH.get();
    if depth >= DROP_DEPTH {
        WAITING.with_borrow_mut(|waiting| waiting.push(block));
        return;
    }
    DEPTH.set(depth + 1);
    // SAFETY: the last reference was just dropped.
    unsafe { free(block) };
    if depth == 0 {
        while let Some(block) = WAITING.with_borrow_mut(Vec::pop) {
            // SAFETY: as above; the block waited here, owned by nobody.
            unsafe { free(block) };
        }
    }
    DEPTH.set(depth);
}

/// A block for a handle. The handles of a process are few, and each spawn makes one.
#[inline(never)]
fn beside<T>(block: Block<T>) -> NonNull<Block<T>> {
    NonNull::from(NearBox::leak(NearBox::new_in(block, Handles)))
}

/// A counted reference to a heap value.
pub struct Ref<T: Heap> {
    pointer: Pointer,
    kind: PhantomData<T>,
}

impl<T: Heap> Ref<T> {
    /// Puts a value on the heap.
    pub fn new(value: T) -> Ref<T> {
        let block = Block { header: Header { count: Cell::new(1), kind: T::KIND, forks: forks() }, value };
        let block = if T::KIND == Kind::Handle { beside(block) } else { NonNull::from(Box::leak(Box::new(block))) };
        Ref { pointer: Pointer(block.cast()), kind: PhantomData }
    }

    /// Puts a value that is part of the code on the heap, for good.
    pub fn constant(value: T) -> Ref<T> {
        let mut made = Ref::new(value);
        // SAFETY: nobody else knows the block.
        unsafe { made.pointer.0.as_mut() }.forks = CONSTANT;
        made
    }

    /// Whether both are the same block.
    #[inline(always)]
    pub fn same(&self, other: &Ref<T>) -> bool {
        self.pointer.0 == other.pointer.0
    }

    /// The address, for telling blocks apart.
    pub fn address(&self) -> usize {
        self.pointer.0.as_ptr() as usize
    }

    /// How many references there are; of a value that is inherited or a constant, where nobody counts, two or more.
    pub fn count(&self) -> u32 {
        self.header().count()
    }

    /// Whether this process has made the value, so that it may be written to.
    #[inline(always)]
    pub fn is_own(&self) -> bool {
        self.header().is_own()
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: a reference keeps its block alive.
        unsafe { self.pointer.0.as_ref() }
    }

    /// Whether nobody else refers to it.
    #[inline(always)]
    fn is_alone(&self) -> bool {
        self.header().count.get() == 1 && self.header().is_own()
    }

    /// The value for writing, when nobody else refers to it.
    #[inline(always)]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if self.is_alone() {
            // SAFETY: the only reference is borrowed mutably, and the block was made with this type.
            Some(unsafe { &mut self.pointer.0.cast::<Block<T>>().as_mut().value })
        } else {
            None
        }
    }

    /// The value for writing, copied first when others refer to it.
    #[inline(always)]
    pub fn make_mut(&mut self) -> &mut T
    where
        T: Clone,
    {
        if !self.is_alone() {
            *self = Ref::new(T::clone(self));
        }
        // SAFETY: as in `get_mut`; nobody else refers to it now.
        unsafe { &mut self.pointer.0.cast::<Block<T>>().as_mut().value }
    }

    /// The value itself, copied when others refer to it.
    pub fn take(mut self) -> T
    where
        T: Clone + Default,
    {
        match self.get_mut() {
            Some(value) => std::mem::take(value),
            None => T::clone(&self),
        }
    }
}

impl Header {
    /// Counts one reference more.
    #[inline(always)]
    fn raise(&self) {
        if self.is_own() {
            self.count.set(self.count.get() + 1);
        }
    }

    /// See [`Ref::count`].
    fn count(&self) -> u32 {
        if self.is_own() { self.count.get() } else { self.count.get().max(2) }
    }

    /// Whether another process has made the value, before a fork; or the first process a constant.
    fn is_inherited(&self) -> bool {
        !self.is_own() && (self.forks != CONSTANT || forks() > 0)
    }
}

impl Value {
    /// The start of its heap block; `None` for scalars.
    #[inline(always)]
    fn header(&self) -> Option<&Header> {
        match self {
            Value::Undefined | Value::Null | Value::False | Value::True | Value::Int(_) | Value::Float(_) => None,
            Value::Str(r) => Some(r.header()),
            Value::Big(r) => Some(r.header()),
            Value::Bytes(r) => Some(r.header()),
            Value::List(r) => Some(r.header()),
            Value::Map(r) => Some(r.header()),
            Value::Set(r) => Some(r.header()),
            Value::Range(r) => Some(r.header()),
            Value::Function(r) => Some(r.header()),
            Value::Array(r) => Some(r.header()),
            Value::Error(r) => Some(r.header()),
            Value::Stream(r) => Some(r.header()),
            Value::Handle(r) => Some(r.header()),
        }
    }

    /// Whether another process has made its heap block, before a fork.
    pub fn is_inherited(&self) -> bool {
        self.header().is_some_and(Header::is_inherited)
    }

    /// The address of its heap block and how many references there are to it; `None` for scalars.
    pub fn block(&self) -> Option<(usize, u32)> {
        self.header().map(|header| (std::ptr::from_ref(header) as usize, header.count()))
    }
}

impl<T: Heap> Clone for Ref<T> {
    #[inline(always)]
    fn clone(&self) -> Ref<T> {
        self.header().raise();
        Ref { pointer: Pointer(self.pointer.0), kind: PhantomData }
    }
}

impl Clone for Value {
    /// One comparison, and one machine code for all that is counted.
    #[inline(always)]
    fn clone(&self) -> Value {
        self.header().into_iter().for_each(Header::raise);
        // SAFETY: a scalar is its bits; the reference in anything else has just been counted.
        unsafe { std::ptr::read(self) }
    }
}

impl<T: Heap> Deref for Ref<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a reference keeps its block alive, and the block was made with this type.
        unsafe { &self.pointer.0.cast::<Block<T>>().as_ref().value }
    }
}
