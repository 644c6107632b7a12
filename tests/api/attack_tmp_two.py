from __future__ import annotations
import time, base64, json
from datetime import date, timedelta, datetime, UTC
from sqlalchemy import text
from tests.api.assignments.conftest import *  # noqa
from tests.api.assignments.scene import EAST, WEST, NOWHERE, Scene, at
from tests.agreements import agree
from fieldsync.agreements.models import AgreementTerm
from fieldsync.auth.models import StaffRole
from fieldsync.crews.models import Crew
from fieldsync.database import new_id, transaction

def test_recall_future(scene: Scene):
    scene.agree(home_priority=False, starts_on=date(2030, 1, 1))
    job = scene.job(EAST)
    one = scene.assigned(job, "alpha", by="dispatcher")
    print("RECALL future v1", scene.take("recall", one, by="of west").json.get("code"))
    scene.run("UPDATE agreement_version SET during = daterange(lower(during), '2030-03-01') WHERE partnership_id = :p")
    scene.agree(starts_on=date(2030, 3, 1), home_priority=False)
    b = scene.world.ask("GET", "/board", "of east", query_string={"from": "2030-03-04", "to": "2030-03-05"}).json
    print("board clashes", [a["clashes"] for c in b["crews"] for a in c["assignments"]])
    r = scene.take("recall", one, by="of west")
    print("RECALL future v1 cut, v2 (none with priority):", r.status_code, r.json.get("code"), "crew now", scene.crew_of(job))

def test_untimed_distance(scene: Scene):
    scene.run("UPDATE crew SET depot = ST_SetSRID(ST_MakePoint(-80.05, 40.6), 4326), reach_m = 90000 WHERE partnership_id = :p AND code='beta'")
    r = scene.world.ask("POST", "/work-orders", "of east", json={"title": "x", "service_type_id": str(scene.world.pothole), "location": EAST, "crew_id": scene.crew("beta")})
    print("DISTANCE", r.status_code, [x for x in r.json["reasons"] if "distance_m" in x])
    r = scene.world.ask("GET", "/crews", "of east"); print("CREWS east sees", [c["code"] for c in r.json["items"]], scene.world.ask("GET", f"/crews/{scene.crew('beta')}", "of east").status_code)

def test_run_out(scene: Scene, monkeypatch):
    from fieldsync.dispatch.board import read
    monkeypatch.setattr(read, "CHANGES_MAX", 4)
    w = scene.world
    jobs = [scene.job(WEST) for _ in range(3)]
    old = datetime.now(UTC)
    # each job has three parts that ended in the last minute (several crews impossible; so one after the other)
    base = old + timedelta(seconds=1)
    ids = []
    # part times: put into the past relative to 'at' by monkeypatching nothing: insert rows directly, ending between seen_at and now
    n = 0
    change = w.rows("SELECT change FROM head WHERE partnership_id = :p")[0][0]
    for j in jobs:
        for k in range(3):
            s = old - timedelta(minutes=10 * (n + 2)); n += 1
            scene.run("INSERT INTO assignment (partnership_id,id,version,change,scope_crew_id,work_order_id,created_at,updated_at,crew_id,starts_at,ends_at,minutes,pinned,state,assigned_by)"
                      " VALUES (:p,:i,1,1,:c,:j,now(),now(),:c,:s,:e,10,false,'planned',:st)", i=new_id(), c=scene.crew("alpha"), j=j, s=s, e=s + timedelta(minutes=10), st=w.staff["dispatcher"])
    r = w.ask("GET", "/board/changes", query_string={"from": "2030-03-04", "to": "2030-03-05", "since": change, "seen_at": (old - timedelta(hours=5)).isoformat()})
    print("RUNOUT reset", r.json["reset"], "jobs told", len(r.json["jobs"]), "of 3")

def test_head_stream(scene: Scene):
    from fieldsync.dispatch.board.streams import PLACES
    before = PLACES.count
    for _ in range(3):
        r = scene.world.ask("HEAD", "/board/events"); r.close()
    print("HEAD", r.status_code, PLACES.count - before)
    r = scene.world.ask("OPTIONS", "/board/events"); print("OPTIONS", r.status_code, PLACES.count - before)
    opened = [scene.world.ask("GET", "/board/events", "of west", buffered=False) for _ in range(33)]
    print("one person takes", sum(o.status_code == 200 for o in opened), "then", scene.world.ask("GET", "/board/events", "dispatcher").status_code)
    for o in opened: o.close()
    print("left", PLACES.count - before)

def test_mixed_roles(scene: Scene):
    w = scene.world
    w_ = {"partnership_id": w.partnership_id}
    with w.app.app_context(), transaction() as s:
        s.add(StaffRole(**w_, id=new_id(), staff_id=w.staff["of west"], role="admin", jurisdiction_id=None))
        s.add(StaffRole(**w_, id=new_id(), staff_id=w.staff["of east"], role="gis", jurisdiction_id=None))
    job = scene.job(EAST)
    print("MIXED assign", scene.give(scene.item(job, "gamma"), by="of west")[0]["problem"]["code"])
    r = w.ask("GET", "/board", "of east", query_string={"from": "2030-03-04", "to": "2030-03-05"}); print("gis whole: crews", [c["code"] for c in r.json["crews"]])
    r = w.ask("GET", "/agreements", "of east"); print(r.status_code)

def test_slow_suggestions(scene: Scene):
    w = scene.world
    hours = [{"weekday": d, "from": f"{h:02}:00", "until": f"{h:02}:01"} for d in range(1, 8) for h in (1, 5, 9, 13, 17, 21)]
    with w.app.app_context(), transaction() as s:
        t = agree(s, w.partnership_id, w.towns["west"], w.towns["east"], hours=hours)
        for i in range(2, 251):
            hs = [x | {"from": x["from"][:3] + f"{i % 55:02}", "until": x["from"][:3] + f"{i % 55 + 2:02}"} for x in hours]
            s.add(AgreementTerm(partnership_id=w.partnership_id, id=new_id(), version_id=t.version_id, position=i, giver_id=w.towns["west"], receiver_id=w.towns["east"], hours=hs))
    job = scene.job(EAST)
    for crews in (2, 10):
        if crews > 2:
            with w.app.app_context(), transaction() as s:
                for i in range(crews - 2):
                    s.add(Crew(partnership_id=w.partnership_id, id=new_id(), jurisdiction_id=w.towns["west"], code=f"c{i}", name=f"C{i}"))
        t0 = time.perf_counter(); r = w.ask("GET", f"/work-orders/{job}/suggestions", "of east", query_string={"days": 14, "minutes": 60}); t1 = time.perf_counter()
        print("SLOW suggestions", crews, "crews", r.status_code, round(t1 - t0, 2), "s", len(r.data), "bytes")
        t0 = time.perf_counter(); r = w.ask("GET", f"/work-orders/{job}/suggestions", "of east", query_string={"starts_at": at(9), "minutes": 60, "limit": 50}); t1 = time.perf_counter()
        print("at once", crews, r.status_code, round(t1 - t0, 2), len(r.data))
    ids = [scene.job(EAST) for _ in range(20)]
    t0 = time.perf_counter(); r = scene.ask([scene.item(j, "alpha", hour=9) for j in ids for _ in range(10)], by="of east"); t1 = time.perf_counter()
    print("GIVE 200 refused", r.status_code, round(t1 - t0, 2), len(r.data))
