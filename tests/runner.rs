//! The golden runner itself: what it must notice. A shell stands for the program under test.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::check::{Outcome, Suite, bless_asked};
use support::diff::diff;
use support::sandbox::adopt_orphans;
use support::script::{self, Script};

/// A folder with files that vanishes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("runner-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (name, content) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        Folder(path)
    }

    fn suite(&self, bless: bool) -> Suite {
        adopt_orphans();
        let python = Some("/bin/bash".into());
        Suite { binary: "/bin/bash".into(), python, scratch: self.0.join("scratch"), bless }
    }

    fn check(&self, bless: bool) -> Outcome {
        let scripts = script::find(&self.0, &["."]);
        assert_eq!(scripts.len(), 1, "{scripts:?}");
        self.suite(bless).check(&scripts[0])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn assert_ok(outcome: Outcome) {
    assert!(outcome.problems.is_empty(), "{:#?}", outcome.problems);
}

#[track_caller]
fn assert_problem(outcome: Outcome, words: &[&str]) {
    let text = outcome.problems.join("\n");
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} are not in\n{text}");
}

#[test]
fn output_errors_status_input_and_arguments_are_compared() {
    let code = "read line; echo $line $1; pwd >&2; [ -z \"$NO_COLOR$TERM\" ]; exit 3";
    let folder = Folder::new(
        "compare",
        &[("x.mp", code), ("x.in", "in\n"), ("x.args", "a b\n"), ("x.out", "in a b\n"), ("x.exit", "3\n")],
    );
    fs::write(folder.0.join("x.err"), format!("{}\n", folder.0.display())).unwrap();
    assert_ok(folder.check(false));
    fs::write(folder.0.join("x.exit"), "4").unwrap();
    assert_problem(folder.check(false), &["exit status", "- 4", "+ 3"]);
    fs::remove_file(folder.0.join("x.err")).unwrap();
    assert_problem(folder.check(false), &["standard error", "+ /"]);
    fs::remove_file(folder.0.join("x.out")).unwrap();
    assert_problem(folder.check(false), &["standard output", "+ in a b"]);
}

#[test]
fn unordered_lines_are_a_multiset_and_the_script_says_so() {
    let files = |code: &'static str| [("x.mp", code), ("x.out", "a\na\nb\n"), ("x.unordered", "")];
    assert_ok(Folder::new("order1", &files("# in any order\necho b; echo a; echo a")).check(false));
    assert_problem(Folder::new("order2", &files("# in any order\necho b; echo a")).check(false), &["- a"]);
    assert_problem(Folder::new("order3", &files("echo b; echo a; echo a")).check(false), &["no comment"]);
}

#[test]
fn a_twin_must_print_what_is_expected() {
    let beside = |twin: &'static str| [("x.mp", "echo 1"), ("x.py", twin), ("x.out", "1\n")];
    assert_ok(Folder::new("twin1", &beside("echo 1")).check(false));
    assert_problem(Folder::new("twin2", &beside("echo 2")).check(false), &["twin", "- 1", "+ 2"]);
    assert_problem(Folder::new("twin3", &beside("echo 1; exit 1")).check(false), &["twin", "status 1"]);
    let itself = [("x.mp", "# twin: python\necho $0"), ("x.out", "x.mp\n")];
    assert_ok(Folder::new("twin4", &itself).check(false));
}

#[test]
fn a_script_that_does_not_end_is_killed_with_its_children() {
    let code = "echo begun; setsid sleep 1000 & sleep 1000 & wait";
    let folder = Folder::new("deadline", &[("x.mp", code), ("x.deadline", "1"), ("x.out", "begun\n")]);
    assert_problem(folder.check(false), &["still running after 1 s", "begun"]);
    assert_no_sleeper("1000");
}

#[test]
fn processes_left_behind_are_found_named_and_killed() {
    let left = |name, code| assert_problem(Folder::new(name, &[("x.mp", code)]).check(false), &["left", "sleep 100"]);
    left("left1", "sleep 1001 &");
    left("left2", "setsid sleep 1002 & disown");
    left("left3", "env -u MPLANG_TEST_ID sleep 1003 &");
    left("left4", "(set -m; env -u MPLANG_TEST_ID sleep 1004 &)");
    (1001..=1004).for_each(|seconds| assert_no_sleeper(&seconds.to_string()));
}

/// No `sleep` of this test's length is alive. Another checkout's tests may run at the same time.
#[track_caller]
fn assert_no_sleeper(seconds: &str) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let ours = |folder: PathBuf| folder.starts_with(env!("CARGO_TARGET_TMPDIR"));
        if !fs::read_link(entry.path().join("cwd")).is_ok_and(ours) {
            continue;
        }
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert_ne!(String::from_utf8_lossy(&line), format!("sleep\0{seconds}\0"), "alive: {:?}", entry.path());
    }
}

#[test]
fn a_panic_is_a_failure_whatever_is_expected() {
    let text = "thread 'main' panicked at x.rs:1:1:\n";
    let folder = Folder::new("panic", &[("x.mp", "cat x.err >&2"), ("x.err", text)]);
    assert_problem(folder.check(false), &["panicked"]);
}

#[test]
fn blessing_writes_what_was_found_and_shows_the_difference() {
    let folder = Folder::new("bless", &[("x.mp", "echo new; exit 2"), ("x.out", "old\n"), ("x.err", "gone\n")]);
    let outcome = folder.check(true);
    assert!(outcome.problems.is_empty());
    let text = outcome.blessed.join("");
    assert!(["- old", "+ new", "- gone", "+ 2"].iter().all(|line| text.contains(line)), "{text}");
    assert!(!folder.0.join("x.err").exists());
    assert_ok(folder.check(false));

    let files = [("x.mp", "echo new"), ("x.py", "echo other"), ("x.out", "old\n")];
    let folder = Folder::new("bless_twin", &files);
    assert_problem(folder.check(true), &["twin"]);
    assert_eq!(fs::read_to_string(folder.0.join("x.out")).unwrap(), "old\n", "a twin's objection is not overwritten");
}

#[test]
fn expected_words_must_be_in_the_errors_even_to_bless() {
    let folder = Folder::new("expect", &[("x.mp", "# expect: E0203 `total`\necho 'error[E0203] total' >&2")]);
    let outcome = folder.check(true);
    assert!(outcome.blessed.is_empty());
    assert_problem(outcome, &["does not say ``total``"]);
    fs::write(folder.0.join("x.mp"), "# expect: E0203 total\necho 'error[E0203] total' >&2").unwrap();
    assert_eq!(folder.check(true).blessed.len(), 1);
    assert_ok(folder.check(false));
}

#[test]
fn modules_are_no_scripts_and_expectations_need_one() {
    let files = ["a.mp", "a.out", "b/c.mp", "b/_d.mp", "b/lib/e.mp", "lib/f.out", "gone.out", "b/gone.exit", "data.in"];
    let folder = Folder::new("find", &files.map(|name| (name, "")));
    let names = |found: Vec<Script>| found.into_iter().map(|script| script.name).collect::<Vec<_>>();
    assert_eq!(names(script::find(&folder.0, &["."])), ["a.mp", "b/c.mp"]);
    assert_eq!(names(script::find(&folder.0, &["b", "missing"])), ["b/c.mp"]);
    assert_eq!(script::orphans(&folder.0, &["."]), ["b/gone.exit", "gone.out"]);
}

#[test]
fn a_difference_shows_changed_lines_with_their_surroundings() {
    let text = |change: &str| {
        (1..=20).map(|n| if n == 10 { format!("{change}\n") } else { format!("{n}\n") }).collect::<String>()
    };
    let shown = diff(text("old").as_bytes(), text("new").as_bytes());
    assert_eq!(shown, "   ...\n   7\n   8\n   9\n - old\n + new\n   11\n   12\n   13\n   ...\n");
    assert_eq!(diff(b"a\n", b"a"), " - a\n + a (no line end)\n");
    assert_eq!(diff(b"a\n", b"a \n"), " - a\n + a $\n");
    assert_eq!(diff(b"\x1b[0m\n", b"\xff\n"), " - \\u{1b}[0m\n + \\xff\n");
    assert_eq!(diff(b"same\n", b"same\n"), "");
    let long = "x\n".repeat(3_000);
    let other = "y\n".repeat(3_000);
    assert!(diff(long.as_bytes(), other.as_bytes()).lines().count() < 300);
}

#[test]
fn a_broken_companion_is_told() {
    let folder = Folder::new("number", &[("x.mp", ""), ("x.exit", "one")]);
    assert_problem(folder.check(false), &["x.exit holds no number"]);
    let script = Script { path: folder.0.join("x.mp"), name: "x".to_owned() };
    let suite = Suite { binary: "/nowhere/mplang".into(), ..folder.suite(false) };
    fs::write(folder.0.join("x.exit"), "0").unwrap();
    assert_problem(suite.check(&script), &["cannot be tested"]);
}

#[test]
fn blessing_is_refused_in_ci() {
    let asked = |bless: Option<&str>, ci: Option<&str>| bless_asked(bless.map(Into::into), ci.map(Into::into));
    assert_eq!(asked(None, Some("true")), Ok(false));
    assert_eq!(asked(Some("0"), Some("true")), Ok(false));
    assert_eq!(asked(Some("1"), None), Ok(true));
    assert_eq!(asked(Some("1"), Some("false")), Ok(true));
    assert!(asked(Some("1"), Some("true")).is_err_and(|text| text.contains("refused")));
}
