//! Paths that fit a pattern. Only directories that can hold such paths are read.

use super::failure::{describe, of_file};
use super::wait::Attend;
use crate::vm::fault::{Fault, Kind};
use crate::vm::machine::interrupted;
use globset::{GlobBuilder, GlobMatcher};
use nix::errno::Errno;
use std::fs::DirEntry;
use std::path::Path;

/// How many patterns `{a,b}` may stand for.
const MOST_ALTERNATIVES: usize = 10_000;

/// One component of a pattern.
enum Part {
    /// `data`
    Name(String),
    /// `*.log`; hidden names fit only when `dot` says that the pattern begins with a dot.
    Fits { matcher: GlobMatcher, dot: bool },
    /// `**`: any number of directories.
    Deep,
}

/// The files that fit the pattern, sorted; the directories when it ends with `/`.
pub fn files(pattern: &str, attend: Attend) -> Result<Vec<String>, Fault> {
    if pattern.is_empty() {
        return Err(Fault::value_error("an empty pattern fits no path").help("`files(\"*\")` gives all files here"));
    }
    let mut found = Vec::new();
    for pattern in alternatives(pattern)? {
        find(&pattern, &mut found, attend)?;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn wrong(pattern: &str, why: &str) -> Fault {
    Fault::value_error(format!("\"{pattern}\" is no pattern: {why}"))
        .help("a backslash before a special character takes it as it is, as in r\"\\[draft\\]*\"")
}

/// The patterns that one with `{a,b}` stands for; a group may hold several components.
fn alternatives(pattern: &str) -> Result<Vec<String>, Fault> {
    let (mut open, mut done) = (vec![pattern.to_string()], Vec::new());
    while let Some(text) = open.pop() {
        let Some((start, commas, end)) = group(&text).map_err(|why| wrong(pattern, why))? else {
            done.push(text);
            continue;
        };
        let mut from = start + 1;
        for comma in commas.into_iter().chain([end]) {
            open.push([&text[..start], &text[from..comma], &text[end + 1..]].concat());
            from = comma + 1;
        }
        if open.len() + done.len() > MOST_ALTERNATIVES {
            return Err(Fault::new(Kind::Limit, format!("a pattern may stand for at most {MOST_ALTERNATIVES} others")));
        }
    }
    Ok(done)
}

/// A group in braces: where it starts, its own commas, where it ends.
type Group = (usize, Vec<usize>, usize);

/// The first group of a pattern.
fn group(pattern: &str) -> Result<Option<Group>, &'static str> {
    let (mut depth, mut start, mut commas, mut class) = (0, 0, Vec::new(), false);
    let mut chars = pattern.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            ']' => class = false,
            _ if class => {}
            '[' => class = true,
            '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ',' if depth == 1 => commas.push(at),
            '}' if depth == 1 => return Ok(Some((start, commas, at))),
            '}' if depth > 1 => depth -= 1,
            '}' => return Err("a `}` has no `{`"),
            _ => {}
        }
    }
    if depth > 0 { Err("a `{` has no `}`") } else { Ok(None) }
}

fn part(text: &str, pattern: &str) -> Result<Part, Fault> {
    if text == "**" {
        return Ok(Part::Deep);
    }
    let (mut name, mut special) = (String::new(), false);
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '*' | '?' | '[' => special = true,
            '\\' => name.extend(chars.next()),
            plain => name.push(plain),
        }
    }
    if !special {
        return Ok(Part::Name(name));
    }
    let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    let matcher = glob.map_err(|error| wrong(pattern, &error.kind().to_string()))?.compile_matcher();
    Ok(Part::Fits { matcher, dot: text.starts_with('.') || text.starts_with("\\.") })
}

/// Adds the paths that fit a pattern without groups. A directory is read once for all places of the pattern that its
/// entries can stand for.
fn find(pattern: &str, found: &mut Vec<String>, attend: Attend) -> Result<(), Fault> {
    let directories = pattern.ends_with('/');
    let mut parts: Vec<Part> =
        pattern.split('/').filter(|text| !text.is_empty()).map(|text| part(text, pattern)).collect::<Result<_, _>>()?;
    if matches!(parts.last(), Some(Part::Deep)) && !directories {
        parts.push(part("*", pattern)?);
    }
    let root = if pattern.starts_with('/') { "/" } else { "" };
    let mut walk = Walk { parts, directories, found, open: vec![(root.to_string(), vec![0])] };
    if walk.parts.is_empty() {
        walk.found.push(root.to_string());
        return Ok(());
    }
    while let Some((directory, places)) = walk.open.pop() {
        if interrupted() {
            attend()?;
        }
        walk.directory(&directory, places)?;
    }
    Ok(())
}

struct Walk<'a> {
    parts: Vec<Part>,
    /// Directories are sought, not files.
    directories: bool,
    found: &'a mut Vec<String>,
    /// Directories still to be looked into, each with the components that its entries are to fit.
    open: Vec<(String, Vec<usize>)>,
}

impl Walk<'_> {
    fn directory(&mut self, directory: &str, mut places: Vec<usize>) -> Result<(), Fault> {
        // `**` also stands for no directory at all.
        let mut at = 0;
        while let Some(&place) = places.get(at) {
            if matches!(self.parts[place], Part::Deep) {
                if place + 1 == self.parts.len() {
                    self.found.push(directory.to_string());
                } else if !places.contains(&(place + 1)) {
                    places.push(place + 1);
                }
            }
            at += 1;
        }
        let (names, patterns): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|&place| matches!(self.parts[place], Part::Name(_)));
        for place in names {
            if let Part::Name(name) = &self.parts[place] {
                let path = format!("{directory}{name}");
                if let Ok(known) = Path::new(&path).symlink_metadata() {
                    let is_directory = known.is_dir() || known.is_symlink() && Path::new(&path).is_dir();
                    self.entry(path, is_directory, vec![place + 1]);
                }
            }
        }
        if patterns.is_empty() {
            return Ok(());
        }
        let here = if directory.is_empty() { "." } else { directory };
        let failed = |error: std::io::Error| match error.raw_os_error().map(Errno::from_raw) {
            // What is not there, or went meanwhile, holds nothing.
            Some(Errno::ENOENT | Errno::ENOTDIR) | None => Ok(()),
            Some(errno) => Err(of_file("read the directory", here, &describe(errno))),
        };
        let entries = match std::fs::read_dir(here) {
            Ok(entries) => entries,
            Err(error) => return failed(error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.fit(directory, &entry, &patterns)?,
                Err(error) => failed(error)?,
            }
        }
        Ok(())
    }

    /// Looks which of the components an entry fits.
    fn fit(&mut self, directory: &str, entry: &DirEntry, places: &[usize]) -> Result<(), Fault> {
        let os_name = entry.file_name();
        let name = os_name.to_string_lossy();
        let hidden = name.starts_with('.');
        let kind = entry.file_type().ok();
        let next: Vec<usize> = places
            .iter()
            .filter_map(|&place| match &self.parts[place] {
                Part::Deep => (!hidden && kind.is_some_and(|kind| kind.is_dir())).then_some(place),
                Part::Fits { matcher, dot } => ((*dot || !hidden) && matcher.is_match(&*name)).then_some(place + 1),
                Part::Name(_) => None,
            })
            .collect();
        if next.is_empty() {
            return Ok(());
        }
        if os_name.to_str().is_none() {
            let here = if directory.is_empty() { "." } else { directory };
            return Err(of_file("read the directory", here, &format!("the name {os_name:?} in it is not UTF-8 text")));
        }
        let is_directory = kind.is_some_and(|kind| kind.is_dir() || kind.is_symlink() && entry.path().is_dir());
        self.entry(format!("{directory}{name}"), is_directory, next);
        Ok(())
    }

    /// Takes a path whose entries, if it has any, are to fit these components; past the last one it is found itself.
    fn entry(&mut self, mut path: String, is_directory: bool, mut next: Vec<usize>) {
        let end = self.parts.len();
        if next.contains(&end) && is_directory == self.directories {
            self.found.push(if is_directory { format!("{path}/") } else { path.clone() });
        }
        next.retain(|&place| place < end);
        if is_directory && !next.is_empty() {
            path.push('/');
            self.open.push((path, next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::testing::Directory;

    fn tree(names: &[&str]) -> Directory {
        let directory = Directory::new();
        for name in names {
            let path = directory.path().join(name);
            if name.ends_with('/') {
                std::fs::create_dir_all(path).unwrap();
            } else {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
        }
        directory
    }

    fn fit(tree: &Directory, pattern: &str) -> Vec<String> {
        let root = format!("{}/", tree.path().display());
        let found = files(&format!("{root}{pattern}"), || Ok(())).ok().unwrap();
        found.into_iter().map(|path| path.strip_prefix(&root).unwrap().to_string()).collect()
    }

    /// The patterns of the book, in the order of the names; hidden files and directories only when asked for.
    #[test]
    fn patterns_find_what_they_say() {
        let tree = tree(&[
            "b.log",
            "a.log",
            ".hidden.log",
            "a.txt",
            "data/a1.txt",
            "data/b1.txt",
            "data/d1.txt",
            "src/main.rs",
            "src/vm/run.rs",
            "src/vm/deep/er.rs",
            "src/.git/no.rs",
            "dir.log/",
        ]);
        assert_eq!(fit(&tree, "*.log"), ["a.log", "b.log"]);
        assert_eq!(fit(&tree, ".*.log"), [".hidden.log"]);
        assert_eq!(fit(&tree, "**/*.rs"), ["src/main.rs", "src/vm/deep/er.rs", "src/vm/run.rs"]);
        assert_eq!(fit(&tree, "src/**/run.rs"), ["src/vm/run.rs"]);
        assert_eq!(fit(&tree, "src/**/**/*.rs"), ["src/main.rs", "src/vm/deep/er.rs", "src/vm/run.rs"]);
        assert_eq!(fit(&tree, "src/**"), ["src/main.rs", "src/vm/deep/er.rs", "src/vm/run.rs"]);
        assert_eq!(fit(&tree, "data/[a-c]*.txt"), ["data/a1.txt", "data/b1.txt"]);
        assert_eq!(fit(&tree, "data/[!a-c]?.txt"), ["data/d1.txt"]);
        assert_eq!(fit(&tree, "a.txt"), ["a.txt"]);
        assert_eq!(fit(&tree, "nothing*"), [""; 0]);
        assert_eq!(fit(&tree, "nowhere/*.txt"), [""; 0]);
        assert_eq!(fit(&tree, "a.txt/*"), [""; 0]);
        assert_eq!(fit(&tree, "*/"), ["data/", "dir.log/", "src/"]);
        assert_eq!(fit(&tree, "src/**/"), ["src/", "src/vm/", "src/vm/deep/"]);
        assert_eq!(
            fit(&tree, "{data/a*,src/*,*.{log,txt}}"),
            ["a.log", "a.txt", "b.log", "data/a1.txt", "src/main.rs"]
        );
        assert_eq!(fit(&tree, "src/../a.???"), ["src/../a.log", "src/../a.txt"]);
    }

    /// Special characters in names are found with a backslash, and links do not lead a deep search in circles.
    #[test]
    fn names_and_links() {
        let tree = tree(&["[draft] a.txt", "{x}.txt", "d/x.c"]);
        std::os::unix::fs::symlink("..", tree.path().join("d/up")).unwrap();
        std::os::unix::fs::symlink("d", tree.path().join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", tree.path().join("broken.txt")).unwrap();
        assert_eq!(fit(&tree, r"\[draft\]*"), ["[draft] a.txt"]);
        assert_eq!(fit(&tree, r"\{*\}.txt"), ["{x}.txt"]);
        assert_eq!(fit(&tree, "**/*.c"), ["d/x.c"]);
        assert_eq!(fit(&tree, "*/*.c"), ["d/x.c", "link/x.c"]);
        assert_eq!(fit(&tree, "b*"), ["broken.txt"]);
    }

    /// A link that leads nowhere holds nothing.
    #[test]
    fn circles_hold_nothing() {
        let tree = tree(&["a/x.txt"]);
        std::os::unix::fs::symlink("b", tree.path().join("b")).unwrap();
        assert_eq!(fit(&tree, "a*/*.txt"), ["a/x.txt"]);
        assert_eq!(fit(&tree, "*/x.txt"), ["a/x.txt"]);
    }

    /// What is no pattern is said so.
    #[test]
    fn wrong_patterns() {
        for pattern in ["", "[a", "{a", "a}", "x/[b-a]"] {
            assert!(files(pattern, || Ok(())).err().unwrap().is(Kind::Value), "{pattern}");
        }
        let many = "{a,b,c,d,e,f,g,h,i,j}".repeat(5);
        assert!(files(&many, || Ok(())).err().unwrap().is(Kind::Limit));
    }
}
