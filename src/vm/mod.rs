//! The machine: values, bytecode and its interpreter. It has no effect on the world.

mod arguments;
#[macro_use]
mod arithmetic;
mod call;
mod change;
pub mod code;
pub mod dump;
pub mod fault;
mod frame;
pub mod iterate;
pub mod machine;
pub mod memo;
pub mod native;
pub mod op;
mod operands;
mod options;
pub mod reach;
mod run;
pub mod safepoint;
mod select;
mod slow;
mod stream;
pub mod types;
pub mod value;
