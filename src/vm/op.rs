//! What a machine asks of the world.

use super::value::{HandleKey, List, Value};
use crate::near::NearVec;
use num_bigint::BigInt;

/// What is drawn from this process's random numbers.
#[derive(Clone)]
pub enum Draw {
    /// Nothing: they begin anew with this seed.
    Seed(BigInt),
    /// An int, both bounds included.
    Int {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
    },
    /// The same where a bound is beyond 64 bits.
    Big {
        /// The least.
        low: BigInt,
        /// The greatest.
        high: BigInt,
    },
    /// A float.
    Float {
        /// The least.
        low: f64,
        /// What lies beyond all.
        high: f64,
    },
    /// A float of the normal distribution.
    Normal {
        /// Its middle.
        mean: f64,
        /// Its width.
        deviation: f64,
    },
    /// An item of a list or range that is not empty.
    Choice(Value),
    /// So many of the items, in random order.
    Sample {
        /// The items.
        items: List,
        /// How many.
        count: usize,
    },
}

/// What is wanted of all entries of a shared map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Snapshot {
    /// A list of the keys.
    Keys,
    /// A list of the values.
    Values,
    /// A list of `[key, value]`.
    Pairs,
    /// A map; of a shared list, a list.
    Whole,
}

/// A call that a new process makes.
#[derive(Clone)]
pub struct Spawn {
    /// The function, a map of its named arguments or null, and the positional ones.
    pub call: NearVec<Value>,
    /// The name of the process.
    pub name: Option<Box<str>>,
    /// It is stopped when its parent ends.
    pub daemon: bool,
}

/// An external command, and what is wanted of it.
#[derive(Clone)]
pub struct Command {
    /// The function that runs it.
    pub function: &'static str,
    /// The program and its arguments, without NUL; the program is not empty.
    pub words: Vec<Vec<u8>>,
    /// What to take of it.
    pub take: Take,
    /// What it reads from its standard input; `None` leaves it this process's.
    pub input: Option<Vec<u8>>,
    /// So many seconds it may run.
    pub timeout: Option<f64>,
    /// Whether its failure is an error.
    pub check: bool,
    /// The directory that it runs in.
    pub cwd: Option<String>,
    /// Variables of its environment that are set, or taken away.
    pub env: Vec<(String, Option<String>)>,
}

/// What to take of a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// How it ends; its output is this process's.
    End,
    /// What it writes, as text.
    Text,
    /// What it writes, as bytes.
    Bytes,
    /// A stream of the lines that it writes.
    Lines,
    /// Nothing: it runs on by itself, also after the end of the run.
    Nothing,
}

/// A request that the world can perform in one step most of the time, on the object that a handle means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quick {
    /// Puts a value in; the answer is null.
    Send,
    /// The same; the answer is true.
    TrySend,
    /// Takes a value out, which is the answer.
    Receive,
    /// Takes a lock; the answer is null.
    Acquire,
    /// The same; the answer is true.
    TryAcquire,
    /// Gives a lock back; the answer is null.
    Release,
}

/// One request. The world performs it and gives a value back; nothing else that the machine does can be seen outside.
#[allow(missing_docs)]
#[derive(Clone)]
pub enum Op {
    /// Writes text whole.
    Print { text: String, stderr: bool },
    /// A line of standard input without its end; an error of kind `io` at the end.
    Input { prompt: Option<String> },
    /// The text of a file.
    ReadText { path: String },
    /// The bytes of a file.
    ReadBytes { path: String },
    /// Makes or empties a file and writes it, or adds to it.
    WriteFile { path: String, data: Vec<u8>, append: bool },
    /// Paths that fit a pattern, sorted.
    Files { pattern: String },
    /// A stream of the lines of standard input.
    StdinLines,
    /// The next line of an open file; `Undefined` at its end.
    NextLine { file: HandleKey },
    /// Opens a file for `with open(…)`.
    Open { path: String, mode: String },
    /// A file's whole rest, as text.
    FileRead { file: HandleKey },
    /// A stream of the lines of an open file.
    FileLines { file: HandleKey },
    /// Writes text to an open file.
    FileWrite { file: HandleKey, text: String },
    /// The script's arguments.
    Args,
    /// An environment variable, or all of them.
    Env { name: Option<String>, default: Value },
    /// Ends the process.
    Exit { status: u8 },
    /// Sleeps so many seconds.
    Sleep { seconds: f64 },
    /// Runs an external command.
    Run(Box<Command>),
    /// Seconds since 1970.
    Now,
    /// Seconds on a clock that only goes forward.
    Clock,
    /// Draws random numbers.
    Random { draw: Draw },
    /// Runs a function in a new process.
    Spawn(Spawn),
    /// Waits for processes and gives their results: a list when `many`.
    Join { processes: NearVec<HandleKey>, many: bool, timeout: Option<f64> },
    /// Waits for a process and tells how it ended.
    Wait { process: HandleKey, timeout: Option<f64> },
    /// Sends a signal to a process.
    Signal { process: HandleKey, signal: i32 },
    /// Asks a process to stop, and kills it after the grace time.
    Stop { process: HandleKey, grace: f64 },
    /// A property of a handle.
    Property { handle: HandleKey, name: String },
    /// The handle of this process.
    SelfProcess,
    /// The handles of this process's children.
    Children,
    /// Number of processors that this process may use.
    CpuCount,
    /// The operating system's number of this process.
    Pid,
    /// The two ends of a pipe, as a list.
    Pipe { capacity: Option<u64> },
    /// A queue.
    Queue { capacity: Option<u64> },
    /// A lock, or another object that processes synchronise with.
    Synchronizer(Synchronizer),
    /// Puts a value in; with `try_` gives whether there was room.
    Send { channel: HandleKey, value: Value, try_: bool, timeout: Option<f64> },
    /// Puts all items of a list in.
    SendAll { channel: HandleKey, values: Value, timeout: Option<f64> },
    /// Takes a value out.
    Receive { channel: HandleKey, timeout: Option<f64> },
    /// Takes a value out, or gives the default at once.
    TryReceive { channel: HandleKey, default: Value },
    /// Takes a value out for a loop; `Undefined` when no more can come.
    ReceiveOrEnd { channel: HandleKey },
    /// Waits for one value and takes up to so many.
    ReceiveMany { channel: HandleKey, most: u64, timeout: Option<f64> },
    /// Whether a value is there, after waiting for it.
    Poll { channel: HandleKey, timeout: Option<f64> },
    /// How many values wait in a channel.
    Pending { channel: HandleKey },
    /// Whether a channel has no room.
    Full { channel: HandleKey },
    /// No more puts.
    Close { handle: HandleKey },
    /// One value that was taken is done with.
    TaskDone { channel: HandleKey },
    /// Waits until all values that were put are done with.
    WaitDone { channel: HandleKey, timeout: Option<f64> },
    /// A queue's handle that may only put, or only take.
    Restrict { channel: HandleKey, role: u8 },
    /// Takes a lock or a permit; with `try_` gives whether it was free.
    Acquire { lock: HandleKey, try_: bool, timeout: Option<f64> },
    /// Gives a lock or a permit back.
    Release { lock: HandleKey },
    /// Whether this process holds the lock.
    Held { lock: HandleKey },
    /// Sets or clears an event.
    SetEvent { event: HandleKey, set: bool },
    /// Whether an event is set.
    IsSet { event: HandleKey },
    /// Waits for an event, a barrier, a condition, a turn.
    Await { object: HandleKey, timeout: Option<f64> },
    /// Nobody passes a barrier any more.
    Abort { barrier: HandleKey },
    /// Tells so many that wait for a condition.
    Notify { condition: HandleKey, count: u64 },
    /// Begins a scope: what is spawned until its end is joined there. `wait`: a failure lets the others go on first.
    ScopeEnter { limit: Option<u64>, timeout: Option<f64>, wait: bool },
    /// Ends the innermost scope, whose block raised `error` or null. An answer that is no error lets that go on.
    ScopeLeave { error: Value },
    /// Begins or ends `with` on a value.
    Enter { value: Value },
    /// Ends `with`; `raised` when an error leaves the block.
    Leave { value: Value, raised: bool },
    /// A cell of common memory with this value.
    Shared { value: Value },
    /// The value of a cell.
    SharedGet { cell: HandleKey },
    /// The value of a cell that this process has in `with`, to change it and give it back with `SharedPut`.
    SharedTake { cell: HandleKey },
    /// Stores a value in a cell.
    SharedSet { cell: HandleKey, value: Value },
    /// Gives back what `SharedTake` took, changed.
    SharedPut { cell: HandleKey, value: Value },
    /// Numbers in common memory: so many zeros, or those of an array.
    SharedNumbers { floats: bool, length: usize, array: Option<Value> },
    /// The same memory as numbers have, from `start` up to `end`.
    View { numbers: HandleKey, start: usize, end: usize },
    /// `object[key] = value` of a shared object.
    SetItem { object: Value, key: Value, value: Value },
    /// A shared map without entries.
    SharedMap,
    /// A shared list without items.
    SharedList,
    /// `object[key]` of a shared map or list; the default, or an error, when it is not there.
    GetItem { object: HandleKey, key: Value, default: Option<Value> },
    /// `item in object`
    ContainsItem { object: HandleKey, item: Value },
    /// Removes a key or index and gives its value; the default, or an error, when it is not there.
    RemoveItem { object: HandleKey, key: Value, default: Option<Value> },
    /// Puts an item into a shared list before an index, which clamps.
    InsertItem { object: HandleKey, index: i64, value: Value },
    /// How many entries or items there are.
    ItemCount { object: HandleKey },
    /// Removes all.
    ClearItems { object: HandleKey },
    /// What is in a shared map or list at one moment.
    Items { object: HandleKey, what: Snapshot },
    /// Adds to one of the numbers.
    AddItem { object: Value, index: usize, number: Value },
    /// Adds a number to a cell's value.
    SharedAdd { cell: HandleKey, number: Value },
    /// Waits for one of the arms: a list of the number of the arm, its value and the index of its channel.
    Select(Box<Select>),
    /// A signal came: lets the world act on it.
    Interrupted,
}

impl Op {
    /// What it asks for in short, with the object and the value that is sent, if the world may do that in one step: how
    /// long it may wait does not matter then.
    pub fn quick(&self) -> Option<(Quick, HandleKey, &Value)> {
        Some(match self {
            Op::Send { channel, value, try_: false, .. } => (Quick::Send, *channel, value),
            Op::Send { channel, value, try_: true, .. } => (Quick::TrySend, *channel, value),
            Op::Receive { channel, .. } | Op::TryReceive { channel, .. } => (Quick::Receive, *channel, &Value::Null),
            Op::Acquire { lock, try_: false, .. } => (Quick::Acquire, *lock, &Value::Null),
            Op::Acquire { lock, try_: true, .. } => (Quick::TryAcquire, *lock, &Value::Null),
            Op::Release { lock } => (Quick::Release, *lock, &Value::Null),
            _ => return None,
        })
    }
}

/// What processes synchronise with.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug)]
pub enum Synchronizer {
    Lock,
    RLock,
    RwLock,
    Semaphore { permits: u64, bounded: bool },
    Event,
    Barrier { parties: u64 },
    Condition { lock: HandleKey },
    Rate { turns: u64, per: f64 },
}

/// What a `select` waits for.
#[derive(Clone)]
pub struct Select {
    /// The things.
    pub arms: Vec<SelectArm>,
    /// How long.
    pub limit: SelectLimit,
    /// The arm for when all channels have ended.
    pub closed: Option<usize>,
}

/// One thing that a `select` waits for.
#[derive(Clone)]
pub struct SelectArm {
    /// The number of the arm that it belongs to.
    pub number: usize,
    /// Its place among the arm's channels.
    pub index: usize,
    /// The thing.
    pub event: SelectEvent,
}

/// What a `select` may wait for.
#[derive(Clone)]
pub enum SelectEvent {
    /// A value from a channel.
    Receive(HandleKey),
    /// Room in a channel for a value.
    Put(HandleKey, Value),
    /// The end of a process.
    Done(HandleKey),
}

/// How long a `select` waits, and the arm for when that has passed.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum SelectLimit {
    Forever,
    Seconds(f64, usize),
    Never(usize),
}
