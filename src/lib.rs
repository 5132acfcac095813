//! mplang, a small scripting language for parallel work: text → tree → bytecode → machine → world.

pub mod cli;
pub mod compile;
pub mod diagnostics;
mod escape;
pub mod library;
pub mod memory;
mod near;
pub mod nearest;
pub mod proc;
pub mod repl;
pub mod shm;
pub mod source;
mod stack;
pub mod syntax;
pub mod vm;
pub mod world;
