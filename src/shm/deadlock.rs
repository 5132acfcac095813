//! Finds waits that can never end: the wait-for graph of the processes that sleep without a limit, and of the handles
//! that lie in waiting messages.
//!
//! A sleeper is stuck when all who could serve it are stuck themselves; the greatest such set is what is left after all
//! others have been taken out (for a graph of alternatives this is the knot test; marking from what is alive is the idea
//! of goroutine leak detection, Saioc et al., ASPLOS 2025). Within it the circles that depend on no other circle are
//! acted upon: receives and joins alone end quietly, in any other circle the last to have blocked is told.

use super::around::{self, Open, Reach};
use super::atomic::Ordering::Relaxed;
use super::atomic::{AtomicU32, seeded};
use super::channel::Stamp;
use super::contents::{self, Container, Content};
use super::holders;
use super::line::{Line, RECV, SEND, line};
use super::object::{self, Key, key};
use super::process_table::{self, ProcessRef, high, reference, slot};
use super::waits::{MANY, Need, Seen, Waited, Watched, waiting};
use super::{ObjectRef, Role, channel, message, monitor, park, result, user_lock};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A process of a circle of waits.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Who waits.
    pub process: ProcessRef,
    /// Where in the script, as a word of [`process_table::set_place`].
    pub place: u64,
    /// For what.
    pub needs: Vec<(ObjectRef, Need)>,
    /// Processes of the circle that it depends on: at most [`MOST_ON`].
    pub on: Vec<ProcessRef>,
}

/// Of so many processes each one of a circle tells that it depends on them.
pub const MOST_ON: usize = 9;

/// So long at most who has been told of a circle looks for all of it.
const COMPLETE: Duration = Duration::from_millis(20);

thread_local! {
    static CIRCLE: RefCell<Vec<Blocked>> = const { RefCell::new(Vec::new()) };
}

/// The circle that this process was told of last, itself first.
pub fn take_circle() -> Vec<Blocked> {
    CIRCLE.take()
}

/// Who waits in a graph: a process, or handles in a container, for somebody who can take them out.
enum Who {
    Process(u32, Seen),
    Content { place: Container, stamp: Stamp },
}

/// A node of the graph: it needs one of the roles or processes, or all owners of something.
struct Node {
    who: Who,
    /// Roles whose holders could serve it.
    roles: Vec<usize>,
    /// Processes that could serve it by ending.
    ends: Vec<u32>,
    /// Processes each of which must let go first; one list per arm.
    owners: Vec<Vec<u32>>,
    /// Among the roles of the graph those that it holds.
    holds: Vec<usize>,
    stuck: bool,
}

/// The wait-for graph, as it was under the holders' lock.
struct Graph {
    nodes: Vec<Node>,
    of_process: HashMap<u32, usize>,
    roles: HashMap<Key, usize>,
    /// Per role: who of the nodes holds it, who of them needs it, and how many hold it in all.
    holders: Vec<Vec<usize>>,
    needers: Vec<Vec<usize>>,
    totals: Vec<usize>,
    /// Per role: how many processes that are no nodes hold it.
    awake: Vec<usize>,
}

/// What a look found: circles to act on, and whether handles in containers may hide another one.
struct Found {
    circles: Vec<Vec<usize>>,
    hidden: bool,
}

/// Looks whether there are waits that can never end, and ends them. False when it must be looked again: something moved
/// meanwhile.
pub(super) fn look() -> bool {
    match look_with(Vec::new()) {
        Look::Clear | Look::Told => true,
        Look::Moved => false,
        Look::Hidden => !matches!(look_with(contents::all()), Look::Moved),
    }
}

/// Of so many processes each is asked whether it is awake: the first ones, and others, from another place each time.
const ASKED: u32 = 64;

/// Follows all handles, for those who test that alone.
#[cfg(any(test, feature = "faults"))]
pub fn search() {
    contents::all();
}

/// Some processes that are awake. Spares most looks among many processes.
fn some_awake() -> impl Iterator<Item = u32> {
    thread_local! {
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }
    let high = high();
    let start = NEXT.replace(NEXT.get().wrapping_add(ASKED)) % high.max(1);
    let others = if high > ASKED { ASKED } else { 0 };
    (0..high.min(ASKED)).chain((0..others).map(move |at| (start + at) % high)).filter(|&index| is_awake(index))
}

fn is_awake(index: u32) -> bool {
    process_table::is_running(index) && !slot(index).wait.is_for_ever() && !reference(index).has_ended()
}

/// Whether one of some processes is awake that holds this role of a channel: that another one has given it up leaves
/// nobody waiting in vain.
pub(super) fn is_still_served(object: ObjectRef, role: Role) -> bool {
    line(object).is_some() && some_awake().any(|index| holders::seems_to_hold(index, object, role.index()))
}

/// Whether a loss of this object, which is no channel, matters to nobody: nothing lies in it, and nobody waits for it. Who
/// is between two slices of a wait for it is not seen, and looks himself after the next one. Among many processes to look
/// for sleepers is dear as well.
pub(super) fn is_idle(object: ObjectRef) -> bool {
    high() <= MANY && object::is_plain(object) && !is_slept_at(object)
}

fn is_slept_at(object: ObjectRef) -> bool {
    let mut waits = (0..high()).filter(|&index| slot(index).wait.is_for_ever());
    waits.any(|index| slot(index).wait.read().is_none_or(|wait| wait.is_at(object)))
}

/// One of some processes that is awake and could serve a wait.
pub(super) fn server(arms: &[Watched]) -> Option<u32> {
    some_awake().find(|&index| arms.iter().any(|arm| serves(index, arm)))
}

/// Whether the process of a slot is awake and could serve a wait.
pub(super) fn is_served_by(index: u32, arm: &Watched) -> bool {
    index < high() && is_awake(index) && serves(index, arm)
}

fn serves(index: u32, arm: &Watched) -> bool {
    let (object, roles) = serving(arm.object, arm.need);
    match arm.need {
        Need::End | Need::Place => ProcessRef::of(object) == Some(reference(index)),
        _ => roles.iter().any(|&role| holders::seems_to_hold(index, object, role)),
    }
}

/// The roles whose holders could do what is needed of an object, and the object that counts these; no roles where that is
/// up to certain processes, or the object is gone.
pub(super) fn serving(object: ObjectRef, need: Need) -> (ObjectRef, &'static [u32]) {
    let one = |role: u32| if role == 0 { &[0] } else { &[1] };
    match (need, line(object)) {
        (Need::Message, Some(line)) => (line.counting_object(object), one(line.put_role())),
        (Need::Room | Need::Taker, Some(line)) => (line.counting_object(object), one(1 - line.put_role())),
        (Need::Change, _) => (object, &[0, 1]),
        _ => (object, &[]),
    }
}

/// Whether somebody may wait for this object, or for what lies in it, whom nobody could serve once this process, or a
/// dead one, has given it up.
pub(super) fn is_waited_for(object: ObjectRef) -> bool {
    let Some(header) = object::header(object) else { return false };
    match header.kind.load(Relaxed) {
        object::NUMBERS => false,
        // What its result names can be reached by those who hold it.
        object::PROCESS => ProcessRef::of(object).is_some_and(result::keeps_objects),
        object::CHANNEL => channel::lines(object).any(|line| {
            let waits = |side: usize, role: u32| {
                line.sleepers[side].are_there() && !(high() > MANY && others_hold(line.counting_object(object), role))
            };
            line.may_contain_objects()
                || line.may_be_awaited()
                || waits(RECV, line.put_role())
                || waits(SEND, 1 - line.put_role())
        }),
        object::CELL | object::MAP | object::LIST => true,
        _ => holders::count(object, 0) > 1,
    }
}

/// Whether a process that is awake, and not this one, holds a role.
fn others_hold(object: ObjectRef, role: u32) -> bool {
    let me = process_table::my_index();
    some_awake().any(|index| index != me && holders::seems_to_hold(index, object, role))
}

enum Look {
    Clear,
    /// Of each circle somebody has been told.
    Told,
    Moved,
    /// Handles in containers may hide another circle.
    Hidden,
}

/// What looking around came to.
pub(super) enum Around {
    /// Of a circle somebody has been told.
    Told,
    /// The process of this slot is awake, and serves.
    Served(u32),
    /// It is worth while to look again soon.
    Again,
    /// It is worth while to look further.
    More,
    /// Handles in containers may hide a circle.
    Hidden,
    Nothing,
}

/// Looks whether this process, which sleeps, is stuck with those who could serve it, and they with each other.
pub(super) fn look_around(reach: Reach) -> Around {
    match around::gather(process_table::my_index(), false, reach) {
        Ok(gathered) => match look_at(gathered, Vec::new()) {
            Look::Told => Around::Told,
            Look::Moved => Around::Again,
            Look::Hidden => Around::Hidden,
            Look::Clear => Around::Nothing,
        },
        Err(Open::Served(index)) => Around::Served(index),
        Err(Open::Moving) => Around::Again,
        Err(Open::More) => Around::More,
        Err(Open::Hidden) => Around::Hidden,
    }
}

fn look_with(contents: Vec<Content>) -> Look {
    look_at(sleepers(false), contents)
}

/// Looks at some sleepers; all other processes count as awake.
fn look_at(sleepers: Vec<(u32, Seen)>, contents: Vec<Content>) -> Look {
    let with_contents = !contents.is_empty();
    if sleepers.is_empty() {
        return Look::Clear;
    }
    let mut words: Vec<&AtomicU32> = Vec::new();
    let result = holders::locked(|| {
        let mut graph = Graph::new(sleepers, contents);
        let found = graph.find();
        let (mut moved, mut left) = (false, 0);
        for circle in &found.circles {
            let receives = graph.receives(circle);
            if receives.is_none() && graph.can_be_left(circle) {
                left += 1;
                continue;
            }
            if !circle.iter().all(|&at| graph.nodes[at].who.is_as_before()) {
                moved = true;
                continue;
            }
            match receives {
                Some(receives) => graph.end(&receives, &mut words),
                None => graph.condemn_last(circle),
            }
        }
        if moved {
            Look::Moved
        } else if found.hidden && !with_contents {
            Look::Hidden
        } else if found.circles.len() == left {
            Look::Clear
        } else {
            Look::Told
        }
    });
    words.sort_by_key(|word| word.as_ptr());
    words.dedup_by_key(|word| word.as_ptr());
    for word in words {
        park::wake_all(word);
    }
    result
}

/// Keeps the circle of this process for [`take_circle`].
#[cold]
pub(super) fn remember_circle() {
    let me = process_table::my_index();
    let end = Instant::now() + COMPLETE;
    loop {
        let gathered = around::gather(me, true, Reach::Far);
        let contents = if gathered.is_ok() { Vec::new() } else { contents::all() };
        let (circle, whole) = holders::locked(|| {
            let mut graph = Graph::new(gathered.unwrap_or_else(|_| sleepers(true)), contents);
            graph.find();
            (graph.circle_of(me), graph.is_stuck(me))
        });
        // Another one may be just between two slices of its wait.
        if whole || Instant::now() >= end {
            return CIRCLE.set(circle);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The processes that sleep without a limit; those that have been told of a circle only if `told`.
fn sleepers(told: bool) -> Vec<(u32, Seen)> {
    (0..high()).filter_map(|index| Some((index, sleeper(index, told)?))).collect()
}

/// What the process of a slot waits for, if it sleeps without a limit.
pub(super) fn sleeper(index: u32, told: bool) -> Option<Seen> {
    let seen = waiting(index).filter(|seen| seen.forever && (told || slot(index).wait.still(seen.sequence)))?;
    (!reference(index).has_ended()).then_some(seen)
}

impl Who {
    fn is_as_before(&self) -> bool {
        match self {
            Who::Process(index, seen) => is_asleep(*index) && slot(*index).wait.still_waits(seen),
            Who::Content { place, stamp } => place.stamp() == Some(*stamp),
        }
    }
}

/// Whether a process sleeps. One that is stopped, as by Ctrl-Z, may go on, and looks for itself then; one that a signal
/// has woken acts on it, or is about to die of it.
fn is_asleep(index: u32) -> bool {
    let Some(pid) = reference(index).pid().filter(|_| index != process_table::my_index()) else { return true };
    // Others look at the waits too: that takes a moment.
    for _ in 0..50 {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            return !reference(index).has_ended();
        };
        // The state follows the name, which stands in parentheses and may contain some.
        match stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()) {
            Some('R' | 'D') => std::thread::sleep(Duration::from_micros(20)),
            state => return state == Some('S') && !reference(index).has_ended(),
        }
    }
    false
}

impl Graph {
    fn new(sleepers: Vec<(u32, Seen)>, contents: Vec<Content>) -> Graph {
        let mut graph = Graph {
            nodes: Vec::new(),
            of_process: HashMap::new(),
            roles: HashMap::new(),
            holders: Vec::new(),
            needers: Vec::new(),
            totals: Vec::new(),
            awake: Vec::new(),
        };
        for (index, seen) in sleepers {
            graph.add_process(index, seen);
        }
        let mut inside = Vec::new();
        for Content { place, stamp, holds } in contents {
            let roles = place.taker().into_iter().map(|(object, role)| graph.role(object, role)).collect();
            let who = Who::Content { place, stamp };
            inside.push((graph.nodes.len(), holds));
            graph.nodes.push(Node { who, roles, ends: vec![], owners: vec![], holds: vec![], stuck: true });
        }
        // Now that all roles that matter are known: who holds them.
        for at in 0..graph.nodes.len() {
            if let Who::Process(index, _) = graph.nodes[at].who {
                let mut holds = Vec::new();
                holders::each_of(index, &graph.roles, |role| holds.push(role));
                // A message that it waits to send holds what it holds itself once more.
                let in_hand = message::held_in_hand(slot(index));
                holds.extend(in_hand.iter().filter_map(|key| graph.roles.get(key).copied()));
                graph.nodes[at].holds = holds;
            }
        }
        for (at, holds) in inside {
            graph.nodes[at].holds = holds.iter().filter_map(|key| graph.roles.get(key).copied()).collect();
        }
        graph.awake = vec![0; graph.totals.len()];
        // Among many processes it takes time to ask each of them, in vain where the nodes hold all.
        let mut held = vec![0; graph.totals.len()];
        graph.nodes.iter().flat_map(|node| &node.holds).for_each(|&role| held[role] += 1);
        let asked = if held == graph.totals { 0 } else { high() };
        for index in (0..asked).filter(|index| !graph.of_process.contains_key(index) && process_table::can_act(*index))
        {
            holders::each_of(index, &graph.roles, |role| graph.awake[role] += 1);
        }
        for (at, node) in graph.nodes.iter().enumerate() {
            node.holds.iter().for_each(|&role| graph.holders[role].push(at));
            node.roles.iter().for_each(|&role| graph.needers[role].push(at));
        }
        graph
    }

    fn role(&mut self, object: ObjectRef, role: u32) -> usize {
        let next = self.totals.len();
        let at = *self.roles.entry(key(object, role)).or_insert(next);
        if at == next {
            self.totals.push(holders::count(object, role) as usize);
            self.holders.push(Vec::new());
            self.needers.push(Vec::new());
        }
        at
    }

    /// A process, unless one of the things that it waits for is there.
    fn add_process(&mut self, index: u32, seen: Seen) {
        let (mut roles, mut ends, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        for arm in &seen.arms {
            match arm.need {
                Need::Message | Need::Room | Need::Taker => {
                    let Some(line) = line(arm.object) else { return };
                    if is_ready(line, arm) {
                        return;
                    }
                    let (counting, serving) = serving(arm.object, arm.need);
                    roles.extend(serving.iter().map(|&role| self.role(counting, role)));
                }
                Need::End | Need::Place => match ProcessRef::of(arm.object) {
                    Some(process) if !process.has_ended() => ends.push(process.index),
                    _ => return,
                },
                Need::Owner => match owners_of(arm, reference(index)) {
                    found if found.is_empty() => return,
                    found => owners.push(found.iter().map(|process| process.index).collect()),
                },
                Need::Change => {
                    let Some(header) = object::header(arm.object) else { return };
                    let kind = header.kind.load(Relaxed);
                    if monitor::is_ready(kind, arm.object).unwrap_or_else(|| !arm.unchanged()) {
                        return;
                    }
                    roles.extend([0, 1].map(|role| self.role(arm.object, role)));
                }
            }
        }
        self.of_process.insert(index, self.nodes.len());
        let who = Who::Process(index, seen);
        self.nodes.push(Node { who, roles, ends, owners, holds: Vec::new(), stuck: true });
    }

    /// Takes out all nodes that somebody could serve, and gives the circles of the others that depend on no other.
    fn find(&mut self) -> Found {
        let mut held: Vec<usize> = self.holders.iter().map(Vec::len).collect();
        let mut hidden = false;
        let mut waiting_for: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            for &process in node.ends.iter().chain(node.owners.iter().flatten()) {
                waiting_for.entry(process).or_default().push(at);
            }
        }
        let mut work: Vec<usize> = (0..self.nodes.len()).collect();
        while let Some(at) = work.pop() {
            if !self.nodes[at].stuck || !self.can_be_served(at, &held, &mut hidden) {
                continue;
            }
            self.nodes[at].stuck = false;
            for &role in &self.nodes[at].holds {
                // The first holder that can go on is enough for all who need the role.
                if held[role] == self.totals[role] {
                    work.extend(&self.needers[role]);
                }
                held[role] -= 1;
            }
            if let Who::Process(index, _) = self.nodes[at].who {
                work.extend(waiting_for.get(&index).into_iter().flatten());
            }
        }
        Found { circles: self.lowest_circles(), hidden }
    }

    fn can_be_served(&self, at: usize, held: &[usize], hidden: &mut bool) -> bool {
        let node = &self.nodes[at];
        let stuck = |process: &u32| self.of_process.get(process).is_some_and(|&at| self.nodes[at].stuck);
        if node.ends.iter().any(|process| !stuck(process)) || node.owners.iter().any(|all| !all.iter().any(stuck)) {
            return true;
        }
        if node.roles.iter().any(|&role| self.awake[role] > 0) {
            return true;
        }
        // The rest lies in containers.
        let served = node.roles.iter().any(|&role| self.totals[role] > held[role]);
        *hidden |= served;
        served
    }

    /// The nodes that a stuck node depends on, some of them perhaps more than once.
    fn next(&self, at: usize) -> impl Iterator<Item = usize> {
        let node = &self.nodes[at];
        let processes = node.ends.iter().chain(node.owners.iter().flatten());
        let processes = processes.filter_map(|process| self.of_process.get(process).copied());
        let holders = node.roles.iter().flat_map(|&role| self.holders[role].iter().copied());
        processes.chain(holders).filter(|&at| self.nodes[at].stuck)
    }

    /// Strongly connected components of the stuck nodes that no edge leaves (Tarjan 1972, without recursion).
    fn lowest_circles(&self) -> Vec<Vec<usize>> {
        Search::new(self, self.nodes.iter().map(|node| node.stuck).collect()).lowest()
    }

    /// The receives to end when nothing but receives and joins make up the circle, and there are any: upstream first,
    /// those whose possible senders wait in no other receive unless each depends on the other.
    fn receives(&self, circle: &[usize]) -> Option<Vec<usize>> {
        let quiet = |need: Need| {
            matches!(need, Need::Message | Need::End)
                || need == Need::Owner && seeded!("a circle with a lock ends quietly")
        };
        if !circle.iter().flat_map(|&at| self.arms(at)).all(|arm| quiet(arm.need)) {
            return None;
        }
        let mut included = vec![false; self.nodes.len()];
        for &at in circle {
            let is_process = matches!(self.nodes[at].who, Who::Process(..));
            included[at] = !is_process || self.arms(at).iter().any(|arm| arm.need == Need::Message);
        }
        let receives = Search::new(self, included).lowest().concat();
        let any = receives.iter().any(|&at| matches!(self.nodes[at].who, Who::Process(..)));
        any.then_some(receives)
    }

    /// Ends receives, and gives the words on which those sleep that do it.
    fn end(&self, receives: &[usize], words: &mut Vec<&'static AtomicU32>) {
        for &at in receives {
            if let Who::Process(index, seen) = &self.nodes[at].who {
                slot(*index).wait.end(seen);
                words.extend(seen.arms.iter().map(Waited::word));
            }
        }
    }

    /// What a node waits for, if it is a process.
    fn arms(&self, at: usize) -> &[Waited] {
        match &self.nodes[at].who {
            Who::Process(_, seen) => &seen.arms,
            Who::Content { .. } => &[],
        }
    }

    /// Whether one of the processes has a time limit for what it does. Receives that could be ended are ended all the
    /// same: a loop is over when nothing can come any more.
    fn can_be_left(&self, circle: &[usize]) -> bool {
        circle.iter().any(|&at| matches!(&self.nodes[at].who, Who::Process(_, seen) if seen.can_be_left))
    }

    fn condemn_last(&self, circle: &[usize]) {
        let processes = circle.iter().filter_map(|&at| match &self.nodes[at].who {
            Who::Process(index, seen) if seen.can_raise => Some((*index, seen)),
            _ => None,
        });
        if let Some((index, seen)) = processes.max_by_key(|(index, seen)| (seen.since, *index)) {
            slot(index).wait.condemn(seen);
        }
    }

    /// Whether nobody could serve the process, unless it does not wait at all.
    fn is_stuck(&self, me: u32) -> bool {
        self.of_process.get(&me).is_none_or(|&at| self.nodes[at].stuck)
    }

    /// What the process is stuck with: those that it depends on and that depend on it, itself first.
    fn circle_of(&self, me: u32) -> Vec<Blocked> {
        let Some(&start) = self.of_process.get(&me) else { return Vec::new() };
        let circles = self.lowest_circles();
        let alone = vec![start];
        let circle = circles.iter().find(|circle| circle.contains(&start)).unwrap_or(&alone);
        let mut members: Vec<usize> = circle.clone();
        members.sort_by_key(|&at| (at != start, at));
        let blocked = members.iter().filter_map(|&at| {
            let Who::Process(index, seen) = &self.nodes[at].who else { return None };
            let mut on = Vec::new();
            for other in self.next(at) {
                if let Who::Process(index, _) = &self.nodes[other].who
                    && !on.contains(&reference(*index))
                {
                    on.push(reference(*index));
                    if on.len() == MOST_ON {
                        break;
                    }
                }
            }
            Some(Blocked {
                process: reference(*index),
                place: reference(*index).place(),
                needs: seen.arms.iter().map(|arm| (arm.object, arm.need)).collect(),
                on,
            })
        });
        blocked.collect()
    }
}

/// Whether the sleeper would find what it waits for at the channel.
fn is_ready(line: &Line, arm: &Waited) -> bool {
    match arm.need {
        Need::Message => line.is_closed() || line.len() > 0,
        Need::Taker => line.is_closed() || !arm.unchanged(),
        _ => line.is_closed() || line.is_abandoned() || line.has_room() || line.is_rendezvous() && !arm.unchanged(),
    }
}

/// The processes that have the object for which `who` waits; none when that may take it.
pub(super) fn owners_of(arm: &Waited, who: ProcessRef) -> Vec<ProcessRef> {
    match object::kind_of(arm.object) {
        // Its word names the owner, whoever that is by now.
        Some(kind) if object::can_be_locked(kind) => user_lock::owners(arm.object),
        Some(kind) => monitor::owners(kind, arm.object, who),
        None => Vec::new(),
    }
}

/// Who has an object, as far as that can be told without locking anything.
pub(super) fn owners_at_a_glance(object: ObjectRef) -> Vec<ProcessRef> {
    match object::kind_of(object) {
        Some(kind) if object::can_be_locked(kind) => user_lock::owners(object),
        Some(kind) => monitor::holders_at_a_glance(kind, object),
        None => Vec::new(),
    }
}

/// Tarjan's algorithm on some of the nodes and, behind them, the roles that connect them: these stand for all their
/// holders, so that many who wait for many cost no product.
struct Search<'a> {
    graph: &'a Graph,
    included: Vec<bool>,
    order: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    counter: usize,
    component: Vec<usize>,
    components: Vec<Vec<usize>>,
}

const UNSEEN: usize = usize::MAX;

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, included: Vec<bool>) -> Search<'a> {
        let size = graph.nodes.len() + graph.totals.len();
        Search {
            graph,
            included,
            order: vec![UNSEEN; size],
            low: vec![0; size],
            on_stack: vec![false; size],
            stack: Vec::new(),
            counter: 0,
            component: vec![UNSEEN; size],
            components: Vec::new(),
        }
    }

    /// Where edges lead: from a node to roles and processes, from a role to its holders.
    fn next(&self, at: usize) -> Vec<usize> {
        let graph = self.graph;
        let count = graph.nodes.len();
        let included = |at: &usize| self.included[*at];
        match at.checked_sub(count) {
            Some(role) => graph.holders[role].iter().copied().filter(included).collect(),
            None => {
                let node = &graph.nodes[at];
                let processes = node.ends.iter().chain(node.owners.iter().flatten());
                let processes = processes.filter_map(|process| graph.of_process.get(process).copied()).filter(included);
                processes.chain(node.roles.iter().map(|&role| count + role)).collect()
            }
        }
    }

    fn enter(&mut self, at: usize) {
        self.order[at] = self.counter;
        self.low[at] = self.counter;
        self.counter += 1;
        self.stack.push(at);
        self.on_stack[at] = true;
    }

    fn visit(&mut self, start: usize) {
        if self.order[start] != UNSEEN {
            return;
        }
        self.enter(start);
        let mut path = vec![(start, self.next(start), 0)];
        while let Some((at, next, taken)) = path.last_mut() {
            let at = *at;
            if let Some(&to) = next.get(*taken) {
                *taken += 1;
                if self.order[to] == UNSEEN {
                    self.enter(to);
                    let edges = self.next(to);
                    path.push((to, edges, 0));
                } else if self.on_stack[to] {
                    self.low[at] = self.low[at].min(self.order[to]);
                }
                continue;
            }
            path.pop();
            if let Some((before, ..)) = path.last() {
                self.low[*before] = self.low[*before].min(self.low[at]);
            }
            if self.low[at] == self.order[at] {
                self.take_component(at);
            }
        }
    }

    fn take_component(&mut self, root: usize) {
        let mut members = Vec::new();
        while let Some(at) = self.stack.pop() {
            self.on_stack[at] = false;
            self.component[at] = self.components.len();
            members.push(at);
            if at == root {
                break;
            }
        }
        self.components.push(members);
    }

    /// The components with a process that lead to no other one with a process. They were found from the leaves up.
    fn lowest(mut self) -> Vec<Vec<usize>> {
        for at in (0..self.graph.nodes.len()).filter(|&at| self.included[at]).collect::<Vec<_>>() {
            self.visit(at);
        }
        let mut leads_to_process = vec![false; self.components.len()];
        let mut lowest = Vec::new();
        for (number, members) in self.components.iter().enumerate() {
            let out = members.iter().flat_map(|&at| self.next(at)).map(|to| self.component[to]);
            let below = out.filter(|&to| to != number).any(|to| leads_to_process[to]);
            let here = members.iter().any(|&at| self.is_process(at));
            leads_to_process[number] = below || here;
            if here && (!below || seeded!("both stages of a pipeline end at once")) {
                lowest.push(members.iter().copied().filter(|&at| at < self.graph.nodes.len()).collect());
            }
        }
        lowest
    }

    fn is_process(&self, at: usize) -> bool {
        matches!(self.graph.nodes.get(at), Some(Node { who: Who::Process(..), .. }))
    }
}
