# SPDX-License-Identifier: MIT
"""Two ways of running one thing, compared in many short runs in the order b a a b, so that neither gains when the machine
becomes faster or slower; medians, and how far their ratio can be trusted."""

import random
from statistics import median

RESAMPLES = 1000


def compare(measure_a, measure_b, rounds):
    """Of each round a pair of lists: two values of a, two of b."""
    found = []
    for _ in range(rounds):
        first = measure_b()
        of_a = [measure_a(), measure_a()]
        found.append((of_a, [first, measure_b()]))
    return found


def medians(rounds):
    return median(value for of_a, _ in rounds for value in of_a), median(value for _, of_b in rounds for value in of_b)


def interval(rounds, share=0.95):
    """Bounds of the ratio b / a of the medians, by bootstrap over whole rounds."""
    generator = random.Random(1)
    ratios = []
    for _ in range(RESAMPLES):
        of_a, of_b = medians(generator.choices(rounds, k=len(rounds)))
        ratios.append(of_b / of_a)
    ratios.sort()
    outside = int(RESAMPLES * (1 - share) / 2)
    return ratios[outside], ratios[-1 - outside]
