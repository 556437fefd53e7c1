"""Without words a command gets what argparse would have given it."""

import pytest

from envcheck.cli import COMMANDS
from envcheck.cli.defaults import without_words
from envcheck.cli.main import _command, build_parser


@pytest.mark.parametrize("name", COMMANDS)
def test_as_argparse(name):
    found = without_words(_command(name))
    if found is not None:
        values = {key: value for key, value in vars(found).items() if key != "needs_words"}
        assert values == vars(build_parser(name).parse_args([]))


def test_doctor_needs_no_words_and_diff_does():
    assert without_words(_command("doctor")) is not None
    assert without_words(_command("diff")) is None
    assert without_words(_command("profile")) is None
