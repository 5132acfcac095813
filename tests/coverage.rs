//! Every law of the language has a script that fails when it is broken, and a table says which.
//!
//! `tests/laws*.txt` holds the laws, one per line: `<section> | <key> | <sentence>`. A script names the laws that it
//! holds in comments, `# law: LANGUAGE <section> <key>`, or in a file `x.law` beside it where it cannot have comments.
//! `BLESS=1 cargo test --test coverage` writes the table anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = "tests/scripts/COVERAGE.md";

/// Section and key.
type Law = (String, String);

#[test]
fn every_law_has_a_script_and_the_table_says_which() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = vec![];
    let laws = laws(&root.join("tests"), &mut problems);
    let held = held(root, &mut problems);

    for (law, scripts) in &held {
        if !laws.contains_key(law) {
            problems.push(format!("LANGUAGE {} {} is no law, but held by {}", law.0, law.1, scripts_of(scripts)));
        }
    }
    for (law, sentence) in &laws {
        if !held.contains_key(law) {
            problems.push(format!("LANGUAGE {} {} has no script: {sentence}", law.0, law.1));
        }
    }

    let table = table(&laws, &held);
    let path = root.join(TABLE);
    let old = fs::read_to_string(&path).unwrap_or_default();
    let asked =
        |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
    if old != table {
        if asked("BLESS") && !asked("CI") {
            fs::write(&path, &table).unwrap();
        } else {
            problems.push(format!("{TABLE} is not up to date: BLESS=1 cargo test --test coverage"));
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The laws with their sentences.
fn laws(folder: &Path, problems: &mut Vec<String>) -> BTreeMap<Law, String> {
    let mut laws = BTreeMap::new();
    for path in files(folder, 1) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("laws") || !name.ends_with(".txt") {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.splitn(3, '|').map(|part| part.trim().to_owned());
            let (Some(section), Some(key), Some(sentence)) = (parts.next(), parts.next(), parts.next()) else {
                problems.push(format!("{name}:{}: not `<section> | <key> | <sentence>`", number + 1));
                continue;
            };
            if laws.insert((section.clone(), key.clone()), sentence).is_some() {
                problems.push(format!("{name}:{}: the law {section} {key} is there twice", number + 1));
            }
        }
    }
    laws
}

/// The laws that scripts name, with the scripts. A script that names none protects nothing that could be told.
fn held(root: &Path, problems: &mut Vec<String>) -> BTreeMap<Law, BTreeSet<String>> {
    let mut held: BTreeMap<Law, BTreeSet<String>> = BTreeMap::new();
    let scripts = root.join("tests/scripts");
    for path in files(&scripts, usize::MAX) {
        let name = path.strip_prefix(&scripts).unwrap().display().to_string();
        let module =
            name.rsplit('/').next().unwrap_or("").starts_with('_') || name.split('/').any(|part| part == "lib");
        if !name.ends_with(".mp") || module {
            continue;
        }
        let mut text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        text += "\n";
        text += &fs::read_to_string(path.with_extension("law")).unwrap_or_default();
        let mut any = false;
        for line in text.lines() {
            let Some(law) = line.trim_start_matches('\u{feff}').trim().strip_prefix("# law:") else { continue };
            any = true;
            let words = law.trim().strip_prefix("LANGUAGE ").and_then(|law| law.trim().split_once(' '));
            match words {
                Some((section, key)) => {
                    held.entry((section.to_owned(), key.trim().to_owned())).or_default().insert(name.clone());
                }
                None => problems.push(format!("{name}: `{line}` is not `# law: LANGUAGE <section> <key>`")),
            }
        }
        if !any {
            problems.push(format!("{name} names no law: `# law: LANGUAGE <section> <key>`"));
        }
    }
    held
}

fn table(laws: &BTreeMap<Law, String>, held: &BTreeMap<Law, BTreeSet<String>>) -> String {
    let mut text = String::from(
        "# Which script holds which law\n\nMade from the headers of the scripts by `BLESS=1 cargo test --test coverage`.\n\n\
         | section | law | sentence | scripts |\n|---|---|---|---|\n",
    );
    for (law, sentence) in laws {
        let scripts = held.get(law).map_or(String::new(), scripts_of);
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(text, "| {} | {} | {} | {scripts} |", cell(&law.0), cell(&law.1), cell(sentence));
    }
    text
}

fn scripts_of(scripts: &BTreeSet<String>) -> String {
    scripts.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ")
}

/// The files of a folder in the order of their names.
fn files(folder: &Path, depth: usize) -> impl Iterator<Item = PathBuf> {
    let walk = walkdir::WalkDir::new(folder).max_depth(depth).sort_by_file_name().into_iter();
    walk.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path())
}
