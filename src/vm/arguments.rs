//! The arguments of a call: put in the order of the parameters, or counted against them.

use super::code::{NATIVE_ARGUMENTS, Proto};
use super::fault::{Fault, Kind};
use super::machine::Machine;
use super::native::{Declaration, Run};
use super::value::{Map, Ref, Value};

/// What a call must know of a function.
pub(super) enum Head<'a> {
    Proto(&'a Proto),
    Native(&'static Declaration),
    /// Without the receiver.
    Change(&'static Declaration),
}

impl Head<'_> {
    fn len(&self) -> usize {
        match self {
            Head::Proto(proto) => proto.arity(),
            Head::Native(declaration) => declaration.arity(),
            Head::Change(declaration) => declaration.params.len(),
        }
    }

    /// The place of the parameter that takes all positional arguments left. Those behind it are only given by name.
    fn rest(&self) -> Option<usize> {
        match self {
            Head::Proto(proto) => proto.rest.then_some(proto.params.len()),
            Head::Native(declaration) => declaration.rest().map(|at| at + usize::from(declaration.has_receiver())),
            Head::Change(declaration) => declaration.rest(),
        }
    }

    /// Whether one value that is no list may stand where that parameter's list would.
    fn may_stand_alone(&self) -> bool {
        matches!(self, Head::Native(declaration) if !matches!(declaration.run, Run::Script(_)))
    }

    fn name(&self) -> String {
        match self {
            Head::Proto(proto) if proto.name.is_empty() => "the function".into(),
            Head::Proto(proto) => format!("`{}`", proto.name),
            Head::Native(declaration) | Head::Change(declaration) => format!("`{}`", declaration.name),
        }
    }

    /// Name of a parameter that is not the rest, and whether it may be left out.
    fn param(&self, at: usize) -> (&str, bool) {
        match self {
            Head::Proto(proto) => proto.params.get(at).map_or(("", true), |param| (&*param.name, param.optional)),
            Head::Native(declaration) => match at.checked_sub(usize::from(declaration.has_receiver())) {
                None => ("self", false),
                Some(at) => (declaration.params[at].name, declaration.params[at].default.is_some()),
            },
            Head::Change(declaration) => (declaration.params[at].name, declaration.params[at].default.is_some()),
        }
    }

    fn signature(&self) -> String {
        let skip = match self {
            Head::Native(declaration) => usize::from(declaration.form == super::native::Form::Method),
            Head::Proto(_) | Head::Change(_) => 0,
        };
        let parts: Vec<String> = (skip..self.len())
            .map(|at| match self.rest() {
                Some(rest) if rest == at => "...".into(),
                _ => match self.param(at) {
                    (name, true) => format!("{name}?"),
                    (name, false) => name.to_string(),
                },
            })
            .collect();
        format!("({})", parts.join(", "))
    }
}

/// Puts `count` positional arguments at the start of `window`, and named ones, in the order of the parameters.
pub(super) fn arrange(window: &mut [Value], head: &Head, count: usize, named: Option<&Map>) -> Result<(), Fault> {
    let len = head.len();
    let rest = head.rest();
    let plain = rest.unwrap_or(len);
    let named_ones = || (0..len).filter(|at| Some(*at) != rest);
    let arity = |what: String| {
        Err(Fault::new(Kind::Arity, format!("{} {what}", head.name())).help(format!(
            "it is called as {}{}",
            head.name().trim_matches('`'),
            head.signature()
        )))
    };
    if rest.is_some() {
        let stands_alone = count == plain + 1 && head.may_stand_alone() && !matches!(window[plain], Value::List(_));
        if !stands_alone {
            let mut more: Vec<Value> = Vec::new();
            if count > plain {
                more.reserve_exact(count - plain);
                more.extend(window[plain..count].iter_mut().map(std::mem::take));
            }
            window[plain] = Value::list(more);
        }
    } else if count > plain {
        let skip = usize::from(matches!(head, Head::Native(declaration) if declaration.has_receiver()));
        let (takes, got) = (plain - skip, count - skip);
        return arity(format!("takes {takes} argument{}, got {got}", if takes == 1 { "" } else { "s" }));
    }
    for at in named_ones().filter(|at| *at >= count.min(plain)) {
        window[at] = Value::Undefined;
    }
    for (name, value) in named.into_iter().flat_map(|named| named.iter()) {
        let name = name.as_str().unwrap_or_default();
        match named_ones().find(|&at| head.param(at).0 == name) {
            None => {
                let near = crate::nearest::nearest(name, named_ones().map(|at| head.param(at).0));
                let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                return arity(format!("has no parameter `{name}`{hint}"));
            }
            Some(at) if !matches!(window[at], Value::Undefined) => {
                return arity(format!("got `{name}` twice"));
            }
            Some(at) => window[at] = value.clone(),
        }
    }
    for at in named_ones() {
        if matches!(window[at], Value::Undefined) && !head.param(at).1 {
            let name = head.param(at).0;
            let missing = if name.is_empty() { format!("argument {}", at + 1) } else { format!("`{name}`") };
            return arity(format!("is called without {missing}"));
        }
    }
    Ok(())
}

/// A list as the arguments of a call: moves them to `first`.
pub(super) fn spread(machine: &mut Machine, list: &Ref<Vec<Value>>, first: usize) -> Result<usize, Fault> {
    machine.reserve(first, list.len() + NATIVE_ARGUMENTS)?;
    for (slot, value) in machine.stack[first..].iter_mut().zip(list.iter()) {
        *slot = value.clone();
    }
    Ok(list.len())
}
