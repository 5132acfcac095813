//! What a function can reach: the handles in its arguments, its captures and the globals that it mentions, also by way
//! of the functions among them.

use super::code::{Instr, Program};
use super::value::{Function, HandleKey, Value};
use std::collections::HashSet;

/// Walks everything that can be reached from some values, and calls `found` for each handle, perhaps more than once.
/// `globals` gives the value of a global.
pub fn handles<'a>(
    program: &Program,
    roots: impl Iterator<Item = &'a Value>,
    globals: &'a [Value],
    found: &mut dyn FnMut(HandleKey),
) {
    let mut walk = Walk { program, waiting: roots.collect(), seen: HashSet::new(), protos: HashSet::new(), globals };
    while let Some(value) = walk.waiting.pop() {
        walk.value(value, found);
    }
}

struct Walk<'a, 'p> {
    program: &'p Program,
    waiting: Vec<&'a Value>,
    seen: HashSet<usize>,
    protos: HashSet<u32>,
    globals: &'a [Value],
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self, value: &'a Value, found: &mut dyn FnMut(HandleKey)) {
        match value {
            Value::Handle(handle) => found(handle.key()),
            Value::List(items) if self.seen.insert(items.address()) => self.waiting.extend(items.iter().filter(holds)),
            Value::Map(map) if self.seen.insert(map.address()) => {
                for (key, value) in map.iter() {
                    self.waiting.extend([key, value].into_iter().filter(holds));
                }
            }
            Value::Set(set) if self.seen.insert(set.address()) => self.waiting.extend(set.keys().filter(holds)),
            Value::Error(error) if self.seen.insert(error.address()) => {
                self.waiting.extend([&error.message, &error.data, &error.cause]);
            }
            Value::Function(function) => {
                if let Function::Closure { proto, captures } = &**function {
                    self.proto(*proto);
                    if self.seen.insert(function.address()) {
                        self.waiting.extend(captures.iter());
                    }
                }
            }
            _ => {}
        }
    }

    fn proto(&mut self, number: u32) {
        let mut numbers = vec![number];
        while let Some(number) = numbers.pop() {
            if !self.protos.insert(number) {
                continue;
            }
            let Some(proto) = self.program.protos.get(number as usize) else { continue };
            self.waiting.extend(proto.globals.iter().filter_map(|&index| self.globals.get(index as usize)));
            for instr in &proto.code {
                if let Instr::CallFn { proto, .. } = instr {
                    numbers.push(u32::from(*proto));
                }
            }
            numbers.extend(proto.closures.iter().map(|site| site.proto));
            for constant in &proto.constants {
                if let Value::Function(function) = constant
                    && let Function::Closure { proto, .. } = &**function
                {
                    numbers.push(*proto);
                }
            }
        }
    }
}

/// Whether a value may hold others, so that long lists of numbers are passed over quickly.
fn holds(value: &&Value) -> bool {
    !matches!(
        value,
        Value::Undefined
            | Value::Null
            | Value::False
            | Value::True
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Big(_)
            | Value::Bytes(_)
    )
}
