//! What stands in numbers and strings.

use super::ast::ExprKind;
use crate::source::Span;
use num_bigint::BigInt;

/// What is wrong in a literal.
#[derive(Debug)]
pub(super) struct Wrong {
    pub code: &'static str,
    pub span: Span,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
}

impl Wrong {
    fn number(start: usize, end: usize, message: impl Into<String>, label: &str) -> Wrong {
        Wrong {
            code: super::codes::NUMBER,
            span: Span::new(start, end),
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    fn escape(start: usize, end: usize, message: impl Into<String>, label: &str, help: &str) -> Wrong {
        let help = Some(help.to_owned());
        Wrong {
            code: super::codes::ESCAPE,
            span: Span::new(start, end),
            message: message.into(),
            label: label.into(),
            help,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }
}

/// The value of a number as written at byte `at`.
pub(super) fn number(written: &str, at: usize) -> Result<ExprKind, Wrong> {
    let end = at + written.len();
    let lower = written.to_ascii_lowercase();
    let base = match lower.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    if base != 10 {
        let digits = &written[2..];
        if let Some(bad) = digits.find(|c: char| c != '_' && !c.is_digit(base)) {
            let c = digits[bad..].chars().next().unwrap_or(' ');
            let name = if base == 16 {
                "hexadecimal"
            } else if base == 8 {
                "octal"
            } else {
                "binary"
            };
            let start = at + 2 + bad;
            let label = format!("`{c}` is no {name} digit");
            return Err(Wrong::number(start, start + c.len_utf8(), format!("bad number `{written}`"), &label));
        }
        check_underscores(digits, at + 2, true)?;
        if digits.is_empty() {
            return Err(Wrong::number(at, end, format!("bad number `{written}`"), "no digits follow"));
        }
        return Ok(int(&digits.replace('_', ""), base));
    }
    let is_part = |i: usize, c: char| {
        let bytes = written.as_bytes();
        let exponent = matches!(c, 'e' | 'E')
            && match bytes.get(i + 1) {
                Some(b'+' | b'-') => bytes.get(i + 2).is_some_and(u8::is_ascii_digit),
                Some(next) => next.is_ascii_digit(),
                None => false,
            };
        c.is_ascii_digit() || matches!(c, '_' | '.' | '+' | '-') || exponent
    };
    let digits_end = written.char_indices().find(|&(i, c)| !is_part(i, c)).map_or(written.len(), |(i, _)| i);
    let (digits, unit) = written.split_at(digits_end);
    check_underscores(digits, at, false)?;
    let plain = digits.replace('_', "");
    let is_float = plain.contains(['.', 'e', 'E']);
    let seconds = |per: f64, below: bool| {
        let value: f64 = plain.parse().unwrap_or(f64::INFINITY);
        ExprKind::Float(if below { value / per } else { value * per })
    };
    match unit {
        "" if is_float => Ok(ExprKind::Float(plain.parse().unwrap_or(f64::INFINITY))),
        "" => {
            let zeros = plain.len() - plain.trim_start_matches('0').len();
            if zeros > 0 && zeros < plain.len() {
                let help = format!("write `{}`, or `0o{}` for an octal number", &plain[zeros..], &plain[zeros..]);
                return Err(Wrong::number(at, end, "an int does not start with `0`", "leading zero").help(help));
            }
            Ok(int(&plain, 10))
        }
        "ms" => Ok(seconds(1000.0, true)),
        "s" => Ok(seconds(1.0, false)),
        "min" => Ok(seconds(60.0, false)),
        "h" => Ok(seconds(3600.0, false)),
        _ => {
            let start = at + digits_end;
            let wrong = Wrong::number(start, end, format!("bad number `{written}`"), "a number cannot go on like this");
            Err(match unit {
                "m" => wrong.help(format!("for minutes write `{digits}min`")),
                "sec" | "secs" => wrong.help(format!("for seconds write `{digits}s`")),
                "us" | "ns" => wrong.help("the smallest unit is `ms`; a duration is a float in seconds: `1e-6`"),
                "d" => wrong.help(format!("the largest unit is `h`: `{digits} * 24h`")),
                "j" | "J" => wrong.help("there are no complex numbers"),
                "n" | "L" | "l" | "u" | "f" => wrong.help("ints are exact at any size; write the digits alone"),
                "e" | "E" => wrong.help("an exponent needs digits: `1e9`"),
                _ => {
                    wrong.help("the units of durations are `ms`, `s`, `min` and `h`; a name cannot start with a digit")
                }
            })
        }
    }
}

/// Underscores stand between digits only; after `0x` one may come first.
fn check_underscores(digits: &str, at: usize, first: bool) -> Result<(), Wrong> {
    let bytes = digits.as_bytes();
    for (i, _) in digits.match_indices('_') {
        let before = if i == 0 { first } else { bytes[i - 1].is_ascii_alphanumeric() };
        let after = bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !before || !after {
            return Err(Wrong::number(
                at + i,
                at + i + 1,
                "misplaced `_` in a number",
                "`_` stands between two digits",
            ));
        }
    }
    Ok(())
}

fn int(digits: &str, base: u32) -> ExprKind {
    match i64::from_str_radix(digits, base) {
        Ok(value) => ExprKind::Int(value),
        Err(_) => ExprKind::BigInt(BigInt::parse_bytes(digits.as_bytes(), base).unwrap_or_default()),
    }
}

/// A string as written: where its text starts and ends, and what its prefix and quotes say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted {
    pub raw: bool,
    pub bytes: bool,
    pub triple: bool,
    pub start: usize,
    pub end: usize,
}

impl Quoted {
    /// Looks at the prefix and the quotes of the string `written` at byte `at`.
    pub(super) fn new(written: &str, at: usize) -> Quoted {
        let prefix = written.find(['"', '\'']).unwrap_or(0);
        let (letters, rest) = written.split_at(prefix);
        let triple = rest.len() >= 6 && (rest.starts_with("\"\"\"") || rest.starts_with("'''"));
        let quotes = if triple { 3 } else { 1 };
        Quoted {
            raw: letters.contains('r'),
            bytes: letters.contains('b'),
            triple,
            start: at + prefix + quotes,
            end: at + written.len() - quotes,
        }
    }
}

/// Resolves the text of strings: common indent and escapes.
pub(super) struct Decoder<'a> {
    source: &'a str,
    quoted: Quoted,
    /// What every line of a string with triple quotes starts with, dropped.
    indent: &'a str,
    /// `{{` and `}}` are one brace.
    braces: bool,
    pub wrong: Vec<Wrong>,
}

const ESCAPES: &str = "the escapes are `\\n` `\\t` `\\r` `\\0` `\\e` `\\\\` `\\\"` `\\'` `\\xHH` `\\u{H…}`; \
                       a backslash itself is `\\\\`, or write a raw string: `r\"…\"`";

impl<'a> Decoder<'a> {
    /// For a string whose text stands in `pieces`, with holes of an f-string between them.
    pub(super) fn new(source: &'a str, quoted: Quoted, pieces: &[(usize, usize)], braces: bool) -> Decoder<'a> {
        let indent = if quoted.triple { common_indent(source, pieces) } else { "" };
        Decoder { source, quoted, indent, braces, wrong: Vec::new() }
    }

    /// The text of one piece.
    pub(super) fn piece(&mut self, start: usize, end: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(end - start);
        let source = self.source;
        let bytes = source.as_bytes();
        let mut at = start;
        while at < end {
            // What needs no look is copied whole.
            let plain =
                |b: &u8| matches!(b, b'\\' | b'\n' | b'\r' | b'{' | b'}') || (self.quoted.bytes && !b.is_ascii());
            let len = bytes[at..end].iter().position(plain).unwrap_or(end - at);
            out.extend_from_slice(&bytes[at..at + len]);
            at += len;
            if at == end {
                break;
            }
            match bytes[at] {
                b'\r' if bytes[at + 1..end].first() == Some(&b'\n') => at += 1,
                b'\n' => {
                    out.push(b'\n');
                    at = self.skip_indent(at + 1, end);
                }
                b'{' | b'}' if self.braces => {
                    out.push(bytes[at]);
                    at += if bytes[at + 1..end].first() == Some(&bytes[at]) { 2 } else { 1 };
                }
                b'\\' if !self.quoted.raw => at = self.escape(at, end, &mut out),
                byte if byte.is_ascii() => {
                    out.push(byte);
                    at += 1;
                }
                _ => {
                    let c = source[at..].chars().next().unwrap_or(' ');
                    let help = "write its bytes as `\\xHH`, or take a str and call `.encode()` on it";
                    let label = "not an ASCII character";
                    self.wrong.push(Wrong::escape(at, at + c.len_utf8(), "bytes hold ASCII characters", label, help));
                    at += c.len_utf8();
                }
            }
        }
        out
    }

    /// At the start of a line: past the common indent, or past all of a line of blanks.
    fn skip_indent(&self, at: usize, end: usize) -> usize {
        if !self.quoted.triple {
            return at;
        }
        let line = &self.source[at..end];
        let blank = line.len() - line.trim_start_matches([' ', '\t', '\r']).len();
        let rest = &line[blank..];
        if rest.starts_with('\n') || (rest.is_empty() && end == self.quoted.end) {
            return at + blank - usize::from(line[..blank].ends_with('\r'));
        }
        at + line.bytes().zip(self.indent.bytes()).take_while(|(a, b)| a == b).count()
    }

    /// The escape at `at`; gives the place behind it.
    fn escape(&mut self, at: usize, end: usize, out: &mut Vec<u8>) -> usize {
        let rest = &self.source[at + 1..end];
        let Some(c) = rest.chars().next() else {
            self.wrong.push(Wrong::escape(at, at + 1, "unknown escape `\\`", "not an escape", ESCAPES));
            return end;
        };
        let simple = match c {
            'n' => b'\n',
            't' => b'\t',
            'r' => b'\r',
            '0' => 0,
            'e' => 0x1b,
            '\\' | '"' | '\'' => c as u8,
            '\n' => return self.skip_indent(at + 2, end),
            '\r' if rest.starts_with("\r\n") => return self.skip_indent(at + 3, end),
            'x' => return self.hex(at, end, out),
            'u' => return self.unicode(at, end, out),
            _ => {
                let shown = if c.is_control() { format!("\\u{{{:x}}}", c as u32) } else { c.to_string() };
                let behind = at + 1 + c.len_utf8();
                let message = format!("unknown escape `\\{shown}`");
                self.wrong.push(Wrong::escape(at, behind, message, "not an escape", ESCAPES));
                return behind;
            }
        };
        out.push(simple);
        at + 2
    }

    fn hex(&mut self, at: usize, end: usize, out: &mut Vec<u8>) -> usize {
        let digits: String = self.source[at + 2..end].chars().take(2).take_while(char::is_ascii_hexdigit).collect();
        let behind = at + 2 + digits.len();
        match u8::from_str_radix(&digits, 16) {
            Ok(value) if digits.len() == 2 => {
                if self.quoted.bytes {
                    out.push(value);
                } else {
                    push_char(char::from(value), out);
                }
            }
            _ => {
                let help = "for example `\\x0a`; characters beyond `\\xff` are written `\\u{20ac}`";
                let message = "`\\x` needs two hexadecimal digits";
                self.wrong.push(Wrong::escape(at, behind, message, "two digits are missing or wrong here", help));
            }
        }
        behind
    }

    fn unicode(&mut self, at: usize, end: usize, out: &mut Vec<u8>) -> usize {
        let rest = &self.source[at + 2..end];
        let close = rest.strip_prefix('{').and_then(|r| r.find('}'));
        let Some(len) = close.filter(|&len| rest[1..1 + len].chars().all(|c| c.is_ascii_hexdigit())) else {
            let help = "for example `\\u{20ac}`: hexadecimal digits in braces";
            let message = "`\\u` needs a code point in braces";
            self.wrong.push(Wrong::escape(at, at + 2, message, "not followed by `{H…}`", help));
            return at + 2;
        };
        let behind = at + 2 + len + 2;
        let digits = &rest[1..1 + len];
        let value = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        match value {
            _ if self.quoted.bytes => {
                let message = "`\\u{…}` does not stand in bytes";
                let help = "write the bytes of its encoding as `\\xHH`, or take a str and call `.encode()` on it";
                self.wrong.push(Wrong::escape(at, behind, message, "a character, not a byte", help));
            }
            Some(c) => push_char(c, out),
            None => {
                let message = format!("`\\u{{{digits}}}` is no character");
                let help = "code points reach from 0 to 10ffff, without d800 to dfff";
                self.wrong.push(Wrong::escape(at, behind, message, "no such code point", help));
            }
        }
        behind
    }
}

fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The blanks that all lines but the first start with; lines of blanks alone do not count.
fn common_indent<'a>(source: &'a str, pieces: &[(usize, usize)]) -> &'a str {
    let mut common: Option<&str> = None;
    for (i, &(start, end)) in pieces.iter().enumerate() {
        for (newline, _) in source[start..end].match_indices('\n') {
            let line = &source[start + newline + 1..end];
            let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
            let rest = &line[blank..];
            let nothing = rest.is_empty() && i + 1 == pieces.len();
            if nothing || rest.starts_with('\n') || rest.starts_with("\r\n") {
                continue;
            }
            let indent = &line[..blank];
            common = Some(match common {
                None => indent,
                Some(old) => {
                    let same = old.bytes().zip(indent.bytes()).take_while(|(a, b)| a == b).count();
                    &old[..same]
                }
            });
        }
    }
    common.unwrap_or("")
}
