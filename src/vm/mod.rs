//! The machine: values, bytecode and its interpreter. It has no effect on the world.

pub mod fault;
pub mod native;
pub mod op;
pub mod types;
pub mod value;
