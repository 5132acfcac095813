//! Shared objects: cells, numbers.

use super::arguments::{At, given, out_of_range, position, take};
use super::{ask, convert, function_of, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Declaration, Run::*, optional, required};
use crate::vm::op::Op;
use crate::vm::types::Type;
use crate::vm::value::{Numbers, Ref, Value};

const CELL: &[Type] = &[Type::Shared];
const NUMBERS: &[Type] = &[Type::SharedInts, Type::SharedFloats];

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "shared",
        &[required("value")],
        "One value in common memory: `c.value` reads it, `c.value = v` stores it, `with c { c.value += 1 }` changes it.\n\
         {let c = shared(1); c.value = 2; c.value == 2}",
        Effect(|_, args| Ok(Op::Shared { value: take(&mut args[0]) })),
    ),
    method_of(
        "add",
        CELL,
        &[required("number")],
        "Adds a number to the value, as one step for all processes.\n{let c = shared(1); c.add(2); c.value == 3}",
        Effect(|_, args| match &args[1] {
            Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                Ok(Op::SharedAdd { cell: ask::receiver(args)?, number: take(&mut args[1]) })
            }
            other => Err(At("add", "number").wrong("a number", other)),
        }),
    ),
    function_of(
        "shared_ints",
        &[required("source")],
        "Ints in one block of memory that all processes see: so many zeros, or the items of something.\n\
         {let a = shared_ints(3); a[0] = 5; a.add(0, 2); a[0] == 7}",
        Effect(|_, args| numbers("shared_ints", false, args)),
    ),
    function_of(
        "shared_floats",
        &[required("source")],
        "Floats in one block of memory that all processes see: so many zeros, or the items of something.\n\
         {let a = shared_floats([0.5]); a.add(0, 1); a[0] == 1.5}",
        Effect(|_, args| numbers("shared_floats", true, args)),
    ),
    method_of(
        "add",
        NUMBERS,
        &[required("index"), required("number")],
        "Adds to one of the numbers, as one step for all processes.\n\
         {let a = shared_ints(1); a.add(0, 2); a[0] == 2}",
        Effect(|_, args| {
            let index = At("add", "index").int(&args[1])?;
            let len = args[0].numbers().map_or(0, Numbers::len);
            let index = position(index, len).ok_or_else(|| out_of_range("add", index, len))?;
            Ok(Op::AddItem { object: take(&mut args[0]), index, number: take(&mut args[2]) })
        }),
    ),
    method_of(
        "view",
        NUMBERS,
        &[optional("start", "null"), optional("end", "null")],
        "The same memory from `start` up to but without `end`; bounds clamp as in slices.\n\
         {let a = shared_ints(3); a.view(1)[0] = 5; a[1] == 5}",
        Effect(|_, args| {
            let len = args[0].numbers().map_or(0, Numbers::len) as i64;
            let bound = |name, value: &Value, default: i64| match given(value) {
                None => Ok(default),
                Some(value) => At("view", name)
                    .int(value)
                    .map(|bound| if bound < 0 { bound.saturating_add(len) } else { bound }.clamp(0, len)),
            };
            let start = bound("start", &args[1], 0)?;
            let end = bound("end", &args[2], len)?.max(start);
            Ok(Op::View { numbers: ask::receiver(args)?, start: start as usize, end: end as usize })
        }),
    ),
    method_of(
        "update",
        CELL,
        &[required("f")],
        "Replaces the value by `f(value)`, as one step for all processes, and gives the new one.\n\
         {let c = shared([1]); c.update(|v| v + [2]) == [1, 2]}",
        Script(
            "fn update(self_, f) {
                with self_ {
                    self_.value = f(self_.value)
                    self_.value
                }
            }",
        ),
    ),
];

fn numbers(function: &'static str, floats: bool, args: &[Value]) -> Result<Op, Fault> {
    let at = At(function, "source");
    if let Value::Int(_) | Value::Big(_) = &args[0] {
        return Ok(Op::SharedNumbers { floats, length: at.count(&args[0])?, array: None });
    }
    let array = if floats { convert::float_array(function, &args[0]) } else { convert::int_array(function, &args[0]) }?;
    Ok(Op::SharedNumbers { floats, length: array.len(), array: Some(Value::Array(Ref::new(array))) })
}
