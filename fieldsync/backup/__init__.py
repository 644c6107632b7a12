"""Backups of the whole database, and putting one back so that tablets lose nothing that they still hold.

``place``     which database, on which server; starting the private cluster where it does not run
``programs``  PostgreSQL's own programs: pg_dump, pg_restore
``save``      writing a backup
``restore``   putting one back: beside the present database, then in its place
``begin``     the step that makes a restored state a new history: epochs, log-ins, codes
``carry``     who may come in: what was changed about that since the backup
``compare``   what the restore takes away, for the one who decides
"""
