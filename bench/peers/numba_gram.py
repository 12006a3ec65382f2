"""The loops of the numba peer of gram.py; products of matrices by NumPy's BLAS, as numba itself would have them."""

import numpy as np
from numba import njit


@njit(nogil=True)
def widen(codes, target):
    for i in range(codes.size):
        target[i] = np.uint32(codes[i]) << np.uint32(16)


@njit(nogil=True, fastmath=True)
def subtract(values):
    for row in range(1, values.shape[0]):
        for i in range(values.shape[1]):
            values[row, i] -= values[0, i]


def make(rows, length):
    wide = np.empty((rows, length), np.uint32)

    def work(part):
        total = np.zeros((rows, rows))
        for codes in part:
            target = wide[:, : codes[0].size]
            for row, each in enumerate(codes):
                widen(each, target[row])
            values = target.view(np.float32)
            subtract(values)
            total += values @ values.T
        return total

    return work
