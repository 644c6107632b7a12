"""Agreements, crews as they are, resource requests, assignments, service levels, what completing needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

# Name, table, what it is now.
CHANGED_CHECKS = (
    ('ck_journal_side', 'journal', "side IN ('crew', 'office', 'boundaries', 'agreements')"),
    ('ck_scope_exit_reason', 'scope_exit', "reason IN ('reassigned', 'unassigned', 'deleted', 'agreement_ended')"),
)

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('agreement',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_agreement_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_agreement')),
    sa.UniqueConstraint('partnership_id', 'code', name='one_agreement_per_code')
    )
    op.create_table('business_calendar',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('time_zone', sa.Text(), nullable=False),
    sa.Column('hours', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_business_calendar_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_business_calendar')),
    sa.UniqueConstraint('partnership_id', 'name', name='one_calendar_per_name')
    )
    op.create_table('service_clock',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.Column('sort', sa.Text(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('target_id', sa.Uuid(), nullable=False),
    sa.Column('calendar_id', sa.Uuid(), nullable=False),
    sa.Column('target_minutes', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('spent_minutes', sa.Double(), nullable=False),
    sa.Column('running_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stopped_because', sa.Text(), nullable=True),
    sa.Column('breached_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('(stopped_at IS NULL) = (stopped_because IS NULL)', name=op.f('ck_service_clock_stopped_has_a_reason')),
    sa.CheckConstraint('running_since IS NULL OR stopped_at IS NULL', name=op.f('ck_service_clock_runs_or_has_stopped')),
    sa.CheckConstraint("stopped_because IN ('done', 'cancelled', 'deleted', 'no_target')", name=op.f('ck_service_clock_stopped_because')),
    sa.CheckConstraint("sort IN ('response', 'resolution')", name=op.f('ck_service_clock_sort')),
    sa.PrimaryKeyConstraint('partnership_id', 'work_order_id', 'sort', name=op.f('pk_service_clock'))
    )
    op.create_index('service_clock_due', 'service_clock', ['partnership_id', 'due_at'], unique=False, postgresql_include=['sort'], postgresql_where=sa.text('stopped_at IS NULL AND due_at IS NOT NULL'))
    op.create_table('agreement_version',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('agreement_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.Column('notice_days', sa.Integer(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('proposer_id', sa.Uuid(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('during', postgresql.DATERANGE(), nullable=True),
    sa.Column('taken_out_at', sa.DateTime(timezone=True), nullable=True),
    postgresql.ExcludeConstraint((sa.column('partnership_id'), '='), (sa.column('agreement_id'), '='), (sa.column('during'), '&&'), where=sa.text("state = 'accepted'"), using='gist', name='one_agreement_version_at_a_time'),
    sa.CheckConstraint("(state = 'accepted') = (during IS NOT NULL)", name=op.f('ck_agreement_version_accepted_holds')),
    sa.CheckConstraint("state IN ('proposed', 'accepted', 'declined', 'withdrawn')", name=op.f('ck_agreement_version_state')),
    sa.CheckConstraint('ends_on IS NULL OR ends_on >= starts_on', name=op.f('ck_agreement_version_starts_before_end')),
    sa.CheckConstraint('notice_days BETWEEN 0 AND 3650', name=op.f('ck_agreement_version_notice_days')),
    sa.ForeignKeyConstraint(['partnership_id', 'agreement_id'], ['agreement.partnership_id', 'agreement.id'], name=op.f('fk_agreement_version_agreement_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'proposer_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_agreement_version_proposer_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_agreement_version_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_agreement_version')),
    sa.UniqueConstraint('partnership_id', 'agreement_id', 'number', name='one_version_per_number')
    )
    op.create_index('agreement_version_accepted', 'agreement_version', ['partnership_id', 'id'], unique=False, postgresql_where=sa.text("state = 'accepted'"))
    op.create_index('agreement_version_to_take_out', 'agreement_version', ['partnership_id', 'id'], unique=False, postgresql_where=sa.text("state = 'accepted' AND taken_out_at IS NULL"))
    op.create_index('one_open_proposal', 'agreement_version', ['partnership_id', 'agreement_id'], unique=True, postgresql_where=sa.text("state = 'proposed'"))
    op.create_table('equipment',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=False),
    sa.Column('sort', sa.Text(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('registration', sa.Text(), nullable=True),
    sa.Column('retired', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.CheckConstraint("sort IN ('vehicle', 'equipment')", name=op.f('ck_equipment_sort')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_equipment_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_equipment_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_equipment')),
    sa.UniqueConstraint('partnership_id', 'code', name='one_equipment_per_code')
    )
    op.create_table('holiday',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('calendar_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['partnership_id', 'calendar_id'], ['business_calendar.partnership_id', 'business_calendar.id'], name=op.f('fk_holiday_calendar_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_holiday_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'calendar_id', 'day', name=op.f('pk_holiday'))
    )
    op.create_geospatial_table('resource_request',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('skill', sa.Text(), nullable=True),
    sa.Column('service_type_id', sa.Uuid(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('crews_wanted', sa.Integer(), nullable=False),
    sa.Column('location', Geometry(geometry_type='POINT', srid=4326, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry'), nullable=True),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.CheckConstraint("state IN ('open', 'filled', 'closed', 'cancelled')", name=op.f('ck_resource_request_state')),
    sa.CheckConstraint('crews_wanted BETWEEN 1 AND 100', name=op.f('ck_resource_request_crews_wanted')),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_resource_request_starts_before_end')),
    sa.ForeignKeyConstraint(['partnership_id', 'created_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_resource_request_created_by')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_resource_request_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'service_type_id'], ['service_type.partnership_id', 'service_type.id'], name=op.f('fk_resource_request_service_type_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_resource_request_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_resource_request'))
    )
    op.create_index('resource_request_listed', 'resource_request', ['partnership_id', 'starts_at', 'id'], unique=False)
    op.create_table('service_pause',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('resume_reason', sa.Text(), nullable=True),
    sa.Column('resumed_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("cause IN ('on_hold', 'office')", name=op.f('ck_service_pause_cause')),
    sa.ForeignKeyConstraint(['partnership_id', 'staff_id'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_service_pause_staff_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'resumed_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_service_pause_resumed_by')),
    sa.ForeignKeyConstraint(['partnership_id', 'work_order_id'], ['work_order.partnership_id', 'work_order.id'], name=op.f('fk_service_pause_work_order_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_service_pause'))
    )
    op.create_index('one_open_pause', 'service_pause', ['partnership_id', 'work_order_id', 'cause'], unique=True, postgresql_where=sa.text('ends_at IS NULL'))
    op.create_index('service_pause_of', 'service_pause', ['partnership_id', 'work_order_id', 'starts_at'], unique=False)
    op.create_table('service_policy',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_by', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['partnership_id', 'published_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_service_policy_published_by')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_service_policy_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_service_policy')),
    sa.UniqueConstraint('partnership_id', 'number', name='one_policy_per_number'),
    sa.UniqueConstraint('partnership_id', 'starts_at', name='one_policy_per_start')
    )
    op.create_table('absence',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('crew_id', sa.Uuid(), nullable=True),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint('(crew_id IS NULL) <> (member_id IS NULL)', name=op.f('ck_absence_one_of_both')),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_absence_starts_before_end')),
    sa.ForeignKeyConstraint(['partnership_id', 'crew_id'], ['crew.partnership_id', 'crew.id'], name=op.f('fk_absence_crew_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'member_id'], ['member.partnership_id', 'member.id'], name=op.f('fk_absence_member_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_absence_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_absence'))
    )
    op.create_index('absence_of_crew', 'absence', ['partnership_id', 'crew_id', 'ends_at'], unique=False)
    op.create_index('absence_of_member', 'absence', ['partnership_id', 'member_id', 'ends_at'], unique=False)
    op.create_table('agreement_event',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('agreement_id', sa.Uuid(), nullable=False),
    sa.Column('version_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=True),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.CheckConstraint("action IN ('proposed', 'accepted', 'declined', 'withdrawn', 'came_into_force', 'ended', 'taken_out')", name=op.f('ck_agreement_event_action')),
    sa.ForeignKeyConstraint(['partnership_id', 'agreement_id'], ['agreement.partnership_id', 'agreement.id'], name=op.f('fk_agreement_event_agreement_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_agreement_event_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'staff_id'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_agreement_event_staff_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'version_id'], ['agreement_version.partnership_id', 'agreement_version.id'], name=op.f('fk_agreement_event_version_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_agreement_event_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_agreement_event'))
    )
    op.create_index('agreement_event_of', 'agreement_event', ['partnership_id', 'agreement_id', 'id'], unique=False)
    op.create_table('agreement_party',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_by', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['partnership_id', 'accepted_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_agreement_party_accepted_by')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_agreement_party_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'version_id'], ['agreement_version.partnership_id', 'agreement_version.id'], name=op.f('fk_agreement_party_version_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_agreement_party_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'version_id', 'jurisdiction_id', name=op.f('pk_agreement_party'))
    )
    op.create_index('agreement_party_of', 'agreement_party', ['partnership_id', 'jurisdiction_id'], unique=False)
    op.create_table('agreement_term',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('giver_id', sa.Uuid(), nullable=False),
    sa.Column('receiver_id', sa.Uuid(), nullable=False),
    sa.Column('crew_ids', postgresql.ARRAY(sa.Uuid()), server_default='{}', nullable=False),
    sa.Column('skills', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False),
    sa.Column('service_type_ids', postgresql.ARRAY(sa.Uuid()), server_default='{}', nullable=False),
    sa.Column('hours', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('cap_minutes', sa.Integer(), nullable=True),
    sa.Column('cap_cents', sa.BigInteger(), nullable=True),
    sa.Column('cap_period', sa.Text(), nullable=True),
    sa.Column('home_priority', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('cents_per_hour', sa.Integer(), nullable=True),
    sa.Column('cost', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.CheckConstraint("cap_period IN ('day', 'week', 'month', 'year', 'agreement')", name=op.f('ck_agreement_term_cap_period')),
    sa.CheckConstraint('(cap_minutes IS NULL AND cap_cents IS NULL) = (cap_period IS NULL)', name=op.f('ck_agreement_term_cap_has_a_period')),
    sa.CheckConstraint('cap_cents IS NULL OR cents_per_hour IS NOT NULL', name=op.f('ck_agreement_term_cap_has_a_price')),
    sa.CheckConstraint('cap_minutes > 0 AND cap_cents > 0 AND cents_per_hour >= 0', name=op.f('ck_agreement_term_amounts')),
    sa.CheckConstraint('giver_id <> receiver_id', name=op.f('ck_agreement_term_two_sides')),
    sa.ForeignKeyConstraint(['partnership_id', 'giver_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_agreement_term_giver_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'receiver_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_agreement_term_receiver_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'version_id'], ['agreement_version.partnership_id', 'agreement_version.id'], name=op.f('fk_agreement_term_version_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_agreement_term_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_agreement_term')),
    sa.UniqueConstraint('partnership_id', 'version_id', 'position', name='one_term_per_position')
    )
    op.create_table('assignment',
    sa.Column('crew_id', sa.Uuid(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('pinned', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('released_because', sa.Text(), nullable=True),
    sa.Column('grant_id', sa.Uuid(), nullable=True),
    sa.Column('assigned_by', sa.Uuid(), nullable=True),
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.Column('scope_crew_id', sa.Uuid(), nullable=True),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    postgresql.ExcludeConstraint((sa.column('partnership_id'), '='), (sa.column('crew_id'), '='), (sa.text('tstzrange(starts_at, ends_at)'), '&&'), where=sa.text("state = 'planned'"), deferrable=True, initially='IMMEDIATE', using='gist', name='one_crew_one_place'),
    sa.CheckConstraint("(state = 'released') = (released_because IS NOT NULL)", name=op.f('ck_assignment_released_has_a_reason')),
    sa.CheckConstraint("minutes > 0 AND ends_at = starts_at + minutes * interval '1 minute'", name=op.f('ck_assignment_span')),
    sa.CheckConstraint("released_because IN ('released', 'reassigned', 'recalled', 'unassigned', 'deleted', 'completed', 'cancelled', 'agreement_ended')", name=op.f('ck_assignment_released_because')),
    sa.CheckConstraint("state IN ('planned', 'done', 'released')", name=op.f('ck_assignment_state')),
    sa.ForeignKeyConstraint(['partnership_id', 'crew_id'], ['crew.partnership_id', 'crew.id'], name=op.f('fk_assignment_crew_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'work_order_id'], ['work_order.partnership_id', 'work_order.id'], name=op.f('fk_assignment_work_order_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_assignment'))
    )
    op.create_index('assignment_changed', 'assignment', ['partnership_id', 'change', 'id'], unique=False)
    op.create_index('assignment_feed', 'assignment', ['partnership_id', 'scope_crew_id', 'change', 'id'], unique=False)
    op.create_index('assignment_in_time', 'assignment', ['partnership_id', 'crew_id', 'starts_at'], unique=False)
    op.create_index('assignment_of_grant', 'assignment', ['partnership_id', 'grant_id', 'starts_at'], unique=False, postgresql_where=sa.text("grant_id IS NOT NULL AND state <> 'released'"))
    op.create_index('assignment_of_work_order', 'assignment', ['partnership_id', 'work_order_id'], unique=False)
    op.create_table('crew_equipment',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('crew_id', sa.Uuid(), nullable=False),
    sa.Column('equipment_id', sa.Uuid(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    postgresql.ExcludeConstraint((sa.column('partnership_id'), '='), (sa.column('equipment_id'), '='), (sa.text("daterange(since, until, '[]')"), '&&'), using='gist', name='one_crew_per_equipment'),
    sa.CheckConstraint('until IS NULL OR until >= since', name=op.f('ck_crew_equipment_since_before_until')),
    sa.ForeignKeyConstraint(['partnership_id', 'crew_id'], ['crew.partnership_id', 'crew.id'], name=op.f('fk_crew_equipment_crew_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'equipment_id'], ['equipment.partnership_id', 'equipment.id'], name=op.f('fk_crew_equipment_equipment_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_crew_equipment_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_crew_equipment'))
    )
    op.create_index('crew_equipment_of_crew', 'crew_equipment', ['partnership_id', 'crew_id'], unique=False)
    op.create_table('qualification',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('sort', sa.Text(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('number', sa.Text(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.CheckConstraint("sort IN ('skill', 'certificate')", name=op.f('ck_qualification_sort')),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= valid_from', name=op.f('ck_qualification_from_before_until')),
    sa.ForeignKeyConstraint(['partnership_id', 'member_id'], ['member.partnership_id', 'member.id'], name=op.f('fk_qualification_member_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_qualification_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_qualification'))
    )
    op.create_index('qualification_of_member', 'qualification', ['partnership_id', 'member_id'], unique=False)
    op.create_table('resource_offer',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=False),
    sa.Column('crew_id', sa.Uuid(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cents_per_hour', sa.Integer(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('taken_out_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('offered', 'accepted', 'declined', 'withdrawn', 'released')", name=op.f('ck_resource_offer_state')),
    sa.CheckConstraint('cents_per_hour >= 0', name=op.f('ck_resource_offer_amounts')),
    sa.CheckConstraint('ends_at >= starts_at', name=op.f('ck_resource_offer_starts_before_end')),
    sa.ForeignKeyConstraint(['partnership_id', 'created_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_resource_offer_created_by')),
    sa.ForeignKeyConstraint(['partnership_id', 'crew_id'], ['crew.partnership_id', 'crew.id'], name=op.f('fk_resource_offer_crew_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_resource_offer_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'request_id'], ['resource_request.partnership_id', 'resource_request.id'], name=op.f('fk_resource_offer_request_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_resource_offer_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_resource_offer'))
    )
    op.create_index('one_offer_per_crew', 'resource_offer', ['partnership_id', 'request_id', 'crew_id'], unique=True, postgresql_where=sa.text("state = 'offered'"))
    op.create_index('resource_offer_accepted', 'resource_offer', ['partnership_id', 'ends_at'], unique=False, postgresql_where=sa.text("state IN ('accepted', 'released')"))
    op.create_index('resource_offer_to_take_out', 'resource_offer', ['partnership_id', 'ends_at'], unique=False, postgresql_where=sa.text("state IN ('accepted', 'released') AND taken_out_at IS NULL"))
    op.create_index('resource_offer_of', 'resource_offer', ['partnership_id', 'request_id'], unique=False)
    op.create_table('service_target',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('service_type_id', sa.Uuid(), nullable=True),
    sa.Column('priority', sa.Integer(), nullable=True),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=True),
    sa.Column('calendar_id', sa.Uuid(), nullable=False),
    sa.Column('response_minutes', sa.Integer(), nullable=True),
    sa.Column('resolution_minutes', sa.Integer(), nullable=True),
    sa.Column('pauses_on_hold', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.CheckConstraint('response_minutes > 0 AND resolution_minutes > 0', name=op.f('ck_service_target_minutes')),
    sa.CheckConstraint('response_minutes IS NOT NULL OR resolution_minutes IS NOT NULL', name=op.f('ck_service_target_aims_at_something')),
    sa.ForeignKeyConstraint(['partnership_id', 'calendar_id'], ['business_calendar.partnership_id', 'business_calendar.id'], name=op.f('fk_service_target_calendar_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_service_target_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'policy_id'], ['service_policy.partnership_id', 'service_policy.id'], name=op.f('fk_service_target_policy_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'service_type_id'], ['service_type.partnership_id', 'service_type.id'], name=op.f('fk_service_target_service_type_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_service_target_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_service_target'))
    )
    op.create_index('one_target_per_case', 'service_target', ['partnership_id', 'policy_id', 'service_type_id', 'priority', 'jurisdiction_id'], unique=True, postgresql_nulls_not_distinct=True)
    op.create_table('shift',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('crew_id', sa.Uuid(), nullable=False),
    sa.Column('weekday', sa.SmallInteger(), nullable=False),
    sa.Column('starts', sa.Time(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.CheckConstraint('until IS NULL OR until >= since', name=op.f('ck_shift_since_before_until')),
    sa.CheckConstraint('weekday BETWEEN 1 AND 7 AND minutes BETWEEN 1 AND 1440', name=op.f('ck_shift_weekly')),
    sa.ForeignKeyConstraint(['partnership_id', 'crew_id'], ['crew.partnership_id', 'crew.id'], name=op.f('fk_shift_crew_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_shift_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_shift'))
    )
    op.create_index('shift_of_crew', 'shift', ['partnership_id', 'crew_id'], unique=False)
    op.create_table('shift_exception',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('crew_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('starts', sa.Time(), nullable=True),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint('(starts IS NULL) = (minutes IS NULL)', name=op.f('ck_shift_exception_both_or_none')),
    sa.CheckConstraint('minutes BETWEEN 1 AND 1440', name=op.f('ck_shift_exception_minutes')),
    sa.ForeignKeyConstraint(['partnership_id', 'crew_id'], ['crew.partnership_id', 'crew.id'], name=op.f('fk_shift_exception_crew_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_shift_exception_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_shift_exception')),
    sa.UniqueConstraint('partnership_id', 'crew_id', 'day', name='one_exception_a_day')
    )
    op.create_table('assignment_event',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('assignment_id', sa.Uuid(), nullable=False),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('before', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.CheckConstraint("action IN ('assigned', 'moved', 'pinned', 'unpinned', 'released', 'recalled', 'done')", name=op.f('ck_assignment_event_action')),
    sa.ForeignKeyConstraint(['partnership_id', 'assignment_id'], ['assignment.partnership_id', 'assignment.id'], name=op.f('fk_assignment_event_assignment_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_assignment_event'))
    )
    op.create_index('assignment_event_of_assignment', 'assignment_event', ['partnership_id', 'assignment_id'], unique=False)
    op.create_index('assignment_event_of_work_order', 'assignment_event', ['partnership_id', 'work_order_id', 'at'], unique=False)
    op.create_table('resource_event',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('offer_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('jurisdiction_id', sa.Uuid(), nullable=False),
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('changed', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.CheckConstraint("action IN ('requested', 'changed', 'offered', 'accepted', 'declined', 'withdrawn', 'released', 'cancelled', 'closed')", name=op.f('ck_resource_event_action')),
    sa.ForeignKeyConstraint(['partnership_id', 'jurisdiction_id'], ['jurisdiction.partnership_id', 'jurisdiction.id'], name=op.f('fk_resource_event_jurisdiction_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'offer_id'], ['resource_offer.partnership_id', 'resource_offer.id'], name=op.f('fk_resource_event_offer_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'request_id'], ['resource_request.partnership_id', 'resource_request.id'], name=op.f('fk_resource_event_request_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'staff_id'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_resource_event_staff_id')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_resource_event_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_resource_event'))
    )
    op.create_index('resource_event_of', 'resource_event', ['partnership_id', 'request_id', 'id'], unique=False)
    op.add_column('crew', sa.Column('time_zone', sa.Text(), nullable=True))
    op.add_geospatial_column('crew', sa.Column('depot', Geometry(geometry_type='POINT', srid=4326, dimension=2, spatial_index=False, from_text='ST_GeomFromEWKT', name='geometry'), nullable=True))
    op.add_column('crew', sa.Column('reach_m', sa.Integer(), nullable=True))
    op.add_column('crew', sa.Column('capacity_minutes', sa.Integer(), nullable=True))
    op.add_column('crew', sa.Column('overtime_minutes', sa.Integer(), server_default='0', nullable=False))
    op.add_column('crew', sa.Column('change', sa.BigInteger(), server_default='0', nullable=False))
    op.create_index('crew_changed', 'crew', ['partnership_id', 'change', 'id'], unique=False)
    op.add_column('crew_membership', sa.Column('is_lead', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('partnership', sa.Column('time_zone', sa.Text(), server_default='UTC', nullable=False))
    op.add_column('service_type', sa.Column('minutes', sa.Integer(), nullable=True))
    op.add_column('service_type', sa.Column('certificates', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False))
    op.add_column('service_type', sa.Column('required_on_completion', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False))
    op.add_column('work_order', sa.Column('respond_by', sa.DateTime(timezone=True), nullable=True))
    op.add_column('work_order', sa.Column('resolve_by', sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f('ck_crew_limits'), 'crew', 'reach_m > 0 AND capacity_minutes > 0 AND overtime_minutes >= 0'
    )
    op.execute("""
        ALTER TABLE crew_membership ADD CONSTRAINT one_lead_at_a_time EXCLUDE USING gist (
            partnership_id WITH =, crew_id WITH =, daterange(since, until, '[]') WITH &&) WHERE (is_lead)
    """)
    # A clock is a work order's: promises kept a statement at a time.
    op.execute(
        """
CREATE FUNCTION service_clock_is_of_a_work_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written c WHERE NOT EXISTS (
            SELECT FROM work_order w WHERE w.partnership_id = c.partnership_id AND w.id = c.work_order_id OFFSET 0)
    ) THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'service_clock_is_of_a_work_order',
            MESSAGE = 'a service clock names a work order that does not exist';
    END IF;
    RETURN NULL;
END $$
        """
    )
    op.execute(
        """
CREATE TRIGGER service_clock_is_of_a_work_order AFTER INSERT ON service_clock REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION service_clock_is_of_a_work_order()
        """
    )
    op.execute(
        """
CREATE FUNCTION work_order_keeps_its_clocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone w JOIN service_clock c ON c.partnership_id = w.partnership_id AND c.work_order_id = w.id
    ) THEN
        RAISE restrict_violation USING CONSTRAINT = 'work_order_keeps_its_clocks',
            MESSAGE = 'a work order with a service clock cannot be removed';
    END IF;
    RETURN NULL;
END $$
        """
    )
    op.execute(
        """
CREATE TRIGGER work_order_keeps_its_clocks AFTER DELETE ON work_order REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION work_order_keeps_its_clocks()
        """
    )
    for name, table, now in CHANGED_CHECKS:
        op.drop_constraint(op.f(name), table, type_='check')
        op.create_check_constraint(op.f(name), table, now)


def downgrade() -> None:
    raise NotImplementedError("Agreements and assignments have no place in the older schema.")
