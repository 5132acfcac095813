//! What holds for every declaration, and natives whose rules are easy to get wrong.

use super::*;
use std::collections::HashSet;

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Names, parameters and docs are complete and of one style.
#[test]
fn declarations_are_well_formed() {
    for declaration in all() {
        let name = declaration.name;
        // A name of a module has a dot: `math.sqrt`.
        assert!(name.split('.').all(is_snake_case), "{name}");
        let mut seen = HashSet::new();
        for parameter in declaration.params {
            assert!(is_snake_case(parameter.name), "{name}: {}", parameter.name);
            assert!(seen.insert(parameter.name), "{name}: {} stands twice", parameter.name);
        }
        let after_optional = declaration.params.iter().skip_while(|p| p.default.is_none());
        assert!(
            after_optional.clone().all(|p| p.default.is_some()),
            "{name}: a required parameter after an optional one"
        );
        assert!(declaration.params.iter().filter(|p| p.rest).count() <= 1, "{name}: two rest parameters");
        if is_hidden(name) {
            assert_eq!(declaration.form, Form::Function, "{name}");
            continue;
        }
        assert_eq!(declaration.on.is_empty(), declaration.form == Form::Function, "{name}: receivers");
        let (summary, example) = declaration.doc.split_once('\n').unwrap_or_default();
        assert!(summary.ends_with('.') && summary.len() > 10, "{name}: a sentence first");
        assert!(!example.is_empty() && !example.contains('\n'), "{name}: one line of example");
        assert!(example.contains(name), "{name}: the example shows the function");
    }
}

/// A call means one declaration.
#[test]
fn names_are_unique_for_each_receiver() {
    for of in Type::ALL {
        let mut seen = HashSet::new();
        for declaration in all().iter().filter(|declaration| declaration.is_method(*of)) {
            assert!(seen.insert(declaration.name), "{}.{}", of.name(), declaration.name);
        }
    }
    let functions = all().iter().filter(|declaration| declaration.form != Form::Method);
    let mut seen = HashSet::new();
    functions.for_each(|declaration| assert!(seen.insert(declaration.name), "{}", declaration.name));
}

/// The parameters that a script names are those that are declared, after the receiver.
#[test]
fn scripts_have_the_declared_parameters() {
    for declaration in all() {
        let Run::Script(source) = declaration.run else { continue };
        let name = declaration.name;
        let (head, tail) = source.split_once('(').unwrap_or_default();
        assert_eq!(head, format!("fn {name}"));
        let list = tail.split_once(')').unwrap_or_default().0;
        let mut given: Vec<String> = list.split(", ").map(str::to_owned).collect();
        if declaration.form != Form::Function {
            let receiver = given.remove(0);
            assert!(receiver.trim_start_matches("var ").starts_with("self_"), "{name}");
        }
        let last = declaration.params.len().saturating_sub(1);
        let written = |(at, p): (usize, &Parameter)| match (p.rest, p.default) {
            (true, _) if at == last => format!("...{}", p.name),
            // The language has no parameters behind a rest parameter; there the script takes its list as such.
            (true, _) => format!("{} = []", p.name),
            (false, Some(default)) => format!("{} = {default}", p.name),
            (false, None) => p.name.to_owned(),
        };
        let declared: Vec<String> = declaration.params.iter().enumerate().map(written).collect();
        assert_eq!(given, declared, "{name}");
    }
}

/// Hidden functions that scripts call exist.
#[test]
fn scripts_call_what_is_there() {
    for declaration in all() {
        let Run::Script(source) = declaration.run else { continue };
        for word in source.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            assert!(!word.starts_with("__") || function(word).is_some(), "{}: {word}", declaration.name);
        }
    }
}

/// Lookup goes by receiver, and changing methods are known by name.
#[test]
fn lookup() {
    let number = method(Type::Map, "remove").unwrap();
    assert_eq!((get(number).name, get(number).on), ("remove", &[Type::Map][..]));
    assert_ne!(method(Type::List, "remove"), Some(number));
    assert_eq!(method(Type::Int, "push"), None);
    assert_eq!(function("push"), None);
    assert!(function("len").is_some() && function("len") == method(Type::Str, "len"));
    assert!(is_changing("push") && is_changing("sort") && !is_changing("sorted") && !is_changing("nothing"));
    assert!(method_names(Type::List).contains(&"join") && !function_names().contains(&"__sorted"));
}
/// Scripts and examples are well-formed code.
#[test]
fn scripts_and_examples_parse() {
    let mut bad = Vec::new();
    for declaration in all() {
        let script = if let Run::Script(source) = declaration.run { Some(source) } else { None };
        for code in script.into_iter().chain(example(declaration)) {
            if let Err(errors) = crate::syntax::parse(crate::source::FileId(0), code) {
                bad.push(format!("{}: {}", declaration.name, errors[0].message));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
