//! A pseudo-terminal, with a program that has it as the terminal of its session.

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

/// Starts a program on a terminal of its own; gives what is behind the screen.
pub fn start(command: &mut Command) -> (PtyMaster, Child) {
    // No other test's process may inherit an end, or the terminal would not end with its session.
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let screen = posix_openpt(flags).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let slave = File::from(open(&*ptsname_r(&screen).unwrap(), flags, Mode::empty()).unwrap());
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
    // SAFETY: the calls are allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // Who runs the tests in the background may have had them ignored, which programs respect.
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            libc::signal(libc::SIGQUIT, libc::SIG_DFL);
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    let child = command.spawn().unwrap();
    (screen, child)
}

/// What comes next, or `None` when no process has the terminal open any more. Something must come within the time: `wanted`
/// and what came before say for what a test waits in vain.
pub fn read(screen: &mut PtyMaster, limit: Duration, wanted: &str, before: &str) -> Option<String> {
    let mut wait = [PollFd::new(screen.as_fd(), PollFlags::POLLIN)];
    let came = poll(&mut wait, PollTimeout::try_from(limit).unwrap()).unwrap();
    assert!(came > 0, "{wanted:?} did not come: {before:?}");
    let mut bytes = [0; 4096];
    match screen.read(&mut bytes) {
        Ok(0) | Err(_) => None,
        Ok(count) => Some(String::from_utf8_lossy(&bytes[..count]).into_owned()),
    }
}
