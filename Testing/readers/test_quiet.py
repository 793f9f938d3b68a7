"""Libraries are silenced, and only they, and only while they read."""

import os
import subprocess
import sys
import textwrap


def test_threads_that_read_at_once_give_standard_error_back():
    script = """
        import os, threading, time
        from BreastMassXAILib.readers.files import quiet
        inside, first_gone = threading.Barrier(2), threading.Event()

        def first():
            with quiet():
                inside.wait()
            first_gone.set()

        def second():
            time.sleep(0.1)  # it finds standard error led away already
            with quiet():
                inside.wait()
                first_gone.wait()
                os.write(2, b"chatter")

        threads = [threading.Thread(target=work) for work in (first, second)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        os.write(2, b"said")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert (done.returncode, done.stderr) == (0, b"said")
