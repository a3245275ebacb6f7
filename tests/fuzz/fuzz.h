// SPDX-License-Identifier: MIT
#ifndef TRENZA_FUZZ_H
#define TRENZA_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// Takes any input; a fault is an abort or a sanitizer's report. Always returns 0.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
