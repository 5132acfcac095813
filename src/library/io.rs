//! Output, input and files.

use super::arguments::{At, given, take};
use super::{ask, function_of, hidden, method_of};
use crate::vm::fault::Fault;
use crate::vm::native::{Context, Declaration, Run::*, optional, required, rest, rest_of};
use crate::vm::op::Op;
use crate::vm::types::Type;
use crate::vm::value::display::display;
use crate::vm::value::{HandleKey, HandleKind, Value};

const FILE: &[Type] = &[Type::File];
/// The file number of standard output; that of standard error is one more, that of standard input one less.
const STDOUT: u64 = 1;

/// The value of a name that stands for a standard stream.
pub fn constant(name: &str) -> Option<Value> {
    let id = match name {
        "stdin" => STDOUT - 1,
        "stdout" => STDOUT,
        "stderr" => STDOUT + 1,
        _ => return None,
    };
    Some(Value::handle(HandleKey { kind: HandleKind::File, id, generation: 0, role: 0 }))
}

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "print",
        &[rest("values"), optional("sep", "' '"), optional("end", "'\\n'"), optional("file", "stdout")],
        "Writes values as text, with `sep` between them and `end` after them.\nprint('a', 1, sep = ', ') == null",
        Effect(print),
    ),
    function_of(
        "input",
        &[optional("prompt", "''")],
        "A line of standard input without its end, after the prompt was written; an error at its end.\ninput is function",
        Effect(|cx, args| Ok(Op::Input { prompt: given(&args[0]).map(|prompt| display(cx, prompt)).transpose()? })),
    ),
    function_of(
        "read_text",
        &[required("path")],
        "The whole text of a file.\nread_text('/dev/null') == ''",
        Effect(|_, args| Ok(Op::ReadText { path: path("read_text", &args[0])? })),
    ),
    function_of(
        "read_bytes",
        &[required("path")],
        "All bytes of a file.\nread_bytes('/dev/null') == b''",
        Effect(|_, args| Ok(Op::ReadBytes { path: path("read_bytes", &args[0])? })),
    ),
    function_of(
        "write_text",
        &[required("path"), required("text")],
        "Makes a file with this text; what it held before is gone.\nwrite_text('/dev/null', 'a\\n') == null",
        Effect(|_, args| write("write_text", args, false)),
    ),
    function_of(
        "append_text",
        &[required("path"), required("text")],
        "Adds text at the end of a file, which is made when it is not there.\nappend_text('/dev/null', 'a\\n') == null",
        Effect(|_, args| write("append_text", args, true)),
    ),
    function_of(
        "write_bytes",
        &[required("path"), required("data")],
        "Makes a file with these bytes; what it held before is gone.\nwrite_bytes('/dev/null', b'a') == null",
        Effect(|_, args| {
            let path = path("write_bytes", &args[0])?;
            match take(&mut args[1]) {
                Value::Bytes(mut data) => {
                    let data = data.get_mut().map_or_else(Vec::new, |data| std::mem::take(data).into_vec());
                    Ok(Op::WriteFile { path, data, append: false })
                }
                other => Err(At("write_bytes", "data").wrong("bytes", &other)),
            }
        }),
    ),
    function_of(
        "files",
        &[required("pattern")],
        "The paths of the files that fit a pattern, sorted: `*` and `?` and `[a-c]` within a name, `**` for any \
         directories, `{a,b}` for either; hidden ones only where the pattern has the dot, directories when it ends \
         with `/`.\nfiles('/dev/nul?') == ['/dev/null']",
        Effect(|_, args| Ok(Op::Files { pattern: path_of("files", "pattern", &args[0])? })),
    ),
    function_of(
        "open",
        &[required("path"), optional("mode", "'r'")],
        "Opens a file of text: mode `r` reads, `w` writes it anew, `a` adds, `x` writes one that must be new.\n\
         open('/dev/null').read() == ''",
        Effect(|_, args| {
            let mode = given(&args[1]).map_or(Ok("r"), |mode| At("open", "mode").text(mode))?.to_string();
            Ok(Op::Open { path: path("open", &args[0])?, mode })
        }),
    ),
    method_of(
        "lines",
        FILE,
        &[],
        "A stream of the lines of a file, each without its end; it is never read whole.\n\
         open('/dev/null').lines().list() == []",
        Effect(|_, args| Ok(Op::FileLines { file: ask::receiver(args)? })),
    ),
    method_of(
        "read",
        FILE,
        &[],
        "All text of a file that was not read yet.\nopen('/dev/null').read() == ''",
        Effect(|_, args| Ok(Op::FileRead { file: ask::receiver(args)? })),
    ),
    method_of(
        "write",
        FILE,
        &[required("text")],
        "Writes text to a file, without adding a line end.\nopen('/dev/null', 'w').write('a\\n') == null",
        Effect(|_, args| {
            let text = At("write", "text").text(&args[1])?.to_string();
            Ok(Op::FileWrite { file: ask::receiver(args)?, text })
        }),
    ),
    hidden("__args", &[], Effect(|_, _| Ok(Op::Args))),
];

fn print(cx: &mut Context, args: &mut [Value]) -> Result<Op, Fault> {
    let separator = given(&args[1]).map_or(Ok(" "), |sep| At("print", "sep").text(sep))?;
    let end = given(&args[2]).map_or(Ok("\n"), |end| At("print", "end").text(end))?;
    let mut text = String::new();
    for (at, value) in rest_of(&args[0]).iter().enumerate() {
        if at > 0 {
            text.push_str(separator);
        }
        match value {
            Value::Str(part) => text.push_str(part),
            other => text.push_str(&display(cx, other)?),
        }
    }
    text.push_str(end);
    let Some(file) = given(&args[3]) else { return Ok(Op::Print { text, stderr: false }) };
    let file = ask::handle(At("print", "file"), file, HandleKind::File, "an open file, stdout or stderr")?;
    Ok(match file.id.checked_sub(STDOUT) {
        Some(number @ (0 | 1)) => Op::Print { text, stderr: number == 1 },
        _ => Op::FileWrite { file, text },
    })
}

fn path(function: &'static str, value: &Value) -> Result<String, Fault> {
    path_of(function, "path", value)
}

fn path_of(function: &'static str, parameter: &'static str, value: &Value) -> Result<String, Fault> {
    At(function, parameter).text(value).map(str::to_string)
}

fn write(function: &'static str, args: &[Value], append: bool) -> Result<Op, Fault> {
    let fault = |fault: Fault| match &args[1] {
        Value::Bytes(_) => fault.help("`write_bytes` writes bytes"),
        _ => fault.help("`str(…)` makes text of any value"),
    };
    let text = At(function, "text").text(&args[1]).map_err(fault)?;
    Ok(Op::WriteFile { path: path(function, &args[0])?, data: text.as_bytes().to_vec(), append })
}
