import psycopg

from bench.bounds import pipeline
from bench.data import WITH_100


def test_postgresql_alone_is_asked_what_the_service_asks(loaded: psycopg.Connection) -> None:
    owner, task = loaded.execute("SELECT user_id, id FROM tasks WHERE user_id = %s", [WITH_100]).fetchall()[0]
    script = pipeline(7).replace(":user7", f"'{owner}'").replace(":task7", str(task))
    begin, identity, read, end = script.replace("pipeline\n", "pipeline;\n").removesuffix(";\n").split(";\n")
    assert (begin, end) == ("\\startpipeline", "\\endpipeline")
    with loaded.transaction():
        loaded.execute(identity.encode())
        assert loaded.execute(read.encode()).fetchall()[0][0] == task
