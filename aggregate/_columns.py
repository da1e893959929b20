"""Which column holds the item, which the annotator, which the label: by name, never by place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from aggregate._validation import first_few


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names are compared without case, blanks and punctuation: "Task ID", "task_id" and "taskId"
# are one. A name of an earlier group goes before one of a later group; two names of one group
# are ambiguous.
USUAL_NAMES: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "item": (
        _names(
            "item itemid items task taskid tasks question questionid unitid hitid exampleid "
            "objectid instanceid sampleid documentid docid subjectid subjectids recordid imageid "
            "origid assignmenttaskid"
        ),
        _names("example object instance sample unit document subject image"),
        _names("id"),
    ),
    "annotator": (
        _names(
            "annotator annotatorid annotators worker workerid workers amtworkerid amtworkerids "
            "rater raterid labeler labelerid labeller labellerid coder coderid judge judgeid "
            "assignmentworkerid labellingfunction labelingfunction lf"
        ),
        _names(
            "user userid username observer observerid performer performerid expert participant "
            "participantid reviewer source"
        ),
    ),
    "label": (
        _names("label labels annotation answer response vote judgment judgement"),
        _names("rating class category choice score grade value verdict"),
    ),
}
TRUTH_NAMES: Final = _names(
    "truth gold goldlabel goldtruth goldstandard truelabel truthlabel labeltrue groundtruth "
    "target correct correctlabel correctanswer"
)


def recognise_columns(
    available: Sequence[str], named: Mapping[str, str | None], *, truth: bool = False
) -> tuple[dict[str, str], bool]:
    """Return the column of each role, and whether any was recognised rather than named.

    Parameters
    ----------
    available : sequence of str
        The columns there are.
    named : mapping from role to column name or None
        Roles to find, with the columns the user named.
    truth : bool
        Whether the label is the known truth: then a column called so goes before others.

    Raises
    ------
    ValueError
        If a named column does not exist, a role fits no column or several, or one column
        would serve two roles.

    Examples
    --------
    >>> recognise_columns(["worker", "task", "label"], {"item": None, "label": None})
    ({'item': 'task', 'label': 'label'}, True)
    """
    problems: list[str] = []
    found: dict[str, str] = {}
    for role, name in named.items():
        if name in available and name is not None:
            found[role] = name
        elif name is not None:
            problems.append(f"there is no column {name!r} for the {role}{_hint(name, available)}")
    for role, name in named.items():
        if name is None:
            free = [column for column in available if column not in found.values()]
            fits = candidates(role, free, truth=truth)
            if len(fits) == 1:
                found[role] = fits[0]
            elif fits:
                problems.append(f"several columns could be the {role}: {first_few(fits)}")
            else:
                problems.append(f"no column looks like the {role}")
    shared = [name for name in found.values() if list(found.values()).count(name) > 1]
    if shared:
        problems.append(f"column {shared[0]!r} is named for two roles")
    if problems:
        raise ValueError(
            f"{'; '.join(problems)}. The columns are {first_few(available, most=12)}; "
            f"name them with {', '.join(f'{role}=' for role in named)}."
        )
    return found, any(name is None for name in named.values())


def candidates(role: str, available: Sequence[str], *, truth: bool = False) -> list[str]:
    """Return the columns that could play a role, judged by their names alone.

    The usual names of a role stand in groups, the plainest first: ``task`` is an item before
    ``image`` is, and ``id`` is one only where nothing better is there. All columns of the first
    group that has any are returned; more than one means that the names cannot decide.

    Parameters
    ----------
    role : {"item", "annotator", "label"}
        The role to fill.
    available : sequence of str
        The columns to choose from.
    truth : bool
        Whether a label is sought that is the known truth.

    Examples
    --------
    >>> candidates("item", ["image", "Task ID", "worker"])
    ['Task ID']
    >>> candidates("label", ["label", "answer", "score"])
    ['label', 'answer']
    """
    groups = USUAL_NAMES[role]
    if truth and role == "label":
        groups = (TRUTH_NAMES, *groups)
    for group in groups:
        fits = [column for column in available if _plain(column) in group]
        if fits:
            return fits
    return []


def is_truth_name(name: str) -> bool:
    """Return whether a column of this name holds the known truth rather than a vote."""
    return _plain(name) in TRUTH_NAMES


def looks_like_data(names: Sequence[str]) -> bool:
    """Return whether a header consists of numbers alone, as where a file has no header.

    Examples
    --------
    >>> looks_like_data(["0", "17", "1"]), looks_like_data(["item", "17", "18"])
    (True, False)
    """
    return bool(names) and all(re.fullmatch(r"-?\d+(\.\d+)?", name.strip()) for name in names)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _hint(name: str, available: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, available, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
