//! Text that a terminal would not show as it is, written so that it can be seen.

use std::fmt::Write;

/// Adds a character as a str in a container has it: none that moves the cursor or cannot be seen is left.
pub fn push(out: &mut String, char: char) {
    match char {
        ' '..='~' => out.push(char),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\0'..='\x1f' | '\x7f' => _ = write!(out, "\\x{:02x}", char as u32),
        char if is_invisible(char) => _ = write!(out, "\\u{{{:x}}}", char as u32),
        char => out.push(char),
    }
}

/// A text of such characters alone.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|char| push(&mut out, char));
    out
}

/// Control characters beyond ASCII, spaces that are not the plain one, marks of direction, private use.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || char.is_whitespace()
        || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..)
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(escaped("a b\\'ä"), "a b\\'ä");
        assert_eq!(escaped("\n\t\r\0\x1b[1m\x7f"), r"\n\t\r\x00\x1b[1m\x7f");
        assert_eq!(escaped("\u{85}\u{a0}\u{202e}"), r"\u{85}\u{a0}\u{202e}");
    }
}
