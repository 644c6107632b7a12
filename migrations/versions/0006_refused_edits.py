"""Fields refused one by one; what the office decides on refused edits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

REFUSED = "side = 'crew' AND (verdict = 'refused' OR refused_fields IS NOT NULL)"


def upgrade() -> None:
    op.add_column('journal', sa.Column('refused_fields', postgresql.JSON(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.create_index('journal_refused', 'journal', ['partnership_id', 'entry'], unique=False, postgresql_where=sa.text(REFUSED), postgresql_include=['author_id', 'edit_id'])
    op.create_index('journal_refused_of_author', 'journal', ['partnership_id', 'author_id', 'entry'], unique=False, postgresql_where=sa.text(REFUSED), postgresql_include=['edit_id'])
    op.add_column('device', sa.Column('refusals_decided', sa.BigInteger(), server_default='0', nullable=False))
    op.create_table('refused_edit_decision',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    sa.Column('edit_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('applied_edit_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint("(state = 'applied') = (applied_edit_id IS NOT NULL)", name=op.f('ck_refused_edit_decision_applied_by_an_edit')),
    sa.CheckConstraint("state = 'applied' OR reason IS NOT NULL", name=op.f('ck_refused_edit_decision_says_why')),
    sa.CheckConstraint("state IN ('applied', 'sent_back', 'dismissed')", name=op.f('ck_refused_edit_decision_state')),
    sa.ForeignKeyConstraint(['partnership_id', 'author_id'], ['device.partnership_id', 'device.id'], name=op.f('fk_refused_edit_decision_author_id')),
    sa.ForeignKeyConstraint(['partnership_id', 'decided_by'], ['staff.partnership_id', 'staff.id'], name=op.f('fk_refused_edit_decision_decided_by')),
    sa.PrimaryKeyConstraint('partnership_id', 'author_id', 'edit_id', 'version', name=op.f('pk_refused_edit_decision'))
    )
    op.create_index('refused_edit_decision_of_entry', 'refused_edit_decision', ['partnership_id', 'entry'], unique=False)
    op.create_index('refused_edit_decision_in_turn', 'refused_edit_decision', ['partnership_id', 'author_id', 'number'], unique=True)


def downgrade() -> None:
    op.drop_table('refused_edit_decision')
    op.drop_column('device', 'refusals_decided')
    op.drop_index('journal_refused_of_author', table_name='journal')
    op.drop_index('journal_refused', table_name='journal')
    op.drop_column('journal', 'refused_fields')
