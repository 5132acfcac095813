//! What is told to the user about a script: errors and warnings, with their places.

use crate::source::{Place, Sources};
use std::ffi::OsString;
use std::io::{self, Write};

pub mod codes;
mod excerpt;
mod fancy;
mod json;
mod place;
mod short;
mod text;

/// How grave a diagnostic is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The script does not run, or stopped.
    Error,
    /// The script runs.
    Warning,
}

impl Severity {
    /// How messages call it.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    /// The escape sequence that turns its colour on.
    fn ansi(self) -> &'static str {
        match self {
            Severity::Error => "\x1b[1;31m",
            Severity::Warning => "\x1b[1;33m",
        }
    }
}

/// How diagnostics are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people: with the lines of the script.
    #[default]
    Fancy,
    /// One line each.
    Short,
    /// One JSON object per line.
    Json,
}

/// Writes one diagnostic.
pub fn write(
    out: &mut dyn Write,
    diagnostic: &Diagnostic,
    sources: &Sources,
    format: Format,
    colour: bool,
) -> io::Result<()> {
    match format {
        Format::Fancy => fancy::write(out, diagnostic, sources, colour),
        Format::Short => short::write(out, diagnostic, sources, colour),
        Format::Json => json::write(out, diagnostic, sources),
    }
}

/// Whether to colour what goes to a file descriptor: the usual variables decide, then whether it is a terminal.
pub fn use_colour(fd_is_terminal: bool) -> bool {
    colour_by(|name| std::env::var_os(name), fd_is_terminal)
}

fn colour_by(variable: impl Fn(&str) -> Option<OsString>, fd_is_terminal: bool) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let forced = |name: &str| set(name) && variable(name).is_some_and(|value| value != "0");
    if set("NO_COLOR") {
        false
    } else if forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") {
        true
    } else if variable("TERM").is_some_and(|term| term == "dumb") || variable("CLICOLOR").is_some_and(|v| v == "0") {
        false
    } else {
        fd_is_terminal
    }
}

/// A place with a few words on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there; may be empty.
    pub text: String,
}

/// One message to the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// `E0xxx` before running, `R0xxx` at run time, `W0xxx` for warnings.
    pub code: &'static str,
    /// One line that says what is wrong.
    pub message: String,
    /// The first label is the place that file:line:column names. May be empty where there is no place.
    pub labels: Vec<Label>,
    /// Facts that explain.
    pub notes: Vec<String>,
    /// Ways out.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// An error with one label.
    pub fn error(code: &'static str, message: impl Into<String>, place: Place, label: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            labels: vec![Label { place, text: label.into() }],
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// A warning with one label.
    pub fn warning(
        code: &'static str,
        message: impl Into<String>,
        place: Place,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message, place, label) }
    }

    /// Adds a further place.
    pub fn label(mut self, place: Place, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { place, text: text.into() });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Adds a way out.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.helps.push(text.into());
        self
    }
}

#[cfg(test)]
mod tests;
