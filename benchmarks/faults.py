"""Runs envcheck and its peers over the same faults and writes ``reports/faults.md``.

    python -m benchmarks.doctor --make-env /tmp/bench      # once: torch, peers, envcheck
    python -m benchmarks.faults --make-tools /tmp/tools    # once: the same tools without torch
    python -m benchmarks.faults --python /tmp/bench/bin/python --tools /tmp/tools/bin/python

Each fault gets a fresh copy of the environment (an overlay in a mount namespace of its own), an empty
home and an empty working directory. Needs root on Linux. The rules by which an answer is judged are in
``verdicts.py``, what counts as right and wrong for each fault beside the fault.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks import (
    environment,
    fault_report,
    faults_devices,
    faults_host,
    faults_imports,
    faults_packages,
    launcher,
)
from benchmarks.sandbox import RUNNER, Sandbox
from benchmarks.tables import write_report
from benchmarks.tools import TOOLS, Tool
from benchmarks.verdicts import text_of, verdict

if TYPE_CHECKING:
    from benchmarks.fault import Fault

CAP = 30.0  # seconds a tool may take
FAULTS = (
    *faults_packages.FAULTS,
    *faults_imports.FAULTS,
    *faults_devices.FAULTS,
    *faults_host.FAULTS,
)


def run_inside(name: str, prefix: str, outside: str, tools: list[str]) -> dict[str, Any]:
    """In a mount namespace of its own: make the fault, run every tool; tool -> outcome."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    launcher.compiled()
    sandbox = Sandbox(prefix)
    fault.make(sandbox)
    chosen = [
        tool for tool in TOOLS if tool.name in tools and not (tool.kernels and fault.stand_in)
    ]
    return {tool.name: _run(tool, fault, sandbox, outside) for tool in chosen}


def _run(tool: Tool, fault: Fault, sandbox: Sandbox, outside: str) -> dict[str, Any]:
    command = tool.command(fault, sandbox, outside)
    if command is None:
        return {"started": False}
    usage = launcher.measure(command, env=sandbox.variables, cwd=sandbox.cwd, timeout=CAP)
    kept = usage._replace(output=usage.output[:200_000])._asdict()
    return {"started": True, **kept, "output": kept["output"].decode("utf-8", "replace")}


def run_fault(fault: Fault, python: str, outside: str, tools: list[str]) -> dict[str, Any]:
    """The outcomes of one fault, from a child process. Raises RuntimeError if it cannot be made."""
    prefix = os.path.dirname(os.path.dirname(python))
    command = [*RUNNER, sys.executable, "-m", "benchmarks.faults", "--inside", fault.name]
    command += ["--python", prefix, "--tools", outside, "--only-tools", *tools]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, cwd=environment.ROOT, check=False, timeout=900
    )
    faults_host.remove_groups()
    if done.returncode:
        raise RuntimeError(f"{fault.name} could not be made")
    outcomes: dict[str, Any] = json.loads(done.stdout)
    return outcomes


def judge(fault: Fault, outcomes: dict[str, Any], baseline: dict[str, Any]) -> dict[str, Any]:
    """Add each outcome's verdict and drop its output, except the lines that matter."""
    judged: dict[str, Any] = {}
    for tool in TOOLS:
        outcome = outcomes.get(tool.name)
        if outcome is None:
            continue
        if not outcome["started"]:
            judged[tool.name] = {"verdict": "cannot start"}
            continue
        usage = _usage(outcome)
        ordinary = baseline.get(tool.name)
        known = text_of(_usage(ordinary)) if ordinary and not fault_report.is_plain(fault) else ""
        entry: dict[str, Any] = {
            "verdict": verdict(
                usage, fault.expected, judges=tool.judges, exits=tool.exits, baseline=known
            ),
            "exit": None if usage.timed_out else usage.code,
            "seconds": round(usage.wall, 3),
            "said": fault_report.telling_line(usage, fault),
        }
        judged[tool.name] = entry
    return judged


def _usage(outcome: dict[str, Any]) -> launcher.Usage:
    fields: dict[str, Any] = {name: outcome[name] for name in launcher.Usage._fields}
    fields["output"] = outcome["output"].encode()
    return launcher.Usage(**fields)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--python", metavar="PATH", help="interpreter of the environment (see doctor.py)"
    )
    parser.add_argument(
        "--tools",
        metavar="PATH",
        help="interpreter of an environment with the tools, without torch",
    )
    parser.add_argument("--make-tools", metavar="DIR", help="create that one and stop")
    parser.add_argument(
        "--only", nargs="*", metavar="WORD", help="faults whose name has one of these"
    )
    parser.add_argument(
        "--only-tools", nargs="*", metavar="NAME", default=[tool.name for tool in TOOLS]
    )
    parser.add_argument("--outputs", metavar="DIR", help="keep what every tool wrote there")
    parser.add_argument("--output", default=os.path.join(environment.ROOT, "reports", "faults.md"))
    parser.add_argument("--inside", metavar="FAULT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make_tools:
        print(environment.make_tools(options.make_tools))
        return 0
    if not options.python or not options.tools:
        parser.error("name both environments: --python PATH --tools PATH")
    if options.inside:
        print(
            json.dumps(
                run_inside(options.inside, options.python, options.tools, options.only_tools)
            )
        )
        return 0
    collect(options)
    return 0


def collect(options: argparse.Namespace) -> None:
    """Run the chosen faults, merge with what earlier runs found, write the report."""
    document = _load(options.output)
    python = os.path.abspath(options.python)
    outside = os.path.dirname(os.path.abspath(options.tools))
    places = _places(python, options.tools)
    env = environment.describe(python)
    document["versions"] = {
        tool.distribution: env.versions.get(tool.distribution) for tool in TOOLS
    }
    document["versions"]["torch"] = env.versions.get("torch")
    chosen = [f for f in FAULTS if not options.only or any(word in f.name for word in options.only)]
    baseline: dict[str, Any] = {}
    failed = []
    for fault in [FAULTS[0], *(f for f in chosen if f is not FAULTS[0])]:
        print(fault.name, end=" ", file=sys.stderr, flush=True)
        try:
            outcomes = run_fault(fault, python, outside, options.only_tools)
        except RuntimeError as error:
            failed.append(str(error))
            continue
        _keep(options.outputs, fault.name, outcomes)
        for outcome in outcomes.values():
            outcome["output"] = _without(outcome.get("output", ""), places)
        baseline = baseline or outcomes
        judged = judge(fault, outcomes, baseline)
        print({name: entry["verdict"] for name, entry in judged.items()}, file=sys.stderr)
        document["faults"].setdefault(fault.name, {}).update(judged)
        document["date"] = dt.date.today().isoformat()
        _write(options.output, document)
    if failed:
        raise SystemExit("\n".join(failed))


def _write(output: str, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_report(_json_path(output), text)
    write_report(output, fault_report.markdown(document, FAULTS, TOOLS, CAP))


def _places(python: str, tools: str) -> dict[str, str]:
    """Directories of the measuring machine -> what stands for them in a report."""
    prefixes = {python: "<env>", os.path.abspath(tools): "<tools>"}
    found = {os.path.dirname(os.path.dirname(path)): name for path, name in prefixes.items()}
    found[os.path.dirname(os.path.dirname(os.path.realpath(python)))] = "<python>"
    found[os.path.expanduser("~")] = "~"
    return found


def _without(text: str, places: dict[str, str]) -> str:
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place])
    return text


def _json_path(output: str) -> str:
    return os.path.splitext(output)[0] + ".json"


def _load(output: str) -> dict[str, Any]:
    try:
        with open(_json_path(output), encoding="utf-8") as file:
            document: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return {"schema": "envcheck.benchmark.faults/1", "faults": {}}
    tools, faults = {tool.name for tool in TOOLS}, document["faults"]
    names = [fault.name for fault in FAULTS if fault.name in faults]  # in order, none that is gone
    document["faults"] = {
        name: {tool: found for tool, found in faults[name].items() if tool in tools}
        for name in names
    }
    return document


def _keep(folder: str | None, name: str, outcomes: dict[str, Any]) -> None:
    if folder:
        for tool, outcome in outcomes.items():
            path = os.path.join(folder, f"{name}--{tool.replace(' ', '_')}.txt")
            write_report(path, outcome.get("output", "(could not be started)"))


if __name__ == "__main__":
    raise SystemExit(main())
