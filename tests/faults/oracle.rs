//! What may become of a small world of processes, by the rules of the language alone: every order in which they can go
//! on is followed to its end. Nothing here knows how shared memory does it.

use rustc_hash::FxHashSet as HashSet;

/// What a process does, one step after the other. A step for which it lacks the role is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sends into a line, and a role with the message if it has that.
    Put {
        line: usize,
        carries: Option<usize>,
    },
    Get(usize),
    /// Takes until nothing more will come.
    Drain(usize),
    /// Waits for the first message of two lines.
    GetAny([usize; 2]),
    Close(usize),
    GiveUp(usize),
    Lock(usize),
    Unlock(usize),
    Join(usize),
    /// The same at its end, where no error can be raised.
    JoinAtEnd(usize),
    /// Takes time, which means nothing here.
    Pause,
}

/// A way for messages, from those who hold the one role to those who hold the other.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub capacity: Option<u32>,
    pub put: usize,
    pub take: usize,
    /// Of a pipe: without the other side a send is refused.
    pub partnered: bool,
}

#[derive(Clone, Debug)]
pub struct Plan {
    /// The roles that it begins with, as bits.
    pub holds: u32,
    pub steps: Vec<Step>,
    /// It ends when it is told of a deadlock; else it goes on.
    pub stops: bool,
}

/// Role 2n and 2n + 1 are the two roles of object n: of a queue, or of a pipe.
#[derive(Clone, Debug)]
pub struct World {
    pub ways: Vec<Way>,
    pub locks: usize,
    pub plans: Vec<Plan>,
}

// What a process writes down of a step; a message is its number from `GOT` on.
pub const OK: u8 = 0;
pub const CLOSED: u8 = 1;
pub const DEADLOCK: u8 = 2;
pub const HELD: u8 = 3;
pub const NOT_OWNER: u8 = 4;
pub const GOT: u8 = 16;

/// The number of the message that a process sends at a step.
pub fn number(process: usize, step: usize) -> u8 {
    (process * 16 + step) as u8
}

/// What the processes have written down at the end of all.
pub type Outcome = Vec<Vec<u8>>;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Life {
    Runs,
    /// Its locks are free, its roles are not yet.
    Dead,
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    Nothing,
    Ended,
    Deadlock,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Process {
    at: usize,
    life: Life,
    holds: u32,
    /// Its message lies there until it is taken.
    offers: bool,
    told: Told,
    log: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Message {
    number: u8,
    carries: Option<usize>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    processes: Vec<Process>,
    lines: Vec<(bool, Vec<Message>)>,
    owners: Vec<Option<usize>>,
    /// Who waits, in the order in which they began to.
    blocked: Vec<usize>,
}

/// All outcomes of a world; none when there are more states than `most`.
pub fn outcomes(world: &World, most: usize) -> Option<HashSet<Outcome>> {
    let process = |plan: &Plan| Process {
        at: 0,
        life: Life::Runs,
        holds: plan.holds,
        offers: false,
        told: Told::Nothing,
        log: vec![],
    };
    let first = State {
        processes: world.plans.iter().map(process).collect(),
        lines: world.ways.iter().map(|_| (false, vec![])).collect(),
        owners: vec![None; world.locks],
        blocked: vec![],
    };
    let (mut seen, mut work, mut found) = (HashSet::from_iter([first.clone()]), vec![first], HashSet::default());
    while let Some(state) = work.pop() {
        let next = state.successors(world);
        if next.is_empty() {
            let all_gone = state.processes.iter().all(|process| process.life == Life::Gone);
            assert!(all_gone, "by the rules this world never ends: {world:?}");
            found.insert(state.processes.into_iter().map(|process| process.log).collect());
            continue;
        }
        for state in next {
            if !seen.contains(&state) {
                seen.insert(state.clone());
                work.push(state);
            }
        }
        if seen.len() > most {
            return None;
        }
    }
    Some(found)
}

impl State {
    fn successors(&self, world: &World) -> Vec<State> {
        // What nobody else can see is done first: its order does not matter.
        if let Some(who) = (0..self.processes.len()).find(|&who| self.is_unseen(world, who)) {
            return match self.processes[who].life {
                Life::Runs => self.attempt(world, who),
                _ => self.cleared_up(world, who),
            };
        }
        let mut all = vec![];
        for who in 0..self.processes.len() {
            match self.processes[who].life {
                Life::Gone => {}
                Life::Dead => all.extend(self.cleared_up(world, who)),
                Life::Runs => {
                    let next = self.attempt(world, who);
                    if next.is_empty() && !self.blocked.contains(&who) {
                        let mut state = self.clone();
                        state.blocked.push(who);
                        all.push(state);
                    }
                    all.extend(next);
                }
            }
        }
        let graph = Graph::new(self, world);
        for circle in graph.circles() {
            let mut state = self.clone();
            match graph.ends_quietly(&circle) {
                Some(processes) => processes.iter().for_each(|&who| state.processes[who].told = Told::Ended),
                None => {
                    let members = graph.processes(&circle);
                    let can =
                        |who: &&usize| members.contains(who) && !matches!(self.step(world, **who), Step::JoinAtEnd(_));
                    let last = self.blocked.iter().rev().find(can).expect("somebody who can be told");
                    state.processes[*last].told = Told::Deadlock;
                }
            }
            all.push(state);
        }
        all
    }

    /// What a dead process held is given up, one after the other in any order.
    fn cleared_up(&self, world: &World, who: usize) -> Vec<State> {
        let holds = self.processes[who].holds;
        if holds == 0 {
            return self.after(world, who, |_, process| process.life = Life::Gone);
        }
        let roles = (0..32).filter(|role| holds & 1 << role != 0);
        roles.flat_map(|role| self.after(world, who, |_, process| process.holds &= !(1 << role))).collect()
    }

    /// Whether what the process does next changes nothing for any other one.
    fn is_unseen(&self, world: &World, who: usize) -> bool {
        let process = &self.processes[who];
        let lacks = |role: usize| !self.holds(who, role);
        let joins = |step: &Step| matches!(step, Step::Join(other) | Step::JoinAtEnd(other) if *other == who);
        match (process.life, world.plans[who].steps.get(process.at)) {
            (Life::Gone, _) => false,
            (Life::Dead, _) => process.holds == 0,
            (_, None) => {
                !self.owners.contains(&Some(who)) && !world.plans.iter().flat_map(|plan| &plan.steps).any(joins)
            }
            (_, Some(step)) => match *step {
                Step::Pause => true,
                Step::Put { line, .. } => lacks(world.ways[line].put),
                Step::Get(line) | Step::Drain(line) => lacks(world.ways[line].take),
                Step::GetAny(lines) => lines.iter().all(|&line| lacks(world.ways[line].take)),
                Step::GiveUp(role) => lacks(role),
                Step::Close(line) => lacks(world.ways[line].put) && lacks(world.ways[line].take),
                Step::Lock(lock) => self.owners[lock] == Some(who),
                Step::Unlock(lock) => self.owners[lock] != Some(who),
                Step::Join(_) | Step::JoinAtEnd(_) => false,
            },
        }
    }

    fn step(&self, world: &World, who: usize) -> Step {
        world.plans[who].steps[self.processes[who].at]
    }

    fn holds(&self, who: usize, role: usize) -> bool {
        self.processes[who].holds & 1 << role != 0
    }

    /// How many processes and messages hold a role.
    fn count(&self, role: usize) -> usize {
        let processes = (0..self.processes.len()).filter(|&who| self.holds(who, role)).count();
        processes + self.lines.iter().flat_map(|line| &line.1).filter(|message| message.carries == Some(role)).count()
    }

    /// Messages that nobody can ever take are gone, and so is what they carry.
    fn settle(&mut self, world: &World) {
        while let Some(at) = (0..self.lines.len()).find(|&at| {
            let way = world.ways[at];
            !self.lines[at].1.is_empty() && self.count(way.put) == 0 && self.count(way.take) == 0
        }) {
            self.lines[at].1.clear();
        }
    }

    fn cannot_take_more(&self, world: &World, at: usize) -> bool {
        self.lines[at].0 || world.ways[at].partnered && self.count(world.ways[at].take) == 0
    }

    /// Nothing is there and nobody can put anything.
    fn has_ended(&self, world: &World, at: usize) -> bool {
        self.lines[at].1.is_empty() && (self.lines[at].0 || self.count(world.ways[at].put) == 0)
    }

    /// A copy in which the process has done something, and goes on.
    fn after(&self, world: &World, who: usize, change: impl FnOnce(&mut State, &mut Process)) -> Vec<State> {
        let mut state = self.clone();
        let mut process = state.processes[who].clone();
        process.told = Told::Nothing;
        change(&mut state, &mut process);
        state.processes[who] = process;
        state.blocked.retain(|&other| other != who);
        state.settle(world);
        vec![state]
    }

    /// The step is done, with this result.
    fn done(&self, world: &World, who: usize, result: u8) -> Vec<State> {
        self.after(world, who, |_, process| process.done(&world.plans[who], result))
    }

    fn passed(&self, world: &World, who: usize) -> Vec<State> {
        self.after(world, who, |_, process| process.at += 1)
    }

    /// What can become of the next step of a process; nothing when it waits.
    fn attempt(&self, world: &World, who: usize) -> Vec<State> {
        let process = &self.processes[who];
        let plan = &world.plans[who];
        let told = process.told;
        if process.at >= plan.steps.len() {
            return self.after(world, who, |state, process| {
                process.life = Life::Dead;
                state.owners.iter_mut().filter(|owner| **owner == Some(who)).for_each(|owner| *owner = None);
            });
        }
        let otherwise = |waits: bool| match told {
            _ if !waits => vec![],
            Told::Nothing => vec![],
            Told::Ended => self.done(world, who, CLOSED),
            Told::Deadlock => self.done(world, who, DEADLOCK),
        };
        match plan.steps[process.at] {
            Step::Pause => self.passed(world, who),
            Step::GiveUp(role) => self.after(world, who, |_, process| {
                process.holds &= !(1 << role);
                process.at += 1;
            }),
            Step::Close(at) => self.after(world, who, |state, process| {
                state.lines[at].0 |=
                    [world.ways[at].put, world.ways[at].take].iter().any(|role| process.holds & 1 << role != 0);
                process.at += 1;
            }),
            Step::Put { line, carries } => self.put(world, who, line, carries),
            Step::Get(at) | Step::Drain(at) => match self.get(world, who, &[at]) {
                Some(next) if next.is_empty() => otherwise(true),
                Some(next) => next,
                None => self.passed(world, who),
            },
            Step::GetAny(lines) => match self.get(world, who, &lines) {
                Some(next) if next.is_empty() => otherwise(true),
                Some(next) => next,
                None => self.passed(world, who),
            },
            Step::Lock(at) => match self.owners[at] {
                None => self.after(world, who, |state, process| {
                    state.owners[at] = Some(who);
                    process.done(plan, OK);
                }),
                Some(owner) if owner == who => self.done(world, who, HELD),
                Some(_) => otherwise(true),
            },
            Step::Unlock(at) if self.owners[at] == Some(who) => self.after(world, who, |state, process| {
                state.owners[at] = None;
                process.done(plan, OK);
            }),
            Step::Unlock(_) => self.done(world, who, NOT_OWNER),
            Step::Join(other) | Step::JoinAtEnd(other) => match self.processes[other].life {
                Life::Runs => otherwise(true),
                Life::Dead | Life::Gone => self.done(world, who, OK),
            },
        }
    }

    fn put(&self, world: &World, who: usize, at: usize, carries: Option<usize>) -> Vec<State> {
        let (process, plan, way) = (&self.processes[who], &world.plans[who], world.ways[at]);
        if !self.holds(who, way.put) {
            return self.passed(world, who);
        }
        let mine = number(who, process.at);
        let withdraw = |result: u8| {
            self.after(world, who, |state, process| {
                state.lines[at].1.retain(|message| message.number != mine);
                process.done(plan, result);
            })
        };
        if process.offers {
            return if !self.lines[at].1.iter().any(|message| message.number == mine) {
                self.done(world, who, OK)
            } else if self.cannot_take_more(world, at) {
                withdraw(CLOSED)
            } else if process.told == Told::Deadlock {
                withdraw(DEADLOCK)
            } else {
                vec![]
            };
        }
        if self.cannot_take_more(world, at) {
            return self.done(world, who, CLOSED);
        }
        if way.capacity.is_none_or(|capacity| self.lines[at].1.len() < capacity.max(1) as usize) {
            return self.after(world, who, |state, process| {
                let carries = carries.filter(|role| process.holds & 1 << role != 0);
                state.lines[at].1.push(Message { number: mine, carries });
                if way.capacity == Some(0) {
                    process.offers = true;
                } else {
                    process.done(plan, OK);
                }
            });
        }
        if process.told == Told::Deadlock { self.done(world, who, DEADLOCK) } else { vec![] }
    }

    /// Takes from one of the lines; nothing when it must wait, none when it has no role to take.
    fn get(&self, world: &World, who: usize, lines: &[usize]) -> Option<Vec<State>> {
        let lines: Vec<usize> = lines.iter().copied().filter(|&at| self.holds(who, world.ways[at].take)).collect();
        if lines.is_empty() {
            return None;
        }
        if lines.iter().all(|&at| self.has_ended(world, at)) {
            return Some(self.done(world, who, CLOSED));
        }
        let take = |at: &usize| {
            self.after(world, who, |state, process| {
                let message = state.lines[*at].1.remove(0);
                process.holds |= message.carries.map_or(0, |role| 1 << role);
                process.log.push(GOT + message.number);
                process.at += usize::from(!matches!(world.plans[who].steps[process.at], Step::Drain(_)));
            })
        };
        Some(lines.iter().filter(|&&at| !self.lines[at].1.is_empty()).flat_map(take).collect())
    }
}

impl Process {
    fn done(&mut self, plan: &Plan, result: u8) {
        self.log.push(result);
        self.at = if plan.stops && result == DEADLOCK { plan.steps.len() } else { self.at + 1 };
        self.offers = false;
    }
}
