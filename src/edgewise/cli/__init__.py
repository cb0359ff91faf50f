"""The command line: ``edgewise fit | predict | formula | view | pde | study | doctor``.

Results go to standard output, notes and progress to standard error. A mistake of the user's ends with exit code 2
and one line that says what came, what was expected and what to type next. Heavy imports wait inside the commands,
so help is quick.
"""

from edgewise.cli.application import app, main

__all__ = ["app", "main"]
