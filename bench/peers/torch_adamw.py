"""torch's AdamW on the CPU, as a child that answers: a line `steps` in, seconds per step out.

Arguments: elements, threads, form (fused, foreach or loop), tensors, dtype.
"""

import sys
import time

import torch


def main() -> None:
    elements, threads, form, tensors = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    dtype = getattr(torch, sys.argv[5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    params = [torch.nn.Parameter(torch.randn(elements // tensors).to(dtype)) for _ in range(tensors)]
    for param in params:
        param.grad = torch.randn_like(param)
    optimizer = torch.optim.AdamW(params, lr=1e-3, fused=form == "fused", foreach=form == "foreach")
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            optimizer.step()
        print((time.perf_counter() - start) / steps, flush=True)


main()
