//! Runs every script under `examples/` and `tests/scripts/` and compares with the files beside it.
//!
//! Beside `x.mp` stand `x.out`, `x.err` (missing: nothing is written), `x.exit` (missing: 0), and, where needed,
//! `x.in`, `x.args` and `x.flags` (one per line, after and before the script), `x.deadline` (seconds), `x.unordered`
//! (lines of the output in any order) and `x.py` (a Python program that must print the same). A comment
//! `# expect: WORDS` in the script names words that standard error must hold, also when it is blessed.
//! `BLESS=1 cargo test --test golden NAME` writes the files and shows what changed.

mod support;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Instant;
use support::check::{Suite, bless_asked};
use support::{sandbox, script};

/// Where the scripts are.
const FOLDERS: [&str; 2] = ["examples", "tests/scripts"];

fn main() -> ExitCode {
    let wanted = Wanted::from_args();
    let bless = match bless_asked(std::env::var_os("BLESS"), std::env::var_os("CI")) {
        Ok(bless) => bless,
        Err(text) => {
            eprintln!("golden: {text}");
            return ExitCode::from(2);
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = script::find(root, &FOLDERS);
    let count = all.len();
    let scripts: VecDeque<_> = all.into_iter().filter(|script| wanted.takes(&script.name)).collect();
    if wanted.list {
        scripts.iter().for_each(|script| println!("{}: test", script.name));
        return ExitCode::SUCCESS;
    }
    let suite = Suite {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_mplang")),
        python: python(),
        scratch: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        bless,
    };
    sandbox::adopt_orphans();

    let started = Instant::now();
    let filtered = count - scripts.len();
    println!("\nrunning {} scripts", scripts.len());
    let total = scripts.len();
    let queue = Mutex::new(scripts);
    let failed = Mutex::new(vec![]);
    let blessed = Mutex::new(vec![]);
    let without_twin = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..wanted.threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop_front();
                    let Some(script) = next else { break };
                    let outcome = suite.check(&script);
                    *without_twin.lock().unwrap() += usize::from(outcome.without_twin);
                    let result = if !outcome.problems.is_empty() {
                        "FAILED"
                    } else if !outcome.blessed.is_empty() {
                        "blessed"
                    } else {
                        "ok"
                    };
                    println!("test {} ... {result}", script.name);
                    if !outcome.problems.is_empty() {
                        failed.lock().unwrap().push((script.name.clone(), outcome.problems));
                    }
                    if !outcome.blessed.is_empty() {
                        blessed.lock().unwrap().push((script.name, outcome.blessed));
                    }
                }
            });
        }
    });

    let mut failed = failed.into_inner().unwrap();
    for name in script::orphans(root, &FOLDERS) {
        failed.push((name, vec!["stands beside no script".to_owned()]));
    }
    report("blessed", blessed.into_inner().unwrap());
    let names: Vec<String> = failed.iter().map(|(name, _)| name.clone()).collect();
    report("failures", failed);
    let without_twin = without_twin.into_inner().unwrap();
    if without_twin > 0 {
        println!("\nnote: {without_twin} scripts were not compared with their Python twins: python3 is not installed");
    }
    let word = if names.is_empty() { "ok" } else { "FAILED" };
    let passed = total.saturating_sub(names.len());
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "\ntest result: {word}. {passed} passed; {} failed; 0 ignored; 0 measured; {filtered} filtered out; finished in {seconds:.2}s\n",
        names.len()
    );
    if names.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn report(title: &str, mut entries: Vec<(String, Vec<String>)>) {
    if entries.is_empty() {
        return;
    }
    entries.sort();
    println!("\n{title}:");
    for (name, texts) in &entries {
        println!("\n---- {name} ----");
        texts.iter().for_each(|text| println!("{}", text.trim_end()));
    }
    println!();
    entries.iter().for_each(|(name, _)| println!("    {name}"));
}

/// `python3`, if it is installed.
fn python() -> Option<PathBuf> {
    let mut command = Command::new("python3");
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success()).then(|| "python3".into())
}

/// The arguments that `cargo test` passes on.
struct Wanted {
    names: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
    threads: usize,
}

impl Wanted {
    fn from_args() -> Wanted {
        let cores = std::thread::available_parallelism().map_or(2, |count| count.get());
        let threads = cores.clamp(2, 4);
        let mut wanted = Wanted { names: vec![], skipped: vec![], exact: false, list: false, ignored: false, threads };
        let mut args = std::env::args().skip(1).flat_map(|arg| match arg.split_once('=') {
            Some((option, value)) if arg.starts_with("--") => vec![option.to_owned(), value.to_owned()],
            _ => vec![arg],
        });
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--exact" => wanted.exact = true,
                "--list" => wanted.list = true,
                "--ignored" => wanted.ignored = true,
                "--skip" => wanted.skipped.extend(args.next()),
                "--test-threads" => {
                    let threads = args.next().and_then(|value| value.parse().ok());
                    wanted.threads = threads.unwrap_or(wanted.threads).max(1);
                }
                "--format" | "--color" | "--logfile" | "--shuffle-seed" => drop(args.next()),
                _ if arg.starts_with('-') => {}
                _ => wanted.names.push(arg),
            }
        }
        wanted
    }

    fn takes(&self, name: &str) -> bool {
        let fits = |wanted: &String| if self.exact { name == wanted } else { name.contains(wanted.as_str()) };
        !self.ignored && (self.names.is_empty() || self.names.iter().any(fits)) && !self.skipped.iter().any(fits)
    }
}
