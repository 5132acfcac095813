//! Natives against what Python gives for the same calls, and what is mplang's own.

use super::*;
use crate::vm::fault::{Fault, Kind};
use crate::vm::memo::Memos;
use crate::vm::native::Context;
use crate::vm::value::{Range, Ref, Value};

/// Calls a native: the method of the first argument's type, or else the function. A changing one gives its receiver.
fn call(name: &str, mut args: Vec<Value>) -> Result<Value, Fault> {
    let mut cx = Context { names: Vec::new(), describe: |_| String::new(), memos: Memos::default() };
    let number = method(args[0].type_of(), name).or_else(|| function(name));
    let declaration = get(number.unwrap_or_else(|| panic!("no {name}")));
    let receivers = usize::from(declaration.form != Form::Function);
    args.resize_with(declaration.params.len() + receivers, || Value::Undefined);
    match declaration.run {
        Run::Pure(run) => run(&mut cx, &mut args),
        Run::Change(run) => {
            let mut place = args.remove(0);
            run(&mut cx, &mut place, &mut args).map(|_| place)
        }
        _ => panic!("{name} is no native"),
    }
}

fn done(name: &str, args: Vec<Value>) -> Value {
    call(name, args).ok().unwrap()
}

fn shown(name: &str, args: Vec<Value>) -> String {
    match call(name, args) {
        Ok(value) => format!("{value:?}"),
        Err(fault) => {
            format!("{}: {}", fault.0.kind.as_str().unwrap_or_default(), fault.0.message.as_str().unwrap_or_default())
        }
    }
}

fn ints(items: &[i64]) -> Value {
    Value::list(items.iter().copied().map(Value::Int).collect())
}

/// The table was written by CPython 3.11 from its own methods of the same meaning.
#[test]
#[rustfmt::skip]
fn as_in_python() {
    let rows = [
        ("split", vec![Value::from(" a  b c "), Value::Null, Value::Null], "['a', 'b', 'c']"),
        ("rsplit", vec![Value::from(" a  b c "), Value::Null, Value::Null], "['a', 'b', 'c']"),
        ("split", vec![Value::from(" a  b c "), Value::Null, Value::Int(0)], "['a  b c ']"),
        ("rsplit", vec![Value::from(" a  b c "), Value::Null, Value::Int(0)], "[' a  b c']"),
        ("split", vec![Value::from(" a  b c "), Value::Null, Value::Int(1)], "['a', 'b c ']"),
        ("rsplit", vec![Value::from(" a  b c "), Value::Null, Value::Int(1)], "[' a  b', 'c']"),
        ("split", vec![Value::from(" a  b c "), Value::Null, Value::Int(2)], "['a', 'b', 'c ']"),
        ("rsplit", vec![Value::from(" a  b c "), Value::Null, Value::Int(2)], "[' a', 'b', 'c']"),
        ("split", vec![Value::from("abc"), Value::Null, Value::Null], "['abc']"),
        ("rsplit", vec![Value::from("abc"), Value::Null, Value::Null], "['abc']"),
        ("split", vec![Value::from("abc"), Value::Null, Value::Int(0)], "['abc']"),
        ("rsplit", vec![Value::from("abc"), Value::Null, Value::Int(0)], "['abc']"),
        ("split", vec![Value::from("abc"), Value::Null, Value::Int(1)], "['abc']"),
        ("rsplit", vec![Value::from("abc"), Value::Null, Value::Int(1)], "['abc']"),
        ("split", vec![Value::from("abc"), Value::Null, Value::Int(2)], "['abc']"),
        ("rsplit", vec![Value::from("abc"), Value::Null, Value::Int(2)], "['abc']"),
        ("split", vec![Value::from(""), Value::Null, Value::Null], "[]"),
        ("rsplit", vec![Value::from(""), Value::Null, Value::Null], "[]"),
        ("split", vec![Value::from(""), Value::Null, Value::Int(0)], "[]"),
        ("rsplit", vec![Value::from(""), Value::Null, Value::Int(0)], "[]"),
        ("split", vec![Value::from(""), Value::Null, Value::Int(1)], "[]"),
        ("rsplit", vec![Value::from(""), Value::Null, Value::Int(1)], "[]"),
        ("split", vec![Value::from(""), Value::Null, Value::Int(2)], "[]"),
        ("rsplit", vec![Value::from(""), Value::Null, Value::Int(2)], "[]"),
        ("split", vec![Value::from("  "), Value::Null, Value::Null], "[]"),
        ("rsplit", vec![Value::from("  "), Value::Null, Value::Null], "[]"),
        ("split", vec![Value::from("  "), Value::Null, Value::Int(0)], "[]"),
        ("rsplit", vec![Value::from("  "), Value::Null, Value::Int(0)], "[]"),
        ("split", vec![Value::from("  "), Value::Null, Value::Int(1)], "[]"),
        ("rsplit", vec![Value::from("  "), Value::Null, Value::Int(1)], "[]"),
        ("split", vec![Value::from("  "), Value::Null, Value::Int(2)], "[]"),
        ("rsplit", vec![Value::from("  "), Value::Null, Value::Int(2)], "[]"),
        ("split", vec![Value::from("a,b,c"), Value::from(","), Value::Null], "['a', 'b', 'c']"),
        ("rsplit", vec![Value::from("a,b,c"), Value::from(","), Value::Null], "['a', 'b', 'c']"),
        ("split", vec![Value::from("a,b,c"), Value::from(","), Value::Int(0)], "['a,b,c']"),
        ("rsplit", vec![Value::from("a,b,c"), Value::from(","), Value::Int(0)], "['a,b,c']"),
        ("split", vec![Value::from("a,b,c"), Value::from(","), Value::Int(1)], "['a', 'b,c']"),
        ("rsplit", vec![Value::from("a,b,c"), Value::from(","), Value::Int(1)], "['a,b', 'c']"),
        ("split", vec![Value::from(","), Value::from(","), Value::Null], "['', '']"),
        ("rsplit", vec![Value::from(","), Value::from(","), Value::Null], "['', '']"),
        ("split", vec![Value::from(","), Value::from(","), Value::Int(0)], "[',']"),
        ("rsplit", vec![Value::from(","), Value::from(","), Value::Int(0)], "[',']"),
        ("split", vec![Value::from(","), Value::from(","), Value::Int(1)], "['', '']"),
        ("rsplit", vec![Value::from(","), Value::from(","), Value::Int(1)], "['', '']"),
        ("split", vec![Value::from(""), Value::from(","), Value::Null], "['']"),
        ("rsplit", vec![Value::from(""), Value::from(","), Value::Null], "['']"),
        ("split", vec![Value::from(""), Value::from(","), Value::Int(0)], "['']"),
        ("rsplit", vec![Value::from(""), Value::from(","), Value::Int(0)], "['']"),
        ("split", vec![Value::from(""), Value::from(","), Value::Int(1)], "['']"),
        ("rsplit", vec![Value::from(""), Value::from(","), Value::Int(1)], "['']"),
        ("split", vec![Value::from("ab"), Value::from(","), Value::Null], "['ab']"),
        ("rsplit", vec![Value::from("ab"), Value::from(","), Value::Null], "['ab']"),
        ("split", vec![Value::from("ab"), Value::from(","), Value::Int(0)], "['ab']"),
        ("rsplit", vec![Value::from("ab"), Value::from(","), Value::Int(0)], "['ab']"),
        ("split", vec![Value::from("ab"), Value::from(","), Value::Int(1)], "['ab']"),
        ("rsplit", vec![Value::from("ab"), Value::from(","), Value::Int(1)], "['ab']"),
        ("lines", vec![Value::from("a\nb\n")], "['a', 'b']"),
        ("lines", vec![Value::from("\n")], "['']"),
        ("lines", vec![Value::from("")], "[]"),
        ("lines", vec![Value::from("a\r\nb")], "['a', 'b']"),
        ("capitalize", vec![Value::from("hELLO wORLD x1y")], "'Hello world x1y'"),
        ("lower", vec![Value::from("hELLO wORLD x1y")], "'hello world x1y'"),
        ("upper", vec![Value::from("hELLO wORLD x1y")], "'HELLO WORLD X1Y'"),
        ("lower", vec![Value::from("ß")], "'ß'"),
        ("upper", vec![Value::from("ß")], "'SS'"),
        ("capitalize", vec![Value::from("éa")], "'Éa'"),
        ("lower", vec![Value::from("éa")], "'éa'"),
        ("upper", vec![Value::from("éa")], "'ÉA'"),
        ("title", vec![Value::from("hELLO wORLD a-b")], "'Hello World A-B'"),
        ("is_upper", vec![Value::from("A1")], "true"),
        ("is_lower", vec![Value::from("A1")], "false"),
        ("is_alpha", vec![Value::from("A1")], "false"),
        ("is_alnum", vec![Value::from("A1")], "true"),
        ("is_upper", vec![Value::from("Ab")], "false"),
        ("is_lower", vec![Value::from("Ab")], "false"),
        ("is_alpha", vec![Value::from("Ab")], "true"),
        ("is_alnum", vec![Value::from("Ab")], "true"),
        ("is_upper", vec![Value::from("a1")], "false"),
        ("is_lower", vec![Value::from("a1")], "true"),
        ("is_alpha", vec![Value::from("a1")], "false"),
        ("is_alnum", vec![Value::from("a1")], "true"),
        ("is_upper", vec![Value::from("1")], "false"),
        ("is_lower", vec![Value::from("1")], "false"),
        ("is_alpha", vec![Value::from("1")], "false"),
        ("is_alnum", vec![Value::from("1")], "true"),
        ("is_upper", vec![Value::from("")], "false"),
        ("is_lower", vec![Value::from("")], "false"),
        ("is_alpha", vec![Value::from("")], "false"),
        ("is_alnum", vec![Value::from("")], "false"),
        ("is_upper", vec![Value::from("É")], "true"),
        ("is_lower", vec![Value::from("É")], "false"),
        ("is_alpha", vec![Value::from("É")], "true"),
        ("is_alnum", vec![Value::from("É")], "true"),
        ("replace", vec![Value::from("abab"), Value::from(""), Value::from("-")], "'-a-b-a-b-'"),
        ("replace", vec![Value::from("aaa"), Value::from("a"), Value::from("b"), Value::Int(2)], "'bba'"),
        ("count", vec![Value::from("abc"), Value::from("")], "4"),
        ("count", vec![Value::from("aaaa"), Value::from("aa")], "2"),
        ("trim", vec![Value::from("xyaxy"), Value::from("yx")], "'a'"),
        ("round", vec![Value::float(2.675), Value::Int(2)], "2.67"),
        ("round", vec![Value::float(0.125), Value::Int(2)], "0.12"),
        ("round", vec![Value::float(0.375), Value::Int(2)], "0.38"),
        ("round", vec![Value::float(2.5), Value::Int(0)], "2.0"),
        ("round", vec![Value::float(1234.5), Value::Int(-2)], "1200.0"),
        ("round", vec![Value::float(1250.0), Value::Int(-2)], "1200.0"),
        ("round", vec![Value::float(1e+300), Value::Int(2)], "1e+300"),
        ("round", vec![Value::float(25.0), Value::Int(-1)], "20.0"),
        ("round", vec![Value::float(35.0), Value::Int(-1)], "40.0"),
        ("round", vec![Value::float(1.005), Value::Int(2)], "1.0"),
        ("round", vec![Value::float(-0.4), Value::Int(0)], "-0.0"),
        ("round", vec![Value::float(5000000000000000.0), Value::Int(0)], "5000000000000000.0"),
        ("round", vec![Value::float(2.5)], "2"),
        ("round", vec![Value::float(3.5)], "4"),
        ("round", vec![Value::float(-2.5)], "-2"),
        ("round", vec![Value::float(0.5)], "0"),
        ("round", vec![Value::float(1.5)], "2"),
        ("round", vec![Value::float(1e+17)], "100000000000000000"),
        ("round", vec![Value::float(-0.4)], "0"),
        ("round", vec![Value::Int(15), Value::Int(-1)], "20"),
        ("round", vec![Value::Int(25), Value::Int(-1)], "20"),
        ("round", vec![Value::Int(-25), Value::Int(-1)], "-20"),
        ("round", vec![Value::Int(-15), Value::Int(-1)], "-20"),
        ("round", vec![Value::Int(1350), Value::Int(-2)], "1400"),
        ("round", vec![Value::Int(5), Value::Int(-1)], "0"),
        ("round", vec![Value::Int(5), Value::Int(-3)], "0"),
        ("round", vec![Value::Int(51), Value::Int(-2)], "100"),
        ("round", vec![Value::Int(7), Value::Int(3)], "7"),
        ("divmod", vec![Value::Int(7), Value::Int(2)], "[3, 1]"),
        ("divmod", vec![Value::Int(-7), Value::Int(2)], "[-4, 1]"),
        ("divmod", vec![Value::Int(7), Value::Int(-2)], "[-4, -1]"),
        ("divmod", vec![Value::float(7.5), Value::Int(2)], "[3.0, 1.5]"),
        ("int", vec![Value::from("1_000"), Value::Int(10)], "1000"),
        ("int", vec![Value::from(" -12\n"), Value::Int(10)], "-12"),
        ("int", vec![Value::from("+0x1F"), Value::Int(16)], "31"),
        ("int", vec![Value::from("0b101"), Value::Int(0)], "5"),
        ("int", vec![Value::from("0b1"), Value::Int(16)], "177"),
        ("int", vec![Value::from("zz"), Value::Int(36)], "1295"),
        ("int", vec![Value::from("9223372036854775808"), Value::Int(10)], "9223372036854775808"),
        ("int", vec![Value::from("-9223372036854775808"), Value::Int(10)], "-9223372036854775808"),
        ("float", vec![Value::from("1_0.5")], "10.5"),
        ("float", vec![Value::from(" .5 ")], "0.5"),
        ("float", vec![Value::from("5.")], "5.0"),
        ("float", vec![Value::from("-INF")], "-inf"),
        ("float", vec![Value::from("1e3")], "1000.0"),
        ("float", vec![Value::from("Infinity")], "inf"),
    ];
    for (name, args, wanted) in rows {
        let call = format!("{name}{args:?}");
        assert_eq!(shown(name, args), wanted, "{call}");
    }
}

/// Every slice is the one that taking the indexes one by one gives, on all types alike.
#[test]
fn slices_agree_with_their_indexes() {
    let bounds = || std::iter::once(None).chain((-7..=7).map(Some));
    let given = |bound: Option<i64>| bound.map_or(Value::Null, Value::Int);
    for (len, step) in (0..6i64).flat_map(|len| [-3i64, -2, -1, 1, 2, 3].map(|step| (len, step))) {
        let range = Value::Range(Ref::new(Range { start: 10, end: 10 + 2 * len, step: 2 }));
        let list = done("__list", vec![Value::Null, range.clone()]);
        let array = done("ints", vec![list.clone()]);
        for (start, end) in bounds().flat_map(|start| bounds().map(move |end| (start, end))) {
            let place = |bound: i64| if bound < 0 { bound + len } else { bound };
            let at = |i: i64| {
                let after_start = start.is_none_or(|s| if step > 0 { i >= place(s) } else { i <= place(s) });
                after_start && end.is_none_or(|e| if step > 0 { i < place(e) } else { i > place(e) })
            };
            let mut inside: Vec<i64> = (0..len).filter(|i| at(*i)).collect();
            if step < 0 {
                inside.reverse();
            }
            let wanted: Vec<i64> =
                inside.into_iter().step_by(step.unsigned_abs() as usize).map(|i| 10 + 2 * i).collect();
            for value in [&list, &range, &array] {
                let cut = done("slice", vec![value.clone(), given(start), given(end), Value::Int(step)]);
                assert_eq!(cut.type_of(), value.type_of());
                let items = done("__list", vec![Value::Null, cut]);
                assert_eq!(format!("{items:?}"), format!("{wanted:?}"), "{value:?} {start:?} {end:?} {step}");
            }
        }
    }
}

/// Indexes and sizes count characters, not bytes.
#[test]
fn texts_are_counted_in_characters() {
    let text = || Value::from("aé日b");
    assert_eq!(shown("len", vec![text()]), "4");
    assert_eq!(shown("index_of", vec![text(), Value::from("b")]), "3");
    assert_eq!(shown("last_index_of", vec![text(), Value::from("日")]), "2");
    assert_eq!(shown("slice", vec![text(), Value::Int(-3), Value::Int(3)]), "'é日'");
    assert_eq!(shown("get", vec![text(), Value::Int(-1)]), "'b'");
    assert_eq!(shown("pad_left", vec![text(), Value::Int(5), Value::from("·")]), "'·aé日b'");
    assert_eq!(shown("reversed", vec![text()]), "'b日éa'");
}

/// Changes in place, and that an error leaves the receiver and other holders of the value alone.
#[test]
fn changes_stay_inside_one_value() {
    let xs = ints(&[1, 2, 3]);
    assert_eq!(shown("push", vec![xs.clone(), Value::Int(4)]), "[1, 2, 3, 4]");
    assert_eq!(shown("pop", vec![xs.clone(), Value::Int(0)]), "[2, 3]");
    assert_eq!(shown("insert", vec![xs.clone(), Value::Int(-1), Value::Int(9)]), "[1, 2, 9, 3]");
    assert_eq!(shown("insert", vec![xs.clone(), Value::Int(i64::MAX), Value::Int(9)]), "[1, 2, 3, 9]");
    assert_eq!(shown("insert", vec![xs.clone(), Value::Int(i64::MIN), Value::Int(9)]), "[9, 1, 2, 3]");
    assert_eq!(shown("extend", vec![xs.clone(), xs.clone()]), "[1, 2, 3, 1, 2, 3]");
    assert_eq!(shown("clear", vec![xs.clone()]), "[]");
    assert_eq!(shown("reversed", vec![xs.clone()]), "[3, 2, 1]");
    assert_eq!(shown("pop", vec![ints(&[])]), "index: `pop` of an empty list");
    assert_eq!(format!("{xs:?}"), "[1, 2, 3]");
}

/// Errors name the function, the parameter and both types.
#[test]
fn errors_name_things() {
    assert_eq!(shown("split", vec![Value::from("a"), Value::Int(1)]), "type: `split` wants a str for `sep`, got int");
    assert_eq!(shown("join", vec![ints(&[1])]), "type: `join` wants strs, got int at index 0");
    assert_eq!(shown("len", vec![Value::Int(1)]), "type: `len` wants a str, list, map or the like, got int");
    assert_eq!(shown("int", vec![Value::from("x")]), "value: 'x' is not an int");
    assert_eq!(shown("chr", vec![Value::Int(0xd800)]).split(':').next(), Some("value"));
    assert_eq!(
        shown("range", vec![Value::Int(0), Value::Int(3), Value::Int(0)]),
        "value: `range`: `step` must not be 0"
    );
    assert_eq!(shown("pop", vec![ints(&[1]), Value::Int(5)]), "index: `pop`: index 5 is out of range, there is 1 item");
    assert_eq!(shown("__extreme", vec![ints(&[]), ints(&[]), Value::True]), "value: `max` of an empty list");
    assert_eq!(shown("ints", vec![Value::Int(i64::MAX)]).split(':').next(), Some("limit"));
}

/// Bounds at the ends of 64 bits neither wrap nor panic.
#[test]
fn extremes_of_ints() {
    let range = |start, end, step| Value::Range(Ref::new(Range { start, end, step }));
    let all = || range(i64::MIN, i64::MAX, i64::MAX);
    assert_eq!(shown("__list", vec![Value::Null, all()]), "[-9223372036854775808, -1, 9223372036854775806]");
    let back = |range| vec![range, Value::Null, Value::Null, Value::Int(-1)];
    assert_eq!(shown("slice", back(all())).split(':').next(), Some("limit"));
    let turned = done("slice", back(range(i64::MIN + 1, i64::MAX, i64::MAX)));
    assert_eq!(shown("__list", vec![Value::Null, turned]), "[0, -9223372036854775807]");
    assert_eq!(shown("abs", vec![Value::Int(i64::MIN)]), "9223372036854775808");
    assert_eq!(shown("index_of", vec![all(), Value::Int(9223372036854775806)]), "2");
    assert_eq!(
        shown("slice", vec![ints(&[1, 2]), Value::Int(i64::MIN), Value::Int(i64::MAX), Value::Int(i64::MAX)]),
        "[1]"
    );
    assert_eq!(shown("take", vec![ints(&[1, 2]), Value::Int(i64::MAX)]), "[1, 2]");
    assert_eq!(shown("__sum", vec![ints(&[i64::MAX, i64::MAX]), Value::Int(2)]), "18446744073709551616");
}

/// A remembered result belongs to its function, also when another function has its number.
#[test]
fn memos_are_told_apart() {
    let mut cx = Context { names: Vec::new(), describe: |_| String::new(), memos: Memos::default() };
    let mut run = |name: &str, mut args: Vec<Value>| match get(function(name).unwrap()).run {
        Run::Pure(run) => format!("{:?}", run(&mut cx, &mut args).ok().unwrap()),
        _ => unreachable!(),
    };
    let function_value = |number| Value::Function(Ref::new(crate::vm::value::Function::Native(number)));
    let (f, g) = (function_value(1), function_value(2));
    assert_eq!(run("__memo_new", vec![f.clone()]), "[0]");
    let (id, given) = (|| ints(&[0]), || ints(&[5]));
    assert_eq!(run("__memo_get", vec![id(), f.clone(), given()]), "null");
    run("__memo_set", vec![id(), f.clone(), given(), Value::from("of f")]);
    assert_eq!(run("__memo_get", vec![id(), f.clone(), given()]), "['of f']");
    assert_eq!(run("__memo_get", vec![id(), g.clone(), given()]), "null");
    run("__memo_set", vec![id(), g.clone(), given(), Value::from("of g")]);
    assert_eq!(run("__memo_get", vec![id(), g, given()]), "['of g']");
    assert_eq!(run("__memo_get", vec![id(), f, given()]), "['of f']");
}

/// A lazy step reads from a stream that somebody else has too, and becomes a part of one that nobody else has.
#[test]
fn stages_share_or_move_the_stream() {
    let stages = |stream: &Value| match stream {
        Value::Stream(stream) => stream.state.borrow().stages.len(),
        _ => unreachable!(),
    };
    let old = done("stream", vec![ints(&[1, 2])]);
    let new = done("take", vec![old.clone(), Value::Int(1)]);
    assert_eq!((stages(&old), stages(&new)), (0, 1));
    assert_eq!(stages(&done("take", vec![old, Value::Int(1)])), 1);
    assert_eq!(stages(&done("take", vec![done("take", vec![new.clone(), Value::Int(1)]), Value::Int(1)])), 2);
    let Value::Stream(new) = &new else { unreachable!() };
    assert!(
        call("__stream_zip", vec![Value::Stream(new.clone()), Value::Stream(new.clone())])
            .is_err_and(|f| f.is(Kind::Value))
    );
}
