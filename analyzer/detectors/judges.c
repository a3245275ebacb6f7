// SPDX-License-Identifier: MIT
// One choice is decided in time linear in the trace (PLDI 2023, algorithm 2): begin with the first occurrence of each side; close
// the set of the points before them; where the set has gone past an occurrence, go on to the side's next one outside of it. The
// set never has to shrink, because what is needed to reach a later occurrence includes what an earlier one needed.
//
// A choice that fails is tried once more by hand-offs alone: if these already keep the sides apart, the cycle is ordered and
// cannot happen; else it may, in a way that this search does not see (critical sections in another order than recorded).
//
// Choices do not depend on each other, so every processor decides some, with a closure of its own. The bound on what all of them
// may cost does depend on their order: a choice is decided unless those before it are known to have used it up, and then, in
// order, what was decided beyond the bound is thrown away. So the verdicts are the same with one processor and with many.
#include "judges.h"

#include "closure.h"

#define JUDGES_MAX 8u // each with its closure, which has all threads and locks

struct judges {
    struct judges_options options;
    unsigned n;
    struct closure *closures[JUDGES_MAX];
    uint64_t visits; // of all that was decided so far
};

// The choices that are being decided.
struct session {
    struct judges *judges;
    struct judges_case *cases;
    unsigned n;
    gint next;     // atomic
    GMutex mutex;  // of used
    uint64_t used; // visits of those that are finished
};

struct judge {
    struct session *session;
    struct closure *closure;
};

struct judges *judges_new(const struct judges_options *options)
{
    struct judges *judges = g_new0(struct judges, 1);
    judges->options = *options;
    judges->n = CLAMP(options->threads, 1, JUDGES_MAX);
    for (unsigned i = 0; i < judges->n; i++)
        judges->closures[i] = closure_new(options->trace);
    return judges;
}

void judges_free(struct judges *judges)
{
    if (!judges)
        return;
    for (unsigned i = 0; i < judges->n; i++)
        closure_free(judges->closures[i]);
    g_free(judges);
}

// --- one choice ---

static uint32_t position_at(const struct pattern_side *side, unsigned index)
{
    return g_array_index(side->instance->positions, uint32_t, index);
}

// The first occurrence at or behind a position.
static unsigned skip_to(const struct pattern_side *side, unsigned index, uint32_t position)
{
    unsigned end = side->instance->positions->len;
    while (index < end) {
        unsigned middle = index + (end - index) / 2;
        if (position_at(side, middle) < position)
            index = middle + 1;
        else
            end = middle;
    }
    return index;
}

// Can all sides be brought to one of their occurrences at once? Sets their positions.
static bool reach(struct closure *closure, enum closure_rules rules, struct pattern_side *sides, unsigned n)
{
    g_autofree unsigned *indices = g_new0(unsigned, n);
    closure_begin(closure, rules);
    for (unsigned i = 0; i < n; i++)
        closure_include(
            closure, (struct prediction_point){ sides[i].instance->thread_id, position_at(&sides[i], 0) });
    for (bool moved = true; moved;) {
        if (!closure_run(closure))
            return false;
        moved = false;
        for (unsigned i = 0; i < n; i++) {
            uint32_t reached = closure_position(closure, sides[i].instance->thread_id);
            if (reached <= position_at(&sides[i], indices[i]))
                continue;
            indices[i] = skip_to(&sides[i], indices[i], reached);
            if (indices[i] == sides[i].instance->positions->len)
                return false;
            moved = true;
            closure_include(closure, (struct prediction_point){
                                         sides[i].instance->thread_id, position_at(&sides[i], indices[i]) });
        }
    }
    for (unsigned i = 0; i < n; i++)
        sides[i].position = position_at(&sides[i], indices[i]);
    return true;
}

static GArray *copy_reached(const struct closure *closure)
{
    const GArray *threads = closure_threads(closure);
    GArray *reached = g_array_new(false, false, sizeof(struct prediction_point));
    for (unsigned i = 0; i < threads->len; i++) {
        uint32_t thread_id = g_array_index(threads, uint32_t, i);
        struct prediction_point point = { thread_id, closure_position(closure, thread_id) };
        g_array_append_val(reached, point);
    }
    return reached;
}

// By create and join alone: some parts of the threads' lives in which all sides happen at the same time.
static bool concurrent_segments(
    struct thread_order *order, struct pattern_side *sides, unsigned n, unsigned depth, uint32_t *segments)
{
    if (depth == n)
        return true;
    const struct graph_instance *instance = sides[depth].instance;
    for (unsigned s = 0; s < instance->segments->len; s++) {
        bool fits = true;
        segments[depth] = g_array_index(instance->segments, uint32_t, s);
        for (unsigned i = 0; i < depth && fits; i++)
            fits = thread_order_concurrent(
                order, sides[i].instance->thread_id, segments[i], instance->thread_id, segments[depth]);
        if (fits && concurrent_segments(order, sides, n, depth + 1, segments))
            return true;
    }
    return false;
}

static bool all_recorded(const struct pattern_side *sides, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!sides[i].instance->positions->len)
            return false;
    return true;
}

// Of a choice whose sides are all in the abstract trace.
static void decide(struct closure *closure, struct judges_case *choice)
{
    const uint64_t before = closure_visits(closure);
    if (reach(closure, CLOSURE_ALL, choice->sides, choice->n)) {
        choice->verdict = PATTERN_PREDICTED;
        choice->reached = copy_reached(closure);
    } else if (choice->known >= PATTERN_POTENTIAL ||
               reach(closure, CLOSURE_HANDOFFS, choice->sides, choice->n)) {
        choice->verdict = PATTERN_POTENTIAL;
    } else {
        choice->verdict = PATTERN_ORDERED;
    }
    choice->visits = closure_visits(closure) - before;
}

static void decide_by_segments(struct judges *judges, struct judges_case *choice)
{
    g_autofree uint32_t *segments = g_new(uint32_t, choice->n);
    choice->verdict = concurrent_segments(judges->options.order, choice->sides, choice->n, 0, segments)
                          ? PATTERN_POTENTIAL
                          : PATTERN_ORDERED;
}

// --- all of them ---

static bool add_visits(struct session *session, uint64_t visits)
{
    g_mutex_lock(&session->mutex);
    session->used += visits;
    const bool is_over = session->used > session->judges->options.visits_max;
    g_mutex_unlock(&session->mutex);
    return is_over;
}

// Choices are begun in order: what is finished belongs to choices in front of the next one.
static void *work(void *data)
{
    const struct judge *judge = data;
    struct session *session = judge->session;
    bool is_over = add_visits(session, 0);
    while (!is_over) {
        const unsigned at = (unsigned)g_atomic_int_add(&session->next, 1);
        if (at >= session->n)
            break;
        struct judges_case *choice = &session->cases[at];
        choice->visits = 0;
        if (all_recorded(choice->sides, choice->n))
            decide(judge->closure, choice);
        is_over = add_visits(session, choice->visits);
    }
    return NULL;
}

static void run(struct judges *judges, struct session *session)
{
    struct judge all[JUDGES_MAX];
    GThread *threads[JUDGES_MAX] = { NULL };
    const unsigned n = MIN(judges->n, session->n);
    for (unsigned i = 0; i < n; i++) {
        all[i] = (struct judge){ session, judges->closures[i] };
        if (i) // none to be had: on with those there are
            threads[i] = g_thread_try_new("judge", work, &all[i], NULL);
    }
    work(&all[0]);
    for (unsigned i = 1; i < n; i++)
        if (threads[i])
            g_thread_join(threads[i]);
}

unsigned judges_decide(struct judges *judges, struct judges_case *cases, unsigned n)
{
    struct session session = { .judges = judges, .cases = cases, .n = n, .used = judges->visits };
    unsigned left_out = 0;
    if (!n)
        return 0;
    g_mutex_init(&session.mutex);
    run(judges, &session);
    g_mutex_clear(&session.mutex);
    for (unsigned i = 0; i < n; i++) {
        struct judges_case *choice = &cases[i];
        if (judges->visits > judges->options.visits_max) {
            left_out++;
            g_clear_pointer(&choice->reached, g_array_unref);
            choice->verdict = PATTERN_POTENTIAL;
        } else if (all_recorded(choice->sides, choice->n)) {
            judges->visits += choice->visits;
        } else {
            decide_by_segments(judges, choice);
        }
    }
    return left_out;
}
