// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer: on the files named, or with a number on so many made-up inputs, the same each time.
// Blind: it does not learn what paths an input takes, as libFuzzer does.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static uint64_t random_state = 88172645463325252;

static uint64_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

// Mostly small numbers, since most formats turn to damage at once on evenly random bytes. In memory of the exact size.
static void run_made_up(void)
{
    size_t size = random_word() % 300;
    uint8_t *data = malloc(size ? size : 1);
    if (!data)
        abort();
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(random_word() % 4 ? random_word() % 64 : random_word());
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    uint8_t *data = NULL;
    size_t size = 0, capacity = 0, got;
    do {
        capacity += 1 << 16;
        data = realloc(data, capacity);
        if (!data)
            abort();
        got = fread(data + size, 1, capacity - size, file);
        size += got;
    } while (got > 0);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long rounds = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
    if (end && *argv[1] && !*end) {
        for (unsigned long i = 0; i < rounds; i++)
            run_made_up();
        return 0;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_file(argv[i]);
    return failed;
}
