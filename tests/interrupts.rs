//! Signals end the waits of the world. In a test binary of its own, because the notice of a signal is the process's.

use mplang::vm::fault::{Fault, Kind};
use mplang::vm::machine::{clear_interrupt, interrupt, interrupted};
use mplang::world::{Output, wait};
use nix::poll::PollFlags;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::os::fd::AsFd;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

extern "C" fn handler(_: i32) {
    interrupt();
}

fn stop() -> Result<(), Fault> {
    assert!(interrupted());
    clear_interrupt();
    Err(Fault::new(Kind::Cancelled, "stopped"))
}

/// Sends signals to this thread again and again while `body` runs: the first may come before the wait begins.
/// A wait that no signal ends is ended with the whole test process.
fn under_signals(body: impl FnOnce()) {
    // SAFETY: it only names the calling thread.
    let thread = unsafe { libc::pthread_self() };
    let (done, stop) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = Instant::now() + Duration::from_secs(60);
            while stop.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
                if Instant::now() > end {
                    eprintln!("signals do not end this wait");
                    std::process::exit(1);
                }
                // SAFETY: the thread waits for the end of this scope, so it is there.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
            }
        });
        body();
        drop(done);
    });
}

/// A wait for ever, for input and for room in a full pipe all end when a signal comes, also one that came before.
#[test]
fn signals_end_waits() {
    let action = SigAction::new(SigHandler::Handler(handler), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler sets a flag and nothing else.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let (reader, writer) = nix::unistd::pipe().unwrap();

    interrupt();
    assert!(wait(None, None, stop).is_err());
    interrupt();
    assert!(wait(Some((writer.as_fd(), PollFlags::POLLOUT)), None, stop).is_err());
    assert!(wait(Some((writer.as_fd(), PollFlags::POLLOUT)), None, stop).is_ok_and(|ready| ready));
    let until = Instant::now() + Duration::from_millis(1);
    assert!(wait(Some((reader.as_fd(), PollFlags::POLLIN)), Some(until), stop).is_ok_and(|ready| !ready));

    let mut output = Output::new(writer, "standard output", stop);
    under_signals(|| {
        assert!(wait(None, None, stop).is_err());
        assert!(wait(Some((reader.as_fd(), PollFlags::POLLIN)), None, stop).is_err());
        let fault = output.print("x".repeat(10 << 20)).err().unwrap();
        assert!(fault.is(Kind::Cancelled));
    });

    // What the signal left over is kept for later: now there is nobody to read it.
    clear_interrupt();
    drop(reader);
    assert_eq!(output.flush().err().unwrap().0.exit, Some(141));
}
