"""Who gets what from each operation of openapi.yaml: read this table before you add to it."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.auth.models import ROLES

ANYONE, DEVICE, REVOKED, STAFF = "anyone", "device", "revoked_device", "staff"


@dataclass(frozen=True)
class Expected:
    """What an operation answers, by who asks for things of home."""

    actors: tuple[str, ...]
    """Who is let in: roles of staff, tablets, anybody, or tablets that were revoked. All others: 401 without a token
    that is taken, 403 with one."""
    elsewhere: int
    """The status for somebody of these roles from another town of the partnership; for a tablet of another crew."""
    abroad: int
    """The status for somebody of these roles in another partnership. No answer to her names anything of home."""


# Method and address | who is let in | from elsewhere | from another partnership. Lists are her own, hence 200; what is
# the whole partnership's, such as agreements, boundaries and lists of codes, is read everywhere in it.
_TABLE = """
POST   /v1/sync                                                               device                   200 200
GET    /v1/sync/edits/{edit_id}                                               device                   404 404
POST   /v1/sync/deposit                                                       revoked_device           403 403
GET    /v1/sync/refused                                                       device                   200 200
POST   /v1/devices/enrol                                                      anyone                   401 401
GET    /v1/devices/current                                                    device                   200 200
POST   /v1/devices/current/token                                              device                   201 201
POST   /v1/sessions                                                           anyone                   401 401
GET    /v1/me                                                                 staff                    200 200
PUT    /v1/me/password                                                        staff                    422 422
GET    /v1/work-orders                                                        dispatcher,admin         200 200
POST   /v1/work-orders                                                        dispatcher               422 422
GET    /v1/work-orders/{work_order_id}                                        dispatcher,admin         404 404
PATCH  /v1/work-orders/{work_order_id}                                        dispatcher               404 404
DELETE /v1/work-orders/{work_order_id}                                        dispatcher               404 404
GET    /v1/work-orders/{work_order_id}/history                                dispatcher,admin         404 404
POST   /v1/work-orders/{work_order_id}/assignment                             dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/cancellation                           dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/restoration                            dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/notes                                  dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/tasks                                  dispatcher               404 404
PATCH  /v1/work-orders/{work_order_id}/tasks/{task_id}                        dispatcher               404 404
DELETE /v1/work-orders/{work_order_id}/tasks/{task_id}                        dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/tasks/{task_id}/restoration            dispatcher               404 404
GET    /v1/work-orders/{work_order_id}/clock                                  dispatcher,admin         404 404
POST   /v1/work-orders/{work_order_id}/clock/pause                            dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/clock/resume                           dispatcher               404 404
GET    /v1/conflicts                                                          dispatcher,admin         200 200
GET    /v1/conflicts/{conflict_id}                                            dispatcher,admin         404 404
POST   /v1/conflicts/{conflict_id}/settlement                                 dispatcher               404 404
POST   /v1/work-orders/{work_order_id}/conflicts/settlement                   dispatcher               404 404
GET    /v1/merge-policies                                                     staff                    200 200
GET    /v1/merge-policies/changes                                             staff                    200 200
GET    /v1/merge-policies/{kind}/{field}                                      staff                    200 200
PUT    /v1/merge-policies/{kind}/{field}                                      admin                    403 412
DELETE /v1/merge-policies/{kind}/{field}                                      admin                    403 412
GET    /v1/refused-edits                                                      dispatcher,admin         200 200
GET    /v1/refused-edits/{sender_id}/{refused_edit_id}                        dispatcher,admin         404 404
POST   /v1/refused-edits/{sender_id}/{refused_edit_id}/apply                  dispatcher               404 404
POST   /v1/refused-edits/{sender_id}/{refused_edit_id}/send-back              dispatcher               404 404
POST   /v1/refused-edits/{sender_id}/{refused_edit_id}/dismiss                dispatcher               404 404
GET    /v1/triage                                                             dispatcher,gis,admin     200 200
POST   /v1/triage/{work_order_id}                                             dispatcher,gis           404 404
GET    /v1/board                                                              dispatcher,admin         200 200
GET    /v1/board/jobs                                                         dispatcher,admin         200 200
GET    /v1/board/changes                                                      dispatcher,admin         200 200
GET    /v1/board/events                                                       dispatcher,admin         200 200
GET    /v1/assignments                                                        dispatcher,admin         200 200
POST   /v1/assignments                                                        dispatcher               200 200
POST   /v1/assignments/moves                                                  dispatcher               200 200
GET    /v1/assignments/{assignment_id}                                        dispatcher,admin         404 404
PATCH  /v1/assignments/{assignment_id}                                        dispatcher               404 404
POST   /v1/assignments/{assignment_id}/release                                dispatcher               404 404
POST   /v1/assignments/{assignment_id}/recall                                 dispatcher               404 404
GET    /v1/work-orders/{work_order_id}/assignments                            dispatcher,admin         404 404
GET    /v1/work-orders/{work_order_id}/suggestions                            dispatcher,admin         404 404
GET    /v1/crews/{crew_id}/suggestions                                        dispatcher,admin         404 404
GET    /v1/agreements                                                         staff                    200 200
POST   /v1/agreements                                                         admin                    403 422
GET    /v1/agreements/grants                                                  staff                    200 200
GET    /v1/agreements/{agreement_id}                                          staff                    404 404
GET    /v1/agreements/{agreement_id}/history                                  staff                    404 404
GET    /v1/agreements/{agreement_id}/versions                                 staff                    404 404
POST   /v1/agreements/{agreement_id}/versions                                 admin                    404 404
GET    /v1/agreements/{agreement_id}/versions/{agreement_version_id}          staff                    404 404
POST   /v1/agreements/{agreement_id}/versions/{agreement_version_id}/accept   admin                    404 404
POST   /v1/agreements/{agreement_id}/versions/{agreement_version_id}/decline  admin                    404 404
POST   /v1/agreements/{agreement_id}/versions/{agreement_version_id}/withdraw admin                    404 404
POST   /v1/agreements/{agreement_id}/end                                      admin                    404 404
GET    /v1/resource-requests                                                  dispatcher,admin         200 200
POST   /v1/resource-requests                                                  dispatcher               403 422
GET    /v1/resource-requests/{request_id}                                     dispatcher,admin         200 404
PATCH  /v1/resource-requests/{request_id}                                     dispatcher               403 404
POST   /v1/resource-requests/{request_id}/cancel                              dispatcher               403 404
POST   /v1/resource-requests/{request_id}/close                               dispatcher               403 404
GET    /v1/resource-requests/{request_id}/history                             dispatcher,admin         200 404
GET    /v1/resource-requests/{request_id}/helpers                             dispatcher,admin         200 404
POST   /v1/resource-requests/{request_id}/offers                              dispatcher               422 404
GET    /v1/resource-requests/{request_id}/offers/{offer_id}                   dispatcher,admin         200 404
POST   /v1/resource-requests/{request_id}/offers/{offer_id}/accept            dispatcher               403 404
POST   /v1/resource-requests/{request_id}/offers/{offer_id}/decline           dispatcher               403 404
POST   /v1/resource-requests/{request_id}/offers/{offer_id}/withdraw          dispatcher               403 404
POST   /v1/resource-requests/{request_id}/offers/{offer_id}/release           dispatcher               403 404
GET    /v1/crews                                                              staff                    200 200
POST   /v1/crews                                                              admin                    403 422
GET    /v1/crews/{crew_id}                                                    staff                    404 404
PATCH  /v1/crews/{crew_id}                                                    admin                    404 404
POST   /v1/crews/{crew_id}/disband                                            admin                    404 404
POST   /v1/crews/{crew_id}/reinstate                                          admin                    404 404
GET    /v1/crews/{crew_id}/roster                                             staff                    404 404
GET    /v1/crews/{crew_id}/memberships                                        staff                    404 404
POST   /v1/crews/{crew_id}/memberships                                        admin                    404 404
GET    /v1/crews/{crew_id}/memberships/{membership_id}                        staff                    404 404
PATCH  /v1/crews/{crew_id}/memberships/{membership_id}                        admin                    404 404
POST   /v1/crews/{crew_id}/lead                                               admin                    404 404
GET    /v1/crews/{crew_id}/shifts                                             staff                    404 404
POST   /v1/crews/{crew_id}/shifts                                             admin                    404 404
GET    /v1/crews/{crew_id}/shifts/{shift_id}                                  staff                    404 404
PATCH  /v1/crews/{crew_id}/shifts/{shift_id}                                  admin                    404 404
DELETE /v1/crews/{crew_id}/shifts/{shift_id}                                  admin                    404 404
GET    /v1/crews/{crew_id}/shift-exceptions                                   staff                    404 404
POST   /v1/crews/{crew_id}/shift-exceptions                                   dispatcher,admin         404 404
GET    /v1/crews/{crew_id}/shift-exceptions/{exception_id}                    staff                    404 404
PATCH  /v1/crews/{crew_id}/shift-exceptions/{exception_id}                    dispatcher,admin         404 404
DELETE /v1/crews/{crew_id}/shift-exceptions/{exception_id}                    dispatcher,admin         404 404
GET    /v1/crews/{crew_id}/absences                                           staff                    404 404
POST   /v1/crews/{crew_id}/absences                                           dispatcher,admin         404 404
GET    /v1/crews/{crew_id}/absences/{crew_absence_id}                         staff                    404 404
PATCH  /v1/crews/{crew_id}/absences/{crew_absence_id}                         dispatcher,admin         404 404
DELETE /v1/crews/{crew_id}/absences/{crew_absence_id}                         dispatcher,admin         404 404
GET    /v1/crews/{crew_id}/equipment                                          staff                    404 404
POST   /v1/crews/{crew_id}/equipment                                          admin                    404 404
GET    /v1/crews/{crew_id}/equipment/{holding_id}                             staff                    404 404
PATCH  /v1/crews/{crew_id}/equipment/{holding_id}                             admin                    404 404
DELETE /v1/crews/{crew_id}/equipment/{holding_id}                             admin                    404 404
GET    /v1/members                                                            staff                    200 200
POST   /v1/members                                                            admin                    403 422
GET    /v1/members/{member_id}                                                staff                    404 404
PATCH  /v1/members/{member_id}                                                admin                    404 404
GET    /v1/members/{member_id}/absences                                       staff                    404 404
POST   /v1/members/{member_id}/absences                                       dispatcher,admin         404 404
GET    /v1/members/{member_id}/absences/{member_absence_id}                   staff                    404 404
PATCH  /v1/members/{member_id}/absences/{member_absence_id}                   dispatcher,admin         404 404
DELETE /v1/members/{member_id}/absences/{member_absence_id}                   dispatcher,admin         404 404
GET    /v1/members/{member_id}/qualifications                                 staff                    404 404
POST   /v1/members/{member_id}/qualifications                                 admin                    404 404
GET    /v1/members/{member_id}/qualifications/{qualification_id}              staff                    404 404
PATCH  /v1/members/{member_id}/qualifications/{qualification_id}              admin                    404 404
DELETE /v1/members/{member_id}/qualifications/{qualification_id}              admin                    404 404
GET    /v1/qualifications                                                     staff                    200 200
GET    /v1/equipment                                                          staff                    200 200
POST   /v1/equipment                                                          admin                    403 422
GET    /v1/equipment/{equipment_id}                                           staff                    404 404
PATCH  /v1/equipment/{equipment_id}                                           admin                    404 404
GET    /v1/enrolments                                                         dispatcher,admin         200 200
POST   /v1/enrolments                                                         dispatcher,admin         422 422
DELETE /v1/enrolments/{enrolment_id}                                          dispatcher,admin         404 404
GET    /v1/devices                                                            staff                    200 200
GET    /v1/devices/{device_id}                                                staff                    404 404
PATCH  /v1/devices/{device_id}                                                dispatcher,admin         404 404
POST   /v1/devices/{device_id}/revoke                                         dispatcher,admin         404 404
GET    /v1/devices/{device_id}/quarantine                                     dispatcher,admin         404 404
POST   /v1/devices/{device_id}/quarantine/release                             dispatcher               404 404
GET    /v1/partnership                                                        staff                    200 200
PATCH  /v1/partnership                                                        admin                    403 200
GET    /v1/jurisdictions                                                      staff                    200 200
POST   /v1/jurisdictions                                                      admin                    403 201
GET    /v1/jurisdictions/{jurisdiction_id}                                    staff                    200 404
PATCH  /v1/jurisdictions/{jurisdiction_id}                                    admin                    403 404
GET    /v1/service-types                                                      staff                    200 200
POST   /v1/service-types                                                      admin                    403 201
GET    /v1/service-types/{service_type_id}                                    staff                    200 404
PATCH  /v1/service-types/{service_type_id}                                    admin                    403 404
GET    /v1/service-levels/calendars                                           staff                    200 200
POST   /v1/service-levels/calendars                                           admin                    403 201
GET    /v1/service-levels/calendars/{calendar_id}                             staff                    200 404
PUT    /v1/service-levels/calendars/{calendar_id}                             admin                    403 404
DELETE /v1/service-levels/calendars/{calendar_id}                             admin                    403 404
GET    /v1/service-levels/policies                                            staff                    200 200
POST   /v1/service-levels/policies                                            admin                    403 422
GET    /v1/service-levels/policies/in-force                                   staff                    404 404
GET    /v1/service-levels/policies/{policy_id}                                staff                    200 404
DELETE /v1/service-levels/policies/{policy_id}                                admin                    403 404
GET    /v1/service-levels/report                                              dispatcher,admin,finance 200 200
GET    /v1/boundaries/layers                                                  dispatcher,gis,admin     200 200
POST   /v1/boundaries/layers                                                  gis,admin                403 201
GET    /v1/boundaries/layers/{layer_id}                                       dispatcher,gis,admin     200 404
PATCH  /v1/boundaries/layers/{layer_id}                                       gis,admin                403 404
POST   /v1/boundaries/layers/{layer_id}/uploads                               gis,admin                403 404
GET    /v1/boundaries/layers/{layer_id}/versions                              dispatcher,gis,admin     200 404
GET    /v1/boundaries/versions/{version_id}                                   dispatcher,gis,admin     200 404
DELETE /v1/boundaries/versions/{version_id}                                   gis,admin                403 404
GET    /v1/boundaries/versions/{version_id}/findings                          dispatcher,gis,admin     200 404
POST   /v1/boundaries/versions/{version_id}/check                             gis,admin                403 404
POST   /v1/boundaries/versions/{version_id}/repair                            gis,admin                403 404
POST   /v1/boundaries/versions/{version_id}/difference                        gis,admin                403 404
GET    /v1/boundaries/runs                                                    dispatcher,gis,admin     200 200
GET    /v1/boundaries/runs/{run_id}                                           dispatcher,gis,admin     200 404
GET    /v1/boundaries/runs/{run_id}/features                                  dispatcher,gis,admin     200 404
POST   /v1/boundaries/runs/{run_id}/cancel                                    gis,admin                403 404
POST   /v1/boundaries/runs/{run_id}/again                                     gis,admin                403 404
GET    /v1/boundaries/versions/{version_id}/rehearsal                         dispatcher,gis,admin     403 404
POST   /v1/boundaries/versions/{version_id}/publication                       gis,admin                403 404
POST   /v1/boundaries/versions/{version_id}/withdrawal                        gis,admin                403 404
GET    /v1/boundaries/layers/{layer_id}/tilejson.json                         staff                    200 404
GET    /v1/boundaries/tiles/{slug}/{version_id}/{z}/{x}/{y}.mvt               anyone                   204 404
GET    /v1/boundaries/tiles/{slug}/{layer_id}/tilejson.json                   anyone                   200 404
GET    /v1/boundaries/versions/{version_id}/export                            gis,admin                200 404
GET    /v1/boundaries/package                                                 device                   200 200
GET    /v1/staff                                                              admin                    403 200
POST   /v1/staff                                                              admin                    403 422
GET    /v1/staff/{staff_id}                                                   admin                    403 404
PATCH  /v1/staff/{staff_id}                                                   admin                    403 404
PUT    /v1/staff/{staff_id}/roles                                             admin                    403 404
PUT    /v1/staff/{staff_id}/password                                          admin                    403 404
POST   /v1/staff/{staff_id}/disable                                           admin                    403 404
POST   /v1/staff/{staff_id}/enable                                            admin                    403 404
GET    /v1/api-tokens                                                         admin                    403 200
POST   /v1/api-tokens                                                         admin                    403 422
DELETE /v1/api-tokens/{token_id}                                              admin                    403 404
GET    /healthz                                                               anyone                   200 200
GET    /readyz                                                                anyone                   200 200
GET    /metrics                                                               anyone                   200 200
DELETE /v1/sessions/current                                                   staff                    204 204
"""


def _expected(line: str) -> tuple[str, Expected]:
    method, path, actors, elsewhere, abroad = line.split()
    let_in = ROLES if actors == STAFF else tuple(actors.split(","))
    return f"{method} {path}", Expected(let_in, int(elsewhere), int(abroad))


EXPECTED = dict(_expected(line) for line in _TABLE.splitlines() if line)
