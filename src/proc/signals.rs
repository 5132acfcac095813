//! Signals: they interrupt what a process does, and it acts on them at the next step or wait.

use crate::shm::{self, park};
use crate::vm::machine;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::time::{Duration, Instant};

static ENDING: AtomicI32 = AtomicI32::new(0);
/// The process has begun to end as it was asked to.
static OBEYED: AtomicBool = AtomicBool::new(false);
static CHILD: AtomicBool = AtomicBool::new(false);
/// When the signal came that asks this process to end, in milliseconds of the system's clock.
static ASKED_AT: AtomicI64 = AtomicI64::new(0);
/// A signal that asks this process to end gives it the grace time from then on.
static OWN_GRACE: AtomicBool = AtomicBool::new(false);
/// A `finally` runs.
static CLEARS_UP: AtomicBool = AtomicBool::new(false);
/// It holds up what is to be cancelled.
static HELD_UP: AtomicBool = AtomicBool::new(false);
/// This process was spawned: its parent shall see that it was killed.
static SPAWNED: AtomicBool = AtomicBool::new(false);
/// When this process is killed, and when it looks what time has passed, by the same clock; or [`NEVER`].
static KILL_AT: AtomicI64 = AtomicI64::new(NEVER);
static WAKE_AT: AtomicI64 = AtomicI64::new(NEVER);
/// When it looks again whether a child has ended, or a `finally`.
static REMIND_AT: AtomicI64 = AtomicI64::new(NEVER);
const NEVER: i64 = i64::MAX;
/// How much longer than the grace time an end may take, in milliseconds: children are ended and output is written.
static LAST_WORK: AtomicI64 = AtomicI64::new(0);

/// Who asked it to end was not a process of the run.
static FROM_OUTSIDE: AtomicBool = AtomicBool::new(false);

/// Somebody asked what the program does.
static QUESTION: AtomicBool = AtomicBool::new(false);
/// Another process answers for this one.
static SILENT: AtomicBool = AtomicBool::new(false);
static QUESTION_AT: AtomicI64 = AtomicI64::new(0);
/// Asked twice within so many milliseconds, the program ends.
const SECOND_QUESTION: i64 = 1000;

/// How long a process that was asked to end may go on: what `finally` and `with` clear up.
pub const GRACE: Duration = Duration::from_secs(2);

/// After this time it is looked at again whether a `finally` is over, where no step tells it.
const SOON: Duration = Duration::from_millis(10);

/// A second Ctrl-C counts after this time: some senders signal a process and its group at once.
const ONE_PRESS: i64 = 50;

extern "C" fn on_end(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let before = ENDING.swap(signal, Ordering::Relaxed);
    if before == 0 {
        let now = milliseconds();
        ASKED_AT.store(now, Ordering::Relaxed);
        // SAFETY: the kernel gives a handler the facts of its signal.
        let (of_the_run, value) = unsafe { ((*info).si_code == libc::SI_QUEUE, (*info).si_value().sival_ptr as i64) };
        FROM_OUTSIDE.store(!of_the_run, Ordering::Relaxed);
        if OWN_GRACE.load(Ordering::Relaxed) {
            let grace = if of_the_run { value } else { 0 };
            let grace = if grace > 0 { grace } else { GRACE.as_millis() as i64 };
            let grace = grace.saturating_add(LAST_WORK.load(Ordering::Relaxed));
            KILL_AT.fetch_min(now.saturating_add(grace), Ordering::Relaxed);
            set_alarm();
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
    if SILENT.load(Ordering::Relaxed) {
        return;
    }
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
    let now = milliseconds();
    if now >= KILL_AT.load(Ordering::Relaxed) {
        kill_self()
    }
    for at in [&WAKE_AT, &REMIND_AT] {
        if now >= at.load(Ordering::Relaxed) {
            at.store(NEVER, Ordering::Relaxed);
            machine::interrupt();
            park::note_signal();
        }
    }
    set_alarm();
}

/// The grace time is over.
fn kill_self() -> ! {
    let ending = ENDING.load(Ordering::Relaxed);
    if !SPAWNED.load(Ordering::Relaxed) {
        if ending != 0 {
            exit(128 + ending)
        }
        let text = b"mplang: killed: what followed `cancelled`, in `finally` or `with`, took longer than 2 s\n";
        // SAFETY: the text is there; a signal handler may write.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    }
    // SAFETY: a signal handler may kill.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    exit(128 + libc::SIGKILL)
}

/// The system's clock, which only goes forward.
pub fn milliseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills the structure, and may be called by a signal handler.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

fn next_alarm() -> i64 {
    [&KILL_AT, &WAKE_AT, &REMIND_AT].map(|at| at.load(Ordering::Relaxed)).into_iter().fold(NEVER, i64::min)
}

/// Sets the one timer of this process to the next moment that something is due.
fn set_alarm() {
    loop {
        let next = next_alarm();
        let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
        let mut timer = libc::itimerval { it_interval: zero, it_value: zero };
        if next != NEVER {
            // A timer of zero would be none.
            let left = (next - milliseconds()).max(1);
            timer.it_value = libc::timeval { tv_sec: left / 1000, tv_usec: left % 1000 * 1000 };
        }
        // SAFETY: the structure lives through the call, which a signal handler may make too.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
        tell_limit();
        // A handler may have come in between and set another.
        if next == next_alarm() {
            break;
        }
    }
}

/// Tells whether a scope's time will end the present wait, whatever that is for: no circle with it is a deadlock. The
/// grace time ends the process, so it is better told.
fn tell_limit() {
    shm::set_limited(WAKE_AT.load(Ordering::Relaxed) != NEVER);
}

/// Makes waits and the machine look what time has passed, at this moment at the latest; `None`: no more.
pub fn wake_at(moment: Option<Instant>) {
    let left = moment.map(|moment| moment.saturating_duration_since(Instant::now()).as_millis() as i64 + 1);
    WAKE_AT.store(left.map_or(NEVER, |left| milliseconds().saturating_add(left)), Ordering::Relaxed);
    set_alarm();
}

/// Makes waits and the machine look at this moment, or soon after it, whether a child has ended or a `finally`.
pub fn remind_at(moment: Instant) {
    if REMIND_AT.load(Ordering::Relaxed) == NEVER {
        let left = moment.saturating_duration_since(Instant::now()).as_millis() as i64 + 1;
        REMIND_AT.store(milliseconds().saturating_add(left), Ordering::Relaxed);
        set_alarm();
    }
}

/// What was being done has been cancelled: this process is killed unless [`end_grace`] comes within the grace time.
pub fn begin_grace() {
    if OWN_GRACE.load(Ordering::Relaxed) {
        KILL_AT.fetch_min(milliseconds() + GRACE.as_millis() as i64, Ordering::Relaxed);
        set_alarm();
    }
}

/// Stops the clock of the grace time; [`resume_grace`] lets it go on with what is left.
pub fn hold_grace() -> Option<i64> {
    let at = KILL_AT.swap(NEVER, Ordering::Relaxed);
    set_alarm();
    (at != NEVER).then(|| at - milliseconds())
}

/// See [`hold_grace`].
pub fn resume_grace(left: Option<i64>) {
    if let Some(left) = left {
        KILL_AT.fetch_min(milliseconds() + left.max(1), Ordering::Relaxed);
        set_alarm();
    }
}

/// The grace time is no more about this process: what was cancelled has been left.
pub fn end_grace() {
    if forget_moment(&KILL_AT) {
        set_alarm();
    }
}

/// Says whether it was one. A page that this process shares with another is not written to without need.
fn forget_moment(at: &AtomicI64) -> bool {
    at.load(Ordering::Relaxed) != NEVER && at.swap(NEVER, Ordering::Relaxed) != NEVER
}

/// The signals that ask a process to end.
const ENDS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
/// The signals that get a handler.
const TAKEN: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD, Signal::SIGALRM, Signal::SIGQUIT];

/// What a write that fails would die of: it is an error.
const ERRORS: [Signal; 2] = [Signal::SIGPIPE, Signal::SIGXFSZ];

/// Takes the signals that end a process, and those that tell of children. Calls that wait are not restarted. Who starts
/// this program with a signal ignored, as `nohup` does, wants that.
pub fn install() {
    let handle = |signal, handler, flags| {
        let action = SigAction::new(handler, flags, SigSet::empty());
        // SAFETY: the handlers store to atomics and make system calls that are allowed in them.
        let _ = unsafe { sigaction(signal, &action) };
    };
    for signal in ENDS.into_iter().filter(|signal| !is_ignored(*signal)) {
        handle(signal, SigHandler::SigAction(on_end), SaFlags::SA_SIGINFO);
    }
    handle(Signal::SIGCHLD, SigHandler::Handler(on_child), SaFlags::empty());
    if !is_ignored(Signal::SIGQUIT) {
        handle(Signal::SIGQUIT, SigHandler::Handler(on_question), SaFlags::empty());
    }
    handle(Signal::SIGALRM, SigHandler::Handler(on_alarm), SaFlags::empty());
    // Rust's own handler, which looks for a full stack, lets a process live that another one has sent such a signal.
    for signal in [Signal::SIGSEGV, Signal::SIGBUS] {
        handle(signal, SigHandler::SigDfl, SaFlags::empty());
    }
    OWN_GRACE.store(true, Ordering::Relaxed);
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in ERRORS {
        // SAFETY: ignoring a signal runs no code.
        let _ = unsafe { sigaction(signal, &ignore) };
    }
}

/// Whether a signal of this number asks a process to end.
pub fn ends(signal: i32) -> bool {
    ENDS.iter().any(|&end| end as i32 == signal)
}

/// The signal that asks this process to end, if one came.
pub fn ending() -> Option<i32> {
    match ENDING.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

/// Whether that signal came from outside, and so perhaps to other processes too: the run itself asks each one apart.
pub fn came_from_outside() -> bool {
    FROM_OUTSIDE.load(Ordering::Relaxed)
}

/// Whether [`take_request`] would tell of one.
pub fn is_asked() -> bool {
    ENDING.load(Ordering::Relaxed) != 0 && !obeyed()
}

/// The same, but once.
pub fn take_request() -> Option<i32> {
    ending().filter(|_| !OBEYED.swap(true, Ordering::Relaxed))
}

/// Says whether a `finally` runs.
pub fn set_clearing_up(clears_up: bool) {
    if CLEARS_UP.load(Ordering::Relaxed) != clears_up {
        CLEARS_UP.store(clears_up, Ordering::Relaxed);
    }
}

/// Whether a `finally` runs, which what cancels leaves to its end. In a session it does not: who sits there decides.
pub fn is_clearing_up() -> bool {
    CLEARS_UP.load(Ordering::Relaxed) && OWN_GRACE.load(Ordering::Relaxed)
}

/// A `finally` holds up what is to be cancelled: that is looked at again at the next step or wait outside of one, or soon.
pub fn hold_up() {
    HELD_UP.store(true, Ordering::Relaxed);
    remind_at(Instant::now() + SOON);
}

/// Whether [`hold_up`] was called since this was last asked.
pub fn take_held_up() -> bool {
    HELD_UP.load(Ordering::Relaxed) && HELD_UP.swap(false, Ordering::Relaxed)
}

/// Asks this process to end as by a signal.
pub fn end_by(signal: i32) {
    if ENDING.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        FROM_OUTSIDE.store(true, Ordering::Relaxed);
        machine::interrupt();
        park::note_signal();
    }
}

/// Whether [`take_request`] has told of the signal.
pub fn obeyed() -> bool {
    OBEYED.load(Ordering::Relaxed)
}

/// The code of this process has ended: what follows has time of its own.
pub fn code_ended() {
    set_clearing_up(false);
    LAST_WORK.store(GRACE.as_millis() as i64, Ordering::Relaxed);
    if forget_moment(&WAKE_AT) {
        set_alarm();
    }
    end_grace();
    if ending().is_some() && OWN_GRACE.load(Ordering::Relaxed) {
        KILL_AT.store(milliseconds() + 2 * GRACE.as_millis() as i64, Ordering::Relaxed);
        set_alarm();
    }
}

/// Makes a process end by a signal. TERM leaves it this time for its `finally` and `with`; `None`: as long as it takes.
/// One that is stopped goes on for that.
pub fn end_process(pid: i32, signal: i32, grace: Option<Duration>) {
    let grace = grace.map_or(i64::MAX, |grace| i64::try_from(grace.as_millis()).unwrap_or(i64::MAX).max(1));
    let value = libc::sigval { sival_ptr: grace as *mut libc::c_void };
    // SAFETY: it sends a number along, which the receiver uses as such.
    unsafe { libc::sigqueue(pid, signal, value) };
    // SAFETY: it sends a signal, which only a stopped process notices.
    unsafe { libc::kill(pid, libc::SIGCONT) };
}

/// What was printed is written, and then the process ends: by itself soon, when it was asked to end and nobody reads.
pub fn limit_end() {
    if ending().is_some() {
        KILL_AT.store(milliseconds() + GRACE.as_millis() as i64, Ordering::Relaxed);
        set_alarm();
    }
}

/// A session: it goes on after Ctrl-C.
pub fn wait_for_ever() {
    OWN_GRACE.store(false, Ordering::Relaxed);
}

/// Forgets the signals that came: in a forked child they were the parent's.
fn forget() {
    CHILD.store(false, Ordering::Relaxed);
    SPAWNED.store(true, Ordering::Relaxed);
    set_clearing_up(false);
    OWN_GRACE.store(true, Ordering::Relaxed);
    // Its timer is not set: that was the parent's.
    forget_moment(&KILL_AT);
    forget_moment(&WAKE_AT);
    forget_moment(&REMIND_AT);
    tell_limit();
    LAST_WORK.store(0, Ordering::Relaxed);
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
    SILENT.store(true, Ordering::Relaxed);
}

/// Whether [`child_ended`] would tell of one.
pub fn has_child_ended() -> bool {
    CHILD.load(Ordering::Relaxed)
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
    let mut mask = no_signals();
    let child = fork_keeping(&mut mask)?;
    if child.is_none() {
        forget();
        if ignore_interrupts_in_child {
            ignore_interrupts();
        }
        set_mask(&mask, None);
    }
    Ok(child)
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
    let mut mask = no_signals();
    Ok(match fork_keeping(&mut mask)? {
        Some(child) => Forked::Parent(child),
        // SAFETY: the kernel has filled the set.
        None => Forked::Child(unsafe { SigSet::from_sigset_t_unchecked(mask) }),
    })
}

/// Forks; `Ok(None)` is the child, which has all signals blocked. Afterwards `mask` is that of the parent.
fn fork_keeping(mask: &mut libc::sigset_t) -> nix::Result<Option<i32>> {
    debug_assert_eq!(threads(), 1, "a process that forks has one thread");
    let mut all = no_signals();
    // SAFETY: it fills the set.
    unsafe { libc::sigfillset(&mut all) };
    set_mask(&all, Some(mask));
    // SAFETY: there is one thread, so no lock is held by another and the child may do anything.
    let forked = unsafe { fork_alone() };
    if forked == 0 {
        return Ok(None);
    }
    let forked = nix::errno::Errno::result(forked);
    set_mask(mask, None);
    forked.map(Some)
}

/// A fork without what the C library does for threads and for others that asked it to: there are neither.
#[cfg(fork_alone)]
unsafe fn fork_alone() -> libc::pid_t {
    unsafe extern "C" {
        fn _Fork() -> libc::pid_t;
    }
    // SAFETY: the caller sees to it.
    unsafe { _Fork() }
}

/// The C library's fork.
#[cfg(not(fork_alone))]
use libc::fork as fork_alone;

fn no_signals() -> libc::sigset_t {
    // SAFETY: a set is plain bits.
    unsafe { std::mem::zeroed() }
}

/// Blocks these signals and no others: a set that cannot be refused.
fn set_mask(mask: &libc::sigset_t, before: Option<&mut libc::sigset_t>) {
    let before = before.map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: the sets outlive the call.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, before) };
}

/// Gives this process the signals that a program expects: what [`install`] changed is as before, and this mask.
pub fn restore(mask: &SigSet) {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in TAKEN.into_iter().chain(ERRORS) {
        if !is_ignored(signal) || ERRORS.contains(&signal) {
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
