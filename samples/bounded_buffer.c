// SPDX-License-Identifier: MIT
// Lesson: a condition variable waits for a fact, not for a signal. The baker waits until there is room on the shelf, the
// customer until there is bread; each looks again after waking (`while`, never `if`) and signals what has changed.
// In the trace: cond-wait gives the mutex back, cond-wake has it again.
#include <pthread.h>
#include <stdio.h>

enum { SHELF = 3, LOAVES = 12 };

static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static int shelf[SHELF], loaves_on_shelf, oldest;

static void put(int loaf)
{
    pthread_mutex_lock(&shelf_lock);
    while (loaves_on_shelf == SHELF)
        pthread_cond_wait(&not_full, &shelf_lock);
    shelf[(oldest + loaves_on_shelf++) % SHELF] = loaf;
    pthread_cond_signal(&not_empty);
    pthread_mutex_unlock(&shelf_lock);
}

static int take(void)
{
    int loaf;

    pthread_mutex_lock(&shelf_lock);
    while (loaves_on_shelf == 0)
        pthread_cond_wait(&not_empty, &shelf_lock);
    loaf = shelf[oldest];
    oldest = (oldest + 1) % SHELF;
    loaves_on_shelf--;
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&shelf_lock);
    return loaf;
}

static void *bake(void *unused)
{
    (void)unused;
    for (int loaf = 1; loaf <= LOAVES; loaf++)
        put(loaf);
    return NULL;
}

int main(void)
{
    pthread_t baker;
    int sum = 0;

    pthread_create(&baker, NULL, bake, NULL);
    for (int i = 0; i < LOAVES; i++)
        sum += take();
    pthread_join(baker, NULL);
    printf("%d loaves, numbers add up to %d\n", LOAVES, sum);
    return 0;
}
