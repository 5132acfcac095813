//! What the words of the command line ask for.

use crate::diagnostics::Format;
use crate::proc::OutputMode;
use std::ffi::OsString;

/// What `--help` prints.
pub const HELP: &str = "\
mplang, a small scripting language for parallel work

  mplang                      the REPL on a terminal; else runs standard input
  mplang SCRIPT ARGS…         runs a script; what follows belongs to it
  mplang run SCRIPT ARGS…     the same
  mplang -e CODE ARGS…        runs a text
  mplang - ARGS…              runs standard input
  mplang repl                 the REPL
  mplang ps [PID]             what the processes of a running script do; without PID of all scripts

  --output MODE               live: as it is printed; grouped: each process's together, when it ends;
                              ordered: as if each spawned process had run at the place of its spawn
  --seed N                    makes the random numbers the same at every run
  --dump-bytecode             shows the code of a script and does not run it
  --error-format FORMAT       fancy, short or json
  --memory-limit SIZE         most memory for messages, results and shared objects: 512M, 8G
  --version, --help
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Nothing was named.
    Default,
    /// A script.
    Script(OsString),
    /// `-e CODE`
    Code(String),
    /// `-`
    Stdin,
    /// `repl`
    Repl,
    /// `ps [PID]`
    Ps(Option<i32>),
    /// `--help`
    Help,
    /// `--version`
    Version,
}

/// A command line.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// What is to be done.
    pub action: Action,
    /// What belongs to the script.
    pub args: Vec<String>,
    /// Shows the code instead of running it.
    pub dump: bool,
    /// How errors are written.
    pub format: Format,
    /// Most bytes of shared memory.
    pub memory_limit: Option<u64>,
    /// When output is written.
    pub output: OutputMode,
    /// The seed of the random numbers.
    pub seed: Option<i64>,
}

/// Subcommands of the language's plan that are not built yet.
const PLANNED: [&str; 7] = ["check", "fmt", "test", "explain", "batch", "completions", "lsp"];

/// Reads the words after the command's name.
pub fn parse(args: Vec<OsString>) -> Result<Options, String> {
    let mut options = Options {
        action: Action::Default,
        args: Vec::new(),
        dump: false,
        format: Format::Fancy,
        output: OutputMode::Live,
        seed: None,
        memory_limit: None,
    };
    let mut words = args.into_iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        match &*text {
            "--help" | "-h" => options.action = Action::Help,
            "--version" | "-V" => options.action = Action::Version,
            "--dump-bytecode" => {
                options.dump = true;
                continue;
            }
            "--error-format" => {
                let format = words.next().ok_or("`--error-format` needs fancy, short or json")?;
                options.format = format_named(&format.to_string_lossy())?;
                continue;
            }
            "--memory-limit" => {
                let size = words.next().ok_or("`--memory-limit` needs a size, such as 512M")?;
                options.memory_limit = Some(memory_size(&size.to_string_lossy())?);
                continue;
            }
            "--output" => {
                let mode = words.next().ok_or("`--output` needs live, grouped or ordered")?;
                options.output = mode_named(&mode.to_string_lossy())?;
                continue;
            }
            "--seed" => {
                let seed = words.next().ok_or("`--seed` needs an int")?;
                options.seed = Some(seed_of(&seed.to_string_lossy())?);
                continue;
            }
            "-e" => {
                let code = words.next().ok_or("`-e` needs the text to run")?;
                options.action = Action::Code(code.into_string().map_err(|_| "the text after `-e` is not UTF-8")?);
            }
            "-" => options.action = Action::Stdin,
            "repl" => options.action = Action::Repl,
            "ps" => {
                let pid = words.next().map(|word| {
                    let word = word.to_string_lossy().into_owned();
                    let pid = word.parse().ok().filter(|pid| *pid > 0);
                    pid.ok_or(format!("`ps` needs the number of a process, not `{word}`"))
                });
                options.action = Action::Ps(pid.transpose()?);
            }
            "run" => options.action = Action::Script(words.next().ok_or("`run` needs a script")?),
            _ if text.starts_with("--error-format=") => {
                options.format = format_named(&text["--error-format=".len()..])?;
                continue;
            }
            _ if text.starts_with("--memory-limit=") => {
                options.memory_limit = Some(memory_size(&text["--memory-limit=".len()..])?);
                continue;
            }
            _ if text.starts_with("--output=") => {
                options.output = mode_named(&text["--output=".len()..])?;
                continue;
            }
            _ if text.starts_with("--seed=") => {
                options.seed = Some(seed_of(&text["--seed=".len()..])?);
                continue;
            }
            _ if text.starts_with('-') => return Err(format!("there is no option `{text}`")),
            _ if PLANNED.contains(&&*text) && !std::path::Path::new(&word).exists() => {
                return Err(format!("`mplang {text}` is not built yet"));
            }
            _ => options.action = Action::Script(word),
        }
        break;
    }
    for word in words {
        options.args.push(word.into_string().map_err(|word| format!("the argument {word:?} is not UTF-8"))?);
    }
    Ok(options)
}

fn format_named(name: &str) -> Result<Format, String> {
    match name {
        "fancy" => Ok(Format::Fancy),
        "short" => Ok(Format::Short),
        "json" => Ok(Format::Json),
        other => Err(format!("`--error-format` is fancy, short or json, not `{other}`")),
    }
}

/// The least memory that can be worked with.
const LEAST_MEMORY: u64 = 1 << 20;

fn memory_size(text: &str) -> Result<u64, String> {
    let bytes = size(text).filter(|&bytes| bytes >= LEAST_MEMORY);
    bytes.ok_or_else(|| format!("`--memory-limit` is a size of at least 1M, such as 512M or 8G, not `{text}`"))
}

/// A number of bytes: `512M`.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn seed_of(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("`--seed` needs an int of 64 bits, not `{text}`"))
}

fn mode_named(name: &str) -> Result<OutputMode, String> {
    match name {
        "live" => Ok(OutputMode::Live),
        "grouped" => Ok(OutputMode::Grouped),
        "ordered" => Ok(OutputMode::Ordered),
        other => Err(format!("`--output` is live, grouped or ordered, not `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    /// What follows the script belongs to it, options of ours too.
    #[test]
    fn words_after_the_script_are_its_own() {
        let options = words("--error-format short a.mp --help -e").unwrap();
        assert_eq!(options.action, Action::Script("a.mp".into()));
        assert_eq!(options.args, ["--help", "-e"]);
        assert_eq!(options.format, Format::Short);
    }

    /// Mistakes are told, not guessed at.
    #[test]
    fn mistakes_are_errors() {
        assert!(words("--fast a.mp").is_err());
        assert!(words("-e").is_err());
        assert!(words("--error-format pretty a.mp").is_err());
        assert_eq!(words("--memory-limit 512M a.mp").unwrap().memory_limit, Some(512 << 20));
        assert_eq!(words("--memory-limit=2g a.mp").unwrap().memory_limit, Some(2 << 30));
        for wrong in ["0", "1K", "x", "-1", "1.5G", "99999999999T"] {
            assert!(words(&format!("--memory-limit {wrong} a.mp")).is_err(), "{wrong}");
        }
        assert_eq!(words("--seed -3 a.mp").unwrap().seed, Some(-3));
        assert!(words("--seed=x a.mp").is_err());
        assert_eq!(words("--output=ordered a.mp").unwrap().output, OutputMode::Ordered);
        assert!(words("--output sorted a.mp").unwrap_err().contains("live, grouped or ordered"));
        assert_eq!(words("ps 12").unwrap().action, Action::Ps(Some(12)));
        assert_eq!(words("ps").unwrap().action, Action::Ps(None));
        assert!(words("ps x").is_err() && words("ps 0").is_err());
        assert_eq!(words("fmt").unwrap_err(), "`mplang fmt` is not built yet");
    }
}
