"""Small sets of votes for property tests: repeats, ties, silent items and annotators, one class."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st

calm = settings(deadline=None, max_examples=50)
"""No deadline: the first call of a kernel compiles it."""


Vote = tuple[int, int, int]


class Votes(NamedTuple):
    """Rows (item, annotator, label) over given numbers of items, annotators and classes."""

    rows: list[Vote]
    n_items: int
    n_annotators: int
    n_classes: int

    @property
    def columns(self) -> tuple[list[int], list[int], list[int]]:
        """The rows as three lists."""
        items, annotators, labels = zip(*self.rows, strict=True) if self.rows else ((), (), ())
        return list(items), list(annotators), list(labels)


@st.composite
def votes(
    draw: st.DrawFn,
    *,
    repeats: bool = True,
    min_rows: int = 0,
    max_items: int = 6,
    max_annotators: int = 5,
    max_classes: int = 4,
) -> Votes:
    """Draw votes; items, annotators and classes may be without any, ties are frequent."""
    n_items = draw(st.integers(1, max_items))
    n_annotators = draw(st.integers(1, max_annotators))
    n_classes = draw(st.integers(1, max_classes))
    row = st.tuples(
        st.integers(0, n_items - 1),
        st.integers(0, n_annotators - 1),
        st.integers(0, n_classes - 1),
    )
    rows = draw(
        st.lists(
            row,
            min_size=min_rows,
            max_size=3 * n_items * n_annotators if repeats else n_items * n_annotators,
            unique_by=None if repeats else (lambda vote: vote[:2]),
        )
    )
    return Votes(rows, n_items, n_annotators, n_classes)


def names(size: int) -> st.SearchStrategy[list[str]]:
    """Draw distinct names, none of which reads as a number or as a missing value."""
    letters = st.text(alphabet="abcxyzÅß €,;\"'\n", min_size=1, max_size=4)
    proper = letters.map(lambda text: f"n{text}".strip())
    return st.lists(proper, min_size=size, max_size=size, unique=True)
