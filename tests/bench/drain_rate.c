// SPDX-License-Identifier: MIT
// drain_rate [ROUNDS]: what the recorder needs for an event of a ring, in nanoseconds of processor time, from the ring's slots
// to the chunk and into the trace. A full ring is drained again and again: `pairs` of lock and unlock of one mutex at one
// place, `nested` pairs of four mutexes at sixteen places, and `wandering`, each pair at another mutex of ten thousand.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "apply.h"
#include "drain.h"
#include "fake_target.h"

#define MUTEXES 10000u
#define PLACES 16u

static double cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint32_t mutex_of(const char *what, uint64_t i)
{
    if (what[0] == 'n')
        return 1 + (uint32_t)(i / 2 % 4);
    return what[0] == 'w' ? 1 + (uint32_t)(i / 2 * 7919 % MUTEXES) : 1;
}

static uint16_t place_of(const char *what, uint64_t i)
{
    return what[0] == 'n' ? 1 + (uint16_t)(i % PLACES) : 1 + (uint16_t)(i % 2);
}

static void measure(const char *what, unsigned rounds)
{
    char path[] = "/tmp/trenza-drain-rate-XXXXXX";
    struct store *store;
    struct session session = { 0 };
    struct recording recording;
    int fd = memfd_create("segment", MFD_CLOEXEC);
    close(mkstemp(path));
    unlink(path);
    clock_start(&session.clock);
    if (ftruncate(fd, (off_t)WIRE_SEGMENT_BYTES(16)) != 0 || store_create(path, &store) != 0) {
        fprintf(stderr, "drain_rate: no memory, or '%s' cannot be written\n", path);
        exit(1);
    }
    recording_init(&recording, store, &session);
    struct process *process = process_new(4242, NULL, NULL);
    struct segment *segment = segment_new(fd, 16);
    process_add_segment(process, segment);
    process->id = recording.ids.next_process++;
    struct fake_thread thread = fake_thread_start(segment->shared, NULL, 0, 1, 0);
    for (uint16_t place = 1; place <= PLACES; place++)
        fake_stack(&thread, place, (uint64_t[]){ 0x400000 + place, 0x500000 }, 2);
    for (uint32_t mutex = 1; mutex <= MUTEXES; mutex++) {
        fake_mutex(&thread, mutex, 0);
        if (mutex % 1000 == 0)
            drain_process(&recording, process);
    }
    drain_process(&recording, process);

    double spent = 0;
    uint64_t n = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (uint64_t i = 0; i < WIRE_RING_EVENTS; i++, n++)
            fake_plain(&thread, n % 2 ? EVENT_RELEASE : EVENT_ACQUIRE, mutex_of(what, n), place_of(what, n));
        double begun = cpu_ns();
        drain_process(&recording, process);
        spent += cpu_ns() - begun;
    }
    printf("%-10s %6.2f ns per event\n", what, spent / (double)n);
    process_free(process);
    recording_done(&recording);
    store_close(store);
    unlink(path);
    close(fd);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 500;
    measure("pairs", rounds);
    measure("nested", rounds);
    measure("wandering", rounds);
    return 0;
}
