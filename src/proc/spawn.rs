//! `spawn`: the call is checked, what it reaches is held for the child, and the process is forked.

use super::apart::NearSet;
use super::call::Call;
use super::{
    OUTPUT_LOCK, Real, SESSION, at_once, children, handles, heap, limits, memory, moves, out_of_memory, outcome,
    output, reaper, scopes, shared, signals, spare, tables,
};
use crate::near::{self, Near, NearVec};
use crate::shm::{self, ProcessRef, ShmError};
use crate::source::Place;
use crate::vm::fault::Fault;
use crate::vm::machine::Machine;
use crate::vm::op::Spawn;
use crate::vm::value::{self, HandleKey, HandleKind, Value};
use crate::world::Performed;
use nix::errno::Errno;
use nix::sys::signal::Signal;

impl Real {
    /// Performs `spawn`. In a frame of its own, which other requests shall not have on their way.
    #[inline(never)]
    pub(super) fn spawn(&mut self, call: Spawn, place: Place, machine: &mut Machine) -> Result<Performed, Fault> {
        let Spawn { call, name, daemon } = call;
        self.local.flush()?;
        scopes::await_room()?;
        shm::start().map_err(|error| memory(&error))?;
        if self.spawned_at.is_none() {
            reaper::adopt_orphans();
            out_of_memory::begin();
            heap::before_fork();
            machine.before_fork();
        }
        if OUTPUT_LOCK.get().is_none() {
            OUTPUT_LOCK.set(Some(shm::UserLock::new().map_err(|error| memory(&error))?));
        }
        let passed = Call::new(&call)?;
        let mut reached: NearVec<HandleKey> = NearVec::new_in(Near);
        let mut known: NearSet<HandleKey> = NearSet::default();
        machine.reach(&call, &mut |key| {
            if key.kind != HandleKind::File && known.insert(key) {
                reached.push(key);
            }
        });
        // An end that has moved on stays where it is; whether the child's code ever comes to its name is not known.
        let mut gone: Vec<(HandleKey, String)> = Vec::new();
        reached.retain(|&key| match handles::how_moved(key) {
            Some(how) => {
                gone.push((key, how));
                false
            }
            None => true,
        });
        for (key, _) in &gone {
            if moves::in_block(machine, &call, *key) {
                handles::check(*key)?;
            }
        }
        let child = shm::register_child(name.as_deref().unwrap_or_default()).map_err(|error| memory(&error))?;
        for &key in &reached {
            match handles::hold_for(child, key) {
                // The child notices when it uses it.
                Err(ShmError::Gone) if key.kind != HandleKind::Items => {}
                Err(error) => {
                    shm::process_table::cancel_child(child);
                    return Err(memory(&error));
                }
                Ok(()) => {}
            }
        }
        // Outer names that its code mentions stand until it ends; what is its own, as long as its names.
        let mut mentioned: NearSet<HandleKey> = NearSet::default();
        if !reached.is_empty() {
            machine.reach_by_globals(&call, &mut |key| {
                if reached.contains(&key) {
                    mentioned.insert(key);
                }
            });
        }
        // What is not made anew stands until the end too.
        mentioned.extend(passed.inherited_items());
        let kept = output::spawned(child).inspect_err(|_| shm::process_table::cancel_child(child))?;
        let parent = std::process::id();
        spare::give_back();
        // Ctrl-C at the terminal is for the entry that runs; the session stops what that has spawned.
        let mut forked = signals::fork(SESSION.get());
        if forked == Err(Errno::EAGAIN) && reaper::await_leaving() {
            // Those count until the kernel has cleared up after them.
            forked = signals::fork(SESSION.get());
        }
        match forked {
            Err(errno) => {
                shm::process_table::cancel_child(child);
                Err(limits::no_more_processes(errno))
            }
            Ok(Some(pid)) => {
                shm::process_table::started(child, pid);
                children::add(child, pid, daemon);
                for &key in reached.iter().filter(|key| key.kind == HandleKind::PipeEnd) {
                    handles::moved(key, &moves::by_spawn(machine, &call, key, child));
                }
                Ok(Performed::Answer(Ok(Value::handle(handles::key(HandleKind::Process, child.object(), 0)))))
            }
            Ok(None) => {
                // First: the parent's counts are not there.
                handles::begin_child(&mentioned);
                self.become_child(child, parent, place);
                output::begin_child(kept);
                value::forked();
                gone.iter().for_each(|(key, how)| handles::not_mine(*key, how));
                shared::begin_child();
                tables::begin_child();
                let started = passed.start(machine);
                // The blocks are the parent's: to drop them would be to write to them.
                std::mem::forget(passed);
                std::mem::forget(call);
                if let Err(fault) = started {
                    self.finish_child(Err(fault))
                }
                Ok(Performed::Restarted)
            }
        }
    }

    fn become_child(&mut self, child: ProcessRef, parent: u32, place: Place) {
        let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
        if nix::unistd::getppid().as_raw() as u32 != parent || shm::after_fork(child).is_err() {
            // The parent died in between.
            signals::exit(1)
        }
        // A little more heap must not cost the clearing of two megabytes in each of many processes.
        let _ = nix::sys::prctl::set_thp_disable(true);
        near::begin_child();
        SESSION.set(false);
        self.spawned_at = Some(place);
        // What the first process tells of the script is told of its children too.
        at_once::set_ready(true);
        signals::ignore_questions();
        children::begin_child();
        outcome::begin_child();
        reaper::begin_child();
        spare::begin_child();
        scopes::begin_child();
        self.local.forked(|| shm::process_table::me().map_or(String::new(), ProcessRef::id));
    }
}
