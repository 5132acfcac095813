//! Cells, numbers, maps and lists.

use super::shm::map::{Key, Part, Piece};
use super::shm::user_lock::Acquired;
use super::shm::{self, Cell, Channel, List, Map, Numbers, ObjectRef, Role, UserLock};
use super::stage::{Scene, Stage, drop_channel};

pub fn scenes() -> Vec<Scene> {
    let scene = |name, play| Scene { name, play, commits: true };
    let made = |name, play| Scene { name, play, commits: false };
    vec![
        scene("cell_store_short", |stage| cell_store(stage, b"old", 0, b"new", 0)),
        scene("cell_store_long", |stage| cell_store(stage, b"old", 0, &[2; 100], 0)),
        scene("cell_store_after_long", |stage| cell_store(stage, &[1; 100], 1, b"new", 0)),
        scene("cell_store_handles", |stage| cell_store(stage, &[1; 100], 1, &[2; 70_000], 2)),
        made("cell_make_read_drop", cell_make),
        made("numbers_make_view_drop", numbers_make),
        scene("map_set_new", |stage| map_change(stage, 3, |map| set(map, 100, &[7; 60], 0))),
        scene("map_set_old", |stage| map_change(stage, 3, |map| set(map, 1, &[7; 60], 1))),
        scene("map_set_grows", |stage| map_change(stage, 12, |map| set(map, 100, b"7", 1))),
        scene("map_remove", |stage| map_change(stage, 3, |map| remove(map, 1))),
        scene("map_clear", |stage| map_change(stage, 5, |map| map.clear().unwrap())),
        made("map_make_read_drop", map_make),
        scene("list_push_short", |stage| list_change(stage, 3, |list| insert(list, 3, b"new"))),
        scene("list_push_grows", |stage| list_change(stage, 8, |list| insert(list, 8, &[7; 60]))),
        scene("list_insert", |stage| list_change(stage, 3, |list| insert(list, 1, &[7; 60]))),
        scene("list_set", |stage| list_change(stage, 3, |list| assert!(list.set(1, &[7; 60], &[]).unwrap()))),
        scene("list_pop", |stage| list_change(stage, 3, |list| take(list, 2))),
        scene("list_pop_first", |stage| list_change(stage, 3, |list| take(list, 0))),
        scene("list_remove", |stage| list_change(stage, 4, |list| take(list, 1))),
        scene("list_clear", |stage| list_change(stage, 4, |list| list.clear().unwrap())),
    ]
}

fn handle(object: ObjectRef) -> (ObjectRef, Role) {
    (object, Role::Handle)
}

fn locked<R>(lock: UserLock, run: impl FnOnce() -> R) -> R {
    assert!(matches!(lock.acquire(None).unwrap(), Acquired::Ok | Acquired::Abandoned(_)));
    let result = run();
    lock.release().unwrap();
    result
}

/// Replaces a value that mentions so many roles of a channel by another.
fn cell_store(stage: &Stage, old: &[u8], old_mentions: usize, new: &[u8], new_mentions: usize) {
    let channel = Channel::new(None).unwrap();
    let roles = [(channel.object(), Role::Put), (channel.object(), Role::Take)];
    let cell = Cell::new(old, &roles[..old_mentions]).unwrap();
    stage.victim_alone(&[handle(cell.object())], || {
        locked(cell.lock(), || cell.store(new, &roles[..new_mentions]).unwrap());
    });
    let mut bytes = vec![];
    cell.read(&mut bytes).unwrap();
    assert!(bytes == old || bytes == new);
    stage.committed(bytes == new);
    let mentions = if bytes == new { new_mentions } else { old_mentions };
    for (at, role) in [Role::Put, Role::Take].into_iter().enumerate() {
        assert_eq!(shm::holder_count(channel.object(), role), 1 + u32::from(at < mentions));
    }
    locked(cell.lock(), || cell.store(&[3; 80], &roles).unwrap());
    shm::give_up(cell.object(), Role::Handle);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    drop_channel(channel);
}

fn cell_make(stage: &Stage) {
    let channel = Channel::new(None).unwrap();
    stage.victim_alone(&[], || {
        let cell = Cell::new(&[1; 100], &[(channel.object(), Role::Put)]).unwrap();
        cell.read(&mut vec![]).unwrap();
        shm::give_up(channel.object(), Role::Put);
        shm::give_up(cell.object(), Role::Handle);
    });
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    drop_channel(channel);
}

fn numbers_make(stage: &Stage) {
    let shared = Numbers::new(10).unwrap();
    stage.victim_alone(&[handle(shared.object())], || {
        let own = Numbers::new(10_000).unwrap();
        let view = own.view(1, 5).unwrap();
        shm::give_up(own.object(), Role::Handle);
        let other = shared.view(2, 3).unwrap();
        shm::give_up(view.object(), Role::Handle);
        shm::give_up(other.object(), Role::Handle);
    });
    assert_eq!(shm::holder_count(shared.object(), Role::Handle), 1);
    shm::give_up(shared.object(), Role::Handle);
}

fn with_key<R>(key: u64, run: impl FnOnce(&Key) -> R) -> R {
    let bytes = key.to_le_bytes();
    run(&Key { piece: Piece { bytes: &bytes, handles: &[] }, hash: key % 3, same: &|_| false })
}

thread_local! {
    static MENTIONED: std::cell::Cell<Option<Channel>> = const { std::cell::Cell::new(None) };
}

/// Sets a key to a value that mentions so many roles of a channel.
fn set(map: Map, key: u64, bytes: &[u8], mentions: usize) {
    let roles = MENTIONED.get().map(|channel| [(channel.object(), Role::Put)]);
    let handles = roles.as_ref().map_or(&[][..], |roles| &roles[..mentions]);
    with_key(key, |key| map.set(key, Piece { bytes, handles })).unwrap();
}

fn remove(map: Map, key: u64) {
    assert!(with_key(key, |key| map.remove(key, &mut vec![])).unwrap());
}

fn entries(map: Map) -> Vec<Vec<u8>> {
    map.parts(&[Part::Key, Part::Content]).unwrap()
}

fn filled_map(count: u64) -> Map {
    let map = Map::new().unwrap();
    (0..count).for_each(|key| locked(map.lock(), || set(map, key, &key.to_le_bytes(), (key % 2) as usize)));
    map
}

/// Changes a map with so many entries.
fn map_change(stage: &Stage, count: u64, change: impl Fn(Map)) {
    let channel = Channel::new(None).unwrap();
    MENTIONED.set(Some(channel));
    let map = filled_map(count);
    let old = entries(map);
    let model = filled_map(count);
    locked(model.lock(), || change(model));
    let new = entries(model);
    shm::give_up(model.object(), Role::Handle);
    stage.victim_alone(&[handle(map.object())], || locked(map.lock(), || change(map)));
    let now = entries(map);
    assert!(now == old || now == new, "neither the old map nor the new one");
    stage.committed(now == new);
    assert_eq!(map.count().unwrap() as usize * 2, now.len());
    // It works on.
    locked(map.lock(), || (0..30).for_each(|key| set(map, key, &[1; 50], 1)));
    locked(map.lock(), || (0..30).for_each(|key| remove(map, key)));
    shm::give_up(map.object(), Role::Handle);
    assert_eq!(shm::holder_count(channel.object(), Role::Put), 1);
    drop_channel(channel);
}

fn map_make(stage: &Stage) {
    MENTIONED.set(None);
    stage.victim_alone(&[], || {
        let map = filled_map(2);
        entries(map);
        shm::give_up(map.object(), Role::Handle);
    });
}

fn insert(list: List, index: u64, bytes: &[u8]) {
    assert!(list.insert(index, bytes, &[]).unwrap());
}

fn take(list: List, index: u64) {
    assert!(list.remove(index, &mut vec![]).unwrap());
}

fn filled_list(count: u64) -> List {
    let list = List::new().unwrap();
    let item = |at: u64| if at.is_multiple_of(2) { vec![at as u8; 3] } else { vec![at as u8; 90] };
    (0..count).for_each(|at| locked(list.lock(), || insert(list, at, &item(at))));
    list
}

/// Changes a list with so many items.
fn list_change(stage: &Stage, count: u64, change: impl Fn(List)) {
    let list = filled_list(count);
    let old = list.all().unwrap();
    let model = filled_list(count);
    locked(model.lock(), || change(model));
    let new = model.all().unwrap();
    shm::give_up(model.object(), Role::Handle);
    stage.victim_alone(&[handle(list.object())], || locked(list.lock(), || change(list)));
    let now = list.all().unwrap();
    assert!(now == old || now == new, "neither the old list nor the new one");
    stage.committed(now == new);
    locked(list.lock(), || (0..20).for_each(|_| insert(list, 0, &[5; 20])));
    locked(list.lock(), || (0..20).for_each(|_| take(list, 1.min(list.count().unwrap() - 1))));
    shm::give_up(list.object(), Role::Handle);
}
