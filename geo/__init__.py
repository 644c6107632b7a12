"""Boundaries: read, stored, published, and asked where a point lies. Knows no web and no work orders."""
