//! Changes that may go through the handle of a shared object: which are right, and which could lose the update of
//! another process.

use super::*;

/// An error of a change that needs a `var`, unless handles of shared objects may be meant.
pub struct Unless {
    error: Diagnostic,
    /// What is wrong with it also then.
    lost: Option<Diagnostic>,
}

/// Whether a function of the library makes shared objects that are changed by assigning to their parts.
pub fn makes_shared(name: &str) -> bool {
    name == "shared" || name.starts_with("shared_")
}

impl Resolver<'_> {
    /// Remembers what a `with` holds.
    pub(super) fn hold(&mut self, value: &Expr, pattern: Option<&Pattern>) {
        self.held.extend(self.way(value));
        if let Some(Pattern { kind: PatternKind::Bind(name), .. }) = pattern
            && let Some(var) = self.lookup(&name.text)
        {
            self.held.push(format!("{}#{var}", name.text));
        }
    }

    /// A name with any fields and simple indexes, as text that is the same for the same way.
    fn way(&self, expr: &Expr) -> Option<String> {
        Some(match &expr.kind {
            ExprKind::Name(name) => match self.lookup(name) {
                Some(var) => format!("{name}#{var}"),
                None => name.to_string(),
            },
            ExprKind::Field { object, name, maybe: false } => format!("{}.{}", self.way(object)?, name.text),
            ExprKind::Index { object, index, maybe: false } => {
                format!("{}[{}]", self.way(object)?, self.index(index)?)
            }
            ExprKind::Paren(inner) => self.way(inner)?,
            _ => return None,
        })
    }

    /// An index of names and constants, and what operators make of these, as text in the same manner.
    fn index(&self, expr: &Expr) -> Option<String> {
        Some(match &expr.kind {
            ExprKind::Int(int) => int.to_string(),
            ExprKind::Str(text) => format!("{text:?}"),
            ExprKind::Name(_) => self.way(expr)?,
            ExprKind::Paren(inner) => self.index(inner)?,
            ExprKind::Unary(operator, operand) => format!("({operator:?} {})", self.index(operand)?),
            ExprKind::Binary(first, rest) => {
                let mut text = self.index(first)?;
                for (operator, operand) in rest {
                    text = format!("({text} {operator:?} {})", self.index(operand)?);
                }
                text
            }
            _ => return None,
        })
    }

    fn is_held(&self, cell: &Expr) -> bool {
        self.way(cell).is_some_and(|way| self.held.contains(&way))
    }

    /// Whether the expression is part of a variable that may change here.
    fn in_own_var(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Name(name) => match self.lookup(name) {
                Some(var) => self.names.vars[var].kind == VarKind::Var && self.names.vars[var].owner == self.function(),
                None => {
                    let known = self.context.session.and_then(|session| session.get(name));
                    matches!(known, Some(Export::Global { mutable: true, .. })) && self.function() == 0
                }
            },
            ExprKind::Index { object, maybe: false, .. } | ExprKind::Field { object, maybe: false, .. } => {
                self.in_own_var(object)
            }
            _ => false,
        }
    }

    /// What the object certainly is, if no assignment can have made it something else.
    fn certain(&self, object: &Expr) -> Option<&Shape> {
        let (var, _, shape) = self.shape_at(object)?;
        (self.names.vars[var].kind != VarKind::Var).then_some(shape)
    }

    /// The target `object[key]` or `object.name` of an assignment, `op=` when `update`.
    pub(super) fn part_target(&mut self, target: &Expr, update: bool) {
        let place = cell_place(target);
        if let Some((place, cell)) = place
            && !matches!(self.certain(cell), Some(Shape::Of(_) | Shape::Map(_)))
        {
            return self.cell_target(target, place, cell, update);
        }
        match &target.kind {
            ExprKind::Index { object, index, maybe: false } if !self.in_own_var(object) => {
                let certain = self.certain(object);
                if matches!(certain, Some(Shape::Map(_))) || matches!(certain, Some(Shape::Of(of)) if !of.is_shared()) {
                    return self.variable_part(target);
                }
                let is_shared = certain.is_some();
                let lost = update.then(|| self.lost_item(target, is_shared));
                if is_shared {
                    self.expr(object);
                    self.expr(index);
                    return lost.into_iter().for_each(|lost| self.error(lost));
                }
                self.unless(target, object, lost);
                self.expr(index);
            }
            _ => self.variable_part(target),
        }
    }

    /// `cell.value` or a part of it, where the cell may be one.
    fn cell_target(&mut self, target: &Expr, place: &Expr, cell: &Expr, update: bool) {
        let whole = place.span == target.span && !update;
        let certain = self.certain(cell).is_some();
        let own = self.in_own_var(cell);
        if self.is_held(cell) || (own && self.way(cell).is_some()) {
            self.names.cells.insert(place.span);
            if own {
                return self.variable_part(target);
            }
            self.expr(cell);
            return self.indexes(target, place);
        }
        if own {
            return self.variable_part(target);
        }
        let lost = (!whole).then(|| self.lost_part(place, cell, "this"));
        if certain {
            self.expr(cell);
            self.indexes(target, place);
            return lost.into_iter().for_each(|lost| self.error(lost));
        }
        self.unless(target, cell, lost);
        self.indexes(target, place);
    }

    /// The indexes on the way from `place` to `target`.
    fn indexes(&mut self, target: &Expr, place: &Expr) {
        if target.span == place.span {
            return;
        }
        match &target.kind {
            ExprKind::Index { object, index, .. } => {
                self.expr(index);
                self.indexes(object, place);
            }
            ExprKind::Field { object, .. } => self.indexes(object, place),
            _ => {}
        }
    }

    /// A change of `target` that needs a `var` unless `object` is the handle of a shared object.
    fn unless(&mut self, target: &Expr, object: &Expr, lost: Option<Diagnostic>) {
        let before = self.errors.len();
        let reported = self.reported.clone();
        self.variable_part(target);
        let mut errors = self.errors.split_off(before).into_iter();
        self.reported = reported;
        self.expr(object);
        // What cannot even be read was told.
        if self.errors.len() == before
            && let Some(error) = errors.next()
        {
            self.unless_shared.push(Unless { error, lost });
        }
    }

    /// Reports the changes that were put off.
    pub(super) fn settle_changes(&mut self) {
        let may_share = self.may_share;
        let errors: Vec<Diagnostic> = std::mem::take(&mut self.unless_shared)
            .into_iter()
            .filter_map(|unless| if may_share { unless.lost } else { Some(unless.error) })
            .collect();
        if !errors.is_empty() {
            self.errors.extend(errors);
            self.errors.sort_by_key(|error| error.labels.first().map_or(0, |label| label.place.span.start));
        }
    }

    /// `cell.value.method(…)` with a method that may change its receiver; true when that is settled.
    pub(super) fn changing_in_cell(&mut self, object: &Expr, method: &Name) -> bool {
        let Some((place, cell)) = cell_place(object) else { return false };
        match self.certain(cell) {
            Some(Shape::Of(_) | Shape::Map(_)) => return false,
            Some(Shape::Cell(Some(value))) if place.span == object.span && !self.is_held(cell) => {
                let of = match &**value {
                    Shape::Of(of) => *of,
                    Shape::Map(_) => crate::vm::types::Type::Map,
                    Shape::Cell(_) => return true,
                };
                if library::method(of, &method.text).is_some_and(|id| library::get(id).changes()) {
                    let lost = self.lost_part(place, cell, &format!("`{}`", method.text));
                    self.error(lost);
                }
                return true;
            }
            _ => {}
        }
        let own = self.in_own_var(cell);
        if self.is_held(cell) || (own && self.way(cell).is_some()) {
            self.names.cells.insert(place.span);
            return !own;
        }
        false
    }

    fn lost_part(&self, place: &Expr, cell: &Expr, what: &str) -> Diagnostic {
        let (name, first) = match written(cell) {
            Some(name) => (name, ""),
            None => ("c".to_owned(), "name the cell, `let c = …`; then "),
        };
        Diagnostic::error(
            "E0210",
            format!("{what} changes a part of a shared value, and could lose the update of another process"),
            self.place(place.span),
            format!("not in `with {name} {{ … }}`"),
        )
        .help(format!(
            "{first}write `with {name} {{ … }}` around it, or `{name}.update(|v| …)`; `{name}.add(n)` adds a number"
        ))
    }

    fn lost_item(&self, target: &Expr, certain: bool) -> Diagnostic {
        let name = match &target.kind {
            ExprKind::Index { object, .. } => written(object),
            _ => None,
        };
        let name = name.unwrap_or_else(|| "a".to_owned());
        let error = Diagnostic::error(
            "E0210",
            "this reads an item and writes it back, and could lose the update of another process",
            self.place(target.span),
            "not atomic",
        )
        .help(format!("write `{name}.add(i, n)` for arrays, `{name}.update(k, |v| …)` for maps and lists"));
        if certain {
            error
        } else {
            error.note(format!("if `{name}` is a list, a map or an array, it must be a `var`"))
        }
    }
}

/// The innermost `cell.value` on the way to a place.
fn cell_place(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match &expr.kind {
        ExprKind::Index { object, maybe: false, .. } => cell_place(object),
        ExprKind::Field { object, name, maybe: false } => {
            cell_place(object).or_else(|| (&*name.text == "value").then_some((expr, object)))
        }
        _ => None,
    }
}

/// A name with fields, as it is written.
fn written(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.to_string()),
        ExprKind::Field { object, name, maybe: false } => Some(format!("{}.{}", written(object)?, name.text)),
        _ => None,
    }
}
