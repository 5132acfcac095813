//! Shared objects between real processes that are killed at any moment: each value is seen whole, the old one or the
//! new one; nobody waits for the dead; nothing is left behind. Each case runs in a child with a deadline.

#[path = "support/forks.rs"]
mod forks;

use forks::*;
use mplang::shm::exit_status::Ended;
use mplang::shm::map::{Key, Part, Piece};
use mplang::shm::process_table;
use mplang::shm::user_lock::Acquired;
use mplang::shm::{self, Cell, Channel, List, Map, Numbers, ObjectRef, Role, UserLock, arena};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Name, seconds, body.
const CASES: &[Case] = &[
    ("a_cell_keeps_what_its_value_mentions", 20, cell_keeps_handles),
    ("a_cell_is_like_a_variable", 20, cell_model),
    ("killed_writers_and_readers_of_a_cell", 60, cell_storm),
    ("numbers_and_views_go_with_their_last_holder", 20, numbers_are_freed),
    ("a_map_is_like_a_map", 30, map_model),
    ("a_list_is_like_a_list", 30, list_model),
    ("killed_writers_and_readers_of_a_map", 60, map_storm),
    ("killed_writers_and_readers_of_a_list", 60, list_storm),
];

fn main() -> ExitCode {
    run_cases(CASES)
}

fn handle(object: ObjectRef) -> (ObjectRef, Role) {
    (object, Role::Handle)
}

fn read(cell: Cell) -> Vec<u8> {
    let mut bytes = vec![];
    cell.read(&mut bytes).unwrap();
    bytes
}

fn take(lock: UserLock) {
    assert!(matches!(lock.acquire(None).unwrap(), Acquired::Ok | Acquired::Abandoned(_)));
}

fn lock(cell: Cell) {
    take(cell.lock());
}

fn store(cell: Cell, bytes: &[u8], handles: &[(ObjectRef, Role)]) {
    lock(cell);
    cell.store(bytes, handles).unwrap();
    cell.lock().release().unwrap();
}

fn cell_keeps_handles() {
    let before = arena::blocks_in_use();
    let channel = Channel::new(None).unwrap();
    let mentioned = [(channel.object(), Role::Put), (channel.object(), Role::Take)];
    let cell = Cell::new(b"short", &mentioned).unwrap();
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
    assert!(!channel.is_closed(), "the cell keeps it");
    let child = spawn(&[handle(cell.object())], || {
        assert_eq!(read(cell), b"short");
        channel.send(b"from the child", &[], None).unwrap();
    });
    assert_eq!(join(child), Ended::Exit(0));
    assert_eq!(channel.len(), 1);
    store(cell, b"other", &[]);
    assert!(channel.is_closed(), "nobody keeps it any more");
    assert_eq!(read(cell), b"other");
    // A cell that nobody holds lets go, at any depth.
    let mut outer = cell;
    for _ in 0..1000 {
        let next = Cell::new(&[7; 100], &[handle(outer.object())]).unwrap();
        shm::give_up(outer.object(), Role::Handle);
        outer = next;
    }
    shm::give_up(outer.object(), Role::Handle);
    assert_eq!(arena::blocks_in_use(), before);
}

fn cell_model() {
    let mut random = Random(0xce11);
    let before = arena::blocks_in_use();
    for _ in 0..200 {
        let mut model = vec![1; random.below(200) as usize];
        let cell = Cell::new(&model, &[]).unwrap();
        let mut version = cell.version();
        for _ in 0..100 {
            if random.below(2) == 0 {
                let size = if random.below(4) == 0 { random.below(100_000) } else { random.below(100) };
                model = (0..size).map(|_| random.next() as u8).collect();
                store(cell, &model, &[]);
                assert_ne!(cell.version(), version);
                version = cell.version();
            }
            assert_eq!((read(cell), cell.version()), (model.clone(), version));
        }
        shm::give_up(cell.object(), Role::Handle);
        assert_eq!(cell.read(&mut vec![]), Err(shm::ShmError::Gone));
    }
    assert_eq!(arena::blocks_in_use(), before);
}

/// The value number `number`: all its words are that number, and the longer ones mention a channel.
fn value(number: u64) -> Vec<u8> {
    let words = [1, 2, 5, 6, 7, 40, 700][number as usize % 7];
    number.to_le_bytes().repeat(words)
}

fn number(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(bytes, value(number), "a value is torn");
    number
}

fn cell_storm() {
    let mut random = Random(0x5702);
    let channel = Channel::new(None).unwrap();
    let before = arena::blocks_in_use();
    let cell = Cell::new(&value(0), &[]).unwrap();
    let mentioned = [(channel.object(), Role::Put)];
    let holds = [handle(cell.object())];
    let writer = || {
        spawn(&holds, || {
            loop {
                lock(cell);
                let next = number(&read(cell)) + 1;
                let some = if next % 7 > 3 { &mentioned[..] } else { &[] };
                cell.store(&value(next), some).unwrap();
                cell.lock().release().unwrap();
            }
        })
    };
    let reader = || {
        spawn(&holds, || {
            let mut last = 0;
            loop {
                let now = number(&read(cell));
                assert!(last <= now, "an old value came back");
                last = now;
            }
        })
    };
    let mut deaths = 0;
    let mut last = 0;
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        let children: Vec<_> = (0..2).map(|_| writer()).chain((0..2).map(|_| reader())).collect();
        std::thread::sleep(Duration::from_micros(200 + random.below(3_000)));
        for child in children {
            kill(child);
            if random.below(2) == 0 {
                // Others go on before anybody has reaped it.
                number(&read(cell));
            }
            assert_eq!(join(child), Ended::Signal(libc::SIGKILL));
            deaths += 1;
        }
        let now = number(&read(cell));
        assert!(now >= last);
        last = now;
        // What the value mentions is counted once, and nothing else is.
        let counted = u32::from(last % 7 > 3 && last > 0);
        assert_eq!(shm::holder_count(channel.object(), Role::Put), 1 + counted);
    }
    println!("    {last} values, {deaths} deaths");
    shm::give_up(cell.object(), Role::Handle);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    assert_eq!(arena::blocks_in_use(), before);
    assert_eq!(process_table::slots_in_use(), 1);
}

fn numbers_are_freed() {
    use std::sync::atomic::Ordering::SeqCst;
    let before = arena::blocks_in_use();
    let numbers = Numbers::new(100_000).unwrap();
    let view = numbers.view(10, 5).unwrap();
    let inner = view.view(1, 2).unwrap();
    shm::give_up(numbers.object(), Role::Handle);
    shm::give_up(view.object(), Role::Handle);
    let words = inner.words().unwrap();
    assert_eq!(words.len(), 2);
    words[1].store(7, SeqCst);
    let child = spawn(&[handle(inner.object())], || {
        assert_eq!(inner.words().unwrap()[1].fetch_add(1, SeqCst), 7);
    });
    assert_eq!(join(child), Ended::Exit(0));
    assert_eq!(words[1].load(SeqCst), 8);
    assert_eq!(view.words().unwrap()[2].load(SeqCst), 8);
    assert!(numbers.view(100_000, 1).is_err());
    shm::give_up(inner.object(), Role::Handle);
    assert!(numbers.words().is_none() && inner.words().is_none());
    assert_eq!(arena::blocks_in_use(), before);
}

/// Runs with a key of these bytes, whose hash is bad on purpose.
fn with_key<R>(bytes: &[u8], run: impl FnOnce(&Key) -> R) -> R {
    let hash = bytes.iter().fold(bytes.len() as u64, |hash, &byte| hash * 3 + u64::from(byte)) % 1000;
    run(&Key { piece: Piece { bytes, handles: &[] }, hash, same: &|_| false })
}

fn map_get(map: Map, key: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    with_key(key, |key| map.get(key, &mut bytes)).unwrap().then_some(bytes)
}

fn map_model() {
    let mut random = Random(0x3a9);
    let before = arena::blocks_in_use();
    for round in 0..30 {
        let map = Map::new().unwrap();
        let mut model: BTreeMap<Vec<u8>, (u64, Vec<u8>)> = BTreeMap::new();
        let mut next = 0;
        let keys = [10, 300, 5_000][round % 3];
        for _ in 0..5_000 {
            let key = random.below(keys).to_le_bytes()[..1 + random.below(8) as usize].to_vec();
            let value: Vec<u8> = (0..random.below(100)).map(|_| random.next() as u8).collect();
            match random.below(10) {
                0..5 => {
                    with_key(&key, |key| map.set(key, Piece { bytes: &value, handles: &[] })).unwrap();
                    let number = model.get(&key).map_or(next, |(number, _)| *number);
                    next += u64::from(number == next);
                    model.insert(key, (number, value));
                }
                5..8 => {
                    let mut bytes = vec![];
                    let removed = with_key(&key, |key| map.remove(key, &mut bytes)).unwrap();
                    assert_eq!(removed.then_some(bytes), model.remove(&key).map(|(_, value)| value));
                }
                _ => assert_eq!(map_get(map, &key), model.get(&key).map(|(_, value)| value.clone())),
            }
            if random.below(2_000) == 0 {
                map.clear().unwrap();
                model.clear();
            }
            assert_eq!(map.count().unwrap(), model.len() as u64);
        }
        let mut expected: Vec<_> = model.into_iter().collect();
        expected.sort_by_key(|(_, (number, _))| *number);
        let expected: Vec<_> = expected.into_iter().flat_map(|(key, (_, value))| [key, value]).collect();
        assert_eq!(map.parts(&[Part::Key, Part::Content]).unwrap(), expected);
        shm::give_up(map.object(), Role::Handle);
    }
    assert_eq!(arena::blocks_in_use(), before);
}

fn list_model() {
    let mut random = Random(0x11);
    let before = arena::blocks_in_use();
    for _ in 0..30 {
        let list = List::new().unwrap();
        let mut model: Vec<Vec<u8>> = vec![];
        for _ in 0..3_000 {
            let item: Vec<u8> = (0..random.below(14)).map(|_| random.next() as u8).collect();
            let len = model.len() as u64;
            let index = random.below(len + 2);
            match random.below(12) {
                0..4 => {
                    assert!(list.insert(len, &item, &[]).unwrap());
                    model.push(item);
                }
                4..6 => {
                    assert_eq!(list.insert(index, &item, &[]).unwrap(), index <= len);
                    if index <= len {
                        model.insert(index as usize, item);
                    }
                }
                6 => {
                    assert_eq!(list.set(index, &item, &[]).unwrap(), index < len);
                    if index < len {
                        model[index as usize] = item;
                    }
                }
                7..11 => {
                    let index = [0, len.saturating_sub(1), index][random.below(3) as usize];
                    let mut bytes = vec![];
                    let removed = list.remove(index, &mut bytes).unwrap();
                    assert_eq!(removed, index < len);
                    if removed {
                        assert_eq!(bytes, model.remove(index as usize));
                    }
                }
                _ if random.below(100) == 0 => {
                    list.clear().unwrap();
                    model.clear();
                }
                _ => {
                    let mut bytes = vec![];
                    let found = list.get(index, &mut bytes).unwrap();
                    assert_eq!(found.then_some(bytes), model.get(index as usize).cloned());
                }
            }
            assert_eq!(list.count().unwrap(), model.len() as u64);
        }
        assert_eq!(list.all().unwrap(), model);
        shm::give_up(list.object(), Role::Handle);
    }
    assert_eq!(arena::blocks_in_use(), before);
}

/// Lets four processes do something again and again, kills them at any moment and checks after each death.
fn storm(seed: u64, object: ObjectRef, work: impl Fn(&mut Random), check: impl Fn()) -> u64 {
    let mut random = Random(seed);
    let mut deaths = 0;
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        let worker = |seed: u64| {
            spawn(&[handle(object)], || {
                let mut random = Random(seed | 1);
                loop {
                    work(&mut random);
                }
            })
        };
        let children: Vec<_> = (0..4).map(|_| worker(random.next())).collect();
        std::thread::sleep(Duration::from_micros(200 + random.below(3_000)));
        for child in children {
            kill(child);
            if random.below(2) == 0 {
                check();
            }
            assert_eq!(join(child), Ended::Signal(libc::SIGKILL));
            deaths += 1;
        }
        check();
    }
    deaths
}

fn map_storm() {
    let before = arena::blocks_in_use();
    let channel = Channel::new(None).unwrap();
    let map = Map::new().unwrap();
    let key = |number: u64| number.to_le_bytes();
    let work = |random: &mut Random| {
        let k = key(random.below(60));
        let now = map_get(map, &k).map_or(0, |bytes| number(&bytes));
        take(map.lock());
        match random.below(200) {
            0 => map.clear().unwrap(),
            1..40 => drop(with_key(&k, |key| map.remove(key, &mut vec![])).unwrap()),
            _ => {
                let next = map_get(map, &k).map_or(now, |bytes| number(&bytes)) + 1;
                let some = [(channel.object(), Role::Put)];
                let handles = if next % 7 > 3 { &some[..] } else { &[] };
                with_key(&k, |key| map.set(key, Piece { bytes: &value(next), handles })).unwrap();
            }
        }
        map.lock().release().unwrap();
    };
    let check = || {
        take(map.lock());
        let parts = map.parts(&[Part::Key, Part::Content]).unwrap();
        assert_eq!(map.count().unwrap() as usize * 2, parts.len());
        let mut mentioned = 0;
        for pair in parts.chunks(2) {
            assert_eq!(map_get(map, &pair[0]).as_ref(), Some(&pair[1]));
            mentioned += u32::from(number(&pair[1]) % 7 > 3);
        }
        let mut keys: Vec<_> = parts.iter().step_by(2).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len() * 2, parts.len(), "a key is there twice");
        assert!(shm::holder_count(channel.object(), Role::Put) > mentioned);
        map.lock().release().unwrap();
    };
    let deaths = storm(0x3a95, map.object(), work, check);
    println!("    {deaths} deaths, {} entries", map.count().unwrap());
    shm::give_up(map.object(), Role::Handle);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    shm::give_up(channel.object(), Role::Put);
    shm::give_up(channel.object(), Role::Take);
    assert_eq!(arena::blocks_in_use(), before);
}

fn list_storm() {
    let before = arena::blocks_in_use();
    let list = List::new().unwrap();
    let item = |random: &mut Random| {
        let number = random.below(1 << 30);
        if random.below(2) == 0 { number.to_le_bytes()[..5].to_vec() } else { value(number) }
    };
    let work = |random: &mut Random| {
        take(list.lock());
        let len = list.count().unwrap();
        let index = random.below(len + 1);
        match random.below(100) {
            0 => list.clear().unwrap(),
            1..30 => assert!(list.insert(len, &item(random), &[]).unwrap()),
            30..45 => assert!(list.insert(index, &item(random), &[]).unwrap()),
            45..60 => assert_eq!(list.set(index, &item(random), &[]).unwrap(), index < len),
            60..75 => assert_eq!(list.remove(0, &mut vec![]).unwrap(), len > 0),
            75..90 => assert_eq!(list.remove(index, &mut vec![]).unwrap(), index < len),
            _ => drop(list.all().unwrap()),
        }
        list.lock().release().unwrap();
    };
    let check = || {
        take(list.lock());
        let all = list.all().unwrap();
        assert_eq!(all.len() as u64, list.count().unwrap());
        for bytes in all.iter().filter(|bytes| bytes.len() != 5) {
            number(bytes);
        }
        list.lock().release().unwrap();
    };
    let deaths = storm(0x1157, list.object(), work, check);
    println!("    {deaths} deaths, {} items", list.count().unwrap());
    shm::give_up(list.object(), Role::Handle);
    assert_eq!(arena::blocks_in_use(), before);
}
