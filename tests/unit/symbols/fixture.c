// SPDX-License-Identifier: MIT
// A C program with inlined calls, static functions and locks in every kind of place.
#include <pthread.h>
#include <semaphore.h>

#include "report.h"

struct account {
    int balance;
    pthread_mutex_t lock;
};
struct worker {
    char name[12];
    union {
        struct {
            sem_t ready;
            pthread_cond_t changed;
        };
        long raw;
    };
};

pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
struct account accounts[4];
struct {
    int size;
    struct worker workers[2][3];
} pool;
static pthread_mutex_t lock; // there is another one in fixture_other.c
pthread_spinlock_t spin;

void other_report(void);
void library_report(void (*report)(const char *));
void visible(void);
void entered(void);

static inline __attribute__((always_inline)) void innermost(void)
{
    report_code("inlined"); // in innermost
}

static inline __attribute__((always_inline)) void middle(void)
{
    innermost(); // in middle
}

__attribute__((noinline)) void visible(void)
{
    middle();               // in visible
    report_code("visible"); // after middle
}

__attribute__((noinline)) static void hidden(void)
{
    report_code("hidden"); // in hidden
}

__attribute__((noinline)) void entered(void)
{
    __asm__ volatile("");
}

static void report_locals(void)
{
    static pthread_mutex_t only_here;
    report_data("only_here", &only_here);
    {
        static pthread_mutex_t twice;
        report_data("twice_1", &twice);
    }
}

static void report_locals_again(void)
{
    static pthread_mutex_t twice;
    report_data("twice_2", &twice);
}

int main(void)
{
    visible();
    hidden();
    report_start("entered", (const void *)entered);
    library_report(report_code);
    report_data("queue_lock", &queue_lock);
    report_data("account_lock", &accounts[3].lock);
    report_data("worker_ready", &pool.workers[1][2].ready);
    report_data("worker_changed", &pool.workers[0][1].changed);
    report_data("spin", (const void *)&spin);
    report_data("lock", &lock);
    report_data("inside_lock", (const char *)&accounts[1].balance + 4);
    report_locals();
    report_locals_again();
    other_report();
    return 0;
}
