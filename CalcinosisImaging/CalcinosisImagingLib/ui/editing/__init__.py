"""What the Segment Editor effect does, between the editor's nodes and `analysis.editing`."""
