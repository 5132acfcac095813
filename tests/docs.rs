//! Every example of the book runs. In `README.md` and `docs/*.md` a block marked `mplang` is a script; the block marked `output` right
//! after it is what it prints, and one marked `error` what it writes to standard error (`--error-format short`). Without
//! them it prints nothing.

#[path = "support/sandbox.rs"]
mod sandbox;

use std::fs;
use std::path::Path;
use std::time::Duration;

/// A fenced block: its mark, its first line's number, its text, and whether only empty lines are before it.
struct Block {
    mark: String,
    line: usize,
    text: String,
    follows: bool,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    let (mut open, mut follows) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        match line.strip_prefix("```") {
            Some(mark) if !open => {
                blocks.push(Block { mark: mark.trim().to_owned(), line: number + 1, text: String::new(), follows });
                open = true;
            }
            Some(_) => (open, follows) = (false, true),
            None if open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => follows &= line.trim().is_empty(),
        }
    }
    assert!(!open, "a block is not closed");
    blocks
}

#[test]
fn every_example_of_the_book_runs() {
    sandbox::adopt_orphans();
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
    fs::create_dir_all(&scratch).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.push(root.join("README.md"));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let (mut problems, mut count) = (vec![], 0);
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let blocks = blocks(&fs::read_to_string(&page).unwrap());
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.mark == "mplang") {
            count += 1;
            let results: Vec<&Block> = blocks[index + 1..]
                .iter()
                .take_while(|block| block.follows && matches!(block.mark.as_str(), "output" | "error"))
                .collect();
            let expected = |mark: &str| {
                results.iter().filter(|block| block.mark == mark).map(|block| block.text.as_str()).collect::<String>()
            };
            for problem in run(&block.text, &expected("output"), &expected("error"), &scratch) {
                problems.push(format!("{name}:{}: {problem}", block.line));
            }
        }
    }
    println!("{count} examples");
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn run(script: &str, output: &str, error: &str, scratch: &Path) -> Vec<String> {
    let folder = scratch.join(format!("example-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("example.mp"), script).unwrap();
    let job = sandbox::Job {
        program: env!("CARGO_BIN_EXE_mplang").into(),
        args: ["--error-format", "short", "example.mp"].map(Into::into).into(),
        dir: folder.clone(),
        stdin: None,
        deadline: Duration::from_secs(20),
    };
    let ended = sandbox::run(&job, scratch).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let mut problems: Vec<String> = ended.stopped.into_iter().collect();
    if !ended.left.is_empty() {
        problems.push(format!("left behind: {}", ended.left.join(", ")));
    }
    let status = i32::from(error.contains("error["));
    if ended.status != status {
        problems.push(format!("its exit status is {}", ended.status));
    }
    for (what, expected, found) in [("prints", output, ended.stdout), ("tells", error, ended.stderr)] {
        let found = String::from_utf8_lossy(&found);
        if found != expected {
            problems.push(format!("it {what}\n{found}and not\n{expected}"));
        }
    }
    problems
}
