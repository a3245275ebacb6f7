// SPDX-License-Identifier: MIT
// What cmocka.h needs before it.
#ifndef TRENZA_CMOCKA_PRELUDE_H
#define TRENZA_CMOCKA_PRELUDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
