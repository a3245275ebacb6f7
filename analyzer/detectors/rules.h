// SPDX-License-Identifier: MIT
// The rules, as users meet them: ids are part of the interface (DESIGN section 6).
#ifndef TRENZA_RULES_H
#define TRENZA_RULES_H

#include "finding.h"

extern const struct rule rule_deadlock;
extern const struct rule rule_lock_order_cycle;
extern const struct rule rule_double_lock;
extern const struct rule rule_unreleased_lock;
extern const struct rule rule_stuck;
extern const struct rule rule_foreign_unlock;
extern const struct rule rule_unlock_unheld;
extern const struct rule rule_invalid_object;
extern const struct rule rule_cond_unheld_mutex;
extern const struct rule rule_cond_mixed_mutex;
extern const struct rule rule_cond_wait_holding_lock;
extern const struct rule rule_lost_signal;
extern const struct rule rule_semaphore_overpost;
extern const struct rule rule_join_cycle;
extern const struct rule rule_thread_leak;
extern const struct rule rule_lock_across_blocking_call;
extern const struct rule rule_long_hold;
extern const struct rule rule_contention;

#endif
