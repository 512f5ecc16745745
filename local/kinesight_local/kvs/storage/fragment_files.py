"""Fragments' bytes: one file per fragment, one folder per stream."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kinesight_local.kvs.storage.stored_fragment import StoredFragment

_UNFINISHED = ".part"


class FragmentFiles:
    """All files below one folder."""

    def __init__(self, folder: Path) -> None:
        """Deletes files that a killed process left incomplete."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob(f"*/*{_UNFINISHED}"):
            unfinished.unlink()

    def write(self, stream_arn: str, number: str, pieces: Sequence[bytes]) -> str:
        """Returns the path for StoredFragment; a file of that name is always complete. Raises OSError."""
        folder = self._stream_folder(stream_arn)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}.mkv"
        with path.with_suffix(_UNFINISHED).open("wb") as file:
            file.writelines(pieces)
        path.with_suffix(_UNFINISHED).rename(path)
        return str(path.relative_to(self._folder))

    def parts(self, stored: StoredFragment) -> tuple[bytes, bytes, bytes]:
        """The producer's header, the cluster, and the producer's tags after it. Raises FileNotFoundError if deleted."""
        body = (self._folder / stored.path).read_bytes()
        middle = stored.header_bytes + stored.cluster_bytes
        return body[: stored.header_bytes], body[stored.header_bytes : middle], body[middle:]

    def header(self, stored: StoredFragment) -> bytes:
        """The producer's header only. Raises FileNotFoundError if deleted."""
        with (self._folder / stored.path).open("rb") as file:
            return file.read(stored.header_bytes)

    def delete(self, path: str) -> None:
        """`path` as returned by `write`."""
        (self._folder / path).unlink(missing_ok=True)

    def delete_folder(self, stream_arn: str) -> None:
        """Deletes an empty folder. A fragment that is being written keeps it; the writer then deletes its fragment."""
        with suppress(OSError):
            self._stream_folder(stream_arn).rmdir()

    def _stream_folder(self, stream_arn: str) -> Path:
        return self._folder / stream_arn.rpartition("/")[2]
