// SPDX-License-Identifier: MIT
// abba.c, repaired: everybody who needs both locks takes `accounts` first. Any fixed order will do; write it down
// where the locks are declared.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

// Lock order: accounts before journal.
static pthread_mutex_t accounts = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t journal = PTHREAD_MUTEX_INITIALIZER;
static int balance = 100, lines;

static void *book_payment(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&accounts);
    pthread_mutex_lock(&journal);
    balance -= 30;
    lines++;
    pthread_mutex_unlock(&journal);
    pthread_mutex_unlock(&accounts);
    luck_turn_over();
    return NULL;
}

static void *print_statement(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&accounts);
    pthread_mutex_lock(&journal);
    printf("balance %d after %d payment\n", balance, lines);
    pthread_mutex_unlock(&journal);
    pthread_mutex_unlock(&accounts);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t booking, printing;

    luck_from_arguments(count, arguments);
    pthread_create(&booking, NULL, book_payment, NULL);
    pthread_create(&printing, NULL, print_statement, NULL);
    pthread_join(booking, NULL);
    pthread_join(printing, NULL);
    return 0;
}
