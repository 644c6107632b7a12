"""What every address has in common: how it takes bodies and how it says no."""

from __future__ import annotations

import gzip
import io
import json
import re
from typing import Any

import pytest
import zstandard
from flask import Flask

from fieldsync.config import BODY_BYTES_MAX, INFLATED_BYTES_MAX, Settings
from tests.api.town import Town
from tests.sync_model.world import end_app, make_app

CREW = {"code": "P1", "name": "Potholes"}


def post(town: Town, body: bytes, **headers: str) -> Any:
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return town.staff("admin").post("/v1/jurisdictions", data=body, headers=given)


def problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:fieldsync:problem:{document['code']}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, document["code"]


class TestBodies:
    def test_may_come_compressed(self, town: Town) -> None:
        for number, (encoding, compress) in enumerate(
            [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress), ("identity", bytes)]
        ):
            body = compress(json.dumps(CREW | {"code": f"P{number}"}).encode())
            assert post(town, body, Content_Encoding=encoding).status_code == 201

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"nonsense", b"{} {}", b'{"name": NaN}', b'{"name": "\xff"}', b'{"name": "\\ud800"}',
         b"[" * 200_000, b'{"name": 1e999}', "\ufeff{}".encode(), b"'{}'", b'{"a":' * 5_000 + b"1" + b"}" * 5_000],
        ids=lambda body: str(body[:20]),
    )  # fmt: skip
    def test_that_are_not_json_are_malformed(self, town: Town, body: bytes) -> None:
        assert problem(post(town, body)) == (400, "malformed_body")

    @pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7"])
    def test_that_are_no_object_are_not_acceptable(self, town: Town, body: bytes) -> None:
        assert problem(post(town, body)) == (422, "invalid_value")

    def test_say_what_they_are(self, town: Town) -> None:
        body = json.dumps(CREW).encode()
        assert problem(post(town, body, Content_Type="text/plain")) == (415, "unsupported_media_type")
        assert problem(post(town, body, Content_Encoding="br")) == (415, "unsupported_encoding")
        assert problem(post(town, gzip.compress(body)[:-9], Content_Encoding="gzip")) == (400, "malformed_body")
        assert problem(post(town, body, Content_Encoding="zstd")) == (400, "malformed_body")

    def test_have_a_limit_on_the_wire_and_once_inflated(self, town: Town) -> None:
        assert problem(post(town, b" " * (BODY_BYTES_MAX + 1))) == (413, "body_too_large")
        bomb = io.BytesIO()
        with gzip.GzipFile(fileobj=bomb, mode="wb", compresslevel=9) as zipped:
            for _ in range(INFLATED_BYTES_MAX // 2**20 + 1):
                zipped.write(b" " * 2**20)
        assert len(bomb.getvalue()) < 100_000
        assert problem(post(town, bomb.getvalue(), Content_Encoding="gzip")) == (413, "body_too_large")

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"name": "nul\0"}, "name"), ({"name": "x" * 201}, "name"), ({"name": None}, "name"),
         ({"name": ["x"]}, "name"), ({"colour": "red"}, "colour"), ({"name": 7}, "name"), ({"id": "x"}, "id")],
    )  # fmt: skip
    def test_are_refused_by_field(self, town: Town, change: Any, field: str) -> None:
        answer = post(town, json.dumps(CREW | change).encode())
        assert problem(answer) == (422, "invalid_value")
        assert (answer.json["field"], answer.json["errors"][0]["field"]) == (field, field)

    @pytest.mark.parametrize("slug", ["", "demo\n", "{x}", "Demo", "d" * 41])
    def test_are_refused_where_they_do_not_match_as_a_whole(self, town: Town, slug: str) -> None:
        body = {"partnership": slug, "email": "a@b", "password": "x"}
        answer = town.nobody().post("/v1/sessions", body)
        assert (problem(answer), answer.json["field"]) == ((422, "invalid_value"), "partnership")

    def test_are_refused_with_all_that_is_wrong(self, town: Town) -> None:
        answer = post(town, b'{"code": 7, "size": 1}')
        assert sorted(error["field"] for error in answer.json["errors"]) == ["code", "name", "size"]


class TestAddresses:
    def test_that_are_not_there_say_so(self, town: Town) -> None:
        for path in ("/nothing", "/v1/nothing", "/v1/crews/x", "/v1/crews/", "/docs/../wsgi.py", "/docs/home.html"):
            assert problem(town.nobody().get(path)) == (404, "not_found")

    def test_say_which_methods_they_take(self, town: Town) -> None:
        answer = town.nobody().delete("/healthz")
        assert problem(answer) == (405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}

    def test_refuse_parameters_that_they_do_not_know(self, town: Town) -> None:
        answer = town.staff("admin").get("/v1/crews?colour=red")
        assert problem(answer) == (422, "invalid_value")
        assert answer.json["field"] == "colour"

    def test_give_each_request_an_id(self, town: Town) -> None:
        nobody = town.nobody()
        assert nobody.get("/healthz", headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"] == "mine-1"
        odd = nobody.get("/healthz", headers={"X-Request-Id": "a b\t"}).headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f-]{36}", odd)


class TestForThoseWhoRunTheServer:
    def test_health(self, town: Town) -> None:
        assert town.nobody().get("/healthz").json == {"status": "alive"}
        assert town.nobody().get("/readyz").json == {"status": "ready"}

    def test_a_database_that_is_away(self) -> None:
        app = make_app("postgresql://nobody@/nothing?host=/nowhere&connect_timeout=2")
        answer = app.test_client().get("/readyz")
        assert problem(answer) == (503, "come_again")
        assert int(answer.headers["Retry-After"]) > 0
        assert app.test_client().get("/healthz").status_code == 200

    def test_metrics_ask_for_their_token(self, database_url: str, town: Town) -> None:
        assert b"fieldsync_requests_total" in town.nobody().get("/metrics").data
        app = make_app(database_url, metrics_token="s3cret")
        for given, status in (("", 401), ("Bearer wrong", 401), ("Bearer é", 401), ("Bearer s3cret", 200)):
            assert app.test_client().get("/metrics", headers={"Authorization": given}).status_code == status
        end_app(app)


class TestThePagesForPeople:
    def test_load_nothing_from_elsewhere(self, sync_app: Flask) -> None:
        client = sync_app.test_client()
        for path in ("/", "/docs"):
            page = client.get(path)
            assert page.status_code == 200
            policy = page.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
            assert "unsafe" not in policy
            assert "http" not in policy
            text = page.get_data(as_text=True)
            assert "//" not in text
            assert "<script>" not in text
            assert "style=" not in text
            for link in re.findall('(?:href|src)="([^"]*)"', text):
                assert client.get(link).status_code == 200, link

    def test_are_kept_by_the_browser_until_they_change(self, sync_app: Flask) -> None:
        client = sync_app.test_client()
        for path in ("/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"):
            tag = client.get(path).headers["ETag"]
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 304

    def test_answers_come_compressed_to_those_who_take_it(self, sync_app: Flask) -> None:
        plain = sync_app.test_client().get("/openapi.json")
        for encoding, inflate in (("gzip", gzip.decompress), ("zstd", zstandard.ZstdDecompressor().decompress)):
            answer = sync_app.test_client().get("/openapi.json", headers={"Accept-Encoding": encoding})
            assert answer.headers["Content-Encoding"] == encoding
            assert len(answer.data) < len(plain.data) / 5
            assert inflate(answer.data) == plain.data


def test_settings_have_a_public_address(database_url: str, town: Town) -> None:
    app = make_app(database_url, public_url="https://sync.example.org")
    assert isinstance(app.config["FIELDSYNC"], Settings)
    behind = Town.__new__(Town)
    behind.__dict__ = town.__dict__ | {"app": app}
    assert "server=https%3A%2F%2Fsync.example.org&" in behind.code()["qr_payload"]
    end_app(app)
