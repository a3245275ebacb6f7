// SPDX-License-Identifier: MIT
// A lock goes away while it is held. On the error path the connection is freed with its lock taken; whoever waited for
// that lock now waits inside freed memory. pthread_mutex_destroy says EBUSY, and nobody listens.
// Repaired in freed_lock_fixed.c.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct connection {
    pthread_mutex_t lock;
    int requests;
};

static struct connection *connection_new(void)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (!connection)
        abort();
    pthread_mutex_init(&connection->lock, NULL);
    return connection;
}

static void connection_free(struct connection *connection)
{
    pthread_mutex_destroy(&connection->lock);
    free(connection);
}

// -1: the connection is gone.
static int connection_send(struct connection *connection, int request)
{
    pthread_mutex_lock(&connection->lock);
    if (request < 0) {
        connection_free(connection);
        return -1;
    }
    connection->requests++;
    pthread_mutex_unlock(&connection->lock);
    return 0;
}

int main(void)
{
    struct connection *connection = connection_new();

    printf("first request: %d\n", connection_send(connection, 7));
    printf("second request: %d\n", connection_send(connection, -7));
    return 0;
}
