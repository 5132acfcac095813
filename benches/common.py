"""What the commands of this folder share: the release binary, its rivals, the machine, a page of the docs."""

import contextlib
import datetime
import io
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"


def build():
    """Builds the release binary and returns the path of a copy, which is as an installed program is.

    What a linker has just written lies in the page cache in single pages, which cost more to map than those of a copy.
    """
    if shutil.which("cargo") is None:
        sys.exit("cargo is not installed: see https://rustup.rs, or name a binary with --mplang")
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=HERE.parent, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    built = HERE.parent / target / "release" / "mplang"
    return str(shutil.copy(built, built.with_name("mplang.copy")))


def binary(path):
    """The binary of an option `--mplang`, or one that is built."""
    if path and not os.access(path, os.X_OK):
        sys.exit(f"{path} is not a program")
    return os.path.abspath(path) if path else build()


def names():
    """The programs that can be run."""
    return sorted(path.stem for path in PROGRAMS.glob("*.mp"))


def chosen_names(only):
    """The programs of an option `--only a,b`, or all."""
    if not only:
        return names()
    wanted = only.split(",")
    if unknown := [name for name in wanted if name not in names()]:
        sys.exit(f"no such program: {', '.join(unknown)}; there are {', '.join(names())}")
    return wanted


def find_lua():
    """The command of a Lua 5.4, or None."""
    for name in ("lua5.4", "lua"):
        path = shutil.which(name)
        if path and "Lua 5.4" in version(path, "-v"):
            return path
    return None


def version(*command):
    """The first two words that a program says of itself: its name and version."""
    done = subprocess.run(command, capture_output=True, text=True)
    text = (done.stdout or done.stderr).strip()
    return " ".join(text.split("\n")[0].split()[:2]) if done.returncode == 0 else ""


def machine():
    """Processor, cores and kernel, in a line."""
    model = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def today():
    return str(datetime.date.today())


def put_in_page(page, mark, text):
    """Replaces what a page has between `<!-- mark -->` and `<!-- end of mark -->`."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    old = Path(page).read_text()
    before, found_begin, rest = old.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"{page} has no lines `{begin}` and `{end}` to put the table between")
    Path(page).write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")


class Failed(Exception):
    """A run that gave nothing to compare."""


def figure(command, limit=120):
    """The number that a program prints, or why there is none. Nothing that it started outlives it."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return "took too long"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    try:
        return float(output)
    except ValueError:
        lines = [line for line in errors.splitlines() if line.strip()]
        return f"exit status {process.returncode}: {lines[0] if lines else 'no output'}"


def many():
    """How many processes at once are many: 10,000, or half of what the system allows."""
    allowed = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return 10_000 if allowed == resource.RLIM_INFINITY else min(10_000, allowed // 2)


def facts(*commands):
    """When, where and with what is measured: the commands that tell a version."""
    versions = [version(*command) for command in commands]
    return {"date": today(), "machine": machine(), "versions": versions, "load": os.getloadavg()[0]}


def heading(facts):
    """The line over a table; the load tells how much else the machine did when the measuring began."""
    return f"{facts['date']}, {facts['machine']}, load {facts['load']:.1f}; {', '.join(facts['versions'])}."


def write_json(path, facts):
    """Writes what was measured to the file of an option `--json`."""
    if path:
        Path(path).write_text(json.dumps(facts, indent=1) + "\n")


class Page:
    """What is printed within also goes to the page of an option `--doc`."""

    def __init__(self, page, mark):
        self.page, self.mark, self.text = page, mark, io.StringIO()

    def write(self, text):
        self.text.write(text)
        return sys.__stdout__.write(text)

    def flush(self):
        sys.__stdout__.flush()

    def __enter__(self):
        self.redirected = contextlib.redirect_stdout(self)
        self.redirected.__enter__()

    def __exit__(self, kind, *rest):
        self.redirected.__exit__(kind, *rest)
        if self.page and kind is None:
            put_in_page(self.page, self.mark, self.text.getvalue())


def run(main):
    """The way a command ends."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(f"the build failed (exit status {error.returncode})")
