"""Heat between two pipes, one beside the axis of the other: Laplace's equation on a disc with a hole."""

from edgewise.pde import Disc, Problem, Solution, dirichlet, solve

HOLE, RADIUS = (0.3, 0.1), 0.25


def solved(**settings) -> Solution:
    """The temperature: one on the inner pipe, zero on the outer."""
    pipes = Problem(
        "u",
        Disc((0, 0), 1) - Disc(HOLE, RADIUS, name="inner"),
        {"conduction": lambda u: u.xx + u.yy},
        {"outside": dirichlet("u", 0.0, on="circle"), "inside": dirichlet("u", 1.0, on="inner")},
    )
    return solve(pipes, **settings)


if __name__ == "__main__":
    solution = solved(max_seconds=60, seed=0)
    print(solution.status, solution.estimate)
    print("between the axes:", solution(x=-0.2, y=0.0))
