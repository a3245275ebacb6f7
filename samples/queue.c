// SPDX-License-Identifier: MIT
// Lesson: a queue hands work from thread to thread, and closing it ends them in order. Two workers take jobs until the
// queue is closed and empty; the lock is held only to take a job, never while working on it.
// In the trace: short critical sections, and workers that sleep between jobs.
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 2, JOBS = 20 };

struct job {
    int number;
    struct job *next;
};

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;
static struct job *queue_head, **queue_tail = &queue_head;
static bool queue_closed;
static atomic_int squares_sum;

static void queue_put(int number)
{
    struct job *job = malloc(sizeof *job);

    if (!job)
        abort();
    *job = (struct job){ .number = number };
    pthread_mutex_lock(&queue_lock);
    *queue_tail = job;
    queue_tail = &job->next;
    pthread_cond_signal(&queue_changed);
    pthread_mutex_unlock(&queue_lock);
}

static void queue_close(void)
{
    pthread_mutex_lock(&queue_lock);
    queue_closed = true;
    pthread_cond_broadcast(&queue_changed);
    pthread_mutex_unlock(&queue_lock);
}

// NULL: closed, and nothing left.
static struct job *queue_take(void)
{
    struct job *job;

    pthread_mutex_lock(&queue_lock);
    while (!queue_head && !queue_closed)
        pthread_cond_wait(&queue_changed, &queue_lock);
    job = queue_head;
    if (job) {
        queue_head = job->next;
        if (!queue_head)
            queue_tail = &queue_head;
    }
    pthread_mutex_unlock(&queue_lock);
    return job;
}

static void *work(void *unused)
{
    struct job *job;

    (void)unused;
    while ((job = queue_take())) {
        atomic_fetch_add(&squares_sum, job->number * job->number);
        free(job);
    }
    return NULL;
}

int main(void)
{
    pthread_t workers[WORKERS];

    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, NULL);
    for (int number = 1; number <= JOBS; number++)
        queue_put(number);
    queue_close();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    printf("%d squares add up to %d\n", JOBS, squares_sum);
    return 0;
}
