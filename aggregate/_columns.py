"""Which column holds the item, which the annotator, which the label: by name, never by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aggregate._validation import first_few

USUAL_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "item": (
        "item", "item_id", "task", "task_id", "question", "question_id", "example",
        "example_id", "object", "object_id", "instance", "instance_id", "sample", "sample_id",
        "unit", "unit_id", "_unit_id", "document", "doc_id", "subject", "subject_id",
        "subject_ids", "hitid", "hit_id", "orig_id", "record_id", "image", "image_id",
        "assignment:task_id", "items", "tasks",
    ),
    "annotator": (
        "annotator", "annotator_id", "worker", "worker_id", "workerid", "_worker_id",
        "amt_worker_id", "!amt_worker_ids", "rater", "rater_id", "user", "user_id", "user_name",
        "username", "labeler", "labeler_id", "labeller", "coder", "observer", "judge", "judge_id",
        "labelling_function", "lf", "performer", "source", "expert", "participant", "reviewer",
        "assignment:worker_id", "annotators", "workers",
    ),
    "label": (
        "label", "labels", "annotation", "answer", "response", "vote", "rating", "class",
        "category", "judgment", "judgement", "choice", "score", "grade", "value", "verdict",
    ),
}  # fmt: skip


def recognise_columns(
    available: Sequence[str], named: Mapping[str, str | None]
) -> tuple[dict[str, str], bool]:
    """Return the column of each role, and whether any was recognised rather than named.

    Parameters
    ----------
    available : sequence of str
        The columns there are.
    named : mapping from role to column name or None
        Roles to find, with the columns the user named.

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
        if name is not None:
            if name in available:
                found[role] = name
            else:
                problems.append(f"there is no column {name!r} for the {role}")
    taken = set(found.values())
    for role, name in named.items():
        if name is None:
            fits = candidates(role, [column for column in available if column not in taken])
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


def candidates(role: str, available: Sequence[str]) -> list[str]:
    """Return the columns with the most usual name for a role, case ignored.

    The names are in order of preference by their first word only: ``item`` wins over
    ``item_id`` only where both stand for the same thing, so any two different columns that
    fit are both returned.
    """
    usual = USUAL_NAMES[role]
    return [column for column in available if column.strip().lower() in usual]
