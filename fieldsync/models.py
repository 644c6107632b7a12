"""All models, imported so that the metadata is whole."""

from fieldsync.agreements import models as agreements
from fieldsync.agreements.requests import models as requests
from fieldsync.auth import models as auth
from fieldsync.boundaries import models as boundaries
from fieldsync.crews import models as crews
from fieldsync.journal import archive
from fieldsync.journal import models as journal
from fieldsync.partnerships import models as partnerships
from fieldsync.servicelevels import models as servicelevels
from fieldsync.sync.quarantine import models as quarantine
from fieldsync.workorders import models as workorders

__all__ = [
    "agreements", "archive", "auth", "boundaries", "crews", "journal", "partnerships", "quarantine", "requests",
    "servicelevels", "workorders",
]  # fmt: skip
