//! The `mplang` command.

fn main() -> ! {
    mplang::cli::main()
}
