// SPDX-License-Identifier: MIT
// The rules, as users meet them: ids are part of the interface (DESIGN section 6).
#ifndef TRENZA_RULES_H
#define TRENZA_RULES_H

#include "finding.h"

extern const struct rule rule_deadlock;
extern const struct rule rule_lock_order_cycle;
extern const struct rule rule_double_lock;
extern const struct rule rule_unreleased_lock;

#endif
