"""What a cluster can do to a fit, in words."""

from __future__ import annotations


class ClusterError(RuntimeError):
    """A worker died, ran out of memory or lost what it held, more often than can be mended.

    The message says at which step and on which part of the votes, and what to change.
    """
