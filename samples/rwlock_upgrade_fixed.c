// SPDX-License-Identifier: MIT
// rwlock_upgrade.c, repaired: give back the read lock, take the write lock, and look again, because in between another
// thread may have changed what was read.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static pthread_rwlock_t price_lock = PTHREAD_RWLOCK_INITIALIZER;
static int price = 90;

static void raise_price_to(int wanted)
{
    bool too_low;

    pthread_rwlock_rdlock(&price_lock);
    too_low = price < wanted;
    pthread_rwlock_unlock(&price_lock);
    if (!too_low)
        return;
    pthread_rwlock_wrlock(&price_lock);
    if (price < wanted)
        price = wanted;
    pthread_rwlock_unlock(&price_lock);
}

int main(void)
{
    raise_price_to(80);
    raise_price_to(100);
    printf("the price is %d\n", price);
    return 0;
}
