// SPDX-License-Identifier: MIT
// waits HOW: a program in which threads wait, for ever or for something that comes: see the table at the end. What idles
// ends after a second and a half by itself; what is stuck never does.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IDLE_NS 1500000000L

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_once_t other_once = PTHREAD_ONCE_INIT;
static sem_t semaphore;
static int go_on;
static const char *executable;

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int go_on;
};

static void idle(void)
{
    nanosleep(&(struct timespec){ .tv_sec = IDLE_NS / 1000000000, .tv_nsec = IDLE_NS % 1000000000 }, NULL);
}

static pthread_t start(void *(*routine)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, routine, NULL) != 0)
        exit(9);
    return thread;
}

static void *wait_for_signal(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (!go_on)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *wait_for_post(void *unused)
{
    (void)unused;
    sem_wait(&semaphore);
    return NULL;
}

static void let_go(void)
{
    pthread_mutex_lock(&mutex);
    go_on = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
}

// --- these idle ---

static void end_thread(void)
{
    pthread_exit(NULL);
}

static void *leave_routine(void *unused)
{
    (void)unused;
    pthread_once(&once, end_thread);
    return NULL;
}

static void *wait_for_routine(void *unused)
{
    (void)unused;
    pthread_once(&once, idle);
    return NULL;
}

// The second one runs the routine that the first has left by ending; the third waits for it, under a lock.
static void routine_left(void)
{
    pthread_join(start(leave_routine), NULL);
    pthread_t second = start(wait_for_routine);
    pthread_mutex_lock(&mutex);
    wait_for_routine(NULL);
    pthread_mutex_unlock(&mutex);
    pthread_join(second, NULL);
}

static void pool_and_sleeper(void)
{
    pthread_t workers[3];
    for (int i = 0; i < 3; i++)
        workers[i] = start(wait_for_signal);
    idle();
    let_go();
    for (int i = 0; i < 3; i++)
        pthread_join(workers[i], NULL);
}

static void *serve(void *unused)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)unused;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0)
        exit(9);
    struct pollfd wanted = { .fd = fd, .events = POLLIN };
    poll(&wanted, 1, IDLE_NS / 1000000);
    let_go();
    close(fd);
    return NULL;
}

static void server_and_pool(void)
{
    pthread_t worker = start(wait_for_signal);
    pthread_join(start(serve), NULL);
    pthread_join(worker, NULL);
}

static void *wait_with_time_out(void *unused)
{
    struct timespec until;
    (void)unused;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2;
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&cond, &mutex, &until);
    go_on = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void time_out(void)
{
    pthread_t worker = start(wait_for_signal);
    pthread_join(start(wait_with_time_out), NULL);
    pthread_join(worker, NULL);
}

static void post(int number)
{
    (void)number;
    sem_post(&semaphore);
}

static void signal_handler(void)
{
    signal(SIGALRM, post);
    alarm(2);
    while (sem_wait(&semaphore) != 0)
        ;
}

static void *wait_for_alarm(void *unused)
{
    sigset_t set;
    int number;
    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigwait(&set, &number);
    let_go();
    return NULL;
}

static void signal_waiter(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    alarm(2);
    pthread_t waiter = start(wait_for_alarm);
    wait_for_signal(NULL);
    pthread_join(waiter, NULL);
}

static void timer_expires(union sigval value)
{
    (void)value;
    let_go();
}

// The thread that waits for the timer is glibc's own.
static void timer_thread(void)
{
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = timer_expires };
    struct itimerspec in = { .it_value = { .tv_sec = 2 } };
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &in, NULL) != 0)
        exit(9);
    wait_for_signal(NULL);
}

static struct shared *shared_memory(void *memory)
{
    struct shared *shared = memory;
    pthread_mutexattr_t mutex_attributes;
    pthread_condattr_t cond_attributes;
    if (memory == MAP_FAILED)
        exit(9);
    pthread_mutexattr_init(&mutex_attributes);
    pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &mutex_attributes);
    pthread_condattr_init(&cond_attributes);
    pthread_condattr_setpshared(&cond_attributes, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->cond, &cond_attributes);
    return shared;
}

static void wait_shared(struct shared *shared)
{
    pthread_mutex_lock(&shared->mutex);
    while (!shared->go_on)
        pthread_cond_wait(&shared->cond, &shared->mutex);
    pthread_mutex_unlock(&shared->mutex);
}

// This program again, unrecorded: the loader is told to preload nothing.
static void start_stranger(const char *what, const char *where)
{
    if (fork() != 0)
        return;
    char *arguments[] = { (char *)"sh", (char *)"-c", (char *)"LD_PRELOAD= TRENZA_SESSION= exec \"$@\"",
        (char *)"sh", (char *)executable, (char *)what, (char *)where, NULL };
    execv("/bin/sh", arguments);
    _exit(9);
}

// A stranger, whom nobody records, signals.
static void stranger(void)
{
    int fd = (int)syscall(SYS_memfd_create, "waits", 0);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        exit(9);
    struct shared *shared = shared_memory(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
    start_stranger("post-shared", path);
    wait_shared(shared);
    wait(NULL);
}

static int post_shared(const char *path)
{
    int fd = open(path, O_RDWR);
    struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        return 9;
    idle();
    pthread_mutex_lock(&shared->mutex);
    shared->go_on = 1;
    pthread_cond_broadcast(&shared->cond);
    pthread_mutex_unlock(&shared->mutex);
    return 0;
}

static void child_signals(void)
{
    struct shared *shared =
        shared_memory(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (fork() == 0) {
        idle();
        pthread_mutex_lock(&shared->mutex);
        shared->go_on = 1;
        pthread_cond_broadcast(&shared->cond);
        pthread_mutex_unlock(&shared->mutex);
        _exit(0);
    }
    wait_shared(shared);
    wait(NULL);
}

static void named_semaphore(void)
{
    char name[32];
    snprintf(name, sizeof name, "/trenza-waits-%d", (int)getpid());
    sem_t *named = sem_open(name, O_CREAT, 0600, 0);
    if (named == SEM_FAILED)
        exit(9);
    start_stranger("post-named", name);
    sem_wait(named);
    wait(NULL);
    sem_unlink(name);
}

static int post_named(const char *name)
{
    sem_t *named = sem_open(name, 0);
    if (named == SEM_FAILED)
        return 9;
    idle();
    return sem_post(named);
}

static void *hold_and_idle(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    idle();
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void slow_owner(void)
{
    pthread_t owner = start(hold_and_idle);
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_join(owner, NULL);
}

// --- these are stuck ---

static void lost_worker(void)
{
    pthread_join(start(wait_for_signal), NULL);
}

static void main_is_gone(void)
{
    start(wait_for_signal);
    pthread_exit(NULL);
}

static void nobody_posts(void)
{
    pthread_join(start(wait_for_post), NULL);
}

static void *arrive(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void short_barrier(void)
{
    start(arrive);
    pthread_join(start(arrive), NULL);
}

static void *end_with_lock(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    return NULL;
}

static void *sleep_long(void *unused)
{
    (void)unused;
    sleep(60);
    return NULL;
}

// Others are busy, but nobody can unlock.
static void dead_owner(void)
{
    start(sleep_long);
    pthread_join(start(end_with_lock), NULL);
    pthread_mutex_lock(&mutex);
}

static void *wait_then_write(void *unused)
{
    (void)unused;
    pthread_rwlock_wrlock(&rwlock);
    return NULL;
}

static void reader_waits_for_signal(void)
{
    start(wait_then_write);
    pthread_rwlock_rdlock(&rwlock);
    wait_for_signal(NULL);
}

static void *busy(void *unused)
{
    (void)unused;
    for (;;)
        poll(NULL, 0, 10);
    return NULL;
}

static void initialise(void)
{
    wait_for_signal(NULL);
}

static void *initialise_once(void *unused)
{
    (void)unused;
    pthread_once(&once, initialise);
    return NULL;
}

static void stuck_once(void)
{
    pthread_t first = start(initialise_once);
    initialise_once(NULL);
    pthread_join(first, NULL);
}

static void run_second_control(void);

// Whoever waits for the other one's routine runs a routine the other one waits for.
static void run_first_control(void)
{
    pthread_barrier_wait(&barrier);
    pthread_once(&other_once, run_second_control);
}

static void run_second_control(void)
{
    pthread_barrier_wait(&barrier);
    pthread_once(&once, run_first_control);
}

static void *use_second_control(void *unused)
{
    (void)unused;
    pthread_once(&other_once, run_second_control);
    return NULL;
}

static void two_controls(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    start(busy);
    start(use_second_control);
    pthread_once(&once, run_first_control);
}

static void lock_in_routine(void)
{
    pthread_barrier_wait(&barrier);
    pthread_mutex_lock(&mutex);
}

static void *lock_then_once(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    pthread_barrier_wait(&barrier);
    pthread_once(&once, lock_in_routine);
    return NULL;
}

static void control_and_mutex(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    start(busy);
    start(lock_then_once);
    pthread_once(&once, lock_in_routine);
}

static void *once_in_vain(void *unused)
{
    (void)unused;
    pthread_once(&once, idle);
    return NULL;
}

static void join_in_routine(void)
{
    pthread_join(start(once_in_vain), NULL);
}

static void control_and_join(void)
{
    start(busy);
    pthread_once(&once, join_in_routine);
}

static void run_itself(void)
{
    pthread_once(&once, run_itself);
}

static void control_in_itself(void)
{
    start(busy);
    pthread_once(&once, run_itself);
}

static void family(void)
{
    struct shared *shared =
        shared_memory(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    fork();
    wait_shared(shared);
}

// The first one has its signal, but not the mutex; who has that waits for what the first one holds.
static void *wait_and_keep(void *unused)
{
    (void)unused;
    pthread_rwlock_wrlock(&rwlock);
    return wait_for_signal(NULL);
}

static void woken_into_deadlock(void)
{
    pthread_t waiter = start(wait_and_keep);
    start(busy);
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    pthread_mutex_lock(&mutex);
    go_on = 1;
    pthread_cond_signal(&cond);
    pthread_rwlock_rdlock(&rwlock);
    pthread_join(waiter, NULL);
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    { "pool-and-sleeper", pool_and_sleeper },
    { "server-and-pool", server_and_pool },
    { "time-out", time_out },
    { "signal-handler", signal_handler },
    { "signal-waiter", signal_waiter },
    { "timer-thread", timer_thread },
    { "stranger", stranger },
    { "child-signals", child_signals },
    { "named-semaphore", named_semaphore },
    { "slow-owner", slow_owner },
    { "routine-left", routine_left },
    { "lost-worker", lost_worker },
    { "main-is-gone", main_is_gone },
    { "nobody-posts", nobody_posts },
    { "short-barrier", short_barrier },
    { "dead-owner", dead_owner },
    { "reader-waits", reader_waits_for_signal },
    { "stuck-once", stuck_once },
    { "family", family },
    { "woken-into-deadlock", woken_into_deadlock },
    { "two-controls", two_controls },
    { "control-and-mutex", control_and_mutex },
    { "control-and-join", control_and_join },
    { "control-in-itself", control_in_itself },
};

int main(int count, char **arguments)
{
    executable = arguments[0];
    if (count > 2 && strcmp(arguments[1], "post-shared") == 0)
        return post_shared(arguments[2]);
    if (count > 2 && strcmp(arguments[1], "post-named") == 0)
        return post_named(arguments[2]);
    sem_init(&semaphore, 0, 0);
    pthread_barrier_init(&barrier, NULL, 3);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (count > 1 && strcmp(arguments[1], ways[i].name) == 0) {
            ways[i].run();
            return 0;
        }
    return 2;
}
