"""How a simulated agent describes itself and its charts: texts that are made once."""

import json
from functools import cache

from samples import RAM_MIB, STUDY, ChartKind

VERSION = "v1.37.1"
_FIRST, _LAST, _DURATION = -1, -2, -3  # stand where a number comes


@cache
def entry(kind: ChartKind, step: int) -> tuple[str, str, str, str]:
    """A chart's entry in a list, cut where duration, first and last entry come."""
    described = {
        "id": kind.id,
        "name": kind.id,
        "type": kind.id.partition(".")[0],
        "family": kind.family,
        "context": kind.context,
        "title": f"{kind.title} ({kind.id})",
        "priority": kind.priority,
        "plugin": "proc.plugin",
        "module": kind.module,
        "units": kind.unit,
        "data_url": f"/api/v1/data?chart={kind.id}",
        "chart_type": kind.drawn,
        "duration": _DURATION,
        "first_entry": _FIRST,
        "last_entry": _LAST,
        "update_every": step,
        "dimensions": {i: {"name": n} for i, n in kind.dimensions if i not in kind.hidden},
        "chart_variables": {},
        "green": None,
        "red": None,
        "alarms": {},
        "chart_labels": {
            "_collect_plugin": "proc.plugin",
            "_collect_module": kind.module,
            **dict(kind.labels),
        },
        "functions": {},
    }
    text = json.dumps({kind.id: described}, indent="\t")[2:-2].replace("\n\t", "\n\t\t")
    head, rest = text.split(f'"duration": {_DURATION}')
    middle, rest = rest.split(f'"first_entry": {_FIRST}')
    end, rest = rest.split(f'"last_entry": {_LAST}')
    return f'{head}"duration": ', f'{middle}"first_entry": ', f'{end}"last_entry": ', rest


@cache
def listing(step: int, count: int) -> tuple[str, str]:
    """What stands before and after the charts of a list."""
    whole = {
        "hostname": "@host@",
        "version": VERSION,
        "release_channel": "stable",
        "os": "linux",
        "timezone": "Etc/UTC",
        "update_every": step,
        "history": 0,
        "memory_mode": "dbengine",
        "custom_info": "",
        "charts": {},
        "charts_count": count,
        "dimensions_count": 4 * count,
        "alarms_count": 0,
        "rrd_memory_bytes": 1000 * count,
        "hosts_count": 1,
        "hosts": [{"hostname": "@host@"}],
    }
    before, after = json.dumps(whole, indent="\t").split('"charts": {}')
    return f'{before}"charts": {{\n', f"\n\t}}{after}"


_UNKNOWN = "unknown"
_LABELS = {
    **{f"_cloud_{one}": _UNKNOWN for one in ("provider_type", "instance_type", "instance_region")},
    "_os_name": "Simulated Linux",
    "_os_version": "1",
    "_kernel_version": "6.1.0-simulated",
    "_system_cores": "4",
    "_system_cpu_freq": "2400000000",
    "_system_ram_total": str(RAM_MIB * 2**20),
    "_system_disk_space": str(2**36),
    "_architecture": "x86_64",
    "_virtualization": "none",
    "_container": "none",
    "_container_detection": "none",
    "_virt_detection": "none",
    **{
        f"_{one}": "false"
        for one in "is_k8s_node aclk_available is_ephemeral has_unstable_connection".split()
    },
    "_is_parent": "false",
}
INFO = json.dumps(
    {
        "version": VERSION,
        "uid": "@guid@",
        "mirrored_hosts": ["@host@"],
        "mirrored_hosts_status": [
            {
                "guid": "@guid@",
                "hostname": "@host@",
                "reachable": True,
                "hops": 0,
                "claim_id": None,
                "node_id": None,
            }
        ],
        "alarms": {"normal": 0, "warning": 0, "critical": 0},
        "os_name": "Simulated Linux",
        "os_id": "simulated",
        "os_id_like": _UNKNOWN,
        "os_version": "1",
        "os_version_id": "1",
        "os_detection": "/etc/os-release",
        "cores_total": "4",
        "total_disk_space": str(2**36),
        "cpu_freq": "2400000000",
        "ram_total": str(RAM_MIB * 2**20),
        **{f"container_{one}": "none" for one in ("os_name", "os_id", "os_id_like", "os_version")},
        **{f"container_{one}": "none" for one in ("os_version_id", "os_detection")},
        "is_k8s_node": "false",
        "kernel_name": "Linux",
        "kernel_version": "6.1.0-simulated",
        "architecture": "x86_64",
        **dict.fromkeys(
            ("virtualization", "virt_detection", "container", "container_detection"), "none"
        ),
        **{f"cloud_{one}": _UNKNOWN for one in ("provider_type", "instance_type")},
        "cloud_instance_region": _UNKNOWN,
        "host_labels": _LABELS,
        "functions": {},
        "collectors": [
            {"plugin": "proc.plugin", "module": module}
            for module in dict.fromkeys(chart.module for chart in STUDY)
        ],
        "cloud-enabled": False,
        "cloud-available": False,
        "agent-claimed": False,
        "aclk-available": False,
        "memory-mode": "dbengine",
        "multidb-disk-quota": 256,
        "page-cache-size": 32,
        "stream-enabled": False,
        "stream-compression": None,
        "hosts-available": None,
        "https-enabled": True,
        "buildinfo": "dbengine|Simulated",
        "release-channel": "stable",
        "web-enabled": True,
        **dict.fromkeys(
            (
                "notification-methods",
                "exporting-enabled",
                "exporting-connectors",
                "allmetrics-prometheus-used",
                "allmetrics-shell-used",
                "allmetrics-json-used",
                "dashboard-used",
                "charts-count",
                "metrics-count",
            )
        ),
    },
    indent="\t",
)
