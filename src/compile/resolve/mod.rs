//! Names: what each one means, what functions capture, and the mistakes that can be seen before running.

mod change;
mod module;
mod pattern;
mod select;
mod shared;

use super::names::{FnId, FnInfo, Names, Use, Var, VarId, VarKind};
use super::{Export, Module};
use crate::diagnostics::Diagnostic;
use crate::library;
use crate::nearest::nearest;
use crate::source::{FileId, Place, Span};
use crate::syntax::ast::*;
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::rc::Rc;

use change::Shape;
pub use pattern::bound_names;
use shared::Unless;

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
    /// Names of the `let` whose value is being looked at.
    defining: Vec<Name>,
    /// Names whose block has ended, with their last place.
    ended: HashMap<Rc<str>, Span>,
    /// Unknown names that were reported.
    reported: HashSet<Rc<str>>,
    /// What the first values of variables certainly are.
    shapes: HashMap<VarId, Shape>,
    /// The ways to what the `with`s around the current place hold.
    held: Vec<String>,
    /// Errors of changes that are right if they go through the handle of a shared object.
    unless_shared: Vec<Unless>,
    /// Names that make or bring handles of shared objects were met.
    may_share: bool,
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
        later: HashMap::default(),
        defining: Vec::new(),
        ended: HashMap::default(),
        reported: HashSet::default(),
        shapes: HashMap::default(),
        session_vars: HashMap::default(),
        held: Vec::new(),
        unless_shared: Vec::new(),
        may_share: context.keep_all || !context.imports.is_empty(),
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
        mentions: HashSet::default(),
        globals: HashSet::default(),
    });
    resolver.enter(0);
    resolver.collect_later(body);
    resolver.statements(body);
    resolver.spread_captures();
    resolver.settle_changes();
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
        self.scopes.push(Scope { names: HashMap::default(), function, is_loop: false });
    }

    fn leave(&mut self) {
        let ended = self.scopes.pop().into_iter().flat_map(|scope| scope.names);
        self.ended.extend(ended.map(|(name, var)| (name, self.names.vars[var].span)));
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

    fn name_use(&mut self, name: &Rc<str>, span: Span) {
        let found = self.lookup(name).or_else(|| {
            // A function may mention a top-level `let` further down, but not the one whose value it is part of.
            let known = self.function() != 0 && !self.is_defining(name);
            if known { self.later.get(name).copied() } else { None }
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
        self.may_share |= matches!(used, Some(Use::Native(_))) && shared::makes_shared(name);
        let used = used.or_else(|| library::mention(name).map(Use::Mention));
        let used = used.or_else(|| library::constant(name).map(|_| Use::Constant(Box::new(name.clone()))));
        match used {
            Some(used) => {
                self.mention_scripts(name);
                self.names.uses.insert(span.start, used);
            }
            None => self.unknown(name, span),
        }
    }

    fn is_defining(&self, name: &str) -> bool {
        self.defining.iter().any(|defining| &*defining.text == name)
    }

    /// A name of the library: functions written in the language have to be compiled.
    fn mention_scripts(&mut self, name: &str) {
        for id in library::named(name) {
            if matches!(library::get(id).run, crate::vm::native::Run::Script(_)) {
                self.names.scripts.insert(id);
            }
        }
    }

    /// An unknown name, which is reported once.
    fn unknown(&mut self, name: &Rc<str>, span: Span) {
        if !self.reported.insert(name.clone()) {
            return;
        }
        if let Some(ours) = foreign_value(name) {
            let message = format!("`{name}` is not mplang");
            let error = Diagnostic::error("E0107", message, self.place(span), "a word of other languages");
            return self.error(error.help(format!("write `{ours}`")));
        }
        if library::is_planned(name) {
            return self.unbuilt(&format!("`{name}`"), span);
        }
        let error =
            Diagnostic::error("E0201", format!("there is no name `{name}` here"), self.place(span), "not known");
        let error = if self.is_defining(name) && self.function() != 0 {
            error.help(format!("a closure cannot call itself, a function can: `fn {name}(…) {{ … }}`"))
        } else if let Some(&var) = self.later.get(name) {
            error.label(self.place(self.names.vars[var].span), "it gets its value only here")
        } else if library::module(name).is_some() {
            error.note(format!("`{name}` is a module: write `{name}.` and a name of it"))
        } else if let Some(hint) = library::instead_of(None, name) {
            error.help(hint)
        } else if let Some(&ended) = self.ended.get(name) {
            error.label(self.place(ended), "this one is known only inside its block")
        } else {
            match self.near(name) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            }
        };
        self.error(error);
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
                        "the second one",
                    )
                    .label(self.place(self.names.vars[known].span), "the first one");
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
            mentions: HashSet::default(),
            globals: HashSet::default(),
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
                if let Some(first) = seen.iter().find(|other| other.text == name.text) {
                    let message = format!("two parameters are called `{}`", name.text);
                    let error = Diagnostic::error("E0206", message, self.place(name.span), "the second one")
                        .label(self.place(first.span), "the first one");
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

    /// `let 1 = x` binds nothing.
    pub(super) fn needs_a_name(&mut self, pattern: &Pattern) {
        if let PatternKind::Literal(_) = &pattern.kind {
            let message = "a name is needed here, not a value";
            let error = Diagnostic::error("E0101", message, self.place(pattern.span), "not a name");
            self.error(error.help("`match` compares with values"));
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let { mutable, pattern, value, .. } => {
                let outer = self.defining.len();
                bound_names(pattern, &mut self.defining);
                self.expr(value);
                self.needs_a_name(pattern);
                self.defining.truncate(outer);
                self.warn_shadowing(pattern, value);
                self.pattern(pattern, if *mutable { VarKind::Var } else { VarKind::Let });
                self.keep_shape(pattern, value);
            }
            StmtKind::Assign { target, op, value, .. } => {
                self.expr(value);
                self.target(target, op.is_some());
            }
            StmtKind::Fn { function, .. } => {
                if let Some(&number) = self.names.functions.get(&Rc::as_ptr(function)) {
                    self.body(function, number);
                }
            }
            StmtKind::Import { path_span, name, .. } => self.import(stmt.span, *path_span, name),
            StmtKind::FromImport { path, path_span, names } => self.import_names(stmt.span, path, *path_span, names),
            StmtKind::Test { body, .. } => self.in_scope(|this| this.statements(body)),
            StmtKind::Expr(expr) => self.expr(expr),
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
                    this.pattern(pattern, VarKind::Bound);
                    this.clauses(others, run);
                });
            }
        }
    }

    fn unbuilt(&mut self, what: &str, span: Span) {
        let error = Diagnostic::error("E0209", format!("{what} is not built yet"), self.place(span), "cannot run");
        self.error(error);
    }

    fn args(&mut self, args: &[Arg]) {
        let mut named: Vec<&Name> = Vec::new();
        for arg in args {
            match arg {
                Arg::One(expr) | Arg::Spread(expr) => self.expr(expr),
                Arg::Named(name, expr) => {
                    if let Some(first) = named.iter().find(|first| first.text == name.text) {
                        let message = format!("`{}` is given twice", name.text);
                        let error = Diagnostic::error("E0206", message, self.place(name.span), "the second time")
                            .label(self.place(first.span), "the first time");
                        self.error(error);
                    }
                    named.push(name);
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
                self.changing_call(object, name);
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
                    let error = Diagnostic::error("E0201", "`_` has no value", self.place(expr.span), "not a value")
                        .note("it stands for what nobody needs");
                    return self.error(error);
                }
                if let Some(ModuleName::File(_)) = self.module_named(expr) {
                    let error = Diagnostic::error(
                        "E0201",
                        format!("`{name}` is a module"),
                        self.place(expr.span),
                        "not a value",
                    )
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
                        this.pattern(&arm.pattern, VarKind::Bound);
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
                            this.declare(name, VarKind::Bound);
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
                    let place = self.place(expr.span);
                    let error =
                        Diagnostic::error("E0205", "`return` outside a function", place, "nothing to return from")
                            .help("`exit()` ends the script");
                    self.error(error);
                }
            }
            ExprKind::Break | ExprKind::Continue => {
                if self.loops.last() == Some(&0) {
                    let word = if matches!(expr.kind, ExprKind::Break) { "break" } else { "continue" };
                    let message = format!("`{word}` outside a loop");
                    let error = Diagnostic::error("E0205", message, self.place(expr.span), "no loop around this");
                    let outer = self.loops.iter().any(|loops| *loops > 0);
                    self.error(if outer {
                        error.note("a function, closure or spawned block cannot leave a loop that stands around it")
                    } else {
                        error
                    });
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
                    this.pattern(&each.pattern, VarKind::Bound);
                    this.block(&each.body);
                });
            }
            ExprKind::With { items, body } => {
                self.in_scope(|this| {
                    let outer = this.held.len();
                    for (value, pattern) in items {
                        this.expr(value);
                        pattern.iter().for_each(|pattern| this.pattern(pattern, VarKind::Bound));
                        this.hold(value, pattern.as_ref());
                    }
                    this.block(body);
                    this.held.truncate(outer);
                });
            }
            ExprKind::ListComp(element, clauses) => self.clauses(clauses, &mut |this| this.expr(element)),
            ExprKind::MapComp(key, value, clauses) => self.clauses(clauses, &mut |this| {
                this.expr(key);
                this.expr(value);
            }),
            ExprKind::Spawn { options, body } => {
                options.iter().for_each(|(_, value)| self.expr(value));
                match &**body {
                    SpawnBody::Call { callee, args } => {
                        self.callee(callee);
                        self.args(args);
                    }
                    SpawnBody::Block(function) => self.closure(function),
                }
            }
            ExprKind::Scope { options, body } => {
                options.iter().for_each(|(_, value)| self.expr(value));
                self.block(body);
            }
            ExprKind::Select(arms) => self.select(arms),
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

/// What other languages call `null`, `true` and the like.
fn foreign_value(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "nil" | "undefined" | "NULL" | "Null" => "null",
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        "NaN" => "nan",
        "Infinity" | "Inf" => "inf",
        _ => return None,
    })
}

enum ModuleName {
    File(usize),
    Library,
}
