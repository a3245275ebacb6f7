// SPDX-License-Identifier: MIT
// Which parts of the threads' lives come before which, by create and join alone: the order that holds in every run.
//
// A thread's life is cut into segments at each create and join it does; segments are numbered from 0 in each thread.
//
//     T1  |--0--|create T2|------1------|join T2|--2--|
//                    \                     /
//     T2              |---------0---------|
#ifndef TRENZA_THREAD_ORDER_H
#define TRENZA_THREAD_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct thread_order;
// Threads have ids below n_threads.
struct thread_order *thread_order_new(uint32_t n_threads);
void thread_order_free(struct thread_order *order);

// The segment a thread is in now.
uint32_t thread_order_segment(const struct thread_order *order, uint32_t thread_id);
void thread_order_create(struct thread_order *order, uint32_t parent_id, uint32_t child_id);
void thread_order_join(struct thread_order *order, uint32_t joiner_id, uint32_t joined_id);

// Does everything in segment a of thread_a come before everything in segment b of thread_b, in every run? Cost: linear in the
// creates and joins before b, but free for the same b again.
bool thread_order_before(
    struct thread_order *order, uint32_t thread_a, uint32_t segment_a, uint32_t thread_b, uint32_t segment_b);
// Could the two be at the same time, as far as create and join go?
bool thread_order_concurrent(
    struct thread_order *order, uint32_t thread_a, uint32_t segment_a, uint32_t thread_b, uint32_t segment_b);

#endif
