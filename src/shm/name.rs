//! Id and name of a process, kept where its slot may be another's by the time it is asked for.

use super::atomic::AtomicU64;
use super::region::{self, shared};

const WORDS: usize = 12;

shared! {
    /// A short text. Whoever writes or reads it holds the lock of the object that it is part of.
    pub(super) struct Name {
        words: [AtomicU64; WORDS],
    }
}

impl Name {
    /// Longer ones are cut.
    pub(super) fn set(&self, name: &str) {
        let bytes: Vec<u8> = name.bytes().take(WORDS * 8 - 1).chain([0]).collect();
        region::write_atomics(&self.words, &bytes);
    }

    pub(super) fn get(&self) -> String {
        let mut bytes = Vec::new();
        region::read_atomics(&self.words, WORDS * 8, &mut bytes);
        let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }
}
