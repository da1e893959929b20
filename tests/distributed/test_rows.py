"""Pieces cut up and put together again, without any cluster."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.distributed._rows import (
    Tables,
    code_piece,
    cut,
    cut_piece,
    joined,
    put_together,
    tables_of,
    unite,
)
from tests import problems


def pieces_of(votes, n_pieces, seed=0):
    """Return the rows of annotations in random order, in pieces."""
    order = np.random.default_rng(seed).permutation(votes.n_annotations)
    columns = {
        "item": votes.items[votes.item],
        "annotator": votes.annotators[votes.annotator],
        "label": votes.classes[votes.label],
    }
    return [
        {name: values[rows] for name, values in columns.items()}
        for rows in np.array_split(order, n_pieces)
    ]


def tables_of_all(coded):
    united = unite([tables_of(piece) for piece in coded])
    return Tables(*united[:2])


@pytest.mark.parametrize("n_parts", [1, 3, 40])
@pytest.mark.parametrize("rounds", [1, 2])
def test_parts_hold_the_items_of_the_whole(n_parts, rounds):
    votes = problems.ragged(3, n_items=15, n_labels=60)
    coded = [code_piece(piece) for piece in pieces_of(votes, 4)]
    tables = tables_of_all(coded)
    if rounds == 1:
        cuts = [cut_piece(piece, tables, n_parts) for piece in coded]
        columns = list(zip(*cuts, strict=True))
    else:  # first by one digit of the part, then by the other
        first = list(zip(*[cut_piece(piece, tables, 3) for piece in coded], strict=True))
        again = [cut(joined(list(column)), n_parts, 3) for column in first]
        columns = [[part] for cuts in again for part in cuts]
    parts = [put_together(list(column), tables, "keep") for column in columns]
    found = {}
    for part, items, size in parts:
        assert (size.n_items, size.n_annotations) == (len(items), len(part.code))
        for i, item in enumerate(items.tolist()):
            assert item not in found
            found[item] = part.code[part.item_ptr[i] : part.item_ptr[i + 1]].tolist()
    whole = Annotations.from_columns(
        votes.items[votes.item], votes.annotators[votes.annotator], votes.classes[votes.label]
    )
    code = whole.annotator * whole.n_classes + whole.label
    for i, item in enumerate(whole.items.tolist()):
        assert found.pop(item) == code[whole.item_ptr[i] : whole.item_ptr[i + 1]].tolist()
    assert not found


def test_a_row_without_a_label_makes_its_names_known():
    piece = {"item": ["a", "b"], "annotator": ["u", "v"], "label": [None, "yes"]}
    coded = code_piece(piece)
    assert coded.items.to_pylist() == ["a", "b"]
    assert coded.annotators.tolist() == ["u", "v"]
    assert (coded.rows, len(coded.label)) == (2, 1)


@pytest.mark.parametrize("lacking", ["item", "annotator"])
def test_a_label_of_nobody_is_refused(lacking):
    piece = {"item": ["a", "b"], "annotator": ["u", "v"], "label": ["no", "yes"]}
    piece[lacking] = [None, "x"]
    with pytest.raises(ValueError, match=rf"1 labels have no {lacking} \(rows 0 of a piece of 2"):
        code_piece(piece)
