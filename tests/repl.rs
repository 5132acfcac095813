//! The interactive session, under a pseudo-terminal and on pipes.

#[path = "support/pty.rs"]
mod pty;

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, posix_openpt};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long anything may take that ends by itself.
const LIMIT: Duration = Duration::from_secs(60);
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("mplang-repl-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A session on a terminal of its own.
struct Terminal {
    screen: PtyMaster,
    child: Child,
    /// What came from the terminal and was not expected yet.
    unread: String,
    ended: bool,
}

impl Terminal {
    /// Starts `mplang` and waits for its prompt.
    fn start(state: &Path) -> Terminal {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mplang"));
        command.env("XDG_STATE_HOME", state).env("TERM", "xterm").env_remove("NO_COLOR");
        let (screen, child) = pty::start(&mut command);
        let mut terminal = Terminal { screen, child, unread: String::new(), ended: false };
        terminal.expect("> ");
        terminal
    }

    fn keys(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).unwrap();
    }

    /// Types an entry and waits for what it must lead to, and for the next prompt.
    fn entry(&mut self, text: &str, expected: &str) {
        self.keys(text);
        self.keys("\r");
        self.expect(expected);
        self.expect("\x1b[?2004h");
    }

    /// Waits until this text comes, and gives what came before it.
    fn expect(&mut self, text: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.unread.find(text) {
                let before = self.unread[..at].to_string();
                self.unread.drain(..at + text.len());
                return before;
            }
            assert!(!self.ended, "the session ended before {text:?} came: {:?}", self.unread);
            self.read(end, text);
        }
    }

    fn read(&mut self, end: Instant, wanted: &str) {
        let left = end.saturating_duration_since(Instant::now());
        match pty::read(&mut self.screen, left, wanted, &self.unread) {
            None => self.ended = true,
            Some(more) => self.unread += &more,
        }
    }

    /// Waits until no process of the session is left, and gives how the first ended. The terminal must be usable.
    fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + LIMIT;
        while !self.ended {
            self.read(end, "the end of all processes");
        }
        self.child.wait().unwrap()
    }

    fn modes_are_restored(&self) -> bool {
        let flags = tcgetattr(&self.screen).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    /// The number of the evaluator.
    fn evaluator(&mut self) -> Pid {
        self.keys("f\"pid {pid()} end\"\r");
        self.expect("'pid ");
        let number = self.expect(" end'");
        self.expect("\x1b[?2004h");
        Pid::from_raw(number.parse().unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // What else there is ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Values are echoed, `null` is not; entries of several lines; names can be declared anew and outlive errors.
#[test]
fn entries_are_evaluated() {
    let state = Folder::new("entries");
    let mut terminal = Terminal::start(&state.0);
    terminal.entry("20 + 22", "\r\n42\r\n");
    terminal.entry("'a' + \"b\"", "\r\n'ab'\r\n");
    let shown = {
        terminal.keys("print('x' * 5)\r");
        terminal.expect("\x1b[?2004h")
    };
    assert!(shown.ends_with("\r\nxxxxx\r\n"), "{shown:?}");
    terminal.keys("fn double(x) {\r");
    // The prompt of a further line.
    terminal.expect("\r\n. ");
    terminal.keys("x * 2\r");
    terminal.expect("\r\n. ");
    terminal.entry("}", "\r\n");
    terminal.entry("double(double(25))", "\r\n100\r\n");
    terminal.entry("let a = 5", "\r\n");
    terminal.entry("let a = [a, a + 1]", "\r\n");
    terminal.entry("a", "\r\n[5, 6]\r\n");
    terminal.entry("a[7]", "R0003");
    terminal.entry("aa", "did you mean");
    terminal.entry(") 1", "E01");
    terminal.entry("a.len() * 1000", "\r\n2000\r\n");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
    assert!(terminal.modes_are_restored());
}

/// Ctrl-C stops a loop, a sleep and a wait for a process, which `catch` does not hold up, and the session goes on.
/// A process that an earlier entry spawned lives on; what the stopped one spawned does not.
#[test]
fn ctrl_c_stops_an_entry() {
    let state = Folder::new("ctrl-c");
    let mut terminal = Terminal::start(&state.0);
    let stop = |terminal: &mut Terminal, entry: &str| {
        terminal.keys(entry);
        terminal.keys("\r");
        terminal.expect("go\r\n");
        terminal.keys(CTRL_C);
        terminal.expect("stopped by Ctrl-C");
        terminal.expect("\x1b[?2004h");
    };
    terminal.entry("let go = 'go'; let q = queue(); let early = spawn { q.get() }", "\r\n");
    stop(&mut terminal, "print(go); loop { }");
    stop(&mut terminal, "print(go); try { sleep(1000) } catch e { 1 }");
    stop(&mut terminal, "print(go); loop { try { sleep(1000) } catch e { } }");
    stop(&mut terminal, "let late = spawn { sleep(1000) }; print(go); join(late)");
    terminal.entry("[late.alive, early.alive]", "[false, true]");
    terminal.entry("q.put(40 + 2); join(early)", "\r\n42\r\n");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

/// Ctrl-C at the prompt clears what was typed.
#[test]
fn ctrl_c_clears_the_line() {
    let state = Folder::new("clear");
    let mut terminal = Terminal::start(&state.0);
    terminal.keys("fn broken( {");
    terminal.expect("{");
    terminal.keys(CTRL_C);
    terminal.expect("\x1b[?2004h");
    terminal.entry("6 * 7", "\r\n42\r\n");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

/// Processes of a session: results, errors, output; a child never becomes a second session. Leaving ends them all.
#[test]
fn processes() {
    let state = Folder::new("processes");
    let mut terminal = Terminal::start(&state.0);
    terminal.entry("fn square(x) = x * x", "\r\n");
    terminal.entry("let ps = [spawn square(i) for i in 10..13]", "\r\n");
    terminal.entry("join(ps)", "\r\n[100, 121, 144]\r\n");
    terminal.entry("join(spawn { [][0] })", "index");
    terminal.entry("let p = spawn { sleep(1000) }", "\r\n");
    terminal.keys(CTRL_D);
    // No process has the terminal open any more: the child was ended too.
    assert_eq!(terminal.end().code(), Some(0));
}

/// `exit` leaves with its status.
#[test]
fn exit_leaves() {
    let state = Folder::new("exit");
    let mut terminal = Terminal::start(&state.0);
    terminal.entry("let p = spawn { sleep(1000) }", "\r\n");
    terminal.keys("exit(7)\r");
    assert_eq!(terminal.end().code(), Some(7));
    assert!(terminal.modes_are_restored());
}

/// Entries are kept for later sessions, in a file that nobody else can read; an entry of several lines stays one.
#[test]
fn history_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let state = Folder::new("history");
    let mut terminal = Terminal::start(&state.0);
    terminal.keys("[600,\r");
    terminal.expect("\r\n. ");
    terminal.entry("66]", "[600, 66]");
    terminal.entry(" 'not kept'", "\r\n'not kept'\r\n");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
    let file = state.0.join("mplang/history");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("[600,\\n66]") && !text.contains("not kept"), "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);

    let mut terminal = Terminal::start(&state.0);
    terminal.entry(UP, "[600, 66]");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

/// A history that cannot be written is no reason to complain.
#[test]
fn no_place_for_history() {
    let state = Folder::new("nowhere");
    std::fs::write(state.0.join("mplang"), "a file where the folder should be").unwrap();
    let mut terminal = Terminal::start(&state.0);
    terminal.entry("1 + 1", "\r\n2\r\n");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

/// When one of the two processes is killed the other ends, its children too, and the terminal has its modes back.
#[test]
fn a_killed_process_ends_the_session() {
    let state = Folder::new("killed");
    let child = "let p = spawn { sleep(1000) }";

    let mut terminal = Terminal::start(&state.0);
    terminal.entry(child, "\r\n");
    let evaluator = terminal.evaluator();
    kill(evaluator, Signal::SIGKILL).unwrap();
    terminal.expect("ended from outside");
    assert_eq!(terminal.end().code(), Some(1));
    assert!(terminal.modes_are_restored());

    let mut terminal = Terminal::start(&state.0);
    terminal.entry(child, "\r\n");
    let evaluator = terminal.evaluator();
    terminal.keys("print('g' + 'o'); sleep(1000)\r");
    terminal.expect("go\r\n");
    kill(evaluator, Signal::SIGKILL).unwrap();
    terminal.expect("ended by SIGKILL");
    assert_eq!(terminal.end().code(), Some(137));

    for (signal, status) in [(Signal::SIGTERM, Some(143)), (Signal::SIGHUP, Some(129)), (Signal::SIGKILL, None)] {
        let mut terminal = Terminal::start(&state.0);
        terminal.entry(child, "\r\n");
        kill(Pid::from_raw(terminal.child.id() as i32), signal).unwrap();
        let ended = terminal.end();
        assert_eq!((ended.code(), ended.signal()), (status, if status.is_none() { Some(9) } else { None }));
        assert!(status.is_none() || terminal.modes_are_restored());
    }
}

/// A terminal that goes away takes the session with it.
#[test]
fn a_hang_up_ends_the_session() {
    let state = Folder::new("hang-up");
    let mut terminal = Terminal::start(&state.0);
    let evaluator = terminal.evaluator();
    let first = terminal.child.id() as i32;
    terminal.screen = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    let status = limited(first, {
        let mut child = std::mem::replace(&mut terminal.child, Command::new("true").spawn().unwrap());
        move || child.wait().unwrap()
    });
    assert!(!status.success());
    let end = Instant::now() + LIMIT;
    while kill(evaluator, None).is_ok() {
        assert!(Instant::now() < end, "the evaluator lives on");
        std::thread::yield_now();
    }
}

/// Runs what waits for a process, which is killed when it takes too long.
fn limited<T: Send + 'static>(process: i32, wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(wait()));
    receiver.recv_timeout(LIMIT).unwrap_or_else(|_| {
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        panic!("a process took too long");
    })
}

/// The output, the errors and the status of `mplang repl` with this on its standard input.
fn plain(input: &str) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mplang"));
    command.arg("repl").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (process, input) = (child.id() as i32, input.to_string());
    let output = limited(process, move || {
        // A session that leaves early does not read all.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// On pipes there are no prompts; entries of several lines, errors survived, status 0 at the end.
#[test]
fn plain_mode() {
    let (output, errors, status) =
        plain("1 + 2\nfn f(x) {\n  x * 2\n}\nf(4)\n1 // 0\nlet b = nope\nf('ab')\nnull\n[1,");
    assert_eq!(output, "3\n8\n'abab'\n");
    assert!(errors.contains("R0007") && errors.contains("E0201") && errors.contains("<repl:8>"), "{errors}");
    assert!(!errors.contains('\x1b'));
    assert_eq!(status, 0);
    assert_eq!(plain("exit(9)\nprint('not here')\n"), (String::new(), String::new(), 9));
    assert_eq!(plain(""), (String::new(), String::new(), 0));
}

/// `input()` takes the line after its entry.
#[test]
fn plain_input() {
    assert_eq!(plain("let name = input()\nAnn\nname\n").0, "'Ann'\n");
}

/// Processes work on pipes, and are gone at the end.
#[test]
fn plain_processes() {
    let (output, errors, status) = plain("let p = spawn { print('from p'); 6 * 7 }\njoin(p)\nspawn { sleep(1000) }\n");
    assert_eq!((&*output, &*errors, status), ("from p\n42\n<process P.2>\n", "", 0));
}

/// A name that an entry failed to set means what it meant before; a closure copies a `var`; a new `let` hides an old one.
#[test]
fn plain_names() {
    let entries = "let a = 1\nlet a = 1 // 0\na\nvar n = 5\nlet g = || n\nn += 1\ng()\nn\nlet n = 'new'\nn\ng()\n";
    assert_eq!(plain(entries).0, "1\n5\n6\n'new'\n5\n");
}

/// A module that could not be compiled can be imported once it is mended.
#[test]
fn plain_import() {
    let folder = Folder::new("import");
    let path = folder.0.join("m.mp");
    std::fs::write(&path, "let v = )").unwrap();
    let name = path.display();
    let mend = format!("write_text(\"{name}\", \"let v = 42\")");
    let (output, errors, _) = plain(&format!("import \"{name}\" as m\n{mend}\nimport \"{name}\" as m\nm.v\n"));
    assert_eq!(output, "42\n", "{errors}");
}

/// A large list of an earlier entry is changed in place: each step copying it would take longer than the limit.
#[test]
fn plain_changes_in_place() {
    let entries = "var xs = []\nvar m = {n: 0}\nfor i in 0..200000 { xs.push(i); m.n += 1; xs[i] += 1 }\n\
                   [xs.len(), xs[-1], m.n]\n";
    assert_eq!(plain(entries).0, "[200000, 200000, 200000]\n");
}
