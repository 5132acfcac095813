//! Memory that the system refuses: an error where a script has asked for that much itself, else the end of the process.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Read;

thread_local! {
    static ATTEMPTS: Cell<bool> = const { Cell::new(false) };
    static END: Cell<fn(usize)> = const { Cell::new(|_| ()) };
}

/// Runs something that goes on when it gets no memory.
pub fn attempt<R>(run: impl FnOnce() -> R) -> R {
    let outer = ATTEMPTS.replace(true);
    let result = run();
    ATTEMPTS.set(outer);
    result
}

/// Bytes of memory that the machine has. More is promised to a process that asks, and it is killed when it writes there.
pub fn of_machine() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib << 10)
}

/// Room for so many items of this type, if there is memory for them.
pub fn room<T>(count: usize) -> Option<Vec<T>> {
    // So much the machine has.
    const LARGE: usize = 256 << 20;
    let bytes = count.saturating_mul(size_of::<T>());
    if bytes > LARGE && bytes as u64 > of_machine() {
        return None;
    }
    let mut items = Vec::new();
    attempt(|| items.try_reserve_exact(count)).ok().map(|()| items)
}

/// Bytes of address space of this process, and of memory that it has now; 0 where the system does not tell. Asks for no
/// memory.
pub fn of_this_process() -> (usize, usize) {
    const PAGE: usize = 4096;
    let mut text = [0; 64];
    let length = File::open("/proc/self/statm").and_then(|mut file| file.read(&mut text)).unwrap_or(0);
    let text = str::from_utf8(&text[..length]).unwrap_or_default();
    let mut pages = text.split(' ').map_while(|pages| pages.parse::<usize>().ok());
    let mut next = || pages.next().unwrap_or(0) * PAGE;
    (next(), next())
}

/// Sets what ends a process that needs so many bytes and does not get them. It can get no others either.
pub fn on_refusal(end: fn(usize)) {
    END.set(end);
}

/// For the allocator: the system has refused so many bytes. Comes back where that is expected.
#[cold]
#[inline(never)]
pub fn refused(size: usize) {
    if !ATTEMPTS.get() {
        END.get()(size);
    }
}
