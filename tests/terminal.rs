//! Scripts at a terminal: when their output is written, and what the keys do while a command has the screen.

#[path = "support/pty.rs"]
mod pty;
#[path = "support/tree.rs"]
mod tree;

use nix::pty::PtyMaster;
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

/// A script on a terminal of its own.
struct Terminal {
    screen: PtyMaster,
    child: Child,
    text: String,
}

impl Terminal {
    fn start(code: &str) -> Terminal {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mplang"));
        let (screen, child) = pty::start(command.args(["--error-format", "short", "-e", code]));
        Terminal { screen, child, text: String::new() }
    }

    /// Reads until this has come, or the end when it is empty.
    fn expect(&mut self, text: &str) {
        while text.is_empty() || !self.text.contains(text) {
            match pty::read(&mut self.screen, DEADLINE, text, &self.text) {
                Some(more) => self.text += &more,
                None if text.is_empty() => return,
                None => panic!("it ended before {text:?} came: {:?}", self.text),
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).unwrap();
    }

    /// What was on the screen in the end, and the exit status.
    fn end(mut self) -> (String, Option<i32>) {
        self.expect("");
        let status = self.child.wait().unwrap().code();
        (std::mem::take(&mut self.text), status)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A print is on the terminal while the script computes. Elsewhere whole lines are gathered, but no more than 64 KiB.
#[test]
fn when_prints_are_written() {
    let mut terminal = Terminal::start("print('no end', end = ''); loop { }");
    terminal.expect("no end");
    terminal.keys("\x03");
    assert_eq!(terminal.end().1, Some(130));

    let mut run = tree::start("for i in 0..2000 { print('line', i, 'x' * 50) }; loop { }");
    let mut bytes = vec![0; 64 << 10];
    run.stdout.as_mut().unwrap().read_exact(&mut bytes).unwrap();
    run.signal(Signal::SIGTERM);
    let ended = run.end();
    assert_eq!(ended.status, Some(143));
    let text = String::from_utf8(bytes).unwrap() + &ended.stdout;
    assert!(
        text.ends_with('\n')
            && text.lines().eq((0..text.lines().count()).map(|i| format!("line {i} {}", "x".repeat(50))))
    );
}

/// Ctrl-C goes to the script and to the command that has the screen: both end, also when the command ends as if nothing
/// was wrong, and it is told once.
#[test]
fn ctrl_c_ends_script_and_command() {
    for command in ["sleep 1000", "trap 'exit 0' INT; sleep 1000 & wait", "trap '' INT; echo; sleep 1000; sleep 1000"] {
        let code = format!(
            "spawn {{ run('sleep', 1000) }}; try {{ run('sh', '-c', \"echo ready; {command}\") }} catch e {{ print('caught') }}; print('goes on')"
        );
        let mut terminal = Terminal::start(&code);
        terminal.expect("ready");
        terminal.keys("\x03");
        let (text, status) = terminal.end();
        assert_eq!(status, Some(130), "{text}");
        assert_eq!(text.matches("error").count(), 1, "{text}");
        assert!(!text.contains("caught") && !text.contains("goes on"), "{text}");
    }
}

/// A command in the foreground reads the terminal as under a shell, and so does the script after it.
#[test]
fn commands_have_the_terminal() {
    let mut terminal = Terminal::start(
        "print(capture('head', '-n', 1)); run('sh', '-c', 'test -t 0 && test -t 1 && echo tty'); print(input('? '))",
    );
    terminal.keys("to the command\n");
    terminal.expect("tty");
    terminal.expect("? ");
    terminal.keys("to the script\n");
    let (text, status) = terminal.end();
    assert_eq!(status, Some(0), "{text}");
    // Each once as it is typed and once as it is printed.
    assert_eq!(text.matches("to the command").count(), 2, "{text}");
    assert_eq!(text.matches("to the script").count(), 2, "{text}");
}
