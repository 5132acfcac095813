//! Objects that lie in each other alone are freed, and nothing else is, whatever moves meanwhile. Each case runs in a
//! child with a deadline.

#[path = "support/forks.rs"]
mod forks;

use forks::*;
use mplang::shm::channel::Received;
use mplang::shm::{self, Cell, Channel, List, ObjectRef, Pipe, Role, arena, islands};
use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const CASES: &[Case] = &[
    ("islands_of_all_kinds_go", 20, all_kinds),
    ("what_somebody_reaches_stays", 20, reached),
    ("memory_is_bounded_without_asking", 120, bounded),
    ("nothing_is_lost_that_moves", 60, moving),
];

fn main() -> ExitCode {
    run_cases(CASES)
}

/// Both roles of a queue.
fn both(channel: Channel) -> [(ObjectRef, Role); 2] {
    [(channel.object(), Role::Put), (channel.object(), Role::Take)]
}

fn drop_all(holds: &[(ObjectRef, Role)]) {
    holds.iter().for_each(|&(object, role)| shm::give_up(object, role));
}

fn queue() -> Channel {
    Channel::new(None).unwrap()
}

/// Puts a box into a queue.
fn put(channel: Channel, inner: Channel) {
    channel.send(&inner.object().word().to_le_bytes(), &both(inner), None).unwrap();
}

fn all_kinds() {
    let before = (arena::blocks_in_use(), arena::bytes_in_use());
    let (a, b) = (queue(), queue());
    put(a, b);
    put(b, a);
    let itself = queue();
    put(itself, itself);
    // A ring of a cell, a list and both ends of a pipe, on which something else hangs.
    let hanging = queue();
    put(hanging, hanging);
    let pipe = Pipe::new(None).unwrap();
    let ends = [(pipe.object(), Role::A), (pipe.object(), Role::B)];
    let list = List::new().unwrap();
    let list_handle = (list.object(), Role::Handle);
    list.insert(0, b"the pipe", &[ends[0], both(hanging)[0]]).unwrap();
    list.insert(1, b"its other end", &ends[1..]).unwrap();
    let cell = Cell::new(b"the list", &[list_handle]).unwrap();
    let cell_handle = (cell.object(), Role::Handle);
    pipe.b().send(b"the cell", &[cell_handle], None).unwrap();
    for channel in [a, b, itself, hanging] {
        drop_all(&both(channel));
    }
    drop_all(&[ends[0], ends[1], list_handle, cell_handle]);
    assert!(!a.is_closed() && !hanging.is_closed());
    assert_eq!(islands::collect(), 7);
    assert!([a, b, itself, hanging].iter().all(|channel| channel.is_closed()));
    assert_eq!((arena::blocks_in_use(), arena::bytes_in_use()), before);
    assert_eq!(islands::collect(), 0);
}

fn reached() {
    let (a, b, c) = (queue(), queue(), queue());
    put(a, b);
    put(b, a);
    put(b, c);
    put(c, c);
    drop_all(&both(b));
    drop_all(&both(c));
    // By this process, by another one, by a message under way.
    drop_all(&both(a)[..1]);
    assert_eq!(islands::collect(), 0);
    let child = spawn(&[both(a)[1]], || std::thread::sleep(Duration::from_secs(1_000)));
    drop_all(&both(a)[1..]);
    assert_eq!(islands::collect(), 0);
    let carrier = Channel::new(Some(0)).unwrap();
    let sender = spawn(&[both(carrier)[0], both(a)[0]], || {
        drop(carrier.send(b"a", &both(a)[..1], None));
    });
    while carrier.is_empty() {
        std::thread::yield_now();
    }
    kill(child);
    assert_eq!(join(child), mplang::shm::exit_status::Ended::Signal(libc::SIGKILL));
    assert_eq!(islands::collect(), 0);
    // The message stays there when its sender dies, and goes with its channel.
    kill(sender);
    assert_eq!(join(sender), mplang::shm::exit_status::Ended::Signal(libc::SIGKILL));
    assert_eq!((islands::collect(), carrier.len()), (0, 1));
    assert!(!a.is_closed() && !b.is_closed() && !c.is_closed());
    drop_all(&both(carrier));
    assert_eq!(islands::collect(), 3);
    assert!(a.is_closed() && b.is_closed() && c.is_closed());
}

/// Pairs in each other, made and dropped.
fn bounded() {
    let full = std::env::var_os("MPLANG_TEST_FULL").is_some();
    let (pairs, before) = (if full { 1_000_000 } else { 50_000 }, arena::bytes_in_use());
    let mut most = 0;
    for _ in 0..pairs {
        let (a, b) = (queue(), queue());
        put(a, b);
        put(b, a);
        drop_all(&both(a));
        drop_all(&both(b));
        most = most.max(arena::bytes_in_use().saturating_sub(before));
    }
    println!("    {pairs} pairs, {most} bytes at most");
    // A search that took long for want of a processor is followed by more losses, but not by more bytes.
    assert!(most < 20 << 20, "{most}");
    // Few, but large.
    arena::set_limit(256 << 20);
    let large = vec![0; 4 << 20];
    for _ in 0..if full { 2_000 } else { 200 } {
        let a = queue();
        put(a, a);
        a.send(&large, &[], None).unwrap();
        drop_all(&both(a));
    }
}

const WORKERS: usize = 3;
const TOKENS: u64 = 60;
const ROOTS: usize = 3;

/// Boxes with tokens in them go through queues, into each other and into themselves, while one collects all the time.
fn moving() {
    let before = arena::blocks_in_use();
    let roots: [Channel; ROOTS] = std::array::from_fn(|_| queue());
    for token in 0..TOKENS {
        let new = queue();
        new.send(&token.to_le_bytes(), &[], None).unwrap();
        put(roots[token as usize % ROOTS], new);
        drop_all(&both(new));
    }
    let holds: Vec<_> = roots.into_iter().flat_map(both).collect();
    let full = std::env::var_os("MPLANG_TEST_FULL").is_some();
    let until = Instant::now() + Duration::from_secs(if full { 40 } else { 2 });
    let counts = Log::new();
    let workers: Vec<_> = (0..WORKERS)
        .map(|who| {
            spawn(&holds, || {
                let mut random = Random(0x51 + who as u64 * 0x1234_5677);
                let mut moves = 0;
                while Instant::now() < until {
                    moves += u64::from(shuffle(&roots, &mut random));
                }
                counts.add(moves, 0);
            })
        })
        .collect();
    let collector = spawn(&[], || {
        let mut freed = 0;
        while Instant::now() < until {
            freed += islands::collect() as u64;
        }
        counts.add(0, freed);
    });
    workers.into_iter().chain([collector]).for_each(join_well);
    let (moves, freed) = counts.read().into_iter().fold((0, 0), |sum, (a, b)| (sum.0 + a, sum.1 + b));
    println!("    {moves} moves, {freed} objects freed");
    let (mut tokens, mut seen, mut work) = (HashSet::new(), HashSet::new(), roots.to_vec());
    while let Some(channel) = work.pop() {
        let (found, boxes) = drain(channel);
        found.into_iter().for_each(|token| assert!(tokens.insert(token), "token {token} twice"));
        work.extend(boxes.into_iter().filter(|inner| seen.insert(inner.object())));
    }
    assert_eq!(tokens.len() as u64, TOKENS);
    seen.into_iter().for_each(|object| drop_all(&both(Channel::of(object))));
    drop_all(&holds);
    islands::collect();
    assert_eq!(arena::blocks_in_use(), before);
}

/// All that is in a queue: tokens, and boxes, which this process holds then.
fn drain(channel: Channel) -> (Vec<u64>, Vec<Channel>) {
    let (mut tokens, mut boxes, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    while channel.try_recv(&mut bytes).unwrap() == Received::Ok {
        let word = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        if word < TOKENS {
            tokens.push(word);
        } else {
            boxes.push(Channel::of(ObjectRef::from_word(word)));
        }
        bytes.clear();
    }
    (tokens, boxes)
}

/// Takes a box out of a queue, and puts what is in it, it itself and perhaps another one somewhere again.
fn shuffle(roots: &[Channel], random: &mut Random) -> bool {
    let mut any = |count: usize| random.below(count as u64) as usize;
    let mut bytes = Vec::new();
    if roots[any(roots.len())].try_recv(&mut bytes).unwrap() != Received::Ok {
        return false;
    }
    let first = Channel::of(ObjectRef::from_word(u64::from_le_bytes(bytes[..8].try_into().unwrap())));
    let second = queue();
    let (tokens, inner) = drain(first);
    let places = [first, second];
    for token in tokens {
        places[any(2)].send(&token.to_le_bytes(), &[], None).unwrap();
    }
    // Of several handles to the same box one is enough; that of the box to itself is none. Who puts something into an
    // empty one takes care of it.
    let inner: HashMap<ObjectRef, Channel> = inner.into_iter().map(|inner| (inner.object(), inner)).collect();
    for &inner in inner.values().filter(|&&inner| inner != first && !inner.is_empty()) {
        put([roots[any(roots.len())], first, second][any(3)], inner);
    }
    match any(4) {
        0 => put(first, first),
        1 => put(second, first),
        2 => {
            put(first, second);
            put(second, first);
        }
        _ => {}
    }
    for place in places {
        if !place.is_empty() {
            put(roots[any(roots.len())], place);
        }
    }
    // Something that nobody reaches.
    let (a, b) = (queue(), queue());
    put(a, b);
    put(b, a);
    for channel in [first, second, a, b].into_iter().chain(inner.into_values()) {
        drop_all(&both(channel));
    }
    true
}
