//! Test programs whose cases fork: each case runs in a child with a deadline, and must leave no process behind.
#![allow(dead_code, reason = "each test program uses a part of it")]

use mplang::shm::exit_status::Ended;
use mplang::shm::process_table::{self, ProcessRef};
use mplang::shm::{self, Channel, Role};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Name, seconds, body.
pub type Case = (&'static str, u32, fn());

/// Runs the cases that the command line names, or all.
pub fn run_cases(cases: &[Case]) -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let exact = std::env::args().any(|arg| arg == "--exact");
    let wanted = |name: &str| {
        names.is_empty() || names.iter().any(|part| if exact { name == part } else { name.contains(part.as_str()) })
    };
    let cases: Vec<&Case> = cases.iter().filter(|case| wanted(case.0)).collect();
    if std::env::args().any(|arg| arg == "--list") {
        cases.iter().for_each(|case| println!("{}: test", case.0));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", cases.len());
    let mut failed = 0;
    for (name, seconds, body) in &cases {
        let started = Instant::now();
        let problem = run(*seconds, *body);
        let result = problem.as_deref().unwrap_or("ok");
        println!("test {name} ... {result} ({:.2} s)", started.elapsed().as_secs_f64());
        failed += usize::from(problem.is_some());
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {} passed; {failed} failed\n", cases.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Forks; the child gets `body`'s return, its panic, or an end by the parent. The one place that forks.
pub fn fork(body: impl FnOnce()) -> i32 {
    let _ = std::io::stdout().flush();
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() } {
        Ok(nix::unistd::ForkResult::Parent { child }) => child.as_raw(),
        Ok(nix::unistd::ForkResult::Child) => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: ends the process at once, without what the parent would do at its end.
            unsafe { libc::_exit(if result.is_ok() { 0 } else { 101 }) }
        }
        Err(error) => panic!("fork: {error}"),
    }
}

/// Runs a case in a process group of its own; says what went wrong.
fn run(seconds: u32, body: fn()) -> Option<String> {
    let pid = fork(|| {
        let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0));
        nix::unistd::alarm::set(seconds);
        shm::start().unwrap();
        // The list of what this process holds moves to a block of its own when it grows: let that be behind.
        let channels: Vec<_> = (0..40).map(|_| Channel::new(None).unwrap()).collect();
        for channel in channels {
            shm::give_up(channel.object(), Role::Put);
            shm::give_up(channel.object(), Role::Take);
        }
        body();
        reap_left();
    });
    let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(pid), nix::unistd::Pid::from_raw(pid));
    let (_, ended) = wait_pid(pid);
    let left = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).is_ok();
    match ended {
        Ended::Exit(0) if left => Some("left processes behind".to_owned()),
        Ended::Exit(0) => None,
        Ended::Signal(libc::SIGALRM) => Some(format!("FAILED: not done after {seconds} s")),
        ended => Some(format!("FAILED: {ended:?}")),
    }
}

pub fn wait_pid(pid: i32) -> (i32, Ended) {
    use nix::sys::wait::{WaitStatus, waitpid};
    loop {
        match waitpid(nix::unistd::Pid::from_raw(pid), None) {
            Ok(WaitStatus::Exited(pid, status)) => return (pid.as_raw(), Ended::Exit(status)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => return (pid.as_raw(), Ended::Signal(signal as i32)),
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => panic!("waitpid: {error}"),
        }
    }
}

/// Spawns a registered child, which holds `holds`.
pub fn spawn(holds: &[(shm::ObjectRef, Role)], body: impl FnOnce()) -> ProcessRef {
    let child = shm::register_child("test").unwrap();
    holds.iter().for_each(|&(object, role)| shm::hold_for(child, object, role).unwrap());
    let pid = fork(|| {
        if shm::after_fork(child).is_ok() {
            body();
        }
    });
    process_table::started(child, pid);
    child
}

/// Waits for the end of a child, reaps it, and gives up the handle.
pub fn join(child: ProcessRef) -> Ended {
    let (_, ended) = wait_pid(child.pid().unwrap());
    process_table::reap(child, ended);
    shm::give_up(child.object(), Role::Handle);
    ended
}

pub fn join_well(child: ProcessRef) {
    assert_eq!(join(child), Ended::Exit(0));
}

/// No child may be left when a case is over.
fn reap_left() {
    assert_eq!(nix::sys::wait::waitpid(None, None), Err(nix::Error::ECHILD), "a child was not joined");
}

pub fn kill(child: ProcessRef) {
    let pid = nix::unistd::Pid::from_raw(child.pid().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

pub fn soon(milliseconds: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(milliseconds))
}

/// Small and fast, with a fixed seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Pairs of words that many processes append to, each whole; survives their deaths.
pub struct Log(std::fs::File);

impl Log {
    pub fn new() -> Log {
        let file = nix::sys::memfd::memfd_create(c"log", nix::sys::memfd::MFdFlags::empty()).unwrap();
        nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_APPEND)).unwrap();
        Log(std::fs::File::from(file))
    }

    pub fn add(&self, a: u64, b: u64) {
        let bytes = [a, b].map(u64::to_le_bytes).concat();
        assert_eq!((&self.0).write(&bytes).unwrap(), 16);
    }

    pub fn read(&self) -> Vec<(u64, u64)> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; self.0.metadata().unwrap().len() as usize];
        self.0.read_exact_at(&mut bytes, 0).unwrap();
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
        bytes.chunks(16).map(|pair| (word(&pair[..8]), word(&pair[8..]))).collect()
    }
}
