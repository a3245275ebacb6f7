// SPDX-License-Identifier: MIT
// Lesson: a thread that is cancelled in pthread_cond_wait has its mutex again before its clean-up handlers run, and one
// of them must give it back. Without the handler, the lock would be lost with the thread.
// In the trace: a cond-wake that says it was cancelled, and the release in the handler.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mail_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t mail_came = PTHREAD_COND_INITIALIZER;
static int letters;

static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static void *wait_for_mail(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mail_lock);
    pthread_cleanup_push(unlock, &mail_lock);
    while (letters == 0)
        pthread_cond_wait(&mail_came, &mail_lock);
    pthread_cleanup_pop(1);
    return NULL;
}

int main(void)
{
    pthread_t waiter;
    void *result;

    pthread_create(&waiter, NULL, wait_for_mail, NULL);
    pthread_cancel(waiter);
    pthread_join(waiter, &result);
    pthread_mutex_lock(&mail_lock);
    printf("the waiter was %s, %d letters\n", result == PTHREAD_CANCELED ? "cancelled" : "done", letters);
    pthread_mutex_unlock(&mail_lock);
    return 0;
}
