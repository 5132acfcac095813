//! Runs one script and compares what it did with the files beside it.

use super::diff::diff;
use super::sandbox::{self, Ended, Job};
use super::script::Script;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Whether the variables `BLESS` and `CI` ask for blessing; an error where they contradict each other.
pub fn bless_asked(bless: Option<OsString>, ci: Option<OsString>) -> Result<bool, &'static str> {
    let on = |value: Option<OsString>| value.is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
    match (on(bless), on(ci)) {
        (true, true) => Err("BLESS is refused where CI is set: expected output is looked at by people"),
        (bless, _) => Ok(bless),
    }
}

/// With what the scripts are run.
pub struct Suite {
    /// The program under test.
    pub binary: PathBuf,
    /// Runs the twins, when it is installed.
    pub python: Option<PathBuf>,
    /// A folder for temporary files.
    pub scratch: PathBuf,
    /// Write the files in place of comparing with them.
    pub bless: bool,
}

/// What is to be told about a script.
#[derive(Default)]
pub struct Outcome {
    /// Why it failed; empty when it did not.
    pub problems: Vec<String>,
    /// Differences that were blessed.
    pub blessed: Vec<String>,
    /// Whether it has a twin that could not be run.
    pub without_twin: bool,
}

impl Suite {
    /// Runs a script, and its twin.
    pub fn check(&self, script: &Script) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.try_check(script, &mut outcome) {
            outcome.problems.push(format!("cannot be tested: {error}"));
        }
        outcome
    }

    fn try_check(&self, script: &Script, outcome: &mut Outcome) -> io::Result<()> {
        let exit = script.exit()?;
        let found = self.run(script, &self.binary, &script.path, &script.lines("flags")?)?;
        broken(&found, &mut outcome.problems);
        if script.unordered() && !script.says_unordered() {
            let text = "has a file .unordered, but no comment of it says that its lines come in any order";
            outcome.problems.push(text.to_owned());
        }
        let errors = String::from_utf8_lossy(&found.stderr);
        for word in script.expects().iter().filter(|word| !errors.contains(*word)) {
            outcome.problems.push(format!("standard error does not say `{word}`"));
        }
        let may_bless = self.bless && outcome.problems.is_empty();

        let mut differences = vec![];
        let stdout = if script.unordered() { sorted(&found.stdout) } else { found.stdout };
        let expected = script.content("out")?;
        let expected = if script.unordered() { sorted(&expected) } else { expected };
        differences.push(("out", "standard output", diff(&expected, &stdout), stdout.clone()));
        differences.push(("err", "standard error", diff(&script.content("err")?, &found.stderr), found.stderr));
        let status = |status: i32| format!("{status}\n").into_bytes();
        let new = if found.status == 0 { vec![] } else { status(found.status) };
        differences.push(("exit", "exit status", diff(&status(exit), &status(found.status)), new));

        let twin = script.twin();
        if let (Some(twin), Some(python)) = (&twin, &self.python) {
            let said = self.run(script, python, twin, &[])?;
            let from = outcome.problems.len();
            broken(&said, &mut outcome.problems);
            let lines = if script.unordered() { sorted(&said.stdout) } else { said.stdout };
            let wanted = if may_bless { &stdout } else { &expected };
            let difference = diff(wanted, &lines);
            if !difference.is_empty() {
                outcome.problems.push(format!("its Python twin prints something else:\n{difference}"));
            }
            if said.status != 0 && exit == 0 {
                let error = String::from_utf8_lossy(&said.stderr);
                outcome.problems.push(format!("its Python twin fails with status {}:\n{error}", said.status));
            }
            for problem in &mut outcome.problems[from..] {
                *problem = format!("twin: {problem}");
            }
        }
        outcome.without_twin = twin.is_some() && self.python.is_none();

        for (extension, what, difference, new) in differences {
            if difference.is_empty() {
                continue;
            }
            let text = format!("{what}:\n{difference}");
            if !(may_bless && outcome.problems.is_empty()) {
                outcome.problems.push(text);
                continue;
            }
            outcome.blessed.push(text);
            let path = script.beside(extension);
            if new.is_empty() { fs::remove_file(path)? } else { fs::write(path, new)? }
        }
        Ok(())
    }

    /// Runs a program on a file in the script's folder, with the script's input and arguments.
    fn run(&self, script: &Script, program: &Path, file: &Path, flags: &[String]) -> io::Result<Ended> {
        let name = file.file_name().ok_or_else(|| io::Error::other("no file name"))?;
        let mut args: Vec<_> = flags.iter().map(Into::into).collect();
        args.push(name.to_owned());
        args.extend(script.lines("args")?.into_iter().map(Into::into));
        let stdin = script.beside("in");
        let job = Job {
            program: program.to_owned(),
            args,
            dir: file.parent().unwrap_or(Path::new(".")).to_owned(),
            stdin: stdin.exists().then_some(stdin),
            deadline: script.deadline()?,
        };
        sandbox::run(&job, &self.scratch)
    }
}

/// What no program may do, whatever the files beside it say.
fn broken(ended: &Ended, problems: &mut Vec<String>) {
    if let Some(why) = &ended.stopped {
        let tail = |text: &[u8]| String::from_utf8_lossy(&text[text.len().saturating_sub(1000)..]).into_owned();
        let (out, err) = (tail(&ended.stdout), tail(&ended.stderr));
        problems.push(format!("{why}\nits output so far ends in:\n{out}\nits errors:\n{err}"));
    }
    if !ended.left.is_empty() {
        problems.push(format!("left processes behind:\n  {}", ended.left.join("\n  ")));
    }
    let errors = String::from_utf8_lossy(&ended.stderr);
    if errors.contains("panicked at") {
        problems.push(format!("panicked:\n{errors}"));
    }
}

fn sorted(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    lines.sort();
    lines.concat()
}
