"""All models, imported so that the metadata is whole."""

from fieldsync.auth import models as auth
from fieldsync.boundaries import models as boundaries
from fieldsync.crews import models as crews
from fieldsync.journal import models as journal
from fieldsync.partnerships import models as partnerships
from fieldsync.workorders import models as workorders

__all__ = ["auth", "boundaries", "crews", "journal", "partnerships", "workorders"]
