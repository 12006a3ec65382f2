"""Pair statistics of two checkpoints: Σx², Σy², Σxy, Σ(y−x)², max|y−x|, equal entries, sign flips, over all tensors.

pair.py HOW BASE TUNED, where HOW is numpy, torch, numba (each chunk by chunk on two threads, with buffers made once), or
whole-torch (tensor by tensor, as most scripts do it). Prints seconds, peak memory and the figures as JSON.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from checkpoint import chunks, report, tensors

THREADS = 2
# The best of 2^15, 2^16, 2^17, 2^18 and 2^20 for each way.
LENGTH = {"numpy": 1 << 15, "torch": 1 << 17, "numba": 1 << 16}


def pieces(base, tuned, length):
    for name, (dtype, x) in base.items():
        for piece in chunks([x, tuned[name][1]], length):
            yield dtype, piece


def in_threads(length, make_worker):
    """Gives every thread every second piece, and adds up what they return."""

    def run(base, tuned):
        work = list(pieces(base, tuned, length))
        parts = [work[index::THREADS] for index in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            return joined(pool.map(lambda part: make_worker()(part), parts))

    return run


def joined(sums):
    sums = np.array(list(sums))
    total = sums.sum(axis=0)
    total[4] = sums[:, 4].max()
    return total


def numpy_worker():
    size = LENGTH["numpy"]
    wide = np.empty((2, size), np.uint32)
    delta = np.empty(size, np.float32)
    flags = np.empty(size, np.bool_)

    def as_float(codes, row):
        target = wide[row, : codes.size]
        np.copyto(target, codes)
        np.left_shift(target, 16, out=target)
        return target.view(np.float32)

    def work(part):
        total = np.zeros(7)
        for dtype, (a, b) in part:
            count = a.size
            x, y = (as_float(a, 0), as_float(b, 1)) if dtype == "BF16" else (a, b)
            d = delta[:count]
            total[0] += np.dot(x, x)
            total[1] += np.dot(y, y)
            total[2] += np.dot(x, y)
            np.subtract(y, x, out=d)
            total[3] += np.dot(d, d)
            total[4] = max(total[4], d.max(), -d.min())
            total[5] += np.count_nonzero(np.equal(a, b, out=flags[:count]))
            np.multiply(x, y, out=d)
            total[6] += np.count_nonzero(np.less(d, 0, out=flags[:count]))
        return total

    return work


def torch_worker():
    import torch

    torch.set_num_threads(1)
    size = LENGTH["torch"]
    first, second, delta = (torch.empty(size, dtype=torch.float32) for _ in range(3))
    flags = torch.empty(size, dtype=torch.bool)

    def as_float(dtype, codes, target):
        if dtype != "BF16":
            return torch.from_numpy(codes)
        stored = torch.from_numpy(codes.view(np.int16)).view(torch.bfloat16)
        return target[: codes.size].copy_(stored)

    def work(part):
        total = np.zeros(7)
        for dtype, (a, b) in part:
            count = a.size
            x, y, d = as_float(dtype, a, first), as_float(dtype, b, second), delta[:count]
            total[0] += torch.dot(x, x).item()
            total[1] += torch.dot(y, y).item()
            total[2] += torch.dot(x, y).item()
            torch.sub(y, x, out=d)
            total[3] += torch.dot(d, d).item()
            least, most = torch.aminmax(d)
            total[4] = max(total[4], most.item(), -least.item())
            total[5] += torch.count_nonzero(torch.eq(x, y, out=flags[:count])).item()
            torch.mul(x, y, out=d)
            total[6] += torch.count_nonzero(torch.lt(d, 0, out=flags[:count])).item()
        return total

    return work


def numba_worker():
    from numba_pair import make

    return make(LENGTH["numba"])


def whole_torch(base, tuned):
    import torch

    torch.set_num_threads(THREADS)
    total = np.zeros(7)
    for name, (dtype, a) in base.items():
        x, y = (
            torch.from_numpy(codes.view(np.int16)).view(torch.bfloat16).float()
            if dtype == "BF16"
            else torch.from_numpy(codes)
            for codes in (a, tuned[name][1])
        )
        d = y - x
        total[:4] += [(x * x).sum().item(), (y * y).sum().item(), (x * y).sum().item(), (d * d).sum().item()]
        total[4] = max(total[4], d.abs().max().item())
        total[5] += (x == y).sum().item()
        total[6] += (x * y < 0).sum().item()
    return total


def main(how, *paths):
    import warnings

    # The mapped files are read-only, which PyTorch warns about.
    warnings.filterwarnings("ignore")
    base, tuned = (tensors(path) for path in paths)
    if how == "whole-torch":
        report(lambda: whole_torch(base, tuned), 1)
        return
    workers = {"numpy": numpy_worker, "torch": torch_worker, "numba": numba_worker}
    run = in_threads(LENGTH[how], workers[how])
    report(lambda: run(base, tuned), 2)


main(*sys.argv[1:])
