// SPDX-License-Identifier: MIT
// Not a bug: two threads take two locks in opposite orders, but the second is created only after the first was joined.
// They never live at the same time. Many checkers raise an alarm here.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t data_lock = PTHREAD_MUTEX_INITIALIZER;
static int records, entries;

static void *load(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&data_lock);
    pthread_mutex_lock(&index_lock);
    records = entries = 1000;
    pthread_mutex_unlock(&index_lock);
    pthread_mutex_unlock(&data_lock);
    return NULL;
}

static void *search(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&index_lock);
    pthread_mutex_lock(&data_lock);
    printf("%d records, %d index entries\n", records, entries);
    pthread_mutex_unlock(&data_lock);
    pthread_mutex_unlock(&index_lock);
    return NULL;
}

int main(void)
{
    pthread_t loader, searcher;

    pthread_create(&loader, NULL, load, NULL);
    pthread_join(loader, NULL);
    pthread_create(&searcher, NULL, search, NULL);
    pthread_join(searcher, NULL);
    return 0;
}
