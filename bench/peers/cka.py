"""Linear CKA of all pairs of layers by Gram matrices over samples, in float64 and in float32: seconds as one line of JSON.

Arguments: layers, samples, features.
"""
import json
import sys
import time

import numpy as np

layers, samples, features = map(int, sys.argv[1:])
generator = np.random.default_rng(0)
given = [generator.random((samples, features), dtype=np.float32) for _ in range(layers)]
found = {}
for dtype in (np.float64, np.float32):
    typed = [x.astype(dtype) for x in given]
    start = time.perf_counter()
    grams = np.empty((layers, samples * samples), dtype)
    for row, x in zip(grams, typed):
        centred = x - x.mean(0)
        np.matmul(centred, centred.T, out=row.reshape(samples, samples))
    products = grams @ grams.T
    norms = np.sqrt(np.diag(products))
    cka = products / norms[:, None] / norms[None]
    found[np.dtype(dtype).name] = time.perf_counter() - start
    del typed, grams
print(json.dumps(found))
