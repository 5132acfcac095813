//! Tests of the operators, against Python's answers and small models.

use super::super::testing::*;
use super::super::{equal, hash};
use super::*;
use proptest::prelude::*;

const OPS: [Arith; 12] = [
    Arith::Add,
    Arith::Sub,
    Arith::Mul,
    Arith::Div,
    Arith::FloorDiv,
    Arith::Rem,
    Arith::Pow,
    Arith::Shl,
    Arith::Shr,
    Arith::BitAnd,
    Arith::BitXor,
    Arith::BitOr,
];

fn kind(result: Result<Value, Fault>) -> String {
    match result {
        Ok(value) => text_of(&value),
        Err(fault) => fault.0.kind.as_str().unwrap_or("").to_owned(),
    }
}

/// Numbers behave as Python 3.11's, which wrote the table.
#[test]
fn numbers_agree_with_python() {
    let mut wrong = Vec::new();
    for line in include_str!("python.txt").lines() {
        let [a, symbol, b, _, expected] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let op = OPS.into_iter().find(|op| op.symbol() == symbol).expect(line);
        let got = kind(binary(op, &literal(a), &literal(b)));
        if got != expected {
            wrong.push(format!("{line}, not {got}"));
        }
        let mut place = literal(a);
        let updated = update(op, &mut place, &literal(b)).map(|()| place);
        assert_eq!(kind(updated), got, "{line}");
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn strs_lists_bytes_are_joined_and_repeated() {
    let show = |op, a: &Value, b: &Value| kind(binary(op, a, b));
    assert_eq!(show(Arith::Add, &"ab".into(), &"é".into()), "'abé'");
    assert_eq!(show(Arith::Add, &ints([1]), &ints([2])), "[1, 2]");
    assert_eq!(show(Arith::Add, &bytes(b"a"), &bytes(b"b")), "b'ab'");
    assert_eq!(show(Arith::Mul, &"ab".into(), &Value::Int(3)), "'ababab'");
    assert_eq!(show(Arith::Mul, &Value::Int(2), &ints([1, 2])), "[1, 2, 1, 2]");
    assert_eq!(show(Arith::Mul, &bytes(b"x"), &Value::Int(2)), "b'xx'");
    assert_eq!(show(Arith::Mul, &"ab".into(), &Value::Int(-1)), "''");
    assert_eq!(show(Arith::Mul, &"".into(), &literal("100000000000000000000000")), "''");
    assert_eq!(show(Arith::Mul, &ints([1]), &literal("-100000000000000000000000")), "[]");
}

/// What would take all memory is refused at once.
#[test]
fn too_large_results_are_refused() {
    let show = |op, a: &str, b: &str| kind(binary(op, &literal(a), &literal(b)));
    assert_eq!(show(Arith::Pow, "2", "1000000000000"), "limit");
    assert_eq!(show(Arith::Pow, "3", "100000000000000000000000000000"), "limit");
    assert_eq!(show(Arith::Pow, "-1", "100000000000000000000000000001"), "-1");
    assert_eq!(show(Arith::Pow, "-1", "100000000000000000000000000000"), "1");
    assert_eq!(show(Arith::Pow, "0", "100000000000000000000000000000"), "0");
    assert_eq!(show(Arith::Shl, "1", "1000000000000"), "limit");
    assert_eq!(show(Arith::Shl, "0", "1000000000000"), "0");
    assert_eq!(show(Arith::Shl, "1", "-1"), "value");
    assert_eq!(show(Arith::Shr, "-5", "100000000000000000000000000000"), "-1");
    assert_eq!(show(Arith::Mul, "'ab'", "1000000000000"), "limit");
    assert_eq!(kind(binary(Arith::Mul, &ints([1]), &Value::Int(i64::MAX))), "limit");
}

#[test]
fn sets_combine() {
    let (a, b) = (set([1, 2, 3].map(Value::Int)), set([3, 4].map(Value::Int)));
    for (op, expected) in [
        (Arith::BitOr, "set([1, 2, 3, 4])"),
        (Arith::BitAnd, "set([3])"),
        (Arith::Sub, "set([1, 2])"),
        (Arith::BitXor, "set([1, 2, 4])"),
    ] {
        assert_eq!(kind(binary(op, &a, &b)), expected);
        let mut place = set([1, 2, 3].map(Value::Int));
        update(op, &mut place, &b).ok().expect("sets");
        assert_eq!(kind(Ok(place)), expected);
        // With a second holder the other one keeps its value.
        let mut place = a.clone();
        update(op, &mut place, &b).ok().expect("sets");
        assert_eq!(kind(Ok(place)), expected);
        assert_eq!(kind(Ok(a.clone())), "set([1, 2, 3])");
    }
}

/// A mistake is named with both types and a way out.
#[test]
fn type_errors_name_both_types() {
    let fault = binary(Arith::Add, &Value::Int(1), &"a".into()).expect_err("an error");
    assert!(fault.is(Kind::Type));
    assert_eq!(fault.0.message.as_str(), Some("cannot add int and str"));
    assert!(fault.0.help.as_deref().is_some_and(|help| help.contains("str(x)")));
    for op in OPS {
        for (a, b) in [
            (Value::True, Value::Int(1)),
            (Value::Null, Value::Null),
            (map([]), map([])),
            (ints([]), Value::float(1.0)),
            (Value::True, Value::False),
        ] {
            assert_eq!(kind(binary(op, &a, &b)), "type", "{op:?}");
        }
    }
}

/// `s += t` and `xs += ys` do not copy what is there, and an error leaves the place alone.
#[test]
fn updates_are_in_place() {
    let mut text = Value::from("");
    let mut list = ints([]);
    let block = (text.address(), list.address());
    for _ in 0..100_000 {
        update(Arith::Add, &mut text, &"xé".into()).ok().expect("strs");
        update(Arith::Add, &mut list, &ints([1, 2])).ok().expect("lists");
    }
    assert_eq!((text.address(), list.address()), block);
    assert!(update(Arith::Add, &mut list, &Value::Int(1)).is_err());
    assert_eq!(list.address(), block.1);
    // A value that is added to itself is there twice.
    let mut list = ints([1, 2]);
    let same = list.clone();
    update(Arith::Add, &mut list, &same).ok().expect("lists");
    assert_eq!((kind(Ok(list)), kind(Ok(same))), ("[1, 2, 1, 2]".into(), "[1, 2]".into()));
}

#[test]
fn signs_and_bits() {
    assert_eq!(kind(negate(&Value::Int(i64::MIN))), "9223372036854775808");
    assert_eq!(kind(negate(&literal("9223372036854775808"))), "-9223372036854775808");
    assert!(matches!(negate(&literal("9223372036854775808")), Ok(Value::Int(i64::MIN))));
    assert_eq!(kind(negate(&Value::float(0.0))), "-0.0");
    assert_eq!(kind(negate(&"a".into())), "type");
    assert_eq!(kind(bit_not(&Value::Int(5))), "-6");
    assert_eq!(kind(bit_not(&literal("18446744073709551616"))), "-18446744073709551617");
    assert_eq!(kind(bit_not(&Value::True)), "type");
}

fn any_int() -> impl Strategy<Value = i128> {
    prop_oneof![any::<i64>().prop_map(i128::from), -50i128..50, any::<i128>().prop_map(|int| int >> 40)]
}

proptest! {
    /// Ints are exact whether they fit 64 bits or not, and have one form.
    #[test]
    fn ints_are_exact(a in any_int(), b in any_int()) {
        let (x, y) = (Value::big(a.into()), Value::big(b.into()));
        let floor = |a: i128, b: i128| a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0);
        let mut cases = vec![
            (Arith::Add, a + b),
            (Arith::Sub, a - b),
            (Arith::BitAnd, a & b),
            (Arith::BitOr, a | b),
            (Arith::BitXor, a ^ b),
        ];
        cases.extend(a.checked_mul(b).map(|product| (Arith::Mul, product)));
        if b != 0 {
            cases.push((Arith::FloorDiv, floor(a, b)));
            cases.push((Arith::Rem, a - floor(a, b) * b));
        }
        for (op, expected) in cases {
            let got = binary(op, &x, &y).ok().expect("ints");
            let expected = Value::big(expected.into());
            prop_assert!(equal(&got, &expected), "{a} {} {b}", op.symbol());
            prop_assert_eq!(hash(&got), hash(&expected));
            prop_assert_eq!(matches!(got, Value::Int(_)), matches!(expected, Value::Int(_)));
        }
    }

    /// Quotient and rest are those of the library, whatever the lengths and signs.
    #[test]
    fn long_ints_divide(
        a in proptest::collection::vec(any::<u32>(), 0..12),
        b in proptest::collection::vec(any::<u32>(), 1..8),
        more in any::<u64>(),
        signs in 0..4,
    ) {
        let int = |digits: &[u32], negative| {
            let int = BigInt::from(num_bigint::BigUint::from_slice(digits));
            if negative { -int } else { int }
        };
        let b = int(&b, signs & 1 != 0);
        prop_assume!(!b.is_zero());
        let a = int(&a, signs & 2 != 0);
        // Also just below and at a multiple.
        for a in [a, &b * more, &b * more - 1] {
            prop_assert_eq!(super::divide_with_rest(&a, &b).ok().unwrap(), (&a / &b, &a % &b));
        }
    }

    /// No pair of values makes an operator panic, and `place op= b` is `place = place op b`.
    #[test]
    fn update_is_binary(a in any_value(), b in any_value(), op in 0usize..12) {
        let op = OPS[op];
        prop_assume!(!matches!(op, Arith::Pow | Arith::Shl) || !matches!(b, Value::Int(_)));
        prop_assume!(op != Arith::Mul || !matches!((&a, &b), (Value::Int(n), _) | (_, Value::Int(n)) if *n > 100));
        let expected = binary(op, &a, &b);
        for share in [false, true] {
            let mut place = a.clone();
            if !share && let Value::List(items) = &a {
                place = Value::list(items.to_vec());
            }
            let result = update(op, &mut place, &b);
            prop_assert_eq!(result.is_ok(), expected.is_ok());
            // Compared as text, because of nan.
            prop_assert_eq!(format!("{place:?}"), format!("{:?}", expected.as_ref().ok().unwrap_or(&a)));
        }
    }
}

/// Shifts and masks stand for divisions by powers of two, of negative numbers too.
#[test]
fn powers_of_two_divide_as_other_numbers_do() {
    for a in [0, 1, 7, 8, 9, -1, -7, -8, -9, i64::MAX, i64::MIN] {
        for b in [1, 2, 3, 8, 1000, 1 << 62, i64::MAX] {
            assert_eq!(floor_div(a, b), a.div_euclid(b), "{a} // {b}");
            assert_eq!(floor_rem(a, b), a.rem_euclid(b), "{a} % {b}");
        }
    }
}
