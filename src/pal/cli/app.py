"""Commands and their options. What they do is elsewhere and is imported when a command runs."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pal.datasets import Reading

_YOUNG = 50_000
"""Objects made before the collector of cycles looks at them; Python's own choice is 700."""

app = typer.Typer(
    help="Label by saying which items are the same kind; leave with labels, an embedding and a classifier.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

webhook = typer.Typer(no_args_is_help=True, help="Tell other programs what happens in a project.")
app.add_typer(webhook, name="webhook")

Source = Annotated[
    str | None,
    typer.Argument(
        help="A folder or a zip file of pictures, sounds or texts; a table (.csv, .jsonl, .parquet); a saved "
        "Hugging Face dataset; or embeddings (.npz, .npy).",
        show_default=False,
    ),
]
Kind = Annotated[
    str | None, typer.Option("--kind", help="What a folder's files are: image, audio or text.", show_default=False)
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        help="Column of a table that is labelled: texts, paths of files, or vectors; again, or with *, for the columns "
        "of one vector.",
        show_default=False,
    ),
]
Ids = Annotated[str | None, typer.Option("--ids", help="Column with the name of each row.", show_default=False)]
Table = Annotated[
    Path | None,
    typer.Option(help="Table beside embeddings, by rows: .csv, .parquet or .jsonl.", show_default=False),
]
Demo = Annotated[bool, typer.Option("--demo", help="Scikit-learn's 1,797 handwritten digits.")]
ProjectDir = Annotated[
    Path | None, typer.Option("--project", help="Where the project lies; SOURCE.pal by default.", show_default=False)
]
StoreAddress = Annotated[
    str | None,
    typer.Option(
        "--store", envvar="PAL_STORE", help="A PostgreSQL database for the log, postgresql://…", show_default=False
    ),
]
ProjectFolder = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="A source, or its project's own folder.", show_default=False)
]
Oracle = Annotated[str, typer.Option(help="What chooses the questions.")]
PageSize = Annotated[int, typer.Option(help="Tiles a page.", min=1, max=100)]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.", min=0)]


@app.command()
def annotate(
    source: Source = None,
    *,
    demo: Demo = False,
    project: ProjectDir = None,
    store: StoreAddress = None,
    kind: Kind = None,
    column: Column = None,
    ids: Ids = None,
    table: Table = None,
    encoder: Annotated[
        str, typer.Option(help="Makes features; a name, or a folder with a model. auto takes the best installed.")
    ] = "auto",
    allow_download: Annotated[
        bool, typer.Option("--allow-download", help="Let --encoder fetch a model from the Hugging Face hub.")
    ] = False,
    oracle: Oracle = "default",
    page_size: PageSize = 15,
    seed: Seed = 0,
    rule: Annotated[
        str | None, typer.Option(help="One sentence on what the same kind means here.", show_default=False)
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="A name to choose from; again for more. None are needed.", show_default=False),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Share of right labels that is aimed at, like 0.98.", min=0.0, max=1.0, show_default=False),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to serve on; others than this computer's own take accounts.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one.", min=0, max=65535)] = 8642,
    address: Annotated[
        str | None, typer.Option(help="What people open, like https://pal.example.org.", show_default=False)
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Label a source in the browser. Run it again to go on; the source itself is never changed."""
    # What is imported now makes objects by the hundred thousand, and hardly a cycle that could be collected.
    gc.set_threshold(_YOUNG)
    from pal.cli.serve import Serving, serve

    serve(
        _source(source, demo=demo),
        project,
        Serving(
            host, port, rule=rule, target=target, classes=tuple(classes or ()), browser=not no_browser, address=address
        ),
        store=store,
        reading=_reading(kind, column, ids, table),
        encoder=encoder,
        allow_download=allow_download,
        oracle=oracle,
        page_size=page_size,
        seed=seed,
    )


@app.command()
def status(
    source: Source = None,
    *,
    demo: Demo = False,
    project: ProjectDir = None,
    store: StoreAddress = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say how far a project is. SOURCE may also be the project's own folder."""
    from pal.cli.report import report

    report(_maybe(source, demo=demo), project, store, as_json=as_json)


@app.command()
def export(
    source: Source = None,
    *,
    demo: Demo = False,
    project: ProjectDir = None,
    store: StoreAddress = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to, new or empty.")] = Path("export"),
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="csv, jsonl, parquet, images, huggingface, labelstudio, embeddings, classifier, log or pairs; again "
            "for more. All by default. And encoder: what pal train made, for plain torch and ONNX.",
            show_default=False,
        ),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Take pictures and sounds in instead of linking to them.")
    ] = False,
) -> None:
    """Write labels, pictures, embedding, classifier and log. SOURCE may also be the project's own folder."""
    from pal.cli.report import write_export

    write_export(_maybe(source, demo=demo), project, store, out, formats, copy=copy)


@app.command()
def train(
    source: Source = None,
    *,
    demo: Demo = False,
    project: ProjectDir = None,
    network: Annotated[
        str, typer.Option(help="auto; fine-tune, the pretrained encoder itself; words, a net on the words of texts.")
    ] = "auto",
    side: Annotated[int | None, typer.Option(help="Pixels on a side of the pictures it takes.", min=8)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Items a batch.", min=2)] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the items.", min=1)] = 20,
    loss: Annotated[str, typer.Option(help="vicreg, simclr, barlow or vic2.")] = "vicreg",
    graph: Annotated[str, typer.Option(help="hard, what the answers imply; believed, what they make likely.")] = "hard",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Seed = 0,
) -> None:
    """Train an encoder on what is known; the project uses it from the next start on."""
    from pal.cli.train import train as run

    run(
        _maybe(source, demo=demo), project, network=network, side=side, batch_size=batch_size, epochs=epochs, loss=loss,
        graph=graph, device=device, seed=seed,
    )  # fmt: skip


@app.command()
def invite(
    directory: ProjectFolder,
    *,
    name: Annotated[str, typer.Option(help="Whose account it is; answers are logged under it.", show_default=False)],
    role: Annotated[str, typer.Option(help="annotator, reviewer or administrator.")] = "annotator",
    address: Annotated[
        str | None, typer.Option(help="Where the server is; by default where it last was.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the account away instead.")] = False,
    store: StoreAddress = None,
) -> None:
    """Make an account, or change its role, and print a link that signs one browser in."""
    from pal.cli.invite import invite as run

    run(directory, store, name, role, address, remove=remove)


@app.command("import")
def import_labels(
    source: Annotated[
        str, typer.Argument(metavar="PROJECT", help="A source, or its project's own folder.", show_default=False)
    ],
    labels: Annotated[
        Path,
        typer.Argument(
            help="A table with a class each, a folder of pictures, or Label Studio's JSON.", show_default=False
        ),
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option("--as", help="Labeler of the answers; import LABELS by default.", show_default=False),
    ] = None,
    predicted: Annotated[bool, typer.Option("--predicted", help="Take what an export calls predicted, too.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was imported from LABELS.")] = False,
    project: ProjectDir = None,
    store: StoreAddress = None,
) -> None:
    """Take labels from elsewhere as told answers."""
    from pal.cli.importing import import_file

    import_file(source, labels, project, store, name=name, predicted=predicted, undo=undo)


@webhook.command("add")
def webhook_add(
    directory: ProjectFolder,
    url: Annotated[str, typer.Argument(help="Where to send what happens.", show_default=False)],
    *,
    on: Annotated[
        list[str] | None,
        typer.Option(
            help="page-answered, class-named, target-reached or export-done; again for more. All by default.",
            show_default=False,
        ),
    ] = None,
    store: StoreAddress = None,
) -> None:
    """Tell an address what happens in a project, and print the secret that signs it."""
    from pal.cli.webhook import add

    add(directory, store, url, on)


@webhook.command("list")
def webhook_list(directory: ProjectFolder, *, store: StoreAddress = None) -> None:
    """List the addresses, and what came of the last attempt at each."""
    from pal.cli.webhook import show

    show(directory, store)


@webhook.command("remove")
def webhook_remove(
    directory: ProjectFolder,
    url: Annotated[str, typer.Argument(help="The address.", show_default=False)],
    *,
    store: StoreAddress = None,
) -> None:
    """Tell an address no more."""
    from pal.cli.webhook import remove

    remove(directory, store, url)


@app.command()
def backup(
    directory: ProjectFolder,
    *,
    to: Annotated[Path, typer.Option(help="New file to write.", show_default=False)],
    store: StoreAddress = None,
) -> None:
    """Write a project's log to one file, while it may be in use."""
    from pal.cli.backup import backup as run

    run(directory, store, to)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file of pal backup.", show_default=False)],
    *,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the project, new.", show_default=False)],
    store: StoreAddress = None,
) -> None:
    """Start a project from a backup, in a folder or in an empty database."""
    from pal.cli.backup import restore as run

    run(file, to, store)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="The classifier.safetensors of an export.", show_default=False)],
    source: Annotated[str, typer.Argument(help="New items, as pal annotate takes them.", show_default=False)],
    *,
    kind: Kind = None,
    column: Column = None,
    ids: Ids = None,
    table: Table = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV to write; standard output by default.", show_default=False)
    ] = None,
) -> None:
    """Classify new items with the classifier of an export."""
    from pal.cli.predict import predict as run

    run(model, source, out, _reading(kind, column, ids, table))


@app.command()
def simulate(
    source: Annotated[
        str,
        typer.Argument(
            help="digits, circles, mixture, fashion-mnist, cifar10:PATH, or an .npz with x and y.", show_default=False
        ),
    ],
    *,
    oracle: Oracle = "default",
    pages: Annotated[int, typer.Option(help="Pages to answer.", min=1)] = 30,
    labeler: Annotated[
        str, typer.Option(help="Who answers: perfect, wrong:0.1, misses, biased:0.2, crowd:5 or refusing.")
    ] = "perfect",
    error: Annotated[float, typer.Option(help="Short for --labeler wrong:ERROR.", min=0.0, max=1.0)] = 0.0,
    seed: Seed = 0,
    page_size: PageSize = 15,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSON to write; a plot goes beside it.")] = Path("run.json"),
) -> None:
    """Play a simulated person against known classes, and write the curve."""
    from pal.cli.bars import bar
    from pal.datasets import load_named
    from pal.oracles import get_oracle
    from pal.simulate import simulate as play
    from pal.simulate import write_curve

    get_oracle(oracle)
    items = load_named(source, seed=seed)
    with bar("answering pages", total=pages) as progress:
        curve = play(
            items,
            oracle=oracle,
            n_pages=pages,
            labeler=labeler,
            error=error,
            seed=seed,
            page_size=page_size,
            progress=progress,
        )
    for file in write_curve(curve, out):
        typer.echo(file)
    if curve["pages"]:
        typer.echo(f"after {curve['pages'][-1]} pages, {curve['answers'][-1]} answers: ARI {curve['ari'][-1]:.3f}")


def _reading(kind: str | None, column: list[str] | None, ids: str | None, table: Path | None) -> "Reading":
    from pal.datasets import Reading

    if kind not in (None, "image", "audio", "text"):
        raise typer.BadParameter(f"choose image, audio or text, not {kind}", param_hint="--kind")
    return Reading(kind, tuple(column or ()), ids, table)  # type: ignore[arg-type]


def _source(source: str | None, *, demo: bool) -> str:
    found = _maybe(source, demo=demo)
    if found is None:
        raise typer.BadParameter("give a folder, a table, embeddings, or --demo", param_hint="SOURCE")
    return found


def _maybe(source: str | None, *, demo: bool) -> str | None:
    from pal.datasets.open import DEMO

    if demo and source is not None:
        raise typer.BadParameter("give a source or --demo, not both", param_hint="SOURCE")
    return DEMO if demo else source
