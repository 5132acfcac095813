//! The examples in `docs/`: every block of code marked `mp` runs without a word on standard error, and prints what the
//! block marked `text` behind it says, if there is one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// An example with the line where it stands.
struct Example {
    line: usize,
    code: String,
    output: Option<String>,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = vec![];
    let mut block: Option<(&str, usize, String)> = None;
    let mut after_code = false;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(tag), None) => block = Some((tag, number + 1, String::new())),
            (Some(_), Some(_)) => {
                let (tag, line, body) = block.take().unwrap();
                match (tag, examples.last_mut()) {
                    ("text", Some(example)) if after_code => example.output = Some(body),
                    ("mp", _) => examples.push(Example { line, code: body, output: None }),
                    _ => {}
                }
                after_code = tag == "mp";
            }
            (None, Some((_, _, body))) => *body += &format!("{line}\n"),
            (None, None) => after_code = false,
        }
    }
    assert!(block.is_none(), "a block is not closed");
    examples
}

#[test]
fn examples_print_what_the_docs_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = vec![];
    let mut count = 0;
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for example in examples(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            let mut command = Command::new("timeout");
            command.args(["30", env!("CARGO_BIN_EXE_mplang"), "--error-format", "short", "-e", &example.code]);
            let ran = command.stdin(Stdio::null()).output().unwrap();
            let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
            if !ran.status.success() || !err.is_empty() || example.output.as_ref().is_some_and(|wanted| *wanted != out)
            {
                problems.push(format!("docs/{name}:{}: {:?}\n{out}{err}", example.line, ran.status));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(count > 0);
}

/// A reader that finds nothing would pass for ever.
#[test]
fn blocks_are_found() {
    let found =
        examples("a\n```mp\nprint(1)\n```\n```text\n1\n```\n\n```mp\nx\n```\nb\n```text\nno\n```\n```\ny\n```\n");
    let found: Vec<_> = found.iter().map(|example| (example.line, &*example.code, example.output.as_deref())).collect();
    assert_eq!(found, [(2, "print(1)\n", Some("1\n")), (9, "x\n", None)]);
}
