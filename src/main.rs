//! The `mplang` command.

fn main() {}
