//! Processes: joining, waiting for and ending them.

use super::arguments::{At, given, try_items};
use super::{ask, function_of, method_of};
use crate::near::{Near, NearVec};
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, optional, rest, rest_of};
use crate::vm::op::Op;
use crate::vm::types::Type;
use crate::vm::value::{HandleKey, HandleKind, Value};

const PROCESS: &[Type] = &[Type::Process];
/// What `terminate` and `kill` send.
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// How long `stop` waits before it kills.
const GRACE: f64 = 2.0;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "join",
        &[rest("processes"), optional("timeout", "null")],
        "Waits for processes and gives the result of one, or the list of the results of several or of a list; raises \
         the error of one that failed.\njoin([spawn { 1 }, spawn { 2 }]) == [1, 2]",
        Effect(join),
    ),
    method_of(
        "join",
        PROCESS,
        &[optional("timeout", "null")],
        "Waits for the process and gives its result, or raises its error.\n(spawn { 1 }).join() == 1",
        Effect(|_, args| {
            let timeout = ask::timeout("join", &args[1])?;
            Ok(join_one(ask::receiver(args)?, timeout))
        }),
    ),
    method_of(
        "wait",
        PROCESS,
        &[optional("timeout", "null")],
        "Waits for the process and tells how it ended, `{ok, value, error, exit_code, signal}`, without raising its \
         error.\n(spawn { 1 }).wait().value == 1",
        Effect(|_, args| Ok(Op::Wait { process: ask::receiver(args)?, timeout: ask::timeout("wait", &args[1])? })),
    ),
    method_of(
        "terminate",
        PROCESS,
        &[],
        "Asks the process to end by the signal TERM.\n(spawn { 1 }).terminate() == null",
        Effect(|_, args| Ok(Op::Signal { process: ask::receiver(args)?, signal: SIGTERM })),
    ),
    method_of(
        "kill",
        PROCESS,
        &[],
        "Ends the process at once: nothing of it runs any more.\n(spawn { 1 }).kill() == null",
        Effect(|_, args| Ok(Op::Signal { process: ask::receiver(args)?, signal: SIGKILL })),
    ),
    method_of(
        "stop",
        PROCESS,
        &[optional("grace", "2s")],
        "Cancels what the process does, so that its `finally` and `with` run, and kills it after the grace time.\n\
         (spawn { 1 }).stop(grace = 1s) == null",
        Effect(|_, args| {
            let grace = given(&args[1]).map_or(Ok(GRACE), |grace| ask::seconds(At("stop", "grace"), grace))?;
            Ok(Op::Stop { process: ask::receiver(args)?, grace })
        }),
    ),
    function_of(
        "self_process",
        &[],
        "The handle of this process.\nself_process().pid == pid()",
        Effect(|_, _| Ok(Op::SelfProcess)),
    ),
    function_of(
        "children",
        &[],
        "The handles of the processes that this one spawned.\nchildren() is list",
        Effect(|_, _| Ok(Op::Children)),
    ),
];

fn join(_: &mut Context, args: &mut [Value]) -> Result<Op, Fault> {
    let timeout = ask::timeout("join", &args[1])?;
    let process = |value: &Value| -> Result<HandleKey, Fault> {
        ask::handle(At("join", "processes"), value, HandleKind::Process, "processes").map_err(|fault| match value {
            Value::List(_) | Value::Str(_) => fault.help("`xs.join(\", \")` puts strs together"),
            _ => fault,
        })
    };
    match rest_of(&args[0]) {
        [] => Err(Fault::new(Kind::Arity, "`join` is called without a process")
            .help("it is called as join(p), join(p, q) or join([p, q])")),
        [one @ Value::Handle(_)] => Ok(join_one(process(one)?, timeout)),
        [many] => match try_items("join", many)? {
            Some(items) if !matches!(many, Value::Str(_)) => join_all(items.iter().map(process), timeout),
            _ => process(many).map(|process| join_one(process, timeout)),
        },
        several => join_all(several.iter().map(process), timeout),
    }
}

fn join_one(process: HandleKey, timeout: Option<f64>) -> Op {
    let mut processes = NearVec::with_capacity_in(1, Near);
    processes.push(process);
    Op::Join { processes, many: false, timeout }
}

fn join_all(each: impl ExactSizeIterator<Item = Result<HandleKey, Fault>>, timeout: Option<f64>) -> Result<Op, Fault> {
    let mut processes = NearVec::with_capacity_in(each.len(), Near);
    for process in each {
        processes.push(process?);
    }
    Ok(Op::Join { processes, many: true, timeout })
}
