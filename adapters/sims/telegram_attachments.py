"""Files the bot sends: what is too big, what is no picture, and how a message tells of them."""

import struct

from adapters.sims.telegram_html import Json
from adapters.sims.telegram_parameters import Sent
from adapters.sims.telegram_record import Upload
from adapters.sims.telegram_refusals import bad_request, too_large

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
# The markers of a JPEG that begin a frame with its height and width.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MOST_SIDES = 10_000
MOST_RATIO = 20


def document(sent: Sent, most: int) -> Json:
    """Tell of a document. Raises ApiError 413 above `most` bytes."""
    if sent.upload.size > most:
        raise too_large()
    if not sent.upload.size:
        raise bad_request("file must be non-empty")
    named = {"file_name": sent.upload.name, "mime_type": sent.upload.media_type}
    return {"document": _file(sent.upload, "BQ") | named}


def photo(sent: Sent, most: int) -> Json:
    """Tell of a picture, PNG or JPEG. Raises ApiError 400 above `most` bytes or odd sides."""
    if sent.upload.size > most:
        raise bad_request(
            f"file of size {sent.upload.size} bytes is too big for a photo; "
            f"the maximum size is {most} bytes"
        )
    width, height = _sides(sent.content)
    if width + height > MOST_SIDES or max(width, height) > MOST_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return {"photo": [_file(sent.upload, "Ag") | {"width": width, "height": height}]}


def _file(upload: Upload, kind: str) -> Json:
    unique = upload.sha256[:16]
    return {
        "file_id": f"{kind}ACAgIAAx{upload.sha256}",
        "file_unique_id": f"{kind}AD{unique}",
        "file_size": upload.size,
    }


def _sides(content: bytes) -> tuple[int, int]:
    try:
        if content.startswith(PNG):
            width, height = struct.unpack_from(">II", content, len(PNG) + 8)
        elif content.startswith(JPEG):
            width, height = _jpeg_sides(content)
        else:
            raise bad_request("IMAGE_PROCESS_FAILED")
    except (struct.error, IndexError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if not width or not height:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return width, height


def _jpeg_sides(content: bytes) -> tuple[int, int]:
    at = len(JPEG)
    while content[at + 1] not in FRAMES:
        at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    height, width = struct.unpack_from(">HH", content, at + 5)
    return width, height
