"""A partnership's merge policies and their history; what a person decides on conflicts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# Fields whose default is another one from here on: kind, field, what it was.
OTHER_DEFAULTS = (
    ('work_order', 'description', 'review'),
    ('work_order', 'resolution', 'crew'),
    ('task', 'result', 'review'),
)

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column('field_policy', 'policy', existing_type=sa.Text(), nullable=True)
    op.add_column('field_policy', sa.Column('custody', sa.Text(), server_default='review', nullable=False))
    op.add_column('field_policy', sa.Column('version', sa.Integer(), server_default='1', nullable=False))
    op.add_column('field_policy', sa.Column('changed_by', sa.Uuid(), nullable=True))
    op.add_column('field_policy', sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f('ck_field_policy_custody'), 'field_policy', "custody IN ('review', 'merge')")
    op.create_foreign_key(op.f('fk_field_policy_changed_by'), 'field_policy', 'staff', ['partnership_id', 'changed_by'], ['partnership_id', 'id'])
    op.create_table('field_policy_change',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('field', sa.Text(), nullable=False),
    sa.Column('policy', sa.Text(), nullable=False),
    sa.Column('policy_before', sa.Text(), nullable=False),
    sa.Column('custody', sa.Text(), nullable=False),
    sa.Column('custody_before', sa.Text(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.CheckConstraint("custody IN ('review', 'merge')", name=op.f('ck_field_policy_change_custody')),
    sa.CheckConstraint("custody_before IN ('review', 'merge')", name=op.f('ck_field_policy_change_custody_before')),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_field_policy_change_partnership_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'changed_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_field_policy_change_changed_by')),
    sa.PrimaryKeyConstraint('partnership_id', 'entry', 'kind', 'field', name=op.f('pk_field_policy_change'))
    )
    op.add_column('conflict', sa.Column('reason', sa.Text(), nullable=True))
    # Whoever decided a journal again must know that its edits met another default until now.
    for kind, field, policy in OTHER_DEFAULTS:
        op.execute(
            "INSERT INTO field_policy_change (partnership_id, entry, kind, field, policy, policy_before, custody,"
            " custody_before, changed_at, reason)"
            f" SELECT p.id, mark.entry, '{kind}', '{field}', 'text', '{policy}', 'review', 'review', now(),"
            " 'The default changed with a new version of the server.'"
            " FROM partnership p, (SELECT nextval(pg_get_serial_sequence('journal', 'entry')) AS entry) mark"
            " WHERE NOT EXISTS (SELECT FROM field_policy f"
            f" WHERE f.partnership_id = p.id AND f.kind = '{kind}' AND f.field = '{field}')"
        )


def downgrade() -> None:
    # The older server knows neither a choice that was taken back nor a text that is merged.
    op.execute("DELETE FROM field_policy WHERE policy IS NULL OR policy = 'text'")
    op.drop_column('conflict', 'reason')
    op.drop_table('field_policy_change')
    op.drop_constraint(op.f('fk_field_policy_changed_by'), 'field_policy', type_='foreignkey')
    op.drop_constraint(op.f('ck_field_policy_custody'), 'field_policy', type_='check')
    for column in ('changed_at', 'changed_by', 'version', 'custody'):
        op.drop_column('field_policy', column)
    op.alter_column('field_policy', 'policy', existing_type=sa.Text(), nullable=False)
