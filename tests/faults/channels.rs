//! Sends, receives and closes, alone and with sleepers on either side.

use super::shm::channel::{Received, Sent};
use super::shm::exit_status::Ended;
use super::shm::process_table::ProcessRef;
use super::shm::result;
use super::shm::select::{Arm, Limit, Selected, select};
use super::shm::{self, Channel, Pipe, Role, UserLock};
use super::stage::{Scene, Stage, drop_channel, put, soon, take};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

pub fn scenes() -> Vec<Scene> {
    let commits = |name, play| Scene { name, play, commits: true };
    let other = |name, play| Scene { name, play, commits: false };
    vec![
        commits("send_alone", |stage| send_alone(stage, None, 8)),
        commits("send_alone_bounded", |stage| send_alone(stage, Some(1), 8)),
        commits("send_alone_block", |stage| send_alone(stage, None, 200)),
        commits("send_alone_large", |stage| send_alone(stage, None, 1 << 20)),
        commits("send_alone_handles", send_handles),
        commits("send_into_a_new_segment", send_into_a_new_segment),
        commits("send_to_sleepers", |stage| send_to_sleepers(stage, None, 8)),
        commits("send_to_sleepers_bounded_block", |stage| send_to_sleepers(stage, Some(3), 200)),
        commits("send_to_sleepers_rendezvous", |stage| send_to_sleepers(stage, Some(0), 8)),
        other("send_when_full", send_when_full),
        other("send_asleep_at_a_full_channel", send_asleep),
        other("send_timed_out", send_timed_out),
        other("send_to_a_closed_channel", send_closed),
        other("rendezvous_timed_out", |stage| rendezvous_withdrawn(stage, 8)),
        other("rendezvous_timed_out_block", |stage| rendezvous_withdrawn(stage, 200)),
        commits("receive_alone", |stage| receive_alone(stage, 8)),
        commits("receive_alone_block", |stage| receive_alone(stage, 200)),
        commits("receive_alone_large", |stage| receive_alone(stage, 1 << 20)),
        commits("receive_handles", receive_handles),
        commits("receive_across_segments", receive_across_segments),
        commits("receive_with_sleeping_senders", |stage| receive_with_sleeping_senders(stage, 1)),
        commits("receive_with_sleeping_senders_rendezvous", |stage| receive_with_sleeping_senders(stage, 0)),
        other("receive_asleep", receive_asleep),
        other("receive_timed_out", |stage| receive_timed_out(stage, None)),
        other("receive_timed_out_rendezvous", |stage| receive_timed_out(stage, Some(0))),
        other("receive_asleep_rendezvous", receive_asleep_rendezvous),
        other("time_outs_against_sends", time_outs),
        other("killed_asleep", killed_asleep),
        other("receive_from_a_closed_channel", receive_closed),
        other("receive_asleep_until_closed", receive_asleep_until_closed),
        other("receive_that_could_send_ends", receive_stuck),
        other("close_with_sleepers", close_with_sleepers),
        other("last_sender_gives_up", last_sender_gives_up),
        other("last_sender_in_a_result", last_sender_in_a_result),
        commits("end_taken_out_of_a_result", |stage| end_out_of_a_result(stage, true)),
        // The reaper may be at work too: how many steps the victim takes is not the same each time.
        other("end_taken_before_the_reaper_comes", |stage| end_out_of_a_result(stage, false)),
        other("end_of_a_pipe_given_up", pipe_end_given_up),
        other("pipe_both_ways", pipe_both_ways),
        other("select_asleep", select_asleep),
        other("select_timed_out", select_timed_out),
        other("select_that_takes", select_that_takes),
        other("select_that_puts", select_that_puts),
        other("select_asleep_at_a_full_channel", select_asleep_at_a_full_channel),
        other("destroy_with_messages", destroy_with_messages),
        other("destroy_a_pipe_with_messages", destroy_pipe_with_messages),
    ]
}

fn message(value: u64, length: usize) -> Vec<u8> {
    let mut bytes = value.to_le_bytes().to_vec();
    bytes.resize(length, value as u8);
    bytes
}

fn send(channel: Channel, value: u64, length: usize) {
    assert_eq!(channel.send(&message(value, length), &[], None).unwrap(), Sent::Ok);
}

/// The next message's value, whole; none when the channel has ended.
fn receive(channel: Channel) -> Option<u64> {
    let mut bytes = vec![];
    match channel.recv(&mut bytes, None).unwrap() {
        Received::Ok => Some(value(&bytes)),
        Received::Closed => None,
        other => panic!("{other:?}"),
    }
}

fn value(bytes: &[u8]) -> u64 {
    let value = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes[8..].iter().all(|&byte| byte == value as u8), "a message in pieces");
    value
}

/// What is in the channel, in order.
fn drain(channel: Channel) -> Vec<u64> {
    let mut values = vec![];
    let mut bytes = vec![];
    while channel.try_recv(&mut bytes).unwrap() == Received::Ok {
        values.push(value(&bytes));
        bytes.clear();
    }
    values
}

/// Traffic after the death, and the end of the channel.
fn follow_up(stage: &Stage, channel: Channel) {
    assert_eq!(channel.len(), 0);
    let rounds = if channel.capacity() == Some(0) { 0 } else { 3 };
    for round in 0..rounds {
        send(channel, 70 + round, if round == 1 { 300 } else { 8 });
        assert_eq!(drain(channel), [70 + round]);
    }
    let child = stage.spawn(&[put(channel)], || (80..83).for_each(|value| send(channel, value, 8)));
    (80..83).for_each(|value| assert_eq!(receive(channel), Some(value)));
    stage.join_well(child);
    sole(channel);
    drop_channel(channel);
}

/// Only this process has the channel, and nobody counts as asleep there.
fn sole(channel: Channel) {
    assert_eq!(channel.sleepers(), 0, "sleepers");
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1, "holders of put");
    assert_eq!(shm::holder_count(channel.object(), Role::Take), 1, "holders of take");
}

fn send_alone(stage: &Stage, capacity: Option<u32>, length: usize) {
    let channel = Channel::new(capacity).unwrap();
    stage.victim_alone(&[put(channel)], || send(channel, 1, length));
    let there = drain(channel);
    assert!(there.is_empty() || there == [1]);
    stage.committed(there == [1]);
    follow_up(stage, channel);
}

fn send_handles(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let carried = Channel::new(None).unwrap();
    let lock = UserLock::new().unwrap();
    send(carried, 5, 8);
    let handles = [put(carried), take(carried), (lock.object(), Role::Handle)];
    stage.victim_alone(&[&[put(channel)][..], &handles].concat(), || {
        assert_eq!(channel.send(&message(1, 8), &handles, None).unwrap(), Sent::Ok);
    });
    let sent = channel.len() == 1;
    assert_eq!(shm::holder_count(carried.object(), Role::Put), 1 + u32::from(sent));
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1 + u32::from(sent));
    stage.committed(sent);
    // Here the message is the last to hold them.
    drop_channel(carried);
    shm::give_up(lock.object(), Role::Handle);
    if sent {
        let mut bytes = vec![];
        assert_eq!(channel.recv(&mut bytes, None).unwrap(), Received::Ok);
        assert_eq!(drain(carried), [5]);
        drop_channel(carried);
        shm::give_up(lock.object(), Role::Handle);
    }
    assert!(carried.is_closed());
    follow_up(stage, channel);
}

fn send_into_a_new_segment(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    (0..63).for_each(|value| send(channel, value, 8));
    stage.victim_alone(&[put(channel)], || send(channel, 63, 8));
    let there = drain(channel);
    assert!(there.iter().copied().eq(0..there.len() as u64));
    assert!(there.len() >= 63);
    stage.committed(there.len() == 64);
    (0..70).for_each(|value| send(channel, value, 8));
    assert_eq!(drain(channel).len(), 70);
    follow_up(stage, channel);
}

/// A receiver of one message, whose value it tells in a word.
fn receiver(stage: &Stage, channel: Channel, word: usize) -> ProcessRef {
    let word = stage.word(word);
    stage.spawn(&[take(channel)], move || word.store(receive(channel).map_or(u64::MAX, |value| value + 1), SeqCst))
}

fn send_to_sleepers(stage: &Stage, capacity: Option<u32>, length: usize) {
    let channel = Channel::new(capacity).unwrap();
    let receivers = [receiver(stage, channel, 0), receiver(stage, channel, 1)];
    receivers.iter().for_each(|&receiver| assert!(stage.wait_asleep(receiver)));
    stage.victim_alone(&[put(channel)], || send(channel, 1, length));
    // Who sleeps is woken for what is there.
    stage.eventually("a message is taken", || channel.is_empty());
    let got = || [0, 1].iter().filter(|&&word| stage.word(word).load(SeqCst) == 2).count();
    let commits = stage.word(2);
    // It is counted as taken before its receiver tells.
    let took = || receivers.iter().any(|&receiver| receiver.has_ended());
    if channel_position(channel) == 1 {
        stage.eventually("the receiver goes on", || took() && got() == 1);
    }
    commits.store(got() as u64, SeqCst);
    stage.committed(commits.load(SeqCst) == 1);
    for _ in got()..2 {
        send(channel, 2, length);
    }
    receivers.into_iter().for_each(|receiver| stage.join_well(receiver));
    follow_up(stage, channel);
}

/// How many messages were ever taken.
fn channel_position(channel: Channel) -> u64 {
    channel.taken()
}

fn send_when_full(stage: &Stage) {
    let channel = Channel::new(Some(1)).unwrap();
    send(channel, 1, 8);
    stage.victim_alone(&[put(channel)], || assert_eq!(channel.try_send(&message(2, 200), &[]).unwrap(), Sent::Full));
    assert_eq!(drain(channel), [1]);
    follow_up(stage, channel);
}

/// Two senders sleep; room for one comes. The first may die before, while and after it uses it.
fn send_asleep(stage: &Stage) {
    let channel = Channel::new(Some(1)).unwrap();
    send(channel, 1, 8);
    let victim = stage.victim(&[put(channel)], || send(channel, 2, 8));
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&[put(channel)], || send(channel, 3, 8));
    assert!(stage.wait_asleep(other));
    assert_eq!(receive(channel), Some(1));
    stage.eventually("the room is used", || channel.len() == 1);
    let first = receive(channel).unwrap();
    if !stage.bury(victim) || first == 3 {
        // Both are sent, or the victim may have died before or after it was woken.
        if first == 2 {
            assert_eq!(receive(channel), Some(3));
        }
    } else {
        assert_eq!(receive(channel), Some(3));
    }
    stage.join_well(other);
    let rest = drain(channel);
    assert!(rest.is_empty() || rest == [2], "{rest:?}");
    assert!(first != 2 || rest.is_empty(), "sent twice");
    follow_up(stage, channel);
}

fn send_timed_out(stage: &Stage) {
    let channel = Channel::new(Some(1)).unwrap();
    send(channel, 1, 8);
    let other = stage.spawn(&[put(channel)], || send(channel, 3, 8));
    assert!(stage.wait_asleep(other));
    stage.victim_alone(&[put(channel)], || {
        assert_eq!(channel.send(&message(2, 200), &[], soon(2)).unwrap(), Sent::TimedOut);
    });
    assert_eq!(receive(channel), Some(1));
    assert_eq!(receive(channel), Some(3));
    stage.join_well(other);
    follow_up(stage, channel);
}

fn send_closed(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    channel.close();
    stage.victim_alone(&[put(channel)], || {
        assert_eq!(channel.send(&message(2, 200), &[], None).unwrap(), Sent::Closed);
    });
    assert_eq!(channel.try_recv(&mut vec![]).unwrap(), Received::Closed);
    sole(channel);
    drop_channel(channel);
}

fn rendezvous_withdrawn(stage: &Stage, length: usize) {
    let channel = Channel::new(Some(0)).unwrap();
    let died = stage.victim_alone(&[put(channel)], || {
        assert_eq!(channel.send(&message(1, length), &[], soon(2)).unwrap(), Sent::TimedOut);
    });
    let there = drain(channel);
    assert!(there.is_empty() || died && there == [1], "{there:?}");
    follow_up(stage, channel);
}

fn receive_alone(stage: &Stage, length: usize) {
    let channel = Channel::new(None).unwrap();
    send(channel, 1, length);
    send(channel, 2, 8);
    stage.victim_alone(&[take(channel)], || assert_eq!(receive(channel), Some(1)));
    let there = drain(channel);
    assert!(there == [1, 2] || there == [2], "{there:?}");
    stage.committed(there == [2]);
    follow_up(stage, channel);
}

fn receive_handles(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let carried = Channel::new(None).unwrap();
    let lock = UserLock::new().unwrap();
    let handles = [put(carried), take(carried), (lock.object(), Role::Handle)];
    channel.send(&message(1, 8), &handles, None).unwrap();
    stage.victim_alone(&[take(channel)], || {
        assert_eq!(receive(channel), Some(1));
        assert!(shm::holders::holds(carried.object(), Role::Put));
        assert_eq!(shm::holder_count(lock.object(), Role::Handle), 2);
    });
    let taken = channel.is_empty();
    assert_eq!(shm::holder_count(carried.object(), Role::Take), 1 + u32::from(!taken));
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1 + u32::from(!taken));
    stage.committed(taken);
    assert!(drain(channel) == if taken { vec![] } else { vec![1] });
    drop_channel(carried);
    shm::give_up(lock.object(), Role::Handle);
    follow_up(stage, channel);
}

fn receive_across_segments(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    (0..130).for_each(|value| send(channel, value, 8));
    (0..63).for_each(|value| assert_eq!(receive(channel), Some(value)));
    stage.victim_alone(&[take(channel)], || assert_eq!(receive(channel), Some(63)));
    let there = drain(channel);
    assert!(there.iter().copied().eq(130 - there.len() as u64..130));
    assert!(there.len() == 66 || there.len() == 67);
    stage.committed(there.len() == 66);
    follow_up(stage, channel);
}

fn receive_with_sleeping_senders(stage: &Stage, capacity: u32) {
    let channel = Channel::new(Some(capacity)).unwrap();
    if capacity == 1 {
        send(channel, 1, 8);
    }
    let (first, second) = (stage.spawn(&[put(channel)], || send(channel, 2, 8)), 3);
    assert!(stage.wait_asleep(first));
    let second = stage.spawn(&[put(channel)], || send(channel, second, 8));
    assert!(stage.wait_asleep(second));
    let before = if capacity == 1 { vec![1, 2, 3] } else { vec![2, 3] };
    stage.victim_alone(&[take(channel)], || assert!(receive(channel).is_some()));
    stage.eventually("the channel is full again", || channel.len() == 1);
    let taken = channel_position(channel) == 1;
    if taken {
        stage.eventually("a sender goes on", || first.has_ended() || second.has_ended());
    }
    stage.committed(taken);
    let mut there: Vec<u64> = (usize::from(taken)..before.len()).map(|_| receive(channel).unwrap()).collect();
    there.sort_unstable();
    assert_eq!(there, before[before.len() - there.len()..].to_vec());
    stage.join_well(first);
    stage.join_well(second);
    follow_up(stage, channel);
}

/// Two receivers sleep, one message comes. The first may die before, while and after it takes it.
fn receive_asleep(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let told = stage.word(1);
    let victim = stage.victim(&[take(channel)], || told.store(receive(channel).unwrap(), SeqCst));
    stage.wait_victim_asleep(victim);
    let other = receiver(stage, channel, 0);
    assert!(stage.wait_asleep(other));
    send(channel, 1, 8);
    stage.eventually("the message is taken", || channel.is_empty());
    send(channel, 2, 8);
    let died = stage.bury(victim);
    stage.join_well(other);
    let there = drain(channel);
    let other = stage.word(0).load(SeqCst) - 1;
    if !died {
        assert!(there.is_empty());
        assert_eq!([told.load(SeqCst), other].iter().sum::<u64>(), 3);
    }
    // One message at most has died with the victim.
    assert!([1, 2].into_iter().filter(|&value| value != other && !there.contains(&value)).count() <= 1);
    follow_up(stage, channel);
}

fn receive_timed_out(stage: &Stage, capacity: Option<u32>) {
    let channel = Channel::new(capacity).unwrap();
    let other = receiver(stage, channel, 0);
    assert!(stage.wait_asleep(other));
    stage.victim_alone(&[take(channel)], || {
        assert_eq!(channel.recv(&mut vec![], soon(2)).unwrap(), Received::TimedOut);
    });
    stage.eventually("the other one counts as asleep, alone", || channel.sleepers() == 1);
    send(channel, 1, 8);
    stage.join_well(other);
    assert_eq!(stage.word(0).load(SeqCst), 2);
    follow_up(stage, channel);
}

/// Two receivers sleep. The first may die on its way to sleep, and counts no longer when it has been cleared up after.
fn receive_asleep_rendezvous(stage: &Stage) {
    let channel = Channel::new(Some(0)).unwrap();
    let victim = stage.victim(&[take(channel)], || _ = receive(channel));
    let asleep = stage.wait_victim_asleep(victim);
    let other = receiver(stage, channel, 0);
    assert!(stage.wait_asleep(other));
    if !asleep {
        stage.bury(victim);
        stage.eventually("the other one counts as asleep, alone", || channel.sleepers() == 1);
        assert!(!channel.is_full(), "somebody waits to take");
    }
    stage.eventually("messages are taken", || {
        let taken = other.has_ended() && (!asleep || victim.has_ended());
        taken || channel.try_send(&message(1, 8), &[]).is_err()
    });
    if asleep {
        stage.bury(victim);
    }
    stage.join_well(other);
    assert!(channel.is_full(), "nobody waits to take");
    follow_up(stage, channel);
}

/// The death of one who sleeps, and owes nobody a wake-up, disturbs no other: of many each would disturb all the rest.
fn killed_asleep(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let (first, other) = (receiver(stage, channel, 1), receiver(stage, channel, 0));
    assert!(stage.wait_asleep(first) && stage.wait_asleep(other));
    stage.victim_alone(&[], || ());
    let before = sleeps(other);
    kill(Pid::from_raw(first.pid().unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(stage.join(first), Ended::Signal(libc::SIGKILL));
    assert_eq!(channel.sleepers(), 1);
    assert_eq!(sleeps(other), before, "how often it fell asleep");
    send(channel, 1, 8);
    stage.join_well(other);
    follow_up(stage, channel);
}

/// How often a process has fallen asleep so far.
fn sleeps(process: ProcessRef) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid().unwrap())).unwrap();
    status.lines().find(|line| line.starts_with("voluntary")).unwrap().to_owned()
}

fn receive_closed(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    channel.close();
    stage.victim_alone(&[take(channel)], || assert_eq!(receive(channel), None));
    sole(channel);
    drop_channel(channel);
}

fn receive_asleep_until_closed(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let victim = stage.victim(&[take(channel)], || assert_eq!(receive(channel), None));
    stage.wait_victim_asleep(victim);
    let other = receiver(stage, channel, 0);
    assert!(stage.wait_asleep(other));
    channel.close();
    stage.bury(victim);
    stage.join_well(other);
    assert_eq!(stage.word(0).load(SeqCst), u64::MAX);
    sole(channel);
    drop_channel(channel);
}

/// Two receivers that could also send: when this process has given up, none of them can be served.
fn receive_stuck(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let both = [put(channel), take(channel)];
    let victim = stage.victim(&both, || assert_eq!(receive(channel), None));
    stage.wait_victim_asleep(victim);
    let word = stage.word(0);
    let other = stage.spawn(&both, || word.store(receive(channel).map_or(1, |_| 2), SeqCst));
    assert!(stage.wait_asleep(other));
    shm::give_up(channel.object(), Role::Put);
    stage.bury(victim);
    stage.join_well(other);
    assert_eq!(word.load(SeqCst), 1);
    shm::hold(channel.object(), Role::Put).unwrap();
    follow_up(stage, channel);
}

fn close_with_sleepers(stage: &Stage) {
    let channel = Channel::new(Some(1)).unwrap();
    let empty = Channel::new(None).unwrap();
    send(channel, 1, 8);
    let word = stage.word(1);
    let sender = stage.spawn(&[put(channel)], || {
        word.store(u64::from(channel.send(&message(2, 8), &[], None).unwrap() == Sent::Closed), SeqCst);
    });
    let receivers = [receiver(stage, empty, 0), receiver(stage, empty, 2)];
    [sender, receivers[0], receivers[1]].iter().for_each(|&process| assert!(stage.wait_asleep(process)));
    stage.victim_alone(&[put(channel), put(empty)], || {
        channel.close();
        empty.close();
    });
    // What was closed is so for all, woken by whoever.
    if channel.is_closed() {
        stage.join_well(sender);
    } else {
        assert_eq!(receive(channel), Some(1));
        assert_eq!(receive(channel), Some(2));
        stage.join_well(sender);
    }
    if empty.is_closed() {
        receivers.iter().for_each(|&receiver| stage.join_well(receiver));
        assert_eq!(stage.word(0).load(SeqCst), u64::MAX);
    } else {
        (0..2).for_each(|_| send(empty, 1, 8));
        receivers.iter().for_each(|&receiver| stage.join_well(receiver));
    }
    [channel, empty].into_iter().for_each(sole);
    [channel, empty].into_iter().for_each(drop_channel);
}

fn last_sender_gives_up(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let receivers = [receiver(stage, channel, 0), receiver(stage, channel, 1)];
    let victim = stage.victim(&[put(channel)], || {
        send(channel, 1, 8);
        shm::give_up(channel.object(), Role::Put);
    });
    shm::give_up(channel.object(), Role::Put);
    stage.bury(victim);
    // However it ended, nobody can send any more.
    receivers.into_iter().for_each(|receiver| stage.join_well(receiver));
    let mut got = [0, 1].map(|word| stage.word(word).load(SeqCst));
    got.sort_unstable();
    assert!(got == [2, u64::MAX] || got == [u64::MAX; 2]);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 0);
    shm::give_up(channel.object(), Role::Take);
}

/// Who has an ended process could still take a sender out of its result.
fn last_sender_in_a_result(stage: &Stage) {
    let go = stage.word(2);
    let channel = Channel::new(None).unwrap();
    let child = stage.spawn(&[put(channel)], || result::store_result(&[1; 100]).unwrap());
    stage.eventually("the child ends", || child.ended().is_some());
    let receivers = [receiver(stage, channel, 0), receiver(stage, channel, 1)];
    let victim = stage.victim(&[(child.object(), Role::Handle)], || {
        while go.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        shm::give_up(child.object(), Role::Handle);
    });
    stage.join_well(child);
    shm::give_up(channel.object(), Role::Put);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    go.store(1, SeqCst);
    stage.bury(victim);
    receivers.into_iter().for_each(|receiver| stage.join_well(receiver));
    assert_eq!([0, 1].map(|word| stage.word(word).load(SeqCst)), [u64::MAX; 2]);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 0);
    shm::give_up(channel.object(), Role::Take);
}

/// The first who takes the result of a process has the end of a pipe in it, and nobody else.
fn end_out_of_a_result(stage: &Stage, reaped: bool) {
    let go = stage.word(0);
    let pipe = Pipe::new(None).unwrap();
    let child = stage.spawn(&[(pipe.object(), Role::A)], || result::store_result(&[1; 100]).unwrap());
    let partner = stage.spawn(&[(pipe.object(), Role::B)], || {
        assert_eq!(pipe.b().recv(&mut vec![], None).unwrap(), Received::Closed);
    });
    shm::give_up(pipe.object(), Role::A);
    assert!(stage.wait_asleep(partner));
    let take = || {
        shm::hold(pipe.object(), Role::A).unwrap();
        child.take_ends()
    };
    let victim = stage.victim(&[(child.object(), Role::Handle)], || {
        while go.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert!(take());
    });
    if reaped {
        stage.eventually("the child is reaped", || child.known_end().is_some());
    } else {
        while !child.has_ended() {
            std::thread::yield_now();
        }
    }
    assert_eq!(shm::holder_count(pipe.object(), Role::A), 1);
    go.store(1, SeqCst);
    stage.bury(victim);
    stage.eventually("the child is reaped", || child.known_end().is_some());
    let taken = child.taker().is_some();
    stage.committed(taken);
    assert_eq!(shm::holder_count(pipe.object(), Role::A), u32::from(!taken));
    assert_eq!(take(), !taken);
    shm::give_up(pipe.object(), Role::A);
    stage.join_well(partner);
    stage.join_well(child);
    shm::give_up(pipe.object(), Role::B);
}

fn pipe_end_given_up(stage: &Stage) {
    let pipe = Pipe::new(Some(1)).unwrap();
    let b = (pipe.object(), Role::B);
    assert_eq!(pipe.a().send(&[1], &[], None).unwrap(), Sent::Ok);
    let word = stage.word(0);
    let a = (pipe.object(), Role::A);
    let sender = stage.spawn(&[a], || {
        let sent = pipe.a().send(&[2], &[], None).unwrap();
        word.store(if sent == Sent::Closed { 1 } else { 2 }, SeqCst);
    });
    let receiver = stage.spawn(&[a], || {
        assert_eq!(pipe.a().recv(&mut vec![], None).unwrap(), Received::Closed);
    });
    [sender, receiver].iter().for_each(|&process| assert!(stage.wait_asleep(process)));
    let victim = stage.victim(&[b], || shm::give_up(pipe.object(), Role::B));
    shm::give_up(pipe.object(), Role::B);
    stage.bury(victim);
    stage.join_well(sender);
    stage.join_well(receiver);
    assert_eq!(word.load(SeqCst), 1);
    assert_eq!(shm::holder_count(pipe.object(), Role::A), 1);
    shm::give_up(pipe.object(), Role::A);
}

fn pipe_both_ways(stage: &Stage) {
    let pipe = Pipe::new(None).unwrap();
    let b = (pipe.object(), Role::B);
    (0..2).for_each(|at| assert_eq!(pipe.a().send(&message(at, 200), &[], None).unwrap(), Sent::Ok));
    let victim = stage.victim(&[b], || {
        for at in 0..2 {
            let mut bytes = vec![];
            assert_eq!(pipe.b().recv(&mut bytes, None).unwrap(), Received::Ok);
            assert_eq!(value(&bytes), at);
            assert_eq!(pipe.b().send(&bytes, &[], None).unwrap(), Sent::Ok);
        }
    });
    shm::give_up(pipe.object(), Role::B);
    stage.bury(victim);
    let mut next = 0;
    let mut bytes = vec![];
    while pipe.a().recv(&mut bytes, None).unwrap() == Received::Ok {
        assert_eq!(value(&bytes), next);
        next += 1;
        bytes.clear();
    }
    assert_eq!(pipe.a().send(&[], &[], None).unwrap(), Sent::Closed);
    shm::give_up(pipe.object(), Role::A);
}

/// The last holder of a channel with messages goes: the messages go too, and what they hold.
fn destroy_with_messages(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let ready = Channel::new(None).unwrap();
    let channel = Channel::new(None).unwrap();
    let inner = Channel::new(None).unwrap();
    inner.send(&message(1, 100), &[(lock.object(), Role::Handle)], None).unwrap();
    let handle = [(lock.object(), Role::Handle), put(inner), take(inner)];
    channel.send(&message(1, 8), &handle, None).unwrap();
    send(channel, 2, 8);
    send(channel, 3, 400);
    channel.send(&message(4, 8), &handle[..1], None).unwrap();
    drop_channel(inner);
    let victim = stage.victim(&[put(channel), take(channel), put(ready)], || {
        while shm::holder_count(channel.object(), Role::Take) > 1 {
            std::thread::yield_now();
        }
        drop_channel(channel);
    });
    drop_channel(channel);
    stage.bury(victim);
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1);
    assert!(channel.is_closed() && inner.is_closed());
    shm::give_up(lock.object(), Role::Handle);
    sole(ready);
    drop_channel(ready);
}

fn destroy_pipe_with_messages(stage: &Stage) {
    let lock = UserLock::new().unwrap();
    let pipe = Pipe::new(None).unwrap();
    let handle = [(lock.object(), Role::Handle)];
    pipe.a().send(&message(1, 8), &handle, None).unwrap();
    pipe.b().send(&message(1, 8), &handle, None).unwrap();
    pipe.b().send(&message(1, 8), &[], None).unwrap();
    let ends = [(pipe.object(), Role::A), (pipe.object(), Role::B)];
    let victim = stage.victim(&ends, || {
        while shm::holder_count(pipe.object(), Role::B) > 1 {
            std::thread::yield_now();
        }
        ends.into_iter().for_each(|(object, role)| shm::give_up(object, role));
    });
    ends.into_iter().for_each(|(object, role)| shm::give_up(object, role));
    stage.bury(victim);
    assert_eq!(shm::holder_count(lock.object(), Role::Handle), 1);
    shm::give_up(lock.object(), Role::Handle);
}

/// The first message of two channels.
fn select_any(channels: [Channel; 2], deadline: Option<Instant>) -> (Selected, Vec<u8>) {
    let mut bytes = vec![];
    let selected = select(&channels.map(Arm::Recv), &mut bytes, Limit::Until(deadline)).unwrap();
    (selected, bytes)
}

/// Two sleep at two channels, one message comes. The first may die before, while and after it takes it.
fn select_asleep(stage: &Stage) {
    let channels = [Channel::new(None).unwrap(), Channel::new(None).unwrap()];
    let takes = channels.map(take);
    let victim = stage.victim(&takes, || drop(select_any(channels, None)));
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&takes, || {
        assert_eq!(select_any(channels, None).0, Selected::Fired { arm: 1 });
    });
    assert!(stage.wait_asleep(other));
    send(channels[1], 1, 8);
    stage.eventually("the message is taken", || channels[1].is_empty());
    send(channels[1], 2, 8);
    stage.bury(victim);
    stage.join_well(other);
    drain(channels[1]);
    channels.into_iter().for_each(|channel| follow_up(stage, channel));
}

/// Whoever waits for the first of several leaves all of them.
fn select_timed_out(stage: &Stage) {
    let channels = [Channel::new(Some(0)).unwrap(), Channel::new(Some(0)).unwrap()];
    stage.victim_alone(&channels.map(take), || {
        assert_eq!(select_any(channels, soon(2)).0, Selected::TimedOut);
    });
    for channel in channels {
        assert!(channel.is_full(), "nobody waits to take");
        follow_up(stage, channel);
    }
}

/// What is there is taken at once.
fn select_that_takes(stage: &Stage) {
    let channels = [Channel::new(None).unwrap(), Channel::new(None).unwrap()];
    send(channels[1], 1, 200);
    let died = stage.victim_alone(&channels.map(take), || {
        let (selected, bytes) = select_any(channels, None);
        assert_eq!((selected, value(&bytes)), (Selected::Fired { arm: 1 }, 1));
    });
    let there = drain(channels[1]);
    assert!(there.is_empty() || died && there == [1]);
    channels.into_iter().for_each(|channel| follow_up(stage, channel));
}

/// Puts into a channel that has room, or takes from another one.
fn put_or_take(full: Channel, empty: Channel, number: u64) -> Selected {
    let bytes = message(number, 200);
    let arms = [Arm::Send { channel: full, bytes: &bytes, handles: &[] }, Arm::Recv(empty)];
    select(&arms, &mut vec![], Limit::Until(None)).unwrap()
}

fn select_that_puts(stage: &Stage) {
    let channels = [Channel::new(Some(1)).unwrap(), Channel::new(None).unwrap()];
    let died = stage.victim_alone(&[put(channels[0]), take(channels[1])], || {
        assert_eq!(put_or_take(channels[0], channels[1], 1), Selected::Fired { arm: 0 });
    });
    let there = drain(channels[0]);
    assert!(there == [1] || died && there.is_empty());
    channels.into_iter().for_each(|channel| follow_up(stage, channel));
}

/// Two wait for room or a message, and room for one comes. The first may die before, while and after it uses it.
fn select_asleep_at_a_full_channel(stage: &Stage) {
    let channels = [Channel::new(Some(1)).unwrap(), Channel::new(None).unwrap()];
    let holds = [put(channels[0]), take(channels[1])];
    send(channels[0], 1, 8);
    let victim = stage.victim(&holds, || {
        put_or_take(channels[0], channels[1], 2);
    });
    stage.wait_victim_asleep(victim);
    let other = stage.spawn(&holds, || {
        assert_eq!(put_or_take(channels[0], channels[1], 3), Selected::Fired { arm: 0 });
    });
    assert!(stage.wait_asleep(other));
    let mut all = vec![receive(channels[0]).unwrap()];
    stage.eventually("the other one has put", || {
        all.extend_from_slice(&drain(channels[0]));
        all.contains(&3)
    });
    stage.bury(victim);
    all.extend(drain(channels[0]));
    stage.join_well(other);
    all.sort_unstable();
    assert!(all == [1, 3] || all == [1, 2, 3], "{all:?}");
    channels.into_iter().for_each(|channel| follow_up(stage, channel));
}

/// Nobody dies: receives with short deadlines against as many sends.
fn time_outs(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    let (taken, sent) = (stage.word(0), 300);
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            stage.spawn(&[take(channel)], || {
                let mut bytes = vec![];
                loop {
                    match channel.recv(&mut bytes, Some(Instant::now() + Duration::from_micros(60))).unwrap() {
                        Received::Ok => drop(taken.fetch_add(1, SeqCst)),
                        Received::TimedOut => {}
                        _ => break,
                    }
                }
            })
        })
        .collect();
    stage.victim_alone(&[], || {});
    for value in 0..sent {
        std::thread::sleep(Duration::from_micros(40 + value % 40));
        send(channel, value, 8);
    }
    shm::give_up(channel.object(), Role::Put);
    receivers.into_iter().for_each(|receiver| stage.join_well(receiver));
    assert_eq!(taken.load(SeqCst), sent, "messages taken");
    shm::give_up(channel.object(), Role::Take);
}
