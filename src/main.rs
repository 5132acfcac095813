//! The `mplang` command.

mod allocator;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ! {
    mplang::proc::heap::begin(allocator::first_arena());
    mplang::cli::main()
}
