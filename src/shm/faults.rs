//! Deaths on purpose: atomics that count their stores, and end the process by SIGKILL after the one that was asked for.
//! So a test can stop an operation at each of its steps in turn. Compiled for tests and with the feature `faults` only.

use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{self, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU64 as Word, AtomicUsize};

/// Points to pass before the one to die at, plus one; 0 is never.
static LEFT: Word = Word::new(0);
/// Points passed since [`die_at`].
static PASSED: Word = Word::new(0);
/// A process dies at one in so many points; 0 is never.
static ONE_IN: Word = Word::new(0);
static RANDOM: Word = Word::new(1);
/// A `fn(&'static Location<'static>)`, told of the place of a death before it; 0 is nobody.
static WITNESS: AtomicUsize = AtomicUsize::new(0);
static SLICES_OFF: AtomicBool = AtomicBool::new(false);
/// A process stops at its point, and does not die.
static STOPS: AtomicBool = AtomicBool::new(false);

/// Names a bug that [`is_seeded`].
pub const SEED_VARIABLE: &str = "MPLANG_SEEDED";

/// This process dies at its point `number` from now on, the first one is 1; with 0 it goes on.
pub fn die_at(number: u64) {
    STOPS.store(false, Relaxed);
    LEFT.store(number, Relaxed);
    PASSED.store(0, Relaxed);
}

/// As [`die_at`], but this process stops there, until somebody sends it `SIGCONT`.
pub fn stop_at(number: u64) {
    die_at(number);
    STOPS.store(true, Relaxed);
}

/// This process dies at one in `one_in` points, by chance; with 0 it goes on.
pub fn die_sometimes(one_in: u64, seed: u64) {
    ONE_IN.store(one_in, Relaxed);
    RANDOM.store(seed | 1, Relaxed);
}

/// Points passed since [`die_at`].
pub fn passed() -> u64 {
    PASSED.load(Relaxed)
}

/// Sleeps end by a wake-up, a deadline or a signal only, not by looking again from time to time.
pub fn without_slices(off: bool) {
    SLICES_OFF.store(off, Relaxed);
}

pub(super) fn slices_are_off() -> bool {
    SLICES_OFF.load(Relaxed)
}

/// Has `witness` told of the place of each death, before it.
pub fn tell(witness: fn(&'static Location<'static>)) {
    WITNESS.store(witness as usize, Relaxed);
}

/// A place to die at.
#[track_caller]
#[inline]
pub fn point() {
    if let Some(model) = MODEL.get() {
        return model.stored();
    }
    PASSED.store(PASSED.load(Relaxed) + 1, Relaxed);
    let left = LEFT.load(Relaxed);
    if left != 0 {
        LEFT.store(left - 1, Relaxed);
        if left == 1 && STOPS.load(Relaxed) {
            // SAFETY: no pointers.
            unsafe { libc::raise(libc::SIGSTOP) };
        } else if left == 1 {
            die(Location::caller());
        }
    }
    let one_in = ONE_IN.load(Relaxed);
    if one_in != 0 {
        let mut random = RANDOM.load(Relaxed);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        RANDOM.store(random, Relaxed);
        if random.is_multiple_of(one_in) {
            die(Location::caller());
        }
    }
}

#[cold]
fn die(place: &'static Location<'static>) -> ! {
    let witness = WITNESS.load(Relaxed);
    if witness != 0 {
        // SAFETY: only `tell` stores here, and what it stores is such a function.
        let witness: fn(&'static Location<'static>) = unsafe { std::mem::transmute(witness) };
        witness(place);
    }
    loop {
        // SAFETY: no pointers.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// Several processes in one, as threads of a scheduler that tries their interleavings.
pub trait Model: Sync {
    /// Before each access to shared memory: another one may go on first.
    fn step(&self);
    /// After each store: the process may end here.
    fn stored(&self);
    /// Which of the processes this is.
    fn process(&self) -> usize;
    /// The system's name for it.
    fn thread_id(&self) -> u32;
    /// As [`super::park::wait`], without an end.
    fn wait(&self, word: &AtomicU32, expected: u32) -> super::park::Wait;
    /// As [`super::park::wake`].
    fn wake(&self, word: &AtomicU32, count: u32) -> u32;
}

/// Processes that a model can have.
pub const PROCESSES: usize = 8;

static MODEL: OnceLock<&'static dyn Model> = OnceLock::new();

/// From now on the processes are those of a model.
pub fn set_model(model: &'static dyn Model) {
    let _ = MODEL.set(model);
}

pub(super) fn model() -> Option<&'static dyn Model> {
    MODEL.get().copied()
}

pub(super) fn of_model(run: impl FnOnce(&dyn Model)) {
    if let Some(model) = model() {
        run(model);
    }
}

#[inline]
fn step() {
    if let Some(model) = MODEL.get() {
        model.step();
    }
}

/// See `private!`.
pub(super) struct Private<T>(pub(super) [T; PROCESSES]);

impl<T> Private<T> {
    #[inline]
    pub(super) fn get(&self) -> &T {
        &self.0[model().map_or(0, Model::process)]
    }
}

/// Whether the environment asks for the bug of this name.
pub fn is_seeded(name: &str) -> bool {
    static SEEDED: OnceLock<String> = OnceLock::new();
    SEEDED.get_or_init(|| std::env::var(SEED_VARIABLE).unwrap_or_default()) == name
}

macro_rules! atomics {
    ($($name:ident: $value:ty,)*) => {$(
        /// As the system's, and a point after each store.
        #[repr(transparent)]
        #[derive(Debug, Default)]
        pub struct $name(std::sync::atomic::$name);

        #[allow(missing_docs)]
        impl $name {
            pub const fn new(value: $value) -> $name {
                $name(std::sync::atomic::$name::new(value))
            }

            pub fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }

            #[inline]
            pub fn load(&self, order: Ordering) -> $value {
                step();
                self.0.load(order)
            }

            #[track_caller]
            #[inline]
            pub fn store(&self, value: $value, order: Ordering) {
                step();
                self.0.store(value, order);
                point();
            }

            #[track_caller]
            #[inline]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                step();
                let old = self.0.swap(value, order);
                point();
                old
            }

            #[track_caller]
            #[inline]
            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                step();
                let result = self.0.compare_exchange(old, new, success, failure);
                if result.is_ok() {
                    point();
                }
                result
            }

            #[track_caller]
            #[inline]
            pub fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                change: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                step();
                let result = self.0.fetch_update(success, failure, change);
                if result.is_ok() {
                    point();
                }
                result
            }

            atomics!(@change $value: fetch_add, fetch_sub, fetch_or, fetch_and, fetch_max, fetch_min);
        }
    )*};
    (@change $value:ty: $($change:ident),*) => {$(
        #[track_caller]
        #[inline]
        pub fn $change(&self, value: $value, order: Ordering) -> $value {
            step();
                let old = self.0.$change(value, order);
            point();
            old
        }
    )*};
}

atomics! {
    AtomicI32: i32,
    AtomicU32: u32,
    AtomicU64: u64,
}
