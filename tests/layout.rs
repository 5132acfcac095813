//! The directions of the source tree: which module may use which, and what every file must be.

use mplang::diagnostics::codes::{CODES, title};
use mplang::vm::fault::Kind;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Module → the modules of this crate that it may use. `vm::value` allows that part of `vm` alone.
const ALLOWED: &[(&str, &[&str])] = &[
    ("allocator", &["memory"]),
    ("memory", &[]),
    ("near", &[]),
    ("stack", &[]),
    ("program_break", &[]),
    ("source", &[]),
    ("nearest", &[]),
    ("escape", &[]),
    ("diagnostics", &["source"]),
    ("syntax", &["source", "nearest", "diagnostics"]),
    (
        "compile",
        &["source", "nearest", "diagnostics", "syntax", "library", "vm::value", "vm::code", "vm::types", "vm::native"],
    ),
    ("shm", &["escape"]),
    ("vm", &["source", "nearest", "near", "memory", "escape"]),
    ("library", &["source", "nearest", "near", "memory", "vm"]),
    ("world", &["source", "memory", "vm"]),
    ("proc", &["source", "nearest", "near", "memory", "escape", "library", "vm", "shm", "world"]),
    ("repl", &["source", "diagnostics", "syntax", "compile", "vm", "library", "world", "proc", "cli"]),
    (
        "cli",
        &[
            "source",
            "memory",
            "stack",
            "escape",
            "diagnostics",
            "syntax",
            "compile",
            "vm",
            "library",
            "world",
            "proc",
            "repl",
        ],
    ),
];

/// Modules that work on text and trees alone, and what they must not mention.
const PURE: &[&str] = &["source", "syntax", "compile"];
const EFFECTS: &[&str] = &[
    "std::fs",
    "std::process",
    "std::net",
    "std::env",
    "nix::",
    "libc::",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
];

/// The only files that may say `unsafe`: folders end in `/`.
const UNSAFE: &[&str] = &[
    "allocator.rs",
    "near.rs",
    "program_break.rs",
    "shm/",
    "proc/",
    "repl/process.rs",
    "stack.rs",
    "vm/frame.rs",
    "vm/run.rs",
    "vm/slow.rs",
    "vm/value/refcount.rs",
    "vm/value/storage.rs",
];

/// Files that may have more than [`MOST_LINES`] lines, each with its reason.
/// The interpreter is one flat `match`.
const LONG: &[&str] = &["vm/run.rs"];
const MOST_LINES: usize = 1_000;

/// A source file without its comments, texts and unit tests.
struct File {
    /// Path from `src/`.
    path: String,
    whole: String,
    code: String,
}

impl File {
    /// The module at the top of the crate that it belongs to.
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or("").trim_end_matches(".rs")
    }
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().map(Result::unwrap);
    // Unit tests in a file of their own may do what they need.
    let walk = walk.filter(|entry| !entry.file_name().to_string_lossy().ends_with("tests.rs"));
    walk.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|entry| {
            let whole = fs::read_to_string(entry.path()).unwrap();
            let path = entry.path().strip_prefix(&root).unwrap().display().to_string();
            File { path, code: code(&whole), whole }
        })
        .collect()
}

/// The text with comments and literals blanked, up to the unit tests at its end.
fn code(whole: &str) -> String {
    let whole = whole.find("\n#[cfg(test)]\nmod tests").map_or(whole, |at| &whole[..at]);
    let mut code = String::new();
    let mut rest = whole;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r\"")
            || rest.starts_with("r#")
            || rest.starts_with("br#")
            || rest.starts_with("br\"")
        {
            raw_string(rest)
        } else if c == '"' {
            string(rest)
        } else if c == '\'' {
            character(rest)
        } else {
            0
        };
        if skip > 0 {
            code.extend(rest[..skip].chars().filter(|&c| c == '\n'));
            code.push(' ');
            rest = &rest[skip..];
            continue;
        }
        // A whole word at a time, so that the `r` at the end of one begins no raw string.
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()).max(c.len_utf8());
        code += &rest[..word];
        rest = &rest[word..];
    }
    code
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let Some(quote) = text.find('"') else { return 0 };
    let hashes = text[..quote].trim_start_matches(['b', 'r']);
    if !hashes.bytes().all(|byte| byte == b'#') {
        return 0;
    }
    let end = format!("\"{hashes}");
    text[quote + 1..].find(&end).map_or(text.len(), |at| quote + 1 + at + end.len())
}

/// The length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let inner: Vec<(usize, char)> = text.char_indices().skip(1).take(12).collect();
    match inner.as_slice() {
        [(_, '\\'), (_, _), rest @ ..] => rest.iter().find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        [(_, _), (at, '\''), ..] => at + 1,
        _ => 0,
    }
}

/// The paths after `crate::` in a text, `vm::value` for `crate::vm::value::Value` and for `crate::vm::{value, …}`.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        collect(&code[at + "crate::".len()..], "", &mut found);
    }
    found
}

/// Reads a path or a group of paths; gives what follows it.
fn collect<'a>(text: &'a str, before: &str, found: &mut BTreeSet<String>) -> &'a str {
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = collect(rest.trim_start(), before, found).trim_start();
            match rest.strip_prefix(',') {
                Some(next) if !next.trim_start().starts_with('}') => rest = next,
                Some(next) => return next.trim_start().strip_prefix('}').unwrap_or(""),
                None => return rest.strip_prefix('}').unwrap_or(""),
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(text.len());
    let path = if before.is_empty() { text[..end].to_owned() } else { format!("{before}::{}", &text[..end]) };
    match text[end..].strip_prefix("::") {
        // Two names are enough to tell a module and its part.
        Some(rest) if path.matches("::").count() < 1 => return collect(rest, &path, found),
        Some(rest) => {
            found.insert(path.clone());
            return collect(rest, &path, &mut BTreeSet::new());
        }
        None => drop(found.insert(path)),
    }
    let rest = text[end..].trim_start();
    match rest.strip_prefix("as ") {
        Some(alias) => {
            let alias = alias.trim_start();
            &alias[alias.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(alias.len())..]
        }
        None => rest,
    }
}

#[track_caller]
fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn modules_use_only_what_they_may() {
    let mut problems = vec![];
    for file in files().iter().filter(|file| !matches!(file.path.as_str(), "lib.rs" | "main.rs")) {
        let module = file.module();
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == module) else {
            problems.push(format!("{}: the module {module} is not in the table of this test", file.path));
            continue;
        };
        for used in uses(&file.code) {
            let name = used.split("::").next().unwrap_or("");
            // A macro or function at the top of the crate is not a module.
            let known = ALLOWED.iter().any(|(known, _)| *known == name);
            if known && name != module && !allowed.contains(&name) && !allowed.contains(&used.as_str()) {
                problems.push(format!("{}: {module} may not use {used}", file.path));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn text_and_trees_have_no_effects() {
    let mut problems = vec![];
    for file in files().iter().filter(|file| PURE.contains(&file.module())) {
        for effect in EFFECTS.iter().filter(|effect| file.code.contains(**effect)) {
            problems.push(format!("{}: {} does no input or output, but says {effect}", file.path, file.module()));
        }
    }
    assert_none(problems);
}

#[test]
fn shared_memory_knows_no_value() {
    let words = |file: &File| file.code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "Value");
    let files = files();
    let problems = files.iter().filter(|file| file.module() == "shm" && words(file));
    assert_none(problems.map(|file| format!("{}: shm holds bytes, never a Value", file.path)).collect());
}

#[test]
fn shared_memory_is_written_where_tests_can_stop_it() {
    let ours = |file: &&File| {
        file.module() == "shm" && !file.path.ends_with("/atomic.rs") && !file.path.ends_with("/faults.rs")
    };
    let plain = |file: &&File| {
        let words = ["AtomicU32", "AtomicI32", "AtomicU64"];
        let statements = file.code.split(';').filter(|part| part.contains("std::sync::atomic"));
        statements.into_iter().any(|part| words.iter().any(|word| part.contains(word)))
    };
    let files = files();
    let problems = files.iter().filter(ours).filter(plain);
    let what = "takes its atomics from `super::atomic`, where tests can end a process after each store";
    assert_none(problems.map(|file| format!("{}: shm {what}", file.path)).collect());
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    let says = |file: &File| file.code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
    let allowed = |file: &File| {
        UNSAFE.iter().any(|path| file.path == *path || path.ends_with('/') && file.path.starts_with(path))
    };
    let files = files();
    let problems = files.iter().filter(|file| says(file) && !allowed(file));
    assert_none(problems.map(|file| format!("{}: unsafe is not allowed here", file.path)).collect());
}

#[test]
fn every_file_says_what_it_is_and_can_be_read_in_a_sitting() {
    let mut problems = vec![];
    for file in files() {
        if !file.whole.starts_with("//!") {
            problems.push(format!("{}: begins with no `//!` line", file.path));
        }
        let lines = file.whole.lines().count();
        if lines > MOST_LINES && !LONG.contains(&file.path.as_str()) {
            problems.push(format!("{}: {lines} lines, more than {MOST_LINES}", file.path));
        }
        for stub in ["todo!", "unimplemented!"].iter().filter(|stub| file.code.contains(**stub)) {
            problems.push(format!("{}: {stub}", file.path));
        }
    }
    assert_none(problems);
}

#[test]
fn every_code_of_a_diagnostic_is_in_the_table() {
    let mut problems = vec![];
    for file in files() {
        for (at, _) in file.whole.match_indices('"') {
            let code = file.whole.get(at + 1..at + 6).unwrap_or("");
            let number = code.strip_prefix(['E', 'R', 'W']).unwrap_or("");
            let whole = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
            let ends = file.whole.get(at + 6..at + 7) == Some("\"");
            if whole && ends && title(code).is_none() {
                problems.push(format!("{}: {code} has no title in diagnostics/codes.rs", file.path));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn every_error_kind_has_a_code_of_its_own() {
    let codes: BTreeSet<&str> = Kind::ALL.iter().map(|kind| Kind::code(kind.name())).collect();
    let known: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).filter(|code| code.starts_with('R')).collect();
    assert_eq!(codes, known);
    assert_eq!(codes.len(), Kind::ALL.len());
}

/// The scan itself: a test that sees nothing would pass for ever.
#[test]
fn the_scan_sees_paths_and_skips_comments_and_literals() {
    let text = r##"
        use crate::{source::Span, vm::{value::{Value, Kind as K}, code}, world};
        use crate::shm::Region as R; // crate::comment
        fn f<'a>(x: &'a str) -> crate::proc::Child { let c = '"'; g("crate::text \" //", r#"crate::raw"#, '\'') }
        pub(crate) fn g() { crate::cli::run::<crate::repl::Line>() }
    "##;
    let found: Vec<String> = uses(&code(text)).into_iter().collect();
    let expected =
        ["cli::run", "proc::Child", "repl::Line", "shm::Region", "source::Span", "vm::code", "vm::value", "world"];
    assert_eq!(found, expected);
    assert_eq!(code("a // b\nc"), "a  \nc");
    assert!(files().iter().any(|file| file.path == "source.rs"));
    assert!(!code("x\n#[cfg(test)]\nmod tests { unsafe {} }").contains("unsafe"));
}
