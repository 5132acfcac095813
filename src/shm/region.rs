//! One anonymous shared-memory region, at the same address in every process, and checked access to it.

use super::ShmError;
use super::atomic::{AtomicI32, AtomicU32, AtomicU64, kill_point};
use super::layout;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::mem::{align_of, size_of};
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, Release};

/// What is asked for first; address space, not memory.
pub(super) const MOST: u64 = 64 << 30;
/// Below this the process table and the arena no longer fit.
const LEAST: u64 = 512 << 20;

static BASE: AtomicUsize = AtomicUsize::new(0);
static SIZE: AtomicUsize = AtomicUsize::new(0);

/// A type that other processes may change at any time, and whose every bit pattern is valid.
///
/// # Safety
/// It consists of atomics alone and has no drop.
pub(super) unsafe trait Shared: Sync + 'static {}

// SAFETY: atomics.
unsafe impl Shared for AtomicU32 {}
// SAFETY: atomics.
unsafe impl Shared for AtomicI32 {}
// SAFETY: atomics.
unsafe impl Shared for AtomicU64 {}
// SAFETY: an array of such types is one.
unsafe impl<T: Shared, const N: usize> Shared for [T; N] {}

/// Declares structs that live in the region: every field must be `Shared`, which the compiler checks.
macro_rules! shared {
    ($($(#[$meta:meta])* $visibility:vis struct $name:ident { $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[repr(C)]
        $visibility struct $name { $($(#[$field_meta])* $field_visibility $field: $type,)* }
        const _: () = { const fn is_shared<T: $crate::shm::region::Shared>() {} $(is_shared::<$type>();)* };
        // SAFETY: the line above makes every field `Shared`.
        unsafe impl $crate::shm::region::Shared for $name {}
    )*};
}
pub(super) use shared;

/// Makes the region if it is not there yet. Must have happened before a fork whose child is to share it.
pub fn ensure() -> Result<(), ShmError> {
    if exists() {
        return Ok(());
    }
    // To pass the limit of file sizes is a deadly signal.
    let mut size = MOST.min(file_size_limit());
    if size < LEAST {
        let why = format!("a file may have {size} bytes, see `ulimit -f`");
        return Err(ShmError::Refused { what: "shared memory", why });
    }
    loop {
        match map(size) {
            Ok(base) => {
                set(base, size);
                return Ok(());
            }
            Err(_) if size / 2 >= LEAST => size /= 2,
            Err(error) => return Err(refused("shared memory", error)),
        }
    }
}

/// That the system refused something, and where the user can ask for more.
pub(super) fn refused(what: &'static str, error: nix::Error) -> ShmError {
    let why = match error {
        nix::Error::ENOMEM => "there is no room for it in memory, see `ulimit -v`".into(),
        nix::Error::EMFILE => "too many files are open, see `ulimit -n`".into(),
        nix::Error::ENFILE => "the system has too many open files".into(),
        other => other.desc().to_lowercase(),
    };
    ShmError::Refused { what, why }
}

fn set(base: NonNull<c_void>, size: u64) {
    SIZE.store(size as usize, Relaxed);
    BASE.store(base.as_ptr() as usize, Release);
}

/// Whether the region has been made, by this process or one that it descends from.
pub fn exists() -> bool {
    BASE.load(Relaxed) != 0
}

/// Bytes of address space that the region has; 0 before [`ensure`].
pub fn size() -> u64 {
    SIZE.load(Relaxed) as u64
}

fn map(size: u64) -> nix::Result<NonNull<c_void>> {
    let file = memfd_create(c"mplang", MFdFlags::MFD_CLOEXEC)?;
    nix::unistd::ftruncate(&file, size as i64)?;
    let length = NonZeroUsize::new(size as usize).ok_or(nix::Error::EINVAL)?;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping, where nothing is; it is never unmapped. The mapping keeps the file.
    let mapped = unsafe { mmap(free_address(length), length, protection, flags, &file, 0) }?;
    // Its descriptor stays open: through it others can look at the region.
    std::mem::forget(file);
    Ok(mapped)
}

/// Where so many bytes have room and what all processes touch is named by one page of page tables.
fn free_address(length: NonZeroUsize) -> Option<NonZeroUsize> {
    const NAMED: usize = layout::COMMON_SIZE as usize;
    const BEFORE: usize = layout::COMMON as usize;
    let more = length.checked_add(NAMED)?;
    // SAFETY: a new mapping without memory, which is given back at once.
    let free = unsafe {
        let free = mmap_anonymous(None, more, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE);
        munmap(free.ok()?, more.get()).ok()?;
        free.ok()?
    };
    NonZeroUsize::new((free.as_ptr() as usize + BEFORE).next_multiple_of(NAMED) - BEFORE)
}

/// Maps another program's region, to be read only.
pub(super) fn attach(file: &std::fs::File, size: u64) -> nix::Result<()> {
    let length = NonZeroUsize::new(size as usize).ok_or(nix::Error::EINVAL)?;
    if size < LEAST {
        return Err(nix::Error::EINVAL);
    }
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping at an address that the kernel chooses; it is never unmapped, and nobody shrinks the file.
    let base = unsafe { mmap(None, length, ProtFlags::PROT_READ, flags, file, 0) }?;
    set(base, size);
    Ok(())
}

fn file_size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct outlives the call.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    if known { limit.rlim_cur.min(limit.rlim_max) } else { u64::MAX }
}

/// Bytes of memory that this process may use: those of the machine, or of its container.
pub(super) fn physical_memory() -> u64 {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = |path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    files.into_iter().filter_map(limit).fold(memory_of_machine(), u64::min)
}

fn memory_of_machine() -> u64 {
    // SAFETY: no pointers.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGE_SIZE)) };
    u64::try_from(pages).unwrap_or(1 << 18) * u64::try_from(page).unwrap_or(4096)
}

/// The start of `length` bytes at `offset`. They lie in the region, else this is a bug.
fn pointer(offset: u64, length: u64) -> *mut u8 {
    let inside = offset.checked_add(length).is_some_and(|end| end <= size());
    assert!(inside, "an offset outside shared memory");
    (BASE.load(Relaxed) + offset as usize) as *mut u8
}

/// The value at `offset`.
#[inline]
pub(super) fn at<T: Shared>(offset: u64) -> &'static T {
    let pointer = pointer(offset, size_of::<T>() as u64);
    debug_assert!((pointer as usize).is_multiple_of(align_of::<T>()));
    // SAFETY: inside the mapping, which is never unmapped, is aligned far beyond any `T`, and whose every byte can be
    // read as atomics.
    unsafe { &*pointer.cast::<T>() }
}

/// The address of `offset` in every process.
pub(super) fn address(offset: u64) -> u64 {
    pointer(offset, 0) as u64
}

/// Copies `bytes` to `offset`. The caller alone may write there, and nobody reads there yet.
#[inline]
pub(super) fn write(offset: u64, bytes: &[u8]) {
    let pointer = pointer(offset, bytes.len() as u64);
    // SAFETY: inside the mapping; a slice of this process's own memory does not overlap it.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), pointer, bytes.len()) }
    kill_point!();
}

/// Copies `length` bytes from `offset` to the end of `bytes`. Nobody writes there meanwhile.
#[inline]
pub(super) fn read(offset: u64, length: usize, bytes: &mut Vec<u8>) {
    let pointer = pointer(offset, length as u64);
    bytes.reserve(length);
    // SAFETY: inside the mapping and within the capacity just reserved; all of the new length is written.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer, bytes.as_mut_ptr().add(bytes.len()), length);
        bytes.set_len(bytes.len() + length);
    }
}

/// The bytes at `offset`, which nobody writes as long as they are looked at.
pub(super) fn bytes(offset: u64, length: usize) -> &'static [u8] {
    let pointer = pointer(offset, length as u64);
    // SAFETY: inside the mapping, which stays; the caller sees to the rest.
    unsafe { std::slice::from_raw_parts(pointer, length) }
}

/// Whether these bytes stand at `offset`. Nobody writes there meanwhile.
pub(super) fn equals(offset: u64, bytes: &[u8]) -> bool {
    let pointer = pointer(offset, bytes.len() as u64);
    // SAFETY: inside the mapping.
    unsafe { std::slice::from_raw_parts(pointer, bytes.len()) == bytes }
}

/// Fills with zeros. The caller alone may write there, and nobody reads there yet.
pub(super) fn clear(offset: u64, length: usize) {
    let pointer = pointer(offset, length as u64);
    // SAFETY: inside the mapping.
    unsafe { std::ptr::write_bytes(pointer, 0, length) }
}

/// So many words from `offset`, as the rest of the program may see them.
pub(super) fn words(offset: u64, count: usize) -> &'static [super::atomic::SystemU64] {
    let pointer = pointer(offset, count as u64 * 8);
    // SAFETY: inside the mapping, which is never unmapped, aligned as blocks are, and readable as atomics.
    unsafe { std::slice::from_raw_parts(pointer.cast(), count) }
}

/// Where something in the region lies.
pub(super) fn offset_of<T: Shared>(value: &T) -> u64 {
    (&raw const *value) as u64 - BASE.load(Relaxed) as u64
}

/// Copies at most `N * 8` bytes into words, by whole words.
#[inline]
pub(super) fn write_atomics<const N: usize>(words: &[AtomicU64; N], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<8>();
    for (word, part) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*part), Relaxed);
    }
    if let (Some(word), false) = (words.get(whole.len()), rest.is_empty()) {
        let bits = rest.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        word.store(bits.to_le(), Relaxed);
    }
}

/// The reverse of [`write_atomics`].
#[inline]
pub(super) fn read_atomics<const N: usize>(words: &[AtomicU64; N], length: usize, bytes: &mut Vec<u8>) {
    let mut all = [[0; 8]; N];
    for (word, value) in words.iter().zip(&mut all) {
        *value = word.load(Relaxed).to_ne_bytes();
    }
    bytes.extend_from_slice(&all.as_flattened()[..length.min(N * 8)]);
}

/// Makes sure that there is memory for bytes that are about to be written; false when the system has none.
pub(super) fn fill(offset: u64, length: u64) -> bool {
    const PAGE: u64 = 4096;
    let start = offset / PAGE * PAGE;
    let length = length + offset - start;
    let pointer = pointer(start, length);
    loop {
        // SAFETY: inside the mapping; the contents stay.
        let result = unsafe { libc::madvise(pointer.cast(), length as usize, libc::MADV_POPULATE_WRITE) };
        match if result == 0 { return true } else { nix::Error::last() } {
            nix::Error::EINTR | nix::Error::EAGAIN => {}
            // A system that does not know how gives memory when it is written to.
            nix::Error::EINVAL => return true,
            _ => return false,
        }
    }
}

/// Gives whole pages back to the system; they read as zeros afterwards.
pub(super) fn give_back(offset: u64, length: u64) {
    let Some(start) = NonNull::new(pointer(offset, length).cast::<c_void>()) else { return };
    // SAFETY: inside the mapping, and the caller has made sure that nothing refers to these pages.
    // A refusal only means that the memory stays in use.
    let _ = unsafe { madvise(start, length as usize, MmapAdvise::MADV_REMOVE) };
    kill_point!();
}
