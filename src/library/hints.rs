//! What to write instead of a name that other languages have.

use super::planned::is_planned_method;
use crate::vm::types::Type;

/// Words for the help of an unknown function or method; `None` for the type means a function.
pub fn instead_of(of: Option<Type>, name: &str) -> Option<&'static str> {
    let Some(of) = of else { return instead_of_function(name) };
    if is_planned_method(name) {
        return Some("this method is not built yet");
    }
    let hint = match (of, name) {
        (Type::Str, "join") => "write the list first: `xs.join(sep)`",
        (Type::Str, "format") => "write an f-string: `f\"{x:>8.2f}\"`",
        (Type::Str, "strip") => "write `trim()`",
        (Type::Str, "lstrip") => "write `trim_start()`",
        (Type::Str, "rstrip") => "write `trim_end()`",
        (Type::Str, "startswith" | "startsWith") => "write `starts_with(prefix)`",
        (Type::Str, "endswith" | "endsWith") => "write `ends_with(suffix)`",
        (Type::Str, "splitlines") => "write `lines()`",
        (Type::Str, "isdigit" | "isdecimal" | "isnumeric") => "write `is_digit()`",
        (Type::Str, "isalpha") => "write `is_alpha()`",
        (Type::Str, "isalnum") => "write `is_alnum()`",
        (Type::Str, "isspace") => "write `is_space()`",
        (Type::Str, "isupper") => "write `is_upper()`",
        (Type::Str, "islower") => "write `is_lower()`",
        (Type::Str, "removeprefix") => "write `remove_prefix(prefix)`",
        (Type::Str, "removesuffix") => "write `remove_suffix(suffix)`",
        (Type::Str, "zfill") => "write `pad_left(width, '0')`",
        (Type::Str, "ljust") => "write `pad_right(width)`",
        (Type::Str, "rjust") => "write `pad_left(width)`",
        (Type::Str, "rfind" | "rindex" | "lastIndexOf") => "write `last_index_of(text)`",
        (Type::Str, "toLowerCase" | "to_lower" | "casefold") => "write `lower()`",
        (Type::Str, "toUpperCase" | "to_upper") => "write `upper()`",
        (Type::Str, "repeat") => "write `text * n`",
        (Type::Str, "partition") => "write `split(sep, 1)`",
        (Type::Str | Type::Bytes | Type::List | Type::Range, "index" | "indexOf") => "write `index_of(item)`",
        (Type::List, "append" | "add" | "push_back") => "write `push(item)`",
        (Type::List, "remove_at" | "delete") => "write `pop(index)`",
        (Type::List | Type::Range | Type::Set | Type::Map, "each" | "forEach" | "for_each") => {
            "write `for x in xs { … }`"
        }
        (Type::Map, "setdefault") => "write `m[key] ??= value`",
        (Type::Map, "set" | "put" | "insert" | "add") => "write `m[key] = value`",
        (Type::Map, "has" | "has_key" | "containsKey" | "contains_key") => "write `key in m`",
        (Type::Map, "popitem") => "write `m.remove(m.keys().last())`",
        (Type::Map, "entries" | "iteritems") => "write `items()`",
        (Type::Set, "union") => "write `a | b`",
        (Type::Set, "intersection") => "write `a & b`",
        (Type::Set, "difference") => "write `a - b`",
        (Type::Set, "symmetric_difference") => "write `a ^ b`",
        (Type::Set, "push" | "append" | "insert") => "write `add(item)`",
        (Type::Set, "issubset") => "write `is_subset(other)`",
        (Type::Set, "issuperset") => "write `is_superset(other)`",
        (Type::Set, "isdisjoint") => "write `is_disjoint(other)`",
        (Type::Bytes, "to_str" | "text" | "str") => "write `decode()`",
        (Type::List | Type::Map | Type::Set, "copy" | "clone") => "`let b = a` is a copy already",
        (Type::Lock | Type::RLock | Type::RwLock | Type::Semaphore, "lock" | "wait") => {
            "write `with l { … }`, or `acquire()`"
        }
        (Type::Lock | Type::RLock | Type::RwLock | Type::Semaphore, "unlock" | "signal") => "write `release()`",
        (Type::Lock | Type::RLock | Type::RwLock, "locked" | "is_locked") => "write `held()`, or `try_acquire()`",
        (Type::RwLock, "reader" | "read_lock") => "write `with l.read() { … }`",
        (Type::RwLock, "writer" | "write_lock") => "write `with l.write() { … }`",
        (Type::Condition, "acquire" | "release") => "it is the lock that is taken: `with l { … }`",
        (Type::Condition, "signal") => "write `notify()`",
        (Type::Condition, "broadcast" | "notifyAll") => "write `notify_all()`",
        (Type::Event, "isSet") => "write `is_set()`",
        (Type::Function, "map" | "filter") => "write the list first: `map(xs, f)` or `xs.map(f)`",
        (_, "length" | "size" | "count") => "write `len()`",
        (_, "includes" | "has" | "__contains__") => "write `contains(item)` or `item in xs`",
        (_, "toString" | "to_string" | "to_str") => "write `str(x)`",
        (_, "to_list" | "toList" | "tolist") => "write `list()`",
        _ => return None,
    };
    Some(hint)
}

fn instead_of_function(name: &str) -> Option<&'static str> {
    Some(match name {
        "println" | "echo" | "printf" | "puts" => "write `print(…)`",
        "system" | "exec" | "popen" | "shell" | "sh" | "subprocess" => {
            "write `run(\"command\", \"argument\")`, or `run(\"sh\", \"-c\", \"…\")` for a shell"
        }
        "dict" => "write `{}`, `{key: value}`, or `pairs.to_map()`",
        "tuple" => "write a list: `[a, b]`",
        "isinstance" => "write `x is int`",
        "next" => "write `xs.first()`, or a `for` loop",
        "iter" => "every list, map, str, … can be looped over as it is",
        "pow" => "write `a ** b`",
        "reduce" => "write `xs.reduce(f)`",
        "hex" => "write `f\"{n:#x}\"`",
        "bin" => "write `f\"{n:#b}\"`",
        "oct" => "write `f\"{n:#o}\"`",
        "format" => "write an f-string: `f\"{x:>8.2f}\"`",
        "append" => "write `xs.push(item)`",
        "length" | "size" => "write `len(xs)`",
        "typeof" => "write `type(x)`",
        "bytearray" => "write `bytes(n)`, or a list of ints",
        "frozenset" => "write `set(xs)`; a set is a value",
        "sleep_ms" => "write `sleep(500ms)`",
        _ => return None,
    })
}
