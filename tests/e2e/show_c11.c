// SPDX-License-Identifier: MIT
// Return values of C11 threads: thrd_, mtx_, cnd_, tss_, call_once.
#include "show.h"

#include <stdatomic.h>
#include <threads.h>

static mtx_t mutex;
static cnd_t cond;
static int woken;
static _Atomic int runs;
static once_flag flag = ONCE_FLAG_INIT;

static int return_number(void *argument)
{
    return *(int *)argument;
}

static int exit_with_number(void *argument)
{
    thrd_exit(*(int *)argument);
}

static int try_it(void *argument)
{
    int timed = *(int *)argument;
    SHOW(mtx_trylock(&mutex));
    if (timed)
        SHOW(mtx_timedlock(&mutex, show_until(CLOCK_REALTIME, 20)));
    return 0;
}

static void show_mtx(int type, const char *name)
{
    printf("-- mtx %s\n", name);
    thrd_t id;
    int timed = (type & mtx_timed) != 0;
    SHOW(mtx_init(&mutex, type));
    SHOW(mtx_lock(&mutex));
    if (type & mtx_recursive) {
        SHOW(mtx_lock(&mutex));
        SHOW(mtx_trylock(&mutex));
        SHOW(mtx_unlock(&mutex));
        SHOW(mtx_unlock(&mutex));
    } else {
        SHOW(mtx_trylock(&mutex));
    }
    thrd_create(&id, try_it, &timed);
    thrd_join(id, NULL);
    SHOW(mtx_unlock(&mutex));
    SHOW(mtx_trylock(&mutex));
    SHOW(mtx_unlock(&mutex));
    if (timed) {
        SHOW(mtx_timedlock(&mutex, show_until(CLOCK_REALTIME, 20)));
        SHOW(mtx_unlock(&mutex));
    }
    mtx_destroy(&mutex);
}

static int wake(void *argument)
{
    mtx_lock(&mutex);
    woken = 1;
    if (argument)
        SHOW(cnd_broadcast(&cond));
    else
        SHOW(cnd_signal(&cond));
    mtx_unlock(&mutex);
    return 0;
}

static void show_cnd(void)
{
    thrd_t id;
    SHOW(cnd_init(&cond));
    SHOW(mtx_init(&mutex, mtx_plain));
    for (int how = 0; how < 2; how++) {
        mtx_lock(&mutex);
        woken = 0;
        thrd_create(&id, wake, how ? &cond : NULL);
        int result = 0;
        while (!woken)
            result = how ? cnd_timedwait(&cond, &mutex, show_until(CLOCK_REALTIME, 5000))
                         : cnd_wait(&cond, &mutex);
        printf("woken: %d\n", result);
        SHOW(mtx_unlock(&mutex));
        thrd_join(id, NULL);
    }
    mtx_lock(&mutex);
    SHOW(cnd_timedwait(&cond, &mutex, show_until(CLOCK_REALTIME, 20)));
    SHOW(mtx_unlock(&mutex));
    cnd_destroy(&cond);
    mtx_destroy(&mutex);
}

static void run_once(void)
{
    atomic_fetch_add(&runs, 1);
}

static int use_once(void *argument)
{
    (void)argument;
    call_once(&flag, run_once);
    thrd_yield();
    return 0;
}

static tss_t storage;
static void at_end(void *value)
{
    // Destructors still lock.
    mtx_lock(&mutex);
    *(int *)value += 1;
    mtx_unlock(&mutex);
}

static int store(void *argument)
{
    SHOW(tss_set(storage, argument));
    SHOW(tss_get(storage) == argument);
    return 0;
}

void show_c11(void)
{
    show_mtx(mtx_plain, "plain");
    show_mtx(mtx_timed, "timed");
    show_mtx(mtx_plain | mtx_recursive, "recursive");
    show_mtx(mtx_timed | mtx_recursive, "timed recursive");
    SHOW(mtx_init(&mutex, 4242));
    show_cnd();
    thrd_t ids[4];
    int number = 42, result = 0;
    SHOW(thrd_create(&ids[0], return_number, &number));
    SHOW(thrd_join(ids[0], &result));
    printf("result %d\n", result);
    SHOW(thrd_create(&ids[0], exit_with_number, &number));
    SHOW(thrd_join(ids[0], &result));
    printf("result %d\n", result);
    SHOW(thrd_create(&ids[0], return_number, &number));
    SHOW(thrd_detach(ids[0]));
    for (int index = 0; index < 4; index++)
        thrd_create(&ids[index], use_once, NULL);
    for (int index = 0; index < 4; index++)
        SHOW(thrd_join(ids[index], NULL));
    printf("once runs %d\n", runs);
    SHOW(thrd_equal(thrd_current(), thrd_current()) != 0);
    mtx_init(&mutex, mtx_plain);
    SHOW(tss_create(&storage, at_end));
    thrd_create(&ids[0], store, &number);
    thrd_join(ids[0], NULL);
    printf("number %d\n", number);
    tss_delete(storage);
    struct timespec pause = { 0, 20000000 };
    SHOW(thrd_sleep(&pause, NULL));
}
