//! Names that are changed: which may, and what is said when one may not.

use super::*;
use crate::vm::types::Type;

impl Resolver<'_> {
    /// The target of an assignment.
    pub(super) fn target(&mut self, target: &Expr, update: bool) {
        match &target.kind {
            ExprKind::Name(name) => self.changed(name, target.span, true),
            ExprKind::List(items) => {
                for item in items {
                    match item {
                        Item::One(target) | Item::Spread(target) => self.target(target, false),
                    }
                }
            }
            ExprKind::Index { .. } | ExprKind::Field { .. } => self.part_target(target, update),
            // The parser refused it.
            _ => {}
        }
    }

    /// The target of an assignment that is part of a variable.
    pub(super) fn variable_part(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Index { object, index, .. } => {
                self.expr(index);
                self.target_root(object);
            }
            ExprKind::Field { object, .. } => self.target_root(object),
            _ => {}
        }
    }

    fn target_root(&mut self, object: &Expr) {
        match &object.kind {
            ExprKind::Name(name) => self.changed(name, object.span, false),
            ExprKind::Index { maybe: true, .. } | ExprKind::Field { maybe: true, .. } => {
                let label = "a place reached by `?` may not be there";
                let error = Diagnostic::error("E0110", "this cannot be assigned to", self.place(object.span), label)
                    .help("write `.` or `[ ]` without `?`");
                self.error(error);
            }
            ExprKind::Index { object, index, .. } => {
                self.expr(index);
                self.target_root(object);
            }
            ExprKind::Field { object, .. } => self.target_root(object),
            _ => {
                let message = "this value has no name, so a change of it would be lost";
                let error =
                    Diagnostic::error("E0202", message, self.place(object.span), "").help("put it into a `var` first");
                self.error(error);
            }
        }
    }

    /// A name that is assigned to, whole or in part.
    pub(super) fn changed(&mut self, name: &Rc<str>, span: Span, whole: bool) {
        if &**name == "_" && whole {
            return;
        }
        if let Some(var) = self.lookup(name) {
            let (owner, kind) = (self.names.vars[var].owner, self.names.vars[var].kind);
            let between = self.functions_up_to(owner);
            if kind == VarKind::Var {
                if let Some(&function) = between.iter().find(|&&function| !self.names.fns[function].closure) {
                    let error = self.outer_var(var, span, function);
                    return self.error(error);
                }
                if !between.is_empty() {
                    let error = self.assigned_outer_var(var, span);
                    return self.error(error);
                }
                self.names.uses.insert(span.start, Use::Var(var));
                return;
            }
            let error = self.fixed(var, span);
            return self.error(error);
        }
        match self.context.session.and_then(|session| session.get(name)) {
            Some(Export::Global { index, mutable: true }) if self.function() == 0 => {
                self.names.fns[0].globals.insert(*index);
                self.names.uses.insert(span.start, Use::Global { index: *index, mutable: true });
            }
            Some(Export::Global { mutable: true, .. }) => {
                let message = format!("a function cannot change the outer `var` `{name}`");
                let error = Diagnostic::error("E0203", message, self.place(span), "changed here")
                    .help("return the new value, or share it with `shared(…)`");
                self.error(error);
            }
            Some(_) => {
                let error = Diagnostic::error("E0202", format!("`{name}` is fixed"), self.place(span), "changed here")
                    .help("declare it with `var` instead of `let`");
                self.error(error);
            }
            None => {
                if !self.reported.insert(name.clone()) {
                    return;
                }
                let message = format!("there is no variable `{name}` to change");
                let error = Diagnostic::error("E0201", message, self.place(span), "not known");
                let near = self.near(name);
                let error = match near.filter(|near| self.lookup(near).is_some()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None if whole => {
                        error.help(format!("a new name begins with `let {name} = …`, or `var` if it will change"))
                    }
                    None => error,
                };
                self.error(error);
            }
        }
    }

    /// W0102: in a loop, `let total = total + x` makes a new name each time round.
    pub(super) fn warn_shadowing(&mut self, pattern: &Pattern, value: &Expr) {
        let PatternKind::Bind(name) = &pattern.kind else { return };
        let here = self.scopes.len() - 1;
        let Some(outer) = self.scopes[..here].iter().rposition(|scope| scope.names.contains_key(&name.text)) else {
            return;
        };
        if self.scopes[here].names.contains_key(&name.text) {
            return;
        }
        let var = self.scopes[outer].names[&name.text];
        let in_loop = self.scopes[outer + 1..].iter().any(|scope| scope.is_loop);
        if !in_loop || self.names.vars[var].owner != self.function() {
            return;
        }
        let mentions = (value.span.start..value.span.end)
            .any(|at| matches!(self.names.uses.get(&at), Some(Use::Var(used)) if *used == var));
        if mentions {
            let text = &name.text;
            let warning = Diagnostic::warning(
                "W0102",
                format!("this makes a new `{text}` each time round and leaves the outer one as it was"),
                self.place(name.span),
                "new here",
            )
            .label(self.place(self.names.vars[var].span), "the outer one")
            .help(format!(
                "to change the outer one, declare it with `var {text}` and write `{text} = …` without `let`"
            ));
            self.warnings.push(warning);
        }
    }

    pub(super) fn outer_var(&self, var: VarId, span: Span, function: FnId) -> Diagnostic {
        let name = &self.names.vars[var].name;
        let what = match &self.names.fns[function].function {
            Some(function) => match &function.name {
                Some(name) => format!("`{}`", name.text),
                None => "a function".into(),
            },
            None => "a function".into(),
        };
        Diagnostic::error("E0203", format!("{what} cannot see the outer `var` `{name}`"), self.place(span), "used here")
            .label(self.place(self.names.vars[var].span), "this variable may change")
            .note("a function sees its parameters and the fixed names around it, so that a call means the same everywhere")
            .help(format!(
                "pass `{name}` as a parameter, make it a `let`, return the new value, or share it with `shared(…)`"
            ))
    }

    pub(super) fn assigned_outer_var(&self, var: VarId, span: Span) -> Diagnostic {
        let name = &self.names.vars[var].name;
        Diagnostic::error(
            "E0203",
            format!("a closure cannot change the outer `var` `{name}`"),
            self.place(span),
            "changed here",
        )
        .label(self.place(self.names.vars[var].span), "it belongs to the code around")
        .note("a closure or spawned block has a copy of the outer variables, taken when it is made")
        .help(format!("return the new value, or share it with `shared(…)`; a `let {name}` inside is a new name"))
    }

    /// The error for a change of a name that cannot change.
    fn fixed(&self, var: VarId, span: Span) -> Diagnostic {
        let Var { name, kind, span: declared, .. } = &self.names.vars[var];
        let (message, help) = match kind {
            VarKind::Let => (format!("`{name}` is fixed"), "declare it with `var` instead of `let`".to_string()),
            VarKind::Param => (
                format!("the parameter `{name}` is fixed"),
                format!("write `var {name}` in the parameters for a copy that may change"),
            ),
            VarKind::Bound | VarKind::Var => {
                (format!("`{name}` is fixed"), format!("take a copy that may change: `var copy = {name}`"))
            }
            VarKind::Fn(_) => (format!("`{name}` is a function"), "choose another name".to_string()),
            VarKind::Module(_) => (format!("`{name}` is a module"), "choose another name".to_string()),
            VarKind::Imported(_) | VarKind::ImportedFn(_) => {
                (format!("`{name}` comes from a module"), "choose another name".to_string())
            }
        };
        Diagnostic::error("E0202", message, self.place(span), "changed here")
            .label(self.place(*declared), "declared here")
            .help(help)
    }

    /// Remembers what the first value of a variable certainly is.
    pub(super) fn keep_shape(&mut self, pattern: &Pattern, value: &Expr) {
        if let PatternKind::Bind(name) = &pattern.kind
            && let Some(&var) = self.names.decls.get(&name.span.start)
            && let Some(shape) = self.shape(value)
        {
            self.shapes.insert(var, shape);
        }
    }

    fn shape(&self, value: &Expr) -> Option<Shape> {
        match &value.kind {
            ExprKind::List(_) | ExprKind::ListComp(..) => Some(Shape::Of(Type::List)),
            ExprKind::MapComp(..) => Some(Shape::Of(Type::Map)),
            ExprKind::Map(items) => {
                let pairs = items.iter().filter_map(|item| match item {
                    MapItem::Pair(Expr { kind: ExprKind::Str(key), .. }, value) => {
                        Some((key.clone(), self.shape(value)?))
                    }
                    _ => None,
                });
                Some(Shape::Map(pairs.collect()))
            }
            ExprKind::Call { callee, args, .. } => match self.names.uses.get(&callee.span.start) {
                Some(Use::Native(id)) => match library::get(*id).name {
                    "set" => Some(Shape::Of(Type::Set)),
                    "shared" => match &args[..] {
                        [Arg::One(value)] => Some(Shape::Cell(self.shape(value).map(Box::new))),
                        _ => None,
                    },
                    name => Type::named(name).filter(|_| name.starts_with("shared_")).map(Shape::Of),
                },
                _ => None,
            },
            ExprKind::Paren(inner) => self.shape(inner),
            _ => None,
        }
    }

    /// What the first value at a way of fields certainly is, with the variable that the way starts at.
    pub(super) fn shape_at(&self, object: &Expr) -> Option<(VarId, Span, &Shape)> {
        match &object.kind {
            ExprKind::Name(name) => {
                let var = self.lookup(name)?;
                Some((var, object.span, self.shapes.get(&var)?))
            }
            ExprKind::Field { object, name, maybe: false } => match self.shape_at(object)? {
                (var, root, Shape::Map(fields)) => Some((var, root, fields.get(&name.text)?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// `place.method(…)` where the method changes the place. Whether it does depends on the value, so only what is
    /// certain is refused here; the machine sees the rest.
    pub(super) fn changing_call(&mut self, object: &Expr, method: &Name) {
        if !library::is_changing(&method.text) || self.changing_in_cell(object, method) {
            return;
        }
        let Some((var, root, shape)) = self.shape_at(object) else { return };
        let of = match shape {
            Shape::Of(of) => *of,
            Shape::Map(_) => Type::Map,
            Shape::Cell(_) => return,
        };
        if !library::method(of, &method.text).is_some_and(|id| library::get(id).changes()) {
            return;
        }
        let error = if self.names.vars[var].kind == VarKind::Var {
            let between = self.functions_up_to(self.names.vars[var].owner);
            // A function that cannot even see the variable was told so.
            if between.is_empty() || between.iter().any(|&function| !self.names.fns[function].closure) {
                return;
            }
            self.assigned_outer_var(var, root)
        } else {
            self.fixed(var, root)
        };
        self.error(error.note(format!("`{}` changes the {} that it is called on", method.text, of.name())));
    }
}

/// What a value certainly is.
pub(super) enum Shape {
    Of(Type),
    /// A shared cell, and what it has at first.
    Cell(Option<Box<Shape>>),
    /// A map, with those of its fields that are certain too.
    Map(HashMap<Rc<str>, Shape>),
}
