"""The form view that a user of Django or Flask might write, with SQLite behind it. Run by an environment that has them.

``python benchmarks/form_peers.py django|flask PORT FOLDER``: under gunicorn, two workers of four threads, connections
kept. Durable like ours: WAL with ``synchronous = FULL``, a commit a request, before the answer. Nothing is understood,
deduplicated or made a lead of: the fields go into a row.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;"
FIELDS = ("name", "phone", "email", "message", "utm_source", "page")


def django_app(folder: Path) -> Any:
    """A model, a form that validates, a view that saves and answers JSON."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="benchmark",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "django.db"),
                "CONN_MAX_AGE": None,
                "OPTIONS": {"init_command": PRAGMAS, "transaction_mode": "IMMEDIATE", "timeout": 20},
            }
        },
    )
    django.setup()
    from django import forms
    from django.core.wsgi import get_wsgi_application
    from django.db import connection, models
    from django.http import JsonResponse
    from django.urls import path

    meta = type("Meta", (), {"app_label": "bench"})
    texts = {name: models.TextField(blank=True) for name in FIELDS}
    submission: Any = type("Submission", (models.Model,), {"__module__": __name__, "Meta": meta, **texts})
    form_meta = type("Meta", (), {"model": submission, "fields": FIELDS})
    submission_form: Any = type("SubmissionForm", (forms.ModelForm,), {"Meta": form_meta})

    def take(request: Any, key: str) -> Any:  # noqa: ARG001 - Django passes it by name
        form = submission_form(request.POST)
        if not form.is_valid():
            return JsonResponse(form.errors, status=400)
        return JsonResponse({"id": form.save().pk, "status": "stored"})

    globals()["urlpatterns"] = [path("f/<str:key>", take)]
    if "submission" not in "".join(connection.introspection.table_names()):
        with connection.schema_editor() as editor:
            editor.create_model(submission)
    connection.close()
    return get_wsgi_application()


def flask_app(folder: Path) -> Any:
    """A view with the sqlite3 module, a connection a thread."""
    import sqlite3
    import threading

    from flask import Flask, jsonify, request

    app = Flask(__name__)
    local = threading.local()

    def database() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(folder / "flask.db", timeout=20)
            local.connection.executescript(PRAGMAS)
        kept: sqlite3.Connection = local.connection
        return kept

    with database() as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS submission (id INTEGER PRIMARY KEY, {', '.join(FIELDS)})")
    local.__dict__.clear()

    def take(key: str) -> Any:  # noqa: ARG001 - the address's part
        values = [request.form.get(name, "") for name in FIELDS]
        marks = ", ".join("?" * len(FIELDS))
        with database() as connection:
            row = connection.execute(f"INSERT INTO submission ({', '.join(FIELDS)}) VALUES ({marks})", values)
        return jsonify(id=row.lastrowid, status="stored")

    app.add_url_rule("/f/<key>", view_func=take, methods=["POST"])
    return app


def main() -> None:
    """Serve one of them until SIGTERM."""
    from gunicorn.app.base import BaseApplication

    name, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])

    class Served(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            values = {
                "bind": f"127.0.0.1:{port}", "workers": 2, "worker_class": "gthread", "threads": 4, "keepalive": 30,
                "worker_connections": 200, "loglevel": "critical",
                "preload_app": True,  # the table is made once, before the workers are
            }  # fmt: skip
            for key, value in values.items():
                self.cfg.set(key, value)

        def load(self) -> Any:
            return django_app(folder) if name == "django" else flask_app(folder)

    Served().run()


if __name__ == "__main__":
    main()
