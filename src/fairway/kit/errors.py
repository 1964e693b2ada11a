"""What goes wrong for a person: one line that says what, where and what to do next, and an exit code."""


class FairwayError(Exception):
    """Base of every error a person may see; printed as one line, never as a traceback."""

    exit_code = 2


class AnswerIsNoError(FairwayError):
    """The question was answered, and the answer is no: a policy would deny, a gate is closed."""

    exit_code = 1


class UsageError(FairwayError):
    """Wrong usage or input: a malformed file, an unknown name, a value out of range."""

    exit_code = 2


class InputErrors(UsageError):
    """Several mistakes in one input, told together, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class EnvironmentLacksError(FairwayError):
    """This machine lacks something: a kernel feature, a permission, a program."""

    exit_code = 3
