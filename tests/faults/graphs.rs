//! Random small worlds of processes, played for real: what becomes of them must be one of the outcomes that the
//! [`oracle`](super::oracle) knows. So nobody hangs, no receive ends too soon, and no deadlock is raised or missed.

use super::oracle::{self, CLOSED, DEADLOCK, GOT, HELD, NOT_OWNER, OK, Outcome, Plan, Step, Way, World, number};
use super::shm::channel::{Received, Sent};
use super::shm::process_table::{self, EndWait, Ended, ProcessRef};
use super::shm::select::{Arm, Limit, Selected, select};
use super::shm::user_lock::{Acquired, Released};
use super::shm::{self, Channel, ObjectRef, Pipe, Role, UserLock, arena, faults};
use super::stage::{fork, in_use, look_for_end};
use super::storms::{Random, map};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Names the one world to play, as a failure tells it.
const WORLD_VARIABLE: &str = "MPLANG_TEST_WORLD";
/// Worlds that can go on in more ways are left out.
const MOST_STATES: usize = 3_000;
/// The first byte of a log is its length.
type Logs = [[AtomicU8; 64]; 6];

/// Plays worlds for so long.
pub fn run(time: Duration) {
    // What is asked here is who is told what, and the looks from time to time are part of that.
    faults::without_slices(false);
    let only = std::env::var(WORLD_VARIABLE).ok().map(|seed| seed.parse().expect("the number of a world"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let logs: &Logs = map();
    let started = Instant::now();
    let (mut worlds, mut too_many, mut processes, mut several, mut ends, mut deadlocks) = (0, 0, 0, 0, 0, 0);
    // Other ones each time.
    for seed in (now * 10_000..).map(|seed| only.unwrap_or(seed)) {
        if started.elapsed() > time {
            break;
        }
        let world = random_world(&mut Random::new(seed));
        let Some(outcomes) = oracle::outcomes(&world, MOST_STATES) else {
            too_many += 1;
            continue;
        };
        let before = in_use();
        let result = play(&world, seed, logs);
        let right = result.as_ref().is_ok_and(|outcome| outcomes.contains(outcome));
        if !right {
            let some: Vec<_> = outcomes.iter().take(8).collect();
            println!("world {seed} ({WORLD_VARIABLE}={seed} plays it again): {world:#?}");
            panic!("world {seed}: {result:?}, but by the rules one of {}: {some:?}", outcomes.len());
        }
        assert_eq!(before, in_use(), "world {seed}: blocks, bytes and slots in use, before and after");
        worlds += 1;
        processes += world.plans.len();
        several += usize::from(outcomes.len() > 1);
        let has = |what: u8| result.iter().flatten().any(|log| log.contains(&what));
        ends += usize::from(has(CLOSED));
        deadlocks += usize::from(has(DEADLOCK));
    }
    arena::check();
    println!(
        "    {worlds} worlds of {processes} processes, {several} with several outcomes, {ends} with ends, {deadlocks} \
         with deadlocks; {too_many} left out for their size"
    );
}

fn random_world(random: &mut Random) -> World {
    let mut below = |bound: usize| random.below(bound as u64) as usize;
    let objects = 1 + below(3);
    let mut ways = vec![];
    for object in 0..objects {
        let capacity = [None, None, Some(1), Some(2), Some(0)][below(5)];
        let (put, take) = (object * 2, object * 2 + 1);
        let partnered = below(3) == 0;
        ways.push(Way { capacity, put, take, partnered });
        if partnered {
            ways.push(Way { capacity, put: take, take: put, partnered });
        }
    }
    let (locks, count) = (below(3), 2 + below(5).min(below(5)));
    let mut plans = vec![];
    for who in 0..count {
        let mut holds = (0..objects * 2).filter(|_| below(5) < 2).fold(0, |holds, role| holds | 1 << role);
        // Most have something to do with the first object.
        holds |= [1, 2, 3, 0][below(4)];
        let fits = |role: usize| holds & 1 << role != 0;
        let mut steps = vec![];
        for _ in 0..1 + below(if count > 4 { 4 } else { 5 }) {
            let mut line = |role: fn(&Way) -> usize| {
                // A few have no role for it at that time, or get it with a message.
                (0..4).map(|_| below(ways.len())).find(|&at| fits(role(&ways[at]))).unwrap_or(below(ways.len()))
            };
            let (puts, takes) = (line(|way| way.put), [line(|way| way.take), line(|way| way.take)]);
            steps.push(match below(24) {
                0..7 => {
                    // In one direction only: a channel in itself would never go.
                    let from = ways[puts].put / 2 * 2 + 2;
                    let carries = (from < objects * 2 && below(3) == 0).then(|| from + below(objects * 2 - from));
                    Step::Put { line: puts, carries }
                }
                7..12 => Step::Get(takes[0]),
                12 | 13 => Step::Drain(takes[0]),
                14 if takes[0] != takes[1] => Step::GetAny(takes),
                15 => Step::Close(puts),
                16 => Step::GiveUp(below(objects * 2)),
                17..20 if locks > 0 => Step::Lock(below(locks)),
                20 | 21 if locks > 0 => Step::Unlock(below(locks)),
                22 => Step::Join(below(count)),
                _ => Step::Pause,
            });
        }
        if who + 1 < count && below(5) == 0 {
            steps.push(Step::JoinAtEnd(who + 1 + below(count - who - 1)));
        }
        plans.push(Plan { holds, steps, stops: below(2) == 0 });
    }
    World { ways, locks, plans }
}

/// What a world is made of in shared memory.
struct Made {
    objects: Vec<ObjectRef>,
    channels: Vec<Channel>,
    locks: Vec<UserLock>,
}

fn role(number: usize) -> Role {
    // A queue's two roles are the two ends of a pipe, by their numbers.
    if number.is_multiple_of(2) { Role::Put } else { Role::Take }
}

impl Made {
    fn new(world: &World) -> Made {
        let mut made = Made { objects: vec![], channels: vec![], locks: vec![] };
        for way in world.ways.iter().filter(|way| way.put.is_multiple_of(2)) {
            if way.partnered {
                let pipe = Pipe::new(way.capacity).unwrap();
                made.objects.push(pipe.object());
                made.channels.extend([pipe.a().outgoing().unwrap(), pipe.b().outgoing().unwrap()]);
            } else {
                let channel = Channel::new(way.capacity).unwrap();
                made.objects.push(channel.object());
                made.channels.push(channel);
            }
        }
        made.locks.extend((0..world.locks).map(|_| UserLock::new().unwrap()));
        made
    }

    fn held(&self, number: usize) -> (ObjectRef, Role) {
        (self.objects[number / 2], role(number))
    }

    fn holds(&self, number: usize) -> bool {
        let (object, role) = self.held(number);
        shm::holders::holds(object, role)
    }
}

/// Plays a world; gives what its processes wrote down, or what went wrong.
fn play(world: &World, seed: u64, logs: &Logs) -> Result<Outcome, String> {
    logs.iter().flatten().for_each(|byte| byte.store(0, SeqCst));
    let made = Made::new(world);
    let people: Vec<ProcessRef> = world.plans.iter().map(|_| shm::register_child("test").unwrap()).collect();
    for (plan, &child) in world.plans.iter().zip(&people) {
        for role in (0..made.objects.len() * 2).filter(|role| plan.holds & 1 << role != 0) {
            let (object, role) = made.held(role);
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
    for role in 0..made.objects.len() * 2 {
        let (object, role) = made.held(role);
        shm::give_up(object, role);
    }
    made.locks.iter().for_each(|lock| shm::give_up(lock.object(), Role::Handle));
    let mut pids = vec![];
    for (who, &child) in people.iter().enumerate() {
        let pid = fork(|| {
            if shm::after_fork(child).is_ok() {
                let mut random = Random::new(seed + who as u64);
                work(world, &made, &people, who, &logs[who], &mut random);
            }
        });
        process_table::started(child, pid);
        pids.push(pid);
    }
    let (started, mut problem) = (Instant::now(), None);
    let mut left = pids.clone();
    while !left.is_empty() {
        match look_for_end() {
            Ok((pid, ended)) => {
                left.retain(|&other| other != pid);
                let who = pids.iter().position(|&other| other == pid).expect("one of them");
                process_table::reap(people[who], ended);
                if ended != Ended::Exit(0) && problem.is_none() {
                    problem = Some(format!("process {who} failed: {ended:?}"));
                }
            }
            Err(_) if started.elapsed() > Duration::from_secs(10) && problem.is_none() => {
                let who: Vec<_> = left.iter().map(|pid| pids.iter().position(|other| other == pid).unwrap()).collect();
                problem = Some(format!("processes {who:?} go on for ever, {:?}", read(world, logs)));
                left.iter().for_each(|&pid| {
                    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
                });
            }
            Err(_) => std::thread::sleep(Duration::from_micros(50)),
        }
    }
    people.iter().for_each(|child| shm::give_up(child.object(), Role::Handle));
    problem.map_or_else(|| Ok(read(world, logs)), Err)
}

fn read(world: &World, logs: &Logs) -> Outcome {
    let log = |who: usize| {
        let length = usize::from(logs[who][0].load(SeqCst));
        logs[who][1..=length].iter().map(|byte| byte.load(SeqCst)).collect()
    };
    (0..world.plans.len()).map(log).collect()
}

fn work(world: &World, made: &Made, people: &[ProcessRef], who: usize, log: &[AtomicU8], random: &mut Random) {
    let plan = &world.plans[who];
    let ways = &world.ways;
    let write = |result: u8| {
        let length = log[0].load(SeqCst);
        log[usize::from(length) + 1].store(result, SeqCst);
        log[0].store(length + 1, SeqCst);
        plan.stops && result == DEADLOCK
    };
    for (at, step) in plan.steps.iter().enumerate() {
        let stop = match *step {
            Step::Pause => {
                std::thread::sleep(Duration::from_micros(random.below(2_000)));
                false
            }
            Step::GiveUp(role) => {
                let (object, role) = made.held(role);
                shm::give_up(object, role);
                false
            }
            Step::Close(line) => {
                if made.holds(ways[line].put) || made.holds(ways[line].take) {
                    made.channels[line].close();
                }
                false
            }
            Step::Put { line, .. } if !made.holds(ways[line].put) => false,
            Step::Put { line, carries } => {
                let handles: Vec<_> =
                    carries.filter(|&role| made.holds(role)).map(|role| made.held(role)).into_iter().collect();
                write(match made.channels[line].send(&[number(who, at)], &handles, None).unwrap() {
                    Sent::Ok => OK,
                    Sent::Closed => CLOSED,
                    Sent::Deadlock => DEADLOCK,
                    other => panic!("{other:?}"),
                })
            }
            Step::Get(line) if !made.holds(ways[line].take) => false,
            Step::Get(line) => write(get(made.channels[line])),
            Step::Drain(line) if !made.holds(ways[line].take) => false,
            Step::Drain(line) => loop {
                let result = get(made.channels[line]);
                let stop = write(result);
                if result < GOT {
                    break stop;
                }
            },
            Step::GetAny(lines) => {
                let arms: Vec<Arm> = lines
                    .iter()
                    .filter(|&&line| made.holds(ways[line].take))
                    .map(|&line| Arm::Recv(made.channels[line]))
                    .collect();
                let mut bytes = vec![];
                !arms.is_empty()
                    && write(match select(&arms, &mut bytes, Limit::Until(None)).unwrap() {
                        Selected::Fired { .. } => GOT + bytes[0],
                        Selected::Closed => CLOSED,
                        Selected::Deadlock => DEADLOCK,
                        other => panic!("{other:?}"),
                    })
            }
            Step::Lock(lock) => write(match made.locks[lock].acquire(None).unwrap() {
                Acquired::Ok | Acquired::Abandoned(_) => OK,
                Acquired::AlreadyHeld => HELD,
                Acquired::Deadlock => DEADLOCK,
                other => panic!("{other:?}"),
            }),
            Step::Unlock(lock) => write(match made.locks[lock].release().unwrap() {
                Released::Ok => OK,
                Released::NotOwner => NOT_OWNER,
            }),
            Step::Join(other) => write(match people[other].wait_end(None) {
                EndWait::Ended => OK,
                EndWait::Deadlock => DEADLOCK,
                other => panic!("{other:?}"),
            }),
            Step::JoinAtEnd(other) => {
                assert_eq!(people[other].wait_end_at_end(None), EndWait::Ended);
                write(OK)
            }
        };
        if stop {
            return;
        }
    }
}

fn get(channel: Channel) -> u8 {
    let mut bytes = vec![];
    match channel.recv(&mut bytes, None).unwrap() {
        Received::Ok => GOT + bytes[0],
        Received::Closed => CLOSED,
        Received::Deadlock => DEADLOCK,
        other => panic!("{other:?}"),
    }
}
