"""Singular values of a float32 matrix in a file, with numpy and with torch: one line of JSON.

Arguments: file, rows, columns, how many of the largest. Times are of the computation alone, the matrix in memory; of the
largest the median of three runs.
"""
import json
import sys
import time

import numpy as np

file, rows, columns, largest = sys.argv[1], *map(int, sys.argv[2:5])
matrix = np.fromfile(file, dtype="<f4").reshape(rows, columns)


def seconds(work, runs=1):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


found = {
    "numpy": np.__version__,
    "numpy.linalg.svd": seconds(lambda: np.linalg.svd(matrix, compute_uv=False)),
}
try:
    import torch

    tensor = torch.from_numpy(matrix)
    found["torch"] = torch.__version__
    found["torch.linalg.svdvals"] = seconds(lambda: torch.linalg.svdvals(tensor))
    found["torch.svd_lowrank"] = seconds(lambda: torch.svd_lowrank(tensor, q=largest), 3)
except ImportError:
    pass
print(json.dumps(found))
