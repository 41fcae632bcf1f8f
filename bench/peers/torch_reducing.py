"""Optimizers that reduce, in PyTorch on the CPU, as a child that answers: a line `steps` in, seconds per step out.

Arguments: what (clip: AdamW behind clip_grad_norm_; lamb, prodigy: of pytorch_optimizer), elements, threads, tensors.
"""

import sys
import time

import torch


def main() -> None:
    what, elements, threads, tensors = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    params = [torch.nn.Parameter(torch.randn(elements // tensors) * 0.01) for _ in range(tensors)]
    for param in params:
        param.grad = torch.randn_like(param) * 0.01
    if what == "clip":
        optimizer = torch.optim.AdamW(params, lr=1e-3, fused=True)
    else:
        import pytorch_optimizer

        if what == "lamb":
            optimizer = pytorch_optimizer.Lamb(params, lr=1e-3, weight_decay=0.01, weight_decouple=False, max_grad_norm=0.0)
        else:
            optimizer = pytorch_optimizer.Prodigy(params)
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            if what == "clip":
                torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
        print((time.perf_counter() - start) / steps, flush=True)


main()
