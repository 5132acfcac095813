//! The descriptors that a command gets.

use crate::vm::fault::{Fault, Kind};
use crate::world::{describe, io};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, OwnedFd};

/// What a command reads and writes; `None` is what this process has.
#[derive(Default)]
pub struct Stdio {
    /// Standard input.
    pub input: Option<OwnedFd>,
    /// Standard output.
    pub output: Option<OwnedFd>,
}

impl Stdio {
    /// Gives this process, which is to be the command, its descriptors.
    pub fn install(&self) -> nix::Result<()> {
        if let Some(input) = &self.input {
            nix::unistd::dup2_stdin(input)?;
        }
        if let Some(output) = &self.output {
            nix::unistd::dup2_stdout(output)?;
        }
        Ok(())
    }
}

/// A pipe that ends with this program: reader and writer.
pub fn pipe() -> nix::Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}

/// An input that is at its end.
pub fn nothing() -> Result<OwnedFd, Fault> {
    open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|errno| io(format!("cannot read \"/dev/null\": {}", describe(errno))))
}

/// An input of these bytes. It is a file in memory, so nobody has to feed the command while it writes.
pub fn bytes(bytes: &[u8]) -> Result<OwnedFd, Fault> {
    make(bytes).map_err(|errno| match errno {
        Errno::ENOSPC | Errno::ENOMEM => {
            Fault::new(Kind::Limit, format!("no memory for an input of {} bytes", bytes.len()))
        }
        errno => io(format!("cannot make the input of a command: {}", describe(errno))),
    })
}

fn make(mut bytes: &[u8]) -> nix::Result<OwnedFd> {
    let file = memfd_create(c"input", MFdFlags::MFD_CLOEXEC)?;
    while !bytes.is_empty() {
        match nix::unistd::write(file.as_fd(), bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    nix::unistd::lseek(&file, 0, nix::unistd::Whence::SeekSet)?;
    Ok(file)
}
