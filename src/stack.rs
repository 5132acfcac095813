//! Where on the stack a script runs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

const PAGE: usize = 4096;
/// What the caller's frame, and the way from there, need at most.
const ROOM: usize = 512;

/// Runs `run` with its frames from the end of a page on. Of a fork each page of the stack that is written to costs parent
/// and child a copy: frames that have room on one page must not lie on two.
pub fn from_end_of_page<R>(run: impl FnOnce() -> R) -> R {
    psm::psm_stack_manipulation! {
        yes {
            let end = (psm::stack_pointer() as usize - ROOM) / PAGE * PAGE;
            let page = ptr::with_exposed_provenance_mut(end - PAGE);
            // SAFETY: it is this stack, below all that is in use, with as much room as before to grow downwards. Nothing
            // unwinds out of it.
            let result = unsafe { psm::on_stack(page, PAGE, || catch_unwind(AssertUnwindSafe(run))) };
            result.unwrap_or_else(|panic| resume_unwind(panic))
        }
        no { run() }
    }
}
