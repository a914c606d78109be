"""Runs a hook of a build backend (PEP 517, PEP 660) and writes what it returned, a line of JSON, to a file descriptor.

Before it may run the one that says what it requires: in a child of its own, so that each hook finds the backend as it was
just imported, as in a fresh process. Where that asks for what is not there, the hook itself is left for another call.

Arguments: the path of the request (JSON), the number of the descriptor. Standard output and standard error belong to
the backend: they are its log. Standard input is a pipe that stays empty and ends when the caller does, by whatever signal: the
backend and all that it started are killed then. Runs on every Python from 3.7 on, with nothing but the standard library.
"""

import importlib
import itertools
import json
import os
import select
import signal
import sys
import traceback


def load_backend(name, backend_path):
    """The object that `build-backend` names (`module` or `module:object`), from the source tree if it is in-tree."""
    sys.path[:0] = backend_path
    module_name, _, attributes = name.partition(":")
    backend = importlib.import_module(module_name)
    if backend_path and not inside(backend, backend_path):
        raise ImportError("%s was not found in backend-path" % module_name)
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


def inside(module, folders):
    """PEP 517, "In-tree build backends": the front end must check that the module came from `backend-path`."""
    places = [getattr(module, "__file__", None)] + list(getattr(module, "__path__", []))
    roots = [os.path.join(os.path.realpath(folder), "") for folder in folders]
    return any(os.path.realpath(place).startswith(root) for place in places if place for root in roots)


def run(request, tell):
    try:
        backend = load_backend(request["backend"], request["backendPath"])
    except Exception as error:
        traceback.print_exc()
        tell({"unavailable": describe(error)})
        return
    settle_temporary_names()
    first = request.get("first")
    if first is not None:
        asked = in_a_child(lambda: call(backend, first))
        tell(asked)
        if not settles(asked, first.get("enough")):
            return
        note("%s %s" % (request["backend"], request["hook"]))
    tell(call(backend, request))


def settle_temporary_names():
    """Backends write the names of their temporary folders into what they make (meson-python): the same names make the same wheel."""
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and getattr(tempfile, "_name_sequence", "") is None:
        tempfile._name_sequence = map("dxpy{:04d}".format, itertools.count())


def call(backend, request):
    hook = getattr(backend, request["hook"], None)
    if hook is None:
        return {"missing": True}
    try:
        return {"result": hook(*request["arguments"])}
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return {"failed": describe(error)}


def settles(answer, enough):
    """Whether the environment has all that was asked for. `enough` is None where whatever is asked does not matter."""
    if "missing" in answer:
        return True
    if not isinstance(answer.get("result"), list):
        return False
    return enough is None or all(one in enough for one in answer["result"])


def in_a_child(action):
    """What `action` returns, run in a child of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            text = as_json(action())
            sys.stdout.flush()
            sys.stderr.flush()
            with os.fdopen(writer, "w", encoding="utf-8") as file:
                file.write(text)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if text == "":
        # The caller learns of it as of any process that ends without an answer.
        os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
    return json.loads(text)


def as_json(answer):
    try:
        return json.dumps(answer)
    except (TypeError, ValueError) as error:
        return json.dumps({"failed": {"type": "TypeError", "message": "the hook returned no JSON value: %s" % error}})


def note(line):
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(2, ("dx-py: %s\n" % line).encode("utf-8", "replace"))


def describe(error):
    return {"type": type(error).__name__, "message": str(error)[:2000]}


def stay_with_caller():
    """The backend works in a child, in a process group of its own; this process waits for its end, or for the caller's."""
    worker = os.fork()
    if worker == 0:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        return
    try:
        os.setpgid(worker, worker)
    except OSError:
        pass  # The child was quicker.
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    while True:
        done, status = os.waitpid(worker, os.WNOHANG)
        if done:
            break
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            os.read(ended, 64)
        if stop or 0 in ready:
            os.killpg(worker, signal.SIGKILL)
            _, status = os.waitpid(worker, 0)
            break
    # The caller learns of a signal by the shell's convention.
    os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def main():
    if os.name != "nt":
        stay_with_caller()
    # The folder of this file is no part of what a backend may import.
    del sys.path[0]
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    descriptor = int(sys.argv[2])
    if os.name != "nt":
        os.set_inheritable(descriptor, False)
    os.umask(0o022)
    sys.argv = ["-c"]
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:

        def tell(answer):
            sys.stdout.flush()
            file.write(as_json(answer) + "\n")
            file.flush()

        run(request, tell)


main()
