//! What may become of a small world of processes, by the rules of the language alone: every order in which they can go
//! on is followed to its end. Nothing here knows how shared memory does it.

use super::circles::Graph;
use super::worlds::*;
use rustc_hash::FxHashSet as HashSet;

/// What the processes have written down at the end of all.
pub type Outcome = Vec<Vec<u8>>;

/// The process to kill when nobody can go on, and of each process the step where it waits, and its writing; none when
/// it has ended.
pub type Still = (usize, Vec<Option<(usize, Vec<u8>)>>);

/// What may become of a world.
#[derive(Default)]
pub struct Future {
    pub outcomes: HashSet<Outcome>,
    pub stills: HashSet<Still>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Runs,
    /// Its locks are free, its roles are not yet.
    Dead,
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Told {
    Nothing,
    Ended,
    Deadlock,
}

/// How far it has come with a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Begins,
    /// Its message lies there until it is taken.
    Offers,
    /// It waits at a condition.
    Awaits,
    /// It takes the lock of the condition again; with the result of its wait.
    Relocks(u8),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    at: usize,
    pub(super) life: Life,
    holds: u32,
    pub(super) phase: Phase,
    pub(super) told: Told,
    /// Of each semaphore.
    permits: Vec<u32>,
    log: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Message {
    number: u8,
    pub(super) carries: Option<usize>,
}

/// Those who wait at a condition in order, and whether they have been told.
type Waiters = Vec<(usize, bool)>;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) processes: Vec<Process>,
    pub(super) lines: Vec<(bool, Vec<Message>)>,
    pub(super) owners: Vec<Option<usize>>,
    free: Vec<u32>,
    waiters: Vec<Waiters>,
    /// Who waits, in the order in which they began to.
    pub(super) blocked: Vec<usize>,
    /// How many of the kills are behind.
    killed: usize,
}

/// All that may become of a world; none when there are more states than `most`.
pub fn future(world: &World, most: usize) -> Option<Future> {
    let process = |plan: &Plan| Process {
        at: 0,
        life: Life::Runs,
        holds: plan.holds,
        phase: Phase::Begins,
        told: Told::Nothing,
        permits: vec![0; world.semaphores.len()],
        log: vec![],
    };
    let first = State {
        processes: world.plans.iter().map(process).collect(),
        lines: world.ways.iter().map(|_| (false, vec![])).collect(),
        owners: vec![None; world.locks],
        free: world.semaphores.clone(),
        waiters: vec![vec![]; world.conditions.len()],
        blocked: vec![],
        killed: 0,
    };
    let (mut seen, mut work) = (HashSet::from_iter([first.clone()]), vec![first]);
    let mut future = Future::default();
    while let Some(state) = work.pop() {
        let mut next = state.successors(world);
        if next.is_empty() {
            let Some((victim, after)) = state.kill(world) else {
                let all_gone = state.processes.iter().all(|process| process.life == Life::Gone);
                assert!(all_gone, "by the rules this world never ends: {world:?}");
                future.outcomes.insert(state.processes.into_iter().map(|process| process.log).collect());
                continue;
            };
            let lives = |process: Process| (process.life == Life::Runs).then_some((process.at, process.log));
            future.stills.insert((victim, state.processes.into_iter().map(lives).collect()));
            next = vec![after];
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
    Some(future)
}

/// Tells the first that has not been told.
fn notify(waiters: &mut Waiters) {
    waiters.iter_mut().find(|waiter| !waiter.1).into_iter().for_each(|waiter| waiter.1 = true);
}

/// One waits no longer; what it was told goes to the next.
fn withdraw(waiters: &mut Waiters, who: usize) {
    if let Some(at) = waiters.iter().position(|waiter| waiter.0 == who)
        && waiters.remove(at).1
    {
        notify(waiters);
    }
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
                    if next.is_empty() && !self.blocked.contains(&who) && !self.rests(world, who) {
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

    /// The next one to kill, and what is after that; none when all of them are gone.
    fn kill(&self, world: &World) -> Option<(usize, State)> {
        let mut state = self.clone();
        loop {
            let who = *world.kills.get(state.killed)?;
            state.killed += 1;
            if state.processes[who].life == Life::Runs {
                let mut process = state.processes[who].clone();
                state.die(&mut process, who);
                state.processes[who] = process;
                state.blocked.retain(|&other| other != who);
                return Some((who, state));
            }
        }
    }

    /// What a process has taken is free, whatever it was about.
    fn die(&mut self, process: &mut Process, who: usize) {
        process.life = Life::Dead;
        self.owners.iter_mut().filter(|owner| **owner == Some(who)).for_each(|owner| *owner = None);
        (0..self.free.len()).for_each(|semaphore| self.give_back(process, semaphore));
        self.waiters.iter_mut().for_each(|waiters| withdraw(waiters, who));
    }

    /// All permits that it has of a semaphore.
    fn give_back(&mut self, process: &mut Process, semaphore: usize) {
        self.free[semaphore] += std::mem::take(&mut process.permits[semaphore]);
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
        let has_lock = |condition: usize| self.owners[world.conditions[condition]] == Some(who);
        let joins = |step: &Step| matches!(step, Step::Join(other) | Step::JoinAtEnd(other) if *other == who);
        match (process.life, world.plans[who].steps.get(process.at)) {
            (Life::Gone, _) => false,
            (Life::Dead, _) => process.holds == 0,
            (_, None) => {
                let has = self.owners.contains(&Some(who)) || process.permits.iter().any(|&permits| permits > 0);
                !has && !world.plans.iter().flat_map(|plan| &plan.steps).any(joins)
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
                Step::Enter(at) | Step::Release(at) => lacks(SEMAPHORE + at),
                Step::Leave(at) => lacks(SEMAPHORE + at) || process.permits[at] == 0,
                Step::Await(at) => match process.phase {
                    Phase::Awaits => self.waiters[at].contains(&(who, true)),
                    Phase::Relocks(_) => false,
                    _ => lacks(CONDITION + at) || !has_lock(at),
                },
                Step::Notify(at) => lacks(CONDITION + at) || !has_lock(at) || self.waiters[at].is_empty(),
                Step::Join(_) | Step::JoinAtEnd(_) | Step::Rest => false,
            },
        }
    }

    pub(super) fn step(&self, world: &World, who: usize) -> Step {
        world.plans[who].steps[self.processes[who].at]
    }

    fn rests(&self, world: &World, who: usize) -> bool {
        world.plans[who].steps.get(self.processes[who].at) == Some(&Step::Rest)
    }

    pub(super) fn holds(&self, who: usize, role: usize) -> bool {
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
    pub(super) fn has_ended(&self, world: &World, at: usize) -> bool {
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

    /// What can become of the next step of a process; nothing when it waits without a limit.
    pub(super) fn attempt(&self, world: &World, who: usize) -> Vec<State> {
        let next = self.proceed(world, who);
        let (process, plan) = (&self.processes[who], &world.plans[who]);
        if !next.is_empty() || plan.limited & 1 << process.at == 0 {
            return next;
        }
        match (process.phase, plan.steps[process.at]) {
            (Phase::Relocks(_), _) | (_, Step::Rest) => next,
            (Phase::Offers, Step::Put { line, .. }) => self.take_back(world, who, line, TIMED_OUT),
            (Phase::Awaits, Step::Await(at)) => self.await_no_longer(world, who, at, TIMED_OUT),
            _ => self.done(world, who, TIMED_OUT),
        }
    }

    /// The same; nothing when it waits.
    fn proceed(&self, world: &World, who: usize) -> Vec<State> {
        let (process, plan) = (&self.processes[who], &world.plans[who]);
        if process.at >= plan.steps.len() {
            return self.after(world, who, |state, process| state.die(process, who));
        }
        let waits = || match process.told {
            Told::Nothing => vec![],
            Told::Ended => self.done(world, who, CLOSED),
            Told::Deadlock => self.done(world, who, DEADLOCK),
        };
        match plan.steps[process.at] {
            Step::Pause => self.passed(world, who),
            Step::Rest => vec![],
            Step::GiveUp(role) => self.after(world, who, |state, process| {
                process.holds &= !(1 << role);
                process.at += 1;
                if (SEMAPHORE..CONDITION).contains(&role) {
                    state.give_back(process, role - SEMAPHORE);
                }
            }),
            Step::Close(at) => self.after(world, who, |state, process| {
                state.lines[at].0 |=
                    [world.ways[at].put, world.ways[at].take].iter().any(|role| process.holds & 1 << role != 0);
                process.at += 1;
            }),
            Step::Put { line, carries } => self.put(world, who, line, carries),
            Step::Get(at) | Step::Drain(at) => match self.get(world, who, &[at]) {
                Some(next) if next.is_empty() => waits(),
                Some(next) => next,
                None => self.passed(world, who),
            },
            Step::GetAny(lines) => match self.get(world, who, &lines) {
                Some(next) if next.is_empty() => waits(),
                Some(next) => next,
                None => self.passed(world, who),
            },
            Step::Lock(at) => match self.owners[at] {
                None => self.after(world, who, |state, process| {
                    state.owners[at] = Some(who);
                    process.done(plan, OK);
                }),
                Some(owner) if owner == who => self.done(world, who, HELD),
                Some(_) => waits(),
            },
            Step::Unlock(at) if self.owners[at] == Some(who) => self.after(world, who, |state, process| {
                state.owners[at] = None;
                process.done(plan, OK);
            }),
            Step::Unlock(_) => self.done(world, who, NOT_OWNER),
            Step::Enter(at) | Step::Leave(at) | Step::Release(at) if !self.holds(who, SEMAPHORE + at) => {
                self.passed(world, who)
            }
            Step::Enter(at) if self.free[at] == 0 => waits(),
            Step::Enter(at) => self.after(world, who, |state, process| {
                state.free[at] -= 1;
                process.permits[at] += 1;
                process.done(plan, OK);
            }),
            Step::Leave(at) if process.permits[at] == 0 => self.done(world, who, NOT_OWNER),
            Step::Leave(at) => self.after(world, who, |state, process| {
                state.free[at] += 1;
                process.permits[at] -= 1;
                process.done(plan, OK);
            }),
            Step::Release(at) => self.after(world, who, |state, process| {
                state.free[at] += 1;
                process.done(plan, OK);
            }),
            Step::Await(at) => self.await_condition(world, who, at),
            Step::Notify(at) => self.after(world, who, |state, process| {
                if process.holds & 1 << (CONDITION + at) != 0 && state.owners[world.conditions[at]] == Some(who) {
                    notify(&mut state.waiters[at]);
                }
                process.at += 1;
            }),
            Step::Join(other) | Step::JoinAtEnd(other) => match self.processes[other].life {
                Life::Runs => waits(),
                Life::Dead | Life::Gone => self.done(world, who, OK),
            },
        }
    }

    fn await_condition(&self, world: &World, who: usize, at: usize) -> Vec<State> {
        let (process, lock) = (&self.processes[who], world.conditions[at]);
        match process.phase {
            Phase::Awaits if self.waiters[at].contains(&(who, true)) => {
                self.after(world, who, |_, process| process.phase = Phase::Relocks(OK))
            }
            Phase::Awaits if process.told == Told::Deadlock => self.await_no_longer(world, who, at, DEADLOCK),
            Phase::Awaits => vec![],
            Phase::Relocks(result) if self.owners[lock].is_none() => self.after(world, who, |state, process| {
                state.owners[lock] = Some(who);
                state.waiters[at].retain(|waiter| waiter.0 != who);
                process.done(&world.plans[who], result);
            }),
            Phase::Relocks(_) if process.told == Told::Deadlock => self.after(world, who, |state, process| {
                withdraw(&mut state.waiters[at], who);
                process.done(&world.plans[who], DEADLOCK);
            }),
            Phase::Relocks(_) => vec![],
            _ if !self.holds(who, CONDITION + at) || self.owners[lock] != Some(who) => self.passed(world, who),
            _ => self.after(world, who, |state, process| {
                state.waiters[at].push((who, false));
                state.owners[lock] = None;
                process.phase = Phase::Awaits;
            }),
        }
    }

    fn await_no_longer(&self, world: &World, who: usize, at: usize, result: u8) -> Vec<State> {
        self.after(world, who, |state, process| {
            withdraw(&mut state.waiters[at], who);
            process.phase = Phase::Relocks(result);
        })
    }

    fn put(&self, world: &World, who: usize, at: usize, carries: Option<usize>) -> Vec<State> {
        let (process, plan, way) = (&self.processes[who], &world.plans[who], world.ways[at]);
        if !self.holds(who, way.put) {
            return self.passed(world, who);
        }
        let mine = number(who, process.at);
        if process.phase == Phase::Offers {
            return if !self.lines[at].1.iter().any(|message| message.number == mine) {
                self.done(world, who, OK)
            } else if self.cannot_take_more(world, at) {
                self.take_back(world, who, at, CLOSED)
            } else if process.told == Told::Deadlock {
                self.take_back(world, who, at, DEADLOCK)
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
                    process.phase = Phase::Offers;
                } else {
                    process.done(plan, OK);
                }
            });
        }
        if process.told == Told::Deadlock { self.done(world, who, DEADLOCK) } else { vec![] }
    }

    /// Takes back the message that it offers.
    fn take_back(&self, world: &World, who: usize, at: usize, result: u8) -> Vec<State> {
        self.after(world, who, |state, process| {
            let mine = number(who, process.at);
            state.lines[at].1.retain(|message| message.number != mine);
            process.done(&world.plans[who], result);
        })
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
        self.phase = Phase::Begins;
    }
}
