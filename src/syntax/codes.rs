//! The codes of what the parser reports.

/// Something that cannot stand where it stands, or is missing.
pub(super) const UNEXPECTED: &str = "E0101";
/// A bracket that is not closed, not opened, or closed by another.
pub(super) const BRACKET: &str = "E0102";
/// A string that is not closed.
pub(super) const TEXT: &str = "E0103";
/// Nested too deep.
pub(super) const NESTING: &str = "E0104";
/// An escape or character that cannot stand in a string.
pub(super) const ESCAPE: &str = "E0105";
/// A number that is none.
pub(super) const NUMBER: &str = "E0106";
/// A word or sign of another language.
pub(super) const FOREIGN: &str = "E0107";
/// A character that cannot stand in a script.
pub(super) const CHARACTER: &str = "E0108";
/// Operators that do not go together without parentheses.
pub(super) const OPERATORS: &str = "E0109";
/// A place that cannot be assigned to.
pub(super) const TARGET: &str = "E0110";
/// Parameters, arguments or keys in a form or order that is not allowed.
pub(super) const FORM: &str = "E0111";
