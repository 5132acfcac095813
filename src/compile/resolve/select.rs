//! `select`: channels and values are seen from around it, each arm has its own names.

use super::*;

impl Resolver<'_> {
    pub(super) fn select(&mut self, arms: &[SelectArm]) {
        for arm in arms {
            match &arm.kind {
                SelectKind::From { channel: value, .. } | SelectKind::Done(value) | SelectKind::After(value) => {
                    self.expr(value);
                }
                SelectKind::Put(call) => {
                    let ExprKind::Call { callee, args, .. } = &call.kind else { continue };
                    if let ExprKind::Field { object, .. } = &callee.kind {
                        self.expr(object);
                    }
                    self.args(args);
                }
                SelectKind::Closed | SelectKind::Else => {}
            }
        }
        for arm in arms {
            self.in_scope(|this| {
                if let SelectKind::From { index, pattern, .. } = &arm.kind {
                    let several: Vec<&Pattern> = index.iter().chain([pattern]).collect();
                    several.iter().for_each(|pattern| this.needs_a_name(pattern));
                    this.unique_in(&several);
                    several.iter().for_each(|pattern| this.pattern(pattern, VarKind::Bound));
                }
                this.expr(&arm.body);
            });
        }
    }
}
