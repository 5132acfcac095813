//! Patterns: tests and bindings.

use super::super::resolve::bound_names;
use super::*;
use crate::vm::code::ListSite;
use crate::vm::types::Type;

impl Generator<'_> {
    /// Binds a pattern that must fit to the value in a register; names get registers of their own.
    pub(super) fn bind(&mut self, pattern: &Pattern, src: Reg) {
        self.at(pattern.span, |this| match &pattern.kind {
            PatternKind::Wild => {}
            PatternKind::Bind(name) => {
                let dst = this.alloc();
                this.emit(Instr::Copy { dst, src });
                this.declare(name, dst);
            }
            PatternKind::List { before, rest, after } => {
                let site = this.list_site(before.len(), after.len(), rest.is_some());
                this.emit(Instr::NeedList { src, site: u32::from(site) });
                this.list_parts(before, rest.as_ref(), after, src, site, &mut |this, pattern, src| {
                    this.bind(pattern, src);
                });
            }
            PatternKind::Map { entries, rest } => {
                for (name, pattern) in entries {
                    let dst = this.alloc();
                    let key = this.name_index(&name.text);
                    this.at(name.span, |this| this.emit(Instr::NeedKey { dst, src, name: key }));
                    this.bind_to(pattern, dst);
                }
                this.map_rest(entries, rest.as_ref(), src);
            }
            PatternKind::Literal(_) | PatternKind::Range { .. } | PatternKind::Or(_) | PatternKind::Is(..) => {
                let fails = this.test(pattern, src);
                let fits = this.emit_jump(Instr::Jump { offset: 0 });
                let here = this.here();
                this.patch_all(&fails, here);
                this.emit(Instr::NoArm { src });
                this.patch_here(fits);
            }
        });
    }

    /// Like `bind`, for a value in a register that nobody else uses: a name takes the register itself.
    pub(super) fn bind_to(&mut self, pattern: &Pattern, reg: Reg) {
        match &pattern.kind {
            PatternKind::Bind(name) => self.declare(name, reg),
            _ => self.bind(pattern, reg),
        }
    }

    /// A name whose value is in this register from now on.
    pub(super) fn declare(&mut self, name: &Name, reg: Reg) {
        let global = self.unit.names.decls.get(&name.span.start).and_then(|&var| self.unit.names.vars[var].global);
        match global {
            Some(index) => {
                self.emit(Instr::SetGlobal { src: reg, index });
                self.emit(Instr::Clear { from: reg, count: 1 });
            }
            None => self.bind_register(name, reg),
        }
    }

    fn list_site(&mut self, before: usize, after: usize, rest: bool) -> u16 {
        let lists = &mut self.state.proto.lists;
        lists.push(ListSite { before: before as u16, after: after as u16, rest });
        (lists.len() - 1) as u16
    }

    fn list_parts(
        &mut self,
        before: &[Pattern],
        rest: Option<&Option<Name>>,
        after: &[Pattern],
        src: Reg,
        site: u16,
        each: &mut dyn FnMut(&mut Self, &Pattern, Reg),
    ) {
        for (at, pattern) in before.iter().enumerate() {
            self.list_item(pattern, src, at as i16, each);
        }
        for (at, pattern) in after.iter().enumerate() {
            self.list_item(pattern, src, at as i16 - after.len() as i16, each);
        }
        if let Some(Some(name)) = rest {
            let dst = self.register_for(name);
            self.emit(Instr::Rest { dst, src, site });
            self.declare(name, dst);
        }
    }

    fn list_item(&mut self, pattern: &Pattern, src: Reg, index: i16, each: &mut dyn FnMut(&mut Self, &Pattern, Reg)) {
        match &pattern.kind {
            PatternKind::Wild => {}
            PatternKind::Bind(name) => {
                let dst = self.register_for(name);
                self.emit(Instr::Item { dst, src, index });
                self.declare(name, dst);
            }
            _ => {
                let dst = self.alloc();
                self.emit(Instr::Item { dst, src, index });
                each(self, pattern, dst);
            }
        }
    }

    /// The register that a name has already, as in alternatives, or a new one.
    fn register_for(&mut self, name: &Name) -> Reg {
        let known = self.unit.names.decls.get(&name.span.start).and_then(|&var| self.register_of(var));
        known.unwrap_or_else(|| self.alloc())
    }

    fn map_rest(&mut self, entries: &[(Name, Pattern)], rest: Option<&Option<Name>>, src: Reg) {
        if let Some(Some(name)) = rest {
            let keys = entries.iter().map(|(key, _)| self.text(&key.text)).collect();
            self.state.proto.key_lists.push(keys);
            let site = (self.state.proto.key_lists.len() - 1) as u16;
            let dst = self.register_for(name);
            self.emit(Instr::RestOfMap { dst, src, site });
            self.declare(name, dst);
        }
    }

    /// Tests whether the pattern fits and binds its names; gives the jumps for when it does not.
    pub(super) fn test(&mut self, pattern: &Pattern, src: Reg) -> Vec<usize> {
        self.at(pattern.span, |this| this.test_kind(pattern, src))
    }

    fn test_kind(&mut self, pattern: &Pattern, src: Reg) -> Vec<usize> {
        let mut fails = Vec::new();
        match &pattern.kind {
            PatternKind::Wild => {}
            PatternKind::Bind(name) => {
                let dst = self.register_for(name);
                self.emit(Instr::Copy { dst, src });
                self.declare(name, dst);
            }
            PatternKind::Literal(expr) => match &expr.kind {
                ExprKind::Null => fails.push(self.emit_jump(Instr::JumpNotNull { src, offset: 0 })),
                _ => {
                    let mark = self.mark();
                    let fail = self.jump_if_literal(src, expr, false).unwrap_or_else(|| {
                        let b = self.value(expr);
                        self.emit_compare_jump(src, CompareOp::Eq, b, false)
                    });
                    fails.push(fail);
                    self.release(mark);
                }
            },
            PatternKind::Range { start, end, inclusive } => {
                let mark = self.mark();
                let base = self.alloc_many(3);
                for (at, end) in [start, end].into_iter().enumerate() {
                    let dst = base + at as Reg;
                    match end {
                        Some(end) => self.into(end, dst),
                        None => {
                            self.emit(Instr::Undefined { dst });
                        }
                    }
                }
                self.emit(Instr::TestRange { dst: base + 2, src, base, inclusive: *inclusive });
                fails.push(self.emit_jump(Instr::JumpIfNot { src: base + 2, offset: 0 }));
                self.release(mark);
            }
            PatternKind::List { before, rest, after } => {
                let site = self.list_site(before.len(), after.len(), rest.is_some());
                let fits = self.alloc();
                self.emit(Instr::TestList { dst: fits, src, site });
                fails.push(self.emit_jump(Instr::JumpIfNot { src: fits, offset: 0 }));
                self.list_parts(before, rest.as_ref(), after, src, site, &mut |this, pattern, src| {
                    fails.extend(this.test(pattern, src));
                });
            }
            PatternKind::Map { entries, rest } => {
                let is_map = self.alloc();
                self.emit(Instr::Is { dst: is_map, src, what: Type::Map });
                fails.push(self.emit_jump(Instr::JumpIfNot { src: is_map, offset: 0 }));
                for (name, pattern) in entries {
                    let dst = match &pattern.kind {
                        PatternKind::Bind(name) => self.register_for(name),
                        _ => self.alloc(),
                    };
                    let key = self.name_index(&name.text);
                    self.emit(Instr::TestKey { dst, src, name: key });
                    let found = self.emit_jump(Instr::JumpDefined { src: dst, offset: 0 });
                    fails.push(self.emit_jump(Instr::Jump { offset: 0 }));
                    self.patch_here(found);
                    match &pattern.kind {
                        PatternKind::Bind(name) => self.declare(name, dst),
                        _ => fails.extend(self.test(pattern, dst)),
                    }
                }
                self.map_rest(entries, rest.as_ref(), src);
            }
            PatternKind::Or(patterns) => {
                // All alternatives bind the same names, to the same registers.
                let mut names = Vec::new();
                bound_names(pattern, &mut names);
                for name in names {
                    let reg = self.alloc();
                    self.bind_register(&name, reg);
                }
                let Some((last, others)) = patterns.split_last() else { return fails };
                let mut fits = Vec::new();
                for other in others {
                    let no = self.test(other, src);
                    fits.push(self.emit_jump(Instr::Jump { offset: 0 }));
                    let here = self.here();
                    self.patch_all(&no, here);
                }
                fails.extend(self.test(last, src));
                let here = self.here();
                self.patch_all(&fits, here);
            }
            PatternKind::Is(inner, type_name) => {
                let mark = self.mark();
                let fits = self.alloc();
                let what = Type::named(&type_name.text).unwrap_or(Type::Null);
                self.emit(Instr::Is { dst: fits, src, what });
                fails.push(self.emit_jump(Instr::JumpIfNot { src: fits, offset: 0 }));
                self.release(mark);
                fails.extend(self.test(inner, src));
            }
        }
        fails
    }

    /// `match`
    pub(super) fn matching(&mut self, subject: &Expr, arms: &[MatchArm], dst: Reg) {
        // A register of its own: arms may change the variable that is matched.
        let src = self.alloc();
        self.into(subject, src);
        let mut ends = Vec::new();
        for arm in arms {
            let mark = self.mark();
            let mut fails = self.test(&arm.pattern, src);
            if let Some(guard) = &arm.guard {
                fails.extend(self.jump_if(guard, false));
            }
            self.into(&arm.body, dst);
            self.end_names(mark);
            ends.push(self.emit_jump(Instr::Jump { offset: 0 }));
            let here = self.here();
            self.patch_all(&fails, here);
            self.release(mark);
        }
        self.span = subject.span;
        self.emit(Instr::NoArm { src });
        let here = self.here();
        self.patch_all(&ends, here);
        self.emit(Instr::Clear { from: src, count: 1 });
    }
}
