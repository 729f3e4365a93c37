"""Morphology: size, shape, density, place and kind of each deposit."""
