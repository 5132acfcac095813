//! Files: read and written whole, or opened and used through a handle.

use super::failure::{describe, of_file};
use super::lines::{AtEnd, Lines};
use super::wait::Attend;
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{HandleKey, HandleKind, Value};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::isatty;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::path::Path;

/// So much may be gathered before it is written.
const MOST_GATHERED: usize = 64 << 10;
/// The first number that no standard stream has.
const FIRST: u64 = 3;

/// What the handles of files that live in this process mean. Their values come and go without the world being asked.
#[derive(Default)]
struct Handles {
    held: FxHashMap<u64, Held>,
    /// Files whose last handle went, to be closed at the next occasion.
    dropped: Vec<u64>,
}

struct Held {
    handles: usize,
    path: Box<str>,
}

thread_local! {
    static HANDLES: RefCell<Handles> = RefCell::default();
}

/// Takes notice that a handle value of a file came to be or went; see [`crate::vm::value::on_handle`].
pub fn on_file_handle(key: HandleKey, alive: bool) {
    HANDLES.with_borrow_mut(|Handles { held, dropped }| {
        let Some(entry) = held.get_mut(&key.id) else { return };
        if alive {
            entry.handles += 1;
        } else {
            entry.handles = entry.handles.saturating_sub(1);
            if entry.handles == 0 {
                held.remove(&key.id);
                dropped.push(key.id);
            }
        }
    });
}

/// How a file prints.
pub fn describe_file(key: HandleKey) -> String {
    format!("<file {}>", name(key))
}

fn name(key: HandleKey) -> String {
    match key.id {
        0 => "stdin".into(),
        1 => "stdout".into(),
        2 => "stderr".into(),
        id => HANDLES.with_borrow(|handles| handles.held.get(&id).map_or("?".into(), |held| held.path.to_string())),
    }
}

/// An open file.
struct OpenFile {
    path: Box<str>,
    mode: &'static str,
    content: Content,
}

enum Content {
    Read(Lines<OwnedFd>),
    Write { descriptor: OwnedFd, pending: Vec<u8>, live: bool },
}

/// The files that this process has open.
pub struct Files {
    open: FxHashMap<u64, OpenFile>,
    next: u64,
    /// How many forks lie between the first process and this one: files stay with the process that opened them.
    depth: u32,
    attend: Attend,
}

impl Files {
    /// No files.
    pub fn new(attend: Attend) -> Files {
        Files { open: FxHashMap::default(), next: FIRST, depth: 0, attend }
    }

    /// The bytes of a file.
    pub fn read_bytes(&self, path: &str) -> Result<Vec<u8>, Fault> {
        self.reader(path)?.bytes()
    }

    /// The text of a file.
    pub fn read_text(&self, path: &str) -> Result<String, Fault> {
        self.reader(path)?.text()
    }

    /// Makes or empties a file and writes it, or adds to it.
    pub fn write_whole(&self, path: &str, mut data: &[u8], append: bool) -> Result<(), Fault> {
        let descriptor = self.writer(path, if append { OFlag::O_APPEND } else { OFlag::O_TRUNC })?;
        write_all(&descriptor, &mut data, path, self.attend)?;
        close(descriptor, path)
    }

    /// Opens a file and gives its handle.
    pub fn open(&mut self, path: &str, mode: &str) -> Result<Value, Fault> {
        let (mode, content) = match mode {
            "r" => ("r", Content::Read(self.reader(path)?)),
            "w" => ("w", self.content(path, OFlag::O_TRUNC)?),
            "a" => ("a", self.content(path, OFlag::O_APPEND)?),
            "x" => ("x", self.content(path, OFlag::O_EXCL)?),
            other => {
                let fault = Fault::value_error(format!("there is no mode \"{other}\" to open a file"));
                return Err(if other.contains('b') {
                    fault.help("an open file holds text; `read_bytes` and `write_bytes` are for bytes")
                } else {
                    fault.help("\"r\" reads, \"w\" writes anew, \"a\" adds, \"x\" writes a file that must be new")
                });
            }
        };
        Ok(self.add(path, mode, content))
    }

    /// Makes a file of what is read from a descriptor.
    pub fn read_from(&mut self, descriptor: OwnedFd, name: &str, at_end: AtEnd) -> Value {
        let lines = Lines::new(descriptor, Some(name), self.attend).ending_with(at_end);
        self.add(name, "r", Content::Read(lines))
    }

    /// Whether the next line of a file, or all that is left, may have to be waited for until a command writes it.
    pub fn may_wait_for_command(&self, key: HandleKey) -> bool {
        let content = self.open.get(&key.id).filter(|_| key.generation == self.depth).map(|file| &file.content);
        matches!(content, Some(Content::Read(lines)) if lines.is_of_command() && lines.may_wait())
    }

    fn add(&mut self, path: &str, mode: &'static str, content: Content) -> Value {
        let id = self.next;
        self.next += 1;
        self.open.insert(id, OpenFile { path: path.into(), mode, content });
        HANDLES.with_borrow_mut(|handles| handles.held.insert(id, Held { handles: 0, path: path.into() }));
        Value::handle(HandleKey { kind: HandleKind::File, id, generation: self.depth, role: 0 })
    }

    fn content(&self, path: &str, flag: OFlag) -> Result<Content, Fault> {
        let descriptor = self.writer(path, flag)?;
        let live = isatty(&descriptor).unwrap_or(false);
        Ok(Content::Write { descriptor, pending: Vec::new(), live })
    }

    /// The reader of a file that is open for reading.
    pub fn lines(&mut self, key: HandleKey) -> Result<&mut Lines<OwnedFd>, Fault> {
        let OpenFile { path, mode, content } = self.find(key)?;
        match content {
            Content::Read(lines) => Ok(lines),
            Content::Write { .. } => Err(of_file("read", path, &format!("it was opened with mode \"{mode}\""))),
        }
    }

    /// Writes text to a file that is open for writing.
    pub fn write(&mut self, key: HandleKey, text: &str) -> Result<(), Fault> {
        let attend = self.attend;
        let file = self.find(key)?;
        match &mut file.content {
            Content::Read(_) => Err(of_file("write", &file.path, "it was opened with mode \"r\"")),
            Content::Write { pending, live, .. } => {
                pending.extend_from_slice(text.as_bytes());
                if *live || pending.len() >= MOST_GATHERED { file.flush(attend) } else { Ok(()) }
            }
        }
    }

    /// Closes a file; closing it again does nothing.
    pub fn close(&mut self, key: HandleKey) -> Result<(), Fault> {
        if key.generation != self.depth {
            return Err(of_another(key));
        }
        self.close_id(key.id)
    }

    fn close_id(&mut self, id: u64) -> Result<(), Fault> {
        let Some(mut file) = self.open.remove(&id) else { return Ok(()) };
        file.flush(self.attend)?;
        match file.content {
            Content::Read(_) => Ok(()),
            Content::Write { descriptor, .. } => close(descriptor, &file.path),
        }
    }

    /// Writes what was gathered for all files, and closes those whose last handle went. Of several failures the first
    /// is given.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Fault> {
        if self.open.is_empty() {
            return Ok(());
        }
        let mut result = Ok(());
        for id in HANDLES.with_borrow_mut(|handles| std::mem::take(&mut handles.dropped)) {
            result = result.and(self.close_id(id));
        }
        for file in self.open.values_mut() {
            result = result.and(file.flush(self.attend));
        }
        result
    }

    /// A field of a file's handle.
    pub fn property(&self, key: HandleKey, property: &str) -> Result<Value, Fault> {
        let file = self.open.get(&key.id).filter(|_| key.generation == self.depth);
        match property {
            "path" | "name" => Ok(Value::from(name(key))),
            "closed" => Ok(Value::bool(key.id >= FIRST && file.is_none())),
            "mode" => Ok(Value::from(file.map_or(if key.id == 0 { "r" } else { "w" }, |file| file.mode))),
            other => Err(Fault::new(Kind::Key, format!("a file has no field `{other}`")).help(
                "it has `path`, `mode` and `closed`; `lines()`, `read()`, `write(text)` and `close()` are methods",
            )),
        }
    }

    /// This is a child now: the open files are the parent's.
    pub fn forked(&mut self) {
        self.depth += 1;
        self.open.clear();
    }

    fn find(&mut self, key: HandleKey) -> Result<&mut OpenFile, Fault> {
        if key.generation != self.depth {
            return Err(of_another(key));
        }
        let closed = || Fault::new(Kind::Closed, format!("the file \"{}\" is closed", name(key)));
        self.open.get_mut(&key.id).ok_or_else(closed)
    }

    fn reader(&self, path: &str) -> Result<Lines<OwnedFd>, Fault> {
        let descriptor = self.open_path("read", path, OFlag::O_RDONLY)?;
        let is_directory = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        if fstat(&descriptor).is_ok_and(|stat| is_directory(stat.st_mode)) {
            return Err(
                of_file("read", path, &describe(Errno::EISDIR)).help("`files(\"…/*\")` gives the files of a directory")
            );
        }
        Ok(Lines::new(descriptor, Some(path), self.attend))
    }

    fn writer(&self, path: &str, flag: OFlag) -> Result<OwnedFd, Fault> {
        self.open_path("write", path, OFlag::O_WRONLY | OFlag::O_CREAT | flag)
    }

    fn open_path(&self, action: &str, path: &str, flags: OFlag) -> Result<OwnedFd, Fault> {
        if path.contains('\0') {
            return Err(Fault::value_error("a path cannot contain the character \"\\0\""));
        }
        let mode = Mode::from_bits_truncate(0o666);
        loop {
            match nix::fcntl::open(path, flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, mode) {
                Ok(descriptor) => return Ok(descriptor),
                Err(Errno::EINTR) => (self.attend)()?,
                Err(errno) => return Err(of_file(action, path, &reason(errno, path, flags))),
            }
        }
    }
}

fn of_another(key: HandleKey) -> Fault {
    Fault::new(Kind::Io, format!("\"{}\" was opened by another process", name(key)))
        .help("open it in the process that uses it, or pass on what was read")
}

/// Why a file could not be opened; for one to be made that is usually its directory.
fn reason(errno: Errno, path: &str, flags: OFlag) -> String {
    if errno == Errno::ENOENT
        && flags.contains(OFlag::O_CREAT)
        && let Some(directory) = Path::new(path).parent().and_then(Path::to_str)
        && !directory.is_empty()
        && !Path::new(directory).exists()
    {
        return format!("there is no directory \"{directory}\"");
    }
    describe(errno)
}

impl OpenFile {
    /// Writes what was gathered. What an interrupt left over is kept; what failed is dropped, so that one failure is
    /// told once.
    fn flush(&mut self, attend: Attend) -> Result<(), Fault> {
        match &mut self.content {
            Content::Write { descriptor, pending, .. } if !pending.is_empty() => {
                let mut left = pending.as_slice();
                let result = write_all(descriptor, &mut left, &self.path, attend);
                let kept = if result.as_ref().is_err_and(|fault| !fault.is(Kind::Io)) { left.len() } else { 0 };
                pending.drain(..pending.len() - kept);
                result
            }
            _ => Ok(()),
        }
    }
}

fn write_all(descriptor: &OwnedFd, data: &mut &[u8], path: &str, attend: Attend) -> Result<(), Fault> {
    while !data.is_empty() {
        match nix::unistd::write(descriptor, data) {
            Ok(count) => *data = &data[count..],
            Err(Errno::EINTR) => attend()?,
            Err(errno) => return Err(of_file("write", path, &describe(errno))),
        }
    }
    Ok(())
}

/// Closes a file that was written: some file systems say only now that there was no room.
fn close(descriptor: OwnedFd, path: &str) -> Result<(), Fault> {
    match nix::unistd::close(descriptor) {
        Ok(()) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(of_file("write", path, &describe(errno))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::value::on_handle;
    use crate::world::testing::Directory;

    fn files() -> Files {
        on_handle(on_file_handle);
        Files::new(|| Ok(()))
    }

    fn key(file: &Value) -> HandleKey {
        let Value::Handle(handle) = file else { panic!("no handle") };
        handle.key()
    }

    fn message<T>(result: Result<T, Fault>) -> String {
        result.err().unwrap().0.message.as_str().unwrap().into()
    }

    fn ok<T>(result: Result<T, Fault>) -> T {
        result.unwrap_or_else(|fault| panic!("{:?}", fault.0.message.as_str()))
    }

    /// What is written is read again, whole and as it is.
    #[test]
    fn whole_files() {
        let (here, files) = (Directory::new(), files());
        let path = here.file("a.txt");
        ok(files.write_whole(&path, b"one\r\n", false));
        ok(files.write_whole(&path, "zwei ü".as_bytes(), true));
        assert_eq!(ok(files.read_text(&path)), "one\r\nzwei ü");
        let large: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
        ok(files.write_whole(&path, &large, false));
        assert!(ok(files.read_bytes(&path)) == large);
        ok(files.write_whole(&path, b"", false));
        assert_eq!(ok(files.read_text(&path)), "");
        // A file of the system that has no size.
        assert!(ok(files.read_text("/proc/self/status")).starts_with("Name:"));
    }

    /// Failures name the file and the reason in words, and carry the path as data.
    #[test]
    fn failures_are_clear() {
        let (here, mut files) = (Directory::new(), files());
        let (path, text) = (here.file("no.txt"), here.file("text"));
        ok(files.write_whole(&text, b"a\n\xff", false));
        let fault = files.read_text(&path).err().unwrap();
        assert!(fault.is(Kind::Io));
        let Value::Map(data) = &fault.0.data else { panic!("no data") };
        assert_eq!(data.get_str("path").and_then(Value::as_str), Some(&*path));
        assert_eq!(message(files.read_text(&path)), format!("cannot read \"{path}\": there is no such file"));
        assert_eq!(message(files.open(&path, "r")), format!("cannot read \"{path}\": there is no such file"));
        assert_eq!(message(files.read_bytes(".")), "cannot read \".\": it is a directory");
        assert_eq!(message(files.open("/", "r")), "cannot read \"/\": it is a directory");
        assert_eq!(message(files.write_whole("/", b"", false)), "cannot write \"/\": it is a directory");
        let inside = format!("{text}/x");
        let reason = "a part of the path is not a directory";
        assert_eq!(message(files.read_text(&inside)), format!("cannot read \"{inside}\": {reason}"));
        let (directory, inside) = (here.file("none"), here.file("none/x"));
        let reason = format!("there is no directory \"{directory}\"");
        assert_eq!(message(files.write_whole(&inside, b"", true)), format!("cannot write \"{inside}\": {reason}"));
        assert_eq!(message(files.read_text(&text)), format!("cannot read \"{text}\": byte 2 is not UTF-8 text"));
        assert_eq!(message(files.open(&text, "x")), format!("cannot write \"{text}\": it exists already"));
        assert_eq!(
            message(files.write_whole("/dev/full", b"a", false)),
            "cannot write \"/dev/full\": no space is left on the device"
        );
        assert!(files.read_text("a\0b").err().unwrap().is(Kind::Value));
        assert!(files.open(&text, "rb").err().unwrap().is(Kind::Value));
    }

    /// What is written to an open file is gathered, seen by others after a flush, and complete after the close.
    #[test]
    fn written_files_are_flushed() {
        let (here, mut files) = (Directory::new(), files());
        let path = here.file("a.txt");
        let file = ok(files.open(&path, "w"));
        ok(files.write(key(&file), "a\n"));
        assert_eq!(ok(files.read_text(&path)), "");
        ok(files.flush());
        assert_eq!(ok(files.read_text(&path)), "a\n");
        ok(files.write(key(&file), "b\n"));
        ok(files.close(key(&file)));
        ok(files.close(key(&file)));
        assert_eq!(ok(files.read_text(&path)), "a\nb\n");
        let fault = files.write(key(&file), "c\n").err().unwrap();
        assert!(fault.is(Kind::Closed));
        assert_eq!(fault.0.message.as_str(), Some(&*format!("the file \"{path}\" is closed")));
        let more = ok(files.open(&path, "a"));
        ok(files.write(key(&more), "c\n"));
        ok(files.close(key(&more)));
        assert_eq!(ok(files.read_text(&path)), "a\nb\nc\n");
    }

    /// A full disk is told at the latest when the file is closed.
    #[test]
    fn lost_text_is_told() {
        let mut files = files();
        let file = ok(files.open("/dev/full", "w"));
        ok(files.write(key(&file), "a"));
        assert_eq!(message(files.close(key(&file))), "cannot write \"/dev/full\": no space is left on the device");
    }

    /// A file is used in the way in which it was opened.
    #[test]
    fn modes_are_held() {
        let (here, mut files) = (Directory::new(), files());
        let path = here.file("a.txt");
        let file = ok(files.open(&path, "w"));
        assert_eq!(message(files.lines(key(&file))), format!("cannot read \"{path}\": it was opened with mode \"w\""));
        ok(files.close(key(&file)));
        let file = ok(files.open(&path, "r"));
        let reason = "it was opened with mode \"r\"";
        assert_eq!(message(files.write(key(&file), "a")), format!("cannot write \"{path}\": {reason}"));
        assert_eq!(ok(files.property(key(&file), "path")).as_str(), Some(&*path));
        assert!(matches!(ok(files.property(key(&file), "closed")), Value::False));
        assert!(files.property(key(&file), "size").is_err());
        assert_eq!(describe_file(key(&file)), format!("<file {path}>"));
    }

    /// A file whose last handle is gone is written and closed, so that no descriptor leaks.
    #[test]
    fn dropped_files_are_closed() {
        let (here, mut files) = (Directory::new(), files());
        let path = here.file("a.txt");
        let file = ok(files.open(&path, "w"));
        ok(files.write(key(&file), "a"));
        let other = Value::handle(key(&file));
        drop(file);
        ok(files.flush());
        assert_eq!(files.open.len(), 1);
        ok(files.write(key(&other), "b"));
        drop(other);
        ok(files.flush());
        assert_eq!(files.open.len(), 0);
        assert_eq!(ok(files.read_text(&path)), "ab");
    }

    /// After a fork the files of the parent are not the child's, even where numbers are the same.
    #[test]
    fn children_do_not_use_their_parents_files() {
        let (here, mut files) = (Directory::new(), files());
        let path = here.file("a.txt");
        let of_parent = ok(files.open(&path, "w"));
        files.forked();
        let own = ok(files.open(&path, "r"));
        assert_eq!(message(files.write(key(&of_parent), "a")), format!("\"{path}\" was opened by another process"));
        assert!(files.close(key(&of_parent)).is_err());
        assert_eq!(ok(ok(files.lines(key(&own))).text()), "");
    }
}
