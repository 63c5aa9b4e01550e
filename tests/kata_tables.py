"""Small tables in the form of the Kata study, made up here."""

import numpy as np

HEAD = (
    "Iteration,Elapsed,Running,Creating,Terminating,Evicted,"
    "Total Active Memory,Total Free Memory, Active,0,1,Free,0,1"
)


def line(iteration, elapsed, counts=(1, 0, 0, 0), active=(300, 500), free=(700, 400)):
    """One row; of two workers, memory in kB."""
    cells = [iteration, elapsed, *counts, sum(active), sum(free), "", *active, "", *free]
    return ",".join(map(str, cells))


def text(*lines, head=HEAD):
    return "\n".join([head, *lines]) + "\n"


def ramp(*, rows=60, most=20, each=1_000, room=30_000, seed=1):
    """A table in which containers start until `most` run and memory until `room` kB is taken."""
    random = np.random.default_rng(seed)
    lines = []
    for iteration in range(1, rows + 1):
        running = min(iteration, most)
        used = min(5_000 + each * running, room) + random.integers(0, 200, 2)
        lines.append(
            line(
                iteration,
                6 * iteration,
                (running, iteration - running, 0, 0),
                active=tuple(used),
                free=tuple(40_000 - used),
            )
        )
    return text(*lines)
