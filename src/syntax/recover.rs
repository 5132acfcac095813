//! After a failed parse: finds the place of every error, statement by statement.

use super::diagnose;
use super::errors::MOST;
use super::parser::{Grammar, Rule};
use super::tokens::{Kind, Token, Tokens};
use crate::diagnostics::Diagnostic;
use crate::source::FileId;
use pest::Parser;
use pest::error::{Error, InputLocation};
use std::sync::Mutex;

/// A token with what is open behind it.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub token: Token,
    /// How many brackets.
    pub depth: usize,
    /// Whether that is where statements stand.
    pub holds: bool,
    /// Whether it ends a statement.
    pub ends: bool,
}

/// The tokens of a text, without the newlines that end no statement. The last one is the end of the text.
pub(super) fn tokens(text: &str, blanked: &str) -> Vec<Placed> {
    let mut tokens = Tokens::new(text);
    let mut out = Vec::new();
    loop {
        let token = tokens.next();
        if token.kind == Kind::Newline && blanked.as_bytes()[token.start as usize] != b'\n' {
            continue;
        }
        let holds = tokens.open.last().is_none_or(super::tokens::Opened::holds_statements);
        let ends = holds && (token.kind == Kind::Newline || token.text(text) == ";");
        out.push(Placed { token, depth: tokens.open.len(), holds, ends });
        if token.kind == Kind::End {
            return out;
        }
    }
}

/// Serialises the use of pest's switch for detailed errors, which is global.
static DETAIL: Mutex<()> = Mutex::new(());

fn position(error: &Error<Rule>) -> usize {
    let place = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((at, _)) => at,
    };
    place.max(error.parse_attempts().map_or(0, |attempts| attempts.max_position))
}

/// Where the parse of a text gets no further.
fn furthest(text: &str) -> Option<usize> {
    let _guard = DETAIL.lock();
    pest::set_error_detail(true);
    let failed = Grammar::parse(Rule::script, text).err().map(|error| position(&error));
    pest::set_error_detail(false);
    failed
}

/// The errors of a text that does not parse; `first` is what the parser said.
pub(super) fn errors(file: FileId, text: &str, blanked: &str, first: &Error<Rule>) -> Vec<Diagnostic> {
    let tokens = tokens(text, blanked);
    let mut work = blanked.to_owned();
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut failed = Some(position(first));
    let mut from = 0;
    while let Some(at) = failed {
        let (start, end) = statement(&tokens, token_at(&tokens, from + at), 0);
        let start = start.max(from);
        if end <= start {
            found.push(diagnose::diagnose(file, text, &tokens, token_at(&tokens, from + at)));
            break;
        }
        // Each error takes its own statement out of the text; then the rest of the one at top level is tried again.
        let mut last = None;
        while let Some(at) = furthest(&work[start..end]) {
            let index = token_at(&tokens, start + at);
            if found.len() >= MOST {
                return found;
            }
            let (inner_start, inner_end) = statement(&tokens, index, usize::MAX);
            let (inner_start, inner_end) = (inner_start.max(start), inner_end.min(end));
            let empty = inner_start >= inner_end || work[inner_start..inner_end].trim().is_empty();
            if empty || last == Some(index) {
                if last.is_none() {
                    found.push(diagnose::diagnose(file, text, &tokens, index));
                }
                break;
            }
            found.push(diagnose::diagnose(file, text, &tokens, index));
            last = Some(index);
            blank(&mut work, inner_start, inner_end);
        }
        from = end;
        failed = Grammar::parse(Rule::script, &work[from..]).err().map(|error| position(&error));
    }
    if found.is_empty() {
        found.push(diagnose::diagnose(file, text, &tokens, token_at(&tokens, position(first))));
    }
    found
}

fn blank(text: &mut String, start: usize, end: usize) {
    text.replace_range(start..end, &" ".repeat(end - start));
}

/// The token at this byte, or the first one behind it.
fn token_at(tokens: &[Placed], at: usize) -> usize {
    tokens.partition_point(|placed| placed.token.end as usize <= at).min(tokens.len() - 1)
}

/// The bytes of the innermost statement around a token that stands in no more than `depth` brackets.
pub(super) fn statement(tokens: &[Placed], index: usize, depth: usize) -> (usize, usize) {
    let first = first_of_statement(tokens, index, depth);
    let level = first.checked_sub(1).map_or(0, |before| tokens[before].depth);
    let ends = |placed: &&Placed| (placed.ends && placed.depth == level) || placed.depth < level;
    let end = tokens[index..].iter().find(ends).or(tokens.last());
    (tokens[first].token.start as usize, end.map_or(0, |placed| placed.token.start as usize))
}

/// The first token of that statement.
pub(super) fn first_of_statement(tokens: &[Placed], index: usize, depth: usize) -> usize {
    let mut level = index.checked_sub(1).map_or(0, |before| tokens[before].depth);
    for first in (1..=index).rev() {
        let before = &tokens[first - 1];
        level = level.min(before.depth);
        let opened = first.checked_sub(2).map_or(0, |outer| tokens[outer].depth) < before.depth;
        if before.depth == level && level <= depth && before.holds && (before.ends || opened) {
            return first;
        }
    }
    0
}
