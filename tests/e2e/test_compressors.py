# SPDX-License-Identifier: MIT
"""pbzip2 and pigz: the same bytes out, and the same bytes back."""

import harness
from harness import case, compare, generated_bytes, require, require_equal


def round_trip(folder, compress, decompress, megabytes, threads):
    data = generated_bytes(megabytes * 1024 * 1024)
    plain = folder / 'plain'
    plain.write_bytes(data)
    native, _, trace = compare(folder, [*compress, plain], timeout=60)
    events = trace.require_sound(processes=1, threads=threads)
    require(events > 50, f'only {events} events')
    packed = folder / 'packed'
    packed.write_bytes(native.out)
    native, _, trace = compare(folder, [*decompress, packed], timeout=60)
    require_equal(native.out == data, True, 'unpacked is what was packed')
    trace.require_sound(processes=1)


@case
def pbzip2_packs_and_unpacks_the_same(folder):
    # Main, reader or writer, two workers, and a signal handler's thread.
    round_trip(folder, ['pbzip2', '-p2', '-b1', '-k', '-c'], ['pbzip2', '-d', '-p2', '-k', '-c'], 6, (4, 8))


@case
def pigz_packs_and_unpacks_the_same(folder):
    round_trip(folder, ['pigz', '-p', '3', '-n', '-c'], ['pigz', '-d', '-p', '3', '-c'], 16, (3, 8))


harness.main()
