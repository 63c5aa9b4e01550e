"""Small files as the test of Inspektor Gadget's scaling writes them."""

from pathlib import Path

MIB = 2**20


def row(values, last=""):
    """A line of a file; None is a failed pod."""
    return ",".join([*("" if v is None else str(v) for v in values), str(last)])


def write(folder: Path, kind: str, nodes: int, rows, *, hostnames=None) -> Path:
    """One file; each row is a list of values, for `exec` with the observer's count behind."""
    names = hostnames or [f"node-{n}" for n in range(1, nodes + 1)]
    last = "gadget" if kind == "exec" else ""
    lines = [row(names, last)]
    lines += [row(r[:nodes], r[nodes]) if last else row(r) for r in rows]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{nodes}-nodes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def small_test(folder: Path) -> Path:
    """Two clusters, of 2 and 4 nodes, three iterations each.

    With 2 nodes everything is seen, with 4 a half. In the third iteration on 4 nodes the pods of
    node-2 (exec) and node-3 (cpu after, memory) failed, and the counter of node-4 went back.
    """
    write(folder, "exec", 2, [[10, 20, 30], [12, 20, 32], [11, 29, 40]])
    write(folder, "cpu-before", 2, [[1000, 2000], [0, 0], [500, 500]])
    write(folder, "cpu", 2, [[1001000, 2002000], [3000000, 1000000], [1000500, 1000500]])
    write(folder, "memory", 2, [[MIB, 3 * MIB], [2 * MIB, 2 * MIB], [5 * MIB, MIB // 2]])
    write(
        folder,
        "exec",
        4,
        [[10, 20, 30, 40, 50], [20, 20, 20, 20, 41], [10, None, 20, 30, 29]],
    )
    write(folder, "cpu-before", 4, [[0] * 4, [0] * 4, [0, 0, 0, 7]])
    write(folder, "cpu", 4, [[10**6] * 4, [2 * 10**6] * 4, [10**6, 3 * 10**6, None, 6]])
    write(folder, "memory", 4, [[MIB] * 4, [MIB] * 4, [MIB, 2 * MIB, None, 3 * MIB]])
    return folder
