//! What the tests of values share.

use super::*;
use crate::vm::native::Context;
use proptest::prelude::*;

pub fn cx() -> Context {
    Context {
        names: vec!["".into(), "f".into()],
        describe: |key| format!("<{} {}>", key.kind.type_of().name(), key.id),
        memos: crate::vm::memo::Memos::default(),
    }
}

/// A value as text.
pub fn text_of(value: &Value) -> String {
    super::repr(&cx(), value).ok().expect("no signal comes")
}

/// An int, float or quoted str without escapes, as Python writes it.
pub fn literal(text: &str) -> Value {
    if let Some(text) = text.strip_prefix('\'') {
        return Value::from(&text[..text.len() - 1]);
    }
    match text.parse::<BigInt>() {
        Ok(int) => Value::big(int),
        Err(_) => Value::float(text.parse().expect(text)),
    }
}

pub fn ints(items: impl IntoIterator<Item = i64>) -> Value {
    Value::list(items.into_iter().map(Value::Int).collect())
}

pub fn set(items: impl IntoIterator<Item = Value>) -> Value {
    let mut set = Set::default();
    for item in items {
        set.insert(item, ());
    }
    Value::Set(Ref::new(set))
}

pub fn map(items: impl IntoIterator<Item = (Value, Value)>) -> Value {
    let mut map = Map::default();
    for (key, value) in items {
        map.insert(key, value);
    }
    Value::map(map)
}

pub fn bytes(bytes: &[u8]) -> Value {
    Value::bytes(bytes.to_vec())
}

pub fn range(start: i64, end: i64, step: i64) -> Value {
    Value::Range(Ref::new(Range { start, end, step }))
}

pub fn key(id: u64) -> HandleKey {
    HandleKey { kind: HandleKind::Queue, id, generation: 3, role: 1 }
}

/// `[x, x]` so many times: a value of few blocks that is endless to walk as a tree.
pub fn doubled(mut value: Value, times: usize) -> Value {
    for _ in 0..times {
        value = Value::list(vec![value.clone(), value]);
    }
    value
}

/// `[[[…]]]`
pub fn nested(mut value: Value, depth: usize) -> Value {
    for _ in 0..depth {
        value = Value::list(vec![value]);
    }
    value
}

/// Any data without nan, which is unlike itself.
pub fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::bool),
        any::<i64>().prop_map(Value::Int),
        (-40i64..100).prop_map(Value::Int),
        any::<i128>().prop_map(|int| Value::big(BigInt::from(int) * 3)),
        prop::num::f64::ANY.prop_filter("nan", |float| !float.is_nan()).prop_map(Value::float),
        ".{0,70}".prop_map(Value::str),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::bytes),
        (any::<i64>(), any::<i64>(), 1i64..9).prop_map(|(start, end, step)| range(start, end, step)),
        (0u16..9).prop_map(|id| Value::Function(Ref::new(Function::Native(id)))),
        prop::collection::vec(any::<i64>(), 0..5).prop_map(|items| Value::Array(Ref::new(Array::Ints(items.into())))),
        prop::collection::vec(-9.5f64..9.5, 0..5).prop_map(|items| Value::Array(Ref::new(Array::Floats(items.into())))),
        (0u64..3).prop_map(|id| Value::handle(key(id))),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::list),
            prop::collection::vec((inner.clone(), inner.clone()), 0..6).prop_map(map),
            prop::collection::vec(inner.clone(), 0..6).prop_map(set),
            inner.clone().prop_map(|part| Value::list(vec![part.clone(), part])),
            (0u32..2, prop::collection::vec(inner.clone(), 0..3)).prop_map(|(proto, captures)| {
                Value::Function(Ref::new(Function::Closure { proto, captures: captures.into() }))
            }),
            (inner.clone(), inner).prop_map(|(data, cause)| Value::Error(Ref::new(ErrorValue {
                kind: Value::from("user"),
                message: Value::from("went wrong"),
                data,
                trace: vec![Site { place: Place::default(), function: "f".into(), spawn: false }; 3],
                related: vec![Site { place: Place::default(), function: "it began here".into(), spawn: false }],
                process: Value::from("P.1"),
                process_name: Value::from("worker"),
                cause,
                help: Some("do it otherwise".into()),
                exit: Some(7),
                at: 8,
            }))),
        ]
    })
}
