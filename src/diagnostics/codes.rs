//! Every code that a diagnostic may carry, with its title.

/// Code and title, in the order of the codes.
///
/// `E01xx` syntax, `E02xx` names and meaning, `E03xx` the script's file, `Rxxxx` one per error kind, `W0xxx` warnings.
pub const CODES: &[(&str, &str)] = &[
    ("E0101", "unexpected word or sign"),
    ("E0102", "bracket without its partner"),
    ("E0103", "string that does not end"),
    ("E0104", "nesting too deep"),
    ("E0105", "unknown escape in a string"),
    ("E0106", "malformed number"),
    ("E0107", "word or sign from another language"),
    ("E0108", "character that cannot stand in a script"),
    ("E0109", "operators that need parentheses"),
    ("E0110", "place that cannot be assigned to"),
    ("E0111", "form or order that is not allowed"),
    ("E0201", "unknown name"),
    ("E0202", "assignment to a fixed name"),
    ("E0203", "outer variable used in a function"),
    ("E0204", "unknown type after `is`"),
    ("E0205", "`break`, `continue` or `return` out of place"),
    ("E0206", "name given twice"),
    ("E0207", "import that cannot be done"),
    ("E0208", "function too large"),
    ("E0209", "not built yet"),
    ("E0210", "update of shared state that could be lost"),
    ("E0301", "script that cannot be read"),
    ("E0302", "script that is not UTF-8"),
    ("E0303", "directory in place of a script"),
    ("R0001", "value of the wrong type"),
    ("R0002", "unsuitable value"),
    ("R0003", "index out of range"),
    ("R0004", "missing key"),
    ("R0005", "name used before it has a value"),
    ("R0006", "wrong arguments"),
    ("R0007", "division by zero"),
    ("R0008", "number too large"),
    ("R0009", "recursion too deep"),
    ("R0010", "failed assertion"),
    ("R0011", "input or output that failed"),
    ("R0012", "text that cannot be read as a value"),
    ("R0013", "closed channel"),
    ("R0014", "time-out"),
    ("R0015", "deadlock"),
    ("R0016", "process that failed"),
    ("R0017", "process that was killed"),
    ("R0018", "cancelled"),
    ("R0019", "limit reached"),
    ("R0020", "error thrown by the script"),
    ("W0102", "variable shadowed only to compute itself"),
    ("W0301", "message that nobody took"),
    ("W0302", "lock of a process that ended"),
];

/// The title of a code.
pub fn title(code: &str) -> Option<&'static str> {
    CODES.binary_search_by_key(&code, |&(known, _)| known).ok().map(|at| CODES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_and_well_formed() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, title) in CODES {
            assert!(code.len() == 5 && code[1..].bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            assert!(matches!(code.as_bytes()[0], b'E' | b'R' | b'W'), "{code}");
            assert!(!title.is_empty());
        }
    }

    #[test]
    fn titles_are_found() {
        assert!(CODES.iter().all(|&(code, known)| title(code) == Some(known)));
        assert_eq!(title("no code"), None);
    }
}
