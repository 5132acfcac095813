//! The text that is handed to ariadne: the lines with labels, cleaned and cut, at their true line numbers.
//!
//! All other lines are empty in it. So its spans count characters of a text without surprises (no tab, no control
//! character, no foreign line end, no line of a megabyte), which keeps ariadne from its panics and misplacements.

use super::{place::Resolved, text::visible};
use std::collections::BTreeMap;

/// A line longer than this is cut to the surroundings of its labels.
const LONG: usize = 160;

/// How many bytes are kept on both sides of a label's ends.
const AROUND: usize = 50;

/// Where the tabs stop.
const TAB: usize = 4;

/// Begins every shown line, takes no room and is to be removed from the drawing: ariadne would draw the bar of a label
/// that starts with a line beside the line before it.
pub(super) const GUARD: char = '\u{200b}';

/// The text and, for every place asked for, its span in it.
pub(super) struct Excerpt {
    pub text: String,
    pub spans: Vec<Columns>,
}

/// A span in characters of an excerpt, never empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub start: usize,
    pub end: usize,
    /// Line of the last character, from 0.
    pub last_line: usize,
}

impl Excerpt {
    /// The excerpt of `text` for these places, which all lie in it.
    pub fn new(text: &str, places: &[Resolved]) -> Excerpt {
        // For every line with a label: where it starts, and the bytes in it whose columns are asked for.
        let mut lines: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
        let mut ends = vec![];
        for at in places {
            let last = at.start + text[at.start..at.end].char_indices().next_back().map_or(0, |(offset, _)| offset);
            let first_line = at.line - 1;
            let last_line = first_line + text[at.start..last].matches('\n').count();
            for (line, offset) in [(first_line, at.start), (last_line, last)] {
                let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
                lines.entry(line).or_insert((start, vec![])).1.push(offset - start);
            }
            ends.push((first_line, at.start, last_line, last));
        }

        let mut shown = String::new();
        let mut characters = 0;
        let mut next_line = 0;
        let mut columns = BTreeMap::new();
        for (&line, (start, wanted)) in &mut lines {
            let gap = line - next_line;
            shown.extend(std::iter::repeat_n('\n', gap));
            shown.push(GUARD);
            characters += gap + 1;
            let rest = &text[*start..];
            let rest = rest[..rest.find('\n').unwrap_or(rest.len())].trim_end_matches('\r');
            wanted.sort_unstable();
            let length = show(rest, wanted, &mut shown, |offset, column| {
                columns.insert(*start + offset, characters + column);
            });
            characters += length + 1;
            shown.push('\n');
            next_line = line + 1;
        }
        let spans = ends.iter().map(|&(_, start, last_line, last)| {
            let (start, last) = (columns[&start], columns[&last]);
            Columns { start, end: last.max(start) + 1, last_line }
        });
        Excerpt { spans: spans.collect(), text: shown }
    }
}

/// Appends a line as it is shown, tells the column of each wanted byte, and gives the number of characters.
///
/// A blank follows the line, so that a place at its end has a column too.
fn show(line: &str, wanted: &[usize], out: &mut String, mut found: impl FnMut(usize, usize)) -> usize {
    let long = line.len() > LONG;
    let mut column = 0;
    let mut next = 0;
    let mut cut = false;
    let ends = line.char_indices().chain(std::iter::once((line.len(), ' ')));
    for (offset, c) in ends {
        let near = |&at: &usize| at.abs_diff(offset) <= AROUND;
        let keep = !long || wanted.get(next).is_some_and(near) || next > 0 && near(&wanted[next - 1]);
        while wanted.get(next).is_some_and(|&at| at <= offset) {
            found(wanted[next], column);
            next += 1;
        }
        if !keep {
            if !cut {
                out.push('…');
                column += 1;
            }
            cut = true;
            continue;
        }
        cut = false;
        let width = if c == '\t' { TAB - column % TAB } else { 1 };
        out.extend(std::iter::repeat_n(if c == '\t' { ' ' } else { visible(c) }, width));
        column += width;
    }
    // A place behind the shown end (in a carriage return) stands on the blank.
    for &at in &wanted[next..] {
        found(at, column.saturating_sub(1));
    }
    column
}
