//! The `mplang` command.

/// Small blocks are what an interpreter asks for most.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ! {
    mplang::cli::main()
}
