// SPDX-License-Identifier: MIT
// copied_lock.c, repaired: the new structure has a mutex of its own from the start, and only the data are copied.
#include <pthread.h>
#include <stdio.h>

struct basket {
    pthread_mutex_t lock;
    int apples;
};

static struct basket old_basket = { PTHREAD_MUTEX_INITIALIZER, 3 };
static struct basket new_basket = { PTHREAD_MUTEX_INITIALIZER, 0 };

static void basket_move(void)
{
    pthread_mutex_lock(&old_basket.lock);
    new_basket.apples = old_basket.apples;
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
