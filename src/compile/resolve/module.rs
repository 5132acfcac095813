//! Imports, and names of modules.

use super::*;

impl Resolver<'_> {
    pub(super) fn import(&mut self, span: Span, path: Span, name: &Name) {
        if !self.at_top() {
            let error =
                Diagnostic::error("E0207", "imports stand at the top level", self.place(span), "inside a block");
            self.reported.insert(name.text.clone());
            return self.error(error.help("move it out of the block"));
        }
        if let Some(import) = self.context.imports.get(&path.start) {
            self.declare(name, VarKind::Module(import.module));
        }
    }

    pub(super) fn import_names(&mut self, span: Span, path: &str, path_span: Span, names: &[(Name, Name)]) {
        if !self.at_top() {
            let error =
                Diagnostic::error("E0207", "imports stand at the top level", self.place(span), "inside a block");
            self.reported.extend(names.iter().map(|(_, alias)| alias.text.clone()));
            return self.error(error.help("move it out of the block"));
        }
        let Some(module) = self.context.imports.get(&path_span.start).map(|import| import.module) else { return };
        for (name, alias) in names {
            let kind = match self.exported(module, &format!("\"{path}\""), &name.text, name.span) {
                Some(Export::Global { index, .. }) => VarKind::Imported(index),
                Some(Export::Proto(proto)) => VarKind::ImportedFn(proto),
                Some(Export::Module(module)) => VarKind::Module(module),
                None => {
                    self.reported.insert(alias.text.clone());
                    continue;
                }
            };
            self.declare(alias, kind);
        }
    }

    /// What a module exports under a name, or an error.
    pub(super) fn exported(&mut self, module: usize, what: &str, name: &Rc<str>, span: Span) -> Option<Export> {
        let exports = &self.context.modules[module].exports;
        let found = exports.get(name).cloned();
        let error = |message: String, label: &str| Diagnostic::error("E0207", message, self.place(span), label);
        if name.starts_with('_') && found.is_some() {
            let error = error(format!("`{name}` is private to its module: its name starts with `_`"), "private");
            self.error(error);
            return None;
        }
        match found {
            Some(Export::Global { mutable: true, .. }) => {
                let error = error(format!("`{name}` is a `var` of its module, which alone may use it"), "may change")
                    .help("make it a `let`, or a function that gives the value");
                self.error(error);
                None
            }
            None => {
                let mut public: Vec<&str> =
                    exports.keys().map(|name| &**name).filter(|name| !name.starts_with('_')).collect();
                public.sort_unstable();
                let error = error(format!("{what} has no name `{name}`"), "not known");
                let error = match nearest(name, public.into_iter()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                };
                self.error(error);
                None
            }
            found => found,
        }
    }

    /// The module that a name means, if no variable hides it.
    pub(super) fn module_named(&self, expr: &Expr) -> Option<ModuleName> {
        let ExprKind::Name(name) = &expr.kind else { return None };
        match self.lookup(name) {
            Some(var) => match self.names.vars[var].kind {
                VarKind::Module(module) => Some(ModuleName::File(module)),
                _ => None,
            },
            None => match self.context.session.and_then(|session| session.get(name)) {
                Some(Export::Module(module)) => Some(ModuleName::File(*module)),
                Some(_) => None,
                None => library::module(name).map(|_| ModuleName::Library),
            },
        }
    }

    /// `module.name`: true when it was that.
    pub(super) fn member(&mut self, object: &Expr, name: &Name) -> bool {
        let Some(module) = self.module_named(object) else { return false };
        let ExprKind::Name(module_name) = &object.kind else { return false };
        match module {
            ModuleName::File(module) => {
                let used = match self.exported(module, &format!("`{module_name}`"), &name.text, name.span) {
                    Some(Export::Global { index, mutable }) => {
                        let here = self.function();
                        self.names.fns[here].globals.insert(index);
                        Use::Global { index, mutable }
                    }
                    Some(Export::Proto(proto)) => Use::Proto(proto),
                    Some(Export::Module(_)) | None => return true,
                };
                self.names.uses.insert(name.span.start, used);
            }
            ModuleName::Library => match library::member(module_name, &name.text) {
                Some(id) => {
                    let native = library::get(id);
                    if matches!(native.run, crate::vm::native::Run::Script(_)) {
                        self.names.scripts.insert(id);
                    }
                    let used = if library::is_constant(id) { Use::Mention(id) } else { Use::Native(id) };
                    self.names.uses.insert(name.span.start, used);
                }
                None => {
                    let members = library::module(module_name).unwrap_or_default();
                    let message = format!("the module `{module_name}` has no `{}`", name.text);
                    let error = Diagnostic::error("E0201", message, self.place(name.span), "not known");
                    let error = match nearest(&name.text, members.into_iter()) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error,
                    };
                    self.error(error);
                }
            },
        }
        true
    }
}
