"""Disbanding a crew, and taking that back: its open jobs go to nobody, and its tablets' scope is empty."""
