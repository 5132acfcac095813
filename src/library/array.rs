//! Methods that belong to arrays alone.

use super::arguments::At;
use super::method_of;
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::{Array, Value};

const ARRAY: &[Type] = &[Type::Array];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "fill",
        ARRAY,
        &[required("number")],
        "Sets all items to a number.\nvar a = ints(2); a.fill(7); a.list() == [7, 7]",
        Change(fill),
    ),
    method_of(
        "reverse",
        ARRAY,
        &[],
        "Turns the order of the items round, in place.\nvar a = ints([1, 2]); a.reverse(); a.list() == [2, 1]",
        Change(|_, place, _| {
            reverse(own(place, "reverse")?);
            Ok(Value::Null)
        }),
    ),
    method_of(
        "sort",
        ARRAY,
        &[optional("reverse", "false")],
        "Sorts the numbers in place; nan comes last.\nvar a = ints([2, 1]); a.sort(); a.list() == [1, 2]",
        Change(|_, place, args| {
            let backwards = At("sort", "reverse").flag(&args[0])?;
            let array = own(place, "sort")?;
            match array {
                Array::Ints(items) => items.sort_unstable(),
                Array::Floats(items) => items.sort_unstable_by(f64::total_cmp),
            }
            if backwards {
                reverse(array);
            }
            Ok(Value::Null)
        }),
    ),
];

fn own<'a>(place: &'a mut Value, function: &'static str) -> Result<&'a mut Array, Fault> {
    match place {
        Value::Array(array) => Ok(array.make_mut()),
        other => Err(At(function, "self").wrong("an array", other)),
    }
}

/// Turns the order round.
pub(super) fn reverse(array: &mut Array) {
    match array {
        Array::Ints(items) => items.reverse(),
        Array::Floats(items) => items.reverse(),
    }
}

fn fill(_: &mut Context, place: &mut Value, args: &mut [Value]) -> Result<Value, Fault> {
    let at = At("fill", "number");
    match (own(place, "fill")?, &args[0]) {
        (Array::Ints(items), number) => items.fill(at.int(number)?),
        (Array::Floats(items), Value::Float(number)) => items.fill(number.get()),
        (Array::Floats(items), Value::Int(number)) => items.fill(*number as f64),
        (Array::Floats(_), other) => return Err(at.wrong("a float", other)),
    }
    Ok(Value::Null)
}
