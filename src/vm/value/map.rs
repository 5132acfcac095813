//! An insertion-ordered hash table: entries in a vector, an index beside it once there are many.

use super::{Ref, Str, Value, equal, hash};
use hashbrown::HashTable;
use std::cell::Cell;

/// Up to so many entries are found by looking at each.
const SMALL: usize = 8;

thread_local! {
    /// The address of a table and the position that was found in it last: what reads a key often sets it next. Not in
    /// the table, which a child that reads it must not write to.
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

#[derive(Clone)]
struct Entry<V> {
    hash: u64,
    /// `Undefined` where an entry was removed.
    key: Value,
    value: V,
}

impl<V> Entry<V> {
    /// Whether it is that of a key that can be told soon: of a text only when its hash is known, as that of one that has
    /// been sought before.
    #[inline(always)]
    fn is_of(&self, key: &Value) -> bool {
        match (&self.key, key) {
            (Value::Int(there), Value::Int(key)) => there == key,
            (Value::Str(there), Value::Str(key)) => {
                key.known_hash() == Some(self.hash) && there.as_str() == key.as_str()
            }
            _ => false,
        }
    }
}

/// Keys with values, in the order the keys were first set.
#[derive(Clone)]
pub struct Table<V> {
    entries: Vec<Entry<V>>,
    index: Option<Box<HashTable<u32>>>,
    live: usize,
}

impl<V> Default for Table<V> {
    fn default() -> Table<V> {
        Table { entries: Vec::new(), index: None, live: 0 }
    }
}

impl Table<()> {
    /// A table with these keys and a value for each of them.
    #[inline]
    pub fn with_values<V>(&self, values: impl Iterator<Item = V>) -> Table<V> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for (entry, value) in self.entries.iter().zip(values) {
            entries.push(Entry { hash: entry.hash, key: entry.key.clone(), value });
        }
        debug_assert_eq!(entries.len(), self.live);
        Table { entries, index: self.index.clone(), live: self.live }
    }
}

impl<V> Table<V> {
    /// An empty table with room for so many.
    pub fn with_capacity(capacity: usize) -> Table<V> {
        Table { entries: Vec::with_capacity(capacity), index: None, live: 0 }
    }

    /// Number of keys.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Position of the entry with this key, for [`Table::entry`].
    #[inline]
    pub fn position(&self, key: &Value) -> Option<usize> {
        self.last_position(key).or_else(|| self.seek(key))
    }

    /// The same, if it is the one that was found last.
    #[inline]
    pub fn last_position(&self, key: &Value) -> Option<usize> {
        if let (table, at) = LAST.get()
            && table == std::ptr::from_ref(self).addr()
            && let Some(entry) = self.entries.get(at)
            && entry.is_of(key)
        {
            return Some(at);
        }
        None
    }

    #[inline(never)]
    fn seek(&self, key: &Value) -> Option<usize> {
        let at = self.find(hash(key), key)?;
        LAST.set((std::ptr::from_ref(self).addr(), at));
        Some(at)
    }

    /// Position of the entry with this key, where `same` tells whether a key with the same hash is the one.
    pub fn position_where(&self, key: &Value, same: impl FnMut(&Value) -> bool) -> Option<usize> {
        self.find_where(hash(key), same)
    }

    fn find(&self, wanted: u64, key: &Value) -> Option<usize> {
        self.find_where(wanted, |there| equal(there, key))
    }

    #[inline(always)]
    fn find_where(&self, wanted: u64, mut same: impl FnMut(&Value) -> bool) -> Option<usize> {
        match &self.index {
            None => self.entries.iter().position(|entry| entry.hash == wanted && same(&entry.key)),
            Some(index) => index
                .find(wanted, |&at| {
                    let entry = &self.entries[at as usize];
                    entry.hash == wanted && same(&entry.key)
                })
                .map(|&at| at as usize),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &Value) -> Option<&V> {
        self.position(key).map(|at| &self.entries[at].value)
    }

    /// The value of a key that is a text.
    pub fn get_str(&self, key: &str) -> Option<&V> {
        let wanted = super::hash_text(key);
        let same = |entry: &Entry<V>| entry.hash == wanted && entry.key.as_str() == Some(key);
        match &self.index {
            None => self.entries.iter().find(|entry| same(entry)).map(|entry| &entry.value),
            Some(index) => {
                index.find(wanted, |&at| same(&self.entries[at as usize])).map(|&at| &self.entries[at as usize].value)
            }
        }
    }

    /// The value of a key, for writing.
    pub fn get_mut(&mut self, key: &Value) -> Option<&mut V> {
        self.position(key).map(|at| &mut self.entries[at].value)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &Value) -> bool {
        self.position(key).is_some()
    }

    /// Sets a key; gives the old value. A key that was there keeps its place.
    pub fn insert(&mut self, key: Value, value: V) -> Option<V> {
        let wanted = hash(&key);
        if let Some(at) = self.find(wanted, &key) {
            return Some(std::mem::replace(&mut self.entries[at].value, value));
        }
        let at = self.entries.len() as u32;
        self.entries.push(Entry { hash: wanted, key, value });
        self.live += 1;
        match &mut self.index {
            Some(index) => {
                let entries = &self.entries;
                index.insert_unique(wanted, at, |&at| entries[at as usize].hash);
            }
            None if self.entries.len() > SMALL => self.reindex(),
            None => {}
        }
        None
    }

    /// Removes a key; gives its key and value. The order of the others stays.
    pub fn remove(&mut self, key: &Value) -> Option<(Value, V)>
    where
        V: Default,
    {
        let wanted = hash(key);
        let at = self.find(wanted, key)?;
        if let Some(index) = &mut self.index
            && let Ok(found) = index.find_entry(wanted, |&there| there as usize == at)
        {
            found.remove();
        }
        let entry = &mut self.entries[at];
        entry.hash = 0;
        let removed = (std::mem::replace(&mut entry.key, Value::Undefined), std::mem::take(&mut entry.value));
        self.live -= 1;
        if at + 1 == self.entries.len() {
            while self.entries.last().is_some_and(|entry| matches!(entry.key, Value::Undefined)) {
                self.entries.pop();
            }
        } else if self.entries.len() > 32 && self.live < self.entries.len() / 2 {
            self.entries.retain(|entry| !matches!(entry.key, Value::Undefined));
            self.reindex();
        }
        Some(removed)
    }

    fn reindex(&mut self) {
        let mut index = HashTable::with_capacity(self.entries.len() * 2);
        for (at, entry) in self.entries.iter().enumerate() {
            if !matches!(entry.key, Value::Undefined) {
                index.insert_unique(entry.hash, at as u32, |&at| self.entries[at as usize].hash);
            }
        }
        self.index = Some(Box::new(index));
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Table::default();
    }

    /// The entry at a position; `None` where one was removed. Positions run to [`Table::end`].
    #[inline(always)]
    pub fn entry(&self, at: usize) -> Option<(&Value, &V)> {
        let entry = self.entries.get(at)?;
        if matches!(entry.key, Value::Undefined) { None } else { Some((&entry.key, &entry.value)) }
    }

    /// The value at a position, if its key is this very text, not only the same one.
    #[inline(always)]
    pub fn known(&self, at: usize, key: &Ref<Str>) -> Option<&V> {
        match self.entries.get(at) {
            Some(Entry { key: Value::Str(found), value, .. }) if found.same(key) => Some(value),
            _ => None,
        }
    }

    /// Like `known`, for writing.
    #[inline(always)]
    pub fn known_mut(&mut self, at: usize, key: &Ref<Str>) -> Option<&mut V> {
        match self.entries.get_mut(at) {
            Some(Entry { key: Value::Str(found), value, .. }) if found.same(key) => Some(value),
            _ => None,
        }
    }

    /// The value at a position, for writing.
    #[inline(always)]
    pub fn entry_mut(&mut self, at: usize) -> Option<(&Value, &mut V)> {
        let entry = self.entries.get_mut(at)?;
        if matches!(entry.key, Value::Undefined) { None } else { Some((&entry.key, &mut entry.value)) }
    }

    /// One past the last position.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.entries.len()
    }

    /// All entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Value, &V)> {
        self.entries.iter().filter(|entry| !matches!(entry.key, Value::Undefined)).map(|e| (&e.key, &e.value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.iter().map(|(key, _)| key)
    }

    /// All values in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Order, removal and compaction agree with a plain vector of pairs.
    #[test]
    fn agrees_with_a_list_of_pairs() {
        let mut table = Table::default();
        let mut model: Vec<(i64, i64)> = Vec::new();
        let mut seed = 1u64;
        for step in 0..20_000 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let key = (seed >> 33) as i64 % 200;
            if (seed >> 20) & 1 == 0 {
                table.insert(Value::Int(key), Value::Int(step));
                match model.iter_mut().find(|pair| pair.0 == key) {
                    Some(pair) => pair.1 = step,
                    None => model.push((key, step)),
                }
            } else {
                let removed = table.remove(&Value::Int(key)).is_some();
                let before = model.len();
                model.retain(|pair| pair.0 != key);
                assert_eq!(removed, model.len() < before);
            }
            assert_eq!(table.len(), model.len());
        }
        let pairs: Vec<_> = table
            .iter()
            .map(|(key, value)| match (key, value) {
                (Value::Int(key), Value::Int(value)) => (*key, *value),
                _ => unreachable!(),
            })
            .collect();
        assert_eq!(pairs, model);
    }
}
