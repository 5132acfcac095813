//! The grammar's parser, and the statements of the tree.

use super::ast::*;
use super::codes;
use super::literals::{Decoder, Quoted, Wrong};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Place, Span};
use pest::iterators::{Pair as PestPair, Pairs as PestPairs};
use rustc_hash::FxHashMap;
use std::rc::Rc;

#[allow(missing_docs)]
mod grammar {
    /// The parser that pest derives from the grammar.
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/mplang.pest"]
    pub(in crate::syntax) struct Grammar;
}
pub(super) use grammar::{Grammar, Rule};

pub(super) type Pair<'a> = PestPair<'a, Rule>;
pub(super) type Pairs<'a> = PestPairs<'a, Rule>;

/// Makes the tree from pest's pairs.
pub(super) struct Builder<'a> {
    pub file: FileId,
    /// The text as the user wrote it.
    pub source: &'a str,
    /// Where the stretch that pest read starts in it.
    start: usize,
    /// The `##` texts by the place of what they document.
    pub docs: &'a [(u32, Rc<str>)],
    /// Levels of the tree above what is being made.
    pub depth: usize,
    pub errors: Vec<Diagnostic>,
    words: FxHashMap<&'a str, Rc<str>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: FileId, source: &'a str, docs: &'a [(u32, Rc<str>)]) -> Builder<'a> {
        Builder { file, source, start: 0, docs, depth: 0, errors: Vec::new(), words: FxHashMap::default() }
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, label: &str) {
        let place = Place { file: self.file, span };
        self.errors.push(Diagnostic::error(code, message, place, label));
    }

    /// Adds a way out to the last error.
    pub(super) fn help(&mut self, help: impl Into<String>) {
        if let Some(error) = self.errors.last_mut() {
            error.helps.push(help.into());
        }
    }

    pub(super) fn wrong(&mut self, wrong: Wrong) {
        self.error(wrong.code, wrong.span, wrong.message, &wrong.label);
        if let Some(help) = wrong.help {
            self.help(help);
        }
    }

    /// Where a pair starts in the text.
    pub(super) fn start(&self, pair: &Pair<'a>) -> usize {
        self.start + pair.as_span().start()
    }

    /// One past its last byte.
    pub(super) fn end(&self, pair: &Pair<'a>) -> usize {
        self.start + pair.as_span().end()
    }

    /// The bytes of a pair, without the blanks behind it that pest counts in.
    pub(super) fn span(&self, pair: &Pair<'a>) -> Span {
        let start = self.start(pair);
        let text = pair.as_str().trim_end_matches([' ', '\t', '\n']);
        Span::new(start, start + text.len())
    }

    /// One copy of each word.
    pub(super) fn word(&mut self, word: &'a str) -> Rc<str> {
        self.words.entry(word).or_insert_with(|| Rc::from(word)).clone()
    }

    pub(super) fn name(&mut self, pair: &Pair<'a>) -> Name {
        Name { text: self.word(pair.as_str()), span: self.span(pair) }
    }

    fn doc(&self, start: u32) -> Option<Rc<str>> {
        let found = self.docs.binary_search_by_key(&start, |doc| doc.0).ok()?;
        Some(self.docs[found].1.clone())
    }

    /// Runs `build` with `levels` more above it; `None` with an error when that is too deep.
    pub(super) fn deeper<T>(
        &mut self,
        levels: usize,
        span: Span,
        build: impl FnOnce(&mut Builder<'a>) -> T,
    ) -> Option<T> {
        if self.depth + levels > super::MAX_NESTING {
            let seen = self.errors.iter().any(|error| error.code == codes::NESTING);
            if !seen {
                self.errors.push(super::errors::too_deep(self.file, span));
            }
            return None;
        }
        self.depth += levels;
        let built = build(self);
        self.depth -= levels;
        Some(built)
    }

    /// Adds the statements of a stretch that starts there.
    pub(super) fn stretch(&mut self, start: usize, pairs: Pairs<'a>, stmts: &mut Vec<Stmt>) {
        self.start = start;
        for script in pairs {
            stmts.extend(parts(script).map(|stmt| self.stmt(stmt)));
        }
    }

    pub(super) fn block(&mut self, pair: Pair<'a>) -> Block {
        let span = self.span(&pair);
        let stmts = kept(parts(pair).map(|stmt| self.stmt(stmt)).collect());
        Block { stmts, span }
    }

    pub(super) fn stmt(&mut self, pair: Pair<'a>) -> Stmt {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::let_stmt => self.let_stmt(pair, span),
            Rule::fn_stmt => self.fn_stmt(pair, span),
            Rule::return_stmt => {
                let value = parts(pair).next().map(|values| Box::new(self.values(values)));
                StmtKind::Expr(Expr { kind: ExprKind::Return(value), span })
            }
            Rule::import_stmt => {
                let mut inner = parts(pair);
                let (path, path_span) = self.plain_text(inner.next(), span);
                let name = self.next_name(&mut inner, span);
                StmtKind::Import { path, path_span, name }
            }
            Rule::from_stmt => {
                let mut inner = parts(pair);
                let (path, path_span) = self.plain_text(inner.next(), span);
                let mut names = Vec::new();
                for import in inner {
                    let mut inner = parts(import);
                    let name = self.next_name(&mut inner, span);
                    let here = inner.next().map_or_else(|| name.clone(), |here| self.name(&here));
                    names.push((name, here));
                }
                StmtKind::FromImport { path, path_span, names }
            }
            Rule::test_stmt => {
                let mut inner = parts(pair);
                let (name, _) = self.plain_text(inner.next(), span);
                let body = self.next_block(&mut inner, span);
                StmtKind::Test { name, body }
            }
            Rule::block => StmtKind::Expr(Expr { kind: ExprKind::Block(self.block(pair)), span }),
            _ => self.expr_stmt(pair, span),
        };
        Stmt { kind, span }
    }

    pub(super) fn next_name(&mut self, pairs: &mut impl Iterator<Item = Pair<'a>>, near: Span) -> Name {
        match pairs.next() {
            Some(pair) => self.name(&pair),
            None => Name { text: Rc::from(""), span: near },
        }
    }

    pub(super) fn next_block(&mut self, pairs: &mut impl Iterator<Item = Pair<'a>>, near: Span) -> Block {
        match pairs.next() {
            Some(pair) => self.block(pair),
            None => Block { stmts: Vec::new(), span: near },
        }
    }

    /// A str that stands in the syntax: a path, a test's name.
    fn plain_text(&mut self, pair: Option<Pair<'a>>, near: Span) -> (Rc<str>, Span) {
        let Some(pair) = pair else { return (Rc::from(""), near) };
        let span = self.span(&pair);
        match self.text(&pair).kind {
            ExprKind::Str(text) => (text, span),
            _ => {
                self.error(codes::FORM, span, "expected a str", "these are bytes");
                (Rc::from(""), span)
            }
        }
    }

    /// A str or bytes.
    pub(super) fn text(&mut self, pair: &Pair<'a>) -> Expr {
        let span = self.span(pair);
        let quoted = Quoted::new(pair.as_str(), span.start as usize);
        let pieces = [(quoted.start, quoted.end)];
        let mut decoder = Decoder::new(self.source, quoted, &pieces, false);
        let value = decoder.piece(quoted.start, quoted.end);
        for wrong in decoder.wrong {
            self.wrong(wrong);
        }
        let kind = if quoted.bytes { ExprKind::Bytes(value.into()) } else { ExprKind::Str(into_text(value)) };
        Expr { kind, span }
    }

    /// One value, or several as a list.
    pub(super) fn values(&mut self, pair: Pair<'a>) -> Expr {
        let span = self.span(&pair);
        let mut inner = parts(pair);
        let first = inner.next();
        match (first, inner.next()) {
            (Some(first), None) => self.expr(first),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(inner);
                let items = all.map(|item| Item::One(self.expr(item))).collect();
                Expr { kind: ExprKind::List(items), span }
            }
        }
    }

    fn let_stmt(&mut self, pair: Pair<'a>, span: Span) -> StmtKind {
        let mut mutable = false;
        let mut pattern = Pattern { kind: PatternKind::Wild, span };
        let mut value = Expr { kind: ExprKind::Null, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_var => mutable = true,
                Rule::names => pattern = self.names(part).0,
                Rule::values => value = self.values(part),
                _ => {}
            }
        }
        StmtKind::Let { mutable, pattern: Box::new(pattern), value, doc: self.doc(span.start) }
    }

    fn fn_stmt(&mut self, pair: Pair<'a>, span: Span) -> StmtKind {
        let doc = self.doc(span.start);
        let mut inner = parts(pair);
        let name = self.next_name(&mut inner, span);
        let params = inner.next().map(|params| self.params(params, true)).unwrap_or_default();
        let body = match inner.next() {
            Some(body) if body.as_rule() == Rule::block => self.block(body),
            Some(body) => one_expr(self.expr(body)),
            None => Block { stmts: Vec::new(), span },
        };
        let function = Function { name: Some(name.clone()), params, body, closure: false, doc, span };
        StmtKind::Fn { name, function: Rc::new(function) }
    }

    fn expr_stmt(&mut self, pair: Pair<'a>, span: Span) -> StmtKind {
        let mut inner = pair.into_inner();
        let Some(left) = inner.next() else { return StmtKind::Expr(Expr { kind: ExprKind::Null, span }) };
        let several = left.clone().into_inner().count() > 1;
        let left = self.values(left);
        let (Some(op), Some(value)) = (inner.next(), inner.next()) else {
            if several {
                self.error(codes::UNEXPECTED, left.span, "several values do not make a statement", "a list of values");
                self.help("several values stand left and right of `=` and after `return`; elsewhere put them in `[ ]`");
            }
            return StmtKind::Expr(left);
        };
        let op = assign_op(op.as_str());
        self.check_target(&left, op.is_some());
        StmtKind::Assign { target: left, op, value: self.values(value) }
    }

    /// What stands left of `=` has to be a place.
    fn check_target(&mut self, target: &Expr, compound: bool) {
        let what = match &target.kind {
            ExprKind::Name(_) | ExprKind::Index { maybe: false, .. } | ExprKind::Field { maybe: false, .. } => return,
            ExprKind::List(items) if !compound => {
                for item in items {
                    match item {
                        Item::One(item) | Item::Spread(item) => self.check_target(item, false),
                    }
                }
                let spreads = items.iter().filter(|item| matches!(item, Item::Spread(_))).count();
                if spreads > 1 {
                    self.error(codes::TARGET, target.span, "only one `...` can take the rest", "more than one `...`");
                }
                return;
            }
            ExprKind::List(_) => "several targets take a plain `=`",
            ExprKind::Index { .. } | ExprKind::Field { .. } => "a place reached by `?` may not be there",
            ExprKind::Call { .. } => "the result of a call is not a place",
            ExprKind::Compare(..) | ExprKind::Binary(..) | ExprKind::Logic(..) => {
                "the result of an operator is not a place"
            }
            ExprKind::Str(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Null | ExprKind::Bool(_) => {
                "a fixed value is not a place"
            }
            _ => "not a place",
        };
        self.error(codes::TARGET, target.span, "this cannot be assigned to", what);
        match target.kind {
            ExprKind::Index { .. } | ExprKind::Field { .. } => self.help("write `.` or `[ ]` without `?`"),
            _ => self.help("left of `=` stands a name, a field `x.f`, an item `x[i]`, or a list of these"),
        }
    }
}

/// A list as it stays in a tree: without room for more.
pub(super) fn kept<T>(mut items: Vec<T>) -> Vec<T> {
    items.shrink_to_fit();
    items
}

/// The pairs inside, without keywords.
pub(super) fn parts(pair: Pair<'_>) -> impl Iterator<Item = Pair<'_>> {
    pair.into_inner().filter(|part| !is_mark(part.as_rule()))
}

/// Keywords and the like, which say nothing more once the rule around them is known.
fn is_mark(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        EOI | kw_as
            | kw_break
            | kw_catch
            | kw_continue
            | kw_else
            | kw_finally
            | kw_fn
            | kw_for
            | kw_from
            | kw_if
            | kw_import
            | kw_in
            | kw_is
            | kw_let
            | kw_loop
            | kw_match
            | kw_return
            | kw_scope
            | kw_select
            | kw_spawn
            | kw_throw
            | kw_try
            | kw_var
            | kw_while
            | kw_with
            | kw_parallel
            | kw_test
            | kw_done
            | kw_after
            | kw_closed
    )
}

/// A body that is one expression.
pub(super) fn one_expr(expr: Expr) -> Block {
    let span = expr.span;
    Block { stmts: vec![Stmt { kind: StmtKind::Expr(expr), span }], span }
}

/// Text that was valid UTF-8 before its escapes were resolved.
pub(super) fn into_text(bytes: Vec<u8>) -> Rc<str> {
    String::from_utf8(bytes).unwrap_or_default().into()
}

fn assign_op(op: &str) -> Option<AssignOp> {
    let op = &op[..op.len() - 1];
    match op {
        "" => None,
        "??" => Some(AssignOp::Coalesce),
        _ => super::operators::binary_op(op).map(AssignOp::Binary),
    }
}
