//! What a return has to drop: only those registers that may hold something on the heap.

use crate::vm::code::{Instr, Part, Proto, Reg};

/// A return of a function with more registers drops them all.
const MOST_REGISTERS: usize = 256;

/// The registers that may hold a value on the heap.
#[derive(Clone, Copy, PartialEq, Default)]
struct Held([u64; MOST_REGISTERS / 64]);

impl Held {
    fn has(&self, reg: Reg) -> bool {
        self.0[usize::from(reg) / 64] & 1 << (reg % 64) != 0
    }

    fn put(&mut self, reg: Reg, held: bool) {
        let bit = 1 << (reg % 64);
        let word = &mut self.0[usize::from(reg) / 64];
        if held { *word |= bit } else { *word &= !bit }
    }

    fn put_all(&mut self, regs: impl Iterator<Item = Reg>, held: bool) {
        regs.for_each(|reg| self.put(reg, held));
    }

    /// Adds those of another; whether that were more.
    fn join(&mut self, other: &Held) -> bool {
        let before = *self;
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
        *self != before
    }

    /// The first of them, and one past the last.
    fn bounds(&self) -> (Reg, Reg) {
        let used = |word: &u64| *word != 0;
        let (Some(first), Some(last)) = (self.0.iter().position(used), self.0.iter().rposition(used)) else {
            return (0, 0);
        };
        let (below, above) = (self.0[first].trailing_zeros(), self.0[last].leading_zeros());
        (first as Reg * 64 + below as Reg, (last as Reg + 1) * 64 - above as Reg)
    }

    fn below(mut self, end: Reg) -> Held {
        self.put_all((0..MOST_REGISTERS as Reg).skip(usize::from(end)), false);
        self
    }
}

/// Tells each return its registers. Forward data-flow: what may be held where a jump or a handler leads is joined there
/// until nothing changes.
pub fn mark_returns(proto: &mut Proto) {
    for instr in &mut proto.code {
        if let Instr::Return { from, end, .. } = instr {
            (*from, *end) = (0, proto.registers as Reg);
        }
    }
    if proto.registers as usize > MOST_REGISTERS {
        return;
    }
    let mut entry = Held::default();
    entry.put_all(0..(proto.arity() + usize::from(proto.captures)) as Reg, true);
    let mut joined: Vec<Option<Held>> = vec![None; proto.code.len() + 1];
    loop {
        let mut changed = false;
        let mut join = |joined: &mut Vec<Option<Held>>, at: usize, held: &Held| {
            changed |= match &mut joined[at] {
                Some(there) => there.join(held),
                empty => empty.replace(*held).is_none(),
            };
        };
        let mut reached = Some(entry);
        for at in 0..proto.code.len() {
            if let Some(there) = &mut joined[at] {
                if let Some(held) = &reached {
                    there.join(held);
                }
                reached = Some(*there);
            }
            let Some(before) = reached else { continue };
            let instr = proto.code[at];
            let mut held = before;
            step(proto, &instr, &mut held);
            for handler in proto.handlers.iter().filter(|h| (h.start..h.end).contains(&(at as u32))) {
                let mut failed = before;
                failed.join(&held);
                failed = failed.below(handler.live);
                failed.put(handler.error, true);
                join(&mut joined, handler.target as usize, &failed);
            }
            if let Some(offset) = instr.offset() {
                join(&mut joined, (at as i64 + 1 + offset) as usize, &held);
            }
            if let Instr::Return { src, from, end } = &mut proto.code[at] {
                held.put(*src, false);
                (*from, *end) = held.bounds();
            }
            reached = (!instr.ends()).then_some(held);
        }
        if !changed {
            return;
        }
    }
}

/// What is held after an instruction that did not fail.
fn step(proto: &Proto, instr: &Instr, held: &mut Held) {
    use Instr::*;
    match *instr {
        Int { dst, .. }
        | Null { dst }
        | Bool { dst, .. }
        | Undefined { dst }
        | Not { dst, .. }
        | Eq { dst, .. }
        | Ne { dst, .. }
        | Lt { dst, .. }
        | Le { dst, .. }
        | Gt { dst, .. }
        | Ge { dst, .. }
        | In { dst, .. }
        | Is { dst, .. }
        | TestList { dst, .. }
        | TestRange { dst, .. } => return held.put(dst, false),
        Const { dst, index } => return held.put(dst, proto.constants[index as usize].is_heap()),
        // A handle stays where `MoveLast` found it.
        Copy { dst, src } | MoveLast { dst, src } => return held.put(dst, held.has(src)),
        Move { dst, src } => {
            let moved = held.has(src);
            held.put(src, false);
            return held.put(dst, moved);
        }
        Clear { from, count } => return held.put_all(from..from + count, false),
        IterNext { base, .. } | IterLoop { base, .. } => held.put(base + 2, true),
        IterPair { base, .. } => held.put_all(base + 2..base + 4, true),
        Update { place, .. } => held.put(place, true),
        SetPath { src, .. } | Push { src, .. } | ListPush { src, .. } | SetField { src, .. } => held.put(src, false),
        MapInsert { key, value, .. } => held.put_all([key, value].into_iter(), false),
        NewList { base, count, .. } => held.put_all(base..base + count, false),
        Concat { site, .. } => {
            for part in &proto.texts[site as usize] {
                if let Part::Take(reg) = part {
                    held.put(*reg, false);
                }
            }
        }
        Pop { dst, .. } | Shortcut { dst, .. } => held.put(dst, true),
        NewRecord { base, count, .. } => held.put_all(base..base + Reg::from(count), false),
        NewMap { base, count, .. } => held.put_all(base..base + 2 * count, false),
        CallMethod { base, count, .. } => held.put_all(base..=base + Reg::from(count), false),
        Call { base, count, .. } | CallFn { base, count, .. } | CallNative { base, count, .. } => {
            held.put_all(base..base + Reg::from(count), false);
        }
        CallChange { site, .. } => {
            let site = &proto.changes[site as usize];
            held.put_all(site.base..site.base + site.args, false);
            // An ordinary method found there leaves its receiver behind the list and the map.
            held.put(site.base + site.args, site.spread);
        }
        Spawn { base, count, .. } => held.put_all(base..base + Reg::from(count), false),
        _ => {}
    }
    instr.writes(&mut |reg| held.put(reg, true));
}
