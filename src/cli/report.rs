//! Showing diagnostics and uncaught errors.

use crate::diagnostics::{self, Diagnostic, Format, Label, Severity};
use crate::escape::escaped;
use crate::proc::tell::Warning;
use crate::source::{FileId, Place, Sources};
use crate::vm::fault::{Kind, MAX_TRACE};
use crate::vm::value::{ErrorValue, Value};
use std::io::{IsTerminal, Write};
use std::rc::Rc;

/// How many steps of a trace are shown as places; the rest is counted.
const SHOWN_STEPS: usize = 6;

/// Name and line starts of every text.
pub fn line_starts(sources: &Sources) -> Vec<(Rc<str>, Vec<u32>)> {
    sources.iter().map(|source| (source.name.clone(), source.line_starts().to_vec())).collect()
}

/// Writes diagnostics to standard error.
#[derive(Clone, Copy)]
pub struct Reporter {
    format: Format,
    colour: bool,
}

impl Reporter {
    /// A reporter in this format, with colour as the terminal and the environment want it.
    pub fn new(format: Format) -> Reporter {
        Reporter { format, colour: diagnostics::use_colour(std::io::stderr().is_terminal()) }
    }

    /// The text of some diagnostics.
    pub fn text(&self, diagnostics: &[Diagnostic], sources: &Sources) -> Vec<u8> {
        let mut text = Vec::new();
        for diagnostic in diagnostics {
            // Writing to memory does not fail.
            let _ = diagnostics::write(&mut text, diagnostic, sources, self.format, self.colour);
        }
        text
    }

    /// Shows some diagnostics.
    pub fn show(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        // Nobody can be told when standard error is closed.
        let _ = std::io::stderr().write_all(&self.text(diagnostics, sources));
    }
}

/// An error that nobody caught, as a diagnostic.
pub fn fault_diagnostic(error: &ErrorValue) -> Diagnostic {
    let kind = error.kind.as_str().unwrap_or("user");
    let message = error.message.as_str().unwrap_or_default();
    let mut diagnostic = Diagnostic {
        severity: Severity::Error,
        code: Kind::code(kind),
        message: if kind == Kind::User.name() { message.to_string() } else { format!("{kind}: {message}") },
        labels: Vec::new(),
        notes: Vec::new(),
        helps: error.help.iter().map(|help| help.to_string()).collect(),
    };
    let (mut hidden, mut calls) = (0, 0);
    for (at, site) in error.trace.iter().enumerate() {
        calls += usize::from(!site.spawn);
        if at >= SHOWN_STEPS && !site.spawn {
            hidden += 1;
            continue;
        }
        let text = match (at, &*site.function) {
            _ if site.spawn => "spawned here".to_string(),
            (0, "") => "raised here".to_string(),
            (0, function) => format!("raised here, in `{function}`"),
            (_, "") => "called here".to_string(),
            (_, function) => format!("called here, in `{function}`"),
        };
        // One place may be passed many times, as in a recursion.
        if !diagnostic.labels.iter().any(|label| label.place == site.place) {
            diagnostic.labels.push(Label { place: site.place, text });
        }
    }
    for site in &error.related {
        diagnostic.labels.push(Label { place: site.place, text: site.function.to_string() });
    }
    if hidden > 0 && calls >= MAX_TRACE {
        diagnostic.notes.push("and many calls further out".to_string());
    } else if hidden > 0 {
        diagnostic.notes.push(format!("and {hidden} call{} further out", if hidden == 1 { "" } else { "s" }));
    }
    if let Some(id) = error.process.as_str() {
        let name = error.process_name.as_str().map_or(String::new(), |name| format!(" {}", escaped(name)));
        diagnostic.notes.push(format!("raised in process {id}{name}"));
    }
    if let Value::Error(cause) = &error.cause {
        let kind = cause.kind.as_str().unwrap_or_default();
        diagnostic.notes.push(format!("caused by {kind}: {}", cause.message.as_str().unwrap_or_default()));
    }
    diagnostic
}

/// A warning of a run, as a diagnostic.
pub fn warning_diagnostic(warning: &Warning) -> Diagnostic {
    let label = |(place, text): &(Place, String)| Label { place: *place, text: text.clone() };
    Diagnostic {
        severity: Severity::Warning,
        code: warning.code,
        message: warning.message.clone(),
        labels: warning.labels.iter().map(label).collect(),
        notes: Vec::new(),
        helps: warning.help.iter().cloned().collect(),
    }
}

/// A place in a sentence: `line 12`, with the text it stands in unless that is `main`.
pub fn line(sources: &Sources, place: Place, main: FileId) -> String {
    let (line, _) = sources.position(place.file, place.span.start);
    if place.file == main { format!("line {line}") } else { format!("line {line} of {}", sources.get(place.file).name) }
}
