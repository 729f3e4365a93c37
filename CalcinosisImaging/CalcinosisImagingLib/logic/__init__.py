"""MRML in, MRML out: the steps of an analysis on the nodes of a scene."""
