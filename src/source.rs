//! Source texts and the places in them.

use std::rc::Rc;

/// Number of a source text in its [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one source text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A span together with the text it points into.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Place {
    /// The text.
    pub file: FileId,
    /// The bytes.
    pub span: Span,
}

/// One source text.
pub struct Source {
    /// How messages call it: the path as the user wrote it, `<stdin>`, `<repl>`, …
    pub name: Rc<str>,
    /// The whole text, without byte order mark, line ends as in the file.
    pub text: Rc<str>,
    /// Byte offset of the start of every line.
    lines: Vec<u32>,
}

impl Source {
    /// Byte offset of the start of every line.
    pub fn line_starts(&self) -> &[u32] {
        &self.lines
    }
}

/// All source texts of a run, in the order they were read.
#[derive(Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a text and gives its number.
    pub fn add(&mut self, name: impl Into<Rc<str>>, text: impl Into<Rc<str>>) -> FileId {
        let text = text.into();
        let starts = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        self.files.push(Source { name: name.into(), text, lines });
        FileId(self.files.len() as u32 - 1)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All texts, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// The text with this number.
    pub fn get(&self, file: FileId) -> &Source {
        &self.files[file.0 as usize]
    }

    /// Line and column of a place, both from 1, the column in characters.
    pub fn position(&self, file: FileId, offset: u32) -> (usize, usize) {
        let source = self.get(file);
        let offset = (offset as usize).min(source.text.len());
        let line = source.lines.partition_point(|&start| start as usize <= offset);
        let start = source.lines[line - 1] as usize;
        let column = source.text.as_bytes()[start..offset].iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        (line, column + 1)
    }
}
