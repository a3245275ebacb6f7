// SPDX-License-Identifier: MIT
// A second file with a static of the same name.
#include <pthread.h>

#include "report.h"

void other_report(void);

static pthread_mutex_t lock;

void other_report(void)
{
    report_data("other_lock", &lock);
}
