//! The tree that the parser makes and the compiler reads.
//!
//! Every node carries the byte span of its text. Runs of operators of one level, `else if` chains and the like are
//! flat lists, so the depth of a tree is bounded by the nesting of brackets and blocks, which the parser limits.

use crate::source::Span;
use num_bigint::BigInt;
use std::rc::Rc;

/// A name as written, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The text.
    pub text: Rc<str>,
    /// Where it stands.
    pub span: Span,
}

/// A whole source text: a module's body.
#[derive(Debug)]
pub struct Script {
    /// The statements at top level.
    pub body: Block,
}

/// Statements between braces (or a whole file). Its value is that of its last statement, if that is an expression.
#[derive(Debug)]
pub struct Block {
    /// The statements in order.
    pub stmts: Vec<Stmt>,
    /// From brace to brace.
    pub span: Span,
}

/// A statement.
#[derive(Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Its text.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Debug)]
pub enum StmtKind {
    /// `let p = e`, `var p = e`. Several names (`let a, b = e`) are a list pattern; several values (`= 1, 2`) a list.
    Let {
        /// `var` rather than `let`.
        mutable: bool,
        /// What is bound.
        pattern: Box<Pattern>,
        /// The value.
        value: Expr,
        /// The `##` lines above.
        doc: Option<Rc<str>>,
    },
    /// `place = e`, `place += e`, `a, b = e`.
    Assign {
        /// A [`ExprKind::Name`], `Index`, `Field`, or for several targets and `[a, ...b] = e` a `List` of such.
        target: Expr,
        /// The operator of `+=` and its kin; `None` for `=`.
        op: Option<AssignOp>,
        /// The right side. Several values are a list.
        value: Expr,
    },
    /// `fn name(…) { … }` or `fn name(…) = e`.
    Fn {
        /// What is defined.
        name: Name,
        /// The function.
        function: Rc<Function>,
    },
    /// `import "path" as name`.
    Import {
        /// The path as written.
        path: Rc<str>,
        /// Place of the path.
        path_span: Span,
        /// The name it gets.
        name: Name,
    },
    /// `from "path" import a, b as c`.
    FromImport {
        /// The path as written.
        path: Rc<str>,
        /// Place of the path.
        path_span: Span,
        /// Each imported name and the name it gets here.
        names: Vec<(Name, Name)>,
    },
    /// `test "what" { … }`: run by the test runner alone.
    Test {
        /// What it tests.
        name: Rc<str>,
        /// Its body.
        body: Block,
    },
    /// An expression, among them `if`, `for`, `return`, …
    Expr(Expr),
}

/// The operator of a compound assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignOp {
    /// An arithmetic or bit operator.
    Binary(BinaryOp),
    /// `??=`: assigns only where the place is missing or null.
    Coalesce,
}

/// An expression.
#[derive(Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its text.
    pub span: Span,
}

/// Left-associative operators on two values.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
    Shl,
    Shr,
    BitAnd,
    BitXor,
    BitOr,
}

/// Comparison operators that chain.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl CompareOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        }
    }
}

/// Operators that evaluate their right side only when needed.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicOp {
    And,
    Or,
    Coalesce,
}

/// Operators on one value.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Neg,
    BitNot,
    Not,
}

/// The kinds of expression. Most nodes of a tree are small ones: what is large has its parts elsewhere.
#[derive(Debug)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A larger integer.
    BigInt(BigInt),
    /// A float, `inf`, `nan`, or a duration in seconds.
    Float(f64),
    /// A text without parts to fill in.
    Str(Rc<str>),
    /// `b"…"`
    Bytes(Rc<[u8]>),
    /// `f"…"`
    FString(Vec<FPart>),
    /// A name.
    Name(Rc<str>),
    /// `[a, ...b]`
    List(Vec<Item>),
    /// `{k: v, [e]: v, x, ...m}`; the shorthand `x` is an entry of the str `"x"` and the name.
    Map(Vec<MapItem>),
    /// `a..b`, `a..=b`; either end may be missing inside `[ ]` only.
    Range {
        /// First value.
        start: Option<Box<Expr>>,
        /// Last value or one past it.
        end: Option<Box<Expr>>,
        /// `..=`
        inclusive: bool,
    },
    /// `-x`, `~x`, `not x`
    Unary(UnaryOp, Box<Expr>),
    /// A run of left-associative operators of one level: `a + b - c`.
    Binary(Box<Expr>, Vec<(BinaryOp, Expr)>),
    /// `a ** b`
    Pow(Box<Expr>, Box<Expr>),
    /// A chain of comparisons: `a < b <= c`.
    Compare(Box<Expr>, Vec<(CompareOp, Expr)>),
    /// `a and b and c`, `a or b`, `a ?? b`: at least two operands.
    Logic(LogicOp, Vec<Expr>),
    /// `x in xs`, `x not in xs`
    In {
        /// What is sought.
        item: Box<Expr>,
        /// `not in`
        negated: bool,
        /// Where.
        container: Box<Expr>,
    },
    /// `x is str`, `x is not str`
    Is {
        /// What is tested.
        value: Box<Expr>,
        /// `is not`
        negated: bool,
        /// The name of the type, not checked by the parser.
        type_name: Name,
    },
    /// `f(a, ...b, c = d)`. A method call is a call of a [`ExprKind::Field`]; `(m.f)(x)` has a `Paren` callee.
    /// `x |> f(y)` is the call `f(x, y)` with `piped`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// With what.
        args: Vec<Arg>,
        /// Made by `|>`: the first argument stands left of the callee and is evaluated before it.
        piped: bool,
    },
    /// `x[i]`, `x?[i]`; the index may be a range with missing ends.
    Index {
        /// What is indexed.
        object: Box<Expr>,
        /// The index.
        index: Box<Expr>,
        /// `?[`
        maybe: bool,
    },
    /// `x.name`, `x?.name`
    Field {
        /// What has the field.
        object: Box<Expr>,
        /// The field.
        name: Name,
        /// `?.`
        maybe: bool,
    },
    /// `(e)`, kept where it changes the meaning: as callee.
    Paren(Box<Expr>),
    /// `|x| e`, `|x| { … }`, `fn(x) { … }`
    Closure(Rc<Function>),
    /// `if c { } else if d { } else { }`
    If {
        /// Conditions with their blocks.
        arms: Vec<(Expr, Block)>,
        /// The last `else`.
        otherwise: Option<Box<Block>>,
    },
    /// `match v { … }`
    Match {
        /// The value.
        subject: Box<Expr>,
        /// The arms in order.
        arms: Vec<MatchArm>,
    },
    /// `{ … }` where a block may stand as an expression: after `=>`, `|x|`, `try`, `else`, at the start of a statement.
    Block(Block),
    /// `try { } catch … finally { }`
    Try {
        /// What may fail.
        body: Box<Block>,
        /// The handlers in order.
        catches: Box<[Catch]>,
        /// What runs in any case.
        finally: Option<Box<Block>>,
    },
    /// `try e else d`
    TryElse(Box<Expr>, Box<Expr>),
    /// `throw e`
    Throw(Box<Expr>),
    /// `return`, `return e`; several values are a list.
    Return(Option<Box<Expr>>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `while c { }`
    While(Box<Expr>, Box<Block>),
    /// `loop { }`
    Loop(Block),
    /// `for p in xs { }`; several names are a list pattern with `several`.
    For(Box<For>),
    /// `with a, b as x { }`
    With {
        /// What is held, with the pattern it is bound to.
        items: Vec<(Expr, Option<Pattern>)>,
        /// While this runs.
        body: Box<Block>,
    },
    /// `[e for p in xs if c]`
    ListComp(Box<Expr>, Vec<Clause>),
    /// `{k: v for p in xs if c}`
    MapComp(Box<Expr>, Box<Expr>, Box<[Clause]>),
    /// `spawn f(x)`, `spawn { … }`, `spawn(name = "w") f(x)`
    Spawn {
        /// The options in parentheses.
        options: Vec<(Name, Expr)>,
        /// What runs in the process.
        body: Box<SpawnBody>,
    },
    /// `scope(limit = 2) { … }`
    Scope {
        /// The options in parentheses.
        options: Vec<(Name, Expr)>,
        /// The body.
        body: Box<Block>,
    },
    /// `select { … }`
    Select(Vec<SelectArm>),
}

/// `for p in xs { }` or `parallel for p in xs, jobs = 2 { }`.
#[derive(Debug)]
pub struct For {
    /// What each item is bound to. For several names a list pattern.
    pub pattern: Pattern,
    /// Several names without brackets: over a map they are key and value.
    pub several: bool,
    /// What is looped over.
    pub iter: Expr,
    /// The body.
    pub body: Block,
    /// The options of `parallel for`; `None` for a plain one.
    pub parallel: Option<Vec<(Name, Expr)>>,
}

/// A part of an f-string.
#[derive(Debug)]
pub enum FPart {
    /// Plain text, escapes resolved.
    Text(Rc<str>),
    /// `{e!r:spec}`; `{e=}` puts its text before it as a `Text` part of its own.
    Value {
        /// The expression.
        value: Expr,
        /// `!r`, or `=` without a spec: write the value as it stands in a script.
        repr: bool,
        /// The format spec, itself with parts.
        spec: Vec<FPart>,
    },
}

/// An item of a list.
#[derive(Debug)]
pub enum Item {
    /// `e`
    One(Expr),
    /// `...e`
    Spread(Expr),
}

/// An entry of a map.
#[derive(Debug)]
pub enum MapItem {
    /// `k: v`
    Pair(Expr, Expr),
    /// `...m`
    Spread(Expr),
}

/// An argument of a call.
#[derive(Debug)]
pub enum Arg {
    /// `e`
    One(Expr),
    /// `...e`
    Spread(Expr),
    /// `name = e`
    Named(Name, Expr),
}

/// A `fn` or closure.
#[derive(Debug)]
pub struct Function {
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// The parameters.
    pub params: Vec<Param>,
    /// The body; for `= e` and `|x| e` a block of that one expression.
    pub body: Block,
    /// `|x|` or `fn(x)` as an expression: may read outer `var`s.
    pub closure: bool,
    /// The `##` lines above.
    pub doc: Option<Rc<str>>,
    /// From `fn` or `|` to its end.
    pub span: Span,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// A name, or in closures any pattern.
    pub pattern: Pattern,
    /// `var x`
    pub mutable: bool,
    /// `x = e`
    pub default: Option<Expr>,
    /// `...x`
    pub rest: bool,
}

/// A pattern, as in `match`, `let`, `for` and closures' parameters.
#[derive(Debug)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// Its text.
    pub span: Span,
}

/// The kinds of pattern.
#[derive(Debug)]
pub enum PatternKind {
    /// `_`
    Wild,
    /// A name: binds.
    Bind(Name),
    /// A literal: a number (perhaps negative), str, bytes, bool or null.
    Literal(Box<Expr>),
    /// `a..b`, `a..=b`, either end may be missing.
    Range {
        /// First value.
        start: Option<Box<Expr>>,
        /// Last value or one past it.
        end: Option<Box<Expr>>,
        /// `..=`
        inclusive: bool,
    },
    /// `[a, ...rest, b]`
    List {
        /// The patterns before the rest.
        before: Box<[Pattern]>,
        /// `...` or `...name`, anywhere once.
        rest: Option<Option<Name>>,
        /// The patterns after the rest.
        after: Box<[Pattern]>,
    },
    /// `{id, job: "gzip", ...rest}`
    Map {
        /// Each key with the pattern for its value.
        entries: Box<[(Name, Pattern)]>,
        /// `...` or `...name`
        rest: Option<Option<Name>>,
    },
    /// `a | b`
    Or(Vec<Pattern>),
    /// `n is int`, `_ is int`
    Is(Box<Pattern>, Name),
}

/// An arm of `match`.
#[derive(Debug)]
pub struct MatchArm {
    /// What it fits.
    pub pattern: Pattern,
    /// `if c`
    pub guard: Option<Expr>,
    /// Its value.
    pub body: Expr,
}

/// A `catch`.
#[derive(Debug)]
pub struct Catch {
    /// The name of the error.
    pub name: Option<Name>,
    /// `if c`
    pub guard: Option<Expr>,
    /// What then runs.
    pub body: Block,
}

/// A part of a comprehension after its element.
#[derive(Debug)]
pub enum Clause {
    /// `for p in xs`
    For {
        /// What each item is bound to.
        pattern: Pattern,
        /// Several names without brackets.
        several: bool,
        /// What is looped over.
        iter: Expr,
    },
    /// `if c`
    If(Expr),
}

/// What a spawned process runs.
#[derive(Debug)]
pub enum SpawnBody {
    /// A call; callee and arguments are evaluated in the parent.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// With what.
        args: Vec<Arg>,
    },
    /// A block, as a function without parameters.
    Block(Rc<Function>),
}

/// An arm of `select`.
#[derive(Debug)]
pub struct SelectArm {
    /// What it waits for.
    pub kind: SelectKind,
    /// What then runs.
    pub body: Expr,
    /// Its text.
    pub span: Span,
}

/// What an arm of `select` waits for.
#[derive(Debug)]
pub enum SelectKind {
    /// `p from q`, `i, p from [a, b]`
    From {
        /// The index among several channels.
        index: Option<Pattern>,
        /// What the message is bound to.
        pattern: Pattern,
        /// A channel or a list of them.
        channel: Expr,
    },
    /// `q.put(v)`, `end.send(v)`
    Put(Expr),
    /// `done p`
    Done(Expr),
    /// `after 2s`
    After(Expr),
    /// `closed`
    Closed,
    /// `else`
    Else,
}

#[cfg(test)]
mod tests {
    /// A tree has several expressions for each line.
    #[test]
    fn an_expression_has_48_bytes() {
        assert_eq!(size_of::<super::Expr>(), 48);
    }
}
