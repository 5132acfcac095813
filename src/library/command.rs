//! External commands. Their arguments come as a list, and no shell reads them.

use super::arguments::{At, given};
use super::{ask, function_of};
use crate::vm::fault::{Fault, Kind};
use crate::vm::native::{Context, Declaration, Run::*, optional, rest, rest_of};
use crate::vm::op::{Command, Op, Take};
use crate::vm::value::Value;
use crate::vm::value::display::display;

pub(super) static DECLARATIONS: &[Declaration] = &[
    function_of(
        "run",
        &[
            rest("command"),
            optional("input", "null"),
            optional("check", "true"),
            optional("cwd", "null"),
            optional("env", "null"),
            optional("timeout", "null"),
            optional("detach", "false"),
        ],
        "Runs a command, whose output is this process's, and waits for its end; raises `process_failed` when its \
         status is not 0. With `check = false` it gives `{ok, exit_code, signal}`; with `detach = true` the command \
         runs on by itself, and its pid is given.\nrun('true') == null",
        Effect(|cx, args| {
            let detach = At("run", "detach").flag(&args[6])?;
            let command = command(cx, "run", args, if detach { Take::Nothing } else { Take::End })?;
            if detach && (command.timeout.is_some() || given(&args[2]).is_some()) {
                return Err(Fault::value_error("`run`: a detached command is not waited for")
                    .help("leave out `timeout` and `check`, or `detach`"));
            }
            Ok(Op::Run(Box::new(command)))
        }),
    ),
    function_of(
        "capture",
        &[
            rest("command"),
            optional("input", "null"),
            optional("check", "true"),
            optional("cwd", "null"),
            optional("env", "null"),
            optional("timeout", "null"),
            optional("bytes", "false"),
        ],
        "Runs a command and gives what it writes to its standard output: text without the end of its last line, or \
         with `bytes = true` all its bytes. With `check = false` it gives `{ok, exit_code, signal, out}`.\n\
         capture('echo', 'a') == 'a'",
        Effect(|cx, args| {
            let take = if At("capture", "bytes").flag(&args[6])? { Take::Bytes } else { Take::Text };
            Ok(Op::Run(Box::new(command(cx, "capture", args, take)?)))
        }),
    ),
    function_of(
        "lines",
        &[
            rest("command"),
            optional("input", "null"),
            optional("check", "true"),
            optional("cwd", "null"),
            optional("env", "null"),
        ],
        "Runs a command and gives a stream of the lines that it writes. The command is stopped when the stream is \
         given up before its end.\nlines('echo', 'a').list() == ['a']",
        Effect(|cx, args| Ok(Op::Run(Box::new(command(cx, "lines", args, Take::Lines)?)))),
    ),
];

fn command(cx: &mut Context, function: &'static str, args: &mut [Value], take: Take) -> Result<Command, Fault> {
    let given_words = match rest_of(&args[0]) {
        [Value::List(words)] => words,
        words => words,
    };
    if given_words.is_empty() {
        return Err(Fault::new(Kind::Arity, format!("`{function}` is called without a command"))
            .help(format!("it is called as {function}(\"git\", \"log\") or {function}([\"git\", \"log\"])")));
    }
    let words = given_words.iter().map(|value| word(cx, function, value)).collect::<Result<Vec<_>, _>>()?;
    if words[0].is_empty() {
        return Err(Fault::value_error(format!("`{function}`: the name of the command is empty")));
    }
    let input = given(&args[1]).map(|input| match input {
        Value::Str(text) => Ok(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => Ok(bytes.to_vec()),
        other => Err(At(function, "input").wrong("a str or bytes", other)),
    });
    let cwd = given(&args[3]).map(|cwd| {
        let cwd = At(function, "cwd").some_text(cwd)?;
        no_nul(function, "a directory", cwd.as_bytes()).map(|()| cwd.to_owned())
    });
    Ok(Command {
        function,
        words,
        take,
        input: input.transpose()?,
        timeout: args.get(5).map_or(Ok(None), |timeout| ask::timeout(function, timeout))?,
        check: given(&args[2]).is_none() || At(function, "check").flag(&args[2])?,
        cwd: cwd.transpose()?,
        env: given(&args[4]).map_or(Ok(Vec::new()), |env| variables(cx, function, env))?,
    })
}

fn word(cx: &mut Context, function: &'static str, value: &Value) -> Result<Vec<u8>, Fault> {
    let word = match value {
        Value::Str(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Int(_) | Value::Big(_) | Value::Float(_) => display(cx, value)?.into_bytes(),
        other => {
            let fault = At(function, "command").wrong("strs, bytes or numbers", other);
            return Err(match other {
                Value::List(_) => fault.help("`...xs` gives the items of a list as arguments of their own"),
                _ => fault,
            });
        }
    };
    no_nul(function, "an argument of a command", &word)?;
    Ok(word)
}

fn no_nul(function: &str, what: &str, bytes: &[u8]) -> Result<(), Fault> {
    if bytes.contains(&0) {
        return Err(Fault::value_error(format!("`{function}`: {what} cannot contain the character \"\\0\"")));
    }
    Ok(())
}

fn variables(cx: &mut Context, function: &'static str, env: &Value) -> Result<Vec<(String, Option<String>)>, Fault> {
    let Value::Map(map) = env else { return Err(At(function, "env").wrong("a map", env)) };
    let mut variables = Vec::with_capacity(map.len());
    for (name, value) in map.iter() {
        let name = At(function, "env").text(name)?;
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Fault::value_error(format!("{name:?} cannot be the name of an environment variable")));
        }
        let value = match value {
            Value::Null => None,
            Value::Str(text) => Some(text.to_string()),
            Value::Int(_) | Value::Big(_) | Value::Float(_) => Some(display(cx, value)?),
            other => return Err(At(function, "env").wrong("strs, numbers or null as values", other)),
        };
        no_nul(function, "the value of a variable", value.as_deref().unwrap_or_default().as_bytes())?;
        variables.push((name.to_owned(), value));
    }
    Ok(variables)
}
