"""Write docs/commands.md, the reference of the command line, from the commands themselves.

python docs/reference.py           writes it
python docs/reference.py --check   ends with status 1 when it is not what the code says
"""

import sys
from pathlib import Path

from minion.__main__ import commands, overview
from minion.arguments import usage

PAGE = Path(__file__).with_name("commands.md")


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        "# The command line",
        "",
        "Made by `make docs` from the code; a check fails when it differs.",
        "",
        "Where names have commas between, a comma that belongs to a name is written `\\,`:",
        "`--platform 'K3s\\, ha,K8s'` names `K3s, ha` and `K8s`. In Python, what is in a list is a",
        "name as it stands.",
        "",
        "```text",
        overview(),
        "```",
    ]
    for name, point in commands().items():
        parts += ["", f"## minion {name}", "", "```text", usage(name, point.load()), "```"]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write the page, or check it."""
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
            sys.exit("docs/commands.md is not what the commands say; run: make docs")
    else:
        PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
