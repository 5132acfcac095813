//! Patterns: the names that they bind.

use super::*;

impl Resolver<'_> {
    pub(super) fn pattern(&mut self, pattern: &Pattern, kind: VarKind) {
        match &pattern.kind {
            PatternKind::Wild => {}
            PatternKind::Bind(name) => {
                self.declare(name, kind);
            }
            PatternKind::Literal(expr) => self.expr(expr),
            PatternKind::Range { start, end, .. } => {
                for expr in [start, end].into_iter().flatten() {
                    self.expr(expr);
                }
            }
            PatternKind::List { before, rest, after } => {
                for pattern in before {
                    self.pattern(pattern, kind);
                }
                if let Some(Some(name)) = rest {
                    self.declare(name, kind);
                }
                for pattern in after {
                    self.pattern(pattern, kind);
                }
            }
            PatternKind::Map { entries, rest } => {
                for (_, pattern) in entries {
                    self.pattern(pattern, kind);
                }
                if let Some(Some(name)) = rest {
                    self.declare(name, kind);
                }
            }
            PatternKind::Or(patterns) => self.or_pattern(pattern, patterns, kind),
            PatternKind::Is(inner, type_name) => {
                self.type_name(type_name);
                self.pattern(inner, kind);
            }
        }
    }

    /// All alternatives bind the same names.
    pub(super) fn or_pattern(&mut self, whole: &Pattern, patterns: &[Pattern], kind: VarKind) {
        let Some((first, others)) = patterns.split_first() else { return };
        let mut wanted = Vec::new();
        bound_names(first, &mut wanted);
        self.pattern(first, kind);
        for other in others {
            let mut bound = Vec::new();
            bound_names(other, &mut bound);
            let lacks = |names: &[Name], name: &Name| names.iter().all(|other| other.text != name.text);
            let lone =
                wanted.iter().find(|name| lacks(&bound, name)).or(bound.iter().find(|name| lacks(&wanted, name)));
            if let Some(lone) = lone {
                let message = "the alternatives of a pattern must bind the same names";
                let label = format!("not all of these bind `{}`", lone.text);
                let error = Diagnostic::error("E0206", message, self.place(whole.span), label)
                    .help("write an arm of its own for each");
                self.error(error);
                continue;
            }
            self.in_scope(|this| this.pattern(other, kind));
            for name in bound {
                if let Some(var) = self.lookup(&name.text) {
                    self.names.decls.insert(name.span.start, var);
                }
            }
        }
    }

    pub(super) fn type_name(&mut self, name: &Name) {
        if crate::vm::types::Type::named(&name.text).is_none() {
            let types = crate::vm::types::Type::ALL.iter().map(|t| t.name());
            let message = format!("there is no type `{}`", name.text);
            let error = Diagnostic::error("E0204", message, self.place(name.span), "not a type");
            let known = self.lookup(&name.text).is_some();
            let error = match instead_of_type(&name.text).or_else(|| nearest(&name.text, types)) {
                _ if known => error
                    .note("right of `is` stands the name of a type, never a variable")
                    .help(format!("compare with `type(x) == {}`", name.text)),
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(
                    "the types are null bool int float str bytes list map set range function array error stream process \
                     pipe queue lock file data handle",
                ),
            };
            self.error(error);
        }
    }

    pub(super) fn unique_names(&mut self, pattern: &Pattern) {
        if !matches!(pattern.kind, PatternKind::Or(_)) {
            self.unique_in(&[pattern]);
        }
    }

    /// The same for patterns that are bound together.
    pub(super) fn unique_in(&mut self, patterns: &[&Pattern]) {
        let mut bound = Vec::new();
        patterns.iter().for_each(|pattern| bound_names(pattern, &mut bound));
        for (at, name) in bound.iter().enumerate() {
            if bound[..at].iter().any(|other| other.text == name.text) {
                let message = format!("`{}` is bound twice in one pattern", name.text);
                let error = Diagnostic::error("E0206", message, self.place(name.span), "the second time");
                self.error(error);
            }
        }
    }
}

/// The names that a pattern binds; of alternatives those of the first.
pub fn bound_names(pattern: &Pattern, found: &mut Vec<Name>) {
    match &pattern.kind {
        PatternKind::Bind(name) => found.push(name.clone()),
        PatternKind::List { before, rest, after } => {
            before.iter().for_each(|pattern| bound_names(pattern, found));
            if let Some(Some(name)) = rest {
                found.push(name.clone());
            }
            after.iter().for_each(|pattern| bound_names(pattern, found));
        }
        PatternKind::Map { entries, rest } => {
            entries.iter().for_each(|(_, pattern)| bound_names(pattern, found));
            if let Some(Some(name)) = rest {
                found.push(name.clone());
            }
        }
        PatternKind::Or(patterns) => patterns.iter().take(1).for_each(|pattern| bound_names(pattern, found)),
        PatternKind::Is(inner, _) => bound_names(inner, found),
        PatternKind::Wild | PatternKind::Literal(_) | PatternKind::Range { .. } => {}
    }
}

/// The type that has this name in other languages.
fn instead_of_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" | "String" | "text" | "char" => "str",
        "integer" | "Integer" | "long" | "number" => "int",
        "double" | "real" => "float",
        "boolean" | "Boolean" => "bool",
        "dict" | "object" | "hash" | "table" => "map",
        "tuple" | "vec" | "vector" => "list",
        "fn" | "callable" | "closure" => "function",
        "None" | "nil" | "none" | "undefined" => "null",
        "Exception" | "exception" => "error",
        _ => return None,
    })
}
