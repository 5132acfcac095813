//! Operators: their precedence, and the tree of a flat list of operands and operators.

use super::ast::*;
use super::codes;
use super::parser::{Builder, Pair, Rule};
use crate::source::Span;

/// A piece of a flat expression.
pub(super) enum Piece {
    /// An operator before its operand.
    Prefix(UnaryOp, Span),
    /// An operand with all that is attached to it.
    Operand(Expr),
    /// An operator between two operands.
    Infix(Infix, Span),
    /// `is str`, `is not str`
    Is(bool, Name, Span),
}

/// An operator between two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Infix {
    Binary(BinaryOp),
    Compare(CompareOp),
    Logic(LogicOp),
    In { negated: bool },
    Range { inclusive: bool },
    Pipe,
}

/// How tight the operators bind; `**` and calls are tightest.
mod level {
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const COMPARE: u8 = 4;
    pub const COALESCE: u8 = 5;
    pub const PIPE: u8 = 6;
    pub const RANGE: u8 = 7;
    pub const BIT_OR: u8 = 8;
    pub const BIT_XOR: u8 = 9;
    pub const BIT_AND: u8 = 10;
    pub const SHIFT: u8 = 11;
    pub const ADD: u8 = 12;
    pub const MUL: u8 = 13;
    pub const UNARY: u8 = 14;
    pub const POW: u8 = 15;
}

pub(super) fn binary_op(op: &str) -> Option<BinaryOp> {
    Some(match op {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "//" => BinaryOp::FloorDiv,
        "%" => BinaryOp::Rem,
        "**" => BinaryOp::Pow,
        "<<" => BinaryOp::Shl,
        ">>" => BinaryOp::Shr,
        "&" => BinaryOp::BitAnd,
        "^" => BinaryOp::BitXor,
        "|" => BinaryOp::BitOr,
        _ => return None,
    })
}

/// The operator as written; blanks may stand inside `not in`.
pub(super) fn infix(op: &str) -> Infix {
    if let Some(op) = binary_op(op) {
        return Infix::Binary(op);
    }
    match op {
        "==" => Infix::Compare(CompareOp::Eq),
        "!=" => Infix::Compare(CompareOp::Ne),
        "<" => Infix::Compare(CompareOp::Lt),
        "<=" => Infix::Compare(CompareOp::Le),
        ">" => Infix::Compare(CompareOp::Gt),
        ">=" => Infix::Compare(CompareOp::Ge),
        "and" => Infix::Logic(LogicOp::And),
        "or" => Infix::Logic(LogicOp::Or),
        "??" => Infix::Logic(LogicOp::Coalesce),
        "in" => Infix::In { negated: false },
        ".." => Infix::Range { inclusive: false },
        "..=" => Infix::Range { inclusive: true },
        "|>" => Infix::Pipe,
        _ => Infix::In { negated: true },
    }
}

fn level_of(infix: Infix) -> u8 {
    match infix {
        Infix::Logic(LogicOp::Or) => level::OR,
        Infix::Logic(LogicOp::And) => level::AND,
        Infix::Compare(_) | Infix::In { .. } => level::COMPARE,
        Infix::Logic(LogicOp::Coalesce) => level::COALESCE,
        Infix::Pipe => level::PIPE,
        Infix::Range { .. } => level::RANGE,
        Infix::Binary(op) => match op {
            BinaryOp::BitOr => level::BIT_OR,
            BinaryOp::BitXor => level::BIT_XOR,
            BinaryOp::BitAnd => level::BIT_AND,
            BinaryOp::Shl | BinaryOp::Shr => level::SHIFT,
            BinaryOp::Add | BinaryOp::Sub => level::ADD,
            BinaryOp::Mul | BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Rem => level::MUL,
            BinaryOp::Pow => level::POW,
        },
    }
}

/// The longest runs of operators that nest: prefixes, `**`, `|>`.
pub(super) fn nesting_runs(parts: &[Pair<'_>]) -> usize {
    let (mut prefix, mut pow, mut pipe) = (0, 0, 0);
    let mut longest = [0; 3];
    for part in parts {
        match part.as_rule() {
            Rule::prefix => prefix += 1,
            Rule::infix => {
                let op = part.as_str();
                pow = if op == "**" { pow + 1 } else { 0 };
                pipe = if op == "|>" { pipe + 1 } else { 0 };
                // After `**` a sign is one more level below.
                prefix = if op == "**" { prefix } else { 0 };
            }
            Rule::type_test => (prefix, pow, pipe) = (0, 0, 0),
            _ => {}
        }
        longest = [longest[0].max(prefix), longest[1].max(pow), longest[2].max(pipe)];
    }
    longest.iter().sum()
}

/// The tree of a flat list of pieces.
pub(super) struct Climb<'b, 'a> {
    pub builder: &'b mut Builder<'a>,
    pub pieces: std::iter::Peekable<std::vec::IntoIter<Piece>>,
    /// Where the list stands, for a node that cannot be made.
    pub span: Span,
}

impl Climb<'_, '_> {
    /// The tree of the operators that bind at least as tight as `min`.
    pub(super) fn all(mut self) -> Expr {
        self.climb(level::OR)
    }

    /// The level of the next operator, if it is one.
    fn next_level(&mut self) -> Option<u8> {
        match self.pieces.peek() {
            Some(Piece::Infix(op, _)) => Some(level_of(*op)),
            Some(Piece::Is(..)) => Some(level::COMPARE),
            _ => None,
        }
    }

    fn climb(&mut self, min: u8) -> Expr {
        let mut left = self.operand(min);
        while let Some(at) = self.next_level().filter(|&at| at >= min) {
            left = match at {
                level::OR | level::AND | level::COALESCE => self.logic(left, at),
                level::COMPARE => self.comparison(left),
                level::PIPE => self.pipe(left),
                level::RANGE => self.range(left),
                level::POW => {
                    self.pieces.next();
                    let right = self.climb(level::UNARY);
                    let span = left.span.to(right.span);
                    Expr { kind: ExprKind::Pow(Box::new(left), Box::new(right)), span }
                }
                _ => self.binary(left, at),
            };
        }
        left
    }

    fn operand(&mut self, min: u8) -> Expr {
        match self.pieces.next() {
            Some(Piece::Operand(expr)) => expr,
            Some(Piece::Prefix(op, span)) => {
                let at = match op {
                    UnaryOp::Not if min > level::NOT => {
                        let message = "`not` binds looser than the operator before it";
                        self.builder.error(codes::OPERATORS, span, message, "needs parentheses");
                        self.builder.help("put `not` and what it negates in parentheses: `(not x)`");
                        min
                    }
                    UnaryOp::Not => level::NOT,
                    UnaryOp::Neg | UnaryOp::BitNot => level::UNARY,
                };
                let operand = self.climb(at);
                let span = span.to(operand.span);
                Expr { kind: ExprKind::Unary(op, Box::new(operand)), span }
            }
            _ => Expr { kind: ExprKind::Null, span: self.span },
        }
    }

    fn binary(&mut self, left: Expr, at: u8) -> Expr {
        let mut rest = Vec::with_capacity(1);
        let mut span = left.span;
        while self.next_level() == Some(at) {
            let Some(Piece::Infix(Infix::Binary(op), _)) = self.pieces.next() else { break };
            let right = self.climb(at + 1);
            span = span.to(right.span);
            rest.push((op, right));
        }
        Expr { kind: ExprKind::Binary(Box::new(left), rest), span }
    }

    fn logic(&mut self, left: Expr, at: u8) -> Expr {
        let mut span = left.span;
        let mut operands = vec![left];
        let mut logic = LogicOp::And;
        while self.next_level() == Some(at) {
            let Some(Piece::Infix(Infix::Logic(op), _)) = self.pieces.next() else { break };
            logic = op;
            let right = self.climb(at + 1);
            span = span.to(right.span);
            operands.push(right);
        }
        Expr { kind: ExprKind::Logic(logic, operands), span }
    }

    /// A chain of `<` and its kin, or one `in` or `is`.
    fn comparison(&mut self, left: Expr) -> Expr {
        let mut chain = Vec::with_capacity(1);
        let start = left.span;
        let mut span = start;
        let mut left = Some(left);
        let mut single = None;
        while self.next_level() == Some(level::COMPARE) {
            let piece = self.pieces.next();
            let (op_span, chains) = match &piece {
                Some(Piece::Infix(op, span)) => (*span, matches!(op, Infix::Compare(_))),
                Some(Piece::Is(_, _, span)) => (*span, false),
                _ => break,
            };
            if single.is_some() || (!chains && !chain.is_empty()) {
                let message = "`in` and `is` do not chain with comparisons";
                self.builder.error(codes::OPERATORS, op_span, message, "a second comparison");
                self.builder.help("use parentheses, or `and`: `a in b and b == c`");
            }
            match piece {
                Some(Piece::Infix(op, _)) => {
                    let right = self.climb(level::COMPARE + 1);
                    span = span.to(right.span);
                    match op {
                        Infix::Compare(op) => chain.push((op, right)),
                        Infix::In { negated } => {
                            if let Some(left) = left.take() {
                                let (item, container) = (Box::new(left), Box::new(right));
                                single = Some(ExprKind::In { item, negated, container });
                            }
                        }
                        _ => {}
                    }
                }
                Some(Piece::Is(negated, type_name, _)) => {
                    span = span.to(type_name.span);
                    if let Some(left) = left.take() {
                        single = Some(ExprKind::Is { value: Box::new(left), negated, type_name });
                    }
                }
                _ => {}
            }
        }
        let kind = match (single, left) {
            (Some(kind), _) => kind,
            (None, Some(left)) => ExprKind::Compare(Box::new(left), chain),
            (None, None) => ExprKind::Null,
        };
        Expr { kind, span }
    }

    fn range(&mut self, left: Expr) -> Expr {
        let Some(Piece::Infix(Infix::Range { inclusive }, _)) = self.pieces.next() else { return left };
        let right = self.climb(level::RANGE + 1);
        if let Some(Piece::Infix(Infix::Range { .. }, span)) = self.pieces.peek() {
            let span = *span;
            self.builder.error(codes::OPERATORS, span, "ranges do not chain", "a second range");
            self.builder.help("a step is given to `range`: `range(0, 10, 2)`");
        }
        let span = left.span.to(right.span);
        Expr { kind: ExprKind::Range { start: Some(Box::new(left)), end: Some(Box::new(right)), inclusive }, span }
    }

    /// `x |> f(y)` is `f(x, y)`.
    fn pipe(&mut self, left: Expr) -> Expr {
        self.pieces.next();
        let right = self.climb(level::PIPE + 1);
        let span = left.span.to(right.span);
        let (callee, mut args) = match right.kind {
            ExprKind::Call { callee, args, piped: false } => (callee, args),
            ExprKind::Name(_) | ExprKind::Field { .. } | ExprKind::Paren(_) => (Box::new(right), Vec::new()),
            _ => {
                let message = "right of `|>` stands what is called";
                self.builder.error(codes::OPERATORS, right.span, message, "cannot be called like this");
                self.builder.help("a name, a field, a call, or a closure in parentheses: `x |> f`, `x |> (|v| v + 1)`");
                return left;
            }
        };
        args.insert(0, Arg::One(left));
        Expr { kind: ExprKind::Call { callee, args, piped: true }, span }
    }
}

/// Whether an expression's outermost operator binds no tighter than `..`.
pub(super) fn looser_than_range(expr: &Pair<'_>) -> bool {
    expr.clone().into_inner().any(|part| match part.as_rule() {
        Rule::infix => level_of(infix(part.as_str())) <= level::RANGE,
        Rule::prefix => part.as_str() == "not",
        rule => rule == Rule::type_test,
    })
}
