// SPDX-License-Identifier: MIT
// Lesson: a robust mutex outlives its owner. When a thread ends with it, the next one gets it with EOWNERDEAD, mends what
// was left half done, and says so with pthread_mutex_consistent. Then all is well; without that call, it stays unusable.
// In the trace: an acquisition marked owner-died.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t table_lock;
static int rows = 10, rows_by_index = 10;

static void *add_row_and_die(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&table_lock);
    rows++;
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_t writer;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&table_lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_create(&writer, NULL, add_row_and_die, NULL);
    pthread_join(writer, NULL);
    if (pthread_mutex_lock(&table_lock) == EOWNERDEAD) {
        rows_by_index = rows;
        pthread_mutex_consistent(&table_lock);
    }
    printf("%d rows, %d in the index\n", rows, rows_by_index);
    pthread_mutex_unlock(&table_lock);
    pthread_mutex_destroy(&table_lock);
    return 0;
}
