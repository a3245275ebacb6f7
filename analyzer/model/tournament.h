// SPDX-License-Identifier: MIT
// Which of many players has the smallest key? A tournament (Knuth, The Art of Computer Programming 3, 5.4.1): a winner's next
// key is played up to the top in as many steps as the tree is high, none of which depends on a branch.
//
//             a                 nodes[1]: the winner
//         a       c
//       a   b   c   -           players, and free places: they never win
#ifndef TRENZA_TOURNAMENT_H
#define TRENZA_TOURNAMENT_H

#include <glib.h>
#include <stdint.h>

// In order: key, id (for equal keys), place.
__extension__ typedef unsigned __int128 tournament_entry;
#define TOURNAMENT_NOBODY (~(tournament_entry)0)

struct tournament {
    tournament_entry *nodes; // 2 * places of them; [0] unused
    void **players;          // by place; NULL: free
    unsigned places;         // a power of two
    unsigned first_free;     // no place below is free
};

void tournament_init(struct tournament *tournament);
void tournament_done(struct tournament *tournament);
// The player's place until it leaves; it does not play yet. Cost: now and then all players.
unsigned tournament_enter(struct tournament *tournament, void *player);
void tournament_leave(struct tournament *tournament, unsigned place);

static inline void tournament_put(struct tournament *tournament, unsigned place, tournament_entry entry)
{
    tournament_entry *nodes = tournament->nodes;
    unsigned at = tournament->places + place;
    nodes[at] = entry;
    while (at > 1) {
        const tournament_entry other = nodes[at ^ 1];
        entry = other < entry ? other : entry;
        at >>= 1;
        nodes[at] = entry;
    }
}

// It plays with this key from now on. No two players have the same id.
static inline void tournament_play(struct tournament *tournament, unsigned place, uint64_t key, uint32_t id)
{
    tournament_put(tournament, place, (tournament_entry)key << 64 | (uint64_t)id << 32 | place);
}

// It does not play until tournament_play(), but keeps its place.
static inline void tournament_rest(struct tournament *tournament, unsigned place)
{
    tournament_put(tournament, place, TOURNAMENT_NOBODY);
}

// UINT64_MAX when nobody plays.
static inline uint64_t tournament_best_key(const struct tournament *tournament)
{
    return (uint64_t)(tournament->nodes[1] >> 64);
}

// NULL: nobody plays.
static inline void *tournament_best(const struct tournament *tournament)
{
    const uint32_t place = (uint32_t)tournament->nodes[1];
    return place != UINT32_MAX ? tournament->players[place] : NULL;
}

#endif
