// SPDX-License-Identifier: MIT
// Return values about threads: create, join in all its forms, detach, names, signals.
#include "show.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *pass_gate(void *argument)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return argument;
}

static void *exit_in_the_middle(void *argument)
{
    pthread_exit(argument);
}

static void *show_own_name(void *argument)
{
    char name[32] = "";
    pthread_setname_np(pthread_self(), argument);
    SHOW(pthread_getname_np(pthread_self(), name, sizeof(name)));
    printf("name %s\n", name);
    return NULL;
}

static void show_joins(void)
{
    pthread_t id;
    void *result = NULL;
    pthread_mutex_lock(&gate);
    SHOW(pthread_create(&id, NULL, pass_gate, &gate));
    SHOW(pthread_tryjoin_np(id, &result));
    SHOW(pthread_timedjoin_np(id, &result, show_until(CLOCK_REALTIME, 20)));
    SHOW(pthread_clockjoin_np(id, &result, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 20)));
    SHOW(pthread_kill(id, 0));
    SHOW(pthread_kill(id, 4242));
    pthread_mutex_unlock(&gate);
    SHOW(pthread_join(id, &result));
    printf("result %d\n", result == &gate);
    SHOW(pthread_create(&id, NULL, pass_gate, NULL));
    SHOW(pthread_timedjoin_np(id, &result, show_until(CLOCK_REALTIME, 5000)));
    SHOW(pthread_create(&id, NULL, exit_in_the_middle, &result));
    SHOW(pthread_clockjoin_np(id, &result, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 5000)));
    printf("result %d\n", result == &result);
    SHOW(pthread_create(&id, NULL, pass_gate, &result));
    int tried = EBUSY;
    while (tried == EBUSY)
        tried = pthread_tryjoin_np(id, &result);
    printf("tryjoin %d, result %d\n", tried, result == &result);
    SHOW(pthread_join(pthread_self(), NULL));
}

static void show_detached(void)
{
    pthread_t id;
    pthread_attr_t attributes;
    int state = -1;
    pthread_mutex_lock(&gate);
    SHOW(pthread_create(&id, NULL, pass_gate, NULL));
    SHOW(pthread_detach(id));
    SHOW(pthread_detach(id));
    SHOW(pthread_join(id, NULL));
    SHOW(pthread_tryjoin_np(id, NULL));
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    SHOW(pthread_create(&id, &attributes, pass_gate, NULL));
    SHOW(pthread_join(id, NULL));
    SHOW(pthread_attr_destroy(&attributes));
    SHOW(pthread_getattr_np(id, &attributes));
    SHOW(pthread_attr_getdetachstate(&attributes, &state));
    SHOW(pthread_attr_destroy(&attributes));
    printf("detached %d\n", state == PTHREAD_CREATE_DETACHED);
    pthread_mutex_unlock(&gate);
    usleep(50000);
}

static void show_create_attributes(void)
{
    pthread_t id;
    pthread_attr_t attributes;
    size_t size = 0;
    pthread_attr_init(&attributes);
    SHOW(pthread_attr_setstacksize(&attributes, 1000));
    SHOW(pthread_attr_setstacksize(&attributes, 16384));
    SHOW(pthread_create(&id, &attributes, pass_gate, NULL));
    SHOW(pthread_join(id, NULL));
    // More than there is address space for.
    SHOW(pthread_attr_setstacksize(&attributes, (size_t)1 << 47));
    SHOW(pthread_create(&id, &attributes, pass_gate, NULL));
    SHOW(pthread_attr_getstacksize(&attributes, &size));
    SHOW(pthread_attr_destroy(&attributes));
    show_in_thread(show_own_name, "worker");
    show_in_thread(show_own_name, "exactly15chars_");
    show_in_thread(show_own_name, "sixteen_chars_16");
    SHOW(pthread_setname_np(pthread_self(), "sixteen_chars_16"));
}

static pthread_key_t key;
static void *use_key(void *argument)
{
    SHOW(pthread_getspecific(key) == NULL);
    SHOW(pthread_setspecific(key, argument));
    SHOW(pthread_getspecific(key) == argument);
    return NULL;
}

// A tracer that takes a key of its own must not make the program's keys run out, or show up.
static void show_keys(void)
{
    SHOW(pthread_key_create(&key, NULL));
    show_in_thread(use_key, &key);
    SHOW(pthread_key_delete(key));
    SHOW(pthread_setspecific(key, NULL));
}

static void *show_signal_mask(void *argument)
{
    sigset_t set;
    SHOW(pthread_sigmask(SIG_BLOCK, NULL, &set));
    SHOW(sigismember(&set, SIGUSR1));
    SHOW(sigismember(&set, SIGUSR2));
    return argument;
}

void show_threads(void)
{
    show_joins();
    show_detached();
    show_create_attributes();
    show_keys();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SHOW(pthread_sigmask(SIG_BLOCK, &set, NULL));
    show_in_thread(show_signal_mask, NULL);
    show_signal_mask(NULL);
}
