"""Which deposit is which: between segmentations, modalities and visits."""
