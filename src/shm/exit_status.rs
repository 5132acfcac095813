//! How a process ended: what it said itself, what its parent was told by the system, and what is known of its death.

use super::atomic::Ordering::{Relaxed, SeqCst};
use super::park;
use super::process_table::{ProcessRef, is_reaped, my_slot, registered, slot};

// What a slot says of a death: these flags, and below them the most memory.
const KILLED_BY_US: u64 = 1 << 63;
const OUT_OF_MEMORY: u64 = 1 << 62;
const MOST_KIB: u64 = OUT_OF_MEMORY - 1;

/// Status of a process whose end nobody has told yet.
pub(super) const UNKNOWN: i32 = i32::MIN;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

/// This process has run its code and is about to exit with this status, whatever comes in between. So its end is known
/// as soon as it has happened, and not only when the kernel has cleared up after it.
pub fn note_end(status: i32) {
    let slot = my_slot();
    slot.cpu.store(park::cpu(), Relaxed);
    slot.status.store(status, SeqCst);
}

/// A process of the run is about to kill this one.
pub fn note_kill(process: ProcessRef) {
    if process.exists() {
        slot(process.index).death.fetch_or(KILLED_BY_US, Relaxed);
    }
}

/// Records of a child that has ended how much memory it had at most, and whether the system killed it for that.
pub fn note_death(process: ProcessRef, most_kib: u64, out_of_memory: bool) {
    if process.exists() {
        let flag = if out_of_memory { OUT_OF_MEMORY } else { 0 };
        slot(process.index).death.fetch_or(most_kib.min(MOST_KIB) | flag, Relaxed);
    }
}

/// This process is about to die since it gets no memory, unless it is the first one; says so.
pub fn note_own_want_of_memory() -> bool {
    let is_child = registered() && my_slot().parent.load(Relaxed) != 0;
    if is_child {
        my_slot().death.fetch_or(OUT_OF_MEMORY, Relaxed);
    }
    is_child
}

impl ProcessRef {
    /// How it ended, once it has been reaped, or at once if it had said so itself.
    pub fn ended(self) -> Option<Ended> {
        let reaped = || self.exists() && is_reaped(self.index);
        self.known_end().or_else(|| reaped().then_some(Ended::Signal(libc::SIGKILL)))
    }

    /// How it ended, if it has and somebody has told: it itself with [`note_end`], or whoever reaped it.
    pub fn known_end(self) -> Option<Ended> {
        if !self.exists() || !self.has_ended() {
            return None;
        }
        match slot(self.index).status.load(Relaxed) {
            UNKNOWN => None,
            status if status < 0 => Some(Ended::Signal(-status)),
            status => Some(Ended::Exit(status)),
        }
    }

    /// Whether it has run to its end on the CPU that this process runs on now: the kernel can clear up after it only when
    /// this one lets it.
    pub fn ended_on_this_cpu(self) -> bool {
        self.exists() && slot(self.index).cpu.load(Relaxed) == park::cpu()
    }

    /// Whether a process of the run has killed it.
    pub fn killed_by_us(self) -> bool {
        self.exists() && slot(self.index).death.load(Relaxed) & KILLED_BY_US != 0
    }

    /// Whether the system killed it because there was no memory.
    pub fn out_of_memory(self) -> bool {
        self.exists() && slot(self.index).death.load(Relaxed) & OUT_OF_MEMORY != 0
    }

    /// The most bytes that it had in memory, once it has been reaped.
    pub fn peak_memory(self) -> Option<u64> {
        let kib = if self.exists() { slot(self.index).death.load(Relaxed) & MOST_KIB } else { 0 };
        (kib > 0).then_some(kib << 10)
    }

    /// Somebody has seen what came of it, so that nobody else needs to be told.
    pub fn take(self) {
        if self.exists() {
            slot(self.index).taken.store(1, Relaxed);
        }
    }

    /// Whether somebody has seen what came of it.
    pub fn is_taken(self) -> bool {
        self.exists() && slot(self.index).taken.load(Relaxed) != 0
    }
}
