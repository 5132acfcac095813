//! The error of a wait that can never end, told with every process of its circle.

use super::place;
use crate::shm::deadlock::{Blocked, MOST_ON, take_circle};
use crate::shm::{Need, ObjectRef, ProcessRef, describe_need};
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{Map, Site, Value};
use rustc_hash::FxHashMap as HashMap;

/// More processes, or more waits, are not told in words.
const MOST: usize = MOST_ON - 1;

/// The error that this process raises, whose wait was found to be part of a circle.
pub fn fault() -> Fault {
    let circle = take_circle();
    let waits = alike(&circle);
    let mut fault = Fault::new(Kind::Deadlock, message(&waits)).data(data(&circle));
    fault.change(|error| {
        error.related = waits
            .iter()
            .skip(1)
            .take(MOST)
            .map(|wait| Site {
                place: place::of_word(wait.first.place),
                function: format!("{} here {}", wait.who(), wait.what).into(),
                spawn: false,
            })
            .collect();
    });
    fault
}

/// Processes of a circle that wait for the same in the same place.
struct Wait<'a> {
    first: &'a Blocked,
    processes: Vec<ProcessRef>,
    what: String,
}

impl Wait<'_> {
    /// `process P.1 waits`
    fn who(&self) -> String {
        format!("{} {}", all(&self.processes, true), if self.processes.len() == 1 { "waits" } else { "wait" })
    }
}

/// The waits of a circle, that of the first process by itself. What all wait for is told of the first ones alone.
fn alike(circle: &[Blocked]) -> Vec<Wait<'_>> {
    let mut waits: Vec<Wait> = Vec::new();
    let mut known = HashMap::default();
    for (at, blocked) in circle.iter().enumerate() {
        let key = (at == 0, blocked.place, &blocked.needs, &blocked.on);
        let index = *known.entry(key).or_insert(waits.len());
        if index == waits.len() {
            let what = if index <= MOST { what(blocked) } else { String::new() };
            waits.push(Wait { first: blocked, processes: Vec::new(), what });
        }
        waits[index].processes.push(blocked.process);
    }
    waits
}

fn message(waits: &[Wait]) -> String {
    let Some((me, others)) = waits.split_first() else { return "this wait can never end".into() };
    let mut text = format!("this wait can never end: it is {}", me.what);
    for other in others.iter().take(MOST) {
        text += &format!("; {} {}", other.who(), other.what);
    }
    let more: usize = others.iter().skip(MOST).map(|other| other.processes.len()).sum();
    if more > 0 {
        text += &format!("; {more} more wait for each other");
    }
    text
}

fn data(circle: &[Blocked]) -> Value {
    let rows = circle.iter().map(|blocked| {
        let mut row = Map::default();
        row.insert("process".into(), Value::from(blocked.process.id()));
        row.insert("name".into(), Value::from(blocked.process.name()));
        row.insert("waits".into(), Value::from(what(blocked)));
        let on = blocked.on.iter().take(MOST).map(|process| Value::from(process.id()));
        row.insert("on".into(), Value::list(on.collect()));
        Value::map(row)
    });
    Value::list(rows.collect())
}

/// The numbers of an id, for its place among others: `P.2` comes before `P.10`.
fn path(id: &str) -> Vec<u64> {
    id.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

fn who(process: ProcessRef) -> String {
    format!("process {}", process.title())
}

/// `processes P.1 and P.2`; of more than [`MOST`] the first ones, and perhaps how many others.
fn all(processes: &[ProcessRef], count_others: bool) -> String {
    let mut processes: Vec<ProcessRef> = processes.to_vec();
    processes.sort_by_cached_key(|process| path(&process.id()));
    let names: Vec<String> = processes.iter().take(MOST).map(|&process| process.title()).collect();
    if let Some(more @ 1..) = processes.len().checked_sub(MOST) {
        let count = if count_others { format!("{more} ") } else { String::new() };
        return format!("processes {} and {count}others", names.join(", "));
    }
    match names.split_last() {
        None => String::new(),
        Some((one, [])) => format!("process {one}"),
        Some((last, rest)) => format!("processes {} and {last}", rest.join(", ")),
    }
}

/// What a process of the circle waits for, and who could give it.
fn what(blocked: &Blocked) -> String {
    let mut needs: Vec<String> = blocked.needs.iter().map(|&(object, need)| one_need(object, need)).collect();
    needs.dedup();
    let by = match (blocked.needs.first(), blocked.on.is_empty()) {
        (Some((_, Need::End)), _) => String::new(),
        (Some((_, Need::Place)), _) => ", as the scope has a `limit`".into(),
        (Some((_, Need::Owner)), false) => format!(", which {} has", all(&blocked.on, false)),
        (_, true) => ", and nobody is left who could help".into(),
        (Some((_, Need::Message)), false) => format!(", which only {} could send", all(&blocked.on, false)),
        (_, false) => format!(", and only {} could help", all(&blocked.on, false)),
    };
    format!("for {}{by}", needs.join(" or "))
}

fn one_need(object: ObjectRef, need: Need) -> String {
    match need {
        Need::End | Need::Place => {
            ProcessRef::of(object).map_or(String::new(), |process| format!("the end of {}", who(process)))
        }
        _ => describe_need(object, need),
    }
}
