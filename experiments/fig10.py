"""Fig. 10: figures 3, 4, 7, 8 and 9 on a mixture of four Gaussians, noise 0.3, as panels a to e.

``fig10a`` … ``fig10e`` are written one by one; ``fig10`` has the curves of panel a and draws them all.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from experiments import fig3, fig4, fig7, fig8, fig9
from experiments.plotting import canvas, draw_curves, finish
from experiments.protocol import MIXTURE_NOISE, Options
from experiments.results import Result

FIGURE = "fig10"
PANELS: dict[str, ModuleType] = {"fig10a": fig3, "fig10b": fig4, "fig10c": fig7, "fig10d": fig8, "fig10e": fig9}


def compute(options: Options, /) -> list[Result]:
    """The panels' results, with the whole figure's first."""
    options = replace(options, data="mixture")
    panels = []
    for name, module in PANELS.items():
        for result in module.compute(options):
            parameters = {**result.parameters, "noise": MIXTURE_NOISE, "panel_of": result.figure}
            panels.append(replace(result, figure=result.figure.replace(module.FIGURE, name), parameters=parameters))
    whole = replace(panels[0], figure=FIGURE, parameters={**panels[0].parameters, "panels": list(PANELS)})
    return [whole, *panels]


def plot(results: Sequence[Result], path: Path, /) -> None:
    """Draw the five panels."""
    by_name = {result.figure: result for result in results}
    figure, axes = canvas(3, 2, size=(3.6, 2.4))
    for axis, (name, module) in zip(axes.flat, PANELS.items(), strict=False):
        if module is fig9:
            fig9.draw(axis, by_name[name])
        else:
            draw_curves(axis, by_name[name], labels=fig4.LABELS)
        axis.set_title(f"({name[-1]}) as {module.FIGURE.replace('fig', 'Fig. ')}", fontsize=9)
    axes.flat[-1].axis("off")
    finish(figure, path)
