//! Items of arrays in common memory: sent, received, written to, freed, as `vm::value::Storage` does it.

use super::shm::exit_status;
use super::shm::result;
use super::shm::{self, Channel, Numbers, ObjectRef, Role, process_table};
use super::stage::{Scene, Stage, drop_channel, put, take};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

pub fn scenes() -> Vec<Scene> {
    let scene = |name, commits, play| Scene { name, play, commits };
    vec![
        scene("array_make_and_drop", false, make_and_drop),
        scene("array_send", true, send),
        scene("array_receive_and_write", true, receive_and_write),
        scene("array_receive_the_last", false, receive_the_last),
        scene("array_spawn_with", false, spawn_with),
        scene("array_as_result", true, as_result),
        scene("array_of_a_result_that_nobody_wants", false, unwanted_result),
    ]
}

/// Enough for a block of several chunks.
const ITEMS: usize = 20_000;

fn made(value: u64) -> Numbers {
    Numbers::with(&value.to_ne_bytes().repeat(ITEMS)).unwrap()
}

fn handle(array: Numbers) -> (ObjectRef, Role) {
    (array.object(), Role::Handle)
}

fn give_up(array: Numbers) {
    shm::give_up(array.object(), Role::Handle);
}

/// The value that all its items have.
fn value(array: Numbers) -> u64 {
    let words = array.words().unwrap();
    let first = words[0].load(Relaxed);
    assert!(words.len() == ITEMS && words.iter().all(|word| word.load(Relaxed) == first), "written to half");
    first
}

/// Writes to an array that this process holds: in place if nobody else has it, else to a copy, which it gives.
fn written(array: Numbers, value: u64) -> Numbers {
    let own = if array.is_alone() { array } else { made(7) };
    if own != array {
        give_up(array);
    }
    own.words().unwrap().iter().for_each(|word| word.store(value, Relaxed));
    own
}

/// The array in the next message, which names it.
fn received(channel: Channel) -> Option<Numbers> {
    let mut bytes = vec![];
    if channel.is_empty() {
        return None;
    }
    channel.recv(&mut bytes, None).unwrap();
    Some(Numbers::of(ObjectRef::from_word(u64::from_ne_bytes(bytes.try_into().unwrap()))))
}

fn send_array(channel: Channel, array: Numbers) {
    channel.send(&array.object().word().to_ne_bytes(), &[handle(array)], None).unwrap();
}

fn holders(array: Numbers) -> u32 {
    shm::holder_count(array.object(), Role::Handle)
}

fn make_and_drop(stage: &Stage) {
    stage.victim_alone(&[], || {
        let array = made(1);
        assert!(array.is_alone());
        let array = written(array, 2);
        give_up(array);
    });
}

fn send(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let array = made(1);
    stage.victim_alone(&[put(channel), handle(array)], || {
        send_array(channel, array);
        give_up(written(array, 2));
    });
    let message = channel.len() as u32;
    assert_eq!((holders(array), value(array)), (1 + message, 1));
    assert_eq!(array.is_alone(), message == 0);
    let got = received(channel);
    stage.committed(got.is_some());
    assert!(got.is_none_or(|got| got == array) && array.is_alone());
    give_up(array);
    drop_channel(channel);
}

/// The victim writes to what it has received, while this process keeps it, and sends it on.
fn receive_and_write(stage: &Stage) {
    let (channel, back) = (Channel::new(None).unwrap(), Channel::new(None).unwrap());
    let array = made(1);
    send_array(channel, array);
    stage.victim_alone(&[take(channel), put(back)], || {
        let own = written(received(channel).unwrap(), 2);
        send_array(back, own);
        give_up(written(own, 3));
    });
    assert_eq!(value(array), 1);
    let lost = received(channel);
    assert_eq!(holders(array), 1, "{lost:?}");
    let got = received(back);
    stage.committed(got.is_some());
    if let Some(got) = got {
        assert!(got != array && got.is_alone());
        assert_eq!(value(got), 2);
        give_up(got);
    }
    give_up(array);
    drop_channel(channel);
    drop_channel(back);
}

/// Nobody else has it: it is written in place, and its memory goes with the victim.
fn receive_the_last(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let array = made(1);
    send_array(channel, array);
    give_up(array);
    stage.victim_alone(&[take(channel)], || {
        let own = received(channel).unwrap();
        assert!(own == array && written(own, 2) == array);
        give_up(own);
    });
    if let Some(left) = received(channel) {
        assert!(value(left) == 1 && left.is_alone());
        give_up(left);
    }
    assert!(array.words().is_none());
    drop_channel(channel);
}

/// The victim gives it to a child, and both write.
fn spawn_with(stage: &Stage) {
    let array = made(1);
    stage.victim_alone(&[handle(array)], || {
        let child = shm::register_child("child").unwrap();
        shm::hold_for(child, array.object(), Role::Handle).unwrap();
        let own = written(array, 2);
        assert!(own != array && value(array) == 1);
        process_table::cancel_child(child);
        give_up(own);
    });
    assert_eq!((holders(array), value(array)), (1, 1));
    give_up(array);
}

/// What a result names stays as long as somebody has the process.
fn as_result(stage: &Stage) {
    let array = made(1);
    let victim = stage.victim(&[handle(array)], || {
        result::store_result(&[1; 100]).unwrap();
        exit_status::note_end(0);
    });
    give_up(array);
    stage.eventually("its end is known", || victim.ended().is_some());
    let stored = victim.result().is_some();
    if stored {
        assert_eq!((holders(array), value(array)), (1, 1));
    }
    stage.committed(stored);
    stage.bury(victim);
    assert!(array.words().is_none());
}

/// The victim is the last one to have an ended process.
fn unwanted_result(stage: &Stage) {
    let go = stage.word(0);
    let array = made(1);
    let child = stage.spawn(&[handle(array)], || result::store_result(&[1; 100]).unwrap());
    give_up(array);
    stage.eventually("the child ends", || child.ended().is_some());
    let victim = stage.victim(&[(child.object(), Role::Handle)], || {
        while go.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        shm::give_up(child.object(), Role::Handle);
    });
    stage.join_well(child);
    assert_eq!((holders(array), value(array)), (1, 1));
    go.store(1, SeqCst);
    stage.bury(victim);
    assert!(array.words().is_none());
}
