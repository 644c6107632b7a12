"""Files that are none, and archives that are damaged or mean harm."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

from tests.geo.damaged.case import Case, archive_of, content, cut, patched, with_entry, zipped
from tests.geo.made import zipped_shapefile


def directory_patched(offset: int, data: bytes, entry: int | None = None) -> bytes | object:
    """A zipped shapefile with other bytes in one entry of the archive's directory, or in all."""

    def make(folder: Path) -> Path:
        path = zipped_shapefile(folder)
        whole = bytearray(path.read_bytes())
        at, number = whole.find(b"PK\x01\x02"), 0
        while at >= 0:
            if entry in (None, number):
                whole[at + offset : at + offset + len(data)] = data
            at, number = whole.find(b"PK\x01\x02", at + 4), number + 1
        path.write_bytes(whole)
        return path

    return make


def overlapping(folder: Path) -> Path:
    """Several entries of one and the same packed megabyte, as bombs are made that need not recurse."""
    path = folder / "upon.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for extension in ("shp", "shx", "dbf"):
            opened.writestr(f"towns.{extension}", bytes(1_000_000))
            opened.getinfo(f"towns.{extension}").header_offset = 0
    return path


def without_name(folder: Path) -> Path:
    path = zipped_shapefile(folder)
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(zipfile.ZipInfo(""), b"x")
    return path


def before_the_archive(folder: Path) -> Path:
    """The archive's end says that its directory begins later, so that its entries would lie before the file."""
    path = zipped_shapefile(folder)
    whole = bytearray(path.read_bytes())
    at = whole.rfind(b"PK\x05\x06") + 16
    whole[at : at + 4] = struct.pack("<I", struct.unpack("<I", whole[at : at + 4])[0] + 5_000)
    path.write_bytes(whole)
    return path


def long_claimed(folder: Path) -> Path:
    """A megabyte of zeros whose directory entry claims a hundred bytes."""
    path = zipped_shapefile(folder, leave_out=("cpg",))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("towns.cpg", bytes(1_000_000))
    data = path.read_bytes()
    path.write_bytes(data.replace((1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    return path


def tar(folder: Path) -> Path:
    inside = zipped_shapefile(folder)
    with tarfile.open(folder / "towns.tar", "w") as opened:
        opened.add(inside, "towns.zip")
    return folder / "towns.tar"


def in_another(folder: Path) -> Path:
    inner = zipped_shapefile(folder)
    with zipfile.ZipFile(folder / "outer.zip", "w") as opened:
        opened.write(inner, "towns.zip")
    return folder / "outer.zip"


def many_entries(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "many.zip", "w") as opened:
        for number in range(5_001):
            opened.writestr(f"{number}.txt", b"")
    return folder / "many.zip"


def packed_otherwise(folder: Path) -> Path:
    """By a method whose unpacking may ask for gigabytes at the first byte."""
    inside = zipped_shapefile(folder)
    path = folder / "lzma.zip"
    with zipfile.ZipFile(inside) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as opened:
        for name in source.namelist():
            opened.writestr(name, source.read(name))
    return path


def bomb(folder: Path) -> Path:
    """A .shp of 801 MB that takes 3 MB packed: its zeros are packed once and repeated."""
    path = folder / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
        with opened.open("towns.shp", "w", force_zip64=True) as packed:
            for _ in range(801):
                packed.write(bytes(1_000_000))
        for extension in ("shx", "dbf"):
            opened.writestr(f"towns.{extension}", b"")
    return path


def utf16() -> bytes:
    return '{"type": "FeatureCollection", "features": []}'.encode("utf-16")


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(17)
ENCRYPTED = struct.pack("<H", 1)

_bytes = io.BytesIO()
with gzip.GzipFile(fileobj=_bytes, mode="wb", mtime=0) as _packed:
    _packed.write(b'{"type": "FeatureCollection"}')
GZ = _bytes.getvalue()

CASES = [
    Case("empty file", content("towns.zip", b""), "format_unknown"),
    Case("text", content("towns.zip", b"code,name\nA,B\n"), "format_unknown"),
    Case("text called GeoJSON", content("towns.geojson", b"Dear Sirs,\n"), "format_unknown"),
    Case("PDF called GeoPackage", content("towns.gpkg", PDF), "format_unknown"),
    Case("picture called shapefile", content("towns.shp", PNG), "format_unknown"),
    Case("page called archive", content("towns.zip", b"<!doctype html><title>404</title>"), "format_unknown"),
    Case("KML", content("towns.kml", b'<?xml version="1.0"?><kml/>'), "format_unknown"),
    Case("gz", content("towns.geojson.gz", GZ), "format_unknown"),
    Case("tar", tar, "format_unknown"),
    Case("JSON in UTF-16", content("towns.geojson", utf16()), "format_unknown"),
    Case("no such file", lambda folder: folder / "none.gpkg", "file_unreadable"),
    Case("a folder", lambda folder: folder, "file_unreadable"),
    Case("archive cut short", cut(zipped(), 0.7), "file_unreadable"),
    Case("archive of its first bytes only", content("towns.zip", b"PK\x03\x04"), "file_unreadable"),
    Case("archive without entries", content("t.zip", b"PK\x05\x06" + bytes(18)), "archive_incomplete"),
    Case("archive with a wrong checksum", directory_patched(16, bytes(4)), "file_unreadable"),
    Case("archive whose entries lie elsewhere", directory_patched(42, b"\xff\xff\xff\x7f"), "file_unreadable"),
    Case("archive with scribbled beginning", patched(zipped(), 30, bytes(200)), "file_unreadable"),
    Case("archive whose entries lie before it", before_the_archive, "file_unreadable"),
    Case("an entry without a name", without_name, "file_unreadable"),
    Case("entries upon each other", overlapping, "file_unreadable"),
    Case("more than was claimed", long_claimed, "file_unreadable"),
    Case("bomb of bytes", bomb, "archive_too_large", {"part": "towns.shp"}),
    Case("bomb of entries", many_entries, "archive_too_large"),
    Case("path upward", with_entry("../../outside.shp"), "archive_unsafe", {"part": "../../outside.shp"}),
    Case("path upward as on Windows", with_entry("..\\outside.shp"), "archive_unsafe"),
    Case("path of a drive", with_entry("C:\\outside.shp"), "archive_unsafe"),
    Case("path from the root", with_entry("/etc/outside"), "archive_unsafe", {"part": "/etc/outside"}),
    Case("link", with_entry("link", b"/etc/passwd", mode=0o120777), "archive_unsafe", {"part": "link"}),
    Case("encrypted", directory_patched(8, ENCRYPTED), "archive_unsafe"),
    Case("the same entry twice", with_entry("note.txt", times=2), "archive_unsafe", {"part": "note.txt"}),
    Case("packed by LZMA", packed_otherwise, "file_unreadable"),
    Case("archive within an archive", in_another, "archive_incomplete", {"part": ".shp"}),
    Case("archive of a GeoJSON", archive_of(towns__geojson=b"{}"), "archive_incomplete", {"part": ".shp"}),
    Case("no such shapefile", zipped(), "layer_not_found", {"part": "roads"}, {"layer": "roads"}),
]
