"""FieldSync as a running program: the database, the web server, and the process that keeps both."""
