"""Freed memory that the C library keeps: given back to the system from time to time.

Small pieces that were freed between others stay with the allocator, however many they are; large
arrays go back by themselves. After a flood of sessions that were a hundred MiB and more.
"""

import asyncio
import ctypes
from typing import Final

EVERY_S: Final = 60.0


def give_back() -> bool:
    """Give free pages of the heap back; return whether this C library has a way to.

    ``malloc_trim`` of glibc (malloc_trim(3)), 7 ms for 400 MiB in use. Others do it by themselves.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


async def stays_small() -> None:
    """Give memory back every minute, for ever."""
    while True:
        await asyncio.sleep(EVERY_S)
        give_back()
