//! Standard input: one reader for `input()` and `stdin`, so that neither takes what the other should get.

use super::failure::io;
use super::lines::Lines;
use super::wait::Attend;
use crate::vm::fault::Fault;
use std::io::{Stdin, stdin};

/// Standard input, as long as this is the process that may read it.
pub struct Input {
    lines: Option<Lines<Stdin>>,
}

impl Input {
    /// The standard input of the first process.
    pub fn new(attend: Attend) -> Input {
        Input { lines: Some(Lines::new(stdin(), None, attend)) }
    }

    /// The reader; an error in a process that was spawned.
    pub fn lines(&mut self) -> Result<&mut Lines<Stdin>, Fault> {
        self.lines.as_mut().ok_or_else(|| {
            io("standard input belongs to the first process, not to one that was spawned")
                .help("read it there and pass what was read, as an argument or through a queue")
        })
    }

    /// This is a child now: what was read ahead is the parent's.
    pub fn forked(&mut self) {
        self.lines = None;
    }
}
