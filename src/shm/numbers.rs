//! Numbers side by side in common memory: 64-bit words that are read and stored whole. A view is an object of its own
//! that holds the one whose memory it shows. The items of the language's arrays, and bytes, lie in such words too.

use super::arena::{self, Block};
use super::atomic::Ordering::{Relaxed, Release, SeqCst};
use super::atomic::{AtomicU64, seeded};
use super::holders;
use super::object::{self, Header, Role};
use super::process_table::{Hand, my_slot};
use super::region::{self, at, shared};
use super::{ObjectRef, ShmError};

shared! {
    struct State {
        header: Header,
        /// The block with the words.
        block: AtomicU64,
        /// Which of them are this object's.
        start: AtomicU64,
        length: AtomicU64,
        /// Of a view: what it holds, and whether that is counted.
        parent: AtomicU64,
        counted: AtomicU64,
    }
}

/// Numbers in common memory, as every process names them. Their maker holds [`Role::Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Numbers(ObjectRef);

impl Numbers {
    /// So many words, which are 0.
    pub fn new(length: usize) -> Result<Numbers, ShmError> {
        Numbers::filled(length, |block| region::clear(block.data(), length * 8))
    }

    /// Words with these bytes in them, which others only read; see [`Numbers::is_alone`].
    pub fn with(bytes: &[u8]) -> Result<Numbers, ShmError> {
        Numbers::filled(bytes.len().div_ceil(8), |block| region::write(block.data(), bytes))
    }

    fn filled(length: usize, fill: impl FnOnce(Block)) -> Result<Numbers, ShmError> {
        super::start()?;
        let hand = my_slot().hand(Hand::Segment);
        let full = ShmError::MemoryFull { asked: u64::MAX, limit: arena::limit_bytes() };
        let block = arena::allocate(length.checked_mul(8).ok_or(full)?, hand)?;
        fill(block);
        let made = make(|state| {
            state.block.store(block.word(), Relaxed);
            state.length.store(length as u64, Relaxed);
        });
        match made {
            Ok(numbers) => {
                my_slot().hand(Hand::Object).store(0, SeqCst);
                hand.store(0, SeqCst);
                Ok(numbers)
            }
            Err(error) => {
                arena::free_hand(my_slot().hand(Hand::Object));
                arena::free_hand(hand);
                Err(error)
            }
        }
    }

    /// The same memory from `start`, so many words of it.
    pub fn view(self, start: usize, length: usize) -> Result<Numbers, ShmError> {
        let whole = self.state().ok_or(ShmError::Gone)?;
        let inside = start.checked_add(length).is_some_and(|end| end as u64 <= whole.length.load(Relaxed));
        if !inside {
            return Err(ShmError::Gone);
        }
        let made = make(|state| {
            state.block.store(whole.block.load(Relaxed), Relaxed);
            state.start.store(whole.start.load(Relaxed) + start as u64, Relaxed);
            state.length.store(length as u64, Relaxed);
            state.parent.store(holders::entry(self.0, Role::Handle), Relaxed);
        });
        let hand = my_slot().hand(Hand::Object);
        if made.is_err() {
            arena::free_hand(hand);
        }
        hand.store(0, SeqCst);
        let view = made?;
        if let Some(state) = view.state()
            && let Err(error) = holders::count_message(&state.counted, 1, self.0, Role::Handle)
        {
            holders::release(view.0, Role::Handle);
            return Err(error);
        }
        Ok(view)
    }

    /// The numbers that `object` names.
    pub fn of(object: ObjectRef) -> Numbers {
        Numbers(object)
    }

    /// Their name for [`holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    /// Whether this process alone holds it: then nobody else can come to hold it, unless this process gives it to him.
    pub fn is_alone(self) -> bool {
        seeded!("an array is written in place with two holders")
            || holders::holder_count(self.0, Role::Handle) == 1 && holders::holds(self.0, Role::Handle)
    }

    fn state(self) -> Option<&'static State> {
        let state = at::<State>(arena::object(self.0)?.data());
        (state.header.kind.load(Relaxed) == object::NUMBERS).then_some(state)
    }

    /// The words themselves, which stay as long as somebody holds the object.
    pub fn words(self) -> Option<&'static [super::atomic::SystemU64]> {
        let state = self.state()?;
        let block = Block::from_word(state.block.load(Relaxed))?;
        Some(region::words(block.data() + state.start.load(Relaxed) * 8, state.length.load(Relaxed) as usize))
    }
}

/// A new object, in the hand for objects; this process holds it.
fn make(fill: impl FnOnce(&State)) -> Result<Numbers, ShmError> {
    let block = arena::allocate_object(my_slot().hand(Hand::Object))?;
    let state = at::<State>(block.data());
    fill(state);
    state.header.kind.store(object::NUMBERS, Release);
    let object = arena::object_ref(block);
    holders::hold(object, Role::Handle).map(|()| Numbers(object))
}

/// Some work on numbers that nobody holds; true when nothing is left but the object itself.
pub(super) fn empty_a_little(object: ObjectRef) -> bool {
    let Some(state) = Numbers(object).state() else { return true };
    if state.parent.load(Relaxed) != 0 {
        if state.counted.load(Relaxed) != 0 {
            let (parent, role) = holders::of_entry(state.parent.load(Relaxed));
            holders::discount_message(&state.counted, 0, parent, role);
            return false;
        }
        return true;
    }
    if let Some(block) = Block::from_word(state.block.load(Relaxed)).filter(|&block| arena::in_use(block)) {
        let hand = my_slot().hand(Hand::Segment);
        hand.store(block.word(), SeqCst);
        state.block.store(0, SeqCst);
        arena::free_hand(hand);
    }
    true
}
