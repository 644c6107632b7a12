"""The shapes of boundary layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import fields as fields_of
from typing import Any

from marshmallow import ValidationError, fields, validate

from fieldsync.schemas import Answer, Flag, Instant, PageArgs, Request, Text, Whole, page_of
from geo.findings import Tolerances
from geo.tables import BORDER_M_MAX, TOLERANCE_M_MAX, WIDTH_M_MAX

ROLES = ("jurisdiction", "overlay", "reference")

RANK_MAX = 10_000
SERVICE_TYPES_MAX = 200
"""Service types that an overlay may name; more than a partnership has."""

NAME = "^[^\u0000-\u001f\u007f/]*[^\u0000-\u0020\u007f/]$"
"""A layer is named in a terminal as `Name/number`, so its name has no slash."""


class Metres(fields.Float):
    """A finite number of metres in JSON; a string is not taken for one."""

    def __init__(self, most: float, *, above: float | None = None, **options: Any) -> None:
        inclusive = above is None
        super().__init__(
            validate=validate.Range(min=0 if inclusive else above, max=most, min_inclusive=inclusive), **options
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.make_error("invalid", input=value)
        return float(value)


class TolerancesField(fields.Dict):
    """What the layer's check takes for small, where it differs from the default: see ``geo.findings.Tolerances``."""

    def __init__(self, **options: Any) -> None:
        known = ", ".join(f"`{each.name}` ({each.default:g})" for each in fields_of(Tolerances) if each.init)
        super().__init__(
            keys=fields.String(), values=fields.Float(allow_nan=False),
            metadata={"description": f"What the check takes for small: {known}. `_m`: metres, `_m2`: square metres."},
            **options,
        )  # fmt: skip

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        try:
            tolerances = asdict(Tolerances(**given))
        except TypeError:
            unknown = sorted(set(given) - {each.name for each in fields_of(Tolerances)})
            raise ValidationError(f"There is no {', '.join(unknown)[:200]}.") from None
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return {name: tolerances[name] for name in given}


class VersionInForceSchema(Answer):
    """The version that decides now."""

    id = fields.UUID()
    number = fields.Integer()
    starts = Instant()


class LayerSchema(Answer):
    """A named set of polygons, published in versions."""

    id = fields.UUID()
    name = fields.String()
    role = fields.String(
        validate=validate.OneOf(ROLES),
        metadata={"description": "`jurisdiction`: decides whose a job is; `overlay`: decides before it, where it lies;"
                                 " `reference`: decides nothing."},
    )  # fmt: skip
    tolerance_m = fields.Float(metadata={"description": "How far outside of everything a job is still taken in."})
    border_m = fields.Float(metadata={"description": "Jobs this close to a border are flagged for triage."})
    rank = fields.Integer(allow_none=True, metadata={"description": "An overlay's: the lowest is asked first."})
    service_types = fields.List(
        fields.String(), metadata={"description": "Codes of those that an overlay decides for; none: for all."}
    )
    width_m = fields.Float(allow_none=True, metadata={"description": "How wide an overlay's lines are drawn."})
    tolerances = fields.Dict(keys=fields.String(), values=fields.Float())
    public = fields.Boolean(metadata={"description": "Anybody may read its published versions."})
    created_at = Instant()
    in_force = fields.Nested(VersionInForceSchema, allow_none=True)
    versions = fields.Integer(metadata={"description": "How many there are, drafts included."})


LayerPageSchema = page_of(LayerSchema)


class LayerArgs(PageArgs):
    """Which layers to list."""

    role = fields.String(validate=validate.OneOf(ROLES))


class LayerPatchSchema(Request):
    """What may be changed of a layer; what is left out stays. Its role stays for good."""

    name = Text(100, min_length=1, pattern=NAME)
    tolerance_m = Metres(TOLERANCE_M_MAX)
    border_m = Metres(BORDER_M_MAX)
    rank = Whole(1, RANK_MAX)
    service_types = fields.List(Text(100, min_length=1), validate=validate.Length(max=SERVICE_TYPES_MAX))
    width_m = Metres(WIDTH_M_MAX, above=0, allow_none=True)
    tolerances = TolerancesField()
    public = Flag()


class NewLayerSchema(LayerPatchSchema):
    """A layer to make."""

    name = Text(100, min_length=1, pattern=NAME, required=True)
    role = fields.String(validate=validate.OneOf(ROLES), load_default="jurisdiction")
