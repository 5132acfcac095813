//! External commands: started by fork and exec under a [`guard`], never through a shell.

mod guard;
mod image;
mod running;
mod stdio;

use super::signals::{self, Forked};
use super::{attend, output, reaper, signal_name};
use crate::shm::exit_status::Ended;
use crate::vm::fault::{Fault, Kind};
use crate::vm::op::{Command, Take};
use crate::vm::value::{Map, Value};
use crate::world::{self, Local, io};
use guard::{REPORT, Report};
use image::{Image, title};
use nix::poll::PollFlags;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use running::{Running, no_pipe};
use std::os::fd::AsFd;
use std::rc::Rc;
use stdio::Stdio;

/// The status by which a shell tells that nobody reads a command's output.
const NOBODY_READS: i32 = 128 + libc::SIGPIPE;

/// Runs a command for a process of the run whose first process is `run`.
#[inline(never)]
pub fn perform(command: Command, local: &mut Local, run: u32) -> Result<Value, Fault> {
    let is_first = std::process::id() == run;
    if is_first {
        reaper::adopt_orphans();
    }
    let input = match &command.input {
        Some(bytes) => Some(stdio::bytes(bytes)?),
        None if is_first && command.take != Take::Nothing => None,
        None => Some(stdio::nothing()?),
    };
    let command = Rc::new(command);
    match command.take {
        Take::Nothing => detach(&command, run, Stdio { input, output: None }),
        Take::End => {
            let ended = if output::is_kept() {
                let (read, written) = stdio::pipe().map_err(no_pipe)?;
                let running = Running::start(&command, run, Stdio { input, output: Some(written) })?;
                running.hand_on(&read, |bytes| local.write_out(bytes))?
            } else {
                Running::start(&command, run, Stdio { input, output: None })?.wait_end()?
            };
            if matches!(ended, Ended::Signal(libc::SIGPIPE) | Ended::Exit(NOBODY_READS)) {
                local.look_whether_closed()?;
            }
            judge(&command, ended, None)
        }
        Take::Text | Take::Bytes => {
            let (read, written) = stdio::pipe().map_err(no_pipe)?;
            let mut running = Running::start(&command, run, Stdio { input, output: Some(written) })?;
            let bytes = running.read(&read)?;
            let ended = running.wait_end()?;
            judge(&command, ended, Some(bytes))
        }
        Take::Lines => {
            let (read, written) = stdio::pipe().map_err(no_pipe)?;
            let running = Running::start(&command, run, Stdio { input, output: Some(written) })?;
            let name = title(&command);
            let at_end = Box::new(move || {
                let ended = running.wait_end()?;
                if command.check { failure(&command, ended) } else { Ok(()) }
            });
            Ok(local.lines_from(read, &name, at_end))
        }
    }
}

/// Kills what has come to this process, the first of a run, because a guard was killed before it.
pub fn end_orphans() {
    let mark = format!("{}={}", image::RUN, std::process::id()).into_bytes();
    let read = |pid: &i32, what: &str| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    let is_ours = |pid: &i32| {
        // One that is just ending has neither, and perhaps children that will come here.
        read(pid, "cmdline").is_empty()
            || read(pid, "environ").split(|&byte| byte == 0).any(|variable| variable == mark)
    };
    loop {
        let orphans: Vec<i32> = guard::children().into_iter().filter(is_ours).collect();
        if orphans.is_empty() {
            return;
        }
        // Those of one that ends come here in turn.
        for pid in orphans {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            reaper::await_orphan(pid);
        }
    }
}

fn judge(command: &Command, ended: Ended, output: Option<Vec<u8>>) -> Result<Value, Fault> {
    let out = |bytes: Vec<u8>| {
        if command.take == Take::Bytes { Ok(Value::bytes(bytes)) } else { text(command, bytes) }
    };
    if command.check {
        failure(command, ended)?;
        return output.map_or(Ok(Value::Null), out);
    }
    let mut map = Map::default();
    map.insert("ok".into(), Value::bool(ended == Ended::Exit(0)));
    let (status, signal) = match ended {
        Ended::Exit(status) => (Value::Int(status.into()), Value::Null),
        Ended::Signal(signal) => (Value::Null, Value::Int(signal.into())),
    };
    map.insert("exit_code".into(), status);
    map.insert("signal".into(), signal);
    if let Some(bytes) = output {
        map.insert("out".into(), out(bytes)?);
    }
    Ok(Value::map(map))
}

/// The text that a command wrote, without the end of its last line.
fn text(command: &Command, mut bytes: Vec<u8>) -> Result<Value, Fault> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    String::from_utf8(bytes).map(Value::from).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io(format!("the output of `{}` is not UTF-8 text: byte {at} is none", title(command)))
            .help("`capture(…, bytes = true)` gives it as it is")
    })
}

/// An error unless the command ended well.
fn failure(command: &Command, ended: Ended) -> Result<(), Fault> {
    let words = command.words.iter().map(|word| Value::from(&*String::from_utf8_lossy(word))).collect();
    let mut data = Map::default();
    data.insert("command".into(), Value::list(words));
    let name = title(command);
    let fault = match ended {
        Ended::Exit(0) => return Ok(()),
        Ended::Exit(status) => {
            data.insert("exit_code".into(), Value::Int(status.into()));
            let fault = Fault::new(Kind::ProcessFailed, format!("the command `{name}` ended with status {status}"));
            match command.take {
                Take::Lines => fault.help("`check = false` takes what it wrote all the same"),
                _ => fault.help("`check = false` gives the status in place of this error"),
            }
        }
        Ended::Signal(signal) => {
            data.insert("signal".into(), Value::Int(signal.into()));
            let message = format!("the command `{name}` was killed by signal {signal}{}", signal_name(signal));
            Fault::new(Kind::ProcessKilled, message)
        }
    };
    Err(fault.data(Value::map(data)))
}

/// Starts a command that is in no tree, and gives its pid.
fn detach(command: &Command, run: u32, stdio: Stdio) -> Result<Value, Fault> {
    let image = Image::new(command, run);
    let (failure, fails) = stdio::pipe().map_err(no_pipe)?;
    let starter = nix::unistd::getpid();
    match signals::fork_blocked().map_err(crate::proc::limits::no_more_processes)? {
        Forked::Child(mask) => {
            // Until it is in no group that may be stopped.
            guard::end_with(starter, Signal::SIGKILL);
            let _ = nix::unistd::setsid();
            guard::end_with(starter, None);
            let (step, errno) = guard::become_command(&image, &stdio, &mask);
            let _ = nix::unistd::write(fails.as_fd(), &Report::Failed(step, errno).pack());
            signals::exit(127)
        }
        Forked::Parent(pid) => {
            drop((fails, stdio));
            let process = Pid::from_raw(pid);
            let attend = || {
                // As a guard, it may have been stopped as it left the group.
                let _ = kill(process, Signal::SIGCONT);
                attend()
            };
            if let Err(fault) = world::wait(Some((failure.as_fd(), PollFlags::POLLIN)), None, attend) {
                let _ = kill(process, Signal::SIGKILL);
                return Err(fault);
            }
            let mut bytes = [0; REPORT];
            if let Ok(REPORT) = nix::unistd::read(&failure, &mut bytes)
                && let Report::Failed(step, errno) = Report::unpack(bytes)
            {
                return Err(image.failure(command, step, errno));
            }
            Ok(Value::Int(pid.into()))
        }
    }
}
