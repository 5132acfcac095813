//! The library: every built-in function and method, each declared once with its parameters, doc and implementation.

mod arguments;
mod array;
mod ask;
mod bytes;
mod channel;
mod command;
mod convert;
mod function;
mod hints;
mod io;
mod json;
mod list;
mod map;
mod math;
mod number;
mod order;
mod planned;
mod process;
mod random;
mod sequence;
mod set;
mod shared;
mod stream;
mod sync;
mod system;
mod tables;
mod text;

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod native_tests;
#[cfg(test)]
mod tests;

pub use channel::{SENDER, TAKER};
pub use hints::instead_of;
pub use io::constant;
pub use planned::is_planned;
pub use sync::{READER, WRITER};
pub use tables::HOLDER;

use crate::vm::native::{Declaration, Form, Parameter, Run};
use crate::vm::types::Type;
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// The declarations, file by file. Numbers follow from this order.
static TABLES: &[&[Declaration]] = &[
    convert::DECLARATIONS,
    number::DECLARATIONS,
    sequence::DECLARATIONS,
    function::DECLARATIONS,
    order::DECLARATIONS,
    text::DECLARATIONS,
    bytes::DECLARATIONS,
    list::DECLARATIONS,
    map::DECLARATIONS,
    set::DECLARATIONS,
    array::DECLARATIONS,
    stream::DECLARATIONS,
    io::DECLARATIONS,
    system::DECLARATIONS,
    process::DECLARATIONS,
    command::DECLARATIONS,
    channel::DECLARATIONS,
    sync::DECLARATIONS,
    shared::DECLARATIONS,
    tables::DECLARATIONS,
    math::DECLARATIONS,
    json::DECLARATIONS,
    random::DECLARATIONS,
];

struct Library {
    all: Vec<&'static Declaration>,
    /// The first declaration of each name; the others follow through `next`.
    first: FxHashMap<&'static str, u16>,
    next: Vec<Option<u16>>,
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let all: Vec<&'static Declaration> = TABLES.iter().flat_map(|table| table.iter()).collect();
        let mut first = FxHashMap::with_capacity_and_hasher(all.len(), Default::default());
        let mut next = vec![None; all.len()];
        // Their names stand together, in memory that a forked process has without reading the program's file.
        let names = all.iter().map(|declaration| declaration.name).collect::<String>().leak();
        let mut end = names.len();
        for number in (0..all.len() as u16).rev() {
            let start = end - all[usize::from(number)].name.len();
            next[usize::from(number)] = first.insert(&names[start..end], number);
            end = start;
        }
        Library { all, first, next }
    })
}

/// All declarations; a declaration's place is its number.
pub fn all() -> &'static [&'static Declaration] {
    &library().all
}

/// The declaration with this number.
pub fn get(number: u16) -> &'static Declaration {
    library().all[usize::from(number)]
}

/// The numbers of all declarations with this name.
pub fn named(name: &str) -> impl Iterator<Item = u16> {
    let library = library();
    std::iter::successors(library.first.get(name).copied(), |number| library.next[usize::from(*number)])
}

/// The function with this name: what `name(…)` calls.
pub fn function(name: &str) -> Option<u16> {
    named(name).find(|number| get(*number).form != Form::Method)
}

/// The method of a type: what `x.name(…)` calls.
pub fn method(of: Type, name: &str) -> Option<u16> {
    named(name).find(|number| get(*number).is_method(of))
}

/// A native that does the same, without a call of a script, as function `name` with so many positional arguments and
/// no others.
pub fn direct(name: &str, positional: usize) -> Option<u16> {
    function(match (name, positional) {
        ("min", 2) => "__min2",
        ("max", 2) => "__max2",
        ("min", 3) => "__min3",
        ("max", 3) => "__max3",
        ("min", 4..) => "__min_of",
        ("max", 4..) => "__max_of",
        _ => return None,
    })
}

/// Whether a method of this name changes its receiver, so that its calls on a `var` need the place itself.
pub fn is_changing(name: &str) -> bool {
    named(name).any(|number| get(number).changes())
}

/// Whether the name is for the library's own scripts only.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with("__")
}

/// The names of a type's methods, sorted.
pub fn method_names(of: Type) -> Vec<&'static str> {
    let methods = all().iter().filter(|declaration| declaration.is_method(of));
    let mut names: Vec<_> = methods.map(|declaration| declaration.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The names of all functions that scripts may call, sorted.
pub fn function_names() -> Vec<&'static str> {
    let functions = all().iter().filter(|declaration| declaration.form != Form::Method && !is_hidden(declaration.name));
    let functions = functions.filter(|declaration| !declaration.name.contains('.'));
    let mut names: Vec<_> = functions.map(|declaration| declaration.name).collect();
    names.sort_unstable();
    names
}

/// The last line of a doc: an example, code whose value is `true`.
pub fn example(declaration: &Declaration) -> Option<&'static str> {
    declaration.doc.split_once('\n').map(|(_, example)| example)
}

const fn function_of(name: &'static str, params: &'static [Parameter], doc: &'static str, run: Run) -> Declaration {
    Declaration::new(name, Form::Function, &[], params, doc, run)
}

const fn method_of(
    name: &'static str,
    on: &'static [Type],
    params: &'static [Parameter],
    doc: &'static str,
    run: Run,
) -> Declaration {
    Declaration::new(name, Form::Method, on, params, doc, run)
}

const fn both(
    name: &'static str,
    on: &'static [Type],
    params: &'static [Parameter],
    doc: &'static str,
    run: Run,
) -> Declaration {
    Declaration::new(name, Form::Both, on, params, doc, run)
}

/// A function for the library's own scripts.
const fn hidden(name: &'static str, params: &'static [Parameter], run: Run) -> Declaration {
    Declaration::new(name, Form::Function, &[], params, "For the library's own scripts.", run)
}

/// What has items that can be reached by index.
const INDEXED: &[Type] =
    &[Type::List, Type::Str, Type::Bytes, Type::Range, Type::Array, Type::SharedInts, Type::SharedFloats];
/// What can be looped over, one value at a time.
const ITEMS: &[Type] = &[
    Type::List,
    Type::Str,
    Type::Bytes,
    Type::Range,
    Type::Array,
    Type::SharedInts,
    Type::SharedFloats,
    Type::Set,
    Type::Stream,
];
/// What can be looped over, maps with their keys.
const LOOPED: &[Type] = &[
    Type::List,
    Type::Str,
    Type::Bytes,
    Type::Range,
    Type::Array,
    Type::SharedInts,
    Type::SharedFloats,
    Type::Set,
    Type::Map,
    Type::Stream,
];
/// What has a length.
const SIZED: &[Type] = &[
    Type::List,
    Type::Str,
    Type::Bytes,
    Type::Range,
    Type::Array,
    Type::SharedInts,
    Type::SharedFloats,
    Type::Set,
    Type::Map,
];

/// The function that a mere mention of the name calls: `args` asks the world for the script's arguments.
pub fn mention(name: &str) -> Option<u16> {
    if name == "args" { function("__args") } else { None }
}

/// The function `module.name`.
pub fn member(module: &str, name: &str) -> Option<u16> {
    function(&format!("{module}.{name}"))
}

/// Whether a mention of this member of a module is its value: a constant, which needs no arguments.
pub fn is_constant(id: u16) -> bool {
    let declaration = get(id);
    declaration.name.contains('.') && declaration.params.is_empty() && matches!(declaration.run, Run::Pure(_))
}

/// The names in a module, if there is one.
pub fn module(name: &str) -> Option<Vec<&'static str>> {
    let members = all().iter().filter_map(|declaration| declaration.name.split_once('.'));
    let names: Vec<&str> = members.filter(|(module, _)| *module == name).map(|(_, member)| member).collect();
    if names.is_empty() { None } else { Some(names) }
}

/// The library as the machine sees it.
pub fn for_machine() -> crate::vm::native::Library {
    crate::vm::native::Library { all: all(), get, method, methods: method_names, instead: instead_of }
}
