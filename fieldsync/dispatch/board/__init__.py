"""The dispatchers' board: crews and their days, jobs that wait, and how a console stays current."""
