#!/usr/bin/env python3
"""Converts a PyTorch or Paddle optimizer's checkpoint into a state file that an optimizer of optspec loads (docs/state.md).

    python scripts/convert_state.py torch  checkpoint.pt  state.safetensors [--key optimizer] [--model model.pt] [--names names.json]
    python scripts/convert_state.py paddle model.pdopt    state.safetensors [--model model.pdparams] [--names names.json]

PyTorch: the file holds `optimizer.state_dict()`, under --key if it holds more. Names come from the checkpoint where the optimizer was made
with named parameters, else from --names: a JSON list of the names in the order in which the optimizer got its parameters,
    json.dump([name for name, _ in model.named_parameters()], open("names.json", "w"))
Paddle: --names is a JSON object from Paddle's names to yours,
    json.dump({p.name: name for name, p in model.named_parameters()}, open("names.json", "w"))
and without it Paddle's own names (`linear_0.w_0`) are kept. Paddle keeps beta^t instead of t: the count is found from it exactly.

--model      the model's own state dict: the parameters go into the file too, and parameters that never had a gradient get zero states.
--state      THEIRS=OURS, once for each state, where the spec's names are not those of examples/adamw.opt (torch) or
             examples/adamwdl.opt (paddle): --state exp_avg=moment1 --state exp_avg_sq=moment2
--betas      Paddle: the optimizer's beta1 and beta2, unless 0.9 and 0.999.
--steps      Paddle: the number of steps, for a run so long that its powers have reached zero.

Needs numpy and safetensors, and torch or paddlepaddle. Pickle files run what they hold: torch's are loaded as weights only, Paddle's cannot
be, so convert only those that you trust.
"""

import argparse
import functools
import json
import sys

import numpy as np
from safetensors.numpy import save_file

TORCH_STATES = {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "vmax"}
PADDLE_STATES = {"moment1": "moment1", "moment2": "moment2"}
TORCH_HYPERS = {"lr": "lr", "eps": "epsilon", "weight_decay": "weight_decay"}
# More steps than it takes 0.9999 to reach zero in float32.
MOST_STEPS = 2_000_000


class Refusal(Exception):
    """What cannot be converted, and the way out."""


def array(value):
    """Any framework's tensor as a numpy array; bfloat16 as float32, which holds all of it."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    if hasattr(value, "numpy"):
        value = value.numpy()
    return np.asarray(value)


def float32(value):
    return np.ascontiguousarray(array(value), dtype=np.float32)


class StateFile:
    """The tensors of a state file and its metadata; keys as in docs/state.md."""

    def __init__(self):
        self.tensors = {}
        self.hypers = {}

    def add(self, name, count, states, shape=None):
        """One parameter's count and states, by our names. `shape` is checked where it is known."""
        self.tensors[f"t/{name}"] = np.asarray(count, dtype=np.int64)
        for state, value in states.items():
            if shape is not None and tuple(value.shape) != tuple(shape):
                raise Refusal(f"{state} of {name} has shape {list(value.shape)}, the parameter {list(shape)}: is --names in the right order?")
            self.tensors[f"state.{state}/{name}"] = value

    def steps(self):
        return max((int(value) for key, value in self.tensors.items() if key.startswith("t/")), default=0)

    def write(self, path, model):
        for name, value in model.items():
            self.tensors[f"param/{name}"] = value
        metadata = {"format": "optspec", "format_version": "1", "steps": str(self.steps()), "hypers": json.dumps(self.hypers)}
        save_file(self.tensors, path, metadata)


def torch_names(state_dict, given):
    """Names by the numbers that the checkpoint has for parameters."""
    groups = state_dict["param_groups"]
    numbers = [number for group in groups for number in group["params"]]
    named = [name for group in groups for name in group.get("param_names", [])]
    names = given if given is not None else named
    if len(names) != len(numbers):
        raise Refusal(f"the checkpoint has {len(numbers)} parameters and {len(names)} names: give all of them, in order, with --names")
    if len(set(names)) != len(names):
        raise Refusal("two parameters have one name")
    return dict(zip(numbers, names))


def torch_hypers(groups):
    """Of one group; several have no one value, and are given to the optimizer as its groups."""
    if len(groups) != 1:
        print(f"{len(groups)} parameter groups: give their hypers at creation, they are not in the file", file=sys.stderr)
        return {}
    [group] = groups
    hypers = {ours: float(group[theirs]) for theirs, ours in TORCH_HYPERS.items() if theirs in group}
    if "betas" in group:
        hypers["beta1"], hypers["beta2"] = (float(beta) for beta in group["betas"])
    return hypers


def convert_torch(state_dict, states, names, model):
    """`states`: our names by theirs."""
    file = StateFile()
    file.hypers = torch_hypers(state_dict["param_groups"])
    for number, name in torch_names(state_dict, names).items():
        entry = state_dict["state"].get(number)
        shape = model[name].shape if name in model else None
        if entry is None:
            if shape is None:
                raise Refusal(f"{name} has no state yet: give --model, so that its shape is known")
            used = {theirs for other in state_dict["state"].values() for theirs in other if theirs in states}
            file.add(name, 0, {states[theirs]: np.zeros(shape, np.float32) for theirs in sorted(used)})
            continue
        unknown = set(entry) - set(states) - {"step"}
        if unknown:
            raise Refusal(f"{name} has states {sorted(unknown)}: say what they are called here, --state {sorted(unknown)[0]}=NAME")
        kept = {states[theirs]: float32(value) for theirs, value in entry.items() if theirs != "step"}
        file.add(name, int(array(entry["step"])), kept, shape)
    return file


@functools.cache
def count_of(powers, betas):
    """The t for which Paddle, multiplying in float32 after each step, holds these beta1^(t+1) and beta2^(t+1)."""
    betas = [np.float32(beta) for beta in betas]
    now = list(betas)
    for count in range(MOST_STEPS):
        following = [value * beta for value, beta in zip(now, betas)]
        if following == now:
            return None  # both have reached the end of float32, and stay there
        if all(power == value for power, value in zip(powers, now)):
            return count
        now = following
    return None


def convert_paddle(state_dict, states, names, betas, steps, model):
    """Keys are NAME_moment1_0, NAME_beta1_pow_acc_0 and so on, where 0 counts the optimizers of a process."""
    file = StateFile()
    kept, powers = {}, {}
    for key, value in state_dict.items():
        stem, _, number = key.rpartition("_")
        if key in ("LR_Scheduler", "master_weights") or not number.isdigit():
            continue
        for theirs in (*states, "beta1_pow_acc", "beta2_pow_acc"):
            if stem.endswith(f"_{theirs}"):
                name = stem[: -len(theirs) - 1]
                (kept if theirs in states else powers).setdefault(name, {})[states.get(theirs, theirs)] = float32(value)
                break
        else:
            raise Refusal(f"{key} is no state that is known: say what it is called here, --state {stem}=NAME")
    for theirs, own in kept.items():
        name = theirs if names is None else names.get(theirs)
        if name is None:
            raise Refusal(f"--names does not say what {theirs} is called")
        both = powers.get(theirs, {})
        count = steps
        if count is None and len(both) == 2:
            count = count_of(tuple(both[f"beta{i}_pow_acc"].reshape(-1)[0] for i in (1, 2)), tuple(betas))
        if count is None:
            raise Refusal(f"how many steps {theirs} has taken cannot be found from its powers and betas {list(betas)}: give --betas, or --steps")
        file.add(name, count, own, model[name].shape if name in model else None)
    return file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=["torch", "paddle"])
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--key")
    parser.add_argument("--model")
    parser.add_argument("--names")
    parser.add_argument("--state", action="append", default=[], metavar="THEIRS=OURS")
    parser.add_argument("--betas", nargs=2, type=float, default=[0.9, 0.999])
    parser.add_argument("--steps", type=int)
    args = parser.parse_args()
    if args.library == "torch":
        import torch

        load = lambda path: torch.load(path, map_location="cpu", weights_only=True)
        default_states = TORCH_STATES
    else:
        import paddle

        load = paddle.load
        default_states = PADDLE_STATES
    states = default_states | dict(pair.split("=", 1) for pair in args.state)
    with_names = json.load(open(args.names, encoding="utf-8")) if args.names else None
    model = {name: float32(value) for name, value in load(args.model).items()} if args.model else {}
    checkpoint = load(args.checkpoint)
    if args.key:
        checkpoint = checkpoint[args.key]
    if args.library == "torch":
        file = convert_torch(checkpoint, states, with_names, model)
        model = {name: value for name, value in model.items() if f"t/{name}" in file.tensors}
    else:
        file = convert_paddle(checkpoint, states, with_names, args.betas, args.steps, model)
        masters = checkpoint.get("master_weights", {})
        model |= {(with_names or {}).get(name, name): float32(value) for name, value in masters.items()}
        model = {name: value for name, value in model.items() if f"t/{name}" in file.tensors}
    file.write(args.out, model)
    print(f"{args.out}: {len(file.tensors)} tensors, {file.steps()} steps")


if __name__ == "__main__":
    try:
        main()
    except Refusal as refusal:
        sys.exit(f"convert_state.py: {refusal}")
