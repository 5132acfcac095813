//! The constructs of the tree that start with a keyword, and patterns.

use super::ast::*;
use super::codes;
use super::literals;
use super::parser::{Builder, Pair, Rule, kept, parts};
use super::parser_expr::constant;
use crate::source::Span;
use std::rc::Rc;

impl<'a> Builder<'a> {
    /// `if`, `for`, `spawn` and their kin.
    pub(super) fn construct(&mut self, pair: Pair<'a>) -> ExprKind {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut inner = parts(pair);
        match rule {
            Rule::if_expr => self.if_expr(inner, span),
            Rule::match_expr => {
                let subject = Box::new(self.next_expr(&mut inner, span));
                ExprKind::Match { subject, arms: inner.map(|arm| self.match_arm(arm)).collect() }
            }
            Rule::try_expr => self.try_expr(inner, span),
            Rule::while_expr => {
                let condition = Box::new(self.next_expr(&mut inner, span));
                ExprKind::While(condition, Box::new(self.next_block(&mut inner, span)))
            }
            Rule::loop_expr => ExprKind::Loop(self.next_block(&mut inner, span)),
            Rule::for_expr => self.for_loop(inner, span, None),
            Rule::parallel_for => self.for_loop(inner, span, Some(Vec::new())),
            Rule::with_expr => self.with_expr(inner, span),
            Rule::return_expr => ExprKind::Return(inner.next().map(|value| Box::new(self.expr(value)))),
            Rule::throw_expr => ExprKind::Throw(Box::new(self.next_expr(&mut inner, span))),
            Rule::break_expr => ExprKind::Break,
            Rule::continue_expr => ExprKind::Continue,
            Rule::spawn_expr => self.spawn_expr(inner, span),
            Rule::scope_expr => {
                let mut options = Vec::new();
                let mut body = Block { stmts: Vec::new(), span };
                for part in inner {
                    match part.as_rule() {
                        Rule::options => options = self.options(part),
                        _ => body = self.block(part),
                    }
                }
                ExprKind::Scope { options, body: Box::new(body) }
            }
            Rule::select_expr => self.select(inner, span),
            _ => ExprKind::Null,
        }
    }

    fn if_expr(&mut self, mut inner: impl Iterator<Item = Pair<'a>>, span: Span) -> ExprKind {
        let mut arms = Vec::new();
        let mut otherwise = None;
        while let Some(part) = inner.next() {
            if part.as_rule() == Rule::block {
                otherwise = Some(Box::new(self.block(part)));
            } else {
                let condition = self.expr(part);
                arms.push((condition, self.next_block(&mut inner, span)));
            }
        }
        ExprKind::If { arms: kept(arms), otherwise }
    }

    fn match_arm(&mut self, pair: Pair<'a>) -> MatchArm {
        let span = self.span(&pair);
        let mut arm = MatchArm {
            pattern: Pattern { kind: PatternKind::Wild, span },
            guard: None,
            body: Expr { kind: ExprKind::Null, span },
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::pattern => arm.pattern = self.pattern(part),
                Rule::guard => arm.guard = Some(self.next_expr(&mut parts(part), span)),
                _ => arm.body = self.body(part),
            }
        }
        arm
    }

    fn try_expr(&mut self, inner: impl Iterator<Item = Pair<'a>>, span: Span) -> ExprKind {
        let mut body = None;
        let mut value = None;
        let mut catches = Vec::new();
        let mut finally = None;
        let mut otherwise = None;
        for part in inner {
            match part.as_rule() {
                Rule::block => body = Some(self.block(part)),
                Rule::catch_part => catches.push(self.catch(part)),
                Rule::finally_part => finally = Some(Box::new(self.next_block(&mut parts(part), span))),
                Rule::else_part => {
                    let else_span = self.span(&part);
                    otherwise = parts(part).next().map(|part| match part.as_rule() {
                        Rule::braces => (self.braces(part), else_span),
                        _ => (self.expr(part), else_span),
                    });
                }
                _ => value = Some(self.expr(part)),
            }
        }
        let handled = !catches.is_empty() || finally.is_some();
        match (body, value, otherwise) {
            (None, Some(value), Some((otherwise, _))) => ExprKind::TryElse(Box::new(value), Box::new(otherwise)),
            (Some(body), _, Some((otherwise, _))) if !handled => {
                let span = body.span;
                let value = Expr { kind: ExprKind::Block(body), span };
                ExprKind::TryElse(Box::new(value), Box::new(otherwise))
            }
            (Some(body), _, otherwise) => {
                if let Some((_, else_span)) = otherwise {
                    let message = "`try` has either `catch` and `finally` or `else`";
                    self.error(codes::FORM, else_span, message, "`else` as well");
                    self.help("put what runs after success at the end of the `try` block");
                } else if !handled {
                    self.error(codes::UNEXPECTED, span, super::TRY_ALONE, "nothing says what happens on an error");
                    self.help("`try { … } catch e { … }`, `try { … } finally { … }` or `try value else other`");
                }
                ExprKind::Try { body: Box::new(body), catches: catches.into(), finally }
            }
            _ => ExprKind::Null,
        }
    }

    fn catch(&mut self, pair: Pair<'a>) -> Catch {
        let span = self.span(&pair);
        let mut catch = Catch { name: None, guard: None, body: Block { stmts: Vec::new(), span } };
        for part in parts(pair) {
            match part.as_rule() {
                Rule::name => catch.name = Some(self.name(&part)),
                Rule::guard => catch.guard = Some(self.next_expr(&mut parts(part), span)),
                _ => catch.body = self.block(part),
            }
        }
        catch
    }

    fn for_loop(
        &mut self,
        mut inner: impl Iterator<Item = Pair<'a>>,
        span: Span,
        mut parallel: Option<Vec<(Name, Expr)>>,
    ) -> ExprKind {
        let (pattern, several) = self.next_names(&mut inner, span);
        let iter = self.next_expr(&mut inner, span);
        let mut body = Block { stmts: Vec::new(), span };
        for part in inner {
            match (part.as_rule(), &mut parallel) {
                (Rule::named, Some(options)) => options.push(self.named_option(part)),
                _ => body = self.block(part),
            }
        }
        ExprKind::For(Box::new(For { pattern, several, iter, body, parallel }))
    }

    fn with_expr(&mut self, inner: impl Iterator<Item = Pair<'a>>, span: Span) -> ExprKind {
        let mut items = Vec::new();
        let mut body = Block { stmts: Vec::new(), span };
        for part in inner {
            if part.as_rule() == Rule::block {
                body = self.block(part);
                continue;
            }
            let mut item = parts(part);
            let value = self.next_expr(&mut item, span);
            items.push((value, item.next().map(|pattern| self.pattern(pattern))));
        }
        ExprKind::With { items, body: Box::new(body) }
    }

    fn spawn_expr(&mut self, inner: impl Iterator<Item = Pair<'a>>, span: Span) -> ExprKind {
        let mut inner = inner.peekable();
        let options = match inner.next_if(|part| part.as_rule() == Rule::options) {
            Some(options) => self.options(options),
            None => Vec::new(),
        };
        let empty = SpawnBody::Call { callee: Box::new(Expr { kind: ExprKind::Null, span }), args: Vec::new() };
        let Some(first) = inner.next() else { return ExprKind::Spawn { options, body: Box::new(empty) } };
        if first.as_rule() == Rule::block {
            let body = self.block(first);
            let span = body.span;
            let function = Function { name: None, params: Vec::new(), body, closure: true, doc: None, span };
            return ExprKind::Spawn { options, body: Box::new(SpawnBody::Block(Rc::new(function))) };
        }
        let attached: Vec<Pair<'a>> = inner.collect();
        let levels = attached.len();
        let body = self.deeper(levels, span, |builder| builder.spawn_call(first, attached));
        ExprKind::Spawn { options, body: Box::new(body.unwrap_or(empty)) }
    }

    fn spawn_call(&mut self, first: Pair<'a>, attached: Vec<Pair<'a>>) -> SpawnBody {
        let span = self.span(&first);
        let mut callee = if first.as_rule() == Rule::paren {
            let value = self.next_expr(&mut first.into_inner(), span);
            match attached.len() {
                1 => Expr { kind: ExprKind::Paren(Box::new(value)), span },
                _ => Expr { span, ..value },
            }
        } else {
            let name = self.name(&first);
            Expr { kind: ExprKind::Name(name.text), span: name.span }
        };
        let mut args = Vec::new();
        for part in attached {
            match part.as_rule() {
                Rule::call => args = self.args(part),
                _ => callee = self.attach(callee, part),
            }
        }
        SpawnBody::Call { callee: Box::new(callee), args }
    }

    /// One name or pattern, or several as a list pattern; and whether there are several.
    pub(super) fn names(&mut self, pair: Pair<'a>) -> (Pattern, bool) {
        let span = self.span(&pair);
        pair.clone().into_inner().for_each(|part| self.refuse_keyword(&part));
        let mut inner = pair.into_inner().peekable();
        let first = inner.next();
        match first {
            Some(first) if inner.peek().is_none() && first.as_rule() == Rule::pattern => (self.pattern(first), false),
            first => {
                let kind = self.list_pattern(first.into_iter().chain(inner));
                (Pattern { kind, span }, true)
            }
        }
    }

    /// `inf` and its kin are patterns, but alone in the place of a name they were meant as one.
    pub(super) fn refuse_keyword(&mut self, part: &Pair<'a>) {
        let word = part.as_str().trim();
        if super::is_keyword(word) {
            self.error(codes::UNEXPECTED, self.span(part), format!("`{word}` is a keyword"), "cannot be a name");
            self.help(format!("choose another name, such as `{word}_`"));
        }
    }

    pub(super) fn next_names(&mut self, pairs: &mut impl Iterator<Item = Pair<'a>>, near: Span) -> (Pattern, bool) {
        match pairs.next() {
            Some(pair) => self.names(pair),
            None => (Pattern { kind: PatternKind::Wild, span: near }, false),
        }
    }

    pub(super) fn pattern(&mut self, pair: Pair<'a>) -> Pattern {
        let span = self.span(&pair);
        let built = self.deeper(1, span, |builder| match pair.as_rule() {
            Rule::one_pattern => builder.one_pattern(pair),
            _ => {
                let mut all: Vec<Pattern> = pair.into_inner().map(|one| builder.one_pattern(one)).collect();
                match all.pop() {
                    Some(only) if all.is_empty() => only,
                    last => {
                        all.extend(last);
                        Pattern { kind: PatternKind::Or(all), span }
                    }
                }
            }
        });
        built.unwrap_or(Pattern { kind: PatternKind::Wild, span })
    }

    fn one_pattern(&mut self, pair: Pair<'a>) -> Pattern {
        let span = self.span(&pair);
        let mut inner = parts(pair);
        let Some(first) = inner.next() else { return Pattern { kind: PatternKind::Wild, span } };
        let first_span = self.span(&first);
        let kind = match first.as_rule() {
            Rule::name if first.as_str() == "_" => PatternKind::Wild,
            Rule::name => PatternKind::Bind(self.name(&first)),
            Rule::list_pattern => self.list_pattern(first.into_inner()),
            Rule::map_pattern => self.map_pattern(first),
            _ => self.value_pattern(first),
        };
        let pattern = Pattern { kind, span: first_span };
        match inner.next() {
            Some(type_name) => Pattern { kind: PatternKind::Is(Box::new(pattern), self.name(&type_name)), span },
            None => pattern,
        }
    }

    fn list_pattern(&mut self, items: impl Iterator<Item = Pair<'a>>) -> PatternKind {
        let (mut before, mut rest, mut after) = (Vec::new(), None, Vec::new());
        for item in items {
            if item.as_rule() == Rule::rest_pattern {
                if rest.is_some() {
                    let item_span = self.span(&item);
                    self.error(codes::FORM, item_span, "only one `...` can take the rest", "a second `...`");
                }
                rest = Some(self.rest(item));
            } else if rest.is_some() {
                after.push(self.pattern(item));
            } else {
                before.push(self.pattern(item));
            }
        }
        PatternKind::List { before: before.into(), rest, after: after.into() }
    }

    /// The name after `...`, if there is one that is to be kept.
    fn rest(&mut self, pair: Pair<'a>) -> Option<Name> {
        let name = pair.into_inner().next()?;
        (name.as_str() != "_").then(|| self.name(&name))
    }

    fn map_pattern(&mut self, pair: Pair<'a>) -> PatternKind {
        let (mut entries, mut rest) = (Vec::new(), None);
        for item in pair.into_inner() {
            let item_span = self.span(&item);
            match item.as_rule() {
                Rule::rest_pattern => {
                    if rest.is_some() {
                        self.error(codes::FORM, item_span, "only one `...` can take the rest", "a second `...`");
                    }
                    rest = Some(self.rest(item));
                }
                Rule::name => {
                    let name = self.name(&item);
                    entries.push((name.clone(), Pattern { kind: PatternKind::Bind(name), span: item_span }));
                }
                _ => {
                    let mut inner = item.into_inner();
                    let Some(key) = inner.next() else { continue };
                    let key = if key.as_rule() == Rule::text { self.text_key(&key) } else { self.name(&key) };
                    if let Some(value) = inner.next() {
                        entries.push((key, self.pattern(value)));
                    }
                }
            }
        }
        PatternKind::Map { entries: entries.into(), rest }
    }

    fn text_key(&mut self, pair: &Pair<'a>) -> Name {
        let key = self.text(pair);
        match key.kind {
            ExprKind::Str(text) => Name { text, span: key.span },
            _ => {
                self.error(codes::FORM, key.span, "a key in a pattern is a word or a str", "these are bytes");
                Name { text: Rc::from(""), span: key.span }
            }
        }
    }

    fn value_pattern(&mut self, pair: Pair<'a>) -> PatternKind {
        let span = self.span(&pair);
        let (mut start, mut end, mut inclusive) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::range_op => inclusive = Some(part.as_str() == "..="),
                _ if inclusive.is_some() => end = Some(Box::new(self.literal(part))),
                _ => start = Some(Box::new(self.literal(part))),
            }
        }
        match (inclusive, start) {
            (Some(inclusive), start) => {
                if inclusive && end.is_none() {
                    self.error(codes::UNEXPECTED, span, "`..=` needs a last value", "what is the last one?");
                }
                PatternKind::Range { start, end, inclusive }
            }
            (None, Some(value)) => PatternKind::Literal(value),
            (None, None) => PatternKind::Wild,
        }
    }

    /// A fixed value in a pattern; a negative number is made here.
    fn literal(&mut self, pair: Pair<'a>) -> Expr {
        let span = self.span(&pair);
        let mut negative = false;
        let mut kind = ExprKind::Null;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::minus => negative = true,
                Rule::number => match literals::number(part.as_str(), self.start(&part)) {
                    Ok(number) => kind = number,
                    Err(wrong) => self.wrong(wrong),
                },
                Rule::text => kind = self.text(&part).kind,
                Rule::constant => kind = constant(part.as_str()),
                _ => {
                    self.error(codes::FORM, span, "an f-string cannot stand in a pattern", "not a fixed text");
                    self.help("bind a name and compare it: `x if x == f\"…\" => …`");
                }
            }
        }
        if negative {
            kind = match kind {
                ExprKind::Int(value) => ExprKind::Int(-value),
                ExprKind::Float(value) => ExprKind::Float(-value),
                ExprKind::BigInt(value) => {
                    let value = -value;
                    i64::try_from(&value).map_or(ExprKind::BigInt(value), ExprKind::Int)
                }
                _ => {
                    self.error(codes::UNEXPECTED, span, "`-` stands before a number", "not a number");
                    ExprKind::Null
                }
            };
        }
        Expr { kind, span }
    }
}
