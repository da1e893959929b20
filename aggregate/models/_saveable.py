"""The method that writes a fitted model to a file; `_saving` does the work."""

from __future__ import annotations

import os


class Saveable:
    """An estimator that can be written to a file and read again by `aggregate.load_model`."""

    def save(self, path: str | os.PathLike[str], *, items: bool = True) -> None:
        """Write the fitted model to a file, which `aggregate.load_model` reads.

        The file is a ``.npz`` with a JSON header: arrays and text, no pickle, so that loading
        it executes nothing. It is written whole or not at all.

        Parameters
        ----------
        path : str or path-like
            Usually ending in ``.npz``.
        items : bool, default=True
            Also write what belongs to the fitted items (``items_``, ``probas_``, ``labels_``
            and the like), which predictions on new votes do not need.

        Raises
        ------
        CannotSaveError
            If a parameter or a name is more than numbers, text and arrays of them, such as a
            Generator as ``random_state``; estimators of this package may stand in others.
        WriteError
            If the file cannot be written.
        """
        from aggregate.models._saving import save_model

        save_model(self, path, items=items)
