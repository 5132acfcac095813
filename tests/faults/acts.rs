//! The processes of a small world: what they are made of in shared memory, what each does, and what it tells of that.

use super::shm::channel::{Received, Sent};
use super::shm::model::{Condition, Semaphore, Wake};
use super::shm::monitor::{self, Waited, me};
use super::shm::process_table::{EndWait, ProcessRef};
use super::shm::select::{Arm, Limit, Selected, select};
use super::shm::user_lock::{Acquired, Released};
use super::shm::{self, Channel, Monitor, ObjectRef, Pipe, Role, UserLock, inspect};
use super::storms::Random;
use super::worlds::*;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::time::{Duration, Instant};

/// How long a process may wait in a circle before one of it is told.
pub const PROMPT: Duration = Duration::from_millis(50);

/// What a process of a world tells of itself, for all to see.
pub struct Trace {
    /// Its step, and what it has written down so far.
    pub at: AtomicU8,
    pub length: AtomicU8,
    pub log: [AtomicU8; 62],
    /// When it last began a step, or was known to have ended, by the system's clock.
    pub began: AtomicU64,
}

/// What all processes see.
pub struct Board {
    pub traces: [Trace; 6],
    /// How many were told of a deadlock, how many of them later than [`PROMPT`], and the longest time in nanoseconds.
    pub told: AtomicU64,
    pub late: AtomicU64,
    pub longest: AtomicU64,
}

impl Trace {
    pub fn clear(&self) {
        [&self.at, &self.length].into_iter().for_each(|byte| byte.store(0, SeqCst));
        self.began.store(inspect::now(), SeqCst);
    }

    fn write(&self, result: u8) {
        let length = self.length.load(SeqCst);
        self.log[usize::from(length)].store(result, SeqCst);
        self.length.store(length + 1, SeqCst);
    }

    pub fn read(&self) -> Vec<u8> {
        self.log[..usize::from(self.length.load(SeqCst))].iter().map(|byte| byte.load(SeqCst)).collect()
    }
}

impl Board {
    /// A process was told just now: since the last step that any of them began, the circle was there.
    fn note_deadlock(&self) {
        let now = inspect::now();
        let began = self.traces.iter().map(|trace| trace.began.load(SeqCst)).filter(|&began| began <= now).max();
        let waited = now - began.unwrap_or(now);
        self.told.fetch_add(1, SeqCst);
        self.late.fetch_add(u64::from(u128::from(waited) > PROMPT.as_nanos()), SeqCst);
        self.longest.fetch_max(waited, SeqCst);
    }
}

/// What a world is made of in shared memory.
pub struct Made {
    pub objects: Vec<ObjectRef>,
    pub channels: Vec<Channel>,
    pub locks: Vec<UserLock>,
    pub semaphores: Vec<Monitor<Semaphore>>,
    pub conditions: Vec<Monitor<Condition>>,
}

impl Made {
    pub fn new(world: &World) -> Made {
        let semaphore = |&permits: &u32| Monitor::new(&Semaphore::new(u64::from(permits), false)).unwrap();
        let condition = |_: &usize| Monitor::new(&Condition::new(0)).unwrap();
        let mut made = Made {
            objects: vec![],
            channels: vec![],
            locks: (0..world.locks).map(|_| UserLock::new().unwrap()).collect(),
            semaphores: world.semaphores.iter().map(semaphore).collect(),
            conditions: world.conditions.iter().map(condition).collect(),
        };
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
        made
    }

    /// The role of a number, if there is one.
    pub fn role(&self, number: usize) -> Option<(ObjectRef, Role)> {
        let handle = |object: ObjectRef| (object, Role::Handle);
        match number {
            CONDITION.. => self.conditions.get(number - CONDITION).map(|condition| handle(condition.object())),
            SEMAPHORE.. => self.semaphores.get(number - SEMAPHORE).map(|semaphore| handle(semaphore.object())),
            // A queue's two roles are the two ends of a pipe, by their numbers.
            _ => {
                let role = if number.is_multiple_of(2) { Role::Put } else { Role::Take };
                self.objects.get(number / 2).map(|&object| (object, role))
            }
        }
    }

    pub fn roles(&self) -> impl Iterator<Item = (usize, (ObjectRef, Role))> {
        (0..32).filter_map(|number| Some((number, self.role(number)?)))
    }

    fn holds(&self, number: usize) -> bool {
        self.role(number).is_some_and(|(object, role)| shm::holders::holds(object, role))
    }
}

/// A process of a world.
pub struct Worker<'a> {
    pub world: &'a World,
    pub made: &'a Made,
    pub people: &'a [ProcessRef],
    pub board: &'a Board,
    pub who: usize,
}

impl Worker<'_> {
    fn trace(&self) -> &Trace {
        &self.board.traces[self.who]
    }

    /// Whether the process stops.
    fn write(&self, result: u8) -> bool {
        if result == DEADLOCK {
            self.board.note_deadlock();
        }
        self.trace().write(result);
        self.world.plans[self.who].stops && result == DEADLOCK
    }

    pub fn work(&self, random: &mut Random) {
        let plan = &self.world.plans[self.who];
        for (at, &step) in plan.steps.iter().enumerate() {
            self.trace().at.store(at as u8, SeqCst);
            self.trace().began.store(inspect::now(), SeqCst);
            let limit = Duration::from_micros(500 + random.below(8_000));
            let deadline = (plan.limited & 1 << at != 0).then(|| Instant::now() + limit);
            if self.lacks(step) {
                continue;
            }
            if let Step::Pause = step {
                std::thread::sleep(Duration::from_micros(random.below(2_000)));
            }
            if self.perform(at, step, deadline) {
                break;
            }
        }
        // What it has reached no other is to wait for.
        self.trace().at.store(u8::MAX, SeqCst);
    }

    /// Whether it has no role for a step, or not the lock.
    fn lacks(&self, step: Step) -> bool {
        let (made, ways) = (self.made, &self.world.ways);
        let cannot = |at: usize| !made.holds(CONDITION + at) || !made.locks[self.world.conditions[at]].held();
        match step {
            Step::Close(line) => !made.holds(ways[line].put) && !made.holds(ways[line].take),
            Step::Put { line, .. } => !made.holds(ways[line].put),
            Step::Get(line) | Step::Drain(line) => !made.holds(ways[line].take),
            Step::GetAny(lines) => lines.iter().all(|&line| !made.holds(ways[line].take)),
            Step::Enter(at) | Step::Leave(at) | Step::Release(at) => !made.holds(SEMAPHORE + at),
            Step::Await(at) | Step::Notify(at) => cannot(at),
            _ => false,
        }
    }

    /// Does a step; whether the process stops then.
    fn perform(&self, at: usize, step: Step, deadline: Option<Instant>) -> bool {
        let (made, ways) = (self.made, &self.world.ways);
        let always = &mut || true;
        let result = match step {
            Step::Pause => return false,
            Step::Rest => loop {
                std::thread::sleep(Duration::from_secs(1_000));
            },
            Step::GiveUp(role) => {
                made.role(role).into_iter().for_each(|(object, role)| shm::give_up(object, role));
                return false;
            }
            Step::Close(line) => {
                made.channels[line].close();
                return false;
            }
            Step::Put { line, carries } => {
                let carried = carries.filter(|&role| made.holds(role)).and_then(|role| made.role(role));
                let handles: Vec<_> = carried.into_iter().collect();
                match made.channels[line].send(&[number(self.who, at)], &handles, deadline).unwrap() {
                    Sent::Ok => OK,
                    Sent::Closed => CLOSED,
                    Sent::Deadlock => DEADLOCK,
                    Sent::TimedOut => TIMED_OUT,
                    other => panic!("{other:?}"),
                }
            }
            Step::Get(line) => get(made.channels[line], deadline),
            Step::Drain(line) => loop {
                let result = get(made.channels[line], deadline);
                if result < GOT {
                    break result;
                }
                self.write(result);
            },
            Step::GetAny(lines) => {
                let arms: Vec<Arm> = lines
                    .iter()
                    .filter(|&&line| made.holds(ways[line].take))
                    .map(|&line| Arm::Recv(made.channels[line]))
                    .collect();
                let mut bytes = vec![];
                match select(&arms, &mut bytes, Limit::Until(deadline)).unwrap() {
                    Selected::Fired { .. } => GOT + bytes[0],
                    Selected::Closed => CLOSED,
                    Selected::Deadlock => DEADLOCK,
                    Selected::TimedOut => TIMED_OUT,
                    other => panic!("{other:?}"),
                }
            }
            Step::Lock(lock) => acquire(made.locks[lock], deadline),
            Step::Unlock(lock) => match made.locks[lock].release().unwrap() {
                Released::Ok => OK,
                Released::NotOwner => NOT_OWNER,
            },
            Step::Enter(at) => {
                let limit = monitor::Limit::Until(deadline, always);
                let enter = |semaphore: &mut Semaphore| semaphore.enter(me());
                result_of(made.semaphores[at].wait(limit, enter, |_| Wake::Nobody).unwrap())
            }
            Step::Leave(at) if made.semaphores[at].change(|semaphore| semaphore.leave(me())).unwrap() => OK,
            Step::Leave(_) => NOT_OWNER,
            Step::Release(at) => {
                made.semaphores[at].change(|semaphore| ((), semaphore.release().unwrap())).unwrap();
                OK
            }
            Step::Await(at) => self.await_condition(at, deadline),
            Step::Notify(at) => {
                made.conditions[at].change(|condition| ((), condition.notify(1))).unwrap();
                return false;
            }
            Step::Join(other) => match self.people[other].wait_end(deadline) {
                EndWait::Ended => OK,
                EndWait::Deadlock => DEADLOCK,
                EndWait::TimedOut => TIMED_OUT,
                other => panic!("{other:?}"),
            },
            Step::JoinAtEnd(other) => {
                assert_eq!(self.people[other].wait_end_at_end(None), EndWait::Ended);
                OK
            }
        };
        self.write(result)
    }

    /// As the language does it.
    fn await_condition(&self, at: usize, deadline: Option<Instant>) -> u8 {
        let (condition, lock) = (self.made.conditions[at], self.made.locks[self.world.conditions[at]]);
        condition.change(|condition| (condition.enlist(me()), Wake::Nobody)).unwrap();
        lock.release().unwrap();
        let always = &mut || true;
        let limit = monitor::Limit::Until(deadline, always);
        let waited = condition.wait(limit, |condition| condition.wait(me()), |condition| condition.withdraw(me()));
        match acquire(lock, None) {
            DEADLOCK => {
                condition.change(|condition| ((), condition.withdraw(me()))).unwrap();
                DEADLOCK
            }
            _ => {
                condition.change(|condition| (condition.leave(me()), Wake::Nobody)).unwrap();
                result_of(waited.unwrap())
            }
        }
    }
}

fn get(channel: Channel, deadline: Option<Instant>) -> u8 {
    let mut bytes = vec![];
    match channel.recv(&mut bytes, deadline).unwrap() {
        Received::Ok => GOT + bytes[0],
        Received::Closed => CLOSED,
        Received::Deadlock => DEADLOCK,
        Received::TimedOut => TIMED_OUT,
        other => panic!("{other:?}"),
    }
}

fn acquire(lock: UserLock, deadline: Option<Instant>) -> u8 {
    match lock.acquire(deadline).unwrap() {
        Acquired::Ok | Acquired::Abandoned(_) => OK,
        Acquired::AlreadyHeld => HELD,
        Acquired::Deadlock => DEADLOCK,
        Acquired::TimedOut => TIMED_OUT,
        other => panic!("{other:?}"),
    }
}

fn result_of<R>(waited: Waited<R>) -> u8 {
    match waited {
        Waited::Done(_) => OK,
        Waited::Deadlock => DEADLOCK,
        Waited::TimedOut => TIMED_OUT,
        Waited::Interrupted => panic!("interrupted"),
    }
}
