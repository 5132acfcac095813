//! The examples of the docs, run.

use super::*;
use crate::compile::{Compiler, ImportError, Loader};
use crate::source::{FileId, Sources};
use crate::syntax::ast::Script;
use crate::vm::machine::{Machine, Step};
use crate::vm::value::{Function, Ref, Value};

/// Takes the library's own texts, and imports nothing.
#[derive(Default)]
struct NoImports(Sources);

impl Loader for NoImports {
    fn load(&mut self, _: FileId, path: &str) -> Result<(FileId, Option<Script>), ImportError> {
        Err(ImportError::Unreadable(path.into()))
    }

    fn add_library_text(&mut self, name: &str, text: &str) -> FileId {
        self.0.add(name, text)
    }
}

/// What a script gives as the value of its function `main`, or what went wrong. The world is not asked.
fn value_of(code: &str) -> Result<Value, String> {
    let text = format!("fn main() {{ {code} }}\nthrow error('done', '', [main()])");
    let mut loader = NoImports::default();
    let file = loader.add_library_text("example", &text);
    let first = |errors: Vec<crate::diagnostics::Diagnostic>| errors[0].message.clone();
    let script = crate::syntax::parse(file, &text).map_err(first)?;
    let mut compiler = Compiler::new();
    let proto = compiler.script(file, &script, &mut loader).map_err(first)?;
    let mut machine = Machine::new(compiler.program, for_machine(), |_| String::new());
    let main = Value::Function(Ref::new(Function::Closure { proto, captures: Box::default() }));
    machine.start(&main, std::iter::empty(), &Value::Null).map_err(|_| "cannot start".to_owned())?;
    match machine.resume(Ok(Value::Null)) {
        Step::Failed(fault) if fault.0.kind.as_str() == Some("done") => match &fault.0.data {
            Value::List(items) => Ok(items[0].clone()),
            _ => Err("no value".into()),
        },
        Step::Failed(fault) => Err(format!("{:?}: {:?}", fault.0.kind, fault.0.message)),
        Step::Ask(..) => Err("the world is asked".into()),
        Step::Done(_) => Err("no value".into()),
    }
}

/// Every example of a function on data is true.
#[test]
fn examples_are_true() {
    let mut wrong = Vec::new();
    for declaration in all().iter().filter(|declaration| !is_hidden(declaration.name)) {
        let example = example(declaration).unwrap_or_default();
        match value_of(example) {
            Ok(Value::True) => {}
            Err(why) if why == "the world is asked" => {}
            other => wrong.push(format!("{example}\n    {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Functions written in the language on streams, maps and several arguments, and their errors.
#[test]
fn scripts_do_what_they_say() {
    let rows = [
        ("min(4, 2, 3, 1, 5)", "1"),
        ("max('a', 'bcd', 'ef', by = len)", "'bcd'"),
        ("max(...[1, 5, 2])", "5"),
        ("min([1, 2], [1])", "[1]"),
        ("[3, 9, 4].reduce(max)", "9"),
        ("min([3, 1], reverse = true)", "3"),
        ("({b: 1, a: 2}).sorted()", "['a', 'b']"),
        ("({a: 1, b: 2}).any(|k, v| v == 2)", "true"),
        ("({a: 1, b: 2}).find(|k, v| v > 1)", "['b', 2]"),
        ("({a: 1, b: 2}).count(|k, v| v > 0)", "2"),
        ("set([1, 2, 3]).filter(|x| x > 1)", "set([2, 3])"),
        ("[1, 2].stream().zip('ab', [true, false]).list()", "[[1, 'a', true], [2, 'b', false]]"),
        (
            "(1..9).stream().filter(|x| x % 2 == 0).map(|x| x * x).enumerate(start = 1).take(2).list()",
            "[[1, 4], [2, 16]]",
        ),
        ("zip([1, 2], (0..9).stream())", "[[1, 0], [2, 1]]"),
        ("(0..7).stream().drop(2).chunks(2).list()", "[[2, 3], [4, 5], [6]]"),
        ("sum((0..4).stream())", "6"),
        ("sorted((0..4).stream(), reverse = true)", "[3, 2, 1, 0]"),
        ("(0..4).stream().max()", "3"),
        ("(0..4).stream().count(2)", "1"),
        ("var xs = [[1, 'b'], [0, 'c'], [1, 'a']]; xs.sort(by = |[n, _]| n); xs", "[[0, 'c'], [1, 'b'], [1, 'a']]"),
        ("var m = {t: [2, 1]}; m.t.sort(); m", "{'t': [1, 2]}"),
        ("var xs = [1, 'a']; let k = try { xs.sort(); 0 } catch e { e.kind }; [k, xs]", "['type', [1, 'a']]"),
        ("let f = memo(|x, y| [x, y]); [f(1, 2), f(1, 2), f(2, 1)]", "[[1, 2], [1, 2], [2, 1]]"),
        ("try { max(5) } catch e { e.message }", "'`max` wants something to loop over, got int'"),
        ("try { max([]) } catch e { e.message }", "'`max` of an empty list'"),
        ("try { [].reduce(|a, b| a) } catch e { e.kind }", "'value'"),
        ("[list(), set(), 'ab'.list()]", "[[], set([]), ['a', 'b']]"),
        ("'abc'.stream().first()", "'a'"),
    ];
    for (code, wanted) in rows {
        let got = value_of(code).map_or_else(|why| why, |value| format!("{value:?}"));
        assert_eq!(got, wanted, "{code}");
    }
}
