//! What an instruction reads, writes and jumps to.

use super::code::{ArmSite, Instr, Joined, Part, Reg, Shortcut};

impl Instr {
    /// The offset of its jump.
    pub fn offset(&self) -> Option<i64> {
        use Instr::*;
        match *self {
            Jump { offset }
            | JumpIf { offset, .. }
            | JumpIfNot { offset, .. }
            | JumpNull { offset, .. }
            | JumpNotNull { offset, .. }
            | JumpDefined { offset, .. }
            | RangePrep { offset, .. }
            | RangeLoop { offset, .. }
            | StepPrep { offset, .. }
            | StepLoop { offset, .. }
            | IterNext { offset, .. }
            | IterLoop { offset, .. }
            | IterPair { offset, .. } => Some(i64::from(offset)),
            JumpLt { offset, .. }
            | JumpLe { offset, .. }
            | JumpNotLt { offset, .. }
            | JumpNotLe { offset, .. }
            | JumpEq { offset, .. }
            | JumpNe { offset, .. }
            | JumpEqConst { offset, .. }
            | JumpNeConst { offset, .. }
            | JumpLtInt { offset, .. }
            | JumpLeInt { offset, .. }
            | JumpGtInt { offset, .. }
            | JumpGeInt { offset, .. }
            | JumpNotLtInt { offset, .. }
            | JumpNotLeInt { offset, .. }
            | JumpNotGtInt { offset, .. }
            | JumpNotGeInt { offset, .. }
            | JumpEqInt { offset, .. }
            | JumpNeInt { offset, .. }
            | JumpIs { offset, .. }
            | JumpIsNot { offset, .. } => Some(i64::from(offset)),
            Push { .. } | Pop { .. } => Some(1),
            Shortcut { skip, .. } => Some(i64::from(skip)),
            _ => None,
        }
    }

    /// Sets the offset of a jump; false when it is too far for the instruction.
    pub fn set_offset(&mut self, distance: i64) -> bool {
        use Instr::*;
        match self {
            Jump { offset }
            | JumpIf { offset, .. }
            | JumpIfNot { offset, .. }
            | JumpNull { offset, .. }
            | JumpNotNull { offset, .. }
            | JumpDefined { offset, .. }
            | RangePrep { offset, .. }
            | RangeLoop { offset, .. }
            | StepPrep { offset, .. }
            | StepLoop { offset, .. }
            | IterNext { offset, .. }
            | IterLoop { offset, .. }
            | IterPair { offset, .. } => i32::try_from(distance).map(|near| *offset = near).is_ok(),
            JumpLt { offset, .. }
            | JumpLe { offset, .. }
            | JumpNotLt { offset, .. }
            | JumpNotLe { offset, .. }
            | JumpEq { offset, .. }
            | JumpNe { offset, .. }
            | JumpEqConst { offset, .. }
            | JumpNeConst { offset, .. }
            | JumpLtInt { offset, .. }
            | JumpLeInt { offset, .. }
            | JumpGtInt { offset, .. }
            | JumpGeInt { offset, .. }
            | JumpNotLtInt { offset, .. }
            | JumpNotLeInt { offset, .. }
            | JumpNotGtInt { offset, .. }
            | JumpNotGeInt { offset, .. }
            | JumpEqInt { offset, .. }
            | JumpNeInt { offset, .. }
            | JumpIs { offset, .. }
            | JumpIsNot { offset, .. } => i16::try_from(distance).map(|near| *offset = near).is_ok(),
            _ => true,
        }
    }

    /// Whether the next instruction does not follow it.
    pub fn ends(&self) -> bool {
        use Instr::*;
        matches!(self, Jump { .. } | IterLoop { .. } | Return { .. } | Throw { .. } | Rethrow { .. } | NoArm { .. })
    }

    /// The registers that it surely overwrites, whatever happens.
    pub fn writes(&self, f: &mut dyn FnMut(Reg)) {
        use Instr::*;
        match *self {
            Const { dst, .. }
            | Int { dst, .. }
            | Null { dst }
            | Bool { dst, .. }
            | Undefined { dst }
            | Copy { dst, .. }
            | Move { dst, .. }
            | MoveLast { dst, .. }
            | GetGlobal { dst, .. }
            | TakeGlobal { dst, .. }
            | Neg { dst, .. }
            | BitNot { dst, .. }
            | Not { dst, .. }
            | Is { dst, .. }
            | AddInt { dst, .. }
            | MulInt { dst, .. }
            | FloorDivInt { dst, .. }
            | RemInt { dst, .. }
            | AddConst { dst, .. }
            | MulConst { dst, .. }
            | SubConst { dst, .. }
            | ConstSub { dst, .. }
            | DivConst { dst, .. }
            | ConstDiv { dst, .. }
            | FloorDivConst { dst, .. }
            | RemConst { dst, .. }
            | Add { dst, .. }
            | Sub { dst, .. }
            | Mul { dst, .. }
            | Div { dst, .. }
            | FloorDiv { dst, .. }
            | Rem { dst, .. }
            | Arith { dst, .. }
            | Eq { dst, .. }
            | Ne { dst, .. }
            | Lt { dst, .. }
            | Le { dst, .. }
            | Gt { dst, .. }
            | Ge { dst, .. }
            | In { dst, .. }
            | NewList { dst, .. }
            | NewMap { dst, .. }
            | NewRecord { dst, .. }
            | NewRange { dst, .. }
            | Index { dst, .. }
            | IndexMaybe { dst, .. }
            | Field { dst, .. }
            | FieldMaybe { dst, .. }
            | Slice { dst, .. }
            | Concat { dst, .. }
            | Text { dst, .. }
            | Format { dst, .. }
            | Call { dst, .. }
            | CallFn { dst, .. }
            | CallNative { dst, .. }
            | CallMethod { dst, .. }
            | CallChange { dst, .. }
            | CallSpread { dst, .. }
            | CallMethodSpread { dst, .. }
            | Closure { dst, .. }
            | TestList { dst, .. }
            | Item { dst, .. }
            | Rest { dst, .. }
            | TestKey { dst, .. }
            | NeedKey { dst, .. }
            | RestOfMap { dst, .. }
            | TestRange { dst, .. }
            | Spawn { dst, .. }
            | SharedTake { dst, .. }
            | Enter { dst, .. }
            | Select { dst, .. } => f(dst),
            Clear { from, count } => (from..from + count).for_each(f),
            _ => {}
        }
    }

    /// The registers that it reads, without those that stand in side tables.
    fn reads(&self, f: &mut dyn FnMut(Reg)) {
        use Instr::*;
        match *self {
            Copy { src, .. }
            | Move { src, .. }
            | MoveLast { src, .. }
            | SetGlobal { src, .. }
            | Neg { src, .. }
            | BitNot { src, .. }
            | Not { src, .. }
            | Is { src, .. }
            | JumpIf { src, .. }
            | JumpIfNot { src, .. }
            | JumpNull { src, .. }
            | JumpNotNull { src, .. }
            | JumpDefined { src, .. }
            | JumpIs { src, .. }
            | JumpIsNot { src, .. }
            | Text { src, .. }
            | Return { src, .. }
            | Throw { src }
            | Rethrow { src }
            | RethrowCancelled { src }
            | NoArm { src }
            | TestList { src, .. }
            | NeedList { src, .. }
            | Item { src, .. }
            | Rest { src, .. }
            | TestKey { src, .. }
            | NeedKey { src, .. }
            | RestOfMap { src, .. }
            | ScopeEnter { src }
            | ScopeLeave { src }
            | Enter { src, .. }
            | SharedTake { cell: src, .. } => f(src),
            AddInt { a, .. }
            | MulInt { a, .. }
            | FloorDivInt { a, .. }
            | RemInt { a, .. }
            | AddConst { a, .. }
            | MulConst { a, .. }
            | SubConst { a, .. }
            | ConstSub { a, .. }
            | DivConst { a, .. }
            | ConstDiv { a, .. }
            | FloorDivConst { a, .. }
            | RemConst { a, .. }
            | Field { a, .. }
            | FieldMaybe { a, .. }
            | JumpLtInt { a, .. }
            | JumpLeInt { a, .. }
            | JumpGtInt { a, .. }
            | JumpGeInt { a, .. }
            | JumpNotLtInt { a, .. }
            | JumpNotLeInt { a, .. }
            | JumpNotGtInt { a, .. }
            | JumpNotGeInt { a, .. }
            | JumpEqInt { a, .. }
            | JumpNeInt { a, .. }
            | JumpEqConst { a, .. }
            | JumpNeConst { a, .. } => f(a),
            Add { a, b, .. }
            | Sub { a, b, .. }
            | Mul { a, b, .. }
            | Div { a, b, .. }
            | FloorDiv { a, b, .. }
            | Rem { a, b, .. }
            | Arith { a, b, .. }
            | Eq { a, b, .. }
            | Ne { a, b, .. }
            | Lt { a, b, .. }
            | Le { a, b, .. }
            | Gt { a, b, .. }
            | Ge { a, b, .. }
            | In { a, b, .. }
            | NewRange { a, b, .. }
            | Index { a, b, .. }
            | IndexMaybe { a, b, .. }
            | JumpLt { a, b, .. }
            | JumpLe { a, b, .. }
            | JumpNotLt { a, b, .. }
            | JumpNotLe { a, b, .. }
            | JumpEq { a, b, .. }
            | JumpNe { a, b, .. } => {
                f(a);
                f(b);
            }
            RangePrep { base, .. } | RangeLoop { base, .. } => (base..base + 2).for_each(f),
            StepPrep { base, .. } | StepLoop { base, .. } => (base..base + 4).for_each(f),
            IterPrep { base } | IterNext { base, .. } | IterLoop { base, .. } | IterPair { base, .. } => {
                (base..base + 2).for_each(f);
            }
            NewList { base, count, .. } => (base..base + count).for_each(f),
            NewRecord { base, count, .. } => (base..base + u16::from(count)).for_each(f),
            Reserve { list, base } => {
                f(list);
                f(base);
                f(base + 1);
            }
            NewMap { base, count, .. } => (base..base + 2 * count).for_each(f),
            Pop { list, .. } => f(list),
            Push { list, src, .. } | ListPush { list, src } | ListExtend { list, src } => {
                f(list);
                f(src);
            }
            MapInsert { map, key, value } => {
                f(map);
                f(key);
                f(value);
            }
            MapExtend { map, src } => {
                f(map);
                f(src);
            }
            Slice { base, .. }
            | CallSpread { base, .. }
            | CallMethodSpread { base, .. }
            | AssertFailed { base, .. } => {
                (base..base + 3).for_each(f);
            }
            Leave { src, how: other } | SharedPut { cell: other, src } | SharedSet { cell: other, src } => {
                f(src);
                f(other);
            }
            SharedSetIndex { object, key, src } => {
                f(object);
                f(key);
                f(src);
            }
            TestRange { src, base, .. } => {
                f(src);
                f(base);
                f(base + 1);
            }
            Spawn { base, count, .. } => (base..base + Reg::from(count)).for_each(f),
            SetIndex { a, b, src, .. } => {
                f(a);
                f(b);
                f(src);
            }
            SetIndexConst { a, b, .. } => {
                f(a);
                f(b);
            }
            SetField { a, src, .. } => {
                f(a);
                f(src);
            }
            Update { place, src, .. } => {
                f(place);
                f(src);
            }
            Format { src, spec, .. } => {
                f(src);
                f(spec);
            }
            Call { base, count, callee, .. } => {
                f(callee);
                (base..base + u16::from(count)).for_each(f);
            }
            CallMethod { base, count, .. } => {
                (base..=base + u16::from(count)).for_each(f);
            }
            CallFn { base, count, .. } | CallNative { base, count, .. } => {
                (base..base + u16::from(count)).for_each(f);
            }
            // Their registers are in side tables: `Proto::reads_of` gives them.
            Shortcut { .. }
            | SetPath { .. }
            | UpdatePath { .. }
            | Concat { .. }
            | CallChange { .. }
            | Closure { .. }
            | Select { .. } => {}
            Const { .. }
            | Int { .. }
            | Null { .. }
            | Bool { .. }
            | Undefined { .. }
            | Clear { .. }
            | GetGlobal { .. }
            | TakeGlobal { .. }
            | Jump { .. } => {}
        }
    }
}

impl super::code::Proto {
    /// The registers that an instruction reads, those in side tables included.
    pub fn reads_of(&self, instr: &Instr, f: &mut dyn FnMut(Reg)) {
        match *instr {
            Instr::CallChange { site, .. } => {
                let site = &self.changes[site as usize];
                site.path.registers(f);
                (site.base..site.base + site.args).for_each(f);
            }
            Instr::Shortcut { site, .. } => match &self.shortcuts[site as usize] {
                Shortcut::Take(path) => path.registers(f),
                Shortcut::Join(parts) => {
                    for part in parts {
                        if let Joined::Keep(reg) | Joined::Take(reg) = part {
                            f(*reg);
                        }
                    }
                }
            },
            Instr::SetPath { src, path } | Instr::UpdatePath { src, path, .. } => {
                self.paths[path as usize].registers(f);
                f(src);
            }
            Instr::Concat { site, .. } => {
                for part in &self.texts[site as usize] {
                    if let Part::Keep(reg) | Part::Take(reg) = part {
                        f(*reg);
                    }
                }
            }
            Instr::Select { site, .. } => {
                for arm in &self.selects[site as usize] {
                    arm.registers(f);
                }
            }
            Instr::Closure { site, .. } => self.closures[site as usize].captures.iter().for_each(|&reg| f(reg)),
            _ => instr.reads(f),
        }
    }
}

impl ArmSite {
    /// The registers of its operands.
    pub fn registers(&self, f: &mut dyn FnMut(Reg)) {
        match *self {
            ArmSite::Receive { channel: reg, .. }
            | ArmSite::Done { process: reg }
            | ArmSite::After { seconds: reg } => f(reg),
            ArmSite::Put { channel, value, .. } => {
                f(channel);
                f(value);
            }
            ArmSite::Else | ArmSite::Closed => {}
        }
    }
}
