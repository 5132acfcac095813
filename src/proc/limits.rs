//! Which limit a fork has met.

use crate::vm::fault::{Fault, Kind};
use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::fs;

/// The error of a fork that the system refused.
pub fn no_more_processes(errno: Errno) -> Fault {
    if errno == Errno::ENOMEM {
        return Fault::new(Kind::Limit, "no more processes: there is no memory for another one")
            .help("run fewer at a time");
    }
    let why = met().map_or_else(|| "the system allows none".into(), |limit| format!("{limit} of them"));
    let fault = Fault::new(Kind::Limit, format!("no more processes: {why}"));
    fault.help("run fewer at a time, or raise the limit")
}

fn met() -> Option<String> {
    if let Some((file, most)) = group() {
        return Some(format!("the control group of this program allows {most} (pids.max in {file})"));
    }
    let of_system = |name: &str| number(&format!("/proc/sys/kernel/{}", name.replace("kernel.", "")));
    let there = there();
    for name in ["kernel.pid_max", "kernel.threads-max"] {
        if let (Some(most), Some(there)) = (of_system(name), there)
            && there + NEAR >= most
        {
            return Some(format!("{name} allows the whole system {most}"));
        }
    }
    match getrlimit(Resource::RLIMIT_NPROC) {
        Ok((most, _)) if most != RLIM_INFINITY && !is_root() => Some(format!("`ulimit -u` allows this user {most}")),
        _ => None,
    }
}

/// The system sets root no limit of its processes.
fn is_root() -> bool {
    // SAFETY: it only asks.
    unsafe { libc::geteuid() == 0 }
}

/// Numbers below 300 are not given again, and somebody may have ended since.
const NEAR: u64 = 400;

/// The control group whose limit is reached.
fn group() -> Option<(String, u64)> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let (directory, path) = pids_of(line)?;
        // A limit may be that of any group around it.
        let mut path = path.trim_end_matches('/');
        loop {
            let at = format!("{directory}{path}");
            if let (Some(now), Some(most)) = (number(&format!("{at}/pids.current")), number(&format!("{at}/pids.max")))
                && now >= most
            {
                return Some((at, most));
            }
            path = &path[..path.rfind('/')?];
        }
    })
}

/// Where the limits stand for a line of `/proc/self/cgroup`.
fn pids_of(line: &str) -> Option<(&'static str, &str)> {
    let mut parts = line.splitn(3, ':');
    match (parts.next()?, parts.next()?, parts.next()?) {
        ("0", _, path) => Some(("/sys/fs/cgroup", path)),
        (_, controllers, path) if controllers.split(',').any(|name| name == "pids") => {
            Some(("/sys/fs/cgroup/pids", path))
        }
        _ => None,
    }
}

fn number(file: &str) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// How many processes and threads the system has: `0.52 0.40 0.31 2/345 6789`.
fn there() -> Option<u64> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    load.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_both_versions_have_limits() {
        assert_eq!(pids_of("0::/user.slice"), Some(("/sys/fs/cgroup", "/user.slice")));
        assert_eq!(pids_of("8:pids:/a"), Some(("/sys/fs/cgroup/pids", "/a")));
        assert_eq!(pids_of("3:cpuset:/"), None);
        assert!(there().is_some_and(|count| count > 1));
    }

    #[test]
    fn the_error_names_what_to_do() {
        let fault = no_more_processes(Errno::EAGAIN);
        assert!(fault.is(Kind::Limit) && fault.0.message.as_str().is_some_and(|text| text.starts_with("no more")));
    }
}
