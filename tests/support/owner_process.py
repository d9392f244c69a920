"""A process that owns a local stack, to be interrupted or killed by a test."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from pathlib import Path
from pipeline.local.errors import LocalStackError
from pipeline.local.stack import LocalStack
from pipeline.local.up import run_until_signal

say = lambda line: print(json.dumps(line), flush=True)
stack = LocalStack(Path(sys.argv[1]), say=say)
try:
    run_until_signal(stack, say)
except LocalStackError as error:
    say(str(error))
    sys.exit(3)
"""


class OwnerProcess:
    """Runs ``run_until_signal`` in a session of its own, as a terminal's job would."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(self.data_dir)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.finish()

    def wait_up(self) -> None:
        """Read its lines until it has said where its data lie, the last of its addresses."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))
            if self.lines[-1].startswith("Data"):
                return
        raise AssertionError(f"the owner ended: {self.lines}")

    def finish(self) -> int:
        """Read the rest, return the exit code."""
        assert self.process.stdout is not None
        if not self.process.stdout.closed:
            self.lines += [json.loads(line) for line in self.process.stdout]
            self.process.stdout.close()
        return self.process.wait()

    def kill(self) -> None:
        """kill -9 of the owner alone."""
        self.process.kill()
        self.process.wait()

    def interrupt_group(self) -> None:
        """Ctrl-C: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def server_pids(self) -> list[int]:
        """Numbers of the two servers, as their homes note them."""
        states = [
            json.loads((self.data_dir / name / "state.json").read_text())
            for name in ("kafka", "clickhouse")
        ]
        return [state["server"]["pid"] for state in states]
