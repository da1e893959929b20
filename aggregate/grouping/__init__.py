"""Many files of votes, together larger than memory, grouped by item into a folder."""

from aggregate.grouping.group import group_annotations

__all__ = ["group_annotations"]
