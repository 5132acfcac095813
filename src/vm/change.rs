//! Calls of methods that change the place they are called on: `xs.push(1)`, `grid[i].sort()`.

use super::arguments::{Head, arrange, spread};
use super::code::{ChangeSite, Key, NATIVE_ARGUMENTS, Reg};
use super::fault::Fault;
use super::frame::Then;
use super::machine::{Machine, PendingPlace};
use super::native::Run;
use super::op::Op;
use super::run::{EXACT, METHOD, OMITTED};
use super::slow;
use super::value::{self, Value};
use std::cell::Cell;

impl Machine {
    /// Calls a method on a place; see [`super::code::ChangeSite`].
    #[inline(never)]
    pub(super) fn call_change(&mut self, dst: Reg, site: u32) -> Result<Option<Op>, Fault> {
        let frame = *self.frames.last().expect("the machine runs in a frame");
        let proto = frame.proto();
        let site = &proto.changes[site as usize];
        let name = proto.names[site.name as usize].as_str().unwrap_or_default();
        let base = frame.base as usize;
        let (root, first) = (base + site.path.root as usize, base + site.base as usize);
        let key_value = |key: &Key| match key {
            Key::Index(reg) => self.stack[base + *reg as usize].clone(),
            Key::Field { name, .. } => proto.names[*name as usize].clone(),
        };
        let keys: Vec<Value> = site.path.keys.iter().map(key_value).collect();
        let mut held = std::mem::take(&mut self.stack[root]);
        let cache = &proto.cache[frame.next() - 1];
        let result = self.change_place(&mut held, &keys, name, cache, first, site);
        self.stack[root] = held;
        let result = result?;
        let frames = self.frames.len();
        let script = match &result {
            Err(receiver) => {
                (self.library.method)(receiver.type_of(), name).is_some_and(|id| (self.library.get)(id).changes())
            }
            Ok(_) => false,
        };
        let asked = self.finish_change(result, name, first, base, dst, site)?;
        if script && self.frames.len() > frames {
            // Its result is the new value of the place.
            if let Some(frame) = self.frames.last_mut() {
                frame.then = Then::Place;
            }
            self.places.push(PendingPlace { root, keys });
        }
        Ok(asked)
    }

    /// The new value of a place came.
    pub(super) fn place_changed(&mut self, dst: Reg, value: Value) -> Result<(), Fault> {
        let Some(pending) = self.places.pop() else { return Ok(()) };
        let mut place = &mut self.stack[pending.root];
        for key in &pending.keys {
            place = value::slot(place, key)?;
        }
        *place = value;
        let at = self.frame_base() + dst as usize;
        self.stack[at] = Value::Null;
        Ok(())
    }

    fn finish_change(
        &mut self,
        result: Result<Value, Value>,
        name: &str,
        first: usize,
        base: usize,
        dst: Reg,
        site: &ChangeSite,
    ) -> Result<Option<Op>, Fault> {
        match result {
            Ok(value) => {
                self.stack[base + dst as usize] = value;
                Ok(None)
            }
            // Not a method that changes: the value of the place is the receiver of an ordinary call.
            Err(receiver) if site.spread => {
                let at = first + 2;
                self.reserve(at, 3 + NATIVE_ARGUMENTS)?;
                self.stack[at + 1] = std::mem::take(&mut self.stack[first]);
                self.stack[at + 2] = std::mem::take(&mut self.stack[first + 1]);
                self.stack[at] = receiver.clone();
                self.call_spread(&receiver, (at - base) as Reg, dst, Some(name), true)
            }
            Err(receiver) => {
                let count = site.args as usize;
                self.reserve(first, count + 1 + NATIVE_ARGUMENTS)?;
                for arg in (0..count).rev() {
                    self.stack[first + 1 + arg] = std::mem::take(&mut self.stack[first + arg]);
                }
                self.stack[first] = receiver;
                self.call_method(name, first, count, dst, None, true)
            }
        }
    }

    /// The result of a changing method, or the receiver when the method is none.
    fn change_place(
        &mut self,
        root: &mut Value,
        keys: &[Value],
        name: &str,
        cache: &Cell<u32>,
        first: usize,
        site: &ChangeSite,
    ) -> Result<Result<Value, Value>, Fault> {
        let mut place = root;
        for (key, value) in site.path.keys.iter().zip(keys) {
            place = slow::step(place, key, value)?;
        }
        let kind = place.type_of();
        let known = cache.get();
        let found = if known >> 16 == kind as u32 + 1 {
            Some(known as u16 & METHOD)
        } else {
            let found = (self.library.method)(kind, name);
            if let Some(id) = found {
                let declaration = (self.library.get)(id);
                let plain = !site.spread && declaration.rest().is_none() && matches!(declaration.run, Run::Change(_));
                let given = match (declaration.params, site.args as usize) {
                    (params, count) if plain && params.len() == count => EXACT,
                    ([only], 0) if plain && only.default.is_some() => OMITTED,
                    _ => 0,
                };
                cache.set((kind as u32 + 1) << 16 | u32::from(id | given));
            }
            found
        };
        let Some((declaration, run)) = found.and_then(|id| {
            let declaration = (self.library.get)(id);
            if let Run::Change(run) = declaration.run { Some((declaration, run)) } else { None }
        }) else {
            return Ok(Err(place.clone()));
        };
        let mut count = site.args as usize;
        let mut named = None;
        if site.spread {
            let list = std::mem::take(&mut self.stack[first]);
            if let Value::Map(map) = std::mem::take(&mut self.stack[first + 1]) {
                named = Some(map);
            }
            if let Value::List(list) = list {
                count = spread(self, &list, first)?;
            }
        }
        let params = declaration.params.len();
        self.reserve(first, count.max(params) + NATIVE_ARGUMENTS)?;
        if count != params || named.is_some() || declaration.rest().is_some() {
            arrange(&mut self.stack[first..], &Head::Change(declaration), count, named.as_deref())?;
        }
        let args = &mut self.stack[first..first + params];
        let result = run(&mut self.context, place, args);
        args.fill(Value::Null);
        result.map(Ok)
    }
}
