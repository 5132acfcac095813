//! The two processes of a session: their start, the signals that they get, and how the end of one ends the other.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which of the two processes this is.
pub enum Side {
    /// The first process, with its child.
    Editor(Pid),
    /// The child.
    Evaluator,
}

/// The terminal's modes outside the editor.
static MODES: OnceLock<libc::termios> = OnceLock::new();
/// The editor has changed the terminal's modes.
static EDITING: AtomicBool = AtomicBool::new(false);

/// Makes the evaluator; `None` when the system has no room for a process.
pub fn fork_evaluator() -> Option<Side> {
    let editor = nix::unistd::getpid();
    // SAFETY: this process has one thread.
    match unsafe { fork() }.ok()? {
        ForkResult::Parent { child } => Some(Side::Editor(child)),
        ForkResult::Child => {
            // The kernel ends the evaluator with the editor, and the evaluator's children with it.
            let _ = set_pdeathsig(Signal::SIGKILL);
            if getppid() != editor {
                crate::proc::leave(1);
            }
            Some(Side::Evaluator)
        }
    }
}

/// In the editor: Ctrl-C is for the evaluator, and whatever ends this process at the prompt gives the terminal back its
/// modes first.
pub fn guard_terminal() {
    // SAFETY: a termios is plain numbers, and the call fills it or fails.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live termios.
    if unsafe { libc::tcgetattr(libc::STDIN_FILENO, &mut modes) } == 0 {
        let _ = MODES.set(modes);
    }
    handle(&[Signal::SIGINT, Signal::SIGPIPE], SigHandler::SigIgn, SaFlags::empty());
    let end = SigHandler::Handler(on_end);
    handle(&[Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT], end, SaFlags::SA_RESTART);
    handle(&[Signal::SIGCHLD], end, SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP);
}

/// Runs `edit`, at whose prompt the end of the evaluator ends this process.
pub fn while_editing<T>(evaluator: Pid, edit: impl FnOnce() -> T) -> Option<T> {
    EDITING.store(true, Ordering::SeqCst);
    // It may have ended before the handler would have acted on it.
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let alive = matches!(waitid(Id::Pid(evaluator), flags), Ok(WaitStatus::StillAlive));
    let result = alive.then(edit);
    EDITING.store(false, Ordering::SeqCst);
    result
}

/// Waits for the end of the evaluator and gives the exit status of the session.
pub fn end_of(evaluator: Pid) -> u8 {
    loop {
        match waitpid(evaluator, None) {
            Ok(WaitStatus::Exited(_, status)) => return status as u8,
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                let message = format!("mplang: the session was ended by {}\n", signal.as_str());
                // Nobody can be told when standard error is closed.
                let _ = std::io::stderr().write_all(message.as_bytes());
                return 128 + signal as u8;
            }
            Err(nix::errno::Errno::EINTR) | Ok(_) => {}
            Err(_) => return 1,
        }
    }
}

fn handle(signals: &[Signal], handler: SigHandler, flags: SaFlags) {
    let action = SigAction::new(handler, flags, SigSet::empty());
    for &signal in signals {
        // SAFETY: the handlers do only what is allowed in a handler. These signals cannot be refused.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

extern "C" fn on_end(signal: i32) {
    let child = signal == libc::SIGCHLD;
    if EDITING.load(Ordering::SeqCst) {
        let text: &[u8] = if child { PASTE_OFF_AND_TOLD } else { PASTE_OFF };
        // SAFETY: these calls are allowed in a handler, and the modes are set once, before the handlers are.
        unsafe {
            libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len());
            if let Some(modes) = MODES.get() {
                libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, modes);
            }
        }
    } else if child {
        return;
    }
    // SAFETY: `_exit` is allowed in a handler.
    unsafe { libc::_exit(if child { 1 } else { 128 + signal }) }
}

/// Tells the terminal to send pasted text as if it was typed, as before.
const PASTE_OFF: &[u8] = b"\x1b[?2004l\r\n";
const PASTE_OFF_AND_TOLD: &[u8] = b"\x1b[?2004l\r\nmplang: the session was ended from outside\r\n";
