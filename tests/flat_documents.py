"""Single documents as netdata's exporter writes them."""

from bson import ObjectId

NOW = 1_795_312_770


def flat_document(tags, **changes):
    """One value of a host's idle CPU.

    Args:
        tags: what a version of netdata tells of its hosts besides.
        changes: fields that are otherwise.
    """
    found = {
        "_id": ObjectId(),
        "prefix": "netdata",
        "hostname": "h1",
        **tags,
        "chart_id": "system.cpu",
        "chart_name": "system.cpu",
        "chart_family": "cpu",
        "chart_context": "system.cpu",
        "chart_type": "system",
        "units": "percentage",
        "id": "idle",
        "name": "idle",
        "value": 99.5,
        "timestamp": NOW,
    }
    return {**found, **changes}
