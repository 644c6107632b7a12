"""Reading a request's JSON body or query string for marshmallow: strictly, and inflated where it is compressed."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Request
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from fieldsync.bodies import read_json_body
from fieldsync.problems import MalformedBody


class StrictParser(FlaskParser):
    """webargs' parser, which refuses unknown fields and parameters, and reads bodies as ``/v1/sync`` does."""

    def __init__(self) -> None:
        super().__init__(unknown=RAISE)

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body as plain values.

        Raises:
            MalformedBody: it is not JSON in UTF-8 (also NaN, half a surrogate pair, or nested too deep).
            UnsupportedMediaType, UnsupportedEncoding, BodyTooLarge: see ``read_json_body``.
        """
        try:
            return msgspec.json.decode(read_json_body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedBody("The body is not JSON.") from error
