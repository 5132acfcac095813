//! The expressions of the tree: operands, calls, literals, functions.

use super::ast::*;
use super::codes;
use super::literals::{self, Decoder, Quoted};
use super::operators::{self, Climb, Piece};
use super::parser::{Builder, Pair, Rule, into_text, kept, one_expr, parts};
use crate::source::Span;
use std::rc::Rc;

impl<'a> Builder<'a> {
    fn null(&self, span: Span) -> Expr {
        Expr { kind: ExprKind::Null, span }
    }

    /// The next pair as an expression.
    pub(super) fn next_expr(&mut self, pairs: &mut impl Iterator<Item = Pair<'a>>, near: Span) -> Expr {
        match pairs.next() {
            Some(pair) => self.expr(pair),
            None => self.null(near),
        }
    }

    /// A flat list of operands and operators.
    pub(super) fn expr(&mut self, pair: Pair<'a>) -> Expr {
        let span = self.span(&pair);
        let parts: Vec<Pair<'a>> = pair.into_inner().collect();
        let levels = 1 + if parts.len() > 1 { operators::nesting_runs(&parts) } else { 0 };
        self.deeper(levels, span, |builder| builder.pieces(parts, span)).unwrap_or_else(|| self.null(span))
    }

    fn pieces(&mut self, parts: Vec<Pair<'a>>, span: Span) -> Expr {
        let mut pieces = Vec::new();
        let mut parts = parts.into_iter().peekable();
        let mut after_pipe = false;
        while let Some(part) = parts.next() {
            match part.as_rule() {
                Rule::prefix => {
                    let op = match part.as_str() {
                        "-" => UnaryOp::Neg,
                        "~" => UnaryOp::BitNot,
                        _ => UnaryOp::Not,
                    };
                    pieces.push(Piece::Prefix(op, self.span(&part)));
                }
                Rule::infix => {
                    let op = operators::infix(part.as_str());
                    after_pipe = op == operators::Infix::Pipe;
                    pieces.push(Piece::Infix(op, self.span(&part)));
                }
                Rule::type_test => {
                    let mut inner = part.into_inner();
                    if let (Some(op), Some(name)) = (inner.next(), inner.next()) {
                        let op_span = self.span(&op);
                        pieces.push(Piece::Is(op.as_str().ends_with("not"), self.name(&name), op_span));
                    }
                }
                _ => {
                    let mut attached = Vec::new();
                    while let Some(next) = parts.next_if(|next| is_postfix(next.as_rule())) {
                        attached.push(next);
                    }
                    let operand = self.operand(part, attached, after_pipe);
                    if pieces.is_empty() && parts.peek().is_none() {
                        return operand;
                    }
                    pieces.push(Piece::Operand(operand));
                    after_pipe = false;
                }
            }
        }
        Climb { builder: self, pieces: pieces.into_iter().peekable(), span }.all()
    }

    /// An atom with the calls, indexes and fields behind it. Parentheses are kept around what is called.
    fn operand(&mut self, atom: Pair<'a>, attached: Vec<Pair<'a>>, keep_parens: bool) -> Expr {
        let span = self.span(&atom);
        let keep = attached.first().map_or(keep_parens, |next| next.as_rule() == Rule::call);
        let mut left = attached.len();
        let base = self.deeper(left, span, |builder| builder.atom(atom, keep));
        let Some(mut expr) = base else { return self.null(span) };
        for next in attached {
            left -= 1;
            let depth = self.depth;
            self.depth += left;
            expr = self.attach(expr, next);
            self.depth = depth;
        }
        expr
    }

    pub(super) fn attach(&mut self, left: Expr, pair: Pair<'a>) -> Expr {
        let span = left.span.to(self.span(&pair));
        let object = Box::new(left);
        let rule = pair.as_rule();
        let kind = match rule {
            Rule::call => ExprKind::Call { callee: object, args: self.args(pair), piped: false },
            Rule::index | Rule::maybe_index => {
                let index = Box::new(self.index(pair));
                ExprKind::Index { object, index, maybe: rule == Rule::maybe_index }
            }
            _ => {
                let name = self.next_name(&mut pair.into_inner(), span);
                ExprKind::Field { object, name, maybe: rule == Rule::maybe_field }
            }
        };
        Expr { kind, span }
    }

    /// `i`, `a..b`, `a..`, `..b` or `..`
    fn index(&mut self, pair: Pair<'a>) -> Expr {
        let whole = self.span(&pair);
        let inner: Vec<Pair<'a>> = pair.into_inner().collect();
        let Some(range) = inner.iter().position(|part| part.as_rule() == Rule::range_op) else {
            return self.next_expr(&mut inner.into_iter(), whole);
        };
        let inclusive = inner[range].as_str() == "..=";
        let mut span = self.span(&inner[range]);
        let mut ends = [None, None];
        for (i, part) in inner.into_iter().enumerate() {
            if i == range {
                continue;
            }
            if operators::looser_than_range(&part) {
                let part_span = self.span(&part);
                self.error(codes::OPERATORS, part_span, "`..` binds tighter than this operator", "needs parentheses");
            }
            let end = self.expr(part);
            span = span.to(end.span);
            ends[usize::from(i > range)] = Some(Box::new(end));
        }
        let [start, end] = ends;
        if inclusive && end.is_none() {
            self.error(codes::UNEXPECTED, span, "`..=` needs a last value", "what is the last one?");
            self.help("write `..` to go on to the end");
        }
        Expr { kind: ExprKind::Range { start, end, inclusive }, span }
    }

    pub(super) fn args(&mut self, pair: Pair<'a>) -> Vec<Arg> {
        let mut args = Vec::new();
        let mut named = false;
        for part in pair.into_inner() {
            let span = self.span(&part);
            let arg = match part.as_rule() {
                Rule::spread => Arg::Spread(self.next_expr(&mut part.into_inner(), span)),
                Rule::named => {
                    named = true;
                    let (name, value) = self.named(part);
                    Arg::Named(name, value)
                }
                _ => {
                    if named {
                        let message = "an argument without a name stands behind one with a name";
                        self.error(codes::FORM, span, message, "has no name");
                        self.help("put the arguments with names last");
                    }
                    Arg::One(self.expr(part))
                }
            };
            args.push(arg);
        }
        kept(args)
    }

    fn named(&mut self, pair: Pair<'a>) -> (Name, Expr) {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let name = self.next_name(&mut inner, span);
        (name, self.next_expr(&mut inner, span))
    }

    pub(super) fn options(&mut self, pair: Pair<'a>) -> Vec<(Name, Expr)> {
        pair.into_inner().map(|option| self.named(option)).collect()
    }

    pub(super) fn named_option(&mut self, pair: Pair<'a>) -> (Name, Expr) {
        self.named(pair)
    }

    fn atom(&mut self, pair: Pair<'a>, keep_parens: bool) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::number => match literals::number(pair.as_str(), span.start as usize) {
                Ok(kind) => kind,
                Err(wrong) => {
                    self.wrong(wrong);
                    ExprKind::Null
                }
            },
            Rule::text => return self.text(&pair),
            Rule::fstring => self.fstring(pair),
            Rule::name => ExprKind::Name(self.word(pair.as_str())),
            Rule::constant => constant(pair.as_str()),
            Rule::paren => {
                let inner = self.next_expr(&mut pair.into_inner(), span);
                if !keep_parens {
                    return Expr { span, ..inner };
                }
                ExprKind::Paren(Box::new(inner))
            }
            Rule::list => self.list(pair),
            Rule::map => {
                let (entries, clauses) = self.map_parts(pair.into_inner());
                self.map(entries, clauses)
            }
            Rule::closure => self.closure(pair),
            Rule::fn_closure => {
                let mut inner = parts(pair);
                let params = inner.next().map(|params| self.params(params, false)).unwrap_or_default();
                let body = self.next_block(&mut inner, span);
                ExprKind::Closure(Rc::new(Function { name: None, params, body, closure: true, doc: None, span }))
            }
            _ => self.construct(pair),
        };
        Expr { kind, span }
    }

    fn list(&mut self, pair: Pair<'a>) -> ExprKind {
        let mut items = Vec::new();
        let mut clauses = Vec::new();
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::spread => items.push(Item::Spread(self.next_expr(&mut part.into_inner(), span))),
                Rule::for_clause | Rule::if_clause => clauses.push(part),
                _ => items.push(Item::One(self.expr(part))),
            }
        }
        if clauses.is_empty() {
            return ExprKind::List(kept(items));
        }
        let clauses = self.clauses(clauses);
        match items.pop() {
            Some(Item::One(item)) => ExprKind::ListComp(Box::new(item), clauses),
            Some(Item::Spread(item)) => {
                self.error(codes::FORM, item.span, "`...` cannot stand in a comprehension", "spread here");
                self.help("use a second `for`: `[x for xs in lists for x in xs]`");
                ExprKind::Null
            }
            None => ExprKind::Null,
        }
    }

    pub(super) fn clauses(&mut self, clauses: Vec<Pair<'a>>) -> Vec<Clause> {
        let mut built = Vec::new();
        for clause in clauses {
            let span = self.span(&clause);
            if clause.as_rule() == Rule::if_clause {
                if built.is_empty() {
                    self.error(
                        codes::UNEXPECTED,
                        span,
                        "a comprehension starts with `for`",
                        "`if` without `for` before it",
                    );
                    self.help("to choose between values write `if c { a } else { b }`");
                }
                built.push(Clause::If(self.next_expr(&mut parts(clause), span)));
            } else {
                let mut inner = parts(clause);
                let (pattern, several) = self.next_names(&mut inner, span);
                built.push(Clause::For { pattern, several, iter: self.next_expr(&mut inner, span) });
            }
        }
        built
    }

    /// Entries and clauses of a map.
    pub(super) fn map_parts(&mut self, pairs: impl Iterator<Item = Pair<'a>>) -> (Vec<Entry>, Vec<Clause>) {
        let (clauses, entries): (Vec<_>, Vec<_>) =
            pairs.partition(|part| matches!(part.as_rule(), Rule::for_clause | Rule::if_clause));
        let entries = entries.into_iter().map(|entry| self.entry(entry)).collect();
        (entries, self.clauses(clauses))
    }

    fn entry(&mut self, pair: Pair<'a>) -> Entry {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(first) = inner.next() else { return Entry::Spread(self.null(span)) };
        match first.as_rule() {
            Rule::spread => Entry::Spread(self.next_expr(&mut first.into_inner(), span)),
            Rule::key_word => Entry::Word(self.name(&first), self.next_expr(&mut inner, span)),
            _ => {
                let key = self.expr(first);
                Entry::Key(key, inner.next().map(|value| self.expr(value)))
            }
        }
    }

    pub(super) fn map(&mut self, entries: Vec<Entry>, clauses: Vec<Clause>) -> ExprKind {
        if clauses.is_empty() {
            return ExprKind::Map(entries.into_iter().map(|entry| self.map_item(entry)).collect());
        }
        let (key, value) = match entries.into_iter().next() {
            Some(Entry::Word(name, value)) => {
                if super::is_keyword(&name.text) {
                    self.error(codes::FORM, name.span, "the key of a comprehension is an expression", "a keyword");
                }
                (Expr { span: name.span, kind: ExprKind::Name(name.text) }, value)
            }
            Some(Entry::Key(key, Some(value))) => (key, value),
            Some(Entry::Key(key, None)) => {
                self.error(codes::FORM, key.span, "a comprehension in braces makes a map", "no `:` and value here");
                self.help("write `{k: v for …}`; for a set write `set([x for …])`");
                return ExprKind::Null;
            }
            Some(Entry::Spread(spread)) => {
                self.error(codes::FORM, spread.span, "`...` cannot stand in a comprehension", "spread here");
                return ExprKind::Null;
            }
            None => return ExprKind::Null,
        };
        ExprKind::MapComp(Box::new(key), Box::new(value), clauses.into())
    }

    fn map_item(&mut self, entry: Entry) -> MapItem {
        match entry {
            Entry::Spread(expr) => MapItem::Spread(expr),
            Entry::Word(name, value) => MapItem::Pair(Expr { span: name.span, kind: ExprKind::Str(name.text) }, value),
            Entry::Key(key, None) => match &key.kind {
                ExprKind::Name(name) => {
                    let text = Expr { span: key.span, kind: ExprKind::Str(name.clone()) };
                    MapItem::Pair(text, key)
                }
                _ => {
                    self.error(codes::UNEXPECTED, key.span, "expected `:` and a value", "this key has no value");
                    self.help("here `{` opens a map; `{x}` is short for `{x: x}`");
                    MapItem::Spread(key)
                }
            },
            Entry::Key(key, Some(value)) => MapItem::Pair(self.key(key), value),
        }
    }

    /// A key as written: a text, a number or `[expression]`.
    fn key(&mut self, key: Expr) -> Expr {
        let span = key.span;
        match key.kind {
            ExprKind::Str(_) | ExprKind::FString(_) | ExprKind::Bytes(_) => key,
            ExprKind::Int(_) | ExprKind::BigInt(_) | ExprKind::Float(_) => key,
            ExprKind::Unary(UnaryOp::Neg, ref number)
                if matches!(number.kind, ExprKind::Int(_) | ExprKind::BigInt(_) | ExprKind::Float(_)) =>
            {
                key
            }
            ExprKind::List(mut items) if items.len() == 1 && matches!(items[0], Item::One(_)) => match items.pop() {
                Some(Item::One(key)) => key,
                _ => self.null(span),
            },
            _ => {
                self.error(codes::FORM, span, "a key that is computed stands in `[ ]`", "an expression");
                self.help("write `{[key]: value}`; a plain word is a text: `{name: 1}`");
                key
            }
        }
    }

    fn closure(&mut self, pair: Pair<'a>) -> ExprKind {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let params = inner.next().map(|bars| self.params(bars, false)).unwrap_or_default();
        let body = match inner.next() {
            Some(body) => self.body(body),
            None => self.null(span),
        };
        let body = match body {
            Expr { kind: ExprKind::Block(block), .. } => block,
            other => one_expr(other),
        };
        ExprKind::Closure(Rc::new(Function { name: None, params, body, closure: true, doc: None, span }))
    }

    /// What stands after `=>` or `|x|`.
    pub(super) fn body(&mut self, pair: Pair<'a>) -> Expr {
        let span = self.span(&pair);
        match pair.into_inner().next() {
            Some(body) if body.as_rule() == Rule::braces => self.braces(body),
            Some(body) => self.expr(body),
            None => self.null(span),
        }
    }

    /// A block, or a map whose first key is `[k]`.
    pub(super) fn braces(&mut self, pair: Pair<'a>) -> Expr {
        let span = self.span(&pair);
        let mut stmts = Vec::new();
        for part in pair.into_inner() {
            if part.as_rule() != Rule::braces_map {
                stmts.push(self.stmt(part));
                continue;
            }
            let Some(Stmt { kind: StmtKind::Expr(key), .. }) = stmts.pop() else {
                let span = self.span(&part);
                self.error(codes::UNEXPECTED, span, "unexpected `:`", "behind a statement");
                break;
            };
            let mut inner = part.into_inner();
            let value = self.next_expr(&mut inner, span);
            let mut entries = vec![Entry::Key(key, Some(value))];
            let (more, clauses) = self.map_parts(inner);
            entries.extend(more);
            return Expr { kind: self.map(entries, clauses), span };
        }
        Expr { kind: ExprKind::Block(Block { stmts, span }), span }
    }

    pub(super) fn params(&mut self, pair: Pair<'a>, named: bool) -> Vec<Param> {
        let mut params: Vec<Param> = Vec::new();
        for part in pair.into_inner() {
            let span = self.span(&part);
            let kind = PatternKind::Wild;
            let mut param = Param { pattern: Pattern { kind, span }, mutable: false, default: None, rest: false };
            for piece in part.into_inner() {
                match piece.as_rule() {
                    Rule::kw_var => param.mutable = true,
                    Rule::rest => param.rest = true,
                    Rule::pattern | Rule::one_pattern => {
                        self.refuse_keyword(&piece);
                        param.pattern = self.pattern(piece);
                    }
                    Rule::bar_default | Rule::expr => param.default = Some(self.expr(piece)),
                    _ => {}
                }
            }
            self.check_param(&param, params.last(), named, span);
            params.push(param);
        }
        kept(params)
    }

    fn check_param(&mut self, param: &Param, before: Option<&Param>, named: bool, span: Span) {
        let simple = matches!(param.pattern.kind, PatternKind::Bind(_) | PatternKind::Wild);
        let refused = self.errors.last().and_then(|error| error.labels.first());
        if refused.is_some_and(|label| label.place.span.start == param.pattern.span.start) {
            return;
        }
        if before.is_some_and(|before| before.rest) {
            self.error(codes::FORM, span, "a parameter stands behind `...`", "cannot get a value");
            self.help("`...` takes all that is left: put it last");
        } else if param.rest && param.default.is_some() {
            self.error(codes::FORM, span, "`...` takes no default", "an empty list when nothing is left");
        } else if !simple && (named || param.rest || param.mutable) {
            let what = if named { "a parameter of a `fn` is a name" } else { "`var` and `...` stand before a name" };
            self.error(codes::FORM, param.pattern.span, what, "a pattern");
            self.help("take it apart in the body: `let [a, b] = x`");
        } else if param.default.is_none() && !param.rest && before.is_some_and(|before| before.default.is_some()) {
            let message = "a parameter without a default stands behind one with a default";
            self.error(codes::FORM, span, message, "has no default");
        }
    }

    fn fstring(&mut self, pair: Pair<'a>) -> ExprKind {
        let quoted = Quoted::new(pair.as_str(), self.start(&pair));
        let holes: Vec<Pair<'a>> = pair.into_inner().collect();
        let mut pieces = Vec::new();
        let mut at = quoted.start;
        for hole in &holes {
            pieces.push((at, self.start(hole)));
            at = self.end(hole);
        }
        pieces.push((at, quoted.end));
        let mut decoder = Decoder::new(self.source, quoted, &pieces, true);
        let texts: Vec<Rc<str>> = pieces.iter().map(|&(start, end)| into_text(decoder.piece(start, end))).collect();
        for wrong in decoder.wrong {
            self.wrong(wrong);
        }
        let mut texts = texts.into_iter();
        if holes.is_empty() {
            return ExprKind::Str(texts.next().unwrap_or_default());
        }
        let mut out = Vec::new();
        let mut holes = holes.into_iter();
        for text in texts {
            if !text.is_empty() {
                out.push(FPart::Text(text));
            }
            if let Some(hole) = holes.next() {
                self.hole(hole, &mut out);
            }
        }
        ExprKind::FString(out)
    }

    fn hole(&mut self, pair: Pair<'a>, out: &mut Vec<FPart>) {
        let span = self.span(&pair);
        let mut value = self.null(span);
        let (mut shown, mut conversion, mut spec) = (false, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::hole_text => {
                    let text = &self.source[span.start as usize + 1..self.end(&part)];
                    out.push(FPart::Text(text.into()));
                    shown = true;
                }
                Rule::conversion => {
                    let written = part.as_str();
                    if !matches!(written, "!s" | "!r") {
                        let span = self.span(&part);
                        self.error(codes::UNEXPECTED, span, format!("unknown conversion `{written}`"), "not known");
                        self.help("`!s` writes the text, `!r` writes the value as it stands in a script");
                    }
                    conversion = Some(written == "!r");
                }
                Rule::spec => spec = Some(self.spec(part)),
                _ => value = self.expr(part),
            }
        }
        let repr = conversion.unwrap_or(shown && spec.is_none());
        out.push(FPart::Value { value, repr, spec: spec.unwrap_or_default() });
    }

    fn spec(&mut self, pair: Pair<'a>) -> Vec<FPart> {
        let mut out = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::hole => self.hole(part, &mut out),
                _ => out.push(FPart::Text(part.as_str().into())),
            }
        }
        out
    }
}

/// An entry between the braces of a map, before it is known whether it is a comprehension.
pub(super) enum Entry {
    Spread(Expr),
    Word(Name, Expr),
    Key(Expr, Option<Expr>),
}

fn is_postfix(rule: Rule) -> bool {
    matches!(rule, Rule::call | Rule::index | Rule::maybe_index | Rule::field | Rule::maybe_field)
}

pub(super) fn constant(word: &str) -> ExprKind {
    match word {
        "true" => ExprKind::Bool(true),
        "false" => ExprKind::Bool(false),
        "inf" => ExprKind::Float(f64::INFINITY),
        "nan" => ExprKind::Float(f64::NAN),
        _ => ExprKind::Null,
    }
}
