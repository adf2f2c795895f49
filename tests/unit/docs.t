#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
# docs.t - the written side is true: a folder's README.md names each source
# file there and none that is not, and what programs take (environment,
# options, commands, nodes, targets of make) stands in a README or a manual.

import fnmatch
import os
import re
import subprocess

os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/../..")
B = os.environ.get("B", "build")
CUDA = os.environ.get("CUDA", "/usr/local/cuda")

SUFFIXES = ("c", "h", "cu", "py", "t", "sh", "api", "def", "txt", "map", "8",
            "service", "ptx", "supp")
LOOKS_LIKE_FILE = re.compile(r"[\w.*/-]+\.(?:%s)\Z"
                             % "|".join(SUFFIXES + ("mk", "md")))
points = 0


def point(name, wrong):
    global points
    points += 1
    print("%sok %d - %s" % ("not " if wrong else "", points, name))
    for line in wrong:
        print("#   " + line)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def walk():
    """Every folder's files, without what make builds and what git keeps."""
    made = [p.rstrip("/") for p in read(".gitignore").split()]
    for folder, dirs, files in os.walk("."):
        dirs[:] = sorted(
            d for d in dirs if d[0] != "." and
            not any(fnmatch.fnmatchcase(d, p) for p in made) and
            not os.path.exists(os.path.join(folder, d, "setup.mk")))
        yield os.path.relpath(folder), sorted(files)


def is_source(path):
    name = os.path.basename(path)
    if "." in name:
        return name.rsplit(".", 1)[1] in SUFFIXES
    with open(path, "rb") as f:
        return f.read(2) == b"#!"


def manual(path):
    return re.sub(r"\\f[BIR]", "", read(path).replace("\\-", "-"))


TREE = dict(walk())
FILES = [os.path.normpath(os.path.join(d, f)) for d in TREE for f in TREE[d]]
MAKE = {p: read(p) for p in FILES if p.endswith(".mk") or p == "GNUmakefile"}
BUILT = set(re.findall(r"\$\(\w+\)/([\w.-]+)", "\n".join(MAKE.values())))
README = {p: read(p) for p in FILES if os.path.basename(p) == "README.md"}
MANUAL = {p: manual(p) for p in FILES if p.endswith(".8")}
PAGES = dict(README, **MANUAL)


# ---- folders ----
def braces(word):
    """a{b,c} is ab and ac."""
    m = re.search(r"\{([^{}]*)\}", word)
    if not m:
        return [word]
    return [w for part in m.group(1).split(",")
            for w in braces(word[:m.start()] + part + word[m.end():])]


def spoken(text):
    """The words in backquotes."""
    return {w for q in re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", text)
            for part in q.split() for w in braces(part)}


def sources(home):
    """Files that this folder's README.md answers for: its own, and those of
    folders below that have none."""
    for folder in TREE:
        up = folder
        while up != "." and "README.md" not in TREE[up]:
            up = os.path.dirname(up) or "."
        for name in TREE[folder] if up == home else []:
            path = os.path.join(folder, name)
            if is_source(path):
                yield os.path.relpath(path, home)


def is_named(path, words):
    """By itself, by a pattern, without its suffix, or with its folder; a
    header also by the file of the same name."""
    stem = os.path.splitext(path)[0]
    ways = {path, os.path.basename(path), stem, os.path.basename(stem),
            os.path.dirname(path) + "/"}
    if path.endswith(".h"):
        ways.add(os.path.basename(stem) + ".c")
    return any(fnmatch.fnmatchcase(way, w) for w in words for way in ways)


def exists(word, folder):
    base = os.path.basename(word)
    if base in BUILT or os.path.exists("%s/gen/%s" % (B, base)) or \
            os.path.exists("%s/include/%s" % (CUDA, word)):
        return True
    here = os.path.normpath(os.path.join(folder, word))
    return any(fnmatch.fnmatchcase(p, w) for p in FILES for w in (word, here))


def check_folders():
    for page in sorted(README):
        folder = os.path.dirname(page) or "."
        words = spoken(README[page])
        if folder != ".":
            point("%s names every file" % page,
                  [f for f in sources(folder) if not is_named(f, words)])
        point("%s names no file that is not there" % page,
              sorted(w for w in words
                     if LOOKS_LIKE_FILE.match(w) and not exists(w, folder)))
    point("every file has a README.md that answers for it",
          list(sources(".")))


# ---- environment ----
def said(name, pages):
    return any(re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(name), text)
               for text in pages)


def variables(path):
    text = read(path)
    if path.endswith((".c", ".h")):
        return set(re.findall(r'getenv\("(\w+)"\)', text) +
                   re.findall(r'"(VGPU_\w*[A-Z0-9])"', text))
    return set(re.findall(r"\$\{?(VGPU_[A-Z0-9_]+)", text))


def check_environment():
    known = set()
    for folder in ("frontend", "cuda-exec", "backend", "tools", "tests"):
        wrong = []
        for path in FILES:
            if path.startswith(folder + "/") and is_source(path):
                names = variables(path)
                known |= names
                wrong += ["%s (%s)" % (n, path) for n in sorted(names)
                          if not said(n, PAGES.values())]
        point("every variable that %s/ reads is documented" % folder, wrong)
    libcuda = set().union(*(variables(p) for p in FILES
                            if p.startswith("frontend/libcuda/") and
                            p.endswith(".c")))
    point("frontend/libcuda/README.md has every variable of libcuda.so.1",
          sorted(n for n in libcuda if not
                 said(n, [README["frontend/libcuda/README.md"]])))
    code = "\n".join(read(p) for p in FILES if is_source(p)) + \
        "\n".join(MAKE.values())
    point("no document names a variable that nothing reads",
          sorted({n for text in PAGES.values()
                  for n in re.findall(r"VGPU_[A-Z0-9_]*[A-Z0-9]", text)
                  if n not in known and n not in code}))


# ---- options, limits, nodes ----
def check_options(program, source, page, others=()):
    text, man = read(source), MANUAL[page]
    usage = subprocess.run(["%s/bin/%s" % (B, program), "--help"], text=True,
                           stdout=subprocess.PIPE, check=True).stdout
    has = {"--" + name for name, code in
           re.findall(r'\{ "([\w-]+)", \w+_argument, NULL, (\w+) \}', text)
           if code != "OPT_LATER"}
    commands = re.search(r"commands\[\] = \{(.*?)\n\};", text, re.S)
    words = set(re.findall(r'"([\w-]+)"', commands.group(1) if commands else ""))
    for name, where in ((page, man), (program + " --help", usage)):
        point("%s has every option and command of %s" % (name, program),
              sorted(o for o in has | words if not said(o, [where])))
    point("no option of %s is documented that it does not take" % program,
          sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]*", man + usage))
                 - has - set(others)))


def check_scripts():
    for script, page in (("tests/gpu/check-gpu", "tests/gpu/README.md"),
                         ("tests/bench/bench", "tests/bench/README.md")):
        point("%s has every option of %s" % (page, script),
              [o for o in re.findall(r'add_argument\("(--[\w-]+)"', read(script))
               if not said(o, [README[page]])])


def check_limits():
    limits = dict(re.findall(r"#define (\w+)\s+(\d+)\b",
                             read("backend/limits.h")))
    for page, names in (
            ("tools/vgpu-admin/vgpu-admin.8",
             ("MAX_SESSIONS_VM", "MAX_WINDOW_PAGES")),
            ("backend/vgpu-backend.8",
             ("MAX_SESSIONS_VM", "MAX_WINDOW_PAGES", "MAX_WARM"))):
        point("%s has the limits of backend/limits.h" % page,
              ["%s is %s" % (n, limits[n]) for n in names
               if not said(limits[n], [MANUAL[page]])])


def check_nodes():
    rows = [[c.strip() for c in line.split(" | ")]
            for line in read("xenstore-schema/paths.txt").splitlines()
            if line and line[0] != "#"]
    point("vgpu-backend.8 has every node that an administrator writes",
          sorted(r[1] for r in rows if r[4] in ("admin", "toolstack") and
                 not said(os.path.basename(r[1]),
                          [MANUAL["backend/vgpu-backend.8"]])))


def check_targets():
    # Parts of others, which nobody asks for by name.
    inner = {"FORCE", "all", "help", "demo-files", "tsan-tests", "c-programs"}
    targets = {t for text in MAKE.values()
               for line in re.findall(r"^\.PHONY:(.*)", text, re.M)
               for t in line.split() if "$" not in t}
    head = MAKE["GNUmakefile"].split("\n\n.DEFAULT")[0]
    point("make help has every target", sorted(
        t for t in targets - inner
        if not said(t, [head])))


# ---- the README at the top ----
def section(name):
    return README["README.md"].split("\n## %s\n" % name)[1].split("\n## ")[0]


def check_top():
    names = {os.path.basename(p) for p in FILES} | \
        set(os.listdir(B + "/gen"))
    point("every file in the README's picture of a call exists",
          [f for f in re.findall(r"\b\w+\.[ch]\b", section("The path of one call"))
           if f not in names])
    rows = [line.split("\t")[1] for line in
            read(B + "/gen/coverage.tsv").splitlines()]
    table = re.findall(r"^\| ([^|]+) \| (\d+)", section("Which calls work"), re.M)
    kinds = {"forwarded, by generated code": "forwarded",
             "hand-written on both sides": "manual",
             "answered in the guest": "local",
             "not supported": "not supported"}
    point("the README counts calls as make coverage does",
          ["%s: %s, not %s" % (what, rows.count(kinds[what]), n)
           for what, n in table if what in kinds and
           rows.count(kinds[what]) != int(n)] +
          [k for k in kinds if k not in dict(table)])
    code = "\n".join(read(p) for p in FILES if is_source(p))
    cells = re.findall(r"^\| ([^|]+) \|", section("When it does not work"), re.M)
    point("what the README's table of errors quotes is said by a program",
          [part for cell in cells[1:]
           for part in re.split(r"; |\.\.\. ", cell.replace("NAME ", ""))
           if part and part.strip() not in code])


def check_changelog():
    order = ["Security", "Added", "Changed", "Fixed"]
    days = re.split(r"^(\d{4}-\d\d-\d\d)  .*\n", read("ChangeLog"), flags=re.M)
    dates, wrong = days[1::2], []
    if not dates or dates != sorted(set(dates), reverse=True):
        wrong.append("days: " + " ".join(dates))
    for date, text in zip(dates, days[2::2]):
        heads = re.findall(r"^\t(\w+)$", text, re.M)
        if heads != [h for h in order if h in heads]:
            wrong.append("%s: %s" % (date, " ".join(heads)))
    point("ChangeLog has each day once, newest first, and under it " +
          ", ".join(order), wrong)


check_folders()
check_environment()
check_options("vgpu-backend", "backend/options.c", "backend/vgpu-backend.8")
check_options("vgpu-admin", "tools/vgpu-admin/options.c",
              "tools/vgpu-admin/vgpu-admin.8")
check_scripts()
check_limits()
check_nodes()
check_targets()
check_top()
check_changelog()
print("1..%d" % points)
