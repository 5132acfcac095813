//! The types of the language, as `is` and `type()` name them.

use super::value::Value;

macro_rules! types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// A type of value.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Type {
            $($(#[$doc])* #[allow(missing_docs)] $variant,)*
        }

        impl Type {
            /// All types.
            pub const ALL: &'static [Type] = &[$(Type::$variant),*];

            /// The name in scripts.
            pub fn name(self) -> &'static str {
                match self {
                    $(Type::$variant => $name,)*
                }
            }
        }
    };
}

types! {
    Null = "null",
    Bool = "bool",
    Int = "int",
    Float = "float",
    Str = "str",
    Bytes = "bytes",
    List = "list",
    Map = "map",
    Set = "set",
    Range = "range",
    Function = "function",
    Array = "array",
    Error = "error",
    Stream = "stream",
    Process = "process",
    Pipe = "pipe",
    Queue = "queue",
    Lock = "lock",
    RLock = "rlock",
    RwLock = "rwlock",
    Semaphore = "semaphore",
    Event = "event",
    Barrier = "barrier",
    Condition = "condition",
    Rate = "rate",
    File = "file",
    Shared = "shared",
    SharedMap = "shared_map",
    SharedList = "shared_list",
    SharedInts = "shared_ints",
    SharedFloats = "shared_floats",
    /// Anything but handles and streams: only right of `is`.
    Data = "data",
    /// Any handle: only right of `is`.
    Handle = "handle",
}

impl Type {
    /// The type with this name.
    pub fn named(name: &str) -> Option<Type> {
        Type::ALL.iter().copied().find(|t| t.name() == name)
    }

    /// Whether values of this type are handles whose items are in common memory.
    pub fn is_shared(self) -> bool {
        matches!(self, Type::SharedMap | Type::SharedList | Type::SharedInts | Type::SharedFloats)
    }

    /// Whether the value is of this type.
    #[inline]
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Type::Handle => matches!(value, Value::Handle(_)),
            Type::Data => !matches!(value, Value::Handle(_) | Value::Stream(_) | Value::Undefined),
            plain => value.type_of() == plain,
        }
    }
}

/// `a list`, `an int`.
pub fn with_article(name: &str) -> String {
    match name.as_bytes().first() {
        _ if name == "null" => name.to_string(),
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => format!("an {name}"),
        _ => format!("a {name}"),
    }
}
