//! Pipes: two channels back to back, with two ends that processes hold.

use super::channel::{self, Channel, Received, Sent};
use super::object::Role;
use super::{ObjectRef, ShmError};
use std::time::Instant;

/// A pipe, as every process names it. Its maker holds both ends: [`Role::A`] and [`Role::B`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pipe(ObjectRef);

/// One end of a pipe: what one end sends, the other one receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End {
    pipe: ObjectRef,
    second: bool,
}

impl Pipe {
    /// A new pipe: without bound, or with room for `capacity` messages in each direction.
    pub fn new(capacity: Option<u32>) -> Result<Pipe, ShmError> {
        channel::pair(capacity).map(|(first, _)| Pipe(first.object()))
    }

    /// The pipe that `object` names.
    pub fn of(object: ObjectRef) -> Pipe {
        Pipe(object)
    }

    /// Its name for [`super::holders`].
    pub fn object(self) -> ObjectRef {
        self.0
    }

    /// The end of those who hold `role`.
    pub fn end(self, role: Role) -> End {
        if role == Role::B { self.b() } else { self.a() }
    }

    /// End A.
    pub fn a(self) -> End {
        End { pipe: self.0, second: false }
    }

    /// End B.
    pub fn b(self) -> End {
        End { pipe: self.0, second: true }
    }
}

impl End {
    /// The pipe that it belongs to.
    pub fn pipe(self) -> Pipe {
        Pipe(self.pipe)
    }

    /// The role of those who hold it.
    pub fn role(self) -> Role {
        if self.second { Role::B } else { Role::A }
    }

    /// The channel that carries away from this end, if the pipe exists.
    pub fn outgoing(self) -> Option<Channel> {
        if self.second { channel::twin(self.pipe) } else { Some(Channel::of(self.pipe)) }
    }

    /// The channel that carries to this end, if the pipe exists.
    pub fn incoming(self) -> Option<Channel> {
        if self.second { Some(Channel::of(self.pipe)) } else { channel::twin(self.pipe) }
    }

    /// As [`Channel::send`]; `Closed` when nobody holds the other end.
    pub fn send(
        self,
        bytes: &[u8],
        handles: &[(ObjectRef, Role)],
        deadline: Option<Instant>,
    ) -> Result<Sent, ShmError> {
        self.outgoing().map_or(Ok(Sent::Closed), |channel| channel.send(bytes, handles, deadline))
    }

    /// As [`Channel::try_send`].
    pub fn try_send(self, bytes: &[u8], handles: &[(ObjectRef, Role)]) -> Result<Sent, ShmError> {
        self.outgoing().map_or(Ok(Sent::Closed), |channel| channel.try_send(bytes, handles))
    }

    /// As [`Channel::recv`]; `Closed` when all is taken and nobody holds the other end.
    pub fn recv(self, bytes: &mut Vec<u8>, deadline: Option<Instant>) -> Result<Received, ShmError> {
        self.incoming().map_or(Ok(Received::Closed), |channel| channel.recv(bytes, deadline))
    }

    /// As [`Channel::try_recv`].
    pub fn try_recv(self, bytes: &mut Vec<u8>) -> Result<Received, ShmError> {
        self.incoming().map_or(Ok(Received::Closed), |channel| channel.try_recv(bytes))
    }

    /// Messages that wait to be received here.
    pub fn pending(self) -> u64 {
        self.incoming().map_or(0, Channel::len)
    }

    /// Ends both directions; what is there can still be received.
    pub fn close(self) {
        [self.outgoing(), self.incoming()].into_iter().flatten().for_each(Channel::close);
    }
}
