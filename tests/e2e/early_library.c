// SPDX-License-Identifier: MIT
// early_library: uses a lock in its constructor, before most others' constructors, and in a fork handler.
#include <pthread.h>

static pthread_mutex_t early_lock = PTHREAD_MUTEX_INITIALIZER;

void early_use(void);

void early_use(void)
{
    pthread_mutex_lock(&early_lock);
    pthread_mutex_unlock(&early_lock);
}

__attribute__((constructor)) static void begin(void)
{
    early_use();
    pthread_atfork(NULL, NULL, early_use);
}
