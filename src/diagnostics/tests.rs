//! The writers: what they write, and that nothing makes them panic.

use super::*;
use crate::source::{FileId, Span};
use proptest::prelude::*;

fn shown(diagnostic: &Diagnostic, sources: &Sources, format: Format) -> String {
    let mut out = vec![];
    write(&mut out, diagnostic, sources, format, false).unwrap();
    String::from_utf8(out).unwrap()
}

fn place(file: u32, start: usize, end: usize) -> Place {
    Place { file: FileId(file), span: Span::new(start, end) }
}

/// A source `x.mp` and an error on the bytes `start..end` of it.
fn one(text: &str, start: usize, end: usize) -> String {
    let mut sources = Sources::default();
    sources.add("x.mp", text);
    shown(&Diagnostic::error("E0101", "wrong", place(0, start, end), "here"), &sources, Format::Fancy)
}

#[track_caller]
fn assert_shown(found: &str, expected: &str) {
    assert_eq!(found, expected, "\n--- found\n{found}--- expected\n{expected}");
}

fn sum() -> (Diagnostic, Sources) {
    let mut sources = Sources::default();
    sources.add("sum.mp", "var total = 0\nfn add(n) {\n    total += n\n}\n");
    let diagnostic = Diagnostic::error("E0203", "a function cannot change `total`", place(0, 30, 35), "changed here")
        .label(place(0, 4, 9), "made here")
        .note("a function sees only the fixed names around it")
        .help("return the value")
        .help("or share it:\nlet total = shared(0)");
    (diagnostic, sources)
}

#[test]
fn fancy_shows_lines_notes_and_helps() {
    let (diagnostic, sources) = sum();
    assert_shown(
        &shown(&diagnostic, &sources, Format::Fancy),
        "\
error[E0203]: a function cannot change `total`
   ╭─[ sum.mp:3:5 ]
   │
 1 │ var total = 0
   │     ──┬──
   │       ╰──── made here
   │
 3 │     total += n
   │     ──┬──
   │       ╰──── changed here
   │
   │ Note: a function sees only the fixed names around it
   │ Help: return the value
   │ Help: or share it:
   │       let total = shared(0)
───╯
",
    );
}

#[test]
fn short_is_one_line_and_indented_facts() {
    let (diagnostic, sources) = sum();
    assert_shown(
        &shown(&diagnostic, &sources, Format::Short),
        "\
sum.mp:3:5: error[E0203]: a function cannot change `total`
  sum.mp:3:5: changed here
  sum.mp:1:5: made here
  note: a function sees only the fixed names around it
  help: return the value
  help: or share it: let total = shared(0)
",
    );
}

#[test]
fn json_is_one_line_with_everything() {
    let (diagnostic, sources) = sum();
    let line = shown(&diagnostic, &sources, Format::Json);
    assert_eq!(line.matches('\n').count(), 1);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["severity"], "error");
    assert_eq!(value["code"], "E0203");
    let span = serde_json::json!({
        "file": "sum.mp", "byte_start": 30, "byte_end": 35, "line": 3, "column": 5, "end_line": 3, "end_column": 10,
        "label": "changed here", "primary": true
    });
    assert_eq!(value["spans"][0], span);
    assert_eq!(value["spans"][1]["primary"], false);
    assert_eq!(value["helps"][1], "or share it:\nlet total = shared(0)");
}

#[test]
fn a_message_without_a_place_keeps_its_notes() {
    let diagnostic = Diagnostic { labels: vec![], ..sum().0 };
    assert_shown(
        &shown(&diagnostic, &Sources::default(), Format::Fancy),
        "\
error[E0203]: a function cannot change `total`
  Note: a function sees only the fixed names around it
  Help: return the value
  Help: or share it:
        let total = shared(0)
",
    );
    assert!(shown(&diagnostic, &Sources::default(), Format::Short).starts_with("error[E0203]: a function"));
}

#[test]
fn several_files_name_their_own_lines() {
    let mut sources = Sources::default();
    sources.add("main.mp", "let ä = 1\nrun(ä)\n");
    sources.add("lib.mp", "ääääää\nfn run(x) {\n    x.y\n}\n");
    let diagnostic = Diagnostic::error("R0004", "no key `y`", place(1, 29, 32), "raised here")
        .label(place(0, 11, 18), "called here")
        .label(place(1, 13, 19), "in this function");
    assert_shown(
        &shown(&diagnostic, &sources, Format::Fancy),
        "\
error[R0004]: no key `y`
   ╭─[ lib.mp:3:5 ]
   │
 2 │ fn run(x) {
   │ ───┬──
   │    ╰──── in this function
 3 │     x.y
   │     ─┬─
   │      ╰─── raised here
   │
   ├─[ main.mp:2:1 ]
   │
 2 │ run(ä)
   │ ───┬──
   │    ╰──── called here
───╯
",
    );
}

#[test]
fn several_lines_in_one_label() {
    assert_shown(
        &one("let x = [\n  1,\n  2\n]\nprint(x)\n", 8, 20),
        "\
error[E0101]: wrong
   ╭─[ x.mp:1:9 ]
   │
 1 │ ╭─▶ let x = [
   ┆ ┆
 4 │ ├─▶ ]
   │ │
   │ ╰──────── here
───╯
",
    );
}

#[test]
fn a_label_around_another_starts_at_its_own_line() {
    let (diagnostic, sources) = sum();
    let diagnostic =
        Diagnostic { notes: vec![], helps: vec![], ..diagnostic }.label(place(0, 14, 43), "in this function");
    assert_shown(
        &shown(&diagnostic, &sources, Format::Fancy),
        "\
error[E0203]: a function cannot change `total`
   ╭─[ sum.mp:3:5 ]
   │
 1 │     var total = 0
   │         ──┬──
   │           ╰──── made here
 2 │ ╭─▶ fn add(n) {
 3 │ │       total += n
   │ │       ──┬──
   │ │         ╰──── changed here
 4 │ ├─▶ }
   │ │
   │ ╰──────── in this function
───╯
",
    );
}

#[test]
fn the_end_of_the_text_is_behind_its_last_word() {
    assert_shown(
        &one("f(1,\n\n", 6, 6),
        "\
error[E0101]: wrong
   ╭─[ x.mp:1:5 ]
   │
 1 │ f(1,
   │     ┬
   │     ╰── here
───╯
",
    );
    assert!(one("", 0, 0).contains("x.mp:1:1"));
}

#[test]
fn tabs_and_controls_take_their_shown_width() {
    assert_shown(
        &one("\t\"\x1b[31m\u{202e}\" + 日本 = 1\r\n", 14, 20),
        "\
error[E0101]: wrong
   ╭─[ x.mp:1:13 ]
   │
 1 │     \"␛[31m�\" + 日本 = 1
   │                ──┬─
   │                  ╰─── here
───╯
",
    );
}

#[test]
fn a_long_line_is_cut_around_its_labels() {
    let text = format!("{}bad{}", "é".repeat(300_000), " + x".repeat(100_000));
    let found = one(&text, 600_000, 600_003);
    let line = found.lines().find(|line| line.starts_with(" 1 │")).unwrap();
    assert!(line.chars().count() < 120, "{found}");
    assert!(line.contains(" …é") && line.contains("ébad +") && line.ends_with('…'), "{found}");
    assert!(found.contains("x.mp:1:300001"), "{found}");
    let whole = one(&text, 0, text.len());
    assert!(whole.len() < 4_000, "{whole}");
}

#[test]
fn labels_far_apart_in_a_long_file_show_few_lines() {
    let mut sources = Sources::default();
    let text = "let x = 1\n".repeat(300_000);
    let file = text.len();
    sources.add("x.mp", text);
    let diagnostic =
        Diagnostic::error("E0206", "twice", place(0, file - 6, file - 5), "again").label(place(0, 4, 5), "first");
    assert_shown(
        &shown(&diagnostic, &sources, Format::Fancy),
        "\
error[E0206]: twice
        ╭─[ x.mp:300000:5 ]
        │
      1 │ let x = 1
        │     ┬
        │     ╰── first
        │
 300000 │ let x = 1
        │     ┬
        │     ╰── again
────────╯
",
    );
}

#[test]
fn a_message_cannot_reach_the_terminal_with_escapes() {
    let mut sources = Sources::default();
    sources.add("a\x1b[1m.mp", "\x1b[31m");
    let diagnostic = Diagnostic::error("R0020", "\x1b[2Jgone\nsecond", place(0, 0, 5), "\x1b[31m\r")
        .note("\x1b]0;title\x07")
        .help("\u{9b}31m");
    for format in [Format::Fancy, Format::Short] {
        let text = shown(&diagnostic, &sources, format);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn the_variables_decide_about_colour() {
    let by = |set: &[(&str, &str)], terminal| {
        colour_by(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()), terminal)
    };
    assert!(by(&[], true) && !by(&[], false));
    assert!(!by(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true));
    assert!(by(&[("NO_COLOR", "")], true));
    assert!(by(&[("FORCE_COLOR", "1"), ("TERM", "dumb")], false));
    assert!(by(&[("CLICOLOR_FORCE", "1")], false) && !by(&[("CLICOLOR_FORCE", "0")], false));
    assert!(!by(&[("TERM", "dumb")], true) && !by(&[("CLICOLOR", "0")], true));
}

/// Texts made of what has tripped renderers: foreign line ends, tabs, wide and joined characters, escapes.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z ]{0,12}",
        2 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\t".to_owned()),
        1 => Just("日本".to_owned()),
        1 => Just("👩‍👩‍👧e\u{301}".to_owned()),
        1 => Just("\x1b[31m\0\r\u{b}\u{c}\u{85}\u{2028}\u{2029}\u{202e}\u{200b}".to_owned()),
        1 => Just("long ".repeat(60)),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_makes_a_writer_panic(
        texts in prop::collection::vec(text(), 1..4),
        labels in prop::collection::vec((0u32..4, 0usize..600, 0usize..600, text()), 0..30),
        message in text(),
        notes in prop::collection::vec(text(), 0..3),
        helps in prop::collection::vec(text(), 0..3),
        warning in any::<bool>(),
    ) {
        let mut sources = Sources::default();
        for (number, text) in texts.iter().enumerate() {
            sources.add(format!("{number}.mp"), text.as_str());
        }
        let diagnostic = Diagnostic {
            severity: if warning { Severity::Warning } else { Severity::Error },
            code: "E0101",
            message,
            labels: labels
                .into_iter()
                .map(|(file, start, end, text)| Label { place: place(file, start, end), text })
                .collect(),
            notes,
            helps,
        };
        for format in [Format::Fancy, Format::Short, Format::Json] {
            let plain = shown(&diagnostic, &sources, format);
            prop_assert_eq!(&plain, &shown(&diagnostic, &sources, format));
            if format != Format::Json {
                prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{:?}", plain);
            }
            let mut coloured = vec![];
            write(&mut coloured, &diagnostic, &sources, format, true).unwrap();
        }
    }
}
