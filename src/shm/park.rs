//! Sleeping until a word in shared memory changes, and waking those who sleep on it.

use super::atomic::{AtomicU32, Ordering, kill_point};
use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Why [`wait`] came back. The caller looks at its condition again in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Woken, or the word had another value than expected, or nothing at all happened.
    Woken,
    /// The deadline has passed.
    TimedOut,
    /// A signal was handled: the caller acts on it and may wait again.
    Interrupted,
    /// The wait is part of a circle that no process can leave: it will never end.
    Deadlock,
    /// Nothing will come any more, and that is no error: see [`super::deadlock`].
    Ended,
}

/// Sleeps while `word` is `expected`, until woken or `deadline`.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> Wait {
    #[cfg(any(test, feature = "faults"))]
    if let Some(model) = super::faults::model() {
        return model.wait(word, expected);
    }
    let mut timeout = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let timeout: *const libc::timespec = match deadline {
        None => std::ptr::null(),
        Some(deadline) => {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Wait::TimedOut;
            };
            timeout.tv_sec = libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX);
            timeout.tv_nsec = libc::c_long::from(left.subsec_nanos() as i32);
            &timeout
        }
    };
    // SAFETY: the kernel reads the word and the time, both of which outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, timeout) };
    match if result < 0 { nix::Error::last() } else { return Wait::Woken } {
        nix::Error::ETIMEDOUT => Wait::TimedOut,
        nix::Error::EINTR => Wait::Interrupted,
        _ => Wait::Woken,
    }
}

/// Wakes at most `count` of those who sleep on `word`; says how many.
pub fn wake(word: &AtomicU32, count: u32) -> u32 {
    #[cfg(any(test, feature = "faults"))]
    if let Some(model) = super::faults::model() {
        let woken = model.wake(word, count);
        kill_point!();
        return woken;
    }
    let count = count.min(i32::MAX as u32);
    // SAFETY: the kernel uses the address as a name only.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
    kill_point!();
    u32::try_from(woken).unwrap_or(0)
}

/// Wakes all who sleep on `word`.
pub fn wake_all(word: &AtomicU32) -> u32 {
    wake(word, u32::MAX)
}

static SIGNALLED: AtomicBool = AtomicBool::new(false);

/// For signal handlers (the only thing here that they may call): the present wait, or the next one, comes back as
/// interrupted, and so does every other until [`take_signal`]. Without it a signal that arrives just before the sleep
/// would go unnoticed.
pub fn note_signal() {
    SIGNALLED.store(true, Ordering::SeqCst);
}

/// Whether a handler has called [`note_signal`] since the last time.
pub fn take_signal() -> bool {
    SIGNALLED.swap(false, Ordering::SeqCst)
}

thread_local! {
    static IDLE: Cell<fn()> = const { Cell::new(|| ()) };
}

/// Sets what a process does that has waited for a while, and goes on waiting.
pub fn set_idle(idle: fn()) {
    IDLE.set(idle);
}

/// A process has waited for a while, and goes on waiting.
pub(super) fn idle() {
    IDLE.get()();
}

/// Runs a wait, unless a signal has been noted.
pub(super) fn heed_signals(wait: impl FnOnce() -> Wait) -> Wait {
    if SIGNALLED.load(Ordering::SeqCst) { Wait::Interrupted } else { wait() }
}

/// How long to sleep at most before looking again. Tests can do without, so that every wake-up must come by itself.
pub(super) fn slice(usual: Duration) -> Duration {
    #[cfg(any(test, feature = "faults"))]
    if super::faults::slices_are_off() {
        return Duration::from_secs(3600);
    }
    usual
}

/// Words that the system can wait for at once.
const MOST_WORDS: usize = 128;

/// The kernel's `struct futex_waitv`.
#[repr(C)]
struct WaitWord {
    expected: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// Size of a word: 32 bits (`FUTEX2_SIZE_U32`), shared between processes.
const WORD_OF_32_BITS: u32 = 2;

/// Sleeps while every word has its expected value, until woken or `end`. More words than the system can wait for, or an
/// older system (before Linux 5.16), shorten the sleep.
#[inline(never)]
pub(super) fn wait_any<'a>(words: impl Iterator<Item = (&'a AtomicU32, u32)>, end: Instant) -> Wait {
    let mut all: Vec<WaitWord> = words
        .map(|(word, expected)| WaitWord {
            expected: u64::from(expected),
            address: word.as_ptr() as u64,
            flags: WORD_OF_32_BITS,
            reserved: 0,
        })
        .collect();
    let mut end = end;
    if all.len() > MOST_WORDS {
        end = end.min(Instant::now() + POLL);
        all.truncate(MOST_WORDS);
    }
    if all.is_empty() {
        return pause(end);
    }
    let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
        return Wait::TimedOut;
    };
    let mut until = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut until) };
    let nanoseconds = until.tv_nsec as u64 + u64::from(left.subsec_nanos());
    until.tv_sec =
        until.tv_sec.saturating_add(left.as_secs().min(1 << 40) as i64 + (nanoseconds / 1_000_000_000) as i64);
    until.tv_nsec = (nanoseconds % 1_000_000_000) as libc::c_long;
    // SAFETY: the kernel reads the words, which lie in shared memory, and the two structures, which outlive the call.
    let result = unsafe {
        libc::syscall(libc::SYS_futex_waitv, all.as_ptr(), all.len(), 0, &raw const until, libc::CLOCK_MONOTONIC)
    };
    match if result < 0 { nix::Error::last() } else { return Wait::Woken } {
        nix::Error::ETIMEDOUT => Wait::TimedOut,
        nix::Error::EINTR => Wait::Interrupted,
        nix::Error::ENOSYS => pause(end.min(Instant::now() + POLL)),
        _ => Wait::Woken,
    }
}

/// How often words are looked at that cannot be slept on.
const POLL: Duration = Duration::from_millis(2);

/// Sleeps until `end` or a signal.
fn pause(end: Instant) -> Wait {
    wait(&AtomicU32::new(0), 0, Some(end))
}

/// Looks a few hundred times whether `ready`, where another CPU could make it so; says whether it is. For locks, whose
/// owner is about to let go: giving way to it would mean a change of processes for each time that it is taken.
pub(super) fn spin(ready: impl Fn() -> bool) -> bool {
    #[cfg(any(test, feature = "faults"))]
    if super::faults::model().is_some() {
        return ready();
    }
    if !several_cpus() {
        return ready();
    }
    (0..300).any(|_| {
        ready() || {
            std::hint::spin_loop();
            false
        }
    })
}

/// How long it is worth while to look before sleeping: about as long as a sleep and its end take.
const WORTH_WHILE: Duration = Duration::from_micros(15);
/// After so long without success other processes may be waiting for this CPU, perhaps the very one that is waited for.
const ALONE: Duration = Duration::from_nanos(500);
/// After so many waits in a row that ended only when others had run, they run first; one wait in as many tries without.
const IN_A_ROW: u32 = 16;

thread_local! {
    /// How many waits in a row ended only when others had run: what is waited for shares this CPU.
    static GAVE_WAY: Cell<u32> = const { Cell::new(0) };
}

/// Looks for some microseconds whether `ready`, and lets other processes run in between; says whether it is. For what
/// another process does as its next step. Measured by the clock, as a pause of the CPU takes 10 nanoseconds on one
/// machine and 50 on another.
pub(super) fn spin_and_yield(ready: impl Fn() -> bool) -> bool {
    #[cfg(any(test, feature = "faults"))]
    if super::faults::model().is_some() {
        return ready();
    }
    if !several_cpus() {
        return (0..2).any(|_| {
            std::thread::yield_now();
            ready()
        });
    }
    let before = GAVE_WAY.get();
    let mut gives_way = before >= IN_A_ROW && !before.is_multiple_of(IN_A_ROW);
    if gives_way {
        std::thread::yield_now();
    }
    let began = Instant::now();
    loop {
        for _ in 0..32 {
            std::hint::spin_loop();
            if ready() {
                GAVE_WAY.set(if gives_way { before.wrapping_add(1) } else { 0 });
                return true;
            }
        }
        let spent = began.elapsed();
        if spent >= WORTH_WHILE {
            return ready();
        }
        if spent >= ALONE {
            gives_way = true;
            std::thread::yield_now();
        }
    }
}

/// Whether this process may run on more than one CPU. Whoever asks before it forks spares its children the question.
pub(super) fn several_cpus() -> bool {
    static CPUS: AtomicU32 = AtomicU32::new(0);
    match CPUS.load(Ordering::Relaxed) {
        0 => {
            let cpus = usable_cpus();
            CPUS.store(cpus, Ordering::Relaxed);
            cpus > 1
        }
        count => count > 1,
    }
}

/// The CPU that this process runs on, for now; below 0 where the system does not tell.
pub(super) fn cpu() -> i32 {
    // SAFETY: it only asks.
    unsafe { libc::sched_getcpu() }
}

fn usable_cpus() -> u32 {
    // SAFETY: a set is plain bits.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: it fills the set.
    let known = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) } == 0;
    // SAFETY: it reads the set.
    if known { unsafe { libc::CPU_COUNT(&set) as u32 } } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_word_does_not_sleep() {
        assert_eq!(wait(&AtomicU32::new(1), 2, None), Wait::Woken);
    }

    #[test]
    fn a_deadline_ends_the_sleep() {
        let word = AtomicU32::new(1);
        assert_eq!(wait(&word, 1, Some(Instant::now())), Wait::TimedOut);
        assert_eq!(wait(&word, 1, Some(Instant::now() + Duration::from_millis(2))), Wait::TimedOut);
        assert_eq!(wake(&word, 1), 0);
    }
}
