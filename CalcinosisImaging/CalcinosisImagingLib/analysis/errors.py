"""The one family of exceptions of the library.

A message is a single plain sentence: it names the file or node, says what was found, and what to do.
"""


class CalcinosisError(Exception):
    """Something went wrong that the user can be told in one sentence."""


class InputError(CalcinosisError):
    """The input or the usage is at fault (the command line exits with 2)."""


class OperationCancelled(CalcinosisError):
    """The user asked a long operation to stop."""
