from __future__ import annotations

import numpy as np
import pytest

from aggregate._tables import check_confusion, row_codes, to_confusion, to_table


def confusions(seed=0, n_annotators=4, n_classes=3):
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), size=(n_annotators, n_classes))


class TestTables:
    def test_rows_are_annotator_times_classes_plus_label(self):
        confusion = confusions()
        table = to_table(confusion)
        for j, k, y in np.ndindex(confusion.shape):
            assert table[j * 3 + y, k] == confusion[j, k, y]

    @pytest.mark.parametrize("n_classes", [1, 2, 5])
    def test_there_and_back(self, n_classes):
        confusion = confusions(n_classes=n_classes)
        np.testing.assert_allclose(to_confusion(to_table(confusion)), confusion, rtol=1e-15)

    def test_raises_zeros_to_the_floor(self):
        table = to_table(np.eye(2)[np.newaxis])
        assert table.min() == 2.0**-52
        assert to_table(np.eye(2)[np.newaxis], floor=0.1).min() == 0.1

    def test_public_rows_sum_to_one_and_are_contiguous(self):
        confusion = to_confusion(np.maximum(np.tile(np.eye(3), (2, 1)), 1e-3))
        np.testing.assert_allclose(confusion.sum(axis=2), 1, rtol=1e-15)
        assert confusion.flags.c_contiguous

    def test_no_annotators(self):
        assert to_confusion(to_table(np.empty((0, 3, 3)))).shape == (0, 3, 3)


class TestRowCodes:
    def test_codes(self):
        annotator = np.array([0, 1, 2], dtype=np.int32)
        label = np.array([1, 0, 2], dtype=np.int32)
        code = row_codes(annotator, label, 3, 3)
        assert code.tolist() == [1, 3, 8]
        assert code.dtype == np.uint32

    def test_beyond_31_bits(self):
        annotator = np.array([2**22 - 1], dtype=np.int32)
        label = np.array([999], dtype=np.int32)
        assert row_codes(annotator, label, 2**22, 1000).tolist() == [(2**22 - 1) * 1000 + 999]

    def test_refuses_what_no_code_can_name(self):
        none = np.empty(0, dtype=np.int32)
        with pytest.raises(ValueError, match=r"65536 annotators times 65536 classes exceed"):
            row_codes(none, none, 65536, 65536)


class TestCheckConfusion:
    def test_returns_rows_that_sum_to_one(self):
        given = confusions() * (1 + 1e-8)
        np.testing.assert_allclose(check_confusion("init", given, (4, 3, 3)), confusions())

    def test_refuses_a_wrong_shape(self):
        with pytest.raises(ValueError, match=r"init must have shape \(4, 2, 2\).*\(4, 3, 3\)"):
            check_confusion("init", confusions(), (4, 2, 2))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 0.9])
    def test_names_the_annotators_that_are_wrong(self, value):
        given = confusions()
        given[2, 1, 0] = value
        with pytest.raises(ValueError, match=r"every row .* summing to 1; wrong for .* at 2\."):
            check_confusion("init", given, (4, 3, 3))
