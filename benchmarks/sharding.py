"""How evenly a hashed shard key spreads runs, from a real mongod's own hashes.

    python benchmarks/sharding.py [--runs 100000]

No mongos is needed: the keys of a hashed index are what a cluster divides. A cluster splits the
hashes into equal ranges, one or more a shard, so counting runs in equal ranges is counting runs a
shard. The ids are as Minion makes them: first runs of one evening, seconds apart.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from bson import ObjectId
from pymongo import HASHED

import minion
from minion.server import Server


def main() -> None:
    """Print how many runs each of 2 to 64 shards would hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        Server.use(Path(home)) as server,
        minion.connect(server.uri) as store,
    ):
        keys = store.database["keys"]
        keys.create_index([("simulation", HASHED)])
        keys.insert_many([{"simulation": ObjectId()} for _ in range(options.runs)])
        found = keys.find(return_key=True).hint([("simulation", HASHED)])
        hashes = np.array([entry["simulation"] for entry in found])
    print(f"{len(hashes):,} runs\n\nshards   fewest     mean     most   most / mean")
    for shards in (2, 4, 8, 16, 32, 64):
        edges = np.linspace(-(2.0**63), 2.0**63, shards + 1)
        counts, _ = np.histogram(hashes.astype(np.float64), bins=edges)
        mean = len(hashes) / shards
        print(
            f"{shards:6}   {counts.min():6,}   {mean:6,.0f}   {counts.max():6,}"
            f"   {counts.max() / mean:11.3f}"
        )


if __name__ == "__main__":
    main()
