// SPDX-License-Identifier: MIT
// Whoever has the smallest key wins, whatever comes, goes, rests and plays: compared with looking at all of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <stdbool.h>

#include "tournament.h"

enum { PLAYERS = 37 };

struct player {
    uint32_t id;
    unsigned place;
    uint64_t key;
    bool in;
    bool plays;
};

static struct player *smallest(struct player *players)
{
    struct player *best = NULL;
    for (unsigned i = 0; i < PLAYERS; i++) {
        struct player *player = &players[i];
        if (player->in && player->plays &&
            (!best || player->key < best->key || (player->key == best->key && player->id < best->id)))
            best = player;
    }
    return best;
}

static void test_the_smallest_wins(void **state)
{
    (void)state;
    struct player players[PLAYERS] = { 0 };
    struct tournament tournament;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    tournament_init(&tournament);
    assert_null(tournament_best(&tournament));
    for (unsigned round = 0; round < 20000; round++) {
        struct player *player = &players[g_rand_int_range(random, 0, PLAYERS)];
        player->id = (uint32_t)(PLAYERS - (player - players)); // not in the order of the places
        const int what = g_rand_int_range(random, 0, 6);
        if (!player->in) {
            player->in = true;
            player->plays = false;
            player->place = tournament_enter(&tournament, player);
        } else if (what == 0) {
            player->in = false;
            tournament_leave(&tournament, player->place);
        } else if (what == 1) {
            player->plays = false;
            tournament_rest(&tournament, player->place);
        } else {
            // Few different keys, the largest there is among them: ids decide.
            player->plays = true;
            player->key = UINT64_MAX - (uint64_t)g_rand_int_range(random, 0, 10);
            tournament_play(&tournament, player->place, player->key, player->id);
        }
        const struct player *best = smallest(players);
        assert_ptr_equal(tournament_best(&tournament), best);
        assert_int_equal(tournament_best_key(&tournament), best ? best->key : UINT64_MAX);
    }
    tournament_done(&tournament);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_smallest_wins),
    };
    return cmocka_run_group_tests_name("tournament", tests, NULL, NULL);
}
