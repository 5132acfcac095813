//! Text to tree.

pub mod ast;
mod codes;
mod diagnose;
mod errors;
mod foreign;
mod literals;
mod operators;
mod parser;
mod parser_construct;
mod parser_expr;
mod parser_select;
mod recover;
mod scan;
#[cfg(test)]
mod tests;
mod tokens;

use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Place, Span};
use ast::Script;
pub use foreign::foreign_word;
use parser::{Builder, Grammar, Rule};
use pest::Parser;

/// How deep brackets, blocks and what reaches to the end of a statement may nest.
pub const MAX_NESTING: usize = 500;

/// Stack for the parser and for what walks a tree; pages of it that are not touched cost nothing.
pub const STACK: usize = 256 << 20;

/// The parser reads statements of so many bytes at a time: it keeps forty times as much about what it reads.
const STRETCH: usize = 16 << 10;

/// The message about a `try` block alone, which more text could complete.
const TRY_ALONE: &str = "`try` needs `catch`, `finally` or `else`";

/// The words that are no names.
pub const KEYWORDS: [&str; 33] = [
    "and", "as", "break", "catch", "continue", "else", "false", "finally", "fn", "for", "from", "if", "import", "in",
    "inf", "is", "let", "loop", "match", "nan", "not", "null", "or", "return", "scope", "select", "spawn", "throw",
    "true", "try", "var", "while", "with",
];

/// Whether a word is a keyword.
pub fn is_keyword(word: &str) -> bool {
    (2..=8).contains(&word.len()) && KEYWORDS.binary_search(&word).is_ok()
}

/// Runs `walk` with room for trees of any depth that the parser lets through.
pub fn with_stack<T>(walk: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK / 2, STACK, walk)
}

/// The tree of a text, or what is wrong with it: up to ten errors, in order.
pub fn parse(file: FileId, text: &str) -> Result<Script, Vec<Diagnostic>> {
    parse_by(STRETCH, file, text)
}

/// The same, with stretches of that many bytes at least.
fn parse_by(stretch: usize, file: FileId, text: &str) -> Result<Script, Vec<Diagnostic>> {
    if u32::try_from(text.len()).is_err() {
        let place = Place { file, span: Span::default() };
        let error = Diagnostic::error(codes::NESTING, "the text is larger than 4 GiB", place, "starts here");
        return Err(vec![error.help("read large data from a file at run time")]);
    }
    let scan = scan::scan(text, stretch);
    let faults = errors::of_scan(file, text, &scan);
    if !faults.is_empty() {
        return Err(faults);
    }
    let result = with_stack(|| tree(file, text, &scan, &scan.cuts));
    result.map_err(errors::first_ones)
}

/// The tree of a text that is parsed in stretches, which end at the cuts.
fn tree(file: FileId, text: &str, scan: &scan::Scan, cuts: &[usize]) -> Result<Script, Vec<Diagnostic>> {
    let mut builder = Builder::new(file, text, &scan.docs);
    let mut stmts = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([scan.text.len()]) {
        match Grammar::parse(Rule::script, &scan.text[start..end]) {
            Ok(pairs) => builder.stretch(start, pairs, &mut stmts),
            // What is wrong is told about the text as a whole.
            Err(_) if !cuts.is_empty() => return tree(file, text, scan, &[]),
            Err(error) => return Err(recover::errors(file, text, &scan.text, &error)),
        }
        start = end;
    }
    let body = ast::Block { stmts, span: Span::new(0, text.len()) };
    if builder.errors.is_empty() { Ok(Script { body }) } else { Err(builder.errors) }
}

/// Whether more lines could complete this text: an open bracket, block or string, an operator at its end.
pub fn is_incomplete(text: &str) -> bool {
    let scan = scan::scan(text, STRETCH);
    let broken = scan.faults.iter().any(|fault| !matches!(fault, tokens::Fault::UnclosedText { triple: true, .. }));
    if scan.too_deep.is_some() || (broken && !scan.open_text) {
        return false;
    }
    scan.incomplete
        || match parse(FileId::default(), text) {
            Ok(_) => false,
            Err(errors) => errors.iter().all(|error| error.message == TRY_ALONE),
        }
}
