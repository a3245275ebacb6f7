// SPDX-License-Identifier: MIT
// Looks up the functions behind the hooks with dlsym(RTLD_NEXT). A condition variable's functions exist in two
// incompatible versions in glibc; dlvsym asks for the one that programs linked in the last twenty years use.
// Blind: a function that some other preloaded library replaced after us is that library's, as it should be.
#include "real.h"

struct real real_functions;
static bool sizes_known;

static bool same_module(void *one, void *other)
{
    struct dl_find_object found_one, found_other;
    return _dl_find_object(one, &found_one) == 0 && _dl_find_object(other, &found_other) == 0 &&
           found_one.dlfo_link_map == found_other.dlfo_link_map;
}

bool real_sizes_known(void)
{
    return sizes_known;
}

void real_resolve(void)
{
#define TRENZA_REAL(name) real_functions.name = (__typeof__(real_functions.name))dlsym(RTLD_NEXT, #name);
#define TRENZA_REAL_VERSION(name, version)                                                                   \
    real_functions.name = (__typeof__(real_functions.name))dlvsym(RTLD_NEXT, #name, version);                \
    if (real_functions.name == NULL)                                                                         \
        real_functions.name = (__typeof__(real_functions.name))dlsym(RTLD_NEXT, #name);
#include "real_list.h"
#undef TRENZA_REAL
#undef TRENZA_REAL_VERSION
    sizes_known = same_module((void *)real_functions.free, (void *)real_functions.malloc_usable_size);
    blocking_resolve();
}
