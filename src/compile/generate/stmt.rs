//! Statements and blocks.

use super::*;

impl Generator<'_> {
    /// A block with names of its own; its value into `dst`.
    pub(super) fn block(&mut self, block: &Block, dst: Option<Reg>) {
        let mark = self.mark();
        self.statements(block, dst);
        if block.stmts.iter().any(|stmt| may_hold(&stmt.kind)) {
            self.end_names(mark);
        }
        self.release(mark);
    }

    /// Names in registers from `mark` on end here, and give up what they hold.
    pub(super) fn end_names(&mut self, mark: u32) {
        if self.state.next > mark {
            self.emit(Instr::Clear { from: mark as Reg, count: (self.state.next - mark) as u16 });
        }
    }

    pub(super) fn statements(&mut self, block: &Block, dst: Option<Reg>) {
        let mut has_value = false;
        for (at, stmt) in block.stmts.iter().enumerate() {
            self.span = stmt.span;
            let last = at + 1 == block.stmts.len();
            match (&stmt.kind, dst, last) {
                (StmtKind::Expr(expr), Some(dst), true) => {
                    self.into(expr, dst);
                    has_value = true;
                }
                _ => {
                    let start = self.here();
                    self.stmt(stmt);
                    self.give_up_results(start);
                }
            }
        }
        if let (Some(dst), false) = (dst, has_value) {
            self.emit(Instr::Null { dst });
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.discard(expr),
            StmtKind::Let { pattern, value, .. } => self.let_(pattern, value),
            StmtKind::Assign { target, op, value } => self.assign(target, *op, value),
            StmtKind::Fn { function, .. } => {
                if let Some(&id) = self.unit.names.functions.get(&Rc::as_ptr(function)) {
                    self.whole(Some(function), &function.body, id);
                }
            }
            StmtKind::Import { path_span, .. } | StmtKind::FromImport { path_span, .. } => {
                if let Some(import) = self.unit.imports.get(&path_span.start)
                    && import.first
                {
                    let mark = self.mark();
                    let base = self.alloc();
                    self.load_function(base, self.unit.modules[import.module].main);
                    self.emit(Instr::Call { count: 0, dst: base, base: base + 1, callee: base });
                    self.release(mark);
                }
            }
            // The test runner alone runs them.
            StmtKind::Test { .. } => {}
        }
    }

    fn let_(&mut self, pattern: &Pattern, value: &Expr) {
        match (&pattern.kind, &value.kind) {
            (PatternKind::Bind(name), _) => {
                let mark = self.mark();
                let dst = self.alloc();
                self.into(value, dst);
                self.bind_to(pattern, dst);
                let var = self.unit.names.decls.get(&name.span.start);
                if var.is_some_and(|&var| self.unit.names.vars[var].global.is_some()) {
                    self.release(mark);
                }
            }
            (PatternKind::Wild, _) => self.discard(value),
            // `let a, b = 1, 2` makes no list.
            (PatternKind::List { before, rest: None, after }, ExprKind::List(items))
                if after.is_empty()
                    && before.len() == items.len()
                    && before
                        .iter()
                        .all(|pattern| matches!(pattern.kind, PatternKind::Bind(_) | PatternKind::Wild))
                    && items.iter().all(|item| matches!(item, Item::One(_))) =>
            {
                let base = self.alloc_many(items.len());
                for (at, item) in items.iter().enumerate() {
                    if let Item::One(value) = item {
                        self.into(value, base + at as Reg);
                    }
                }
                for (at, pattern) in before.iter().enumerate() {
                    self.bind_to(pattern, base + at as Reg);
                }
            }
            _ => {
                let src = self.alloc();
                self.into(value, src);
                self.bind(pattern, src);
                self.emit(Instr::Clear { from: src, count: 1 });
            }
        }
    }
}

/// Whether a statement's names may hold more than a number, so that they have to be given up at the end of the block.
fn may_hold(kind: &StmtKind) -> bool {
    match kind {
        StmtKind::Let { value, .. } => !matches!(
            value.kind,
            ExprKind::Null | ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Compare(..)
        ),
        _ => false,
    }
}
