//! The items of an array, or bytes: in a vector of this process, or in common memory, where all who hold them read the
//! same ones. Items in common memory are written to in place by a process that alone has them, and by one value of it;
//! else a copy is made first. So a value is never seen to change, and goes to another process without a copy.

use super::{HandleKey, HandleKind, numbers, refcount, tell_handle};
use std::cell::Cell;
use std::mem::{ManuallyDrop, size_of};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;

/// Items that take fewer bytes are copied: an object in common memory costs more than that, as measured.
pub const LARGE: usize = 16 << 10;

/// A type of items.
///
/// # Safety
/// Every bit pattern is a value, there is no drop, and it is aligned where a word of 64 bits is.
pub unsafe trait Item: Copy + PartialEq {}

// SAFETY: plain numbers of at most 64 bits.
unsafe impl Item for u8 {}
// SAFETY: as above.
unsafe impl Item for i64 {}
// SAFETY: as above.
unsafe impl Item for f64 {}

/// Puts bytes into common memory, as an object that this process holds; `None` when there is no room.
pub type Place = fn(&[u8]) -> Option<HandleKey>;
/// Whether no other process, no message and no other value of this process has the object.
pub type Alone = fn(HandleKey) -> bool;

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(|_| None) };
    static ALONE: Cell<Alone> = const { Cell::new(|_| false) };
    /// Values here whose items are in common memory.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
    /// How often an object with items may have been given to another process, or to another value of this one.
    static GIVEN: Cell<u32> = const { Cell::new(1) };
}

/// Sets what makes objects with items, and what tells who has them.
pub fn on_items(place: Place, alone: Alone) {
    PLACE.set(place);
    ALONE.set(alone);
}

/// How many values there are whose items are in common memory.
pub fn items_alive() -> usize {
    ALIVE.get()
}

/// This process was forked. What values from before hold is not told any more: this process holds it until it ends.
pub fn forked() {
    refcount::forked();
    give();
}

/// Who was alone with some items has to ask again.
fn give() {
    GIVEN.set(GIVEN.get().saturating_add(1));
}

#[derive(Clone, Copy)]
enum Home {
    /// A vector of this capacity.
    Own(usize),
    Common(Common),
}

/// An object in common memory.
#[derive(Clone, Copy)]
struct Common {
    id: u64,
    generation: u32,
    /// Of the process that this value was made in.
    forks: u16,
    /// What `GIVEN` was when this value alone had the object.
    alone_at: u32,
}

impl Common {
    fn key(self) -> HandleKey {
        HandleKey { kind: HandleKind::Items, id: self.id, generation: self.generation, role: 0 }
    }

    /// Whether it was made in this process.
    fn is_ours(self) -> bool {
        self.forks == refcount::forks()
    }

    /// Whether it has been found to be alone with the object, and nothing was given away since.
    #[inline]
    fn is_alone(self) -> bool {
        let given = GIVEN.get();
        // The count ends here, and from then on tells nothing.
        self.alone_at == given && given != u32::MAX
    }
}

/// The items.
pub struct Storage<T: Item> {
    start: Cell<NonNull<T>>,
    len: usize,
    home: Cell<Home>,
}

impl<T: Item> Storage<T> {
    /// So many items in an object of common memory; this process holds it as long as the value is there.
    pub(super) fn of(id: u64, generation: u32, len: usize) -> Option<Storage<T>> {
        let common = Common { id, generation, forks: refcount::forks(), alone_at: 0 };
        tell_handle(common.key(), true);
        let start = start(common.key(), len);
        if start.is_none() {
            tell_handle(common.key(), false);
        }
        ALIVE.set(ALIVE.get() + usize::from(start.is_some()));
        Some(Storage { start: Cell::new(start?), len, home: Cell::new(Home::Common(common)) })
    }

    /// The object in common memory that has the items, for somebody else to hold.
    pub fn given(&self) -> Option<HandleKey> {
        let Home::Common(common) = self.home.get() else { return None };
        give();
        Some(common.key())
    }

    /// As [`Storage::given`]; many items move to common memory first, where they stay. Nobody borrows them.
    pub(super) fn placed(&self) -> Option<HandleKey> {
        if let Home::Own(capacity) = self.home.get()
            && size_of::<T>() * self.len >= LARGE
            && let Some(common) = Storage::new_common(self)
        {
            let own = self.start.replace(common.start.get());
            self.home.set(common.home.get());
            std::mem::forget(common);
            // SAFETY: it was a vector's memory of this capacity, and nothing refers to it any more: values are only
            // written down, by `encode`, while no operation has a slice of them.
            drop(unsafe { Vec::from_raw_parts(own.as_ptr(), self.len, capacity) });
        }
        self.given()
    }

    /// A copy in common memory, of which this value is the only one.
    fn new_common(items: &[T]) -> Option<Storage<T>> {
        // SAFETY: the items are numbers without gaps.
        let bytes = unsafe { slice::from_raw_parts(items.as_ptr().cast::<u8>(), size_of_val(items)) };
        let key = PLACE.get()(bytes)?;
        let copy = Storage::of(key.id, key.generation, items.len())?;
        if let Home::Common(common) = copy.home.get() {
            copy.home.set(Home::Common(Common { alone_at: GIVEN.get(), ..common }));
        }
        Some(copy)
    }

    /// Makes sure that writing to the items changes no other value.
    #[cold]
    fn make_own(&mut self, common: Common) {
        if common.is_ours() && ALONE.get()(common.key()) {
            self.home.set(Home::Common(Common { alone_at: GIVEN.get(), ..common }));
        } else {
            *self = self.clone();
        }
    }

    /// The items as a vector.
    pub fn into_vec(self) -> Vec<T> {
        match self.home.get() {
            Home::Common(_) => self.to_vec(),
            Home::Own(capacity) => {
                let own = ManuallyDrop::new(self);
                // SAFETY: a vector's memory of this length and capacity, which is not dropped here.
                unsafe { Vec::from_raw_parts(own.start.get().as_ptr(), own.len, capacity) }
            }
        }
    }

    /// Adds items at the end.
    pub fn extend_from_slice(&mut self, more: &[T]) {
        let mut items = std::mem::take(self).into_vec();
        items.extend_from_slice(more);
        *self = items.into();
    }
}

/// Where the words of an object begin, if it has room for so many items.
fn start<T: Item>(key: HandleKey, len: usize) -> Option<NonNull<T>> {
    let words = numbers::words(key)?;
    let fits = len.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= size_of_val(words));
    // The words may be written to: each is behind a cell.
    if fits { Some(NonNull::from(words).cast::<T>()) } else { None }
}

impl<T: Item> Deref for Storage<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: so many items are there as long as this value is. In common memory nobody writes to them while this
        // value has them, but by `deref_mut` of this one.
        unsafe { slice::from_raw_parts(self.start.get().as_ptr(), self.len) }
    }
}

impl<T: Item> DerefMut for Storage<T> {
    /// The items for writing; copied first when others have them.
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        if let Home::Common(common) = self.home.get()
            && !common.is_alone()
        {
            self.make_own(common);
        }
        // SAFETY: as in `deref`; here nobody else has them at all.
        unsafe { slice::from_raw_parts_mut(self.start.get().as_ptr(), self.len) }
    }
}

impl<T: Item> From<Vec<T>> for Storage<T> {
    #[inline]
    fn from(items: Vec<T>) -> Storage<T> {
        let mut items = ManuallyDrop::new(items);
        let start = NonNull::from(items.as_mut_slice()).cast();
        Storage { start: Cell::new(start), len: items.len(), home: Cell::new(Home::Own(items.capacity())) }
    }
}

impl<T: Item> FromIterator<T> for Storage<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Storage<T> {
        Vec::from_iter(items).into()
    }
}

impl<T: Item> Default for Storage<T> {
    fn default() -> Storage<T> {
        Vec::new().into()
    }
}

impl<T: Item> Clone for Storage<T> {
    /// A copy of what is in common memory is there too, if there is room.
    fn clone(&self) -> Storage<T> {
        let common = match self.home.get() {
            Home::Common(_) => Storage::new_common(self),
            Home::Own(_) => None,
        };
        common.unwrap_or_else(|| self.to_vec().into())
    }
}

impl<T: Item> PartialEq for Storage<T> {
    fn eq(&self, other: &Storage<T>) -> bool {
        self[..] == other[..]
    }
}

impl<T: Item> Drop for Storage<T> {
    #[inline]
    fn drop(&mut self) {
        match self.home.get() {
            // SAFETY: a vector's memory of this length and capacity.
            Home::Own(capacity) => drop(unsafe { Vec::from_raw_parts(self.start.get().as_ptr(), self.len, capacity) }),
            Home::Common(common) => {
                ALIVE.set(ALIVE.get() - 1);
                if common.is_ours() {
                    tell_handle(common.key(), false);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
