//! Locks and their kin: what processes synchronise with.

use super::arguments::{At, given};
use super::{ask, function_of, hidden, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required};
use crate::vm::op::{Op, Quick, Synchronizer};
use crate::vm::types::Type;
use crate::vm::value::{HandleKey, HandleKind, Value};

/// What is taken and given back.
const TAKEN: &[Type] = &[Type::Lock, Type::RLock, Type::RwLock, Type::Semaphore];
/// What belongs to the process that took it.
const OWNED: &[Type] = &[Type::Lock, Type::RLock, Type::RwLock];
const RWLOCK: &[Type] = &[Type::RwLock];
const EVENT: &[Type] = &[Type::Event];
const BARRIER: &[Type] = &[Type::Barrier];
const CONDITION: &[Type] = &[Type::Condition];
const WAITED: &[Type] = &[Type::Event, Type::Barrier, Type::Condition, Type::Rate];

/// The role of an rwlock's handle that reads.
pub const READER: u8 = 1;
/// The role of an rwlock's handle that writes.
pub const WRITER: u8 = 2;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "lock",
        &[],
        "A new lock, which one process at a time can hold: `with l { … }`.\nlock() is lock",
        Effect(|_, _| Ok(Op::Synchronizer(Synchronizer::Lock))),
    ),
    function_of(
        "rlock",
        &[],
        "A new lock that the process which holds it may take again; it is free when that has given it back as often.\n\
         rlock() is rlock",
        Effect(|_, _| Ok(Op::Synchronizer(Synchronizer::RLock))),
    ),
    function_of(
        "rwlock",
        &[],
        "A new lock that many processes can hold to read, `with l.read() { … }`, or one to write, \
         `with l.write() { … }`.\nrwlock() is rwlock",
        Effect(|_, _| Ok(Op::Synchronizer(Synchronizer::RwLock))),
    ),
    method_of(
        "read",
        RWLOCK,
        &[],
        "The side of the lock for readers, of which there may be many at a time.\n\
         {let l = rwlock(); with l.read() { l.read().held() }}",
        Pure(|_, args| side(args, READER)),
    ),
    method_of(
        "write",
        RWLOCK,
        &[],
        "The side of the lock for a writer, who has it alone. One who waits goes before new readers.\n\
         {let l = rwlock(); with l.write() { l.write().held() }}",
        Pure(|_, args| side(args, WRITER)),
    ),
    function_of(
        "semaphore",
        &[required("permits"), optional("bounded", "false")],
        "A new semaphore: so many processes at a time can be in `with s { … }`. A bounded one never has more permits \
         than at first.\nsemaphore(2) is semaphore",
        Effect(|_, args| {
            let permits = At("semaphore", "permits").count(&args[0])? as u64;
            let bounded = At("semaphore", "bounded").flag(&args[1])?;
            Ok(Op::Synchronizer(Synchronizer::Semaphore { permits, bounded }))
        }),
    ),
    method_of(
        "acquire",
        TAKEN,
        &[optional("timeout", "null")],
        "Takes the lock or a permit; waits while none is free. A permit taken so is nobody's: it does not come back \
         when the process ends.\nlock().acquire() == null",
        Effect(|_, args| {
            let timeout = ask::timeout("acquire", &args[1])?;
            Ok(Op::Acquire { lock: taken(args)?, try_: false, timeout })
        }),
    )
    .quick(Quick::Acquire),
    method_of(
        "try_acquire",
        TAKEN,
        &[],
        "Takes the lock or a permit if one is free, and gives whether it was.\nlock().try_acquire()",
        Effect(|_, args| Ok(Op::Acquire { lock: taken(args)?, try_: true, timeout: None })),
    )
    .quick(Quick::TryAcquire),
    method_of(
        "release",
        TAKEN,
        &[],
        "Gives the lock or a permit back.\n{let l = lock(); l.acquire(); l.release() == null}",
        Effect(|_, args| Ok(Op::Release { lock: taken(args)? })),
    )
    .quick(Quick::Release),
    method_of(
        "held",
        OWNED,
        &[],
        "Whether this process holds the lock.\nnot lock().held()",
        Effect(|_, args| Ok(Op::Held { lock: ask::receiver(args)? })),
    ),
    function_of(
        "event",
        &[],
        "A new event, which is not set: processes wait until one sets it.\nevent() is event",
        Effect(|_, _| Ok(Op::Synchronizer(Synchronizer::Event))),
    ),
    method_of(
        "set",
        EVENT,
        &[],
        "Sets the event: all who wait for it go on, and nobody waits any more.\n\
         {let e = event(); e.set(); e.is_set()}",
        Effect(|_, args| Ok(Op::SetEvent { event: ask::receiver(args)?, set: true })),
    ),
    method_of(
        "clear",
        EVENT,
        &[],
        "Makes the event one that is not set.\n{let e = event(); e.set(); e.clear(); not e.is_set()}",
        Effect(|_, args| Ok(Op::SetEvent { event: ask::receiver(args)?, set: false })),
    ),
    method_of(
        "is_set",
        EVENT,
        &[],
        "Whether the event is set.\nnot event().is_set()",
        Effect(|_, args| Ok(Op::IsSet { event: ask::receiver(args)? })),
    ),
    function_of(
        "barrier",
        &[required("parties")],
        "A new barrier: nobody goes on from `wait` before so many processes have come. It can be used again and \
         again.\nbarrier(2) is barrier",
        Effect(|_, args| {
            let parties = At("barrier", "parties").positive(&args[0])? as u64;
            Ok(Op::Synchronizer(Synchronizer::Barrier { parties }))
        }),
    ),
    method_of(
        "abort",
        BARRIER,
        &[],
        "Gives the barrier up: who waits there or comes later gets the error `closed`.\nbarrier(2).abort() == null",
        Effect(|_, args| Ok(Op::Abort { barrier: ask::receiver(args)? })),
    ),
    function_of(
        "condition",
        &[required("lock")],
        "A new condition for what a lock or an rlock guards: who holds that can wait until another tells him to look \
         again.\ncondition(lock()) is condition",
        Effect(condition),
    ),
    method_of(
        "notify",
        CONDITION,
        &[optional("count", "1")],
        "Tells the process that has waited longest, or so many, to look again.\n\
         {let l = lock(); let c = condition(l); with l { c.notify() == null }}",
        Effect(|_, args| {
            let count = given(&args[1]).map_or(Ok(1), |count| At("notify", "count").count(count))? as u64;
            Ok(Op::Notify { condition: ask::receiver(args)?, count })
        }),
    ),
    method_of(
        "notify_all",
        CONDITION,
        &[],
        "Tells all who wait to look again.\n\
         {let l = lock(); let c = condition(l); with l { c.notify_all() == null }}",
        Effect(|_, args| Ok(Op::Notify { condition: ask::receiver(args)?, count: u64::MAX })),
    ),
    method_of(
        "wait_for",
        CONDITION,
        &[required("f"), optional("timeout", "null")],
        "Waits until `f()` is true: looks now and whenever it is told to. The lock is held whenever `f` is called, and \
         afterwards.\n{let l = lock(); let c = condition(l); with l { c.wait_for(|| true) == null }}",
        Script(
            "fn wait_for(self_, f, timeout = null) {
                let patience = __patience(timeout)
                self_.notify(0)
                if patience == null {
                    while not f() { self_.wait() }
                } else {
                    let end = clock() + patience
                    while not f() { self_.wait(timeout = max(end - clock(), 0)) }
                }
            }",
        ),
    ),
    function_of(
        "rate",
        &[required("turns"), optional("per", "1s")],
        "A new limiter: all processes together get so many turns, evenly spread, in each `per` seconds.\n\
         rate(10, per = 500ms) is rate",
        Effect(|_, args| {
            let turns = At("rate", "turns").positive(&args[0])? as u64;
            let at = At("rate", "per");
            let per = given(&args[1]).map_or(Ok(1.0), |per| ask::seconds(at, per))?;
            if per == 0.0 || per.is_infinite() {
                return Err(at.bad("be more than 0 and not inf"));
            }
            Ok(Op::Synchronizer(Synchronizer::Rate { turns, per }))
        }),
    ),
    method_of(
        "wait",
        WAITED,
        &[optional("timeout", "null")],
        "Waits for an event to be set, for all to come to a barrier (gives the place in the order of arrival), for a \
         condition to be notified, for a turn of a limiter.\n{let e = event(); e.set(); e.wait() == null}",
        Effect(wait),
    ),
    hidden("__patience", &[required("timeout")], Pure(patience)),
];

fn wait(_: &mut Context, args: &mut [Value]) -> Result<Op, Fault> {
    Ok(Op::Await { object: ask::receiver(args)?, timeout: ask::timeout("wait", &args[1])? })
}

/// The timeout of `wait_for` as seconds, or null for ever.
fn patience(_: &mut Context, args: &mut [Value]) -> Result<Value, Fault> {
    Ok(ask::timeout("wait_for", &args[0])?.map_or(Value::Null, Value::from))
}

fn side(args: &mut [Value], role: u8) -> Result<Value, Fault> {
    let key = ask::receiver(args)?;
    if key.role != 0 && key.role != role {
        return Err(Fault::value_error(match key.role {
            READER => "this handle of the rwlock can only read",
            _ => "this handle of the rwlock can only write",
        }));
    }
    Ok(Value::handle(HandleKey { role, ..key }))
}

/// The receiver, which must be one that can be taken.
fn taken(args: &[Value]) -> Result<HandleKey, Fault> {
    let key = ask::receiver(args)?;
    if key.kind == HandleKind::RwLock && key.role == 0 {
        return Err(Fault::type_error("an rwlock is taken to read or to write")
            .help("`with l.read() { … }` or `with l.write() { … }`"));
    }
    Ok(key)
}

fn condition(_: &mut Context, args: &mut [Value]) -> Result<Op, Fault> {
    match &args[0] {
        Value::Handle(lock) if matches!(lock.key().kind, HandleKind::Lock | HandleKind::RLock) => {
            Ok(Op::Synchronizer(Synchronizer::Condition { lock: lock.key() }))
        }
        other => Err(At("condition", "lock").wrong("a lock or an rlock", other)),
    }
}
