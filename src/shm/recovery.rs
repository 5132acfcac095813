//! What is done for a process that has ended: whatever it held or had begun is undone or finished.
//!
//! Whoever does it may die too: each step is harmless when repeated, and the one who died left word of whom it cleared up
//! after.

use super::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::atomic::{fence, seeded};
use super::holders::{self, destroy_doomed, give_up_by, notify_loss, pass_on, rouse};
use super::object::{NUMBERS, ObjectRef, kind_of, object_of};
use super::process_table::{self, Hand, ProcessRef, REAPED, RUNNING, STARTING, Slot, UNCLEARED, high, reference, slot};
use super::{arena, channel, deadlock, guarded, message, result, waits};

/// Undoes what a process held that has ended. Should the one die that does it, its slot `by` tells of it.
pub(super) fn clear_up(by: &Slot, process: ProcessRef) {
    let slot = slot(process.index);
    if !seeded!("half-reaped stay") {
        by.reaping.store(process.word(), SeqCst);
    }
    if !seeded!("cleared up by two") {
        slot.clearing.lock();
    }
    // Another one may have been quicker, and the slot somebody else's; in this order.
    if slot.roles[UNCLEARED].load(SeqCst) != 0 && process.exists() {
        slot.life.declare_dead();
        slot.state.store(REAPED, Release);
        slot.life.wake_watchers();
        forget_process(process);
        slot.roles[UNCLEARED].store(0, SeqCst);
    }
    process_table::release(process);
    holders::settle();
    if slot.clearing.held() {
        slot.clearing.unlock();
    }
    by.reaping.store(0, SeqCst);
}

/// Finishes what a dead process had begun or left undone for its dead children: it may have been the only one that knew
/// of their end.
pub(super) fn finish_reaping(parent: ProcessRef) {
    let dead = slot(parent.index);
    if let Some(process) = ProcessRef::from_word(dead.reaping.load(Relaxed)).filter(|process| process.exists()) {
        clear_up(dead, process);
    }
    dead.reaping.store(0, SeqCst);
    let ended = |child: &ProcessRef| {
        let child = slot(child.index);
        child.parent.load(Relaxed) == parent.index + 1
            && match child.state.load(Acquire) {
                // No child will come of it.
                STARTING => child.life.owner_died() || child.life.declare_unborn(),
                RUNNING => child.life.owner_died(),
                _ => false,
            }
    };
    // Until it was taken, the slot was free for others too: it may be somebody else's.
    if let Some(child) = dead.spawning.load(Relaxed).checked_sub(1).map(reference).filter(ended)
        && !seeded!("unborn children stay")
    {
        clear_up(dead, child);
    }
    dead.spawning.store(0, Relaxed);
    if dead.children.load(Relaxed) > 0 {
        (0..high()).map(reference).filter(ended).for_each(|child| clear_up(dead, child));
    }
}

/// Undoes whatever a dead process held or had begun. Part of [`process_table::reap`], and harmless when repeated.
pub(super) fn forget_process(process: ProcessRef) {
    if !process.exists() {
        return;
    }
    let dead = slot(process.index);
    // First of all finish the change that it may have been making: its hands tell of it.
    holders::locked(|| ());
    // It may have died while it cleared up after another.
    finish_reaping(process);
    guarded::repair_for(dead);
    channel::repair_for(dead);
    // Who was asleep owes at most what woke it. Should this process die now, the next one finds no wait, and an
    // operation that could have owed anything.
    let wait = waits::forget(dead);
    let asleep = wait.as_ref().is_some_and(|wait| wait.count > 0 && wait.is_whole());
    let in_operation = dead.present.load(Relaxed) != 0 && !asleep;
    if let Some(wait) = &wait {
        channel::forget_waiter(wait);
    }
    if in_operation {
        channel::disturb(ObjectRef::from_word(dead.present.load(Relaxed)));
    }
    // Who died between operations with empty hands has nothing that another one may wait for, but its holds. Anything
    // else counts as an operation, until the waits have been looked at, should this process die too.
    let words = [&dead.losing, &dead.doomed].into_iter().chain(&dead.hands);
    let keys = dead.holds.keys();
    let matters = in_operation
        || wait.is_some()
        || words.into_iter().any(|word| word.load(Relaxed) != 0)
        || keys.iter().any(|&key| deadlock::is_waited_for(object_of(key).0));
    if matters && dead.present.load(Relaxed) == 0 {
        dead.present.store(process.object().word(), SeqCst);
    }
    if !seeded!("loss not told") {
        notify_loss(ObjectRef::from_word(dead.telling.load(Relaxed)));
        let lost = ObjectRef::from_word(dead.losing.load(Relaxed));
        notify_loss(lost);
        channel::disturb(lost);
        ProcessRef::of(lost).into_iter().for_each(process_table::release);
    }
    destroy_doomed(dead);
    result::finish_taking(process, dead);
    process_table::finish_freeing(dead);
    free_hands(dead);
    let has_result = dead.result.load(Relaxed) != 0 && !seeded!("what a result names goes");
    // Who takes them from now on sees that it has ended, and does this itself.
    fence(SeqCst);
    let ends_are_taken = process.taker().is_some();
    let mut keeps = false;
    for &key in &keys {
        let (object, role) = object_of(key);
        pass_on(object, process, in_operation, wait.as_ref().is_some_and(|wait| wait.is_at(object)));
        match kind_of(object).filter(|_| has_result) {
            None => give_up_by(dead, object, role),
            Some(_) if ends_are_taken && result::is_end(object) => give_up_by(dead, object, role),
            Some(kind) => {
                keeps = true;
                if kind != NUMBERS {
                    dead.keeps.store(1, Relaxed);
                }
            }
        }
    }
    if !keeps {
        dead.holds.free_table(dead.hand(Hand::Table));
    }
    holders::settle();
    if matters {
        let rouse_all = || keys.iter().fold(!keys.is_empty(), |all, &key| rouse(object_of(key).0) && all);
        waits::graph_changed(|| false, rouse_all);
    }
    dead.present.store(0, SeqCst);
}

/// Frees the blocks that the dead process had in hand, but not those that it had just published.
fn free_hands(dead: &Slot) {
    let published = [&dead.holds.table, &dead.text, &dead.result].map(|word| word.load(Relaxed));
    if seeded!("hands stay") {
        return;
    }
    for hand in [Hand::Table, Hand::Text, Hand::Result, Hand::Old].map(|hand| dead.hand(hand)) {
        if published.contains(&hand.load(Relaxed)) {
            hand.store(0, Relaxed);
        }
    }
    message::free_message_hand(dead);
    message::free_parcel(dead.hand(Hand::Replaced));
    dead.hands.iter().for_each(arena::free_hand);
}
