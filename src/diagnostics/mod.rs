//! What is told to the user about a script: errors and warnings, with their places.

use crate::source::Place;

/// How grave a diagnostic is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The script does not run, or stopped.
    Error,
    /// The script runs.
    Warning,
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
