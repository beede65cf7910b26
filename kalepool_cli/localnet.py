"""`kalepool localnet`: runs the local chain; `kalepool localnet ctl …` is the hand on one that runs."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from kalepool_cli import localnet_ctl

app = typer.Typer()
app.add_typer(localnet_ctl.app, name="ctl")


@app.callback(invoke_without_command=True)
def localnet(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of RPC and friendbot; 0: any free one.")] = 8000,
    admin_port: Annotated[
        int | None,
        typer.Option(
            help="Port of the admin endpoint, on 127.0.0.1; 0: any free one; default: after the RPC's."
        ),
    ] = None,
    speed: Annotated[
        str, typer.Option(help="Chain seconds a second of real time; max: as fast as a driver goes.")
    ] = "1",
    driver: Annotated[
        bool, typer.Option("--driver", help="A driver will close the ledgers; for --speed max.")
    ] = False,
    retention_ledgers: Annotated[
        int, typer.Option(help="Ledgers that transactions and events are kept.")
    ] = 17_280,
    state: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File that keeps the chain; one that has one goes on.")
    ] = None,
    fork: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Begin with these ledger entries, in JSON Lines."),
    ] = None,
    nodes: Annotated[int, typer.Option(help="RPC nodes of the chain, on this port and the next ones.")] = 1,
    lag: Annotated[
        str, typer.Option(help="How many ledgers each node stays behind, separated by commas.")
    ] = "",
    network_settings: Annotated[
        str, typer.Option(help="Fees, limits and lifetimes: mainnet, testnet or a TOML file.")
    ] = "mainnet",
    protocol: Annotated[
        int | None, typer.Option(help="Protocol version to tell; default: the settings' own.")
    ] = None,
    faults: Annotated[
        str,
        typer.Option(help="Let things go wrong: one_percent or a TOML file, see docs/localnet-faults.md."),
    ] = "",
    background_load: Annotated[
        float, typer.Option(help="Share of each ledger that strangers ask for; above 1: more than it takes.")
    ] = 0.0,
    background_bid: Annotated[
        int, typer.Option(help="What half of the strangers bid at least, stroops an operation.")
    ] = 200,
    seed: Annotated[
        int, typer.Option(help="Decides the order of application, between equal bids, and who strangers are.")
    ] = 0,
    simulate_at: Annotated[
        str, typer.Option(help="Time that simulated calls see: the latest ledger's, or wall as older nodes.")
    ] = "ledger",
    rivals: Annotated[
        str,
        typer.Option(
            help="Others who play: mainnet_like, meddler or a TOML file, see docs/localnet-rivals.md."
        ),
    ] = "",
) -> None:
    """Run a local chain: a Stellar RPC server with KALE, for development and tests."""
    if context.invoked_subcommand is not None:
        return
    gc.disable()  # of what is imported nothing is garbage; the process turns it on when it serves
    from localnet.chain.background_load import BackgroundLoad
    from localnet.chain.speed import parse_speed
    from localnet.faults.fault_file import load_faults
    from localnet.faults.rule import NO_FAULTS
    from localnet.main import run
    from localnet.network_settings import load_network_settings
    from localnet.rivals.rivals_file import load_rivals
    from localnet.settings import LocalnetSettings, parse_lag, parse_simulation_time
    from poolkit.lifecycle import report_startup_error
    from poolkit.startup_error import StartupError

    try:
        of_network = load_network_settings(network_settings)
        if protocol is not None:
            of_network = of_network.with_protocol(protocol)
        settings = LocalnetSettings(
            host=host,
            port=port,
            admin_port=_admin_port(port, nodes) if admin_port is None else admin_port,
            speed=parse_speed(speed),
            driver=driver,
            retention_ledgers=retention_ledgers,
            state=state,
            fork=fork,
            nodes=nodes,
            lag_ledgers=parse_lag(lag),
            background_load=BackgroundLoad(
                classic=background_load, soroban=background_load, median_bid_stroops=background_bid
            ),
            seed=seed,
            simulates_at_wall_time=parse_simulation_time(simulate_at),
            network_settings=of_network,
            faults=load_faults(faults, max(nodes, 1)) if faults else NO_FAULTS,
            rivals=load_rivals(rivals) if rivals else (),
        )
    except (StartupError, ValueError) as error:
        raise typer.Exit(report_startup_error(StartupError(str(error)))) from None
    raise typer.Exit(run(settings))


def _admin_port(port: int, nodes: int) -> int:
    """The next port after the RPC's, so that two localnets do not meet; any free one if that is any too."""
    return 0 if port == 0 else port + nodes
