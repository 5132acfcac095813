//! Messages that went with their channel, which nobody read any more because the runtime had ended its receives.

use super::atomic::AtomicU64;
use super::atomic::Ordering::{Relaxed, SeqCst};
use super::layout;
use super::line::Line;
use super::process_table;
use super::region::{at, exists, shared};

/// Places of channels and readers that are kept apart; what comes after them is counted with the last.
const MOST: usize = 32;

shared! {
    struct Globals {
        entries: [Entry; MOST],
    }

    struct Entry {
        /// Where the channel was made, and where the receive stood that was ended: never 0 once it is used.
        made: AtomicU64,
        ended: AtomicU64,
        count: AtomicU64,
    }
}

const _: () = assert!(size_of::<Globals>() <= layout::UNTAKEN_ROOM);

/// Messages of channels that were made at one place, and whose receives were ended at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untaken {
    /// Where the channel was made, as a word of [`process_table::set_place`].
    pub made: u64,
    /// Where the receive stood that was ended.
    pub ended: u64,
    /// How many.
    pub count: u64,
}

/// The messages that were lost so far.
pub fn untaken() -> Vec<Untaken> {
    if !exists() {
        return Vec::new();
    }
    let read = |entry: &Entry| Untaken {
        made: entry.made.load(SeqCst),
        ended: entry.ended.load(SeqCst),
        count: entry.count.load(SeqCst),
    };
    at::<Globals>(layout::UNTAKEN).entries.iter().map(read).filter(|untaken| untaken.count > 0).collect()
}

impl Line {
    /// This process's receive ends although the channel is not closed: if somebody is left who could send after all,
    /// that would be lost.
    pub(super) fn note_end(&self) {
        if !self.is_closed() && !self.is_deserted() {
            self.ended_at.store(process_table::me().map_or(0, process_table::ProcessRef::place), Relaxed);
        }
    }

    /// A message is destroyed with the channel.
    pub(super) fn note_untaken(&self) {
        let (made, ended) = (self.made_at.load(Relaxed), self.ended_at.load(Relaxed));
        if ended == 0 {
            return;
        }
        let entries = &at::<Globals>(layout::UNTAKEN).entries;
        let mine = |entry: &&Entry| {
            let free = entry.ended.compare_exchange(0, ended, SeqCst, SeqCst);
            if free.is_ok() {
                entry.made.store(made, SeqCst);
            }
            free.is_ok() || free == Err(ended) && entry.made.load(SeqCst) == made
        };
        let entry = entries.iter().find(mine).unwrap_or(&entries[MOST - 1]);
        entry.count.fetch_add(1, SeqCst);
    }
}
