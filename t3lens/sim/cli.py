"""``python -m t3lens.sim``: make simulated homes and serve them."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import click

__all__ = ["sim"]


@click.group(invoke_without_command=True)
@click.option("--scenario", default=None, help="Serve such a home to practise on, until Ctrl-C.")
@click.pass_context
def sim(context: click.Context, scenario: str | None) -> None:
    """Simulated T3 homes and servers, for trying things out and for tests."""
    if context.invoked_subcommand is None:
        if scenario is None:
            click.echo(context.get_help())
        else:
            context.invoke(serve, scenario=scenario, show_token=True)
    elif scenario is not None:
        raise click.UsageError(f"say it behind the command: {context.invoked_subcommand} --scenario {scenario}")


@sim.command()
@click.argument("folder", type=click.Path(path_type=Path))
def samples(folder: Path) -> None:
    """Rebuild the sample homes in FOLDER, byte for byte."""
    from t3lens.sim.samples import build_samples

    for name, told in build_samples(folder).items():
        click.echo(f"{folder / name}: {told.about}")


@sim.command()
def scenarios() -> None:
    """List the scenarios that a home can be made of."""
    from t3lens.sim.scenarios import STORIES
    from t3lens.sim.v2.stories import SECOND_STORIES

    first = {name: story.about for name, story in STORIES.items()}
    second = {name: story.about for name, story in SECOND_STORIES.items()}
    for name, about in sorted({**first, **second}.items()):
        click.echo(f"{name:28} {about}")


@sim.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--scenario", default="healthy", show_default=True, help="See `scenarios`; `demo` ends now.")
@click.option("--build", default=None, help="Server version; each scenario names those it happens on.")
@click.option("--provider", default=None, help="opencode, codex, claudeAgent or cursor.")
@click.option("--seed", default="0", show_default=True, help="The same seed gives the same bytes.")
@click.option("--records", default=None, type=click.Path(path_type=Path), help="Folder for the agents' own records.")
def home(path: Path, scenario: str, build: str | None, provider: str | None, seed: str, records: Path | None) -> None:
    """Make a home at PATH in which something happened."""
    from t3lens.sim.demo import demo_home, second_demo_home
    from t3lens.sim.scenarios import build_home

    if scenario == "demo":
        told = demo_home(path, build=build, seed=seed)
    elif scenario == "v2-demo":
        told = second_demo_home(path, seed=seed)
    else:
        more = {} if records is None else {"records": records}
        told = build_home(path, scenario, build=build, provider=provider, seed=seed, **more)
    click.echo(f"{path}: {told.about}")
    click.echo(f"as of {told.as_of}, server {told.server}, {len(told.threads)} thread(s)")


@sim.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--scenario", default=None, help="Make the home first; without PATH in a folder that goes away.")
@click.option("--port", default=0, help="0 takes a free one.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    help="How many times faster than life providers work.",
)
@click.option(
    "--adopt/--restart",
    default=True,
    help="Carry on as the server that wrote the home, or start anew.",
)
@click.option("--show-token", is_flag=True, help="Print a bearer token for this simulated server.")
def serve(path: Path | None, scenario: str | None, port: int, speed: float, adopt: bool, show_token: bool) -> None:
    """Serve the home at PATH until interrupted."""
    from t3lens.sim.demo import demo_home, second_demo_home
    from t3lens.sim.scenarios import build_home
    from t3lens.sim.serving import server_over
    from t3lens.sim.standins import StandIns

    if path is None and scenario is None:
        raise click.UsageError("name a home, or a scenario to make one of")
    with ExitStack() as stack:
        if path is None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        if scenario == "demo":
            demo_home(path)
        elif scenario == "v2-demo":
            second_demo_home(path)
        elif scenario is not None:
            build_home(path, scenario)
        server = server_over(path, port=port, speed=speed, adopt=adopt)
        server.start()
        stack.callback(server.stop)
        stack.enter_context(StandIns())
        click.echo(f"{server.origin} serves {path} (T3 Code {server.build.version}, simulated)")
        if show_token:
            click.echo(f"token: {server.token}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("stopped")
