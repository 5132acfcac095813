//! Conditions, loops, and the ways out of them.

use super::expr::small_int;
use super::*;
use crate::vm::code::Handling;
use crate::vm::types::Type;

impl Generator<'_> {
    /// Jumps when the condition is `sense`, else goes on; gives the jumps to patch.
    pub(super) fn jump_if(&mut self, condition: &Expr, sense: bool) -> Vec<usize> {
        let mark = self.mark();
        let jumps = self.at(condition.span, |this| this.jump_if_kind(condition, sense));
        self.release(mark);
        jumps
    }

    fn jump_if_kind(&mut self, condition: &Expr, sense: bool) -> Vec<usize> {
        match &condition.kind {
            ExprKind::Paren(inner) => self.jump_if(inner, sense),
            ExprKind::Bool(value) => {
                if *value == sense {
                    vec![self.emit_jump(Instr::Jump { offset: 0 })]
                } else {
                    Vec::new()
                }
            }
            ExprKind::Unary(UnaryOp::Not, inner) => self.jump_if(inner, !sense),
            ExprKind::Logic(op @ (LogicOp::And | LogicOp::Or), items) => {
                // `and` is decided by the first false, `or` by the first true.
                let decisive = *op == LogicOp::Or;
                let (last, others) = items.split_last().expect("the parser gives at least two operands");
                if sense == decisive {
                    return items.iter().flat_map(|item| self.jump_if(item, sense)).collect();
                }
                let decided: Vec<usize> = others.iter().flat_map(|item| self.jump_if(item, decisive)).collect();
                let jumps = self.jump_if(last, sense);
                let here = self.here();
                self.patch_all(&decided, here);
                jumps
            }
            ExprKind::Compare(first, rest) => {
                if rest.len() == 1 {
                    return vec![self.compare_jump(first, rest[0].0, &rest[0].1, sense)];
                }
                self.chain(first, rest, sense)
            }
            ExprKind::Is { value, type_name, negated } if self.state.fused => {
                let src = self.value(value);
                let what = Type::named(&type_name.text).unwrap_or(Type::Null);
                let offset = 0;
                vec![self.emit_jump(if *negated == sense {
                    Instr::JumpIsNot { what, src, offset }
                } else {
                    Instr::JumpIs { what, src, offset }
                })]
            }
            _ => {
                let src = self.value(condition);
                let jump = if sense { Instr::JumpIf { src, offset: 0 } } else { Instr::JumpIfNot { src, offset: 0 } };
                vec![self.emit_jump(jump)]
            }
        }
    }

    /// `a < b < c`: each operand is evaluated once.
    fn chain(&mut self, first: &Expr, rest: &[(CompareOp, Expr)], sense: bool) -> Vec<usize> {
        let mut left = self.alloc();
        self.into(first, left);
        let mut failed = Vec::new();
        for (op, other) in rest {
            let right = self.alloc();
            self.into(other, right);
            failed.push(self.emit_compare_jump(left, *op, right, false));
            left = right;
        }
        if !sense {
            return failed;
        }
        let holds = self.emit_jump(Instr::Jump { offset: 0 });
        let here = self.here();
        self.patch_all(&failed, here);
        vec![holds]
    }

    fn compare_jump(&mut self, first: &Expr, op: CompareOp, second: &Expr, sense: bool) -> usize {
        if let (Some(value), true) = (small_int(second), self.state.fused) {
            let a = self.value(first);
            let offset = 0;
            let jump = match (op, sense) {
                (CompareOp::Eq, true) | (CompareOp::Ne, false) => Instr::JumpEqInt { a, value, offset },
                (CompareOp::Ne, true) | (CompareOp::Eq, false) => Instr::JumpNeInt { a, value, offset },
                (CompareOp::Lt, true) => Instr::JumpLtInt { a, value, offset },
                (CompareOp::Le, true) => Instr::JumpLeInt { a, value, offset },
                (CompareOp::Gt, true) => Instr::JumpGtInt { a, value, offset },
                (CompareOp::Ge, true) => Instr::JumpGeInt { a, value, offset },
                (CompareOp::Lt, false) => Instr::JumpNotLtInt { a, value, offset },
                (CompareOp::Le, false) => Instr::JumpNotLeInt { a, value, offset },
                (CompareOp::Gt, false) => Instr::JumpNotGtInt { a, value, offset },
                (CompareOp::Ge, false) => Instr::JumpNotGeInt { a, value, offset },
            };
            return self.emit_jump(jump);
        }
        let a = self.value_before(first, second);
        if matches!(op, CompareOp::Eq | CompareOp::Ne)
            && let Some(jump) = self.jump_if_literal(a, second, (op == CompareOp::Eq) == sense)
        {
            return jump;
        }
        let b = self.value(second);
        self.emit_compare_jump(a, op, b, sense)
    }

    /// Jumps when the register equals an expression, or does not, if that is a number or a str and the jump can be
    /// fused with the comparison.
    pub(super) fn jump_if_literal(&mut self, a: Reg, expr: &Expr, equal: bool) -> Option<usize> {
        if !self.state.fused {
            return None;
        }
        let index = match &expr.kind {
            ExprKind::Str(text) => u16::try_from(self.str_constant(text)).ok()?,
            _ => self.number(expr)?,
        };
        let offset = 0;
        Some(self.emit_jump(if equal {
            Instr::JumpEqConst { a, index, offset }
        } else {
            Instr::JumpNeConst { a, index, offset }
        }))
    }

    pub(super) fn emit_compare_jump(&mut self, a: Reg, op: CompareOp, b: Reg, sense: bool) -> usize {
        if !self.state.fused {
            let dst = self.alloc();
            self.emit(match op {
                CompareOp::Eq => Instr::Eq { dst, a, b },
                CompareOp::Ne => Instr::Ne { dst, a, b },
                CompareOp::Lt => Instr::Lt { dst, a, b },
                CompareOp::Le => Instr::Le { dst, a, b },
                CompareOp::Gt => Instr::Gt { dst, a, b },
                CompareOp::Ge => Instr::Ge { dst, a, b },
            });
            let jump =
                if sense { Instr::JumpIf { src: dst, offset: 0 } } else { Instr::JumpIfNot { src: dst, offset: 0 } };
            return self.emit_jump(jump);
        }
        let offset = 0;
        let jump = match (op, sense) {
            (CompareOp::Eq, true) | (CompareOp::Ne, false) => Instr::JumpEq { a, b, offset },
            (CompareOp::Ne, true) | (CompareOp::Eq, false) => Instr::JumpNe { a, b, offset },
            (CompareOp::Lt, true) => Instr::JumpLt { a, b, offset },
            (CompareOp::Le, true) => Instr::JumpLe { a, b, offset },
            (CompareOp::Gt, true) => Instr::JumpLt { a: b, b: a, offset },
            (CompareOp::Ge, true) => Instr::JumpLe { a: b, b: a, offset },
            (CompareOp::Lt, false) => Instr::JumpNotLt { a, b, offset },
            (CompareOp::Le, false) => Instr::JumpNotLe { a, b, offset },
            (CompareOp::Gt, false) => Instr::JumpNotLt { a: b, b: a, offset },
            (CompareOp::Ge, false) => Instr::JumpNotLe { a: b, b: a, offset },
        };
        self.emit_jump(jump)
    }

    /// `if … else if … else …`
    /// `if`, whose value goes into `dst` if somebody wants it.
    pub(super) fn branches(&mut self, arms: &[(Expr, Block)], otherwise: Option<&Block>, dst: Option<Reg>) {
        let mut ends = Vec::new();
        for (at, (condition, block)) in arms.iter().enumerate() {
            let no = self.jump_if(condition, false);
            self.block(block, dst);
            let last = at + 1 == arms.len() && otherwise.is_none() && dst.is_none();
            if !last && !leaves(block) {
                ends.push(self.emit_jump(Instr::Jump { offset: 0 }));
            }
            let here = self.here();
            self.patch_all(&no, here);
        }
        match (otherwise, dst) {
            (Some(block), dst) => self.block(block, dst),
            (None, Some(dst)) => {
                self.emit(Instr::Null { dst });
            }
            (None, None) => {}
        }
        let here = self.here();
        self.patch_all(&ends, here);
    }

    pub(super) fn looping(&mut self, expr: &Expr) {
        let mark = self.mark();
        match &expr.kind {
            ExprKind::While(condition, body) => {
                self.begin_loop();
                let enter = self.emit_jump(Instr::Jump { offset: 0 });
                let start = self.here();
                self.block(body, None);
                let test = self.here();
                self.patch_here(enter);
                let again = self.jump_if(condition, true);
                self.patch_all(&again, start);
                self.end_loop(test);
            }
            ExprKind::Loop(body) => {
                self.begin_loop();
                let start = self.here();
                self.block(body, None);
                self.jump_to(start);
                self.end_loop(start);
            }
            ExprKind::For(each) => {
                self.for_each(&each.pattern, each.several, &each.iter, &mut |this| this.block(&each.body, None));
            }
            _ => {}
        }
        self.release(mark);
    }

    fn begin_loop(&mut self) {
        let inside = self.state.next;
        self.state.controls.push(Control::Loop { breaks: Vec::new(), continues: Vec::new(), inside });
    }

    /// The body of the innermost loop begins: what it names stands from here on.
    fn begin_body(&mut self) {
        let next = self.state.next;
        if let Some(Control::Loop { inside, .. }) = self.state.controls.last_mut() {
            *inside = next;
        }
    }

    /// Ends the innermost loop: `continue` goes to `again`, `break` to here.
    fn end_loop(&mut self, again: usize) {
        if let Some(Control::Loop { breaks, continues, .. }) = self.state.controls.pop() {
            self.patch_all(&continues, again);
            let here = self.here();
            self.patch_all(&breaks, here);
        }
    }

    /// Makes room in a list for what the loop at `base` goes over.
    fn reserve(&mut self, list: Option<Reg>, base: Reg) {
        if let Some(list) = list {
            self.emit(Instr::Reserve { list, base });
        }
    }

    /// A loop over `iter`, with the pattern bound for each run of `body`.
    fn for_each(&mut self, pattern: &Pattern, several: bool, iter: &Expr, body: &mut dyn FnMut(&mut Self)) {
        let room = self.state.room.take();
        self.begin_loop();
        let base = self.alloc_many(4);
        if let Some((start, end, inclusive)) = self.counting(iter) {
            match start {
                Some(start) => self.into(start, base),
                None => {
                    self.emit(Instr::Int { dst: base, value: 0 });
                }
            }
            self.into(end, base + 1);
            self.span = iter.span;
            if inclusive {
                self.emit(Instr::AddInt { dst: base + 1, a: base + 1, value: 1 });
            }
            let enter = self.emit_jump(Instr::RangePrep { base, offset: 0 });
            self.reserve(room, base);
            let start = self.here();
            self.bind_to(pattern, base + 2);
            self.begin_body();
            body(self);
            let again = self.here();
            let back = self.emit_jump(Instr::RangeLoop { base, offset: 0 });
            self.patch(back, start);
            self.patch_here(enter);
            return self.end_loop(again);
        }
        if let Some((ends, range)) = self.stepping(iter) {
            for (end, reg) in ends.into_iter().zip(base..) {
                self.into(end, reg);
            }
            self.span = iter.span;
            let enter = self.emit_jump(Instr::StepPrep { called: false, base, offset: 0 });
            self.emit(Instr::CallNative { count: 3, dst: base, base, native: range });
            let called = self.emit_jump(Instr::StepPrep { called: true, base, offset: 0 });
            let start = self.here();
            self.bind_to(pattern, base + 2);
            self.begin_body();
            self.state.strided.push(base + 2);
            body(self);
            self.state.strided.pop();
            let again = self.here();
            let back = self.emit_jump(Instr::StepLoop { base, offset: 0 });
            self.patch(back, start);
            self.patch_all(&[enter, called], again);
            return self.end_loop(again);
        }
        if let (Some(counted), Some((index, item))) = (self.enumerated(iter), two_names(pattern, several)) {
            return self.for_counted(counted, index, item, base, body);
        }
        self.into(iter, base);
        self.span = iter.span;
        self.emit(Instr::IterPrep { base });
        self.reserve(room, base);
        let start = self.here();
        let pair = two_names(pattern, several);
        let next = if pair.is_some() {
            self.emit_jump(Instr::IterPair { base, offset: 0 })
        } else {
            self.emit_jump(Instr::IterNext { base, offset: 0 })
        };
        match pair {
            Some((first, second)) => {
                self.bind_to(first, base + 2);
                self.bind_to(second, base + 3);
            }
            None => self.bind_to(pattern, base + 2),
        }
        self.begin_body();
        body(self);
        let again = self.here();
        if pair.is_some() {
            self.jump_to(start);
        } else {
            self.loop_back(base, start);
        }
        self.patch_here(next);
        self.end_loop(again);
        // The last item, and the container after a `break`.
        self.end_names(base.into());
    }

    /// Ends the body of a loop whose `IterNext` is at `start`.
    fn loop_back(&mut self, base: Reg, start: usize) {
        let back = self.emit_jump(Instr::IterLoop { base, offset: 0 });
        self.patch(back, start);
    }

    /// `for i, x in xs.enumerate()` makes no pairs: the index is counted beside the items.
    fn for_counted(
        &mut self,
        iter: &Expr,
        index: &Pattern,
        item: &Pattern,
        base: Reg,
        body: &mut dyn FnMut(&mut Self),
    ) {
        let count = self.alloc_many(2);
        self.into(iter, base);
        self.span = iter.span;
        self.emit(Instr::IterPrep { base });
        self.emit(Instr::Int { dst: count, value: -1 });
        let start = self.here();
        let next = self.emit_jump(Instr::IterNext { base, offset: 0 });
        self.emit(Instr::AddInt { dst: count, a: count, value: 1 });
        self.emit(Instr::Copy { dst: count + 1, src: count });
        self.bind_to(index, count + 1);
        self.bind_to(item, base + 2);
        self.begin_body();
        body(self);
        let again = self.here();
        self.loop_back(base, start);
        self.patch_here(next);
        self.end_loop(again);
        self.end_names(base.into());
    }

    /// What is enumerated, when a loop is over `xs.enumerate()` or `enumerate(xs)`.
    fn enumerated<'e>(&self, iter: &'e Expr) -> Option<&'e Expr> {
        let ExprKind::Call { callee, args, piped: false } = &iter.kind else { return None };
        match (&callee.kind, &args[..]) {
            (ExprKind::Field { object, name, maybe: false }, []) if &*name.text == "enumerate" => {
                self.use_of(name.span).is_none().then_some(&**object)
            }
            (ExprKind::Name(name), [Arg::One(object)]) if &**name == "enumerate" => {
                matches!(self.use_of(callee.span), Some(Use::Native(_))).then_some(object)
            }
            _ => None,
        }
    }

    /// The ends of a loop that only counts: `a..b`, `range(n)`, `range(a, b)`.
    fn counting<'e>(&self, iter: &'e Expr) -> Option<(Option<&'e Expr>, &'e Expr, bool)> {
        match &iter.kind {
            ExprKind::Paren(inner) => self.counting(inner),
            ExprKind::Range { start: Some(start), end: Some(end), inclusive } => Some((Some(start), end, *inclusive)),
            ExprKind::Call { callee, args, piped: false } => {
                let Some(Use::Native(id)) = self.use_of(callee.span) else { return None };
                let is_name = matches!(callee.kind, ExprKind::Name(_));
                if !is_name || library::get(*id).name != "range" {
                    return None;
                }
                match &args[..] {
                    [Arg::One(end)] => Some((None, end, false)),
                    [Arg::One(start), Arg::One(end)] => Some((Some(start), end, false)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The arguments of a loop over `range(a, b, step)`, and the number of that function.
    fn stepping<'e>(&self, iter: &'e Expr) -> Option<([&'e Expr; 3], u16)> {
        let ExprKind::Call { callee, args, piped: false } = &iter.kind else { return None };
        let (ExprKind::Name(_), Some(Use::Native(id))) = (&callee.kind, self.use_of(callee.span)) else { return None };
        match &args[..] {
            [Arg::One(start), Arg::One(end), Arg::One(step)] if library::get(*id).name == "range" => {
                Some(([start, end, step], *id))
            }
            _ => None,
        }
    }

    /// The loops and conditions of a comprehension around `element`.
    pub(super) fn clauses(&mut self, clauses: &[Clause], element: &mut dyn FnMut(&mut Self)) {
        let mark = self.mark();
        match clauses.split_first() {
            None => element(self),
            Some((Clause::If(condition), others)) => {
                let no = self.jump_if(condition, false);
                self.clauses(others, element);
                let here = self.here();
                self.patch_all(&no, here);
            }
            Some((Clause::For { pattern, several, iter }, others)) => {
                self.for_each(pattern, *several, iter, &mut |this| this.clauses(others, element));
            }
        }
        self.release(mark);
    }

    pub(super) fn returning(&mut self, value: Option<&Expr>) {
        let at_once = self.state.controls.iter().all(|control| matches!(control, Control::Loop { .. }));
        let src = match value {
            // Nothing reads a variable after it has been returned, unless there is a `finally`.
            Some(value) if at_once => self.value(value),
            Some(value) => {
                let src = self.alloc();
                self.into(value, src);
                src
            }
            None => {
                let dst = self.alloc();
                self.emit(Instr::Null { dst });
                dst
            }
        };
        self.exit(Exit::Return, src);
    }

    /// Leaves constructs from the innermost outwards, by way of their `finally`.
    pub(super) fn exit(&mut self, exit: Exit, value: Reg) {
        self.exit_from(exit, value, self.state.controls.len());
    }

    fn exit_from(&mut self, exit: Exit, value: Reg, depth: usize) {
        for at in (0..depth).rev() {
            match &mut self.state.controls[at] {
                Control::Loop { .. } if exit == Exit::Return => {}
                Control::Loop { inside, .. } => {
                    // The blocks that are left end here, and their names with them.
                    let inside = *inside;
                    self.end_names(inside);
                    let jump = self.emit_jump(Instr::Jump { offset: 0 });
                    if let Control::Loop { breaks, continues, .. } = &mut self.state.controls[at] {
                        if exit == Exit::Break { breaks.push(jump) } else { continues.push(jump) }
                    }
                    return;
                }
                Control::Finally { completion, value: kept, exits, .. } => {
                    let (completion, kept) = (*completion, *kept);
                    let number = match exits.iter().position(|known| *known == exit) {
                        Some(number) => number,
                        None => {
                            exits.push(exit);
                            exits.len() - 1
                        }
                    };
                    if exit == Exit::Return && value != kept {
                        self.emit(Instr::Move { dst: kept, src: value });
                    }
                    self.emit(Instr::Int { dst: completion, value: number as i32 + FIRST_EXIT });
                    let jump = self.emit_jump(Instr::Jump { offset: 0 });
                    if let Control::Finally { jumps, .. } = &mut self.state.controls[at] {
                        jumps.push(jump);
                    }
                    return;
                }
                Control::Last { completion, value } => {
                    // The way out would drop the error that led to this `finally`.
                    let (completion, kept) = (*completion, *value);
                    let skip = self.completed_otherwise(completion, RAISED);
                    self.emit(Instr::RethrowCancelled { src: kept });
                    self.patch_here(skip);
                }
            }
        }
        if exit == Exit::Return {
            self.emit(Instr::Return { src: value, from: 0, end: 0 });
        }
    }

    /// Runs `body`, then `last` on every way out. `last` is told in which register stands how the body ended, and in
    /// which the error, if it was by one.
    pub(super) fn finally(&mut self, body: &mut dyn FnMut(&mut Self), last: &mut dyn FnMut(&mut Self, Reg, Reg)) {
        let completion = self.alloc();
        let value = self.alloc();
        let start = self.here();
        self.state.controls.push(Control::Finally { completion, value, exits: Vec::new(), jumps: Vec::new() });
        body(self);
        let Some(Control::Finally { exits, jumps, .. }) = self.state.controls.pop() else { return };
        self.emit(Instr::Int { dst: completion, value: NORMAL });
        let normal = self.emit_jump(Instr::Jump { offset: 0 });
        let end = self.here();
        self.protect(start, end, end, value, self.state.next);
        self.emit(Instr::Int { dst: completion, value: RAISED });
        self.patch_here(normal);
        let here = self.here();
        self.patch_all(&jumps, here);
        self.state.controls.push(Control::Last { completion, value });
        last(self, completion, value);
        self.state.controls.pop();
        // The end of a scope knows itself which error goes on.
        if !matches!(self.state.proto.code.last(), Some(Instr::ScopeLeave { .. })) {
            let end = self.here() as u32;
            let handling = Handling { start: here as u32, end, error: value, completion: Some(completion) };
            self.state.proto.handlings.push(handling);
        }
        let skip = self.completed_otherwise(completion, RAISED);
        self.emit(Instr::Rethrow { src: value });
        self.patch_here(skip);
        for (number, exit) in exits.into_iter().enumerate() {
            let skip = self.completed_otherwise(completion, number as i32 + FIRST_EXIT);
            self.exit(exit, value);
            self.patch_here(skip);
        }
    }

    /// Jumps when a register does not hold this number.
    pub(super) fn completed_otherwise(&mut self, completion: Reg, number: i32) -> usize {
        if self.state.fused {
            return self.emit_jump(Instr::JumpNeInt { a: completion, value: number as i16, offset: 0 });
        }
        let mark = self.mark();
        let wanted = self.alloc();
        self.emit(Instr::Int { dst: wanted, value: number });
        self.emit(Instr::Eq { dst: wanted, a: completion, b: wanted });
        self.release(mark);
        self.emit_jump(Instr::JumpIfNot { src: wanted, offset: 0 })
    }

    pub(super) fn trying(&mut self, body: &Block, catches: &[Catch], finally: Option<&Block>, dst: Reg) {
        match finally {
            None => self.catching(body, catches, dst),
            Some(last) => self.finally(&mut |this| this.catching(body, catches, dst), &mut |this, _, _| {
                let mark = this.mark();
                this.block(last, None);
                this.release(mark);
            }),
        }
    }

    fn catching(&mut self, body: &Block, catches: &[Catch], dst: Reg) {
        if catches.is_empty() {
            return self.block(body, Some(dst));
        }
        let error = self.alloc();
        let start = self.here();
        self.block(body, Some(dst));
        let mut ends = vec![self.emit_jump(Instr::Jump { offset: 0 })];
        let target = self.here();
        self.protect(start, target, target, error, self.state.next);
        self.emit(Instr::RethrowCancelled { src: error });
        for catch in catches {
            if let Some(name) = &catch.name {
                self.bind_register(name, error);
            }
            let no = catch.guard.as_ref().map(|guard| self.jump_if(guard, false));
            let start = self.here() as u32;
            self.block(&catch.body, Some(dst));
            let end = self.here() as u32;
            self.state.proto.handlings.push(Handling { start, end, error, completion: None });
            ends.push(self.emit_jump(Instr::Jump { offset: 0 }));
            if let Some(no) = no {
                let here = self.here();
                self.patch_all(&no, here);
            }
        }
        self.emit(Instr::Rethrow { src: error });
        let here = self.here();
        self.patch_all(&ends, here);
        self.emit(Instr::Clear { from: error, count: 1 });
    }

    pub(super) fn try_else(&mut self, body: &Expr, otherwise: &Expr, dst: Reg) {
        let error = self.alloc();
        let start = self.here();
        self.into(body, dst);
        let end = self.emit_jump(Instr::Jump { offset: 0 });
        let target = self.here();
        self.protect(start, target, target, error, self.state.next);
        self.emit(Instr::RethrowCancelled { src: error });
        self.emit(Instr::Clear { from: error, count: 1 });
        self.into(otherwise, dst);
        self.patch_here(end);
    }

    /// `with a as x, b { }`: nested from left to right, so the last is released first.
    pub(super) fn with(&mut self, items: &[(Expr, Option<Pattern>)], body: &Block, dst: Reg) {
        let Some(((value, pattern), others)) = items.split_first() else { return self.block(body, Some(dst)) };
        let held = self.alloc();
        self.into(value, held);
        let bound = self.alloc();
        self.span = value.span;
        self.emit(Instr::Enter { dst: bound, src: held });
        let span = value.span;
        self.finally(
            &mut |this| {
                if let Some(pattern) = pattern {
                    this.bind_to(pattern, bound);
                }
                this.with(others, body, dst);
            },
            &mut |this, how, _| {
                this.at(span, |this| this.emit(Instr::Leave { src: held, how }));
            },
        );
        self.end_names(bound.into());
    }

    /// `scope(limit = 2) { }`
    pub(super) fn scope(&mut self, options: &[(Name, Expr)], body: &Block, dst: Reg) {
        // What goes wrong at its end is told of its first word.
        let start = self.span.start as usize;
        let span = Span::new(start, start + "scope".len());
        let given = self.alloc();
        self.options(options, given);
        self.span = span;
        self.emit(Instr::ScopeEnter { src: given });
        self.finally(&mut |this| this.block(body, Some(dst)), &mut |this, completion, error| {
            this.span = span;
            let raised = this.alloc();
            this.emit(Instr::Null { dst: raised });
            let skip = this.completed_otherwise(completion, RAISED);
            this.emit(Instr::Copy { dst: raised, src: error });
            this.patch_here(skip);
            this.emit(Instr::ScopeLeave { src: raised });
        });
    }
}

/// The patterns of `for a, b in …`.
fn two_names(pattern: &Pattern, several: bool) -> Option<(&Pattern, &Pattern)> {
    match &pattern.kind {
        PatternKind::List { before, rest: None, after } if several && before.len() == 2 && after.is_empty() => {
            Some((&before[0], &before[1]))
        }
        _ => None,
    }
}

/// How the protected part of a `finally` ended, if not [`RAISED`].
const NORMAL: i32 = 0;
const FIRST_EXIT: i32 = 2;

/// Whether nothing follows the block, as it ends with a jump out of it.
fn leaves(block: &Block) -> bool {
    let kind = block.stmts.last().map(|stmt| &stmt.kind);
    let Some(StmtKind::Expr(expr)) = kind else { return false };
    matches!(expr.kind, ExprKind::Return(_) | ExprKind::Break | ExprKind::Continue | ExprKind::Throw(_))
}
