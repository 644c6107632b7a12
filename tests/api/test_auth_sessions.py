"""Logging in and out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from fieldsync.auth import passwords
from fieldsync.config import LOGIN_ATTEMPTS_MAX, LOGIN_LOCK_MINUTES
from tests.api.town import PASSWORD, Caller, Town


def log_in(town: Town, email: str, password: str = PASSWORD, slug: str | None = None) -> Any:
    return town.nobody().post(
        "/v1/sessions", {"partnership": slug or town.slug, "email": email, "password": password}
    )  # fmt: skip


def test_a_password_gives_a_token_for_a_working_day(town: Town) -> None:
    person = town.staff("dispatcher", ("admin", town.birch), password=True, email="ann@example.org")
    answer = log_in(town, "Ann@Example.ORG")
    assert answer.status_code == 201
    assert answer.json["token"].startswith("fss_")
    me = Caller(town.app, answer.json["token"]).get("/v1/me").json
    assert me == {
        "id": str(person.id), "email": "ann@example.org", "name": "Somebody",
        "roles": [{"role": "admin", "jurisdiction_id": str(town.birch)},
                  {"role": "dispatcher", "jurisdiction_id": None}],
        "partnership": {"id": str(town.partnership_id), "slug": town.slug, "name": "Two towns"},
        "token": {"purpose": "session", "label": None, "expires_at": answer.json["expires_at"]},
    }  # fmt: skip


def test_only_the_tokens_hash_is_kept(town: Town) -> None:
    town.staff(password=True, email="ann@example.org")
    token = log_in(town, "ann@example.org").json["token"]
    kept = " ".join(str(dict(row)) for row in town.rows("SELECT * FROM token WHERE partnership_id = :p"))
    assert token not in kept
    assert token[4:] not in kept


@pytest.mark.parametrize("what", ["password", "email", "slug", "disabled", "no password"])
def test_nothing_tells_what_was_wrong(town: Town, what: str) -> None:
    person = town.staff("gis", password=what != "no password", email="ann@example.org")
    if what == "disabled":
        assert town.staff("admin").post(f"/v1/staff/{person.id}/disable").status_code == 200
    answer = log_in(
        town,
        "bob@example.org" if what == "email" else "ann@example.org",
        "another password" if what == "password" else PASSWORD,
        "nowhere" if what == "slug" else None,
    )
    assert answer.status_code == 401
    assert answer.json["code"] == "wrong_credentials"
    assert answer.json["detail"] == "The partnership, e-mail address or password is not right."


def test_a_password_is_compared_even_where_there_is_none() -> None:
    """So that the time taken does not tell whether somebody exists: the same work is done."""
    compared = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002
            compared.append(str(hash))
            return super().verify(hash, password)

    hasher = Counting(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    assert not passwords.check(None, "anything", hasher).right
    assert not passwords.check(passwords.hashed("something"), "anything", hasher).right
    nobodys, somebodys = (hash_.split("$")[:4] for hash_ in compared)
    assert nobodys == somebodys == ["", "argon2id", "v=19", "m=19456,t=2,p=1"]


def test_a_hash_of_another_cost_is_made_anew(town: Town) -> None:
    town.staff(password=True, email="ann@example.org")
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=2).hash(PASSWORD)
    town.run("UPDATE staff SET password_hash = :old WHERE partnership_id = :p", old=old)
    assert log_in(town, "ann@example.org").status_code == 201
    (row,) = town.rows("SELECT password_hash FROM staff WHERE partnership_id = :p")
    assert "$m=19456,t=2,p=1$" in row.password_hash
    assert log_in(town, "ann@example.org").status_code == 201


class TestTooManyAttempts:
    def fail(self, town: Town, email: str, times: int) -> list[int]:
        return [log_in(town, email, "wrong password").status_code for _ in range(times)]

    @pytest.mark.parametrize("known", [True, False], ids=["somebody", "nobody"])
    def test_lock_the_address_for_a_while(self, town: Town, known: bool) -> None:
        town.staff(password=True, email="ann@example.org")
        email = "ann@example.org" if known else "nobody@example.org"
        assert self.fail(town, email, LOGIN_ATTEMPTS_MAX) == [401] * LOGIN_ATTEMPTS_MAX
        answer = log_in(town, email)
        assert (answer.status_code, answer.json["code"]) == (429, "too_many_requests")
        assert 0 < int(answer.headers["Retry-After"]) <= LOGIN_LOCK_MINUTES * 60
        if known:
            town.staff(password=True, email="bob@example.org")
            assert log_in(town, "bob@example.org").status_code == 201

    def test_the_lock_ends_however_often_somebody_knocks(self, town: Town) -> None:
        town.staff(password=True, email="ann@example.org")
        self.fail(town, "ann@example.org", LOGIN_ATTEMPTS_MAX)
        (before,) = town.rows("SELECT forgotten_at FROM login_attempts WHERE partnership_id = :p")
        assert self.fail(town, "ann@example.org", 3) == [429] * 3
        (after,) = town.rows("SELECT forgotten_at FROM login_attempts WHERE partnership_id = :p")
        assert after == before
        later = timedelta(minutes=LOGIN_LOCK_MINUTES)
        town.run(
            "UPDATE login_attempts SET forgotten_at = forgotten_at - :later WHERE partnership_id = :p", later=later
        )
        assert log_in(town, "ann@example.org").status_code == 201

    def test_a_success_forgets_the_failures(self, town: Town) -> None:
        town.staff(password=True, email="ann@example.org")
        for _ in range(2):
            self.fail(town, "ann@example.org", LOGIN_ATTEMPTS_MAX - 1)
            assert log_in(town, "ann@example.org").status_code == 201
        assert town.rows("SELECT 1 FROM login_attempts WHERE partnership_id = :p") == []

    def test_guesses_at_the_same_moment_are_all_counted(self, town: Town) -> None:
        town.staff(password=True, email="ann@example.org")
        with ThreadPoolExecutor(8) as pool:
            guesses = [pool.submit(log_in, town, "ann@example.org", "wrong password") for _ in range(20)]
            answers = [guess.result().status_code for guess in guesses]
        assert answers.count(401) == LOGIN_ATTEMPTS_MAX
        assert answers.count(429) == 20 - LOGIN_ATTEMPTS_MAX


def test_logging_out_ends_the_token(town: Town) -> None:
    person = town.staff("gis")
    assert person.get("/v1/me").status_code == 200
    assert person.delete("/v1/sessions/current").status_code == 204
    assert person.get("/v1/me").status_code == 401


def test_an_expired_token_is_none(town: Town) -> None:
    person = town.staff("gis")
    town.run("UPDATE token SET expires_at = now() - interval '1 second' WHERE partnership_id = :p")
    answer = person.get("/v1/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer fss_" + "A" * 64, "Bearer é"])
def test_what_is_no_token_of_ours_lets_nobody_in(town: Town, header: str) -> None:
    assert town.nobody().get("/v1/me", headers={"Authorization": header}).status_code == 401


def test_ended_sessions_are_cleared_away(town: Town) -> None:
    town.staff(password=True, email="ann@example.org")
    log_in(town, "ann@example.org")
    town.run("UPDATE token SET expires_at = now() - interval '1 day' WHERE partnership_id = :p")
    log_in(town, "ann@example.org")
    assert len(town.rows("SELECT 1 FROM token WHERE partnership_id = :p")) == 1


class TestOwnPassword:
    def test_is_changed_with_the_current_one(self, town: Town) -> None:
        person = town.staff("gis", password=True, email="ann@example.org")
        elsewhere = Caller(town.app, log_in(town, "ann@example.org").json["token"])
        wanted = {"current_password": PASSWORD, "new_password": "a whole new sentence"}
        assert person.put("/v1/me/password", wanted).status_code == 204
        assert log_in(town, "ann@example.org").status_code == 401
        assert log_in(town, "ann@example.org", "a whole new sentence").status_code == 201
        assert person.get("/v1/me").status_code == 200
        assert elsewhere.get("/v1/me").status_code == 401

    def test_cannot_be_guessed_with_a_stolen_session(self, town: Town) -> None:
        person = town.staff("gis", password=True)
        wanted = {"current_password": "a guess", "new_password": "a whole new sentence"}
        answers = [person.put("/v1/me/password", wanted) for _ in range(LOGIN_ATTEMPTS_MAX + 1)]
        assert [answer.status_code for answer in answers] == [422] * LOGIN_ATTEMPTS_MAX + [429]
        assert answers[0].json["field"] == "current_password"
