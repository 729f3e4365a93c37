"""One thread for linear algebra, set before numpy is loaded.

Threaded sums come in an order that depends on the number of cores; our parallelism is over participants.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
