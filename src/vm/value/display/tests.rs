//! Tests of values as text, against Python's.

use super::super::testing::*;
use super::super::{ErrorValue, Ref};
use super::*;

/// Floats are written as Python writes them: the table is its.
#[test]
fn floats_agree_with_python() {
    for line in include_str!("floats.txt").lines() {
        let (bits, expected) = line.split_once(' ').expect(line);
        let float = f64::from_bits(u64::from_str_radix(bits, 16).expect(line));
        assert_eq!(float_text(float), expected);
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect(text)).collect()
}

/// Quotes and escapes of strs and bytes are Python's.
#[test]
fn quotes_agree_with_python() {
    for line in include_str!("strs.txt").lines() {
        let (hex, expected) = line.split_once('\t').expect(line);
        let text = String::from_utf8(from_hex(hex)).expect(line);
        assert_eq!(text_of(&Value::from(text.as_str())), expected);
        assert_eq!(display(&cx(), &Value::from(text.as_str())).ok().as_deref(), Some(text.as_str()));
    }
    for line in include_str!("bytes.txt").lines() {
        let (hex, expected) = line.split_once('\t').expect(line);
        assert_eq!(text_of(&bytes(&from_hex(hex))), expected);
    }
    assert_eq!(text_of(&Value::from("\u{200b}")), "'\\u{200b}'");
}

#[test]
fn every_type_has_its_look() {
    let closure = |proto| Value::Function(Ref::new(Function::Closure { proto, captures: [].into() }));
    let error = Value::Error(Ref::new(ErrorValue {
        kind: "value".into(),
        message: "no 'x'".into(),
        data: Value::Null,
        trace: Vec::new(),
        related: Vec::new(),
        process: Value::Null,
        process_name: Value::Null,
        cause: Value::Null,
        help: None,
        exit: None,
        at: 0,
    }));
    assert_eq!(display(&cx(), &error).ok().as_deref(), Some("no 'x'"));
    let all = Value::list(vec![
        "hi".into(),
        Value::float(1.0),
        Value::Null,
        Value::True,
        map([("a".into(), Value::Int(1)), (Value::Int(2), ints([]))]),
        set([]),
        set([Value::Int(1), "b".into()]),
        map([]),
        range(0, 3, 1),
        range(2, 10, 2),
        closure(0),
        closure(1),
        Value::Function(Ref::new(Function::Native(3))),
        Value::Array(Ref::new(Array::Ints(vec![1, 2].into()))),
        Value::Array(Ref::new(Array::Floats(vec![1.0].into()))),
        error,
        Value::handle(key(5)),
        literal("100000000000000000000"),
    ]);
    assert_eq!(
        text_of(&all),
        "['hi', 1.0, null, true, {'a': 1, 2: []}, set([]), set([1, 'b']), {}, 0..3, range(2, 10, 2), <fn>, <fn f>, \
         <fn>, ints([1, 2]), floats([1.0]), error('value', \"no 'x'\"), <queue 5>, 100000000000000000000]"
    );
}

/// Depth is cut, length is not.
#[test]
fn deep_values_are_cut() {
    let text = text_of(&nested(Value::Int(1), 100_000));
    assert_eq!(text, format!("{}[...]{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)));
    let text = text_of(&nested(Value::Int(1), MAX_DEPTH));
    assert_eq!(text, format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)));
    assert_eq!(text_of(&ints(0..100_000)).matches(',').count(), 99_999);
    let mut out = String::new();
    assert!(write(None, &mut out, &doubled(Value::Int(1), 60), 1000).is_ok());
    assert!(out.ends_with('…') && out.len() < 1100);
    assert_eq!(brief(&doubled(Value::Int(1), 60)).chars().count(), 41);
}
