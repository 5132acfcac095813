//! The scan before parsing: which newlines end a statement, whether brackets and strings close, how deep they nest.

use super::MAX_NESTING;
use super::tokens::{Fault, Kind, Opened, Token, Tokens};
use crate::source::Span;
use std::rc::Rc;

/// What the scan found.
pub(super) struct Scan {
    /// The text with comments, and newlines that end no statement, turned into blanks. Offsets are those of the text.
    pub text: String,
    /// Newlines between statements at top level, a stretch of so many bytes or a little more apart.
    pub cuts: Vec<usize>,
    /// The `##` lines above a statement, with the place where it starts, in order.
    pub docs: Vec<(u32, Rc<str>)>,
    /// What is wrong with characters and strings.
    pub faults: Vec<Fault>,
    /// Brackets that are open at the end.
    pub open: Vec<Opened>,
    /// The `{` that probably is the one not closed, and the `}` that stands further left.
    pub suspect: Option<(u32, u32)>,
    /// The bracket or word that nests deeper than [`MAX_NESTING`]; nothing behind it was looked at.
    pub too_deep: Option<Span>,
    /// More text could complete what stands here: an open bracket or string, an operator at the end.
    pub incomplete: bool,
    /// A string that is open at the end and that more lines could close.
    pub open_text: bool,
}

/// Words that take what follows into a tree below them, to the end of the statement.
fn reaches_far(word: &str) -> bool {
    matches!(word, "try" | "throw" | "return" | "spawn" | "if" | "while" | "for" | "match" | "with" | "fn" | "catch")
}

/// Whether a line that ends in this operator goes on.
fn op_goes_on(op: &str) -> bool {
    !matches!(op, ";" | ":" | "..." | "." | "?." | "?" | "!" | "++" | "--" | "->" | "::")
}

fn word_goes_on(word: &str) -> bool {
    matches!(word, "and" | "or" | "in" | "not" | "is")
}

/// Whether a line that starts with this token goes on with the line before.
fn continues(token: Token, text: &str) -> bool {
    let written = token.text(text);
    let rest = &text[token.end as usize..];
    match token.kind {
        Kind::Word => match written {
            "else" => !rest.trim_start_matches([' ', '\t']).starts_with("=>"),
            "catch" | "finally" => true,
            _ => false,
        },
        Kind::Op if written == "." => rest.chars().next().is_some_and(super::tokens::is_word_start),
        Kind::Op => matches!(written, "?." | "|>"),
        Kind::Open => written == "?[",
        _ => false,
    }
}

/// What the scan remembers of the last token.
#[derive(Default)]
struct Last {
    /// A line that ends here goes on.
    goes_on: bool,
    /// A value may end here, so that `|` is an operator.
    value: bool,
    /// `.` or `?.`: the next word is a plain name.
    dot: bool,
    /// `else`: an `if` behind it does not nest.
    is_else: bool,
}

/// What stands between two brackets, or in the whole text.
#[derive(Clone, Default)]
struct Level {
    /// Words such as `try` and closures since the last statement, each of which reaches to the end of it.
    words: usize,
    /// Between the two bars of a closure's parameters.
    bars: bool,
}

/// Looks through a text, which is cut into stretches of that many bytes at least.
pub(super) fn scan(text: &str, stretch: usize) -> Scan {
    let mut tokens = Tokens::new(text);
    let mut blanked = text.as_bytes().to_vec();
    let mut docs = Docs::default();
    let mut last = Last::default();
    // Newlines since the last token that may end a statement.
    let mut newlines: Vec<usize> = Vec::new();
    let mut cuts = Vec::new();
    let mut too_deep = None;
    let mut levels = vec![Level::default()];
    let mut words = 0;
    loop {
        let first_comment = tokens.comments.len();
        let token = tokens.next();
        for comment in &tokens.comments[first_comment..] {
            docs.comment(*comment, text);
            blanked[comment.start as usize..comment.end as usize].fill(b' ');
        }
        if token.kind == Kind::Newline {
            let at = token.start as usize;
            if at > 0 && blanked[at - 1] == b'\r' {
                blanked[at - 1] = b' ';
            }
            if tokens.open.last().is_none_or(Opened::holds_statements) {
                newlines.push(at);
            } else {
                blanked[at] = b' ';
            }
            docs.newline();
            continue;
        }
        let joined = last.goes_on || continues(token, text);
        let ended = !newlines.is_empty() && !joined;
        if ended && levels.len() == 1 && newlines[0] - cuts.last().unwrap_or(&0) >= stretch {
            cuts.push(newlines[0]);
        }
        for at in newlines.drain(..) {
            if joined && token.kind != Kind::End {
                blanked[at] = b' ';
            }
        }
        if token.kind == Kind::End {
            break;
        }
        let written = token.text(text);
        docs.token(token, text);

        // A piece of an f-string between two holes closes one and opens the next.
        let outer = tokens.open.len() + 1 - usize::from(matches!(token.kind, Kind::Open | Kind::TextPart));
        while levels.len() > outer {
            words -= levels.pop().map_or(0, |level| level.words);
        }
        let here = &mut levels[outer - 1];
        if (ended && token.kind != Kind::Close) || matches!(written, "," | ";") {
            words -= here.words;
            here.words = 0;
        }
        let (next, deeper) = look(token, written, &last, &mut here.bars);
        here.words += deeper;
        words += deeper;
        last = next;
        levels.resize(tokens.open.len() + 1, Level::default());
        if tokens.open.len() + words > MAX_NESTING {
            too_deep = Some(token.span());
            break;
        }
    }
    Scan {
        text: String::from_utf8(blanked).unwrap_or_default(),
        cuts,
        docs: docs.found,
        incomplete: (!tokens.open.is_empty() || tokens.open_text || last.goes_on)
            && !tokens.open.iter().any(Opened::closes_on_line),
        open_text: tokens.open_text,
        faults: tokens.faults,
        open: tokens.open,
        suspect: tokens.suspect,
        too_deep,
    }
}

/// What the next token has to know of this one, and whether it takes what follows below it in the tree.
fn look(token: Token, written: &str, last: &Last, bars: &mut bool) -> (Last, usize) {
    let mut next = Last::default();
    let mut deeper = false;
    match token.kind {
        Kind::Word => {
            let keyword = !last.dot && super::is_keyword(written);
            next.goes_on = keyword && word_goes_on(written);
            next.value = !keyword || matches!(written, "null" | "true" | "false" | "inf" | "nan");
            next.is_else = keyword && written == "else";
            deeper = keyword && reaches_far(written) && !(written == "if" && last.is_else);
        }
        Kind::Number | Kind::Text | Kind::Close => next.value = true,
        Kind::Op => {
            next.goes_on = op_goes_on(written);
            next.dot = matches!(written, "." | "?.");
            if written == "|" && *bars {
                *bars = false;
            } else if written == "|" && !last.value {
                *bars = true;
                deeper = true;
            } else {
                deeper = written == "||";
            }
        }
        Kind::TextPart | Kind::Open | Kind::Other | Kind::Newline | Kind::End => {}
    }
    (next, usize::from(deeper))
}

/// Collects the `##` lines.
#[derive(Default)]
struct Docs {
    found: Vec<(u32, Rc<str>)>,
    /// The lines of the comment that is going on.
    lines: Vec<Span>,
    /// Whether something else stands on this line.
    busy: bool,
    /// Newlines since the last `##` line.
    newlines: u32,
}

impl Docs {
    fn newline(&mut self) {
        self.busy = false;
        self.newlines += 1;
        if self.newlines > 1 {
            self.lines.clear();
        }
    }

    fn comment(&mut self, comment: Span, text: &str) {
        let written = &text[comment.start as usize..comment.end as usize];
        if !self.busy && written.starts_with("##") && !written.starts_with("###") {
            if self.newlines > 1 {
                self.lines.clear();
            }
            self.lines.push(comment);
        }
        self.newlines = 0;
    }

    fn token(&mut self, token: Token, text: &str) {
        self.busy = true;
        if self.lines.is_empty() {
            return;
        }
        if self.newlines == 1 && matches!(token.text(text), "fn" | "let" | "var") {
            let line = |span: &Span| {
                let line = text[span.start as usize + 2..span.end as usize].trim_end();
                line.strip_prefix(' ').unwrap_or(line)
            };
            let doc = self.lines.iter().map(line).collect::<Vec<_>>().join("\n");
            self.found.push((token.start, doc.into()));
        }
        self.lines.clear();
    }
}
