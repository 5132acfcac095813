//! The remembered results of functions. They go with the last value that could ask for them.

use super::value::{Table, Value, equal};

/// The results that this process remembers.
#[derive(Default)]
pub struct Memos {
    /// By their numbers.
    all: Vec<Memo>,
    next: i64,
    /// How often it was asked whether some can go, since that was last looked at.
    asked: usize,
}

struct Memo {
    number: i64,
    /// What the `memo` has that asks for them, a list with the number: while nobody else refers to it, nobody can ask.
    /// `None` when others, which came from another process, ask as well.
    token: Option<Value>,
    function: Value,
    results: Table<Value>,
}

impl Memo {
    /// Whether these are results of this function: a `memo` that came from another process may have the number of another
    /// function's here.
    fn is_of(&self, function: &Value) -> bool {
        // One that has captured a nan is not equal to itself.
        let same =
            matches!((&self.function, function), (Value::Function(there), Value::Function(here)) if there.same(here));
        same || equal(&self.function, function)
    }

    fn is_reachable(&self) -> bool {
        !matches!(&self.token, Some(Value::List(token)) if token.count() == 1)
    }
}

impl Memos {
    /// Begins to remember results of a function; gives the token that asks for them.
    pub fn begin(&mut self, function: &Value) -> Value {
        self.forget_unreachable();
        let token = Value::list(vec![Value::Int(self.next)]);
        self.add(function, token.clone());
        token
    }

    fn add(&mut self, function: &Value, token: Value) -> &mut Memo {
        let number = self.next;
        self.next += 1;
        self.all.push(Memo { number, token: Some(token), function: function.clone(), results: Table::default() });
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// The results of a function, by their token.
    pub fn of(&mut self, token: &Value, function: &Value) -> &mut Table<Value> {
        let number = match token {
            Value::List(list) => match list.first() {
                Some(&Value::Int(number)) => Some(number),
                _ => None,
            },
            _ => None,
        };
        let here = number.and_then(|number| self.all.binary_search_by_key(&number, |memo| memo.number).ok());
        let at = match here.filter(|&at| self.all[at].is_of(function)) {
            None => self.all.iter().position(|memo| memo.is_of(function)).inspect(|&at| self.all[at].token = None),
            at => at,
        };
        match at {
            Some(at) => &mut self.all[at].results,
            None => &mut self.add(function, token.clone()).results,
        }
    }

    /// Forgets what nobody can ask for any more; where much is remembered, not each time.
    pub fn forget_unreachable(&mut self) {
        self.asked += 1;
        if self.asked > self.all.len() / 8 {
            self.asked = 0;
            self.all.retain(Memo::is_reachable);
        }
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All functions, arguments and results.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        let results = self.all.iter().flat_map(|memo| memo.results.iter());
        self.all.iter().map(|memo| &memo.function).chain(results.flat_map(|(given, result)| [given, result]))
    }
}
