"""What a reader does to a segmentation: candidates with sliders, islands, cuts, growing, refining. Works on crops."""
