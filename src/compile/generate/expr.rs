//! Expressions.

use super::*;
use crate::vm::code::{Joined, Part, Shortcut};
use crate::vm::types::Type;
use crate::vm::value::{self, Arith};

/// More operands are added one by one.
const MOST_PARTS: usize = 32;
/// Maps with more keys are made of pairs.
const MOST_KEYS: usize = 32;

/// The arithmetic of an operator.
pub(super) fn arith(op: BinaryOp) -> Arith {
    match op {
        BinaryOp::Add => Arith::Add,
        BinaryOp::Sub => Arith::Sub,
        BinaryOp::Mul => Arith::Mul,
        BinaryOp::Div => Arith::Div,
        BinaryOp::FloorDiv => Arith::FloorDiv,
        BinaryOp::Rem => Arith::Rem,
        BinaryOp::Pow => Arith::Pow,
        BinaryOp::Shl => Arith::Shl,
        BinaryOp::Shr => Arith::Shr,
        BinaryOp::BitAnd => Arith::BitAnd,
        BinaryOp::BitXor => Arith::BitXor,
        BinaryOp::BitOr => Arith::BitOr,
    }
}

/// A small integer literal, perhaps negative.
pub(super) fn small_int(expr: &Expr) -> Option<i16> {
    match &expr.kind {
        ExprKind::Int(int) => i16::try_from(*int).ok(),
        ExprKind::Unary(UnaryOp::Neg, inner) => match inner.kind {
            ExprKind::Int(int) => i16::try_from(-int).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether evaluating the expression cannot set a variable of the function.
pub(super) fn is_plain(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::BigInt(_)
        | ExprKind::Float(_)
        | ExprKind::Str(_)
        | ExprKind::Bytes(_)
        | ExprKind::Name(_)
        | ExprKind::Closure(_) => true,
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => is_plain(inner),
        ExprKind::Binary(first, rest) => is_plain(first) && rest.iter().all(|(_, other)| is_plain(other)),
        ExprKind::Compare(first, rest) => is_plain(first) && rest.iter().all(|(_, other)| is_plain(other)),
        ExprKind::Pow(a, b) => is_plain(a) && is_plain(b),
        ExprKind::Index { object, index, .. } => is_plain(object) && is_plain(index),
        ExprKind::Field { object, .. } => is_plain(object),
        ExprKind::Call { callee, args, .. } => {
            // A method may change the variable it is called on.
            !matches!(callee.kind, ExprKind::Field { .. })
                && is_plain(callee)
                && args.iter().all(|arg| match arg {
                    Arg::One(value) | Arg::Spread(value) | Arg::Named(_, value) => is_plain(value),
                })
        }
        _ => false,
    }
}

/// Whether the code for the expression writes its target only after it has read everything.
pub(super) fn writes_last(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::BigInt(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_)
            | ExprKind::FString(_)
            | ExprKind::Name(_)
            | ExprKind::List(_)
            | ExprKind::Range { .. }
            | ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::Pow(..)
            | ExprKind::Index { maybe: false, .. }
            | ExprKind::Field { maybe: false, .. }
            | ExprKind::Closure(_)
    ) || matches!(&expr.kind, ExprKind::Call { callee, .. } if !matches!(callee.kind, ExprKind::Field { maybe: true, .. }))
}

impl Generator<'_> {
    /// The value in some register: the variable's own, or a new temporary.
    pub(super) fn value(&mut self, expr: &Expr) -> Reg {
        if let ExprKind::Name(_) = expr.kind
            && let Some(Use::Var(var)) = self.use_of(expr.span)
            && let Some(reg) = self.register_of(*var)
        {
            return reg;
        }
        let dst = self.alloc();
        self.into(expr, dst);
        dst
    }

    /// Like `value`, in a register that evaluating `later` does not change.
    pub(super) fn value_before(&mut self, expr: &Expr, later: &Expr) -> Reg {
        if is_plain(later) {
            return self.value(expr);
        }
        let dst = self.alloc();
        self.into(expr, dst);
        dst
    }

    /// A value with an effect that nobody needs.
    pub(super) fn discard(&mut self, expr: &Expr) {
        let mark = self.mark();
        match &expr.kind {
            ExprKind::While(..) | ExprKind::Loop(_) | ExprKind::For(_) => self.looping(expr),
            ExprKind::If { arms, otherwise } => {
                self.at(expr.span, |this| this.branches(arms, otherwise.as_deref(), None));
            }
            _ => {
                let dst = self.alloc();
                self.into(expr, dst);
            }
        }
        self.release(mark);
    }

    /// The value into this register.
    pub(super) fn into(&mut self, expr: &Expr, dst: Reg) {
        let mark = self.mark();
        self.at(expr.span, |this| this.expr_kind(expr, dst));
        self.release(mark);
    }

    #[allow(clippy::too_many_lines)]
    fn expr_kind(&mut self, expr: &Expr, dst: Reg) {
        match &expr.kind {
            ExprKind::Null => {
                self.emit(Instr::Null { dst });
            }
            ExprKind::Bool(value) => {
                self.emit(Instr::Bool { dst, value: *value });
            }
            ExprKind::Int(int) => self.load_int(dst, *int),
            ExprKind::BigInt(int) => self.load_constant(dst, Value::big(int.clone())),
            ExprKind::Float(float) => self.load_float(dst, *float),
            ExprKind::Str(text) => self.load_str(dst, text),
            ExprKind::Bytes(bytes) => self.load_constant(dst, Value::bytes(bytes.to_vec())),
            ExprKind::FString(parts) => self.fstring(parts, dst),
            ExprKind::Name(_) => self.name(expr.span, dst),
            ExprKind::List(items) => self.list(items, dst),
            ExprKind::Map(items) => self.map(items, dst),
            ExprKind::Range { start, end, inclusive } => {
                let (Some(start), Some(end)) = (start, end) else { return };
                let a = self.value_before(start, end);
                let b = self.value(end);
                self.emit(Instr::NewRange { dst, a, b, inclusive: *inclusive });
            }
            ExprKind::Unary(UnaryOp::Not, _)
            | ExprKind::Compare(..)
            | ExprKind::Logic(LogicOp::And | LogicOp::Or, _) => self.truth(expr, dst),
            ExprKind::Unary(op, inner) => self.unary(*op, inner, dst),
            ExprKind::Binary(first, rest) => self.binary(first, rest, dst),
            ExprKind::Pow(a, b) => {
                let left = self.value_before(a, b);
                let right = self.value(b);
                self.emit(Instr::Arith { op: Arith::Pow, dst, a: left, b: right });
            }
            ExprKind::Logic(LogicOp::Coalesce, items) => {
                let mut done = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    self.into(item, dst);
                    if at + 1 < items.len() {
                        done.push(self.emit_jump(Instr::JumpNotNull { src: dst, offset: 0 }));
                    }
                }
                let here = self.here();
                self.patch_all(&done, here);
            }
            ExprKind::In { item, container, negated } => {
                let a = self.value_before(item, container);
                let b = self.value(container);
                self.emit(Instr::In { dst, a, b });
                if *negated {
                    self.emit(Instr::Not { dst, src: dst });
                }
            }
            ExprKind::Is { value, type_name, negated } => {
                let src = self.value(value);
                let what = Type::named(&type_name.text).unwrap_or(Type::Null);
                self.emit(Instr::Is { dst, src, what });
                if *negated {
                    self.emit(Instr::Not { dst, src: dst });
                }
            }
            ExprKind::Call { callee, args, piped } => self.call(callee, args, *piped, dst),
            ExprKind::Index { object, index, maybe } => self.index(object, index, *maybe, dst),
            ExprKind::Field { object, name, maybe } => self.field(object, name, *maybe, dst),
            ExprKind::Paren(inner) => self.into(inner, dst),
            ExprKind::Closure(function) => self.closure(function, dst),
            ExprKind::If { arms, otherwise } => self.branches(arms, otherwise.as_deref(), Some(dst)),
            ExprKind::Match { subject, arms } => self.matching(subject, arms, dst),
            ExprKind::Block(block) => self.block(block, Some(dst)),
            ExprKind::Try { body, catches, finally } => self.trying(body, catches, finally.as_deref(), dst),
            ExprKind::TryElse(body, otherwise) => self.try_else(body, otherwise, dst),
            ExprKind::Throw(value) => {
                let src = self.value(value);
                self.emit(Instr::Throw { src });
            }
            ExprKind::Return(value) => self.returning(value.as_deref()),
            ExprKind::Break => self.exit(Exit::Break, 0),
            ExprKind::Continue => self.exit(Exit::Continue, 0),
            ExprKind::While(..) | ExprKind::Loop(_) | ExprKind::For(_) => {
                self.looping(expr);
                self.emit(Instr::Null { dst });
            }
            ExprKind::With { items, body } => self.with(items, body, dst),
            ExprKind::ListComp(element, clauses) => {
                let list = self.alloc();
                self.emit(Instr::NewList { dst: list, base: list, count: 0 });
                self.state.room = if clauses.len() == 1 { Some(list) } else { None };
                self.clauses(clauses, &mut |this| {
                    let src = this.alloc();
                    this.into(element, src);
                    this.emit(Instr::ListPush { list, src });
                });
                self.emit(Instr::Move { dst, src: list });
            }
            ExprKind::MapComp(key, value, clauses) => {
                let map = self.alloc();
                self.emit(Instr::NewMap { dst: map, base: map, count: 0 });
                self.clauses(clauses, &mut |this| {
                    let pair = this.alloc_many(2);
                    this.into(key, pair);
                    this.into(value, pair + 1);
                    this.emit(Instr::MapInsert { map, key: pair, value: pair + 1 });
                });
                self.emit(Instr::Move { dst, src: map });
            }
            ExprKind::Spawn { options, body } => self.spawn(options, body, dst),
            ExprKind::Scope { options, body } => self.scope(options, body, dst),
            ExprKind::Select(arms) => self.select(arms, dst),
        }
    }

    /// The value of a name.
    pub(super) fn name(&mut self, span: Span, dst: Reg) {
        match self.use_of(span).cloned() {
            Some(Use::Var(var)) => self.variable(var, dst),
            Some(used) => self.meaning(&used, dst),
            None => {}
        }
    }

    pub(super) fn meaning(&mut self, used: &Use, dst: Reg) {
        match used {
            Use::Var(var) => self.variable(*var, dst),
            Use::Global { index, .. } => {
                self.emit(Instr::GetGlobal { dst, index: *index });
            }
            Use::Proto(proto) => self.load_function(dst, *proto),
            Use::Native(id) => self.load_native(dst, *id),
            Use::Constant(name) => self.load_constant(dst, library::constant(name).unwrap_or_default()),
            Use::Mention(id) => {
                self.emit(Instr::CallNative { count: 0, dst, base: dst, native: *id });
            }
        }
    }

    fn variable(&mut self, var: VarId, dst: Reg) {
        if let Some(src) = self.register_of(var) {
            if src != dst {
                self.emit(Instr::Copy { dst, src });
            }
            return;
        }
        let variable = &self.unit.names.vars[var];
        match (variable.kind, variable.global) {
            (VarKind::Fn(id), _) => self.function_value(id, dst),
            (VarKind::ImportedFn(proto), _) => self.load_function(dst, proto),
            (VarKind::Imported(index), _) | (_, Some(index)) => {
                self.emit(Instr::GetGlobal { dst, index });
            }
            _ => {}
        }
    }

    /// A function of this text as a value, with what it captures.
    pub(super) fn function_value(&mut self, id: FnId, dst: Reg) {
        let proto = self.first_proto + id as u32;
        let captured = &self.unit.names.fns[id].captures;
        if captured.is_empty() {
            return self.load_function(dst, proto);
        }
        let mark = self.mark();
        let mut captures = Vec::new();
        for &var in captured {
            match self.register_of(var) {
                Some(reg) => captures.push(reg),
                None => {
                    let reg = self.alloc();
                    self.variable(var, reg);
                    captures.push(reg);
                }
            }
        }
        self.state.proto.closures.push(crate::vm::code::ClosureSite { proto, captures });
        let site = self.state.proto.closures.len() as u32 - 1;
        self.emit(Instr::Closure { dst, site });
        self.release(mark);
    }

    pub(super) fn closure(&mut self, function: &Rc<Function>, dst: Reg) {
        let Some(&id) = self.unit.names.functions.get(&Rc::as_ptr(function)) else { return };
        self.whole(Some(function), &function.body, id);
        self.function_value(id, dst);
    }

    fn unary(&mut self, op: UnaryOp, inner: &Expr, dst: Reg) {
        if let (UnaryOp::Neg, ExprKind::Int(int)) = (op, &inner.kind) {
            return self.load_int(dst, -int);
        }
        if let (UnaryOp::Neg, ExprKind::Float(float)) = (op, &inner.kind) {
            return self.load_float(dst, -float);
        }
        let src = self.value(inner);
        match op {
            UnaryOp::Neg => self.emit(Instr::Neg { dst, src }),
            UnaryOp::BitNot => self.emit(Instr::BitNot { dst, src }),
            UnaryOp::Not => self.emit(Instr::Not { dst, src }),
        };
    }

    /// The number of the constant that an expression is, if it is a number, a bool or null.
    pub(super) fn scalar(&mut self, expr: &Expr) -> Option<u16> {
        let index = match expr.kind {
            ExprKind::Null => self.constant(ConstantKey::Null, || Value::Null),
            ExprKind::Bool(bool) => self.constant(ConstantKey::Bool(bool), || Value::bool(bool)),
            _ => return self.number(expr),
        };
        u16::try_from(index).ok()
    }

    /// The number of the constant that an expression is, if it is a number.
    pub(super) fn number(&mut self, expr: &Expr) -> Option<u16> {
        let (negative, expr) = match &expr.kind {
            ExprKind::Unary(UnaryOp::Neg, inner) => (true, &**inner),
            _ => (false, expr),
        };
        let index = match expr.kind {
            ExprKind::Float(float) => {
                let float = if negative { -float } else { float };
                self.float_constant(float)
            }
            ExprKind::Int(int) => {
                let int = if negative { -int } else { int };
                self.int_constant(int)
            }
            _ => return None,
        };
        u16::try_from(index).ok()
    }

    /// `dst = a op other`, where `other` is a number.
    fn with_number(&mut self, op: BinaryOp, dst: Reg, a: Reg, other: &Expr) -> Option<Instr> {
        let make: fn(Reg, Reg, u16) -> Instr = match op {
            BinaryOp::Add => |dst, a, index| Instr::AddConst { left: false, dst, a, index },
            BinaryOp::Sub => |dst, a, index| Instr::SubConst { dst, a, index },
            BinaryOp::Mul => |dst, a, index| Instr::MulConst { left: false, dst, a, index },
            BinaryOp::Div => |dst, a, index| Instr::DivConst { dst, a, index },
            BinaryOp::FloorDiv => |dst, a, index| Instr::FloorDivConst { dst, a, index },
            BinaryOp::Rem => |dst, a, index| Instr::RemConst { dst, a, index },
            _ => return None,
        };
        self.number(other).map(|index| make(dst, a, index))
    }

    /// `dst = first op other`, where `first` is a number; false when there is no instruction for that.
    fn operate_on_number(&mut self, op: BinaryOp, dst: Reg, first: &Expr, other: &Expr) -> bool {
        if !matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div) || small_int(other).is_some() {
            return false;
        }
        let Some(index) = self.number(first) else { return false };
        let a = self.value(other);
        self.span = first.span.to(other.span);
        self.emit(match op {
            BinaryOp::Add => Instr::AddConst { left: true, dst, a, index },
            BinaryOp::Sub => Instr::ConstSub { dst, a, index },
            BinaryOp::Mul => Instr::MulConst { left: true, dst, a, index },
            _ => Instr::ConstDiv { dst, a, index },
        });
        true
    }

    /// `dst` = three or more operands added, one of them a literal str; false when it may not wait for all of them.
    fn join_strs(&mut self, first: &Expr, rest: &[(BinaryOp, Expr)], dst: Reg) -> bool {
        let is_str = |expr: &Expr| matches!(expr.kind, ExprKind::Str(_));
        let is_add = |(op, _): &(BinaryOp, Expr)| *op == BinaryOp::Add;
        let [(_, second), others @ ..] = rest else { return false };
        // The first two are added before the others are looked at, so these must neither do anything nor fail.
        let at_once = others.iter().all(|(_, expr)| is_str(expr) || self.is_local(expr));
        let literal = is_str(first) || rest.iter().any(|(_, expr)| is_str(expr));
        if others.is_empty() || rest.len() > MOST_PARTS || !literal || !at_once || !rest.iter().all(is_add) {
            return false;
        }
        let mut parts = Vec::with_capacity(rest.len() + 1);
        for (at, expr) in std::iter::once(first).chain(rest.iter().map(|(_, expr)| expr)).enumerate() {
            if let ExprKind::Str(text) = &expr.kind {
                parts.push(Joined::Text(self.text(text)));
                continue;
            }
            let next = self.state.next as Reg;
            let reg = if at == 0 { self.value_before(expr, second) } else { self.value(expr) };
            parts.push(if reg == next { Joined::Take(reg) } else { Joined::Keep(reg) });
        }
        let whole = self.shortcut(Shortcut::Join(parts.clone()), dst);
        let between = self.alloc();
        let mut left = None;
        let operands = std::iter::once(first).chain(rest.iter().map(|(_, expr)| expr));
        for (at, (part, expr)) in parts.iter().zip(operands).enumerate() {
            let b = match part {
                Joined::Keep(reg) | Joined::Take(reg) => *reg,
                Joined::Text(_) => self.value(expr),
            };
            if let Some(a) = left {
                let last = at == rest.len();
                self.span = first.span.to(expr.span);
                self.emit(Instr::Add { dst: if last { dst } else { between }, a, b });
                left = Some(between);
            } else {
                left = Some(b);
            }
        }
        self.shortcut_ends(whole);
        true
    }

    /// Whether an expression is a name whose value is in a register.
    fn is_local(&self, expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Name(_))
            && matches!(self.use_of(expr.span), Some(Use::Var(var)) if self.register_of(*var).is_some())
    }

    fn binary(&mut self, first: &Expr, rest: &[(BinaryOp, Expr)], dst: Reg) {
        if self.join_strs(first, rest, dst) {
            return;
        }
        let mut between = None;
        let mut rest = rest;
        let mut left = None;
        if let [(op, other), more @ ..] = rest {
            let target = if more.is_empty() { dst } else { *between.get_or_insert_with(|| self.alloc()) };
            if self.operate_on_number(*op, target, first, other) {
                (left, rest) = (Some(target), more);
            }
        }
        let all_plain = rest.iter().all(|(_, other)| is_plain(other));
        let mut left = match left {
            Some(left) => left,
            None if all_plain => self.value(first),
            None => {
                let reg = self.alloc();
                self.into(first, reg);
                reg
            }
        };
        for (at, (op, other)) in rest.iter().enumerate() {
            let target = if at + 1 == rest.len() { dst } else { *between.get_or_insert_with(|| self.alloc()) };
            self.span = first.span.to(other.span);
            self.operate(*op, target, left, other);
            left = target;
        }
    }

    /// `dst = a op other`
    pub(super) fn operate(&mut self, op: BinaryOp, dst: Reg, a: Reg, other: &Expr) {
        if let Some(value) = small_int(other) {
            let instr = match op {
                BinaryOp::Add => Some(Instr::AddInt { dst, a, value }),
                BinaryOp::Sub if value != i16::MIN => Some(Instr::AddInt { dst, a, value: -value }),
                BinaryOp::Mul => Some(Instr::MulInt { dst, a, value }),
                BinaryOp::FloorDiv if value > 0 => Some(Instr::FloorDivInt { dst, a, value }),
                BinaryOp::Rem if value > 0 => Some(Instr::RemInt { dst, a, value }),
                _ => None,
            };
            if let Some(instr) = instr {
                self.emit(instr);
                return;
            }
        }
        if let Some(instr) = self.with_number(op, dst, a, other) {
            self.emit(instr);
            return;
        }
        let b = self.value(other);
        let instr = match op {
            BinaryOp::Add => Instr::Add { dst, a, b },
            BinaryOp::Sub => Instr::Sub { dst, a, b },
            BinaryOp::Mul => Instr::Mul { dst, a, b },
            BinaryOp::Div => Instr::Div { dst, a, b },
            BinaryOp::FloorDiv => Instr::FloorDiv { dst, a, b },
            BinaryOp::Rem => Instr::Rem { dst, a, b },
            op => Instr::Arith { op: arith(op), dst, a, b },
        };
        self.emit(instr);
    }

    /// A bool by way of jumps, or by one comparison.
    fn truth(&mut self, expr: &Expr, dst: Reg) {
        match &expr.kind {
            ExprKind::Compare(first, rest) if rest.len() == 1 => {
                let a = self.value_before(first, &rest[0].1);
                let b = self.value(&rest[0].1);
                let instr = match rest[0].0 {
                    CompareOp::Eq => Instr::Eq { dst, a, b },
                    CompareOp::Ne => Instr::Ne { dst, a, b },
                    CompareOp::Lt => Instr::Lt { dst, a, b },
                    CompareOp::Le => Instr::Le { dst, a, b },
                    CompareOp::Gt => Instr::Gt { dst, a, b },
                    CompareOp::Ge => Instr::Ge { dst, a, b },
                };
                self.emit(instr);
            }
            ExprKind::Unary(UnaryOp::Not, inner) => {
                let src = self.value(inner);
                self.emit(Instr::Not { dst, src });
            }
            _ => {
                let no = self.jump_if(expr, false);
                self.emit(Instr::Bool { dst, value: true });
                let end = self.emit_jump(Instr::Jump { offset: 0 });
                let here = self.here();
                self.patch_all(&no, here);
                self.emit(Instr::Bool { dst, value: false });
                self.patch_here(end);
            }
        }
    }

    fn list(&mut self, items: &[Item], dst: Reg) {
        let plain = items.iter().all(|item| matches!(item, Item::One(_)));
        if plain && items.len() <= 64 {
            let base = self.alloc_many(items.len());
            for (at, item) in items.iter().enumerate() {
                if let Item::One(expr) = item {
                    self.into(expr, base + at as Reg);
                }
            }
            self.emit(Instr::NewList { dst, base, count: items.len() as u16 });
            return;
        }
        let list = self.alloc();
        self.emit(Instr::NewList { dst: list, base: list, count: 0 });
        for item in items {
            let mark = self.mark();
            let src = self.alloc();
            match item {
                Item::One(expr) => {
                    self.into(expr, src);
                    self.emit(Instr::ListPush { list, src });
                }
                Item::Spread(expr) => {
                    self.into(expr, src);
                    self.at(expr.span, |this| this.emit(Instr::ListExtend { list, src }));
                }
            }
            self.release(mark);
        }
        self.emit(Instr::Move { dst, src: list });
    }

    fn map(&mut self, items: &[MapItem], dst: Reg) {
        let plain = items.iter().all(|item| matches!(item, MapItem::Pair(..)));
        if let Some(site) = self.record(items) {
            let base = self.alloc_many(items.len());
            for (at, item) in items.iter().enumerate() {
                if let MapItem::Pair(_, value) = item {
                    self.into(value, base + at as Reg);
                }
            }
            self.emit(Instr::NewRecord { count: items.len() as u8, dst, base, site });
            return;
        }
        if plain && items.len() <= MOST_KEYS {
            let base = self.alloc_many(items.len() * 2);
            for (at, item) in items.iter().enumerate() {
                if let MapItem::Pair(key, value) = item {
                    self.into(key, base + 2 * at as Reg);
                    self.into(value, base + 2 * at as Reg + 1);
                }
            }
            self.emit(Instr::NewMap { dst, base, count: items.len() as u16 });
            return;
        }
        let map = self.alloc();
        self.emit(Instr::NewMap { dst: map, base: map, count: 0 });
        for item in items {
            let mark = self.mark();
            match item {
                MapItem::Pair(key, value) => {
                    let pair = self.alloc_many(2);
                    self.into(key, pair);
                    self.into(value, pair + 1);
                    self.emit(Instr::MapInsert { map, key: pair, value: pair + 1 });
                }
                MapItem::Spread(expr) => {
                    let src = self.value(expr);
                    self.at(expr.span, |this| this.emit(Instr::MapExtend { map, src }));
                }
            }
            self.release(mark);
        }
        self.emit(Instr::Move { dst, src: map });
    }

    /// The number of the keys of a map, if they are constants and all different.
    fn record(&mut self, items: &[MapItem]) -> Option<u16> {
        let mut keys = value::Set::with_capacity(items.len());
        for item in items {
            let MapItem::Pair(key, _) = item else { return None };
            let key = match &key.kind {
                ExprKind::Str(text) => self.text(text),
                ExprKind::Int(int) => Value::Int(*int),
                _ => return None,
            };
            if keys.insert(key, ()).is_some() {
                return None;
            }
        }
        if items.is_empty() || items.len() > MOST_KEYS {
            return None;
        }
        let site = u16::try_from(self.state.proto.records.len()).ok()?;
        self.state.proto.records.push(keys);
        Some(site)
    }

    fn fstring(&mut self, parts: &[FPart], dst: Reg) {
        let mut site = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            site.push(match part {
                FPart::Text(text) => Part::Text(self.str_constant(text)),
                FPart::Value { value, repr: false, spec } if spec.is_empty() => {
                    let next = self.state.next as Reg;
                    let plain = parts[at + 1..].iter().all(|part| match part {
                        FPart::Text(_) => true,
                        FPart::Value { value, spec, .. } => is_plain(value) && spec.is_empty(),
                    });
                    let reg = if plain {
                        self.value(value)
                    } else {
                        let reg = self.alloc();
                        self.into(value, reg);
                        reg
                    };
                    if reg == next { Part::Take(reg) } else { Part::Keep(reg) }
                }
                FPart::Value { value, repr, spec } => {
                    let dst = self.alloc();
                    let mark = self.mark();
                    let mut src = self.value(value);
                    self.span = value.span;
                    if spec.is_empty() {
                        self.emit(Instr::Text { dst, src, repr: *repr });
                    } else {
                        if *repr {
                            let text = self.alloc();
                            self.emit(Instr::Text { dst: text, src, repr: true });
                            src = text;
                        }
                        let format = self.alloc();
                        self.fstring(spec, format);
                        self.span = value.span;
                        self.emit(Instr::Format { dst, src, spec: format });
                    }
                    self.release(mark);
                    Part::Take(dst)
                }
            });
        }
        self.state.proto.texts.push(site);
        let site = self.state.proto.texts.len() as u32 - 1;
        self.emit(Instr::Concat { dst, site });
    }

    fn index(&mut self, object: &Expr, index: &Expr, maybe: bool, dst: Reg) {
        if let ExprKind::Range { start, end, inclusive } = &index.kind {
            let base = self.alloc_many(3);
            self.into(object, base);
            let skip = maybe.then(|| self.emit_jump(Instr::JumpNull { src: base, offset: 0 }));
            for (at, end) in [start, end].into_iter().enumerate() {
                let reg = base + 1 + at as Reg;
                match end {
                    Some(end) => self.into(end, reg),
                    None => {
                        self.emit(Instr::Undefined { dst: reg });
                    }
                }
            }
            self.emit(Instr::Slice { dst: base, base, inclusive: *inclusive });
            if let Some(skip) = skip {
                self.patch_here(skip);
            }
            self.emit(Instr::Move { dst, src: base });
            return;
        }
        let (a, extra) = self.object(object, Some(index), dst);
        if maybe {
            let skip = self.emit_jump(Instr::JumpNull { src: a, offset: 0 });
            let b = self.value(index);
            self.emit(Instr::IndexMaybe { dst, a, b });
            let end = self.emit_jump(Instr::Jump { offset: 0 });
            self.patch_here(skip);
            self.emit(Instr::Null { dst });
            self.patch_here(end);
            return self.give_up(a, extra);
        }
        let b = self.value(index);
        self.emit(Instr::Index { dst, a, b });
        self.give_up(a, extra);
    }

    fn field(&mut self, object: &Expr, name: &Name, maybe: bool, dst: Reg) {
        // A name of a module.
        if let Some(used) = self.use_of(name.span).cloned() {
            return self.meaning(&used, dst);
        }
        let (a, extra) = self.object(object, None, dst);
        let name = self.name_index(&name.text);
        if maybe {
            self.emit(Instr::FieldMaybe { dst, a, name });
        } else {
            self.emit(Instr::Field { dst, a, name });
        }
        self.give_up(a, extra);
    }

    /// What has the part that goes into `dst`: the register of a variable, or `dst` itself, so that nothing but the
    /// part stays in a register and the whole can be changed in place later. Gives whether it is a register of its own.
    fn object(&mut self, object: &Expr, later: Option<&Expr>, dst: Reg) -> (Reg, bool) {
        if let ExprKind::Name(_) = object.kind
            && later.is_none_or(is_plain)
            && let Some(Use::Var(var)) = self.use_of(object.span)
            && let Some(reg) = self.register_of(*var)
        {
            return (reg, false);
        }
        if self.state.variables.contains(&dst) {
            let reg = self.alloc();
            self.into(object, reg);
            return (reg, true);
        }
        self.into(object, dst);
        (dst, false)
    }

    fn give_up(&mut self, reg: Reg, extra: bool) {
        if extra {
            self.emit(Instr::Clear { from: reg, count: 1 });
        }
    }
}
