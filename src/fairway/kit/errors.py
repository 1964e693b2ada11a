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
    """Several mistakes in one input, told together, one line each whatever the input holds."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = [one_line(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


def one_line(text: str) -> str:
    """The text with whatever would break the line, or a terminal, written as escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class EnvironmentLacksError(FairwayError):
    """This machine lacks something: a kernel feature, a permission, a program."""

    exit_code = 3
