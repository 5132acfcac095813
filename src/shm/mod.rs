//! Shared memory between forked processes: bytes only, never a value of the language.
//!
//! Everything lies in one [`region`]; [`lock`]s are robust, so a process may die at any instruction and whoever comes
//! next finishes or undoes what it was doing. Each operation has one store that commits it.

pub mod arena;
mod around;
mod atomic;
pub mod cell;
pub mod channel;
pub mod chunks;
mod contents;
pub mod deadlock;
pub mod exit_status;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod guarded;
mod handle_table;
pub mod holders;
pub mod inspect;
pub mod islands;
mod layout;
mod line;
pub mod list;
mod lock;
pub mod map;
mod message;
pub mod model;
pub mod monitor;
mod name;
pub mod numbers;
mod object;
pub mod park;
pub mod pipe;
pub mod process_table;
mod recovery;
pub mod region;
pub mod result;
pub mod select;
mod sleepers;
pub mod spool;
pub mod tasks;
pub mod untaken;
pub mod user_lock;
mod waits;

pub use cell::Cell;
pub use channel::Channel;
pub use holders::{give_up, held_processes, hold, hold_for, holder_count};
pub use list::List;
pub use map::Map;
pub use monitor::Monitor;
pub use numbers::Numbers;
pub use object::{ObjectRef, Role, describe_need};
pub use pipe::{End, Pipe};
pub use process_table::{ProcessRef, after_fork, register_child};
pub use user_lock::UserLock;
pub use waits::{Need, set_limited};

use std::fmt;

/// Why something in shared memory could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShmError {
    /// The system refused it; `why` in the system's words.
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The reason.
        why: String,
    },
    /// The memory that may be used is used.
    MemoryFull {
        /// Bytes asked for.
        asked: u64,
        /// Bytes that may be used in all.
        limit: u64,
    },
    /// The process table has no free slot.
    TooManyProcesses {
        /// So many may live at a time.
        limit: u32,
        /// The reason.
        why: &'static str,
    },
    /// The handle's object has been freed, or belongs to something else.
    Gone,
    /// The parent ended before its child had started: the child ends too.
    Orphaned,
}

impl fmt::Display for ShmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShmError::Refused { what, why } => write!(f, "the system refused {what}: {why}"),
            ShmError::MemoryFull { asked, limit } => {
                let mib = |bytes: u64| bytes.div_ceil(1 << 20);
                // More than can be counted was asked for.
                let bytes = if *asked == u64::MAX { "so many".to_string() } else { asked.to_string() };
                write!(f, "no shared memory left for {bytes} bytes: its limit is {} MiB", mib(*limit))
            }
            ShmError::TooManyProcesses { limit, why } => {
                write!(f, "too many processes: a run can have {limit} at a time ({why})")
            }
            ShmError::Gone => f.write_str("the object does not exist any more"),
            ShmError::Orphaned => f.write_str("the parent process ended before this one started"),
        }
    }
}

impl std::error::Error for ShmError {}

/// Makes the region and this process's entry in the process table unless they are there: every function that makes an
/// object does it. Must have happened before a fork whose child shares objects with this process.
pub fn start() -> Result<(), ShmError> {
    if process_table::registered() {
        return Ok(());
    }
    if !region::exists() {
        region::ensure()?;
        inspect::mark();
    }
    park::several_cpus();
    process_table::register_first()
}
