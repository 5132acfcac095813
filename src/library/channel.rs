//! Pipes and queues.

use super::arguments::{At, take};
use super::{ask, function_of, hidden, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::op::{Op, Quick};
use crate::vm::types::Type;
use crate::vm::value::Value;

const PIPE: &[Type] = &[Type::Pipe];
const QUEUE: &[Type] = &[Type::Queue];

/// The role of a queue's handle that can only put.
pub const SENDER: u8 = 1;
/// The role of a queue's handle that can only take.
pub const TAKER: u8 = 2;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "pipe",
        &[optional("capacity", "null")],
        "The two ends of a new pipe for two processes: what is sent at one is received at the other.\n\
         {let [here, there] = pipe(); here.send(1); there.recv() == 1}",
        Effect(|_, args| Ok(Op::Pipe { capacity: ask::capacity("pipe", &args[0])? })),
    ),
    method_of(
        "send",
        PIPE,
        &[required("value"), optional("timeout", "null")],
        "Puts a value into the pipe; waits while it is full.\npipe()[0].send(1) == null",
        Effect(|_, args| send("send", args, false)),
    )
    .quick(Quick::Send),
    method_of(
        "try_send",
        PIPE,
        &[required("value")],
        "Puts a value into the pipe if there is room, and gives whether there was.\npipe()[0].try_send(1)",
        Effect(|_, args| send("try_send", args, true)),
    )
    .quick(Quick::TrySend),
    method_of(
        "recv",
        PIPE,
        &[optional("timeout", "null")],
        "Takes the next value out of the pipe; waits for it.\n{let [a, b] = pipe(); a.send(1); b.recv() == 1}",
        Effect(|_, args| receive("recv", args)),
    )
    .quick(Quick::Receive),
    method_of(
        "try_recv",
        PIPE,
        &[optional("default", "null")],
        "Takes the next value out of the pipe, or gives the default when there is none.\npipe()[0].try_recv(0) == 0",
        Effect(try_receive),
    )
    .quick(Quick::Receive),
    method_of(
        "poll",
        PIPE,
        &[optional("timeout", "0")],
        "Whether a value can be received, after waiting so many seconds for it; null waits for ever.\n\
         pipe()[0].poll() == false",
        Effect(|_, args| {
            let timeout = if matches!(args[1], Value::Undefined) { Some(0.0) } else { ask::timeout("poll", &args[1])? };
            Ok(Op::Poll { channel: ask::receiver(args)?, timeout })
        }),
    ),
    method_of(
        "pending",
        PIPE,
        &[],
        "How many values wait to be received.\npipe()[0].pending() == 0",
        Effect(|_, args| Ok(Op::Pending { channel: ask::receiver(args)? })),
    ),
    method_of(
        "close",
        &[Type::Pipe, Type::Queue, Type::File],
        &[],
        "Closes a pipe end, a queue or a file: nothing more can be put in, what is there can still be taken.\n\
         queue().close() == null",
        Effect(|_, args| Ok(Op::Close { handle: ask::receiver(args)? })),
    ),
    function_of(
        "queue",
        &[optional("capacity", "null")],
        "A new queue for any number of processes; without a capacity it takes all that is put.\n\
         {let q = queue(); q.put(1); q.get() == 1}",
        Effect(|_, args| Ok(Op::Queue { capacity: ask::capacity("queue", &args[0])? })),
    ),
    method_of(
        "put",
        QUEUE,
        &[required("value"), optional("timeout", "null")],
        "Puts a value into the queue; waits while it is full.\nqueue().put(1) == null",
        Effect(|_, args| send("put", args, false)),
    )
    .quick(Quick::Send),
    method_of(
        "try_put",
        QUEUE,
        &[required("value")],
        "Puts a value into the queue if there is room, and gives whether there was.\nqueue().try_put(1)",
        Effect(|_, args| send("try_put", args, true)),
    )
    .quick(Quick::TrySend),
    method_of(
        "put_all",
        QUEUE,
        &[required("values"), optional("timeout", "null")],
        "Puts all items of a list, a stream or other data into the queue, in order.\n\
         {let q = queue(); q.put_all([1, 2]); q.len() == 2}",
        // The items of a stream go one by one as they come: they may be more than there is memory for.
        Script(
            "fn put_all(self_, values, timeout = null) {
                if values is not stream { return __put_all(self_, values, timeout) }
                __put_all(self_, [], timeout)
                let end = if timeout == null { null } else { clock() + timeout }
                var count = 0
                for x in values {
                    try {
                        self_.put(x, timeout = if end == null { null } else { max(0, end - clock()) })
                    } catch e if e.kind in ['timeout', 'closed'] {
                        let text = e.message.replace('`put`', '`put_all`')
                        throw error(e.kind, f'{text}; {count} values of the stream were put, the next one is in `data`', x)
                    }
                    count += 1
                }
            }",
        ),
    ),
    hidden(
        "__put_all",
        &[required("queue"), required("values"), required("timeout")],
        Effect(|_, args| {
            let values = match &args[1] {
                list @ Value::List(_) => list.clone(),
                other => Value::list(At("put_all", "values").items(other)?.into_owned()),
            };
            Ok(Op::SendAll { channel: ask::receiver(args)?, values, timeout: ask::timeout("put_all", &args[2])? })
        }),
    ),
    method_of(
        "get",
        QUEUE,
        &[optional("timeout", "null")],
        "Takes the next value out of the queue; waits for it.\n{let q = queue(); q.put(1); q.get() == 1}",
        Effect(|_, args| receive("get", args)),
    )
    .quick(Quick::Receive),
    method_of(
        "try_get",
        QUEUE,
        &[optional("default", "null")],
        "Takes the next value out of the queue, or gives the default when there is none.\nqueue().try_get(0) == 0",
        Effect(try_receive),
    )
    .quick(Quick::Receive),
    method_of(
        "get_many",
        QUEUE,
        &[required("count"), optional("timeout", "null")],
        "Waits for one value and takes up to so many, as a list.\n\
         {let q = queue(); q.put_all([1, 2, 3]); q.get_many(2) == [1, 2]}",
        Effect(|_, args| {
            let most = At("get_many", "count").positive(&args[1])? as u64;
            Ok(Op::ReceiveMany { channel: ask::receiver(args)?, most, timeout: ask::timeout("get_many", &args[2])? })
        }),
    ),
    method_of(
        "len",
        QUEUE,
        &[],
        "How many values are in the queue.\nqueue().len() == 0",
        Effect(|_, args| Ok(Op::Pending { channel: ask::receiver(args)? })),
    ),
    method_of(
        "empty",
        QUEUE,
        &[],
        "Whether nothing is in the queue.\nqueue().empty()",
        Script("fn empty(self_) = self_.len() == 0"),
    ),
    method_of(
        "full",
        QUEUE,
        &[],
        "Whether the queue has no room; one without a capacity never is.\nnot queue().full()",
        Effect(|_, args| Ok(Op::Full { channel: ask::receiver(args)? })),
    ),
    method_of(
        "sender",
        QUEUE,
        &[],
        "A handle of the queue that can only put.\nqueue().sender() is queue",
        Effect(|_, args| Ok(Op::Restrict { channel: ask::receiver(args)?, role: SENDER })),
    ),
    method_of(
        "taker",
        QUEUE,
        &[],
        "A handle of the queue that can only take.\nqueue().taker() is queue",
        Effect(|_, args| Ok(Op::Restrict { channel: ask::receiver(args)?, role: TAKER })),
    ),
    method_of(
        "task_done",
        QUEUE,
        &[],
        "Says that one value taken out of the queue has been worked on.\n\
         {let q = queue(); q.put(1); q.get(); q.task_done() == null}",
        Effect(|_, args| Ok(Op::TaskDone { channel: ask::receiver(args)? })),
    ),
    method_of(
        "wait_done",
        QUEUE,
        &[optional("timeout", "null")],
        "Waits until `task_done()` has been called for every value that was put.\nqueue().wait_done() == null",
        Effect(|_, args| {
            Ok(Op::WaitDone { channel: ask::receiver(args)?, timeout: ask::timeout("wait_done", &args[1])? })
        }),
    ),
];

fn send(function: &'static str, args: &mut [Value], try_: bool) -> Result<Op, Fault> {
    let timeout = match args.get(2) {
        Some(timeout) => ask::timeout(function, timeout)?,
        None => None,
    };
    Ok(Op::Send { channel: ask::receiver(args)?, value: take(&mut args[1]), try_, timeout })
}

fn receive(function: &'static str, args: &mut [Value]) -> Result<Op, Fault> {
    Ok(Op::Receive { channel: ask::receiver(args)?, timeout: ask::timeout(function, &args[1])? })
}

fn try_receive(_: &mut Context, args: &mut [Value]) -> Result<Op, Fault> {
    Ok(Op::TryReceive { channel: ask::receiver(args)?, default: take(&mut args[1]) })
}
