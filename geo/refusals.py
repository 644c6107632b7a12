"""Every reason why a boundary file is not read or a version not published, as a tree of exceptions.

Each has a `code` for machines and a docstring for people; `str()` adds what is particular to the case.
Nothing in a file is repaired: it is refused with the place to look at, and whoever owns the file corrects
it.
"""

from __future__ import annotations

from typing import ClassVar


class BoundaryRefusal(Exception):
    """The boundaries are refused."""

    code: ClassVar[str] = "boundary_refused"

    def __init__(self, detail: str = "", **facts: object) -> None:
        """`detail` is a sentence about this case; `facts` are what a program may want of it, such as
        version_id."""
        self.detail = detail
        self.facts = facts
        super().__init__(self.sentence)

    @property
    def title(self) -> str:
        """What all refusals of this kind say."""
        return " ".join((type(self).__doc__ or "").split())

    @property
    def sentence(self) -> str:
        return f"{self.title} {self.detail}".strip()


class VersionUnknown(BoundaryRefusal):
    """There is no such version of a boundary layer."""

    code = "version_unknown"


class LayerUnknown(BoundaryRefusal):
    """There is no such boundary layer."""

    code = "layer_unknown"


class VersionIsDraft(BoundaryRefusal):
    """A draft decides no jurisdiction: publish it first."""

    code = "version_is_draft"


class VersionNotDraft(BoundaryRefusal):
    """Only a draft can be published, and once."""

    code = "version_not_draft"


class VersionEmpty(BoundaryRefusal):
    """A version without areas cannot be published."""

    code = "version_empty"


class StartsTooEarly(BoundaryRefusal):
    """A version must hold from later than the one before it: the past is not rewritten."""

    code = "starts_too_early"


class NotChecked(BoundaryRefusal):
    """A draft must have been checked before it is published."""

    code = "version_not_checked"


class HasErrors(BoundaryRefusal):
    """A draft whose check found errors cannot be published: correct or repair it."""

    code = "version_has_errors"


class ReportOutdated(BoundaryRefusal):
    """The check report was made against another version than the one before it now: check it again."""

    code = "report_outdated"


class NotAcknowledged(BoundaryRefusal):
    """Every kind of warning in the check report must be acknowledged by name."""

    code = "warnings_not_acknowledged"


class VersionNotPublished(BoundaryRefusal):
    """Only a published version can be withdrawn, and once."""

    code = "version_not_published"


class NotTheLast(BoundaryRefusal):
    """Only the last version of a layer can be withdrawn."""

    code = "version_not_last"


class FileRefused(BoundaryRefusal):
    """The file cannot be trusted as boundaries."""

    code = "file_refused"

    def __init__(
        self,
        detail: str = "",
        *,
        feature: int | None = None,
        field: str | None = None,
        part: str | None = None,
        **facts: object,
    ) -> None:
        """`feature` counts from 1 in the file's order; `part` is a file in an archive, a layer, or a
        place."""
        self.feature, self.field, self.part = feature, field, part
        super().__init__(detail, **facts)

    @property
    def sentence(self) -> str:
        where = [
            f"{word} {value}"
            for word, value in (("feature", self.feature), ("field", self.field), ("at", self.part))
            if value is not None
        ]
        place = f" ({', '.join(where)})" if where else ""
        return f"{super().sentence}{place}"


class FormatUnknown(FileRefused):
    """The file is no GeoPackage, shapefile, file geodatabase, GeoJSON FeatureCollection, TopoJSON or
    FlatGeobuf."""

    code = "format_unknown"


class FileTooLarge(FileRefused):
    """The file is larger than a boundary file may be."""

    code = "file_too_large"


class FileUnreadable(FileRefused):
    """The file is damaged or cut short."""

    code = "file_unreadable"


class FileTooComplex(FileRefused):
    """Reading the file takes more time or memory than a boundary file may."""

    code = "file_too_complex"


class ArchiveUnsafe(FileRefused):
    """The archive holds an entry that does not belong in one: a path that leads out, a link, an encrypted
    file."""

    code = "archive_unsafe"


class ArchiveTooLarge(FileRefused):
    """The archive holds more files or more bytes than a packed boundary file may."""

    code = "archive_too_large"


class ArchiveIncomplete(FileRefused):
    """A file is missing that the boundary file consists of."""

    code = "archive_incomplete"


class LayerNotChosen(FileRefused):
    """The file has several layers: say which one."""

    code = "layer_not_chosen"


class LayerNotFound(FileRefused):
    """The file has no such layer."""

    code = "layer_not_found"


class LayerIsView(FileRefused):
    """The layer is a stored query, which is not run here: save it as a table."""

    code = "layer_is_view"


class CrsMissing(FileRefused):
    """The file does not say in which coordinate system it is."""

    code = "crs_missing"


class CrsUnreadable(FileRefused):
    """The coordinate system cannot be understood."""

    code = "crs_unreadable"


class CrsSuspect(FileRefused):
    """In the coordinate system that the file states, the layer does not meet the area that it is for: confirm
    the system, or say which it is."""

    code = "crs_suspect"


class CrsUntied(FileRefused):
    """No known transformation leads from the file's coordinate system to longitude and latitude (WGS 84)."""

    code = "crs_untied"


class OutsideAreaOfUse(FileRefused):
    """A coordinate lies outside the area for which its coordinate system is made."""

    code = "outside_area_of_use"


class EncodingUnknown(FileRefused):
    """The file's text encoding is not stated, or is none that is known."""

    code = "encoding_unknown"


class EncodingWrong(FileRefused):
    """A text is not in the encoding that the file states."""

    code = "encoding_wrong"


class NoAreas(FileRefused):
    """The layer has no features."""

    code = "no_areas"


class TooManyAreas(FileRefused):
    """The layer has more features than a version may have areas."""

    code = "too_many_areas"


class TooManyVertices(FileRefused):
    """The layer has more vertices than a version may have."""

    code = "too_many_vertices"


class RingTooLong(FileRefused):
    """One ring or line has more vertices than it may."""

    code = "ring_too_long"


class GeometryMissing(FileRefused):
    """A feature has no geometry, or an empty one."""

    code = "geometry_missing"


class NotPolygon(FileRefused):
    """A feature is no polygon of straight edges."""

    code = "not_polygon"


class CoordinateNotFinite(FileRefused):
    """A coordinate is no finite number."""

    code = "coordinate_not_finite"


class GeometryInvalid(FileRefused):
    """A ring is not closed or has too few points to be one."""

    code = "geometry_invalid"


class LineTooLong(FileRefused):
    """A line reaches too far from east to west for its width to be kept."""

    code = "line_too_long"


class FieldNotFound(FileRefused):
    """The layer has no such field."""

    code = "field_not_found"


class FieldUnclear(FileRefused):
    """Which field holds the code or the name is not clear: say which one."""

    code = "field_unclear"


class DateUnreadable(FileRefused):
    """The text is no date."""

    code = "date_unreadable"


class TextTooLong(FileRefused):
    """A code, a name or an owner is longer than it may be."""

    code = "text_too_long"
