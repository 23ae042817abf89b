import pytest

from ghanti.speech.engines.espeak import Espeak


@pytest.fixture(scope="session")
def espeak() -> Espeak:
    return Espeak()
