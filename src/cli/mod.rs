//! The command line: what was asked for, and the exit status.

mod arguments;
mod load;
mod report;
mod run;

pub use load::Files;
pub use report::{Reporter, fault_diagnostic, line, line_starts, warning_diagnostic};

use crate::memory;
use crate::proc::{OutputMode, ps};
use crate::repl;
use crate::syntax::STACK;
use arguments::{Action, Options};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::io::{IsTerminal, Read, Write};

/// Exit status of a wrong use of the command, or of an error before running.
const USAGE: u8 = 2;

/// Runs the command and ends the process.
pub fn main() -> ! {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let status = match arguments::parse(args).and_then(|options| enough_memory().map(|()| options)) {
        Ok(options) => perform(options),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "mplang: {message}\ntry `mplang --help`");
            USAGE
        }
    };
    crate::proc::leave(status)
}

/// Address space that a small script needs beside the stack for reading it, which is reserved whole.
const FOR_THE_SCRIPT: u64 = 32 << 20;

fn enough_memory() -> Result<(), String> {
    let needed = STACK as u64 + FOR_THE_SCRIPT;
    let address_space = memory::of_this_process().0 as u64 + needed;
    enough(Resource::RLIMIT_AS, address_space, "`ulimit -v`", "address space")?;
    enough(Resource::RLIMIT_DATA, needed, "`ulimit -d`", "data")
}

fn enough(resource: Resource, needed: u64, limit: &str, what: &str) -> Result<(), String> {
    match getrlimit(resource) {
        Ok((most, _)) if most != RLIM_INFINITY && most < needed => {
            Err(format!("{limit} allows {} KiB of {what}; {} are needed", most >> 10, needed >> 10))
        }
        _ => Ok(()),
    }
}

fn perform(options: Options) -> u8 {
    if let Some(bytes) = options.memory_limit {
        crate::proc::limit_memory(bytes);
    }
    match options.action {
        Action::Help => say(arguments::HELP),
        Action::Version => say(concat!("mplang ", env!("CARGO_PKG_VERSION"), "\n")),
        Action::Repl => session(options),
        Action::Default if std::io::stdin().is_terminal() => session(options),
        Action::Default | Action::Stdin => match standard_input() {
            Ok(text) => run::text(&options, "<stdin>", &text),
            Err(message) => {
                let _ = writeln!(std::io::stderr(), "mplang: {message}");
                USAGE
            }
        },
        Action::Ps(pid) => processes(pid),
        Action::Code(ref code) => run::text(&options, "<command>", code),
        Action::Script(ref path) => run::file(&options, path),
    }
}

/// What the processes of running scripts do.
fn processes(pid: Option<i32>) -> u8 {
    match pid.map_or_else(|| Ok(ps::of_all_programs()), ps::of_program) {
        Ok(text) => say(&text),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "mplang: {message}");
            1
        }
    }
}

fn session(options: Options) -> u8 {
    if options.output != OutputMode::Live || options.seed.is_some() {
        let message = "mplang: `--output` and `--seed` are for scripts; in a session `random.seed(n)` sets a seed";
        let _ = writeln!(std::io::stderr(), "{message}");
        return USAGE;
    }
    repl::run(options.format, options.args)
}

fn say(text: &str) -> u8 {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn standard_input() -> Result<String, String> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|_| "cannot read standard input".to_string())?;
    load::decode(bytes).map_err(|wrong| format!("standard input is not UTF-8 ({})", wrong.position()))
}
