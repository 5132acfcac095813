//! Reading a stream: items come from its source and go through its stages, whose functions the machine calls.

use super::code::Reg;
use super::fault::{Fault, Kind};
use super::frame::Then;
use super::iterate::{is_container, next_item};
use super::machine::{Answer, Machine, Step};
use super::native::Run;
use super::op::Op;
use super::value::{Function, Ref, Stage, Stream, StreamSource, StreamState, Value};
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

impl Machine {
    /// A loop wants the next item of a stream.
    pub(super) fn stream_next(
        &mut self,
        stream: &Ref<Stream>,
        base: Reg,
        pair: bool,
        exit: u32,
    ) -> Result<Flow, Fault> {
        self.pull(stream.clone(), Target::Loop { base, pair, exit })
    }

    fn pull(&mut self, stream: Ref<Stream>, target: Target) -> Result<Flow, Fault> {
        self.pipelines.push(Pipeline { stream, stage: 0, item: Value::Null, target });
        self.again()
    }

    /// Asks the source of the topmost stream for an item.
    fn again(&mut self) -> Result<Flow, Fault> {
        let Some(pipeline) = self.pipelines.last() else { return Ok(Flow::Run) };
        let stream = pipeline.stream.clone();
        let mut state = stream.state.borrow_mut();
        if state.ended || state.stages.iter().any(|stage| matches!(stage, Stage::Take(0))) {
            state.ended = true;
            drop(state);
            return self.deliver(None);
        }
        match &mut state.source {
            StreamSource::World(file) => {
                self.answer = Answer::Stream;
                Ok(Flow::Ask(Op::NextLine { file: file.key() }))
            }
            StreamSource::Items(Value::Stream(inner), _) => {
                let inner = inner.clone();
                drop(state);
                self.pull(inner, Target::Source)
            }
            StreamSource::Items(items, position) => {
                let item = next_item(items, position);
                drop(state);
                self.source_gave(item)
            }
        }
    }

    /// The world gave an item for the stream that is being read.
    pub(super) fn stream_item(&mut self, item: Option<Value>) -> Step {
        let flow = self.source_gave(item);
        self.follow(flow)
    }

    /// The function of a stage returned.
    pub(super) fn stage_returned(&mut self, value: Value) -> Result<Flow, Fault> {
        let Some(pipeline) = self.pipelines.last_mut() else { return Ok(Flow::Run) };
        let (stream, stage) = (pipeline.stream.clone(), pipeline.stage);
        let is_filter = matches!(stream.state.borrow().stages.get(stage), Some(Stage::Filter(_)));
        if !is_filter {
            return self.stages(stage + 1, value);
        }
        match value {
            Value::True => {
                let item = std::mem::take(&mut pipeline.item);
                self.stages(stage + 1, item)
            }
            Value::False => self.again(),
            other => {
                Err(Fault::type_error(format!("`filter` needs a bool from its function, got {}", other.type_name())))
            }
        }
    }

    fn follow(&mut self, flow: Result<Flow, Fault>) -> Step {
        match flow {
            Ok(Flow::Run) => self.run(),
            Ok(Flow::Ask(op)) => Step::Ask(op, self.here()),
            Err(fault) => {
                self.pipelines.clear();
                self.raise(fault)
            }
        }
    }

    fn source_gave(&mut self, item: Option<Value>) -> Result<Flow, Fault> {
        match item {
            Some(item) => self.stages(0, item),
            None => self.source_ended(),
        }
    }

    /// What `chunks` still holds goes out before the end.
    fn source_ended(&mut self) -> Result<Flow, Fault> {
        let Some(pipeline) = self.pipelines.last() else { return Ok(Flow::Run) };
        let stream = pipeline.stream.clone();
        let mut state = stream.state.borrow_mut();
        let left = state.stages.iter_mut().enumerate().find_map(|(at, stage)| match stage {
            Stage::Chunks(_, gathered) if !gathered.is_empty() => Some((at, std::mem::take(gathered))),
            _ => None,
        });
        match left {
            Some((at, gathered)) => {
                drop(state);
                self.stages(at + 1, Value::list(gathered))
            }
            None => {
                state.ended = true;
                drop(state);
                self.deliver(None)
            }
        }
    }

    /// Sends an item through the stages from this one on.
    fn stages(&mut self, from: usize, mut item: Value) -> Result<Flow, Fault> {
        let Some(pipeline) = self.pipelines.last_mut() else { return Ok(Flow::Run) };
        let stream = pipeline.stream.clone();
        let mut at = from;
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
                        drop(state);
                        return self.again();
                    }
                    item = Value::list(std::mem::take(gathered));
                }
                Stage::Zip(other) => {
                    if !matches!(other, Value::Stream(_)) {
                        *other = Value::Stream(Ref::new(Stream {
                            state: RefCell::new(StreamState {
                                source: StreamSource::Items(std::mem::take(other), 0),
                                stages: Vec::new(),
                                ended: false,
                                name: "".into(),
                            }),
                        }));
                    }
                    let Value::Stream(other) = other else { break };
                    let other = other.clone();
                    drop(state);
                    pipeline.stage = at;
                    pipeline.item = item;
                    return self.pull(other, Target::Zip);
                }
            }
            at += 1;
        }
        self.deliver(Some(item))
    }

    fn call_stage(&mut self, function: &Value, item: Value) -> Result<Flow, Fault> {
        let Some(frame) = self.frames.last() else { return Ok(Flow::Run) };
        let first = frame.base as usize + frame.proto().registers as usize;
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
                    let value = run(&mut self.context, &mut args)?;
                    return self.stage_returned(value);
                }
                _ => {
                    return Err(Fault::new(Kind::Type, "this function cannot be a stage of a stream")
                        .help("wrap it: `|x| f(x)`"));
                }
            },
        };
        self.enter_closure(proto, captures, first, 1, 0, Then::Stage, None)?;
        Ok(Flow::Run)
    }

    /// Hands an item, or the end, to whoever wanted it.
    fn deliver(&mut self, item: Option<Value>) -> Result<Flow, Fault> {
        let Some(done) = self.pipelines.pop() else { return Ok(Flow::Run) };
        match done.target {
            Target::Loop { base, pair, exit } => {
                self.loop_item(base, pair, exit, item.unwrap_or(Value::Undefined))?;
                Ok(Flow::Run)
            }
            Target::Source => self.source_gave(item),
            Target::Zip => match item {
                Some(other) => {
                    let Some(below) = self.pipelines.last_mut() else { return Ok(Flow::Run) };
                    let (first, stage) = (std::mem::take(&mut below.item), below.stage);
                    self.stages(stage + 1, Value::list(vec![first, other]))
                }
                None => {
                    if let Some(below) = self.pipelines.last() {
                        below.stream.state.borrow_mut().ended = true;
                    }
                    self.deliver(None)
                }
            },
        }
    }

    /// Whether a value can be read as the source of a stream.
    pub fn can_stream(value: &Value) -> bool {
        is_container(value) || matches!(value, Value::Stream(_))
    }
}
