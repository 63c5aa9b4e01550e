"""The published study's database and playbooks."""

KNS = "kns"  # the experiment, and the source's name
