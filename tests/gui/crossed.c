// SPDX-License-Identifier: MIT
// Two processes that take two mutexes they share in opposite orders: one after the other, or with `unlucky` so that they meet.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct page {
    pthread_mutex_t till;
    pthread_mutex_t book;
    pthread_barrier_t met;
};

static void cross(struct page *page, pthread_mutex_t *first, pthread_mutex_t *second, int meet)
{
    pthread_mutex_lock(first);
    if (meet)
        pthread_barrier_wait(&page->met);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

int main(int argc, char **argv)
{
    int meet = argc > 1 && strcmp(argv[1], "unlucky") == 0;
    struct page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t shared;
    pthread_barrierattr_t both;
    if (page == MAP_FAILED)
        abort();
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&page->till, &shared);
    pthread_mutex_init(&page->book, &shared);
    pthread_barrierattr_init(&both);
    pthread_barrierattr_setpshared(&both, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&page->met, &both, 2);
    pid_t child = fork();
    if (child == 0) {
        cross(page, &page->till, &page->book, meet);
        _exit(0);
    }
    if (!meet)
        usleep(100000);
    cross(page, &page->book, &page->till, meet);
    waitpid(child, NULL, 0);
    return 0;
}
