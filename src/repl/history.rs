//! Where the entries of earlier sessions are kept.

use std::env::var_os;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// The history file, in a folder that is there; `None` when there is no place for it.
pub fn file() -> Option<PathBuf> {
    // A relative path in the variable has no meaning, says its specification.
    let state = var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| {
        let home = var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute())?;
        Some(home.join(".local/state"))
    })?;
    let folder = state.join("mplang");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder.join("history"))
}
