"""Keeping what is read all day small, however many years a partnership works: see docs/decisions, 21."""
