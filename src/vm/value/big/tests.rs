//! The steps of long integers against the library's own way, at sizes where several steps meet.

use super::*;

/// Bits without a pattern, the same at every run.
fn number(bits: u64, seed: u32) -> BigUint {
    let mut state = u64::from(seed) << 32 | 0x9e37_79b9;
    let words = (0..bits.div_ceil(32)).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    });
    let number = BigUint::new(words.collect()) >> (bits.div_ceil(32) * 32 - bits);
    number | BigUint::from(1u32) << (bits - 1)
}

/// Sizes in bits of two operands: alike, very unlike, just above a limit, and with an odd length.
const SIZES: [(u64, u64); 7] = [
    (2 * STEP + 1, 2 * STEP + 1),
    (5 * STEP + 17, 3 * STEP + 5),
    (4 * STEP, SHORT + 1),
    (6 * STEP + 3, STEP / 3),
    (4 * STEP + 7, 4 * STEP - 8),
    (5 * STEP, 2 * STEP + 2),
    (3 * STEP, 3 * STEP),
];

#[test]
fn products_and_quotients_are_those_of_the_library() {
    for (at, (long, short)) in SIZES.into_iter().enumerate() {
        let (a, b) = (number(long, at as u32), number(short, 100 + at as u32));
        let product = multiply(&a, &b).ok().unwrap();
        assert_eq!(product, &a * &b, "{long} by {short}");
        assert_eq!(divide(&product, &b).ok().unwrap(), (a.clone(), BigUint::ZERO), "{long} by {short}");
        let (quotient, rest) = divide(&a, &b).ok().unwrap();
        assert!(rest < b && multiply(&quotient, &b).ok().unwrap() + rest == a, "{long} by {short}");
        // The largest rest, and quotients of ones alone.
        let (quotient, rest) = divide(&(&product + &b - 1u32), &b).ok().unwrap();
        assert!(quotient == a && rest == &b - 1u32, "{long} by {short}");
        let ones = (BigUint::from(1u32) << long) - 1u32;
        assert_eq!(divide(&(&ones * &b), &b).ok().unwrap().0, ones, "{long} by {short}");
    }
}

#[test]
fn powers_roots_and_divisors_fit_together() {
    let base = BigUint::from(7u32);
    let power = power(&base, 15_001).ok().unwrap();
    assert_eq!(power, base.pow(15_001));
    assert_eq!(square_root(&(&power * &power)).ok().unwrap(), power);
    assert_eq!(square_root(&(&power * &power - 1u32)).ok().unwrap(), &power - 1u32);
    let (a, b) = (number(2 * STEP + 3, 1), number(300, 2));
    assert_eq!(gcd(&a * &b, b.clone()).ok().unwrap(), b);
}

#[test]
fn digits_are_those_of_the_library() {
    let many = "1234567890".repeat(7_000);
    let n = parse(&many, 10).ok().unwrap().unwrap();
    assert_eq!(n, BigUint::parse_bytes(many.as_bytes(), 10).unwrap());
    assert_eq!(decimal(&BigInt::from(n)).ok().unwrap(), many);
    for count in [DIGITS_WRITTEN - 1, DIGITS_WRITTEN, 2 * DIGITS_WRITTEN, 4 * DIGITS_WRITTEN + 1] {
        // Zeros inside and at the end, and none in front.
        let n = power(&BigUint::from(10u32), u64::from(count)).ok().unwrap();
        let text = decimal(&-BigInt::from(n)).ok().unwrap();
        assert!(text.strip_prefix("-1").is_some_and(|zeros| zeros.len() == count as usize), "{count}");
        assert!(text.bytes().skip(2).all(|byte| byte == b'0'), "{count}");
    }
    assert_eq!(parse(&"z".repeat(9000), 36).ok().unwrap(), BigUint::parse_bytes("z".repeat(9000).as_bytes(), 36));
    assert_eq!(parse(&"12x".repeat(9000), 10).ok().unwrap(), None);
}
