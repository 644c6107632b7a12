"""The lineage of epochs; where an edit's base version means what it says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('past_epoch',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('epoch', sa.Uuid(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_past_epoch_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'epoch', name=op.f('pk_past_epoch'))
    )
    op.add_column('journal', sa.Column('base_entry', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('journal', 'base_entry')
    op.drop_table('past_epoch')
