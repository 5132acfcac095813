//! `place = f(place)`: the old value is taken out of the place when it is read, so that the function has it alone and
//! changes it without a copy.

use super::expr::is_plain;
use super::place::Way;
use super::*;
use crate::vm::code::{Path, Shortcut};

/// What is known of the argument that is read for the last time.
#[derive(Default)]
pub(super) struct Taking {
    /// Where it stands.
    argument: Option<Span>,
    /// The instruction that takes it.
    at: Option<usize>,
}

impl Generator<'_> {
    /// The value of an assignment into this register.
    pub(super) fn assigned(&mut self, target: &Expr, way: &Way, value: &Expr, dst: Reg) {
        self.state.taking = Taking { argument: self.last_read(target, way, value), at: None };
        self.into(value, dst);
        self.state.taking.argument = None;
    }

    /// Looks whether nothing reads the variable between the taking and the store, which is the last instruction.
    pub(super) fn stored(&mut self) {
        let Some(at) = self.state.taking.at.take() else { return };
        let proto = &self.state.proto;
        let Instr::Shortcut { skip, site, .. } = proto.code[at] else { return };
        let Shortcut::Take(Path { root, .. }) = proto.shortcuts[site as usize] else { return };
        let between = &proto.code[at + 1 + usize::from(skip)..proto.code.len() - 1];
        let mut is_read = false;
        for instr in between {
            proto.reads_of(instr, &mut |reg| is_read |= reg == root);
        }
        if is_read {
            self.state.proto.code[at] = Instr::Jump { offset: 0 };
        }
    }

    /// The argument that reads what the result of the call will replace.
    fn last_read(&self, target: &Expr, way: &Way, value: &Expr) -> Option<Span> {
        let ExprKind::Call { callee, args, .. } = &value.kind else { return None };
        let is_name = matches!(callee.kind, ExprKind::Name(_));
        let values = args.iter().map(|arg| if let Arg::One(value) = arg { Some(value) } else { None });
        let values: Vec<&Expr> = values.collect::<Option<_>>()?;
        if !is_name || !way.is_part() || !values.iter().all(|value| is_plain(value)) {
            return None;
        }
        values.into_iter().find(|value| self.same_place(target, value)).map(|value| value.span)
    }

    /// Whether two expressions mean the same part of a variable, if nothing is assigned to between them.
    fn same_place(&self, a: &Expr, b: &Expr) -> bool {
        match (&a.kind, &b.kind) {
            (ExprKind::Name(_), ExprKind::Name(_)) => match (self.use_of(a.span), self.use_of(b.span)) {
                (Some(Use::Var(a)), Some(Use::Var(b))) => a == b && self.register_of(*a).is_some(),
                _ => false,
            },
            (ExprKind::Int(a), ExprKind::Int(b)) => a == b,
            (
                ExprKind::Index { object, index, maybe: false },
                ExprKind::Index { object: o, index: i, maybe: false },
            ) => self.same_place(object, o) && self.same_place(index, i),
            (ExprKind::Field { object, name, maybe: false }, ExprKind::Field { object: o, name: n, maybe: false }) => {
                name.text == n.text && self.same_place(object, o)
            }
            _ => false,
        }
    }

    /// Reads an argument; if it is the one, takes it where it can be taken at once, past the code that reads it.
    pub(super) fn argument(&mut self, expr: &Expr, dst: Reg) {
        if self.state.taking.argument != Some(expr.span) {
            return self.into(expr, dst);
        }
        self.state.taking.argument = None;
        let mark = self.mark();
        let path = self.read_path(expr);
        let at = path.map(|path| self.at(expr.span, |this| this.shortcut(Shortcut::Take(path), dst)));
        self.release(mark);
        self.into(expr, dst);
        if let Some(at) = at {
            self.shortcut_ends(at);
            self.state.taking.at = Some(at);
        }
    }

    /// Begins code that gets a value, or that gets it at once.
    pub(super) fn shortcut(&mut self, shortcut: Shortcut, dst: Reg) -> usize {
        let site = self.state.proto.shortcuts.len() as u32;
        self.state.proto.shortcuts.push(shortcut);
        self.emit(Instr::Shortcut { skip: 0, dst, site })
    }

    /// The code that gets the value ends here.
    pub(super) fn shortcut_ends(&mut self, at: usize) {
        let distance = u8::try_from(self.here() - at - 1);
        match (&mut self.state.proto.code[at], distance) {
            (Instr::Shortcut { skip, .. }, Ok(distance)) => *skip = distance,
            (instr, _) => *instr = Instr::Jump { offset: 0 },
        }
    }
}
