"""The samples of a selection: one tidy frame, frames one after the other, Arrow."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from minion.batches import check_rows, frames, record_batches
from minion.frames import Tidy
from minion.inventory import Inventory
from minion.lifecycle import check_phases
from minion.model import Simulation
from minion.mongodb import translated, translates
from minion.selection import Choice, Selection, Texts, words
from minion.simulations import Simulations
from minion.stretches import Stretches
from minion.wire import Stretch

if TYPE_CHECKING:
    import pyarrow as pa


class Reading(Simulations):
    """Everything of a store that gives samples as frames."""

    _inventory: Inventory
    _stretches: Stretches

    def samples(
        self,
        *,
        contexts: Texts = None,
        dimensions: Texts = None,
        **choice: Unpack[Choice],
    ) -> pd.DataFrame:
        """The raw samples, a row each; what is missing has no row.

        Args:
            choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.
            contexts: netdata's contexts (`system.cpu`, `disk.util`); default: all.
            dimensions: ids of dimensions (`idle`); default: all.

        Returns:
            experiment, platform, sim_id, hostname, role, phase, chart, context, dimension, unit
            (categoricals), elapsed_s (seconds since the run's START_SIMULATION), value.

        Raises:
            NotFound: a simulation, platform, experiment, host or phase that was named.
        """
        selection = Selection.of(**choice)
        return self.read_samples(
            selection, self.simulations(selection), contexts=contexts, dimensions=dimensions
        )

    @translates
    def read_samples(
        self,
        selection: Selection,
        simulations: Sequence[Simulation],
        *,
        contexts: Texts = None,
        dimensions: Texts = None,
        after: float | None = None,
    ) -> pd.DataFrame:
        """`samples` for simulations that were read already.

        Args:
            selection: its hosts and phases are looked at.
            simulations: the runs.
            contexts, dimensions: as of `samples`.
            after: seconds since the epoch; only stretches that reach behind it are read, whole.
        """
        check_phases(selection.phases, simulations)
        if after is None:
            tidy, charts = self._tidy(selection, simulations, contexts, dimensions)
        else:
            tidy = Tidy(simulations, selection.phases)
            charts = self._stretches.charts_behind(
                after,
                [simulation.id for simulation in simulations],
                hosts=selection.hosts,
                contexts=words(contexts),
                dimensions=words(dimensions),
            )
        for chart in charts:
            tidy.add(chart)
        return tidy.frame()

    def samples_in_batches(
        self,
        *,
        rows: int = 1_000_000,
        contexts: Texts = None,
        dimensions: Texts = None,
        **choice: Unpack[Choice],
    ) -> Iterator[pd.DataFrame]:
        """The rows of `samples` in its order, in frames one after the other.

        Memory holds `rows` rows, and one run or one chart of a larger run, however many there
        are. What is written meanwhile may be in or not.

        Args:
            rows: the most that a frame has.
            contexts, dimensions, choice: as of `samples`.

        Returns:
            Frames of whole simulations; one with more than `rows` rows comes in frames of its
            own. experiment, platform, sim_id, hostname, role and phase have the same categories
            in all frames: those of all chosen simulations. Those of chart, context, dimension
            and unit are not known beforehand, and are added at the end when they occur: a code
            means the same text in all frames.

        Raises:
            NotFound: as of `samples`.
            InvalidData: less than one row.
        """
        check_rows(rows)
        selection = Selection.of(**choice)
        simulations = self.simulations(selection)
        check_phases(selection.phases, simulations)
        return self._batches(rows, selection, simulations, contexts, dimensions)

    def record_batches(
        self,
        *,
        rows: int = 1_000_000,
        contexts: Texts = None,
        dimensions: Texts = None,
        **choice: Unpack[Choice],
    ) -> "pa.RecordBatchReader":
        """`samples_in_batches` for Arrow: polars, DuckDB, writers of Parquet.

        Args:
            rows, contexts, dimensions, choice: as of `samples_in_batches`.

        Returns:
            A reader whose schema never changes: the text columns are dictionaries of strings
            with 32-bit codes, a phase outside of the run is null, the others are doubles.

        Raises:
            NotFound, InvalidData: as of `samples_in_batches`.
        """
        return record_batches(
            self.samples_in_batches(rows=rows, contexts=contexts, dimensions=dimensions, **choice)
        )

    # ------------------------------------------------------------ inside

    def _batches(
        self,
        rows: int,
        selection: Selection,
        simulations: Sequence[Simulation],
        contexts: Texts,
        dimensions: Texts,
    ) -> Iterator[pd.DataFrame]:
        with translated(self.where):
            tidy, charts = self._tidy(selection, simulations, contexts, dimensions, rows=rows)
            yield from frames(tidy, charts, rows)

    def _tidy(
        self,
        selection: Selection,
        simulations: Sequence[Simulation],
        contexts: Texts,
        dimensions: Texts,
        *,
        rows: int | None = None,
    ) -> tuple[Tidy, Iterator[list[Stretch]]]:
        """An empty frame, and the charts to be put into it; `rows` for one of many frames."""
        chosen = words(contexts)
        sizes = self._inventory.sizes([simulation.id for simulation in simulations], chosen)
        # How many samples a choice inside the documents leaves is not known.
        whole = not (selection.hosts or selection.phases or words(dimensions))
        expected = sum(size.samples for size in sizes.values()) if whole else 0
        tidy = Tidy(
            simulations,
            selection.phases,
            expected=expected if rows is None else min(expected, rows),
            known=rows is not None,
        )
        charts = self._stretches.charts(
            sizes, hosts=selection.hosts, contexts=chosen, dimensions=words(dimensions)
        )
        return tidy, charts
