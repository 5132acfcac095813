//! What the processes of a program do at this moment: for `mplang ps`, which looks from outside, and for SIGQUIT.

use super::place;
use super::tell;
use crate::escape::escaped;
use crate::shm::inspect::{self, Doing, Seen, Unseen, Waiting};
use crate::shm::{self, Need, ObjectRef, ProcessRef, process_table};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Name and line starts of every text of a script.
type Texts = Vec<(Rc<str>, Vec<u32>)>;

/// What the link to a region's descriptor says.
const REGION: &str = "/memfd:mplang (deleted)";

/// Leaves for others what the places of the script mean.
pub fn publish() {
    let mut bytes = Vec::new();
    let number = |bytes: &mut Vec<u8>, number: usize| bytes.extend((number as u32).to_le_bytes());
    for (name, lines) in tell::texts() {
        number(&mut bytes, name.len());
        bytes.extend_from_slice(name.as_bytes());
        number(&mut bytes, lines.len());
        lines.iter().for_each(|&line| number(&mut bytes, line as usize));
    }
    // Without memory for it, places are not told.
    let _ = inspect::publish(&bytes);
}

/// The reverse of what [`publish`] wrote; what is no such thing gives less.
fn texts(mut bytes: &[u8]) -> Texts {
    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = bytes.split_at_checked(count)?;
        *bytes = rest;
        Some(taken)
    }
    fn number(bytes: &mut &[u8]) -> Option<usize> {
        take(bytes, 4)?.try_into().ok().map(u32::from_le_bytes).map(|number| number as usize)
    }
    let mut next = || {
        let length = number(&mut bytes)?;
        let name = String::from_utf8_lossy(take(&mut bytes, length)?).into();
        let count = number(&mut bytes)?;
        let lines = take(&mut bytes, count.checked_mul(4)?)?.chunks(4);
        Some((name, lines.map(|line| u32::from_le_bytes(line.try_into().unwrap_or_default())).collect()))
    };
    std::iter::from_fn(&mut next).collect()
}

/// The processes of this program, as text.
pub fn of_this_program() -> String {
    if shm::start().is_err() {
        return String::new();
    }
    process_table::set_place(place::to_word(tell::here()));
    publish();
    report(std::process::id() as i32)
}

/// The processes of the program that the process `pid` belongs to, as text, or why they cannot be told.
pub fn of_program(pid: i32) -> Result<String, String> {
    match region(pid).map_err(|error| refused(pid, &error))? {
        Some(file) => seen(pid, &file),
        None if is_mplang(pid) => Ok(alone(pid)),
        None => Err(format!("process {pid} is not an mplang script")),
    }
}

/// The same for every program of this user.
pub fn of_all_programs() -> String {
    let mut known = Vec::new();
    let mut text = String::new();
    for pid in pids().into_iter().filter(|&pid| pid != std::process::id() as i32 && is_own(pid)) {
        let program = match region(pid) {
            Ok(Some(file)) => {
                let Ok(inode) = file.metadata().map(|metadata| metadata.ino()) else { continue };
                if known.contains(&inode) {
                    continue;
                }
                known.push(inode);
                seen(pid, &file).ok()
            }
            Ok(None) if is_mplang(pid) => Some(alone(pid)),
            _ => None,
        };
        if let Some(program) = program {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&program);
        }
    }
    if text.is_empty() { "no mplang script of this user is running\n".into() } else { text }
}

/// The region of the program of a process, if it has one.
fn region(pid: i32) -> std::io::Result<Option<File>> {
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        if fs::read_link(&path).is_ok_and(|target| target == Path::new(REGION)) {
            return File::open(path).map(Some);
        }
    }
    Ok(None)
}

fn refused(pid: i32, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => format!("process {pid} cannot be looked at: permission denied"),
        _ if Path::new(&format!("/proc/{pid}")).exists() => format!("process {pid} cannot be looked at: {error}"),
        _ => format!("there is no process {pid}"),
    }
}

fn seen(pid: i32, file: &File) -> Result<String, String> {
    match inspect::attach(file) {
        Ok(()) => Ok(report(pid)),
        Err(Unseen::OtherVersion) => {
            let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            let program = program.to_string_lossy().replace(" (deleted)", "");
            Err(format!("process {pid} is of another version of mplang: `{program} ps {pid}` can look at it"))
        }
        Err(Unseen::Unmarked) if is_mplang(pid) => Ok(alone(pid)),
        Err(Unseen::Unmarked | Unseen::Refused) => Err(format!("process {pid} cannot be looked at")),
    }
}

fn pids() -> Vec<i32> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut pids: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

fn is_own(pid: i32) -> bool {
    let owner = |path: &str| fs::metadata(path).map(|metadata| metadata.uid()).ok();
    owner(&format!("/proc/{pid}")).is_some_and(|uid| Some(uid) == owner("/proc/self"))
}

/// Whether a process without a region runs this program; guards of commands are no scripts.
fn is_mplang(pid: i32) -> bool {
    let same = |path: PathBuf| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    let exe = same(format!("/proc/{pid}/exe").into());
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    exe.is_some() && exe == same("/proc/self/exe".into()) && name.trim() != "mplang-guard"
}

/// A program that has no other processes.
fn alone(pid: i32) -> String {
    let row =
        Row { depth: 0, who: "P".into(), pid, line: String::new(), what: from_outside(pid).into(), seconds: None };
    format!("{}\n{}", command_line(pid), table(&[row]))
}

/// One line of the table.
struct Row {
    depth: usize,
    who: String,
    pid: i32,
    line: String,
    what: String,
    seconds: Option<f64>,
}

fn report(pid: i32) -> String {
    let texts = texts(&inspect::places());
    let mut processes = inspect::processes();
    if processes.is_empty() && is_mplang(pid) {
        // It is just about to enter itself.
        return alone(pid);
    }
    let numbers = |id: &str| id.split(['.', '[', ']']).map(|part| part.parse().unwrap_or(0)).collect::<Vec<u64>>();
    processes.sort_by_cached_key(|seen| numbers(&seen.id));
    let now = inspect::now();
    let first = processes.iter().find(|seen| seen.id == "P").map_or(pid, |seen| seen.pid);
    let rows: Vec<Row> = processes.iter().map(|seen| row(seen, &processes, &texts, now)).collect();
    format!("{}\n{}", command_line(first), table(&rows))
}

fn row(seen: &Seen, all: &[Seen], texts: &Texts, now: u64) -> Row {
    let (what, since) = match (from_outside(seen.pid), &seen.wait, seen.doing) {
        (state @ (STOPPED | ENDED), _, _) => (state.into(), None),
        (_, Some(wait), _) => (waits(wait, all), Some(wait.since)),
        (_, None, Some((doing, since))) => (does(doing).into(), Some(since)),
        (state, None, None) => (state.into(), None),
    };
    let ancestors = seen.id.matches('.').count();
    Row {
        depth: ancestors,
        who: format!("{} {}", seen.id, shown(&escaped(&seen.name), 40)).trim_end().to_owned(),
        pid: seen.pid,
        line: line(seen.place, texts),
        what,
        seconds: since.map(|since| now.saturating_sub(since) as f64 / 1e9),
    }
}

const STOPPED: &str = "is stopped";
const ENDED: &str = "has ended";

/// What the system says of a process.
fn from_outside(pid: i32) -> &'static str {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let stat = String::from_utf8_lossy(&stat).into_owned();
    // The name before the last parenthesis may hold anything.
    match stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()) {
        Some('T' | 't') => STOPPED,
        Some('R') => "runs",
        Some('Z' | 'X') | None => ENDED,
        Some(_) => "waits for the system",
    }
}

fn does(doing: Doing) -> &'static str {
    match doing {
        Doing::Sleep => "sleeps",
        Doing::Input => "waits for input",
        Doing::Command => "waits for a command",
    }
}

fn waits(wait: &Waiting, all: &[Seen]) -> String {
    let mut needs: Vec<String> =
        wait.needs.iter().map(|(object, need, owners)| one(*object, *need, owners, all)).collect();
    needs.dedup();
    let until = if wait.forever { "" } else { ", with a time limit" };
    if needs.is_empty() {
        format!("waits{until}")
    } else {
        format!("waits for {}{until}", some(&needs, "or", wait.others))
    }
}

/// The first of some things, and how many follow; there may be others that are not among them.
fn some(things: &[String], word: &str, others: usize) -> String {
    const SHOWN: usize = 4;
    let shown = &things[..things.len().min(SHOWN)];
    match things.len() - shown.len() + others {
        0 => shown.join(&format!(" {word} ")),
        more => format!("{} {word} {more} more", shown.join(", ")),
    }
}

fn one(object: ObjectRef, need: Need, owners: &[ProcessRef], all: &[Seen]) -> String {
    let title = |process: ProcessRef| {
        let pid = process.pid().unwrap_or(0);
        let known = all.iter().find(|seen| pid != 0 && seen.pid == pid);
        known.map_or("a process that has ended".to_owned(), |seen| format!("process {}", seen.id))
    };
    let thing = shm::describe_need(object, need);
    match (need, ProcessRef::of(object)) {
        (Need::End | Need::Place, Some(process)) => format!("the end of {}", title(process)),
        _ if owners.is_empty() => thing,
        _ => {
            let names: Vec<String> = owners.iter().map(|&owner| title(owner)).collect();
            let have = if names.len() == 1 { "has" } else { "have" };
            format!("{thing}, which {} {have}", some(&names, "and", 0))
        }
    }
}

/// `x.mp:12`; nothing where the script has not said where it is.
fn line(word: u64, texts: &Texts) -> String {
    let place = place::of_word(word);
    let Some((name, lines)) = texts.get(place.file.0 as usize).filter(|_| word != 0) else { return String::new() };
    format!("{name}:{}", lines.partition_point(|&start| start <= place.span.start))
}

/// How the program was started.
fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = bytes.split(|&byte| byte == 0).map(String::from_utf8_lossy).filter(|word| !word.is_empty());
    let program = words.next().unwrap_or_default();
    let program = Path::new(&*program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let rest: Vec<String> = words.map(|word| word.lines().next().unwrap_or_default().to_owned()).collect();
    shown(&format!("{pid}: {program} {}", rest.join(" ")), 200)
}

/// A text in one line of a terminal: nothing in it moves the cursor, and it has no more than so many characters.
fn shown(text: &str, most: usize) -> String {
    let text = text.trim_end();
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].chars().map(plain).chain(['…']).collect(),
        None => text.chars().map(plain).collect(),
    }
}

fn table(rows: &[Row]) -> String {
    let head = ["process", "pid", "line", "what it does", "since", "memory"].map(str::to_owned);
    let mut cells = vec![head];
    for row in rows {
        let who = format!("{}{}", "  ".repeat(row.depth), row.who);
        let since = row.seconds.map_or(String::new(), |seconds| format!("{seconds:.1} s"));
        cells.push([who, row.pid.to_string(), row.line.clone(), row.what.clone(), since, memory(row.pid)]);
    }
    let widths: Vec<usize> =
        (0..6).map(|column| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The memory that a process has for itself, and its share of what it has with others.
fn memory(pid: i32) -> String {
    let number = |path: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{path}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().split(' ').next()?.parse::<u64>().ok()
    };
    match number("smaps_rollup", "Pss:").or_else(|| number("status", "VmRSS:")) {
        Some(kib) if kib < 10 << 10 => format!("{kib} KiB"),
        Some(kib) => format!("{} MiB", kib >> 10),
        None => String::new(),
    }
}
