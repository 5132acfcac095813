//! Looks around from one wait: a sleeper and those who could serve it, directly or not, may wait for each other alone. So
//! a circle is found soon, however many others sleep.
//!
//! They are gathered without a lock, and may have changed since. The look at them is one under the holders' lock, where
//! all others count as awake: who is stuck there is stuck. And it tells the same ones as a look at everybody would, ends
//! upstream first included: whoever could serve one of them is among them, so no circle of theirs depends on one that is
//! not seen, and those who depend on them change nothing.

use super::ObjectRef;
use super::deadlock::{owners_of, serving, sleeper};
use super::holders;
use super::object::{Key, key};
use super::process_table::{ProcessRef, high, reference, slot};
use super::waits::{Need, Seen, Waited};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;
use std::iter;

/// So many processes are few.
pub(super) const MOST: usize = 32;
/// So many slots are enough for processes that were spawned one after the other.
const NEAR: u32 = 256;
/// So many take half a millisecond.
const FAR: u32 = 20_000;
/// Where more could serve, these are not gathered: that would be a look at everybody for each who waits there.
const LARGE: usize = 1024;
/// So far it goes into the depth first.
const AT_ONCE: u32 = 3;

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To few processes, over few slots: it takes some microseconds, and no memory.
    Near,
    /// To all, as long as it costs no more than a look at everybody.
    Far,
}

/// Why not all who could serve a sleeper were gathered.
pub(super) enum Open {
    /// One of them, in this slot, is awake. Should it fall asleep, it looks around as well.
    Served(u32),
    /// One of them is between two slices of its wait, or something else has just happened.
    Moving,
    /// There may be more than the search reaches.
    More,
    /// Some are messages or results.
    Hidden,
}

/// Whether those who could do what is needed of an object are few enough to be gathered.
pub(super) fn are_few(object: ObjectRef, need: Need) -> bool {
    let (object, roles) = serving(object, need);
    roles.iter().all(|&role| holders::count(object, role) as usize <= MOST)
}

/// A sleeper with all who could serve it, directly or not, if all of these sleep; those that have been told of a circle
/// count only if `told`. Nearby nothing is allocated before that is known: most look in vain.
pub(super) fn gather(index: u32, told: bool, reach: Reach) -> Result<Vec<(u32, Seen)>, Open> {
    let mut search = Search::new(told, reach);
    search.add(index)?;
    let mut at = 0;
    while let Some(&index) = search.found.get(at) {
        search.add_servers(index)?;
        at += 1;
    }
    if search.is_open {
        return Err(Open::More);
    }
    let seen = search.found.iter().map(|&index| Some((index, sleeper(index, told).filter(Seen::is_whole)?)));
    seen.collect::<Option<Vec<_>>>().ok_or(Open::Moving)
}

struct Search {
    told: bool,
    reach: Reach,
    /// In so many calls of `add`.
    depth: u32,
    /// Some are not gathered.
    is_open: bool,
    /// So many more slots may be gone over.
    left: u32,
    found: SmallVec<[u32; MOST]>,
    /// In a search among all: a bit for each slot that is found, and the roles whose holders are.
    marks: Vec<u64>,
    roles: FxHashSet<Key>,
}

impl Search {
    fn new(told: bool, reach: Reach) -> Search {
        let (left, words) = match reach {
            Reach::Near => (NEAR, 0),
            Reach::Far => ((high() * 8).max(FAR), high() as usize / 64 + 1),
        };
        Search {
            told,
            reach,
            depth: 0,
            is_open: false,
            left,
            found: SmallVec::new(),
            marks: vec![0; words],
            roles: FxHashSet::default(),
        }
    }

    fn has(&self, index: u32) -> bool {
        match self.marks.get(index as usize / 64) {
            Some(word) => word >> (index % 64) & 1 == 1,
            None => self.found.contains(&index),
        }
    }

    /// Whether somebody sleeps.
    fn check(&self, index: u32) -> Result<(), Open> {
        let wait = &slot(index).wait;
        if reference(index).has_ended() {
            return Err(Open::Hidden);
        }
        if !wait.is_for_ever() {
            return Err(if wait.is_between_slices() { Open::Moving } else { Open::Served(index) });
        }
        if wait.is_told() && !self.told { Err(Open::Served(index)) } else { Ok(()) }
    }

    /// One more, who must sleep.
    fn add(&mut self, index: u32) -> Result<(), Open> {
        if self.has(index) {
            return Ok(());
        }
        self.check(index)?;
        if self.reach == Reach::Near && self.found.len() == MOST {
            return Err(Open::More);
        }
        self.found.push(index);
        if let Some(word) = self.marks.get_mut(index as usize / 64) {
            *word |= 1 << (index % 64);
        }
        // Whom the first ones wait for is asked before their many neighbours: often that one is awake.
        if self.depth < AT_ONCE {
            self.depth += 1;
            self.add_servers(index)?;
            self.depth -= 1;
        }
        Ok(())
    }

    /// All who could do what the sleeper of a slot waits for.
    fn add_servers(&mut self, index: u32) -> Result<(), Open> {
        for arm in slot(index).wait.arms() {
            match arm.need {
                Need::Message | Need::Room | Need::Taker | Need::Change => self.add_holders(&arm, index)?,
                Need::End | Need::Place => match ProcessRef::of(arm.object) {
                    Some(process) if !process.has_ended() => self.add(process.index)?,
                    _ => return Err(Open::Moving),
                },
                Need::Owner => {
                    let owners = owners_of(&arm, reference(index));
                    // Then it need not wait any more.
                    if owners.is_empty() {
                        return Err(Open::Moving);
                    }
                    owners.iter().try_for_each(|owner| self.add(owner.index))?;
                }
            }
        }
        Ok(())
    }

    fn add_holders(&mut self, arm: &Waited, beside: u32) -> Result<(), Open> {
        let (object, roles) = serving(arm.object, arm.need);
        for &role in roles {
            if self.reach == Reach::Far && !self.roles.insert(key(object, role)) {
                continue;
            }
            let holds = |other: u32| holders::seems_to_hold(other, object, role);
            let count = holders::count(object, role) as usize;
            if count > LARGE {
                self.is_open = true;
                outwards(beside).take(MOST).filter(|&other| holds(other)).try_for_each(|other| self.check(other))?;
                continue;
            }
            // One alone is seldom among those found, and to ask many of them takes longer than to find one again.
            let asked = if count > 1 { self.found.len().min(MOST) } else { 0 };
            let known = self.found[..asked].iter().filter(|&&other| holds(other)).count();
            let mut missing = count.saturating_sub(known);
            let mut others = outwards(beside);
            while missing > 0 {
                let other = others.next().ok_or(Open::Hidden)?;
                self.left = self.left.checked_sub(1).ok_or(Open::More)?;
                if holds(other) && !self.found[..asked].contains(&other) {
                    self.add(other)?;
                    missing -= 1;
                }
            }
        }
        Ok(())
    }
}

/// All slots: the first one, and then from this one outwards.
fn outwards(index: u32) -> impl Iterator<Item = u32> {
    let high = high();
    let others = (1..high).flat_map(move |step| [index.checked_sub(step), index.checked_add(step)]).flatten();
    iter::once(0).chain(iter::once(index).chain(others).filter(move |&other| other != 0 && other < high))
}
