"""What people do with adapters in torch: one line of JSON with seconds and peak memory.

Arguments: the library, `norms FILE` (norm of B @ A of the targets of the first layer, formed one by one) or `extract BASE TUNED RANK`
(truncated decomposition of the difference of the only tensor). Reading is counted, the import of torch is not.
"""
import json
import resource
import struct
import sys
import time

import numpy as np
import torch


def tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = np.fromfile(file, dtype=np.uint8)
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        yield name, torch.from_numpy(data[start:end].view(np.float32).reshape(entry["shape"]))


def norms(path):
    factors = dict(tensors(path))
    found = []
    for name, a in factors.items():
        if ".layers.0." in name and name.endswith("lora_A.weight"):
            b = factors[name.replace("lora_A", "lora_B")]
            found.append(float(torch.linalg.norm(2 * (b @ a))))
    return found


def extract(base, tuned, rank):
    ((_, before),) = tensors(base)
    ((_, after),) = tensors(tuned)
    u, s, v = torch.svd_lowrank(after - before, q=int(rank))
    return [float(s[0])]


how, what, *words = sys.argv[1:]
start = time.perf_counter()
result = norms(*words) if what == "norms" else extract(*words)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peakMiB": peak, "result": result[:4]}))
