// SPDX-License-Identifier: MIT
// slow_constructor LIBRARY: one thread loads a library whose constructor sleeps for a second inside dlopen; another one
// locks meanwhile, on ever new stacks, so that each has to be unwound. It must not have to wait for the loader. Then
// the library is loaded and unloaded thirty times more, and its own mutex is used each time.
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int loading, stop;
static _Atomic unsigned long pairs_while_loading;
static volatile int sink;

__attribute__((noinline)) static void lock_at_depth(unsigned depth)
{
    if (depth > 0) {
        lock_at_depth(depth - 1);
        sink++; // not a tail call
        return;
    }
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

// A variable frame size moves the stack pointer, too.
__attribute__((noinline)) static void lock_in_frame_of(size_t bytes, unsigned depth)
{
    char *space = __builtin_alloca(bytes);
    space[0] = 1;
    __asm__ volatile("" ::"r"(space) : "memory");
    lock_at_depth(depth);
    sink++;
}

static void *locker(void *argument)
{
    (void)argument;
    unsigned depth = 0;
    for (unsigned round = 0; !atomic_load(&stop); round++) {
        int before = atomic_load(&loading);
        // After enough different stacks it stays at one, so that the trace stays small.
        if (round < 3000)
            depth = round % 97;
        lock_in_frame_of(16 * (depth * 7 % 61 + 1), depth);
        if (before && atomic_load(&loading))
            pairs_while_loading++;
        if (round % 16 == 0) {
            struct timespec pause = { 0, 100000 };
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static int load_work_unload(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    if (!library) {
        printf("dlopen: %s\n", dlerror());
        return 1;
    }
    void (*work)(void) = (void (*)(void))dlsym(library, "slow_library_work");
    work();
    return dlclose(library);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    pthread_t id;
    if (pthread_create(&id, NULL, locker, NULL) != 0)
        return 3;
    setenv("SLOW_LIBRARY_MS", "1000", 1);
    atomic_store(&loading, 1);
    void *library = dlopen(argv[1], RTLD_NOW);
    atomic_store(&loading, 0);
    if (!library) {
        printf("dlopen: %s\n", dlerror());
        return 4;
    }
    dlclose(library);
    setenv("SLOW_LIBRARY_MS", "0", 1);
    for (int round = 0; round < 30; round++)
        if (load_work_unload(argv[1]) != 0)
            return 5;
    atomic_store(&stop, 1);
    pthread_join(id, NULL);
    unsigned long pairs = pairs_while_loading;
    fprintf(stderr, "%lu pairs while the constructor ran\n", pairs);
    printf("the other thread %s\n", pairs >= 500 ? "went on" : "had to wait");
    return 0;
}
