"""Reads a safetensors file by hand: its header, and its tensors as views of the mapped file."""

import json
import sys
import time
import resource

import numpy as np

STORED = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}


def tensors(path):
    """Every tensor of a file as one flat array, by name; BF16 as its bit patterns."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        directory = json.loads(file.read(size))
    directory.pop("__metadata__", None)
    mapped = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + size)
    found = {}
    for name, entry in directory.items():
        start, end = entry["data_offsets"]
        found[name] = (entry["dtype"], mapped[start:end].view(STORED[entry["dtype"]]))
    return found


def chunks(arrays, length):
    """Runs of at most `length` elements of arrays of equal size."""
    for start in range(0, arrays[0].size, length):
        yield [array[start : start + length] for array in arrays]


def report(work, runs):
    """Does the work `runs` times, and prints the seconds of the last time and the peak of memory as JSON."""
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"seconds": seconds, "peakMiB": peak, "result": [float(x) for x in result]}, sys.stdout)
