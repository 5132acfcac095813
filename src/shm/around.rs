//! Looks around from one wait: a sleeper and the few who could serve it, directly or not, may wait for each other alone.
//! So a circle of few is found soon, however many others sleep.
//!
//! They are gathered without a lock, and may have changed since. The look at them is one under the holders' lock, where
//! all others count as awake: who is stuck there is stuck. And it tells the same ones as a look at everybody would, ends
//! upstream first included: whoever could serve one of them is among them, so no circle of theirs depends on one that is
//! not seen, and those who depend on them change nothing.

use super::ObjectRef;
use super::deadlock::{owners_of, serving, sleeper};
use super::holders;
use super::process_table::{ProcessRef, high, reference, slot};
use super::waits::{Need, Seen, Waited};
use std::iter;

/// More processes than this are not gathered.
pub(super) const MOST: usize = 32;
/// So many slots may be gone over at any time. It is enough for processes that were spawned one after the other.
pub(super) const NEAR: u32 = 256;

/// So many may be gone over in a search among all.
pub(super) fn far() -> u32 {
    high() * 4
}

/// Why not all who could serve a sleeper were gathered.
pub(super) enum Open {
    /// One of them, in this slot, is awake. Should it fall asleep, it looks around as well.
    Served(u32),
    /// More slots would have to be gone over.
    Far,
    /// They are too many, or something has just happened.
    Many,
    /// Some are messages or results.
    Hidden,
}

/// Whether those who could do what is needed of an object are few enough to be gathered.
pub(super) fn are_few(object: ObjectRef, need: Need) -> bool {
    let (object, roles) = serving(object, need);
    roles.iter().all(|&role| holders::count(object, role) as usize <= MOST)
}

/// A sleeper with all who could serve it, directly or not, if all of these sleep; those that have been told of a circle
/// count only if `told`. Nothing is allocated before that is known: most look in vain.
pub(super) fn gather(index: u32, told: bool, slots: u32) -> Result<Vec<(u32, Seen)>, Open> {
    let mut search = Search { told, left: slots, found: [0; MOST], count: 0 };
    search.add(index)?;
    let mut at = 0;
    while at < search.count {
        search.add_servers(search.found[at])?;
        at += 1;
    }
    let found = search.found().iter();
    let seen = found.map(|&index| Some((index, sleeper(index, told).filter(Seen::is_whole)?)));
    seen.collect::<Option<Vec<_>>>().ok_or(Open::Many)
}

struct Search {
    told: bool,
    /// So many more slots may be gone over.
    left: u32,
    found: [u32; MOST],
    count: usize,
}

impl Search {
    /// One more, who must sleep.
    fn add(&mut self, index: u32) -> Result<(), Open> {
        if self.found().contains(&index) {
            return Ok(());
        }
        let wait = &slot(index).wait;
        if reference(index).has_ended() {
            return Err(Open::Hidden);
        }
        if !wait.is_for_ever() || wait.is_told() && !self.told {
            return Err(Open::Served(index));
        }
        *self.found.get_mut(self.count).ok_or(Open::Many)? = index;
        self.count += 1;
        Ok(())
    }

    /// All who could do what the sleeper of a slot waits for.
    fn add_servers(&mut self, index: u32) -> Result<(), Open> {
        for arm in slot(index).wait.arms() {
            match arm.need {
                Need::Message | Need::Room | Need::Taker | Need::Change => self.add_holders(&arm, index)?,
                Need::End | Need::Place => match ProcessRef::of(arm.object) {
                    Some(process) if !process.has_ended() => self.add(process.index)?,
                    _ => return Err(Open::Many),
                },
                Need::Owner => {
                    let owners = owners_of(&arm, reference(index));
                    // Then it need not wait any more.
                    if owners.is_empty() {
                        return Err(Open::Many);
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
            let holds = |other: u32| holders::seems_to_hold(other, object, role);
            let count = holders::count(object, role) as usize;
            // One alone is seldom among them.
            let found = if count > 1 { self.found() } else { &[] };
            let mut missing = count.saturating_sub(found.iter().filter(|&&other| holds(other)).count());
            let mut others = if missing > MOST { return Err(Open::Many) } else { outwards(beside) };
            while missing > 0 {
                let other = others.next().ok_or(Open::Hidden)?;
                self.left = self.left.checked_sub(1).ok_or(Open::Far)?;
                if holds(other) && !(count > 1 && self.found().contains(&other)) {
                    self.add(other)?;
                    missing -= 1;
                }
            }
        }
        Ok(())
    }

    fn found(&self) -> &[u32] {
        &self.found[..self.count]
    }
}

/// All slots: the first one, and then from this one outwards.
fn outwards(index: u32) -> impl Iterator<Item = u32> {
    let high = high();
    let others = (1..high).flat_map(move |step| [index.checked_sub(step), index.checked_add(step)]).flatten();
    iter::once(0).chain(iter::once(index).chain(others).filter(move |&other| other != 0 && other < high))
}
