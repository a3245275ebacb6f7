// SPDX-License-Identifier: MIT
// A lock is used after it has been destroyed. The cache is closed, its mutex with it, and a late lookup still comes. What
// happens then is undefined: here the lock call fails with EINVAL, which nobody looks at, and nothing is protected.
// Repaired in invalid_object_fixed.c.
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
    cache_close(&cache);
    pthread_create(&late, NULL, visitor, NULL);
    pthread_join(late, NULL);
    printf("%d hits\n", cache.hits);
    return 0;
}
