"""What has left the feed; the archive of the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

REFUSED = "side = 'crew' AND (verdict = 'refused' OR refused_fields IS NOT NULL)"


def upgrade() -> None:
    op.add_column('head', sa.Column('thinned', sa.BigInteger(), server_default='0', nullable=False))
    op.create_table('feed_mark',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['partnership_id'], ['partnership.id'], name=op.f('fk_feed_mark_partnership_id')),
    sa.PrimaryKeyConstraint('partnership_id', 'noted_at', name=op.f('pk_feed_mark'))
    )
    op.create_table('scope_left',
    sa.Column('partnership_id', sa.Uuid(), nullable=False),
    sa.Column('crew_id', sa.Uuid(), nullable=False),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.PrimaryKeyConstraint('partnership_id', 'crew_id', 'work_order_id', name=op.f('pk_scope_left'))
    )
    # All columns and checks are the journal's, now and after each later change of it.
    op.execute(
        "CREATE TABLE journal_archive (CONSTRAINT pk_journal_archive PRIMARY KEY (partnership_id, edit_id, author_id))"
        " INHERITS (journal)"
    )
    op.create_index('one_archived_edit_per_seq', 'journal_archive', ['partnership_id', 'author_id', 'seq'], unique=True, postgresql_where=sa.text('seq IS NOT NULL'))
    op.create_index('journal_archive_of_record', 'journal_archive', ['partnership_id', 'record_id', 'entry'], unique=False)
    op.create_index('journal_archive_refused', 'journal_archive', ['partnership_id', 'entry'], unique=False, postgresql_where=sa.text(REFUSED), postgresql_include=['author_id', 'edit_id'])
    op.create_index('journal_archive_refused_of_author', 'journal_archive', ['partnership_id', 'author_id', 'entry'], unique=False, postgresql_where=sa.text(REFUSED), postgresql_include=['edit_id'])
    op.create_index('journal_received', 'journal', ['partnership_id', 'received_at'], unique=False)


def downgrade() -> None:
    op.drop_index('journal_received', table_name='journal')
    op.execute("""
        DO $$
        DECLARE listed text;
        BEGIN
            SELECT string_agg(quote_ident(attname), ', ') INTO listed FROM pg_attribute
            WHERE attrelid = 'journal'::regclass AND attnum > 0 AND NOT attisdropped;
            EXECUTE format('INSERT INTO journal (%1$s) OVERRIDING SYSTEM VALUE SELECT %1$s FROM journal_archive', listed);
        END $$
    """)
    op.drop_table('journal_archive')
    # Tablets that were away for longer have been told to begin anew; what they may still send is taken as before.
    op.execute("""
        INSERT INTO scope_exit (partnership_id, crew_id, record_id, kind, change, reason)
        SELECT partnership_id, crew_id, work_order_id, 'work_order', 0, 'reassigned' FROM scope_left
        ON CONFLICT DO NOTHING
    """)
    op.drop_table('scope_left')
    op.drop_table('feed_mark')
    op.drop_column('head', 'thinned')
