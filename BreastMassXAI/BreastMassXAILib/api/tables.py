"""Rows as a pandas frame, where pandas is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import MissingPackageError

if TYPE_CHECKING:
    import pandas


class Tabular:
    """What has rows can show them as a table."""

    def rows(self) -> list[dict[str, object]]:
        """One dict a row, with the same keys in each."""
        raise NotImplementedError

    def table(self) -> pandas.DataFrame:
        """:meth:`rows` as a pandas frame.

        Raises
        ------
        MissingPackageError
            When pandas is not installed.
        """
        return as_frame(self.rows())


def as_frame(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows that have the same keys as a pandas frame.

    Raises
    ------
    MissingPackageError
        When pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingPackageError(
            "table() needs the package pandas: install it with pip, or take rows() instead."
        ) from error
    return pandas.DataFrame.from_records(list(rows))
