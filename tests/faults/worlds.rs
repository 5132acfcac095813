//! Small worlds of processes: who holds what, and what each does.

use super::storms::Random;

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
    /// Takes a permit of a semaphore, which comes back when the process ends.
    Enter(usize),
    /// Gives such a permit back.
    Leave(usize),
    /// Makes one more permit, which is nobody's.
    Release(usize),
    /// Waits until a condition is told of, without its lock meanwhile. Who does not have that passes on.
    Await(usize),
    /// Tells the first who waits; needs the lock too.
    Notify(usize),
    Join(usize),
    /// The same at its end, where no error can be raised.
    JoinAtEnd(usize),
    /// Takes time, which means nothing here.
    Pause,
    /// Sleeps until it is killed.
    Rest,
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
    /// The steps that wait with a time limit, as bits.
    pub limited: u32,
    /// It ends when it is told of a deadlock; else it goes on.
    pub stops: bool,
}

/// Role 2n and 2n + 1 are the two roles of object n: of a queue, or of a pipe.
#[derive(Clone, Debug)]
pub struct World {
    pub ways: Vec<Way>,
    pub locks: usize,
    /// The permits that each semaphore begins with, and the lock of each condition.
    pub semaphores: Vec<u32>,
    pub conditions: Vec<usize>,
    pub plans: Vec<Plan>,
    /// Whenever nobody can go on, the next of these that lives is killed.
    pub kills: Vec<usize>,
}

/// The roles of the first semaphore and condition: who has it can reach it.
pub const SEMAPHORE: usize = 16;
pub const CONDITION: usize = 24;

// What a process writes down of a step; a message is its number from `GOT` on.
pub const OK: u8 = 0;
pub const CLOSED: u8 = 1;
pub const DEADLOCK: u8 = 2;
pub const HELD: u8 = 3;
pub const NOT_OWNER: u8 = 4;
pub const TIMED_OUT: u8 = 5;
pub const GOT: u8 = 16;

/// The number of the message that a process sends at a step.
pub fn number(process: usize, step: usize) -> u8 {
    (process * 16 + step) as u8
}

/// A small world by chance.
pub fn random_world(random: &mut Random) -> World {
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
    let semaphores: Vec<u32> = (0..below(4).saturating_sub(1)).map(|_| below(3) as u32).collect();
    let conditions: Vec<usize> = (0..if locks > 0 { below(2) } else { 0 }).map(|_| below(locks)).collect();
    let (limits, kills, rarely) = (below(3) == 0, below(3) == 0, 2 + below(3));
    let mut plans = vec![];
    for who in 0..count {
        let mut holds = (0..objects * 2).filter(|_| below(5) < 2).fold(0, |holds, role| holds | 1 << role);
        // Most have something to do with the first object.
        holds |= [1, 2, 3, 0][below(4)];
        let others = (0..semaphores.len()).map(|at| SEMAPHORE + at);
        let others = others.chain((0..conditions.len()).map(|at| CONDITION + at));
        holds |= others.filter(|_| below(3) > 0).fold(0, |holds, role| holds | 1 << role);
        let fits = |role: usize| holds & 1 << role != 0;
        let mut steps = vec![];
        for _ in 0..1 + below(if count > 4 { 4 } else { 5 }) {
            let mut line = |role: fn(&Way) -> usize| {
                // A few have no role for it at that time, or get it with a message.
                (0..4).map(|_| below(ways.len())).find(|&at| fits(role(&ways[at]))).unwrap_or(below(ways.len()))
            };
            let (puts, takes) = (line(|way| way.put), [line(|way| way.take), line(|way| way.take)]);
            if !semaphores.is_empty() && below(rarely) == 0 {
                let at = below(semaphores.len());
                let enter = Step::Enter(at);
                steps.push([enter, enter, enter, enter, Step::Leave(at), Step::Release(at)][below(6)]);
                continue;
            }
            if !conditions.is_empty() && below(5) == 0 {
                let at = below(conditions.len());
                let (step, lock) = ([Step::Await(at), Step::Notify(at)][below(2)], conditions[at]);
                steps.extend([Step::Lock(lock), step]);
                steps.extend((below(3) > 0).then_some(Step::Unlock(lock)));
                continue;
            }
            steps.push(match below(24) {
                0..7 => {
                    // In one direction only: a channel in itself would never go.
                    let from = ways[puts].put / 2 * 2 + 2;
                    let carries = match below(6) {
                        0 | 1 if from < objects * 2 => Some(from + below(objects * 2 - from)),
                        2 if !semaphores.is_empty() => Some(SEMAPHORE + below(semaphores.len())),
                        _ => None,
                    };
                    Step::Put { line: puts, carries }
                }
                7..12 => Step::Get(takes[0]),
                12 | 13 => Step::Drain(takes[0]),
                14 if takes[0] != takes[1] => Step::GetAny(takes),
                15 => Step::Close(puts),
                16 if !semaphores.is_empty() && below(2) == 0 => Step::GiveUp(SEMAPHORE + below(semaphores.len())),
                16 => Step::GiveUp(below(objects * 2)),
                17..20 if locks > 0 => Step::Lock(below(locks)),
                20 | 21 if locks > 0 => Step::Unlock(below(locks)),
                22 => Step::Join(below(count)),
                _ => Step::Pause,
            });
        }
        let limited =
            if limits { (0..steps.len()).filter(|_| below(4) == 0).fold(0, |all, at| all | 1 << at) } else { 0 };
        if who + 1 < count && below(5) == 0 {
            steps.push(Step::JoinAtEnd(who + 1 + below(count - who - 1)));
        }
        plans.push(Plan { holds, steps, limited, stops: below(2) == 0 });
    }
    let mut world = World { ways, locks, semaphores, conditions, plans, kills: vec![] };
    if kills {
        add_kills(&mut world, below);
    }
    world
}

/// Some rest until they are killed, and others may be killed before, in whatever they wait for.
fn add_kills(world: &mut World, mut below: impl FnMut(usize) -> usize) {
    let count = world.plans.len();
    world.kills = (0..count).filter(|_| below(3) == 0).collect();
    let rests = below(count);
    world.kills.retain(|&who| who != rests);
    for who in world.kills.iter().copied().filter(|_| below(3) == 0).chain([rests]).collect::<Vec<_>>() {
        let plan = &mut world.plans[who];
        let at = below(plan.steps.len() + 1);
        plan.steps.truncate(at);
        plan.steps.push(Step::Rest);
        plan.limited &= (1 << at) - 1;
    }
    // In any order.
    world.kills.insert(below(world.kills.len() + 1), rests);
}
