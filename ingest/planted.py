"""What the simulated study holds: the effects that a comparison must find, and the noise.

Everything that differs between the platforms stands in `DURATIONS_S` and `ADDED`, nothing else
does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from minion.model import Role

PLATFORMS = ("K8s", "mK8s", "K3s")
HOSTS = {"node-a": Role.MASTER, "node-b": Role.WORKER, "node-c": Role.WORKER, "node-d": Role.WORKER}
# Mean seconds of each action, in the order of PLATFORMS. The phases between them take 300 s, the
# two waits 30 s, and a little, on every platform.
DURATIONS_S: Mapping[str, tuple[float, float, float]] = {
    "Start master": (64, 27, 16),
    "Add workers": (104, 132, 58),
    "Apply deployment": (29, 29, 29),
    "Delete deployment": (68, 68, 68),
    "Drain workers": (270, 330, 270),
    "Stop master": (44, 31, 15),
}

# What a host shows that runs no platform, by metric and dimension: % of its processors, MiB used,
# % of the time its disk works, KiB/s, kilobits/s.
BASE: Mapping[str, float] = {
    "cpu": 0.6,
    "ram": 312,
    "disk_util": 0.2,
    "disk_io in": 0.4,
    "disk_io out": 25,
    "net InOctets": 5.6,
    "net OutOctets": 1000,
}

Cost = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def _alike(master: float, worker: float) -> Cost:
    return ((master, worker),) * 3


# What a platform adds to that, (master, worker) in the order of PLATFORMS. No effect of the
# platform: System idle 1 and 2; `disk_io in` and `net OutOctets`; wherever it says _alike.
ADDED: Mapping[str, Mapping[str, Cost]] = {
    "cpu": {
        "Start master": ((30, 0), (46, 0), (17, 0)),
        "Master idle": ((5, 0), (8, 0), (2.8, 0)),
        "Add workers": ((7, 14), (10, 22), (4, 8)),
        "Cluster idle": ((6, 1.6), (9, 3), (3.5, 0.7)),
        "Apply deployment": ((9, 12), (13, 18), (5.5, 7.5)),
        "Deployment idle": ((6.5, 2.2), (9.5, 4), (3.8, 1.2)),
        "Delete deployment": ((8, 5), (12, 8), (5, 3)),
        "Wait after delete": ((6, 1.6), (9, 3), (3.5, 0.7)),
        "Drain workers": ((7, 2.4), (10.5, 4.2), (4, 1.3)),
        "Wait after drain": ((5, 0), (8, 0), (2.8, 0)),
        "Stop master": ((12, 0), (22, 0), (6, 0)),
    },
    "ram": {
        "Start master": ((320, 0), (440, 0), (180, 0)),
        "Master idle": ((560, 0), (740, 0), (330, 0)),
        "Add workers": ((600, 110), (800, 190), (360, 60)),
        "Cluster idle": ((620, 160), (840, 260), (380, 90)),
        "Apply deployment": ((640, 190), (860, 290), (395, 115)),
        "Deployment idle": ((650, 230), (870, 330), (400, 150)),
        "Delete deployment": ((640, 190), (860, 290), (395, 115)),
        "Wait after delete": ((625, 165), (845, 265), (385, 95)),
        "Drain workers": ((610, 120), (820, 210), (375, 70)),
        "Wait after drain": ((590, 20), (790, 20), (355, 20)),
        "Stop master": ((220, 20), (340, 20), (100, 20)),
        "System idle 2": _alike(20, 20),
    },
    "disk_util": {
        "Start master": ((12, 0), (20, 0), (6, 0)),
        "Master idle": ((3, 0), (5.5, 0), (1.6, 0)),
        "Add workers": ((4, 7), (7, 12), (2.2, 3.6)),
        "Cluster idle": ((3.2, 0.6), (6, 1.2), (1.7, 0.2)),
        "Apply deployment": _alike(5, 6),
        "Deployment idle": ((3.4, 0.8), (6.3, 1.6), (1.8, 0.3)),
        "Delete deployment": ((3.6, 1.4), (6.5, 2.6), (1.9, 0.6)),
        "Wait after delete": ((3.2, 0.6), (6, 1.2), (1.7, 0.2)),
        "Drain workers": ((3.4, 0.9), (6.2, 1.8), (1.8, 0.35)),
        "Wait after drain": ((3, 0), (5.5, 0), (1.6, 0)),
        "Stop master": ((6, 0), (11, 0), (2.6, 0)),
    },
    "disk_io in": {
        "Start master": _alike(600, 0),
        "Add workers": _alike(50, 500),
        "Apply deployment": _alike(50, 400),
    },
    "disk_io out": {
        "Start master": ((2400, 0), (4200, 0), (1200, 0)),
        "Master idle": ((180, 0), (330, 0), (90, 0)),
        "Add workers": ((300, 1500), (560, 2700), (150, 750)),
        "Cluster idle": ((200, 40), (380, 80), (100, 12)),
        "Apply deployment": _alike(900, 1600),
        "Deployment idle": ((210, 55), (400, 105), (105, 18)),
        "Delete deployment": ((260, 90), (480, 170), (130, 35)),
        "Wait after delete": ((200, 40), (380, 80), (100, 12)),
        "Drain workers": ((230, 60), (430, 115), (115, 22)),
        "Wait after drain": ((180, 0), (330, 0), (90, 0)),
        "Stop master": ((700, 0), (1300, 0), (320, 0)),
    },
    "net InOctets": {
        "Start master": _alike(2000, 0),
        "Add workers": _alike(80, 3000),
        "Cluster idle": ((40, 22), (75, 42), (22, 11)),
        "Apply deployment": _alike(60, 900),
        "Deployment idle": _alike(45, 30),
        "Delete deployment": ((48, 26), (90, 50), (26, 12)),
        "Wait after delete": ((40, 22), (75, 42), (22, 11)),
        "Drain workers": ((44, 24), (82, 46), (24, 11)),
    },
    "net OutOctets": {
        "Add workers": _alike(900, 60),
        "Cluster idle": _alike(60, 25),
        "Apply deployment": _alike(300, 40),
        "Deployment idle": _alike(70, 32),
        "Delete deployment": _alike(75, 30),
        "Wait after delete": _alike(60, 25),
        "Drain workers": _alike(66, 27),
    },
}
QUANTITIES = tuple(BASE)


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of the logarithm of a quantity, and its memory.

    run, host: of a run, and of a host in it, as a whole.
    sample: of a sample.
    memory: autocorrelation of neighbouring samples.
    """

    run: float
    host: float
    sample: float
    memory: float


NOISE: Mapping[str, Noise] = {
    "cpu": Noise(run=0.03, host=0.02, sample=0.20, memory=0.6),
    "ram": Noise(run=0.015, host=0.01, sample=0.004, memory=0.9),
    "disk_util": Noise(run=0.04, host=0.03, sample=0.20, memory=0.4),
    "disk_io in": Noise(run=0.04, host=0.03, sample=0.20, memory=0.4),
    "disk_io out": Noise(run=0.04, host=0.03, sample=0.20, memory=0.4),
    "net InOctets": Noise(run=0.03, host=0.03, sample=0.20, memory=0.5),
    "net OutOctets": Noise(run=0.01, host=0.005, sample=0.03, memory=0.5),
}
DURATION_NOISE = 0.03


def expected(quantity: str, platform: str, phase: str, role: Role | None = None) -> float:
    """What a host shows on average in a phase, without noise.

    Args:
        quantity: one of `QUANTITIES`; ram is in MiB used.
        platform: one of `PLATFORMS`.
        phase: name of a phase or gap.
        role: of the host; None for the mean over the measured hosts.
    """
    master, worker = ADDED[quantity].get(phase, _alike(0, 0))[PLATFORMS.index(platform)]
    if role is not None:
        return BASE[quantity] + (master if role is Role.MASTER else worker)
    roles = list(HOSTS.values())
    added = roles.count(Role.MASTER) * master + roles.count(Role.WORKER) * worker
    return BASE[quantity] + added / len(roles)
