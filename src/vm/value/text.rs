//! Texts, with what is asked of them often.

use super::hash_text;
use std::cell::{Cell, OnceCell};

/// A text, with what is asked of it often.
#[derive(Clone, Default)]
pub struct Str {
    text: String,
    /// The hash once it has been asked for, before that 0.
    hash: Cell<u32>,
    ascii: bool,
    /// Byte offsets of every [`STEP`]th character of a long text that is not ASCII, once one was sought by its number.
    marks: OnceCell<Box<Marks>>,
}

/// Boxed, since most texts have none.
#[derive(Clone)]
struct Marks(Vec<usize>);

/// Characters from one mark to the next.
const STEP: usize = 128;

impl Str {
    /// Wraps a text.
    pub fn new(text: String) -> Str {
        Str { ascii: text.is_ascii(), text, ..Str::default() }
    }

    /// Wraps a text of which it is known whether it is ASCII.
    #[inline]
    pub fn known(text: String, ascii: bool) -> Str {
        debug_assert_eq!(text.is_ascii(), ascii);
        Str { ascii, text, ..Str::default() }
    }

    /// Wraps a text and asks for its hash at once, so that no process that reads it changes it.
    pub fn constant(text: String) -> Str {
        let text = Str::new(text);
        text.hash(true);
        text
    }

    /// The text.
    #[inline(always)]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all characters are ASCII, so that byte and character positions are the same.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// The hash of the text, if it has been noted.
    #[inline(always)]
    pub fn known_hash(&self) -> Option<u64> {
        let hash = self.hash.get();
        if hash == 0 { None } else { Some(spread(hash)) }
    }

    /// The hash of the text, which is noted on request.
    #[inline(always)]
    pub fn hash(&self, note: bool) -> u64 {
        if self.hash.get() != 0 {
            return spread(self.hash.get());
        }
        let hash = hash_text(&self.text);
        if note {
            self.hash.set(hash as u32);
        }
        hash
    }

    /// Number of characters.
    pub fn len(&self) -> usize {
        match self.marks() {
            None if self.ascii => self.text.len(),
            None => self.text.chars().count(),
            Some(marks) => (marks.len() - 1) * STEP + self.text[marks[marks.len() - 1]..].chars().count(),
        }
    }

    /// Whether there are no characters.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Byte offset of the character with this number; the length of the text when there are not so many.
    pub fn offset(&self, index: usize) -> usize {
        if self.ascii {
            return index.min(self.text.len());
        }
        let (start, left) = match self.marks() {
            None => (0, index),
            Some(marks) => match marks.get(index / STEP) {
                Some(mark) => (*mark, index % STEP),
                None => return self.text.len(),
            },
        };
        self.text[start..].char_indices().nth(left).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The marks, if it is worth while to have some.
    fn marks(&self) -> Option<&[usize]> {
        if self.ascii || self.text.len() <= 2 * STEP {
            return None;
        }
        let make = || Box::new(Marks(self.text.char_indices().step_by(STEP).map(|(at, _)| at).collect()));
        Some(&self.marks.get_or_init(make).0)
    }

    /// Some texts, one after the other; `None` when one is none.
    pub fn together<'a>(parts: impl Iterator<Item = Option<&'a Str>> + Clone) -> Option<Str> {
        let mut len = 0;
        let mut ascii = true;
        for part in parts.clone() {
            let part = part?;
            len += part.text.len();
            ascii &= part.ascii;
        }
        let mut text = String::with_capacity(len);
        for part in parts.flatten() {
            text.push_str(&part.text);
        }
        Some(Str { text, ascii, ..Str::default() })
    }

    /// This text and another one after it.
    pub fn joined(&self, other: &Str) -> Str {
        let mut text = String::with_capacity(self.text.len() + other.text.len());
        text.push_str(&self.text);
        text.push_str(&other.text);
        Str { text, ascii: self.ascii && other.ascii, ..Str::default() }
    }

    /// Adds a text at the end, in place.
    pub fn push_str(&mut self, other: &Str) {
        self.text.push_str(&other.text);
        self.ascii &= other.ascii;
        self.hash.set(0);
        self.marks.take();
    }
}

impl std::ops::Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// A hash of 64 bits from 32.
#[inline(always)]
pub fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Characters are found by number as by counting, whatever the length and the widths, also after an addition.
        #[test]
        fn characters_have_numbers(parts in proptest::collection::vec("[aé漢😀]{0,90}", 1..8), index in 0usize..800) {
            let mut text = Str::new(String::new());
            for part in parts {
                text.push_str(&Str::new(part));
                let whole = text.as_str();
                prop_assert_eq!(text.len(), whole.chars().count());
                let offset = whole.char_indices().nth(index).map_or(whole.len(), |(at, _)| at);
                prop_assert_eq!(text.offset(index), offset);
            }
        }
    }
}
