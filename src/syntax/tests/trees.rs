//! Which tree a text has.

use super::*;

/// Checks a table of texts and their trees.
fn check(table: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (text, wanted) in table {
        let found = match parse(FileId::default(), text) {
            Ok(script) => print::script(&script),
            Err(errors) => show(text, &errors),
        };
        if found != *wanted {
            wrong += &format!("{text:?}\n  wanted {wanted}\n  found  {found}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn literals() {
    check(&[
        ("42 ; 1_000; 0xff; 0b1; 0o7; 0", "42 1000 255 1 7 0"),
        ("9223372036854775807; 9223372036854775808", "9223372036854775807 9223372036854775808n"),
        ("1.5; 1e-9; 2E3; 1e3; inf; 1_0.5_0", "1.5 1e-9 2000.0 1000.0 inf 10.5"),
        ("500ms; 2s; 5min; 1h; 1.5s; 100ms", "0.5 2.0 300.0 3600.0 1.5 0.1"),
        ("null; true; false; nan", "null true false NaN"),
        (r#""a\n\t\\\"\'\x41\u{20ac}\0\e""#, "\"a\\n\\t\\\\\\\"'A€\\0\\u{1b}\""),
        (r#"'a"b'; r"\d+\"x"; r'\'x'; b"\x00\xffa""#, r#""a\"b" "\\d+\\\"x" "\\'x" b"\x00\xffa""#),
        ("1..3; 1 .. 3; 1..=3", "(.. 1 3) (.. 1 3) (..= 1 3)"),
        ("0xe-9; 1.abs(); 1.5.abs()", "(14 - 9) (call 1.abs) (call 1.5.abs)"),
    ]);
}

#[test]
fn texts_over_several_lines() {
    check(&[
        ("let x = \"\"\"\n    one\n      two\n\n    three\n    \"\"\"", r#"(let x "\none\n  two\n\nthree\n")"#),
        ("\"\"\"\\\n    one\n    two\"\"\"", r#""one\ntwo""#),
        ("\"\"\"one\n  two\"\"\"", r#""one\ntwo""#),
        ("'''a'b''c'''; \"\"\"\"a\"\"\"", r#""a'b''c" "\"a""#),
        ("\"\"\"\r\n  a\r\n  b\r\n\"\"\"", r#""\na\nb\n""#),
        ("\"a\\\nb\"", r#""ab""#),
        ("f\"\"\"\n    {x}\n      y\n    \"\"\"", r#"(f "\n" {x} "\n  y\n")"#),
        ("\"\"\"# no comment\"\"\"", r##""# no comment""##),
    ]);
}

#[test]
fn fstrings() {
    check(&[
        (r#"f"a{x}b""#, r#"(f "a" {x} "b")"#),
        (r#"f"{x:>8.2f} {n=} {s!r} {t!s}""#, r#"(f {x : ">8.2f"} " " "n=" {n!r} " " {s!r} " " {t})"#),
        (r#"f"{n = } {n=:>4} {n=!s}""#, r#"(f "n = " {n!r} " " "n=" {n : ">4"} " " "n=" {n})"#),
        (r#"f"{m["a"]}{f("x", 'y')}""#, r#"(f {(index m "a")} {(call f "x" "y")})"#),
        (r#"f"{{{x}}}""#, r#"(f "{" {x} "}")"#),
        (r#"f"{x:>{w}} {x:{a}.{b}f}""#, r#"(f {x : ">" {w}} " " {x : {a} "." {b} "f"})"#),
        (r#"f"{ {a: 1}["a"] }""#, r#"(f {(index (map "a":1) "a")})"#),
        (r#"f"{f"{f"{x}"}"}""#, r#"(f {(f {(f {x})})})"#),
        (r#"f"{xs.map(|x| {x: x})}""#, r#"(f {(call xs.map (closure (x) {(map "x":x)}))})"#),
        (r#"f"plain \u{41}\n""#, r#""plain A\n""#),
        (r#"rf"\d{x}\"""#, r#"(f "\\d" {x} "\\\"")"#),
        (r#"f"{x:#x}""#, r##"(f {x : "#x"})"##),
        ("f\"\"\"{\n x\n}\"\"\"", "(f {x})"),
    ]);
}

#[test]
fn collections() {
    check(&[
        ("x = [1, 2, ...rest,]", "(= x [1 2 ...rest])"),
        (
            r#"x = {name: "Ann", "a b": 1, [k]: v, x, ...m, 1: 2, -1: 3, if: 4, b"k": 5,}"#,
            r#"(= x (map "name":"Ann" "a b":1 k:v "x":x ...m 1:2 (- 1):3 "if":4 b"k":5))"#,
        ),
        ("x = {}; y = ({}); z = {\n}\n", "(= x (map )) (= y (map )) (= z (map ))"),
        ("x = {\n  a: 1,\n  b:\n 2\n}", r#"(= x (map "a":1 "b":2))"#),
        ("x = {\n  a\n, b\n}", r#"(= x (map "a":a "b":b))"#),
        ("[x ** 2 for x in xs if x > 0]", "[(x ** 2) (for x xs) (if (x > 0))]"),
        ("[a + b for a in xs for b in ys]", "[(a + b) (for a xs) (for b ys)]"),
        ("x = {k: v for k, v in m}", "(= x (map k:v (for* [k v] m)))"),
        ("x = {f(k): v\n for k, v in m\n if v\n}", "(= x (map (call f k):v (for* [k v] m) (if v)))"),
        ("[\n1,\n2\n]", "[1 2]"),
        (
            "xs[0]; xs[-1]; xs[1..3]; xs[2..]; xs[..-1]; xs[..]; xs[..=2]",
            "(index xs 0) (index xs (- 1)) (index xs (.. 1 3)) (index xs (.. 2 -)) (index xs (.. - (- 1))) (index xs (.. - -)) (index xs (..= - 2))",
        ),
        ("m?.k; m?[k]; m.if.x; m?.in", "m?.k (index? m k) m.if.x m?.in"),
    ]);
}

#[test]
fn precedence() {
    check(&[
        ("1 + 2 * 3 - 4", "(1 + (2 * 3) - 4)"),
        (
            "-x ** 2; 2 ** -x; 2 ** 3 ** 4; -2 ** -2 ** 2",
            "(- (x ** 2)) (2 ** (- x)) (2 ** (3 ** 4)) (- (2 ** (- (2 ** 2))))",
        ),
        ("a.b ** c[0]; -a.b; ~-x; - - x", "(a.b ** (index c 0)) (- a.b) (~ (- x)) (- (- x))"),
        ("a * b // c % d / e", "(a * b // c % d / e)"),
        ("a << b + c; a & b << c; a ^ b & c; a | b ^ c", "(a << (b + c)) (a & (b << c)) (a ^ (b & c)) (a | (b ^ c))"),
        ("a | b .. c | d; 0..n - 1", "(.. (a | b) (c | d)) (.. 0 (n - 1))"),
        ("a .. b |> f", "(|> call f (.. a b))"),
        ("x |> f ?? g; x |> f(y); x |> m.f |> g", "(?? (|> call f x) g) (|> call f x y) (|> call g (|> call m.f x))"),
        ("x |> (|v| v + 1); x |> (m.f)", "(|> call (paren (closure (v) {(v + 1)})) x) (|> call (paren m.f) x)"),
        ("a ?? b == c ?? d; a ?? b ?? c", "((?? a b) == (?? c d)) (?? a b c)"),
        ("a < b <= c != d", "(a < b <= c != d)"),
        ("a in b; a not in b; a is str; a is not null", "(in a b) (not-in a b) (is a str) (is-not a null)"),
        ("not a == b and not c or d", "(or (and (not (a == b)) (not c)) d)"),
        ("a and b and c or d and e or f", "(or (and a b c) (and d e) f)"),
        ("not not a; not a in b", "(not (not a)) (not (in a b))"),
        ("(a + b) * c; (m.f)(x); ((f))(x)", "((a + b) * c) (call (paren m.f) x) (call (paren f) x)"),
        ("(a < b) < c; (a in b) == c", "((a < b) < c) ((in a b) == c)"),
        ("x = a or |y| y or z", "(= x (or a (closure (y) {(or y z)})))"),
        ("try f() + 1 else 2 + 3", "(try ((call f) + 1) else (2 + 3))"),
        ("let n = try int(s) else try int(t) else 0", "(let n (try (call int s) else (try (call int t) else 0)))"),
        ("a - -b; a--b; a -b", "(a - (- b)) (a - (- b)) (a - b)"),
    ]);
}

#[test]
fn statements() {
    check(&[
        ("let limit = 10\nvar total = 0", "(let limit 10) (var total 0)"),
        (
            "let a, b = pipe(); a, b = b, a; let [first, ...rest] = xs; let {name, age: n} = p",
            "(let [a b] (call pipe)) (= [a b] [b a]) (let [first ...rest] xs) (let {name:name age:n} p)",
        ),
        (
            "[a, ...b] = xs; x.y[0] = 1; x ??= 2; x **= 3; x //= 4; x <<= 5; x |= 6; x ^= 7",
            "(= [a ...b] xs) (= (index x.y 0) 1) (??= x 2) (**= x 3) (//= x 4) (<<= x 5) (|= x 6) (^= x 7)",
        ),
        (
            "fn scale(x, by = 2, ...more) { if x < 0 { return null }; x * by }",
            "(fn scale(x,by=2,...more) {(if (x < 0) {(return null)}) (x * by)})",
        ),
        (
            "fn sq(x) = x * x\nfn p(var xs, x) { xs.push(x) }",
            "(fn sq(x) {(x * x)}) (fn p(var xs,x) {(call xs.push x)})",
        ),
        (
            "scale(4, by = 10); f(...args); f(if = 1, a = {b: 1},)",
            r#"(call scale 4 by=10) (call f ...args) (call f if=1 a=(map "b":1))"#,
        ),
        ("fn f() { return a, b }; fn g() { return }", "(fn f() {(return [a b])}) (fn g() {(return)})"),
        ("if c { } else if d { 1 } else { 2 }", "(if c {} d {1} else {2})"),
        ("let x = if a { 1 } else { 2 } + 3", "(let x ((if a {1} else {2}) + 3))"),
        ("while c { }\nloop { break }\nfor x in xs { continue }", "(while c {}) (loop {break}) (for x xs {continue})"),
        (
            "for i, x in xs.enumerate() { }; for [a, b] in xs { }",
            "(for* [i x] (call xs.enumerate) {}) (for [a b] xs {})",
        ),
        (
            "try { f() } catch e if e.kind == \"timeout\" { } catch e { } finally { }",
            "(try {(call f)} catch e if (e.kind == \"timeout\") {} catch e {} finally {})",
        ),
        ("try { f() } else 0; try { f() } catch { }", "(try (block {(call f)}) else 0) (try {(call f)} catch {})"),
        (
            "try f() else { g() }; try f() else { }; try f() else {x}",
            "(try (call f) else (block {(call g)})) (try (call f) else (map )) (try (call f) else (map \"x\":x))",
        ),
        ("throw \"text\"; throw error(\"a\", \"b\")", "(throw \"text\") (throw (call error \"a\" \"b\"))"),
        ("with l { }; with open(path) as f, m { }", "(with l {}) (with (call open path) as f m {})"),
        (
            "import \"./lib/stats.mp\" as stats; from \"./x.mp\" import mean, max as most",
            "(import \"./lib/stats.mp\" stats) (from \"./x.mp\" mean:mean max:most)",
        ),
        (
            "test \"adds\" { assert(1 == 1) }; test = 1; test(2)",
            "(test \"adds\" {(call assert (1 == 1))}) (= test 1) (call test 2)",
        ),
        ("", ""),
        ("# only a comment", ""),
        ("\n\n;;\n", ""),
        ("a;b\n;c", "a b c"),
        ("#!/usr/bin/env mplang\nx # y\r\nz\r\n", "x z"),
        ("{ a; b }", "(block {a b})"),
        ("{ }", "(block {})"),
    ]);
}

#[test]
fn closures() {
    check(&[
        ("let add = |x, y| x + y", "(let add (closure (x,y) {(x + y)}))"),
        ("|| 1; |x| { y; x }; fn(x) { x }", "(closure () {1}) (closure (x) {y x}) (closure (x) {x})"),
        (
            "|[i, x]| i; |{name}| name; |_| 0; |x, ...xs| x; |x, n = -2| x",
            "(closure ([i x]) {i}) (closure ({name:name}) {name}) (closure (_) {0}) (closure (x,...xs) {x}) (closure (x,n=(- 2)) {x})",
        ),
        (
            "|x| { }; |x| {a: x}; |x| {...x}; |x| {[k]: x, b}; |x| {[k]: v for k, v in x}; |x| { [x] }",
            "(closure (x) {}) (closure (x) {(map \"a\":x)}) (closure (x) {(map ...x)}) (closure (x) {(map k:x \"b\":b)}) (closure (x) {(map [k]:v (for* [k v] x))}) (closure (x) {[x]})",
        ),
        ("|x| {\n  \"a\": x }.b; |x| ({x})", "(closure (x) {(map \"a\":x).b}) (closure (x) {(map \"x\":x)})"),
        ("|x| |y| x + y", "(closure (x) {(closure (y) {(x + y)})})"),
        (
            "xs.map(|x| x * 2).filter(|x| x > 1)",
            "(call (call xs.map (closure (x) {(x * 2)})).filter (closure (x) {(x > 1)}))",
        ),
        ("f(|x| {\n  let y = x\n  y\n})", "(call f (closure (x) {(let y x) y}))"),
    ]);
}

#[test]
fn matches() {
    check(&[
        (
            "let kind = match v {
    0 => \"zero\"
    -5..0 => \"little\"
    [x, ...] if x > 1 => \"list\"
    {id, job: \"gzip\"} => id
    \"a\" | \"b\" => 1
    n is int => n
    _ => null
}",
            "(let kind (match v ('0 => \"zero\") ((.. -5 0) => \"little\") ([x ...] if (x > 1) => \"list\") \
             ({id:id job:'\"gzip\"} => id) ((or '\"a\" '\"b\") => 1) ((is n int) => n) (_ => null)))",
        ),
        ("match v { 1 => a, 2 => b, }", "(match v ('1 => a) ('2 => b))"),
        (
            "match v { ..0 => a; 5.. => b; 1..=3 => c; [a, ...m, z] => m; {\"a b\": x, ...r} => x }",
            "(match v ((.. - 0) => a) ((.. 5 -) => b) ((..= 1 3) => c) ([a ...m z] => m) ({a b:x ...r} => x))",
        ),
        (
            "match v { _ is str => { a: 1 }; x => { }; y => { f() }; -9223372036854775808 => 1; nan => 2 }",
            "(match v ((is _ str) => (map \"a\":1)) (x => (block {})) (y => (block {(call f)})) ('-9223372036854775808 => 1) ('NaN => 2))",
        ),
        ("match f(x) {\n else_ => 1\n}", "(match (call f x) (else_ => 1))"),
    ]);
}

#[test]
fn processes() {
    check(&[
        ("let p = spawn worker(q, 3)", "(let p (spawn worker q 3))"),
        ("spawn { heavy() }; spawn { f() }.join()", "(spawn {(call heavy)}) (call (spawn {(call f)}).join)"),
        ("spawn(name = \"w1\", daemon = true) worker(q)", "(spawn name=\"w1\" daemon=true worker q)"),
        (
            "spawn f(1).join(); spawn m.f[0](x)(y); spawn (m.f)(x); spawn (|x| x)(1)",
            "(call (spawn f 1).join) (call (spawn (index m.f 0) x) y) (spawn (paren m.f) x) (spawn (paren (closure (x) {x})) 1)",
        ),
        ("join([spawn hi(l, name) for name in xs])", "(call join [(spawn hi l name) (for name xs)])"),
        (
            "scope(limit = n, timeout = 30s) { f() }; scope { }; scope() { }",
            "(scope limit=n timeout=30.0 {(call f)}) (scope {}) (scope {})",
        ),
        (
            "parallel for f in files(\"*.csv\"), jobs = 8, retries = 2 { run(f) }; parallel = 1",
            "(parallel-for f (call files \"*.csv\") jobs=8 retries=2 {(call run f)}) (= parallel 1)",
        ),
        (
            "let r = select {
    job from q     => work(job)
    msg from here  => { print(msg) }
    i, x from [a, b] => print(i, x)      # any of a list, with its index
    out.put(v)     => null               # when there is room; also end.send(v)
    done p         => print(\"ended\")     # done [p, q]: any of them
    after 2s       => print(\"quiet\")     # or: else => … (do not wait)
    closed         => break
}",
            "(let r (select (from job q => (call work job)) (from msg here => (block {(call print msg)})) \
             (from i,x [a b] => (call print i x)) (put (call out.put v) => null) (done p => (call print \"ended\")) \
             (after 2.0 => (call print \"quiet\")) (closed => break)))",
        ),
        ("done = 1; after(2); closed", "(= done 1) (call after 2) closed"),
    ]);
}

#[test]
fn newlines() {
    check(&[
        ("a +\nb", "(a + b)"),
        ("a and\n\n# c\nb", "(and a b)"),
        ("x =\n1", "(= x 1)"),
        ("x +=\n1", "(+= x 1)"),
        ("f(a,\nb)", "(call f a b)"),
        ("let a,\nb = c", "(let [a b] c)"),
        ("xs\n  .map(f)\n  # why\n\n  .len()", "(call (call xs.map f).len)"),
        ("xs\n?.a\n?[0]\n|> f", "(|> call f (index? xs?.a 0))"),
        ("if a { 1 }\nelse { 2 }", "(if a {1} else {2})"),
        ("if a { 1 }\n\n# c\nelse if b { 2 }\nelse { 3 }", "(if a {1} b {2} else {3})"),
        ("try { a }\ncatch e { b }\nfinally { c }", "(try {a} catch e {b} finally {c})"),
        ("let x = try a\n  else b", "(let x (try a else b))"),
        ("match x {\n 1 =>\n 2\n}", "(match x ('1 => 2))"),
        ("(a\n+ b)", "(a + b)"),
        ("[a\n, b\n]", "[a b]"),
        ("f(|x| {\n a\n b\n})", "(call f (closure (x) {a b}))"),
        ("(\n{ a:\n1\n}\n)", "(map \"a\":1)"),
        ("a\n-b", "a (- b)"),
        ("a\n[b]", "a [b]"),
        ("a\n(b)", "a b"),
        ("m.in\nb", "m.in b"),
        ("a not\nin b", "(not-in a b)"),
        ("select {\n x from q => 1\n else => 2\n}", "(select (from x q => 1) (else => 2))"),
        ("x = 1..\n3", "(= x (.. 1 3))"),
        ("return\nx", "(return) x"),
        ("x = f(\n# c\n)", "(= x (call f))"),
    ]);
}

#[test]
fn docs() {
    check(&[
        ("## One.\n## Two.\nfn f() { }", "(fn f() {} doc:\"One.\\nTwo.\")"),
        ("## A.\nlet x = 1 ## not this\nlet y = 2", "(let x 1 doc:\"A.\") (let y 2)"),
        ("## header\n\nfn f() { }", "(fn f() {})"),
        ("fn g() {\n  ##   in\n  fn f() = 1\n}", "(fn g() {(fn f() {1} doc:\"  in\")})"),
        ("# plain\nfn f() = 1", "(fn f() {1})"),
    ]);
}

/// A line does not go on where no rule says so, and other things that look as if they could stand.
#[test]
fn refused() {
    for text in [
        "a\n+ b",
        "x\n...y",
        "x\n..y",
        "a\n\tis",
        "a;\n.b",
        "|x, n = 2 + 1| x",
        r#"f"{a b}""#,
        r#"f'{x:"}'"#,
        "x.0",
        "1..",
        "{a: 1}",
        "x = {a\n b}",
        "a in b in c",
        "a < b in c",
        "a == not b",
        "if a\n{ }",
        "select { x => 1 }",
        "spawn f",
        "x = y = z",
        "let x",
        "f(a = 1, 2)",
        "x |> 1",
    ] {
        assert!(!errors(text).is_empty());
    }
}
