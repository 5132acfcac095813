//! Splits a text into tokens, with the brackets and f-strings that are open. It never fails: what is wrong is noted.

use crate::source::Span;

/// The kinds of token, as far as newlines, brackets and messages need them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// A number or duration, well-formed or not.
    Number,
    /// A whole str or bytes, or the last piece of an f-string.
    Text,
    /// A piece of an f-string before a `{`.
    TextPart,
    /// `(` `[` `{` `?[`
    Open,
    /// `)` `]` `}`
    Close,
    /// An operator or punctuation.
    Op,
    /// The end of a line.
    Newline,
    /// A character with no meaning.
    Other,
    /// The end of the text.
    End,
}

/// A token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
}

impl Token {
    pub(super) fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }

    pub(super) fn text(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// How a string is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Style {
    start: u32,
    quote: u8,
    triple: bool,
    raw: bool,
    /// Inside the format spec of the hole that stands around.
    spec: bool,
}

/// What an open bracket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bracket {
    Plain(u8),
    /// `{` in an f-string.
    Hole(Style),
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    bracket: Bracket,
    /// Where it stands.
    pub at: u32,
    /// Start of its line.
    line: u32,
}

impl Opened {
    /// Whether a newline directly inside ends a statement.
    pub(super) fn holds_statements(&self) -> bool {
        self.bracket == Bracket::Plain(b'{')
    }

    /// The bracket as written.
    pub(super) fn written(&self) -> char {
        match self.bracket {
            Bracket::Plain(byte) => byte as char,
            Bracket::Hole(_) => '{',
        }
    }

    /// Whether it has to close on its line: a `{` in an f-string without triple quotes.
    pub(super) fn closes_on_line(&self) -> bool {
        matches!(self.bracket, Bracket::Hole(style) if !style.triple)
    }

    /// Whether it is a `{` in an f-string.
    pub(super) fn is_hole(&self) -> bool {
        matches!(self.bracket, Bracket::Hole(_))
    }
}

/// What the tokenizer found wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// A string that does not end: where it starts, where its line or the text ends, whether it has triple quotes.
    UnclosedText { start: u32, end: u32, triple: bool },
    /// A bracket closed by one of another kind.
    Mismatch { opened: Opened, at: u32 },
    /// A closing bracket that nothing opened.
    Unexpected { at: u32 },
    /// `}` alone in the text of an f-string.
    LoneBrace { at: u32 },
    /// `#` in a hole of an f-string.
    CommentInHole { at: u32 },
    /// A hole of an f-string that does not end on its line.
    UnclosedHole { at: u32 },
    /// Letters before a quote that are no prefix.
    Prefix { start: u32, end: u32 },
    /// A control character.
    Control { at: u32, found: char },
}

/// The tokenizer.
pub(super) struct Tokens<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: usize,
    /// The brackets that are open.
    pub open: Vec<Opened>,
    /// What was found wrong.
    pub faults: Vec<Fault>,
    /// The comments.
    pub comments: Vec<Span>,
    /// A `{` whose `}` stands further left than its line: probably it is the one that was not closed.
    pub suspect: Option<(u32, u32)>,
    /// An unclosed string that more text could close.
    pub open_text: bool,
}

const OPERATORS: [&str; 46] = [
    "...", "..=", "**=", "//=", "??=", "<<=", ">>=", "===", "!==", "..", "**", "//", "??", "?.", "<<", ">>", "<=",
    ">=", "==", "!=", "=>", "->", "|>", "||", "&&", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", ":=",
    "::", "<>", "+", "-", "*", "/", "%", "=", "<", ">",
];

pub(super) fn is_word_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && pest::unicode::XID_START(c))
}

pub(super) fn is_word_part(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && pest::unicode::XID_CONTINUE(c))
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Tokens<'a> {
        Tokens {
            text,
            bytes: text.as_bytes(),
            at: 0,
            line: 0,
            open: Vec::new(),
            faults: Vec::new(),
            comments: Vec::new(),
            suspect: None,
            open_text: false,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        Token { kind, start: start as u32, end: self.at as u32 }
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Token {
        self.skip_blanks();
        let start = self.at;
        let Some(&byte) = self.bytes.get(start) else { return self.token(Kind::End, start) };
        match byte {
            b'\n' => {
                self.at += 1;
                let token = self.token(Kind::Newline, start);
                self.close_line_holes();
                self.line = self.at;
                token
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'0'..=b'9' => self.number(),
            b'"' | b'\'' => self.string(start, false, false),
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.push(Bracket::Plain(byte), start);
                self.token(Kind::Open, start)
            }
            b')' | b']' | b'}' => self.close(byte),
            b':' if matches!(self.open.last(), Some(Opened { bracket: Bracket::Hole(_), .. })) => self.spec(),
            b'?' if self.peek(1) == b'[' => {
                self.at += 2;
                self.push(Bracket::Plain(b'['), start + 1);
                self.token(Kind::Open, start)
            }
            _ if byte.is_ascii() => {
                let rest = &self.bytes[start..];
                let found = OPERATORS.iter().find(|op| rest.starts_with(op.as_bytes()));
                self.at += found.map_or(1, |op| op.len());
                let known = found.is_some() || b"&|^~!?.,;:".contains(&byte);
                self.token(if known { Kind::Op } else { Kind::Other }, start)
            }
            _ => {
                let c = self.text[start..].chars().next().unwrap_or(' ');
                if is_word_start(c) {
                    return self.word();
                }
                self.at += c.len_utf8();
                if c.is_control() {
                    self.faults.push(Fault::Control { at: start as u32, found: c });
                }
                self.token(Kind::Other, start)
            }
        }
    }

    fn push(&mut self, bracket: Bracket, at: usize) {
        self.open.push(Opened { bracket, at: at as u32, line: self.line as u32 });
    }

    fn skip_blanks(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' => self.at += 1,
                b'\r' if self.peek(1) == b'\n' => self.at += 1,
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    if self.open.last().is_some_and(Opened::is_hole) {
                        self.faults.push(Fault::CommentInHole { at: self.at as u32 });
                    }
                    self.comments.push(Span::new(self.at, self.at + len));
                    self.controls(self.at, self.at + len);
                    self.at += len;
                }
                b'\n' => return,
                0..=0x1f | 0x7f => {
                    self.faults.push(Fault::Control { at: self.at as u32, found: byte as char });
                    self.at += 1;
                }
                _ => return,
            }
        }
    }

    /// Notes control characters in a comment; the `\r` of a line end is none.
    fn controls(&mut self, start: usize, end: usize) {
        let line_end = end - usize::from(end > start && self.bytes[end - 1] == b'\r' && end < self.bytes.len());
        for at in start..line_end {
            let byte = self.bytes[at];
            if (byte < 0x20 && byte != b'\t') || byte == 0x7f {
                self.faults.push(Fault::Control { at: at as u32, found: byte as char });
            }
        }
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                self.at += 1;
            } else if byte.is_ascii() {
                break;
            } else {
                match self.text[self.at..].chars().next() {
                    Some(c) if is_word_part(c) => self.at += c.len_utf8(),
                    _ => break,
                }
            }
        }
        if matches!(self.peek(0), b'"' | b'\'') {
            let prefix = &self.bytes[start..self.at];
            match prefix {
                b"r" | b"b" => return self.string(start, false, prefix == b"r"),
                b"f" | b"rf" => return self.string(start, true, prefix == b"rf"),
                // A keyword may touch a string: `return"x"`, `test"x"`.
                _ if super::is_keyword(&self.text[start..self.at]) || prefix == b"test" => {}
                _ if prefix.len() <= 3 => {
                    self.faults.push(Fault::Prefix { start: start as u32, end: self.at as u32 });
                    return self.string(start, prefix.contains(&b'f'), prefix.contains(&b'r'));
                }
                _ => {}
            }
        }
        self.token(Kind::Word, start)
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        let based = self.peek(0) == b'0' && matches!(self.peek(1) | 0x20, b'x' | b'b' | b'o');
        while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'_' {
            self.at += 1;
            let exponent = !based && matches!(self.bytes[self.at - 1], b'e' | b'E');
            if exponent && matches!(self.peek(0), b'+' | b'-') && self.peek(1).is_ascii_digit() {
                self.at += 1;
            }
            let point = !based && !self.bytes[start..self.at].iter().any(|b| matches!(b, b'.' | b'e' | b'E'));
            if point && self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
                self.at += 1;
            }
        }
        self.token(Kind::Number, start)
    }

    /// A string from its opening quote; `start` is where its prefix starts.
    fn string(&mut self, start: usize, holes: bool, raw: bool) -> Token {
        let quote = self.peek(0);
        let triple = self.peek(1) == quote && self.peek(2) == quote;
        self.at += if triple { 3 } else { 1 };
        let style = Style { start: start as u32, quote, triple, raw, spec: false };
        if holes { self.fstring(style, start) } else { self.plain_string(style, start) }
    }

    fn ends_here(&self, style: Style) -> bool {
        self.peek(0) == style.quote && (!style.triple || (self.peek(1) == style.quote && self.peek(2) == style.quote))
    }

    fn plain_string(&mut self, style: Style, start: usize) -> Token {
        loop {
            match self.bytes.get(self.at) {
                None => return self.unclosed(style, start),
                Some(b'\n') if !style.triple => return self.unclosed(style, start),
                Some(b'\n') => self.next_line(),
                Some(0) => self.nul(),
                Some(b'\\') => self.skip_escape(),
                Some(_) if self.ends_here(style) => {
                    self.at += if style.triple { 3 } else { 1 };
                    return self.token(Kind::Text, start);
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// A NUL cannot be seen, and no other program reads a text behind one: refused in strings too.
    fn nul(&mut self) {
        self.faults.push(Fault::Control { at: self.at as u32, found: '\0' });
        self.at += 1;
    }

    fn next_line(&mut self) {
        self.at += 1;
        self.line = self.at;
    }

    /// A backslash and the character after it, which may be a line end.
    fn skip_escape(&mut self) {
        self.at += 1;
        if self.peek(0) == b'\r' && self.peek(1) == b'\n' {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'\n') => self.next_line(),
            Some(_) => self.at += 1,
            None => self.open_text = true,
        }
    }

    /// The text of an f-string (or of a format spec) up to its end or the next hole.
    fn fstring(&mut self, style: Style, start: usize) -> Token {
        loop {
            match self.bytes.get(self.at) {
                None => return self.unclosed(style, start),
                Some(b'\n') if !style.triple || style.spec => return self.unclosed(style, start),
                Some(b'\n') => self.next_line(),
                Some(0) => self.nul(),
                Some(b'{') if self.peek(1) == b'{' && !style.spec => self.at += 2,
                Some(b'{') => {
                    self.push(Bracket::Hole(style), self.at);
                    self.at += 1;
                    return self.token(Kind::TextPart, start);
                }
                // The end of the spec is that of its hole.
                Some(b'}') if style.spec => return self.close(b'}'),
                Some(b'}') if self.peek(1) == b'}' => self.at += 2,
                Some(b'}') => {
                    self.faults.push(Fault::LoneBrace { at: self.at as u32 });
                    self.at += 1;
                }
                Some(b'\\') if !style.raw && self.peek(1) == b'u' && self.peek(2) == b'{' => {
                    self.at += 3;
                    while !matches!(self.peek(0), 0 | b'}' | b'"' | b'\'' | b'\n') {
                        self.at += 1;
                    }
                    self.at += usize::from(self.peek(0) == b'}');
                }
                Some(b'\\') if matches!(self.peek(1), b'{' | b'}') => self.at += 1,
                Some(b'\\') if !style.raw || matches!(self.peek(1), b'"' | b'\'' | b'\\') => self.skip_escape(),
                Some(_) if self.ends_here(style) => {
                    if style.spec {
                        return self.unclosed_hole();
                    }
                    self.at += if style.triple { 3 } else { 1 };
                    return self.token(Kind::Text, start);
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// `:` in a hole: what follows is the format spec.
    fn spec(&mut self) -> Token {
        let start = self.at;
        self.at += 1;
        match self.open.last().map(|opened| opened.bracket) {
            Some(Bracket::Hole(style)) => self.fstring(Style { spec: true, ..style }, start),
            _ => self.token(Kind::Op, start),
        }
    }

    /// The string ends before its hole does.
    fn unclosed_hole(&mut self) -> Token {
        let start = self.at;
        while let Some(Opened { bracket: Bracket::Hole(style), at, .. }) = self.open.pop() {
            if !style.spec {
                self.faults.push(Fault::UnclosedHole { at });
                return self.fstring(style, start);
            }
        }
        self.token(Kind::Text, start)
    }

    fn unclosed(&mut self, style: Style, start: usize) -> Token {
        let end = self.at as u32;
        if style.spec {
            // The hole is what is open; a newline ends it as well.
            if self.at == self.bytes.len() {
                self.close_line_holes();
            }
        } else {
            // In a hole the quote was probably meant to end the string around it.
            let ends_outer = |o: &Opened| match o.bracket {
                Bracket::Hole(outer) => !outer.triple && !style.triple && outer.quote == style.quote,
                Bracket::Plain(_) => false,
            };
            let start = style.start;
            self.faults.retain(|fault| !matches!(fault, Fault::Prefix { start: at, .. } if *at == start));
            self.faults.push(match self.open.iter().find(|o| ends_outer(o)) {
                Some(hole) => Fault::UnclosedHole { at: hole.at },
                None => Fault::UnclosedText { start, end, triple: style.triple },
            });
            self.open_text |= style.triple;
            // What was opened on this line was probably closed behind the quote that is missing.
            let line = self.bytes[..self.at].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1) as u32;
            while self.open.last().is_some_and(|o| o.at >= line && !o.holds_statements()) {
                self.open.pop();
            }
        }
        self.token(Kind::Text, start)
    }

    /// At a newline: holes of strings with single quotes have to end on their line.
    fn close_line_holes(&mut self) {
        if let Some(first) = self.open.iter().position(Opened::closes_on_line) {
            self.faults.push(Fault::UnclosedHole { at: self.open[first].at });
            self.open.truncate(first);
        }
    }

    fn close(&mut self, byte: u8) -> Token {
        let start = self.at;
        self.at += 1;
        let wanted = match byte {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        let fits = |o: &Opened| match o.bracket {
            Bracket::Plain(open) => open == wanted,
            Bracket::Hole(_) => byte == b'}',
        };
        match self.open.iter().rposition(fits) {
            None => {
                // It closes what is open all the same, so that one slip is one error.
                self.faults.push(match self.open.pop() {
                    Some(opened) => Fault::Mismatch { opened, at: start as u32 },
                    None => Fault::Unexpected { at: start as u32 },
                });
                self.token(Kind::Close, start)
            }
            Some(found) => {
                if found + 1 < self.open.len() {
                    let opened = self.open[self.open.len() - 1];
                    self.faults.push(Fault::Mismatch { opened, at: start as u32 });
                }
                self.open.truncate(found + 1);
                let opened = self.open.pop();
                match opened {
                    Some(Opened { bracket: Bracket::Hole(style), .. }) => self.fstring(style, start),
                    Some(opened) => {
                        self.look_at_indent(opened, start);
                        self.token(Kind::Close, start)
                    }
                    None => self.token(Kind::Close, start),
                }
            }
        }
    }

    fn look_at_indent(&mut self, opened: Opened, at: usize) {
        let blank = |bytes: &[u8]| bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if self.suspect.is_none() && opened.holds_statements() && opened.line as usize != self.line {
            let indent = blank(&self.bytes[self.line..]);
            if self.line + indent == at && indent < blank(&self.bytes[opened.line as usize..]) {
                self.suspect = Some((opened.at, at as u32));
            }
        }
    }
}
