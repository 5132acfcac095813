//! W0301: messages that nobody took because the runtime had ended the loop that read them.

use super::place;
use super::tell::{self, Warning};
use crate::shm::untaken::{Untaken, untaken};

/// Tells of all such messages, at the end of the program.
pub fn report() {
    for lost in untaken() {
        tell::warning(&warning(lost));
    }
}

fn warning(lost: Untaken) -> Warning {
    let message = match lost.count {
        1 => "a message was put after the receive for it had been ended, and nobody took it".to_string(),
        count => format!("{count} messages were put after the receive for them had been ended, and nobody took them"),
    };
    let reader = "this receive was ended: all who could still put were waiting too";
    let mut labels = vec![(place::of_word(lost.made), "the channel was made here".to_string())];
    labels.push((place::of_word(lost.ended), reader.to_string()));
    let help = "call `close()` when all has been put: then a put that comes after it is an error";
    Warning { code: "W0301", message, labels, help: Some(help.to_string()) }
}
