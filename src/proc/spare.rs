//! Memory that this process has freed goes back to the system when it waits, and before it is forked: the allocator, which
//! keeps some, looks at that only when it is asked for more, and what a child inherits of it is lost to both.

use crate::memory;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::cell::Cell;
use std::time::Instant;

/// Who has had less memory of its own has little to give back.
const LEAST: u64 = 16 << 20;
const PAGE: u64 = 4096;
/// At most one part in so many of a process's time is spent in vain.
const SHARE: i64 = 100;

thread_local! {
    /// The processor time of this process, in microseconds, from which on it looks again.
    static NEXT: Cell<i64> = const { Cell::new(0) };
    static FORKED: Cell<bool> = const { Cell::new(false) };
}

/// Begins anew in a child.
pub fn begin_child() {
    NEXT.set(0);
    FORKED.set(true);
}

/// Gives back what is free. When that is little, most calls do nothing.
pub fn give_back() {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return };
    let spent = (usage.user_time() + usage.system_time()).num_microseconds();
    if most_own(&usage) < LEAST || spent < NEXT.get() {
        return;
    }
    let (began, before) = (Instant::now(), resident());
    // The most that it had may have been that of the program that started this one.
    let is_small = before < LEAST;
    if !is_small {
        // SAFETY: it concerns memory that nobody uses.
        unsafe { libmimalloc_sys::mi_collect(true) };
    }
    let in_vain = is_small || before.saturating_sub(resident()) < LEAST / 4;
    let took = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
    NEXT.set(if in_vain { spent.saturating_add(took.saturating_mul(SHARE)) } else { spent });
}

/// At most so many bytes has this process had for itself.
fn most_own(usage: &Usage) -> u64 {
    // What a child has inherited is not its own. It has small pages alone, and had a fault for each that it wrote.
    if FORKED.get() { usage.minor_page_faults() as u64 * PAGE } else { usage.max_rss() as u64 * 1024 }
}

/// Bytes of memory that this process has now.
fn resident() -> u64 {
    memory::of_this_process().1 as u64
}
