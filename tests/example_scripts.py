"""The scripts of `examples`, as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[1] / "examples"


def example_script(name: str) -> ModuleType:
    """The script of that name, loaded anew and not run."""
    if str(EXAMPLES) not in sys.path:  # as where it is run, for what the scripts share
        sys.path.append(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
