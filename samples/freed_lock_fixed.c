// SPDX-License-Identifier: MIT
// freed_lock.c, repaired: unlock first, then free. (With other threads about, it also takes a count of who still uses
// the connection; no lock inside an object can guard the object's own end.)
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
        pthread_mutex_unlock(&connection->lock);
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
