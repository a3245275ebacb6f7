// SPDX-License-Identifier: MIT
// Finds spans by the name of their thread, of what they hold or wait for, or of a function they were begun in.
#ifndef TRENZA_SEARCH_H
#define TRENZA_SEARCH_H

#include "timeline.h"

struct search;
// The text is found anywhere in a name, in any case of letters. The timeline must outlive the search.
struct search *search_new(const struct timeline *timeline, const char *text);
void search_free(struct search *search);
// The match that begins next after *ref (in time, then by lane), or the very first one when after is false. False: none is left.
// Cost: linear in the spans.
bool search_next(const struct search *search, bool after, struct span_ref *ref);

#endif
