"""Bodies: decompressed in steps, whatever the pieces they come in."""

import gzip
import zlib

import pytest

from portkey_admin_mcp.portkey.http.body import MAX_STEP_BYTES, Body

SIZE = MAX_STEP_BYTES + 1_000
"""Two steps are needed for so much."""


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_data_is_complete_wherever_a_piece_ends_within_a_step(coding):
    content = bytes(SIZE)
    packed = gzip.compress(content) if coding == "gzip" else zlib.compress(content)
    # Near the end, all of a piece may be read while some of its output does not fit into the step.
    for end in range(len(packed) - 40, len(packed)):
        body = Body(coding, 2 * SIZE)
        body.append(packed[:end])
        body.append(packed[end:])

        assert body.content() == content


def test_what_has_come_is_decompressed_at_once():
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(bytes(SIZE)) + packer.flush(zlib.Z_SYNC_FLUSH)

    for end in range(len(packed) - 20, len(packed)):
        whole = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed[:end])
        body = Body("deflate", 2 * SIZE)
        body.append(packed[:end])
        assert body.part() == whole
