// SPDX-License-Identifier: MIT
// Not a bug: two locks in both orders, but always by the same thread, which cannot wait for itself to let go.
// Many checkers raise an alarm here. (A second thread doing the same would make it one: see abba.c.)
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t inbox = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t outbox = PTHREAD_MUTEX_INITIALIZER;
static int in = 5, out;

static void forward(void)
{
    pthread_mutex_lock(&inbox);
    pthread_mutex_lock(&outbox);
    out += in;
    in = 0;
    pthread_mutex_unlock(&outbox);
    pthread_mutex_unlock(&inbox);
}

static void send_back(void)
{
    pthread_mutex_lock(&outbox);
    pthread_mutex_lock(&inbox);
    in += out;
    out = 0;
    pthread_mutex_unlock(&inbox);
    pthread_mutex_unlock(&outbox);
}

static void *carry(void *unused)
{
    (void)unused;
    forward();
    send_back();
    return NULL;
}

int main(void)
{
    pthread_t carrier;

    pthread_create(&carrier, NULL, carry, NULL);
    pthread_join(carrier, NULL);
    printf("%d letters in, %d out\n", in, out);
    return 0;
}
