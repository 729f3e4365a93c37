"""The panel and what belongs to it; everything here needs Qt through ``qt`` and ``slicer.util``."""
