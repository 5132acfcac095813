//! The error of a wait that can never end, told with every process of its circle.

use super::outcome::title;
use super::place;
use crate::shm::deadlock::{Blocked, take_circle};
use crate::shm::{Need, ObjectRef, ProcessRef, describe_need};
use crate::vm::fault::{Fault, Kind};
use crate::vm::value::{Map, Site, Value};

/// The error that this process raises, whose wait was found to be part of a circle.
pub fn fault() -> Fault {
    let circle = take_circle();
    let mut fault = Fault::new(Kind::Deadlock, message(&circle)).data(data(&circle));
    fault.change(|error| {
        error.related = circle
            .iter()
            .skip(1)
            .map(|blocked| Site {
                place: place::of_word(blocked.place),
                function: format!("{} waits here {}", who(blocked.process), what(blocked)).into(),
                spawn: false,
            })
            .collect();
    });
    fault
}

fn message(circle: &[Blocked]) -> String {
    match circle {
        [] => "this wait can never end".into(),
        [me] => format!("this wait can never end: it is {}", what(me)),
        [me, others @ ..] => {
            let others = others.iter().map(|other| format!("{} waits {}", who(other.process), what(other)));
            format!("this wait can never end: it is {}; {}", what(me), others.collect::<Vec<_>>().join("; "))
        }
    }
}

fn data(circle: &[Blocked]) -> Value {
    let rows = circle.iter().map(|blocked| {
        let mut row = Map::default();
        row.insert("process".into(), Value::from(blocked.process.id()));
        row.insert("name".into(), Value::from(blocked.process.name()));
        row.insert("waits".into(), Value::from(what(blocked)));
        row.insert("on".into(), Value::list(blocked.on.iter().map(|process| Value::from(process.id())).collect()));
        Value::map(row)
    });
    Value::list(rows.collect())
}

fn who(process: ProcessRef) -> String {
    format!("process {}", title(process))
}

fn all(processes: &[ProcessRef]) -> String {
    let mut names: Vec<String> = processes.iter().map(|&process| title(process)).collect();
    names.sort();
    names.dedup();
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
        (Some((_, Need::Owner)), false) => format!(", which {} has", all(&blocked.on)),
        (_, true) => ", and nobody is left who could help".into(),
        (Some((_, Need::Message)), false) => format!(", which only {} could send", all(&blocked.on)),
        (_, false) => format!(", and only {} could help", all(&blocked.on)),
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
