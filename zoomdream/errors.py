"""Everything that can go wrong for a user, and the exit code that says so.

ZoomdreamError
├── ConfigError        2    the YAML, the command line, or a value that does not fit the network
├── InputError         3    weights, a picture or a clip is missing, broken or of the wrong kind
├── OutputError        4    writing, encoding or the lock failed
└── RenderInterrupted  130  Ctrl-C; the render can go on later

The message is one short paragraph for a person: what, where, what was found, what is allowed. Any other exception is
our own bug.
"""


class ZoomdreamError(Exception):
    """Something that the user can mend. `exit_code` is what the command ends with."""

    exit_code = 1


class ConfigError(ZoomdreamError):
    """The configuration is wrong: file, line, key, the value found, what is allowed."""

    exit_code = 2


class InputError(ZoomdreamError):
    """An input file is missing, broken or of the wrong kind."""

    exit_code = 3


class OutputError(ZoomdreamError):
    """The output could not be written, encoded or locked."""

    exit_code = 4


class RenderInterrupted(ZoomdreamError):
    """The user stopped the render; what is finished is kept."""

    exit_code = 130
