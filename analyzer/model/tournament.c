// SPDX-License-Identifier: MIT
// Places for players that come and go. The tree doubles when all are taken, and never shrinks.
#include "tournament.h"

#define PLACES_FIRST 2u

static void make_places(struct tournament *tournament, unsigned places)
{
    tournament->nodes = g_renew(tournament_entry, tournament->nodes, 2 * places);
    tournament->players = g_renew(void *, tournament->players, places);
    for (unsigned i = tournament->places; i < places; i++)
        tournament->players[i] = NULL;
    tournament->places = places;
}

void tournament_init(struct tournament *tournament)
{
    *tournament = (struct tournament){ 0 };
    make_places(tournament, PLACES_FIRST);
    for (unsigned i = 0; i < 2 * PLACES_FIRST; i++)
        tournament->nodes[i] = TOURNAMENT_NOBODY;
}

void tournament_done(struct tournament *tournament)
{
    g_free(tournament->nodes);
    g_free(tournament->players);
    *tournament = (struct tournament){ 0 };
}

static void grow(struct tournament *tournament)
{
    const unsigned places = tournament->places;
    g_autofree tournament_entry *entries =
        g_memdup2(tournament->nodes + places, places * sizeof *tournament->nodes);
    make_places(tournament, 2 * places);
    for (unsigned i = 0; i < 4 * places; i++)
        tournament->nodes[i] = TOURNAMENT_NOBODY;
    for (unsigned i = 0; i < places; i++)
        tournament_put(tournament, i, entries[i]);
}

unsigned tournament_enter(struct tournament *tournament, void *player)
{
    unsigned place = tournament->first_free;
    while (place < tournament->places && tournament->players[place])
        place++;
    if (place == tournament->places)
        grow(tournament);
    tournament->players[place] = player;
    tournament->first_free = place + 1;
    return place;
}

void tournament_leave(struct tournament *tournament, unsigned place)
{
    tournament_rest(tournament, place);
    tournament->players[place] = NULL;
    tournament->first_free = MIN(tournament->first_free, place);
}
