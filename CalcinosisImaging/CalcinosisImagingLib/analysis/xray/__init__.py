"""Radiographs: grey values to line integrals, calcific deposits in them."""
