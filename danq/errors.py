"""The one exception that the command line turns into one line and exit status 2."""


class DanqError(Exception):
    """What the user gave cannot be used; the message says what, where, and expected against received.

    The message is one line without a trailing full stop and, for file contents, starts with ``path:line:``.
    Everything else that is raised is a bug of danq and shows its traceback.
    """
