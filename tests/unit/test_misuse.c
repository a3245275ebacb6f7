// SPDX-License-Identifier: MIT
// Misuse of locks, conditions, semaphores and threads, in traces written by hand: what is found, and what must stay silent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <string.h>

#include "detect.h"
#include "trace_builder.h"
#include "wire.h"

// "level rule; ..." of everything found, by level and place.
static char *found_in(struct trace_builder *builder, const char *script)
{
    trace_builder_script(builder, script);
    struct model *model = trace_builder_model(builder);
    g_autoptr(GError) error = NULL;
    struct detect_result *result = detect_run(model, NULL, &error);
    g_assert_no_error(error);
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < result->findings->all->len; i++) {
        const struct finding *finding = result->findings->all->pdata[i];
        g_string_append_printf(
            text, "%s%s %s", text->len ? "; " : "", finding_level_name(finding->level), finding->rule->id);
        assert_non_null(finding->message);
        assert_true(finding->steps->len > 0);
    }
    detect_result_free(result);
    model_free(model);
    return g_string_free(text, false);
}

static void expect_of(struct trace_builder *builder, const char *script, const char *expected)
{
    g_autofree char *found = found_in(builder, script);
    assert_string_equal(found, expected);
    trace_builder_free(builder);
}

static void expect(const char *script, const char *expected)
{
    expect_of(trace_builder_new(), script, expected);
}

static struct trace_builder *with(const char *name, enum object_kind kind, uint32_t flags, uint64_t value)
{
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, name, kind, flags, value);
    return builder;
}

// --- foreign-unlock, unlock-unheld ---

static void unlocks(void **state)
{
    (void)state;
    // (A thread whose events are over holds nothing any more, so T1 does something afterwards.)
    expect("T1 create T2; T1 acquire a @f:1; T2 release a @g:1; T1 acquire z", "error foreign-unlock");
    expect("T1 release a @f:1", "error unlock-unheld");
    expect("T1 acquire a; T1 release a @f:1; T1 release a @f:2", "error unlock-unheld");
    expect("T1 acquire a; T1 release a", "");
    // Refused: an error-checking mutex told the program, who may not have listened.
    expect("T1 create T2; T1 acquire a @f:1; T2 release a @g:1; T2 release-failed a 1; T1 release a",
        "error foreign-unlock");
    expect("T1 release a @f:1; T1 release-failed a 1", "error unlock-unheld");
}

static void unlocks_of_rwlocks_and_spinlocks(void **state)
{
    (void)state;
    expect_of(with("a", OBJECT_RWLOCK, 0, 0),
        "T1 create T2; T1 acquire-shared a @f:1; T2 release a @g:1; T1 acquire z", "error foreign-unlock");
    expect_of(with("a", OBJECT_RWLOCK, 0, 0),
        "T1 create T2; T1 acquire-shared a; T2 acquire-shared a; T1 release a; T2 release a; T2 release a "
        "@g:1",
        "error unlock-unheld");
    expect_of(with("a", OBJECT_SPINLOCK, OBJECT_BY_INIT, 0), "T1 release a @f:1", "error unlock-unheld");
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 1), "T1 post s; T1 acquire s", "");
}

static void recursion_counts_unlocks(void **state)
{
    (void)state;
    expect_of(with("a", OBJECT_MUTEX, OBJECT_RECURSIVE, 0),
        "T1 acquire a; T1 acquire a; T1 release a; T1 release a", "");
    expect_of(with("a", OBJECT_MUTEX, OBJECT_RECURSIVE, 0),
        "T1 acquire a; T1 acquire a; T1 release a; T1 release a; T1 release a @f:1", "error unlock-unheld");
}

static void unlocks_where_events_are_missing(void **state)
{
    (void)state;
    expect("T1 lost 5; T1 release a @f:1", "");
    expect("T1 create T2; T1 acquire a; T1 lost 5; T2 release a @g:1", "");
    // Two owners: a release is missing, and whose the lock is cannot be told.
    expect(
        "T1 create T2; T1 acquire a; T1 thread-end T1; =900000000 T2 acquire a; T2 release a; T2 release a",
        "error unreleased-lock");
    // Locked before fork, given back in the child.
    expect_of(with("a", OBJECT_MUTEX, OBJECT_TAKEN, 0), "T1 release a @f:1", "");
}

static void a_wake_holds_the_mutex(void **state)
{
    (void)state;
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 acquire a; T1 cond-wait c a; T1 cond-wake c a 110; T1 release a", "");
    // Refused with EINVAL: it never gave it away.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 acquire a; T1 cond-wait c a; T1 cond-wake c a 22; T1 release a", "");
    // Cancelled; the cleanup handler unlocks.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T2 acquire a; T2 cond-wait c a; T1 cancel T2; T2 cond-wake c a 125; T2 release a;"
        "T2 thread-end T2; T1 join T2",
        "");
}

// --- conditions ---

static void waits_without_the_mutex(void **state)
{
    (void)state;
    expect_of(with("c", OBJECT_COND, 0, 0), "T1 cond-wait c a @f:1; T1 cond-wake c a; T1 release a",
        "error cond-unheld-mutex");
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T2 acquire a; T1 cond-wait c a @f:1; T1 cond-wake c a 1; T2 release a",
        "error cond-unheld-mutex");
    expect_of(
        with("c", OBJECT_COND, 0, 0), "T1 lost 5; T1 cond-wait c a @f:1; T1 cond-wake c a; T1 release a", "");
}

static void waits_with_two_mutexes(void **state)
{
    (void)state;
    const char *together =
        "T1 create T2; T1 acquire a; T2 acquire b; T1 cond-wait c a @f:1; T2 cond-wait c b @g:1;"
        "T1 cond-wake c a 110; T2 cond-wake c b 110; T1 release a; T2 release b";
    expect_of(with("c", OBJECT_COND, 0, 0), together, "error cond-mixed-mutex");
    const char *one_after_the_other =
        "T1 create T2; T1 acquire a; T1 cond-wait c a @f:1; T1 cond-wake c a 110; T1 release a;"
        "T2 acquire b; T2 cond-wait c b @g:1; T2 cond-wake c b 110; T2 release b";
    expect_of(with("c", OBJECT_COND, 0, 0), one_after_the_other, "warning cond-mixed-mutex");
    // Never at the same time: the second thread is created afterwards.
    const char *ordered =
        "T1 acquire a; T1 cond-wait c a @f:1; T1 cond-wake c a 110; T1 release a; T1 create T2;"
        "T2 acquire b; T2 cond-wait c b @g:1; T2 cond-wake c b 110; T2 release b";
    expect_of(with("c", OBJECT_COND, 0, 0), ordered, "");
}

// T1 waits for c and keeps l; T2 takes l, then signals.
#define KEEPS_AND_WAITS                                                                                      \
    "T1 acquire l @f:1; T1 acquire m; T1 cond-wait c m @f:2; T2 acquire m; T2 cond-signal c @g:2; T2 "       \
    "release m;"                                                                                             \
    "T1 cond-wake c m; T1 release m; T1 release l"

static void nested_monitors(void **state)
{
    (void)state;
    expect_of(with("c", OBJECT_COND, 0, 0), "T1 create T2; T2 acquire l @g:1; T2 release l;" KEEPS_AND_WAITS,
        "error cond-wait-holding-lock");
    // Nobody who signals needs the lock.
    expect_of(with("c", OBJECT_COND, 0, 0), "T1 create T2;" KEEPS_AND_WAITS, "");
    // The signaller takes it in the same mode, as a reader.
    struct trace_builder *builder = with("c", OBJECT_COND, 0, 0);
    trace_builder_object(builder, "l", OBJECT_RWLOCK, 0, 0);
    expect_of(builder,
        "T1 create T2; T2 acquire-shared l; T2 release l; T1 acquire-shared l; T1 acquire m; T1 cond-wait c "
        "m;"
        "T2 acquire m; T2 cond-signal c; T2 release m; T1 cond-wake c m; T1 release m; T1 release l",
        "");
    // It gives the lock back and tells so before the other one takes it: in every run.
    builder = with("c", OBJECT_COND, 0, 0);
    trace_builder_object(builder, "s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 0);
    expect_of(builder,
        "T1 create T2; T2 acquire l @g:1; T2 release l; T2 post s; T1 acquire s;" KEEPS_AND_WAITS, "");
    // A wait with a time-out ends by itself.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T2 acquire l; T2 release l; T1 acquire l; T1 acquire m; T1 cond-wait c m 1;"
        "T2 acquire m; T2 cond-signal c; T2 release m; T1 cond-wake c m; T1 release m; T1 release l",
        "");
    // Another thread signals without it.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T1 create T3; T2 acquire l @g:1; T2 release l;" KEEPS_AND_WAITS
        "; T3 acquire m; T3 cond-signal c; T3 release m",
        "");
}

static void recursive_mutex_given_back_once(void **state)
{
    (void)state;
    struct trace_builder *builder = with("c", OBJECT_COND, 0, 0);
    trace_builder_object(builder, "m", OBJECT_MUTEX, OBJECT_RECURSIVE, 0);
    trace_builder_script(builder,
        "T1 create T2; T1 acquire m @f:1; T1 acquire m @f:2; T1 cond-wait c m @f:3; T2 request m @g:1");
    trace_builder_stuck(builder, "T1 cond-wait c @f:3 m @f:1; T2 request m @g:1");
    expect_of(builder, "", "error stuck; error cond-wait-holding-lock");
}

static void signals_nobody_hears(void **state)
{
    (void)state;
    struct trace_builder *builder = with("c", OBJECT_COND, 0, 0);
    trace_builder_script(builder, "T1 create T2; T2 acquire m; T2 cond-signal c @g:1; T2 release m; T1 "
                                  "acquire m; T1 cond-wait c m @f:1");
    trace_builder_stuck(builder, "T1 cond-wait c @f:1");
    expect_of(builder, "", "error stuck; error lost-signal");
    // Not lost: it let another waiter go. What keeps this one is something else.
    builder = with("c", OBJECT_COND, 0, 0);
    trace_builder_script(builder, "T1 create T2; T1 create T3; T3 acquire m; T3 cond-wait c m; T2 acquire m; "
                                  "T2 cond-signal c; T2 release m;"
                                  "T3 cond-wake c m; T3 release m; T1 acquire m; T1 cond-wait c m @f:1");
    trace_builder_stuck(builder, "T1 cond-wait c @f:1");
    expect_of(builder, "", "error stuck");
    // A pool that waits for jobs when the program ends is not stuck, whatever came before.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T1 acquire m; T1 cond-signal c; T1 release m; T2 acquire m; T2 cond-wait c m; T1 exit "
        "0",
        "");
}

static void signals_without_the_mutex(void **state)
{
    (void)state;
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T1 acquire m; T1 cond-wait c m @f:1; T2 cond-signal c @g:1; T1 cond-wake c m; T1 "
        "release m",
        "warning lost-signal");
    // The usual way: changed under the mutex, signalled afterwards.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T1 acquire m; T1 cond-wait c m; T2 acquire m; T2 release m; T2 cond-signal c;"
        "T1 cond-wake c m; T1 release m",
        "");
    // Each signal needs its own look at the mutex.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T1 acquire m; T1 cond-wait c m @f:1; T2 acquire m; T2 release m; T2 cond-signal c "
        "@g:1;"
        "T1 cond-wake c m; T1 cond-wait c m @f:1; T2 cond-signal c @g:2; T1 cond-wake c m; T1 release m",
        "warning lost-signal");
    // Woken by somebody else's broadcast, T3 waits again while T2 is still on its way out: T1 holds the mutex of the one it
    // means, and that the two have different ones is a finding of its own.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T1 create T3; T2 acquire a; T2 cond-wait c a @f:1; T3 acquire b; T3 cond-wait c b "
        "@f:1;"
        "T1 acquire a; T1 cond-broadcast c @g:1; T1 release a; T3 cond-wake c b; T3 cond-wait c b @f:1;"
        "T1 acquire b; T1 cond-broadcast c @g:1; T1 release b; T2 cond-wake c a; T3 cond-wake c b;"
        "T2 release a; T3 release b",
        "error cond-mixed-mutex");
}

// --- invalid-object ---

static void first_uses(void **state)
{
    (void)state;
    expect_of(with("a", OBJECT_MUTEX, OBJECT_DESTROYED, 0), "T1 object a @f:1; T1 fail a 22",
        "error invalid-object");
    expect_of(with("a", OBJECT_MUTEX, OBJECT_UNINITIALISED, 0), "T1 object a @f:1; T1 fail a 22",
        "error invalid-object");
    expect_of(with("a", OBJECT_MUTEX, OBJECT_UNINITIALISED | OBJECT_TAKEN, 0),
        "T1 object a @f:1; T1 request a", "error invalid-object");
    expect_of(with("b", OBJECT_BARRIER, OBJECT_UNINITIALISED, 0), "T1 object b @f:1", "error invalid-object");
    expect_of(
        with("s", OBJECT_SEMAPHORE, OBJECT_UNINITIALISED, 0), "T1 object s @f:1", "warning invalid-object");
    expect_of(with("a", OBJECT_MUTEX, OBJECT_TAKEN, 0), "T1 object a @f:1; T1 release a", ""); // by fork
    // Good once, and none now.
    expect("T1 acquire a; T1 release a; T1 fail a 22", "error invalid-object");
    expect("T1 request-timed a; T1 fail a 22", ""); // the time was wrong, not the mutex
}

static void destroyed_while_in_use(void **state)
{
    (void)state;
    const char *waits = "T1 create T2; T2 acquire m; T2 cond-wait c m @g:1;";
    g_autofree char *destroyed = g_strconcat(waits, "T1 destroy c @f:1", NULL);
    expect_of(with("c", OBJECT_COND, 0, 0), destroyed, "error invalid-object");
    g_autofree char *after_broadcast =
        g_strconcat(waits, "T1 acquire m; T1 cond-broadcast c; T1 release m; T1 destroy c @f:1", NULL);
    expect_of(with("c", OBJECT_COND, 0, 0), after_broadcast, "");
    // Two wait, one has been told.
    g_autofree char *after_signal = g_strconcat(waits,
        "T1 create T3; T3 acquire m; T3 cond-wait c m; T1 acquire m; T1 cond-signal c; T1 release m; T1 "
        "destroy c @f:1",
        NULL);
    expect_of(with("c", OBJECT_COND, 0, 0), after_signal, "error invalid-object");
    const char *timed = "T1 create T2; T2 acquire m; T2 cond-wait c m 1; T1 destroy c @f:1";
    expect_of(with("c", OBJECT_COND, 0, 0), timed, "");
    expect_of(with("b", OBJECT_BARRIER, OBJECT_BY_INIT, 2),
        "T1 create T2; T2 barrier-arrive b @g:1; T1 destroy b @f:1", "error invalid-object");
    expect_of(with("b", OBJECT_BARRIER, OBJECT_BY_INIT, 2),
        "T1 create T2; T2 barrier-arrive b; T1 barrier-arrive b; T1 barrier-leave b 1; T1 destroy b", "");
}

static void initialised_again(void **state)
{
    (void)state;
    expect("T1 acquire a; T1 release a; T1 object-end a 5; T1 init a", "");
    expect("T1 create T2; T2 acquire a @g:1; T1 object-end a 5; T1 init a @f:1; T2 acquire z",
        "error invalid-object");
}

// --- semaphores ---

static void overposts(void **state)
{
    (void)state;
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 1),
        "T1 acquire s @f:1; T1 post s @f:2; T1 acquire s @f:1; T1 post s @f:2; T1 post s @f:3",
        "error semaphore-overpost");
    // The other one gives back late: it is not to blame.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 2),
        "T1 create T2; T2 acquire s @g:1; T1 acquire s @f:1; T1 post s @f:2; T1 post s @f:3; T2 post s @g:2",
        "error semaphore-overpost");
    // What one takes another gives back, and the value stays in bounds.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 1),
        "T1 create T2; T1 acquire s; T1 post s; T2 acquire s; T1 post s; T1 acquire s; T1 post s", "");
    // A queue's semaphore: those who post never take.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 1),
        "T1 create T2; T2 post s; T2 post s; T1 acquire s; T1 acquire s; T1 acquire s", "");
    // The initial value is not known.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT | OBJECT_NAMED, 1),
        "T1 acquire s; T1 post s; T1 post s", "");
    // The post was refused.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 1),
        "T1 acquire s; T1 post s; T1 acquire s; T1 post s; T1 post s; T1 release-failed s 75", "");
}

static void permits_not_given_back(void **state)
{
    (void)state;
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 2),
        "T1 create T2; T1 acquire s; T1 post s; T2 acquire s @g:1; T2 thread-end T2; T1 join T2",
        "warning semaphore-overpost");
    // Tickets that nobody gives back.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 2),
        "T1 create T2; T2 acquire s; T2 thread-end T2; T1 join T2", "");
    // Given back by another.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 2),
        "T1 create T2; T1 acquire s; T1 post s; T2 acquire s; T2 thread-end T2; T1 join T2; T1 post s", "");
}

// --- threads ---

static void joins_with_a_lock(void **state)
{
    (void)state;
    expect("T1 create T2; T2 acquire a @g:1; T2 release a; T2 thread-end T2; T1 acquire a @f:1;"
           "T1 join-request T2 @f:2; T1 join T2; T1 release a",
        "error join-cycle");
    // The joined thread does not take it.
    expect("T1 create T2; T2 acquire b; T2 release b; T2 thread-end T2; T1 acquire a; T1 join-request T2; T1 "
           "join T2;"
           "T1 release a",
        "");
    // It tells by a post that it has done with the lock.
    expect_of(with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 0),
        "T1 create T2; T2 acquire a; T2 release a; T2 post s; T2 thread-end T2; T1 acquire s; T1 acquire a;"
        "T1 join-request T2; T1 join T2; T1 release a",
        "");
    // It tells through a third thread.
    struct trace_builder *builder = with("s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 0);
    trace_builder_object(builder, "r", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 0);
    expect_of(builder,
        "T1 create T2; T1 create T3; T2 acquire a; T2 release a; T2 post s; T2 thread-end T2; T3 acquire s; "
        "T3 post r;"
        "T3 thread-end T3; T1 acquire r; T1 acquire a; T1 join-request T2; T1 join T2; T1 release a; T1 join "
        "T3",
        "");
    // It signals a condition of that lock as the last thing it does under it.
    expect_of(with("c", OBJECT_COND, 0, 0),
        "T1 create T2; T2 acquire a; T2 cond-broadcast c; T2 release a; T2 thread-end T2; T1 acquire a;"
        "T1 join-request T2; T1 join T2; T1 release a",
        "");
    // A trylock does not wait.
    expect("T1 create T2; T2 acquire-try a; T2 release a; T2 thread-end T2; T1 acquire a; T1 join-request T2;"
           "T1 join T2; T1 release a",
        "");
}

static void leaked_threads(void **state)
{
    (void)state;
    expect("T1 create T2 @f:1; T2 thread-end T2; T1 exit 0", "warning thread-leak");
    expect("T1 create T2; T2 thread-end T2; T1 join T2; T1 exit 0", "");
    expect("T1 create T2; T1 detach T2; T2 thread-end T2; T1 exit 0", "");
    expect("T1 create T2; T2 detach T2; T2 thread-end T2; T1 exit 0", "");
    expect("T1 create T2 1; T2 thread-end T2; T1 exit 0", ""); // made detached
    expect("T1 create T2; T2 thread-start T2; T1 exit 0", ""); // a daemon, alive at the end
    expect("T1 create T2; T2 thread-end T2", "");              // the program was killed
    expect("T1 create T2; T1 exit 0; T2 thread-end T2", "");   // it ended because of the exit
}

// --- lost time ---

static void blocking_calls(void **state)
{
    (void)state;
    g_autofree char *read =
        g_strdup_printf("T1 acquire a; T1 block-begin %d @f:1; =200000000 T1 block-end %d; T1 release a",
            WIRE_CALL_read, WIRE_CALL_read);
    g_autofree char *quick = g_strdup_printf(
        "=1000 T1 acquire a; =2000 T1 block-begin %d @f:1; =3000 T1 block-end %d; =4000 T1 release a",
        WIRE_CALL_read, WIRE_CALL_read);
    g_autofree char *nap = g_strdup_printf(
        "=1000 T1 acquire a; =2000 T1 block-begin %d @f:1; =3000 T1 block-end %d; =4000 T1 release a",
        WIRE_CALL_nanosleep, WIRE_CALL_nanosleep);
    g_autofree char *unlocked =
        g_strdup_printf("T1 block-begin %d @f:1; =200000000 T1 block-end %d", WIRE_CALL_read, WIRE_CALL_read);
    expect(read, "warning lock-across-blocking-call");
    expect(quick, "");
    expect(nap, "warning lock-across-blocking-call");
    expect(unlocked, "");
}

static void long_holds(void **state)
{
    (void)state;
    expect("=0 T1 create T2; =1000 T1 acquire a @f:1; =2000 T2 request a @g:1; =600000000 T1 release a;"
           "=600001000 T2 acquire a; T2 release a",
        "note long-hold");
    // Nobody waited for it, or not for long.
    expect("=0 T1 create T2; =1000 T1 acquire a; =600000000 T1 release a; T2 acquire a; T2 release a", "");
    expect("=0 T1 create T2; =1000 T1 acquire a; =500000000 T2 request a; =600000000 T1 release a;"
           "=600001000 T2 acquire a; T2 release a",
        "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlocks),
        cmocka_unit_test(unlocks_of_rwlocks_and_spinlocks),
        cmocka_unit_test(recursion_counts_unlocks),
        cmocka_unit_test(unlocks_where_events_are_missing),
        cmocka_unit_test(a_wake_holds_the_mutex),
        cmocka_unit_test(waits_without_the_mutex),
        cmocka_unit_test(waits_with_two_mutexes),
        cmocka_unit_test(nested_monitors),
        cmocka_unit_test(recursive_mutex_given_back_once),
        cmocka_unit_test(signals_nobody_hears),
        cmocka_unit_test(signals_without_the_mutex),
        cmocka_unit_test(first_uses),
        cmocka_unit_test(destroyed_while_in_use),
        cmocka_unit_test(initialised_again),
        cmocka_unit_test(overposts),
        cmocka_unit_test(permits_not_given_back),
        cmocka_unit_test(joins_with_a_lock),
        cmocka_unit_test(leaked_threads),
        cmocka_unit_test(blocking_calls),
        cmocka_unit_test(long_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
