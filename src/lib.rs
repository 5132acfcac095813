//! mplang, a small scripting language for parallel work: text → tree → bytecode → machine → world.

pub mod diagnostics;
pub mod shm;
pub mod source;
pub mod syntax;
pub mod vm;
