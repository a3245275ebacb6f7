// SPDX-License-Identifier: MIT
// A reader wants to become the writer. It reads, sees that something must change, and asks for the write lock without
// giving back the read lock: it waits until all readers are gone, and one of them is itself. It waits for ever.
// Repaired in rwlock_upgrade_fixed.c.
#include <pthread.h>
#include <stdio.h>

static pthread_rwlock_t price_lock = PTHREAD_RWLOCK_INITIALIZER;
static int price = 90;

static void raise_price_to(int wanted)
{
    pthread_rwlock_rdlock(&price_lock);
    if (price < wanted) {
        pthread_rwlock_wrlock(&price_lock);
        price = wanted;
        pthread_rwlock_unlock(&price_lock);
    }
    pthread_rwlock_unlock(&price_lock);
}

int main(void)
{
    raise_price_to(80);
    raise_price_to(100);
    printf("the price is %d\n", price);
    return 0;
}
