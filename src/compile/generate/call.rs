//! Calls and `spawn`.

use super::expr::is_plain;
use super::*;
use crate::vm::native::{Form, Run};
use crate::vm::types::Type;

/// More arguments than this go by way of a list.
const MAX_ARGUMENTS: usize = 200;

impl Generator<'_> {
    pub(super) fn call(&mut self, callee: &Expr, args: &[Arg], piped: bool, dst: Reg) {
        let span = self.span;
        if let ExprKind::Field { object, name, maybe } = &callee.kind {
            match self.use_of(name.span).cloned() {
                // A function of a module.
                Some(used) => return self.call_use(&used, args, dst),
                None => return self.method(object, name, *maybe, args, piped, dst),
            }
        }
        if let ExprKind::Name(_) = callee.kind
            && let Some(used) = self.use_of(callee.span).cloned()
        {
            self.span = span;
            return self.call_use(&used, args, dst);
        }
        let base = self.alloc();
        if piped && let Some((Arg::One(first), _)) = args.split_first() {
            // What is piped is evaluated before the function.
            let held = self.alloc();
            self.into(first, held);
            self.into(callee, base);
            let rest = self.alloc_many(args.len());
            self.emit(Instr::Move { dst: base + 1, src: held });
            let _ = rest;
            for (at, arg) in args.iter().enumerate().skip(1) {
                if let Arg::One(value) = arg {
                    self.into(value, base + 1 + at as Reg);
                }
            }
            if args.iter().all(|arg| matches!(arg, Arg::One(_))) {
                self.span = span;
                self.emit(Instr::Call { count: args.len() as u8, dst, base: base + 1, callee: base });
                return;
            }
        }
        self.into(callee, base);
        self.span = span;
        self.call_base(base, args, dst);
    }

    /// Calls the function in `base` with arguments that are put after it.
    fn call_base(&mut self, base: Reg, args: &[Arg], dst: Reg) {
        let span = self.span;
        if let Some(count) = self.simple_args(args) {
            self.span = span;
            self.emit(Instr::Call { count, dst, base: base + 1, callee: base });
        } else {
            let first = self.alloc_many(2);
            self.spread_args(args, first);
            self.span = span;
            self.emit(Instr::CallSpread { dst, base });
        }
    }

    /// Puts positional arguments into new registers; `None` when they are not all positional.
    fn simple_args(&mut self, args: &[Arg]) -> Option<u8> {
        if args.len() > MAX_ARGUMENTS || !args.iter().all(|arg| matches!(arg, Arg::One(_))) {
            return None;
        }
        let first = self.alloc_many(args.len());
        for (at, arg) in args.iter().enumerate() {
            if let Arg::One(value) = arg {
                self.argument(value, first + at as Reg);
            }
        }
        Some(args.len() as u8)
    }

    /// Puts a list of the positional arguments into `first` and a map of the named ones, or null, after it.
    pub(super) fn spread_args(&mut self, args: &[Arg], first: Reg) {
        let (list, named) = (first, first + 1);
        self.emit(Instr::NewList { dst: list, base: list, count: 0 });
        if args.iter().any(|arg| matches!(arg, Arg::Named(..))) {
            self.emit(Instr::NewMap { dst: named, base: named, count: 0 });
        } else {
            self.emit(Instr::Null { dst: named });
        }
        for arg in args {
            let mark = self.mark();
            match arg {
                Arg::One(value) => {
                    let src = self.alloc();
                    self.into(value, src);
                    self.emit(Instr::ListPush { list, src });
                }
                Arg::Spread(value) => {
                    let src = self.value(value);
                    self.at(value.span, |this| this.emit(Instr::ListExtend { list, src }));
                }
                Arg::Named(name, value) => {
                    let pair = self.alloc_many(2);
                    self.load_str(pair, &name.text);
                    self.into(value, pair + 1);
                    self.emit(Instr::MapInsert { map: named, key: pair, value: pair + 1 });
                }
            }
            self.release(mark);
        }
    }

    fn call_use(&mut self, used: &Use, args: &[Arg], dst: Reg) {
        match used {
            Use::Var(var) => {
                let variable = &self.unit.names.vars[*var];
                if let VarKind::Fn(id) = variable.kind
                    && self.unit.names.fns[id].captures.is_empty()
                    && let Some(function) = self.unit.names.fns[id].function.clone()
                    && self.call_known(&function, id, args, dst)
                {
                    return;
                }
            }
            Use::Native(id) => return self.call_library(*id, args, dst),
            Use::Global { .. } | Use::Proto(_) | Use::Constant(_) | Use::Mention(_) => {}
        }
        let span = self.span;
        if let Use::Var(var) = used
            && let Some(callee) = self.register_of(*var)
            && args.iter().all(|arg| matches!(arg, Arg::One(value) if is_plain(value)))
        {
            let base = self.state.next as Reg;
            if let Some(count) = self.simple_args(args) {
                self.span = span;
                self.emit(Instr::Call { count, dst, base, callee });
                return;
            }
        }
        let base = self.alloc();
        self.meaning(used, base);
        self.span = span;
        self.call_base(base, args, dst);
    }

    /// A call of a function of this text whose parameters are known; false when its arguments do not fit plainly.
    fn call_known(&mut self, function: &Function, id: FnId, args: &[Arg], dst: Reg) -> bool {
        let span = self.span;
        let Ok(proto) = u16::try_from(self.first_proto + id as u32) else { return false };
        let params = &function.params;
        if params.iter().any(|param| param.rest) || args.len() > MAX_ARGUMENTS {
            return false;
        }
        let mut places: Vec<Option<usize>> = vec![None; params.len()];
        let mut slots = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            let slot = match arg {
                Arg::One(_) => at,
                Arg::Spread(_) => return false,
                Arg::Named(name, _) => {
                    let found = params.iter().position(
                        |param| matches!(&param.pattern.kind, PatternKind::Bind(bound) if bound.text == name.text),
                    );
                    match found {
                        Some(slot) => slot,
                        None => return false,
                    }
                }
            };
            match places.get_mut(slot) {
                Some(place @ None) => *place = Some(at),
                _ => return false,
            }
            slots.push(slot);
        }
        if params.iter().zip(&places).any(|(param, place)| place.is_none() && param.default.is_none()) {
            return false;
        }
        let base = self.alloc_many(params.len());
        for (arg, slot) in args.iter().zip(slots) {
            if let Arg::One(value) | Arg::Named(_, value) = arg {
                self.argument(value, base + slot as Reg);
            }
        }
        for (slot, place) in places.iter().enumerate() {
            if place.is_none() {
                self.emit(Instr::Undefined { dst: base + slot as Reg });
            }
        }
        self.span = span;
        self.emit(Instr::CallFn { count: params.len() as u8, dst, base, proto });
        true
    }

    /// A call of a library function by its plain name.
    fn call_library(&mut self, id: u16, args: &[Arg], dst: Reg) {
        let span = self.span;
        let declaration = library::get(id);
        if declaration.name == "assert" && self.assert(args, dst) {
            return;
        }
        match declaration.form {
            // The first argument's type says which declaration is meant.
            Form::Both => {
                if args.iter().all(|arg| matches!(arg, Arg::One(_)))
                    && let Some(direct) = library::direct(declaration.name, args.len())
                    && self.native_plain(direct, args, dst)
                {
                    return;
                }
                if let Some((Arg::One(receiver), others)) = args.split_first() {
                    let base = self.alloc();
                    self.into(receiver, base);
                    self.span = span;
                    let name = Name { text: declaration.name.into(), span };
                    return self.method_base(base, &name, others, dst);
                }
            }
            Form::Function | Form::Method => {
                if self.native_plain(id, args, dst) {
                    return;
                }
            }
        }
        let base = self.alloc();
        self.load_native(base, id);
        self.span = span;
        self.call_base(base, args, dst);
    }

    /// A direct call when the arguments fit the parameters plainly.
    fn native_plain(&mut self, id: u16, args: &[Arg], dst: Reg) -> bool {
        let span = self.span;
        let declaration = library::get(id);
        let params = declaration.params;
        if matches!(declaration.run, Run::Script(_)) || declaration.has_receiver() || args.len() > MAX_ARGUMENTS {
            return false;
        }
        if params.iter().any(|param| param.rest) || args.len() > params.len() {
            return false;
        }
        if !args.iter().all(|arg| matches!(arg, Arg::One(_))) {
            return false;
        }
        if params[args.len()..].iter().any(|param| param.default.is_none()) {
            return false;
        }
        let base = self.alloc_many(params.len().max(1));
        for (at, param) in params.iter().enumerate() {
            let _ = param;
            match args.get(at) {
                Some(Arg::One(value)) => self.argument(value, base + at as Reg),
                _ => {
                    self.emit(Instr::Undefined { dst: base + at as Reg });
                }
            }
        }
        self.span = span;
        self.emit(Instr::CallNative { count: params.len() as u8, dst, base, native: id });
        true
    }

    /// `assert(a == b, message)`: both sides are kept for the message.
    fn assert(&mut self, args: &[Arg], dst: Reg) -> bool {
        let span = self.span;
        let Some(Compared { condition, first, op, second, message }) = compared(args) else { return false };
        let base = self.alloc_many(3);
        self.into(first, base);
        self.into(second, base + 1);
        self.span = condition.span;
        let holds = self.emit_compare_jump(base, op, base + 1, true);
        match message {
            Some(message) => self.into(message, base + 2),
            None => {
                self.emit(Instr::Null { dst: base + 2 });
            }
        }
        let op = self.name_index(&op.symbol().into());
        self.span = span;
        self.emit(Instr::AssertFailed { base, op });
        self.patch_here(holds);
        self.emit(Instr::Null { dst });
        true
    }

    fn method(&mut self, object: &Expr, name: &Name, maybe: bool, args: &[Arg], piped: bool, dst: Reg) {
        let span = self.span;
        if !maybe
            && library::is_changing(&name.text)
            && let Some(way) = self.path(object)
        {
            return self.change(way, name, args, dst);
        }
        let base = self.alloc();
        if piped && let Some((Arg::One(first), others)) = args.split_first() {
            let first_value = self.alloc();
            self.into(first, first_value);
            self.into(object, base);
            self.span = span;
            // The piped value is the first argument, which stands right after the receiver.
            if others.iter().all(|arg| matches!(arg, Arg::One(_))) && others.len() < MAX_ARGUMENTS {
                let more = self.alloc_many(others.len());
                for (at, arg) in others.iter().enumerate() {
                    if let Arg::One(value) = arg {
                        self.into(value, more + at as Reg);
                    }
                }
                let name = self.name_index(&name.text);
                self.span = span;
                self.emit(Instr::CallMethod { count: args.len() as u8, dst, base, name });
                return;
            }
        }
        self.into(object, base);
        self.span = span;
        if maybe {
            let skip = self.emit_jump(Instr::JumpNull { src: base, offset: 0 });
            self.method_base(base, name, args, dst);
            let end = self.emit_jump(Instr::Jump { offset: 0 });
            self.patch_here(skip);
            self.emit(Instr::Null { dst });
            self.patch_here(end);
            return;
        }
        self.method_base(base, name, args, dst);
    }

    /// A method of the value in `base`, which is used up.
    fn method_base(&mut self, base: Reg, name: &Name, args: &[Arg], dst: Reg) {
        let span = self.span;
        let count = self.simple_args(args);
        if let Some(count) = count {
            self.span = span;
            let name = self.name_index(&name.text);
            self.emit(Instr::CallMethod { count, dst, base, name });
        } else {
            let first = self.alloc_many(2);
            self.spread_args(args, first);
            self.span = span;
            let name = self.name_index(&name.text);
            self.emit(Instr::CallMethodSpread { dst, base, name });
        }
    }

    pub(super) fn spawn(&mut self, options: &[(Name, Expr)], body: &SpawnBody, dst: Reg) {
        let span = self.span;
        let base = self.alloc_many(2);
        let count = match body {
            SpawnBody::Call { callee, args } => match &callee.kind {
                ExprKind::Field { object, name, .. } if self.use_of(name.span).is_none() => {
                    let first = self.alloc_many(2);
                    self.spawned_method(object, name, args, base, first);
                    None
                }
                _ => self.spawned_assert(callee, args, base).or_else(|| {
                    self.into(callee, base);
                    let count = self.simple_args(args);
                    if count.is_none() {
                        let first = self.alloc_many(2);
                        self.spread_args(args, first);
                    }
                    count
                }),
            },
            SpawnBody::Block(function) => {
                self.closure(function, base);
                Some(0)
            }
        };
        self.options(options, base + 1);
        self.span = span;
        self.emit(Instr::Spawn { count: 2 + count.unwrap_or(2), spread: count.is_none(), dst, base });
    }

    /// `spawn assert(a == b, message)`: its sides are evaluated here and go along, for the message. Gives the number of
    /// arguments behind the function in `base`; nothing for any other call.
    fn spawned_assert(&mut self, callee: &Expr, args: &[Arg], base: Reg) -> Option<u8> {
        let Some(&Use::Native(id)) = self.use_of(callee.span) else { return None };
        if !matches!(callee.kind, ExprKind::Name(_)) || library::get(id).name != "assert" {
            return None;
        }
        let Compared { first, op, second, message, .. } = compared(args)?;
        self.load_native(base, library::function("__assert_compared")?);
        let at = self.alloc_many(4);
        self.load_str(at, &op.symbol().into());
        self.into(first, at + 1);
        self.into(second, at + 2);
        match message {
            Some(message) => self.into(message, at + 3),
            None => {
                self.emit(Instr::Null { dst: at + 3 });
            }
        }
        Some(4)
    }

    /// The function for `spawn x.f(…)` in `function`, its arguments in `spread` and behind it: what a map has under that
    /// key, unless maps have such a method, or else one that calls the method of what is evaluated here.
    fn spawned_method(&mut self, object: &Expr, name: &Name, args: &[Arg], function: Reg, spread: Reg) {
        let span = self.span;
        let first = self.alloc_many(3);
        self.into(object, first);
        self.span = span;
        let is_stored = library::method(Type::Map, &name.text).is_none().then(|| {
            let is_map = self.alloc();
            self.emit(Instr::Is { dst: is_map, src: first, what: Type::Map });
            let skip = self.emit_jump(Instr::JumpIfNot { src: is_map, offset: 0 });
            let name = self.name_index(&name.text);
            self.emit(Instr::Field { dst: function, a: first, name });
            self.patch_here(skip);
            is_map
        });
        self.spread_args(args, spread);
        self.span = span;
        let done = is_stored.map(|src| self.emit_jump(Instr::JumpIf { src, offset: 0 }));
        self.emit(Instr::Move { dst: first + 1, src: spread });
        self.emit(Instr::Move { dst: first + 2, src: spread + 1 });
        self.emit(Instr::NewList { dst: spread, base: first, count: 3 });
        self.emit(Instr::Null { dst: spread + 1 });
        let proto = self.method_caller(&name.text);
        self.load_function(function, proto);
        done.into_iter().for_each(|done| self.patch_here(done));
    }

    /// The number of the prototype that calls a method: parameters are the object, a list of arguments and a map of
    /// named ones.
    fn method_caller(&mut self, name: &Rc<str>) -> u32 {
        if let Some(&proto) = self.method_callers.get(name) {
            return proto;
        }
        let proto = self.first_proto + self.protos.len() as u32;
        let caller = Proto::caller(
            ["object", "args", "named"],
            Instr::CallMethodSpread { dst: 0, base: 0, name: 0 },
            vec![self.text(name)],
        );
        self.protos.push(Some(Rc::new(caller)));
        self.method_callers.insert(name.clone(), proto);
        proto
    }

    /// A map of the options in parentheses, or null.
    pub(super) fn options(&mut self, options: &[(Name, Expr)], dst: Reg) {
        if options.is_empty() {
            self.emit(Instr::Null { dst });
            return;
        }
        self.emit(Instr::NewMap { dst, base: dst, count: 0 });
        for (name, value) in options {
            let mark = self.mark();
            let pair = self.alloc_many(2);
            self.load_str(pair, &name.text);
            self.into(value, pair + 1);
            self.emit(Instr::MapInsert { map: dst, key: pair, value: pair + 1 });
            self.release(mark);
        }
    }
}

/// The arguments of `assert(a == b, message)`.
struct Compared<'a> {
    condition: &'a Expr,
    first: &'a Expr,
    op: CompareOp,
    second: &'a Expr,
    message: Option<&'a Expr>,
}

fn compared(args: &[Arg]) -> Option<Compared<'_>> {
    let (condition, message) = match args {
        [Arg::One(condition)] => (condition, None),
        [Arg::One(condition), Arg::One(message)] => (condition, Some(message)),
        _ => return None,
    };
    let ExprKind::Compare(first, rest) = &condition.kind else { return None };
    let [(op, second)] = &rest[..] else { return None };
    Some(Compared { condition, first, op: *op, second, message })
}
