//! Bad input, and programs of unusual size: each gets the right result or exactly one diagnostic with line and column,
//! exit status 2 and nothing run, within the time limit.

#[path = "support/sandbox.rs"]
mod sandbox;

use sandbox::{Ended, Job};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// For an unoptimised build on a busy machine; each takes a few seconds at most.
const DEADLINE: Duration = Duration::from_secs(60);

fn scratch() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("bad-input-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run_path(path: &Path, scratch: &Path) -> Ended {
    let job = Job {
        program: env!("CARGO_BIN_EXE_mplang").into(),
        args: vec!["--error-format".into(), "short".into(), path.into()],
        dir: scratch.into(),
        stdin: None,
        deadline: DEADLINE,
    };
    sandbox::adopt_orphans();
    sandbox::run(&job, scratch).unwrap()
}

fn run(bytes: impl AsRef<[u8]>) -> Ended {
    let scratch = scratch();
    std::fs::write(scratch.join("x.mp"), bytes).unwrap();
    let ended = run_path(Path::new("x.mp"), &scratch);
    std::fs::remove_dir_all(&scratch).unwrap();
    ended
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(2000) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

/// The script runs and prints this.
#[track_caller]
fn prints(bytes: impl AsRef<[u8]>, expected: &str) {
    let ended = run(bytes);
    assert_eq!(text(&ended.stderr), "");
    assert_eq!(text(&ended.stdout), expected);
    assert_eq!((ended.status, ended.stopped, ended.left.len()), (0, None, 0));
}

/// The script is refused with one diagnostic of this code at this line and column.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, code: &str, place: &str) {
    is_refusal(&run(bytes), code, &format!("x.mp:{place}: "));
}

#[track_caller]
fn is_refusal(ended: &Ended, code: &str, place: &str) {
    let errors = text(&ended.stderr);
    assert_eq!(text(&ended.stdout), "", "something ran");
    assert_eq!(errors.matches("error[").count(), 1, "{errors}");
    assert!(errors.starts_with(&format!("{place}error[{code}]: ")), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    assert_eq!((ended.status, &ended.stopped, ended.left.len()), (2, &None, 0));
}

/// `first`, `line(0)`, `line(1)`, …, `last`.
fn lines(first: &str, count: usize, line: impl Fn(usize) -> String, last: &str) -> String {
    let mut text = first.to_owned();
    for at in 0..count {
        text.push_str(&line(at));
    }
    text + last
}

fn separated(count: usize, between: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(between)
}

const HELLO: &str = "print('hello')\n";

/// There is no text that could have lines.
#[test]
fn paths_without_a_script() {
    let scratch = scratch();
    is_refusal(&run_path(Path::new("missing.mp"), &scratch), "E0301", "");
    is_refusal(&run_path(Path::new("."), &scratch), "E0303", "");
    std::fs::remove_dir_all(&scratch).unwrap();
}

#[test]
fn bytes_and_ends_of_lines() {
    prints("", "");
    prints("\n\n# nothing\n", "");
    prints("\u{feff}print('hello')", "hello\n");
    prints("print('a')\r\nlet x = [1,\r\n  2]\r\nprint(x)\r\n", "a\n[1, 2]\n");
    refused(b"print('hello')\nlet s = 'caf\xe9'\n", "E0302", "2:13");
    refused(format!("{HELLO}let a = 1\0\n"), "E0108", "2:10");
    let utf16: Vec<u8> = HELLO.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ended = run(utf16);
    assert_eq!((ended.status, text(&ended.stdout).as_str()), (2, ""));
}

#[test]
fn unclosed() {
    refused(format!("{HELLO}let s = 'abc\n{HELLO}"), "E0103", "2:9");
    refused(format!("{HELLO}let s = '''abc\n{HELLO}"), "E0103", "2:9");
    refused(format!("{HELLO}let xs = [1, 2\n"), "E0102", "2:10");
    refused(format!("{HELLO}fn f() {{\n    1\n"), "E0102", "2:8");
    refused(format!("{HELLO}let x = (1 + 2]\n"), "E0102", "2:9");
    refused(format!("{HELLO}}}\n"), "E0102", "2:1");
}

#[test]
fn words_of_other_languages() {
    let rows = [
        ("if true { } elif false { }", "E0107", "2:13"),
        ("let x = None", "E0107", "2:9"),
        ("let x = true && false", "E0107", "2:14"),
        ("def f(x) { x }", "E0107", "2:1"),
        ("let x = nil", "E0107", "2:9"),
        ("const x = 1", "E0107", "2:1"),
        ("function f(x) { x }", "E0107", "2:1"),
        ("let x = 1 === 1", "E0107", "2:11"),
        ("x++", "E0107", "2:2"),
    ];
    for (line, code, place) in rows {
        refused(format!("{HELLO}{line}\n"), code, place);
    }
}

#[test]
fn nested_deep() {
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("{a: ", "}"), ("-", ""), ("not ", "")] {
        let script = format!("{HELLO}let x = {}1{}\n", open.repeat(10_000), close.repeat(10_000));
        let ended = run(script);
        let errors = text(&ended.stderr);
        assert_eq!(errors.matches("error[").count(), 1, "{open}: {errors}");
        assert!(errors.starts_with("x.mp:2:") && errors.contains("error[E0104]"), "{open}: {errors}");
        assert_eq!((ended.status, text(&ended.stdout).as_str()), (2, ""));
    }
    let blocks = format!("{HELLO}{}{}", "if true {\n".repeat(10_000), "}\n".repeat(10_000));
    assert!(text(&run(blocks).stderr).contains("error[E0104]"));
}

/// 300,000 lines, at top level and in functions, and where an error stands at the end of them.
#[test]
fn many_lines() {
    prints(lines("var x = 0\n", 300_000, |_| "x = x + 1\n".into(), "print(x)\n"), "300000\n");
    prints(lines("", 300_000, |at| format!("let a{at} = {at}\n"), "print(a0, a299999)\n"), "0 299999\n");
    prints(lines("fn f() {\nvar x = 0\n", 100_000, |_| "x = x + 1\n".into(), "x\n}\nprint(f())\n"), "100000\n");
    prints(lines("", 50_000, |at| format!("fn f{at}(x) = x + {at}\n"), "print(f49999(1))\n"), "50000\n");
    refused(lines(HELLO, 300_000, |_| "let x = 1\n".into(), "let y = (\n"), "E0102", "300002:9");
    let ended = run(lines(HELLO, 300_000, |_| "let x = = 1\n".into(), ""));
    let count = String::from_utf8_lossy(&ended.stderr).matches("error[").count();
    assert!((1..=10).contains(&count), "{count}");
    assert_eq!((ended.status, text(&ended.stdout).as_str()), (2, ""));
}

/// Long expressions and literals.
#[test]
fn much_in_one_expression() {
    prints(format!("let a = 1\nprint({})\n", separated(5_000, " + ", |_| "a".into())), "5000\n");
    prints(format!("print({})\n", separated(100_000, " + ", |_| "1".into())), "100000\n");
    prints(format!("let t = true\nprint({})\n", separated(5_000, " and ", |_| "t".into())), "true\n");
    prints(format!("let s = 'x'\nprint(len({}))\n", separated(5_000, " + ", |_| "s".into())), "5000\n");
    prints(format!("print([{}].sum())\n", separated(10_000, ", ", |at| at.to_string())), "49995000\n");
    prints(format!("print(len({{{}}}))\n", separated(10_000, ", ", |at| format!("k{at}: {at}"))), "10000\n");
    prints(format!("fn f(...xs) = len(xs)\nprint(f({}))\n", separated(5_000, ", ", |_| "1".into())), "5000\n");
    prints(format!("let x = 1\nprint(len(f\"{}\"))\n", "{x}".repeat(5_000)), "5000\n");
    let arms = separated(5_000, "\n", |at| format!("{at} => 'v{at}'"));
    prints(format!("print(match 4999 {{\n{arms}\n_ => null }})\n"), "v4999\n");
}

/// More names than a function can hold are refused; a script may have any number.
#[test]
fn many_names_in_one_function() {
    refused(lines(&format!("{HELLO}fn f() {{\n"), 70_000, |at| format!("let a{at} = 1\n"), "}\n"), "E0208", "2:1");
    let mut jumps = "fn f(n) {\nvar x = 0\n".to_owned();
    for at in 0..20_000 {
        let _ = writeln!(jumps, "if n > {at} {{ x += [n, {at}].len() }}");
    }
    prints(jumps + "x\n}\nprint(f(5), f(20000))\n", "10 40000\n");
}

/// 200,000 calls inside each other work; without an end they are an error that can be caught.
#[test]
fn deep_recursion() {
    prints("fn d(n) = if n == 0 { 0 } else { 1 + d(n - 1) }\nprint(d(200000))\n", "200000\n");
    prints("fn d(n) = if n == 0 { 0 } else { [n].map(|x| d(x - 1))[0] + 1 }\nprint(d(60000))\n", "60000\n");
    prints("fn d(n) = 1 + d(n + 1)\ntry { d(0) } catch e { print(e.kind) }\nprint('on')\n", "stack\non\n");
}

/// Values nested 100,000 deep are made, compared, printed, sent, read and dropped.
#[test]
fn deep_values() {
    let make = "fn nest(of) { var x = of; for _ in range(100000) { x = [x] }; x }\nlet x = nest(1)\n";
    prints(format!("{make}print(x == nest(1), x == nest(2))\n"), "true false\n");
    prints(format!("{make}print(len(str(x)) > 100, len(json.text(x)))\n"), "true 200001\n");
    prints(format!("{make}print(join(spawn {{ x }}) == x, set([x]).contains(x))\n"), "true true\n");
    prints(format!("{make}print(json.parse(json.text(x)) == x)\n"), "true\n");
    prints("var m = {}\nfor _ in range(100000) { m = {k: m} }\nprint(m == m)\nm = null\nprint(m)\n", "true\nnull\n");
}
