//! Running a script.

use super::USAGE;
use super::arguments::Options;
use super::load::{Files, ReadError};
use super::report::{Reporter, fault_diagnostic};
use crate::compile::Compiler;
use crate::diagnostics::Diagnostic;
use crate::library;
use crate::proc::{self, Real};
use crate::source::{FileId, Place, Span};
use crate::syntax;
use crate::vm::code::Program;
use crate::vm::dump;
use crate::vm::machine::Machine;
use crate::vm::value::{Function, Ref, Value};
use crate::world;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

/// Runs the script in a file.
pub fn file(options: &Options, path: &OsStr) -> u8 {
    let mut files = Files::default();
    let path = Path::new(path);
    match files.add_file(path) {
        Ok(file) => start(options, files, file),
        Err(error) => {
            let file = files.add_text(&path.to_string_lossy(), "");
            let place = Place { file, span: Span::default() };
            let name = path.display();
            let (code, message, help) = match error {
                ReadError::Unreadable(reason) => ("E0301", format!("cannot read \"{name}\": {reason}"), None),
                ReadError::Directory => {
                    ("E0303", format!("\"{name}\" is a folder, not a script"), Some("name a file in it"))
                }
                ReadError::NotText(at) => (
                    "E0302",
                    format!("\"{name}\" is not UTF-8: byte {at} cannot be read as text"),
                    Some("save it as UTF-8"),
                ),
            };
            let mut diagnostic = Diagnostic::error(code, message, place, "");
            diagnostic.labels.clear();
            diagnostic.helps.extend(help.map(String::from));
            Reporter::new(options.format).show(&[diagnostic], &files.sources);
            USAGE
        }
    }
}

/// Runs a text.
pub fn text(options: &Options, name: &str, text: &str) -> u8 {
    let mut files = Files::default();
    let file = files.add_text(name, text);
    start(options, files, file)
}

fn start(options: &Options, mut files: Files, file: FileId) -> u8 {
    let reporter = Reporter::new(options.format);
    let compiled = syntax::with_stack(|| compile(&mut files, file));
    let (program, main, warnings) = match compiled {
        Ok(compiled) => compiled,
        Err(errors) => {
            reporter.show(&errors, &files.sources);
            return USAGE;
        }
    };
    reporter.show(&warnings, &files.sources);
    if options.dump {
        let text = dump::dump(&program, &files.sources, &|id| library::get(id).name);
        return u8::from(std::io::stdout().write_all(text.as_bytes()).is_err());
    }
    let mut machine = Machine::new(program, library::for_machine(), proc::describe);
    let report = move |error: &crate::vm::value::ErrorValue| reporter.text(&[fault_diagnostic(error)], &files.sources);
    let mut world = Real::new(options.args.clone(), Box::new(report));
    let main = Value::Function(Ref::new(Function::Closure { proto: main, captures: Box::default() }));
    let result = match machine.start(main, Vec::new(), &Value::Null) {
        Ok(()) => world::drive(&mut machine, &mut world),
        Err(fault) => Err(fault),
    };
    world.finish(result)
}

type Compiled = (Program, u32, Vec<Diagnostic>);

fn compile(files: &mut Files, file: FileId) -> Result<Compiled, Vec<Diagnostic>> {
    let text = files.sources.get(file).text.clone();
    let script = syntax::parse(file, &text)?;
    let mut compiler = Compiler::new();
    let main = compiler.script(file, &script, files)?;
    Ok((compiler.program, main, compiler.warnings))
}
