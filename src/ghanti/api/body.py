"""Reading request bodies from any sane client: JSON, urlencoded or multipart, or none at all.

Real clients mislabel what they send, so a body is also looked at: JSON posted with curl's default
type is JSON, and a multipart body labelled as JSON is multipart.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from ghanti.accounts.errors import InvalidError
from ghanti.api.errors import PayloadTooLargeError, UnsupportedMediaTypeError

DATA_MEGABYTES = 16
"""Largest body without a file."""

_MEGABYTE = 1024 * 1024
_MULTIPART_OVERHEAD = _MEGABYTE
_DEEPEST = 64
"""Levels of lists and objects in JSON: fewer than make any reader or writer of it give up."""

_JSON = re.compile(r"application/(.+\+)?json|text/(json|plain)|application/octet-stream|")


@dataclass(slots=True)
class Body:
    """What was sent. A form field sent once is a string, sent repeatedly a list of them."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, UploadFile] = field(default_factory=dict)
    is_form: bool = False

    async def aclose(self) -> None:
        """Remove the temporary copies of uploads."""
        for file in self.files.values():
            await file.close()


async def read_body(request: Request, file_megabytes: int = 0, most_files: int = 4) -> Body:
    """The body of a request; up to so many files are accepted, of ``file_megabytes`` in all.

    Raises InvalidError, PayloadTooLargeError, UnsupportedMediaTypeError.
    """
    megabytes = max(file_megabytes, DATA_MEGABYTES)
    stream = limited(request, megabytes)
    first = await anext(stream)  # Empty only at the end of the body, where Starlette always yields it.
    if not first:
        return Body()
    kind, boundary = _media_type(request.headers.get("content-type", ""))
    if kind == "multipart/form-data" and boundary:
        return await _multipart(_chained(first, stream), boundary, megabytes, most_files)
    if first.startswith(b"--") and (kind == "multipart/form-data" or _JSON.fullmatch(kind)):
        return await _multipart(_chained(first, stream), _boundary_of(first), megabytes, most_files)
    data = bytearray(first)
    async for chunk in stream:
        data += chunk
        if len(data) > DATA_MEGABYTES * _MEGABYTE + _MULTIPART_OVERHEAD:
            raise PayloadTooLargeError(DATA_MEGABYTES)
    if kind == "application/x-www-form-urlencoded" and not data.lstrip().startswith((b"{", b"[")):
        return Body(_collected(_urlencoded(bytes(data))), is_form=True)
    if kind == "application/x-www-form-urlencoded" or _JSON.fullmatch(kind):
        return Body(_json(bytes(data)))
    if kind == "multipart/form-data":
        raise InvalidError("The multipart body is malformed.")
    raise UnsupportedMediaTypeError(
        f"Unsupported media type {kind[:60]!r}; send JSON, urlencoded or multipart form data."
    )


async def limited(request: Request, megabytes: int) -> AsyncGenerator[bytes, None]:
    """The body's chunks. Ends with PayloadTooLargeError, at once when the length is declared."""
    most = megabytes * _MEGABYTE + _MULTIPART_OVERHEAD
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > most:
        raise PayloadTooLargeError(megabytes)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise PayloadTooLargeError(megabytes)
        yield chunk


async def _chained(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _media_type(header: str) -> tuple[str, str | None]:
    message = Message()
    message["content-type"] = header
    kind = header.partition(";")[0].strip().lower()
    boundary = message.get_param("boundary") if kind.startswith("multipart/") else None
    return kind, boundary if isinstance(boundary, str) else None


def _boundary_of(first: bytes) -> str:
    """The boundary as the body's first line has it (RFC 2046, section 5.1.1)."""
    return first.split(b"\r\n", 1)[0][2:72].decode("latin-1")


class _Parser(MultiPartParser):
    """Knows whether the body was whole, and can close what it opened, also of a part that never ended."""

    whole = False

    def on_end(self) -> None:
        self.whole = True

    def close(self) -> None:
        for file in self._files_to_close_on_error:
            file.close()


async def _multipart(
    stream: AsyncGenerator[bytes, None], boundary: str, megabytes: int, most_files: int
) -> Body:
    headers = Headers({"content-type": f'multipart/form-data; boundary="{boundary}"'})
    parser = _Parser(
        headers,
        stream,
        max_files=most_files,
        max_fields=10_000,
        max_part_size=DATA_MEGABYTES * _MEGABYTE,
    )
    try:
        pairs = (await parser.parse()).multi_items()
        if not parser.whole:
            raise InvalidError("The multipart body is malformed: it ends before its last boundary.")
        texts = _collected((name, value) for name, value in pairs if isinstance(value, str))
    except (MultiPartException, UnicodeDecodeError):
        parser.close()
        raise InvalidError("The multipart body is malformed.") from None
    except InvalidError:
        parser.close()
        raise
    files: dict[str, UploadFile] = {}
    for name, value in pairs:
        if isinstance(value, UploadFile):
            if name in files:
                await files[name].close()
            files[name] = value
    return Body(texts, files, is_form=True)


def _urlencoded(data: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(data.decode(), keep_blank_values=True, errors="strict", max_num_fields=10_000)
    except ValueError:
        raise InvalidError("The form is malformed or not UTF-8.") from None


def _collected(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        name = name.removesuffix("[]")
        if "\0" in name or "\0" in value:
            raise InvalidError("NUL characters cannot be kept.")
        if name in values:
            known = values[name]
            values[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            values[name] = value
    return values


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data.removeprefix(b"\xef\xbb\xbf").strip() or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidError(f"The body is not valid JSON: {error}.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidError("The body must be a JSON object.")
    return value


def parse_json(data: bytes | str) -> Any:
    """A JSON value that the database can keep and an answer can hold.

    Raises orjson.JSONDecodeError, and InvalidError for one that is nested too deep or holds NUL.
    """
    value = orjson.loads(data)
    if _is_deep(value):
        raise InvalidError(f"The JSON is nested deeper than {_DEEPEST} levels.")
    if ("\\u0000" if isinstance(data, str) else b"\\u0000") in data and _has_nul(value):  # type: ignore[operator]
        raise InvalidError("NUL characters cannot be kept.")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
