#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every interleaving of the sleep and wake protocol of ring.h.

The machine is x86-TSO: a store waits in its thread's buffer until it reaches
memory at any later time; a load sees its own thread's buffer first; a fence
and an atomic operation wait until the buffer is empty. Event channels are one
pending bit. All states are visited; a state in which nobody can go on although
a thread has not come to its end is a lost wake-up. So that the model itself is
seen to work, each fence and each second look is left out once: then a wake-up
must be lost.
"""
import sys

# A program is a list of steps; a label is a string.
#   (store VAR VALUE) (load REG VAR) (fence) (add VAR N): atomic
#   (if REG == VALUE LABEL) (ifnot REG == VALUE LABEL) (goto LABEL)
#   (same REG REG LABEL) (inc REG) (copy REG REG) (put VAR REG): a store
#   (set REG VALUE) (notify CH) (wait CH): until pending, and takes it
#   (drain CH) (lock M) (unlock M) (sleep M): condition wait, (broadcast)


def assemble(program):
    steps, labels = [], {}
    for s in program:
        if isinstance(s, str):
            labels[s] = len(steps)
        elif s is not None:
            steps.append(s)
    return [tuple(labels.get(w, w) if i and s[0] in ("if", "ifnot", "same",
                                                     "goto")
                  else w for i, w in enumerate(s)) for s in steps]


class Model:
    def __init__(self, *programs):
        self.programs = [assemble(p) for p in programs]

    def start(self):
        # memory, pending channels, mutex holders, per thread:
        # (pc, registers, store buffer, asleep)
        return ((), (), (), tuple((0, (), (), False) for _ in self.programs))

    def moves(self, state):
        mem, pending, held, threads = state
        for i, (pc, regs, buf, asleep) in enumerate(threads):
            if buf:  # the oldest store reaches memory
                var, value = buf[0]
                new = dict(mem)
                new[var] = value
                yield self.put(tuple(sorted(new.items())), pending, held,
                               threads, i, (pc, regs, buf[1:], asleep))
            if not asleep and pc < len(self.programs[i]):
                nxt = self.step(state, i)
                if nxt:
                    yield nxt

    @staticmethod
    def put(mem, pending, held, threads, i, t):
        return (mem, pending, held, threads[:i] + (t,) + threads[i + 1:])

    def step(self, state, i):
        mem, pending, held, threads = state
        pc, regs, buf, _ = threads[i]
        s = self.programs[i][pc]
        op = s[0]
        pc += 1
        if op in ("fence", "add") and buf:
            return None
        if op == "store":
            buf += ((s[1], s[2]),)
        elif op == "load":
            own = [v for n, v in buf if n == s[2]]
            value = own[-1] if own else dict(mem).get(s[2], 0)
            regs = tuple(sorted({**dict(regs), s[1]: value}.items()))
        elif op == "add":
            new = dict(mem)
            new[s[1]] = new.get(s[1], 0) + s[2]
            mem = tuple(sorted(new.items()))
        elif op in ("if", "ifnot"):
            if (dict(regs).get(s[1], 0) == s[3]) == (op == "if"):
                pc = s[4]
        elif op == "same":
            if dict(regs).get(s[1], 0) == dict(regs).get(s[2], 0):
                pc = s[3]
        elif op == "inc":
            regs = tuple(sorted({**dict(regs),
                                 s[1]: dict(regs).get(s[1], 0) + 1}.items()))
        elif op == "copy":
            regs = tuple(sorted({**dict(regs),
                                 s[1]: dict(regs).get(s[2], 0)}.items()))
        elif op == "put":
            buf += ((s[1], dict(regs).get(s[2], 0)),)
        elif op == "goto":
            pc = s[1]
        elif op == "set":
            regs = tuple(sorted({**dict(regs), s[1]: s[2]}.items()))
        elif op == "notify":
            pending = tuple(sorted(set(pending) | {s[1]}))
        elif op in ("wait", "drain"):
            if op == "wait" and s[1] not in pending:
                return None
            pending = tuple(p for p in pending if p != s[1])
        elif op == "lock":
            if s[1] in held or buf:
                return None
            held += (s[1],)
        elif op in ("unlock", "sleep"):
            if buf:
                return None
            held = tuple(h for h in held if h != s[1])
            if op == "sleep":
                return self.put(mem, pending, held, threads, i,
                                (pc, regs, buf, True))
        elif op == "broadcast":
            threads = tuple((p, r, b, False) for p, r, b, a in threads)
        return self.put(mem, pending, held, threads, i,
                        (pc, regs, buf, False))

    def run(self):
        """(states, a lost wake-up or None)"""
        seen, todo = set(), [self.start()]
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            nexts = list(self.moves(state))
            if not nexts and any(t[0] < len(p) for t, p in
                                 zip(state[3], self.programs)):
                return len(seen), state
            todo += nexts
        return len(seen), None


# ---- records: the guest publishes, the executor sleeps ----------------------

def publish(n, fence=True, look=True):
    """ring_publish() of ring.h: rings once for each sleep."""
    out = []
    for i in range(1, n + 1):
        out += [("store", "prod", i), ("fence",) if fence else None,
                ("load", "f", "sleeping") if look else ("set", "f", 0),
                ("if", "f", "==", 0, f"quiet{i}"),
                ("same", "f", "rung", f"quiet{i}"),
                ("copy", "rung", "f"), ("notify", "exec"), f"quiet{i}"]
    return out


def submit():
    """One of several threads, which take turns at the ring: submit() of
    channel.c. It rings when it has left the ring to the others."""
    return [("lock", "ring"), ("load", "p", "prod"), ("inc", "p"),
            ("put", "prod", "p"), ("fence",), ("load", "f", "sleeping"),
            ("load", "rung", "rung"), ("if", "f", "==", 0, "quiet"),
            ("same", "f", "rung", "quiet"), ("put", "rung", "f"),
            ("unlock", "ring"), ("notify", "exec"), ("goto", "end"),
            "quiet", ("unlock", "ring"), "end"]


def consume(n, fence=True, again=True, flag_first=True, numbered=True):
    """cons is the register c; the loop of loop.c with sleep_for_bell()."""
    flag = [("inc", "sleep") if numbered else ("set", "sleep", 1),
            ("put", "sleeping", "sleep")]
    out = ["top"]
    for i in range(n + 1):  # which prod was seen
        out += [f"at{i}"] + ([("goto", "end")] if i == n else [
            ("load", "p", "prod")] +
            [x for k in range(i + 1, n + 1)
             for x in (("if", "p", "==", k, f"at{k}"),)] +
            (flag if flag_first else []) +
            [("fence",) if fence else None] +
            ([("load", "p", "prod"), ("ifnot", "p", "==", i, f"up{i}")]
             if again else []) +
            ([] if flag_first else flag) +
            [("wait", "exec"), f"up{i}", ("store", "sleeping", 0),
             ("drain", "exec"), ("goto", f"at{i}")])
    return out + ["end"]


# ---- replies and room: the executor answers, the guest's threads sleep -------

def answer(words, fence=True, look=True):
    out = []
    for w in words:
        out += [("store", w, 1), ("fence",) if fence else None,
                ("load", "f", "waiters") if look else ("set", "f", 0),
                ("if", "f", "==", 0, "quiet" + w), ("notify", "guest"),
                "quiet" + w]
    return out


def wait_for(word, announce=True, again=True, broadcast=True):
    """vg_wait() of channel.c, with its mutex, its one poller and the
    condition variable; the time limits are left out."""
    return [("load", "r", word), ("if", "r", "==", 1, "end"),
            ("add", "waiters", 1) if announce else None,
            ("fence",),
            ("lock", "m"),
            "loop",
            ("load", "r", word) if again else None,
            ("if", "r", "==", 1, "done"),
            ("load", "polling", "polling"),
            ("if", "polling", "==", 1, "second"),
            ("store", "polling", 1), ("unlock", "m"),
            ("wait", "guest"),
            ("lock", "m"), ("store", "polling", 0),
            ("broadcast",) if broadcast else None,
            ("load", "r", word),
            ("goto", "loop"),
            "second", ("sleep", "m"), ("lock", "m"),
            ("load", "r", word), ("goto", "loop"),
            "done", ("unlock", "m"),
            ("add", "waiters", -1) if announce else None,
            "end"]


def room(batch, look):
    """The executor takes records in batches; the guest waits for room."""
    return answer(["room"], look=look) if batch else []


# ---- words that the GPU writes: somebody else must tell the guest -------------

def gpu(word):
    return [("store", word, 1)]


def watch(word, first_the_word=True):
    """pend_poll() and the waiter: the word is looked at, then ex_notify()."""
    see = ["watch", ("load", "r", word), ("ifnot", "r", "==", 1, "watch")]
    ask = [("fence",), ("load", "f", "waiters")]
    tell = [("if", "f", "==", 0, "quiet"), ("notify", "guest"), "quiet"]
    return (see + ask if first_the_word else ask + see) + tell


# ---- both directions at once ---------------------------------------------------

def then(first, second):
    """One program after the other; the labels of the second get a name of
    their own."""
    labels = {s for s in second if isinstance(s, str)}

    def own(w):
        return "then " + w if w in labels else w

    return first + [
        own(s) if isinstance(s, str) else
        s if s is None or s[0] not in ("if", "ifnot", "goto") else
        tuple(own(w) if i == len(s) - 1 else w for i, w in enumerate(s))
        for s in second]


CASES = [
    # name, programs, a wake-up is lost
    ("records: no wake-up is lost", [publish(3), consume(3)], False),
    ("records, an old event pending",
     [[("notify", "exec")] + publish(2), consume(2)], False),
    ("records of two threads", [submit(), submit(), consume(2)], False),
    ("records, a sleep has no number of its own",
     [publish(2), consume(2, numbered=False)], True),
    ("records, no fence of the publisher",
     [publish(2, fence=False), consume(2)], True),
    ("records, no fence of the sleeper",
     [publish(2), consume(2, fence=False)], True),
    ("records, no second look", [publish(2), consume(2, again=False)], True),
    ("records, the flag after the look",
     [publish(2), consume(2, flag_first=False)], True),
    ("records, the publisher does not look at the flag",
     [publish(2, look=False), consume(2)], True),
    ("a reply: no wake-up is lost", [answer(["a"]), wait_for("a")], False),
    ("two threads wait: no wake-up is lost",
     [answer(["a", "b"]), wait_for("a"), wait_for("b")], False),
    ("two threads wait, answered in the other order",
     [answer(["b", "a"]), wait_for("a"), wait_for("b")], False),
    ("a reply, no fence of the executor",
     [answer(["a"], fence=False), wait_for("a")], True),
    ("a reply, the waiter does not announce itself",
     [answer(["a"]), wait_for("a", announce=False)], True),
    ("a reply, no second look",
     [answer(["a"]), wait_for("a", again=False)], True),
    ("two threads wait, the poller tells nobody",
     [answer(["a", "b"]), wait_for("a"), wait_for("b", broadcast=False)],
     True),
    ("a word of the GPU: no wake-up is lost",
     [gpu("a"), watch("a"), wait_for("a")], False),
    ("a word of the GPU, the waiters looked at before it",
     [gpu("a"), watch("a", first_the_word=False), wait_for("a")], True),
    ("a word of the GPU that nobody watches",
     [gpu("a"), wait_for("a")], True),
    ("a record and its reply, both sleep: no wake-up is lost",
     [then(publish(1), wait_for("a")), then(consume(1), answer(["a"]))],
     False),
    ("a record and its reply, no fence of the publisher",
     [then(publish(1, fence=False), wait_for("a")),
      then(consume(1), answer(["a"]))], True),
    ("a record and its reply, no fence of the executor",
     [then(publish(1), wait_for("a")),
      then(consume(1), answer(["a"], fence=False))], True),
    ("room: no wake-up is lost", [room(1, True), wait_for("room")], False),
    ("room given back without a look at the waiters",
     [room(1, False), wait_for("room")], True),
]


def main():
    print(f"1..{len(CASES)}")
    failed = 0
    for number, (name, programs, lost) in enumerate(CASES, 1):
        states, stuck = Model(*programs).run()
        ok = (stuck is not None) == lost
        failed += not ok
        if lost:
            name += ": a wake-up is lost"
        print(f"{'ok' if ok else 'not ok'} {number} - {name}"
              f" ({states} states)")
        if not ok and stuck:
            print(f"# stuck: memory {stuck[0]} pending {stuck[1]}"
                  f" threads {stuck[3]}")
    return 1 if failed else 0


sys.exit(main())
