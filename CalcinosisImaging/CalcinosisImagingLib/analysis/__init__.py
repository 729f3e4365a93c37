"""Algorithms on arrays: numpy, scipy and SimpleITK only, no MRML, no Qt."""
