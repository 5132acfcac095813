//! Signals: they interrupt what a process does, and it acts on them at the next step or wait.

use crate::shm::park;
use crate::vm::machine;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

static ENDING: AtomicI32 = AtomicI32::new(0);
/// The process has begun to end as it was asked to.
static OBEYED: AtomicBool = AtomicBool::new(false);
static CHILD: AtomicBool = AtomicBool::new(false);
/// When the signal came that asks this process to end, in milliseconds of the system's clock.
static ASKED_AT: AtomicI64 = AtomicI64::new(0);
/// Nobody else watches over how long this process takes to end.
static OWN_GRACE: AtomicBool = AtomicBool::new(false);

/// Somebody asked what the program does.
static QUESTION: AtomicBool = AtomicBool::new(false);
static QUESTION_AT: AtomicI64 = AtomicI64::new(0);
/// Asked twice within so many milliseconds, the program ends.
const SECOND_QUESTION: i64 = 1000;

/// How long a process that was asked to end may go on: what `finally` and `with` clear up.
pub const GRACE: Duration = Duration::from_secs(2);

/// A second Ctrl-C counts after this time: some senders signal a process and its group at once.
const ONE_PRESS: i64 = 50;

extern "C" fn on_end(signal: i32) {
    let before = ENDING.swap(signal, Ordering::Relaxed);
    if before == 0 {
        ASKED_AT.store(milliseconds(), Ordering::Relaxed);
        if OWN_GRACE.load(Ordering::Relaxed) {
            set_alarm(GRACE);
        }
    } else if before == libc::SIGINT
        && signal == libc::SIGINT
        && milliseconds() - ASKED_AT.load(Ordering::Relaxed) > ONE_PRESS
    {
        exit(128 + signal)
    }
    machine::interrupt();
    park::note_signal();
}

extern "C" fn on_child(_: i32) {
    CHILD.store(true, Ordering::Relaxed);
    machine::interrupt();
    park::note_signal();
}

/// What the program does is told. Asked again soon, it ends.
extern "C" fn on_question(signal: i32) {
    let now = milliseconds();
    let last = QUESTION_AT.swap(now, Ordering::Relaxed);
    if last != 0 && (ONE_PRESS..SECOND_QUESTION).contains(&(now - last)) {
        exit(128 + signal)
    }
    QUESTION.store(true, Ordering::Relaxed);
    machine::interrupt();
    park::note_signal();
}

extern "C" fn on_alarm(_: i32) {
    exit(128 + ENDING.load(Ordering::Relaxed))
}

/// The system's clock, which only goes forward.
pub fn milliseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills the structure, and may be called by a signal handler.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

fn set_alarm(after: Duration) {
    let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer =
        libc::itimerval { it_interval: zero, it_value: libc::timeval { tv_sec: after.as_secs() as i64, ..zero } };
    // SAFETY: the structure lives through the call, which a signal handler may make too.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
}

/// The signals that get a handler.
const TAKEN: [Signal; 5] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD, Signal::SIGALRM];

/// Takes the signals that end a process, and those that tell of children. Calls that wait are not restarted. Who starts
/// this program with a signal ignored, as `nohup` does, wants that.
pub fn install() {
    let handle = |signal, handler| {
        let action = SigAction::new(SigHandler::Handler(handler), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handlers store to atomics and make system calls that are allowed in them.
        let _ = unsafe { sigaction(signal, &action) };
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)) {
        handle(signal, on_end as extern "C" fn(i32));
    }
    handle(Signal::SIGCHLD, on_child);
    handle(Signal::SIGQUIT, on_question);
    handle(Signal::SIGALRM, on_alarm);
    OWN_GRACE.store(true, Ordering::Relaxed);
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { sigaction(Signal::SIGPIPE, &ignore) };
}

/// The signal that asks this process to end, if one came.
pub fn ending() -> Option<i32> {
    match ENDING.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

/// The same, but once.
pub fn take_request() -> Option<i32> {
    ending().filter(|_| !OBEYED.swap(true, Ordering::Relaxed))
}

/// Asks this process to end as by a signal.
pub fn end_by(signal: i32) {
    if ENDING.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        machine::interrupt();
        park::note_signal();
    }
}

/// The code of this process has ended: what follows watches over its own time.
pub fn end_grace() {
    OWN_GRACE.store(false, Ordering::Relaxed);
    set_alarm(Duration::ZERO);
}

/// What was printed is written, and then the process ends: by itself soon, when it was asked to end and nobody reads.
pub fn limit_end() {
    if ending().is_some() {
        set_alarm(GRACE);
    }
}

/// A session: it goes on after Ctrl-C.
pub fn wait_for_ever() {
    OWN_GRACE.store(false, Ordering::Relaxed);
}

/// Forgets the signals that came: in a forked child they were the parent's.
fn forget() {
    CHILD.store(false, Ordering::Relaxed);
    // Its parent watches over it.
    OWN_GRACE.store(false, Ordering::Relaxed);
    park::take_signal();
    forget_ending();
}

/// Forgets the signal that asked this process to end: a session goes on after Ctrl-C.
pub fn forget_ending() {
    ENDING.store(0, Ordering::Relaxed);
    OBEYED.store(false, Ordering::Relaxed);
    machine::clear_interrupt();
}

/// From now on Ctrl-C does nothing in this process and those that it will spawn.
pub fn ignore_interrupts() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { sigaction(Signal::SIGINT, &ignore) };
}

/// Whether somebody asked what the program does since this was last asked.
pub fn take_question() -> bool {
    QUESTION.swap(false, Ordering::Relaxed)
}

/// From now on the first process of the run answers for this one.
pub fn ignore_questions() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code.
    let _ = unsafe { sigaction(Signal::SIGQUIT, &ignore) };
}

/// Whether a child ended since this was last asked.
pub fn child_ended() -> bool {
    CHILD.swap(false, Ordering::Relaxed)
}

/// Dies by a signal, for the parent to see.
pub fn die_by(signal: i32) -> ! {
    if let Ok(signal) = Signal::try_from(signal) {
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { sigaction(signal, &default) };
        let _ = nix::sys::signal::raise(signal);
    }
    exit(128 + signal)
}

/// Ends the process at once, without running what the parent has registered for its own end.
pub fn exit(status: i32) -> ! {
    // SAFETY: the process ends here.
    unsafe { libc::_exit(status) }
}

/// Forks. `Ok(None)` is the child.
pub fn fork(ignore_interrupts_in_child: bool) -> nix::Result<Option<i32>> {
    Ok(match fork_blocked()? {
        Forked::Parent(child) => Some(child),
        Forked::Child(mask) => {
            forget();
            if ignore_interrupts_in_child {
                ignore_interrupts();
            }
            // The mask is one that was in force before, which cannot be refused.
            let _ = mask.thread_set_mask();
            None
        }
    })
}

/// What a fork made of this process.
pub enum Forked {
    /// The parent, with the number of its child.
    Parent(i32),
    /// The child, in which all signals are blocked: none may come before it has forgotten those of its parent. With the
    /// mask of the parent.
    Child(SigSet),
}

/// Forks; the child has all signals blocked.
pub fn fork_blocked() -> nix::Result<Forked> {
    debug_assert_eq!(threads(), 1, "a process that forks has one thread");
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    // SAFETY: there is one thread, so no lock is held by another and the child may do anything.
    let forked = unsafe { nix::unistd::fork() };
    if let Ok(nix::unistd::ForkResult::Child) = forked {
        return Ok(Forked::Child(mask));
    }
    // The mask is one that was in force before, which cannot be refused.
    let _ = mask.thread_set_mask();
    Ok(match forked? {
        nix::unistd::ForkResult::Parent { child } => Forked::Parent(child.as_raw()),
        nix::unistd::ForkResult::Child => Forked::Child(mask),
    })
}

/// Gives this process the signals that a program expects: what [`install`] changed is as before, and this mask.
pub fn restore(mask: &SigSet) {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in TAKEN.into_iter().chain([Signal::SIGPIPE]) {
        if !is_ignored(signal) || signal == Signal::SIGPIPE {
            // SAFETY: the default action runs no code of ours.
            let _ = unsafe { sigaction(signal, &default) };
        }
    }
    let _ = mask.thread_set_mask();
}

fn is_ignored(signal: Signal) -> bool {
    // SAFETY: a sigaction is plain numbers and pointers, and the call fills it or fails.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: it only asks.
    let asked = unsafe { libc::sigaction(signal as i32, std::ptr::null(), &mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
