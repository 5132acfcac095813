//! How shared objects with a value of their own start: the lock of those who change it, for as long as that takes, and
//! the lock of a single step, which is held shortly by readers too.

use super::arena::{self, Block};
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, seeded};
use super::holders;
use super::lock::Lock;
use super::object::{self, CELL, LIST, MAP, Role};
use super::process_table::{Hand, NOWHERE, Slot, my_index, my_slot, slot};
use super::region::shared;
use super::{ObjectRef, ShmError, cell, list, map, user_lock};

shared! {
    pub(super) struct Guarded {
        pub(super) lock: user_lock::State,
        step: Lock,
        /// Slot of the process that holds `step`, plus one.
        inside: AtomicU32,
        /// Steps of those who may change it.
        changes: AtomicU32,
    }
}

impl Guarded {
    /// Begins a step of `object`. `is_part` says whether a block belongs to the object: after a death in a step, such
    /// ones are in nobody's hand. `repair` derives the rest.
    pub(super) fn enter(&self, me: &Slot, object: ObjectRef, is_part: impl Fn(u64) -> bool, repair: impl FnOnce()) {
        me.position.store(NOWHERE, Relaxed);
        me.present.store(object.word(), Relaxed);
        compiler_fence(SeqCst);
        if self.step.lock() {
            if let Some(dead) = self.inside.load(Relaxed).checked_sub(1).map(slot) {
                for hand in [Hand::Message, Hand::Replaced, Hand::Table, Hand::Segment].map(|hand| dead.hand(hand)) {
                    let word = hand.load(Relaxed);
                    if word != 0 && is_part(word) && !seeded!("parts of shared objects stay in dead hands") {
                        hand.store(0, Relaxed);
                    }
                }
            }
            repair();
            compiler_fence(SeqCst);
        }
        self.inside.store(my_index() + 1, Relaxed);
        compiler_fence(SeqCst);
    }

    /// Something that mentions these objects is about to come into it.
    pub(super) fn note_mentions(&self, handles: &[(ObjectRef, Role)]) {
        if !handles.is_empty() {
            self.lock.header.note_mention();
        }
    }

    /// Somebody may change it in this step.
    pub(super) fn note_change(&self) {
        self.changes.store(self.changes.load(Relaxed).wrapping_add(1), SeqCst);
    }

    /// While it stays, so does what is inside.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(SeqCst).into()
    }

    /// Ends a step.
    pub(super) fn leave(&self, me: &Slot) {
        compiler_fence(SeqCst);
        self.inside.store(0, Relaxed);
        self.step.unlock();
        me.present.store(0, Relaxed);
    }
}

/// A new object of this kind. Its part is in the hand `Table`; `fill` writes it down in the object.
pub(super) fn new_object(me: &Slot, kind: u32, fill: impl FnOnce(Block)) -> Result<ObjectRef, ShmError> {
    let made = holders::new_object(kind, |block| {
        fill(block);
        // The list of what this process holds may need the hand that the part is in.
        exchange(me.hand(Hand::Table), 0, me.hand(Hand::Segment));
    });
    if made.is_err() {
        arena::free_hand(me.hand(Hand::Table));
        arena::free_hand(me.hand(Hand::Segment));
    }
    me.hand(Hand::Segment).store(0, SeqCst);
    made
}

/// Finishes the step that a dead process was in, so that what is in its hands is certain.
pub(super) fn repair_for(dead: &Slot) {
    let object = ObjectRef::from_word(dead.present.load(Relaxed));
    match object::kind_of(object) {
        Some(CELL) => cell::visit(my_slot(), object),
        Some(MAP) => map::visit(my_slot(), object),
        Some(LIST) => list::visit(my_slot(), object),
        _ => {}
    }
}

/// Takes the block that `word` names out of the object, where `value` replaces it, and leaves it in a hand.
pub(super) fn exchange(word: &AtomicU64, value: u64, hand: &AtomicU64) {
    hand.store(word.load(Relaxed), SeqCst);
    word.store(value, SeqCst);
}
