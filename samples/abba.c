// SPDX-License-Identifier: MIT
// Two locks, taken in both orders: the classic deadlock. One thread holds `accounts` and wants `journal`, the other
// holds `journal` and wants `accounts`. On most days one of them is simply quicker, and nobody notices.
// Repaired in abba_fixed.c. `abba unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t accounts = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t journal = PTHREAD_MUTEX_INITIALIZER;
static int balance = 100, lines;

static void *book_payment(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&accounts);
    luck_meet(2);
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
    pthread_mutex_lock(&journal);
    luck_meet(2);
    pthread_mutex_lock(&accounts);
    printf("balance %d after %d payment\n", balance, lines);
    pthread_mutex_unlock(&accounts);
    pthread_mutex_unlock(&journal);
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
