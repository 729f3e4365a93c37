"""Agreement and repeatability with intervals, by numpy and scipy alone."""
