"""Calcinosis in MR."""
