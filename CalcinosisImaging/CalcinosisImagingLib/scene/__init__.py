"""Between MRML nodes and the arrays of `analysis`: the only place that knows MRML. Every function takes its scene."""
