//! The part of the world that needs no other process: output, input, files, clock, environment.

use super::failure::io;
use super::files::Files;
use super::input::Input;
use super::lines::AtEnd;
use super::output::{Keep, Output, Standard};
use super::random::{Id, Random};
use super::wait::Attend;
use super::{clock, glob};
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::Op;
use crate::vm::value::{ErrorValue, HandleKey, HandleKind, Map, Ref, Stream, StreamSource, StreamState, Value};
use std::cell::RefCell;
use std::io::Stderr;
use std::os::fd::OwnedFd;

/// Numbers of the handles `stdin`, `stdout` and `stderr`.
const STDIN: u64 = 0;
const STDOUT: u64 = 1;
const STDERR: u64 = 2;

/// What raises through a script, past every `catch`, to end its process with this status.
pub fn leave(status: u8) -> Fault {
    Fault::from_error(ErrorValue {
        kind: Value::from(Kind::Cancelled.name()),
        message: Value::str(format!("exit with status {status}")),
        data: Value::Null,
        trace: Vec::new(),
        related: Vec::new(),
        process: Value::Null,
        process_name: Value::Null,
        cause: Value::Null,
        help: None,
        exit: Some(status),
        at: 0,
    })
}

/// Performs what one process can do by itself.
pub struct Local {
    stdout: Standard,
    stderr: Output<Stderr>,
    input: Input,
    files: Files,
    random: Random,
    args: Vec<String>,
    /// Writes what was printed and waits.
    converse: Option<Attend>,
    attend: Attend,
}

impl Local {
    /// The world of a script with these arguments. `attend` is called when a signal interrupts a wait.
    pub fn new(args: Vec<String>, attend: Attend) -> Local {
        Local {
            stdout: Standard::new(attend),
            stderr: Output::new(std::io::stderr(), "standard error", attend).live(),
            input: Input::new(attend),
            files: Files::new(attend),
            random: Random::new(),
            args,
            converse: None,
            attend,
        }
    }

    /// Performs a request, or gives it back when it is not for this part of the world.
    pub fn perform(&mut self, op: Op) -> Result<Result<Value, Fault>, Op> {
        Ok(match op {
            Op::Print { text, stderr } => self.print(text, stderr),
            Op::Input { prompt } => self.read_input(prompt),
            Op::ReadText { path } => self.flushed(|local| local.files.read_text(&path).map(Value::from)),
            Op::ReadBytes { path } => self.flushed(|local| local.files.read_bytes(&path).map(Value::bytes)),
            Op::WriteFile { path, data, append } => {
                self.flushed(|local| local.files.write_whole(&path, &data, append).map(|()| Value::Null))
            }
            Op::Files { pattern } => self.flushed(|local| {
                glob::files(&pattern, local.attend)
                    .map(|paths| Value::list(paths.into_iter().map(Value::from).collect()))
            }),
            Op::Open { path, mode } => self.flushed(|local| local.files.open(&path, &mode)),
            Op::StdinLines => self.lines(HandleKey { kind: HandleKind::File, id: STDIN, generation: 0, role: 0 }),
            Op::NextLine { file } => self.next_line(file),
            Op::ReceiveOrEnd { channel } if is_file(channel) => self.next_line(channel),
            Op::FileRead { file } => self.read(file),
            Op::FileLines { file } => self.lines(file),
            Op::FileWrite { file, text } => self.write(file, text),
            Op::Close { handle } if is_file(handle) => self.close(handle),
            Op::Enter { value } if is_file_value(&value) => Ok(value),
            Op::Leave { value, raised } => match &value {
                Value::Handle(handle) if is_file(handle.key()) => self.close(handle.key()),
                _ => return Err(Op::Leave { value, raised }),
            },
            Op::Property { handle, name } if is_file(handle) => self.files.property(handle, &name),
            Op::Args => Ok(Value::list(self.args.iter().map(|arg| Value::from(arg.as_str())).collect())),
            Op::Env { name, default } => env(name, default),
            Op::Exit { status } => Err(leave(status)),
            Op::Sleep { seconds } => self.flushed(|local| clock::sleep(seconds, local.attend).map(|()| Value::Null)),
            Op::Now => Ok(Value::float(clock::now())),
            Op::Clock => Ok(Value::float(clock::clock())),
            Op::Random { draw } => self.random.draw(draw),
            Op::CpuCount => Ok(Value::count(std::thread::available_parallelism().map_or(1, usize::from))),
            Op::Pid => Ok(Value::Int(i64::from(std::process::id()))),
            other => return Err(other),
        })
    }

    /// Writes all that was gathered: before anything that another process could notice.
    pub fn flush(&mut self) -> Result<(), Fault> {
        let files = self.files.flush();
        self.stdout.with(Output::flush).and(files)
    }

    /// A stream of the lines that come from a descriptor, whose end is an error when `at_end` says so.
    pub fn lines_from(&mut self, descriptor: OwnedFd, name: &str, at_end: AtEnd) -> Value {
        let file = self.files.read_from(descriptor, name, at_end);
        stream_of(file, name)
    }

    /// Whether a read of this file may wait for a command.
    pub fn may_wait_for_command(&self, file: HandleKey) -> bool {
        self.files.may_wait_for_command(file)
    }

    /// Writes what a command has written.
    pub fn write_out(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stdout.with(|stdout| stdout.print_bytes(bytes.to_vec()).and_then(|()| stdout.flush()))
    }

    /// Looks whether anybody still reads standard output, to which somebody else could not write.
    pub fn look_whether_closed(&mut self) -> Result<(), Fault> {
        self.stdout.with(Output::look_whether_closed)
    }

    /// What is printed is offered to `keep` before it is written; before `input()` waits, `converse` writes it.
    pub fn keep_output(&mut self, keep: Keep, converse: Attend) {
        self.stdout.with(|stdout| stdout.keep_with(keep));
        self.converse = Some(converse);
    }

    /// Whether nobody reads standard output any more.
    pub fn output_closed(&self) -> bool {
        self.stdout.with(|stdout| stdout.is_closed())
    }

    /// Sets the seed of the run's random numbers.
    pub fn seed(&mut self, seed: i64) {
        self.random.seed(&seed.into());
    }

    /// This process is a forked child now, with this id, which has an input and open files of its own: none.
    pub fn forked(&mut self, id: Id) {
        self.random.begin(id);
        self.stdout.with(Output::forget);
        self.input.forked();
        self.files.forked();
    }

    #[inline(never)]
    fn flushed(&mut self, perform: impl FnOnce(&mut Local) -> Result<Value, Fault>) -> Result<Value, Fault> {
        self.flush()?;
        perform(self)
    }

    fn print(&mut self, text: String, stderr: bool) -> Result<Value, Fault> {
        if stderr {
            self.stdout.with(Output::flush)?;
            match self.stderr.print(text) {
                Err(_) if self.stderr.is_closed() => {}
                result => result?,
            }
        } else {
            self.stdout.with(|stdout| stdout.print(text))?;
        }
        Ok(Value::Null)
    }

    fn read_input(&mut self, prompt: Option<String>) -> Result<Value, Fault> {
        self.input.lines()?;
        if let Some(prompt) = prompt {
            self.stdout.with(|stdout| stdout.print(prompt))?;
        }
        self.flush()?;
        self.converse.map_or(Ok(()), |converse| converse())?;
        match self.input.lines()?.next_line()? {
            Some(line) => Ok(Value::from(line)),
            None => Err(io("standard input is at its end")
                .help("`for line in stdin.lines() { … }` ends by itself; `try input() else null` gives null")),
        }
    }

    fn next_line(&mut self, file: HandleKey) -> Result<Value, Fault> {
        let line = match file.id {
            STDIN => {
                if self.input.lines()?.may_wait() {
                    self.flush()?;
                }
                self.input.lines()?.next_line()?
            }
            STDOUT | STDERR => return Err(one_way(file)),
            _ => {
                if self.files.lines(file)?.may_wait() {
                    self.flush()?;
                }
                self.files.lines(file)?.next_line()?
            }
        };
        Ok(line.map_or(Value::Undefined, Value::from))
    }

    fn read(&mut self, file: HandleKey) -> Result<Value, Fault> {
        self.flush()?;
        match file.id {
            STDIN => self.input.lines()?.text(),
            STDOUT | STDERR => Err(one_way(file)),
            _ => self.files.lines(file)?.text(),
        }
        .map(Value::from)
    }

    fn lines(&mut self, file: HandleKey) -> Result<Value, Fault> {
        match file.id {
            STDIN => drop(self.input.lines()?),
            STDOUT | STDERR => return Err(one_way(file)),
            _ => drop(self.files.lines(file)?),
        }
        let name = self.files.property(file, "path")?;
        Ok(stream_of(Value::handle(file), name.as_str().unwrap_or_default()))
    }

    fn write(&mut self, file: HandleKey, text: String) -> Result<Value, Fault> {
        match file.id {
            STDIN => Err(one_way(file)),
            STDOUT => self.print(text, false),
            STDERR => self.print(text, true),
            _ => self.files.write(file, &text).map(|()| Value::Null),
        }
    }

    fn close(&mut self, file: HandleKey) -> Result<Value, Fault> {
        match file.id {
            STDIN | STDOUT | STDERR => {
                Err(Fault::value_error("standard input, output and error stay open until the program ends"))
            }
            _ => self.files.close(file).map(|()| Value::Null),
        }
    }
}

fn is_file(key: HandleKey) -> bool {
    key.kind == HandleKind::File
}

/// Whether this is the handle `stdin`.
pub fn is_stdin(key: HandleKey) -> bool {
    is_file(key) && key.id == STDIN
}

fn is_file_value(value: &Value) -> bool {
    matches!(value, Value::Handle(handle) if is_file(handle.key()))
}

/// A stream of the lines of an open file, which stays open as long as the stream needs it.
fn stream_of(file: Value, name: &str) -> Value {
    let Value::Handle(file) = file else { return Value::Null };
    let state =
        StreamState { source: StreamSource::World(file), stages: Vec::new(), ended: false, name: lines_of(name) };
    Value::Stream(Ref::new(Stream { state: RefCell::new(state) }))
}

fn lines_of(name: &str) -> Box<str> {
    format!("<lines of {name}>").into()
}

fn one_way(file: HandleKey) -> Fault {
    let (name, can) = if file.id == STDIN { ("stdin", "read") } else { ("stdout and stderr", "written") };
    Fault::new(Kind::Io, format!("{name} can only be {can}"))
}

fn env(name: Option<String>, default: Value) -> Result<Value, Fault> {
    let Some(name) = name else {
        let mut map = Map::default();
        for (name, value) in std::env::vars_os() {
            map.insert(Value::from(&*name.to_string_lossy()), Value::from(&*value.to_string_lossy()));
        }
        return Ok(Value::map(map));
    };
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Fault::value_error(format!("{name:?} cannot be the name of an environment variable")));
    }
    Ok(std::env::var_os(&name).map_or(default, |value| Value::from(&*value.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::testing::Directory;

    fn local() -> Local {
        Local::new(vec!["a".into(), "b".into()], || Ok(()))
    }

    fn perform(local: &mut Local, op: Op) -> Value {
        match local.perform(op) {
            Ok(Ok(value)) => value,
            Ok(Err(fault)) => panic!("{:?}", fault.0.message.as_str()),
            Err(_) => panic!("not for this part of the world"),
        }
    }

    fn key(file: &Value) -> HandleKey {
        let Value::Handle(handle) = file else { panic!("no handle") };
        handle.key()
    }

    /// A loop over an open file, over the stream of its lines and `read` take lines in turn: none twice, none lost.
    #[test]
    fn all_ways_to_read_a_file_share_one_position() {
        let (here, mut local) = (Directory::new(), local());
        let path = here.file("a.txt");
        let text = b"1\n2\n3\n4\n5\n".to_vec();
        perform(&mut local, Op::WriteFile { path: path.clone(), data: text, append: false });
        let file = perform(&mut local, Op::Open { path, mode: "r".into() });
        let file = key(&file);
        let stream = perform(&mut local, Op::FileLines { file });
        assert!(matches!(stream, Value::Stream(_)));
        assert_eq!(perform(&mut local, Op::NextLine { file }).as_str(), Some("1"));
        assert_eq!(perform(&mut local, Op::ReceiveOrEnd { channel: file }).as_str(), Some("2"));
        assert_eq!(perform(&mut local, Op::FileRead { file }).as_str(), Some("3\n4\n5\n"));
        assert!(matches!(perform(&mut local, Op::NextLine { file }), Value::Undefined));
    }

    /// `with` gives the file itself and closes it.
    #[test]
    fn with_closes_a_file() {
        let (here, mut local) = (Directory::new(), local());
        let path = here.file("a.txt");
        let file = perform(&mut local, Op::Open { path: path.clone(), mode: "w".into() });
        let entered = perform(&mut local, Op::Enter { value: file.clone() });
        assert_eq!(key(&entered), key(&file));
        perform(&mut local, Op::FileWrite { file: key(&file), text: "a".into() });
        perform(&mut local, Op::Leave { value: file, raised: false });
        assert!(matches!(
            perform(&mut local, Op::Property { handle: key(&entered), name: "closed".into() }),
            Value::True
        ));
        assert_eq!(perform(&mut local, Op::ReadText { path }).as_str(), Some("a"));
    }

    /// A process that was spawned has no standard input.
    #[test]
    fn children_have_no_input() {
        let mut local = local();
        local.forked(|| "P.1".into());
        for op in [Op::Input { prompt: None }, Op::StdinLines] {
            let fault = local.perform(op).ok().unwrap().err().unwrap();
            assert!(fault.is(Kind::Io));
        }
    }

    /// What is about other processes is given back for another part of the world.
    #[test]
    fn requests_for_others_are_given_back() {
        let mut local = local();
        assert!(matches!(local.perform(Op::Queue { capacity: Some(1) }), Err(Op::Queue { capacity: Some(1) })));
        let lock = HandleKey { kind: HandleKind::Lock, id: 1, generation: 1, role: 0 };
        assert!(matches!(local.perform(Op::Close { handle: lock }), Err(Op::Close { .. })));
        assert!(matches!(
            local.perform(Op::Leave { value: Value::handle(lock), raised: false }),
            Err(Op::Leave { .. })
        ));
        assert!(matches!(local.perform(Op::Enter { value: Value::Null }), Err(Op::Enter { .. })));
    }

    /// Surroundings: arguments, variables, clocks, the way out.
    #[test]
    fn surroundings() {
        let mut local = local();
        let Value::List(args) = perform(&mut local, Op::Args) else { panic!("no list") };
        assert_eq!(args.iter().filter_map(Value::as_str).collect::<Vec<_>>(), ["a", "b"]);
        let unset = Op::Env { name: Some("MPLANG_TEST_NOT_SET".into()), default: Value::Int(7) };
        assert!(matches!(perform(&mut local, unset), Value::Int(7)));
        assert!(matches!(perform(&mut local, Op::Env { name: None, default: Value::Null }), Value::Map(_)));
        assert!(local.perform(Op::Env { name: Some("a=b".into()), default: Value::Null }).ok().unwrap().is_err());
        let before = clock::clock();
        perform(&mut local, Op::Sleep { seconds: 0.002 });
        assert!(clock::clock() - before >= 0.002);
        assert_eq!(local.perform(Op::Exit { status: 3 }).ok().unwrap().err().unwrap().0.exit, Some(3));
    }
}
