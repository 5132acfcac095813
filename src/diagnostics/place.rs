//! Places brought within their texts, so that no writer has to care.

use crate::source::{FileId, Place, Sources};

/// A place that surely lies in its text, at character boundaries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line of the start, from 1.
    pub line: usize,
    /// Column of the start in characters, from 1.
    pub column: usize,
}

/// Brings a place into its text; `None` when there is no such text.
///
/// White space at the end of a place is left out of it. A place at the end of the text stands right after the last
/// visible character, where a reader looks for what is missing. An empty place takes the character that follows it
/// on its line.
pub fn resolve(place: Place, sources: &Sources) -> Option<Resolved> {
    if place.file.0 as usize >= sources.len() {
        return None;
    }
    let text: &str = &sources.get(place.file).text;
    let mut start = (place.span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (place.span.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    if start == text.len() {
        start = text.trim_end().len();
        end = start;
    }
    let visible = text[start..end].trim_end().len();
    if visible > 0 {
        end = start + visible;
    } else {
        let next = text[start..].chars().next().filter(|&c| c != '\n' && c != '\r');
        end = start + next.map_or(0, char::len_utf8);
    }
    let (line, column) = sources.position(place.file, start as u32);
    Some(Resolved { file: place.file, start, end, line, column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn at(text: &str, start: usize, end: usize) -> (usize, usize, usize, usize) {
        let mut sources = Sources::default();
        let file = sources.add("x", text);
        let found = resolve(Place { file, span: Span::new(start, end) }, &sources).unwrap();
        (found.start, found.end, found.line, found.column)
    }

    #[test]
    fn places_are_brought_into_the_text() {
        assert_eq!(at("ab\ncd", 3, 5), (3, 5, 2, 1));
        assert_eq!(at("äb", 1, 1), (0, 2, 1, 1), "inside a character");
        assert_eq!(at("ab", 7, 9), (2, 2, 1, 3), "behind the end");
        assert_eq!(at("ab\n\n", 4, 4), (2, 2, 1, 3), "the end of the text");
        assert_eq!(at("ab\n\ncd", 0, 4), (0, 2, 1, 1), "line ends at the end of a place");
        assert_eq!(at("ab\ncd", 2, 2), (2, 2, 1, 3), "an empty place at the end of a line");
        assert_eq!(at("ab", 1, 0), (1, 2, 1, 2), "end before start");
        assert_eq!(at("", 0, 0), (0, 0, 1, 1));
    }

    #[test]
    fn a_place_in_no_text_is_none() {
        assert_eq!(resolve(Place::default(), &Sources::default()), None);
    }
}
