// SPDX-License-Identifier: MIT
// invalid_object.c, repaired: the cache is closed when the last thread that uses it has ended.
#include <pthread.h>
#include <stdio.h>

struct cache {
    pthread_mutex_t lock;
    int hits;
};

static struct cache cache;

static void cache_look_up(struct cache *used)
{
    pthread_mutex_lock(&used->lock);
    used->hits++;
    pthread_mutex_unlock(&used->lock);
}

static void cache_close(struct cache *closed)
{
    pthread_mutex_destroy(&closed->lock);
}

static void *visitor(void *unused)
{
    (void)unused;
    cache_look_up(&cache);
    return NULL;
}

int main(void)
{
    pthread_t late;

    pthread_mutex_init(&cache.lock, NULL);
    cache_look_up(&cache);
    pthread_create(&late, NULL, visitor, NULL);
    pthread_join(late, NULL);
    cache_close(&cache);
    printf("%d hits\n", cache.hits);
    return 0;
}
