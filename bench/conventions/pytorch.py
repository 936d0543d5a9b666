"""The rows of the conventions in PyTorch: prints values and gradients as JSON, for bench/conventions/pytorch.json.

    node dist/bench/conventions.js --inputs | python3 bench/conventions/pytorch.py > bench/conventions/pytorch.json
"""

import json
import sys

import torch
import torch.nn.functional as F

ROWS = {
    "relu at 0": lambda x: F.relu(x).sum(),
    "relu6 at 0 and 6": lambda x: F.relu6(x).sum(),
    "leaky_relu and prelu at 0": lambda x: F.leaky_relu(x, 0.25).sum() + F.prelu(x, torch.tensor([0.5]).to(x)).sum(),
    "abs at 0": lambda x: x.abs().sum(),
    "sign at 0": lambda x: x.sign().sum(),
    "floor, ceil, trunc at whole numbers": lambda x: (x.floor() + 10 * x.ceil() + 100 * x.trunc()).sum(),
    "round at a half": lambda x: (x * x.round()).sum(),
    "clip at its bounds": lambda x: x.clamp(-1, 1).sum(),
    "hard_tanh at its bounds": lambda x: F.hardtanh(x).sum(),
    "hard_sigmoid at -3 and 3": lambda x: 6 * F.hardsigmoid(x).sum(),
    "huber at delta": lambda x, y: F.huber_loss(x, y, delta=1.0),
    "hinge at its margin": lambda x, y: torch.maximum(1 - x * y, torch.zeros_like(x)).mean(),
    "floor_divide": lambda x, y: torch.floor_divide(x, y).sum(),
    "modulo": lambda x, y: torch.remainder(x, y).sum(),
    "maximum at a tie": lambda x, y: torch.maximum(x, y).sum(),
    "minimum at a tie": lambda x, y: torch.minimum(x, y).sum(),
    "max at ties": lambda x: x.max(),
    "min at ties": lambda x: x.min(),
    "max over an axis at ties": lambda x: x.max(dim=1).values.sum(),
    "max pooling at ties": lambda x: F.max_pool2d(x, 2, 2).sum(),
    "median and percentile at ties": lambda x: x.median(),
    "a whole power of 0": lambda x: (x**2).sum() + (x**1).sum() + (x**3).sum(),
    "0 to a variable power": lambda x, y: torch.pow(x, y).sum(),
    "0 to the 0": lambda x, y: torch.pow(x, y).sum(),
    "a negative base": lambda x, y: torch.pow(x, y).sum(),
    "prod with one zero": lambda x: x.prod(),
    "prod with two zeros": lambda x: x.prod(),
    "norm at the zero vector": lambda x: x.norm(),
    "hypot at the origin": lambda x, y: torch.hypot(x, y).sum(),
    "sqrt at 0": lambda x: x.sqrt().sum(),
    "log at 0": lambda x: x.log().sum(),
    "one over 0": lambda x: (1 / x).sum(),
    "a branch not taken": lambda x: torch.where(x > 0, x.log() + x.sqrt() + 1 / x, torch.zeros_like(x)).sum(),
    "the variance of equal numbers": lambda x: x.var(unbiased=False),
    "sum of nothing": lambda x: x.sum(),
    "prod of nothing": lambda x: x.prod(),
    "max of nothing": lambda x: x.max(),
    "min of nothing": lambda x: x.min(),
    "mean of nothing": lambda x: x.mean(),
    "logsumexp of nothing": lambda x: x.logsumexp(0),
    "NaN where the value depends on it": lambda x: x.max() + torch.maximum(x, torch.zeros_like(x)).sum(),
    "NaN where the value does not depend on it": lambda x, y: torch.where(y > 0, x * y, y).sum(),
    "relu of NaN": lambda x: F.relu(x).sum(),
    "logsumexp of large numbers": lambda x: x.logsumexp(0),
    "logsumexp with -∞": lambda x: x.logsumexp(0),
    "softplus of large numbers": lambda x: F.softplus(x).sum(),
    "softmax with -∞": lambda x, y: (F.softmax(x, 0) * y).sum(),
    "softmax with ∞": lambda x, y: (F.softmax(x, 0) * y).sum(),
    "swish at -∞": lambda x: F.silu(x).sum(),
    "mish at -∞": lambda x: F.mish(x).sum(),
    "gelu at -∞": lambda x: F.gelu(x).sum(),
    "a row that is read twice": lambda x, index: F.embedding(index.long(), x).sum(),
}


def text(number):
    return str(float(number))


def measure(row):
    tensors = {
        name: torch.tensor([float(e) for e in array["data"]], dtype=torch.float64).reshape(array["shape"])
        for name, array in row["inputs"].items()
    }
    for name in row["wrt"]:
        tensors[name].requires_grad_()
    try:
        value = ROWS[row["where"]](**tensors)
        if value.requires_grad:
            value.backward()
    except Exception as error:
        return {"failed": str(error).split("\n")[0]}
    gradients = {name: tensors[name].grad for name in row["wrt"]}
    return {
        "value": text(value),
        "gradient": {
            name: None if gradient is None else [text(e) for e in gradient.flatten()]
            for name, gradient in gradients.items()
        },
    }


rows = json.load(sys.stdin)
results = {row["where"]: measure(row) for row in rows if row["where"] in ROWS}
json.dump({"version": torch.__version__, "rows": results}, sys.stdout, indent=1, ensure_ascii=False)
print()
