//! What is said about a text that cannot be parsed.

use super::codes;
use super::parser::Rule;
use super::scan::Scan;
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Place, Span};

/// How many errors are reported at most.
pub(super) const MOST: usize = 10;

pub(super) fn too_deep(file: FileId, span: Span) -> Diagnostic {
    let message = format!("nested deeper than {} levels", super::MAX_NESTING);
    Diagnostic::error(codes::NESTING, message, Place { file, span }, "here")
}
pub(super) fn of_scan(file: FileId, text: &str, scan: &Scan) -> Vec<Diagnostic> {
    Vec::new()
}
pub(super) fn of_parse(file: FileId, text: &str, blanked: &str, error: pest::error::Error<Rule>) -> Vec<Diagnostic> {
    vec![Diagnostic::error(codes::UNEXPECTED, format!("{error}"), Place { file, span: Span::new(0, 0) }, "here")]
}
