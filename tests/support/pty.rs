//! A pseudo-terminal, with a program that has it as the terminal of its session.

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

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
