"""The same networks in PyTorch: seconds a sample forwards, for the mean gradient, and for squares of per-sample gradients.

Arguments: case, samples, batch, folder with weights.safetensors and data.safetensors, and `loop` or `vmap`. One line of JSON;
`vmap` needs functorch or torch.func.
"""
import json
import math
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

case, samples, batch, folder, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
RUNS = 2 if samples > 32 else 1
STORED = {"F32": np.float32, "I64": np.int64}


def load(name):
    with open(f"{folder}/{name}.safetensors", "rb") as file:
        directory = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        content = file.read()
    found = {}
    for key, entry in directory.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(content[start:end], STORED[entry["dtype"]]).reshape(entry["shape"])
        found[key] = torch.from_numpy(values.copy())
    return found


def split(x, heads):
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def mixed(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    values = torch.softmax(scores if mask is None else scores + mask, -1) @ v
    return values.transpose(1, 2).reshape(q.shape[0], q.shape[2], -1)


def attention(q, k, v, heads):
    return mixed(split(q, heads), split(k, heads), split(v, heads))


def linear(p, name, x):
    return F.linear(x, p[name + ".weight"], p.get(name + ".bias"))


def norm(p, name, x, epsilon):
    return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], epsilon)


def vit(p, x):
    patches = "vit.embeddings.patch_embeddings.projection"
    h = F.conv2d(x, p[patches + ".weight"], p[patches + ".bias"], stride=4).flatten(2).transpose(1, 2)
    first = p["vit.embeddings.cls_token"].expand(h.shape[0], -1, -1)
    h = torch.cat([first, h], 1) + p["vit.embeddings.position_embeddings"]
    for i in range(6):
        at = f"vit.encoder.layer.{i}."
        y = norm(p, at + "layernorm_before", h, 1e-12)
        q, k, v = (linear(p, f"{at}attention.attention.{name}", y) for name in ("query", "key", "value"))
        h = h + linear(p, at + "attention.output.dense", attention(q, k, v, 4))
        y = linear(p, at + "intermediate.dense", norm(p, at + "layernorm_after", h, 1e-12))
        h = h + linear(p, at + "output.dense", F.gelu(y))
    return linear(p, "classifier", norm(p, "vit.layernorm", h, 1e-12)[:, 0])


def rms(p, name, x):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * p[name + ".weight"]


def rotations(length, width):
    angles = torch.arange(length)[:, None] / (10000 ** (torch.arange(0, width, 2) / width))[None]
    both = torch.cat([angles, angles], -1)
    return both.cos(), both.sin(), torch.full((length, length), -1e9).triu(1)


COS, SIN, MASK = rotations(64, 32)


def rotated(x):
    return x * COS + torch.cat([-x[..., 16:], x[..., :16]], -1) * SIN


def twice(x):
    count, heads, length, width = x.shape
    return x.unsqueeze(2).expand(count, heads, 2, length, width).reshape(count, 2 * heads, length, width)


def charlm(p, ids):
    h = F.embedding(ids, p["model.embed_tokens.weight"])
    for i in range(4):
        at = f"model.layers.{i}."
        y = rms(p, at + "input_layernorm", h)
        q, k, v = (split(linear(p, f"{at}self_attn.{name}_proj", y), heads) for name, heads in (("q", 4), ("k", 2), ("v", 2)))
        h = h + linear(p, at + "self_attn.o_proj", mixed(rotated(q), twice(rotated(k)), twice(v), MASK))
        y = rms(p, at + "post_attention_layernorm", h)
        h = h + linear(p, at + "mlp.down_proj", F.silu(linear(p, at + "mlp.gate_proj", y)) * linear(p, at + "mlp.up_proj", y))
    return F.linear(rms(p, "model.norm", h), p["model.embed_tokens.weight"])


def encoder(p, h):
    for i in range(12):
        at = f"layer.{i}."
        y = norm(p, at + "norm1", h, 1e-5)
        h = h + linear(p, at + "o", attention(*(linear(p, at + name, y) for name in "qkv"), 12))
        h = h + linear(p, at + "down", F.gelu(linear(p, at + "up", norm(p, at + "norm2", h, 1e-5))))
    return linear(p, "head", norm(p, "norm", h, 1e-5)[:, 0])


def convolved(p, name, x, stride, pad):
    y = F.conv2d(x, p[name + ".weight"], stride=stride, padding=pad)
    words = (p[f"{name}.norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    mean, variance, weight, bias = (word[:, None, None] for word in words)
    return (y - mean) * torch.rsqrt(variance + 1e-5) * weight + bias


def residual(p, x):
    h = F.max_pool2d(F.relu(convolved(p, "stem", x, 2, 3)), 3, 2, 1)
    for stage in range(4):
        for block in range(2):
            at, stride = f"stage{stage}.{block}.", 2 if stage > 0 and block == 0 else 1
            y = convolved(p, at + "conv2", F.relu(convolved(p, at + "conv1", h, stride, 1)), 1, 1)
            h = F.relu(y + (h if stride == 1 else convolved(p, at + "skip", h, stride, 0)))
    return linear(p, "head", h.mean((2, 3)))


network = {"vit": vit, "charlm": charlm, "encoder": encoder, "residual": residual}[case]
every, data = load("weights"), load("data")
x, y = data["x"], data["y"]
fixed = {name: value for name, value in every.items() if ".running_" in name}
weights = {name: value for name, value in every.items() if name not in fixed}


def loss(p, inputs, labels):
    logits = network({**p, **fixed}, inputs)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="sum")


def seconds(work):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def by_loop():
    leaves = {name: value.requires_grad_() for name, value in weights.items()}
    sums = {name: torch.zeros_like(value) for name, value in leaves.items()}
    for i in range(samples):
        gradients = torch.autograd.grad(loss(leaves, x[i : i + 1], y[i : i + 1]), list(leaves.values()))
        for name, gradient in zip(leaves, gradients):
            sums[name].addcmul_(gradient, gradient)
    return sums


def by_vmap():
    try:
        from torch.func import grad, vmap
    except ImportError:
        from functorch import grad, vmap
    plain = {name: value.detach() for name, value in weights.items()}
    each = vmap(grad(lambda p, a, b: loss(p, a[None], b[None])), in_dims=(None, 0, 0))
    sums = {name: torch.zeros_like(value) for name, value in plain.items()}
    for i in range(0, samples, batch):
        for name, gradient in each(plain, x[i : i + batch], y[i : i + batch]).items():
            sums[name] += gradient.pow(2).sum(0)
    return sums


def mean_gradient():
    leaves = {name: value.requires_grad_() for name, value in weights.items()}
    for i in range(0, samples, batch):
        torch.autograd.grad(loss(leaves, x[i : i + batch], y[i : i + batch]), list(leaves.values()))


def forward():
    with torch.no_grad():
        network(every, x[:batch])


work = by_loop if how == "loop" else by_vmap
squares = {}
found = {"fisher": seconds(lambda: squares.update(work())) / samples}
found["peakMiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
found["trace"] = sum(float(value.double().sum()) for value in squares.values()) / samples
if how == "loop":
    found["mean"] = seconds(mean_gradient) / samples
    forward()
    found["forward"] = seconds(forward) / min(batch, samples)
print(json.dumps(found))
