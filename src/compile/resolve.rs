//! Names: what each one means, what functions capture, and the mistakes that can be seen before running.

use super::names::{FnId, FnInfo, Names, Use, Var, VarId, VarKind};
use super::{Export, Module};
use crate::diagnostics::Diagnostic;
use crate::library;
use crate::nearest::nearest;
use crate::source::{FileId, Place, Span};
use crate::syntax::ast::*;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Beyond so many names at top level, further ones live in globals.
const TOP_LEVEL_REGISTERS: usize = 200;
/// How many errors are reported.
const MAX_ERRORS: usize = 10;

/// What a text is resolved against.
pub struct Context<'a> {
    /// The text.
    pub file: FileId,
    /// The modules compiled so far.
    pub modules: &'a [Module],
    /// The module of each import, by the offset of its path.
    pub imports: &'a HashMap<u32, super::Import>,
    /// The names of earlier entries.
    pub session: Option<&'a HashMap<Rc<str>, Export>>,
    /// All top-level names live in globals.
    pub keep_all: bool,
}

struct Scope {
    names: HashMap<Rc<str>, VarId>,
    function: FnId,
    /// A loop began with this scope.
    is_loop: bool,
}

struct Resolver<'a> {
    context: &'a Context<'a>,
    names: Names,
    globals: Vec<Rc<str>>,
    first_global: u32,
    scopes: Vec<Scope>,
    /// Names of the top-level `let`s that have not been reached yet.
    later: HashMap<Rc<str>, VarId>,
    /// The variables that stand for `var`s of earlier entries, by their globals.
    session_vars: HashMap<u32, VarId>,
    /// Loops around the current place, for each function that is open.
    loops: Vec<usize>,
    top_level: usize,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

type Resolved = (Names, Vec<Rc<str>>, Vec<Diagnostic>);

/// Resolves all names of a text. Gives them with the names of the globals it adds, from `first_global` on, and warnings.
pub fn resolve(context: &Context, body: &Block, first_global: u32) -> Result<Resolved, Vec<Diagnostic>> {
    let mut resolver = Resolver {
        context,
        names: Names::default(),
        globals: Vec::new(),
        first_global,
        scopes: Vec::new(),
        later: HashMap::new(),
        session_vars: HashMap::new(),
        loops: vec![0],
        top_level: 0,
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    resolver.names.fns.push(FnInfo {
        function: None,
        parent: 0,
        closure: false,
        captures: Vec::new(),
        mentions: HashSet::new(),
        globals: HashSet::new(),
    });
    resolver.enter(0);
    resolver.collect_later(body);
    resolver.statements(body);
    resolver.spread_captures();
    if !resolver.errors.is_empty() {
        resolver.errors.truncate(MAX_ERRORS);
        return Err(resolver.errors);
    }
    Ok((resolver.names, resolver.globals, resolver.warnings))
}

impl Resolver<'_> {
    fn place(&self, span: Span) -> Place {
        Place { file: self.context.file, span }
    }

    fn error(&mut self, error: Diagnostic) {
        self.errors.push(error);
    }

    fn function(&self) -> FnId {
        self.scopes.last().map_or(0, |scope| scope.function)
    }

    fn enter(&mut self, function: FnId) {
        self.scopes.push(Scope { names: HashMap::new(), function, is_loop: false });
    }

    fn leave(&mut self) {
        self.scopes.pop();
    }

    fn in_scope(&mut self, run: impl FnOnce(&mut Self)) {
        self.enter(self.function());
        run(self);
        self.leave();
    }

    fn in_loop(&mut self, run: impl FnOnce(&mut Self)) {
        self.enter(self.function());
        if let Some(scope) = self.scopes.last_mut() {
            scope.is_loop = true;
        }
        if let Some(loops) = self.loops.last_mut() {
            *loops += 1;
        }
        run(self);
        if let Some(loops) = self.loops.last_mut() {
            *loops -= 1;
        }
        self.leave();
    }

    fn at_top(&self) -> bool {
        self.scopes.len() == 1
    }

    fn new_global(&mut self, name: &Rc<str>) -> u32 {
        self.globals.push(name.clone());
        self.first_global + self.globals.len() as u32 - 1
    }

    fn new_var(&mut self, name: &Rc<str>, span: Span, kind: VarKind) -> VarId {
        let owner = self.function();
        self.names.vars.push(Var { name: name.clone(), span, owner, kind, global: None });
        self.names.vars.len() - 1
    }

    /// A `var` of an earlier entry as a variable of this text, for closures to copy.
    fn session_var(&mut self, name: &Rc<str>, index: u32) -> VarId {
        if let Some(&var) = self.session_vars.get(&index) {
            return var;
        }
        let kind = VarKind::Var;
        let span = Span::default();
        self.names.vars.push(Var { name: name.clone(), span, owner: 0, kind, global: Some(index) });
        self.session_vars.insert(index, self.names.vars.len() - 1);
        self.names.vars.len() - 1
    }

    /// Declares a name in the innermost scope.
    fn declare(&mut self, name: &Name, kind: VarKind) -> VarId {
        let var = match self.later.remove(&name.text).filter(|_| self.at_top()) {
            Some(var) => {
                self.names.vars[var].kind = kind;
                self.names.vars[var].span = name.span;
                var
            }
            None => self.new_var(&name.text, name.span, kind),
        };
        if self.at_top() && matches!(kind, VarKind::Let | VarKind::Var) {
            self.top_level += 1;
            let keep = self.context.keep_all || self.top_level > TOP_LEVEL_REGISTERS;
            if keep && self.names.vars[var].global.is_none() {
                self.names.vars[var].global = Some(self.new_global(&name.text));
            }
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name.text.clone(), var);
        }
        self.names.decls.insert(name.span.start, var);
        var
    }

    fn lookup(&self, name: &str) -> Option<VarId> {
        self.scopes.iter().rev().find_map(|scope| scope.names.get(name).copied())
    }

    /// Functions may mention top-level `let`s that stand further down.
    fn collect_later(&mut self, body: &Block) {
        for stmt in &body.stmts {
            if let StmtKind::Let { pattern, mutable: false, .. } = &stmt.kind {
                let mut found = Vec::new();
                bound_names(pattern, &mut found);
                for name in found {
                    if !self.later.contains_key(&name.text) {
                        let var = self.new_var(&name.text, name.span, VarKind::Let);
                        self.later.insert(name.text.clone(), var);
                    }
                }
            }
        }
    }

    /// The functions between the current place and the one that owns the variable, innermost first.
    fn functions_up_to(&self, owner: FnId) -> Vec<FnId> {
        let mut found = Vec::new();
        let mut at = self.function();
        while at != owner {
            found.push(at);
            if at == 0 {
                break;
            }
            at = self.names.fns[at].parent;
        }
        found
    }

    /// A mention of a variable: makes it captured or global where it belongs to another function.
    fn mention(&mut self, var: VarId, span: Span) {
        let (owner, kind) = (self.names.vars[var].owner, self.names.vars[var].kind);
        let between = self.functions_up_to(owner);
        if let VarKind::Fn(callee) = kind {
            let here = self.function();
            self.names.fns[here].mentions.insert(callee);
            return;
        }
        match kind {
            VarKind::Module(_) | VarKind::ImportedFn(_) => return,
            VarKind::Imported(index) => {
                let here = self.function();
                self.names.fns[here].globals.insert(index);
                return;
            }
            _ => {}
        }
        if between.is_empty() {
            if let Some(index) = self.names.vars[var].global {
                let here = self.function();
                self.names.fns[here].globals.insert(index);
            }
            return;
        }
        if kind == VarKind::Var {
            if let Some(&function) = between.iter().find(|&&function| !self.names.fns[function].closure) {
                let error = self.outer_var(var, span, function);
                self.error(error);
                return;
            }
        } else if owner == 0 && self.is_top_level(var) {
            if self.names.vars[var].global.is_none() {
                let name = self.names.vars[var].name.clone();
                self.names.vars[var].global = Some(self.new_global(&name));
            }
            if let Some(index) = self.names.vars[var].global {
                let here = self.function();
                self.names.fns[here].globals.insert(index);
            }
            return;
        }
        for function in between {
            let captures = &mut self.names.fns[function].captures;
            if !captures.contains(&var) {
                captures.push(var);
            }
        }
    }

    fn is_top_level(&self, var: VarId) -> bool {
        let name = &self.names.vars[var].name;
        self.scopes.first().is_some_and(|scope| scope.names.get(name) == Some(&var))
            || self.later.get(name) == Some(&var)
    }

    fn outer_var(&self, var: VarId, span: Span, function: FnId) -> Diagnostic {
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

    fn assigned_outer_var(&self, var: VarId, span: Span) -> Diagnostic {
        let name = &self.names.vars[var].name;
        Diagnostic::error("E0203", format!("a closure cannot change the outer `var` `{name}`"), self.place(span), "")
            .label(self.place(self.names.vars[var].span), "it belongs to the code around")
            .note("a closure or spawned block has a copy of the outer variables, taken when it is made")
            .help(format!("return the new value, or share it with `shared(…)`; a `let {name}` inside is a new name"))
    }

    fn name_use(&mut self, name: &Rc<str>, span: Span) {
        let found = self.lookup(name).or_else(|| {
            // A function may mention a top-level `let` further down.
            if self.function() != 0 { self.later.get(name).copied() } else { None }
        });
        if let Some(var) = found {
            self.mention(var, span);
            self.names.uses.insert(span.start, Use::Var(var));
            return;
        }
        let used = match self.context.session.and_then(|session| session.get(name)) {
            Some(Export::Global { index, mutable }) => {
                if *mutable && self.function() != 0 {
                    let chain = self.functions_up_to(0);
                    if chain.iter().any(|&function| !self.names.fns[function].closure) {
                        let error = Diagnostic::error(
                            "E0203",
                            format!("a function cannot see the outer `var` `{name}`"),
                            self.place(span),
                            "used here",
                        )
                        .help(format!("pass `{name}` as a parameter, make it a `let`, or share it with `shared(…)`"));
                        self.error(error);
                    } else {
                        let var = self.session_var(name, *index);
                        self.mention(var, span);
                        self.names.uses.insert(span.start, Use::Var(var));
                        return;
                    }
                }
                let here = self.function();
                self.names.fns[here].globals.insert(*index);
                Some(Use::Global { index: *index, mutable: *mutable })
            }
            Some(Export::Proto(proto)) => Some(Use::Proto(*proto)),
            Some(Export::Module(_)) | None => None,
        };
        let used = used.or_else(|| library::function(name).map(Use::Native));
        let used = used.or_else(|| library::mention(name).map(Use::Mention));
        let used = used.or_else(|| library::constant(name).map(|_| Use::Constant(name.clone())));
        match used {
            Some(used) => {
                self.mention_scripts(name);
                self.names.uses.insert(span.start, used);
            }
            None => {
                let error = self.unknown(name, span);
                self.error(error);
            }
        }
    }

    /// A name of the library: functions written in the language have to be compiled.
    fn mention_scripts(&mut self, name: &str) {
        for id in library::named(name) {
            if matches!(library::get(id).run, crate::vm::native::Run::Script(_)) {
                self.names.scripts.insert(id);
            }
        }
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let error =
            Diagnostic::error("E0201", format!("there is no name `{name}` here"), self.place(span), "not known");
        if let Some(&var) = self.later.get(name) {
            return error.label(self.place(self.names.vars[var].span), "it gets its value only here");
        }
        if library::module(name).is_some() {
            return error.note(format!("`{name}` is a module: write `{name}.` and a name of it"));
        }
        if let Some(hint) = library::instead_of(None, name) {
            return error.help(hint);
        }
        match self.near(name) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    fn near(&self, name: &str) -> Option<String> {
        let library = library::function_names();
        let visible = self.scopes.iter().flat_map(|scope| scope.names.keys().map(|name| &**name));
        let session = self.context.session.into_iter().flat_map(|session| session.keys().map(|name| &**name));
        let mut all: Vec<&str> = visible.chain(session).chain(library).collect();
        all.sort_unstable();
        nearest(name, all.into_iter()).map(String::from)
    }

    /// Functions that mention functions need what those capture.
    fn spread_captures(&mut self) {
        loop {
            let mut changed = false;
            for function in 0..self.names.fns.len() {
                let mentions: Vec<FnId> = self.names.fns[function].mentions.iter().copied().collect();
                for callee in mentions {
                    for var in self.names.fns[callee].captures.clone() {
                        let owner = self.names.vars[var].owner;
                        let mut at = function;
                        while at != owner && at != 0 {
                            if !self.names.fns[at].captures.contains(&var) {
                                self.names.fns[at].captures.push(var);
                                changed = true;
                            }
                            at = self.names.fns[at].parent;
                        }
                    }
                }
            }
            if !changed {
                break;
            }
        }
        for function in &mut self.names.fns {
            function.captures.sort_unstable();
        }
    }

    fn block(&mut self, block: &Block) {
        self.in_scope(|this| this.statements(block));
    }

    fn statements(&mut self, block: &Block) {
        for stmt in &block.stmts {
            if let StmtKind::Fn { name, function } = &stmt.kind {
                let number = self.add_function(function);
                let known = self.scopes.last().and_then(|scope| scope.names.get(&name.text).copied());
                if let Some(known) = known {
                    let error = Diagnostic::error(
                        "E0206",
                        format!("there are two functions `{}` in this block", name.text),
                        self.place(name.span),
                        "",
                    )
                    .label(self.place(self.names.vars[known].span), "the other one");
                    self.error(error);
                }
                self.declare(name, VarKind::Fn(number));
            }
        }
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn add_function(&mut self, function: &Rc<Function>) -> FnId {
        let parent = self.function();
        self.names.fns.push(FnInfo {
            function: Some(function.clone()),
            parent,
            closure: function.closure,
            captures: Vec::new(),
            mentions: HashSet::new(),
            globals: HashSet::new(),
        });
        let number = self.names.fns.len() - 1;
        self.names.functions.insert(Rc::as_ptr(function), number);
        number
    }

    fn body(&mut self, function: &Function, number: FnId) {
        self.enter(number);
        self.loops.push(0);
        let mut seen: Vec<Name> = Vec::new();
        for param in &function.params {
            let mut bound = Vec::new();
            bound_names(&param.pattern, &mut bound);
            for name in bound {
                if seen.iter().any(|other| other.text == name.text) {
                    let message = format!("two parameters are called `{}`", name.text);
                    let error = Diagnostic::error("E0206", message, self.place(name.span), "the second one");
                    self.error(error);
                }
                seen.push(name);
            }
            if let Some(default) = &param.default {
                self.expr(default);
            }
            let kind = if param.mutable { VarKind::Var } else { VarKind::Param };
            self.pattern(&param.pattern, kind);
        }
        self.block(&function.body);
        self.loops.pop();
        self.leave();
    }

    fn closure(&mut self, function: &Rc<Function>) {
        let number = self.add_function(function);
        self.body(function, number);
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let { mutable, pattern, value, .. } => {
                self.expr(value);
                self.warn_shadowing(pattern, value);
                self.pattern(pattern, if *mutable { VarKind::Var } else { VarKind::Let });
            }
            StmtKind::Assign { target, value, .. } => {
                self.expr(value);
                self.target(target);
            }
            StmtKind::Fn { function, .. } => {
                if let Some(&number) = self.names.functions.get(&Rc::as_ptr(function)) {
                    self.body(function, number);
                }
            }
            StmtKind::Import { path_span, name, .. } => self.import(stmt.span, *path_span, name),
            StmtKind::FromImport { path, path_span, names } => self.from_import(stmt.span, path, *path_span, names),
            StmtKind::Test { body, .. } => self.in_scope(|this| this.statements(body)),
            StmtKind::Expr(expr) => self.expr(expr),
        }
    }

    fn import(&mut self, span: Span, path: Span, name: &Name) {
        if !self.at_top() {
            let error = Diagnostic::error("E0207", "imports stand at the top level", self.place(span), "");
            return self.error(error.help("move it out of the block"));
        }
        if let Some(import) = self.context.imports.get(&path.start) {
            self.declare(name, VarKind::Module(import.module));
        }
    }

    fn from_import(&mut self, span: Span, path: &str, path_span: Span, names: &[(Name, Name)]) {
        if !self.at_top() {
            let error = Diagnostic::error("E0207", "imports stand at the top level", self.place(span), "");
            return self.error(error.help("move it out of the block"));
        }
        let Some(module) = self.context.imports.get(&path_span.start).map(|import| import.module) else { return };
        for (name, alias) in names {
            let kind = match self.exported(module, path, &name.text, name.span) {
                Some(Export::Global { index, .. }) => VarKind::Imported(index),
                Some(Export::Proto(proto)) => VarKind::ImportedFn(proto),
                Some(Export::Module(module)) => VarKind::Module(module),
                None => continue,
            };
            self.declare(alias, kind);
        }
    }

    /// What a module exports under a name, or an error.
    fn exported(&mut self, module: usize, what: &str, name: &Rc<str>, span: Span) -> Option<Export> {
        let exports = &self.context.modules[module].exports;
        let found = exports.get(name).cloned();
        let error = |message: String| Diagnostic::error("E0207", message, self.place(span), "");
        if name.starts_with('_') && found.is_some() {
            let error = error(format!("`{name}` is private to its module: its name starts with `_`"));
            self.error(error);
            return None;
        }
        match found {
            Some(Export::Global { mutable: true, .. }) => {
                let error = error(format!("`{name}` is a `var` of its module, which alone may use it"))
                    .help("make it a `let`, or a function that gives the value");
                self.error(error);
                None
            }
            None => {
                let mut public: Vec<&str> =
                    exports.keys().map(|name| &**name).filter(|name| !name.starts_with('_')).collect();
                public.sort_unstable();
                let error = error(format!("{what} has no name `{name}`"));
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
    fn module_named(&self, expr: &Expr) -> Option<ModuleName> {
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
    fn member(&mut self, object: &Expr, name: &Name) -> bool {
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

    /// The target of an assignment.
    fn target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => self.changed(name, target.span, true),
            ExprKind::List(items) => {
                for item in items {
                    match item {
                        Item::One(target) | Item::Spread(target) => self.target(target),
                    }
                }
            }
            ExprKind::Index { object, index, .. } => {
                self.expr(index);
                self.target_root(object);
            }
            ExprKind::Field { object, .. } => self.target_root(object),
            // The parser refused it.
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
    fn changed(&mut self, name: &Rc<str>, span: Span, whole: bool) {
        if &**name == "_" && whole {
            return;
        }
        if let Some(var) = self.lookup(name) {
            let (owner, kind, declared) = {
                let var = &self.names.vars[var];
                (var.owner, var.kind, var.span)
            };
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
            let (message, help) = match kind {
                VarKind::Let => (format!("`{name}` is fixed"), format!("declare it with `var {name}`")),
                VarKind::Param => (
                    format!("the parameter `{name}` is fixed"),
                    format!("write `var {name}` in the parameters for a copy that may change"),
                ),
                VarKind::Fn(_) => (format!("`{name}` is a function"), "choose another name".to_string()),
                VarKind::Module(_) => (format!("`{name}` is a module"), "choose another name".to_string()),
                _ => (format!("`{name}` comes from a module"), "choose another name".to_string()),
            };
            let error = Diagnostic::error("E0202", message, self.place(span), "changed here")
                .label(self.place(declared), "declared here")
                .help(help);
            return self.error(error);
        }
        match self.context.session.and_then(|session| session.get(name)) {
            Some(Export::Global { index, mutable: true }) if self.function() == 0 => {
                self.names.fns[0].globals.insert(*index);
                self.names.uses.insert(span.start, Use::Global { index: *index, mutable: true });
            }
            Some(Export::Global { mutable: true, .. }) => {
                let message = format!("a function cannot change the outer `var` `{name}`");
                let error = Diagnostic::error("E0203", message, self.place(span), "")
                    .help("return the new value, or share it with `shared(…)`");
                self.error(error);
            }
            Some(_) => {
                let error = Diagnostic::error("E0202", format!("`{name}` is fixed"), self.place(span), "changed here")
                    .help(format!("declare it with `var {name}`"));
                self.error(error);
            }
            None => {
                let message = format!("there is no variable `{name}` to change");
                let error = Diagnostic::error("E0201", message, self.place(span), "not known");
                let near = self.near(name);
                let error = match near.filter(|near| self.lookup(near).is_some()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None if whole => error.help(format!("a new variable begins with `var {name} = …`")),
                    None => error,
                };
                self.error(error);
            }
        }
    }

    /// W0102: in a loop, `let total = total + x` makes a new name each time round.
    fn warn_shadowing(&mut self, pattern: &Pattern, value: &Expr) {
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

    fn pattern(&mut self, pattern: &Pattern, kind: VarKind) {
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
    fn or_pattern(&mut self, whole: &Pattern, patterns: &[Pattern], kind: VarKind) {
        let Some((first, others)) = patterns.split_first() else { return };
        let mut wanted = Vec::new();
        bound_names(first, &mut wanted);
        self.pattern(first, kind);
        for other in others {
            let mut bound = Vec::new();
            bound_names(other, &mut bound);
            let same = bound.len() == wanted.len()
                && bound.iter().all(|name| wanted.iter().any(|first| first.text == name.text));
            if !same {
                let error = Diagnostic::error(
                    "E0206",
                    "the alternatives of a pattern must bind the same names",
                    self.place(whole.span),
                    "",
                );
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

    fn type_name(&mut self, name: &Name) {
        if crate::vm::types::Type::named(&name.text).is_none() {
            let types = crate::vm::types::Type::ALL.iter().map(|t| t.name());
            let message = format!("there is no type `{}`", name.text);
            let error = Diagnostic::error("E0204", message, self.place(name.span), "not a type");
            let error = match nearest(&name.text, types) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("right of `is` stands a type: null bool int float str bytes list map set …"),
            };
            self.error(error);
        }
    }

    fn clauses(&mut self, clauses: &[Clause], run: &mut dyn FnMut(&mut Self)) {
        match clauses.split_first() {
            None => run(self),
            Some((Clause::If(condition), others)) => {
                self.expr(condition);
                self.clauses(others, run);
            }
            Some((Clause::For { pattern, iter, .. }, others)) => {
                self.expr(iter);
                self.in_scope(|this| {
                    this.pattern(pattern, VarKind::Let);
                    this.clauses(others, run);
                });
            }
        }
    }

    fn unbuilt(&mut self, what: &str, span: Span) {
        let error = Diagnostic::error("E0209", format!("{what} is not built yet"), self.place(span), "");
        self.error(error);
    }

    fn args(&mut self, args: &[Arg]) {
        let mut named: Vec<&Rc<str>> = Vec::new();
        for arg in args {
            match arg {
                Arg::One(expr) | Arg::Spread(expr) => self.expr(expr),
                Arg::Named(name, expr) => {
                    if named.contains(&&name.text) {
                        let message = format!("`{}` is given twice", name.text);
                        let error = Diagnostic::error("E0206", message, self.place(name.span), "the second time");
                        self.error(error);
                    }
                    named.push(&name.text);
                    self.expr(expr);
                }
            }
        }
    }

    fn callee(&mut self, callee: &Expr) {
        if let ExprKind::Field { object, name, .. } = &callee.kind {
            if !self.member(object, name) {
                self.expr(object);
                self.mention_scripts(&name.text);
            }
        } else {
            self.expr(callee);
        }
    }

    #[allow(clippy::too_many_lines)]
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::BigInt(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_) => {}
            ExprKind::FString(parts) => self.fparts(parts),
            ExprKind::Name(name) => {
                if &**name == "_" {
                    let error = Diagnostic::error("E0201", "`_` has no value", self.place(expr.span), "")
                        .note("it stands for what nobody needs");
                    return self.error(error);
                }
                if let Some(ModuleName::File(_)) = self.module_named(expr) {
                    let error = Diagnostic::error("E0201", format!("`{name}` is a module"), self.place(expr.span), "")
                        .help(format!("write `{name}.` and a name of it"));
                    return self.error(error);
                }
                self.name_use(name, expr.span);
            }
            ExprKind::List(items) => {
                for item in items {
                    match item {
                        Item::One(expr) | Item::Spread(expr) => self.expr(expr),
                    }
                }
            }
            ExprKind::Map(items) => {
                for item in items {
                    match item {
                        MapItem::Pair(key, value) => {
                            self.expr(key);
                            self.expr(value);
                        }
                        MapItem::Spread(expr) => self.expr(expr),
                    }
                }
            }
            ExprKind::Range { start, end, .. } => {
                for expr in [start, end].into_iter().flatten() {
                    self.expr(expr);
                }
            }
            ExprKind::Unary(_, value) | ExprKind::Throw(value) | ExprKind::Paren(value) => self.expr(value),
            ExprKind::Binary(first, rest) => {
                self.expr(first);
                rest.iter().for_each(|(_, other)| self.expr(other));
            }
            ExprKind::Pow(a, b) | ExprKind::TryElse(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Compare(first, rest) => {
                self.expr(first);
                rest.iter().for_each(|(_, other)| self.expr(other));
            }
            ExprKind::Logic(_, items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::In { item, container, .. } => {
                self.expr(item);
                self.expr(container);
            }
            ExprKind::Is { value, type_name, .. } => {
                self.expr(value);
                self.type_name(type_name);
            }
            ExprKind::Call { callee, args, piped } => {
                if *piped && let Some((Arg::One(first), others)) = args.split_first() {
                    self.expr(first);
                    self.callee(callee);
                    self.args(others);
                } else {
                    self.callee(callee);
                    self.args(args);
                }
            }
            ExprKind::Index { object, index, .. } => {
                self.expr(object);
                self.expr(index);
            }
            ExprKind::Field { object, name, .. } => {
                if !self.member(object, name) {
                    self.expr(object);
                }
            }
            ExprKind::Closure(function) => self.closure(function),
            ExprKind::If { arms, otherwise } => {
                for (condition, block) in arms {
                    self.expr(condition);
                    self.block(block);
                }
                otherwise.iter().for_each(|block| self.block(block));
            }
            ExprKind::Match { subject, arms } => {
                self.expr(subject);
                for arm in arms {
                    self.in_scope(|this| {
                        this.unique_names(&arm.pattern);
                        this.pattern(&arm.pattern, VarKind::Let);
                        arm.guard.iter().for_each(|guard| this.expr(guard));
                        this.expr(&arm.body);
                    });
                }
            }
            ExprKind::Block(block) => self.block(block),
            ExprKind::Try { body, catches, finally } => {
                self.block(body);
                for catch in catches {
                    self.in_scope(|this| {
                        if let Some(name) = &catch.name {
                            this.declare(name, VarKind::Let);
                        }
                        catch.guard.iter().for_each(|guard| this.expr(guard));
                        this.block(&catch.body);
                    });
                }
                finally.iter().for_each(|block| self.block(block));
            }
            ExprKind::Return(value) => {
                value.iter().for_each(|value| self.expr(value));
                if self.function() == 0 {
                    let error = Diagnostic::error("E0205", "`return` outside a function", self.place(expr.span), "")
                        .help("`exit()` ends the script");
                    self.error(error);
                }
            }
            ExprKind::Break | ExprKind::Continue => {
                if self.loops.last() == Some(&0) {
                    let word = if matches!(expr.kind, ExprKind::Break) { "break" } else { "continue" };
                    let message = format!("`{word}` outside a loop");
                    let error = Diagnostic::error("E0205", message, self.place(expr.span), "");
                    self.error(error);
                }
            }
            ExprKind::While(condition, body) => {
                self.in_loop(|this| {
                    this.expr(condition);
                    this.block(body);
                });
            }
            ExprKind::Loop(body) => self.in_loop(|this| this.block(body)),
            ExprKind::For(each) => {
                if each.parallel.is_some() {
                    return self.unbuilt("`parallel for`", expr.span);
                }
                self.expr(&each.iter);
                self.in_loop(|this| {
                    this.unique_names(&each.pattern);
                    this.pattern(&each.pattern, VarKind::Let);
                    this.block(&each.body);
                });
            }
            ExprKind::With { items, body } => {
                self.in_scope(|this| {
                    for (value, pattern) in items {
                        this.expr(value);
                        pattern.iter().for_each(|pattern| this.pattern(pattern, VarKind::Let));
                    }
                    this.block(body);
                });
            }
            ExprKind::ListComp(element, clauses) => self.clauses(clauses, &mut |this| this.expr(element)),
            ExprKind::MapComp(key, value, clauses) => self.clauses(clauses, &mut |this| {
                this.expr(key);
                this.expr(value);
            }),
            ExprKind::Spawn { options, body } => {
                options.iter().for_each(|(_, value)| self.expr(value));
                match body {
                    SpawnBody::Call { callee, args } => {
                        self.callee(callee);
                        self.args(args);
                    }
                    SpawnBody::Block(function) => self.closure(function),
                }
            }
            ExprKind::Scope { .. } => self.unbuilt("`scope`", expr.span),
            ExprKind::Select(_) => self.unbuilt("`select`", expr.span),
        }
    }

    fn unique_names(&mut self, pattern: &Pattern) {
        if matches!(pattern.kind, PatternKind::Or(_)) {
            return;
        }
        let mut bound = Vec::new();
        bound_names(pattern, &mut bound);
        for (at, name) in bound.iter().enumerate() {
            if bound[..at].iter().any(|other| other.text == name.text) {
                let message = format!("`{}` is bound twice in one pattern", name.text);
                let error = Diagnostic::error("E0206", message, self.place(name.span), "the second time");
                self.error(error);
            }
        }
    }

    fn fparts(&mut self, parts: &[FPart]) {
        for part in parts {
            if let FPart::Value { value, spec, .. } = part {
                self.expr(value);
                self.fparts(spec);
            }
        }
    }
}

enum ModuleName {
    File(usize),
    Library,
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
