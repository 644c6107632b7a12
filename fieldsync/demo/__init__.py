"""The demo: a partnership of ten neighbouring counties, with its crews, its people and a few hundred jobs."""
