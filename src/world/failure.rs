//! Failures of the operating system in words.

use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{Map, Value};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

/// An error of kind `io`.
pub fn io(message: impl Into<String>) -> Fault {
    Fault::new(Kind::Io, message)
}

/// The error for a file: `cannot read "x.txt": there is no such file`.
pub fn of_file(action: &str, path: &str, reason: &str) -> Fault {
    let mut data = Map::default();
    data.insert(Value::from("path"), Value::from(path));
    io(format!("cannot {action} \"{path}\": {reason}")).data(Value::map(data))
}

/// What the system's error number says.
pub fn describe(errno: Errno) -> String {
    let text = match errno {
        Errno::ENOENT => "there is no such file",
        Errno::EACCES | Errno::EPERM => "permission denied",
        Errno::EISDIR => "it is a directory",
        Errno::ENOTDIR => "a part of the path is not a directory",
        Errno::EEXIST => "it exists already",
        Errno::ENOSPC => "no space is left on the device",
        Errno::EDQUOT => "the disk quota is used up",
        Errno::EROFS => "the file system is read-only",
        Errno::EFBIG => "the file would be larger than is allowed",
        Errno::ENAMETOOLONG => "the path is too long",
        Errno::ELOOP => "the path goes round in a circle of links",
        Errno::ETXTBSY => "it is a program that is running",
        Errno::ENXIO | Errno::ENODEV => "there is no such device",
        Errno::EIO => "the device does not work",
        Errno::EPIPE => "nobody reads it any more",
        Errno::ENOMEM => "there is no memory left",
        Errno::ENFILE => "the system has too many open files",
        Errno::EMFILE => {
            let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
            return format!("too many files are open (the limit is {limit})");
        }
        other => return other.desc().to_lowercase(),
    };
    text.into()
}
