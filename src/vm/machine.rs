//! The machine's state, and how starts, errors and the world's answers change it.

use super::code::{APPLY, NATIVE_ARGUMENTS, Program, RAISED, Reg};
use super::fault::{Fault, Kind};
use super::frame::{Frame, Then};
use super::memo::Memos;
use super::native::{Context, Library};
use super::op::{Op, Quick};
use super::stream::Pipeline;
use super::value::{self, ErrorValue, Function, HandleKey, Site, Value};
use crate::near::{Near, NearVec};
use crate::source::{Place, Span};
use rustc_hash::FxHashSet as HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How deep calls may go.
pub const MAX_CALLS: usize = 400_000;
/// How many values there is room for at first. Every process writes to that and has it for itself.
const LEAST_STACK: usize = 64;
/// How many calls there is room for at first: the allocator puts what is as large next to each other, on one page.
pub(super) const LEAST_FRAMES: usize = LEAST_STACK * size_of::<Value>() / size_of::<Frame>();
/// So many values that are held while the world performs something need no room of the heap.
const FEW: usize = 3;
/// A child goes on with its parent's stack while that is no larger.
const INHERITED_STACK: usize = 256;
/// How many values all frames together may hold.
const MAX_STACK: usize = 64 << 20;

/// In so many calls a `finally` is looked for: a deep recursion shall not make every request slow.
const MOST_ASKED: usize = 1000;

static INTERRUPT: AtomicBool = AtomicBool::new(false);

/// Makes the running machine ask the world with [`Op::Interrupted`] at its next loop or call. Safe in signal handlers.
pub fn interrupt() {
    INTERRUPT.store(true, Ordering::Relaxed);
}

/// Whether an interrupt waits.
#[inline(always)]
pub fn interrupted() -> bool {
    INTERRUPT.load(Ordering::Relaxed)
}

/// Takes the interrupt back.
pub fn clear_interrupt() {
    INTERRUPT.store(false, Ordering::Relaxed);
}

static OUTPUT_WAITS: AtomicBool = AtomicBool::new(false);

/// Says whether the world has gathered output. Then it must perform whatever other processes could notice.
pub fn set_output_waits(waits: bool) {
    OUTPUT_WAITS.store(waits, Ordering::Relaxed);
}

/// Whether the world has gathered output.
#[inline(always)]
pub fn output_waits() -> bool {
    OUTPUT_WAITS.load(Ordering::Relaxed)
}

/// Why the machine stopped.
pub enum Step {
    /// The function it was started with returned.
    Done(Value),
    /// It needs something from the world; go on with [`Machine::resume`].
    Ask(Op, Place),
    /// Nobody caught the error.
    Failed(Fault),
}

/// A place whose new value a function in the language is computing.
#[derive(Clone)]
pub(super) struct PendingPlace {
    /// The variable, as an index into the stack.
    pub root: usize,
    /// The way from it to the place.
    pub keys: Vec<Value>,
}

/// Where the world's answer goes.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// Into a register of the current frame.
    Register(Reg),
    /// It is the next item of a loop, at these registers; at the end the loop is left.
    Item { base: Reg, pair: bool, exit: u32 },
    /// It is the next item of the stream that is being read.
    Stream,
    /// Nowhere.
    Nothing,
    /// Nowhere: the instruction that was interrupted is run again.
    Again,
}

/// Performs a request at once, so that the machine need not leave its loop: with the object that the handle means, the
/// value that is sent, and the place of the script. `None` when nothing has happened and the world must be asked.
pub type AtOnce = fn(Quick, HandleKey, &Value, Place) -> Option<Result<Value, Fault>>;

/// A machine: program, registers, frames. Plain data; what it wants from outside it asks for.
pub struct Machine {
    /// The code.
    pub program: Program,
    /// What natives may ask.
    pub context: Context,
    /// The time, for errors that are raised: what failed first is asked later, between processes.
    pub clock: fn() -> u64,
    /// What is done about requests that the world can perform in one step.
    pub at_once: AtOnce,
    pub(super) library: Library,
    pub(super) stack: Vec<Value>,
    pub(super) frames: Vec<Frame>,
    pub(super) globals: Vec<Value>,
    /// The globals that were not set when the first process was spawned.
    pub(super) late: Option<HashSet<u32>>,
    pub(super) answer: Answer,
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) places: Vec<PendingPlace>,
    /// The arguments of what the world is performing: the handles among them are not given up before it is done.
    pub(super) holding: NearVec<Value>,
    /// The error of a rethrow keeps its trace.
    pub(super) rethrown: bool,
    /// Errors of a `finally` or of the end of a `with` that gave way to what ends the process or cancels its block: the
    /// world tells of them.
    pub dropped: Vec<Fault>,
    /// The program has a `finally` or a `with`.
    clears_up: bool,
    /// Memory in which texts are put together.
    pub(super) scratch: String,
}

impl Machine {
    /// A machine that can run functions of this program.
    pub fn new(program: Program, library: Library, describe: fn(HandleKey) -> String) -> Machine {
        let mut machine = Machine {
            program,
            context: Context { names: Vec::new(), describe, memos: Memos::default() },
            clock: || 0,
            at_once: |_, _, _, _| None,
            library,
            stack: Vec::with_capacity(LEAST_STACK),
            frames: Vec::with_capacity(LEAST_FRAMES),
            globals: Vec::new(),
            late: None,
            answer: Answer::Nothing,
            pipelines: Vec::new(),
            places: Vec::new(),
            holding: NearVec::with_capacity_in(FEW, Near),
            rethrown: false,
            dropped: Vec::new(),
            clears_up: false,
            scratch: String::new(),
        };
        machine.program_grew();
        machine
    }

    /// Takes notice of functions and globals that were added to the program.
    pub fn program_grew(&mut self) {
        let new = &self.program.protos[self.context.names.len()..];
        self.clears_up |= new.iter().any(|proto| proto.handlings.iter().any(|handling| handling.completion.is_some()));
        self.context.names.extend(new.iter().map(|proto| proto.name.clone()));
        let known = self.globals.len();
        self.globals.resize(self.program.globals.len(), Value::Undefined);
        if let Some(late) = &mut self.late {
            late.extend(known as u32..self.globals.len() as u32);
        }
    }

    /// To be called before each fork: other processes do not have what is set after the first one.
    pub fn before_fork(&mut self) {
        self.late.get_or_insert_with(|| {
            let unset = |(_, value): &(u32, &Value)| matches!(value, Value::Undefined);
            (0..).zip(&self.globals).filter(unset).map(|(name, _)| name).collect()
        });
    }

    /// Sets the outer names that came with closures, unless this process has set them itself.
    #[cold]
    pub(super) fn receive(&mut self) {
        for (name, value) in value::take_received() {
            let Some(global) = self.globals.get_mut(name as usize) else { continue };
            if matches!(global, Value::Undefined) || global.is_inherited() {
                // What is inherited is not dropped.
                std::mem::forget(std::mem::replace(global, value));
            }
        }
    }

    /// Whether what runs belongs to a `finally` or to the end of a `with`, as far as the last calls tell.
    pub fn is_clearing_up(&self) -> bool {
        self.clears_up && self.frames.iter().rev().take(MOST_ASKED).any(Frame::is_clearing_up)
    }

    /// The value of a global; `None` while it is not set.
    pub fn global(&self, index: u32) -> Option<&Value> {
        match self.globals.get(index as usize) {
            None | Some(Value::Undefined) => None,
            set => set,
        }
    }

    /// Makes the machine run one call next. What was running is forgotten without being dropped: in a forked child it
    /// belongs to the parent.
    pub fn start_in_child(
        &mut self,
        function: &Value,
        args: impl ExactSizeIterator<Item = Value>,
        named: &Value,
    ) -> Result<(), Fault> {
        // A small one is at hand, and serves again: what it holds is inherited, and so not dropped.
        if self.stack.len() > INHERITED_STACK {
            std::mem::forget(std::mem::take(&mut self.stack));
        }
        self.start(function, args, named)
    }

    /// Makes the machine run one call next; `named` is a map of named arguments or null.
    pub fn start(
        &mut self,
        function: &Value,
        args: impl ExactSizeIterator<Item = Value>,
        named: &Value,
    ) -> Result<(), Fault> {
        self.reset();
        let Value::Function(callee) = function else { return Err(self.not_callable(function)) };
        if let (Function::Closure { proto, captures }, Value::Null) = (&**callee, named) {
            let count = args.len();
            self.reserve(0, count + NATIVE_ARGUMENTS)?;
            for (slot, value) in self.stack.iter_mut().zip(args) {
                *slot = value;
            }
            return self.enter_closure(*proto, captures, 0, count, 0, Then::Finish, None);
        }
        self.reserve(0, 3 + NATIVE_ARGUMENTS)?;
        for (slot, value) in self.stack.iter_mut().zip([function.clone(), Value::list(args.collect()), named.clone()]) {
            *slot = value;
        }
        self.enter_closure(APPLY, &[], 0, 3, 0, Then::Finish, None)
    }

    /// Drops whatever was running.
    pub fn reset(&mut self) {
        self.frames.clear();
        self.pipelines.clear();
        self.places.clear();
        self.stack.clear();
        self.answer = Answer::Nothing;
        self.rethrown = false;
    }

    /// Gives the world's answer to the last [`Step::Ask`] and goes on.
    pub fn resume(&mut self, result: Result<Value, Fault>) -> Step {
        self.holding.clear();
        if value::some_received() {
            self.receive();
        }
        match result {
            Ok(value) => match std::mem::replace(&mut self.answer, Answer::Nothing) {
                Answer::Nothing => {}
                Answer::Again => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.go(frame.next() - 1);
                    }
                }
                Answer::Register(dst) => {
                    let base = self.frames.last().map_or(0, |frame| frame.base as usize);
                    self.stack[base + dst as usize] = value;
                }
                Answer::Item { base, pair, exit } => {
                    if let Err(fault) = self.loop_item(base, pair, exit, value) {
                        return self.raise(fault);
                    }
                }
                Answer::Stream => {
                    let item = if matches!(value, Value::Undefined) { None } else { Some(value) };
                    return self.stream_item(item);
                }
            },
            Err(fault) => return self.raise(fault),
        }
        self.run()
    }

    /// The next item of a loop came: into its registers, or on after the loop.
    pub(super) fn loop_item(&mut self, base: Reg, pair: bool, exit: u32, value: Value) -> Result<(), Fault> {
        let frame = self.frames.last_mut().expect("a loop runs in a frame");
        let at = frame.base as usize + base as usize;
        if matches!(value, Value::Undefined) {
            frame.go(exit as usize);
            self.stack[at] = Value::Null;
        } else if pair {
            let (first, second) = split_pair(value)?;
            self.stack[at + 2] = first;
            self.stack[at + 3] = second;
        } else {
            self.stack[at + 2] = value;
        }
        Ok(())
    }

    /// Raises an error at the current instruction and goes on where it is caught.
    pub(super) fn raise(&mut self, fault: Fault) -> Step {
        match self.unwind(fault) {
            Ok(()) => self.run(),
            Err(fault) => Step::Failed(fault),
        }
    }

    /// Finds the handler of an error: drops the frames above it, hands it the error and sets its `pc`.
    pub(super) fn unwind(&mut self, mut fault: Fault) -> Result<(), Fault> {
        let mut here = !std::mem::take(&mut self.rethrown);
        self.answer = Answer::Nothing;
        if fault.0.at == 0 {
            let now = (self.clock)();
            fault.change(|error| error.at = now);
        }
        while let Some(frame) = self.frames.last().copied() {
            let proto = frame.proto();
            let at = frame.present();
            let base = frame.base as usize;
            let handler = proto.handlers.iter().find(|h| h.start <= at && at < h.end);
            let site = || Site {
                place: Place { file: proto.file, span: proto.spans[at as usize] },
                function: proto.name.clone(),
                spawn: false,
            };
            for handling in proto.handlings.iter().filter(|h| h.start <= at && at < h.end) {
                let raised =
                    |reg| matches!(self.stack[base + reg as usize], Value::Int(how) if how == i64::from(RAISED));
                let Value::Error(handled) = &self.stack[base + handling.error as usize] else { continue };
                match handling.completion {
                    Some(completion) if !raised(completion) => continue,
                    // What goes wrong in `finally` does not make a process go on that was told to end.
                    Some(_) if handler.is_none_or(|h| h.start < handling.start) && overrides(handled, &fault.0) => {
                        let mut dropped = std::mem::replace(&mut fault, Fault(handled.clone()));
                        if std::mem::take(&mut here) && !proto.hidden {
                            dropped.add_site(site());
                        }
                        self.dropped.push(dropped.while_ending());
                    }
                    _ => fault.caused_by(handled),
                }
                break;
            }
            if here && !proto.hidden {
                fault.add_site(site());
            }
            here = true;
            for borrow in proto.borrows.iter().filter(|b| b.start <= at && at < b.end) {
                self.globals[borrow.index as usize] = std::mem::take(&mut self.stack[base + borrow.reg as usize]);
            }
            if let Some(handler) = handler {
                if let Some(frame) = self.frames.last_mut() {
                    frame.go(handler.target as usize);
                }
                for slot in &mut self.stack[base + handler.live as usize..base + proto.registers as usize] {
                    *slot = Value::Null;
                }
                self.stack[base + handler.error as usize] = Value::Error(fault.0);
                return Ok(());
            }
            let then = frame.then;
            for slot in &mut self.stack[base..base + proto.registers as usize] {
                *slot = Value::Null;
            }
            self.frames.pop();
            match then {
                Then::Stage => drop(self.pipelines.pop()),
                Then::Place => drop(self.places.pop()),
                Then::Store | Then::Finish => {}
            }
        }
        Err(fault)
    }

    /// Makes sure that so many values from `from` on are there.
    pub(super) fn reserve(&mut self, from: usize, count: usize) -> Result<(), Fault> {
        reserve(&mut self.stack, from, count)
    }

    /// How a call of a function reaches a handle other than by its arguments; see [`super::reach::mentions`].
    pub fn mentions(&self, function: &Value, sought: HandleKey) -> Option<Vec<Rc<str>>> {
        super::reach::mentions(&self.program, function, &self.globals, sought)
    }

    /// Gives up what registers still hold that belong to no name and no value in use: to be done before the world
    /// performs something that may take its time.
    pub fn give_up_free(&mut self) {
        if !self.context.memos.is_empty() {
            self.context.memos.forget_unreachable();
        }
        let Some(frame) = self.frames.last() else { return };
        let proto = frame.proto();
        let Some(&free) = proto.free.get(frame.next().wrapping_sub(1)) else { return };
        let base = frame.base as usize;
        for slot in &mut self.stack[base + free as usize..base + (proto.registers as usize).max(free as usize)] {
            if slot.is_heap() {
                *slot = Value::Null;
            }
        }
    }

    /// The place of the current instruction.
    pub(super) fn here(&self) -> Place {
        let Some(frame) = self.frames.iter().rev().find(|frame| !frame.proto().hidden) else {
            return Place::default();
        };
        let proto = frame.proto();
        let at = frame.next().saturating_sub(1);
        Place { file: proto.file, span: proto.spans.get(at).copied().unwrap_or(Span::default()) }
    }
}

/// Whether an error that no `catch` catches is handled while another one is raised that could be caught.
fn overrides(handled: &ErrorValue, raised: &ErrorValue) -> bool {
    handled.is_cancelled() && !raised.is_cancelled() || handled.exit.is_some() && raised.exit.is_none()
}

/// Makes a stack long enough for `count` values from an index on.
pub(super) fn reserve(stack: &mut Vec<Value>, from: usize, count: usize) -> Result<(), Fault> {
    let needed = from + count;
    if needed > stack.len() {
        if needed > MAX_STACK {
            return Err(too_deep());
        }
        stack.resize(needed.next_power_of_two().clamp(LEAST_STACK, MAX_STACK), Value::Null);
    }
    Ok(())
}

pub(super) fn too_deep() -> Fault {
    Fault::new(Kind::Stack, format!("calls are nested too deep (the limit is {MAX_CALLS} calls)"))
        .help("does the recursion end? A loop has no such limit")
}

/// What `for k, v in …` needs of an item that is not a map's.
pub(super) fn split_pair(value: Value) -> Result<(Value, Value), Fault> {
    match &value {
        Value::List(items) if items.len() == 2 => Ok((items[0].clone(), items[1].clone())),
        Value::List(items) => Err(Fault::value_error(format!("two names for a list of {} items", items.len()))),
        other => Err(Fault::type_error(format!("two names for {}", super::types::with_article(other.type_name())))
            .help("`for i, x in xs.enumerate()` gives index and item")),
    }
}
