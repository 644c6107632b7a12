"""The OpenAPI document as YAML: the same text on every machine."""

from __future__ import annotations

from typing import Any

import yaml
from flask import Flask

from fieldsync.reference.document import document_of


class _Dumper(yaml.SafeDumper):
    """Without anchors (OpenAPI tools do not all read them), and with long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(app: Flask) -> str:
    """The OpenAPI document of an application as YAML."""
    header = "# Made from the code by `make openapi`; do not edit.\n"
    body: str = yaml.dump(document_of(app), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return header + body
