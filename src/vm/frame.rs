//! Calls in progress.

use super::code::{Instr, Proto, Reg};
use std::rc::Rc;

/// A call in progress.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// Its code. Prototypes are never freed while the machine lives.
    pub proto: *const Proto,
    /// The next instruction, while something else runs.
    pub pc: *const Instr,
    /// Its first register in the stack.
    pub base: u32,
    /// The caller's register for the result.
    pub dst: Reg,
    /// What happens with the result.
    pub then: Then,
}

impl Frame {
    /// A call that begins.
    pub fn new(proto: &Rc<Proto>, base: usize, dst: Reg, then: Then) -> Frame {
        Frame { proto: Rc::as_ptr(proto), pc: proto.code.as_ptr(), base: base as u32, dst, then }
    }

    /// Its code.
    #[inline(always)]
    pub fn proto(&self) -> &Proto {
        // SAFETY: prototypes live as long as the program, which only grows and which the machine owns with its frames.
        unsafe { &*self.proto }
    }

    /// The number of the next instruction.
    pub fn next(&self) -> usize {
        // SAFETY: `pc` points into the code, or to its end.
        unsafe { self.pc.offset_from_unsigned(self.proto().code.as_ptr()) }
    }

    /// The number of the instruction that is being done.
    pub fn present(&self) -> u32 {
        self.next().saturating_sub(1).min(self.proto().code.len().saturating_sub(1)) as u32
    }

    /// Whether that belongs to a `finally` or to the end of a `with`.
    pub fn is_clearing_up(&self) -> bool {
        let handlings = &self.proto().handlings;
        let is_here = |at: u32| handlings.iter().any(|h| h.completion.is_some() && h.start <= at && at < h.end);
        !handlings.is_empty() && is_here(self.present())
    }

    /// Goes on at the instruction with this number.
    pub fn go(&mut self, next: usize) {
        self.pc = &raw const self.proto().code[next];
    }
}

/// What happens with the result of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It goes into the register of the caller, which is the frame below.
    Store,
    /// The machine is done.
    Finish,
    /// It is the result of a stage of the stream that is being read.
    Stage,
    /// It is the new value of the last of the places that are being changed.
    Place,
}
