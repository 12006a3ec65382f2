"""Inner products of a base and its task vectors, all with all, over all tensors.

gram.py HOW BASE TUNED..., where HOW is numpy, torch, numba (each chunk by chunk on two threads, with buffers made once),
or whole-torch (tensor by tensor). Prints seconds, peak memory and the matrix as JSON. Counts and largest entries, which
Deltalens has from the same pass, are not asked of them.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from checkpoint import chunks, report, tensors

THREADS = 2
LENGTH = 1 << 14


def pieces(files):
    for name in files[0]:
        yield from chunks([file[name][1] for file in files], LENGTH)


def in_threads(files, make_worker):
    work = list(pieces(files))
    with ThreadPoolExecutor(THREADS) as pool:
        parts = [work[index::THREADS] for index in range(THREADS)]
        return sum(pool.map(lambda part: make_worker(len(files))(part), parts))


def numpy_worker(rows):
    wide = np.empty((rows, LENGTH), np.uint32)

    def work(part):
        total = np.zeros((rows, rows))
        for codes in part:
            target = wide[:, : codes[0].size]
            for row, each in enumerate(codes):
                np.copyto(target[row], each)
            np.left_shift(target, 16, out=target)
            values = target.view(np.float32)
            np.subtract(values[1:], values[0], out=values[1:])
            total += values @ values.T
        return total

    return work


def numba_worker(rows):
    from numba_gram import make

    return make(rows, LENGTH)


def torch_worker(rows):
    import torch

    torch.set_num_threads(1)
    wide = torch.empty((rows, LENGTH), dtype=torch.float32)

    def work(part):
        total = np.zeros((rows, rows))
        for codes in part:
            values = wide[:, : codes[0].size]
            for row, each in enumerate(codes):
                values[row].copy_(torch.from_numpy(each.view(np.int16)).view(torch.bfloat16))
            values[1:].sub_(values[0])
            total += torch.mm(values, values.t()).numpy()
        return total

    return work


def whole_torch(files):
    import torch

    torch.set_num_threads(THREADS)
    total = np.zeros((len(files), len(files)))
    for name in files[0]:
        base, *tuned = (
            torch.from_numpy(file[name][1].view(np.int16)).view(torch.bfloat16).float() for file in files
        )
        values = torch.stack([base, *(each - base for each in tuned)])
        total += (values @ values.t()).numpy()
    return total


def main(how, *paths):
    import warnings

    # The mapped files are read-only, which PyTorch warns about.
    warnings.filterwarnings("ignore")
    files = [tensors(path) for path in paths]
    workers = {"numpy": numpy_worker, "torch": torch_worker, "numba": numba_worker}
    if how == "whole-torch":
        report(lambda: whole_torch(files).ravel(), 1)
    else:
        report(lambda: in_threads(files, workers[how]).ravel(), 2)


main(*sys.argv[1:])
