"""Commands for teams, as a person types them."""

import http.client
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pal.project import Project
from pal.store.events import Answered
from tests.test_cli import clumps, label, pal, sentence, serving  # noqa: F401  pal is a fixture
from tests.waiting import PATIENCE


@pytest.fixture
def labelled(tmp_path):
    source = clumps(tmp_path / "data.npz")
    label(source, pages=3, oracle="captcha")
    return source


def test_backup_and_restore(pal, labelled, tmp_path):  # noqa: F811
    project = tmp_path / "data.npz.pal"
    code, out, _ = pal("backup", project, "--to", "one.backup")
    assert code == 0
    assert re.search(r"one.backup: \d events", out)
    sentence(pal("backup", project, "--to", "one.backup"), "there already")
    sentence(pal("backup", tmp_path, "--to", "two.backup"), "no project")
    sentence(pal("restore", "one.backup", "--to", project), "has a project already")
    sentence(pal("restore", "data.npz", "--to", "new.pal"), "no whole backup")
    assert not (tmp_path / "new.pal").exists()
    code, out, _ = pal("restore", "one.backup", "--to", "new.pal")
    assert code == 0
    assert f"go on with: pal annotate {labelled} --project new.pal" in out
    with Project.create_or_open(labelled, tmp_path / "new.pal") as again, Project.create_or_open(labelled) as before:
        assert again.store.read_after(0) == before.store.read_after(0)


def test_what_was_restored_is_looked_at_before_anything_is_encoded(pal, tmp_path):  # noqa: F811
    (tmp_path / "t.csv").write_text(
        "text\n" + "".join(f"{word} number {i}\n" for i in range(6) for word in ("dog", "sun"))
    )
    with Project.create_or_open("t.csv", encoder="tfidf") as project:
        template, *others = project.items.id
        said = {"template": template, "items": tuple(others[:3]), "relations": (1, 1, -1)}
        project.record([Answered(labeler="ann", page="p", **said)])
    assert pal("backup", "t.csv", "--to", "t.backup")[0] == 0  # by its source
    assert pal("restore", "t.backup", "--to", "new.pal")[0] == 0
    code, out, _ = pal("status", "new.pal")
    assert code == 0
    assert re.search(r"4 told, 0 deduced, 0 predicted", out)
    assert f"nothing is predicted here yet; go on with: pal annotate {tmp_path / 't.csv'} --project new.pal" in out
    assert "? like " in out
    sentence(pal("export", "new.pal"), "nothing is encoded in new.pal yet", "pal annotate")


def test_invitations(pal, labelled, tmp_path):  # noqa: F811
    project = "data.npz.pal"
    sentence(pal("annotate", "data.npz", "--host", "0.0.0.0"), "takes accounts", "pal invite data.npz.pal")
    code, out, error = pal("invite", project, "--name", "Ann", "--role", "reviewer", "--address", "https://pal.test/")
    assert (code, error.strip()) == (0, "Ann is reviewer; the link works once, for 7 days")
    assert pal("invite", "data.npz", "--name", "Ann", "--role", "reviewer")[0] == 0  # by its source
    assert out.startswith("https://pal.test/?invite=")
    assert (tmp_path / project / "invite.key").stat().st_mode & 0o077 == 0
    sentence(pal("annotate", "data.npz", "--host", "0.0.0.0"), "needs --address")
    sentence(pal("annotate", "data.npz", "--host", "0.0.0.0", "--address", "pal.test"), "--address must be like")
    sentence(pal("invite", project, "--name", "Ben", "--role", "owner"), "role must be one of")
    sentence(pal("invite", project, "--name", " Person "), "give another name")
    sentence(pal("invite", "nowhere", "--name", "Ben"), "no project")
    assert pal("invite", project, "--name", "Ann", "--remove")[0] == 0
    sentence(pal("annotate", "data.npz", "--host", "0.0.0.0"), "takes accounts")


@pytest.mark.slow
def test_a_server_for_others_answers_under_its_address_only(labelled, tmp_path):
    """A real server on every interface: an invited person gets in, a made-up host name doesn't."""
    from pal.cli.invite import invite

    invite(tmp_path / "data.npz.pal", None, "Ann", "annotator", "http://pal.test", remove=False)
    words = ("data.npz", "--host", "0.0.0.0", "--address", "http://pal.test")
    with serving(tmp_path, *words) as (server, address, _):
        assert address.startswith("http://pal.test/?token=")
        port = listening_port(server.pid)
        assert status(port, "pal.test", "/") == 401
        assert status(port, "evil.test", "/") == 400
        assert status(port, "pal.test", address.removeprefix("http://pal.test")) == 303


def status(port, host, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path, headers={"Host": host})
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status


def listening_port(pid):
    """Port that a process listens on, as the kernel tells it."""
    inodes = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return int(fields[1].split(":")[1], 16)
    raise AssertionError("not listening")


def test_status_lists_people_and_their_agreement(pal, labelled):  # noqa: F811
    assert "people:" not in pal("status", labelled)[1]
    with Project.create_or_open(labelled) as project:
        for _, event in project.store.read_after(0):
            if event.kind == "answered":
                project.record([replace(event, id=event.id[::-1], labeler="=Ben")])
    _, out, _ = pal("status", labelled)
    assert "2 people:" in out
    assert re.search(r"  =Ben: 3 pages, \d+ answers, 0 unsure, .* agrees with others on 100% of", out)
    assert re.search(r"Krippendorff's alpha 1.000 on \d+ pairs", out)


def test_webhooks(pal, labelled):  # noqa: F811
    project, url = "data.npz.pal", "https://pal.test/hook"
    code, secret, error = pal("webhook", "add", project, url, "--on", "class-named")
    assert (code, len(secret.strip()) > 40) == (0, True)
    assert f"{url} hears class-named" in error
    assert pal("webhook", "list", project)[1] == f"{url}  class-named  not tried yet\n"
    assert secret.strip() not in pal("webhook", "list", project)[1]
    sentence(pal("webhook", "add", project, "pal.test"), "expected an address")
    sentence(pal("webhook", "add", project, url, "--on", "everything"), "choose from")
    sentence(pal("webhook", "add", "nowhere", url), "no project")
    assert pal("webhook", "remove", project, url)[0] == 0
    sentence(pal("webhook", "remove", project, url), "no webhook")
    assert pal("webhook", "list", "data.npz")[1] == ""  # by its source


def test_imports(pal, labelled, tmp_path):  # noqa: F811
    with Project.create_or_open(labelled) as project:
        before = project.progress()
        rows = [f"{name},{'xyz'[label]}" for name, label in zip(project.items.name, project.items.labels, strict=True)]
        sentence(pal("import", "data.npz", "labels.csv"), "can't read")
        (tmp_path / "labels.csv").write_text("\n".join(["path,class", *rows, "elsewhere,x"]))
        sentence(pal("import", "data.npz", "labels.csv"), "another pal is annotating")
    code, out, _ = pal("import", "data.npz", "labels.csv")
    assert code == 0
    assert re.search(r"items in 3 classes: \d+ answers by 'import labels.csv'", out)
    assert "1 unknown here: elsewhere" in out
    assert "nothing changed" not in out
    assert "all of them were there already, nothing changed" in pal("import", "data.npz", "labels.csv")[1]
    with Project.create_or_open(labelled) as project:
        after = project.progress()
        assert (after.predicted, after.n_groups, after.pages) == (0, 3, before.pages)
        assert {group.name for group in project.groups()} == {"x", "y", "z"}
    assert "no longer count" in pal("import", "data.npz.pal", "labels.csv", "--undo")[1]
    with Project.create_or_open(labelled) as project:
        assert (project.progress().told, project.progress().deduced) == (before.told, before.deduced)
    sentence(pal("import", "other.npz", "labels.csv", "--undo"), "no project")


def test_an_import_may_come_first(pal, tmp_path):  # noqa: F811
    source = clumps(tmp_path / "data.npz")
    from pal.datasets import open_source

    names = open_source(source).name[:2]
    (tmp_path / "labels.jsonl").write_text("".join(f'{{"name": "{name}", "label": "x"}}\n' for name in names))
    code, out, _ = pal("import", source, "labels.jsonl", "--as", "colleague")
    assert (code, out.split(":")[0]) == (0, "2 items in 1 classes"), out
    with Project.create_or_open(source) as project:
        assert [event.labeler for _, event in project.store.read_after(0)] == ["colleague"] * 2
        assert project.progress().told == 2
