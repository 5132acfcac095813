//! Last uses: a copy of a register that is not read again becomes a move, so that values passed on are uniquely owned
//! and change in place. What is taken out of a variable stays there when a handler might look.

use crate::vm::code::{Instr, Proto, Shortcut};

type Bits = Vec<u64>;

fn set(bits: &mut Bits, reg: usize) {
    bits[reg / 64] |= 1 << (reg % 64);
}

fn clear(bits: &mut Bits, reg: usize) {
    bits[reg / 64] &= !(1 << (reg % 64));
}

fn has(bits: &Bits, reg: usize) -> bool {
    bits[reg / 64] & 1 << (reg % 64) != 0
}

struct Block {
    start: usize,
    end: usize,
    live_in: Bits,
}

/// Turns copies of registers that die there into moves. Backward data-flow over basic blocks (Aho, Lam, Sethi, Ullman,
/// Compilers, 9.2.5); an instruction inside a protected stretch may go on at its handler.
pub fn move_last_uses(proto: &mut Proto) {
    if !proto.code.iter().any(|instr| matches!(instr, Instr::Copy { .. } | Instr::Shortcut { .. })) {
        return;
    }
    let words = (proto.registers as usize).div_ceil(64).max(1);
    let mut leaders = vec![false; proto.code.len() + 1];
    leaders[0] = true;
    for (at, instr) in proto.code.iter().enumerate() {
        if let Some(offset) = instr.offset() {
            leaders[(at as i64 + 1 + offset) as usize] = true;
            leaders[at + 1] = true;
        } else if instr.ends() {
            leaders[at + 1] = true;
        }
    }
    for handler in &proto.handlers {
        for at in [handler.start, handler.end, handler.target] {
            leaders[at as usize] = true;
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut block_of = vec![0u32; proto.code.len()];
    for at in 0..proto.code.len() {
        if leaders[at] {
            if let Some(last) = blocks.last_mut() {
                last.end = at;
            }
            blocks.push(Block { start: at, end: proto.code.len(), live_in: vec![0; words] });
        }
        block_of[at] = blocks.len() as u32 - 1;
    }
    loop {
        let mut changed = false;
        for number in (0..blocks.len()).rev() {
            let mut live = live_out(proto, &blocks, &block_of, number, words);
            let (start, end) = (blocks[number].start, blocks[number].end);
            let handlers = handlers_live(proto, &blocks, &block_of, start, words);
            for at in (start..end).rev() {
                step(proto, &proto.code[at], &mut live, &handlers);
            }
            if live != blocks[number].live_in {
                blocks[number].live_in = live;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for number in 0..blocks.len() {
        let mut live = live_out(proto, &blocks, &block_of, number, words);
        let handlers = handlers_live(proto, &blocks, &block_of, blocks[number].start, words);
        for at in (blocks[number].start..blocks[number].end).rev() {
            if let Instr::Copy { dst, src } = proto.code[at]
                && !has(&live, src as usize)
                && handlers.as_ref().is_none_or(|handlers| !has(handlers, src as usize))
            {
                proto.code[at] = Instr::MoveLast { dst, src };
            }
            // A handler would find the place empty.
            if let Instr::Shortcut { site, .. } = proto.code[at]
                && let Shortcut::Take(path) = &proto.shortcuts[site as usize]
                && handlers.as_ref().is_some_and(|handlers| has(handlers, path.root as usize))
            {
                proto.code[at] = Instr::Jump { offset: 0 };
            }
            step(proto, &proto.code[at], &mut live, &handlers);
        }
    }
}

/// What is live where the handlers of a block's instructions begin. All instructions of a block have the same handlers.
fn handlers_live(proto: &Proto, blocks: &[Block], block_of: &[u32], at: usize, words: usize) -> Option<Bits> {
    let mut live: Option<Bits> = None;
    for handler in proto.handlers.iter().filter(|h| h.start as usize <= at && at < h.end as usize) {
        let target = &blocks[block_of[handler.target as usize] as usize].live_in;
        let live = live.get_or_insert_with(|| vec![0; words]);
        live.iter_mut().zip(target).for_each(|(word, more)| *word |= more);
    }
    live
}

fn live_out(proto: &Proto, blocks: &[Block], block_of: &[u32], number: usize, words: usize) -> Bits {
    let mut live = vec![0; words];
    let mut flow = |target: usize| {
        if let Some(&block) = block_of.get(target) {
            let more = &blocks[block as usize].live_in;
            live.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
        }
    };
    let last = blocks[number].end - 1;
    let instr = &proto.code[last];
    if let Some(offset) = instr.offset() {
        flow((last as i64 + 1 + offset) as usize);
    }
    if !instr.ends() {
        flow(last + 1);
    }
    live
}

fn step(proto: &Proto, instr: &Instr, live: &mut Bits, handlers: &Option<Bits>) {
    instr.writes(&mut |reg| clear(live, reg as usize));
    if let Some(handlers) = handlers {
        live.iter_mut().zip(handlers).for_each(|(word, more)| *word |= more);
    }
    proto.reads_of(instr, &mut |reg| {
        if (reg as usize) < live.len() * 64 {
            set(live, reg as usize);
        }
    });
}
