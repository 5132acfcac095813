//! The editor: reads entries on a terminal, with history, and hands them to the evaluator.

use super::{history, process, wire};
use crate::syntax;
use nix::unistd::Pid;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler, Helper, KeyCode, KeyEvent,
    Modifiers, RepeatCount,
};
use std::borrow::Cow;
use std::io::Write;
use std::os::unix::net::UnixStream;

const PROMPT: &str = "> ";
/// The prompt of the further lines of an entry.
const MORE: &str = ". ";
/// Stands for [`MORE`] in the text that is edited, and is not part of the entry.
const PAD: &str = "\u{A0}\u{A0}";
const MOST_HISTORY: usize = 10_000;

/// Edits entries until the session ends; gives its exit status.
pub fn run(mut evaluator: UnixStream, process: Pid) -> u8 {
    process::guard_terminal();
    let mut editor = match editor() {
        Ok(editor) => editor,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "mplang: cannot use this terminal: {error}");
            return 1;
        }
    };
    let history = history::file();
    if let Some(path) = &history {
        // A session without history is better than none.
        let _ = editor.load_history(path);
    }
    loop {
        match process::while_editing(process, || editor.readline(PROMPT)) {
            Some(Ok(line)) => {
                let entry = without_pads(&line);
                if entry.trim().is_empty() {
                    continue;
                }
                let _ = editor.add_history_entry(&*entry);
                if let Some(path) = &history {
                    let _ = editor.append_history(path);
                }
                let sent = wire::write_entry(&mut evaluator, &entry);
                if sent.and_then(|()| wire::read_done(&mut evaluator)).is_err() {
                    return process::end_of(process);
                }
            }
            Some(Err(ReadlineError::Interrupted)) => {}
            // The end of the input, or of the terminal, or of the evaluator.
            Some(Err(_)) | None => {
                drop(evaluator);
                return process::end_of(process);
            }
        }
    }
}

fn editor() -> rustyline::Result<Editor<Entry, DefaultHistory>> {
    let config = Config::builder().history_ignore_space(true).max_history_size(MOST_HISTORY)?.build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Entry));
    for key in [KeyEvent(KeyCode::Enter, Modifiers::NONE), KeyEvent::ctrl('J')] {
        editor.bind_sequence(key, EventHandler::Conditional(Box::new(Entry)));
    }
    Ok(editor)
}

fn without_pads(line: &str) -> String {
    line.replace(&format!("\n{PAD}"), "\n")
}

/// Knows when an entry is whole.
struct Entry;

impl ConditionalEventHandler for Entry {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let more = syntax::is_incomplete(&without_pads(context.line()));
        Some(if more { Cmd::Insert(1, format!("\n{PAD}")) } else { Cmd::AcceptLine })
    }
}

impl Validator for Entry {
    // Terminals that cannot edit send their lines past the key bindings.
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let more = syntax::is_incomplete(&without_pads(context.input()));
        Ok(if more { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Highlighter for Entry {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match line.contains(PAD) {
            true => Cow::Owned(line.replace(&format!("\n{PAD}"), &format!("\n{MORE}"))),
            false => Cow::Borrowed(line),
        }
    }
}

impl Completer for Entry {
    type Candidate = String;
}

impl Hinter for Entry {
    type Hint = String;
}

impl Helper for Entry {}
