"""openapi.yaml: up to date, valid, and complete."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask
from openapi_spec_validator import validate

from fieldsync.auth.actor import ANYONE, DEVICE, REVOKED_DEVICE, Blueprint
from fieldsync.cli import main
from fieldsync.workorders.kinds import KINDS

FILE = Path(__file__).parents[2] / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
METHODS = ("get", "post", "put", "patch", "delete")

OPERATIONS = [
    pytest.param(operation, item.get("parameters", []), id=operation["operationId"])
    for item in DOCUMENT["paths"].values()
    for method, operation in item.items()
    if method in METHODS
]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def parts(schema: dict[str, Any], path: str = "", seen: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its path."""
    name = schema.get("$ref", "")
    if name in seen:
        return
    schema = resolved(schema)
    yield path, schema
    for key, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{path}.{key}", (*seen, name))
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(key, ()):
            yield from parts(inner, path, (*seen, name))
    if isinstance(schema.get("items"), dict):
        yield from parts(schema["items"], f"{path}[]", (*seen, name))


def is_of(schema: dict[str, Any], kind: str) -> bool:
    return kind == schema.get("type") or (isinstance(schema.get("type"), list) and kind in schema["type"])


class TestTheFile:
    def test_is_up_to_date(self) -> None:
        result = CliRunner().invoke(main, ["openapi", "--check"])
        assert result.exit_code == 0, result.output

    def test_that_is_not_up_to_date_fails_the_check(self, tmp_path: Path) -> None:
        file = tmp_path / "openapi.yaml"
        assert CliRunner().invoke(main, ["openapi", "--check", str(file)]).exit_code == 1
        assert CliRunner().invoke(main, ["openapi", str(file)]).exit_code == 0
        assert file.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
        assert CliRunner().invoke(main, ["openapi", "--check", str(file)]).exit_code == 0
        file.write_text(file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
        result = CliRunner().invoke(main, ["openapi", "--check", str(file)])
        assert result.exit_code == 1
        assert "make openapi" in result.output

    def test_is_the_same_in_every_run(self) -> None:
        for seed in ("1", "2"):
            made = subprocess.run(
                [sys.executable, "-m", "fieldsync", "openapi", "-"], capture_output=True, check=True,
                env={**os.environ, "PYTHONHASHSEED": seed}, cwd=FILE.parent,
            ).stdout.decode()  # fmt: skip
            assert made == FILE.read_text(encoding="utf-8")

    def test_is_valid_openapi(self) -> None:
        assert DOCUMENT["openapi"].startswith("3.1")
        validate(DOCUMENT)

    def test_is_what_the_server_gives_to_programs(self, sync_app: Flask) -> None:
        assert sync_app.test_client().get("/openapi.json").json == DOCUMENT

    def test_names_only_what_is_there_and_used(self) -> None:
        used = set(references(DOCUMENT))
        there = {
            f"#/components/{sort}/{name}"
            for sort in ("schemas", "responses", "parameters", "headers")
            for name in DOCUMENT["components"].get(sort, ())
        }
        assert used == there

    def test_has_each_route_of_the_application(self, sync_app: Flask) -> None:
        documented = {param.values[0]["operationId"] for param in OPERATIONS}  # type: ignore[index, call-overload]
        routes = {
            rule.endpoint.replace(".", "_")
            for rule in sync_app.url_map.iter_rules()
            # The reference itself, and /ogc, which describes itself in OpenAPI 3.0 as its standard has it.
            if not rule.endpoint.startswith(("reference.", "ogc."))
        }
        assert documented == routes
        assert len(OPERATIONS) == len(documented)


@pytest.mark.parametrize(("operation", "parameters"), OPERATIONS)
class TestAnOperation:
    def test_says_what_it_does_and_who_may(self, operation: Any, parameters: Any, sync_app: Flask) -> None:
        assert operation["summary"]
        assert not operation["summary"].endswith(".")
        assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
        (rule,) = [
            rule for rule in sync_app.url_map.iter_rules()
            if rule.endpoint.replace(".", "_") == operation["operationId"]
        ]  # fmt: skip
        blueprint = sync_app.blueprints[rule.endpoint.rpartition(".")[0]]
        assert isinstance(blueprint, Blueprint)
        actors = blueprint.actors_of(rule.endpoint)
        device = {DEVICE, REVOKED_DEVICE} & set(actors)
        wanted = [] if ANYONE in actors else [{"deviceToken": []}] if device else [{"staffToken": []}]
        assert operation["security"] == wanted
        for role in actors if wanted == [{"staffToken": []}] else ():
            assert f"`{role}`" in operation["description"]

    def test_says_how_it_answers(self, operation: Any, parameters: Any) -> None:
        responses = operation["responses"]
        assert any(status.startswith("2") for status in responses)
        assert "default" in responses
        for status, given in responses.items():
            shared = given.get("$ref", "").rpartition("/")[2]
            response = DOCUMENT["components"]["responses"][shared] if shared else given
            assert response["description"]
            if status == "304":
                assert "content" not in response
            elif not status.startswith("2"):
                content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
                assert response["content"] == content
            elif status != "204":
                assert all(kind["schema"] for kind in response["content"].values())
        if operation["security"]:
            assert {"401", "403"} <= responses.keys()
        kinds = operation.get("requestBody", {}).get("content", {})
        if kinds:
            # A form is refused field by field; whatever else is sent has none.
            assert ({"400", "413", "415", "422"} if "application/json" in kinds else {"413", "422"}) <= responses.keys()
        if any(parameter["in"] == "path" for parameter in parameters):
            assert "404" in responses

    def test_limits_what_it_takes(self, operation: Any, parameters: Any) -> None:
        bodies = operation.get("requestBody", {}).get("content", {})
        taken = [("body", content["schema"]) for content in bodies.values()]
        own = [*parameters, *operation.get("parameters", [])]
        taken += [(parameter["name"], parameter["schema"]) for parameter in own if parameter["in"] == "query"]
        for name, whole in taken:
            for path, schema in parts(whole, name):
                if is_of(schema, "string"):
                    assert schema.keys() & {"maxLength", "enum", "const", "format", "pattern"}, path
                if is_of(schema, "array") and name == "body":
                    assert "maxItems" in schema, path
                if is_of(schema, "object") and "properties" in schema and schema is not resolved(whole):
                    assert schema.get("additionalProperties") is False or path.startswith("body.edits"), path

    def test_that_lists_has_pages(self, operation: Any, parameters: Any) -> None:
        success = next(response for status, response in operation["responses"].items() if status.startswith("2"))
        schema = resolved(success.get("content", {}).get("application/json", {}).get("schema", {}))
        if "items" in schema.get("properties", {}):
            limit, cursor = (
                next(one for one in operation["parameters"] if one["name"] == name) for name in ("limit", "cursor")
            )
            assert limit["schema"]["maximum"] <= 1_000
            assert cursor["required"] is False
            assert is_of(schema["properties"]["next"], "null") or "anyOf" in schema["properties"]["next"]


class TestTheExchange:
    def test_is_documented_by_kind(self) -> None:
        variants = SCHEMAS["QueuedEdit"]["discriminator"]["mapping"]
        assert list(variants) == list(KINDS)
        for name, kind in KINDS.items():
            variant = SCHEMAS[variants[name].rpartition("/")[2]]
            assert variant["properties"]["kind"] == {"const": name}
            fields = resolved(variant["properties"]["fields"])
            assert list(fields["properties"]) == list(kind.names)
            assert fields["additionalProperties"] is False

    def test_shows_the_records_that_it_sends(self) -> None:
        sent = {resolved(change)["properties"]["kind"].get("const") for change in SCHEMAS["Change"]["oneOf"]}
        assert sent == {*KINDS, "assignment", "jurisdiction", "service_type", None}
        assert SCHEMAS["Answer"]["properties"]["changes"]["items"] == {"$ref": "#/components/schemas/Change"}
