//! Prints a tree as a compact s-expression.

use crate::syntax::ast::*;
use std::fmt::Write;

pub(super) fn script(script: &Script) -> String {
    stmts(&script.body.stmts)
}

fn join(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" ")
}

fn stmts(stmts: &[Stmt]) -> String {
    join(stmts.iter().map(stmt))
}

fn block(block: &Block) -> String {
    format!("{{{}}}", stmts(&block.stmts))
}

fn doc(doc: &Option<std::rc::Rc<str>>) -> String {
    doc.as_ref().map_or(String::new(), |doc| format!(" doc:{doc:?}"))
}

fn stmt(stmt: &Stmt) -> String {
    match &stmt.kind {
        StmtKind::Let { mutable, pattern, value, doc: text } => {
            let word = if *mutable { "var" } else { "let" };
            format!("({word} {} {}{})", self::pattern(pattern), expr(value), doc(text))
        }
        StmtKind::Assign { target, op, value } => {
            let op = match op {
                None => String::new(),
                Some(AssignOp::Coalesce) => "??".into(),
                Some(AssignOp::Binary(op)) => binary(*op).into(),
            };
            format!("({op}= {} {})", expr(target), expr(value))
        }
        StmtKind::Fn { function, .. } => format!("({})", self::function(function)),
        StmtKind::Import { path, name, .. } => format!("(import {path:?} {})", name.text),
        StmtKind::FromImport { path, names, .. } => {
            let names = names.iter().map(|(a, b)| format!("{}:{}", a.text, b.text));
            format!("(from {path:?} {})", join(names))
        }
        StmtKind::Test { name, body } => format!("(test {name:?} {})", block(body)),
        StmtKind::Expr(e) => expr(e),
    }
}

fn function(function: &Function) -> String {
    let name = function.name.as_ref().map_or("", |name| &name.text);
    let word = if function.closure { "closure" } else { "fn" };
    let params = function.params.iter().map(|param| {
        let mut out = String::new();
        out += if param.mutable { "var " } else { "" };
        out += if param.rest { "..." } else { "" };
        out += &pattern(&param.pattern);
        if let Some(default) = &param.default {
            let _ = write!(out, "={}", expr(default));
        }
        out
    });
    let params = params.collect::<Vec<_>>().join(",");
    format!("{word} {name}({params}) {}{}", block(&function.body), doc(&function.doc))
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Rem => "%",
        BinaryOp::Pow => "**",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitXor => "^",
        BinaryOp::BitOr => "|",
    }
}

fn options(options: &[(Name, Expr)]) -> String {
    options.iter().map(|(name, value)| format!(" {}={}", name.text, expr(value))).collect()
}

fn args(args: &[Arg]) -> String {
    args.iter()
        .map(|arg| match arg {
            Arg::One(e) => format!(" {}", expr(e)),
            Arg::Spread(e) => format!(" ...{}", expr(e)),
            Arg::Named(name, e) => format!(" {}={}", name.text, expr(e)),
        })
        .collect()
}

fn clauses(clauses: &[Clause]) -> String {
    clauses
        .iter()
        .map(|clause| match clause {
            Clause::For { pattern: p, several, iter } => {
                format!(" (for{} {} {})", if *several { "*" } else { "" }, pattern(p), expr(iter))
            }
            Clause::If(e) => format!(" (if {})", expr(e)),
        })
        .collect()
}

fn range(start: Option<String>, end: Option<String>, inclusive: bool) -> String {
    let op = if inclusive { "..=" } else { ".." };
    format!("({op} {} {})", start.unwrap_or("-".into()), end.unwrap_or("-".into()))
}

fn fparts(parts: &[FPart]) -> String {
    parts
        .iter()
        .map(|part| match part {
            FPart::Text(text) => format!(" {text:?}"),
            FPart::Value { value, repr, spec } => {
                let spec = if spec.is_empty() { String::new() } else { format!(" :{}", fparts(spec)) };
                format!(" {{{}{}{spec}}}", expr(value), if *repr { "!r" } else { "" })
            }
        })
        .collect()
}

pub(super) fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Null => "null".into(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Int(value) => value.to_string(),
        ExprKind::BigInt(value) => format!("{value}n"),
        ExprKind::Float(value) => format!("{value:?}"),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
        ExprKind::FString(parts) => format!("(f{})", fparts(parts)),
        ExprKind::Name(name) => name.to_string(),
        ExprKind::List(items) => {
            let items = items.iter().map(|item| match item {
                Item::One(e) => expr(e),
                Item::Spread(e) => format!("...{}", expr(e)),
            });
            format!("[{}]", join(items))
        }
        ExprKind::Map(items) => {
            let items = items.iter().map(|item| match item {
                MapItem::Pair(k, v) => format!("{}:{}", expr(k), expr(v)),
                MapItem::Spread(e) => format!("...{}", expr(e)),
            });
            format!("(map {})", join(items))
        }
        ExprKind::Range { start, end, inclusive } => {
            range(start.as_ref().map(|e| expr(e)), end.as_ref().map(|e| expr(e)), *inclusive)
        }
        ExprKind::Unary(op, e) => {
            let op = match op {
                UnaryOp::Neg => "-",
                UnaryOp::BitNot => "~",
                UnaryOp::Not => "not",
            };
            format!("({op} {})", expr(e))
        }
        ExprKind::Binary(first, rest) => {
            let rest = rest.iter().map(|(op, e)| format!("{} {}", binary(*op), expr(e)));
            format!("({} {})", expr(first), join(rest))
        }
        ExprKind::Pow(a, b) => format!("({} ** {})", expr(a), expr(b)),
        ExprKind::Compare(first, rest) => {
            let rest = rest.iter().map(|(o, e)| format!("{} {}", o.symbol(), expr(e)));
            format!("({} {})", expr(first), join(rest))
        }
        ExprKind::Logic(op, operands) => {
            let op = match op {
                LogicOp::And => "and",
                LogicOp::Or => "or",
                LogicOp::Coalesce => "??",
            };
            format!("({op} {})", join(operands.iter().map(expr)))
        }
        ExprKind::In { item, negated, container } => {
            format!("({}in {} {})", if *negated { "not-" } else { "" }, expr(item), expr(container))
        }
        ExprKind::Is { value, negated, type_name } => {
            format!("(is{} {} {})", if *negated { "-not" } else { "" }, expr(value), type_name.text)
        }
        ExprKind::Call { callee, args: list, piped } => {
            format!("({}call {}{})", if *piped { "|> " } else { "" }, expr(callee), args(list))
        }
        ExprKind::Index { object, index, maybe } => {
            format!("(index{} {} {})", if *maybe { "?" } else { "" }, expr(object), expr(index))
        }
        ExprKind::Field { object, name, maybe } => {
            format!("{}{}.{}", expr(object), if *maybe { "?" } else { "" }, name.text)
        }
        ExprKind::Paren(e) => format!("(paren {})", expr(e)),
        ExprKind::Closure(f) => format!("({})", function(f)),
        ExprKind::If { arms, otherwise } => {
            let arms = arms.iter().map(|(c, b)| format!("{} {}", expr(c), block(b)));
            let otherwise = otherwise.as_ref().map_or(String::new(), |b| format!(" else {}", block(b)));
            format!("(if {}{otherwise})", join(arms))
        }
        ExprKind::Match { subject, arms } => {
            let arms = arms.iter().map(|arm| {
                let guard = arm.guard.as_ref().map_or(String::new(), |g| format!(" if {}", expr(g)));
                format!("({}{guard} => {})", pattern(&arm.pattern), expr(&arm.body))
            });
            format!("(match {} {})", expr(subject), join(arms))
        }
        ExprKind::Block(b) => format!("(block {})", block(b)),
        ExprKind::Try { body, catches, finally } => {
            let mut out = format!("(try {}", block(body));
            for catch in catches {
                out += " catch";
                if let Some(name) = &catch.name {
                    let _ = write!(out, " {}", name.text);
                }
                if let Some(guard) = &catch.guard {
                    let _ = write!(out, " if {}", expr(guard));
                }
                let _ = write!(out, " {}", block(&catch.body));
            }
            if let Some(finally) = finally {
                let _ = write!(out, " finally {}", block(finally));
            }
            out + ")"
        }
        ExprKind::TryElse(a, b) => format!("(try {} else {})", expr(a), expr(b)),
        ExprKind::Throw(e) => format!("(throw {})", expr(e)),
        ExprKind::Return(None) => "(return)".into(),
        ExprKind::Return(Some(e)) => format!("(return {})", expr(e)),
        ExprKind::Break => "break".into(),
        ExprKind::Continue => "continue".into(),
        ExprKind::While(c, b) => format!("(while {} {})", expr(c), block(b)),
        ExprKind::Loop(b) => format!("(loop {})", block(b)),
        ExprKind::For(f) => {
            let word = if f.parallel.is_some() { "parallel-for" } else { "for" };
            let several = if f.several { "*" } else { "" };
            let options = f.parallel.as_ref().map_or(String::new(), |o| options(o));
            format!("({word}{several} {} {}{options} {})", pattern(&f.pattern), expr(&f.iter), block(&f.body))
        }
        ExprKind::With { items, body } => {
            let items = items.iter().map(|(e, p)| match p {
                Some(p) => format!("{} as {}", expr(e), pattern(p)),
                None => expr(e),
            });
            format!("(with {} {})", join(items), block(body))
        }
        ExprKind::ListComp(e, c) => format!("[{}{}]", expr(e), clauses(c)),
        ExprKind::MapComp(k, v, c) => format!("(map {}:{}{})", expr(k), expr(v), clauses(c)),
        ExprKind::Spawn { options: o, body } => match &**body {
            SpawnBody::Call { callee, args: list } => format!("(spawn{} {}{})", options(o), expr(callee), args(list)),
            SpawnBody::Block(f) => format!("(spawn{} {})", options(o), block(&f.body)),
        },
        ExprKind::Scope { options: o, body } => format!("(scope{} {})", options(o), block(body)),
        ExprKind::Select(arms) => {
            let arms = arms.iter().map(|arm| {
                let head = match &arm.kind {
                    SelectKind::From { index, pattern: p, channel } => {
                        let index = index.as_ref().map_or(String::new(), |i| format!("{},", pattern(i)));
                        format!("from {index}{} {}", pattern(p), expr(channel))
                    }
                    SelectKind::Put(e) => format!("put {}", expr(e)),
                    SelectKind::Done(e) => format!("done {}", expr(e)),
                    SelectKind::After(e) => format!("after {}", expr(e)),
                    SelectKind::Closed => "closed".into(),
                    SelectKind::Else => "else".into(),
                };
                format!("({head} => {})", expr(&arm.body))
            });
            format!("(select {})", join(arms))
        }
    }
}

fn rest(rest: &Option<Option<Name>>) -> Option<String> {
    rest.as_ref().map(|name| format!("...{}", name.as_ref().map_or("", |name| &name.text)))
}

pub(super) fn pattern(p: &Pattern) -> String {
    match &p.kind {
        PatternKind::Wild => "_".into(),
        PatternKind::Bind(name) => name.text.to_string(),
        PatternKind::Literal(e) => format!("'{}", expr(e)),
        PatternKind::Range { start, end, inclusive } => {
            range(start.as_ref().map(|e| expr(e)), end.as_ref().map(|e| expr(e)), *inclusive)
        }
        PatternKind::List { before, rest: r, after } => {
            let all = before.iter().map(pattern).chain(rest(r)).chain(after.iter().map(pattern));
            format!("[{}]", join(all))
        }
        PatternKind::Map { entries, rest: r } => {
            let entries = entries.iter().map(|(name, p)| format!("{}:{}", name.text, pattern(p)));
            format!("{{{}}}", join(entries.chain(rest(r))))
        }
        PatternKind::Or(all) => format!("(or {})", join(all.iter().map(pattern))),
        PatternKind::Is(p, name) => format!("(is {} {})", pattern(p), name.text),
    }
}
