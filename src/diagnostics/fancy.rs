//! Messages with the lines they speak of, drawn by ariadne.
//!
//! ariadne draws only the lines; title, notes and helps are ours. It gets a text made for it (see `excerpt`).

use super::{
    Diagnostic, Severity,
    excerpt::{Excerpt, GUARD},
    place::resolve,
    text,
};
use crate::source::Sources;
use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind};
use std::fmt;
use std::io::{self, Write};

/// More labels than a reader would follow are counted, not drawn.
const MOST_LABELS: usize = 24;

/// Marks the file names in what ariadne draws, so that the true place can be put there.
const MARK: char = '\u{1}';

const MARGIN: &str = "\x1b[38;5;246m";
const WORD: &str = "\x1b[38;5;115m";
const RESET: &str = "\x1b[0m";

/// Writes title, drawing, notes and helps.
pub(super) fn write(out: &mut dyn Write, diagnostic: &Diagnostic, sources: &Sources, colour: bool) -> io::Result<()> {
    let paint = |on: &'static str| if colour { on } else { "" };
    let mut message = text::lines(&diagnostic.message).into_iter();
    writeln!(
        out,
        "{}{}[{}]{}: {}",
        paint(diagnostic.severity.ansi()),
        diagnostic.severity.word(),
        diagnostic.code,
        paint(RESET),
        message.next().unwrap_or_default()
    )?;
    for line in message {
        writeln!(out, "  {line}")?;
    }

    let (drawing, hidden) = draw(diagnostic, sources, colour)?;
    let mut lines: Vec<&str> = drawing.lines().collect();
    // The drawing's last line closes the box: notes and helps go before it, in its margin.
    let close = lines.pop();
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    let margin = match close {
        Some(close) => {
            let width = close.chars().filter(|&c| c == '─').count();
            format!("{:width$}{}│{}", "", paint(MARGIN), paint(RESET))
        }
        None => " ".to_owned(),
    };
    let more = (hidden > 0).then(|| format!("{hidden} more places are not shown"));
    let notes = diagnostic.notes.iter().chain(&more).map(|note| ("Note", note));
    let helps = diagnostic.helps.iter().map(|help| ("Help", help));
    for (nth, (word, said)) in notes.chain(helps).enumerate() {
        if nth == 0 && close.is_some() {
            writeln!(out, "{margin}")?;
        }
        for (line, said) in text::lines(said).iter().enumerate() {
            let lead = if line == 0 { format!("{}{word}{}:", paint(WORD), paint(RESET)) } else { "     ".to_owned() };
            writeln!(out, "{}", format_args!("{margin} {lead} {said}").to_string().trim_end())?;
        }
    }
    if let Some(close) = close {
        writeln!(out, "{close}")?;
    }
    Ok(())
}

/// The lines of all labels with what is said about them, and how many labels were left out.
fn draw(diagnostic: &Diagnostic, sources: &Sources, colour: bool) -> io::Result<(String, usize)> {
    let mut labels: Vec<_> = diagnostic
        .labels
        .iter()
        .enumerate()
        .filter_map(|(index, label)| Some((index, resolve(label.place, sources)?, &label.text)))
        .collect();
    let hidden = labels.len().saturating_sub(MOST_LABELS);
    labels.truncate(MOST_LABELS);
    if labels.is_empty() {
        return Ok((String::new(), hidden));
    }

    // One section per file, the primary label's first.
    let mut files = vec![];
    for (_, at, _) in &labels {
        if !files.contains(&at.file) {
            files.push(at.file);
        }
    }
    let mut cache = Cache { files: vec![] };
    let mut spans = vec![];
    let mut heads = vec![];
    for (number, &file) in files.iter().enumerate() {
        let here: Vec<_> = labels.iter().filter(|(_, at, _)| at.file == file).collect();
        let places: Vec<_> = here.iter().map(|(_, at, _)| *at).collect();
        let Excerpt { text, spans: columns } = Excerpt::new(&sources.get(file).text, &places);
        let mut in_file: Vec<_> = here.iter().zip(columns).map(|(label, span)| (span, label.0, label.2)).collect();
        // ariadne opens the section anew when a label ends on an earlier line than the one before it.
        in_file.sort_by_key(|(span, index, _)| (span.last_line, span.start, *index));
        heads.push((text::one_line(&sources.get(file).name), places[0]));
        cache.files.push(ariadne::Source::from(text));
        spans.extend(in_file.into_iter().map(|(span, index, text)| ((number, span.start..span.end), index, text)));
    }

    let kind = ReportKind::Custom("", Color::Primary);
    let config = Config::new().with_color(colour).with_index_type(IndexType::Char).with_char_set(CharSet::Unicode);
    let mut report = Report::build(kind, (0, 0..0)).with_config(config);
    for (span, index, said) in spans {
        let mut label = Label::new(span).with_message(text::one_line(said));
        if colour {
            label = label.with_color(match (index, diagnostic.severity) {
                (0, Severity::Error) => Color::Red,
                (0, Severity::Warning) => Color::Yellow,
                _ => Color::Cyan,
            });
        }
        report = report.with_label(label);
    }
    let mut drawn = vec![];
    report.finish().write(&mut cache, &mut drawn)?;
    Ok((finish(&String::from_utf8_lossy(&drawn), &heads), hidden))
}

/// Drops ariadne's own title and puts the true places into the heads of the sections.
fn finish(drawn: &str, heads: &[(String, super::place::Resolved)]) -> String {
    let mut text = String::new();
    for line in drawn.replace(GUARD, "").lines().skip(1) {
        let mut parts = line.splitn(3, MARK);
        match (parts.next(), parts.next().and_then(|number| heads.get(number.parse::<usize>().ok()?)), parts.next()) {
            (Some(before), Some((name, at)), Some(after)) => {
                let rest = after.find(' ').map_or("", |space| &after[space..]);
                text += &format!("{before}{name}:{}:{}{rest}", at.line, at.column);
            }
            _ => text += line.trim_end(),
        }
        text.push('\n');
    }
    text
}

/// The excerpts, under the numbers of their sections.
struct Cache {
    files: Vec<ariadne::Source<String>>,
}

impl ariadne::Cache<usize> for Cache {
    type Storage = String;

    fn fetch(&mut self, number: &usize) -> Result<&ariadne::Source<String>, impl fmt::Debug> {
        self.files.get(*number).ok_or("no such excerpt")
    }

    fn display<'a>(&self, number: &'a usize) -> Option<impl fmt::Display + 'a> {
        Some(format!("{MARK}{number}{MARK}"))
    }
}
