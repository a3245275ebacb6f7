// SPDX-License-Identifier: MIT
// daemon PAIRS TALLY: does a few lock/unlock pairs, becomes a daemon by the book (fork, setsid, fork, every descriptor
// closed, umask, chdir), and only then starts two threads that do PAIRS pairs each. The first process exits at once.
#include "tally.h"

#include <pthread.h>
#include <sys/stat.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tally *tally;
static unsigned long pairs;

static void *worker(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    for (unsigned long pair = 0; pair < pairs; pair++) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        tally->pairs[index]++;
    }
    return NULL;
}

static void become_daemon(void)
{
    if (fork() != 0)
        exit(0);
    setsid();
    if (fork() != 0)
        _exit(0);
    umask(0);
    if (chdir("/") != 0)
        _exit(1);
    // One by one, as old daemons do; close_range() would be a different system call.
    for (int fd = 0; fd < 4096; fd++)
        close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    pairs = strtoul(argv[1], NULL, 10);
    tally = tally_map(argv[2]);
    for (int pair = 0; pair < 10; pair++) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
    become_daemon();
    pthread_t ids[2];
    for (uintptr_t index = 0; index < 2; index++)
        if (pthread_create(&ids[index], NULL, worker, (void *)index) != 0)
            return 3;
    for (int index = 0; index < 2; index++)
        pthread_join(ids[index], NULL);
    close_range(0, ~0u, 0);
    tally->done = 1;
    return 0;
}
