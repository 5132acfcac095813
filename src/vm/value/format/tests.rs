//! Tests of format specs, against Python's answers.

use super::super::testing::*;
use super::*;
use crate::vm::fault::Kind;
use proptest::prelude::*;

/// Specs do what Python 3.11 does with them: the table is its. `!error` stands for any error.
#[test]
fn specs_agree_with_python() {
    let mut wrong = Vec::new();
    for line in include_str!("python.txt").lines() {
        let [value, spec, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let got = format(&cx(), &literal(value), spec).unwrap_or("!error".into());
        if got != expected {
            wrong.push(format!("{value} {spec} -> {expected:?}, not {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Values that are no numbers are formatted as text.
#[test]
fn others_are_text() {
    let show = |value: Value, spec| format(&cx(), &value, spec).ok();
    assert_eq!(show(Value::True, ">6"), Some("  true".into()));
    assert_eq!(show(ints([1]), "^7"), Some("  [1]  ".into()));
    assert_eq!(show(Value::Null, ""), Some("null".into()));
    assert_eq!(show(literal("123456789012345678901234567890"), ",.3e"), Some("1.235e+29".into()));
    assert_eq!(show(ints([1]), "d"), None);
}

/// An error names the part that is wrong.
#[test]
fn errors_name_the_bad_part() {
    let message = |value: Value, spec| {
        let fault = format(&cx(), &value, spec).expect_err(spec);
        assert!(fault.is(Kind::Value) || fault.is(Kind::Overflow));
        fault.0.message.as_str().unwrap_or("").to_owned()
    };
    assert_eq!(message(Value::Int(1), "10y"), "bad format spec `10y`: there is no type `y` for int");
    assert_eq!(message("a".into(), "d"), "bad format spec `d`: type `d` does not fit str");
    assert!(message(Value::Int(1), "99999999999999").contains("the width is more than 100000000, the limit"));
    assert!(message(Value::Int(1), "5 2").contains("` 2` cannot stand there"));
    message(literal(&"9".repeat(400)), "f");
}

proptest! {
    /// No spec makes it panic.
    #[test]
    fn never_panics(value in any_value(), spec in "[<>^=é]{0,2}[+ -]?z?#?0?[0-9]{0,3}[,_]?(\\.[0-9]{0,3})?[bcdeEfFgGnosxX%?]?") {
        let _ = format(&cx(), &value, &spec);
    }

    /// The text is at least as wide as asked for.
    #[test]
    fn width_is_kept(value in any::<f64>(), width in 0usize..50, kind in "[efg%]") {
        let text = format(&cx(), &Value::float(value), &format!("{width}{kind}")).ok().expect("good spec");
        prop_assert!(text.chars().count() >= width);
    }
}
