//! Errors on their way through the machine.

use super::value::{ErrorValue, Ref, Site, Value};
use crate::source::Place;

/// How many steps of a trace are kept.
pub const MAX_TRACE: usize = 40;

/// The kinds of error that the language raises itself.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Type,
    Value,
    Index,
    Key,
    Name,
    Arity,
    ZeroDivision,
    Overflow,
    Stack,
    Assert,
    Io,
    Parse,
    Closed,
    Timeout,
    Deadlock,
    ProcessFailed,
    ProcessKilled,
    Cancelled,
    Limit,
    User,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 20] = [
        Kind::Type,
        Kind::Value,
        Kind::Index,
        Kind::Key,
        Kind::Name,
        Kind::Arity,
        Kind::ZeroDivision,
        Kind::Overflow,
        Kind::Stack,
        Kind::Assert,
        Kind::Io,
        Kind::Parse,
        Kind::Closed,
        Kind::Timeout,
        Kind::Deadlock,
        Kind::ProcessFailed,
        Kind::ProcessKilled,
        Kind::Cancelled,
        Kind::Limit,
        Kind::User,
    ];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Type => "type",
            Kind::Value => "value",
            Kind::Index => "index",
            Kind::Key => "key",
            Kind::Name => "name",
            Kind::Arity => "arity",
            Kind::ZeroDivision => "zero_division",
            Kind::Overflow => "overflow",
            Kind::Stack => "stack",
            Kind::Assert => "assert",
            Kind::Io => "io",
            Kind::Parse => "parse",
            Kind::Closed => "closed",
            Kind::Timeout => "timeout",
            Kind::Deadlock => "deadlock",
            Kind::ProcessFailed => "process_failed",
            Kind::ProcessKilled => "process_killed",
            Kind::Cancelled => "cancelled",
            Kind::Limit => "limit",
            Kind::User => "user",
        }
    }

    /// The code of diagnostics for uncaught errors of this kind.
    pub fn code(name: &str) -> &'static str {
        const CODES: [&str; 20] = [
            "R0001", "R0002", "R0003", "R0004", "R0005", "R0006", "R0007", "R0008", "R0009", "R0010", "R0011", "R0012",
            "R0013", "R0014", "R0015", "R0016", "R0017", "R0018", "R0019", "R0020",
        ];
        Kind::ALL.iter().position(|kind| kind.name() == name).map_or("R0020", |at| CODES[at])
    }
}

/// An error that is being raised.
#[derive(Clone)]
pub struct Fault(pub Ref<ErrorValue>);

impl Fault {
    /// An error of this kind.
    #[cold]
    pub fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault::from_error(ErrorValue {
            kind: Value::from(kind.name()),
            message: Value::str(message),
            data: Value::Null,
            trace: Vec::new(),
            related: Vec::new(),
            process: Value::Null,
            process_name: Value::Null,
            cause: Value::Null,
            help: None,
            exit: None,
            at: 0,
        })
    }

    /// Raises this error.
    pub fn from_error(error: ErrorValue) -> Fault {
        Fault(Ref::new(error))
    }

    /// A wrong type.
    #[cold]
    pub fn type_error(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Type, message)
    }

    /// A wrong value of the right type.
    #[cold]
    pub fn value_error(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Value, message)
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Fault {
        let text = text.into().into_boxed_str();
        self.change(|error| error.help = Some(text));
        self
    }

    /// Adds data.
    #[must_use]
    pub fn data(mut self, data: Value) -> Fault {
        self.change(|error| error.data = data);
        self
    }

    /// Changes the error, in place when nobody else has it.
    pub fn change(&mut self, change: impl FnOnce(&mut ErrorValue)) {
        change(self.0.make_mut());
    }

    /// Adds a step to the trace.
    pub fn add_site(&mut self, site: Site) {
        self.change(|error| {
            if error.trace.len() < MAX_TRACE {
                error.trace.push(site);
            }
        });
    }

    /// The error leaves a process that was spawned at this place.
    #[must_use]
    pub fn spawned_at(mut self, place: Place) -> Fault {
        self.change(|error| {
            // It is told even when there are too many calls to tell of.
            if error.trace.len() < 2 * MAX_TRACE {
                error.trace.push(Site { place, function: "".into(), spawn: true });
            }
        });
        self
    }

    /// Takes note of the error during whose handling this one was raised. One that has a cause already keeps it, and an
    /// error is not its own cause.
    pub fn caused_by(&mut self, caught: &Ref<ErrorValue>) {
        if self.0.cause.is_null() && self.0.exit.is_none() && !self.0.same(caught) && !is_caused_by(caught, &self.0) {
            let caught = Value::Error(caught.clone());
            self.change(|error| error.cause = caught);
        }
    }

    /// The error came while `finally` or `with` cleared up after something that goes on in its place.
    #[must_use]
    pub fn while_ending(self) -> Fault {
        match self.0.help {
            Some(_) => self,
            None => {
                self.help("`finally` and `with` were clearing up after a stop, which goes on; catch the error there")
            }
        }
    }

    /// Whether the error is of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.0.kind.as_str() == Some(kind.name())
    }
}

/// The error of a failed `assert(a == b, message)`.
#[cold]
pub fn assert_failed(symbol: &str, a: &str, b: &str, message: Option<String>) -> Fault {
    let (a, b) = (shortened(a), shortened(b));
    let fact = format!("{a} {symbol} {b} does not hold");
    Fault::new(
        Kind::Assert,
        match message {
            Some(message) => format!("{message}: {fact}"),
            None => fact,
        },
    )
}

/// A text that may be long, in a message.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    if text.chars().count() <= MOST {
        return text.to_string();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

/// Whether an error stands in the chain of causes of another, so that making it their effect would close a circle.
fn is_caused_by(error: &Ref<ErrorValue>, sought: &Ref<ErrorValue>) -> bool {
    let mut at = &error.cause;
    while let Value::Error(cause) = at {
        if cause.same(sought) {
            return true;
        }
        at = &cause.cause;
    }
    false
}
