//! Calls: of functions of the program, of library functions, of methods, and what one asks of the world.

use super::arguments::{Head, arrange, spread};
use super::code::{Instr, NATIVE_ARGUMENTS, Reg};
use super::fault::{Fault, Kind};
use super::frame::{Frame, Then};
use super::machine::{Answer, LEAST_FRAMES, MAX_CALLS, Machine, reserve, too_deep};
use super::native::{Effect, Run};
use super::op::{Op, Quick};
use super::value::{self, Function, HandleKey, Map, Value};

impl Machine {
    /// Begins a call of a function of the program, whose `count` arguments stand at `first` in the stack.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn enter_closure(
        &mut self,
        proto: u32,
        captures: &[Value],
        first: usize,
        count: usize,
        dst: Reg,
        then: Then,
        named: Option<&Map>,
    ) -> Result<(), Fault> {
        // Its count is not written to: a child has that from its parent.
        let Some(proto) = self.program.protos.get(proto as usize) else {
            return Err(Fault::value_error("this function was defined after this process was started"));
        };
        if self.frames.len() >= MAX_CALLS {
            return Err(too_deep());
        }
        let window = (proto.registers as usize).max(count) + NATIVE_ARGUMENTS;
        reserve(&mut self.stack, first, window)?;
        if count != proto.params.len() || proto.rest || named.is_some() {
            arrange(&mut self.stack[first..first + window], &Head::Proto(proto), count, named)?;
        }
        let at = first + proto.arity();
        for (slot, value) in self.stack[at..].iter_mut().zip(captures) {
            *slot = value.clone();
        }
        if self.frames.len() == self.frames.capacity() {
            // The fast ways of calling find by the capacity alone whether one more call is allowed.
            let more = self.frames.len().max(LEAST_FRAMES).min(MAX_CALLS - self.frames.len());
            self.frames.reserve_exact(more);
        }
        self.frames.push(Frame::new(proto, first, dst, then));
        Ok(())
    }

    /// The prototype of a library function that is written in the language.
    pub(super) fn script(&self, id: u16) -> Result<u32, Fault> {
        match self.program.scripts.get(&id) {
            Some(proto) => Ok(*proto),
            None => {
                let name = (self.library.get)(id).name;
                Err(Fault::value_error(format!("`{name}` was not mentioned in the script that this process runs")))
            }
        }
    }

    /// Calls any value, with arguments at `first`. Ends with a new frame, a result in `dst`, or a question.
    pub(super) fn call_value(
        &mut self,
        callee: &Value,
        first: usize,
        count: usize,
        dst: Reg,
        named: Option<&Map>,
    ) -> Result<Option<Op>, Fault> {
        match callee {
            Value::Function(function) => match &**function {
                Function::Closure { proto, captures } => {
                    self.enter_closure(*proto, captures, first, count, dst, Then::Store, named)?;
                    Ok(None)
                }
                Function::Native(id) => self.call_native(*id, first, count, dst, named),
            },
            other => Err(self.not_callable(other)),
        }
    }

    /// Calls a library function, with arguments (and receiver) at `first`.
    pub(super) fn call_native(
        &mut self,
        id: u16,
        first: usize,
        count: usize,
        dst: Reg,
        named: Option<&Map>,
    ) -> Result<Option<Op>, Fault> {
        let declaration = (self.library.get)(id);
        if let Run::Script(_) = declaration.run {
            let proto = self.script(id)?;
            // The language has no parameters behind `...`, so the declaration arranges the arguments of such a script.
            if declaration.rest().is_some_and(|at| at + 1 < declaration.params.len()) {
                let arity = declaration.arity();
                self.reserve(first, count.max(arity) + NATIVE_ARGUMENTS)?;
                arrange(&mut self.stack[first..], &Head::Native(declaration), count, named)?;
                self.enter_closure(proto, &[], first, arity, dst, Then::Store, None)?;
            } else {
                self.enter_closure(proto, &[], first, count, dst, Then::Store, named)?;
            }
            return Ok(None);
        }
        let arity = declaration.arity();
        self.reserve(first, count.max(arity) + NATIVE_ARGUMENTS)?;
        if named.is_none() && declaration.takes(count) {
            self.stack[first + count..first + arity].fill_with(|| Value::Undefined);
        } else {
            arrange(&mut self.stack[first..], &Head::Native(declaration), count, named)?;
        }
        if let Run::Effect(run) = declaration.run {
            return self.ask(run, first, arity, dst);
        }
        let args = &mut self.stack[first..first + arity];
        let result = match declaration.run {
            Run::Pure(run) => run(&mut self.context, args),
            Run::Change(_) => Err(no_place(declaration.name, &args[0])),
            Run::Effect(_) | Run::Script(_) => unreachable!("handled above"),
        };
        args.fill(Value::Null);
        let base = self.frame_base();
        self.stack[base + dst as usize] = result?;
        Ok(None)
    }

    /// The world's answer to a request, if it can perform that at once.
    #[inline]
    pub(super) fn at_once(&mut self, quick: Quick, object: HandleKey, value: &Value) -> Option<Result<Value, Fault>> {
        let answer = (self.at_once)(quick, object, value, self.here());
        if value::some_received() {
            self.receive();
        }
        answer
    }

    /// Asks what a library function asks of the world, whose arguments stand at `first`. Without a question left the
    /// answer is in `dst`.
    pub(super) fn ask(&mut self, run: Effect, first: usize, arity: usize, dst: Reg) -> Result<Option<Op>, Fault> {
        let asked = run(&mut self.context, &mut self.stack[first..first + arity]);
        let answer = asked
            .as_ref()
            .ok()
            .and_then(Op::quick)
            .and_then(|(quick, object, value)| self.at_once(quick, object, value));
        let waits = answer.is_none() && asked.is_ok();
        for arg in &mut self.stack[first..first + arity] {
            if arg.is_heap() {
                let arg = std::mem::take(arg);
                if waits {
                    self.holding.push(arg);
                }
            } else {
                *arg = Value::Null;
            }
        }
        let op = asked?;
        let Some(answer) = answer else {
            self.answer = Answer::Register(dst);
            return Ok(Some(op));
        };
        let base = self.frame_base();
        self.stack[base + dst as usize] = answer?;
        Ok(None)
    }

    /// Calls a method of the value at `first`, which is followed by `count` arguments. A method that changes its
    /// receiver needs a `place`, which takes its result.
    pub(super) fn call_method(
        &mut self,
        name: &str,
        first: usize,
        count: usize,
        dst: Reg,
        named: Option<&Map>,
        place: bool,
    ) -> Result<Option<Op>, Fault> {
        let receiver = &self.stack[first];
        if let Some(id) = (self.library.method)(receiver.type_of(), name) {
            if !place && (self.library.get)(id).changes() {
                let fault = no_place(name, receiver);
                return Err(if self.is_cell_value(first) { fault.help(IN_WITH) } else { fault });
            }
            return self.call_native(id, first, count + 1, dst, named);
        }
        if let Value::Map(map) = receiver
            && let Some(stored) = map.get_str(name).cloned()
        {
            self.stack[first] = Value::Null;
            return self.call_value(&stored, first + 1, count, dst, named);
        }
        Err(self.no_method(receiver, name))
    }

    /// Whether what stands in the stack was read as `….value`.
    #[cold]
    fn is_cell_value(&self, at: usize) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let (proto, reg) = (frame.proto(), at.saturating_sub(frame.base as usize) as Reg);
        let before = proto.code.iter().take(frame.next().saturating_sub(1)).rev();
        let maker = before.map(|instr| {
            let mut made = false;
            instr.writes(&mut |written| made |= written == reg);
            (made, instr)
        });
        match maker.into_iter().find(|(made, _)| *made) {
            Some((_, Instr::Field { name, .. })) => proto.names[*name as usize].as_str() == Some("value"),
            _ => false,
        }
    }

    /// A call with a list of arguments and a map of named ones.
    #[cold]
    #[inline(never)]
    pub(super) fn call_spread(
        &mut self,
        callee: &Value,
        at: Reg,
        dst: Reg,
        method: Option<&str>,
        place: bool,
    ) -> Result<Option<Op>, Fault> {
        let base = self.frame_base() + at as usize;
        let list = std::mem::take(&mut self.stack[base + 1]);
        let named = std::mem::take(&mut self.stack[base + 2]);
        let Value::List(list) = list else { return Ok(None) };
        let named = if let Value::Map(named) = named { Some(named) } else { None };
        let count = spread(self, &list, base + 1)?;
        drop(list);
        match method {
            None => self.call_value(callee, base + 1, count, dst, named.as_deref()),
            Some(name) => self.call_method(name, base, count, dst, named.as_deref(), place),
        }
    }

    /// The error for a method that is not there.
    pub(super) fn no_method(&self, receiver: &Value, name: &str) -> Fault {
        let kind = receiver.type_of();
        let fault = match receiver {
            Value::Map(_) => {
                Fault::new(Kind::Key, format!("a map has no method `{name}`, and this one no key `{name}`"))
            }
            _ => Fault::type_error(format!("{} has no method `{name}`", super::types::with_article(kind.name()))),
        };
        if let Some(hint) = (self.library.instead)(Some(kind), name) {
            return fault.help(hint);
        }
        let methods = (self.library.methods)(kind);
        let keys = if let Value::Map(map) = receiver { Some(map.keys().filter_map(Value::as_str)) } else { None };
        let known = methods.iter().copied().chain(keys.into_iter().flatten());
        match crate::nearest::nearest(name, known) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None if receiver.is_null() => fault.help(format!("write `?.{name}(…)` to get null from null")),
            None => fault,
        }
    }

    pub(super) fn not_callable(&self, value: &Value) -> Fault {
        let what = super::types::with_article(value.type_name());
        Fault::type_error(format!("{what} cannot be called"))
    }
}

const IN_WITH: &str = "the value of a shared cell is changed in `with c { … }`, or by `c.update(|v| …)`; \
                       others are put into a `var` first";

/// The error for a method that changes its receiver, where that is not part of a variable.
#[cold]
fn no_place(method: &str, receiver: &Value) -> Fault {
    let message = format!("`{method}` changes the {} it is called on, which is in no `var`", receiver.type_name());
    Fault::type_error(message).help(match method {
        "sort" => "`sorted` gives a new list; or put it into a `var` first (a parameter: `var xs`)",
        "reverse" => "`reversed` gives a new list; or put it into a `var` first (a parameter: `var xs`)",
        _ => "put it into a `var` first, of which it changes the value (a parameter: `var xs`)",
    })
}
