// SPDX-License-Identifier: MIT
// early_use: a program with a library whose constructor locks. It forks: by fork(), whose handlers lock, and by the bare
// system call, of which no handler hears.
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void early_use(void);

static void report(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    printf("status %d\n", WEXITSTATUS(status));
}

int main(void)
{
    early_use();
    pid_t pid = fork();
    if (pid == 0) {
        early_use();
        _exit(3);
    }
    report(pid);
    pid = (pid_t)syscall(SYS_fork);
    if (pid == 0) {
        early_use();
        _exit(4);
    }
    report(pid);
    return 0;
}
