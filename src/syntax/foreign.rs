//! Words and signs of other languages, and what mplang has instead.

/// What is said about a word that other languages have and mplang has not, when it is used as a keyword.
const KEYWORDS: &[(&str, &str)] = &[
    ("elif", "write `else if`"),
    ("elseif", "write `else if`"),
    ("elsif", "write `else if`"),
    ("def", "a function is defined with `fn`: `fn f(x) { … }`"),
    ("function", "a function is defined with `fn`: `fn f(x) { … }`; without a name: `|x| …` or `fn(x) { … }`"),
    ("func", "a function is defined with `fn`: `fn f(x) { … }`"),
    ("fun", "a function is defined with `fn`: `fn f(x) { … }`"),
    ("sub", "a function is defined with `fn`: `fn f(x) { … }`"),
    ("proc", "a function is defined with `fn`: `fn f(x) { … }`"),
    ("lambda", "a function without a name is written `|x| x + 1`"),
    ("switch", "write `match v { 1 => …, _ => … }`"),
    ("case", "an arm of `match` is written `pattern => value`"),
    ("default", "the arm for all the rest is written `_ => value`"),
    ("except", "errors are caught with `catch`: `try { … } catch e { … }`"),
    ("rescue", "errors are caught with `catch`: `try { … } catch e { … }`"),
    ("ensure", "what runs in any case stands in `finally { … }`"),
    ("raise", "errors are thrown with `throw`: `throw error(\"kind\", \"text\")`"),
    ("const", "a fixed name is made with `let`"),
    ("final", "a fixed name is made with `let`"),
    ("local", "names are local to their block: use `let` or `var`"),
    ("my", "names are local to their block: use `let` or `var`"),
    ("foreach", "write `for x in xs { … }`"),
    ("unless", "write `if not …`"),
    ("until", "write `while not …`"),
    ("do", "a block stands in `{ }`; what runs at least once is `loop { … if done { break } }`"),
    ("then", "a block stands in `{ }`: `if c { … }`"),
    ("begin", "a block stands in `{ }`"),
    ("end", "a block stands in `{ }`"),
    ("fi", "a block stands in `{ }`"),
    ("done", "a block stands in `{ }`"),
    ("async", "there are processes instead: `let p = spawn f(x)`, then `join(p)`"),
    ("await", "wait for a process with `join(p)`"),
    ("go", "start a process with `spawn f(x)`"),
    ("yield", "a function gives one result; send values through a `queue()` or return a list"),
    ("class", "there are no classes: a map holds named values, functions work on it"),
    ("struct", "there are no structs: a map holds named values: `{name: \"Ann\"}`"),
    ("new", "there are no classes: call the function that makes the value"),
    ("del", "remove a key with `m.remove(key)`; a name ends with its block"),
    ("delete", "remove a key with `m.remove(key)`; a name ends with its block"),
    ("global", "a function sees fixed names around it; give what changes as a parameter or use `shared(…)`"),
    ("nonlocal", "a function sees fixed names around it; give what changes as a parameter or use `shared(…)`"),
    ("mut", "a name that may change is made with `var`"),
    ("pass", "an empty block is `{ }`"),
    ("println", "call `print(…)`"),
    ("echo", "call `print(…)`"),
    ("puts", "call `print(…)`"),
    ("typeof", "test a type with `x is str`, or call `type(x)`"),
    ("instanceof", "test a type with `x is str`"),
    ("isinstance", "test a type with `x is str`"),
    ("export", "names that do not start with `_` can be imported"),
    ("require", "write `import \"./file.mp\" as name`"),
    ("include", "write `import \"./file.mp\" as name`"),
    ("use", "write `import \"./file.mp\" as name`"),
];

/// Words of other languages that stand for values.
const VALUES: &[(&str, &str)] = &[
    ("None", "write `null`"),
    ("nil", "write `null`"),
    ("NULL", "write `null`"),
    ("Null", "write `null`"),
    ("undefined", "write `null`"),
    ("True", "write `true`"),
    ("TRUE", "write `true`"),
    ("False", "write `false`"),
    ("FALSE", "write `false`"),
    ("Infinity", "write `inf`"),
    ("NaN", "write `nan`"),
    ("self", "there are no classes: a function gets what it works on as a parameter"),
    ("this", "there are no classes: a function gets what it works on as a parameter"),
    ("argv", "the arguments of the script are in `args`"),
];

/// Signs of other languages.
const SIGNS: &[(&str, &str)] = &[
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("!", "write `not`; unequal is `!=`"),
    ("===", "write `==`: it never converts"),
    ("!==", "write `!=`: it never converts"),
    ("<>", "unequal is `!=`"),
    ("++", "write `x += 1`"),
    ("--", "write `x -= 1`"),
    (
        "->",
        "the result of a function is not declared; an arm of `match` and `select` is written with `=>`, a field with `.`",
    ),
    ("?", "write `if c { a } else { b }`; for a default value `x ?? other`"),
    (":=", "write `let x = …`, or `x = …` to change a `var`"),
    ("::", "a name of a module is reached with `.`"),
    ("$", "names are written without `$`; values stand in f-strings: `f\"{x}\"`"),
    ("@", "there are no decorators: call the function, `let f = memo(f)`"),
    ("`", "strings stand between `\"` or `'`; values stand in f-strings: `f\"{x}\"`"),
    ("\\", "a line goes on after an operator or a comma, or inside `( )`; no `\\` is needed"),
    ("/*", "a comment starts with `#` and ends with the line"),
];

fn find(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|entry| entry.0 == word).map(|entry| entry.1)
}

/// What mplang has instead of a word of another language: for a name that is not known.
pub fn foreign_word(word: &str) -> Option<&'static str> {
    find(VALUES, word).or_else(|| find(KEYWORDS, word))
}

pub(super) fn foreign_sign(sign: &str) -> Option<&'static str> {
    find(SIGNS, sign)
}
