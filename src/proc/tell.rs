//! Warnings while a script runs, and the words for its places. How they look is the command line's affair.

use crate::source::{FileId, Place, Span};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Something that the user should know, though nothing failed.
pub struct Warning {
    /// Its code.
    pub code: &'static str,
    /// What is the matter.
    pub message: String,
    /// Places that have to do with it, each with what is to be said of it.
    pub labels: Vec<(Place, String)>,
    /// A way out.
    pub help: Option<String>,
}

/// The text of a warning.
pub type Show = Box<dyn Fn(&Warning) -> Vec<u8>>;

/// The name of a text and where its lines start.
pub type Lines = (Rc<str>, Vec<u32>);

/// Writes things as the user shall see them.
pub struct Telling {
    /// A warning.
    pub warning: Show,
    /// A place in a sentence: `line 12`.
    pub line: Box<dyn Fn(Place) -> String>,
    /// Name and line starts of every text of the script.
    pub texts: Box<dyn Fn() -> Vec<Lines>>,
}

/// The start of the first text.
const NOWHERE: Place = Place { file: FileId(0), span: Span { start: 0, end: 0 } };

thread_local! {
    static TELLING: RefCell<Option<Telling>> = const { RefCell::new(None) };
    static HERE: Cell<Place> = const { Cell::new(NOWHERE) };
}

/// From now on things are told so.
pub fn begin(telling: Telling) {
    TELLING.with_borrow_mut(|slot| *slot = Some(telling));
}

/// The request being performed stands there.
pub fn set_here(place: Place) {
    HERE.set(place);
}

/// Where the request being performed stands.
pub fn here() -> Place {
    HERE.get()
}

/// Name and line starts of every text of the script.
pub fn texts() -> Vec<(Rc<str>, Vec<u32>)> {
    with(|telling| (telling.texts)()).unwrap_or_default()
}

/// A place in a sentence: `line 12`.
pub fn line(place: Place) -> String {
    with(|telling| (telling.line)(place)).unwrap_or_default()
}

/// Shows a warning.
pub fn warning(warning: &Warning) {
    if let Some(text) = with(|telling| (telling.warning)(warning)) {
        crate::world::say(&text);
    }
}

fn with<T>(use_it: impl FnOnce(&Telling) -> T) -> Option<T> {
    TELLING.with_borrow(|telling| telling.as_ref().map(use_it))
}
