"""Values whose squares are numbers still: of no others can a mean or a variance be taken."""

import numpy as np
import pandas as pd

from analysis.statistics.moments import LARGEST
from minion.errors import InvalidData
from minion.lifecycle import TOTAL


def check_magnitudes(values: pd.DataFrame) -> None:
    """Refuse values that no mean or variance can be taken of.

    Args:
        values: one value per run, or per run and host, as `analysis.values` gives them.

    Raises:
        InvalidData: a value that is not a finite number below 1e150; the message names its run.
    """
    numbers = values["value"].to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(numbers) < LARGEST))
    if not wrong.size:
        return
    row = values.iloc[int(wrong[0])]
    name = " ".join(str(row[key]) for key in ("metric", "dimension") if key in values)
    where = "on the whole run" if row["phase"] == TOTAL.name else f"in {row['phase']}"
    raise InvalidData(
        f"simulation {row['sim_id']}: {name} {where} is {row['value']:g}, not a finite number"
        " below 1e150; exclude the run, or leave this out"
    )
