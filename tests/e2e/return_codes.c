// SPDX-License-Identifier: MIT
// return_codes: calls everything of pthread and C11 threads that can be called, rightly and wrongly, in one thread or
// with a partner, and prints each return value and errno. The output must be the same with and without a tracer.
#include "show.h"

int main(void)
{
    show_mutexes();
    show_rwlocks_and_spinlocks();
    show_conditions_and_barriers();
    show_semaphores();
    show_threads();
    show_c11();
    return 0;
}
