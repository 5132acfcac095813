//! The `mplang` command.

mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ! {
    mplang::cli::main()
}
