// SPDX-License-Identifier: MIT
// own_allocator: a library with an allocator of its own, as little as some programs get along with: without
// malloc_usable_size. In front of a block stands nothing that the C library would understand.
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define POOL_BYTES ((size_t)64 << 20)

struct header {
    size_t size;
    uint64_t nonsense;
};

static char *pool;
static size_t used;
static atomic_flag busy = ATOMIC_FLAG_INIT;

void *malloc(size_t size)
{
    struct header *block = NULL;
    size = (size + 15) & ~(size_t)15;
    while (atomic_flag_test_and_set(&busy))
        ;
    if (pool == NULL)
        pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool != MAP_FAILED && size < POOL_BYTES - used - sizeof *block) {
        block = (struct header *)(pool + used);
        used += sizeof *block + size;
    }
    atomic_flag_clear(&busy);
    if (block == NULL)
        return NULL;
    *block = (struct header){ size, UINT64_C(0xfffffffffff0) };
    return block + 1;
}

void free(void *memory)
{
    if (memory != NULL)
        memset(memory, 0x5a, ((struct header *)memory - 1)->size);
}

void *calloc(size_t count, size_t size)
{
    // Memory of the pool is used once.
    return malloc(count * size);
}

void *realloc(void *memory, size_t size)
{
    void *larger = malloc(size);
    if (memory != NULL && larger != NULL) {
        const size_t old = ((struct header *)memory - 1)->size;
        memcpy(larger, memory, old < size ? old : size);
        free(memory);
    }
    return larger;
}
