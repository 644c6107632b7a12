from __future__ import annotations
import random, threading, time, json, uuid
from collections import Counter
from datetime import date, timedelta, datetime, UTC
from tests.api.assignments.conftest import *  # noqa
from tests.api.assignments.scene import EAST, WEST, Scene, at

def test_hammer(scene: Scene, monkeypatch):
    import fieldsync.database as D
    real = D.translated
    def mine(error):
        o = error.orig
        if getattr(o, 'sqlstate', None) not in ('23505', None):
            import traceback
            print('PGERR', o.sqlstate, o.diag.message_detail, 'CTX', o.diag.context, 'STMT', error.statement[:300].replace(chr(10), ' '), [f.name+':'+str(f.lineno) for f in traceback.extract_tb(error.__traceback__) if 'fieldsync' in f.filename][-8:])
        return real(error)
    monkeypatch.setattr(D, 'translated', mine)
    w = scene.world
    cap = scene.agree(cap_minutes=600, cap_period="day")
    scene.agree("east", "west")
    # service levels
    cal = w.ask("POST", "/service-levels/calendars", "admin", json={"name": "c", "time_zone": "UTC", "hours": [{"weekday": d, "from": "00:00", "until": "24:00"} for d in range(1, 8)], "holidays": []})
    assert cal.status_code == 201, cal.json
    pol = w.ask("POST", "/service-levels/policies", "admin", json={"targets": [{"calendar_id": cal.json["id"], "response_minutes": 50000, "resolution_minutes": 90000}]})
    assert pol.status_code == 201, pol.json
    time.sleep(0.1)
    jobs = [scene.job(random.choice([EAST, WEST])) for _ in range(30)]
    stop = time.monotonic() + 40
    seen = Counter(); errors = []
    def note(name, r):
        code = (r.json or {}).get("code") if r.status_code >= 400 else ""
        seen[name, r.status_code, code] += 1
        if r.status_code >= 500: errors.append((name, r.json))
    def assigner(seed):
        rng = random.Random(seed)
        while time.monotonic() < stop:
            k = rng.random()
            if k < .5:
                items = [scene.item(rng.choice(jobs), rng.choice(["alpha", "beta", "gamma"]), hour=rng.randrange(0, 20), minutes=rng.choice([30, 60, 120]), override=True, reason="x", move_pinned=True) for _ in range(rng.randrange(1, 8))]
                note("give", scene.ask(items, rng.choice(["dispatcher", "of west", "of east"])))
            else:
                lst = w.ask("GET", "/assignments?state=planned&limit=50", "dispatcher").json["items"]
                if not lst: continue
                if k < .75:
                    some = rng.sample(lst, min(len(lst), 6))
                    note("moves", w.ask("POST", "/assignments/moves", "dispatcher", json={"items": [{"id": o["id"], "version": o["version"], "starts_at": at(rng.randrange(0, 20)), "crew_id": scene.crew(rng.choice(["alpha", "beta", "gamma"])), "override": True, "reason": "r"} for o in some]}))
                elif k < .85:
                    note("release", scene.take("release", rng.choice(lst)))
                else:
                    note("recall", scene.take("recall", rng.choice(lst)))
    def office(seed):
        rng = random.Random(seed)
        while time.monotonic() < stop:
            j = rng.choice(jobs); d = w.read(j)
            k = rng.random()
            if k < .4: body = {"crew_id": rng.choice([scene.crew(c) for c in ("alpha", "beta", "gamma")] + [None])}
            elif k < .6: body = {"priority": rng.randrange(1, 6)}
            elif k < .8: body = {"status": rng.choice(["open", "in_progress", "on_hold", "cancelled"])}
            else: body = {"location": rng.choice([EAST, WEST])}
            note("office " + next(iter(body)), w.ask("PATCH", f"/work-orders/{j}", "dispatcher", d["etag"], json=body))
            if rng.random() < .2: note("pause", w.ask("POST", f"/work-orders/{j}/clock/" + rng.choice(["pause", "resume"]), json={"reason": "x"}))
    def crews(seed):
        rng = random.Random(seed)
        n = 0
        while time.monotonic() < stop:
            n += 1
            k = rng.random(); c = scene.crew(rng.choice(["alpha", "beta", "gamma"]))
            if k < .3: note("crew", w.ask("PATCH", f"/crews/{c}", "admin", json={"overtime_minutes": rng.randrange(0, 300)}))
            elif k < .45: note("absence", w.ask("POST", f"/crews/{c}/absences", "admin", json={"starts_at": at(rng.randrange(0, 20), 9), "ends_at": at(21, 9), "reason": "x"}))
            elif k < .55: note("tz", w.ask("PATCH", "/partnership", "admin", json={"time_zone": rng.choice(["UTC", "America/New_York"])}))
            elif k < .75:
                g, r_ = rng.sample(["west", "east"], 2)
                a = w.ask("POST", "/agreements", "admin", json={"code": f"X{uuid.uuid4().hex[:9]}", "title": "t", "starts_on": "2030-01-01", "terms": [{"giver_id": str(w.towns[g]), "receiver_id": str(w.towns[r_])}], "jurisdiction_id": str(w.towns[g])})
                note("propose", a)
                if a.status_code == 201:
                    v = a.json["versions"][0]["id"]
                    note("accept", w.ask("POST", f"/agreements/{a.json['id']}/versions/{v}/accept", "admin", json={"jurisdiction_id": str(w.towns[r_])}))
                    note("end", w.ask("POST", f"/agreements/{a.json['id']}/end", "admin", json={"on": "2030-01-02", "reason": "x", "jurisdiction_id": str(w.towns[r_])}))
            elif k < .9:
                now_ = datetime.now(UTC)
                q = w.ask("POST", "/resource-requests", "of east", json={"jurisdiction_id": str(w.towns["east"]), "title": "h", "starts_at": now_.isoformat(), "ends_at": (now_ + timedelta(days=5)).isoformat(), "crews_wanted": 1})
                note("request", q)
                if q.status_code == 201:
                    o = w.ask("POST", f"/resource-requests/{q.json['id']}/offers", "of west", q.json["etag"], json={"crew_id": scene.crew("alpha")})
                    note("offer", o)
                    if o.status_code == 201:
                        note("acc", w.ask("POST", f"/resource-requests/{q.json['id']}/offers/{o.json['id']}/accept", "of east", o.json["etag"], json={}))
                        note("rel", w.ask("POST", f"/resource-requests/{q.json['id']}/offers/{o.json['id']}/release", "of west", json={}))
            else:
                d = w.ask("GET", f"/service-levels/calendars/{cal.json['id']}", "admin").json
                note("calendar", w.ask("PUT", f"/service-levels/calendars/{cal.json['id']}", "admin", d["etag"], json={"name": "c", "time_zone": "UTC", "hours": d["hours"], "holidays": [{"day": f"2030-0{rng.randrange(1, 9)}-05", "name": "x"}]}))
    def expirer():
        from fieldsync.dispatch.expire import take_out_what_ended
        while time.monotonic() < stop:
            with w.app.app_context():
                try: take_out_what_ended()
                except Exception as e: errors.append(("expire", repr(e)))
            time.sleep(.3)
    def reader():
        while time.monotonic() < stop:
            note("board", w.ask("GET", "/board?from=2030-03-04&to=2030-03-05", "of east"))
            time.sleep(.2)
    before = w.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]
    tabs = {c: scene.tablet(c) for c in ("alpha", "beta", "gamma")}
    def tablet(c):
        rng = random.Random(c)
        t = tabs[c]
        while time.monotonic() < stop:
            try:
                t.exchange()
                mine = [r for k, r in t.records.items() if k[0] == "work_order"]
                if mine:
                    r = rng.choice(mine)
                    t.edit("work_order", r["id"], "update", base=r["version"], status=rng.choice(["in_progress", "on_hold"]))
            except AssertionError as e:
                errors.append(("tablet", str(e)[:300]))
            time.sleep(.05)
    def safe(f, *a):
        try: f(*a)
        except Exception as e:
            import traceback; errors.append(("thread", traceback.format_exc()[-600:]))
    ts = [threading.Thread(target=safe, args=x) for x in [(assigner, 1), (assigner, 2), (assigner, 3), (office, 4), (office, 5), (crews, 6), (crews, 7), (expirer,), (reader,), (tablet, "alpha"), (tablet, "gamma")]]
    for t in ts: t.start()
    for t in ts: t.join()
    time.sleep(1.2)
    after = w.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]
    print("DEADLOCKS", after - before)
    for k, v in sorted(seen.items(), key=str): print(k, v)
    print("ERRORS", len(errors)); [print(e) for e in errors[:12]]
    scene.check_law()
    for c, t in tabs.items():
        t.exchange()
        held = {i for (k, i) in t.records if k == "work_order"}
        real = {str(r[0]) for r in w.rows("SELECT id FROM work_order WHERE partnership_id=:p AND crew_id=:c AND deleted_at IS NULL", c=w.crews[c])}
        ha = {i: r["version"] for (k, i), r in t.records.items() if k == "assignment"}
        ra = {str(r[0]): r[1] for r in w.rows("SELECT id, version FROM assignment WHERE partnership_id=:p AND scope_crew_id=:c", c=w.crews[c])}
        print("TABLET", c, held == real, len(held), ha == ra, len(ha), len(ra), list(ha.items() ^ ra.items())[:3])
    over = w.rows("SELECT crew_id FROM assignment a WHERE partnership_id=:p AND state='planned' AND EXISTS (SELECT 1 FROM assignment b WHERE b.partnership_id=:p AND b.crew_id=a.crew_id AND b.id<>a.id AND b.state='planned' AND tstzrange(a.starts_at,a.ends_at) && tstzrange(b.starts_at,b.ends_at))")
    print("DOUBLE", len(over))
    print("CAP used", w.rows("SELECT starts_at::date, sum(minutes) FROM assignment WHERE partnership_id=:p AND grant_id=:g AND state<>'released' GROUP BY 1", g=cap))
    bad = w.rows("SELECT w.id, w.status FROM work_order w JOIN service_clock c ON c.partnership_id=w.partnership_id AND c.work_order_id=w.id WHERE w.partnership_id=:p AND ((c.sort='resolution' AND c.due_at IS DISTINCT FROM w.resolve_by) OR (c.sort='response' AND c.due_at IS DISTINCT FROM w.respond_by))")
    print("CLOCK COLUMNS differ", len(bad))
    bad = w.rows("SELECT count(*) FROM service_pause p WHERE partnership_id=:p AND ends_at IS NULL GROUP BY work_order_id, cause HAVING count(*)>1")
    print("OPEN PAUSES twice", len(bad))
