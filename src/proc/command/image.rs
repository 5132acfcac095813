//! What the system needs to know of a command, made before the fork, and the step that becomes the program.

use crate::vm::fault::{Fault, Kind};
use crate::vm::op::{Command, Take};
use crate::vm::value::{Map, Value};
use crate::world::{describe, io};
use nix::errno::Errno;
use nix::unistd::{chdir, execve};
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Every command of a run has this variable, with the number of the run's first process.
pub const RUN: &str = "MPLANG_RUN";

/// So many characters of a command stand in messages.
const MOST_SHOWN: usize = 60;

/// The system takes no argument that is longer, its NUL included.
const MOST_OF_ONE: usize = 128 << 10;

/// A command as the system takes it.
pub struct Image {
    /// Where the program may be, in the order in which it is looked for.
    programs: Vec<CString>,
    args: Vec<CString>,
    env: Vec<CString>,
    cwd: Option<CString>,
}

/// The step that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// To enter the directory.
    Directory,
    /// To start the program.
    Program,
    /// To make a process.
    Fork,
}

impl Image {
    /// What `command` means, started by the run of this first process.
    pub fn new(command: &Command, run: u32) -> Image {
        let mut env: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        match command.take {
            Take::Nothing => drop(env.remove(OsStr::new(RUN))),
            _ => drop(env.insert(RUN.into(), run.to_string().into())),
        }
        for (name, value) in &command.env {
            match value {
                Some(value) => drop(env.insert(name.into(), value.into())),
                None => drop(env.remove(OsStr::new(name))),
            }
        }
        let path = env.get(OsStr::new("PATH")).map_or(OsStr::new(DEFAULT_PATH), |path| path.as_os_str());
        let env = env.iter().map(|(name, value)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat()));
        Image {
            programs: programs(&command.words[0], path).iter().map(|path| text(path)).collect(),
            args: command.words.iter().map(|word| text(word)).collect(),
            env: env.collect(),
            cwd: command.cwd.as_ref().map(|cwd| text(cwd.as_bytes())),
        }
    }

    /// Becomes the program, and comes back only when that cannot be.
    pub fn exec(&self) -> (Step, Errno) {
        if let Some(cwd) = &self.cwd
            && let Err(errno) = chdir(cwd.as_c_str())
        {
            return (Step::Directory, errno);
        }
        let mut failed = Errno::ENOENT;
        for program in &self.programs {
            match execve(program, &self.args, &self.env) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(Errno::EACCES) => failed = Errno::EACCES,
                Err(errno) => return (Step::Program, errno),
                Ok(never) => match never {},
            }
        }
        (Step::Program, failed)
    }

    /// The bytes of arguments and environment, as the system counts them.
    fn size(&self) -> usize {
        self.args.iter().chain(&self.env).map(|text| text.as_bytes_with_nul().len() + size_of::<usize>()).sum()
    }

    /// Why the command could not be started.
    pub fn failure(&self, command: &Command, step: Step, errno: Errno) -> Fault {
        let name = String::from_utf8_lossy(&command.words[0]).into_owned();
        let cannot = |why: &str| {
            let mut data = Map::default();
            data.insert("command".into(), Value::from(&*name));
            io(format!("cannot run \"{name}\": {why}")).data(Value::map(data))
        };
        match (step, errno) {
            (Step::Fork, errno) => crate::proc::limits::no_more_processes(errno),
            (Step::Directory, errno) => {
                let cwd = command.cwd.as_deref().unwrap_or_default();
                match errno {
                    Errno::ENOENT => cannot(&format!("there is no directory \"{cwd}\"")),
                    Errno::ENOTDIR => cannot(&format!("\"{cwd}\" is not a directory")),
                    errno => cannot(&format!("directory \"{cwd}\": {}", describe(errno))),
                }
            }
            (Step::Program, Errno::ENOENT) => {
                let there = self.programs.iter().map(|path| Path::new(OsStr::from_bytes(path.as_bytes())));
                if let Some(script) = there.into_iter().find(|path| path.exists()) {
                    return cannot(&format!("the program in the `#!` line of {} is not there", script.display()));
                }
                let fault = cannot("there is no such command");
                if name.contains(char::is_whitespace) {
                    let words: Vec<String> = name.split_whitespace().map(|word| format!("\"{word}\"")).collect();
                    fault.help(format!(
                        "the words of a command stand apart: {}({})",
                        command.function,
                        words.join(", ")
                    ))
                } else if name.contains('/') {
                    fault
                } else {
                    fault.help("it was looked for in the directories of the variable PATH")
                }
            }
            (Step::Program, Errno::EACCES) if Path::new(&name).is_dir() => cannot(&describe(Errno::EISDIR)),
            (Step::Program, Errno::EACCES) => cannot(&describe(errno)).help(format!(
                "`chmod +x` makes a file a program, or name what runs it: {}(\"sh\", \"{name}\")",
                command.function
            )),
            (Step::Program, Errno::ENOEXEC) => cannot("it is neither a program nor a script with a `#!` line")
                .help(format!("name what runs it: {}(\"sh\", \"{name}\")", command.function)),
            (Step::Program, Errno::E2BIG) => {
                let longest = self.args.iter().chain(&self.env).map(|text| text.as_bytes_with_nul().len()).max();
                let why = match longest {
                    Some(bytes) if bytes > MOST_OF_ONE => {
                        format!("one argument has {} bytes; the most is {}", bytes - 1, MOST_OF_ONE - 1)
                    }
                    _ => {
                        format!("its arguments and environment have {} bytes, more than the system allows", self.size())
                    }
                };
                cannot(&why).help("pass much with `input =`, or in several calls")
            }
            (Step::Program, errno) => cannot(&describe(errno)),
        }
    }
}

/// Where commands are looked for when no variable says so.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where a program may be.
fn programs(name: &[u8], path: &OsStr) -> Vec<Vec<u8>> {
    if name.contains(&b'/') {
        return vec![name.to_vec()];
    }
    std::env::split_paths(path)
        .map(|directory| directory.join(OsStr::from_bytes(name)).into_os_string().into_vec())
        .collect()
}

/// Text for the system. It has no NUL: the library refuses that, and an environment cannot have it.
fn text(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}

/// A command as messages show it.
pub fn title(command: &Command) -> String {
    let mut title = String::new();
    for word in &command.words {
        let word = String::from_utf8_lossy(word);
        let plain =
            !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control() || "'\"`".contains(c));
        let shown = if plain { word.into_owned() } else { format!("{word:?}") };
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(&shown);
        if title.chars().count() > MOST_SHOWN {
            return title.chars().take(MOST_SHOWN).chain(['…']).collect();
        }
    }
    title
}

/// The error of a time that has passed.
pub fn too_late(command: &Command) -> Fault {
    let seconds = command.timeout.unwrap_or_default();
    Fault::new(Kind::Timeout, format!("`{}` was stopped: it has not ended within {seconds} s", title(command)))
}
