"""A quantum particle in a bowl: Schrödinger's equation ``i f_t = -f_xx / 2 + x^2 f / 2`` with ``f = u + i v``."""

import torch

from edgewise.pde import Box, Problem, Solution, dirichlet, initial, solve


def solved(**settings) -> Solution:
    """A packet let go at the side, on its way to the middle."""
    bowl = Problem(
        ("u", "v"),
        Box(x=(-6, 6), t=(0, 1)),
        {
            "real": lambda u, v, x: u.t + v.xx / 2 - x**2 * v / 2,
            "imaginary": lambda u, v, x: v.t - u.xx / 2 + x**2 * u / 2,
        },
        {
            "u": dirichlet("u", 0.0, on="x"),
            "v": dirichlet("v", 0.0, on="x"),
            "start": initial("u", lambda x: torch.exp(-((x - 1) ** 2) / 2)),
            "still": initial("v", 0.0),
        },
    )
    return solve(bowl, **settings)


if __name__ == "__main__":
    solution = solved(max_seconds=60, seed=0)
    found = solution(x=[-1.0, 0.0, 1.0], t=1.0)
    print(solution.status, solution.estimate, found["u"] ** 2 + found["v"] ** 2)
