"""A PostGIS server of this project's own: in a folder, on a unix socket, ending with who started it."""

from .cluster import Cluster
from .databases import Databases
from .home import Home, Lock, LockedBy
from .problems import ClusterProblem

__all__ = ["Cluster", "ClusterProblem", "Databases", "Home", "Lock", "LockedBy"]
