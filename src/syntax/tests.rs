//! Tests of the parser.

mod messages;
mod print;
mod robust;
mod trees;

use super::*;

/// The tree of a text as an s-expression.
fn tree(text: &str) -> String {
    match parse(FileId::default(), text) {
        Ok(script) => with_stack(|| print::script(&script)),
        Err(errors) => panic!("{text:?} does not parse: {}", show(text, &errors)),
    }
}

/// Errors as lines of code, place, message, labels, helps.
fn show(text: &str, errors: &[Diagnostic]) -> String {
    let place = |at: u32| {
        let before = &text[..at as usize];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("{line}:{column}")
    };
    let mut out = String::new();
    for error in errors {
        out += &format!("{} {}", error.code, error.message);
        for label in &error.labels {
            let written = &text[label.place.span.start as usize..label.place.span.end as usize];
            out += &format!(" | {} {written:?} {}", place(label.place.span.start), label.text);
        }
        for help in &error.helps {
            out += &format!(" | help: {help}");
        }
        out += "\n";
    }
    out
}

/// All errors of a text, one a line.
fn errors(text: &str) -> String {
    match parse(FileId::default(), text) {
        Ok(script) => panic!("{text:?} parses: {}", print::script(&script)),
        Err(errors) => show(text, &errors),
    }
}
