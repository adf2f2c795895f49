#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print the coverage table of coverage.tsv and the counts of each class."""
import collections
import sys

ORDER = ["forwarded", "local", "manual", "not supported"]


def main():
    counts = collections.Counter()
    for line in open(sys.argv[1], encoding="utf-8"):
        name, cls, why = line.rstrip("\n").split("\t")
        counts[cls] += 1
        print(f"{name:50} {cls:14} {why}".rstrip())
    print()
    for cls in ORDER:
        print(f"{cls:14} {counts[cls]:4}")
    works = sum(counts[c] for c in ORDER[:3])
    print(f"{'in all':14} {sum(counts.values()):4}, of which {works} work")


main()
