//! Bytecode as text, for people.

use super::code::{Instr, Key, Part, Path, Program, Proto, Shortcut};
use super::value::Value;
use crate::source::Sources;
use std::fmt::Write;

/// The code of all functions of a program but the library's, with the lines that it stands for.
pub fn dump(program: &Program, sources: &Sources, native: &dyn Fn(u16) -> &'static str) -> String {
    let mut out = String::new();
    for (number, proto) in program.protos.iter().enumerate() {
        if !proto.hidden {
            // Writing to a string does not fail.
            let _ = function(&mut out, program, sources, number, proto, native);
        }
    }
    out
}

fn parts(proto: &Proto, parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Text(index) => format!("{:?}", proto.constants[*index as usize]),
        Part::Keep(reg) | Part::Take(reg) => format!("r{reg}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" ")
}

fn path(proto: &Proto, path: &Path) -> String {
    let keys = path.keys.iter().map(|key| match key {
        Key::Index(reg) => format!("[r{reg}]"),
        Key::Field { name, .. } => format!(".{}", proto.names[*name as usize].as_str().unwrap_or_default()),
    });
    std::iter::once(format!("r{}", path.root)).chain(keys).collect()
}

fn function(
    out: &mut String,
    program: &Program,
    sources: &Sources,
    number: usize,
    proto: &Proto,
    native: &dyn Fn(u16) -> &'static str,
) -> std::fmt::Result {
    let name = if proto.name.is_empty() { "(no name)" } else { &proto.name };
    let (line, _) = sources.position(proto.file, proto.span.start);
    write!(out, "function {number} {name}  {}:{line}", sources.get(proto.file).name)?;
    writeln!(out, "  {} parameters, {} captures, {} registers", proto.arity(), proto.captures, proto.registers)?;
    let mut last_line = 0;
    for (at, instr) in proto.code.iter().enumerate() {
        let (line, _) = sources.position(proto.file, proto.spans[at].start);
        if line == last_line {
            write!(out, "         ")?;
        } else {
            write!(out, "  {line:>5}  ")?;
            last_line = line;
        }
        let text = format!("{instr:?}").replace(" { ", " ").replace(" }", "").replace(": ", "=");
        write!(out, "{at:>5}  {text}")?;
        if let Some(offset) = instr.offset() {
            write!(out, "  -> {}", at as i64 + 1 + offset)?;
        }
        match *instr {
            Instr::Const { index, .. } => write!(out, "  ; {:?}", proto.constants[index as usize])?,
            Instr::CallFn { proto: callee, .. } => {
                if let Some(callee) = program.protos.get(callee as usize) {
                    write!(out, "  ; {}", callee.name)?;
                }
            }
            Instr::CallNative { native: id, .. } => write!(out, "  ; {}", native(id))?,
            Instr::Field { name, .. }
            | Instr::FieldMaybe { name, .. }
            | Instr::SetField { name, .. }
            | Instr::CallMethod { name, .. }
            | Instr::CallMethodSpread { name, .. }
            | Instr::TestKey { name, .. }
            | Instr::NeedKey { name, .. } => {
                if let Value::Str(name) = &proto.names[name as usize] {
                    write!(out, "  ; .{}", name.as_str())?;
                }
            }
            Instr::GetGlobal { index, .. } | Instr::SetGlobal { index, .. } | Instr::TakeGlobal { index, .. } => {
                write!(out, "  ; {}", program.globals[index as usize])?;
            }
            Instr::CallChange { site, .. } => {
                let site = &proto.changes[site as usize];
                let name = proto.names[site.name as usize].as_str().unwrap_or_default();
                write!(out, "  ; {}.{name} with {} of r{}", path(proto, &site.path), site.args, site.base)?;
            }
            Instr::SetPath { path: site, .. } | Instr::UpdatePath { path: site, .. } => {
                write!(out, "  ; {}", path(proto, &proto.paths[site as usize]))?;
            }
            Instr::Shortcut { site, .. } => match &proto.shortcuts[site as usize] {
                Shortcut::Take(place) => write!(out, "  ; take {}", path(proto, place))?,
                Shortcut::Join(texts) => write!(out, "  ; join {texts:?}")?,
            },
            Instr::Concat { site, .. } => write!(out, "  ; {}", parts(proto, &proto.texts[site as usize]))?,
            Instr::Select { site, .. } => write!(out, "  ; {:?}", proto.selects[site as usize])?,
            Instr::Closure { site, .. } => {
                let site = &proto.closures[site as usize];
                write!(out, "  ; function {} with {:?}", site.proto, site.captures)?;
            }
            _ => {}
        }
        writeln!(out)?;
    }
    for handler in &proto.handlers {
        writeln!(
            out,
            "         errors in {}..{} go to {} with the error in r{}",
            handler.start, handler.end, handler.target, handler.error
        )?;
    }
    for (reg, name) in &proto.locals {
        writeln!(out, "         r{reg} is {name}")?;
    }
    writeln!(out)
}
