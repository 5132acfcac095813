//! Deaths on purpose: a process is stopped after each of its stores to shared memory in turn, in every operation and
//! situation, and so is the one that clears up after it. The source of `shm` is compiled here with its points to die at.

#[allow(dead_code, unused_imports)]
#[path = "../../src/escape.rs"]
mod escape;
#[allow(dead_code, unused_imports)]
#[path = "../../src/shm/mod.rs"]
mod shm;

mod acts;
mod arrays;
mod channels;
mod circles;
mod clearing;
mod graphs;
mod objects;
mod oracle;
mod output;
mod seeds;
mod shared;
mod stage;
mod storms;
mod sync;
mod worlds;

use stage::{Scene, Size};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let chosen = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    let scenes = [
        channels::scenes(),
        objects::scenes(),
        clearing::scenes(),
        sync::scenes(),
        shared::scenes(),
        arrays::scenes(),
        output::scenes(),
    ];
    let scenes: Vec<Scene> = scenes.into_iter().flatten().collect();
    let scenes: Vec<&Scene> = scenes.iter().filter(|scene| chosen(scene.name)).collect();
    if std::env::args().any(|arg| arg == "--list") {
        scenes.iter().for_each(|scene| println!("{}: test", scene.name));
        return ExitCode::SUCCESS;
    }
    let size = Size::of_environment();
    if std::env::args().any(|arg| arg == "--seeds") {
        return run_seeds(&names);
    }
    println!("\nrunning {} tests", scenes.len());
    let started = Instant::now();
    let (mut single, mut double, mut failed, mut places) = (0, 0, 0, BTreeSet::new());
    for scene in &scenes {
        let began = Instant::now();
        let result = stage::run(scene, size);
        single += result.single;
        double += result.double;
        places.extend(result.places);
        failed += usize::from(result.problem.is_some());
        println!(
            "test {} ... {} ({} deaths, {} double, {:.2} s)",
            scene.name,
            result.problem.as_deref().unwrap_or("ok"),
            result.single,
            result.double,
            began.elapsed().as_secs_f64()
        );
    }
    let storms: Vec<_> = storms::STORMS.iter().filter(|storm| chosen(storm.name)).collect();
    for storm in &storms {
        let began = Instant::now();
        let problem = storms::run(storm, size);
        failed += usize::from(problem.is_some());
        let result = problem.as_deref().unwrap_or("ok");
        println!("test {} ... {result} ({:.2} s)", storm.name, began.elapsed().as_secs_f64());
    }
    if std::env::var_os("MPLANG_TEST_PLACES").is_some() {
        places.iter().for_each(|place| println!("    {place}"));
    }
    println!(
        "\n{single} deaths and {double} double deaths, at {} places of the source, in {:.1} s; {}",
        places.len(),
        started.elapsed().as_secs_f64(),
        size.describe()
    );
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {} passed; {failed} failed\n", scenes.len() + storms.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Makes each known bug in turn, and sees whether it is found.
fn run_seeds(names: &[String]) -> ExitCode {
    let wanted = |seed: &&seeds::Seed| names.is_empty() || names.iter().any(|part| seed.name.contains(part.as_str()));
    let (mut found, mut missed) = (0, 0);
    for seed in seeds::SEEDS.iter().filter(wanted) {
        let began = Instant::now();
        let result = match seeds::run(seed) {
            seeds::Found::Yes => "found",
            seeds::Found::No => "NOT FOUND",
            seeds::Found::Hangs => "NOT FOUND: the tests hang",
        };
        println!("bug `{}`: {result} by {} ({:.2} s)", seed.name, seed.tests, began.elapsed().as_secs_f64());
        if result == "found" { found += 1 } else { missed += 1 }
    }
    println!("\n{found} known bugs found, {missed} not found\n");
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}
