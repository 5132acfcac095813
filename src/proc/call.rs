//! The call that a process is spawned with, on its way to the child. What holds handles is made anew there, so that
//! those are counted from the start; anything else is inherited as it is, whatever its size.

use super::handles;
use crate::near::{Near, NearVec};
use crate::vm::fault::Fault;
use crate::vm::machine::Machine;
use crate::vm::value::{self, HandleKey, HandleKind, Value};

/// A call that can be given to another process.
pub struct Call<'a> {
    /// The function, a map of its named arguments or null, and the positional ones.
    parts: &'a [Value],
    /// Those that hold handles inside, by their places.
    encoded: Vec<(usize, Vec<u8>)>,
    /// Arrays in common memory that are inherited.
    items: Vec<HandleKey>,
}

impl<'a> Call<'a> {
    /// Checks that the parts of a call, which are a function, a map of named arguments or null, and positional ones, can
    /// be given to another process.
    pub fn new(parts: &'a [Value]) -> Result<Call<'a>, Fault> {
        let (mut encoded, mut items) = (Vec::new(), Vec::new());
        for (at, part) in parts.iter().enumerate() {
            if let Some(key) = sent_alone(part) {
                handles::check(key)?;
                continue;
            }
            let mut keys = Vec::new();
            value::handles(part, &mut |key| keys.push(key));
            if keys.is_empty() {
                continue;
            }
            match value::encode(part) {
                Ok(bytes) => encoded.push((at, bytes.bytes)),
                // The items of arrays may also stay where they are.
                Err(_) if keys.iter().all(|key| key.kind == HandleKind::Items) => items.extend(&keys),
                Err(fault) => return Err(fault),
            }
            keys.iter().try_for_each(|&key| handles::check(key))?;
        }
        Ok(Call { parts, encoded, items })
    }

    /// The arrays in common memory that the child has by inheritance, until it ends.
    pub fn inherited_items(&self) -> &[HandleKey] {
        &self.items
    }

    /// In the child: makes the machine run the call next.
    pub fn start(&self, machine: &mut Machine) -> Result<(), Fault> {
        let mut encoded = self.encoded.iter().peekable();
        let mut anew = |(at, part): (usize, &Value)| {
            if let Some((_, bytes)) = encoded.next_if(|(place, _)| *place == at) {
                return value::decode(bytes);
            }
            Ok(sent_alone(part).map_or_else(|| part.clone(), Value::handle))
        };
        let mut parts = self.parts.iter().enumerate();
        let mut next = || parts.next().map_or(Ok(Value::Null), &mut anew);
        let (function, named) = (next()?, next()?);
        let mut args = NearVec::with_capacity_in(parts.len(), Near);
        for part in parts {
            args.push(anew(part)?);
        }
        machine.start_in_child(&function, args.into_iter(), &named)
    }
}

/// A handle that another process may have.
fn sent_alone(part: &Value) -> Option<HandleKey> {
    match part {
        Value::Handle(handle) if handle.key().kind != HandleKind::File => Some(handle.key()),
        _ => None,
    }
}
