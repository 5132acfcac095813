//! Time: what the clocks say, and sleep.

use super::wait::{Attend, wait};
use crate::vm::fault::Fault;
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds since the start of 1970.
pub fn now() -> f64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// Seconds on a clock that only goes forward, the same for all processes.
pub fn clock() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    time.as_secs_f64()
}

/// When so many seconds will have passed; `None` when that is beyond what clocks can say.
pub fn after(seconds: f64) -> Option<Instant> {
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
    Instant::now().checked_add(duration)
}

/// Sleeps so many seconds, also when signals come in between.
pub fn sleep(seconds: f64, attend: Attend) -> Result<(), Fault> {
    wait(None, after(seconds), attend).map(|_| ())
}
