//! One JSON object per line, for programs.

use super::{Diagnostic, place::resolve};
use crate::source::Sources;
use serde::Serialize;
use std::io::{self, Write};

/// The whole message. The names of the fields are part of the command line's interface.
#[derive(Serialize)]
struct Message<'a> {
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    spans: Vec<Span<'a>>,
    notes: &'a [String],
    helps: &'a [String],
}

/// A label. Lines and columns count from 1, columns in characters; the end is one past the last character.
#[derive(Serialize)]
struct Span<'a> {
    file: &'a str,
    byte_start: usize,
    byte_end: usize,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: &'a str,
    primary: bool,
}

/// Writes the object and a line end.
pub(super) fn write(out: &mut dyn Write, diagnostic: &Diagnostic, sources: &Sources) -> io::Result<()> {
    let spans = diagnostic.labels.iter().enumerate().filter_map(|(index, label)| {
        let at = resolve(label.place, sources)?;
        let (end_line, end_column) = sources.position(at.file, at.end as u32);
        Some(Span {
            file: &sources.get(at.file).name,
            byte_start: at.start,
            byte_end: at.end,
            line: at.line,
            column: at.column,
            end_line,
            end_column,
            label: &label.text,
            primary: index == 0,
        })
    });
    let message = Message {
        severity: diagnostic.severity.word(),
        code: diagnostic.code,
        message: &diagnostic.message,
        spans: spans.collect(),
        notes: &diagnostic.notes,
        helps: &diagnostic.helps,
    };
    let mut line = serde_json::to_vec(&message)?;
    line.push(b'\n');
    out.write_all(&line)
}
