//! Sleeping until a word in shared memory changes, and waking those who sleep on it.

use super::atomic::{AtomicU32, Ordering, kill_point};
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
}

/// Sleeps while `word` is `expected`, until woken or `deadline`.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> Wait {
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

/// Sleeps in slices that grow: so a wake-up lost by a death is made good even when its reaper is late, and a signal
/// that came a moment before the sleep is seen.
#[derive(Debug)]
pub(super) struct Patience {
    slice: Duration,
    most: Duration,
    /// A slice has passed.
    late: bool,
}

impl Patience {
    pub(super) fn new() -> Patience {
        Patience { slice: Duration::from_millis(10), most: Duration::from_secs(2), late: false }
    }

    /// For those who look at each slice whether the others can go on.
    pub(super) fn watchful() -> Patience {
        Patience { slice: Duration::from_millis(1), most: Duration::from_millis(50), late: false }
    }

    /// Whether a slice has passed without an end of the sleep.
    pub(super) fn is_late(&self) -> bool {
        self.late
    }

    /// As [`wait`]; the end of a slice is [`Wait::Woken`].
    pub(super) fn wait(&mut self, word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> Wait {
        self.sleep(deadline, |end| wait(word, expected, Some(end)))
    }

    /// One slice of a sleep that is told when to end; the end of a slice is [`Wait::Woken`].
    pub(super) fn sleep(&mut self, deadline: Option<Instant>, sleep: impl FnOnce(Instant) -> Wait) -> Wait {
        let slice_end = Instant::now() + slice(self.slice);
        let end = deadline.map_or(slice_end, |deadline| deadline.min(slice_end));
        let result = heed_signals(|| sleep(end));
        if result == Wait::TimedOut && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            self.slice = (self.slice * 2).min(self.most);
            self.late = true;
            return Wait::Woken;
        }
        result
    }
}

/// Looks a few hundred times whether `ready`, where another CPU could make it so; says whether it is.
pub(super) fn spin(ready: impl Fn() -> bool) -> bool {
    if !several_cpus() {
        return ready();
    }
    (0..300).any(|_| {
        std::hint::spin_loop();
        ready()
    })
}

/// Whether this process may run on more than one CPU.
fn several_cpus() -> bool {
    static CPUS: AtomicU32 = AtomicU32::new(0);
    match CPUS.load(Ordering::Relaxed) {
        0 => {
            let count = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
            CPUS.store(count, Ordering::Relaxed);
            count > 1
        }
        count => count > 1,
    }
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
