//! What the golden tests are made of: scripts, the sandbox they run in, the comparison.

pub mod check;
pub mod diff;
pub mod sandbox;
pub mod script;
