"""Every route there is: the blueprints, in the order in which the API reference shows them."""

from __future__ import annotations

from fieldsync import health
from fieldsync.agreements import api as agreements
from fieldsync.agreements.requests import api as resource_requests
from fieldsync.agreements.requests import offers_api as resource_offers
from fieldsync.auth.api_tokens import api as api_tokens
from fieldsync.auth.sessions import api as sessions
from fieldsync.auth.staff import api as staff
from fieldsync.boundaries import exports, publications
from fieldsync.boundaries.layers import api as boundary_layers
from fieldsync.boundaries.packages import api as boundary_package
from fieldsync.boundaries.runs import api as boundary_runs
from fieldsync.boundaries.tiles import api as boundary_tiles
from fieldsync.boundaries.uploads import api as boundary_uploads
from fieldsync.boundaries.versions import api as boundary_versions
from fieldsync.crews import api as crews
from fieldsync.crews.absences import api as absences
from fieldsync.crews.devices import api as devices
from fieldsync.crews.devices import own_api as own_device
from fieldsync.crews.enrolments import api as enrolments
from fieldsync.crews.equipment import api as equipment
from fieldsync.crews.equipment import crew_api as crew_equipment
from fieldsync.crews.hours import api as hours
from fieldsync.crews.members import api as members
from fieldsync.crews.members import crew_api as memberships
from fieldsync.crews.qualifications import api as qualifications
from fieldsync.crews.rosters import api as rosters
from fieldsync.dispatch.assignments import api as assignments
from fieldsync.dispatch.board import api as board
from fieldsync.dispatch.board import events_api as board_events
from fieldsync.dispatch.disbanding import api as disbanding
from fieldsync.dispatch.suggestions import api as suggestions
from fieldsync.office.conflicts import api as conflicts
from fieldsync.office.policies import api as merge_policies
from fieldsync.office.recorded import api as recorded
from fieldsync.office.refusals import api as refused_edits
from fieldsync.office.triage import api as triage
from fieldsync.office.work_orders import api as work_orders
from fieldsync.partnerships import settings as partnership
from fieldsync.partnerships.jurisdictions import api as jurisdictions
from fieldsync.servicelevels.calendars import api as service_calendars
from fieldsync.servicelevels.policies import api as service_policies
from fieldsync.servicelevels.report import api as service_report
from fieldsync.servicelevels.work_order_clocks import api as service_clocks
from fieldsync.sync import api as sync
from fieldsync.sync import refused_api as sync_refused
from fieldsync.sync.quarantine import api as quarantine
from fieldsync.sync.quarantine import deposit_api as deposits
from fieldsync.workorders.service_types import api as service_types

BLUEPRINTS = (
    sync.blp, deposits.blp, sync_refused.blp, enrolments.trade_blp, own_device.blp,
    sessions.login_blp, sessions.blp,
    work_orders.blp, recorded.blp, service_clocks.blp, conflicts.blp, conflicts.of_work_order_blp,
    merge_policies.blp, refused_edits.blp, triage.blp,
    board.blp, board_events.blp, assignments.blp, assignments.of_work_order_blp, suggestions.blp,
    agreements.blp, resource_requests.blp, resource_offers.blp,
    crews.blp, disbanding.blp, rosters.blp, memberships.blp, memberships.lead_blp, hours.shifts_blp,
    hours.exceptions_blp, absences.crew_blp, crew_equipment.blp, members.blp, absences.member_blp,
    qualifications.member_blp, qualifications.blp, equipment.blp, enrolments.blp, devices.blp, quarantine.blp,
    partnership.blp, jurisdictions.blp, service_types.blp,
    service_calendars.blp, service_policies.blp, service_report.blp,
    boundary_layers.blp, boundary_uploads.blp, boundary_versions.blp, boundary_runs.blp, publications.blp,
    boundary_tiles.layer_blp, boundary_tiles.blp, exports.blp, boundary_package.blp,
    staff.blp, api_tokens.blp, health.blp,
)  # fmt: skip
