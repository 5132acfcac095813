//! The `mplang` command.

mod allocator;
#[cfg(static_command)]
mod program_break;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ! {
    mplang::memory::on_refusal(mplang::proc::out_of_memory::end);
    mplang::proc::streams::begin();
    mplang::proc::heap::begin(allocator::first_arena());
    mplang::cli::main()
}
