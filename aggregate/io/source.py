"""Where bytes come from: a path, standard input or a file object, plain or gzip, checked as read.

Text is checked while it streams by, so that a broken file stops at once and in bounded memory:
every line must end within `LONGEST_LINE` bytes, be UTF-8 and hold no NUL.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import io
import os
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final

from aggregate.io.errors import ReadError

LONGEST_LINE: Final = 8 << 20
_AT_ONCE: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"

Readable = str | os.PathLike[str] | BinaryIO


class Source:
    """A file that can be opened from its start as often as needed.

    Standard input and file objects are copied to a temporary file first, from where they
    stand to their end.

    Parameters
    ----------
    path : str, path-like or binary file object
        ``"-"`` is standard input.

    Attributes
    ----------
    name : str
        What messages call it.
    gzipped : bool
        Whether its content is compressed; `open` decompresses.
    head : bytes
        The first `LONGEST_LINE` bytes, decompressed.
    """

    def __init__(self, path: Readable) -> None:
        self._copy: Path | None = None
        if isinstance(path, str | os.PathLike) and os.fspath(path) != "-":
            self._path = _existing_file(Path(path))
            self.name = str(path)
        else:
            standard = isinstance(path, str | os.PathLike)
            self.name = "standard input" if standard else "the given file object"
            stream = _binary(sys.stdin.buffer if standard else path)
            self._path = self._copy = _copied(stream, self.name)
        try:
            with self._open_raw() as raw:
                self.gzipped = raw.read(2) == _GZIP
            with self.open() as opened:
                self.head = opened.read(LONGEST_LINE)
            if not self.head:
                raise ReadError(f"{self.name} is empty: there is nothing to read.")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the temporary copy, where there is one."""
        if self._copy is not None:
            self._copy.unlink(missing_ok=True)

    def __enter__(self) -> Source:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def open(self) -> Decompressed:
        """Return the decompressed bytes from the start, unchecked."""
        return Decompressed(self._open_raw(), self.gzipped, self.name)

    def open_text(self) -> CheckedText:
        """Return the decompressed bytes from the start, checked as text."""
        return CheckedText(self.open(), self.name)

    def open_arrow(self) -> Any:
        """Return the decompressed bytes as an Arrow stream that needs no Python to be read.

        Arrow reads ahead in threads of its own. Were the stream a Python object, such a thread
        could wait for the interpreter while the interpreter, on its way out, waits for it.
        """
        import pyarrow as pa

        file = pa.OSFile(str(self._path), "rb")
        return pa.CompressedInputStream(file, "gzip") if self.gzipped else file

    def open_at_random(self) -> Any:
        """Return the decompressed content as an Arrow file, in memory if it was compressed."""
        import pyarrow as pa

        if not self.gzipped:
            return pa.OSFile(str(self._path), "rb")
        with self.open() as opened:
            return pa.BufferReader(opened.read())

    def check_head(self) -> None:
        """Refuse text whose beginning is already damaged, or whose first line has no end."""
        with self.open_text() as text:
            text.read(LONGEST_LINE)
            text.read(1)

    def check_text(self) -> int:
        """Refuse damaged text, wherever the damage is; return how many quotation marks it has."""
        with self.open_text() as text:
            while text.read(_AT_ONCE):
                pass
            return text.quotes

    def _open_raw(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise ReadError(f"{self.name} cannot be opened: {error.strerror}.") from error


class _Stream(io.RawIOBase):
    """A readable stream made of its method ``read``."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self.read(len(buffer)) or b""
        buffer[: len(chunk)] = chunk
        return len(chunk)


class Decompressed(_Stream):
    """Bytes of a plain or gzip file; a damaged gzip file is a `ReadError`."""

    def __init__(self, raw: BinaryIO, gzipped: bool, name: str) -> None:
        self._raw, self._name = raw, name
        self._file = gzip.GzipFile(fileobj=raw, mode="rb") if gzipped else raw

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes, everything when negative, nothing at the end."""
        try:
            return self._file.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ReadError(
                f"{self._name} is a damaged or cut-off gzip file ({error}): copy it again."
            ) from error
        except OSError as error:
            raise ReadError(f"{self._name} cannot be read: {error.strerror or error}.") from error

    def close(self) -> None:
        """Close the file beneath, too."""
        self._file.close()
        self._raw.close()  # which a gzip file leaves open
        super().close()


class CheckedText(_Stream):
    """Bytes that are refused at the first NUL, byte that is not UTF-8, or endless line.

    Attributes
    ----------
    quotes : int
        Quotation marks seen so far; an odd number at the end asks for a closer look.
    """

    def __init__(self, file: Decompressed, name: str) -> None:
        self._file, self._name = file, name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0
        self._lines = 0
        self._open_line = 0
        self.quotes = 0

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` checked bytes, nothing at the end."""
        chunk = self._file.read(LONGEST_LINE if size < 0 else size)
        self._check_characters(chunk)
        self._check_line_length(chunk)
        self.quotes += chunk.count(b'"')
        self._lines += chunk.count(b"\n")
        self._offset += len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file beneath."""
        self._file.close()
        super().close()

    def _check_characters(self, chunk: bytes) -> None:
        nul = chunk.find(b"\0")
        if nul >= 0:
            raise ReadError(
                f"{self._name} holds a NUL byte in {self._place(chunk, nul)}, which no text has: "
                "the file is damaged, or not a text file."
            )
        pending = self._decoder.getstate()[0]
        if chunk.isascii() and chunk and not pending:
            return
        try:
            self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            bad = error.object[error.start]
            place = self._place(chunk, error.start - len(pending))
            raise ReadError(
                f"{self._name} is not UTF-8: {place} holds the byte 0x{bad:02X}. Save it as UTF-8 "
                "(for instance: iconv -f LATIN1 -t UTF-8 old.csv > new.csv)."
            ) from error

    def _check_line_length(self, chunk: bytes) -> None:
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._open_line = len(chunk) - 1 - last if last >= 0 else self._open_line + len(chunk)
        if self._open_line > LONGEST_LINE:
            line = self._lines + chunk.count(b"\n") + 1
            raise ReadError(
                f"{self._name} has a line ({line}) of more than {LONGEST_LINE >> 20} MB: "
                "it is no table with one row per line."
            )

    def _place(self, chunk: bytes, position: int) -> str:
        line = self._lines + chunk.count(b"\n", 0, max(position, 0)) + 1
        return f"line {line} (byte {self._offset + position:,})"


def _existing_file(path: Path) -> Path:
    try:
        if path.is_dir():
            raise ReadError(f"{path} is a folder: give one of the files in it.")
        if path.exists():
            return path
        folder = path.parent
        neighbours = [entry.name for entry in folder.iterdir()] if folder.is_dir() else None
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if neighbours is None:
        raise ReadError(f"{path} does not exist, nor does the folder {folder}.")
    close = difflib.get_close_matches(path.name, neighbours, n=1)
    hint = f" Did you mean {folder / close[0]}?" if close else ""
    raise ReadError(f"{path} does not exist.{hint}")


def _binary(stream: Any) -> BinaryIO:
    if not hasattr(stream, "read"):
        raise TypeError(
            f"path must be a file name, '-' or a binary file object; got {type(stream).__name__}."
        )
    if isinstance(stream.read(0), str):
        raise TypeError("a file object must be opened in binary mode ('rb').")
    return stream


def _copied(stream: BinaryIO, name: str) -> Path:
    """Copy a stream to a temporary file, giving up early on text with an endless line."""
    descriptor, path = tempfile.mkstemp(prefix="aggregate-")
    try:
        with open(descriptor, "wb") as copy:
            start = stream.read(4)
            copy.write(start)
            binary = start[:2] == _GZIP or start == b"PAR1"
            since_line_end = 0
            while chunk := stream.read(_AT_ONCE):
                ends = binary or b"\n" in chunk or b"\r" in chunk
                since_line_end = 0 if ends else since_line_end + len(chunk)
                if since_line_end > LONGEST_LINE:
                    raise ReadError(
                        f"{name} has a line of more than {LONGEST_LINE >> 20} MB: it is no table "
                        "with one row per line."
                    )
                copy.write(chunk)
    except BaseException:
        Path(path).unlink()
        raise
    return Path(path)
