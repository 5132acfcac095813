//! The benchmark programs: each prints the same in every language it is written in, at the small size at which
//! `benches/instructions` counts it, and is listed where the measuring commands and the reader look for it.

#[path = "support/sandbox.rs"]
mod sandbox;

use sandbox::Job;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What has no twin in Lua: its numbers end at 64 bits.
const WITHOUT_LUA: &[&str] = &["pi_digits"];
const DEADLINE: Duration = Duration::from_secs(60);

fn benches() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches")
}

/// Each program with the size at which its instructions are counted.
fn sizes() -> Vec<(String, u64)> {
    let text = fs::read_to_string(benches().join("instructions.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = figures["rows"].as_object().unwrap();
    rows.iter().map(|(name, row)| (name.clone(), row["size"].as_u64().unwrap())).collect()
}

/// The names of the programs with one of these endings.
fn programs(endings: &[&str]) -> BTreeSet<String> {
    let files = fs::read_dir(benches().join("programs")).unwrap().map(|entry| entry.unwrap().path());
    let fitting = files.filter(|path| path.extension().and_then(OsStr::to_str).is_some_and(|e| endings.contains(&e)));
    fitting.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// A command that is installed, and of the version that is asked for.
fn installed(command: &str, flag: &str, version: &str) -> Option<PathBuf> {
    let output = Command::new(command).arg(flag).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.contains(version).then(|| command.into())
}

/// What a program prints in one language, or what went wrong.
fn run(program: &Path, script: &str, size: u64, scratch: &Path) -> Result<String, String> {
    let job = Job {
        program: program.to_owned(),
        args: vec![script.into(), size.to_string().into()],
        dir: benches().join("programs"),
        stdin: None,
        deadline: DEADLINE,
    };
    let ended = sandbox::run(&job, scratch).map_err(|error| format!("{script}: {error}"))?;
    if let Some(why) = ended.stopped {
        return Err(format!("{script}: {why}"));
    }
    if !ended.left.is_empty() {
        return Err(format!("{script}: left behind: {}", ended.left.join(", ")));
    }
    if ended.status != 0 || !ended.stderr.is_empty() {
        let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
        return Err(format!("{script}: exit status {}\n{errors}", ended.status));
    }
    String::from_utf8(ended.stdout).map_err(|_| format!("{script}: the output is no text"))
}

#[test]
fn the_programs_print_the_same_in_all_languages() {
    sandbox::adopt_orphans();
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches");
    fs::create_dir_all(&scratch).unwrap();
    let python = installed("python3", "--version", "Python 3");
    let lua = installed("lua5.4", "-v", "Lua 5.4").or_else(|| installed("lua", "-v", "Lua 5.4"));
    for (name, found) in [("python3", &python), ("Lua 5.4", &lua)] {
        if found.is_none() {
            println!("not compared with {name}: it is not installed");
        }
    }
    let check = |name: &str, size: u64| -> Result<(), String> {
        let expected = run(Path::new(env!("CARGO_BIN_EXE_mplang")), &format!("{name}.mp"), size, &scratch)?;
        for (peer, ending) in [(&python, "py"), (&lua, "lua")] {
            let Some(peer) = peer else { continue };
            if ending == "lua" && WITHOUT_LUA.contains(&name) {
                continue;
            }
            let printed = run(peer, &format!("{name}.{ending}"), size, &scratch)?;
            if printed != expected {
                return Err(format!("{name}: mplang prints\n{expected}{ending} prints\n{printed}"));
            }
        }
        Ok(())
    };
    let (sizes, next) = (sizes(), AtomicUsize::new(0));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let problems: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mine = || sizes.get(next.fetch_add(1, Ordering::Relaxed));
            std::iter::from_fn(mine).filter_map(|(name, size)| check(name, *size).err()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_program_is_written_in_all_languages_and_listed() {
    let all = programs(&["mp", "py", "lua"]);
    let mut in_lua = all.clone();
    in_lua.retain(|name| !WITHOUT_LUA.contains(&name.as_str()));
    assert_eq!(programs(&["mp"]), all);
    assert_eq!(programs(&["py"]), all);
    assert_eq!(programs(&["lua"]), in_lua);
    let counted: BTreeSet<String> = sizes().into_iter().map(|(name, _)| name).collect();
    assert_eq!(counted, all, "programs with a size in benches/instructions.json");
    let readme = fs::read_to_string(benches().join("README.md")).unwrap();
    let unlisted: Vec<_> = all.iter().filter(|name| !readme.contains(&format!("\n| {name} |"))).collect();
    assert!(unlisted.is_empty(), "programs that benches/README.md does not list: {unlisted:?}");
}
