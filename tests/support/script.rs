//! A script with the files beside it that say what it needs and what it must do.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// How long a script may run unless `x.deadline` says otherwise.
const DEADLINE: Duration = Duration::from_secs(20);

/// The files that only make sense beside a script. (`x.in` and `x.py` may be other things.)
const COMPANIONS: [&str; 7] = ["out", "err", "exit", "unordered", "args", "flags", "deadline"];

/// One script that the suite runs.
#[derive(Clone, Debug)]
pub struct Script {
    /// The `.mp` file.
    pub path: PathBuf,
    /// Its path from the root, which is its name in reports.
    pub name: String,
}

impl Script {
    /// The file `x.<extension>` beside `x.mp`.
    pub fn beside(&self, extension: &str) -> PathBuf {
        self.path.with_extension(extension)
    }

    /// The content of a file beside the script; empty when there is none.
    pub fn content(&self, extension: &str) -> io::Result<Vec<u8>> {
        match fs::read(self.beside(extension)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
            read => read,
        }
    }

    /// The lines of a file beside the script.
    pub fn lines(&self, extension: &str) -> io::Result<Vec<String>> {
        let text = String::from_utf8(self.content(extension)?).map_err(io::Error::other)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The exit status it must have.
    pub fn exit(&self) -> io::Result<i32> {
        self.number("exit").map(|number| number.unwrap_or(0))
    }

    /// How long it may run.
    pub fn deadline(&self) -> io::Result<Duration> {
        Ok(self.number("deadline")?.map_or(DEADLINE, |seconds| Duration::from_secs(seconds.unsigned_abs().into())))
    }

    /// Whether its lines may come in any order.
    pub fn unordered(&self) -> bool {
        self.beside("unordered").exists()
    }

    /// Whether a comment of the script says that its lines may come in any order.
    pub fn says_unordered(&self) -> bool {
        self.comments().any(|line| line.contains("unordered") || line.contains("any order"))
    }

    /// Words that standard error must hold, from comments `# expect: WORDS`: what was known before it was blessed.
    pub fn expects(&self) -> Vec<String> {
        let words = |line: String| {
            line.strip_prefix("# expect:").unwrap_or("").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        self.comments().flat_map(words).collect()
    }

    /// The Python program that must print the same: `x.py`, or the script itself where it says `# twin: python`.
    pub fn twin(&self) -> Option<PathBuf> {
        let beside = self.beside("py");
        if beside.exists() {
            return Some(beside);
        }
        self.comments().take(10).any(|line| line == "# twin: python").then(|| self.path.clone())
    }

    fn comments(&self) -> impl Iterator<Item = String> {
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| line.starts_with('#'))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn number(&self, extension: &str) -> io::Result<Option<i32>> {
        let text = self.content(extension)?;
        let text = String::from_utf8_lossy(&text);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let wrong = |_| io::Error::other(format!("{} holds no number", self.beside(extension).display()));
        text.trim().parse().map(Some).map_err(wrong)
    }
}

/// All scripts in these folders of the root, in the order of their names.
///
/// `_*.mp` and what lies in a folder `lib` are modules, which scripts import.
pub fn find(root: &Path, folders: &[&str]) -> Vec<Script> {
    let mut scripts: Vec<Script> = files(root, folders)
        .filter(|path| path.extension().is_some_and(|extension| extension == "mp"))
        .filter(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"_")))
        .map(|path| Script { name: name(root, &path), path })
        .collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    scripts
}

/// Expectations without a script: a file that was renamed or forgotten would otherwise protect nothing.
pub fn orphans(root: &Path, folders: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = files(root, folders)
        .filter(|path| path.extension().is_some_and(|extension| COMPANIONS.iter().any(|known| extension == *known)))
        .filter(|path| !path.with_extension("mp").exists())
        .map(|path| name(root, &path))
        .collect();
    names.sort();
    names
}

fn files(root: &Path, folders: &[&str]) -> impl Iterator<Item = PathBuf> {
    let folders: Vec<PathBuf> =
        folders.iter().map(|folder| root.join(folder)).filter(|folder| folder.exists()).collect();
    folders
        .into_iter()
        .flat_map(|folder| {
            let walk = walkdir::WalkDir::new(folder).into_iter();
            walk.filter_entry(|entry| !(entry.file_type().is_dir() && entry.file_name() == "lib"))
        })
        .map(|entry| entry.expect("the folder can be read"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
}

fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
