//! Stepping through containers.

use super::fault::Fault;
use super::types::with_article;
use super::value::{Array, Value};

/// The item at a position of a container, and moves the position on; `None` at the end. Of a map the items are its
/// keys. Positions of texts count bytes, those of maps and sets count entries, removed ones too.
pub fn next_item(container: &Value, position: &mut usize) -> Option<Value> {
    let at = *position;
    *position += 1;
    match container {
        Value::List(items) => items.get(at).cloned(),
        Value::Range(range) => (at < range.len()).then(|| Value::Int(range.at(at))),
        Value::Str(text) => {
            let char = text[at..].chars().next()?;
            *position = at + char.len_utf8();
            Some(Value::char(char))
        }
        Value::Map(map) => {
            let at = (at..map.end()).find(|&at| map.entry(at).is_some())?;
            *position = at + 1;
            map.entry(at).map(|(key, _)| key.clone())
        }
        Value::Set(set) => {
            let at = (at..set.end()).find(|&at| set.entry(at).is_some())?;
            *position = at + 1;
            set.entry(at).map(|(key, ())| key.clone())
        }
        Value::Bytes(bytes) => bytes.get(at).map(|&byte| Value::Int(i64::from(byte))),
        Value::Array(array) => match &**array {
            Array::Ints(items) => items.get(at).map(|&item| Value::Int(item)),
            Array::Floats(items) => items.get(at).map(|&item| Value::float(item)),
        },
        _ => None,
    }
}

/// Whether a value can be looped over without asking the world.
pub fn is_container(value: &Value) -> bool {
    matches!(
        value,
        Value::List(_)
            | Value::Range(_)
            | Value::Str(_)
            | Value::Map(_)
            | Value::Set(_)
            | Value::Bytes(_)
            | Value::Array(_)
    )
}

/// The error for a value that cannot be looped over.
pub fn not_iterable(value: &Value) -> Fault {
    let fault = Fault::type_error(format!("{} cannot be looped over", with_article(value.type_name())));
    match value {
        Value::Int(_) => fault.help("write `0..n` for the numbers below n"),
        Value::Handle(handle) if handle.key().kind == super::value::HandleKind::File => {
            fault.help("`file.lines()` gives its lines")
        }
        _ => fault,
    }
}

/// All items of a container, or an error that says it is none.
pub fn items(value: &Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::List(items) => Ok(items.to_vec()),
        other if is_container(other) => {
            let mut position = 0;
            Ok(std::iter::from_fn(|| next_item(other, &mut position)).collect())
        }
        other => Err(not_iterable(other)),
    }
}
