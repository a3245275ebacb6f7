// SPDX-License-Identifier: MIT
// own_allocations: locks in memory of own_allocator's.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    for (size_t size = 10; size < 1010; size++) {
        char *text = realloc(malloc(size), 2 * size);
        pthread_mutex_t *mutex = malloc(sizeof *mutex);
        if (text == NULL || mutex == NULL)
            return 3;
        pthread_mutex_init(mutex, NULL);
        pthread_mutex_lock(mutex);
        memset(text, 1, 2 * size);
        pthread_mutex_unlock(mutex);
        free(mutex);
        free(text);
    }
    printf("done\n");
    return 0;
}
