"""Profiles as Go writes them: encoded here, and taken of a program where Go is installed."""

import gzip
import shutil
import subprocess

import pytest

PROGRAM = """\
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

var kept [][]byte

//go:noinline
func spin(n int) int {
	sum := 0
	for i := 0; i < n; i++ {
		sum += i * i % 7
	}
	return sum
}

//go:noinline
func work() int { return spin(3000000) }

//go:noinline
func grow() {
	for i := 0; i < 100; i++ {
		kept = append(kept, make([]byte, 100000))
	}
}

func main() {
	runtime.MemProfileRate = 1
	file, _ := os.Create(os.Args[1])
	pprof.StartCPUProfile(file)
	for from := time.Now(); time.Since(from) < 600*time.Millisecond; {
		work()
	}
	grow()
	pprof.StopCPUProfile()
	file.Close()
	file, _ = os.Create(os.Args[2])
	runtime.GC()
	runtime.GC()
	pprof.Lookup("allocs").WriteTo(file, 0)
	file.Close()
}
"""


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field, value):
    return varint(field << 3) + varint(value)


def part(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def encoded(
    samples, types=(("samples", "count"), ("cpu", "nanoseconds")), *, packed=True, zipped=True
):
    """A profile.proto of samples: (stack from the leaf, values).

    A name in a stack may be a tuple: functions of one location, the innermost first.
    """
    texts, functions, locations = [""], {}, {}

    def text(name):
        if name not in texts:
            texts.append(name)
        return texts.index(name)

    body = b"".join(part(1, number(1, text(k)) + number(2, text(u))) for k, u in types)
    for stack, values in samples:
        ids = [locations.setdefault(place, len(locations) + 1) for place in stack]
        if packed:
            inner = part(1, b"".join(map(varint, ids))) + part(2, b"".join(map(varint, values)))
        else:
            inner = b"".join(number(1, i) for i in ids) + b"".join(number(2, v) for v in values)
        body += part(2, inner)
    body += part(3, number(1, 1) + number(5, text("/usr/bin/kepler")))
    for place, identity in locations.items():
        names = place if isinstance(place, tuple) else (place,)
        lines = b""
        for name in names:
            known = functions.setdefault(name, len(functions) + 1)
            lines += part(4, number(1, known) + number(2, 42))
        body += part(4, number(1, identity) + number(3, 0x1000 + identity) + lines)
    for name, identity in functions.items():
        body += part(5, number(1, identity) + number(2, text(name)) + number(3, text(name)))
    body += b"".join(part(6, name.encode()) for name in texts)
    body += number(9, 1_668_186_000 * 10**9) + number(10, 2 * 10**9)
    # What a reader need not know: a fixed 64-bit, a fixed 32-bit field, a comment.
    body += varint(15 << 3 | 1) + bytes(8) + varint(16 << 3 | 5) + bytes(4) + number(13, 1)
    return gzip.compress(body) if zipped else body


@pytest.fixture(scope="session")
def go_profiles(tmp_path_factory):
    """A folder with cpu.pb.gz and allocs.pb.gz of a real program, and Go's tables of both."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed: no profile of a real Go program")
    folder = tmp_path_factory.mktemp("go") / "gocpu"
    folder.mkdir()
    (folder / "main.go").write_text(PROGRAM)
    environment = {
        "PATH": "/usr/bin:/bin:" + go.rsplit("/", 1)[0],
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GO111MODULE": "off",
        "GOFLAGS": "",
    }

    def run(*command):
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(go, "build", "-o", "program", "main.go")
    run("./program", "cpu.pb.gz", "allocs.pb.gz")
    top = (go, "tool", "pprof", "-top", "-nodecount=1000", "-nodefraction=0")
    (folder / "cpu.txt").write_text(run(*top, "program", "cpu.pb.gz"))
    (folder / "allocs.txt").write_text(
        run(*top, "-sample_index=alloc_space", "program", "allocs.pb.gz")
    )
    return folder
