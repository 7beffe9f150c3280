"""Replays traces of component/async against the executable specification.

usage: oracle.py FOLDER, where FOLDER holds definitions.py (design/mvp/canonical-abi of WebAssembly/component-model).

A trace, in the language of README.md beside this file, is read from standard input and ends with an empty line. For each, one line is written:
"ok", or what the specification does otherwise. The guests of the specification do what the lines "1: ..." say, and every other line has to
come as it stands there.

Where the specification chooses at random, the trace says what was chosen, and the choice has to be one of those allowed: which thread runs, and
which waitable of a set tells its event. Two choices are fixed:

- Task.request_cancellation resumes the call's own thread if it waits by its callback and is ready, once, and nothing else
  (component-model#726);
- waitable-set.wait does not wait if there is an event.
"""
import __future__
import pathlib
import sys
import threading
import types


def load(path):
    """Imports definitions.py, whose annotations name what comes later: Python before 3.14 must be told not to evaluate them."""
    module = types.ModuleType("definitions")
    sys.modules["definitions"] = module
    exec(compile(path.read_text(), path, "exec", flags=__future__.annotations.compiler_flag), module.__dict__)
    return module


d = load(pathlib.Path(sys.argv[1], "definitions.py"))
d.DETERMINISTIC_PROFILE = True


class Differs(BaseException):
    """The specification does something else than the trace says."""


class Ended(BaseException):
    """The trace has ended."""


class Unwound(BaseException):
    """The trace is over, and a thread that waits has to end."""


# Stack switching, as in definitions.py, but what a thread raises goes to whoever has resumed it, and threads that wait can be ended.

waiting = set()


class Continuation:
    def __init__(self):
        self.lock = threading.Lock()
        self.lock.acquire()
        self.unwind = False
        waiting.add(self)

    def wait(self):
        self.lock.acquire()
        waiting.discard(self)
        if self.unwind:
            raise Unwound()
        d.thread_local_handler.value = self.handler


def cont_new(f):
    cont = Continuation()

    def base():
        switch_to = error = None
        try:
            cont.wait()
            switch_to = f()
        except Unwound:
            return
        except BaseException as e:
            error = e
        handler = d.thread_local_handler.value
        handler.cont, handler.switch_to, handler.error = None, switch_to, error
        handler.lock.release()

    cont.thread = threading.Thread(target=base, daemon=True)
    cont.thread.start()
    return cont


def resume(cont, current_thread):
    handler = d.Handler()
    handler.lock = d.new_already_acquired_lock()
    handler.current_thread = current_thread
    handler.error = None
    cont.handler = handler
    cont.lock.release()
    handler.lock.acquire()
    if handler.error is not None:
        raise handler.error
    return (handler.cont, handler.switch_to)


def suspend(switch_to):
    handler = d.thread_local_handler.value
    cont = Continuation()
    handler.cont, handler.switch_to = cont, switch_to
    handler.lock.release()
    cont.wait()


def unwind_all():
    for cont in list(waiting):
        cont.unwind = True
        cont.lock.release()
    waiting.clear()


d.cont_new, d.resume, d.suspend = cont_new, resume, suspend


# The choices.

class Chooser:
    """Stands in for the module random."""

    def choice(self, threads):
        return trace.chosen(threads)


def request_cancellation(task):
    if task.state == d.Task.State.INITIAL:
        task.state = d.Task.State.PENDING_CANCEL
        task.implicit_thread.resume()
        return
    if task.state != d.Task.State.STARTED:
        return  # the host cancels what has returned, or twice
    task.state = d.Task.State.PENDING_CANCEL
    if task.opts.world_call.waits_by_callback and task.implicit_thread.ready():
        task.implicit_thread.resume()


def set_get_pending_event(wset):
    index = trace.peek_event_index()
    elems = d.current_instance().handles.array
    w = elems[index] if 0 < index < len(elems) else None
    if w not in wset.elems or not w.has_pending_event():
        raise Differs(f"handle {index} has no event in the set")
    return w.get_pending_event()


set_wait = d.WaitableSet.wait


def set_wait_if_needed(wset):
    return wset.get_pending_event() if wset.has_pending_event() else set_wait(wset)


d.random = Chooser()
d.Task.request_cancellation = request_cancellation
d.WaitableSet.get_pending_event = set_get_pending_event
d.WaitableSet.wait = set_wait_if_needed


# The trace.

EVENTS = ["none", "subtask", "stream-read", "stream-write", "future-read", "future-write", "cancelled"]
SUBTASKS = ["starting", "started", "returned", "cancelled-before-started", "cancelled-before-returned"]
COPIES = ["completed", "dropped", "cancelled"]
ITEMS = {"none": None, "u8": d.U8Type(), "bool": d.BoolType()}
LEAVES = {"exit": 0, "callback-yield": 1, "callback-wait": 2}


class Trace:
    def __init__(self, lines):
        self.lines, self.at = lines, 0

    def peek(self):
        if self.at == len(self.lines):
            raise Ended()
        return self.lines[self.at]

    def next(self):
        line = self.peek()
        self.at += 1
        return line

    def expect(self, line):
        want = self.next()
        if want != line:
            raise Differs(f"{line!r}")

    def command(self, actor):
        line = self.next()
        who, _, what = line.partition(": ")
        if who != actor:
            raise Differs(f"{actor} runs")
        return what.split()

    def peek_event_index(self):
        words = self.peek().split()
        return int(words[2]) if len(words) > 2 and words[2].isdigit() else 0

    def chosen(self, threads):
        words = self.next().split()
        by_id = {str(t.task.opts.world_call.id): t for t in threads}
        if words[0] != "run" or words[1] not in by_id:
            raise Differs(f"one of {sorted(by_id)} runs")
        return by_id[words[1]]


def passed_type(kind, item):
    return (d.StreamType if kind == "stream" else d.FutureType)(ITEMS[item])


def copied(end, payload):
    if payload == d.BLOCKED:
        return "blocked"
    if isinstance(end, d.FutureEnd):
        return COPIES[payload]
    return f"{COPIES[payload & 15]} {payload >> 4}"


def event_text(inst, event):
    code, index, payload = event
    text = EVENTS[code]
    if code == d.EventCode.SUBTASK:
        text += f" {index} {SUBTASKS[payload]}"
    elif code not in (d.EventCode.NONE, d.EventCode.TASK_CANCELLED):
        text += f" {index} {copied(inst.handles.array[index], payload)}"
    return text


# The world: three instances, the calls of their functions, and a host.

RESOURCE = d.ResourceType(None)


class World:
    def __init__(self):
        self.store = d.Store()
        self.instances = {name: d.ComponentInstance(self.store) for name in "abc"}
        for inst in self.instances.values():
            inst.memory = d.MemInst(bytearray(64), "i32")
        self.calls, self.imports, self.ends = [], [], []
        RESOURCE.impl = d.ComponentInstance(self.store)

    def run(self):
        try:
            while True:
                self.host(trace.command("host"))
        except Ended:
            return "ok"
        except d.Trap:
            try:
                line = trace.peek()
            except Ended:
                return "the specification traps at the end"
            return "ok" if line.startswith("trap") else f"line {trace.at + 1}: {line!r}: the specification traps"
        except Differs as e:
            return f"line {trace.at}: {trace.lines[trace.at - 1]!r}: the specification has {e}"
        except Exception as e:
            return f"line {trace.at}: {trace.lines[trace.at - 1]!r}: the oracle fails: {e!r} at {e.__traceback__.tb_lineno}"

    def host(self, words):
        match words:
            case ["call", name, kind]:
                call = Call(self, name, kind, None)
                call.cancel = self.store.invoke(call.inst_func(), lambda: [], call.host_hears)
            case ["call", name, kind, "give", n, what, item]:
                end, self.ends[int(n) - 1] = self.ends[int(n) - 1], None
                call = Call(self, name, kind, passed_type(what, item))
                call.cancel = self.store.invoke(call.inst_func(), lambda: [end], call.host_hears)
            case ["cancel", n]:
                self.calls[int(n) - 1].cancel()
            case ["tick"]:
                if not any(t.ready() for t in self.store.waiting):
                    trace.expect("run none")
                self.store.tick()
            case ["start", n]:
                self.imports[int(n) - 1].start()
            case ["return", n]:
                self.imports[int(n) - 1].on_resolve([])
            case ["cancelled", n]:
                self.imports[int(n) - 1].on_resolve(None)
            case ["stream.new", item]:
                self.ends += d.new_stream(ITEMS[item], None)
            case ["future.new", item]:
                self.ends += d.new_future(ITEMS[item], None)
            case ["drop", n]:
                self.ends[int(n) - 1].drop()
                self.ends[int(n) - 1] = None
            case [verb, n, *length]:
                self.copies(verb, self.ends[int(n) - 1], int(length[0]) if length else 1)

    def copies(self, verb, end, length):
        if verb in ("read", "write"):
            end.copy(HostBuffer(end.t, length))
        elif verb == "copy.cancel":
            end.cancel()
        if not end.has_pending_event():
            trace.expect("host= blocked")
            return
        _, _, payload = end.get_pending_event()
        trace.expect(f"host= {copied(end, payload)}")


class HostBuffer(d.ReadableBuffer, d.WritableBuffer):
    def __init__(self, t, length):
        self.t, self.length, self.progress = t, length, 0

    def remain(self):
        return self.length - self.progress

    def read(self, n):
        self.progress += n
        return n * [() if self.t is None else 0]

    def write(self, items):
        self.progress += len(items)


class Import:
    """A function that the host carries out."""

    def __init__(self, world, when, obeys):
        self.world, self.when, self.obeys = world, when, obeys

    def start(self):
        self.world.ends += [arg for arg in self.on_start() if isinstance(arg, d.End)]

    def __call__(self, on_start, on_resolve):
        self.on_start, self.on_resolve = on_start, on_resolve
        if self.when != "later":
            self.start()
        if self.when == "now":
            on_resolve([])
        return lambda: on_resolve(None) if self.obeys else None


class Call:
    """A call of a function of an instance, whose guest does what the trace says."""

    def __init__(self, world, name, kind, argument):
        self.world, self.inst, self.argument = world, world.instances[name], argument
        world.calls.append(self)
        self.id = len(world.calls)
        self.kind = kind
        self.waits_by_callback = False
        self.ft = d.FuncType([argument] if argument else [], [], async_=kind != "plain")
        self.opts = d.CanonicalOptions(memory=self.inst.memory, async_=kind in ("callback", "stackful"),
                                       callback=self.callback if kind == "callback" else None)
        self.opts.world_call = self

    def inst_func(self):
        return self.world.store.lift(self.begin, self.ft, self.opts, self.inst)

    def host_hears(self, result):
        trace.expect(f"host< {self.id} {'cancelled' if result is None else 'returned'}")

    def begin(self, args):
        trace.expect(f"{self.id}> begin" + "".join(f" {arg}" for arg in args))
        return self.run()

    def callback(self, args):
        self.waits_by_callback = False
        trace.expect(f"{self.id}> {event_text(self.inst, args)}")
        return self.run()

    def run(self):
        while True:
            words = trace.command(str(self.id))
            if words[0] in LEAVES:
                if self.kind != "callback":
                    return []
                index = int(words[1]) if len(words) > 1 else 0
                self.waits_by_callback = words[0] != "exit"
                return [LEAVES[words[0]] | index << 4]
            trace.expect(f"{self.id}= {self.does(words)}")

    def does(self, words):
        verb, args = words[0], words[1:]
        name = verb.removesuffix("-sync")
        async_ = name == verb
        match name:
            case "return":
                d.canon_task_return(self.ft.result, d.LiftOptions(memory=self.inst.memory), [])
            case "cancel":
                d.canon_task_cancel()
            case "yield":
                d.canon_thread_yield()
            case "backpressure.inc":
                d.canon_backpressure_inc()
            case "backpressure.dec":
                d.canon_backpressure_dec()
            case "resource.new":
                return d.canon_resource_new(RESOURCE, 1)[0]
            case "set.new":
                return d.canon_waitable_set_new()[0]
            case "stream.new" | "future.new":
                t = ITEMS[args[0]]
                make, t = (d.canon_stream_new, d.StreamType(t)) if name == "stream.new" else (d.canon_future_new, d.FutureType(t))
                [packed] = make(t)
                return f"{packed & 0xffff_ffff} {packed >> 32}"
            case "call" | "call-async":
                return self.calls(name == "call-async", args)
            case "set.wait" | "set.poll":
                canon = d.canon_waitable_set_wait if name == "set.wait" else d.canon_waitable_set_poll
                [code] = canon(self.inst.memory, int(args[0]), 0)
                p1, p2 = (int.from_bytes(self.inst.memory.bytes[i:i + 4], "little") for i in (0, 4))
                return event_text(self.inst, (code, p1, p2))
            case "join":
                d.canon_waitable_join(int(args[0]), int(args[1]))
            case "subtask.cancel":
                [state] = d.canon_subtask_cancel(async_, int(args[0]))
                return "blocked" if state == d.BLOCKED else SUBTASKS[state]
            case "read" | "write":
                return self.copies(name, async_, int(args[0]), int(args[1]) if len(args) > 1 else 1)
            case "copy.cancel":
                end, t, kind = self.end(int(args[0]))
                verb = "read" if readable(end) else "write"
                return copied(end, getattr(d, f"canon_{kind}_cancel_{verb}")(t, async_, int(args[0]))[0])
            case "drop":
                self.drops(int(args[0]))
            case _:
                raise Exception(f"no operation {verb}")
        return "ok"

    def calls(self, async_, args):
        target, how, *argument = args
        if target == "host":
            obeys, *argument = argument
        t, flat = None, []
        match argument:
            case ["lend", index]:
                t, flat = d.BorrowType(RESOURCE), [int(index)]
            case ["give", index, kind, item]:
                t, flat = passed_type(kind, item), [int(index)]
        if target == "host":
            ft = d.FuncType([t] if t else [], [], async_=True)
            callee = Import(self.world, how, obeys == "obeys")
            self.world.imports.append(callee)
        else:
            call = Call(self.world, target, how, t)
            ft, callee = call.ft, call.inst_func()
        opts = d.CanonicalOptions(memory=self.inst.memory, async_=async_)
        result = self.world.store.lower(callee, ft, opts, self.inst)(flat)
        if not async_ or result == [d.Subtask.State.RETURNED]:
            return "returned"
        return f"{SUBTASKS[result[0] & 15]} {result[0] >> 4}"

    def end(self, index):
        end = self.inst.handles.get(index)
        d.trap_if(not isinstance(end, d.End))
        if isinstance(end, d.FutureEnd):
            return end, d.FutureType(end.t), "future"
        return end, d.StreamType(end.t), "stream"

    def copies(self, verb, async_, index, length):
        end, t, kind = self.end(index)
        canon = getattr(d, f"canon_{kind}_{verb}")
        opts = d.CanonicalOptions(memory=self.inst.memory, async_=async_)
        args = (t, opts, index, 0) if kind == "future" else (t, opts, index, 0, length)
        return copied(end, canon(*args)[0])

    def drops(self, index):
        match self.inst.handles.get(index):
            case d.Subtask():
                d.canon_subtask_drop(index)
            case d.WaitableSet():
                d.canon_waitable_set_drop(index)
            case d.ResourceHandle():
                d.canon_resource_drop(RESOURCE, index)
            case _:
                end, t, kind = self.end(index)
                which = "readable" if readable(end) else "writable"
                getattr(d, f"canon_{kind}_drop_{which}")(t, index)


def readable(end):
    return isinstance(end, d.ReadableStreamEnd | d.ReadableFutureEnd)


lines = []
for line in sys.stdin:
    line = line.rstrip("\n")
    if line:
        lines.append(line)
        continue
    trace, lines = Trace(lines), []
    print(World().run(), flush=True)
    unwind_all()
