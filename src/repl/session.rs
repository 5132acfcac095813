//! The evaluator's state: a program that grows from entry to entry, and the machine and world that run it.

use crate::cli::{Files, Reporter, fault_diagnostic, line, line_starts, warning_diagnostic};
use crate::compile::Compiler;
use crate::diagnostics::{Diagnostic, Format};
use crate::library;
use crate::proc::tell::{self, Telling};
use crate::proc::{self, Real};
use crate::source::{FileId, Place};
use crate::syntax;
use crate::vm::fault::{Fault, Kind};
use crate::vm::machine::Machine;
use crate::vm::op::Op;
use crate::vm::value::display::repr;
use crate::vm::value::{ErrorValue, Function, Ref, Value};
use crate::world::{self, Performed, World};
use std::cell::RefCell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

/// No entry is the main text of a session: each is named with its lines.
const NO_FILE: FileId = FileId(u32::MAX);

/// What came from standard input.
pub enum Line {
    /// A line, without its end.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Nothing more.
    End,
    /// The session was ended, with this exit status.
    Leave(u8),
}

/// A session.
pub struct Session {
    files: Rc<RefCell<Files>>,
    compiler: Compiler,
    machine: Machine,
    world: Real,
    reporter: Reporter,
    entries: usize,
}

impl Session {
    /// A session without names.
    pub fn new(format: Format, args: Vec<String>) -> Session {
        let files = Rc::new(RefCell::new(Files::default()));
        let reporter = Reporter::new(format);
        let (texts, lines, warned, named) = (files.clone(), files.clone(), files.clone(), files.clone());
        tell::begin(Telling {
            warning: Box::new(move |warning| reporter.text(&[warning_diagnostic(warning)], &warned.borrow().sources)),
            line: Box::new(move |place| line(&lines.borrow().sources, place, NO_FILE)),
            texts: Box::new(move || line_starts(&named.borrow().sources)),
        });
        let report = move |error: &ErrorValue| reporter.text(&[fault_diagnostic(error)], &texts.borrow().sources);
        let mut world = Real::new(args, Box::new(report));
        world.begin_session();
        let mut machine = Machine::new(Default::default(), library::for_machine(), proc::describe);
        machine.clock = proc::clock;
        machine.at_once = proc::at_once;
        Session { files, compiler: Compiler::new(), machine, world, reporter, entries: 0 }
    }

    /// Runs an entry, shows its value or what went wrong. Gives the exit status when this process must end.
    pub fn entry(&mut self, text: &str) -> Option<u8> {
        self.entries += 1;
        let main = match syntax::with_stack(|| self.compile(text)) {
            Ok(main) => main,
            Err(errors) => return self.show(&errors),
        };
        let warnings = std::mem::take(&mut self.compiler.warnings);
        if let Some(status) = self.show(&warnings) {
            return Some(status);
        }
        let spawned = self.world.begin_entry();
        let main = Value::Function(Ref::new(Function::Closure { proto: main, captures: Box::default() }));
        let result = match self.machine.start(&main, std::iter::empty(), &Value::Null) {
            Ok(()) => world::drive(&mut self.machine, &mut self.world),
            Err(fault) => Err(fault),
        };
        if self.world.is_child() {
            return Some(self.world.finish_from(&mut self.machine, result));
        }
        self.world.show_dropped(&mut self.machine);
        if matches!(&result, Err(fault) if is_interrupt(fault)) {
            self.world.stop_since(spawned);
        }
        self.machine.reset();
        let machine = &self.machine;
        self.compiler.keep_set(|global| machine.global(global).is_some());
        let shown = match result {
            Ok(Value::Null) => Ok(()),
            Ok(value) => repr(&self.machine.context, &value).and_then(|text| self.print(text + "\n", false)),
            Err(fault) => Err(fault),
        };
        match shown.and_then(|()| self.world.flush()) {
            Ok(()) => None,
            Err(fault) => self.failed(fault),
        }
    }

    /// The next line of standard input.
    pub fn read_line(&mut self) -> Line {
        let Some(Value::Handle(stdin)) = library::constant("stdin") else { return Line::End };
        match self.perform(Op::NextLine { file: stdin.key() }) {
            Ok(line) => line.as_str().map_or(Line::End, |line| Line::Text(line.into())),
            Err(fault) if is_interrupt(&fault) => Line::Interrupted,
            Err(fault) => Line::Leave(self.world.finish(Err(fault))),
        }
    }

    /// Waits until something can be read. Gives the exit status when this process must end instead.
    pub fn wait_for(&mut self, descriptor: BorrowedFd) -> Option<u8> {
        loop {
            match self.world.wait_for(descriptor) {
                Ok(()) => return None,
                Err(fault) if is_interrupt(&fault) => {}
                Err(fault) => return Some(self.world.finish(Err(fault))),
            }
        }
    }

    /// Ends the session: its processes are stopped. Gives the exit status.
    pub fn finish(&mut self) -> u8 {
        self.world.finish(Err(world::leave(0)))
    }

    fn compile(&mut self, text: &str) -> Result<u32, Vec<Diagnostic>> {
        let mut files = self.files.borrow_mut();
        let file = files.add_text(&format!("<repl:{}>", self.entries), text);
        let script = syntax::parse(file, text)?;
        std::mem::swap(&mut self.compiler.program, &mut self.machine.program);
        let main = self.compiler.entry(file, &script, &mut *files);
        std::mem::swap(&mut self.compiler.program, &mut self.machine.program);
        self.machine.program_grew();
        if main.is_err() {
            files.forget_from(file);
        }
        main
    }

    fn failed(&mut self, fault: Fault) -> Option<u8> {
        if fault.0.exit.is_some() {
            return Some(self.world.finish(Err(fault)));
        }
        let diagnostic = fault_diagnostic(&fault.0);
        self.show(&[diagnostic])
    }

    fn show(&mut self, diagnostics: &[Diagnostic]) -> Option<u8> {
        if diagnostics.is_empty() {
            return None;
        }
        let text = self.reporter.text(diagnostics, &self.files.borrow().sources);
        let shown = self.print(String::from_utf8_lossy(&text).into_owned(), true);
        shown.err().and_then(|fault| fault.0.exit.is_some().then(|| self.world.finish(Err(fault))))
    }

    fn print(&mut self, text: String, stderr: bool) -> Result<(), Fault> {
        self.perform(Op::Print { text, stderr }).map(drop)
    }

    fn perform(&mut self, op: Op) -> Result<Value, Fault> {
        match self.world.perform(op, Place::default(), &mut self.machine) {
            Performed::Answer(answer) => answer,
            Performed::Restarted => Ok(Value::Null),
        }
    }
}

/// Ctrl-C, and not a signal that ends the session.
fn is_interrupt(fault: &Fault) -> bool {
    fault.0.exit.is_none() && fault.is(Kind::Cancelled)
}
