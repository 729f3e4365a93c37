"""Calcinosis of the hand in CT, MR and radiographs: registration, segmentation, morphology, comparison."""

__version__ = "0.1.0"
