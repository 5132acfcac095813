//! Text made fit for a terminal: nothing of a script or a message may move the cursor or hide what is there.

/// What stands for a character that must not reach a terminal as it is; others stand for themselves.
pub fn visible(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // C1 controls, line separators, invisible marks and those that reorder a line.
        '\u{80}'..='\u{9f}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        _ => c,
    }
}

/// The text in one line: line ends become spaces, other controls their stand-ins.
pub fn one_line(text: &str) -> String {
    text.trim_end()
        .replace("\r\n", " ")
        .chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { visible(c) })
        .collect()
}

/// The lines of a text, cleaned.
pub fn lines(text: &str) -> Vec<String> {
    text.trim_end().split('\n').map(one_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_survives() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        for text in [one_line(&all), lines(&all).concat()] {
            assert!(!text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}')));
        }
        assert_eq!(one_line("a\r\nb\tc\x1b[31m\n"), "a b c\u{241b}[31m");
        assert_eq!(lines("a\nb\r\n"), ["a", "b"]);
    }
}
