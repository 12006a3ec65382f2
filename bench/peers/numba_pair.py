"""The fused loop of the numba peer of pair.py: one pass over a chunk, vectorised by LLVM."""

import numpy as np
from numba import njit


@njit(nogil=True)
def widen(codes, target):
    for i in range(codes.size):
        target[i] = np.uint32(codes[i]) << np.uint32(16)


@njit(nogil=True, fastmath=True)
def add(x, y, total):
    xx = yy = xy = dd = np.float32(0)
    most = np.float32(0)
    equal = flips = np.int32(0)
    for i in range(x.size):
        d = y[i] - x[i]
        p = x[i] * y[i]
        xx += x[i] * x[i]
        yy += y[i] * y[i]
        xy += p
        dd += d * d
        most = max(most, abs(d))
        equal += np.int32(d == 0)
        flips += np.int32(p < 0)
    total[0] += xx
    total[1] += yy
    total[2] += xy
    total[3] += dd
    total[4] = max(total[4], most)
    total[5] += equal
    total[6] += flips


def make(length):
    wide = np.empty((2, length), np.uint32)

    def as_float(codes, row):
        target = wide[row, : codes.size]
        widen(codes, target)
        return target.view(np.float32)

    def work(part):
        total = np.zeros(7)
        for dtype, (a, b) in part:
            x, y = (as_float(a, 0), as_float(b, 1)) if dtype == "BF16" else (np.asarray(a), np.asarray(b))
            add(x, y, total)
        return total

    return work
