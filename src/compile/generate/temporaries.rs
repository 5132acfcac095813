//! Results of calls that no name takes: a handle among them is given up with the statement.

use super::*;
use crate::vm::code::Part;

/// Functions and methods whose results hold no handle, in loops often enough for that to matter. As methods they are
/// such of maps too, so that no function stored in a map is meant.
const PLAIN: [&str; 12] =
    ["len", "print", "push", "put", "send", "sum", "range", "str", "int", "float", "contains", "sleep"];

impl Generator<'_> {
    /// Clears what the code since `start` has left in registers that are free now.
    pub(super) fn give_up_results(&mut self, start: usize) {
        let next = self.state.next;
        let mut left: Vec<Reg> = Vec::new();
        for instr in &self.state.proto.code[start..] {
            // Each taking makes good one writing: in branches a register may be written several times.
            self.takes(instr, &mut |reg| {
                if let Some(at) = left.iter().rposition(|&other| other == reg) {
                    left.remove(at);
                }
            });
            if let Some(dst) = self.result(instr)
                && u32::from(dst) >= next
            {
                left.push(dst);
            }
        }
        if let (Some(&first), Some(&last)) = (left.iter().min(), left.iter().max()) {
            self.emit(Instr::Clear { from: first, count: last - first + 1 });
        }
    }

    /// Where a call puts its result, if that may hold a handle.
    fn result(&self, instr: &Instr) -> Option<Reg> {
        let name = |index: u16| self.state.proto.names[index as usize].as_str().unwrap_or_default();
        match *instr {
            Instr::Call { dst, .. }
            | Instr::CallFn { dst, .. }
            | Instr::CallSpread { dst, .. }
            | Instr::CallMethodSpread { dst, .. }
            | Instr::Select { dst, .. }
            | Instr::Spawn { dst, .. } => Some(dst),
            Instr::CallMethod { dst, name: index, .. } => (!PLAIN.contains(&name(index))).then_some(dst),
            Instr::CallChange { dst, site } => {
                let called = name(self.state.proto.changes[site as usize].name);
                (!PLAIN.contains(&called)).then_some(dst)
            }
            Instr::CallNative { dst, native, .. } => (!PLAIN.contains(&library::get(native).name)).then_some(dst),
            _ => None,
        }
    }

    /// The registers that an instruction leaves empty.
    fn takes(&self, instr: &Instr, f: &mut dyn FnMut(Reg)) {
        match *instr {
            Instr::Move { src, .. }
            | Instr::ListPush { src, .. }
            | Instr::SetField { src, .. }
            | Instr::SetPath { src, .. }
            | Instr::SetIndex { src, .. }
            | Instr::Return { src, .. } => f(src),
            Instr::Clear { from, count } => (from..from + count).for_each(f),
            Instr::NewList { base, count, .. } => (base..base + count).for_each(f),
            Instr::Concat { site, .. } => {
                for part in &self.state.proto.texts[site as usize] {
                    if let Part::Take(reg) = part {
                        f(*reg);
                    }
                }
            }
            Instr::NewRecord { base, count, .. } => (base..base + Reg::from(count)).for_each(f),
            Instr::NewMap { base, count, .. } => (base..base + 2 * count).for_each(f),
            Instr::MapInsert { key, value, .. } => [key, value].into_iter().for_each(f),
            Instr::CallMethod { base, count, .. } => (base..=base + Reg::from(count)).for_each(f),
            Instr::Call { base, count, .. }
            | Instr::CallFn { base, count, .. }
            | Instr::CallNative { base, count, .. } => {
                (base..base + Reg::from(count)).for_each(f);
            }
            Instr::CallChange { site, .. } => {
                let site = &self.state.proto.changes[site as usize];
                (site.base..site.base + site.args).for_each(f);
            }
            Instr::Spawn { base, count, .. } => (base..base + Reg::from(count)).for_each(f),
            Instr::Select { site, .. } => {
                self.state.proto.selects[site as usize].iter().for_each(|arm| arm.registers(f));
            }
            _ => {}
        }
    }
}
