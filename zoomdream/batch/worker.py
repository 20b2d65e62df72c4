"""A worker process of the local engine: does one piece of work after the other, and keeps its network for the next.

It hears from the batch through one pipe: work, `STOP`, or the pipe's end, which comes when the batch is gone, however
that ended. So no worker outlives its batch.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection

STOP = "stop"


def main(pipe: Connection, gpu: int | None) -> None:
    """Work until told to stop. gpu: the number of the one that `cuda` is to mean here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the batch, which tells its workers
    waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, waiting), daemon=True).start()

    import torch  # only now: whoever is ended while this loads is ended at once

    from zoomdream.batch.work import WarmNetworks, Work, perform
    from zoomdream.machine.startup import keep_freed_memory

    keep_freed_memory()
    if gpu is not None:
        torch.cuda.set_device(gpu)
    networks = WarmNetworks()
    while isinstance(work := waiting.get(), Work):
        perform(work, networks, pipe.send)


def _listen(pipe: Connection, waiting: queue.SimpleQueue[object]) -> None:
    while True:
        try:
            heard = pipe.recv()
        except (EOFError, OSError):
            os._exit(1)  # the batch is gone: as safe as being killed, which a render is at every moment
        waiting.put(heard)
        if heard == STOP:
            _interrupt()


def _interrupt() -> None:
    """As if SIGTERM had come: a render that is running ends in its own order, all else ends at once."""
    main_thread = threading.main_thread().ident
    if sys.platform == "win32" or main_thread is None:
        signal.raise_signal(signal.SIGTERM)
    else:
        signal.pthread_kill(main_thread, signal.SIGTERM)  # so that a wait of the main thread is interrupted too
