//! Tests of equality, order, membership and hashes.

use super::super::testing::*;
use super::super::{Ref, hash};
use super::*;
use crate::vm::fault::Kind;
use proptest::prelude::*;

/// Two values that are equal have one hash, so they are one key.
#[test]
fn one_number_is_one_key() {
    for (int, float) in [
        ("1", 1.0),
        ("0", -0.0),
        ("-3", -3.0),
        ("9223372036854774784", 9223372036854774784.0),
        ("9223372036854775808", 9223372036854775808.0),
        ("-9223372036854775808", -9223372036854775808.0),
        ("100000000000000000000", 1e20),
    ] {
        let (int, float) = (literal(int), Value::float(float));
        assert!(equal(&int, &float));
        assert_eq!(hash(&int), hash(&float));
        let (int, float) = (Value::list(vec![int]), Value::list(vec![float]));
        assert!(equal(&int, &float));
        assert_eq!(hash(&int), hash(&float));
    }
    assert!(!equal(&Value::Int(1), &Value::True));
    assert!(!equal(&literal("9007199254740993"), &literal("9007199254740992.0")));
    let nan = Value::float(f64::NAN);
    assert!(!equal(&nan, &nan));
    let list = Value::list(vec![nan]);
    assert!(!equal(&list, &list.clone()));
    let floats = |items: &[f64]| Value::Array(Ref::new(Array::Floats(items.to_vec().into())));
    let ints = |items: &[i64]| Value::Array(Ref::new(Array::Ints(items.to_vec().into())));
    assert!(equal(&floats(&[1.0, -0.0]), &ints(&[1, 0])));
    assert_eq!(hash(&floats(&[1.0, -0.0])), hash(&ints(&[1, 0])));
}

#[test]
fn maps_and_sets_are_compared_without_order() {
    let pair = |key: i64, value: &str| (Value::Int(key), Value::from(value));
    let (a, b) = (map([pair(1, "a"), pair(2, "b")]), map([pair(2, "b"), pair(1, "a")]));
    assert!(equal(&a, &b));
    assert_eq!(hash(&a), hash(&b));
    assert!(!equal(&a, &map([pair(1, "a"), pair(2, "c")])));
    assert!(!equal(&a, &map([pair(1, "a")])));
    // Containers as keys.
    let keys = |items: [i64; 2]| set(items.map(|item| set([ints([item])])));
    assert!(equal(&keys([1, 2]), &keys([2, 1])));
    assert_eq!(hash(&keys([1, 2])), hash(&keys([2, 1])));
    assert!(!equal(&keys([1, 2]), &keys([1, 3])));
}

/// Parts that are shared are not walked once for each way that leads to them.
#[test]
fn shared_structure_is_compared_once() {
    let (a, b) = (doubled(Value::Int(1), 60), doubled(Value::float(1.0), 60));
    assert!(equal(&a, &b));
    assert!(!equal(&a, &doubled(Value::Int(2), 60)));
    assert_eq!(compare(&a, &b).ok(), Some(Some(Ordering::Equal)));
    assert_eq!(compare(&a, &doubled(Value::Int(2), 60)).ok(), Some(Some(Ordering::Less)));
    assert_eq!(hash(&a), hash(&b));
    assert_eq!(contains(&set([a]), &b).ok(), Some(true));
    // The same with maps and sets, whose keys are sought by their hash.
    let grow = |leaf: Value| {
        (0..40).fold(leaf, |inner, _| {
            set([inner.clone(), Value::list(vec![inner.clone()]), map([(inner.clone(), inner)])])
        })
    };
    assert!(equal(&grow(Value::Int(1)), &grow(Value::float(1.0))));
    assert!(!equal(&grow(Value::Int(1)), &grow(Value::Int(2))));
}

/// Depth costs no Rust stack, also that of keys inside keys.
#[test]
fn deep_values_are_compared_and_hashed() {
    let deep = || nested(Value::Int(1), 200_000);
    assert!(equal(&deep(), &deep()));
    assert!(!equal(&deep(), &nested(Value::Int(2), 200_000)));
    assert_eq!(compare(&deep(), &nested(Value::Int(2), 200_000)).ok(), Some(Some(Ordering::Less)));
    assert_eq!(hash(&deep()), hash(&deep()));
    let keys = || (0..20_000).fold(Value::Int(1), |inner, _| map([(inner, Value::Null)]));
    assert!(equal(&keys(), &keys()));
}

#[test]
fn order_of_like_types() {
    let less = |a: &Value, b: &Value| order(Order::Lt, a, b).ok();
    assert_eq!(less(&"a".into(), &"b".into()), Some(true));
    assert_eq!(less(&Value::False, &Value::True), Some(true));
    assert_eq!(less(&bytes(b"a"), &bytes(b"aa")), Some(true));
    assert_eq!(less(&ints([1, 2]), &ints([1, 2, 0])), Some(true));
    assert_eq!(less(&ints([1, 3]), &ints([1, 2, 0])), Some(false));
    assert_eq!(less(&Value::list(vec![ints([]), ints([1])]), &Value::list(vec![ints([]), ints([2])])), Some(true));
    assert_eq!(less(&literal("9007199254740992.0"), &literal("9007199254740993")), Some(true));
    let nan = Value::float(f64::NAN);
    for op in [Order::Lt, Order::Le, Order::Gt, Order::Ge] {
        assert_eq!(order(op, &nan, &Value::Int(1)).ok(), Some(false));
    }
    let (small, large) = (set([Value::Int(1)]), set([1, 2].map(Value::Int)));
    assert_eq!(less(&small, &large), Some(true));
    assert_eq!(less(&large, &large), Some(false));
    assert_eq!(order(Order::Ge, &large, &large).ok(), Some(true));
    let fault = order(Order::Lt, &"a".into(), &Value::Int(1)).expect_err("an error");
    assert!(fault.is(Kind::Type));
    assert_eq!(fault.0.message.as_str(), Some("`<` between str and int"));
    assert!(order(Order::Lt, &ints([1]), &Value::list(vec!["a".into()])).is_err());
    assert!(order(Order::Ge, &map([]), &map([])).is_err());
}

#[test]
fn members() {
    let is = |container: &Value, item: Value| contains(container, &item).map_err(|fault| fault.0.kind.clone()).ok();
    assert_eq!(is(&ints([1, 2]), Value::float(2.0)), Some(true));
    assert_eq!(is(&set([Value::Int(1)]), Value::float(1.0)), Some(true));
    assert_eq!(is(&map([("a".into(), Value::Null)]), "a".into()), Some(true));
    assert_eq!(is(&map([("a".into(), Value::Null)]), Value::Null), Some(false));
    assert_eq!(is(&range(0, 10, 2), Value::Int(4)), Some(true));
    assert_eq!(is(&range(0, 10, 2), Value::Int(5)), Some(false));
    assert_eq!(is(&range(0, 10, 2), Value::float(4.0)), Some(true));
    assert_eq!(is(&range(0, 10, 2), Value::float(4.5)), Some(false));
    assert_eq!(is(&range(0, 10, 2), "x".into()), Some(false));
    assert_eq!(is(&"hello".into(), "ell".into()), Some(true));
    assert_eq!(is(&"hello".into(), "".into()), Some(true));
    assert_eq!(is(&"hello".into(), Value::Int(1)), None);
    assert_eq!(is(&bytes(b"abc"), Value::Int(98)), Some(true));
    assert_eq!(is(&bytes(b"abc"), bytes(b"bc")), Some(true));
    assert_eq!(is(&bytes(b"abc"), Value::Int(256)), None);
    assert_eq!(is(&Value::Array(Ref::new(Array::Floats(vec![1.0, 2.5].into()))), Value::Int(1)), Some(true));
    assert_eq!(is(&Value::Null, Value::Int(1)), None);
    assert_eq!(is(&Value::Int(1), Value::Int(1)), None);
}

proptest! {
    /// Equality holds of copies, goes both ways and goes with the hash.
    #[test]
    fn equal_values_have_equal_hashes(a in any_value(), b in any_value()) {
        prop_assert!(equal(&a, &a.clone()));
        prop_assert_eq!(equal(&a, &b), equal(&b, &a));
        if equal(&a, &b) {
            prop_assert_eq!(hash(&a), hash(&b));
        }
        let (left, right) = (set([a.clone(), b.clone()]), set([b.clone(), a.clone()]));
        prop_assert!(equal(&left, &right));
        prop_assert_eq!(hash(&left), hash(&right));
    }

    /// Order is the reverse of itself the other way round.
    #[test]
    fn order_goes_both_ways(a in any_value(), b in any_value()) {
        match (compare(&a, &b), compare(&b, &a)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other.map(Ordering::reverse)),
            (one, other) => prop_assert_eq!(one.is_err(), other.is_err()),
        }
    }
}
