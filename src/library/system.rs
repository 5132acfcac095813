//! The process's surroundings: environment, clocks, its end.

use super::arguments::{At, given, take};
use super::{ask, function_of};
use crate::vm::native::{Declaration, Run::*, optional, required};
use crate::vm::op::Op;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "env",
        &[optional("name", "null"), optional("default", "null")],
        "The value of an environment variable, or the default when it is not set; without a name a map of all.\n\
         env('NOT_SET', 'no') == 'no'",
        Effect(|_, args| {
            let name = given(&args[0]).map(|name| At("env", "name").some_text(name).map(str::to_string)).transpose()?;
            Ok(Op::Env { name, default: take(&mut args[1]) })
        }),
    ),
    function_of(
        "exit",
        &[optional("status", "0")],
        "Ends the process with this status, 0 to 255; `finally` and `with` still run.\nexit is function",
        Effect(|_, args| {
            let at = At("exit", "status");
            let status = given(&args[0]).map_or(Ok(0), |status| at.int(status))?;
            let status = u8::try_from(status).map_err(|_| at.bad("be 0 to 255"))?;
            Ok(Op::Exit { status })
        }),
    ),
    function_of(
        "sleep",
        &[required("seconds")],
        "Waits so many seconds.\nsleep(1ms) == null",
        Effect(|_, args| Ok(Op::Sleep { seconds: ask::seconds(At("sleep", "seconds"), &args[0])? })),
    ),
    function_of(
        "now",
        &[],
        "Seconds since the start of 1970, UTC, as a float.\nnow() > 1.7e9",
        Effect(|_, _| Ok(Op::Now)),
    ),
    function_of(
        "clock",
        &[],
        "Seconds on a clock that only goes forward, the same for all processes: the difference of two calls is the time \
         between them.\n\
         clock() <= clock()",
        Effect(|_, _| Ok(Op::Clock)),
    ),
    function_of("pid", &[], "The operating system's number of this process.\npid() > 0", Effect(|_, _| Ok(Op::Pid))),
    function_of(
        "cpu_count",
        &[],
        "How many processors this process may use, by its affinity and its group's quota.\ncpu_count() >= 1",
        Effect(|_, _| Ok(Op::CpuCount)),
    ),
];
