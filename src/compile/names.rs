//! What the resolver finds out about names, for the code generator.

use crate::source::Span;
use crate::syntax::ast::Function;
use rustc_hash::FxHashSet as HashSet;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// Number of a variable, function or module name.
pub type VarId = usize;
/// Number of a function; 0 is the module's own code.
pub type FnId = usize;

/// What a declared name is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VarKind {
    /// `let`
    Let,
    /// The name of a loop, a pattern of `match`, `catch` or `with`.
    Bound,
    /// `var`
    Var,
    /// A parameter that cannot change.
    Param,
    /// `fn`
    Fn(FnId),
    /// A module that was imported, by its number among those loaded.
    Module(usize),
    /// A value imported from a module, in this global.
    Imported(u32),
    /// A function imported from a module.
    ImportedFn(u32),
}

/// A declared name.
#[derive(Debug)]
pub struct Var {
    /// The name.
    pub name: Rc<str>,
    /// Where it is declared.
    pub span: Span,
    /// The function whose variable it is.
    pub owner: FnId,
    /// What it is.
    pub kind: VarKind,
    /// It lives in a global of the program rather than in a register.
    pub global: Option<u32>,
}

/// A function.
pub struct FnInfo {
    /// Its tree; none for the module's own code.
    pub function: Option<Rc<Function>>,
    /// The function around it.
    pub parent: FnId,
    /// A closure or spawned block: may copy outer `var`s.
    pub closure: bool,
    /// The outer variables it needs, its own mentions and those of the functions it mentions.
    pub captures: Vec<VarId>,
    /// Functions it mentions.
    pub mentions: HashSet<FnId>,
    /// Globals it mentions.
    pub globals: HashSet<u32>,
}

/// What a mentioned name means.
#[derive(Clone, Debug)]
pub enum Use {
    /// A declared name of this text.
    Var(VarId),
    /// A global of the program.
    Global {
        /// Its number.
        index: u32,
        /// It is a `var` of an earlier entry.
        mutable: bool,
    },
    /// A function of the program.
    Proto(u32),
    /// A library function.
    Native(u16),
    /// A library value with this name: `stdin`.
    Constant(Box<Rc<str>>),
    /// A library function that the mere name calls: `args`.
    Mention(u16),
}

/// What is known of places in a text, or of what was made in the order of the text.
pub type ByPlace<K, V> = HashMap<K, V, BuildHasherDefault<Near>>;

/// Hashes numbers so that neighbours stay near each other: a long text is walked through from its start to its end, and
/// its tables are larger than the caches.
#[derive(Default)]
pub struct Near(u64);

impl Hasher for Near {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0 << 8 | u64::from(byte));
    }

    fn write_u32(&mut self, place: u32) {
        self.0 = u64::from(place);
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = address as u64;
    }

    /// The low bits tell a table where to look; by the seven highest ones it knows which entries there to look at.
    fn finish(&self) -> u64 {
        const TOP: u64 = !0 << 57;
        // An odd number whose bits are those of the golden ratio (Knuth, The Art of Computer Programming 3, 6.4).
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        self.0 >> 2 & !TOP | self.0.wrapping_mul(SPREAD) & TOP
    }
}

/// All names of one text.
#[derive(Default)]
pub struct Names {
    /// Declared names.
    pub vars: Vec<Var>,
    /// Functions; the first is the module's own code.
    pub fns: Vec<FnInfo>,
    /// The variable declared at a byte offset.
    pub decls: ByPlace<u32, VarId>,
    /// The meaning of the name at a byte offset.
    pub uses: ByPlace<u32, Use>,
    /// The number of each function, by the address of its tree.
    pub functions: ByPlace<*const Function, FnId>,
    /// The places `cell.value` whose parts may be changed, by their spans: where the cell is in `with`, or where they may
    /// be parts of a variable.
    pub cells: HashSet<Span>,
    /// Library functions written in the language that may be called.
    pub scripts: HashSet<u16>,
}
