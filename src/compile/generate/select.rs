//! `select`: all operands, one question to the world, and a jump to the arm that it names.

use super::*;
use crate::vm::code::ArmSite;

impl Generator<'_> {
    pub(super) fn select(&mut self, arms: &[SelectArm], dst: Reg) {
        let span = self.span;
        let sites = arms.iter().map(|arm| self.select_operands(&arm.kind)).collect();
        self.state.proto.selects.push(sites);
        let site = self.state.proto.selects.len() as u32 - 1;
        // The answer: number of the arm, value, index of its channel.
        let answer = self.alloc();
        let number = self.alloc();
        self.span = span;
        self.emit(Instr::Select { dst: answer, site });
        self.emit(Instr::Item { dst: number, src: answer, index: 0 });
        let mut ends = Vec::new();
        for (at, arm) in arms.iter().enumerate() {
            let mark = self.mark();
            let next = (at + 1 < arms.len()).then(|| self.completed_otherwise(number, at as i32));
            if let SelectKind::From { index, pattern, .. } = &arm.kind {
                let value = self.alloc();
                self.emit(Instr::Item { dst: value, src: answer, index: 1 });
                if let Some(pattern) = index {
                    let index = self.alloc();
                    self.emit(Instr::Item { dst: index, src: answer, index: 2 });
                    self.bind_to(pattern, index);
                }
                self.emit(Instr::Clear { from: answer, count: 1 });
                self.bind_to(pattern, value);
            }
            self.into(&arm.body, dst);
            self.end_names(mark);
            ends.push(self.emit_jump(Instr::Jump { offset: 0 }));
            if let Some(next) = next {
                self.patch_here(next);
            }
            self.release(mark);
        }
        let here = self.here();
        self.patch_all(&ends, here);
    }

    /// The operands of an arm in registers of their own.
    fn select_operands(&mut self, kind: &SelectKind) -> ArmSite {
        match kind {
            SelectKind::From { index, channel, .. } => {
                ArmSite::Receive { channel: self.operand(channel), indexed: index.is_some() }
            }
            SelectKind::Put(call) => {
                if let ExprKind::Call { callee, args, .. } = &call.kind
                    && let ExprKind::Field { object, name, .. } = &callee.kind
                    && let [Arg::One(value) | Arg::Named(_, value)] = &args[..]
                {
                    let (channel, value) = (self.operand(object), self.operand(value));
                    return ArmSite::Put { channel, value, queue: &*name.text == "put" };
                }
                // The parser refused it.
                ArmSite::Closed
            }
            SelectKind::Done(process) => ArmSite::Done { process: self.operand(process) },
            SelectKind::After(seconds) => ArmSite::After { seconds: self.operand(seconds) },
            SelectKind::Closed => ArmSite::Closed,
            SelectKind::Else => ArmSite::Else,
        }
    }

    fn operand(&mut self, expr: &Expr) -> Reg {
        let reg = self.alloc();
        self.into(expr, reg);
        reg
    }
}
