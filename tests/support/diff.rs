//! The difference of two texts, line by line, for people.

use std::fmt::Write;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// More lines than this are compared without looking for the best alignment.
const MOST_CELLS: usize = 4_000_000;

/// A longer line is cut.
const LONGEST: usize = 300;

/// A report that shows at most this many lines is enough to see what is wrong.
const MOST_SHOWN: usize = 200;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Same,
    Missing,
    Extra,
}

/// `-` lines were expected and are missing, `+` lines are there unexpectedly. Empty when the texts are equal.
pub fn diff(expected: &[u8], found: &[u8]) -> String {
    if expected == found {
        return String::new();
    }
    let (expected, found) = (lines(expected), lines(found));
    let marked = align(&expected, &found);
    let shown: Vec<bool> = (0..marked.len())
        .map(|at| {
            let near = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(marked.len());
            marked[near].iter().any(|(mark, _)| *mark != Mark::Same)
        })
        .collect();
    let mut text = String::new();
    let mut count = 0;
    for (at, (mark, line)) in marked.iter().enumerate() {
        if !shown[at] {
            if at == 0 || shown[at - 1] {
                text += "   ...\n";
            }
            continue;
        }
        count += 1;
        if count > MOST_SHOWN {
            text += "   ... and more\n";
            break;
        }
        let sign = match mark {
            Mark::Same => ' ',
            Mark::Missing => '-',
            Mark::Extra => '+',
        };
        let _ = writeln!(text, " {sign} {line}");
    }
    text
}

/// The lines of a text as they are shown, which makes unlike lines unlike: controls escaped, a missing line end told.
fn lines(text: &[u8]) -> Vec<String> {
    let text: String = text.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text += chunk.valid();
        chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
        text
    });
    let mut lines = vec![];
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, " (no line end)"), |line| (line, ""));
        let mut shown = String::new();
        for c in line.chars() {
            if c.is_control() && c != '\t' { shown.extend(c.escape_default()) } else { shown.push(c) }
        }
        if line.ends_with([' ', '\t']) {
            shown += "$";
        }
        lines.push(shown + end);
    }
    lines
}

/// Both texts in one sequence with the longest common part shared.
fn align<'a>(expected: &'a [String], found: &'a [String]) -> Vec<(Mark, String)> {
    let head = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let (a, b) = (&expected[head..], &found[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b, rest) = (&a[..a.len() - tail], &b[..b.len() - tail], &a[a.len() - tail..]);

    let mut marked: Vec<(Mark, &String)> = expected[..head].iter().map(|line| (Mark::Same, line)).collect();
    if a.len().saturating_mul(b.len()) > MOST_CELLS {
        marked.extend(a.iter().map(|line| (Mark::Missing, line)));
        marked.extend(b.iter().map(|line| (Mark::Extra, line)));
    } else {
        // common[i][j]: length of the longest common subsequence of a[i..] and b[j..].
        let mut common = vec![vec![0u32; b.len() + 1]; a.len() + 1];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                let skip = common[i + 1][j].max(common[i][j + 1]);
                common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { skip };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            if i < a.len() && j < b.len() && a[i] == b[j] {
                marked.push((Mark::Same, &a[i]));
                (i, j) = (i + 1, j + 1);
            } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
                marked.push((Mark::Missing, &a[i]));
                i += 1;
            } else {
                marked.push((Mark::Extra, &b[j]));
                j += 1;
            }
        }
    }
    marked.extend(rest.iter().map(|line| (Mark::Same, line)));
    marked.into_iter().map(|(mark, line)| (mark, cut(line))).collect()
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes)", &line[..at], line.len()),
        None => line.to_owned(),
    }
}
