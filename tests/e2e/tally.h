// SPDX-License-Identifier: MIT
// Counters in a file that outlive the program however it ends: what it really did, to hold against its trace.
#ifndef TRENZA_TESTS_TALLY_H
#define TRENZA_TESTS_TALLY_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TALLY_COUNTERS 8

struct tally {
    _Atomic uint64_t pairs[TALLY_COUNTERS]; // lock/unlock pairs completed, per thread in order of creation
    _Atomic uint64_t done;                  // 1: the program has reached its end
};

// The tally in `path`, made or emptied; ends the program when that fails. It stays mapped when the file is closed.
static inline struct tally *tally_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct tally)) != 0) {
        perror(path);
        exit(120);
    }
    void *memory = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(120);
    }
    return memory;
}

#endif
