//! Code generation: from the tree and the resolved names to prototypes.

mod call;
mod control;
mod expr;
mod pattern;
mod place;
mod select;
mod stmt;
mod taking;
mod temporaries;

use super::names::{FnId, Names, Use, VarId, VarKind};
use super::{Export, Import, Module, liveness, returns};
use crate::diagnostics::Diagnostic;
use crate::library;
use crate::source::{FileId, Place, Span};
use crate::syntax::ast::*;
use crate::vm::code::{Borrow, Handler, Instr, NATIVE_ARGUMENTS, Program, Proto, ProtoParam, RAISED, Reg};
use crate::vm::value::{Function as FunctionValue, Ref, Str, Value};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::cell::Cell;
use std::rc::Rc;

/// A text to generate code for, with all that is known about it.
pub struct Unit<'a> {
    /// All modules.
    pub modules: &'a [Module],
    /// The module of each import, by the offset of its path.
    pub imports: &'a HashMap<u32, Import>,
    /// The text.
    pub file: FileId,
    /// Its names.
    pub names: &'a Names,
    /// It belongs to the library.
    pub hidden: bool,
}

/// What may be jumped to, or must be run, on the way out of a construct.
enum Control {
    /// `inside` is the first register of what the loop's body names.
    Loop {
        breaks: Vec<usize>,
        continues: Vec<usize>,
        inside: u32,
    },
    Finally {
        completion: Reg,
        value: Reg,
        exits: Vec<Exit>,
        jumps: Vec<usize>,
    },
    /// The part of a `finally` that runs on every way out.
    Last {
        completion: Reg,
        value: Reg,
    },
}

/// A way out of a construct.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exit {
    Break,
    Continue,
    Return,
}

#[derive(PartialEq, Eq, Hash)]
enum ConstantKey {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Str(Rc<str>),
    Function(u32),
    Native(u16),
}

/// The function whose code is being made.
struct FnState {
    id: FnId,
    proto: Proto,
    constants: HashMap<ConstantKey, u32>,
    names: HashMap<Rc<str>, u16>,
    regs: HashMap<VarId, Reg>,
    /// Registers that are or were those of names.
    variables: HashSet<Reg>,
    /// The registers of the numbers of loops with a step that are being compiled.
    strided: Vec<Reg>,
    /// The first free register.
    next: u32,
    taking: taking::Taking,
    /// The list that gets one item for each turn of the next loop.
    room: Option<Reg>,
    controls: Vec<Control>,
    /// Comparisons and jumps are one instruction; not in functions whose jumps are too long for that.
    fused: bool,
    too_far: bool,
    full: bool,
}

struct Generator<'a> {
    unit: &'a Unit<'a>,
    /// Constant texts of the program.
    texts: &'a mut HashMap<Rc<str>, Value>,
    /// Number of the prototype of function 0.
    first_proto: u32,
    protos: Vec<Option<Rc<Proto>>>,
    /// Prototypes that call a method of this name, behind those of the text's functions.
    method_callers: HashMap<Rc<str>, u32>,
    state: FnState,
    span: Span,
}

/// Adds the functions of a text to the program; gives what it exports. The text's own code comes first.
pub fn generate(program: &mut Program, unit: &Unit, body: &Block) -> Result<HashMap<Rc<str>, Export>, Vec<Diagnostic>> {
    let first_proto = program.protos.len() as u32;
    let count = unit.names.fns.len();
    let mut generator = Generator {
        unit,
        texts: &mut program.texts,
        first_proto,
        protos: (0..count).map(|_| None).collect(),
        method_callers: HashMap::default(),
        state: FnState::new(0, true),
        span: Span::default(),
    };
    generator.whole(None, body, 0);
    if let Some(at) = generator.protos.iter().position(Option::is_none) {
        let span = unit.names.fns[at].function.as_ref().map_or(Span::new(0, 0), |function| function.span);
        let place = Place { file: unit.file, span };
        let message = format!("more than {} names and values at once in one function", Reg::MAX);
        return Err(vec![
            Diagnostic::error("E0208", message, place, "too much for one function")
                .help("split it into several functions"),
        ]);
    }
    program.protos.extend(generator.protos.into_iter().flatten());
    let mut exports = HashMap::default();
    for var in unit.names.vars.iter().filter(|var| var.owner == 0) {
        let export = match var.kind {
            VarKind::Fn(id) if unit.names.fns[id].captures.is_empty() && unit.names.fns[id].parent == 0 => {
                Export::Proto(first_proto + id as u32)
            }
            VarKind::Module(module) => Export::Module(module),
            VarKind::Let | VarKind::Var => match var.global {
                Some(index) => Export::Global { index, mutable: var.kind == VarKind::Var },
                None => continue,
            },
            _ => continue,
        };
        exports.insert(var.name.clone(), export);
    }
    Ok(exports)
}

impl FnState {
    fn new(id: FnId, fused: bool) -> FnState {
        FnState {
            id,
            proto: Proto::default(),
            constants: HashMap::default(),
            names: HashMap::default(),
            regs: HashMap::default(),
            variables: HashSet::default(),
            strided: Vec::new(),
            next: 0,
            taking: taking::Taking::default(),
            room: None,
            controls: Vec::new(),
            fused,
            too_far: false,
            full: false,
        }
    }
}

impl Generator<'_> {
    /// Makes the prototype of one function, and of those in it.
    fn whole(&mut self, function: Option<&Function>, body: &Block, id: FnId) {
        for fused in [true, false] {
            let outer = std::mem::replace(&mut self.state, FnState::new(id, fused));
            self.function(function, body, id);
            let state = std::mem::replace(&mut self.state, outer);
            if state.full {
                return;
            }
            if !state.too_far {
                let mut proto = state.proto;
                thread_jumps(&mut proto.code);
                liveness::move_last_uses(&mut proto);
                returns::mark_returns(&mut proto);
                proto.cache = vec![Cell::new(0); proto.code.len()];
                self.protos[id] = Some(Rc::new(proto));
                return;
            }
        }
    }

    fn function(&mut self, function: Option<&Function>, body: &Block, id: FnId) {
        let info = &self.unit.names.fns[id];
        self.state.proto.file = self.unit.file;
        self.state.proto.hidden = self.unit.hidden;
        self.state.proto.globals = info.globals.iter().copied().collect();
        self.state.proto.globals.sort_unstable();
        self.state.proto.captures = info.captures.len() as u16;
        if let Some(function) = function {
            self.state.proto.name = function.name.as_ref().map_or("".into(), |name| name.text.clone());
            self.state.proto.span = function.span;
            self.span = function.span;
            for param in &function.params {
                let reg = self.alloc();
                if param.rest {
                    self.state.proto.rest = true;
                } else {
                    let name = match &param.pattern.kind {
                        PatternKind::Bind(name) => name.text.clone(),
                        _ => "".into(),
                    };
                    self.state.proto.params.push(ProtoParam { name, optional: param.default.is_some() });
                }
                if let PatternKind::Bind(name) = &param.pattern.kind {
                    self.bind_register(name, reg);
                }
            }
        }
        for &var in &info.captures {
            let reg = self.alloc();
            self.state.regs.insert(var, reg);
            self.state.variables.insert(reg);
            let name = self.unit.names.vars[var].name.clone();
            self.state.proto.locals.push((reg, name));
        }
        for (at, param) in function.iter().flat_map(|function| &function.params).enumerate() {
            if let Some(default) = &param.default {
                let given = self.emit_jump(Instr::JumpDefined { src: at as Reg, offset: 0 });
                self.into(default, at as Reg);
                self.patch_here(given);
            }
            if !matches!(param.pattern.kind, PatternKind::Bind(_)) {
                self.bind(&param.pattern, at as Reg);
            }
        }
        let result = self.alloc();
        self.statements(body, Some(result));
        self.emit(Instr::Return { src: result, from: 0, end: 0 });
    }

    fn emit(&mut self, instr: Instr) -> usize {
        self.state.proto.code.push(instr);
        self.state.proto.spans.push(self.span);
        self.state.proto.free.push(self.state.next as Reg);
        self.state.proto.code.len() - 1
    }

    fn here(&self) -> usize {
        self.state.proto.code.len()
    }

    /// Emits a jump whose target is not known yet.
    fn emit_jump(&mut self, instr: Instr) -> usize {
        self.emit(instr)
    }

    fn patch_here(&mut self, at: usize) {
        self.patch(at, self.here());
    }

    fn patch_all(&mut self, jumps: &[usize], target: usize) {
        for &at in jumps {
            self.patch(at, target);
        }
    }

    fn patch(&mut self, at: usize, target: usize) {
        let distance = target as i64 - at as i64 - 1;
        if !self.state.proto.code[at].set_offset(distance) {
            self.state.too_far = true;
        }
    }

    fn jump_to(&mut self, target: usize) {
        let at = self.emit(Instr::Jump { offset: 0 });
        self.patch(at, target);
    }

    fn alloc(&mut self) -> Reg {
        self.alloc_many(1)
    }

    /// Registers side by side.
    fn alloc_many(&mut self, count: usize) -> Reg {
        let first = self.state.next;
        self.state.next += count as u32;
        self.state.proto.registers = self.state.proto.registers.max(self.state.next);
        if self.state.next + NATIVE_ARGUMENTS as u32 > u32::from(Reg::MAX) {
            self.state.full = true;
            self.state.next = 0;
            return 0;
        }
        first as Reg
    }

    fn mark(&self) -> u32 {
        self.state.next
    }

    fn release(&mut self, mark: u32) {
        self.state.next = mark;
    }

    fn bind_register(&mut self, name: &Name, reg: Reg) {
        if let Some(&var) = self.unit.names.decls.get(&name.span.start) {
            self.state.regs.insert(var, reg);
            self.state.variables.insert(reg);
            self.state.proto.locals.push((reg, name.text.clone()));
        }
    }

    /// Runs with another place for the instructions that it emits.
    fn at<T>(&mut self, span: Span, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.span, span);
        let result = run(self);
        self.span = outer;
        result
    }

    fn constant(&mut self, key: ConstantKey, make: impl FnOnce() -> Value) -> u32 {
        let constants = &mut self.state.proto.constants;
        *self.state.constants.entry(key).or_insert_with(|| {
            constants.push(make());
            constants.len() as u32 - 1
        })
    }

    fn load_constant(&mut self, dst: Reg, value: Value) {
        self.state.proto.constants.push(value);
        let index = self.state.proto.constants.len() as u32 - 1;
        self.emit(Instr::Const { dst, index });
    }

    fn load_str(&mut self, dst: Reg, text: &Rc<str>) {
        let index = self.str_constant(text);
        self.emit(Instr::Const { dst, index });
    }

    fn str_constant(&mut self, text: &Rc<str>) -> u32 {
        let value = self.text(text);
        self.constant(ConstantKey::Str(text.clone()), || value)
    }

    fn int_constant(&mut self, int: i64) -> u32 {
        self.constant(ConstantKey::Int(int), || Value::Int(int))
    }

    fn float_constant(&mut self, float: f64) -> u32 {
        self.constant(ConstantKey::Float(float.to_bits()), || Value::float(float))
    }

    fn text(&mut self, text: &Rc<str>) -> Value {
        self.texts.entry(text.clone()).or_insert_with(|| constant_str(text)).clone()
    }

    fn load_int(&mut self, dst: Reg, int: i64) {
        match i32::try_from(int) {
            Ok(value) => self.emit(Instr::Int { dst, value }),
            Err(_) => {
                let index = self.int_constant(int);
                self.emit(Instr::Const { dst, index })
            }
        };
    }

    fn load_float(&mut self, dst: Reg, float: f64) {
        let index = self.float_constant(float);
        self.emit(Instr::Const { dst, index });
    }

    fn load_function(&mut self, dst: Reg, proto: u32) {
        let index = self.constant(ConstantKey::Function(proto), || {
            Value::Function(Ref::constant(FunctionValue::Closure { proto, captures: Box::default() }))
        });
        self.emit(Instr::Const { dst, index });
    }

    fn load_native(&mut self, dst: Reg, id: u16) {
        let index =
            self.constant(ConstantKey::Native(id), || Value::Function(Ref::constant(FunctionValue::Native(id))));
        self.emit(Instr::Const { dst, index });
    }

    /// The number of a field or method name; `None` when a function mentions too many.
    fn name_index(&mut self, name: &Rc<str>) -> u16 {
        if let Some(&index) = self.state.names.get(name) {
            return index;
        }
        let index = self.state.proto.names.len();
        if index >= usize::from(u16::MAX) {
            self.state.full = true;
            return 0;
        }
        let value = self.text(name);
        self.state.proto.names.push(value);
        self.state.names.insert(name.clone(), index as u16);
        index as u16
    }

    fn use_of(&self, span: Span) -> Option<&Use> {
        self.unit.names.uses.get(&span.start)
    }

    /// The register of a variable of this function, if it has one.
    fn register_of(&self, var: VarId) -> Option<Reg> {
        self.state.regs.get(&var).copied()
    }

    fn protect(&mut self, start: usize, end: usize, target: usize, error: Reg, live: u32) {
        if start < end {
            self.state.proto.handlers.push(Handler {
                start: start as u32,
                end: end as u32,
                target: target as u32,
                error,
                live: live as Reg,
            });
        }
    }

    fn borrow(&mut self, start: usize, reg: Reg, index: u32) {
        let end = self.here() as u32;
        self.state.proto.borrows.push(Borrow { start: start as u32, end, reg, index });
    }
}

/// A jump to a jump goes to where that one leads.
fn thread_jumps(code: &mut [Instr]) {
    for at in 0..code.len() {
        let Some(offset) = code[at].offset() else { continue };
        let mut target = at as i64 + 1 + offset;
        // A jump that leads to itself is one of a loop that does nothing.
        for _ in 0..code.len().min(16) {
            match code[target as usize] {
                Instr::Jump { offset } => target += 1 + offset as i64,
                _ => break,
            }
        }
        let mut threaded = code[at];
        if threaded.set_offset(target - at as i64 - 1) {
            code[at] = threaded;
        }
    }
}

fn constant_str(text: &str) -> Value {
    Value::Str(Ref::constant(Str::constant(text.to_string())))
}
