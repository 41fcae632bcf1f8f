# torch's fused AdamW, in microseconds a step. Reads a list of cases as JSON, {name, sizes, groups, filled_row, dtype}, and prints a line of JSON for each.
import gc
import json
import sys

import torch

ROUNDS = 5
ROUND_MS = 60
ROW = 768


def gradient(size, filled_row):
    """Zeros, but for every filled_row-th row of ROW elements."""
    if filled_row == 0:
        return torch.zeros(size, device="cuda")
    values = torch.randn(size, device="cuda")
    if filled_row > 1:
        rows = torch.arange(size, device="cuda").div_(ROW, rounding_mode="floor").remainder_(filled_row)
        values[rows != 0] = 0
    return values


def microseconds(case):
    dtype = getattr(torch, case["dtype"])
    params = [torch.zeros(size, device="cuda", dtype=dtype, requires_grad=True) for size in case["sizes"]]
    for param in params:
        param.grad = gradient(param.numel(), case["filled_row"]).to(dtype)
    groups = case["groups"]
    listed = [{"params": params[i::groups], "lr": 1e-3 / (1 + i)} for i in range(groups)]
    optimizer = torch.optim.AdamW(listed, fused=True)

    def round_us(steps):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        for _ in range(steps):
            optimizer.step()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) * 1000 / steps

    round_us(3)
    steps = min(10_000, max(20, int(ROUND_MS * 1000 / round_us(10))))
    return min(round_us(steps) for _ in range(ROUNDS))


for case in json.load(sys.stdin):
    answer = {"torch": torch.__version__, "case": case["name"]}
    try:
        answer["microseconds"] = microseconds(case)
    except torch.cuda.OutOfMemoryError as error:
        answer["skipped"] = str(error).split("\n", 1)[0]
    print(json.dumps(answer), flush=True)
    gc.collect()
    torch.cuda.empty_cache()
