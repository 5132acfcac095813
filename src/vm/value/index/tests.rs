//! Tests of indexes, slices and fields.

use super::super::testing::*;
use super::*;
use proptest::prelude::*;

fn show(result: Result<Value, Fault>) -> String {
    match result {
        Ok(value) => text_of(&value),
        Err(fault) => format!("{}: {}", fault.0.kind.as_str().unwrap_or(""), fault.0.message.as_str().unwrap_or("")),
    }
}

fn help(result: Result<Value, Fault>) -> String {
    result.err().and_then(|fault| fault.0.help.clone()).unwrap_or_default().into()
}

#[test]
fn items_by_index() {
    let int = Value::Int;
    let get = |object: &Value, key: Value| show(index(object, &key));
    assert_eq!(get(&ints([1, 2, 3]), int(0)), "1");
    assert_eq!(get(&ints([1, 2, 3]), int(-1)), "3");
    assert_eq!(get(&ints([1, 2, 3]), int(3)), "index: index 3 is out of range: the list has 3 items");
    assert_eq!(get(&ints([1]), int(-2)), "index: index -2 is out of range: the list has 1 item");
    assert_eq!(get(&ints([]), int(0)), "index: index 0 is out of range: the list is empty");
    assert_eq!(get(&ints([1]), int(i64::MIN)).split(':').next(), Some("index"));
    assert_eq!(get(&ints([1]), literal("100000000000000000000")).split(':').next(), Some("index"));
    assert_eq!(get(&"aéz".into(), int(1)), "'é'");
    assert_eq!(get(&"aéz".into(), int(-1)), "'z'");
    assert_eq!(get(&bytes(b"abc"), int(1)), "98");
    assert_eq!(get(&range(2, 10, 2), int(-1)), "8");
    assert_eq!(get(&Value::Array(Ref::new(Array::Floats(vec![1.5].into()))), int(0)), "1.5");
    assert_eq!(get(&ints([1]), Value::float(0.0)), "type: the index of a list must be an int, not float");
    assert_eq!(get(&ints([1]), Value::True).split(':').next(), Some("type"));
    assert_eq!(get(&Value::Null, int(0)), "type: null has no items");
    assert_eq!(get(&set([int(1)]), int(0)).split(':').next(), Some("type"));
}

#[test]
fn keys_of_maps() {
    let person = map([("name".into(), "Ann".into()), (Value::Int(7), Value::Null), ("8".into(), Value::Null)]);
    let get = |key: Value| index(&person, &key);
    assert_eq!(show(get("name".into())), "'Ann'");
    assert_eq!(show(get(Value::float(7.0))), "null");
    assert_eq!(show(get("nmae".into())), "key: no key 'nmae' in the map");
    assert_eq!(help(get("nmae".into())), "did you mean 'name'?");
    assert!(help(get("7".into())).contains("an int"));
    assert!(help(get(Value::Int(8))).contains("a str"));
    assert_eq!(show(field(&person, "name")), "'Ann'");
    assert_eq!(help(field(&person, "naem")), "did you mean 'name'?");
    assert_eq!(show(field(&Value::from("x"), "len")), "type: a str has no field `len`");
    assert!(help(field(&Value::Null, "len")).contains("?.len"));
}

#[test]
fn fields_of_errors() {
    let mut fault = Fault::new(Kind::Value, "bad");
    fault.add_site(super::super::Site { place: Default::default(), function: "f".into(), spawn: false });
    let error = Value::Error(fault.0);
    assert_eq!(show(field(&error, "kind")), "'value'");
    assert_eq!(show(field(&error, "message")), "'bad'");
    assert_eq!(show(field(&error, "trace")), "[{'function': 'f', 'file': 0, 'start': 0, 'end': 0}]");
    assert_eq!(help(field(&error, "mesage")), "did you mean `message`?");
}

/// Python's answers for `list(range(7))[a:b:c]`, as a model.
fn python_slice(len: i64, start: i64, end: i64, step: i64) -> Vec<i64> {
    let mut taken = Vec::new();
    let at = |bound: i64| if bound < 0 { bound + len } else { bound };
    let (mut here, end) =
        if step > 0 { (at(start).max(0), at(end)) } else { (at(start).min(len - 1), at(end).max(-1)) };
    while if step > 0 { here < end.min(len) } else { here > end } {
        taken.push(here);
        here += step;
    }
    taken
}

#[test]
fn slices_clamp() {
    let xs = ints([0, 1, 2, 3]);
    let cut = |start: Option<i64>, end: Option<i64>, inclusive| {
        let (start, end) = (start.map(Value::Int), end.map(Value::Int));
        show(slice(&xs, start.as_ref(), end.as_ref(), inclusive))
    };
    assert_eq!(cut(Some(1), Some(3), false), "[1, 2]");
    assert_eq!(cut(Some(2), None, false), "[2, 3]");
    assert_eq!(cut(None, Some(-1), false), "[0, 1, 2]");
    assert_eq!(cut(None, Some(-1), true), "[0, 1, 2, 3]");
    assert_eq!(cut(Some(-2), Some(i64::MAX), true), "[2, 3]");
    assert_eq!(cut(Some(0), Some(0), true), "[0]");
    assert_eq!(cut(Some(9), None, false), "[]");
    assert_eq!(cut(Some(i64::MIN), Some(i64::MAX), false), "[0, 1, 2, 3]");
    assert_eq!(show(slice(&"aébc".into(), Some(&Value::Int(1)), Some(&Value::Int(3)), false)), "'éb'");
    assert_eq!(show(slice(&bytes(b"abc"), None, Some(&Value::Int(-1)), false)), "b'ab'");
    assert_eq!(show(slice(&range(0, 10, 1), Some(&Value::Int(2)), Some(&Value::Int(4)), false)), "2..4");
    assert_eq!(show(slice(&range(0, 10, 3), Some(&Value::Int(1)), None, false)), "range(3, 12, 3)");
    assert_eq!(show(slice(&xs, Some(&"a".into()), None, false)), "type: a bound of a slice must be an int, not str");
    assert_eq!(show(slice(&map([]), None, None, false)), "type: a map cannot be sliced");
    assert_eq!(show(index(&xs, &range(1, 3, 1))), "[1, 2]");
    assert_eq!(show(index(&xs, &range(1, -1, 1))), "[1, 2]");
}

/// Writing is in place when nobody else has the container, copies it otherwise, and after an error leaves all as it was.
#[test]
fn writing_copies_when_shared() {
    let mut place = ints([1, 2, 3]);
    let block = place.address();
    set_index(&mut place, Value::Int(-1), "x".into()).ok().expect("in range");
    assert_eq!((show(Ok(place.clone())), place.address()), ("[1, 2, 'x']".into(), block));
    let other = place.clone();
    assert!(set_index(&mut place, Value::Int(3), Value::Null).is_err());
    assert_eq!(place.address(), block);
    set_index(&mut place, Value::Int(0), Value::Null).ok().expect("in range");
    assert_eq!((show(Ok(place)), show(Ok(other))), ("[null, 2, 'x']".into(), "[1, 2, 'x']".into()));

    let mut table = map([]);
    set_index(&mut table, "k".into(), Value::Int(1)).ok().expect("a map");
    *slot(&mut table, &"k".into()).ok().expect("there") = ints([5]);
    *slot(slot(&mut table, &"k".into()).ok().expect("there"), &Value::Int(0)).ok().expect("there") = Value::Null;
    assert_eq!(show(Ok(table.clone())), "{'k': [null]}");
    assert_eq!(slot(&mut table, &"K".into()).err().map(|fault| fault.is(Kind::Key)), Some(true));

    let mut array = Value::Array(Ref::new(Array::Ints(vec![1, 2].into())));
    set_index(&mut array, Value::Int(1), Value::Int(9)).ok().expect("an int");
    assert_eq!(show(Ok(array.clone())), "ints([1, 9])");
    assert!(set_index(&mut array, Value::Int(1), Value::float(1.0)).is_err_and(|fault| fault.is(Kind::Type)));
    assert!(set_index(&mut array, Value::Int(1), literal("9223372036854775808")).is_err_and(|f| f.is(Kind::Overflow)));
    let mut array = Value::Array(Ref::new(Array::Floats(vec![1.0].into())));
    set_index(&mut array, Value::Int(0), Value::Int(9)).ok().expect("a number");
    assert_eq!(show(Ok(array)), "floats([9.0])");

    for mut fixed in
        [Value::from("abc"), bytes(b"abc"), range(0, 3, 1), set([Value::Int(0)]), Value::Null, Value::Int(1)]
    {
        assert!(set_index(&mut fixed, Value::Int(0), Value::Int(1)).is_err_and(|fault| fault.is(Kind::Type)));
        assert!(slot(&mut fixed, &Value::Int(0)).is_err_and(|fault| fault.is(Kind::Type)));
    }
}

proptest! {
    /// Slices of all sequences take the items that Python takes.
    #[test]
    fn slices_agree_with_the_model(len in 0i64..9, start in -12i64..12, end in -12i64..12, step in -4i64..5) {
        prop_assume!(step != 0);
        let expected = python_slice(len, start, end, step);
        let key = range(start, end, step);
        let list = index(&ints(0..len), &key).ok().expect("a slice");
        prop_assert_eq!(show(Ok(list)), show(Ok(ints(expected.clone()))));
        for (first, distance) in [(3, 1), (3, 5), (3, -2)] {
            let numbers = index(&range(first, first + len * distance, distance), &key).ok().expect("a slice");
            let Value::Range(numbers) = &numbers else { panic!("not a range") };
            let numbers: Vec<i64> = (0..numbers.len()).map(|at| numbers.at(at)).collect();
            prop_assert_eq!(numbers, expected.iter().map(|at| first + at * distance).collect::<Vec<_>>());
        }
        let text: String = "aébcdéfgh".chars().take(len as usize).collect();
        let chars: Vec<char> = text.chars().collect();
        let got = index(&Value::from(text), &key).ok().expect("a slice");
        prop_assert_eq!(got.as_str().map(str::to_owned), Some(expected.iter().map(|&at| chars[at as usize]).collect()));
        if step == 1 {
            let got = slice(&ints(0..len), Some(&Value::Int(start)), Some(&Value::Int(end)), false);
            prop_assert_eq!(show(got), show(Ok(ints(expected))));
        }
    }

    /// No object with any key panics.
    #[test]
    fn never_panics(object in any_value(), key in any_value(), value in any_value()) {
        let _ = index(&object, &key);
        let _ = slice(&object, Some(&key), Some(&value), true);
        let mut place = object.clone();
        let _ = slot(&mut place, &key);
        let _ = set_index(&mut place, key, value);
    }
}
