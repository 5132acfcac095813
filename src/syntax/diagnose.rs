//! From the place where the parser got no further to a sentence that helps.

use super::codes;
use super::foreign::{foreign_sign, foreign_word};
use super::recover::{Placed, first_of_statement};
use super::tokens::{Kind, Token};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Place, Span};

/// The error at the token `index`, which could not be read.
pub(super) fn diagnose(file: FileId, text: &str, tokens: &[Placed], index: usize) -> Diagnostic {
    let first = first_of_statement(tokens, index, usize::MAX);
    let mut view = View { file, text, tokens, index, first };
    // A keyword in the place of a name: the parser looked behind it to see that it is one.
    let name_wanted = index >= first + 2
        && match (view.word(index - 2), view.word(first)) {
            ("let" | "var" | "as" | "for" | "fn", _) => true,
            ("," | "(", "fn") => true,
            (",", "let" | "var" | "for") => {
                !view.line_words().any(|word| matches!(word, "=" | "in")) || view.word(index - 1) == "in"
            }
            _ => false,
        };
    if name_wanted && view.token(index - 1).kind == Kind::Word && super::is_keyword(view.word(index - 1)) {
        view.index -= 1;
    }
    view.statement_in_map().or_else(|| view.foreign()).or_else(|| view.construct()).unwrap_or_else(|| view.plain())
}

/// The tokens around an error.
struct View<'a> {
    file: FileId,
    text: &'a str,
    tokens: &'a [Placed],
    /// The token that could not be read.
    index: usize,
    /// The first token of its statement.
    first: usize,
}

/// Words after which a block follows at the end of a line.
const BLOCK_WORDS: &[&str] = &[
    "if", "else", "while", "for", "loop", "fn", "try", "catch", "finally", "with", "match", "select", "scope",
    "parallel", "def", "elif", "class", "spawn",
];

/// Operators that put a value into a place.
const ASSIGNMENTS: &[&str] = &["=", "+=", "-=", "*=", "/=", "//=", "%=", "**=", "??=", "&=", "|=", "^=", "<<=", ">>="];

/// Words of other languages that are recognised within a statement too.
const FOREIGN_ANYWHERE: &[&str] = &[
    "elif",
    "elseif",
    "elsif",
    "lambda",
    "def",
    "function",
    "func",
    "except",
    "raise",
    "async",
    "await",
    "instanceof",
    "typeof",
    "foreach",
    "switch",
    "None",
    "True",
    "False",
    "undefined",
    "nil",
];

impl<'a> View<'a> {
    fn token(&self, index: usize) -> Token {
        self.tokens[index].token
    }

    fn word(&self, index: usize) -> &'a str {
        self.token(index).text(self.text)
    }

    fn found(&self) -> &'a str {
        self.word(self.index)
    }

    fn kind(&self) -> Kind {
        self.token(self.index).kind
    }

    /// The token before the error, in the same statement.
    fn before(&self) -> Option<usize> {
        (self.index > self.first).then(|| self.index - 1)
    }

    fn before_word(&self) -> &'a str {
        self.before().map_or("", |at| self.word(at))
    }

    /// Whether a value can end with this token.
    fn ends_value(&self, at: usize) -> bool {
        let word = self.word(at);
        match self.token(at).kind {
            Kind::Number | Kind::Text | Kind::Close => true,
            Kind::Word => {
                let constant = matches!(word, "null" | "true" | "false" | "inf" | "nan" | "break" | "continue");
                let field = at > 0 && matches!(self.word(at - 1), "." | "?.");
                constant || field || !super::is_keyword(word)
            }
            _ => false,
        }
    }

    fn starts_value(&self) -> bool {
        let other = matches!(self.found(), "and" | "or" | "in" | "is" | "as" | "else" | "catch" | "finally" | "import");
        match self.kind() {
            Kind::Number | Kind::Text | Kind::TextPart => !self.found().starts_with(['}', ':']),
            Kind::Word => !other,
            Kind::Open => true,
            _ => false,
        }
    }

    /// The bracket that the error stands in, if it is not a block or map.
    fn bracket(&self) -> Option<usize> {
        let level = self.tokens[self.index.checked_sub(1)?].depth;
        if level == 0 {
            return None;
        }
        let outer = (0..self.index).rev().find(|&at| self.tokens[at].depth < level);
        Some(outer.map_or(0, |at| at + 1))
    }

    /// The words of the statement before the error that stand in no bracket of their own.
    fn line_words(&self) -> impl Iterator<Item = &'a str> {
        let level = self.first.checked_sub(1).map_or(0, |at| self.tokens[at].depth);
        (self.first..self.index).filter(move |&at| self.tokens[at].depth == level).map(|at| self.word(at))
    }

    fn place(&self, at: usize) -> Place {
        let token = self.token(at);
        let mut span = token.span();
        match token.kind {
            // A newline has no width to see.
            Kind::Newline => span.end = span.start,
            Kind::Text | Kind::TextPart => span.end = self.first_line_end(span),
            _ => {}
        }
        Place { file: self.file, span }
    }

    fn first_line_end(&self, span: Span) -> u32 {
        let text = &self.text[span.start as usize..span.end as usize];
        span.start + text.find('\n').unwrap_or(text.len()) as u32
    }

    fn error(&self, code: &'static str, message: impl Into<String>, at: usize, label: &str) -> Diagnostic {
        Diagnostic::error(code, message, self.place(at), label)
    }

    fn unexpected(&self, help: &str) -> Diagnostic {
        let message = format!("unexpected {}", self.shown(self.index));
        self.error(codes::UNEXPECTED, message, self.index, "not expected here").help(help)
    }

    /// A token as messages write it.
    fn shown(&self, at: usize) -> String {
        let word = self.word(at);
        match self.token(at).kind {
            Kind::End => "end of the text".into(),
            Kind::Newline => "end of the line".into(),
            Kind::Text | Kind::TextPart if word.len() > 20 || word.contains('\n') => "string".into(),
            Kind::Other if word.chars().all(|c| c.is_control() || c.is_whitespace()) => {
                format!("character U+{:04X}", word.chars().next().map_or(0, |c| c as u32))
            }
            _ => format!("`{word}`"),
        }
    }

    /// What stands before the parentheses that end just before the error.
    fn called(&self) -> Option<usize> {
        let close = self.before().filter(|&at| self.word(at) == ")")?;
        let level = self.tokens[close].depth;
        let open = (0..close).rev().find(|&at| self.tokens[at].depth <= level)?;
        // `open` is the token before the bracket.
        Some(open)
    }

    /// Whether this `{` opens a map: a value is wanted there.
    fn opens_map(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let word = self.word(before);
        match self.token(before).kind {
            Kind::Op => !matches!(word, "=>" | "|" | "||" | ";"),
            Kind::Open => word != "{",
            Kind::Word => matches!(word, "return" | "throw" | "in" | "and" | "or" | "not"),
            Kind::TextPart => true,
            _ => false,
        }
    }

    /// Whether this `{` opens the arms of a `match` or `select`.
    fn opens_arms(&self, at: usize) -> bool {
        let first = first_of_statement(self.tokens, at, usize::MAX);
        (first..at).any(|at| matches!(self.word(at), "match" | "select"))
    }

    // --- words and signs of other languages ---

    fn foreign(&self) -> Option<Diagnostic> {
        let found = self.found();
        let before = self.before_word();
        let sign = |at: usize| {
            let word = self.word(at);
            let comment = word == "/" && at + 1 < self.tokens.len() && self.word(at + 1).starts_with('*');
            let sign = if comment { "/*" } else { word };
            let kind = self.token(at).kind;
            foreign_sign(sign).filter(|_| matches!(kind, Kind::Op | Kind::Other)).map(|help| (sign, help))
        };
        if found == "//" && self.before().is_none() {
            let error = self.error(codes::FOREIGN, "`//` divides and rounds down", self.index, "no value before it");
            return Some(error.help("a comment starts with `#`"));
        }
        let at_sign = [Some(self.index), self.before()].into_iter().flatten().find_map(|at| Some((at, sign(at)?)));
        if let Some((at, (sign, help))) = at_sign {
            let message = format!("`{sign}` is not mplang");
            return Some(self.error(codes::FOREIGN, message, at, "not known here").help(help));
        }
        if let Some(c) = found.chars().next().filter(|_| self.kind() == Kind::Other) {
            let help = match c {
                '“' | '”' | '„' | '‘' | '’' | '«' | '»' => "strings stand between `\"` or `'`",
                '–' | '—' | '−' => "a minus sign is written `-`",
                '×' | '·' => "times is written `*`",
                '÷' => "divided by is written `/`",
                '≠' => "unequal is written `!=`",
                '≤' => "at most is written `<=`",
                '≥' => "at least is written `>=`",
                '…' => "write three dots: `...`",
                '，' => "write a plain comma",
                '\u{a0}' | '\u{feff}' | '\u{200b}' | '\u{3000}' => "an invisible character: replace it by a space",
                _ => "it has no meaning outside strings and comments",
            };
            let message = format!("unexpected {}", self.shown(self.index));
            return Some(self.error(codes::CHARACTER, message, self.index, "cannot stand here").help(help));
        }
        if found == "if" && self.before().is_some_and(|at| self.ends_value(at)) {
            let error = self.error(codes::FOREIGN, "`if` behind a value", self.index, "the condition comes first");
            return Some(error.help("write `if c { a } else { b }`"));
        }
        // A foreign keyword starts the statement, or stands just before or at the error.
        let mut candidates = vec![self.first, self.index];
        candidates.extend(self.before());
        for at in candidates {
            let word = self.word(at);
            let field = at > 0 && matches!(self.word(at - 1), "." | "?.");
            let strong = FOREIGN_ANYWHERE.contains(&word) || matches!(word, "then" | "do" if at == self.index);
            // A name of the user's is used like one.
            let used = at + 1 < self.tokens.len() && matches!(self.word(at + 1), "." | "(" | "[" | "=" | ",");
            let used = used
                && !matches!(word, "function" | "lambda" | "def" | "elif" | "elseif" | "elsif" | "switch" | "foreach");
            let keyword = self.token(at).kind == Kind::Word && !field && !used && (strong || at == self.first);
            if let Some(help) = foreign_word(word).filter(|_| keyword) {
                let message = format!("`{word}` is not mplang");
                return Some(self.error(codes::FOREIGN, message, at, "a word of other languages").help(help));
            }
        }
        if found == "=>" {
            let message = "`=>` outside `match` and `select`";
            let error = self.error(codes::FOREIGN, message, self.index, "not expected here");
            return Some(error.help("a function without a name is written `|x| x + 1`"));
        }
        if let Some(called) = self.called().filter(|&at| found == "{" && FOREIGN_ANYWHERE.contains(&self.word(at))) {
            let word = self.word(called);
            let error =
                self.error(codes::FOREIGN, format!("`{word}` is not mplang"), called, "a word of other languages");
            return Some(error.help(foreign_word(word).unwrap_or_default()));
        }
        if before == "print" && self.starts_value() {
            let error = self.error(codes::FOREIGN, "`print` is a function", self.index, "its arguments stand in `( )`");
            return Some(error.help("write `print(…)`"));
        }
        None
    }

    // --- what goes wrong in the constructs of the language ---

    /// `let a = { let b = 1; b }`: the `{` after `=` opens a map.
    fn statement_in_map(&self) -> Option<Diagnostic> {
        let before = self.before()?;
        let statement = |at: usize| matches!(self.word(at), "let" | "var" | "if" | "for" | "while" | "loop" | "return");
        let word = [before, self.index].into_iter().find(|&at| statement(at) && at > 0 && self.word(at - 1) == "{")?;
        let brace = word - 1;
        if !self.opens_map(brace) {
            return None;
        }
        let message = format!("`{}` in a map", self.word(word));
        let error = self.error(codes::UNEXPECTED, message, word, "a statement, where a key is expected");
        let help = "a block cannot stand here: put its statements before, or into a function";
        Some(error.label(self.place(brace), "this `{` opens a map").help(help))
    }

    fn construct(&self) -> Option<Diagnostic> {
        self.f_string()
            .or_else(|| self.colon())
            .or_else(|| self.import())
            .or_else(|| self.name())
            .or_else(|| self.assignment())
            .or_else(|| self.block())
            .or_else(|| self.operator())
            .or_else(|| self.closure())
    }

    fn f_string(&self) -> Option<Diagnostic> {
        let at = self.before()?;
        let hole = self.token(at).kind == Kind::TextPart;
        if hole && matches!(self.kind(), Kind::Text | Kind::TextPart) && self.found().starts_with(['}', ':']) {
            let mut place = self.place(self.index);
            place.span = Span { start: self.token(at).end - 1, end: place.span.start + 1 };
            let error = Diagnostic::error(codes::UNEXPECTED, "nothing inside `{ }` of an f-string", place, "empty");
            return Some(error.help("put a value into it; a brace in the text is written `{{` or `}}`"));
        }
        None
    }

    fn colon(&self) -> Option<Diagnostic> {
        if self.found() != ":" {
            return None;
        }
        let first = self.word(self.first);
        let bracket = self.bracket().filter(|_| !self.tokens[self.index - 1].holds);
        if let Some(bracket) = bracket.filter(|&at| self.word(at) == "(") {
            let params =
                bracket > 0 && (self.word(bracket - 1) == "fn" || (bracket > 1 && self.word(bracket - 2) == "fn"));
            if params {
                return Some(self.unexpected("types are not declared; a default is written `name = value`"));
            }
            return Some(self.unexpected("a named argument is written `name = value`"));
        }
        if bracket.is_some_and(|at| self.word(at) == "[") {
            return Some(self.unexpected("a slice is written `xs[1..3]`"));
        }
        if matches!(first, "let" | "var") {
            return Some(self.unexpected("types are not declared: `let x = …`"));
        }
        if BLOCK_WORDS.contains(&first) {
            let message = "unexpected `:`";
            let error = self.error(codes::FOREIGN, message, self.index, "a block stands in `{ }`");
            return Some(error.help(format!("write `{first} … {{ … }}`")));
        }
        let in_braces = self.first > 0 && self.word(self.first - 1) == "{";
        let arms = in_braces && self.opens_arms(self.first - 1);
        if in_braces && !arms && self.index == self.first + 1 {
            let error = self.unexpected("here `{` opens a block; put a map in parentheses: `({key: value})`");
            return Some(error.label(self.place(self.first - 1), "opens a block"));
        }
        if in_braces || self.inside_braces() {
            return Some(self.unexpected("an arm of `match` and `select` is written `pattern => value`"));
        }
        None
    }

    fn inside_braces(&self) -> bool {
        self.index > 0 && self.tokens[self.index - 1].depth > 0
    }

    fn assignment(&self) -> Option<Diagnostic> {
        let found = self.found();
        if !ASSIGNMENTS.contains(&found) || self.kind() != Kind::Op {
            return None;
        }
        let at = self.before()?;
        let plain = found == "=";
        let first = self.word(self.first);
        if at == self.first && super::is_keyword(first) {
            let error = self.error(codes::UNEXPECTED, format!("`{first}` is a keyword"), at, "cannot be a name");
            return Some(error.help(format!("choose another name, such as `{first}_`")));
        }
        if first == "for" && plain {
            let error =
                self.error(codes::FOREIGN, "expected `in` and what to loop over", self.index, "not expected here");
            return Some(error.help("write `for i in 0..10 { … }`"));
        }
        let condition = matches!(first, "if" | "while" | "elif") || self.line_words().any(|word| word == "if");
        if plain && condition {
            let error = self.error(codes::FOREIGN, "`=` in a condition", self.index, "does not compare");
            return Some(error.help("write `==` to compare"));
        }
        if self.line_words().any(|word| matches!(word, "=>" | "|")) {
            let error = self.error(codes::UNEXPECTED, "an assignment is not a value", self.index, "assigns here");
            return Some(error.help("put it in a block: `{ x = 1 }`"));
        }
        if self.line_words().any(|word| ASSIGNMENTS.contains(&word)) {
            let message = "an assignment is a statement, not a value";
            let error = self.error(codes::UNEXPECTED, message, self.index, "a second assignment");
            return Some(error.help("assign one after the other; write `==` to compare"));
        }
        if !self.ends_value(at) {
            return None;
        }
        let error =
            self.error(codes::UNEXPECTED, format!("unexpected `{found}`"), self.index, "an assignment is a statement");
        Some(if self.tokens[self.index - 1].holds {
            error.help("left of `=` stands a name, a field `x.f`, an item `x[i]`, or a list of these")
        } else {
            error.help("write `==` to compare; an argument is named by a plain word: `f(name = value)`")
        })
    }

    fn import(&self) -> Option<Diagnostic> {
        let before = self.before_word();
        let first = self.word(self.first);
        if !matches!(first, "import" | "from") {
            return None;
        }
        if before == first {
            let message = format!("expected a path after `{first}`");
            let error = self.error(codes::UNEXPECTED, message, self.index, "not a str");
            let help = if first == "import" {
                "standard modules are there without import; a file is imported by `import \"./file.mp\" as name`"
            } else {
                "standard modules are there without import: `math.sqrt(x)`; a file: `from \"./file.mp\" import name`"
            };
            return Some(error.help(help));
        }
        let help = if first == "import" {
            "write `import \"./file.mp\" as name`"
        } else {
            "write `from \"./file.mp\" import a, b as c`"
        };
        let (message, at) = match (first, self.index - self.first) {
            ("import", 2) => ("expected `as` and a name after the path", self.index - 1),
            ("from", 2) => ("expected `import` and names after the path", self.index - 1),
            _ => return None,
        };
        Some(self.error(codes::UNEXPECTED, message, at, "what is it called here?").help(help))
    }

    /// `else`, `catch` or `finally` alone.
    fn without_owner(&self, at: usize) -> Diagnostic {
        let word = self.word(at);
        let owner = if word == "else" { "`if` or `try`" } else { "`try`" };
        let message = format!("`{word}` without {owner}");
        let help = match word {
            "else" => "it follows the block it belongs to: `if … { … } else { … }`",
            "catch" => "it follows the block it belongs to: `try { … } catch e { … }`",
            _ => "it follows the block it belongs to: `try { … } finally { … }`",
        };
        self.error(codes::UNEXPECTED, message, at, "nothing before it that it belongs to").help(help)
    }

    /// A block that is missing, or a word without what it belongs to.
    fn block(&self) -> Option<Diagnostic> {
        let (found, before, first) = (self.found(), self.before_word(), self.word(self.first));
        match found {
            "else" | "catch" | "finally" => {
                return Some(self.without_owner(self.index));
            }
            "(" if before == "for" => {
                return Some(self.unexpected("write `for x in xs { … }`, without parentheses"));
            }
            _ => {}
        }
        if matches!(first, "else" | "catch" | "finally") {
            return Some(self.without_owner(self.first));
        }
        if first == "fn" && found == "{" && self.index == self.first + 2 {
            let error = self.error(codes::UNEXPECTED, "expected parameters in `( )`", self.index - 1, "after this");
            return Some(error.help(format!("write `fn {before}() {{ … }}`")));
        }
        let value = before == "try" && self.starts_value();
        let wants_value = before == "else" && self.line_words().any(|word| word == "try");
        if matches!(before, "try" | "else" | "loop" | "finally") && !value && !wants_value {
            let message = format!("expected a block after `{before}`");
            return Some(self.error(codes::UNEXPECTED, message, self.index - 1, "`{ … }` is missing"));
        }
        let options = self.called().is_some_and(|at| self.word(at) == "spawn");
        if before == "spawn"
            || options
            || (first == "spawn" && self.before().is_some_and(|at| self.ends_value(at)) && found != "(")
        {
            let at = self.before()?;
            let error = self.error(codes::UNEXPECTED, "`spawn` needs a call or a block", at, "what is to run?");
            return Some(error.help("write `spawn f(x)` or `spawn { … }`"));
        }
        let opener = matches!(
            first,
            "if" | "while" | "for" | "with" | "match" | "select" | "scope" | "loop" | "try" | "parallel" | "fn"
        ) || (first == "test" && self.token(self.first + 1).kind == Kind::Text);
        let has_block = self.line_words().any(|word| word == "}");
        let ready = self.before().is_some_and(|at| self.ends_value(at));
        let in_line = self.tokens[self.index.saturating_sub(1)].holds;
        if opener
            && ready
            && in_line
            && (!has_block || matches!(self.kind(), Kind::End | Kind::Newline))
            && found != "{"
        {
            if first == "for" && !self.line_words().any(|word| word == "in") {
                let message = "expected `in` and what to loop over";
                return Some(
                    self.error(codes::UNEXPECTED, message, self.index - 1, "after this")
                        .help("write `for x in xs { … }`"),
                );
            }
            if first == "fn" {
                let params = self.line_words().any(|word| word == ")");
                let message = if params { "expected the body of the function" } else { "expected parameters in `( )`" };
                let error = self.error(codes::UNEXPECTED, message, self.index - 1, "after this");
                return Some(error.help("write `fn f(x) { … }` or `fn f(x) = value`"));
            }
            let message = format!("expected a block `{{ … }}` for this `{first}`");
            let error = self.error(codes::UNEXPECTED, message, self.index - 1, "after this");
            return Some(
                error.label(self.place(self.first), "belongs to this").help(format!("write `{first} … {{ … }}`")),
            );
        }
        None
    }

    /// A name that is missing.
    fn name(&self) -> Option<Diagnostic> {
        let (found, before, first) = (self.found(), self.before_word(), self.word(self.first));
        let keyword = self.kind() == Kind::Word && super::is_keyword(found);
        let wants_name = matches!(before, "let" | "var" | "as" | "for" | "fn" | "import")
            || (before == "," && matches!(first, "let" | "var" | "for" | "from"))
            || (keyword && first == "fn" && matches!(before, "," | "("));
        if wants_name {
            if keyword {
                let error =
                    self.error(codes::UNEXPECTED, format!("`{found}` is a keyword"), self.index, "cannot be a name");
                return Some(error.help(format!("choose another name, such as `{found}_`")));
            }
            let message = format!("expected a name after `{before}`");
            return Some(self.error(
                codes::UNEXPECTED,
                message,
                self.index,
                &format!("{} instead", self.shown(self.index)),
            ));
        }
        if matches!(before, "." | "?.") {
            let error =
                self.error(codes::UNEXPECTED, format!("expected a name after `{before}`"), self.index, "no name");
            return Some(match self.kind() {
                Kind::Number => error.help("items of a list are written `xs[0]`"),
                _ => error,
            });
        }
        if matches!(first, "let" | "var") && !self.line_words().any(|word| word == "=") {
            let ready = self.before().is_some_and(|at| self.ends_value(at));
            if ready {
                let at = self.index - 1;
                let error = self.error(codes::UNEXPECTED, "expected `=` and a value", at, "has no value yet");
                return Some(error.help(format!("write `{first} {} = null` if there is none", self.word(at))));
            }
        }
        None
    }

    /// An operator without its operand.
    fn operator(&self) -> Option<Diagnostic> {
        let at = self.before()?;
        let (found, before) = (self.found(), self.word(at));
        if matches!(before, ".." | "..=") {
            let error = self.error(codes::UNEXPECTED, "a range without an end", at, "where does it end?");
            return Some(error.help("only inside `[ ]` an end may be missing: `xs[2..]`"));
        }
        if before == "is" || (before == "not" && at > 0 && self.word(at - 1) == "is") {
            let error =
                self.error(codes::UNEXPECTED, format!("expected a type after `{before}`"), self.index, "not a type");
            return Some(error.help("for example `x is str`; values are compared with `==`"));
        }
        if before == "not" && at > 0 && self.ends_value(at - 1) {
            let error = self.error(
                codes::UNEXPECTED,
                "unexpected `not` behind a value",
                at,
                "only `not in` can follow a value",
            );
            return Some(error.help("unequal is `!=`; put `and` or `or` between two conditions"));
        }
        let operator = self.token(at).kind == Kind::Op && !matches!(before, "," | ";" | "...");
        let word = self.token(at).kind == Kind::Word && super::is_keyword(before) && !self.ends_value(at);
        if (operator || word) && !(self.starts_value() && found != "{") {
            if matches!(found, ".." | "..=") {
                let message = "a range without a start";
                let error = self.error(codes::UNEXPECTED, message, self.index, "where does it start?");
                return Some(error.help(format!(
                    "write the first value too: `0{found}n`; only inside `[ ]` the start may be missing: `xs[..-1]`"
                )));
            }
            let message = format!("expected a value after `{before}`");
            let label = match self.kind() {
                Kind::End | Kind::Newline => "nothing follows".to_owned(),
                _ => format!("{} follows", self.shown(self.index)),
            };
            return Some(self.error(codes::UNEXPECTED, message, at, &label));
        }
        None
    }

    /// The parameters of a closure, not closed.
    fn closure(&self) -> Option<Diagnostic> {
        let mut bars = (self.first..self.index).filter(|&at| self.word(at) == "|");
        let (bar, None) = (bars.next()?, bars.next()) else { return None };
        if bar > 0 && self.ends_value(bar - 1) || self.word(self.index - 1) == "|" {
            return None;
        }
        let message = format!("expected `,` or `|`, found {}", self.shown(self.index));
        let error = self.error(codes::UNEXPECTED, message, self.index, "not expected here");
        Some(error.label(self.place(bar), "parameters start here").help("write `|x, y| x + y`"))
    }

    // --- what is left ---

    fn plain(&self) -> Diagnostic {
        let shown = self.shown(self.index);
        let braces = self.first.checked_sub(1).filter(|_| self.inside_braces()).and_then(|_| self.bracket());
        let map = braces.filter(|&at| self.word(at) == "{" && self.opens_map(at));
        if let Some(brace) = map {
            let message = format!("expected `,` or `}}`, found {shown}");
            let error = self.error(codes::UNEXPECTED, message, self.index, "not expected here");
            let error = error.label(self.place(brace), "inside this map");
            return error.help("an entry is written `key: value`; commas stand between them");
        }
        let Some(at) = self.before() else {
            let error = self.error(
                codes::UNEXPECTED,
                format!("unexpected {shown}"),
                self.index,
                "no statement starts like this",
            );
            let goes_on = self.kind() == Kind::Op && !matches!(self.found(), "," | ":" | ";");
            return if goes_on && self.index > 0 {
                error.help(format!(
                    "a line goes on when it ends with an operator: put `{}` at the end of the line before",
                    self.found()
                ))
            } else {
                error
            };
        };
        let bracket = self.bracket().filter(|_| !self.tokens[self.index - 1].holds);
        if !self.ends_value(at) {
            let message = format!("unexpected {shown}");
            let label = format!("cannot stand after {}", self.shown(at));
            return self.error(codes::UNEXPECTED, message, self.index, &label);
        }
        if matches!(self.kind(), Kind::End | Kind::Newline) && bracket.is_none() {
            return self.error(
                codes::UNEXPECTED,
                "the statement is not complete",
                at,
                "something is missing after this",
            );
        }
        if let Some(bracket) = bracket {
            if self.word(bracket + 1) == "for" {
                let message = "a comprehension starts with a value";
                let error = self.error(codes::UNEXPECTED, message, bracket + 1, "no value before it");
                return error.help("write `[x for x in xs]`");
            }
            let open = self.token(bracket);
            if open.kind == Kind::TextPart {
                let message = format!("expected `}}`, found {shown}");
                let error = self.error(codes::UNEXPECTED, message, self.index, "not expected here");
                let span = Span { start: open.end - 1, end: open.end };
                return error.label(Place { file: self.file, span }, "inside this `{` of an f-string");
            }
            let (opened, close) = match open.text(self.text) {
                "(" => ("(", ")"),
                "[" | "?[" => ("[", "]"),
                _ => ("{", "}"),
            };
            let one_value = opened == "(" && self.found() == ",";
            let message = if one_value {
                "several values in `( )`".to_owned()
            } else {
                format!("expected `,` or `{close}`, found {shown}")
            };
            let error = self.error(codes::UNEXPECTED, message, self.index, "not expected here");
            let error = error.label(self.place(bracket), format!("inside this `{opened}`"));
            if one_value {
                return error.help("a list of values stands in `[ ]`: `[a, b]`");
            }
            return if self.found() == "for" && opened == "(" {
                error.help("a comprehension stands in `[ ]`: `f([x for x in xs])`")
            } else {
                error
            };
        }
        let both_texts = matches!(self.kind(), Kind::Text | Kind::TextPart) && self.token(at).kind == Kind::Text;
        let message = format!("expected the end of the statement, found {shown}");
        let error = self.error(codes::UNEXPECTED, message, self.index, "not expected here");
        if both_texts {
            return error.help("two strings are joined with `+`");
        }
        if self.line_words().any(|word| word == "//") {
            return error.help("`//` divides and rounds down; a comment starts with `#`");
        }
        if self.inside_braces() && self.found() == "," {
            return error.help("here `{` opens a block; put a map in parentheses: `({x, y})`");
        }
        if self.starts_value() && self.token(at).kind == Kind::Word {
            return error.help(format!(
                "to call `{}` write its arguments in `( )`; a statement ends with the line or `;`",
                self.word(at)
            ));
        }
        error.help("a statement ends with the line or `;`; an operator may be missing")
    }
}
