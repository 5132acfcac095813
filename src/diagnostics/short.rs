//! One line per message, for editors, screen readers and `grep`: `file:line:col: error[E0203]: message`.

use super::{Diagnostic, place::resolve, text};
use crate::source::Sources;
use std::io::{self, Write};

/// Writes the message line, then one indented line for every further fact.
pub(super) fn write(out: &mut dyn Write, diagnostic: &Diagnostic, sources: &Sources, colour: bool) -> io::Result<()> {
    let places: Vec<_> = diagnostic.labels.iter().map(|label| located(label, sources)).collect();
    if let Some((Some(place), _)) = places.first() {
        write!(out, "{place}: ")?;
    }
    let (on, off) = if colour { (diagnostic.severity.ansi(), "\x1b[0m") } else { ("", "") };
    let (severity, code) = (diagnostic.severity.word(), diagnostic.code);
    writeln!(out, "{on}{severity}[{code}]{off}: {}", text::one_line(&diagnostic.message))?;
    for (place, text) in places.iter().filter(|(_, text)| !text.is_empty()) {
        match place {
            Some(place) => writeln!(out, "  {place}: {text}")?,
            None => writeln!(out, "  {text}")?,
        }
    }
    for note in &diagnostic.notes {
        writeln!(out, "  note: {}", text::one_line(note))?;
    }
    for help in &diagnostic.helps {
        writeln!(out, "  help: {}", text::one_line(help))?;
    }
    Ok(())
}

/// `file:line:col` of a label, where it has a text to stand in, and its words.
fn located(label: &super::Label, sources: &Sources) -> (Option<String>, String) {
    let place = resolve(label.place, sources).map(|at| {
        let name = text::one_line(&sources.get(at.file).name);
        format!("{name}:{}:{}", at.line, at.column)
    });
    (place, text::one_line(&label.text))
}
