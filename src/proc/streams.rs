//! Standard output that was closed before the program was started, as by `mplang script.mp >&-`. Rust opens the null device
//! in its place, in which everything would be lost in silence: instead it is a pipe that nobody reads, as after `| head`.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before Rust looks.
// SAFETY: the C library calls each function of this section once, before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: it asks for flags, which only an open descriptor has.
    let closed = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } < 0;
    WAS_CLOSED.store(closed, Relaxed);
}

/// To be called at the start of the program.
pub fn begin() {
    if WAS_CLOSED.load(Relaxed)
        && let Ok((read, write)) = nix::unistd::pipe()
    {
        drop(read);
        // SAFETY: standard output is nobody's in particular.
        unsafe { libc::dup2(write.as_raw_fd(), libc::STDOUT_FILENO) };
    }
}
