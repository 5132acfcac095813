//! Places: what stands left of `=`, and methods that change their receiver.

use super::expr::{arith, writes_last};
use super::*;
use crate::vm::code::ChangeSite;

/// A step from a variable to a part of it.
pub(super) enum Key<'e> {
    Index(&'e Expr),
    Field(&'e Name),
}

/// A variable that may change and the way to a part of it.
pub(super) struct Path<'e> {
    root: Root,
    keys: Vec<Key<'e>>,
}

#[derive(Clone, Copy)]
enum Root {
    Register(Reg),
    Global(u32),
}

impl Generator<'_> {
    /// The place that a method may change in place. A slice is a copy, and none.
    pub(super) fn path<'e>(&self, expr: &'e Expr) -> Option<Path<'e>> {
        let is_slice = |key: &Key| matches!(key, Key::Index(index) if matches!(index.kind, ExprKind::Range { .. }));
        self.place(expr).filter(|path| !path.keys.iter().any(is_slice))
    }

    /// The place that an expression means, if it is part of a variable that may change.
    fn place<'e>(&self, expr: &'e Expr) -> Option<Path<'e>> {
        match &expr.kind {
            ExprKind::Name(_) => {
                let root = match self.use_of(expr.span)? {
                    Use::Var(var) => {
                        let variable = &self.unit.names.vars[*var];
                        if variable.kind != VarKind::Var {
                            return None;
                        }
                        match (self.register_of(*var), variable.global) {
                            (_, Some(index)) if variable.owner == self.state.id => Root::Global(index),
                            (Some(reg), _) if variable.owner == self.state.id => Root::Register(reg),
                            _ => return None,
                        }
                    }
                    Use::Global { index, mutable: true } if self.state.id == 0 => Root::Global(*index),
                    _ => return None,
                };
                Some(Path { root, keys: Vec::new() })
            }
            ExprKind::Index { object, index, maybe: false } => {
                let mut path = self.place(object)?;
                path.keys.push(Key::Index(index));
                Some(path)
            }
            ExprKind::Field { object, name, maybe: false } => {
                let mut path = self.place(object)?;
                path.keys.push(Key::Field(name));
                Some(path)
            }
            _ => None,
        }
    }

    fn key_into(&mut self, key: &Key, dst: Reg) {
        match key {
            Key::Index(index) => self.into(index, dst),
            Key::Field(name) => self.load_str(dst, &name.text),
        }
    }

    /// Runs with the variable in a register; a global is taken out for the time.
    fn with_root(&mut self, root: Root, run: impl FnOnce(&mut Self, Reg)) {
        match root {
            Root::Register(reg) => run(self, reg),
            Root::Global(index) => {
                let reg = self.alloc();
                self.emit(Instr::TakeGlobal { dst: reg, index });
                let start = self.here();
                run(self, reg);
                self.borrow(start, reg, index);
                self.emit(Instr::SetGlobal { src: reg, index });
                self.emit(Instr::Clear { from: reg, count: 1 });
            }
        }
    }

    pub(super) fn assign(&mut self, target: &Expr, op: Option<AssignOp>, value: &Expr) {
        let mark = self.mark();
        match op {
            None => self.assign_plain(target, value),
            Some(AssignOp::Binary(op)) => self.assign_update(target, op, value),
            Some(AssignOp::Coalesce) => self.assign_missing(target, value),
        }
        self.release(mark);
    }

    fn assign_plain(&mut self, target: &Expr, value: &Expr) {
        if let ExprKind::List(targets) = &target.kind {
            return self.assign_several(target, targets, value);
        }
        if matches!(&target.kind, ExprKind::Name(name) if &**name == "_") {
            return self.discard(value);
        }
        let Some(path) = self.place(target) else { return };
        if let (Root::Register(reg), true) = (path.root, path.keys.is_empty())
            && writes_last(value)
        {
            return self.into(value, reg);
        }
        let src = self.alloc();
        self.into(value, src);
        self.store(&path, src);
    }

    /// `a, b = b, a`: all values first.
    fn assign_several(&mut self, target: &Expr, targets: &[Item], value: &Expr) {
        let plain = targets.iter().all(|item| matches!(item, Item::One(_)));
        if let (ExprKind::List(values), true) = (&value.kind, plain)
            && values.len() == targets.len()
            && values.iter().all(|item| matches!(item, Item::One(_)))
        {
            let base = self.alloc_many(values.len());
            for (at, item) in values.iter().enumerate() {
                if let Item::One(value) = item {
                    self.into(value, base + at as Reg);
                }
            }
            for (at, item) in targets.iter().enumerate() {
                if let Item::One(target) = item {
                    self.assign_from(target, base + at as Reg);
                }
            }
            return;
        }
        let src = self.alloc();
        self.into(value, src);
        self.at(target.span, |this| this.unpack(targets, src));
    }

    fn assign_from(&mut self, target: &Expr, src: Reg) {
        if let ExprKind::List(targets) = &target.kind {
            return self.at(target.span, |this| this.unpack(targets, src));
        }
        if let Some(path) = self.place(target) {
            self.at(target.span, |this| this.store(&path, src));
        }
    }

    fn unpack(&mut self, targets: &[Item], src: Reg) {
        let rest = targets.iter().position(|item| matches!(item, Item::Spread(_)));
        let before = rest.unwrap_or(targets.len());
        let after = rest.map_or(0, |at| targets.len() - at - 1);
        let lists = &mut self.state.proto.lists;
        lists.push(crate::vm::code::ListSite { before: before as u16, after: after as u16, rest: rest.is_some() });
        let site = (lists.len() - 1) as u16;
        self.emit(Instr::NeedList { src, site: u32::from(site) });
        for (at, item) in targets.iter().enumerate() {
            let dst = self.alloc();
            match item {
                Item::One(target) => {
                    let index = if at < before { at as i16 } else { at as i16 - targets.len() as i16 };
                    self.emit(Instr::Item { dst, src, index });
                    self.assign_from(target, dst);
                }
                Item::Spread(target) => {
                    self.emit(Instr::Rest { dst, src, site });
                    self.assign_from(target, dst);
                }
            }
        }
    }

    /// Stores a register, which is not needed any more, in a place.
    fn store(&mut self, path: &Path, src: Reg) {
        let mark = self.mark();
        match (&path.keys[..], path.root) {
            ([], Root::Register(dst)) => {
                self.emit(Instr::Move { dst, src });
            }
            ([], Root::Global(index)) => {
                self.emit(Instr::SetGlobal { src, index });
                self.emit(Instr::Clear { from: src, count: 1 });
            }
            ([Key::Field(name)], root) => {
                let name = self.name_index(&name.text);
                self.with_root(root, |this, a| {
                    this.emit(Instr::SetField { a, name, src });
                });
            }
            ([Key::Index(index)], root) => {
                let b = self.value(index);
                self.with_root(root, |this, a| {
                    this.emit(Instr::SetIndex { a, b, src });
                });
            }
            (keys, root) => {
                let base = self.alloc_many(keys.len() + 1);
                for (at, key) in keys.iter().enumerate() {
                    self.key_into(key, base + at as Reg);
                }
                self.emit(Instr::Move { dst: base + keys.len() as Reg, src });
                let count = keys.len() as u16;
                self.with_root(root, |this, root| {
                    this.emit(Instr::SetPath { root, keys: base, count });
                });
            }
        }
        self.release(mark);
    }

    /// `place op= value`
    fn assign_update(&mut self, target: &Expr, op: BinaryOp, value: &Expr) {
        let Some(path) = self.place(target) else { return };
        if path.keys.is_empty() {
            if let Root::Register(reg) = path.root
                && writes_last(value)
            {
                return self.operate(op, reg, reg, value);
            }
            let src = self.alloc();
            self.into(value, src);
            return self.with_root(path.root, |this, place| {
                this.emit(Instr::Update { op: arith(op), place, src });
            });
        }
        let count = path.keys.len();
        let base = self.alloc_many(count + 1);
        self.into(value, base + count as Reg);
        for (at, key) in path.keys.iter().enumerate() {
            self.key_into(key, base + at as Reg);
        }
        self.with_root(path.root, |this, root| {
            this.emit(Instr::UpdatePath { op: arith(op), root, keys: base, count: count as u16 });
        });
    }

    /// `place ??= value`
    fn assign_missing(&mut self, target: &Expr, value: &Expr) {
        let Some(path) = self.place(target) else { return };
        let old = self.alloc();
        match &target.kind {
            ExprKind::Index { object, index, .. } => {
                let a = self.value(object);
                let b = self.value(index);
                self.emit(Instr::IndexMaybe { dst: old, a, b });
            }
            ExprKind::Field { object, name, .. } => {
                let a = self.value(object);
                let name = self.name_index(&name.text);
                self.emit(Instr::FieldMaybe { dst: old, a, name });
            }
            _ => self.into(target, old),
        }
        let there = self.emit_jump(Instr::JumpNotNull { src: old, offset: 0 });
        self.into(value, old);
        self.store(&path, old);
        self.patch_here(there);
        self.emit(Instr::Clear { from: old, count: 1 });
    }

    /// `place.method(args)` where the method may change the place.
    pub(super) fn change(&mut self, path: &Path, name: &Name, args: &[Arg], dst: Reg) {
        let simple = args.len() <= 200 && args.iter().all(|arg| matches!(arg, Arg::One(_)));
        let keys = path.keys.len();
        let base = self.alloc_many(keys + if simple { args.len() } else { 2 } + 1);
        let first = base + keys as Reg;
        for (at, key) in path.keys.iter().enumerate() {
            self.key_into(key, base + at as Reg);
        }
        if simple {
            for (at, arg) in args.iter().enumerate() {
                if let Arg::One(value) = arg {
                    self.into(value, first + at as Reg);
                }
            }
        } else {
            self.spread_args(args, first);
        }
        let index = self.name_index(&name.text);
        self.with_root(path.root, |this, root| {
            let site = ChangeSite {
                root,
                base,
                keys: keys as u16,
                args: if simple { args.len() as u16 } else { 2 },
                name: index,
                spread: !simple,
            };
            this.state.proto.changes.push(site);
            let site = this.state.proto.changes.len() as u32 - 1;
            this.emit(Instr::CallChange { dst, site });
        });
    }
}
