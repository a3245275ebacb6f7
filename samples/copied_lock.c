// SPDX-License-Identifier: MIT
// A structure is copied, and the mutex in it. The copy is made while the lock is held, so it is born locked, by nobody who
// knows of it: the next one who locks the copy waits for ever. A mutex is its address; its bytes mean nothing elsewhere.
// Repaired in copied_lock_fixed.c.
#include <pthread.h>
#include <stdio.h>

struct basket {
    pthread_mutex_t lock;
    int apples;
};

static struct basket old_basket = { PTHREAD_MUTEX_INITIALIZER, 3 };
static struct basket new_basket;

static void basket_move(void)
{
    pthread_mutex_lock(&old_basket.lock);
    new_basket = old_basket;
    old_basket.apples = 0;
    pthread_mutex_unlock(&old_basket.lock);
}

static int basket_count(struct basket *basket)
{
    int apples = 0;

    if (pthread_mutex_trylock(&basket->lock) == 0) {
        apples = basket->apples;
        pthread_mutex_unlock(&basket->lock);
    }
    return apples;
}

int main(void)
{
    basket_move();
    printf("%d apples\n", basket_count(&new_basket));
    return 0;
}
