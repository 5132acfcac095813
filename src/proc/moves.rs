//! Ends of pipes that went to another process, in words.

use super::{place, tell};
use crate::shm::ProcessRef;
use crate::vm::machine::Machine;
use crate::vm::value::{self, HandleKey, Value};
use std::rc::Rc;

/// How an end moved with the spawn that is being performed, whose call is a function and all that it gets.
pub fn by_spawn(machine: &Machine, call: &[Value], end: HandleKey, child: ProcessRef) -> String {
    let way = mentions(machine, call, end).map_or(String::new(), |way| because(&way));
    format!("moved to process {}, spawned on {}{way}", child.title(), tell::line(tell::here()))
}

/// How an end moved with the message that is being sent.
pub fn by_message() -> String {
    format!("was sent to another process on {}", tell::line(tell::here()))
}

/// Where an end is that the result of a process names, until somebody takes that.
pub fn in_result(process: ProcessRef) -> String {
    format!("is in the result of process {}, which `join` takes", process.title())
}

/// How an end went with the result of a process, which another one took first.
pub fn by_join(process: ProcessRef) -> String {
    let (taker, place) = process.taker().map_or((String::new(), 0), |(taker, place)| (taker.title(), place));
    let taker = if taker.is_empty() { "another process".to_string() } else { format!("process {taker}") };
    let line = if place == 0 { String::new() } else { format!(" on {}", tell::line(place::of_word(place))) };
    format!("went to {taker}, which took the result of process {}{line}", process.title())
}

/// Whether the very block or closure that is being spawned mentions an end.
pub fn in_block(machine: &Machine, call: &[Value], end: HandleKey) -> bool {
    mentions(machine, call, end).is_some_and(|way| way.len() == 2 && way[0].is_empty())
}

fn mentions(machine: &Machine, call: &[Value], end: HandleKey) -> Option<Vec<Rc<str>>> {
    let [function, arguments @ ..] = call else { return None };
    let mut given = false;
    for argument in arguments {
        value::handles(argument, &mut |key| given |= key == end);
    }
    if given { None } else { machine.mentions(function, end) }
}

/// `, because f mentions g, which mentions here`
fn because(way: &[Rc<str>]) -> String {
    let mut text = match &*way[0] {
        "" => ", whose code".to_string(),
        name => format!(", because `{name}`"),
    };
    for (at, name) in way[1..].iter().enumerate() {
        text += &format!("{} mentions `{name}`", if at == 0 { "" } else { ", which" });
    }
    text
}
