//! Tests of sending: what arrives, and what damaged messages do.

use super::super::testing::*;
use super::super::{Stream, StreamSource, StreamState, equal};
use super::*;
use proptest::prelude::*;
use std::cell::RefCell;

fn again(value: &Value) -> Value {
    decode(&encode(value).ok().expect("it can be sent").bytes).ok().expect("it was encoded")
}

fn stream(source: StreamSource) -> Value {
    let state = StreamState { source, stages: Vec::new(), ended: false, name: "<stream>".into() };
    Value::Stream(Ref::new(Stream { state: RefCell::new(state) }))
}

#[test]
fn small_values_are_small() {
    for (value, size) in [(Value::Null, 1), (Value::Int(95), 1), (Value::Int(-33), 2), ("hello".into(), 6)] {
        assert_eq!(encode(&value).ok().map(|encoded| encoded.bytes.len()), Some(size));
    }
    assert_eq!(encode(&ints(0..50)).ok().map(|encoded| encoded.bytes.len()), Some(52));
}

/// A part met twice is sent once, and is one part on the other side too.
#[test]
fn sharing_is_kept() {
    let value = doubled("a text that is long enough".into(), 60);
    assert!(encode(&value).ok().is_some_and(|encoded| encoded.bytes.len() < 1000));
    let Value::List(items) = again(&value) else { panic!("not a list") };
    assert_eq!(items[0].address(), items[1].address());
    assert!(equal(&value, &Value::List(items)));
}

/// Depth costs no Rust stack.
#[test]
fn deep_values_are_sent() {
    let value = nested(Value::Int(1), 500_000);
    assert!(equal(&value, &again(&value)));
    let value = (0..100_000).fold(Value::Null, |inner, _| {
        let mut fault = Fault::new(Kind::Value, "bad");
        fault.change(|error| error.cause = inner);
        Value::Error(fault.0)
    });
    assert!(equal(&value, &again(&value)));
}

/// Everything that an error knows arrives.
#[test]
fn errors_are_whole() {
    let mut fault = Fault::new(Kind::Value, "bad").help("do it otherwise").data(ints([1]));
    for at in 0..3 {
        let place = Place { file: FileId(at), span: Span { start: at * 1000, end: at * 1000 + 5 } };
        fault.add_site(Site { place, function: if at == 1 { "g".into() } else { "f".into() }, spawn: at == 2 });
    }
    let cause = Value::Error(Fault::new(Kind::Key, "first").0);
    fault.change(|error| {
        error.process = "P.1".into();
        error.cause = cause;
        error.exit = Some(255);
        error.at = 1 << 60;
    });
    let Value::Error(error) = again(&Value::Error(fault.0.clone())) else { panic!("not an error") };
    assert_eq!(error.trace, fault.0.trace);
    assert_eq!(error.help, fault.0.help);
    assert_eq!((error.exit, error.at), (Some(255), 1 << 60));
    assert_eq!(error.process.as_str(), Some("P.1"));
    assert!(equal(&error.cause, &fault.0.cause) && equal(&error.data, &fault.0.data));
}

#[test]
fn floats_keep_their_bits() {
    for bits in [0x7ff8_0000_0000_1234u64, 1 << 63, 1] {
        let Value::Float(float) = again(&Value::float(f64::from_bits(bits))) else { panic!("not a float") };
        assert_eq!(float.get().to_bits(), bits);
    }
}

/// What belongs to one process is refused, with its name.
#[test]
fn streams_and_files_cannot_be_sent() {
    let file = Value::handle(HandleKey { kind: HandleKind::File, ..key(1) });
    let Value::Handle(opened) = file.clone() else { panic!("not a handle") };
    for (value, word) in [(stream(StreamSource::World(opened)), "stream"), (file, "file")] {
        let fault = encode(&Value::list(vec![value])).err().expect("an error");
        assert!(fault.is(Kind::Type));
        assert!(fault.0.message.as_str().is_some_and(|text| text.contains(word)));
    }
}

/// All handles are found, each block once, also those that a stream holds.
#[test]
fn handles_are_found() {
    let shared = doubled(Value::handle(key(1)), 50);
    let lines = stream(StreamSource::Items(Value::list(vec![Value::handle(key(2))]), 0));
    let closure = Function::Closure { proto: 0, captures: [Value::handle(key(3))].into() };
    let value = map([(shared, lines), (Value::handle(key(4)), Value::Function(Ref::new(closure)))]);
    let mut found = Vec::new();
    handles(&value, &mut |key| found.push(key.id));
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3, 4]);
}

/// A short message cannot ask for much memory.
#[test]
fn false_counts_are_refused() {
    for tag in [tag::LIST, tag::MAP, tag::SET, tag::STR, tag::BYTES, tag::BIG, tag::INTS, tag::ERROR] {
        assert!(decode(&[tag, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_err());
        assert!(decode(&[tag, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    }
    let nest: Vec<u8> = [tag::LIST, 0x80, 0x7f].repeat(100_000);
    assert!(decode(&nest).is_err());
    // A list that contains itself, a number that was never given, a range without a step.
    for bytes in [&[tag::SHARED, tag::LIST, 1, tag::BACK, 0][..], &[tag::BACK, 0], &[tag::RANGE, 0, 0, 0], &[]] {
        assert!(decode(bytes).is_err());
    }
    assert!(decode(&[tag::LIST, 1, tag::UNDEFINED]).is_err());
}

/// A scalar that is a message of its own arrives, with every bit; cut short or with more behind it, it is damaged.
#[test]
fn scalars_alone_arrive() {
    let ints = [0, 1, -1, 95, 96, -33, i64::MAX, i64::MIN].map(Value::Int);
    let floats = [0.0, -0.0, 1.5, f64::NAN, -f64::NAN, f64::INFINITY, 5e-324].map(Value::float);
    for value in ints.into_iter().chain(floats).chain([Value::Null, Value::True, Value::False]) {
        let bytes = encode_scalar(&value).expect("it is a scalar").bytes().to_vec();
        match (decode(&bytes).ok().expect("it was encoded"), &value) {
            (Value::Float(back), Value::Float(float)) => assert_eq!(back.get().to_bits(), float.get().to_bits()),
            (back, value) => assert!(equal(&back, value)),
        }
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(decode(&[&bytes[..], &[tag::NULL]].concat()).is_err());
    }
    for other in [Value::Undefined, "a".into(), Value::list(Vec::new()), Value::big(BigInt::from(1) << 70)] {
        assert!(encode_scalar(&other).is_none());
    }
}

proptest! {
    /// What is sent arrives.
    #[test]
    fn arrives_as_it_was(value in any_value()) {
        prop_assert!(equal(&value, &again(&value)));
        let once = encode(&value).ok();
        // An encoding is a value of its own right: sent on, it is the same value.
        prop_assert!(once.is_some_and(|encoded| decode(&encoded.bytes).is_ok()));
    }

    /// Bytes that no encoder wrote are an error or some value, never a panic.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(prop_oneof![0u8..24, any::<u8>()], 0..60)) {
        if let Ok(value) = decode(&bytes) {
            prop_assert!(encode(&value).is_ok());
        }
    }

    /// The same for messages with some bytes changed or cut.
    #[test]
    fn damaged_messages_are_survived(value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&value).ok().expect("it can be sent").bytes;
        let at = at.index(bytes.len());
        prop_assert!(decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        let _ = decode(&bytes);
    }
}
