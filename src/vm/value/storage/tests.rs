//! Values with items in common memory against plain copies, with a common memory of this process alone.

use super::super::{Array, Ref, Value, decode, encode, encode_whole, handles, on_handle, on_numbers};
use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// The objects: their words, and how many values hold them.
    static OBJECTS: RefCell<HashMap<u64, (&'static [AtomicU64], usize)>> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(1) };
    static FULL: Cell<bool> = const { Cell::new(false) };
}

fn hold(key: HandleKey, alive: bool) {
    OBJECTS.with_borrow_mut(|objects| {
        let count = &mut objects.get_mut(&key.id).expect("an object that is there").1;
        *count = if alive { *count + 1 } else { *count - 1 };
        if *count == 0 {
            let (words, _) = objects.remove(&key.id).expect("it was there");
            // Who still reads it reads something else now.
            words.iter().for_each(|word| word.store(u64::MAX, Relaxed));
        }
    });
}

fn place(bytes: &[u8]) -> Option<HandleKey> {
    if FULL.get() {
        return None;
    }
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        AtomicU64::new(u64::from_ne_bytes(word))
    });
    let id = NEXT.replace(NEXT.get() + 1);
    let words: &'static [AtomicU64] = Vec::leak(words.collect());
    OBJECTS.with_borrow_mut(|objects| objects.insert(id, (words, 0)));
    Some(HandleKey { kind: HandleKind::Items, id, generation: 7, role: 0 })
}

fn begin() {
    on_handle(hold);
    on_numbers(|key| OBJECTS.with_borrow(|objects| objects.get(&key.id).map(|(words, _)| *words)));
    on_items(place, |key| OBJECTS.with_borrow(|objects| objects[&key.id].1 == 1));
}

fn objects() -> usize {
    OBJECTS.with_borrow(HashMap::len)
}

const MANY: usize = LARGE / 8;

fn many() -> Value {
    Value::Array(Ref::new(Array::Ints((0..MANY as i64).collect())))
}

fn sent(value: &Value) -> Value {
    decode(&encode(value).ok().expect("it can be sent").bytes).ok().expect("it was encoded")
}

fn items(value: &mut Value) -> &mut Storage<i64> {
    match value {
        Value::Array(array) => match array.make_mut() {
            Array::Ints(items) => items,
            Array::Floats(_) => panic!("floats"),
        },
        _ => panic!("no array"),
    }
}

/// What is sent twice is one object, which goes with its last value.
#[test]
fn what_is_sent_is_one_object() {
    begin();
    let array = many();
    let (first, second) = (sent(&array), sent(&array));
    let list = Value::list(vec![first.clone(), Value::bytes(vec![1; LARGE])]);
    let message = encode(&list).ok().expect("it can be sent");
    assert!(message.bytes.len() < 100);
    assert_eq!((objects(), message.mentions.len(), items_alive()), (2, 2, 4));
    let mut found = Vec::new();
    handles(&Value::list(vec![array, first, second]), &mut |key| found.push(key.id));
    assert_eq!(found, [message.mentions[0].id; 3]);
    drop(list);
    assert_eq!((objects(), items_alive()), (0, 0));
}

/// Few items, and those of a message that must be whole, are copied.
#[test]
fn few_items_are_copied() {
    begin();
    let few = Value::bytes(vec![1; LARGE - 1]);
    assert!(encode(&few).is_ok_and(|encoded| encoded.mentions.is_empty() && encoded.bytes.len() >= LARGE));
    let array = many();
    assert!(encode_whole(&array).is_ok_and(|encoded| encoded.mentions.is_empty() && encoded.bytes.len() > LARGE));
    assert_eq!(objects(), 0);
}

/// Without room they are copied as few are.
#[test]
fn without_room_items_stay_where_they_are() {
    begin();
    FULL.set(true);
    let mut array = many();
    let other = sent(&array);
    items(&mut array)[0] = 5;
    assert_eq!(objects(), 0);
    FULL.set(false);
    let third = sent(&array);
    FULL.set(true);
    items(&mut array)[1] = 5;
    FULL.set(false);
    let Value::Array(third) = third else { panic!("no array") };
    assert!(matches!((third.at(0), third.at(1)), (Value::Int(5), Value::Int(1))));
    assert!(matches!(&other, Value::Array(other) if matches!(other.at(0), Value::Int(0))));
}

/// Who alone has items writes in place, also later; another value makes it copy once.
#[test]
fn one_value_alone_writes_in_place() {
    begin();
    let mut array = many();
    let other = sent(&array);
    let start = items(&mut array).as_ptr();
    items(&mut array)[0] = 1;
    assert_ne!(start, items(&mut array).as_ptr(), "another one reads there");
    let start = items(&mut array).as_ptr();
    items(&mut array)[0] = 2;
    assert_eq!(start, items(&mut array).as_ptr());
    drop(sent(&array));
    items(&mut array)[0] = 3;
    assert_eq!(start, items(&mut array).as_ptr(), "it was given away, and nobody has it any more");
    let read = sent(&array);
    items(&mut array)[0] = 4;
    let first = |value: &Value| if let Value::Array(array) = value { array.at(0) } else { Value::Null };
    assert!(matches!((first(&array), first(&read), first(&other)), (Value::Int(4), Value::Int(3), Value::Int(0))));
}

/// After a fork nothing that was there before is written in place, or given up.
#[test]
fn a_child_leaves_what_it_inherited() {
    begin();
    let mut array = many();
    drop(sent(&array));
    items(&mut array)[0] = 1;
    let start = items(&mut array).as_ptr();
    forked();
    items(&mut array)[0] = 2;
    assert_ne!(start, items(&mut array).as_ptr());
    assert_eq!(objects(), 2);
    drop(array);
    assert_eq!((objects(), items_alive()), (1, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Clone(usize),
    Drop(usize),
    Write(usize, usize, i64),
    Full(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let value = 0..5usize;
    prop_oneof![
        value.clone().prop_map(Step::Send),
        value.clone().prop_map(Step::Clone),
        value.clone().prop_map(Step::Drop),
        (value.clone(), 0..MANY, any::<i64>()).prop_map(|(value, at, item)| Step::Write(value, at, item)),
        (value, 0..3usize, any::<i64>()).prop_map(|(value, at, item)| Step::Write(value, at, item)),
        prop_oneof![3 => Just(false), 1 => Just(true)].prop_map(Step::Full),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    /// Whatever is sent, copied and written to: each value is as if all had been copies.
    #[test]
    fn values_are_as_copies_are(steps in prop::collection::vec(step(), 1..40)) {
        begin();
        FULL.set(false);
        let model: Vec<i64> = (0..MANY as i64).collect();
        let mut values = vec![(many(), model)];
        for step in steps {
            let of = |at: usize| at % values.len();
            match step {
                Step::Send(at) => {
                    let (value, model) = &values[of(at)];
                    let new = (sent(value), model.clone());
                    values.push(new);
                }
                Step::Clone(at) => {
                    let new = values[of(at)].clone();
                    values.push(new);
                }
                Step::Drop(at) if values.len() > 1 => {
                    let at = of(at);
                    drop(values.swap_remove(at));
                }
                Step::Drop(_) => {}
                Step::Write(value, at, item) => {
                    let value = of(value);
                    items(&mut values[value].0)[at] = item;
                    values[value].1[at] = item;
                }
                Step::Full(full) => FULL.set(full),
            }
            for (value, model) in &values {
                let Value::Array(array) = value else { panic!("no array") };
                let Array::Ints(items) = &**array else { panic!("floats") };
                prop_assert!(items[..] == model[..]);
            }
        }
        drop(values);
        prop_assert_eq!((objects(), items_alive()), (0, 0));
    }
}
