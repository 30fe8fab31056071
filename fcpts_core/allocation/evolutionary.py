"""UniPTS' evolutionary search over allocations (Xie et al., CVPR 2024): genomes compete on the calibration images.

A candidate is the dense network pruned by magnitude as its genome says (see `genome`), its batch norms reset and taken
anew in one training-mode pass over images with a little noise, 1e-6, on them. Its fitness is the share of the images

    agreement    on which it names the class that the dense network names; no labels needed
    labels       on which it names the right class, as the public code does

The ten fittest of all genomes so far are the parents of the next generation: 12 crossovers and 12 mutants. (The public
code lets the children replace their parents even where they are worse.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from fcpts_core.allocation.genome import crossovers, first_population, mutants, regrown
from fcpts_core.allocation.respect import budget_under
from fcpts_core.bookmark import Saved
from fcpts_core.data.images import ImageSet
from fcpts_core.engine.events import Allocated, Phase
from fcpts_core.errors import InputError
from fcpts_core.masks.patterns import pattern
from fcpts_core.problem import Problem, Telling
from fcpts_core.reconstruction.norms import norm_layers, norm_mode

POPULATION, PARENTS, CROSSOVERS, MUTANTS = 25, 10, 12, 12
NOISE = 1e-6
IMAGES = 256
"""How many of the calibration images are looked at."""

Fitness = Callable[[tuple[float, ...]], float]
"""Sparsities `[L]` in, share of the images out."""


@dataclass(frozen=True, eq=False)
class Member:
    """A genome `[L]`, the sparsities `[L]` that it means, and how good these are."""

    genome: Tensor
    shares: tuple[float, ...]
    fitness: float


@dataclass(eq=False)
class Search:
    """What the search has come to: the next population `[P, L]`, and all genomes that were ever looked at."""

    population: Tensor
    generator: torch.Generator
    known: dict[tuple[float, ...], Member] = field(default_factory=dict)
    generation: int = 0

    def fittest(self) -> list[Member]:
        """The parents of the next generation, the best first."""
        return sorted(self.known.values(), key=lambda member: -member.fitness)[:PARENTS]

    def breed(self) -> None:
        """Goes on to the next generation."""
        parents = torch.stack([member.genome for member in self.fittest()])
        children = crossovers(parents, CROSSOVERS, self.generator), mutants(parents, MUTANTS, self.generator)
        self.population, self.generation = torch.cat(children), self.generation + 1

    def save(self) -> Saved:
        members = list(self.known.values())
        found = {f"genome.{place}": member.genome.clone() for place, member in enumerate(members)}
        return Saved(
            {"generation": self.generation, "known": [[member.shares, member.fitness] for member in members]},
            {**found, "population": self.population.clone(), "generator": self.generator.get_state()},
        )

    def load(self, saved: Saved) -> None:
        self.generation = saved.values["generation"]
        self.population = saved.tensors["population"]
        self.generator.set_state(saved.tensors["generator"])
        for place, (shares, fitness) in enumerate(saved.values["known"]):
            member = Member(saved.tensors[f"genome.{place}"], tuple(shares), fitness)
            self.known[member.shares] = member


def evolutionary(problem: Problem) -> Telling[tuple[float, ...]]:
    """The sparsities `[L]` of the fittest genome in `search_steps` generations; with none, of the constant genome."""
    settings = problem.settings
    budget = budget_under(settings.pattern, problem.dense, problem.sparsity, settings.layer_cap, problem.worth)
    fitness = fitness_of(problem)
    generator = torch.Generator().manual_seed(problem.seed)
    population = first_population(POPULATION, len(problem.layers), generator)
    if not settings.search_steps:
        return regrown(population[0], budget)
    word = {"agreement": "agreement with the dense model", "labels": "accuracy"}[settings.fitness]
    search = Search(population, generator)
    with problem.bookmark.loop("generations", search.save, search.load):
        while search.generation < settings.search_steps:
            best = f": best {word} so far {search.fittest()[0].fitness:.1%}" if search.known else ""
            now, last = search.generation, settings.search_steps
            yield Phase(f"searching allocations, generation {now + 1} of {last}{best}", now / last)
            for genome in search.population:
                shares = regrown(genome, budget)
                if shares not in search.known:
                    search.known[shares] = Member(genome, shares, fitness(shares))
            search.breed()
            yield Allocated(search.fittest()[0].shares)
    fittest = search.fittest()[0]
    yield Phase(f"found an allocation with {word} of {fittest.fitness:.1%}")
    return fittest.shares


def fitness_of(problem: Problem) -> Fitness:
    """How good an allocation is by the settings' `fitness`; a copy of the network is pruned, neither of the two."""
    kind, images = pattern(problem.settings.pattern), problem.images.take(IMAGES)
    network = copy.deepcopy(problem.teacher)
    weights = [network.get_parameter(f"{layer.name}.weight") for layer in problem.layers]
    task, labels = problem.task, problem.settings.fitness == "labels"
    if labels and not task.labelled(images):
        raise InputError(
            "The search for an allocation was asked to go by labels, but the calibration images have none: expected "
            "fitness=agreement, which needs no labels."
        )
    meant = task.predict(network, images, problem.device)

    @torch.no_grad()
    def fitness(shares: tuple[float, ...]) -> float:
        for weight, dense, zeros in zip(weights, problem.dense, problem.counts(shares), strict=True):
            weight.copy_(dense * kind.choose(dense.abs(), zeros))
        take_norms_anew(network, images, problem.seed, problem.device)
        said = task.predict(network, images, problem.device)
        figures = task.judged(said, images) if labels else task.agreed(said, meant)
        return next(iter(figures.values()))

    return fitness


@torch.no_grad()
def take_norms_anew(network: nn.Module, images: ImageSet, seed: int, device: torch.device, size: int = 128) -> None:
    """Resets all batch norms, then averages their statistics over one pass with noise on the images.

    The same seed puts the same noise on the images.
    """
    norms = norm_layers(network)
    if not norms or len(images) < 2:
        return
    generator = torch.Generator().manual_seed(seed)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    with norm_mode(network, "train"):
        # Parts of one size as far as that can be: none is a single image, which has no variance.
        for part in torch.arange(len(images)).chunk(-(-len(images) // size)):
            inputs = images.inputs(part)
            noise = NOISE * torch.randn(inputs.shape, generator=generator)
            network((inputs + noise).to(device))
