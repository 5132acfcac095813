//! The session on pipes: entries from standard input line by line, without prompts and colours.

use super::{process, session::Session};
use crate::syntax;

/// Runs a session over standard input. Entries and `input()` take lines from the same reader, in turn.
pub fn run(mut session: Session) -> u8 {
    process::catch_interrupts();
    let mut entry = String::new();
    loop {
        let line = match session.read_line() {
            Ok(line) => line,
            Err(None) => {
                entry.clear();
                continue;
            }
            Err(Some(status)) => return status,
        };
        match &line {
            Some(line) => {
                entry += line;
                entry.push('\n');
                if syntax::is_incomplete(&entry) {
                    continue;
                }
            }
            None if entry.is_empty() => return session.finish(),
            None => {}
        }
        if let Some(status) = session.entry(&std::mem::take(&mut entry)) {
            return status;
        }
    }
}
