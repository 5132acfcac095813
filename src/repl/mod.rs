//! The interactive session. On a terminal two processes: the editor, which reads entries with rustyline and never
//! forks after start, and the evaluator, its child, which runs them. On pipes one process does both.

mod editor;
mod history;
mod plain;
mod process;
mod session;
mod wire;

use crate::diagnostics::Format;
use session::Session;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Runs a session to its end and gives the exit status of this process.
pub fn run(format: Format, args: Vec<String>) -> u8 {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return plain::run(Session::new(format, args));
    }
    let Ok((here, there)) = UnixStream::pair() else { return plain::run(Session::new(format, args)) };
    match process::fork_evaluator() {
        Some(process::Side::Editor(evaluator)) => {
            drop(there);
            editor::run(here, evaluator)
        }
        Some(process::Side::Evaluator) => {
            drop(here);
            evaluate(Session::new(format, args), there)
        }
        None => plain::run(Session::new(format, args)),
    }
}

/// Runs the entries that the editor sends, until it sends no more.
fn evaluate(mut session: Session, mut editor: UnixStream) -> u8 {
    loop {
        if let Some(status) = session.wait_for(editor.as_fd()) {
            return status;
        }
        // A broken connection is an editor that ended.
        let Ok(Some(entry)) = wire::read_entry(&mut editor) else { return session.finish() };
        if let Some(status) = session.entry(&entry) {
            return status;
        }
        if wire::write_done(&mut editor).is_err() {
            return session.finish();
        }
    }
}
