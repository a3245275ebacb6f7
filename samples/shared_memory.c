// SPDX-License-Identifier: MIT
// Lesson: a lock can stand between processes, too. Parent and child share a page with a counter and a mutex marked
// PTHREAD_PROCESS_SHARED, which lies in the page itself; without the mark it would only work by chance.
// In the trace: two processes, one lock.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 500 };

struct page {
    pthread_mutex_t lock;
    int visits;
};

static void visit(struct page *page)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&page->lock);
        page->visits++;
        pthread_mutex_unlock(&page->lock);
    }
}

static struct page *page_new(void)
{
    struct page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;

    if (page == MAP_FAILED)
        abort();
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&page->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return page;
}

int main(void)
{
    struct page *page = page_new();
    pid_t child = fork();

    if (child < 0)
        abort();
    visit(page);
    if (child == 0)
        return 0;
    waitpid(child, NULL, 0);
    printf("%d visits\n", page->visits);
    pthread_mutex_destroy(&page->lock);
    munmap(page, sizeof *page);
    return 0;
}
