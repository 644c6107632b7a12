"""What can keep the cluster from running; each sentence says what to do about it."""

from __future__ import annotations


class ClusterProblem(Exception):
    """The private cluster cannot run as asked."""
