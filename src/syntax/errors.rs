//! What the scan found wrong, as diagnostics.

use super::codes;
use super::scan::Scan;
use super::tokens::{Fault, Opened};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Place, Span};

/// How many errors are reported at most.
pub(super) const MOST: usize = 10;

/// Something nests deeper than the parser allows.
pub(super) fn too_deep(file: FileId, span: Span) -> Diagnostic {
    let message = format!("nested deeper than {} levels", super::MAX_NESTING);
    let help =
        "brackets, blocks, chains of calls and of operators such as `**` nest; give parts of it a name with `let`";
    // The start of it is enough: what nests may be long.
    let span = Span { end: span.end.min(span.start + 1), ..span };
    Diagnostic::error(codes::NESTING, message, Place { file, span }, "too deep from here").help(help)
}

/// Sorts errors by their place and keeps the first ones.
pub(super) fn first_ones(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    errors.sort_by_key(|error| error.labels.first().map_or(0, |label| label.place.span.start));
    errors.truncate(MOST);
    errors
}

/// The errors of a scan; empty when the text can be parsed.
pub(super) fn of_scan(file: FileId, text: &str, scan: &Scan) -> Vec<Diagnostic> {
    if let Some(span) = scan.too_deep {
        return vec![too_deep(file, span)];
    }
    let writer = Writer { file, text, suspect: scan.suspect };
    let mut errors = Vec::new();
    // A string or bracket that does not close shifts what the brackets behind it mean.
    let mut shifted = false;
    let mut text_end = None;
    for fault in &scan.faults {
        if let Fault::UnclosedText { start, end, .. } = *fault {
            // The next line probably ends the string that was begun on this one.
            let line = text_end.replace(end).map(|end: u32| &text[end as usize..start as usize]);
            if line.is_some_and(|between| between.matches('\n').count() == 1) {
                continue;
            }
        }
        let bracket = matches!(fault, Fault::Mismatch { .. } | Fault::Unexpected { .. });
        if bracket && shifted {
            continue;
        }
        shifted |= bracket || matches!(fault, Fault::UnclosedText { .. } | Fault::UnclosedHole { .. });
        errors.push(writer.fault(fault));
        if matches!(fault, Fault::CommentInHole { .. }) {
            // It hides the rest of the string.
            return first_ones(errors);
        }
    }
    if let Some((last, outer)) = scan.open.split_last().filter(|_| !shifted) {
        errors.push(writer.open_at_end(last, outer));
    }
    first_ones(errors)
}

struct Writer<'a> {
    file: FileId,
    text: &'a str,
    suspect: Option<(u32, u32)>,
}

impl Writer<'_> {
    fn place(&self, start: u32, end: u32) -> Place {
        Place { file: self.file, span: Span { start, end } }
    }

    fn byte(&self, at: u32) -> Place {
        self.place(at, at + 1)
    }

    fn error(&self, code: &'static str, message: impl Into<String>, place: Place, label: &str) -> Diagnostic {
        Diagnostic::error(code, message, place, label)
    }

    fn fault(&self, fault: &Fault) -> Diagnostic {
        match *fault {
            Fault::UnclosedText { start, end, triple } => self.unclosed_text(start, end, triple),
            Fault::Mismatch { opened, at } => {
                let (open, close) = (opened.written(), closing(opened.written()));
                let found = &self.text[at as usize..at as usize + 1];
                let message = format!("unclosed `{open}`");
                let error = self
                    .error(codes::BRACKET, message, self.byte(opened.at), "opened here")
                    .label(self.byte(at), format!("expected `{close}` before this `{found}`"));
                self.suspicion(error, opened.at)
            }
            Fault::Unexpected { at } => {
                let found = &self.text[at as usize..at as usize + 1];
                let message = format!("unexpected `{found}`");
                let error = self.error(codes::BRACKET, message, self.byte(at), "nothing is open that it could close");
                error.help("remove it, or look for the opening bracket that is missing before it")
            }
            Fault::LoneBrace { at } => self
                .error(codes::BRACKET, "single `}` in an f-string", self.byte(at), "no `{` opened it")
                .help("write `}}` for a brace in the text"),
            Fault::CommentInHole { at } => self
                .error(codes::UNEXPECTED, "a comment inside `{ }` of an f-string", self.byte(at), "starts here")
                .help("put the comment outside the string"),
            Fault::UnclosedHole { at } => self
                .error(codes::BRACKET, "unclosed `{` in an f-string", self.byte(at), "opened here")
                .help("close it with `}` before the string ends; write `{{` for a brace in the text"),
            Fault::Prefix { start, end } => {
                let prefix = &self.text[start as usize..end as usize];
                let message = format!("`{prefix}` is no prefix of a string");
                let help = match prefix.to_ascii_lowercase().as_str() {
                    "u" => "every string is Unicode: leave it out".to_owned(),
                    "fr" => "write `rf`".to_owned(),
                    "br" | "rb" => "bytes have no raw form: write `b` and `\\\\` for a backslash".to_owned(),
                    lower if matches!(lower, "f" | "r" | "b" | "rf") => format!("write `{lower}`"),
                    _ => "the prefixes are `f`, `r`, `b` and `rf`".to_owned(),
                };
                self.error(codes::ESCAPE, message, self.place(start, end), "before a quote").help(help)
            }
            Fault::Control { at, found } => {
                let name = match found {
                    '\0' => "NUL (U+0000)".to_owned(),
                    '\r' => "carriage return (U+000D) without a line feed".to_owned(),
                    '\u{c}' => "form feed (U+000C)".to_owned(),
                    '\u{1b}' => "escape (U+001B)".to_owned(),
                    _ => format!("U+{:04X}", found as u32),
                };
                let place = self.place(at, at + found.len_utf8() as u32);
                let message = format!("control character {name} in the script");
                self.error(codes::CHARACTER, message, place, "cannot stand here")
                    .help("remove it; in a string write it as an escape such as `\\0` or `\\x1b`")
            }
        }
    }

    fn unclosed_text(&self, start: u32, end: u32, triple: bool) -> Diagnostic {
        let written = &self.text[start as usize..end as usize];
        let prefix = written.find(['"', '\'']).unwrap_or(0);
        let quote = &written[prefix..prefix + if triple { 3 } else { 1 }];
        let place = self.place(start, start + (prefix + quote.len()) as u32);
        let error = self.error(codes::TEXT, "unclosed string", place, "starts here");
        if triple {
            return error.label(self.place(end, end), format!("the text ends without `{quote}`"));
        }
        let error = error.label(self.place(end, end), format!("the line ends without `{quote}`"));
        // `'don't'`: letters stand before the quote that was meant to end the string.
        let letters = &written[..prefix];
        if quote == "'" && !matches!(letters, "" | "f" | "r" | "b" | "rf") {
            error.help("for an apostrophe in the text use the other quotes: `\"don't\"`")
        } else {
            error.help("a text over several lines stands between `\"\"\"`")
        }
    }

    fn open_at_end(&self, last: &Opened, outer: &[Opened]) -> Diagnostic {
        let open = last.written();
        let end = self.text.len() as u32;
        let message =
            if last.is_hole() { "unclosed `{` in an f-string".to_owned() } else { format!("unclosed `{open}`") };
        let label = format!("`{}` is missing before the end of the text", closing(open));
        let mut error =
            self.error(codes::BRACKET, message, self.byte(last.at), "opened here").label(self.place(end, end), label);
        for opened in outer.iter().rev().take(3) {
            error = error.label(self.byte(opened.at), format!("this `{}` is open too", opened.written()));
        }
        self.suspicion(error, last.at)
    }

    /// Points at the block whose `}` stands too far left.
    fn suspicion(&self, error: Diagnostic, reported: u32) -> Diagnostic {
        match self.suspect {
            Some((open, close)) if open != reported => error
                .label(self.byte(open), "probably this `{` is the one that is not closed")
                .label(self.byte(close), "it ends at this `}`, which stands further left"),
            _ => error,
        }
    }
}

fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}
