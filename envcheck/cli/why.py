"""``envcheck why``: why a requirement does not install on a target, and what would help."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envcheck.cli.prediction import Predictor
    from envcheck.index.session import IndexSession
    from envcheck.model.target import Target
    from envcheck.model.why import Answer
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World

EPILOG = """exit status:
  0 it installs on every target   1 it does not on one   2 wrong usage or configuration
  3 it could not be judged   4 a defect in envcheck   130 interrupted"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``why``."""
    from envcheck.cli import matrix_options

    parser.add_argument("requirement", nargs="+", help="as 'torch==2.15.0', 'psycopg[binary]'")
    matrix_options.add_targets(parser)
    what = parser.add_argument_group("what is told")
    what.add_argument(
        "--files", action="store_true", help="every file with the reason it is not taken"
    )
    what.add_argument(
        "--deep", action="store_true", help="look into shared objects: will it import there?"
    )
    what.add_argument("--no-ways", action="store_true", help="look for no ways out")
    what.add_argument("--json", action="store_true", help="a document: envcheck.why/1")
    what.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    matrix_options.add_index(parser)
    index = parser.add_argument_group("how the index is asked")
    index.add_argument(
        "--only-binary", action="append", default=[], metavar="NAME|:all:", help="build nothing"
    )
    index.add_argument("--constraint", action="append", default=[], metavar="SPEC")
    matrix_options.add_session(index)


def run(arguments: argparse.Namespace) -> int:
    """Answer. Returns the exit status; raises EnvcheckError."""
    from envcheck.cli.prediction import Predictor

    predictor = Predictor(arguments)
    targets = predictor.named() or [predictor.here()]
    with predictor.session(predictor.index()) as session:
        answers = _answers(arguments, predictor, session, targets)
        _write(arguments, answers, session)
        predictor.finish()
    classes = {answer.prediction.class_ for answer in answers}
    if classes - {"wheel", "sdist-pure", "yanked", "unknown"}:
        return 1
    return 3 if "unknown" in classes else 0


def _answers(
    arguments: argparse.Namespace,
    predictor: Predictor,
    session: IndexSession,
    targets: list[Target],
) -> list[Answer]:
    from envcheck.predict.world import World, policy_of

    requirements = _parsed(arguments.requirement)
    constraints = _parsed(arguments.constraint)
    world = World(session, policy_of(predictor.index()))
    world.prefetch([(one, target) for target in targets for one in requirements])
    return [
        _answer(arguments, predictor, world, target, requirements, constraints)
        for target in targets
    ]


def _answer(
    arguments: argparse.Namespace,
    predictor: Predictor,
    world: World,
    target: Target,
    requirements: list[Requirement],
    constraints: list[Requirement],
) -> Answer:
    from envcheck.model.why import Answer, FileAnswer, WayOut
    from envcheck.predict import explain
    from envcheck.predict.judgement import judge, judge_imports
    from envcheck.predict.ways import GOOD, ways

    judgement = judge(world, target, requirements, constraints)
    judgement = judge_imports(world, judgement, deep=arguments.deep)
    files, found = [], []
    if arguments.files:
        files = [
            FileAnswer(file=one.file.filename, taken=one.taken, reason=one.reason)
            for one in explain.refused_files(world, judgement)
        ]
    if judgement.class_ not in GOOD and not arguments.no_ways:
        found = [
            WayOut(kind=way.kind, what=way.what, text=way.text, targets=list(way.targets))
            for way in ways(
                world,
                judgement,
                requirements,
                predictor.today,
                deep=arguments.deep,
                constraints=constraints,
            )
        ]
    return Answer(
        prediction=explain.prediction(world, judgement),
        files=files,
        ways=found,
    )


def _parsed(words: list[str]) -> list[Requirement]:
    from envcheck.errors import UsageError
    from envcheck.predict.requirements import parse

    found = []
    for word in words:
        try:
            found.append(parse(word))
        except ValueError as error:
            raise UsageError(
                f"`{word}` is no requirement: {error}", hint="as 'torch==2.15.0', 'numpy>=2'"
            ) from error
    return found


def _write(arguments: argparse.Namespace, answers: list[Answer], session: IndexSession) -> None:
    import envcheck
    from envcheck.cli import emit
    from envcheck.model.why import Why
    from envcheck.redact import redact_struct
    from envcheck.report import why as report
    from envcheck.store.writing import utc

    document = Why(
        envcheck=envcheck.__version__, asked=utc(), answers=answers, notes=list(session.notes)
    )
    if arguments.json:
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(redact_struct(document)), indent=2)
        sys.stdout.write(text.decode() + "\n")
        return
    options = emit.options_for(sys.stdout, color=arguments.color, verbose=0)
    sys.stdout.write(
        report.render(
            redact_struct(document),
            width=options.width,
            colour=options.colour,
            unicode=options.unicode,
        )
    )
