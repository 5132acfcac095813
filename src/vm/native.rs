//! How a function of the library is declared and called.

use super::fault::Fault;
use super::memo::Memos;
use super::op::{Op, Quick};
use super::types::Type;
use super::value::{HandleKey, Value};
use std::rc::Rc;

/// What natives may ask of the machine.
pub struct Context {
    /// The name of each prototype, for printing functions.
    pub names: Vec<Rc<str>>,
    /// How the world writes a handle: `<process P.1 worker>`.
    pub describe: fn(HandleKey) -> String,
    /// The remembered results of each `memo`.
    pub memos: Memos,
}

/// Makes a request of the arguments.
pub type Effect = fn(&mut Context, &mut [Value]) -> Result<Op, Fault>;

/// The implementation of a library function. Arguments come in the declared order, one value for each parameter:
/// `Undefined` where an optional one was not given, for a rest parameter a list, or its only value when that is no list
/// itself: see [`rest_of`].
#[derive(Clone, Copy)]
pub enum Run {
    /// Computes a value.
    Pure(fn(&mut Context, &mut [Value]) -> Result<Value, Fault>),
    /// A method that changes its receiver in place; the arguments are without the receiver.
    Change(fn(&mut Context, &mut Value, &mut [Value]) -> Result<Value, Fault>),
    /// Asks the world.
    Effect(Effect),
    /// `fn name(…) { … }` in the language itself: for functions that call functions.
    Script(&'static str),
}

/// A declared parameter.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// How the documentation writes the default; `None` for a required one.
    pub default: Option<&'static str>,
    /// Takes all that is left, as a list.
    pub rest: bool,
}

/// A parameter that must be given.
pub const fn required(name: &'static str) -> Parameter {
    Parameter { name, default: None, rest: false }
}

/// A parameter that may be left out.
pub const fn optional(name: &'static str, default: &'static str) -> Parameter {
    Parameter { name, default: Some(default), rest: false }
}

/// A parameter that takes all positional arguments that are left.
pub const fn rest(name: &'static str) -> Parameter {
    Parameter { name, default: Some(""), rest: true }
}

/// The values of a rest parameter.
pub fn rest_of(value: &Value) -> &[Value] {
    match value {
        Value::List(values) => values,
        one => std::slice::from_ref(one),
    }
}

/// How a library function may be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `f(x)`
    Function,
    /// `x.f()`
    Method,
    /// Both: `f(x)` is `x.f()`.
    Both,
}

/// A function of the library: name, parameters, documentation and implementation together.
pub struct Declaration {
    /// Its name. Several declarations may share one, for different receivers.
    pub name: &'static str,
    /// How it is called.
    pub form: Form,
    /// The types whose method it is. Empty for plain functions, and for `Both` on any type.
    pub on: &'static [Type],
    /// The parameters, for methods without the receiver, which is called `self_` in `Both` functions.
    pub params: &'static [Parameter],
    /// One or more sentences; the first is a summary.
    pub doc: &'static str,
    /// What it does.
    pub run: Run,
    /// What a call without its optional arguments asks for, if the world can do that in one step: its receiver's object
    /// and its first argument are all that matters.
    pub quick: Option<Quick>,
    /// Number of arguments that must be given, the receiver included.
    least: usize,
    /// The place of the rest parameter among the parameters.
    rest: Option<usize>,
    /// A bit for each type whose method it is.
    types: u64,
}

impl Declaration {
    /// A declaration of this form for these types.
    pub const fn new(
        name: &'static str,
        form: Form,
        on: &'static [Type],
        params: &'static [Parameter],
        doc: &'static str,
        run: Run,
    ) -> Declaration {
        let receiver = !matches!(form, Form::Function) as usize;
        let (mut least, mut rest, mut at) = (receiver, None, 0);
        while at < params.len() {
            if params[at].default.is_none() {
                least = receiver + at + 1;
            }
            if params[at].rest {
                rest = Some(at);
            }
            at += 1;
        }
        let mut types = if receiver == 1 && on.is_empty() { u64::MAX } else { 0 };
        at = 0;
        while at < on.len() {
            types |= 1 << on[at] as u64;
            at += 1;
        }
        Declaration { name, form, on, params, doc, run, quick: None, least, rest, types }
    }

    /// The same, and what its shortest call asks for.
    pub const fn quick(mut self, quick: Quick) -> Declaration {
        self.quick = Some(quick);
        self
    }

    /// Whether it is what `x.name(…)` calls for an `x` of this type.
    #[inline]
    pub fn is_method(&self, of: Type) -> bool {
        self.has_receiver() && self.types >> of as u64 & 1 == 1
    }

    /// Whether the first argument is the receiver.
    pub fn has_receiver(&self) -> bool {
        self.form != Form::Function
    }

    /// Whether it changes its receiver. A function in the language does when its first parameter is `var self_`: then
    /// its result is the new value of the receiver, and the value of the call is null.
    pub fn changes(&self) -> bool {
        match self.run {
            Run::Change(_) => true,
            Run::Script(source) => source.split_once('(').is_some_and(|(_, params)| params.starts_with("var self_")),
            Run::Pure(_) | Run::Effect(_) => false,
        }
    }

    /// The place of the rest parameter among the parameters.
    pub fn rest(&self) -> Option<usize> {
        self.rest
    }

    /// Whether `count` positional arguments, the receiver included, are a whole call that leaves out optional ones alone.
    #[inline]
    pub fn takes(&self, count: usize) -> bool {
        self.least <= count && count <= self.arity() && self.rest.is_none()
    }

    /// Whether `count` positional arguments, the receiver included, are those that must be given.
    #[inline]
    pub fn takes_least(&self, count: usize) -> bool {
        self.least == count
    }

    /// Number of arguments, the receiver included.
    pub fn arity(&self) -> usize {
        self.params.len() + usize::from(self.has_receiver())
    }
}

/// The library as the machine sees it.
#[derive(Clone, Copy)]
pub struct Library {
    /// All declarations, by their numbers.
    pub all: &'static [&'static Declaration],
    /// The declaration with this number.
    pub get: fn(u16) -> &'static Declaration,
    /// The method of a type.
    pub method: fn(Type, &str) -> Option<u16>,
    /// The names of a type's methods, for suggestions.
    pub methods: fn(Type) -> Vec<&'static str>,
    /// What to write instead of a method that other languages have.
    pub instead: fn(Option<Type>, &str) -> Option<&'static str>,
}
