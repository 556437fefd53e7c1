"""Files to write for tests of inputs."""

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes files by their names and gives the directory."""

    def _write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)

    return _write
