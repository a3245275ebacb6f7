// SPDX-License-Identifier: MIT
// two_runs.c repaired: whatever is asked for, `accounts` comes before `journal`.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

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
    return NULL;
}

static void *print_statement(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&accounts);
    pthread_mutex_lock(&journal);
    printf("balance %d after %d payments\n", balance, lines);
    pthread_mutex_unlock(&journal);
    pthread_mutex_unlock(&accounts);
    return NULL;
}

int main(int count, char **arguments)
{
    int prints = count > 1 && strcmp(arguments[1], "statement") == 0;
    pthread_t clerks[2];

    for (int i = 0; i < 2; i++)
        pthread_create(&clerks[i], NULL, prints ? print_statement : book_payment, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(clerks[i], NULL);
    return 0;
}
