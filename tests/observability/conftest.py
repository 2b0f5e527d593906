from tests.http.conftest import take_database_away

__all__ = ["take_database_away"]
