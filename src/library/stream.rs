//! Lazy methods of streams: each gives a new stream that reads from the old one.

use super::arguments::{At, try_items};
use super::{hidden, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::types::Type;
use crate::vm::value::{List, Ref, Stage, Stream, StreamSource, StreamState, Value};
use std::cell::RefCell;

const STREAM: &[Type] = &[Type::Stream];

pub(super) static DECLARATIONS: &[Declaration] = &[
    method_of(
        "take",
        STREAM,
        &[required("count")],
        "A stream of at most so many more items; the others stay where they are.\n'a\\nb'.lines().stream().take(1).list() == ['a']",
        Pure(|_, args| {
            let count = At("take", "count").count(&args[1])?;
            with_stage(&mut args[0], "take", Stage::Take(count))
        }),
    ),
    method_of(
        "drop",
        STREAM,
        &[required("count")],
        "A stream without the first so many items.\n[1, 2, 3].stream().drop(2).list() == [3]",
        Script(
            "fn drop(self_, count) = __stream_map(__stream_filter(__stream_enumerate(self_, 0), |[i, _]| i >= count), |[_, x]| x)",
        ),
    ),
    method_of(
        "chunks",
        STREAM,
        &[required("count")],
        "A stream of lists of so many items; the last may have fewer.\n[1, 2, 3].stream().chunks(2).list() == [[1, 2], [3]]",
        Pure(|_, args| {
            let count = At("chunks", "count").positive(&args[1])?;
            with_stage(&mut args[0], "chunks", Stage::Chunks(count, List::new()))
        }),
    ),
    method_of(
        "join",
        STREAM,
        &[optional("sep", "''")],
        "All items, which are strs, as one str with `sep` between them.\n['a', 'b'].stream().join('-') == 'a-b'",
        Script("fn join(self_, sep = '') = list(self_).join(sep)"),
    ),
    method_of(
        "first",
        STREAM,
        &[optional("default", "null")],
        "The next item; the default when no more comes.\n[1, 2].stream().first() == 1",
        Script(
            "fn first(self_, default = null) {
                for x in self_ { return x }
                default
            }",
        ),
    ),
    method_of(
        "stream",
        &[Type::List, Type::Str, Type::Bytes, Type::Range, Type::Array, Type::Set],
        &[],
        "A stream of the items, for lazy steps.\n(0..9).stream().map(|x| x * x).take(3).list() == [0, 1, 4]",
        Pure(stream),
    ),
    hidden(
        "__stream_map",
        &[required("stream"), required("f")],
        Pure(|_, args| {
            let stage = Stage::Map(function(&args[1], "map")?);
            with_stage(&mut args[0], "map", stage)
        }),
    ),
    hidden(
        "__stream_filter",
        &[required("stream"), required("f")],
        Pure(|_, args| {
            let stage = Stage::Filter(function(&args[1], "filter")?);
            with_stage(&mut args[0], "filter", stage)
        }),
    ),
    hidden(
        "__stream_enumerate",
        &[required("stream"), required("start")],
        Pure(|_, args| {
            let start = At("enumerate", "start").int(&args[1])?;
            with_stage(&mut args[0], "enumerate", Stage::Enumerate(start))
        }),
    ),
    hidden("__stream_zip", &[required("stream"), required("other")], Pure(zip)),
];

fn function(value: &Value, name: &'static str) -> Result<Value, Fault> {
    match value {
        Value::Function(_) => Ok(value.clone()),
        other => Err(At(name, "f").wrong("a function", other)),
    }
}

/// A stream with one more step, which reads from the old one what it needs and no more.
fn with_stage(stream: &mut Value, name: &'static str, stage: Stage) -> Result<Value, Fault> {
    let Value::Stream(old) = stream else { return Err(At(name, "self").wrong("a stream", stream)) };
    // One that nobody else has takes the step itself.
    if let Some(old) = old.get_mut() {
        old.state.get_mut().stages.push(stage);
        return Ok(std::mem::take(stream));
    }
    let printed = old.state.borrow().name.clone();
    let source = StreamSource::Items(stream.clone(), 0);
    Ok(new_stream(StreamState { source, stages: vec![stage], ended: false, name: printed }))
}

fn new_stream(state: StreamState) -> Value {
    Value::Stream(Ref::new(Stream { state: RefCell::new(state) }))
}

fn stream(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    // A source is looped over by index, which a text of long characters would make slow.
    let source = match &args[0] {
        Value::Str(_) | Value::Set(_) => Value::list(At("stream", "self").items(&args[0])?.into_owned()),
        other => other.clone(),
    };
    let name = format!("stream of {}", args[0].type_name()).into();
    Ok(new_stream(StreamState { source: StreamSource::Items(source, 0), stages: Vec::new(), ended: false, name }))
}

fn zip(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    let other = match &args[1] {
        Value::Stream(there) => {
            if let Value::Stream(here) = &args[0]
                && here.same(there)
            {
                return Err(
                    Fault::value_error("`zip` of a stream with itself").help("`.chunks(2)` gives pairs of neighbours")
                );
            }
            args[1].clone()
        }
        other => {
            let items =
                try_items("zip", other)?.ok_or_else(|| At("zip", "others").wrong("something to loop over", other))?;
            let name = "zipped items".into();
            let source = StreamSource::Items(Value::list(items.into_owned()), 0);
            new_stream(StreamState { source, stages: Vec::new(), ended: false, name })
        }
    };
    with_stage(&mut args[0], "zip", Stage::Zip(other))
}
