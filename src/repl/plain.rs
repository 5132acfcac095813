//! The session on pipes: entries from standard input line by line, without prompts and colours.

use super::session::{Line, Session};
use crate::syntax;

/// Runs a session over standard input. Entries and `input()` take lines from the same reader, in turn.
pub fn run(mut session: Session) -> u8 {
    let mut entry = String::new();
    loop {
        match session.read_line() {
            Line::Text(line) => {
                entry += &line;
                entry.push('\n');
                if syntax::is_incomplete(&entry) {
                    continue;
                }
            }
            Line::Interrupted => {
                entry.clear();
                continue;
            }
            Line::End if entry.is_empty() => return session.finish(),
            Line::End => {}
            Line::Leave(status) => return status,
        }
        if let Some(status) = session.entry(&std::mem::take(&mut entry)) {
            return status;
        }
    }
}
