//! Bytecode: instructions, prototypes of functions, the program.
//!
//! A function's registers are its parameters, then its captured values, then locals and temporaries. A call's
//! arguments stand in the caller's last registers and are the callee's first ones.

use super::value::{Set, Value};
use crate::source::{FileId, Span};
use rustc_hash::FxHashMap as HashMap;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

/// Number of a register in its frame.
pub type Reg = u16;

/// Temporaries that every frame has beyond its own registers, for the optional arguments of natives.
pub const NATIVE_ARGUMENTS: usize = 16;

/// One instruction: 8 bytes, copied out of the code and matched. `dst` is written; other registers are read.
/// Offsets of jumps count from the next instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Instr {
    /// `dst = constants[index]`
    Const { dst: Reg, index: u32 },
    /// `dst = value`
    Int { dst: Reg, value: i32 },
    /// `dst = null`
    Null { dst: Reg },
    /// `dst = true` or `false`
    Bool { dst: Reg, value: bool },
    /// Marks a name as not yet set, an argument as not given.
    Undefined { dst: Reg },
    /// `dst = src`
    Copy { dst: Reg, src: Reg },
    /// `dst = src`, which is not read again.
    Move { dst: Reg, src: Reg },
    /// `dst = src`, a name that is not read again but still stands: handles stay with it until its block ends.
    MoveLast { dst: Reg, src: Reg },
    /// Gives up what `count` registers hold.
    Clear { from: Reg, count: u16 },
    /// `dst = globals[index]`, an error while it is not set.
    GetGlobal { dst: Reg, index: u32 },
    /// `globals[index] = src`
    SetGlobal { src: Reg, index: u32 },
    /// Like `GetGlobal`, leaving it empty until `SetGlobal` puts the changed value back.
    TakeGlobal { dst: Reg, index: u32 },

    /// `dst = a + b`
    Add { dst: Reg, a: Reg, b: Reg },
    /// `dst = a - b`
    Sub { dst: Reg, a: Reg, b: Reg },
    /// `dst = a * b`
    Mul { dst: Reg, a: Reg, b: Reg },
    /// `dst = a / b`
    Div { dst: Reg, a: Reg, b: Reg },
    /// `dst = a // b`
    FloorDiv { dst: Reg, a: Reg, b: Reg },
    /// `dst = a % b`
    Rem { dst: Reg, a: Reg, b: Reg },
    /// The rarer operators.
    Arith { op: super::value::Arith, dst: Reg, a: Reg, b: Reg },
    /// `dst = a + value`
    AddInt { dst: Reg, a: Reg, value: i16 },
    /// `dst = a * value`
    MulInt { dst: Reg, a: Reg, value: i16 },
    /// `dst = a // value`, the value above 0
    FloorDivInt { dst: Reg, a: Reg, value: i16 },
    /// `dst = a % value`, the value above 0
    RemInt { dst: Reg, a: Reg, value: i16 },
    /// `dst = a + constants[index]`, the other way round when `left`
    AddConst { left: bool, dst: Reg, a: Reg, index: u16 },
    /// `dst = a * constants[index]`, the other way round when `left`
    MulConst { left: bool, dst: Reg, a: Reg, index: u16 },
    /// `dst = a - constants[index]`
    SubConst { dst: Reg, a: Reg, index: u16 },
    /// `dst = constants[index] - a`
    ConstSub { dst: Reg, a: Reg, index: u16 },
    /// `dst = a / constants[index]`
    DivConst { dst: Reg, a: Reg, index: u16 },
    /// `dst = constants[index] / a`
    ConstDiv { dst: Reg, a: Reg, index: u16 },
    /// `dst = a // constants[index]`
    FloorDivConst { dst: Reg, a: Reg, index: u16 },
    /// `dst = a % constants[index]`
    RemConst { dst: Reg, a: Reg, index: u16 },
    /// `dst = -src`
    Neg { dst: Reg, src: Reg },
    /// `dst = ~src`
    BitNot { dst: Reg, src: Reg },
    /// `dst = not src`
    Not { dst: Reg, src: Reg },

    /// `dst = a == b`
    Eq { dst: Reg, a: Reg, b: Reg },
    /// `dst = a != b`
    Ne { dst: Reg, a: Reg, b: Reg },
    /// `dst = a < b`
    Lt { dst: Reg, a: Reg, b: Reg },
    /// `dst = a <= b`
    Le { dst: Reg, a: Reg, b: Reg },
    /// `dst = a > b`
    Gt { dst: Reg, a: Reg, b: Reg },
    /// `dst = a >= b`
    Ge { dst: Reg, a: Reg, b: Reg },
    /// `dst = a in b`
    In { dst: Reg, a: Reg, b: Reg },
    /// `dst = src is type`
    Is { dst: Reg, src: Reg, what: super::types::Type },

    /// Goes there.
    Jump { offset: i32 },
    /// Goes there when the register is true; must be a bool.
    JumpIf { src: Reg, offset: i32 },
    /// Goes there when the register is false; must be a bool.
    JumpIfNot { src: Reg, offset: i32 },
    /// Goes there when the register is null.
    JumpNull { src: Reg, offset: i32 },
    /// Goes there when the register is not null.
    JumpNotNull { src: Reg, offset: i32 },
    /// Goes there when `src is what`.
    JumpIs { what: super::types::Type, src: Reg, offset: i16 },
    /// Goes there when not.
    JumpIsNot { what: super::types::Type, src: Reg, offset: i16 },
    /// Goes there when the register is not `Undefined`.
    JumpDefined { src: Reg, offset: i32 },
    /// Goes there when `a < b`, `a <= b`, …, or when not.
    JumpLt { a: Reg, b: Reg, offset: i16 },
    /// See `JumpLt`.
    JumpLe { a: Reg, b: Reg, offset: i16 },
    /// See `JumpLt`.
    JumpNotLt { a: Reg, b: Reg, offset: i16 },
    /// See `JumpLt`.
    JumpNotLe { a: Reg, b: Reg, offset: i16 },
    /// See `JumpLt`.
    JumpEq { a: Reg, b: Reg, offset: i16 },
    /// See `JumpLt`.
    JumpNe { a: Reg, b: Reg, offset: i16 },
    /// See `JumpLt`; the right side is a constant.
    JumpEqConst { a: Reg, index: u16, offset: i16 },
    /// See `JumpEqConst`.
    JumpNeConst { a: Reg, index: u16, offset: i16 },
    /// See `JumpLt`; the right side is a small integer.
    JumpLtInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpLeInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpGtInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpGeInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpNotLtInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpNotLeInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpNotGtInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpNotGeInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpEqInt { a: Reg, value: i16, offset: i16 },
    /// See `JumpLtInt`.
    JumpNeInt { a: Reg, value: i16, offset: i16 },

    /// Begins a loop over integers: `base` is the first, `base+1` the end, both ints; goes there when there is none,
    /// else `base+2 = base`.
    RangePrep { base: Reg, offset: i32 },
    /// The next integer of the loop into `base` and `base+2`, and back to there; on at the end.
    RangeLoop { base: Reg, offset: i32 },
    /// Begins a loop over `range(base, base+1, base+2)`, or over the range in `base` when that was `called`: goes to its
    /// `StepLoop`, with the next number in `base`, how many are left in `base+1` and the step in `base+3`. Goes on, to a
    /// call of `range`, when these are not three ints that make one.
    StepPrep { called: bool, base: Reg, offset: i32 },
    /// The next number of the loop into `base+2`, and back to there; on when none are left.
    StepLoop { base: Reg, offset: i32 },
    /// Begins a loop over the container in `base`, with its position in `base+1`.
    IterPrep { base: Reg },
    /// The next item into `base+2`; goes there at the end.
    IterNext { base: Reg, offset: i32 },
    /// The end of a loop's body: the next item of a container that is in memory into `base+2`, and to the instruction
    /// after the `IterNext` there; else to that itself.
    IterLoop { base: Reg, offset: i32 },
    /// The next key and value of a map into `base+2` and `base+3`; of other containers an item of two parts.
    IterPair { base: Reg, offset: i32 },

    /// `dst = [base, base+1, …]`
    NewList { dst: Reg, base: Reg, count: u16 },
    /// `dst = {base: base+1, …}` of `count` pairs
    NewMap { dst: Reg, base: Reg, count: u16 },
    /// `dst` = the map with the keys in [`Proto::records`]`[site]` and the `count` values in `base`…
    NewRecord { count: u8, dst: Reg, base: Reg, site: u16 },
    /// Makes room in the empty list for what the loop will go over that begins at `base`.
    Reserve { list: Reg, base: Reg },
    /// Adds an item to the list.
    ListPush { list: Reg, src: Reg },
    /// Adds all items of a container to the list.
    ListExtend { list: Reg, src: Reg },
    /// Sets a key in a map that is being made.
    MapInsert { map: Reg, key: Reg, value: Reg },
    /// Adds all entries of a map to the map.
    MapExtend { map: Reg, src: Reg },
    /// `dst = a..b`
    NewRange { dst: Reg, a: Reg, b: Reg, inclusive: bool },
    /// `dst = a[b]`
    Index { dst: Reg, a: Reg, b: Reg },
    /// `dst = a[b]`, null when `a` is null or has no such key
    IndexMaybe { dst: Reg, a: Reg, b: Reg },
    /// `dst = a.name`
    Field { dst: Reg, a: Reg, name: u16 },
    /// `dst = a?.name`
    FieldMaybe { dst: Reg, a: Reg, name: u16 },
    /// `dst = base[base+1 .. base+2]`, where `Undefined` is an end that was left out
    Slice { dst: Reg, base: Reg, inclusive: bool },
    /// `a[b] = src`. When `strided`, `b` is the number of a loop whose step is in `b+1`.
    SetIndex { strided: bool, a: Reg, b: Reg, src: Reg },
    /// `a[b]` = the constant, which is a scalar; see `SetIndex`
    SetIndexConst { strided: bool, a: Reg, b: Reg, index: u16 },
    /// `a.name = src`
    SetField { a: Reg, name: u16, src: Reg },
    /// Sets a part of a variable; see [`Path`].
    SetPath { src: Reg, path: u32 },
    /// `dst` by the way in [`Proto::shortcuts`]`[site]`, and past so many instructions, which get it step by step; on with
    /// those when that way is closed.
    Shortcut { skip: u8, dst: Reg, site: u32 },
    /// `path op= src`, in place where it can be.
    UpdatePath { op: super::value::Arith, src: Reg, path: u32 },
    /// `place op= src`, in place where it can be.
    Update { op: super::value::Arith, place: Reg, src: Reg },

    /// `dst` = the parts in [`Proto::texts`]`[site]` as they print, together.
    Concat { dst: Reg, site: u32 },
    /// `dst` = `src` as text: as printed, or as it stands in a container.
    Text { dst: Reg, src: Reg, repr: bool },
    /// `dst` = `src` by the format spec in a register.
    Format { dst: Reg, src: Reg, spec: Reg },

    /// Calls the function in `callee` with the `count` arguments in `base`….
    Call { count: u8, dst: Reg, base: Reg, callee: Reg },
    /// Calls a function of the program with exactly its parameters, which begin at `base`.
    CallFn { count: u8, dst: Reg, base: Reg, proto: u16 },
    /// Calls a library function with exactly its parameters.
    CallNative { count: u8, dst: Reg, base: Reg, native: u16 },
    /// Calls a method of the value in `base`, with `count` arguments after it.
    CallMethod { count: u8, dst: Reg, base: Reg, name: u16 },
    /// `dst = list.push(src)` of a list, and past the next instruction, which calls the method of any value.
    Push { dst: Reg, list: Reg, src: Reg },
    /// `dst = list.pop()` of a list that is not empty, and past the next instruction, like `Push`.
    Pop { dst: Reg, list: Reg },
    /// Calls a method that may change the place; see [`ChangeSite`].
    CallChange { dst: Reg, site: u32 },
    /// Calls `base` with the list in `base+1` and the named arguments in `base+2`.
    CallSpread { dst: Reg, base: Reg },
    /// Calls a method of `base` with the list in `base+1` and the named arguments in `base+2`.
    CallMethodSpread { dst: Reg, base: Reg, name: u16 },
    /// `dst` = a function with its captures; see [`ClosureSite`].
    Closure { dst: Reg, site: u32 },
    /// Ends the call. The registers from `from` to before `end` may hold something on the heap, others do not.
    Return { src: Reg, from: Reg, end: Reg },

    /// Raises the value.
    Throw { src: Reg },
    /// Goes on raising a caught error.
    Rethrow { src: Reg },
    /// Goes on raising an error that `catch` does not catch.
    RethrowCancelled { src: Reg },
    /// No arm of a `match` fits.
    NoArm { src: Reg },
    /// `dst` = whether the value is a list of the shape in [`ListSite`].
    TestList { dst: Reg, src: Reg, site: u16 },
    /// Raises an error unless the value is a list of that shape.
    NeedList { src: Reg, site: u32 },
    /// `dst` = item of a list, from the end when negative.
    Item { dst: Reg, src: Reg, index: i16 },
    /// `dst` = the items of a list between those before and after a rest.
    Rest { dst: Reg, src: Reg, site: u16 },
    /// `dst` = value of a key; `Undefined` when `src` is not a map or has no such key.
    TestKey { dst: Reg, src: Reg, name: u16 },
    /// `dst` = value of a key; an error when `src` is not a map or has no such key.
    NeedKey { dst: Reg, src: Reg, name: u16 },
    /// `dst` = the map without the keys of [`Proto::key_lists`]`[site]`.
    RestOfMap { dst: Reg, src: Reg, site: u16 },
    /// `dst` = whether a number is in the range pattern `base..base+1`; `Undefined` is an open end.
    TestRange { dst: Reg, src: Reg, base: Reg, inclusive: bool },

    /// Starts a process. Of the `count` registers from `base` on the first two are the function, and a map of options or
    /// null; the others are its arguments, or if `spread` a list of these and a map of named ones or null.
    Spawn { count: u8, spread: bool, dst: Reg, base: Reg },
    /// Begins a scope with a map of options, or null.
    ScopeEnter { src: Reg },
    /// Ends a scope, whose block raised the error in `src`, or null.
    ScopeLeave { src: Reg },
    /// `dst` = what `with` binds.
    Enter { dst: Reg, src: Reg },
    /// Ends a `with`; `how` says in which way its block ended, see [`RAISED`].
    Leave { src: Reg, how: Reg },
    /// `dst` = the value of a shared cell, to be changed.
    SharedTake { dst: Reg, cell: Reg },
    /// Gives back what `SharedTake` took.
    SharedPut { cell: Reg, src: Reg },
    /// `cell.value = src`
    SharedSet { cell: Reg, src: Reg },
    /// `object[key] = src` of an object that is no part of a variable.
    SharedSetIndex { object: Reg, key: Reg, src: Reg },
    /// Waits for one of the arms in [`Proto::selects`]: `dst` = list of the arm's number, its value and the index of its
    /// channel.
    Select { dst: Reg, site: u32 },
    /// `assert` of a comparison failed: left side, right side and message in `base`…
    AssertFailed { base: Reg, op: u16 },
}

/// A protected stretch of code.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// First instruction.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// Where an error goes on.
    pub target: u32,
    /// The register that gets it.
    pub error: Reg,
    /// Registers from here on hold nothing that is still needed.
    pub live: Reg,
}

/// A part of a variable: `root[i].name…`.
#[derive(Clone, Debug)]
pub struct Path {
    /// The variable.
    pub root: Reg,
    /// The way from it to the part.
    pub keys: Vec<Key>,
}

/// A way to a value at once where all is as usual.
#[derive(Clone, Debug)]
pub enum Shortcut {
    /// It is taken out of the path, which is left empty until something is stored there. Closed where the path leads
    /// through what somebody else has too.
    Take(Path),
    /// Texts are joined. Closed where not all parts are strs.
    Join(Vec<Joined>),
}

/// A part of a text that is joined.
#[derive(Clone, Debug)]
pub enum Joined {
    /// A constant.
    Text(Value),
    /// What a register holds.
    Keep(Reg),
    /// What a register holds that is not read again.
    Take(Reg),
}

/// A step from a value to a part of it.
#[derive(Clone, Debug)]
pub enum Key {
    /// To what stands at the index in the register.
    Index(Reg),
    /// To a field.
    Field {
        /// Its name.
        name: u16,
        /// Where the last map had it.
        at: Cell<u32>,
    },
}

/// A call of a method on a place: `path.name(args…)`. The arguments stand in `base…`, and behind them is room for one
/// register more.
#[derive(Clone, Debug)]
pub struct ChangeSite {
    /// The place.
    pub path: Path,
    /// The first argument.
    pub base: Reg,
    /// Number of arguments.
    pub args: u16,
    /// The method.
    pub name: u16,
    /// Arguments are one list and one map of named ones.
    pub spread: bool,
}

/// A part of a text that is put together.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A constant.
    Text(u32),
    /// What a register holds.
    Keep(Reg),
    /// What a register holds that is not read again.
    Take(Reg),
}

/// What an arm of a `select` waits for; the registers hold its operands.
#[derive(Clone, Copy, Debug)]
pub enum ArmSite {
    /// A message from a channel, or from any of a list.
    Receive {
        /// The channel or list.
        channel: Reg,
        /// The index in the list is wanted.
        indexed: bool,
    },
    /// Room for a value.
    Put {
        /// The channel.
        channel: Reg,
        /// The value.
        value: Reg,
        /// Written `put`, which is for queues; else `send`.
        queue: bool,
    },
    /// The end of a process, or of any of a list.
    Done {
        /// The process or list.
        process: Reg,
    },
    /// Some time.
    After {
        /// The time.
        seconds: Reg,
    },
    /// Nothing.
    Else,
    /// The end of all channels.
    Closed,
}

/// The making of a function value.
#[derive(Clone, Debug)]
pub struct ClosureSite {
    /// Number of the prototype.
    pub proto: u32,
    /// The registers of the captured values.
    pub captures: Vec<Reg>,
}

/// The shape of a list pattern.
#[derive(Clone, Copy, Debug)]
pub struct ListSite {
    /// Items before the rest.
    pub before: u16,
    /// Items after it.
    pub after: u16,
    /// Whether there is a rest.
    pub rest: bool,
}

/// A parameter as a caller sees it.
#[derive(Clone, Debug)]
pub struct ProtoParam {
    /// Its name; empty for a pattern.
    pub name: Rc<str>,
    /// It may be left out.
    pub optional: bool,
}

/// The body of a `catch` or `finally`: an error raised in it has the one that it handles as its cause.
#[derive(Clone, Copy, Debug)]
pub struct Handling {
    /// First instruction.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// The register of the caught error.
    pub error: Reg,
    /// Of a `finally`: the register that tells by [`RAISED`] that an error led there.
    pub completion: Option<Reg>,
}

/// A global whose value is in a register while these instructions run; after an error it is put back.
#[derive(Clone, Copy, Debug)]
pub struct Borrow {
    /// First instruction.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// The register.
    pub reg: Reg,
    /// The global.
    pub index: u32,
}

/// The code of one function.
#[derive(Default)]
pub struct Proto {
    /// Its name; empty for closures, `main` for a script.
    pub name: Rc<str>,
    /// The text it stands in.
    pub file: FileId,
    /// Where its head stands.
    pub span: Span,
    /// Its parameters, without the rest parameter.
    pub params: Vec<ProtoParam>,
    /// All further arguments go into one more parameter, a list.
    pub rest: bool,
    /// How many values it captures.
    pub captures: u16,
    /// How many registers it uses, arguments of its calls included.
    pub registers: u32,
    /// The instructions.
    pub code: Vec<Instr>,
    /// The place of each instruction.
    pub spans: Vec<Span>,
    /// For each instruction the first register that belongs to no name that still stands and to no value in use.
    pub free: Vec<Reg>,
    /// One word for each instruction, where it remembers what it found last.
    pub cache: Vec<Cell<u32>>,
    /// Constants.
    pub constants: Vec<Value>,
    /// Names of fields and methods.
    pub names: Vec<Value>,
    /// Protected stretches, inner ones first.
    pub handlers: Vec<Handler>,
    /// Bodies of `catch`, inner ones first.
    pub handlings: Vec<Handling>,
    /// Globals that are changed in registers.
    pub borrows: Vec<Borrow>,
    /// Side table.
    pub changes: Vec<ChangeSite>,
    /// Side table.
    pub paths: Vec<Path>,
    /// Side table.
    pub shortcuts: Vec<Shortcut>,
    /// Side table.
    pub closures: Vec<ClosureSite>,
    /// Side table.
    pub lists: Vec<ListSite>,
    /// Side table.
    pub key_lists: Vec<Vec<Value>>,
    /// The keys of maps that are made with always the same ones.
    pub records: Vec<Set>,
    /// The parts of each text that is put together.
    pub texts: Vec<Vec<Part>>,
    /// The arms of each `select`.
    pub selects: Vec<Vec<ArmSite>>,
    /// Names of the registers of locals, for the dump.
    pub locals: Vec<(Reg, Rc<str>)>,
    /// Globals that it mentions.
    pub globals: Vec<u32>,
    /// See [`Program::all_globals`]: found when it is first needed.
    pub(super) all_globals: OnceCell<Option<Box<[u32]>>>,
    /// It belongs to the library: left out of traces.
    pub hidden: bool,
}

impl Path {
    /// The registers that it is read by.
    pub fn registers(&self, f: &mut dyn FnMut(Reg)) {
        f(self.root);
        for key in &self.keys {
            if let Key::Index(reg) = key {
                f(*reg);
            }
        }
    }
}

impl Proto {
    /// What makes one call, of its three parameters, and gives the result.
    pub fn caller(params: [&str; 3], call: Instr, names: Vec<Value>) -> Proto {
        let code = vec![call, Instr::Return { src: 0, from: 0, end: params.len() as Reg }];
        Proto {
            params: params.map(|name| ProtoParam { name: name.into(), optional: false }).to_vec(),
            registers: params.len() as u32,
            spans: vec![Span::default(); code.len()],
            free: vec![params.len() as Reg; code.len()],
            cache: vec![Cell::new(0); code.len()],
            names,
            code,
            hidden: true,
            ..Proto::default()
        }
    }

    /// The names of the captured values.
    pub fn captured(&self) -> impl Iterator<Item = Rc<str>> {
        let first = self.arity();
        let name = move |reg| self.locals.iter().find(|local| usize::from(local.0) == reg).map(|local| local.1.clone());
        (first..first + usize::from(self.captures)).map(move |reg| name(reg).unwrap_or_else(|| "".into()))
    }

    /// Number of parameters with the rest parameter.
    pub fn arity(&self) -> usize {
        self.params.len() + usize::from(self.rest)
    }
}

/// In a register that says how a protected stretch ended: by an error.
pub const RAISED: i32 = 1;

/// The prototype that calls any function: parameters are the function, a list of arguments and a map of named ones.
pub const APPLY: u32 = 0;

/// Everything that is fixed when a script begins to run.
pub struct Program {
    /// All functions. A function value names one by its number.
    pub protos: Vec<Rc<Proto>>,
    /// The name of each global.
    pub globals: Vec<Rc<str>>,
    /// Every constant text once, so that equal names are the same block.
    pub texts: HashMap<Rc<str>, Value>,
    /// The prototype of each library function that is written in the language and was compiled.
    pub scripts: HashMap<u16, u32>,
}

impl Default for Program {
    fn default() -> Program {
        let apply = Proto::caller(["function", "args", "named"], Instr::CallSpread { dst: 0, base: 0 }, Vec::new());
        Program {
            protos: vec![Rc::new(apply)],
            globals: Vec::new(),
            texts: HashMap::default(),
            scripts: HashMap::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    /// An instruction is one machine word.
    #[test]
    fn an_instruction_has_8_bytes() {
        assert_eq!(size_of::<super::Instr>(), 8);
    }
}
