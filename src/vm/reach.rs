//! What a function can reach: the handles, and arrays in common memory, in its arguments, its captures and the globals
//! that it mentions, also by way of the functions among them.

use super::code::{Instr, Program, Proto};
use super::machine::Machine;
use super::value::{self, Function, HandleKey, HandleKind, Met, Stream, Value};
use rustc_hash::FxHashSet as HashSet;
use std::collections::BTreeMap;
use std::rc::Rc;

impl Machine {
    /// Walks everything that can be reached from values, and calls `found` for each object, perhaps more than once.
    pub fn reach(&self, roots: &[Value], found: &mut dyn FnMut(HandleKey)) {
        let mut look = |met| match met {
            Met::Object(key) => {
                found(key);
                true
            }
            Met::Code(number) => self.reach_few(number, found),
        };
        if !roots.iter().all(|root| value::look_shortly(root, &mut look)) {
            Walk::new(&self.program, roots.iter().collect(), &self.globals).finish(found);
        }
        self.remembered(found);
    }

    /// As [`Machine::reach`], what is reached other than by the values themselves: by way of a global that a function in
    /// them mentions.
    pub fn reach_by_globals(&self, roots: &[Value], found: &mut dyn FnMut(HandleKey)) {
        let mut look = |met| match met {
            Met::Object(_) => true,
            Met::Code(number) => self.reach_few(number, found),
        };
        if !roots.iter().all(|root| value::look_shortly(root, &mut look)) {
            let program = &self.program;
            let protos = Walk::new(program, roots.iter().collect(), &[]).finish(&mut |_| {});
            let mentioned = protos.iter().filter_map(|&number| program.protos.get(number as usize));
            let waiting = mentioned.flat_map(|proto| proto.outer(&self.globals)).collect();
            Walk { protos, ..Walk::new(program, waiting, &self.globals) }.finish(found);
        }
        self.remembered(found);
    }

    /// Calls `found` for the objects that the code of a function can reach, as far as a short look tells: whether those
    /// are all.
    fn reach_few(&self, number: u32, found: &mut dyn FnMut(HandleKey)) -> bool {
        let mut look = |value: &Value| {
            value::look_shortly(value, &mut |met| match met {
                Met::Object(key) => {
                    found(key);
                    true
                }
                Met::Code(number) => self.mentioned(number).is_some_and(|mut values| values.next().is_none()),
            })
        };
        self.mentioned(number).is_some_and(|mut values| values.all(&mut look))
    }

    /// The globals that may hold objects, of those that the code of a function mentions, or that of others which it
    /// comes to; `None` where that is not known at once.
    fn mentioned(&self, number: u32) -> Option<impl Iterator<Item = &Value>> {
        let proto = self.program.protos.get(number as usize)?;
        let globals = proto.all_globals.get_or_init(|| self.program.all_globals(number)).as_ref()?;
        Some(globals.iter().filter_map(|&index| self.globals.get(index as usize)).filter(holds))
    }

    /// The outer names, by their numbers, that closures with these codes need in another process, and their values: those
    /// that hold objects, which a process has only when it is given them, and those that were not set yet when the
    /// first process was spawned.
    pub fn taken_along(&self, codes: &[u32]) -> Vec<(u32, Value)> {
        let (mut codes, mut known, mut names) = (codes.to_vec(), HashSet::default(), BTreeMap::new());
        while let Some(code) = codes.pop() {
            let Some(proto) = self.program.protos.get(code as usize).filter(|_| known.insert(code)) else { continue };
            for &name in &proto.globals {
                let Some(value) = self.globals.get(name as usize) else { continue };
                if matches!(value, Value::Undefined) || names.contains_key(&name) {
                    continue;
                }
                let mut needed = self.late.as_ref().is_some_and(|late| late.contains(&name));
                value::visit(value, &mut |met| match met {
                    Met::Object(_) => needed = true,
                    Met::Code(code) => codes.push(code),
                });
                names.insert(name, needed);
            }
            codes.extend(callees(proto));
        }
        let needed = names.into_iter().filter(|(_, needed)| *needed);
        needed.map(|(name, _)| (name, self.globals[name as usize].clone())).collect()
    }

    /// Arrays in common memory among the remembered results of functions.
    fn remembered(&self, found: &mut dyn FnMut(HandleKey)) {
        if value::items_alive() == 0 {
            return;
        }
        let waiting = self.context.memos.values().filter(holds).collect();
        Walk::new(&self.program, waiting, &self.globals).finish(&mut |key| {
            if key.kind == HandleKind::Items {
                found(key);
            }
        });
    }
}

impl Program {
    /// The globals that the code of a function mentions, or that of others which it comes to; `None` when there may be
    /// objects among their constants.
    fn all_globals(&self, number: u32) -> Option<Box<[u32]>> {
        let (mut numbers, mut known, mut globals) = (vec![number], HashSet::default(), Vec::new());
        while let Some(number) = numbers.pop() {
            if known.insert(number) {
                let proto = self.protos.get(number as usize)?;
                if proto.outer(&[]).next().is_some() {
                    return None;
                }
                globals.extend_from_slice(&proto.globals);
                numbers.extend(callees(proto));
            }
        }
        globals.sort_unstable();
        globals.dedup();
        Some(globals.into())
    }
}

impl Proto {
    /// What its code has by itself: the globals that it mentions, and its constants.
    fn outer<'a>(&'a self, globals: &'a [Value]) -> impl Iterator<Item = &'a Value> {
        let mentioned = self.globals.iter().filter_map(|&index| globals.get(index as usize));
        mentioned.chain(self.constants.iter().filter(|constant| !matches!(constant, Value::Function(_)))).filter(holds)
    }
}

struct Walk<'a> {
    program: &'a Program,
    waiting: Vec<&'a Value>,
    seen: HashSet<usize>,
    protos: HashSet<u32>,
    globals: &'a [Value],
}

impl<'a> Walk<'a> {
    fn new(program: &'a Program, waiting: Vec<&'a Value>, globals: &'a [Value]) -> Walk<'a> {
        Walk { program, waiting, seen: HashSet::default(), protos: HashSet::default(), globals }
    }

    /// Gives the functions that were met.
    fn finish(mut self, found: &mut dyn FnMut(HandleKey)) -> HashSet<u32> {
        self.go_on(found);
        self.protos
    }

    fn go_on(&mut self, found: &mut dyn FnMut(HandleKey)) {
        while let Some(value) = self.waiting.pop() {
            self.value(value, found);
        }
    }

    /// What stands in a stream can be borrowed for a moment only.
    fn stream(&mut self, stream: &Stream, found: &mut dyn FnMut(HandleKey)) {
        let parts = stream.parts();
        let (seen, protos) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.protos));
        let mut inner =
            Walk { program: self.program, waiting: parts.iter().collect(), seen, protos, globals: self.globals };
        inner.go_on(found);
        (self.seen, self.protos) = (inner.seen, inner.protos);
    }

    fn value(&mut self, value: &'a Value, found: &mut dyn FnMut(HandleKey)) {
        match value {
            Value::Handle(handle) => found(handle.key()),
            Value::Array(_) | Value::Bytes(_) => value.items().into_iter().for_each(&mut *found),
            Value::Stream(stream) if self.seen.insert(stream.address()) => self.stream(stream, found),
            Value::List(items) if self.seen.insert(items.address()) => self.waiting.extend(items.iter().filter(holds)),
            Value::Map(map) if self.seen.insert(map.address()) => {
                for (key, value) in map.iter() {
                    self.waiting.extend([key, value].into_iter().filter(holds));
                }
            }
            Value::Set(set) if self.seen.insert(set.address()) => self.waiting.extend(set.keys().filter(holds)),
            Value::Error(error) if self.seen.insert(error.address()) => {
                self.waiting.extend([&error.message, &error.data, &error.cause]);
            }
            Value::Function(function) => {
                if let Function::Closure { proto, captures } = &**function {
                    self.proto(*proto);
                    if self.seen.insert(function.address()) {
                        self.waiting.extend(captures.iter());
                    }
                }
            }
            _ => {}
        }
    }

    fn proto(&mut self, number: u32) {
        let mut numbers = vec![number];
        while let Some(number) = numbers.pop() {
            if !self.protos.insert(number) {
                continue;
            }
            let Some(proto) = self.program.protos.get(number as usize) else { continue };
            self.waiting.extend(proto.outer(self.globals));
            numbers.extend(callees(proto));
        }
    }
}

/// How a call reaches a handle other than by its arguments: the functions on the way, the called one first, and last
/// the name that holds the handle. A function without a name is an empty text; `None` when an argument holds it.
pub fn mentions(program: &Program, function: &Value, globals: &[Value], sought: HandleKey) -> Option<Vec<Rc<str>>> {
    let mut way = Way { sought, steps: Vec::new(), known: HashSet::default() };
    let Value::Function(called) = function else { return None };
    let Function::Closure { proto, .. } = &**called else { return None };
    let name = program.protos.get(*proto as usize)?.name.clone();
    way.look(function, name, None);
    let mut at = 0;
    while at < way.steps.len() {
        let (proto, captures) = (program.protos.get(way.steps[at].proto as usize)?, way.steps[at].captures.clone());
        let captured = captures.iter().zip(proto.captured());
        let global = |&index: &u32| Some((globals.get(index as usize)?, program.globals.get(index as usize)?.clone()));
        for (value, name) in captured.chain(proto.globals.iter().filter_map(global)) {
            // The library's own names mean nothing to the user: what one of its functions has, its caller has.
            let (name, from) = match value {
                _ if !proto.hidden => (Some(name), Some(at)),
                Value::Function(function) => match own_name(program, function) {
                    Some(own) if !way.steps[at].name.is_empty() => (Some(own), Some(at)),
                    own => (own.or_else(|| Some(way.steps[at].name.clone())), way.steps[at].from),
                },
                _ => (None, Some(at)),
            };
            if way.look(value, name.clone().unwrap_or_default(), from) {
                return Some(way.names(at, name));
            }
        }
        for callee in callees(proto) {
            let name = program.protos.get(callee as usize).map_or("".into(), |proto| proto.name.clone());
            // What stands inside a function has its name.
            let inside = name.is_empty();
            let (name, from) = if inside { (way.steps[at].name.clone(), way.steps[at].from) } else { (name, Some(at)) };
            way.step(callee, Vec::new(), name, from);
        }
        at += 1;
    }
    None
}

/// The name of a function of the script.
fn own_name(program: &Program, function: &Function) -> Option<Rc<str>> {
    let Function::Closure { proto, .. } = function else { return None };
    let proto = program.protos.get(*proto as usize).filter(|proto| !proto.hidden && !proto.name.is_empty());
    proto.map(|proto| proto.name.clone())
}

/// The functions that were met on the search for a handle.
struct Way {
    sought: HandleKey,
    steps: Vec<WayStep>,
    known: HashSet<u32>,
}

struct WayStep {
    proto: u32,
    captures: Vec<Value>,
    name: Rc<str>,
    /// The step that mentions it.
    from: Option<usize>,
}

impl Way {
    fn step(&mut self, proto: u32, captures: Vec<Value>, name: Rc<str>, from: Option<usize>) {
        if self.known.insert(proto) {
            self.steps.push(WayStep { proto, captures, name, from });
        }
    }

    /// Whether the value, which is no function, holds what is sought. A function is looked into later.
    fn look(&mut self, value: &Value, name: Rc<str>, from: Option<usize>) -> bool {
        if let Value::Function(function) = value
            && let Function::Closure { proto, captures } = &**function
        {
            self.step(*proto, captures.to_vec(), name, from);
            return false;
        }
        let mut found = false;
        value::handles(value, &mut |key| found |= key == self.sought);
        found
    }

    /// The names up to a step, and the last one.
    fn names(&self, step: usize, last: Option<Rc<str>>) -> Vec<Rc<str>> {
        let mut names = Vec::from_iter(last);
        let mut at = Some(step);
        while let Some(step) = at.map(|at| &self.steps[at]) {
            names.push(step.name.clone());
            at = step.from;
        }
        names.reverse();
        names
    }
}

/// The functions that a function mentions or makes.
fn callees(proto: &Proto) -> Vec<u32> {
    let called = proto.code.iter().filter_map(|instr| match instr {
        Instr::CallFn { proto, .. } => Some(u32::from(*proto)),
        _ => None,
    });
    let constants = proto.constants.iter().filter_map(|constant| match constant {
        Value::Function(function) => match &**function {
            Function::Closure { proto, .. } => Some(*proto),
            Function::Native(_) => None,
        },
        _ => None,
    });
    called.chain(proto.closures.iter().map(|site| site.proto)).chain(constants).collect()
}

/// Whether a value may hold others, so that long lists of numbers are passed over quickly.
fn holds(value: &&Value) -> bool {
    !matches!(
        value,
        Value::Undefined
            | Value::Null
            | Value::False
            | Value::True
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Big(_)
    )
}
