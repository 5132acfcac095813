//! Robust locks: the kernel tells the next taker when the owner has died. They may be nested and released in any order.

use super::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use super::atomic::{AtomicU32, AtomicU64, compiler_fence, private, seeded};
use super::park::{self, Wait};
use super::region::shared;
use std::mem::{offset_of, size_of};
use std::time::{Duration, Instant};

const WAITERS: u32 = 0x8000_0000;
const DIED: u32 = 0x4000_0000;
const OWNER: u32 = 0x3fff_ffff;

shared! {
    /// A lock in shared memory; all zeros is a free one. While held it is a member of its owner's robust list, which
    /// the kernel walks when the owner ends.
    #[derive(Debug)]
    pub(super) struct Lock {
        next: AtomicU64,
        previous: AtomicU64,
        /// Thread id of the owner, `WAITERS`, `DIED`.
        word: AtomicU32,
        unused: AtomicU32,
    }
}

/// The kernel's `struct robust_list_head`, private to each process.
#[repr(C)]
struct Head {
    next: AtomicU64,
    /// From a member's `next` to its futex word.
    word_offset: AtomicU64,
    /// The lock that is being taken or released: a member or not, the kernel looks at it too.
    pending: AtomicU64,
}

private! {
    static HEAD: Head = Head { next: AtomicU64::new(0), word_offset: AtomicU64::new(0), pending: AtomicU64::new(0) };
    /// Thread id of this process; 0 before [`register`].
    static ME: AtomicU32 = AtomicU32::new(0);
}

/// What an attempt to take a lock came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Taken.
    Free,
    /// Taken; the last owner died with it, so what it guards may be half done.
    OwnerDied,
    TimedOut,
    Interrupted,
    Deadlock,
}

/// Tells the kernel where this process's list is. To be called in each process before its first lock, and again in a
/// forked child, whose list starts empty.
pub(super) fn register() {
    HEAD.get().next.store(head_address(), Relaxed);
    HEAD.get().word_offset.store(offset_of!(Lock, word) as u64, Relaxed);
    HEAD.get().pending.store(0, Relaxed);
    compiler_fence(SeqCst);
    // SAFETY: the list head is a static with the kernel's layout; its members lie in memory that is never unmapped.
    unsafe { libc::syscall(libc::SYS_set_robust_list, &raw const *HEAD.get(), size_of::<Head>()) };
    // SAFETY: no arguments.
    ME.get().store(unsafe { libc::syscall(libc::SYS_gettid) } as u32, Relaxed);
    #[cfg(any(test, feature = "faults"))]
    super::faults::of_model(|model| ME.get().store(model.thread_id(), Relaxed));
}

fn head_address() -> u64 {
    (&raw const *HEAD.get()) as u64
}

/// Thread id of this process as in lock words; 0 when it is not registered.
pub(super) fn me() -> u32 {
    ME.get().load(Relaxed)
}

impl Lock {
    fn address(&self) -> u64 {
        (&raw const *self) as u64
    }

    /// The member of the list at `address`, which is another lock in the region or the head.
    fn set_next(address: u64, to: u64) {
        if address == head_address() {
            HEAD.get().next.store(to, Relaxed);
        } else {
            super::region::at::<Lock>(address - super::region::address(0)).next.store(to, Relaxed);
        }
    }

    /// Takes the lock, however long that takes: for the short sections of this module. True when its last owner died.
    #[inline]
    pub(super) fn lock(&self) -> bool {
        if self.try_fast() {
            return false;
        }
        // In slices, for kernels that do not pass on the wake-up of an owner who died between release and wake. They grow:
        // among thousands that wait in a row most would end.
        let mut length = Duration::from_millis(50);
        loop {
            let slice = |word: &AtomicU32, expected: u32| {
                let end = Instant::now() + park::slice(length);
                length = (length * 2).min(Duration::from_secs(5));
                match park::wait(word, expected, Some(end)) {
                    Wait::TimedOut => Wait::Woken,
                    woken => woken,
                }
            };
            match self.wait_for(slice) {
                Taken::Free => return false,
                Taken::OwnerDied => return true,
                Taken::TimedOut | Taken::Interrupted | Taken::Deadlock => {}
            }
        }
    }

    /// Takes the lock if nobody has it or died with it.
    #[inline]
    pub(super) fn try_fast(&self) -> bool {
        debug_assert!(me() != 0, "the process is not registered");
        self.begin();
        if self.word.compare_exchange(0, me(), Acquire, Relaxed).is_err() {
            HEAD.get().pending.store(0, Relaxed);
            return false;
        }
        self.link();
        true
    }

    /// Takes the lock unless it is held: `TimedOut` then.
    pub(super) fn try_acquire(&self) -> Taken {
        self.begin();
        let taken = self.grab(0);
        self.finish(taken.unwrap_or(Taken::TimedOut))
    }

    /// Takes the lock; waits for it with `sleep`, which gets the word and its value, until that says that it must end.
    pub(super) fn acquire(&self, sleep: impl FnMut(&AtomicU32, u32) -> Wait) -> Taken {
        self.wait_for(sleep)
    }

    fn wait_for(&self, mut sleep: impl FnMut(&AtomicU32, u32) -> Wait) -> Taken {
        self.begin();
        // Once somebody sleeps, every owner must see `WAITERS` until nobody does: who slept puts it back.
        let mut keep = 0;
        let result = loop {
            park::spin(|| self.word.load(Relaxed) & OWNER == 0);
            if let Some(taken) = self.grab(keep) {
                break taken;
            }
            let word = self.word.load(Relaxed);
            if word & OWNER == 0 {
                continue;
            }
            if word & WAITERS == 0 && self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed).is_err() {
                continue;
            }
            keep = WAITERS;
            match sleep(&self.word, word | WAITERS) {
                Wait::Woken | Wait::Ended => {}
                Wait::Interrupted => break Taken::Interrupted,
                Wait::TimedOut => break self.grab(keep).unwrap_or(Taken::TimedOut),
                Wait::Deadlock => break self.grab(keep).unwrap_or(Taken::Deadlock),
            }
        };
        if matches!(result, Taken::Interrupted | Taken::Deadlock) {
            // The wake-up that came with the signal may have been for the lock: pass it on.
            if self.word.load(Relaxed) & OWNER == 0 {
                park::wake(&self.word, 1);
            }
        }
        self.finish(result)
    }

    /// Takes the word if nobody owns it.
    fn grab(&self, keep: u32) -> Option<Taken> {
        let mut word = self.word.load(Relaxed);
        while word & OWNER == 0 {
            match self.word.compare_exchange(word, me() | (word & WAITERS) | keep, Acquire, Relaxed) {
                Ok(_) if word & DIED != 0 => return Some(Taken::OwnerDied),
                Ok(_) => return Some(Taken::Free),
                Err(now) => word = now,
            }
        }
        None
    }

    #[inline]
    fn begin(&self) {
        HEAD.get().pending.store(if seeded!("no pending") { 0 } else { self.address() }, Relaxed);
        compiler_fence(SeqCst);
    }

    fn finish(&self, result: Taken) -> Taken {
        match result {
            Taken::Free | Taken::OwnerDied => self.link(),
            Taken::TimedOut | Taken::Interrupted | Taken::Deadlock => HEAD.get().pending.store(0, Relaxed),
        }
        result
    }

    /// Makes the lock, which is pending, a member of the list. Only program order matters: the kernel reads the list
    /// when this process has stopped for good.
    #[inline]
    fn link(&self) {
        let first = HEAD.get().next.load(Relaxed);
        self.next.store(first, Relaxed);
        self.previous.store(head_address(), Relaxed);
        compiler_fence(SeqCst);
        if first != head_address() {
            super::region::at::<Lock>(first - super::region::address(0)).previous.store(self.address(), Relaxed);
        }
        HEAD.get().next.store(self.address(), Relaxed);
        compiler_fence(SeqCst);
        HEAD.get().pending.store(0, Relaxed);
        compiler_fence(SeqCst);
    }

    /// Takes the lock, which this process holds, out of the list; it is pending then.
    #[inline]
    fn unlink(&self) {
        debug_assert!(self.held(), "released by a process that does not hold it");
        compiler_fence(SeqCst);
        self.begin();
        let (next, previous) = (self.next.load(Relaxed), self.previous.load(Relaxed));
        Lock::set_next(previous, next);
        if next != head_address() {
            super::region::at::<Lock>(next - super::region::address(0)).previous.store(previous, Relaxed);
        }
        compiler_fence(SeqCst);
    }

    /// Releases the lock, which this process holds, as if the process had ended with it.
    pub(super) fn abandon(&self) {
        self.unlink();
        self.word.store(DIED | WAITERS, SeqCst);
        park::wake(&self.word, 1);
        compiler_fence(SeqCst);
        HEAD.get().pending.store(0, Relaxed);
    }

    /// Releases the lock, which this process holds.
    #[inline]
    pub(super) fn unlock(&self) {
        self.unlink();
        if self.word.compare_exchange(me(), 0, SeqCst, Relaxed).is_err() {
            // `WAITERS` stays until nobody sleeps, else a taker in between would not know of the others.
            self.word.store(if seeded!("unlock stores 0") { 0 } else { WAITERS }, SeqCst);
            if park::wake(&self.word, 1) == 0 {
                let _ = self.word.compare_exchange(WAITERS, 0, Relaxed, Relaxed);
            }
        }
        compiler_fence(SeqCst);
        HEAD.get().pending.store(0, Relaxed);
    }

    /// Whether this process holds the lock.
    pub(super) fn held(&self) -> bool {
        me() != 0 && self.owner() == me()
    }

    /// Thread id of the owner, 0 when there is none.
    pub(super) fn owner(&self) -> u32 {
        self.word.load(Relaxed) & OWNER
    }

    /// For a dead owner that the kernel did not tell of, because its list was too long to be walked to the end.
    pub(super) fn mark_dead(&self, owner: u32) {
        let word = self.word.load(Relaxed);
        if word & OWNER == owner && self.word.compare_exchange(word, DIED | WAITERS, SeqCst, Relaxed).is_ok() {
            park::wake(&self.word, 1);
        }
    }

    // Life words: locks that a process takes at its birth and never releases.

    /// A life word of a process that has not been born.
    pub(super) fn reset(&self) {
        self.word.store(WAITERS, SeqCst);
    }

    /// Takes a life word; false when the process has been declared dead before its birth.
    pub(super) fn take_for_life(&self) -> bool {
        self.begin();
        let born = self.word.compare_exchange(WAITERS, WAITERS | me(), SeqCst, Relaxed).is_ok();
        self.finish(if born { Taken::Free } else { Taken::TimedOut });
        born
    }

    /// Whether a life word's process has ended.
    pub(super) fn owner_died(&self) -> bool {
        self.word.load(Acquire) & DIED != 0
    }

    /// The word that changes when a life word's process ends, and what it is now.
    pub(super) fn life_word(&self) -> (&AtomicU32, u32) {
        (&self.word, self.word.load(Acquire))
    }

    /// Wakes all who sleep until the process has ended.
    pub(super) fn wake_watchers(&self) {
        park::wake_all(&self.word);
    }

    /// Marks a life word whose process is known to have ended.
    pub(super) fn declare_dead(&self) {
        self.word.store(DIED | WAITERS, SeqCst);
    }

    /// Marks a life word if its process was never born.
    pub(super) fn declare_unborn(&self) -> bool {
        self.word.compare_exchange(WAITERS, DIED | WAITERS, SeqCst, Relaxed).is_ok()
    }
}

/// What the kernel does when a process ends: marks the locks that it has, and wakes one who sleeps at each.
#[cfg(any(test, feature = "faults"))]
pub(super) fn end_as_the_kernel_does() {
    let at = |address: u64| super::region::at::<Lock>(address - super::region::address(0));
    let me = me();
    let mark = |lock: &Lock, pending: bool| {
        // In one step, as the kernel does: others announce meanwhile that they are about to sleep.
        let die = |word: u32| (word & OWNER == me).then_some(word & WAITERS | DIED);
        match lock.word.fetch_update(SeqCst, Relaxed, die) {
            Ok(before) if before & WAITERS == 0 => return,
            Err(word) if !pending || word & OWNER != 0 => return,
            _ => {}
        }
        park::wake(&lock.word, 1);
    };
    let head = HEAD.get();
    let pending = head.pending.load(Relaxed);
    let mut next = head.next.load(Relaxed);
    while next != head_address() && next != 0 {
        let lock = at(next);
        next = lock.next.load(Relaxed);
        if lock.address() != pending {
            mark(lock, false);
        }
    }
    if pending != 0 {
        mark(at(pending), true);
    }
}
