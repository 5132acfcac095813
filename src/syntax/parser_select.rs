//! `select` and its arms.

use super::ast::*;
use super::codes;
use super::parser::{Builder, Pair, Rule, parts};
use crate::source::Span;

const ARMS: &str = "arms are `x from q`, `q.put(v)`, `end.send(v)`, `done p`, `after 2s`, `closed` and `else`";

impl<'a> Builder<'a> {
    pub(super) fn select(&mut self, arms: impl Iterator<Item = Pair<'a>>, span: Span) -> ExprKind {
        let arms: Vec<SelectArm> = arms.map(|arm| self.select_arm(arm)).collect();
        self.check_arms(&arms, span);
        ExprKind::Select(arms)
    }

    fn select_arm(&mut self, pair: Pair<'a>) -> SelectArm {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let kind = match inner.next() {
            Some(head) => self.select_head(head, span),
            None => SelectKind::Closed,
        };
        let body = match inner.next() {
            Some(body) => self.body(body),
            None => Expr { kind: ExprKind::Null, span },
        };
        SelectArm { kind, body, span }
    }

    fn select_head(&mut self, head: Pair<'a>, near: Span) -> SelectKind {
        let span = self.span(&head);
        match head.as_rule() {
            Rule::done_arm => SelectKind::Done(self.next_expr(&mut parts(head), near)),
            Rule::after_arm => SelectKind::After(self.next_expr(&mut parts(head), near)),
            Rule::closed_arm => SelectKind::Closed,
            Rule::else_arm => SelectKind::Else,
            Rule::from_arm => {
                let mut patterns = Vec::new();
                let mut channel = Expr { kind: ExprKind::Null, span };
                for part in parts(head) {
                    match part.as_rule() {
                        Rule::pattern => patterns.push(self.pattern(part)),
                        _ => channel = self.expr(part),
                    }
                }
                let pattern = patterns.pop().unwrap_or(Pattern { kind: PatternKind::Wild, span });
                SelectKind::From { index: patterns.pop(), pattern, channel }
            }
            _ => {
                let call = self.expr(head);
                self.check_put(&call, span);
                SelectKind::Put(call)
            }
        }
    }

    /// An arm that puts is a call of `put` or `send` with the value alone.
    fn check_put(&mut self, call: &Expr, span: Span) {
        let (method, args) = match &call.kind {
            ExprKind::Call { callee, args, piped: false } => match &callee.kind {
                ExprKind::Field { name, maybe: false, .. } if matches!(&*name.text, "put" | "send") => {
                    (name.text.clone(), args)
                }
                ExprKind::Field { name, .. } if matches!(&*name.text, "get" | "recv" | "join" | "wait") => {
                    self.error(codes::FORM, span, "an arm of `select` waits for something", "not as a call");
                    return self.help(if matches!(&*name.text, "get" | "recv") {
                        "write `x from q` to take a value"
                    } else {
                        "write `done p` to wait for the end of a process"
                    });
                }
                _ => return self.no_wait(span),
            },
            _ => return self.no_wait(span),
        };
        match &args[..] {
            [Arg::One(_)] => {}
            [Arg::Named(name, _)] if &*name.text == "value" => {}
            _ if args.iter().any(|arg| matches!(arg, Arg::Named(name, _) if &*name.text == "timeout")) => {
                self.error(codes::FORM, span, "an arm of `select` has no time limit of its own", "`timeout` here");
                self.help("the arm `after 2s => …` ends the wait of all arms");
            }
            _ => {
                let message = format!("`{method}` in an arm of `select` takes one value");
                self.error(codes::FORM, span, message, "what is to be put?");
            }
        }
    }

    fn no_wait(&mut self, span: Span) {
        self.error(codes::FORM, span, "an arm of `select` waits for something", "this does not");
        self.help(ARMS);
    }

    /// There is something to wait for, and one way out at most of each kind.
    fn check_arms(&mut self, arms: &[SelectArm], span: Span) {
        let (mut limit, mut closed) = (None, false);
        for arm in arms {
            match &arm.kind {
                SelectKind::After(_) | SelectKind::Else => {
                    let waits = matches!(arm.kind, SelectKind::After(_));
                    match limit.replace(waits) {
                        None => {}
                        Some(before) if before != waits => {
                            let message = "`else` does not wait, so `after` could never come";
                            self.error(codes::FORM, arm.span, message, "one of the two");
                            self.help("leave out the `else` arm to wait, or the `after` arm not to wait");
                        }
                        Some(true) => {
                            let message = "`select` has two `after` arms";
                            self.error(codes::FORM, arm.span, message, "the second one");
                            self.help("the shorter time alone would ever come");
                        }
                        Some(false) => {
                            self.error(codes::FORM, arm.span, "`select` has two `else` arms", "the second one");
                        }
                    }
                }
                SelectKind::Closed if std::mem::replace(&mut closed, true) => {
                    self.error(codes::FORM, arm.span, "`select` has two `closed` arms", "the second one");
                }
                _ => {}
            }
        }
        let waits =
            |arm: &SelectArm| matches!(arm.kind, SelectKind::From { .. } | SelectKind::Put(_) | SelectKind::Done(_));
        if !arms.iter().any(waits) {
            self.error(codes::FORM, span, "this `select` waits for no channel and no process", "nothing to wait for");
            self.help(ARMS);
        }
    }
}
