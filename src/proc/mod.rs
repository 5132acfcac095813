//! Processes: fork, join, channels and locks between them, and how a process ends.

mod apart;
mod at_once;
mod call;
mod channels;
mod children;
mod command;
mod counts;
mod deadlock;
mod handles;
pub mod heap;
mod limits;
mod moves;
pub mod out_of_memory;
mod outcome;
mod outer;
mod output;
mod place;
pub mod ps;
mod reaper;
mod scopes;
mod select;
mod session;
mod shared;
mod signals;
mod spare;
mod spawn;
pub mod streams;
mod sync;
mod tables;
pub mod tell;
mod untaken;

use crate::shm::inspect::{Doing, set_doing};
use crate::shm::{self, ProcessRef, ShmError};
use crate::source::Place;
use crate::vm::fault::{Fault, Kind};
use crate::vm::machine::{Machine, clear_interrupt, set_output_waits};
use crate::vm::op::Op;
use crate::vm::safepoint;
use crate::vm::value::{self, ErrorValue, HandleKey, HandleKind, Met, Value, on_handle, on_items, on_numbers};
use crate::world::{self, Local, Performed, World, after, describe_file, is_stdin};
pub use at_once::at_once;
use children::Tell;
use nix::sys::signal::Signal;
use outcome::Outcome;
pub use outcome::now as clock;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub use output::OutputMode;

/// How a handle prints.
pub fn describe(key: HandleKey) -> String {
    match key.kind {
        HandleKind::File => describe_file(key),
        HandleKind::Process => match ProcessRef::of(handles::object(key)) {
            Some(process) => format!("<process {}>", process.title()),
            None => "<process>".into(),
        },
        kind => format!("<{}>", kind.type_of().name()),
    }
}

/// Ends this process with a status.
pub fn leave(status: u8) -> ! {
    signals::exit(i32::from(status))
}

/// Writes an error that nobody caught as the user shall see it.
pub type Report = Box<dyn Fn(&ErrorValue) -> Vec<u8>>;

/// The real world: files, output, processes.
pub struct Real {
    local: Local,
    tell: Tell,
    /// This process was spawned, at this place: its result goes to shared memory.
    spawned_at: Option<Place>,
    /// The number of the run's first process.
    run: u32,
}

thread_local! {
    static SESSION: Cell<bool> = const { Cell::new(false) };
    static OUTPUT_LOCK: Cell<Option<shm::UserLock>> = const { Cell::new(None) };
    /// How often this process has it.
    static OUTPUT_LOCKED: Cell<usize> = const { Cell::new(0) };
}

/// Keeps prints whole between the processes of a run, once there are several.
fn lock_output(take: bool) {
    // What a signal brings may be written while something else is.
    let before = OUTPUT_LOCKED.get();
    let depth = if take { before + 1 } else { before.saturating_sub(1) };
    OUTPUT_LOCKED.set(depth);
    if before > 0 && depth > 0 {
        return;
    }
    if let Some(lock) = OUTPUT_LOCK.get() {
        // A lock that cannot be taken is no reason not to write.
        if take {
            let mut interrupted = false;
            while let Ok(shm::user_lock::Acquired::Interrupted) = lock.acquire(None) {
                // What the signal asks for waits until the text is written: the next wait finds it.
                shm::park::take_signal();
                interrupted = true;
            }
            if interrupted {
                shm::park::note_signal();
            }
        } else {
            let _ = lock.release();
        }
    }
}

impl Real {
    /// The world of the first process of a run.
    pub fn new(args: Vec<String>, report: Report) -> Real {
        on_handle(handles::on_handle);
        outer::begin();
        on_numbers(shared::words);
        on_items(shared::place, handles::alone);
        signals::install();
        world::set_output_lock(lock_output);
        world::set_idle(spare::give_back);
        safepoint::on_interrupt(act_on_signals);
        shm::park::set_idle(spare::give_back);
        let tell: Tell = Rc::new(move |error| {
            output::note_told(error);
            world::say(&report(error));
        });
        children::begin(tell.clone());
        Real { local: Local::new(args, attend), tell, spawned_at: None, run: std::process::id() }
    }

    /// From now on output is written in this mode.
    pub fn set_output(&mut self, mode: OutputMode) -> Result<(), Fault> {
        if output::begin(mode)? {
            self.local.keep_output(output::keep, output::read_own);
        }
        Ok(())
    }

    /// Makes the random numbers of the run those of this seed.
    pub fn set_seed(&mut self, seed: i64) {
        self.local.seed(seed);
    }

    /// Shows an error that nobody caught.
    fn show(&mut self, error: &ErrorValue) {
        // What was printed before comes first; a failure of that is told by the last flush.
        let _ = self.local.flush();
        (self.tell)(error);
    }

    /// Shows errors that gave way to a stop. The run has failed by them, if it does not end by the stop itself.
    pub fn show_dropped(&mut self, machine: &mut Machine) {
        for mut fault in std::mem::take(&mut machine.dropped) {
            if let (Some(place), Some(me)) = (self.spawned_at, shm::process_table::me()) {
                outcome::note_process(&mut fault, me);
                fault = fault.spawned_at(place);
            }
            self.show(&fault.0);
            shm::process_table::note_dropped();
            children::note_told();
        }
    }

    /// As [`Real::finish`], for what was run by this machine: what functions in the result mention goes with it.
    pub fn finish_from(&mut self, machine: &mut Machine, result: Result<Value, Fault>) -> u8 {
        self.show_dropped(machine);
        outer::from(machine, || self.finish(result))
    }

    /// Ends the run of this process: waits for its children, shows what failed, gives the exit status. A spawned
    /// process does not return from here.
    pub fn finish(&mut self, result: Result<Value, Fault>) -> u8 {
        signals::code_ended();
        let flushed = self.local.flush();
        let result = own_signal_first(result.and_then(|value| flushed.map(|()| value)));
        if let Some(place) = self.spawned_at {
            let result = result.map_err(|fault| fault.spawned_at(place));
            self.finish_child(result)
        }
        let mut status = 0;
        if let Err(Fault(error)) = &result {
            status = error.exit.unwrap_or(1);
            if error.exit.is_none() || is_interrupt(error) {
                self.show(error);
            }
            children::stop_all();
        }
        let stopped = result.is_err();
        drop(result);
        handles::give_up_all(&[]);
        reaper::end_guards();
        let failures = children::wait_all();
        if let Some(signal) = signals::ending()
            && !stopped
        {
            let Fault(error) = ended_by(signal);
            status = error.exit.unwrap_or(1);
            if is_interrupt(&error) {
                self.show(&error);
            }
        }
        for failure in &failures {
            self.show(&failure.0);
        }
        if !failures.is_empty() || children::told() || shm::process_table::some_dropped() {
            status = status.max(1);
        }
        untaken::report();
        signals::limit_end();
        if let Err(Fault(error)) = self.local.flush().and(output::finish()) {
            status = error.exit.unwrap_or(1);
            if error.exit.is_none() && !output::is_told(&error) {
                self.show(&error);
            }
        }
        command::end_orphans();
        status
    }

    fn finish_child(&mut self, mut result: Result<Value, Fault>) -> ! {
        let spawned_at = |fault: Fault| match self.spawned_at {
            Some(place) => fault.spawned_at(place),
            None => fault,
        };
        let (mut kept, mut gone) = (Vec::new(), None);
        let outcome = match &result {
            Ok(value) => value.clone(),
            Err(Fault(error)) => Value::Error(error.clone()),
        };
        let mut codes = Vec::new();
        if !value::look_shortly(&outcome, &mut |_| false) {
            value::visit(&outcome, &mut |met| match met {
                Met::Object(key) => {
                    gone = gone.take().or_else(|| handles::check(key).err());
                    kept.push(key);
                }
                Met::Code(code) => codes.push(code),
            });
        }
        for (_, value) in if codes.is_empty() { Vec::new() } else { outer::taken_along(&codes) } {
            value::handles(&value, &mut |key| kept.push(key));
        }
        drop(outcome);
        if let (Ok(_), Some(fault)) = (&result, gone) {
            // An end that has moved on cannot be a part of the result.
            result = Err(spawned_at(fault));
        }
        let own_failure = result.is_err() && !signals::obeyed();
        if result.is_err() {
            children::stop_all();
        }
        handles::give_up_all(&kept);
        reaper::end_guards();
        let mut failures = children::wait_all().into_iter();
        if result.is_ok()
            && let Some(failure) = failures.next()
        {
            result = Err(spawned_at(failure));
        }
        // One failure goes to whoever waits for this process: the others would be lost.
        failures.for_each(|failure| self.show(&failure.0));
        let _ = self.local.flush();
        output::ending();
        if self.local.output_closed() {
            // As it would have died had it not looked after its children first; the whole run ends so.
            signals::die_by(libc::SIGPIPE)
        }
        let mut status = match &result {
            Ok(_) => 0,
            Err(Fault(error)) => i32::from(error.exit.unwrap_or(1)),
        };
        // A failure that came before the signal stays one.
        if let (Some(signal), false) = (signals::ending(), own_failure) {
            signals::die_by(signal)
        }
        self.keep_named(&result);
        // An end without an error and without a result is a null.
        let plain = matches!(result, Ok(Value::Null));
        if !plain && let Err(no_room) = shm::result::store_result(&outcome::pack(&result)) {
            match &result {
                // Its status tells it.
                Err(Fault(error)) if error.exit.is_some() => {}
                failed => {
                    if let Err(Fault(error)) = failed
                        && let Some(me) = shm::process_table::me()
                        && let Err(Fault(error)) = Outcome::Raised(error.clone()).result(me)
                    {
                        // Who joins it is told of the want of memory alone.
                        self.show(&error);
                    }
                    let _ = shm::result::store_failure(&outcome::pack(&Err(memory(&no_room))));
                    status = 1;
                }
            }
        }
        shm::exit_status::note_end(status);
        signals::exit(status)
    }

    /// Gives up the processes that the result of this one does not name.
    fn keep_named(&self, result: &Result<Value, Fault>) {
        let held = shm::held_processes();
        if held.is_empty() {
            return;
        }
        let mut named = Vec::new();
        let mut name = |key: HandleKey| named.push(handles::object(key));
        match result {
            Ok(value) => value::handles(value, &mut name),
            Err(Fault(error)) => value::handles(&Value::Error(error.clone()), &mut name),
        }
        named.sort_unstable();
        let others = held.iter().map(|process| process.object()).filter(|object| named.binary_search(object).is_err());
        others.for_each(|object| shm::give_up(object, shm::Role::Handle));
    }

    /// What concerns other processes. Waits start from here: they shall find room on the page of the stack that the
    /// fork has written to, so that what has a large frame is not inlined.
    #[inline(never)]
    fn own(&mut self, op: Op) -> Result<Value, Fault> {
        match op {
            Op::Join { processes, many, timeout } => children::join(&processes, many, deadline(timeout)),
            Op::Wait { process, timeout } => children::wait(process, deadline(timeout)),
            Op::Signal { process, signal } => children::signal(process, signal).map(|()| Value::Null),
            Op::Stop { process, grace } => children::stop(process, grace).map(|()| Value::Null),
            Op::Property { handle, name } if handle.kind == HandleKind::Process => children::property(handle, &name),
            Op::SelfProcess => {
                shm::start().map_err(|error| memory(&error))?;
                let me = shm::process_table::me().ok_or_else(|| memory(&ShmError::Gone))?;
                Ok(Value::handle(handles::key(HandleKind::Process, me.object(), 0)))
            }
            Op::Children => Ok(Value::list(children::living())),
            Op::ScopeEnter { limit, timeout, wait } => {
                scopes::enter(limit, timeout, wait);
                Ok(Value::Null)
            }
            Op::ScopeLeave { error } => {
                scopes::leave(if let Value::Error(error) = error { Some(Fault(error)) } else { None })
            }
            Op::Interrupted => attend().map(|()| Value::Null),
            Op::Select(what) => select::perform(&what),
            Op::Await { object, timeout } => sync::await_(object, timeout),
            other => match sync::perform(other) {
                Ok(answer) => answer,
                Err(other) => channels::perform(other),
            },
        }
    }
}

impl World for Real {
    fn perform(&mut self, op: Op, place: Place, machine: &mut Machine) -> Performed {
        // A built-in function that was spawned has no place of its own.
        let place = if place == Place::default() { self.spawned_at.unwrap_or(place) } else { place };
        tell::set_here(place);
        shm::process_table::set_place(place::to_word(place));
        if !at_once::is_ready() && shm::process_table::registered() {
            ps::publish();
            at_once::set_ready(true);
        }
        let doing = self.doing(&op);
        if doing.is_some() {
            set_doing(doing);
        }
        let performed = match self.hindrance(&op, machine) {
            Some(fault) => Performed::Answer(Err(fault)),
            None => self.act(op, place, machine),
        };
        if doing.is_some() {
            set_doing(None);
        }
        performed
    }
}

impl Real {
    /// What keeps this process from performing a request: it has been asked to end, or has lost something.
    #[inline(never)]
    fn hindrance(&mut self, op: &Op, machine: &mut Machine) -> Option<Fault> {
        signals::set_clearing_up(machine.is_clearing_up());
        if !machine.dropped.is_empty() {
            self.show_dropped(machine);
        }
        // What another one did that a signal for all has ended, as a lock that it gave back, is nothing to go on with.
        if (signals::is_asked() || signals::take_held_up())
            && !gives_back(op)
            && let Err(fault) = attend()
        {
            return Some(fault);
        }
        if handles::some_unreachable() { self.noticed().err() } else { None }
    }

    #[inline]
    fn act(&mut self, op: Op, place: Place, machine: &mut Machine) -> Performed {
        match op {
            Op::Spawn(call) => self.spawn(call, place, machine).unwrap_or_else(|fault| Performed::Answer(Err(fault))),
            op => Performed::Answer(self.answer(op, machine)),
        }
    }

    /// What needs no new process of the script. In a frame of its own, which a spawn shall not have on its way.
    #[inline(never)]
    fn answer(&mut self, op: Op, machine: &Machine) -> Result<Value, Fault> {
        self.alone(op).unwrap_or_else(|op| {
            self.noticed()?;
            match op {
                Op::Run(command) => command::perform(*command, &mut self.local, self.run),
                op => outer::from(machine, || self.own(op)),
            }
        })
    }

    /// What concerns no other process; gives anything else back. In a frame of its own, which a wait shall not have on
    /// its way.
    #[inline(never)]
    fn alone(&mut self, op: Op) -> Result<Result<Value, Fault>, Op> {
        let writes = matches!(op, Op::Print { .. } | Op::FileWrite { .. });
        let answer = self.local.perform(op)?;
        if writes {
            set_output_waits(true);
        }
        Ok(answer)
    }

    /// What this process does that waits for none of the others.
    fn doing(&self, op: &Op) -> Option<Doing> {
        match op {
            Op::Sleep { .. } => Some(Doing::Sleep),
            Op::Run(_) => Some(Doing::Command),
            Op::Input { .. } => Some(Doing::Input),
            Op::NextLine { file } | Op::FileRead { file } if is_stdin(*file) => Some(Doing::Input),
            Op::NextLine { file } | Op::FileRead { file } if self.local.may_wait_for_command(*file) => {
                Some(Doing::Command)
            }
            _ => None,
        }
    }

    /// Before everything that another process could notice.
    #[inline]
    fn noticed(&mut self) -> Result<(), Fault> {
        self.local.flush()?;
        set_output_waits(false);
        children::forget_unreachable();
        Ok(())
    }
}

/// Whether something is given back that a process must not keep when it is cancelled.
fn gives_back(op: &Op) -> bool {
    matches!(op, Op::Leave { .. } | Op::ScopeLeave { .. } | Op::SharedPut { .. } | Op::Release { .. })
}

/// What every wait does when a signal comes: acts on it, and tells at once of a child that failed and that nobody can ask
/// about.
fn attend() -> Result<(), Fault> {
    act_on_signals()?;
    children::forget_unreachable();
    Ok(())
}

/// Acts on the signals that came: an error when this process must end, once, so that `finally` can clear up.
fn act_on_signals() -> Result<(), Fault> {
    clear_interrupt();
    shm::park::take_signal();
    reaper::reap_ended();
    answer_question();
    if signals::is_asked() && signals::is_clearing_up() {
        // The grace time passes.
        signals::hold_up();
        return output::read();
    }
    match signals::take_request() {
        Some(signal) => {
            if signals::came_from_outside() {
                shm::process_table::note_signal(signals::milliseconds());
            }
            scopes::cancel_all();
            if signal == libc::SIGINT && SESSION.get() {
                signals::forget_ending();
                return Err(Fault::new(Kind::Cancelled, INTERRUPTED));
            }
            Err(ended_by(signal))
        }
        None => output::read().and_then(|()| scopes::check()),
    }
}

/// Tells what the program does, if somebody has asked.
fn answer_question() {
    if signals::take_question() {
        world::say(ps::of_this_program().as_bytes());
    }
    shm::inspect::forget_interrupted();
}

/// A signal for all processes comes to one after the other. An error that may be what it made of another one gives way
/// to this process's own signal, if that comes.
fn own_signal_first(result: Result<Value, Fault>) -> Result<Value, Fault> {
    const TO_ALL: Duration = Duration::from_millis(50);
    let of_others = [Kind::Closed, Kind::Deadlock, Kind::ProcessKilled, Kind::ProcessFailed, Kind::Cancelled];
    match result {
        Err(fault) if fault.0.exit.is_none() && of_others.iter().any(|&kind| fault.is(kind)) => {
            let ago = signals::milliseconds() - shm::process_table::last_signal();
            if signals::ending().is_none() && Duration::from_millis(ago.unsigned_abs()) > 10 * TO_ALL {
                return Err(fault);
            }
            let came = world::wait(None, Some(Instant::now() + TO_ALL), attend);
            Err(came.err().unwrap_or(fault))
        }
        result => result,
    }
}

const INTERRUPTED: &str = "stopped by Ctrl-C";

/// What ends a process that a signal asked to end.
fn ended_by(signal: i32) -> Fault {
    let mut fault = world::leave(128 + signal as u8);
    if signal == libc::SIGINT {
        fault.change(|error| error.message = Value::str(INTERRUPTED));
    }
    fault
}

/// Whether Ctrl-C ends the run: it is told, other signals are not.
fn is_interrupt(error: &ErrorValue) -> bool {
    error.exit.is_some() && error.message.as_str() == Some(INTERRUPTED)
}

/// The moment until which a wait goes on.
fn deadline(timeout: Option<f64>) -> Option<Instant> {
    timeout.and_then(after)
}

fn memory(error: &ShmError) -> Fault {
    let fault = Fault::new(Kind::Limit, error.to_string());
    match error {
        ShmError::MemoryFull { .. } => {
            fault.help("give up what is not needed, or raise the limit: `mplang --memory-limit 8G …`")
        }
        _ => fault,
    }
}

/// Limits the memory of messages, results and shared objects of the run.
pub fn limit_memory(bytes: u64) {
    shm::chunks::want_limit(bytes);
}

/// The name of a signal in parentheses, with a space before.
fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or(String::new(), |signal| format!(" ({})", signal.as_str()))
}

fn timed_out(what: &str) -> Fault {
    Fault::new(Kind::Timeout, format!("the time for `{what}` has passed"))
}
