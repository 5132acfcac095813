//! Tree to bytecode.

mod generate;
mod liveness;
mod names;
mod resolve;
mod returns;

use crate::diagnostics::Diagnostic;
use crate::library;
use crate::source::{FileId, Place, Span};
use crate::syntax::ast::{Script, StmtKind};
use crate::vm::code::Program;
use crate::vm::native::Run;
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::rc::Rc;

/// Reads and parses the texts that `import` names.
pub trait Loader {
    /// The text at a path that stands in `from`: its number and tree. A text that was loaded before has the same number.
    fn load(&mut self, from: FileId, path: &str) -> Result<(FileId, Option<Script>), ImportError>;
    /// Takes the text of a library function that is written in the language.
    fn add_library_text(&mut self, name: &str, text: &str) -> FileId;
}

/// Why an import failed.
pub enum ImportError {
    /// The text cannot be read: why.
    Unreadable(String),
    /// The text has errors of its own.
    Errors(Vec<Diagnostic>),
}

/// A name at top level of a module or of an earlier entry.
#[derive(Clone, Debug)]
pub enum Export {
    /// A value that is kept in a global.
    Global {
        /// Its number.
        index: u32,
        /// A `var`.
        mutable: bool,
    },
    /// A function.
    Proto(u32),
    /// An imported module.
    Module(usize),
}

/// A module that was compiled.
#[derive(Default)]
pub struct Module {
    /// Its text.
    pub file: FileId,
    /// The names it declares at top level.
    pub exports: HashMap<Rc<str>, Export>,
    /// The function that runs it.
    pub main: u32,
    /// It is being compiled: an import of it now is a circle.
    pub open: bool,
}

/// What an `import` brings.
#[derive(Clone, Copy)]
pub struct Import {
    /// The module.
    pub module: usize,
    /// It runs here; later imports of it only take names.
    pub first: bool,
}

/// How top-level names are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TopLevel {
    /// In registers where no function mentions them.
    Script,
    /// In globals: other modules or later entries may use them.
    Shared,
}

/// A compiler with what it remembers from text to text.
#[derive(Default)]
pub struct Compiler {
    /// The program it adds to.
    pub program: Program,
    /// Warnings so far.
    pub warnings: Vec<Diagnostic>,
    modules: Vec<Module>,
    /// Names of earlier entries of a session.
    session: HashMap<Rc<str>, Export>,
    /// The names of the last entry, with what they meant before it.
    last: Vec<(Rc<str>, Option<Export>)>,
}

impl Compiler {
    /// A compiler with an empty program.
    pub fn new() -> Compiler {
        Compiler::default()
    }

    /// Compiles a script and what it imports; gives the number of the function that runs it.
    pub fn script(&mut self, file: FileId, script: &Script, loader: &mut dyn Loader) -> Result<u32, Vec<Diagnostic>> {
        self.text(file, script, loader, TopLevel::Script).map(|module| self.modules[module].main)
    }

    /// Compiles an entry of a session, which sees the names of earlier ones.
    pub fn entry(&mut self, file: FileId, script: &Script, loader: &mut dyn Loader) -> Result<u32, Vec<Diagnostic>> {
        let known = self.modules.len();
        let module = match self.text(file, script, loader, TopLevel::Shared) {
            Ok(module) => &self.modules[module],
            Err(errors) => {
                self.modules.truncate(known);
                return Err(errors);
            }
        };
        self.last.clear();
        for (name, export) in &module.exports {
            let before = self.session.insert(name.clone(), export.clone());
            self.last.push((name.clone(), before));
        }
        Ok(module.main)
    }

    /// After the last entry ran: names that it failed to set mean again what they meant before.
    pub fn keep_set(&mut self, is_set: impl Fn(u32) -> bool) {
        for (name, before) in self.last.drain(..) {
            if matches!(self.session.get(&name), Some(Export::Global { index, .. }) if !is_set(*index)) {
                match before {
                    Some(before) => self.session.insert(name, before),
                    None => self.session.remove(&name),
                };
            }
        }
    }

    /// The names of a session.
    pub fn session_names(&self) -> impl Iterator<Item = &str> {
        self.session.keys().map(|name| &**name)
    }

    fn text(
        &mut self,
        file: FileId,
        script: &Script,
        loader: &mut dyn Loader,
        top: TopLevel,
    ) -> Result<usize, Vec<Diagnostic>> {
        let number = self.modules.len();
        self.modules.push(Module { file, open: true, ..Module::default() });
        let imports = self.imports(file, script, loader)?;
        let session = if top == TopLevel::Shared { Some(&self.session) } else { None };
        let context = resolve::Context {
            file,
            modules: &self.modules,
            imports: &imports,
            session,
            keep_all: top == TopLevel::Shared || number > 0,
        };
        let first_global = self.program.globals.len() as u32;
        let (names, globals, warnings) = resolve::resolve(&context, &script.body, first_global)?;
        self.warnings.extend(warnings);
        self.program.globals.extend(globals);
        let main = self.program.protos.len() as u32;
        let exports = {
            let unit = generate::Unit { modules: &self.modules, imports: &imports, file, names: &names, hidden: false };
            generate::generate(&mut self.program, &unit, &script.body)?
        };
        let module = &mut self.modules[number];
        module.open = false;
        module.main = main;
        module.exports = exports;
        self.library_scripts(names.scripts, loader)?;
        Ok(number)
    }

    /// Compiles the modules that a text imports; gives the module of each `import` by the offset of its path.
    fn imports(
        &mut self,
        file: FileId,
        script: &Script,
        loader: &mut dyn Loader,
    ) -> Result<HashMap<u32, Import>, Vec<Diagnostic>> {
        let mut imports = HashMap::default();
        let mut errors = Vec::new();
        for stmt in &script.body.stmts {
            let (path, span) = match &stmt.kind {
                StmtKind::Import { path, path_span, .. } | StmtKind::FromImport { path, path_span, .. } => {
                    (path, *path_span)
                }
                _ => continue,
            };
            match self.import(file, path, span, loader) {
                Ok(module) => {
                    imports.insert(span.start, module);
                }
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(imports) } else { Err(errors) }
    }

    fn import(
        &mut self,
        from: FileId,
        path: &str,
        span: Span,
        loader: &mut dyn Loader,
    ) -> Result<Import, Vec<Diagnostic>> {
        let place = Place { file: from, span };
        let (file, script) = match loader.load(from, path) {
            Ok(loaded) => loaded,
            Err(ImportError::Errors(errors)) => return Err(errors),
            Err(ImportError::Unreadable(why)) => {
                let message = format!("cannot import \"{path}\": {why}");
                return Err(vec![
                    Diagnostic::error("E0207", message, place, "imported here")
                        .help("a path is taken from the folder of the file that imports"),
                ]);
            }
        };
        if let Some(known) = self.modules.iter().position(|module| module.file == file) {
            if self.modules[known].open {
                let message = format!("\"{path}\" is being imported already: a circle of imports");
                return Err(vec![
                    Diagnostic::error("E0207", message, place, "closes the circle")
                        .help("move what both need into a third file"),
                ]);
            }
            return Ok(Import { module: known, first: false });
        }
        match script {
            Some(script) => {
                let module = self.text(file, &script, loader, TopLevel::Script)?;
                Ok(Import { module, first: true })
            }
            None => Err(vec![Diagnostic::error("E0207", format!("cannot import \"{path}\""), place, "")]),
        }
    }

    /// Compiles the library functions that are written in the language, and those that they call.
    fn library_scripts(&mut self, mut wanted: HashSet<u16>, loader: &mut dyn Loader) -> Result<(), Vec<Diagnostic>> {
        while let Some(id) = wanted.iter().copied().min() {
            wanted.remove(&id);
            if self.program.scripts.contains_key(&id) {
                continue;
            }
            let declaration = library::get(id);
            let Run::Script(text) = declaration.run else { continue };
            let file = loader.add_library_text(&format!("<{}>", declaration.name), text);
            let script = crate::syntax::parse(file, text)?;
            let context = resolve::Context {
                file,
                modules: &self.modules,
                imports: &HashMap::default(),
                session: None,
                keep_all: false,
            };
            let (names, globals, _) = resolve::resolve(&context, &script.body, self.program.globals.len() as u32)?;
            self.program.globals.extend(globals);
            let main = self.program.protos.len() as u32;
            let unit = generate::Unit {
                modules: &self.modules,
                imports: &HashMap::default(),
                file,
                names: &names,
                hidden: true,
            };
            generate::generate(&mut self.program, &unit, &script.body)?;
            // The text is one `fn`, so its function comes right after the text's own code.
            self.program.scripts.insert(id, main + 1);
            wanted.extend(names.scripts);
        }
        Ok(())
    }
}
