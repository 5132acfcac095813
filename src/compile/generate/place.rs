//! Places: what stands left of `=`, and methods that change their receiver.

use super::expr::{arith, is_plain, writes_last};
use super::*;
use crate::vm::code::{self, ChangeSite};
use crate::vm::types::Type;

/// A step from a variable to a part of it.
pub(super) enum Key<'e> {
    Index(&'e Expr),
    Field(&'e Name),
}

/// What may change, and the way to a part of it.
pub(super) struct Path<'e> {
    root: Root,
    keys: Vec<Key<'e>>,
}

#[derive(Clone, Copy)]
enum Root {
    Register(Reg),
    Global(u32),
    /// The value of the shared cell in this register.
    Cell(Reg),
}

impl Root {
    /// The register of a variable of the function.
    fn variable(self) -> Option<Reg> {
        if let Root::Register(reg) = self { Some(reg) } else { None }
    }
}

/// Where an assignment or a changing method goes.
pub(super) enum Way<'e> {
    Variable(Path<'e>),
    /// `cell.value` and some keys; where that may also be a part of a variable, that.
    Cell(&'e Expr, Vec<Key<'e>>, Option<Path<'e>>),
    /// `object[key]` of an object that is no part of a variable.
    Item(&'e Expr, &'e Expr),
}

impl Way<'_> {
    /// Whether it surely leads to a part of a variable of the function.
    pub(super) fn is_part(&self) -> bool {
        matches!(self, Way::Variable(Path { root: Root::Register(_), keys }) if !keys.is_empty())
    }
}

impl Generator<'_> {
    /// The place that a method may change in place. A slice is a copy, and none.
    pub(super) fn path<'e>(&self, expr: &'e Expr) -> Option<Way<'e>> {
        let is_slice = |key: &Key| matches!(key, Key::Index(index) if matches!(index.kind, ExprKind::Range { .. }));
        let variable = self.place(expr);
        let way = match self.cell_of(expr) {
            Some((cell, keys)) => Way::Cell(cell, keys, variable),
            None => Way::Variable(variable?),
        };
        let (Way::Variable(Path { keys, .. }) | Way::Cell(_, keys, _)) = &way else { return None };
        if keys.iter().any(is_slice) { None } else { Some(way) }
    }

    /// Where a change of what an expression means goes, if anything changes by it.
    fn way<'e>(&self, expr: &'e Expr) -> Option<Way<'e>> {
        let variable = self.place(expr);
        if let Some((cell, keys)) = self.cell_of(expr) {
            return Some(Way::Cell(cell, keys, variable));
        }
        match (variable, &expr.kind) {
            (Some(path), _) => Some(Way::Variable(path)),
            (None, ExprKind::Field { object, name, .. }) if &*name.text == "value" => {
                Some(Way::Cell(object, Vec::new(), None))
            }
            (None, ExprKind::Index { object, index, .. }) => Some(Way::Item(object, index)),
            _ => None,
        }
    }

    /// The shared cell in whose value an expression lies, where the resolver says that it may.
    fn cell_of<'e>(&self, expr: &'e Expr) -> Option<(&'e Expr, Vec<Key<'e>>)> {
        let (object, key) = match &expr.kind {
            ExprKind::Index { object, index, maybe: false } => (object, Key::Index(index)),
            ExprKind::Field { object, name, maybe: false } => {
                if self.unit.names.cells.contains(&expr.span) {
                    return Some((object, Vec::new()));
                }
                (object, Key::Field(name))
            }
            _ => return None,
        };
        let (cell, mut keys) = self.cell_of(object)?;
        keys.push(key);
        Some((cell, keys))
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

    /// The keys of a path, whose indexes are evaluated now. What is evaluated before they are used may set variables
    /// unless it is `plain`.
    fn keys(&mut self, keys: &[Key], root: Option<Reg>, plain: bool) -> Vec<code::Key> {
        let is_plain = |key: &Key| match key {
            Key::Index(index) => is_plain(index),
            Key::Field(_) => true,
        };
        let mut found = Vec::with_capacity(keys.len());
        for (at, key) in keys.iter().enumerate() {
            found.push(match key {
                Key::Index(index) => {
                    let mut reg = if plain && keys[at + 1..].iter().all(is_plain) {
                        self.value(index)
                    } else {
                        let reg = self.alloc();
                        self.into(index, reg);
                        reg
                    };
                    if root == Some(reg) {
                        reg = self.alloc();
                        self.into(index, reg);
                    }
                    code::Key::Index(reg)
                }
                Key::Field(name) => code::Key::Field { name: self.name_index(&name.text), at: Cell::new(0) },
            });
        }
        found
    }

    /// The way to a part of a variable of the function, to be read.
    pub(super) fn read_path(&mut self, expr: &Expr) -> Option<code::Path> {
        let Path { root: Root::Register(root), keys } = self.place(expr)? else { return None };
        let keys = self.keys(&keys, Some(root), true);
        Some(code::Path { root, keys })
    }

    /// The number of a path in the side table.
    fn path_site(&mut self, root: Reg, keys: Vec<code::Key>) -> u32 {
        self.state.proto.paths.push(code::Path { root, keys });
        self.state.proto.paths.len() as u32 - 1
    }

    /// Runs with the variable in a register; a global, or the value of a cell, is taken out for the time.
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
            Root::Cell(cell) => {
                let reg = self.alloc();
                let error = self.alloc();
                self.emit(Instr::SharedTake { dst: reg, cell });
                let start = self.here();
                run(self, reg);
                let end = self.here();
                self.emit(Instr::SharedPut { cell, src: reg });
                let done = self.emit_jump(Instr::Jump { offset: 0 });
                let target = self.here();
                self.protect(start, end, target, error, self.state.next);
                self.emit(Instr::SharedPut { cell, src: reg });
                self.emit(Instr::Rethrow { src: error });
                self.patch_here(done);
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

    /// Runs with the place that is meant; in two forms where only the run can tell which.
    fn at_way(&mut self, way: Way, run: &mut dyn FnMut(&mut Self, &Path)) {
        match way {
            Way::Variable(path) => run(self, &path),
            Way::Item(..) => {}
            Way::Cell(object, keys, variable) => {
                let cell = self.alloc();
                self.into(object, cell);
                let path = Path { root: Root::Cell(cell), keys };
                match variable {
                    None => run(self, &path),
                    Some(variable) => {
                        let is_cell = self.alloc();
                        self.emit(Instr::Is { dst: is_cell, src: cell, what: Type::Shared });
                        let plain = self.emit_jump(Instr::JumpIfNot { src: is_cell, offset: 0 });
                        run(self, &path);
                        let end = self.emit_jump(Instr::Jump { offset: 0 });
                        self.patch_here(plain);
                        // A second reference would make the change copy.
                        self.emit(Instr::Clear { from: cell, count: 1 });
                        run(self, &variable);
                        self.patch_here(end);
                    }
                }
                self.emit(Instr::Clear { from: cell, count: 1 });
            }
        }
    }

    fn assign_plain(&mut self, target: &Expr, value: &Expr) {
        if let ExprKind::List(targets) = &target.kind {
            return self.assign_several(target, targets, value);
        }
        if matches!(&target.kind, ExprKind::Name(name) if &**name == "_") {
            return self.discard(value);
        }
        let Some(way) = self.way(target) else { return };
        if let Way::Variable(Path { root: Root::Register(reg), keys }) = &way
            && keys.is_empty()
            && writes_last(value)
        {
            return self.into(value, *reg);
        }
        if let Way::Variable(Path { root, keys }) = &way
            && let [Key::Index(key)] = &keys[..]
            && let Some(index) = self.scalar(value)
        {
            let b = self.value(key);
            let strided = self.state.strided.contains(&b);
            return self.with_root(*root, |this, a| {
                this.emit(Instr::SetIndexConst { strided, a, b, index });
            });
        }
        let src = self.alloc();
        self.assigned(target, &way, value, src);
        self.store_way(way, src);
        self.stored();
    }

    /// Stores a register, which is not needed any more, where it goes.
    fn store_way(&mut self, way: Way, src: Reg) {
        if let Way::Item(object, key) = way {
            let object = self.value(object);
            let key = self.value(key);
            self.emit(Instr::SharedSetIndex { object, key, src });
            return;
        }
        self.at_way(way, &mut |this, path| this.store(path, src));
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
        if let Some(way) = self.way(target) {
            self.at(target.span, |this| this.store_way(way, src));
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
            ([], Root::Cell(cell)) => {
                self.emit(Instr::SharedSet { cell, src });
            }
            ([Key::Field(name)], root) => {
                let name = self.name_index(&name.text);
                self.with_root(root, |this, a| {
                    this.emit(Instr::SetField { a, name, src });
                });
            }
            ([Key::Index(index)], root) => {
                let b = self.value(index);
                let strided = self.state.strided.contains(&b);
                self.with_root(root, |this, a| {
                    this.emit(Instr::SetIndex { strided, a, b, src });
                });
            }
            (keys, root) => {
                let keys = self.keys(keys, root.variable(), true);
                self.with_root(root, |this, root| {
                    let path = this.path_site(root, keys);
                    this.emit(Instr::SetPath { src, path });
                });
            }
        }
        self.release(mark);
    }

    /// `place op= value`
    fn assign_update(&mut self, target: &Expr, op: BinaryOp, value: &Expr) {
        let Some(way) = self.way(target) else { return };
        let path = match way {
            Way::Variable(path) => path,
            way => {
                let src = self.alloc();
                self.into(value, src);
                return self.at_way(way, &mut |this, path| {
                    let mark = this.mark();
                    this.update(path, op, src);
                    this.release(mark);
                });
            }
        };
        if let (true, Root::Register(reg)) = (path.keys.is_empty(), path.root)
            && writes_last(value)
        {
            return self.operate(op, reg, reg, value);
        }
        let src = self.alloc();
        self.into(value, src);
        self.update(&path, op, src);
    }

    /// `path op= src`
    fn update(&mut self, path: &Path, op: BinaryOp, src: Reg) {
        let keys = self.keys(&path.keys, path.root.variable(), true);
        self.with_root(path.root, |this, place| {
            if keys.is_empty() {
                this.emit(Instr::Update { op: arith(op), place, src });
            } else {
                let path = this.path_site(place, keys);
                this.emit(Instr::UpdatePath { op: arith(op), src, path });
            }
        });
    }

    /// `place ??= value`
    fn assign_missing(&mut self, target: &Expr, value: &Expr) {
        let Some(way) = self.way(target) else { return };
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
        self.store_way(way, old);
        self.patch_here(there);
        self.emit(Instr::Clear { from: old, count: 1 });
    }

    /// `place.method(args)` where the method may change the place.
    pub(super) fn change(&mut self, way: Way, name: &Name, args: &[Arg], dst: Reg) {
        let simple = args.len() <= 200 && args.iter().all(|arg| matches!(arg, Arg::One(_)));
        // The keys in a cell are the last ones of a way through a variable.
        let way_keys = match &way {
            Way::Variable(path) | Way::Cell(_, _, Some(path)) => &path.keys,
            Way::Cell(_, keys, None) => keys,
            Way::Item(..) => return,
        };
        let root = match &way {
            Way::Variable(path) | Way::Cell(_, _, Some(path)) => path.root.variable(),
            Way::Cell(..) | Way::Item(..) => None,
        };
        let plain = args.iter().all(|arg| {
            let (Arg::One(value) | Arg::Spread(value) | Arg::Named(_, value)) = arg;
            is_plain(value)
        });
        let keys = self.keys(way_keys, root, plain);
        let base = self.alloc_many(if simple { args.len() } else { 2 } + 1);
        if simple {
            for (at, arg) in args.iter().enumerate() {
                if let Arg::One(value) = arg {
                    self.into(value, base + at as Reg);
                }
            }
        } else {
            self.spread_args(args, base);
        }
        let index = self.name_index(&name.text);
        self.at_way(way, &mut |this, path| {
            let count = path.keys.len();
            let args = if simple { args.len() } else { 2 };
            let in_place = matches!(path.root, Root::Register(_));
            this.with_root(path.root, |this, root| {
                let mut base = base;
                if !in_place {
                    // A method in the language runs from its arguments on upwards: what is needed after it stands below.
                    let above = this.alloc_many(args + 1);
                    for at in 0..args as Reg {
                        this.emit(Instr::Move { dst: above + at, src: base + at });
                    }
                    base = above;
                }
                let path = code::Path { root, keys: keys[keys.len() - count..].to_vec() };
                let site = ChangeSite { path, base, args: args as u16, name: index, spread: !simple };
                match (&*name.text, args) {
                    ("push", 1) if count == 0 && simple => {
                        this.emit(Instr::Push { dst, list: root, src: base });
                    }
                    ("pop", 0) if count == 0 && simple => {
                        this.emit(Instr::Pop { dst, list: root });
                    }
                    _ => {}
                }
                this.state.proto.changes.push(site);
                let site = this.state.proto.changes.len() as u32 - 1;
                this.emit(Instr::CallChange { dst, site });
            });
        });
    }
}
