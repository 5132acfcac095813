//! No text makes the parser panic, hang or overflow its stack; places in the tree are right.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Something of everything.
const SAMPLE: &str = r##"#!/usr/bin/env mplang
## Doc.
fn scale(x, by = 2, ...more) { if x < 0 { return null }; x * by }
fn sq(x) = x ** -2
let a, [b, ...c] = pipe(capacity = 5min), {x, "y z": 1, [k]: 0xff, ...m}
var t = 'é\u{20ac}\n' + r"\d" + f"{n=} {x:>{w}.2f} {m["a"]!r} {{" + b"\x00"
t += """
    many
      lines {} """
let g = match v {
    -5..0 | 7 => "a"
    [x, ...] if x > 1 => |y, z| { y[1..]; z?.k ?? 3 in q }
    {id, job: n is int} => {a: id}
    _ => null
}
try { throw error("k", "t") } catch e if e.kind is not str { } finally { }
let n = try int(s)
    else 0
for i, x in xs.enumerate()
    .list() { while not c { loop { break; continue } } }
with open(p) as f, m { xs |> f(y) |> (|v| v) }
parallel for f in fs, jobs = 2 { spawn(name = "w") g(f).join() }
scope(limit = 2) { select { j from q => 1; i, x from [a] => 2; o.put(v) => 3; done p => 4; after 2s => 5; closed => 6 }; select { _ from q => 7; else => 8 } }
[x for x in xs if x]; x = {k: v for k, v in m}; a < b <= c and not d or e << 2 | ~f & 3 ^ 4 // 5 % 6
import "./x.mp" as y; from "./x.mp" import z as w
test "t" { assert(1 == 1.5e3) }
"##;

#[test]
fn sample_parses() {
    tree(SAMPLE);
}

/// A text gives the same, places and messages too, whether it is parsed as a whole or each statement by itself.
fn same_in_stretches(text: &str) {
    let whole = parse_by(usize::MAX, FileId::default(), text);
    let stretches = parse_by(0, FileId::default(), text);
    assert!(format!("{whole:?}") == format!("{stretches:?}"), "{text:?}:\n{whole:#?}\n{stretches:#?}");
}

fn survives(text: &str) {
    let _ = is_incomplete(text);
    same_in_stretches(text);
    for error in parse(FileId::default(), text).err().unwrap_or_default() {
        for label in &error.labels {
            let span = label.place.span;
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{text:?}: {error:?}");
        }
    }
}

#[test]
fn every_prefix_and_suffix() {
    for at in (0..SAMPLE.len()).filter(|&at| SAMPLE.is_char_boundary(at)) {
        survives(&SAMPLE[..at]);
        if at % 3 == 0 {
            survives(&SAMPLE[at..]);
        }
    }
}

#[test]
fn every_line_without_a_piece() {
    for line in SAMPLE.lines() {
        let bounds: Vec<usize> = (0..=line.len()).filter(|&at| line.is_char_boundary(at)).collect();
        for pair in bounds.windows(2) {
            survives(&format!("{}{}", &line[..pair[0]], &line[pair[1]..]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,40}") {
        survives(&text);
    }

    #[test]
    fn any_tokens(words in prop::collection::vec(prop::sample::select(vec![
        "a", "1", "if", "else", "{", "}", "(", ")", "[", "]", "\n", ",", "=", "=>", "|", "|x|", "..", ".", "...", "f\"{",
        "}\"", "\"", "'", "\"\"\"", "try", "catch", "match", "select", "from", "spawn", "fn", "let", "for", "in", "not",
        "is", "+", "-", "**", "|>", "?.", "?[", ":", ";", "#", "return", "with", "as", "import", "0x", "5s", "\\", "{{",
        "test", "parallel", "done", "é", "&&", "!", "\r\n", "\t",
    ]), 0..30), blanks in any::<bool>()) {
        survives(&words.join(if blanks { " " } else { "" }));
    }

    #[test]
    fn changed_sample(at in 0..SAMPLE.len(), len in 0usize..20, new in "[-{}()|\"'=,:.a\n ]{0,3}") {
        let mut text = SAMPLE.as_bytes().to_vec();
        let end = (at + len).min(text.len());
        text.splice(at..end, new.bytes());
        survives(&String::from_utf8_lossy(&text));
    }
}

/// Nesting to the limit parses; beyond it is one error. Time stays linear, also when the innermost part is wrong.
#[test]
fn nesting() {
    let start = Instant::now();
    let forms = [
        ("(", ")"),
        ("[", "]"),
        ("{a: ", "}"),
        ("{[a]: ", "}"),
        ("f(", ")"),
        ("f(a = ", ")"),
        ("f\"{", "}\""),
        ("x[", "]"),
        ("|x| {[a]: ", "}"),
        ("|x| { ", "}"),
        ("|x| {a: ", "}"),
        ("if a { ", "}"),
        ("match x { y => ", "}"),
        ("try { ", "} else 0"),
        ("try x else { ", "}"),
        ("try x else {a: ", "}"),
        ("spawn { ", "}"),
        ("spawn f(a = ", ")"),
        ("fn(x) { ", "}"),
        ("select { [[a]].put(1) => ", "}"),
        ("not -2 ** f(a or b and ", ")"),
        ("|x| ", ""),
        ("try 1 else ", ""),
        ("throw ", ""),
    ];
    for (open, close) in forms {
        let nest = |n: usize, core: &str| format!("x = {}{core}{}", open.repeat(n), close.repeat(n));
        let _ = tree(&nest(100, "1"));
        for core in ["1 2", "*", "let", "a => b"] {
            assert!(!errors(&nest(100, core)).is_empty());
        }
        let deep = errors(&nest(10_000, "1"));
        assert!(
            deep.starts_with("E0104 nested deeper than 500 levels | 1:") && deep.lines().count() == 1,
            "{open}: {deep}"
        );
        assert!(errors(&format!("x = {}", open.repeat(10_000))).starts_with("E0104"), "{open}");
    }
    for chain in ["x = f%", "x = f|", "x = *1", "x = -1"].into_iter().zip(["()", " |> f", "2 ** ", "- "]) {
        let text = |n: usize| match chain {
            (text, piece) if text.ends_with('1') => format!("x = {}1", piece.repeat(n)),
            (_, piece) => format!("x = f{}", piece.repeat(n)),
        };
        let _ = tree(&text(400));
        assert!(errors(&text(10_000)).starts_with("E0104"), "{chain:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// What is long but not deep has no limit.
#[test]
fn long_texts() {
    for text in [
        format!("x = {}1", "1 + ".repeat(5000)),
        format!("x = [{}]", "-1, ".repeat(5000)),
        format!("if a {{ }}{}", "\nelse if b { }".repeat(5000)),
        format!("x = a{}", " and not b".repeat(5000)),
        "let x = f(1)\n".repeat(5000),
    ] {
        assert!(parse(FileId::default(), &text).is_ok(), "{}", &text[..20]);
    }
}

/// Trees nested to the limit in every way at once can be walked and dropped.
#[test]
fn deep_trees_drop() {
    let text =
        format!("x = {}1{}", "a or b and not c < d ?? e | f ^ g & h << i + j * -2 ** f(".repeat(150), ")".repeat(150));
    assert!(parse(FileId::default(), &text).is_ok());
}

#[test]
fn spans() {
    let text = "let é = f(1,  # one\n  2) + xs[0] # two\n\nif é { g() }\n";
    let Ok(script) = parse(FileId::default(), text) else { panic!("does not parse") };
    let written = |span: Span| &text[span.start as usize..span.end as usize];
    let stmts = &script.body.stmts;
    assert_eq!(written(stmts[0].span), "let é = f(1,  # one\n  2) + xs[0]");
    assert_eq!(written(stmts[1].span), "if é { g() }");
    let ast::StmtKind::Let { pattern, value, .. } = &stmts[0].kind else { panic!("no let") };
    assert_eq!(written(pattern.span), "é");
    let ast::ExprKind::Binary(first, rest) = &value.kind else { panic!("no sum") };
    assert_eq!(written(first.span), "f(1,  # one\n  2)");
    assert_eq!(written(rest[0].1.span), "xs[0]");
    let text = "x = f\"é{ (a + b) * c :>4}\"";
    let Ok(script) = parse(FileId::default(), text) else { panic!("does not parse") };
    let ast::StmtKind::Assign { value, .. } = &script.body.stmts[0].kind else { panic!("no assignment") };
    let ast::ExprKind::FString(parts) = &value.kind else { panic!("no f-string") };
    let ast::FPart::Value { value, .. } = &parts[1] else { panic!("no value") };
    assert_eq!(&text[value.span.start as usize..value.span.end as usize], "(a + b) * c");
}

#[test]
fn incomplete() {
    for text in [
        "f(",
        "[1,",
        "{",
        "if a {",
        "x = {a: 1,",
        "\"\"\"abc",
        "f'''{x",
        "let x =",
        "x +=",
        "1 +",
        "a and",
        "a not",
        "x |>",
        "f(1,\n2",
        "match v {\n 1 =>",
        "match v { 1 =>",
        "let a,",
        "try { f() }",
        "fn f() {\n  g()\n",
        "x = (1 +\n# c\n",
        "a ??",
        "x is",
        "\"abc\\",
        "for x in",
    ] {
        assert!(is_incomplete(text), "{text:?}");
    }
    for text in [
        "",
        "1",
        "f(1)",
        "x = 1",
        "\"abc",
        "f(1))",
        "(]",
        "1 + * 2",
        "foo bar",
        "if x",
        "{ }",
        "x.",
        "let",
        "# (",
        "'('",
        "try { f() } catch e { }",
        "x.in",
        "return",
        "a; b",
        "f\"{x",
        "}",
        "elif x {}",
        "\"\"\"a\"\"\"",
    ] {
        assert!(!is_incomplete(text), "{text:?}");
    }
}
