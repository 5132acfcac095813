//! The interpreter loop.

use super::code::{Instr, NATIVE_ARGUMENTS, Proto, RAISED, Reg};
use super::fault::{Fault, Kind};
use super::frame::{Frame, Then};
use super::iterate::{items, not_iterable};
use super::machine::{Answer, Machine, Step, interrupted};
use super::native::Run;
use super::op::{Op, Quick, Snapshot};
use super::stream::Flow;
use super::value::{self, Arith, Function, HandleKind, Map, Order, Range, Ref, Value};
use super::{options, slow};
use std::cell::Cell;

/// In the cache of a method call: the number of the library function, and whether the arguments are exactly its own.
pub(super) const METHOD: u16 = 0x3fff;
pub(super) const EXACT: u16 = 0x8000;
/// No argument is given to the only parameter, which is optional.
pub(super) const OMITTED: u16 = 0x4000;
/// The same bit where no change in place is called: the call is what the function's quick form asks for.
const QUICK: u16 = 0x4000;

/// How many turns ahead a loop with a step has memory fetched.
const AHEAD: isize = 16;

impl Machine {
    /// Runs until the program ends, fails or needs something.
    pub(super) fn run(&mut self) -> Step {
        loop {
            match self.dispatch() {
                Ok(step) => return step,
                Err(fault) => {
                    if let Err(fault) = self.unwind(fault) {
                        return Step::Failed(fault);
                    }
                }
            }
        }
    }

    /// The loop itself. An error is raised at the instruction before the saved `pc` of the topmost frame.
    #[allow(clippy::too_many_lines)]
    fn dispatch(&mut self) -> Result<Step, Fault> {
        let mut proto: *const Proto;
        let mut pc: *const Instr;
        let mut base: *mut Value;

        // The topmost frame into the locals.
        macro_rules! load {
            () => {{
                let Some(frame) = self.frames.last() else { return Ok(Step::Done(Value::Null)) };
                proto = frame.proto;
                pc = frame.pc;
                // SAFETY: the frame's window was reserved when it was entered.
                base = unsafe { self.stack.as_mut_ptr().add(frame.base as usize) };
            }};
        }
        // The next instruction into the frame.
        macro_rules! save {
            () => {{
                // SAFETY: `load` has found the topmost frame.
                unsafe { self.frames.last_mut().unwrap_unchecked().pc = pc };
            }};
        }
        macro_rules! reg {
            ($reg:expr) => {
                // SAFETY: the compiler numbers registers below the prototype's count, all of which are reserved.
                unsafe { &*base.add($reg as usize) }
            };
        }
        macro_rules! reg_mut {
            ($reg:expr) => {
                // SAFETY: as in `reg`; no other reference to a register lives across this one.
                unsafe { &mut *base.add($reg as usize) }
            };
        }
        macro_rules! put {
            ($slot:expr, $value:expr) => {{
                let value = $value;
                let slot: *mut Value = $slot;
                // SAFETY: a slot always holds a value; a scalar needs no drop before it is overwritten.
                unsafe {
                    if (*slot).is_heap() {
                        replace(slot, value);
                    } else {
                        std::ptr::write(slot, value);
                    }
                }
            }};
        }
        macro_rules! set {
            ($reg:expr, $value:expr) => {{
                let value = $value;
                put!(reg_mut!($reg), value);
            }};
        }
        // The int in a register of a loop.
        macro_rules! int {
            ($reg:expr) => {
                match reg_mut!($reg) {
                    Value::Int(int) => int,
                    // SAFETY: the instruction that begins the loop has put an int into this register, which is the
                    // loop's own.
                    _ => unsafe { std::hint::unreachable_unchecked() },
                }
            };
        }
        // Sets the variable of a loop that counts, which holds a scalar whenever its turn ends: nobody assigns to it.
        macro_rules! count {
            ($reg:expr, $int:expr) => {{
                let slot: *mut Value = reg_mut!($reg);
                // SAFETY: as in `put`.
                unsafe { std::ptr::write(slot, Value::Int($int)) };
            }};
        }
        // Has the memory fetched that a loop with a step, which is in the register, will come to: a processor foresees by
        // itself only what is near. Else each turn waits for what it overwrites, to see whether that needs a drop.
        macro_rules! ahead {
            ($slot:expr, $step:expr) => {
                if let Value::Int(step) = reg!($step) {
                    fetch(std::ptr::from_ref($slot).wrapping_offset((*step as isize).wrapping_mul(AHEAD)));
                }
            };
        }
        // Gives up what registers side by side hold.
        macro_rules! clear {
            ($from:expr, $count:expr) => {{
                let mut slot: *mut Value = reg_mut!($from);
                // SAFETY: as in `reg`.
                unsafe {
                    let end = slot.add($count as usize);
                    while slot != end {
                        if (*slot).is_heap() {
                            replace(slot, Value::Null);
                        }
                        slot = slot.add(1);
                    }
                }
            }};
        }
        macro_rules! proto {
            () => {
                // SAFETY: prototypes live as long as the program, which only grows.
                unsafe { &*proto }
            };
        }
        // The word in which the instruction `$back` before the next one remembers what it found.
        macro_rules! cache {
            ($back:expr) => {{
                let proto = proto!();
                // SAFETY: `pc` points into the code, and there is a word for each instruction.
                unsafe { proto.cache.get_unchecked(pc.offset_from_unsigned(proto.code.as_ptr()) - $back) }
            }};
        }
        // The value of a fallible step; on error the fault is raised here.
        macro_rules! check {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(fault) => {
                        save!();
                        return Err(fault);
                    }
                }
            };
        }
        macro_rules! ask {
            ($op:expr, $answer:expr) => {{
                let op = $op;
                save!();
                self.answer = $answer;
                return Ok(Step::Ask(op, self.here()));
            }};
        }
        macro_rules! jump {
            ($offset:expr) => {{
                let offset = $offset as isize;
                if offset < 0 && interrupted() {
                    ask!(Op::Interrupted, Answer::Again);
                }
                // SAFETY: the compiler made the offset.
                pc = unsafe { pc.offset(offset) };
            }};
        }
        macro_rules! constant {
            ($index:expr) => {{
                let constants = &proto!().constants;
                // SAFETY: the compiler numbers the constants.
                unsafe { constants.get_unchecked($index as usize) }
            }};
        }
        macro_rules! name {
            ($index:expr) => {{
                let names = &proto!().names;
                // SAFETY: the compiler numbers the names.
                unsafe { names.get_unchecked($index as usize) }
            }};
        }
        macro_rules! slow_const {
            ($op:expr, $dst:expr, $a:expr, $index:expr, $left:expr) => {
                slow::binary_const($op, base, $dst, $a, constant!($index), $left)
            };
        }
        macro_rules! arith_int {
            ($dst:expr, $a:expr, $value:expr, $int:expr, $op:expr) => {
                match reg!($a) {
                    Value::Int(a) => match $int(*a, i64::from($value)) {
                        Some(int) => set!($dst, Value::Int(int)),
                        None => check!(slow::binary_int($op, base, $dst, $a, $value)),
                    },
                    _ => check!(slow::binary_int($op, base, $dst, $a, $value)),
                }
            };
        }
        macro_rules! holds_int {
            ($a:expr, $value:expr, $test:tt, $order:expr) => {
                match reg!($a) {
                    Value::Int(a) => *a $test i64::from($value),
                    other => check!(value::order($order, other, &Value::Int(i64::from($value)))),
                }
            };
        }
        macro_rules! equals_int {
            ($a:expr, $value:expr) => {
                match reg!($a) {
                    Value::Int(a) => *a == i64::from($value),
                    other => value::equal(other, &Value::Int(i64::from($value))),
                }
            };
        }
        // What follows may read a part of the value and nothing else of it: then only that is copied.
        macro_rules! part_of {
            ($value:expr, $dst:expr) => {{
                let mut value: &Value = $value;
                loop {
                    // SAFETY: code ends with a return, so there is an instruction after every other one.
                    let part = match (unsafe { &*pc }, value) {
                        (&Instr::Index { dst, a, b }, Value::List(list)) if a == $dst && dst == $dst && b != $dst => {
                            match reg!(b) {
                                Value::Int(at) => list.get(*at as usize),
                                _ => None,
                            }
                        }
                        (&Instr::Field { dst, a, name }, Value::Map(map)) if a == $dst && dst == $dst => {
                            known_field(map, name!(name), cache!(0))
                        }
                        _ => None,
                    };
                    let Some(part) = part else { break value.clone() };
                    value = part;
                    // SAFETY: as for every other instruction.
                    pc = unsafe { pc.add(1) };
                }
            }};
        }
        // The next item of a container in memory, of which the position moves on.
        macro_rules! next_item {
            ($at:expr) => {
                match (reg!($at), reg_mut!(usize::from($at) + 1)) {
                    (Value::List(list), Value::Int(position)) => match list.get(*position as usize) {
                        Some(item) => {
                            *position += 1;
                            Some(item.clone())
                        }
                        None => None,
                    },
                    (Value::Range(range), Value::Int(now)) => match range.step_from(*now) {
                        Some(next) => Some(Value::Int(std::mem::replace(now, next))),
                        None => None,
                    },
                    (Value::Str(text), Value::Int(position)) if text.is_ascii() => {
                        match text.as_str().as_bytes().get(*position as usize) {
                            Some(&byte) => {
                                *position += 1;
                                Some(Value::char(char::from(byte)))
                            }
                            None => None,
                        }
                    }
                    _ => None,
                }
            };
        }
        macro_rules! condition {
            ($src:expr) => {
                match reg!($src) {
                    Value::True => true,
                    Value::False => false,
                    other => check!(Err(slow::not_bool(other))),
                }
            };
        }
        // Enters a function whose arguments stand from `$at` on, which is `$first` in the stack, above `$depth` frames.
        // There is room for its window and its frame.
        macro_rules! enter {
            ($callee:expr, $depth:expr, $first:expr, $at:expr, $dst:expr) => {{
                proto = $callee;
                pc = proto!().code.as_ptr();
                // SAFETY: as the user of the macro has found.
                unsafe {
                    let frame = Frame { proto, pc, base: $first as u32, dst: $dst, then: Then::Store };
                    self.frames.as_mut_ptr().add($depth).write(frame);
                    self.frames.set_len($depth + 1);
                    base = base.add($at as usize);
                }
            }};
        }
        // Calls a library function that asks for nothing, with the arguments from `$at` on, as many as are declared.
        macro_rules! native {
            ($run:expr, $at:expr, $count:expr, $dst:expr) => {{
                // SAFETY: the compiler put the arguments into these registers.
                let args = unsafe { std::slice::from_raw_parts_mut(base.add($at as usize), $count as usize) };
                let result = $run(&mut self.context, args);
                for reg in $at..$at + $count as Reg {
                    set!(reg, Value::Null);
                }
                set!($dst, check!(result));
            }};
        }
        // After a step that may have entered a frame or asked something.
        macro_rules! called {
            ($result:expr) => {{
                match $result? {
                    None => load!(),
                    Some(op) => return Ok(Step::Ask(op, self.here())),
                }
            }};
        }

        load!();
        loop {
            // SAFETY: `pc` stays inside the code, which ends with a return. Not copied: each instruction reads the operands that it has.
            let instr = unsafe { &*pc };
            // SAFETY: code ends with a return, so there is an instruction after every other one.
            pc = unsafe { pc.add(1) };
            match *instr {
                Instr::Const { dst, index } => set!(dst, constant!(index).clone()),
                Instr::Int { dst, value } => set!(dst, Value::Int(i64::from(value))),
                Instr::Null { dst } => set!(dst, Value::Null),
                Instr::Bool { dst, value } => set!(dst, Value::bool(value)),
                Instr::Undefined { dst } => set!(dst, Value::Undefined),
                Instr::Copy { dst, src } => set!(dst, reg!(src).clone()),
                Instr::Move { dst, src } => {
                    let value = std::mem::take(reg_mut!(src));
                    set!(dst, value);
                }
                Instr::MoveLast { dst, src } => {
                    let value = if reg!(src).is_heap() && slow::may_hold_handle(reg!(src)) {
                        reg!(src).clone()
                    } else {
                        std::mem::take(reg_mut!(src))
                    };
                    set!(dst, value);
                }
                Instr::Clear { from, count } => clear!(from, count),
                Instr::GetGlobal { dst, index } => match &self.globals[index as usize] {
                    Value::Undefined => check!(Err(slow::unset(&self.program.globals[index as usize]))),
                    value => set!(dst, value.clone()),
                },
                Instr::SetGlobal { src, index } => self.globals[index as usize] = reg!(src).clone(),
                Instr::TakeGlobal { dst, index } => {
                    set!(dst, std::mem::take(&mut self.globals[index as usize]));
                }

                Instr::Add { dst, a, b } => add!(dst, reg!(a), reg!(b), slow::binary(Arith::Add, base, dst, a, b)),
                Instr::Sub { dst, a, b } => sub!(dst, reg!(a), reg!(b), slow::binary(Arith::Sub, base, dst, a, b)),
                Instr::Mul { dst, a, b } => mul!(dst, reg!(a), reg!(b), slow::binary(Arith::Mul, base, dst, a, b)),
                Instr::Div { dst, a, b } => div!(dst, reg!(a), reg!(b), slow::binary(Arith::Div, base, dst, a, b)),
                Instr::FloorDiv { dst, a, b } => {
                    floor_div!(dst, reg!(a), reg!(b), slow::binary(Arith::FloorDiv, base, dst, a, b));
                }
                Instr::Rem { dst, a, b } => rem!(dst, reg!(a), reg!(b), slow::binary(Arith::Rem, base, dst, a, b)),
                Instr::AddConst { left, dst, a, index } => {
                    add!(dst, reg!(a), constant!(index), slow_const!(Arith::Add, dst, a, index, left));
                }
                Instr::MulConst { left, dst, a, index } => {
                    mul!(dst, reg!(a), constant!(index), slow_const!(Arith::Mul, dst, a, index, left));
                }
                Instr::SubConst { dst, a, index } => {
                    sub!(dst, reg!(a), constant!(index), slow_const!(Arith::Sub, dst, a, index, false));
                }
                Instr::ConstSub { dst, a, index } => {
                    sub!(dst, constant!(index), reg!(a), slow_const!(Arith::Sub, dst, a, index, true));
                }
                Instr::DivConst { dst, a, index } => {
                    div!(dst, reg!(a), constant!(index), slow_const!(Arith::Div, dst, a, index, false));
                }
                Instr::ConstDiv { dst, a, index } => {
                    div!(dst, constant!(index), reg!(a), slow_const!(Arith::Div, dst, a, index, true));
                }
                Instr::FloorDivConst { dst, a, index } => {
                    floor_div!(dst, reg!(a), constant!(index), slow_const!(Arith::FloorDiv, dst, a, index, false));
                }
                Instr::RemConst { dst, a, index } => {
                    rem!(dst, reg!(a), constant!(index), slow_const!(Arith::Rem, dst, a, index, false));
                }
                Instr::Arith { op, dst, a, b } => {
                    if let (Value::Int(x), Value::Int(y)) = (reg!(a), reg!(b))
                        && let Some(result) = value::arith::bits(op, *x, *y)
                    {
                        set!(dst, Value::Int(result));
                    } else if let (Arith::Pow, Value::Float(x), Value::Float(y)) = (op, reg!(a), reg!(b))
                        && x.get() > 0.0
                        && let power = x.get().powf(y.get())
                        && power.is_finite()
                    {
                        set!(dst, Value::float(power));
                    } else {
                        check!(slow::binary(op, base, dst, a, b));
                    }
                }
                Instr::AddInt { dst, a, value } => match reg!(a) {
                    Value::Int(x) if x.checked_add(i64::from(value)).is_some() => {
                        set!(dst, Value::Int(x.wrapping_add(i64::from(value))));
                    }
                    Value::Float(x) => set!(dst, Value::float(x.get() + f64::from(value))),
                    _ => check!(slow::add_int(base, dst, a, value)),
                },
                Instr::MulInt { dst, a, value } => arith_int!(dst, a, value, i64::checked_mul, Arith::Mul),
                Instr::FloorDivInt { dst, a, value } => {
                    arith_int!(dst, a, value, |a: i64, b: i64| Some(value::arith::floor_div(a, b)), Arith::FloorDiv);
                }
                Instr::RemInt { dst, a, value } => {
                    arith_int!(dst, a, value, |a: i64, b: i64| Some(value::arith::floor_rem(a, b)), Arith::Rem);
                }
                Instr::Neg { dst, src } => match reg!(src) {
                    Value::Float(x) => set!(dst, Value::float(-x.get())),
                    other => set!(dst, check!(value::negate(other))),
                },
                Instr::BitNot { dst, src } => set!(dst, check!(value::bit_not(reg!(src)))),
                Instr::Not { dst, src } => {
                    let holds = condition!(src);
                    set!(dst, Value::bool(!holds));
                }

                Instr::Eq { dst, a, b } => {
                    let holds = value::equal(reg!(a), reg!(b));
                    set!(dst, Value::bool(holds));
                }
                Instr::Ne { dst, a, b } => {
                    let holds = !value::equal(reg!(a), reg!(b));
                    set!(dst, Value::bool(holds));
                }
                Instr::Lt { dst, a, b } => {
                    let holds = holds!(reg!(a), reg!(b), <, Order::Lt);
                    set!(dst, Value::bool(holds));
                }
                Instr::Le { dst, a, b } => {
                    let holds = holds!(reg!(a), reg!(b), <=, Order::Le);
                    set!(dst, Value::bool(holds));
                }
                Instr::Gt { dst, a, b } => {
                    let holds = holds!(reg!(a), reg!(b), >, Order::Gt);
                    set!(dst, Value::bool(holds));
                }
                Instr::Ge { dst, a, b } => {
                    let holds = holds!(reg!(a), reg!(b), >=, Order::Ge);
                    set!(dst, Value::bool(holds));
                }
                Instr::In { dst, a, b } => {
                    if let Value::Handle(handle) = reg!(b)
                        && slow::is_table(handle)
                    {
                        ask!(Op::ContainsItem { object: handle.key(), item: reg!(a).clone() }, Answer::Register(dst));
                    }
                    let holds = check!(value::contains(reg!(b), reg!(a)));
                    set!(dst, Value::bool(holds));
                }
                Instr::Is { dst, src, what } => {
                    let holds = what.fits(reg!(src));
                    set!(dst, Value::bool(holds));
                }

                Instr::Jump { offset } => jump!(offset),
                Instr::JumpIf { src, offset } => {
                    if condition!(src) {
                        jump!(offset);
                    }
                }
                Instr::JumpIfNot { src, offset } => {
                    if !condition!(src) {
                        jump!(offset);
                    }
                }
                Instr::JumpIs { what, src, offset } => {
                    if what.fits(reg!(src)) {
                        jump!(offset);
                    }
                }
                Instr::JumpIsNot { what, src, offset } => {
                    if !what.fits(reg!(src)) {
                        jump!(offset);
                    }
                }
                Instr::JumpNull { src, offset } => {
                    if reg!(src).is_null() {
                        jump!(offset);
                    }
                }
                Instr::JumpNotNull { src, offset } => {
                    if !reg!(src).is_null() {
                        jump!(offset);
                    }
                }
                Instr::JumpDefined { src, offset } => {
                    if !matches!(reg!(src), Value::Undefined) {
                        jump!(offset);
                    }
                }
                Instr::JumpLt { a, b, offset } => {
                    if holds!(reg!(a), reg!(b), <, Order::Lt) {
                        jump!(offset);
                    }
                }
                Instr::JumpLe { a, b, offset } => {
                    if holds!(reg!(a), reg!(b), <=, Order::Le) {
                        jump!(offset);
                    }
                }
                Instr::JumpNotLt { a, b, offset } => {
                    if !holds!(reg!(a), reg!(b), <, Order::Lt) {
                        jump!(offset);
                    }
                }
                Instr::JumpNotLe { a, b, offset } => {
                    if !holds!(reg!(a), reg!(b), <=, Order::Le) {
                        jump!(offset);
                    }
                }
                Instr::JumpEq { a, b, offset } => {
                    if value::equal(reg!(a), reg!(b)) {
                        jump!(offset);
                    }
                }
                Instr::JumpNe { a, b, offset } => {
                    if !value::equal(reg!(a), reg!(b)) {
                        jump!(offset);
                    }
                }
                Instr::JumpEqConst { a, index, offset } => {
                    if value::equal(reg!(a), constant!(index)) {
                        jump!(offset);
                    }
                }
                Instr::JumpNeConst { a, index, offset } => {
                    if !value::equal(reg!(a), constant!(index)) {
                        jump!(offset);
                    }
                }
                Instr::JumpLtInt { a, value, offset } => {
                    if holds_int!(a, value, <, Order::Lt) {
                        jump!(offset);
                    }
                }
                Instr::JumpLeInt { a, value, offset } => {
                    if holds_int!(a, value, <=, Order::Le) {
                        jump!(offset);
                    }
                }
                Instr::JumpGtInt { a, value, offset } => {
                    if holds_int!(a, value, >, Order::Gt) {
                        jump!(offset);
                    }
                }
                Instr::JumpGeInt { a, value, offset } => {
                    if holds_int!(a, value, >=, Order::Ge) {
                        jump!(offset);
                    }
                }
                Instr::JumpNotLtInt { a, value, offset } => {
                    if !holds_int!(a, value, <, Order::Lt) {
                        jump!(offset);
                    }
                }
                Instr::JumpNotLeInt { a, value, offset } => {
                    if !holds_int!(a, value, <=, Order::Le) {
                        jump!(offset);
                    }
                }
                Instr::JumpNotGtInt { a, value, offset } => {
                    if !holds_int!(a, value, >, Order::Gt) {
                        jump!(offset);
                    }
                }
                Instr::JumpNotGeInt { a, value, offset } => {
                    if !holds_int!(a, value, >=, Order::Ge) {
                        jump!(offset);
                    }
                }
                Instr::JumpEqInt { a, value, offset } => {
                    if equals_int!(a, value) {
                        jump!(offset);
                    }
                }
                Instr::JumpNeInt { a, value, offset } => {
                    if !equals_int!(a, value) {
                        jump!(offset);
                    }
                }

                Instr::RangePrep { base: at, offset } => match (reg!(at), reg!(usize::from(at) + 1)) {
                    (Value::Int(first), Value::Int(end)) => {
                        if first < end {
                            let first = *first;
                            set!(usize::from(at) + 2, Value::Int(first));
                        } else {
                            jump!(offset);
                        }
                    }
                    (first, end) => check!(Err(slow::bad_range(first, end))),
                },
                Instr::RangeLoop { base: at, offset } => {
                    let next = *int!(at) + 1;
                    if next < *int!(usize::from(at) + 1) {
                        if interrupted() {
                            ask!(Op::Interrupted, Answer::Again);
                        }
                        *int!(at) = next;
                        count!(usize::from(at) + 2, next);
                        // SAFETY: the compiler made the offset.
                        pc = unsafe { pc.offset(offset as isize) };
                    }
                }
                Instr::StepPrep { called, base: at, offset } => {
                    let range = match (reg!(at), reg!(usize::from(at) + 1), reg!(usize::from(at) + 2)) {
                        (Value::Range(range), ..) if called => Some(**range),
                        (&Value::Int(start), &Value::Int(end), &Value::Int(step)) if step != 0 => {
                            Some(Range { start, end, step })
                        }
                        _ => None,
                    };
                    if let Some(range) = range {
                        set!(at, Value::Int(range.start));
                        set!(usize::from(at) + 1, Value::Int(range.count() as i64));
                        set!(usize::from(at) + 3, Value::Int(range.step));
                        jump!(offset);
                    }
                }
                Instr::StepLoop { base: at, offset } => {
                    // As many turns as are left, up to 2**64.
                    let left = *int!(usize::from(at) + 1);
                    if left != 0 {
                        if interrupted() {
                            ask!(Op::Interrupted, Answer::Again);
                        }
                        *int!(usize::from(at) + 1) = left.wrapping_sub(1);
                        let now = *int!(at);
                        // What follows the last number is not read.
                        *int!(at) = now.wrapping_add(*int!(usize::from(at) + 3));
                        count!(usize::from(at) + 2, now);
                        // SAFETY: the compiler made the offset.
                        pc = unsafe { pc.offset(offset as isize) };
                    }
                }
                Instr::IterPrep { base: at } => {
                    if !slow::can_loop(reg!(at)) {
                        check!(Err(not_iterable(reg!(at))));
                    }
                    let first = if let Value::Range(range) = reg!(at) { range.start } else { 0 };
                    set!(usize::from(at) + 1, Value::Int(first));
                    if let Value::Handle(handle) = reg!(at)
                        && slow::is_table(handle)
                    {
                        // The loop runs over what is there now.
                        let op = Op::Items { object: handle.key(), what: Snapshot::Whole };
                        ask!(op, Answer::Register(at));
                    }
                }
                Instr::IterNext { base: at, offset } => {
                    if let Some(item) = next_item!(at) {
                        set!(usize::from(at) + 2, item);
                    } else if let Value::List(_) | Value::Range(_) = reg!(at) {
                        set!(at, Value::Null);
                        jump!(offset);
                    } else {
                        save!();
                        match self.iterate(at, false, offset)? {
                            Flow::Run => load!(),
                            Flow::Ask(op) => return Ok(Step::Ask(op, self.here())),
                        }
                    }
                }
                Instr::IterLoop { base: at, offset } => {
                    if interrupted() {
                        ask!(Op::Interrupted, Answer::Again);
                    }
                    let mut offset = offset as isize;
                    if let Some(item) = next_item!(at) {
                        set!(usize::from(at) + 2, item);
                        offset += 1;
                    }
                    // SAFETY: the compiler made the offset, to an instruction that others follow.
                    pc = unsafe { pc.offset(offset) };
                }
                Instr::IterPair { base: at, offset } => {
                    if let (Value::List(list), Value::Int(position)) = (reg!(at), reg!(usize::from(at) + 1))
                        && let Some(Value::List(pair)) = list.get(*position as usize)
                        && let [first, second] = &pair[..]
                    {
                        let (first, second, next) = (first.clone(), second.clone(), position + 1);
                        set!(usize::from(at) + 1, Value::Int(next));
                        set!(usize::from(at) + 2, first);
                        set!(usize::from(at) + 3, second);
                        continue;
                    }
                    if let (Value::Map(map), Value::Int(position)) = (reg!(at), reg!(usize::from(at) + 1))
                        && let Some((key, value)) = map.entry(*position as usize)
                    {
                        let (key, value, next) = (key.clone(), value.clone(), position + 1);
                        set!(usize::from(at) + 1, Value::Int(next));
                        set!(usize::from(at) + 2, key);
                        set!(usize::from(at) + 3, value);
                        continue;
                    }
                    save!();
                    match self.iterate(at, true, offset)? {
                        Flow::Run => load!(),
                        Flow::Ask(op) => return Ok(Step::Ask(op, self.here())),
                    }
                }

                Instr::NewList { dst, base: at, count } => {
                    let list: Vec<Value> = (at..at + count).map(|reg| std::mem::take(reg_mut!(reg))).collect();
                    set!(dst, Value::list(list));
                }
                Instr::NewMap { dst, base: at, count } => {
                    let mut map = value::Map::with_capacity(count as usize);
                    for pair in 0..count {
                        let key = std::mem::take(reg_mut!(at + 2 * pair));
                        check!(value::index::check_key(&key));
                        map.insert(key, std::mem::take(reg_mut!(at + 2 * pair + 1)));
                    }
                    set!(dst, Value::map(map));
                }
                Instr::NewRecord { count, dst, base: at, site } => {
                    let keys = &proto!().records[site as usize];
                    let values = (at..at + Reg::from(count)).map(|reg| std::mem::take(reg_mut!(reg)));
                    let map = keys.with_values(values);
                    set!(dst, Value::map(map));
                }
                Instr::Reserve { list, base: at } => slow::reserve(base, list, at),
                Instr::ListPush { list, src } => {
                    let item = std::mem::take(reg_mut!(src));
                    if let Value::List(list) = reg_mut!(list) {
                        list.make_mut().push(item);
                    }
                }
                Instr::ListExtend { list, src } => {
                    let more = check!(items(reg!(src)));
                    if let Value::List(list) = reg_mut!(list) {
                        list.make_mut().extend(more);
                    }
                }
                Instr::MapInsert { map, key, value } => {
                    let key = std::mem::take(reg_mut!(key));
                    check!(value::index::check_key(&key));
                    let value = std::mem::take(reg_mut!(value));
                    if let Value::Map(map) = reg_mut!(map) {
                        map.make_mut().insert(key, value);
                    }
                }
                Instr::MapExtend { map, src } => check!(slow::map_extend(base, map, src)),
                Instr::NewRange { dst, a, b, inclusive } => {
                    let range = check!(slow::range(reg!(a), reg!(b), inclusive));
                    set!(dst, Value::Range(Ref::new(range)));
                }
                Instr::Index { dst, a, b } => {
                    if let (Value::List(list), Value::Int(at)) = (reg!(a), reg!(b))
                        && let Some(item) = list.get(*at as usize)
                    {
                        let item = if item.is_heap() { part_of!(item, dst) } else { item.clone() };
                        set!(dst, item);
                    } else if let Some(op) = check!(slow::index(base, dst, a, b)) {
                        ask!(op, Answer::Register(dst));
                    }
                }
                Instr::IndexMaybe { dst, a, b } => match reg!(a) {
                    Value::Handle(handle) if slow::is_table(handle) => {
                        let default = Some(Value::Null);
                        let op = Op::GetItem { object: handle.key(), key: reg!(b).clone(), default };
                        ask!(op, Answer::Register(dst));
                    }
                    object => set!(dst, check!(slow::index_maybe(object, reg!(b)))),
                },
                Instr::Field { dst, a, name } => {
                    if let Value::Map(map) = reg!(a) {
                        let cache = cache!(1);
                        let key = name!(name);
                        if let Some(value) = known_field(map, key, cache) {
                            let value = part_of!(value, dst);
                            set!(dst, value);
                            continue;
                        }
                        if let Some(at) = map.position(key) {
                            cache.set(at as u32);
                            if let Some((_, value)) = map.entry(at) {
                                set!(dst, value.clone());
                            }
                            continue;
                        }
                    }
                    let name = name!(name).as_str().unwrap_or_default();
                    if let Value::Handle(handle) = reg!(a) {
                        if handle.key().kind == HandleKind::Shared && name == "value" {
                            ask!(Op::SharedGet { cell: handle.key() }, Answer::Register(dst));
                        }
                        let op = Op::Property { handle: handle.key(), name: name.to_string() };
                        ask!(op, Answer::Register(dst));
                    }
                    set!(dst, check!(slow::field(reg!(a), name, &self.library)));
                }
                Instr::FieldMaybe { dst, a, name } => match reg!(a) {
                    Value::Null => set!(dst, Value::Null),
                    Value::Map(map) => {
                        let value = map.get(name!(name)).cloned();
                        set!(dst, value.unwrap_or_default());
                    }
                    Value::Handle(handle) => {
                        let name = name!(name).as_str().unwrap_or_default();
                        ask!(Op::Property { handle: handle.key(), name: name.to_string() }, Answer::Register(dst));
                    }
                    other => {
                        let name = name!(name).as_str().unwrap_or_default();
                        set!(dst, check!(slow::field(other, name, &self.library)));
                    }
                },
                Instr::Slice { dst, base: at, inclusive } => {
                    let given = |value| if matches!(value, &Value::Undefined) { None } else { Some(value) };
                    let (first, end) = (given(reg!(usize::from(at) + 1)), given(reg!(usize::from(at) + 2)));
                    set!(dst, check!(value::slice(reg!(at), first, end, inclusive)));
                }
                Instr::SetIndex { strided, a, b, src } => {
                    if let (Value::Int(at), Value::List(list)) = (reg!(b), reg_mut!(a))
                        && let Some(items) = list.get_mut()
                        && let Some(slot) = items.get_mut(*at as usize)
                    {
                        if strided {
                            ahead!(slot, usize::from(b) + 1);
                        }
                        put!(slot, std::mem::take(reg_mut!(src)));
                    } else if let Some(op) = check!(slow::set_index(base, a, b, std::mem::take(reg_mut!(src)))) {
                        ask!(op, Answer::Nothing);
                    }
                }
                Instr::SetIndexConst { strided, a, b, index } => {
                    if let (Value::Int(at), Value::List(list)) = (reg!(b), reg_mut!(a))
                        && let Some(items) = list.get_mut()
                        && let Some(slot) = items.get_mut(*at as usize)
                    {
                        if strided {
                            ahead!(slot, usize::from(b) + 1);
                        }
                        let constant: *const Value = constant!(index);
                        // SAFETY: the compiler has chosen a scalar, which is its bits.
                        put!(slot, unsafe { std::ptr::read(constant) });
                    } else if let Some(op) = check!(slow::set_index(base, a, b, constant!(index).clone())) {
                        ask!(op, Answer::Nothing);
                    }
                }
                Instr::SetField { a, name, src } => {
                    if let Value::Map(map) = reg_mut!(a) {
                        let cache = cache!(1);
                        let key = name!(name);
                        let map = map.make_mut();
                        if let (Some((Value::Str(found), value)), Value::Str(sought)) =
                            (map.entry_mut(cache.get() as usize), key)
                            && found.same(sought)
                        {
                            *value = std::mem::take(reg_mut!(src));
                            continue;
                        }
                        map.insert(key.clone(), std::mem::take(reg_mut!(src)));
                        if let Some(at) = map.position(key) {
                            cache.set(at as u32);
                        }
                    } else {
                        let key = name!(name).clone();
                        check!(slow::set_field(reg_mut!(a), key, std::mem::take(reg_mut!(src))));
                    }
                }
                Instr::SetPath { src, path } => {
                    let path = &proto!().paths[path as usize];
                    if let Some(op) = check!(slow::set_path(base, &proto!().names, path, src)) {
                        ask!(op, Answer::Nothing);
                    }
                }
                Instr::Shortcut { skip, dst, site } => {
                    let shortcut = &proto!().shortcuts[site as usize];
                    if slow::shortcut(base, &proto!().names, shortcut, dst) {
                        // SAFETY: the compiler has put the code that gets the value here, and something follows.
                        pc = unsafe { pc.add(skip as usize) };
                    }
                }
                Instr::UpdatePath { op, src, path } => {
                    let path = &proto!().paths[path as usize];
                    check!(slow::update_path(op, base, &proto!().names, path, src));
                }
                Instr::Update { op, place, src } => check!(slow::update(op, base, place, src)),

                Instr::Concat { dst, site } => {
                    let text = check!(self.concat(base, proto!(), &proto!().texts[site as usize]));
                    set!(dst, text);
                }
                Instr::Text { dst, src, repr } => match reg!(src) {
                    Value::Str(_) if !repr => set!(dst, reg!(src).clone()),
                    other => {
                        let text =
                            if repr { value::repr(&self.context, other) } else { value::display(&self.context, other) };
                        set!(dst, Value::str(check!(text)));
                    }
                },
                Instr::Format { dst, src, spec } => {
                    let spec = reg!(spec).as_str().unwrap_or_default();
                    set!(dst, Value::str(check!(value::format(&self.context, reg!(src), spec))));
                }

                Instr::Call { count, dst, base: at, callee } => {
                    save!();
                    let first = self.frame_base() + at as usize;
                    if let Value::Function(function) = reg!(callee)
                        && let Function::Closure { proto: number, captures } = &**function
                        && let Some(callee) = self.program.protos.get(*number as usize)
                        && callee.params.len() == count as usize
                        && !callee.rest
                        && first + callee.registers as usize + NATIVE_ARGUMENTS <= self.stack.len()
                        && self.frames.len() < self.frames.capacity()
                    {
                        for (reg, captured) in (at + u16::from(count)..).zip(captures) {
                            set!(reg, captured.clone());
                        }
                        enter!(std::rc::Rc::as_ptr(callee), self.frames.len(), first, at, dst);
                        continue;
                    }
                    let callee = reg!(callee).clone();
                    called!(self.call_value(&callee, first, count as usize, dst, None));
                }
                Instr::CallFn { dst, base: at, proto: number, .. } => {
                    // SAFETY: the compiler numbers the functions of the program.
                    let callee = std::rc::Rc::as_ptr(unsafe { self.program.protos.get_unchecked(number as usize) });
                    // SAFETY: as in `proto`.
                    let code = unsafe { &*callee };
                    let depth = self.frames.len();
                    // SAFETY: as in `save`.
                    let first = unsafe { self.frames.last().unwrap_unchecked() }.base as usize + at as usize;
                    let window = code.registers as usize + NATIVE_ARGUMENTS;
                    let room = depth < self.frames.capacity() && first + window <= self.stack.len();
                    save!();
                    if room && !interrupted() {
                        enter!(callee, depth, first, at, dst);
                    } else if interrupted() {
                        self.answer = Answer::Again;
                        return Ok(Step::Ask(Op::Interrupted, self.here()));
                    } else {
                        // The slow way makes room or says that it is too deep.
                        let count = code.params.len();
                        self.enter_closure(u32::from(number), &[], first, count, dst, Then::Store, None)?;
                        load!();
                    }
                }
                Instr::CallNative { count, dst, base: at, native } => match self.library.all[usize::from(native)].run {
                    Run::Pure(run) => native!(run, at, count, dst),
                    _ => {
                        save!();
                        let first = self.frame_base() + at as usize;
                        called!(self.call_native(native, first, count as usize, dst, None));
                    }
                },
                Instr::CallMethod { count, dst, base: at, name } => {
                    let cache = cache!(1);
                    let found = cache.get();
                    let kind = reg!(at).type_of() as u32 + 1;
                    if found >> 16 == kind && found as u16 & EXACT != 0 {
                        let declaration = self.library.all[usize::from(found as u16 & METHOD)];
                        if let Run::Pure(run) = declaration.run {
                            native!(run, at, count as usize + 1, dst);
                            continue;
                        }
                    }
                    save!();
                    if found >> 16 == kind
                        && found as u16 & QUICK != 0
                        && let Some(quick) = self.library.all[usize::from(found as u16 & METHOD)].quick
                        && let Value::Handle(handle) = reg!(at)
                    {
                        let value = if count > 0 { reg!(at + 1) } else { &Value::Null };
                        if let Some(answer) = self.at_once(quick, handle.key(), value) {
                            clear!(at, count + 1);
                            set!(dst, answer?);
                            continue;
                        }
                    }
                    let first = self.frame_base() + at as usize;
                    if found >> 16 == kind {
                        let declaration = self.library.all[usize::from(found as u16 & METHOD)];
                        if let Run::Effect(run) = declaration.run
                            && declaration.takes(count as usize + 1)
                        {
                            let arity = declaration.arity();
                            // Behind the registers of a frame there is room for the arguments of a native.
                            for reg in at + 1 + u16::from(count)..at + arity as Reg {
                                set!(reg, Value::Undefined);
                            }
                            match self.ask(run, first, arity, dst)? {
                                None => continue,
                                Some(op) => return Ok(Step::Ask(op, self.here())),
                            }
                        }
                        called!(self.call_native(found as u16 & METHOD, first, count as usize + 1, dst, None));
                    } else {
                        let name = name!(name).as_str().unwrap_or_default();
                        if let Some(id) = (self.library.method)(reg!(at).type_of(), name) {
                            let declaration = (self.library.get)(id);
                            let given = count as usize + 1;
                            let exact = declaration.arity() == given && declaration.rest().is_none();
                            let quick = declaration.quick.is_some() && declaration.takes_least(given);
                            if !declaration.changes() {
                                let how = if exact { EXACT } else { 0 } | if quick { QUICK } else { 0 };
                                cache.set(kind << 16 | u32::from(id | how));
                            }
                        }
                        called!(self.call_method(name, first, count as usize, dst, None, false));
                    }
                }
                Instr::Push { dst, list, src } => {
                    if matches!(reg!(list), Value::List(_)) {
                        let item = std::mem::take(reg_mut!(src));
                        if let Value::List(list) = reg_mut!(list) {
                            list.make_mut().push(item);
                        }
                        set!(dst, Value::Null);
                        // SAFETY: as for every other instruction.
                        pc = unsafe { pc.add(1) };
                    }
                }
                Instr::Pop { dst, list } => {
                    if let Value::List(list) = reg_mut!(list)
                        && !list.is_empty()
                    {
                        let item = list.make_mut().pop().unwrap_or_default();
                        set!(dst, item);
                        // SAFETY: as for every other instruction.
                        pc = unsafe { pc.add(1) };
                    }
                }
                Instr::CallChange { dst, site } => {
                    let change = &proto!().changes[site as usize];
                    let known = cache!(1).get();
                    let path = &change.path;
                    if known as u16 & (EXACT | OMITTED) != 0
                        && let place = check!(slow::path_place(base, &proto!().names, path))
                        && known >> 16 == place.type_of() as u32 + 1
                        && let Run::Change(run) = (self.library.get)(known as u16 & METHOD).run
                    {
                        if known as u16 & OMITTED != 0 {
                            let result = run(&mut self.context, place, &mut [Value::Undefined]);
                            set!(dst, check!(result));
                            continue;
                        }
                        // SAFETY: the arguments stand in registers of their own, apart from the variable's.
                        let args = unsafe {
                            std::slice::from_raw_parts_mut(base.add(change.base as usize), change.args as usize)
                        };
                        let result = run(&mut self.context, place, args);
                        for reg in change.base..change.base + change.args {
                            set!(reg, Value::Null);
                        }
                        set!(dst, check!(result));
                        continue;
                    }
                    save!();
                    called!(self.call_change(dst, site));
                }
                Instr::CallSpread { dst, base: at } => {
                    save!();
                    let callee = reg!(at).clone();
                    called!(self.call_spread(&callee, at, dst, None, false));
                }
                Instr::CallMethodSpread { dst, base: at, name } => {
                    save!();
                    let receiver = reg!(at).clone();
                    let name = name!(name).as_str().unwrap_or_default();
                    called!(self.call_spread(&receiver, at, dst, Some(name), false));
                }
                Instr::Closure { dst, site } => {
                    let site = &proto!().closures[site as usize];
                    let captures = site.captures.iter().map(|&reg| reg!(reg).clone()).collect();
                    set!(dst, Value::Function(Ref::new(Function::Closure { proto: site.proto, captures })));
                }
                Instr::Return { src, from, end } => {
                    let value = std::mem::take(reg_mut!(src));
                    let depth = self.frames.len();
                    // SAFETY: `load` or `enter` has found the topmost frame.
                    let Frame { dst, then, .. } = unsafe { *self.frames.get_unchecked(depth - 1) };
                    if then == Then::Store {
                        clear!(from, end - from);
                        // SAFETY: such a frame has a caller below it, whose window was reserved when it was entered.
                        unsafe {
                            self.frames.set_len(depth - 1);
                            let caller = self.frames.get_unchecked(depth - 2);
                            proto = caller.proto;
                            pc = caller.pc;
                            base = self.stack.as_mut_ptr().add(caller.base as usize);
                        }
                        set!(dst, value);
                    } else {
                        if let Some(step) = self.leave(value)? {
                            return Ok(step);
                        }
                        load!();
                    }
                }

                Instr::Throw { src } => {
                    let fault = match reg!(src) {
                        Value::Error(error) => {
                            self.rethrown = !error.trace.is_empty();
                            Fault(error.clone())
                        }
                        Value::Str(text) => Fault::new(Kind::User, text.as_str()),
                        other => slow::bad_throw(other),
                    };
                    check!(Err(fault));
                }
                Instr::Rethrow { src } => {
                    if let Value::Error(error) = reg!(src) {
                        self.rethrown = true;
                        check!(Err(Fault(error.clone())));
                    }
                }
                Instr::RethrowCancelled { src } => {
                    if let Value::Error(error) = reg!(src)
                        && error.is_cancelled()
                    {
                        self.rethrown = true;
                        check!(Err(Fault(error.clone())));
                    }
                }
                Instr::NoArm { src } => {
                    let text = check!(value::repr(&self.context, reg!(src)));
                    check!(Err(slow::no_arm(&text)));
                }
                Instr::TestList { dst, src, site } => {
                    let site = proto!().lists[site as usize];
                    let fits = slow::list_fits(reg!(src), site);
                    set!(dst, Value::bool(fits));
                }
                Instr::NeedList { src, site } => check!(slow::need_list(reg!(src), proto!().lists[site as usize])),
                Instr::Item { dst, src, index } => {
                    if let Value::List(list) = reg!(src) {
                        let at = if index < 0 { list.len() as i64 + i64::from(index) } else { i64::from(index) };
                        let item = list.get(at as usize).cloned().unwrap_or_default();
                        set!(dst, item);
                    }
                }
                Instr::Rest { dst, src, site } => {
                    let site = proto!().lists[site as usize];
                    if let Value::List(list) = reg!(src) {
                        let rest = list[site.before as usize..list.len() - site.after as usize].to_vec();
                        set!(dst, Value::list(rest));
                    }
                }
                Instr::TestKey { dst, src, name } => {
                    let found = match reg!(src) {
                        Value::Map(map) => map.get(name!(name)).cloned(),
                        _ => None,
                    };
                    set!(dst, found.unwrap_or(Value::Undefined));
                }
                Instr::NeedKey { dst, src, name } => {
                    set!(dst, check!(slow::need_key(reg!(src), name!(name))));
                }
                Instr::RestOfMap { dst, src, site } => {
                    let rest = slow::rest_of_map(reg!(src), &proto!().key_lists[site as usize]);
                    set!(dst, rest);
                }
                Instr::TestRange { dst, src, base: at, inclusive } => {
                    let fits = slow::range_fits(reg!(src), reg!(at), reg!(usize::from(at) + 1), inclusive);
                    set!(dst, Value::bool(fits));
                }

                Instr::Spawn { count, spread, dst, base: at } => {
                    // SAFETY: as in `reg`.
                    let call = unsafe { std::slice::from_raw_parts_mut(base.add(at.into()), count.into()) };
                    ask!(check!(options::spawn(call, spread)), Answer::Register(dst));
                }
                Instr::ScopeEnter { src } => ask!(check!(options::scope(reg!(src))), Answer::Nothing),
                Instr::ScopeLeave { src } => {
                    ask!(Op::ScopeLeave { error: std::mem::take(reg_mut!(src)) }, Answer::Nothing);
                }
                Instr::Enter { dst, src } => {
                    save!();
                    if let Value::Handle(handle) = reg!(src)
                        && let Some(answer) = self.at_once(Quick::Acquire, handle.key(), &Value::Null)
                    {
                        answer?;
                        set!(dst, reg!(src).clone());
                    } else {
                        ask!(Op::Enter { value: reg!(src).clone() }, Answer::Register(dst));
                    }
                }
                Instr::Leave { src, how } => {
                    let raised = matches!(reg!(how), Value::Int(how) if *how == i64::from(RAISED));
                    let value = std::mem::take(reg_mut!(src));
                    save!();
                    if let Value::Handle(handle) = &value
                        && let Some(answer) = self.at_once(Quick::Release, handle.key(), &Value::Null)
                    {
                        answer?;
                    } else {
                        ask!(Op::Leave { value, raised }, Answer::Nothing);
                    }
                }
                Instr::SharedTake { dst, cell } => {
                    let cell = check!(slow::cell(reg!(cell)));
                    ask!(Op::SharedTake { cell }, Answer::Register(dst))
                }
                Instr::SharedPut { cell, src } => {
                    let cell = check!(slow::cell(reg!(cell)));
                    ask!(Op::SharedPut { cell, value: std::mem::take(reg_mut!(src)) }, Answer::Nothing)
                }
                Instr::SharedSet { cell, src } => {
                    let cell = check!(slow::cell(reg!(cell)));
                    ask!(Op::SharedSet { cell, value: reg!(src).clone() }, Answer::Nothing)
                }
                Instr::SharedSetIndex { object, key, src } => {
                    if let Some(op) = check!(slow::set_shared(reg!(object), reg!(key), reg!(src))) {
                        ask!(op, Answer::Nothing)
                    }
                }
                Instr::Select { dst, site } => {
                    save!();
                    let op = self.select(proto!(), site)?;
                    ask!(op, Answer::Register(dst));
                }
                Instr::AssertFailed { base: at, op } => {
                    let symbol = proto!().names[op as usize].as_str().unwrap_or_default();
                    let a = check!(value::repr(&self.context, reg!(at)));
                    let b = check!(value::repr(&self.context, reg!(usize::from(at) + 1)));
                    let message = match reg!(usize::from(at) + 2) {
                        Value::Null | Value::Undefined => None,
                        message => Some(check!(value::display(&self.context, message))),
                    };
                    check!(Err(slow::assert_failed(symbol, &a, &b, message)));
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn frame_base(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.base as usize)
    }

    /// Ends the topmost call.
    #[inline(never)]
    fn leave(&mut self, value: Value) -> Result<Option<Step>, Fault> {
        let Some(frame) = self.frames.pop() else { return Ok(Some(Step::Done(value))) };
        let base = frame.base as usize;
        let registers = frame.proto().registers as usize;
        for slot in &mut self.stack[base..base + registers] {
            *slot = Value::Null;
        }
        match frame.then {
            Then::Store => {
                let caller = self.frame_base();
                self.stack[caller + frame.dst as usize] = value;
                Ok(None)
            }
            Then::Finish => Ok(Some(Step::Done(value))),
            Then::Place => {
                self.place_changed(frame.dst, value)?;
                Ok(None)
            }
            Then::Stage => match self.stage_returned(value)? {
                Flow::Run => Ok(None),
                Flow::Ask(op) => Ok(Some(Step::Ask(op, self.here()))),
            },
        }
    }
}

/// The field that an instruction found last time, if its key is the very same text.
#[inline(always)]
fn known_field<'a>(map: &'a Map, name: &Value, cache: &Cell<u32>) -> Option<&'a Value> {
    if let Value::Str(name) = name { map.known(cache.get() as usize, name) } else { None }
}

/// Asks for the memory at an address, which need not be one.
#[inline(always)]
fn fetch(address: *const Value) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which has no effect that a program can tell, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Puts a value into a slot that holds one on the heap.
///
/// # Safety
/// The slot holds a value.
#[cold]
#[inline(never)]
unsafe fn replace(slot: *mut Value, value: Value) {
    // SAFETY: as the caller promises. Nothing is needed after the drop, so it is a jump.
    drop(unsafe { std::ptr::replace(slot, value) });
}
