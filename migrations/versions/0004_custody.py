"""Former crews of devices, quarantined edits, what takes a record out of a scope."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# Name, table, what it is now.
CHANGED_CHECKS = (
    ('ck_scope_exit_reason', 'scope_exit', "reason IN ('reassigned', 'unassigned', 'recalled', 'deleted', 'agreement_ended', 'crew_disbanded', 'moved')"),
    ('ck_assignment_released_because', 'assignment', "released_because IN ('released', 'reassigned', 'recalled', 'unassigned', 'deleted', 'completed', 'cancelled', 'agreement_ended', 'crew_disbanded', 'moved')"),
)

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('device', sa.Column('former_crew_ids', postgresql.ARRAY(sa.Uuid()), server_default='{}', nullable=False))
    op.add_column('device', sa.Column('quarantined', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('device', sa.Column('deposited_seq', sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f('ck_device_quarantined_is_revoked'), 'device', 'revoked_at IS NOT NULL OR NOT quarantined')
    op.add_column('crew', sa.Column('disbanded_by', sa.Uuid(), nullable=True))
    op.add_column('crew', sa.Column('taken_out_at', sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f('fk_crew_disbanded_by'), 'crew', 'staff', ['partnership_id', 'disbanded_by'], ['partnership_id', 'id'])
    op.create_index('crew_to_take_out', 'crew', ['partnership_id', 'id'], unique=False, postgresql_where=sa.text('disbanded_at IS NOT NULL AND taken_out_at IS NULL'))
    op.create_table('quarantined_edit',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('misfit_id', sa.Uuid(), nullable=False),
    sa.Column('edit_id', sa.Uuid(), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('bytes', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['partnership_id', 'device_id'], ['device.partnership_id', 'device.id'], name=op.f('fk_quarantined_edit_device_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'device_id', 'seq', 'misfit_id', name=op.f('pk_quarantined_edit'))
    )
    op.create_table('quarantine_release',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('device_id', sa.Uuid(), nullable=False),
    sa.Column('from_seq', sa.BigInteger(), nullable=False),
    sa.Column('through_seq', sa.BigInteger(), nullable=False),
    sa.Column('rejected', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_by', sa.Uuid(), nullable=False),
    sa.CheckConstraint('cardinality(rejected) = 0 OR reason IS NOT NULL', name=op.f('ck_quarantine_release_rejected_with_a_reason')),
    sa.CheckConstraint('through_seq >= from_seq', name=op.f('ck_quarantine_release_from_before_through')),
    sa.ForeignKeyConstraint(['partnership_id', 'device_id'], ['device.partnership_id', 'device.id'], name=op.f('fk_quarantine_release_device_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'released_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_quarantine_release_released_by')),
    sa.PrimaryKeyConstraint('partnership_id', 'id', name=op.f('pk_quarantine_release'))
    )
    op.create_index('quarantine_release_of_device', 'quarantine_release', ['partnership_id', 'device_id', 'released_at', 'id'], unique=False)
    for name, table, now in CHANGED_CHECKS:
        op.drop_constraint(op.f(name), table, type_='check')
        op.create_check_constraint(op.f(name), table, now)


def downgrade() -> None:
    raise NotImplementedError("What waits in quarantine has no place in the older schema.")
