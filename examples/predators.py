"""Hares and lynxes, the equations of Lotka and Volterra: a system of two in time."""

from edgewise.pde import Interval, Problem, Solution, initial, solve


def solved(**settings) -> Solution:
    """Both over two of their cycles."""
    forest = Problem(
        ("hares", "lynxes"),
        Interval(t=(0, 12)),
        {
            "hares": lambda hares, lynxes: hares.t - hares * (1 - lynxes),
            "lynxes": lambda hares, lynxes: lynxes.t - lynxes * (hares - 1),
        },
        {"hares": initial("hares", 1.5), "lynxes": initial("lynxes", 0.5)},
    )
    return solve(forest, **settings)


if __name__ == "__main__":
    solution = solved(max_seconds=30, seed=0)
    print(solution.status, solution.estimate)
    print(solution(t=[3.0, 6.0, 9.0, 12.0]))
