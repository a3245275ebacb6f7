// SPDX-License-Identifier: MIT
// Lesson: a recursive mutex counts. Its owner may lock it again, and it is free only after as many unlocks.
// Here a folder adds up its own size by calling itself for every sub-folder, each time under the lock.
// In the trace: one holder, nested acquisitions, and a second thread that waits until the outermost unlock.
#include <pthread.h>
#include <stdio.h>

struct folder {
    long bytes;
    struct folder *first_child, *next;
};

static pthread_mutex_t tree_lock;
static struct folder letters = { .bytes = 300 };
static struct folder photos = { .bytes = 5000, .next = &letters };
static struct folder home = { .bytes = 20, .first_child = &photos };

static long folder_size(const struct folder *folder)
{
    long bytes;

    pthread_mutex_lock(&tree_lock);
    bytes = folder->bytes;
    for (const struct folder *child = folder->first_child; child; child = child->next)
        bytes += folder_size(child);
    pthread_mutex_unlock(&tree_lock);
    return bytes;
}

static void *measure(void *ret_bytes)
{
    *(long *)ret_bytes = folder_size(&home);
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_t threads[2];
    long bytes[2];

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&tree_lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, measure, &bytes[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&tree_lock);
    printf("%ld and %ld bytes\n", bytes[0], bytes[1]);
    return 0;
}
