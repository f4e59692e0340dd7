"""Every error this project raises on purpose.

    TaggerError
    |-- StartError            nothing can be started: exit code 2, before any file is touched
    |   |-- InputError        a path is missing, a folder is empty, an option is wrong
    |   |   `-- NotThereError  a path is missing, or cannot be reached at this moment
    |   |-- ModelError        a model file is missing, corrupt or not one of ours
    |   |-- DeviceError       the device that was asked for cannot really be used
    |   |-- StateError        the file that remembers earlier runs cannot be used
    |   `-- MissingExtraError a part of the program that is not installed was asked for
    |-- StoppedError          what all files need was lost on the way: exit code 1
    `-- TrackError            one track failed: it becomes a result, the others go on
        |-- DecodeError       the audio cannot be read
        |-- TagError          the tags cannot be read
        |-- UnsupportedTagError  this container (or version of it) can carry no tag of ours
        `-- WriteError        the file was left as it was; the message says why
            `-- ChangedError  it is not any more what it was when that was decided

Every message names the file, what was wrong and, where there is one, the remedy.
"""


class TaggerError(Exception):
    """Base of all errors that are raised on purpose."""


class StartError(TaggerError):
    """Nothing was started; the command line exits with 2."""


class InputError(StartError):
    """A path or an option given by the user cannot be used."""


class NotThereError(InputError):
    """There is no file or folder of a name, or it cannot be reached; it may come back."""


class ModelError(StartError):
    """A model file cannot be used."""


class DeviceError(StartError):
    """The requested device cannot really be used."""


class StateError(StartError):
    """The file that remembers earlier runs is held by another process or cannot be used."""


class MissingExtraError(StartError):
    """An optional part that was asked for is not installed."""


class StoppedError(TaggerError):
    """Something that all files need failed after the first results; the rest was not done."""


class TrackError(TaggerError):
    """One track failed; it becomes a result and delays nobody."""


class DecodeError(TrackError):
    """The audio of a track cannot be read."""


class TagError(TrackError):
    """The tags of a track cannot be read."""


class UnsupportedTagError(TrackError):
    """The container can carry no genre that we could write safely: the track is skipped."""


class WriteError(TrackError):
    """A file was not changed because the change could not be made or proven safe."""


class ChangedError(WriteError):
    """Another program has changed the file since it was read; looking again may help."""
