//! Reading a stream: items come from its source and go through its stages, whose functions the machine calls.

use super::code::Reg;
use super::fault::{Fault, Kind};
use super::frame::Then;
use super::iterate::{is_container, next_item};
use super::machine::{Answer, Machine, Step};
use super::native::Run;
use super::op::Op;
use super::value::{Function, List, Ref, Stage, Stream, StreamSource, StreamState, Value};
use std::cell::RefCell;

/// A stream that is being asked for its next item.
pub(super) struct Pipeline {
    stream: Ref<Stream>,
    /// The stage that waits for a result.
    stage: usize,
    /// The item that this stage got.
    item: Value,
    target: Target,
}

impl Clone for Pipeline {
    fn clone(&self) -> Pipeline {
        Pipeline { stream: self.stream.clone(), item: self.item.clone(), ..*self }
    }
}

/// Who wants the item.
#[derive(Clone, Copy)]
enum Target {
    /// A loop, at these registers.
    Loop { base: Reg, pair: bool, exit: u32 },
    /// The stream below, as the item of its source.
    Source,
    /// The stream below, for the stage that waits.
    Zip,
}

/// What the machine does next.
pub(super) enum Flow {
    /// Runs on, in whatever frame is on top.
    Run,
    /// Asks the world.
    Ask(Op),
}

/// What comes next in reading, one after the other: streams may read from streams at any depth. Without any content, as
/// it passes several times for each item.
#[derive(Clone, Copy)]
enum Next {
    /// The machine runs on.
    Run,
    /// The world is asked for a line of the file that the topmost stream reads.
    Ask,
    /// The topmost stream needs an item of its source.
    Again,
    /// The source of the topmost stream has ended, or what is left of it is not wanted.
    End,
    /// The function of the stage that waits has returned; its value is above the frame.
    Returned,
}

impl Machine {
    /// A loop wants the next item of a stream.
    pub(super) fn stream_next(
        &mut self,
        stream: &Ref<Stream>,
        base: Reg,
        pair: bool,
        exit: u32,
    ) -> Result<Flow, Fault> {
        self.pull(stream.clone(), Target::Loop { base, pair, exit });
        self.go_on(Next::Again)
    }

    /// The world gave an item for the stream that is being read.
    pub(super) fn stream_item(&mut self, item: Option<Value>) -> Step {
        let next = match item {
            Some(item) => self.stages(0, item),
            None => Ok(Next::End),
        };
        match next.and_then(|next| self.go_on(next)) {
            Ok(Flow::Run) => self.run(),
            Ok(Flow::Ask(op)) => Step::Ask(op, self.here()),
            Err(fault) => {
                self.pipelines.clear();
                self.raise(fault)
            }
        }
    }

    /// The function of a stage returned.
    pub(super) fn stage_returned(&mut self, value: Value) -> Result<Flow, Fault> {
        let next = self.returned(value)?;
        self.go_on(next)
    }

    fn go_on(&mut self, mut next: Next) -> Result<Flow, Fault> {
        loop {
            next = match next {
                Next::Run => return Ok(Flow::Run),
                Next::Ask => return Ok(self.ask_for_line()),
                Next::Again => self.again()?,
                Next::End => self.end()?,
                Next::Returned => {
                    let above = self.above_frame();
                    let value = std::mem::take(&mut self.stack[above]);
                    self.returned(value)?
                }
            }
        }
    }

    #[cold]
    fn ask_for_line(&mut self) -> Flow {
        let Some(pipeline) = self.pipelines.last() else { return Flow::Run };
        let StreamSource::World(file) = &pipeline.stream.state.borrow().source else { return Flow::Run };
        self.answer = Answer::Stream;
        Flow::Ask(Op::NextLine { file: file.key() })
    }

    /// The first place of the stack that the topmost frame does not use.
    fn above_frame(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.base as usize + frame.proto().registers as usize)
    }

    fn pull(&mut self, stream: Ref<Stream>, target: Target) {
        self.pipelines.push(Pipeline { stream, stage: 0, item: Value::Null, target });
    }

    /// Asks the source of the topmost stream for an item.
    fn again(&mut self) -> Result<Next, Fault> {
        let Some(pipeline) = self.pipelines.last() else { return Ok(Next::Run) };
        let stream = pipeline.stream.clone();
        let mut state = stream.state.borrow_mut();
        if state.ended {
            return Ok(Next::End);
        }
        if let Some(last) = state.stages.iter().rposition(|stage| matches!(stage, Stage::Take(0))) {
            state.stages[..last].iter_mut().for_each(|stage| drop(gathered(stage)));
            return Ok(Next::End);
        }
        let item = match &mut state.source {
            StreamSource::World(_) => return Ok(Next::Ask),
            StreamSource::Items(Value::Stream(inner), _) => {
                let inner = inner.clone();
                drop(state);
                self.pull(inner, Target::Source);
                return Ok(Next::Again);
            }
            StreamSource::Items(items, position) => next_item(items, position),
        };
        drop(state);
        match item {
            Some(item) => self.stages(0, item),
            None => Ok(Next::End),
        }
    }

    /// What `chunks` still holds goes out before the end, which goes to whoever wanted an item.
    fn end(&mut self) -> Result<Next, Fault> {
        let Some(pipeline) = self.pipelines.last() else { return Ok(Next::Run) };
        let stream = pipeline.stream.clone();
        let mut state = stream.state.borrow_mut();
        let left = state.stages.iter_mut().enumerate().find_map(|(at, stage)| Some((at, gathered(stage)?)));
        if let Some((at, gathered)) = left {
            drop(state);
            return self.stages(at + 1, Value::list(gathered));
        }
        state.ended = true;
        drop(state);
        let Some(done) = self.pipelines.pop() else { return Ok(Next::Run) };
        Ok(match done.target {
            Target::Loop { base, pair, exit } => {
                self.loop_item(base, pair, exit, Value::Undefined)?;
                Next::Run
            }
            Target::Source => Next::End,
            Target::Zip => {
                if let Some(below) = self.pipelines.last()
                    && let Some(zip) = below.stream.state.borrow_mut().stages.get_mut(below.stage)
                {
                    *zip = Stage::Take(0);
                }
                Next::Again
            }
        })
    }

    fn returned(&mut self, value: Value) -> Result<Next, Fault> {
        let Some(pipeline) = self.pipelines.last_mut() else { return Ok(Next::Run) };
        let stage = pipeline.stage;
        let is_filter = matches!(pipeline.stream.state.borrow().stages.get(stage), Some(Stage::Filter(_)));
        if !is_filter {
            return self.stages(stage + 1, value);
        }
        match value {
            Value::True => {
                let item = std::mem::take(&mut pipeline.item);
                self.stages(stage + 1, item)
            }
            Value::False => Ok(Next::Again),
            other => {
                Err(Fault::type_error(format!("`filter` needs a bool from its function, got {}", other.type_name())))
            }
        }
    }

    /// Sends an item through the stages from this one on, and to whoever wanted it.
    fn stages(&mut self, mut at: usize, mut item: Value) -> Result<Next, Fault> {
        loop {
            let Some(pipeline) = self.pipelines.last_mut() else { return Ok(Next::Run) };
            let stream = pipeline.stream.clone();
            loop {
                let mut state = stream.state.borrow_mut();
                let Some(stage) = state.stages.get_mut(at) else { break };
                match stage {
                    Stage::Map(function) | Stage::Filter(function) => {
                        let function = function.clone();
                        drop(state);
                        pipeline.stage = at;
                        pipeline.item = item.clone();
                        return self.call_stage(&function, item);
                    }
                    Stage::Take(left) => *left = left.saturating_sub(1),
                    Stage::Enumerate(next) => {
                        item = Value::list(vec![Value::Int(*next), item]);
                        *next += 1;
                    }
                    Stage::Chunks(size, gathered) => {
                        gathered.push(item);
                        if gathered.len() < *size {
                            return Ok(Next::Again);
                        }
                        item = Value::list(std::mem::take(gathered));
                    }
                    Stage::Zip(other) => {
                        let other = stream_of(other);
                        drop(state);
                        pipeline.stage = at;
                        pipeline.item = item;
                        self.pull(other, Target::Zip);
                        return Ok(Next::Again);
                    }
                }
                at += 1;
            }
            let Some(done) = self.pipelines.pop() else { return Ok(Next::Run) };
            match done.target {
                Target::Loop { base, pair, exit } => {
                    self.loop_item(base, pair, exit, item)?;
                    return Ok(Next::Run);
                }
                Target::Source => at = 0,
                Target::Zip => {
                    let Some(below) = self.pipelines.last_mut() else { return Ok(Next::Run) };
                    item = Value::list(vec![std::mem::take(&mut below.item), item]);
                    at = below.stage + 1;
                }
            }
        }
    }

    fn call_stage(&mut self, function: &Value, item: Value) -> Result<Next, Fault> {
        let first = self.above_frame();
        self.reserve(first, 2)?;
        self.stack[first] = item;
        let Value::Function(callee) = function else { return Err(self.not_callable(function)) };
        let (proto, captures): (u32, &[Value]) = match &**callee {
            Function::Closure { proto, captures } => (*proto, captures),
            Function::Native(id) => match (self.library.get)(*id).run {
                Run::Script(_) => (self.script(*id)?, &[]),
                Run::Pure(run) if (self.library.get)(*id).arity() >= 1 => {
                    let mut args = vec![Value::Undefined; (self.library.get)(*id).arity()];
                    args[0] = std::mem::take(&mut self.stack[first]);
                    self.stack[first] = run(&mut self.context, &mut args)?;
                    return Ok(Next::Returned);
                }
                _ => {
                    return Err(Fault::new(Kind::Type, "this function cannot be a stage of a stream")
                        .help("wrap it: `|x| f(x)`"));
                }
            },
        };
        self.enter_closure(proto, captures, first, 1, 0, Then::Stage, None)?;
        Ok(Next::Run)
    }

    /// Whether a value can be read as the source of a stream.
    pub fn can_stream(value: &Value) -> bool {
        is_container(value) || matches!(value, Value::Stream(_))
    }
}

/// What `chunks` holds, which it gives away.
fn gathered(stage: &mut Stage) -> Option<List> {
    match stage {
        Stage::Chunks(_, gathered) if !gathered.is_empty() => Some(std::mem::take(gathered)),
        _ => None,
    }
}

/// The stream that `zip` reads beside its own, made of any other items when it is first needed.
fn stream_of(other: &mut Value) -> Ref<Stream> {
    if let Value::Stream(stream) = other {
        return stream.clone();
    }
    let source = StreamSource::Items(std::mem::take(other), 0);
    let state = StreamState { source, stages: Vec::new(), ended: false, name: "".into() };
    let stream = Ref::new(Stream { state: RefCell::new(state) });
    *other = Value::Stream(stream.clone());
    stream
}
