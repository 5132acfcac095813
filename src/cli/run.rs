//! Running a script.

use super::USAGE;
use super::arguments::Options;
use super::load::{Files, ReadError};
use super::report::{Reporter, fault_diagnostic, line, line_starts, warning_diagnostic};
use crate::compile::Compiler;
use crate::diagnostics::Diagnostic;
use crate::library;
use crate::proc::tell::{self, Telling};
use crate::proc::{self, Real};
use crate::source::{FileId, Place, Span};
use crate::stack;
use crate::syntax;
use crate::vm::code::Program;
use crate::vm::dump;
use crate::vm::machine::Machine;
use crate::vm::value::{Function, Ref, Value};
use crate::world;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

/// Runs the script in a file.
pub fn file(options: &Options, path: &OsStr) -> u8 {
    let mut files = Files::default();
    let path = Path::new(path);
    match files.add_file(path) {
        Ok(file) => start(options, files, file),
        Err(error) => {
            let name = path.display();
            let mut text = String::new();
            let mut diagnostic = match error {
                ReadError::Unreadable(reason) => {
                    Diagnostic::error("E0301", format!("cannot read \"{name}\": {reason}"), Place::default(), "")
                }
                ReadError::Directory => {
                    let message = format!("\"{name}\" is a folder, not a script");
                    Diagnostic::error("E0303", message, Place::default(), "").help("name a file in it")
                }
                ReadError::NotText(wrong) => {
                    let span = Span::new(wrong.at, wrong.at + char::REPLACEMENT_CHARACTER.len_utf8());
                    text = wrong.text;
                    let place = Place { file: FileId::default(), span };
                    let message = format!("\"{name}\" is not UTF-8");
                    Diagnostic::error("E0302", message, place, "these bytes are no text").help("save it as UTF-8")
                }
            };
            let file = files.add_text(&path.to_string_lossy(), &text);
            diagnostic.labels.retain(|label| !label.text.is_empty());
            diagnostic.labels.iter_mut().for_each(|label| label.place.file = file);
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
    stack::from_end_of_page(|| run(options, files, file, reporter, program, main))
}

/// Runs a compiled script, whose text is that file; gives the exit status.
fn run(options: &Options, files: Files, file: FileId, reporter: Reporter, program: Program, main: u32) -> u8 {
    let mut machine = Machine::new(program, library::for_machine(), proc::describe);
    machine.clock = proc::clock;
    machine.at_once = proc::at_once;
    let sources = Rc::new(files.sources);
    let (texts, lines, named) = (sources.clone(), sources.clone(), sources.clone());
    tell::begin(Telling {
        warning: Box::new(move |warning| reporter.text(&[warning_diagnostic(warning)], &texts)),
        line: Box::new(move |place| line(&lines, place, file)),
        texts: Box::new(move || line_starts(&named)),
    });
    let report = move |error: &crate::vm::value::ErrorValue| reporter.text(&[fault_diagnostic(error)], &sources);
    let mut world = Real::new(options.args.clone(), Box::new(report));
    let main = Value::Function(Ref::new(Function::Closure { proto: main, captures: Box::default() }));
    if let Some(seed) = options.seed {
        world.set_seed(seed);
    }
    let started =
        world.set_output(options.output).and_then(|()| machine.start(&main, std::iter::empty(), &Value::Null));
    let result = started.and_then(|()| world::drive(&mut machine, &mut world));
    world.finish_from(&mut machine, result)
}

type Compiled = (Program, u32, Vec<Diagnostic>);

fn compile(files: &mut Files, file: FileId) -> Result<Compiled, Vec<Diagnostic>> {
    let text = files.sources.get(file).text.clone();
    let script = syntax::parse(file, &text)?;
    let mut compiler = Compiler::new();
    let main = compiler.script(file, &script, files)?;
    Ok((compiler.program, main, compiler.warnings))
}
