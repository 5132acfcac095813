//! What is said about texts that are wrong: every text of `messages.txt` with the lines after its `=>`.

use super::*;

#[test]
fn messages() {
    let mut wrong = String::new();
    for case in include_str!("messages.txt").split("\n---\n") {
        let (text, wanted) = case.split_once("\n=>\n").unwrap_or((case, ""));
        let found = errors(text);
        if found.trim_end() != wanted.trim_end() {
            wrong += &format!("{text}\nwanted:\n{wanted}\nfound:\n{found}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Control characters cannot stand in `messages.txt`.
#[test]
fn control_characters() {
    for (text, name) in [
        ("x = a\0b", "NUL (U+0000)"),
        ("x = 'a\0b'", "NUL (U+0000)"),
        ("x = f'a\0{b}'", "NUL (U+0000)"),
        ("x = 1 # a\u{1b}b", "escape (U+001B)"),
        ("a\rb", "carriage return (U+000D)"),
        ("a\u{7f}", "U+007F"),
        ("a\u{85}b", "U+0085"),
    ] {
        let found = errors(text);
        assert!(found.contains("E0108") && found.contains(name), "{text:?}: {found}");
    }
    assert_eq!(tree("x = 'a\u{1b}'\r\ny # c\r\n"), r#"(= x "a\u{1b}") y"#);
}

/// No message names a rule of the grammar, and each has a place inside the text.
#[test]
fn messages_are_words() {
    let rules = ["EOI", "expr", "_stmt", "kw_", "list_item", "id_cont", "operand"];
    for case in include_str!("messages.txt").split("\n---\n") {
        let (text, messages) = case.split_once("\n=>\n").unwrap_or((case, ""));
        for rule in rules {
            assert!(!messages.replace("expression", "").contains(rule), "{rule}: {messages}");
        }
        for error in parse(FileId::default(), text).err().unwrap_or_default() {
            assert!(!error.labels.is_empty(), "{text}");
            for label in &error.labels {
                let span = label.place.span;
                assert!(text.get(span.start as usize..span.end as usize).is_some(), "{text}: {span:?}");
            }
        }
    }
}

#[test]
fn no_more_than_ten() {
    let text = "let = 1\n".repeat(40);
    assert_eq!(parse(FileId::default(), &text).err().map(|errors| errors.len()), Some(10));
    let text = "'abc\n\n\n".repeat(40);
    assert_eq!(parse(FileId::default(), &text).err().map(|errors| errors.len()), Some(10));
}

/// Errors in a block are found one by one, and what is right between them is not reported.
#[test]
fn recovers_at_statement_ends() {
    let text = "let a = 1 1\nfn f() {\n    let b = 2 2\n    g()\n    if x { y y }\n}\nlet d =\n";
    let places: Vec<u32> = parse(FileId::default(), text)
        .err()
        .unwrap_or_default()
        .iter()
        .map(|error| error.labels[0].place.span.start)
        .collect();
    let wanted = ["1\nfn", "2\n    g", "y }", "=\n"].map(|at| text.rfind(at).unwrap_or(0) as u32);
    assert_eq!(places, wanted);
}

#[test]
fn words_of_other_languages() {
    assert_eq!(foreign_word("None"), Some("write `null`"));
    assert_eq!(foreign_word("elif"), Some("write `else if`"));
    assert_eq!(foreign_word("total"), None);
}
