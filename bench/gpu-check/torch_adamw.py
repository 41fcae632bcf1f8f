# torch's fused AdamW on BERT-base, in microseconds a step: one group, 28 groups, a group for each tensor. Prints JSON.
import json

import torch

ROWS = 5
STEPS = 20
LAYER = 4 * [768 * 768, 768] + [768, 768, 3072 * 768, 3072, 768 * 3072, 768, 768, 768]
SIZES = [30522 * 768, 512 * 768, 2 * 768, 768, 768] + 12 * LAYER + [768 * 768, 768]


def microseconds(groups):
    params = [torch.zeros(size, device="cuda", requires_grad=True) for size in SIZES]
    for param in params:
        param.grad = torch.randn_like(param)
    listed = [{"params": params[i::groups], "lr": 1e-3 / (1 + i)} for i in range(groups)]
    optimizer = torch.optim.AdamW(listed, fused=True)
    optimizer.step()
    best = float("inf")
    for _ in range(ROWS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        for _ in range(STEPS):
            optimizer.step()
        end.record()
        torch.cuda.synchronize()
        best = min(best, start.elapsed_time(end) * 1000 / STEPS)
    return best


print(json.dumps({"torch": torch.__version__, **{f"{n} groups": microseconds(n) for n in (1, 28, len(SIZES))}}))
