//! Shared objects: cells.

use super::arguments::{At, take};
use super::{ask, function_of, method_of};
use crate::vm::native::{Declaration, Run::*, required};
use crate::vm::op::Op;
use crate::vm::types::Type;
use crate::vm::value::Value;

const CELL: &[Type] = &[Type::Shared];

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
