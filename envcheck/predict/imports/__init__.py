"""Whether an import will go well, followed statement by statement without running any of it.

A module's source is interpreted over values of which many are not known: what depends on something
unknown is followed both ways, and nothing that happens there is certain. Known are the target
(``sys.platform``), the files of the closure, and which shared libraries are there. No foreign code
is run and no name of the program that does this is reachable: an operation is done only if it is
one of those written here, on texts, numbers, lists and paths of bounded size.
"""
