"""Assignments: a work order's crew in a planned time. Given, moved, released, recalled, read."""
