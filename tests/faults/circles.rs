//! The rules of ends and deadlocks: who waits for whom in a state of a small world, and who is told what.

use super::oracle::{Phase, State, Told};
use super::worlds::{CONDITION, SEMAPHORE, Step, World};
use rustc_hash::FxHashSet as HashSet;

/// Who can help whom: the waiting processes, then the messages that carry a role and wait to be taken.
pub(super) struct Graph {
    /// The process of a node, if it is one.
    who: Vec<Option<usize>>,
    receives: Vec<bool>,
    /// Whether it waits for nothing but messages and ends.
    quiet: Vec<bool>,
    edges: Vec<Vec<usize>>,
    stuck: Vec<bool>,
}

impl Graph {
    pub(super) fn new(state: &State, world: &World) -> Graph {
        let waits = |who: &usize| state.processes[*who].told == Told::Nothing && state.attempt(world, *who).is_empty();
        let waiting: Vec<usize> = state.blocked.iter().copied().filter(waits).collect();
        let messages = (0..state.lines.len()).flat_map(|at| state.lines[at].1.iter().map(move |message| (at, message)));
        let carried: Vec<(usize, usize)> =
            messages.filter_map(|(at, message)| message.carries.map(|role| (at, role))).collect();
        let count = waiting.len() + carried.len();
        let mut graph = Graph {
            who: (0..count).map(|node| waiting.get(node).copied()).collect(),
            receives: vec![true; count],
            quiet: vec![true; count],
            edges: vec![vec![]; count],
            stuck: vec![true; count],
        };
        // Somebody who does not wait could help.
        let mut helped = vec![false; count];
        for node in 0..count {
            let (roles, process) = match graph.who[node] {
                None => (vec![world.ways[carried[node - waiting.len()].0].take], None),
                Some(who) => match state.step(world, who) {
                    Step::Put { line, .. } => (vec![world.ways[line].take], None),
                    Step::Get(at) | Step::Drain(at) => (vec![world.ways[at].put], None),
                    Step::GetAny(lines) => {
                        let open =
                            |at: &&usize| state.holds(who, world.ways[**at].take) && !state.has_ended(world, **at);
                        (lines.iter().filter(open).map(|&at| world.ways[at].put).collect(), None)
                    }
                    Step::Lock(at) => (vec![], state.owners[at]),
                    Step::Enter(at) => (vec![SEMAPHORE + at], None),
                    Step::Await(at) if state.processes[who].phase == Phase::Awaits => (vec![CONDITION + at], None),
                    Step::Await(at) => (vec![], state.owners[world.conditions[at]]),
                    Step::Join(other) | Step::JoinAtEnd(other) => (vec![], Some(other)),
                    _ => unreachable!("a step that does not wait"),
                },
            };
            if let Some(who) = graph.who[node] {
                let step = state.step(world, who);
                graph.receives[node] = matches!(step, Step::Get(_) | Step::Drain(_) | Step::GetAny(_));
                graph.quiet[node] = graph.receives[node] || matches!(step, Step::Join(_) | Step::JoinAtEnd(_));
            }
            let by_role = |who: &usize| roles.iter().any(|&role| state.holds(*who, role));
            let helpers: Vec<usize> = (0..state.processes.len()).filter(by_role).chain(process).collect();
            for helper in helpers {
                match waiting.iter().position(|&who| who == helper) {
                    Some(other) => graph.edges[node].push(other),
                    None => helped[node] = true,
                }
            }
            let carriers = (0..carried.len()).filter(|&at| roles.contains(&carried[at].1));
            graph.edges[node].extend(carriers.map(|at| waiting.len() + at));
        }
        while let Some(node) = (0..count).find(|&node| {
            graph.stuck[node] && (helped[node] || graph.edges[node].iter().any(|&other| !graph.stuck[other]))
        }) {
            graph.stuck[node] = false;
        }
        graph
    }

    /// Among some of the nodes the groups of those that depend on one another, and on no process outside.
    fn lowest(&self, included: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let nodes: Vec<usize> = (0..self.who.len()).filter(|&node| included(node)).collect();
        let reach = |from: usize| {
            let (mut seen, mut work) = (HashSet::from_iter([from]), vec![from]);
            while let Some(node) = work.pop() {
                work.extend(self.edges[node].iter().copied().filter(|&other| included(other) && seen.insert(other)));
            }
            seen
        };
        let mut groups: Vec<Vec<usize>> = vec![];
        for &node in nodes.iter().filter(|&&node| self.who[node].is_some()) {
            let reached = reach(node);
            let below = reached.iter().any(|&other| self.who[other].is_some() && !reach(other).contains(&node));
            if !below && !groups.iter().any(|group| group.contains(&node)) {
                groups.push(reached.into_iter().filter(|&other| reach(other).contains(&node)).collect());
            }
        }
        groups
    }

    /// The nodes of each circle that must be acted upon.
    pub(super) fn circles(&self) -> Vec<Vec<usize>> {
        self.lowest(|node| self.stuck[node])
    }

    pub(super) fn processes(&self, nodes: &[usize]) -> Vec<usize> {
        nodes.iter().filter_map(|&node| self.who[node]).collect()
    }

    /// The processes of a circle of receives and joins whose receives end: those whose senders wait in no other
    /// receive, unless each depends on the other. None when it is another circle.
    pub(super) fn ends_quietly(&self, circle: &[usize]) -> Option<Vec<usize>> {
        if !circle.iter().all(|&node| self.quiet[node]) {
            return None;
        }
        let ended = self.processes(&self.lowest(|node| circle.contains(&node) && self.receives[node]).concat());
        (!ended.is_empty()).then_some(ended)
    }
}
