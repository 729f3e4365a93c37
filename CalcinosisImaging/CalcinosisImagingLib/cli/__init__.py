"""The command line ``calcinosis``: parse, do, say; one file per command."""
