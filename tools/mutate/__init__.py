"""How many small faults in `cellbank/domain` its tests notice: each one is made, and the tests that come near are run.

    python -m tools.mutate [--sample 300] [--seed 1] [--only PART_OF_A_PATH] [--domain-only]

A fault is made within a function: a comparison is turned or moved by one, `and` is `or`, a `not` is dropped, a number
is one more, a branch is always or never taken. The code of the running function is exchanged for it, in a process of
its own for each, and the tests that ever call the function are run until one fails. What stands outside of functions
(tables, models) is not touched: the tests of those are their own lists.

There are two stages. The first runs `tests/domain`: what it notices, the rule's own table of cases notices, in
milliseconds and by name. What is left is tried against `tests/services`: these run the same rules through acts and the
database. All of them are run once, to learn which of them call the functions in question; of those the quickest are run
for each fault, for a minute at most.

How to read the report:

- A line is a fault that was not noticed: where it is, what was changed, and the line as it stands. *always*, *never*:
  the condition named was taken to be so; *turned*: its opposite; *moved*: the very edge falls on the other side; *all
  of them*: a condition within a comprehension is left out; *one more*, *counted otherwise*: a number.
- The first list is of what the domain's own tests miss, the second of what is left of it with those of the services.
  What stands in the first alone is caught by an act that happens to pass by: the rule lacks a case in `tests/domain`.
- Of what stands in both look whether the line does anything. If it does, a case is missing. If it does not, it is dead:
  delete it. Only if it does something that can make no difference, its name goes to `equivalent.py`, with the reason.
- The scores are of a sample: with 300 faults, two points more or less are chance. Another `--seed` is another sample;
  `--sample 0 --only thaw` takes all faults of one file, and is what to run after one has changed.
"""
