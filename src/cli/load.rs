//! Reading scripts and the files they import.

use crate::compile::{ImportError, Loader};
use crate::source::{FileId, Sources};
use crate::syntax::{self, ast::Script};
use crate::world::describe;
use nix::errno::Errno;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The texts of a run with where they came from.
#[derive(Default)]
pub struct Files {
    /// The texts.
    pub sources: Sources,
    /// The folder that paths in a text are taken from.
    folders: HashMap<FileId, PathBuf>,
    /// The number of each file that was read, by its real path.
    known: HashMap<PathBuf, FileId>,
}

/// Why a file cannot be run.
pub enum ReadError {
    /// It cannot be read: why.
    Unreadable(String),
    /// It is a folder.
    Directory,
    /// It is not UTF-8, from this byte on.
    NotText(NotText),
}

impl Files {
    /// Adds a text that is not a file; its imports are taken from the current folder.
    pub fn add_text(&mut self, name: &str, text: &str) -> FileId {
        let file = self.sources.add(name, text);
        self.folders.insert(file, PathBuf::new());
        file
    }

    /// Reads a file.
    pub fn add_file(&mut self, path: &Path) -> Result<FileId, ReadError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(_) if path.is_dir() => return Err(ReadError::Directory),
            Err(error) => return Err(ReadError::Unreadable(reason(&error))),
        };
        let text = decode(bytes).map_err(ReadError::NotText)?;
        let file = self.sources.add(&*path.to_string_lossy(), text);
        self.folders.insert(file, path.parent().map(Path::to_path_buf).unwrap_or_default());
        if let Ok(real) = path.canonicalize() {
            self.known.insert(real, file);
        }
        Ok(file)
    }
}

impl Files {
    /// Forgets that this text and later ones were read: an import of them reads them again.
    pub fn forget_from(&mut self, file: FileId) {
        self.known.retain(|_, known| known.0 < file.0);
    }
}

impl Loader for Files {
    fn load(&mut self, from: FileId, path: &str) -> Result<(FileId, Option<Script>), ImportError> {
        let path = self
            .folders
            .get(&from)
            .map_or_else(|| PathBuf::from(path), |folder| folder.join(path).components().collect());
        if let Some(&known) = path.canonicalize().ok().and_then(|real| self.known.get(&real)) {
            return Ok((known, None));
        }
        let file = self.add_file(&path).map_err(|error| {
            ImportError::Unreadable(match error {
                ReadError::Unreadable(reason) => reason,
                ReadError::Directory => "it is a folder".into(),
                ReadError::NotText(at) => format!("it is not UTF-8 ({})", at.position()),
            })
        })?;
        let text = self.sources.get(file).text.clone();
        match syntax::parse(file, &text) {
            Ok(script) => Ok((file, Some(script))),
            Err(errors) => Err(ImportError::Errors(errors)),
        }
    }

    fn add_library_text(&mut self, name: &str, text: &str) -> FileId {
        self.sources.add(name, text)
    }
}

/// Bytes that are no text.
pub struct NotText {
    /// The first byte that is no UTF-8.
    pub at: usize,
    /// The text with a replacement for what cannot be read.
    pub text: String,
}

impl NotText {
    /// Line and column, for people.
    pub fn position(&self) -> String {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("line {line}, column {column}")
    }
}

/// A text from its bytes, without a byte order mark.
pub fn decode(bytes: Vec<u8>) -> Result<String, NotText> {
    let text = String::from_utf8(bytes).map_err(|error| NotText {
        at: error.utf8_error().valid_up_to(),
        text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })?;
    Ok(match text.strip_prefix('\u{FEFF}') {
        Some(rest) => rest.to_string(),
        None => text,
    })
}

fn reason(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| "it cannot be read".into(), |errno| describe(Errno::from_raw(errno)))
}
