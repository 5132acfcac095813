//! Python's format specs: `f"{x:>8.2f}"`.

use super::Value;
use super::big;
use super::display::{display, float_text};
use super::float::int_to_float;
use crate::vm::fault::Fault;
use crate::vm::native::Context;
use num_bigint::BigInt;
use num_traits::Signed;

/// Width and precision are at most so large.
pub const MAX_WIDTH: usize = 100_000_000;

/// Digits of a float after so many are all zero.
const EXACT_DIGITS: usize = 1100;

/// A spec, read.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    no_negative_zero: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// The value as text, as the spec says.
pub fn format(cx: &Context, value: &Value, spec: &str) -> Result<String, Fault> {
    if spec.is_empty() {
        return display(cx, value);
    }
    let read = Spec::read(spec, value.type_name())?;
    match value {
        Value::Int(int) => read.int(&BigInt::from(*int), value, spec),
        Value::Big(int) => read.int(int, value, spec),
        Value::Float(float) => read.float(float.get(), value, spec),
        _ => read.text(&display(cx, value)?, value, spec),
    }
}

#[cold]
fn bad(spec: &str, what: impl std::fmt::Display) -> Fault {
    Fault::value_error(format!("bad format spec `{spec}`: {what}"))
}

/// Reads leading digits; `None` for a number beyond the limit.
fn digits(rest: &mut &str) -> Option<Option<usize>> {
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (number, after) = rest.split_at(end);
    *rest = after;
    if number.is_empty() {
        return Some(None);
    }
    number.parse().ok().filter(|&number| number <= MAX_WIDTH).map(Some)
}

fn eat(rest: &mut &str, wanted: impl Fn(char) -> bool) -> Option<char> {
    let first = rest.chars().next().filter(|&char| wanted(char))?;
    *rest = &rest[first.len_utf8()..];
    Some(first)
}

impl Spec {
    fn read(text: &str, type_name: &str) -> Result<Spec, Fault> {
        let is_align = |char: char| matches!(char, '<' | '>' | '=' | '^');
        let mut rest = text;
        let mut spec = Spec::default();
        let mut chars = text.chars();
        if let (Some(fill), Some(align)) = (chars.next(), chars.next())
            && is_align(align)
        {
            spec.fill = Some(fill);
            spec.align = Some(align);
            rest = chars.as_str();
        } else {
            spec.align = eat(&mut rest, is_align);
        }
        spec.sign = eat(&mut rest, |char| matches!(char, '+' | '-' | ' '));
        spec.no_negative_zero = eat(&mut rest, |char| char == 'z').is_some();
        spec.alternate = eat(&mut rest, |char| char == '#').is_some();
        if spec.fill.is_none() {
            spec.zero = eat(&mut rest, |char| char == '0').is_some();
        }
        let too_large = |what| bad(text, format_args!("the {what} is more than {MAX_WIDTH}, the limit"));
        spec.width = digits(&mut rest).ok_or_else(|| too_large("width"))?.unwrap_or(0);
        spec.grouping = eat(&mut rest, |char| matches!(char, ',' | '_'));
        if spec.grouping.is_some() && eat(&mut rest, |char| matches!(char, ',' | '_')).is_some() {
            return Err(bad(text, "only one of `,` and `_` can group digits"));
        }
        if eat(&mut rest, |char| char == '.').is_some() {
            spec.precision = digits(&mut rest).ok_or_else(|| too_large("precision"))?;
            if spec.precision.is_none() {
                return Err(bad(text, "digits must follow the `.`"));
            }
        }
        spec.kind = eat(&mut rest, |_| true);
        if !rest.is_empty() {
            return Err(bad(
                text,
                format_args!(
                    "`{}` cannot stand there",
                    &text[text.len() - rest.len() - spec.kind.map_or(0, char::len_utf8)..]
                ),
            )
            .help("the order is: fill and align, sign, z, #, 0, width, grouping, .precision, type"));
        }
        if let Some(kind) = spec.kind
            && !"bcdeEfFgGnosxX%".contains(kind)
        {
            return Err(bad(text, format_args!("there is no type `{kind}` for {type_name}")));
        }
        Ok(spec)
    }

    fn unknown(&self, value: &Value, text: &str) -> Fault {
        let kind = self.kind.unwrap_or('s');
        let fault = bad(text, format_args!("type `{kind}` does not fit {}", value.type_name()));
        match (value, kind) {
            (Value::Int(_) | Value::Big(_) | Value::Float(_), 's') => {
                fault.help("write f\"{str(x):…}\" to format it as text")
            }
            (Value::Float(_), _) => fault.help("write int(x) for the types b c d o x"),
            (Value::Str(_), _) => fault.help("write int(text) or float(text) to format it as a number"),
            _ => fault,
        }
    }

    fn text(&self, shown: &str, value: &Value, text: &str) -> Result<String, Fault> {
        let name = value.type_name();
        if !matches!(self.kind, None | Some('s')) {
            return Err(self.unknown(value, text));
        }
        let refused = match self {
            Spec { sign: Some(_), .. } => "a sign",
            Spec { no_negative_zero: true, .. } => "`z`",
            Spec { alternate: true, .. } => "`#`",
            Spec { align: Some('='), .. } => "align `=`",
            Spec { grouping: Some(_), .. } => "grouping of digits",
            _ => "",
        };
        if !refused.is_empty() {
            return Err(bad(text, format_args!("{refused} is for numbers, not for {name}")));
        }
        let shown = match self.precision {
            Some(most) => &shown[..shown.char_indices().nth(most).map_or(shown.len(), |(at, _)| at)],
            None => shown,
        };
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
        Ok(pad(shown, shown.chars().count(), "", self.align.unwrap_or('<'), fill, self.width))
    }

    fn int(&self, int: &BigInt, value: &Value, text: &str) -> Result<String, Fault> {
        let kind = self.kind.unwrap_or('d');
        if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
            return self.float(int_to_float(value)?, value, text);
        }
        if self.precision.is_some() {
            return Err(bad(text, "an int has no precision").help("types e f g and % format it as a float"));
        }
        if self.no_negative_zero {
            return Err(bad(text, "`z` is for floats"));
        }
        let digits = match kind {
            'd' | 'n' => big::digits(int.magnitude(), 10)?,
            'b' => int.magnitude().to_str_radix(2),
            'o' => int.magnitude().to_str_radix(8),
            'x' => int.magnitude().to_str_radix(16),
            'X' => int.magnitude().to_str_radix(16).to_uppercase(),
            'c' => return self.code_point(int, text),
            _ => return Err(self.unknown(value, text)),
        };
        let prefix = match kind {
            'b' if self.alternate => "0b",
            'o' if self.alternate => "0o",
            'x' if self.alternate => "0x",
            'X' if self.alternate => "0X",
            _ => "",
        };
        let group = match (self.grouping, kind) {
            (Some(','), 'b' | 'o' | 'x' | 'X') => {
                return Err(
                    bad(text, format_args!("`,` does not go with type `{kind}`")).help("`_` groups its digits by four")
                );
            }
            (Some(_), 'n') => return Err(bad(text, "grouping does not go with type `n`")),
            (_, 'b' | 'o' | 'x' | 'X') => 4,
            _ => 3,
        };
        Ok(self.number(int.is_negative(), prefix, &digits, "", group))
    }

    fn code_point(&self, int: &BigInt, text: &str) -> Result<String, Fault> {
        if self.sign.is_some() || self.grouping.is_some() || self.alternate {
            return Err(bad(text, "type `c` takes no sign, grouping or `#`"));
        }
        let char = u32::try_from(int).ok().and_then(char::from_u32);
        let char = char.ok_or_else(|| bad(text, format_args!("{int} is not the number of a character")))?;
        let (align, fill) = self.number_align();
        Ok(pad(&char.to_string(), 1, "", align, fill, self.width))
    }

    fn number_align(&self) -> (char, char) {
        let align = self.align.unwrap_or(if self.zero { '=' } else { '>' });
        (align, self.fill.unwrap_or(if self.zero { '0' } else { ' ' }))
    }

    /// Puts a number together: sign, prefix, digits in groups, and what comes after them.
    fn number(&self, negative: bool, prefix: &str, digits: &str, after: &str, group: usize) -> String {
        let sign = match self.sign {
            _ if negative => "-",
            Some('+') => "+",
            Some(' ') => " ",
            _ => "",
        };
        let (align, fill) = self.number_align();
        let before = format!("{sign}{prefix}");
        let beside = before.len() + after.chars().count();
        // Zeros in front are digits, which are grouped too.
        let least = if align == '=' && fill == '0' { self.width.saturating_sub(beside) } else { 0 };
        let grouped = match self.grouping {
            Some(mark) if !digits.is_empty() => group_digits(digits, mark, group, least),
            _ => digits.to_owned(),
        };
        let body = grouped + after;
        pad(&body, body.chars().count(), &before, align, fill, self.width)
    }

    fn float(&self, float: f64, value: &Value, text: &str) -> Result<String, Fault> {
        let kind = match self.kind {
            Some('b' | 'c' | 'd' | 'o' | 's' | 'x' | 'X') => return Err(self.unknown(value, text)),
            Some('n') if self.grouping.is_some() => return Err(bad(text, "grouping does not go with type `n`")),
            Some('n') => Some('g'),
            kind => kind,
        };
        let shown = if kind == Some('%') { float * 100.0 } else { float };
        let size = shown.abs();
        let mut body = if shown.is_nan() {
            "nan".to_owned()
        } else if shown.is_infinite() {
            "inf".to_owned()
        } else {
            match (kind.map(|kind| kind.to_ascii_lowercase()), self.precision) {
                (None, None) => self.pointed(float_text(size)),
                (Some('e'), precision) => self.pointed(exponential(size, precision.unwrap_or(6))),
                (Some('f' | '%'), precision) => self.pointed(fixed(size, precision.unwrap_or(6))),
                (kind, precision) => general(size, precision.unwrap_or(6), kind.is_none(), self.alternate),
            }
        };
        if matches!(kind, Some('E' | 'F' | 'G')) {
            body.make_ascii_uppercase();
        }
        let zero =
            body.bytes().take_while(|&byte| byte != b'e' && byte != b'E').all(|byte| !matches!(byte, b'1'..=b'9'));
        let finite = shown.is_finite();
        let negative = shown.is_sign_negative() && !shown.is_nan() && !(self.no_negative_zero && zero && finite);
        if kind == Some('%') {
            body.push('%');
        }
        let end = body.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(body.len());
        Ok(self.number(negative, "", &body[..end], &body[end..], 3))
    }

    /// With `#` a float always has a point.
    fn pointed(&self, text: String) -> String {
        if !self.alternate || text.contains('.') {
            return text;
        }
        match text.split_once('e') {
            Some((digits, exponent)) => format!("{digits}.e{exponent}"),
            None => text + ".",
        }
    }
}

fn pad(body: &str, len: usize, before: &str, align: char, fill: char, width: usize) -> String {
    let room = width.saturating_sub(len + before.chars().count());
    let (left, inner, right) = match align {
        '<' => (0, 0, room),
        '^' => (room / 2, 0, room - room / 2),
        '=' => (0, room, 0),
        _ => (room, 0, 0),
    };
    let mut out = String::with_capacity(before.len() + body.len() + room * fill.len_utf8());
    out.extend(std::iter::repeat_n(fill, left));
    out.push_str(before);
    out.extend(std::iter::repeat_n(fill, inner));
    out.push_str(body);
    out.extend(std::iter::repeat_n(fill, right));
    out
}

/// Digits with a mark between groups, with zeros in front to fill the least width, which are grouped as well.
fn group_digits(digits: &str, mark: char, group: usize, least: usize) -> String {
    let digits = digits.as_bytes();
    let mut reversed = String::with_capacity(digits.len().max(least) * 4 / 3 + 2);
    let (mut left, mut room) = (digits.len(), least);
    loop {
        let len = group.min(left.max(room).max(1));
        for at in 0..len {
            reversed.push(if at < left { digits[left - 1 - at] as char } else { '0' });
        }
        left -= left.min(len);
        room = room.saturating_sub(len);
        if left == 0 && room == 0 {
            return reversed.chars().rev().collect();
        }
        // The mark takes room too.
        room = room.saturating_sub(1);
        reversed.push(mark);
    }
}

/// Digits of a float that is not negative, with so many after the point; more than it can have are zeros.
fn fixed(float: f64, precision: usize) -> String {
    let exact = precision.min(EXACT_DIGITS);
    let mut text = format!("{float:.exact$}");
    text.extend(std::iter::repeat_n('0', precision - exact));
    text
}

/// `1.5e+03`
fn exponential(float: f64, precision: usize) -> String {
    let (digits, exponent) = scientific(float, precision);
    join_exponent(&digits, exponent)
}

fn join_exponent(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// One digit before the point, so many after it, and the exponent.
fn scientific(float: f64, precision: usize) -> (String, i32) {
    let exact = precision.min(EXACT_DIGITS);
    let text = format!("{float:.exact$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut digits = digits.to_owned();
    digits.extend(std::iter::repeat_n('0', precision - exact));
    (digits, exponent.parse().unwrap_or(0))
}

/// `g`: so many digits in all, with an exponent only where it is shorter. Without a type (`plain`) at least one digit
/// follows the point.
fn general(float: f64, precision: usize, plain: bool, alternate: bool) -> String {
    let precision = precision.max(1);
    let (digits, exponent) = scientific(float, precision - 1);
    let most = precision as i64 - i64::from(plain);
    if i64::from(exponent) < -4 || i64::from(exponent) >= most {
        let digits = if alternate { with_point(digits) } else { trim_zeros(&digits).to_owned() };
        return join_exponent(&digits, exponent);
    }
    let text = fixed(float, (precision as i64 - 1 - i64::from(exponent)).max(0) as usize);
    if alternate {
        return with_point(text);
    }
    let text = trim_zeros(&text);
    if plain && !text.contains('.') { format!("{text}.0") } else { text.to_owned() }
}

fn with_point(digits: String) -> String {
    if digits.contains('.') { digits } else { digits + "." }
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests;
