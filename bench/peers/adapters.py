"""What people do with adapters in torch: one line of JSON with seconds and peak memory.

Arguments: the library, `norms FILE` (norm of B @ A of the targets of the first layer, formed one by one), `extract BASE TUNED RANK`
(truncated decomposition of the difference of the only tensor) or `cosines FILE...` (of all pairs of adapters of scale 1). Reading is counted, the import of torch is not.
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


def cosines(*paths):
    adapters = [dict(tensors(path)) for path in paths]
    n = len(adapters)
    gram = torch.zeros(n, n, dtype=torch.float64)
    for name in adapters[0]:
        if not name.endswith("lora_A.weight"):
            continue
        a = torch.cat([factors[name] for factors in adapters])
        b = torch.cat([factors[name.replace("lora_A", "lora_B")] for factors in adapters], 1)
        pairs = (a @ a.T) * (b.T @ b)
        r = pairs.shape[0] // n
        gram += pairs.reshape(n, r, n, r).sum((1, 3), dtype=torch.float64)
    sizes = gram.diagonal().sqrt()
    return (gram / sizes[:, None] / sizes).flatten().tolist()


how, what, *words = sys.argv[1:]
start = time.perf_counter()
result = {"norms": norms, "extract": extract, "cosines": cosines}[what](*words)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peakMiB": peak, "result": result[:4]}))
