//! Links the command without shared libraries where the C library can be had so: every fork copies the mappings of a
//! library, every exit gives them back, and the pages in between are read in anew. That is a quarter of what a process
//! costs, and a third of the start of a run. The order of the functions in it is that of spawn.ld.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// What the standard library asks the linker for, and the archives that have it.
const ARCHIVES: [(&str, &str); 7] = [
    ("c", "libc.a"),
    ("m", "libm.a"),
    ("gcc_s", "libgcc_eh.a"),
    ("pthread", "libpthread.a"),
    ("rt", "librt.a"),
    ("dl", "libdl.a"),
    ("util", "libutil.a"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(fork_alone)");
    println!("cargo:rustc-check-cfg=cfg(static_command)");
    let set = |name: &str| env::var(name).unwrap_or_default();
    let usual = set("CARGO_CFG_TARGET_OS") == "linux" && set("CARGO_CFG_TARGET_ENV") == "gnu";
    if !usual || set("HOST") != set("TARGET") {
        return;
    }
    order_functions(&set("CARGO_ENCODED_RUSTFLAGS"));
    let found = ARCHIVES.map(|(_, archive)| find(archive));
    // Since version 2.34; a shared library of the same system has it too.
    if found[0].as_ref().is_some_and(|archive| has_symbol(archive, b"\0_Fork\0")) {
        println!("cargo:rustc-cfg=fork_alone");
    }
    let is_static = set("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if is_static || found.contains(&None) {
        return;
    }
    let folder = PathBuf::from(set("OUT_DIR")).join("archives");
    fs::create_dir_all(&folder).expect("the output folder can be written to");
    for (name, archive) in ARCHIVES {
        // What the linker takes for a shared library may be a text that names others.
        let text = format!("GROUP(-l:{archive} -l:libc.a -l:libgcc_eh.a -l:libgcc.a)\n");
        fs::write(folder.join(format!("lib{name}.so")), text).expect("the output folder can be written to");
    }
    println!("cargo:rustc-link-arg-bins=-L{}", folder.display());
    println!("cargo:rustc-link-arg-bins=-static-pie");
    println!("cargo:rustc-cfg=static_command");
}

/// Gives the linker the order, unless it is one that somebody has chosen: not every linker can read it.
fn order_functions(flags: &str) {
    const ORDER: &str = "spawn.ld";
    println!("cargo:rerun-if-changed={ORDER}");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    let chosen = env::var_os("RUSTC_LINKER").is_some() || flags.contains("link");
    if !chosen && let Some(folder) = env::var_os("CARGO_MANIFEST_DIR") {
        println!("cargo:rustc-link-arg-bins=-T{}", PathBuf::from(folder).join(ORDER).display());
    }
}

/// Where the linker finds this archive.
fn find(archive: &str) -> Option<PathBuf> {
    let answer = Command::new("cc").arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}

fn has_symbol(archive: &PathBuf, name: &[u8]) -> bool {
    fs::read(archive).is_ok_and(|bytes| bytes.windows(name.len()).any(|part| part == name))
}
