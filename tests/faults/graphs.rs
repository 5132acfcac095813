//! Random small worlds of processes, played for real: what becomes of them must be one of the outcomes that the
//! [`oracle`](super::oracle) knows. So nobody hangs, no receive ends too soon, and no deadlock is raised or missed.

use super::acts::{Board, Made, PROMPT, Trace, Worker};
use super::oracle::{self, Future, Outcome};
use super::shm::exit_status::Ended;
use super::shm::process_table::{self, ProcessRef};
use super::shm::{self, Role, arena, faults, inspect};
use super::stage::{fork, in_use, look_for_end, state};
use super::storms::{Random, map};
use super::worlds::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Names the one world to play, as a failure tells it.
const WORLD_VARIABLE: &str = "MPLANG_TEST_WORLD";
/// Worlds that can go on in more ways are left out.
const MOST_STATES: usize = 3_000;
/// Among more processes than this looks pause, and come later.
const MANY: usize = 9_000;

/// Plays worlds in a run that has had thousands of processes at a time.
pub fn run_among_many(time: Duration) {
    let children: Vec<ProcessRef> = (0..MANY).map(|_| shm::register_child("test").unwrap()).collect();
    children.into_iter().for_each(process_table::cancel_child);
    run(time);
}

/// Plays worlds for so long.
pub fn run(time: Duration) {
    // What is asked here is who is told what, and the looks from time to time are part of that.
    faults::without_slices(false);
    let only = std::env::var(WORLD_VARIABLE).ok().map(|seed| seed.parse().expect("the number of a world"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let board: &Board = map();
    let started = Instant::now();
    let (mut worlds, mut too_many, mut processes, mut kills) = (0, 0, 0, 0);
    let (mut several, mut ends, mut deadlocks, mut time_outs) = (0, 0, 0, 0);
    // A bug made on purpose may show in few of them.
    let time = if std::env::var_os(faults::SEED_VARIABLE).is_some() { time * 60 } else { time };
    // Other ones each time.
    for seed in (now * 10_000..).map(|seed| only.unwrap_or(seed)) {
        if started.elapsed() > time {
            break;
        }
        let world = random_world(&mut Random::new(seed));
        let Some(future) = oracle::future(&world, MOST_STATES) else {
            too_many += 1;
            continue;
        };
        let before = in_use();
        let mut play = Play::begin(&world, seed, board);
        let result = play.finish(&future);
        kills += play.kills;
        let right = result.as_ref().is_ok_and(|outcome| future.outcomes.contains(outcome));
        if !right {
            let some: Vec<_> = future.outcomes.iter().take(8).collect();
            println!("world {seed} ({WORLD_VARIABLE}={seed} plays it again): {world:#?}");
            panic!("world {seed}: {result:?}, but by the rules one of {}: {some:?}", future.outcomes.len());
        }
        assert_eq!(before, in_use(), "world {seed}: blocks, bytes and slots in use, before and after");
        worlds += 1;
        processes += world.plans.len();
        several += usize::from(future.outcomes.len() > 1);
        let has = |what: u8| usize::from(result.iter().flatten().any(|log| log.contains(&what)));
        ends += has(CLOSED);
        deadlocks += has(DEADLOCK);
        time_outs += has(TIMED_OUT);
    }
    arena::check();
    let (told, late) = (board.told.load(SeqCst), board.late.load(SeqCst));
    let longest = Duration::from_nanos(board.longest.load(SeqCst));
    println!(
        "    {worlds} worlds of {processes} processes, {several} with several outcomes, {ends} with ends, {deadlocks} \
         with deadlocks, {time_outs} with time-outs, {kills} kills; {too_many} left out for their size\n    \
         {told} deadlocks, told after {longest:.1?} at most, {late} of them after more than {PROMPT:?}"
    );
    // The machine may be busy with other things.
    assert!(late <= 1 + told / 20, "deadlocks are told too late");
}

/// A world that is being played.
struct Play<'a> {
    world: &'a World,
    board: &'a Board,
    people: Vec<ProcessRef>,
    pids: Vec<i32>,
    /// Who has been reaped.
    ended: Vec<bool>,
    problem: Option<String>,
    kills: usize,
}

impl<'a> Play<'a> {
    fn begin(world: &'a World, seed: u64, board: &'a Board) -> Play<'a> {
        board.traces.iter().for_each(Trace::clear);
        let made = Made::new(world);
        let people: Vec<ProcessRef> = world.plans.iter().map(|_| shm::register_child("test").unwrap()).collect();
        for (plan, &child) in world.plans.iter().zip(&people) {
            for (_, (object, role)) in made.roles().filter(|(number, _)| plan.holds & 1 << number != 0) {
                shm::hold_for(child, object, role).unwrap();
            }
            made.locks.iter().for_each(|lock| shm::hold_for(child, lock.object(), Role::Handle).unwrap());
            for step in &plan.steps {
                if let Step::Join(other) | Step::JoinAtEnd(other) = *step {
                    shm::hold_for(child, people[other].object(), Role::Handle).unwrap();
                }
            }
        }
        // The children alone have anything of it.
        made.roles().for_each(|(_, (object, role))| shm::give_up(object, role));
        made.locks.iter().for_each(|lock| shm::give_up(lock.object(), Role::Handle));
        let mut pids = vec![];
        for (who, &child) in people.iter().enumerate() {
            let pid = fork(|| {
                if shm::after_fork(child).is_ok() {
                    let mut random = Random::new(seed + who as u64);
                    let worker = Worker { world, made: &made, people: &people, board, who };
                    worker.work(&mut random);
                }
            });
            process_table::started(child, pid);
            pids.push(pid);
        }
        Play { world, board, people, pids, ended: vec![false; world.plans.len()], problem: None, kills: 0 }
    }

    /// Plays it to its end; gives what its processes wrote down, or what went wrong.
    fn finish(&mut self, future: &Future) -> Result<Outcome, String> {
        let mut changed = Instant::now();
        while self.ended.contains(&false) {
            match look_for_end() {
                Ok((pid, ended)) => {
                    self.reap(pid, ended);
                    changed = Instant::now();
                }
                Err(_) if self.kill_next(future) => changed = Instant::now(),
                Err(_) if changed.elapsed() > Duration::from_secs(10) && self.problem.is_none() => {
                    let left: Vec<usize> = (0..self.ended.len()).filter(|&who| !self.ended[who]).collect();
                    let steps: Vec<u8> = left.iter().map(|&who| self.board.traces[who].at.load(SeqCst)).collect();
                    let logs = self.read();
                    self.problem = Some(format!("processes {left:?} go on for ever at {steps:?}, {logs:?}"));
                    left.iter().for_each(|&who| self.send_kill(who));
                }
                Err(_) => std::thread::sleep(Duration::from_micros(50)),
            }
        }
        self.people.iter().for_each(|child| shm::give_up(child.object(), Role::Handle));
        self.problem.take().map_or_else(|| Ok(self.read()), Err)
    }

    fn reap(&mut self, pid: i32, ended: Ended) {
        let who = self.pids.iter().position(|&other| other == pid).expect("one of them");
        let trace = &self.board.traces[who];
        trace.began.store(inspect::now(), SeqCst);
        process_table::reap(self.people[who], ended);
        trace.began.store(inspect::now(), SeqCst);
        self.ended[who] = true;
        let expected =
            ended == Ended::Exit(0) || ended == Ended::Signal(libc::SIGKILL) && self.world.kills.contains(&who);
        if !expected && self.problem.is_none() {
            self.problem = Some(format!("process {who} failed: {ended:?}"));
        }
    }

    /// Kills the next one if it is time for that: nobody can go on by the rules, and all sleep.
    fn kill_next(&mut self, future: &Future) -> bool {
        let Some(&victim) = self.world.kills.iter().find(|&&who| !self.ended[who]) else { return false };
        let still = (victim, self.still());
        if !future.stills.contains(&still) || !self.all_sleep() || self.still() != still.1 {
            return false;
        }
        self.kills += 1;
        self.send_kill(victim);
        let ended = nix::sys::wait::waitpid(Pid::from_raw(self.pids[victim]), None);
        assert!(ended.is_ok(), "{ended:?}");
        self.reap(self.pids[victim], Ended::Signal(libc::SIGKILL));
        true
    }

    fn send_kill(&self, who: usize) {
        kill(Pid::from_raw(self.pids[who]), Signal::SIGKILL).unwrap();
    }

    /// Where each process is that lives.
    fn still(&self) -> Vec<Option<(usize, Vec<u8>)>> {
        let still = |who: usize| {
            let trace = &self.board.traces[who];
            (!self.ended[who]).then(|| (usize::from(trace.at.load(SeqCst)), trace.read()))
        };
        (0..self.ended.len()).map(still).collect()
    }

    /// Whether all that live have written down what they wait for, or rest.
    fn all_sleep(&self) -> bool {
        let seen = inspect::processes();
        (0..self.ended.len()).filter(|&who| !self.ended[who]).all(|who| {
            let (pid, at) = (self.pids[who], self.board.traces[who].at.load(SeqCst));
            let rests = self.world.plans[who].steps.get(usize::from(at)) == Some(&Step::Rest);
            let waits = seen.iter().any(|seen| seen.pid == pid && seen.wait.is_some());
            (rests || waits) && state(pid) == Some('S')
        })
    }

    fn read(&self) -> Outcome {
        self.board.traces[..self.ended.len()].iter().map(Trace::read).collect()
    }
}
