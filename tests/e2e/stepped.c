// SPDX-License-Identifier: MIT
// stepped HOW: interrupts sem_post after each of its instructions in turn, by single steps, with a signal handler that
// posts another semaphore and returns (post), jumps away (jump), or forks and returns in parent and child (fork).
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define TRAP_FLAG 0x100
#define STEPS_MAX 5000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t stepped_through, other;
static sigjmp_buf back;
static volatile int step, wanted_step;
static volatile pid_t child = 1;
static enum { POST, JUMP, FORK } way;

static inline __attribute__((always_inline)) void exchange_flags(unsigned long keep, unsigned long set)
{
    // The red zone is not ours to push over.
    __asm__ volatile(
        "subq $128, %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\torq %1, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp"
        :
        : "r"(keep), "r"(set)
        : "memory", "cc");
}

static void trapped(int number, siginfo_t *info, void *data)
{
    ucontext_t *context = data;
    (void)number;
    (void)info;
    if (++step != wanted_step)
        return;
    context->uc_mcontext.gregs[REG_EFL] &= ~(long long)TRAP_FLAG;
    sem_post(&other);
    if (way == JUMP)
        siglongjmp(back, 1);
    if (way == FORK)
        child = fork();
}

// True when the call was interrupted.
static int interrupt_at(int instruction)
{
    step = 0;
    wanted_step = instruction;
    if (sigsetjmp(back, 1) != 0)
        return 1;
    // The first time is for what happens once only, some of it with signals blocked, which a trap would not survive.
    exchange_flags(~0ul, instruction > 0 ? TRAP_FLAG : 0);
    sem_post(&stepped_through);
    exchange_flags(~(unsigned long)TRAP_FLAG, 0);
    return step >= wanted_step;
}

static void use_lock(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static int end_of_child(void)
{
    int status = 0;
    if (child == 0) {
        use_lock();
        _exit(5);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return !WIFEXITED(status) || WEXITSTATUS(status) != 5;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    const struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
    int instruction = 0, wrong = 0;
    way = strcmp(how, "jump") == 0 ? JUMP : strcmp(how, "fork") == 0 ? FORK : POST;
    sem_init(&stepped_through, 0, 0);
    sem_init(&other, 0, 0);
    sigaction(SIGTRAP, &action, NULL);
    while (instruction < STEPS_MAX && interrupt_at(instruction)) {
        use_lock();
        if (way == FORK && instruction > 0 && end_of_child()) {
            printf("child went wrong at instruction %d\n", instruction);
            wrong++;
        }
        instruction++;
    }
    int posted = 0;
    sem_getvalue(&other, &posted);
    printf("every instruction: %d, wrong %d\n", posted == instruction - 1 && instruction < STEPS_MAX, wrong);
    return 0;
}
